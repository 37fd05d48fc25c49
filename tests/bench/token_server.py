"""A token endpoint that costs next to nothing: what is measured against it is the client's own time.

``python token_server.py SECONDS``: answers each request after so long, with a new pair; prints its base URL.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

_numbers = itertools.count(1)


class Handler(BaseHTTPRequestHandler):
    seconds = 0.0

    def do_POST(self) -> None:
        sent = parse_qs(self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode())
        scope = sent["refresh_token"][0].partition(".")[0] if "refresh_token" in sent else ""
        time.sleep(self.seconds)
        number = next(_numbers)
        answer = {
            "access_token": f"{number:030d}",
            "expires_in": 36_000,
            "token_type": "Bearer",
            "refresh_token": f"{scope}.{number}",
            "scope": bytes.fromhex(scope).decode(),  # a refresh token here begins with its scope string
        }
        body = json.dumps(answer).encode()
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self.wfile.write(head.encode() + body)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


def main() -> None:
    Handler.seconds = float(sys.argv[1])
    with Server(("127.0.0.1", 0), Handler) as server:
        print(f"http://127.0.0.1:{server.server_address[1]}/", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
