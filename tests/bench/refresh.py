"""How long a refresh takes.

Ten scopes side by side are compared with one scope, and with the client's way. Logging
out with 33 tokens at a server that never answers must end in time.

    python tests/bench/refresh.py

It measures, prints, and exits 1 if a limit is not kept.
Each number is the least of several runs of the whole command, each in a process of its
own, taken in turn.
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from ocarina_kit.client.scopes import PURPOSES
from ocarina_kit.sandbox import install_standin

ROUND_TRIP = 0.2
"""Seconds that the server takes to answer."""
TEN_WITHIN = 1.5
"""Round trips of one request that ten scopes may take.

Half a one more than one scope.
"""
ROUNDS = 7
LOGOUT_S = 70.0


def command(*args: str) -> list[str]:
    """The kit as it is installed beside this interpreter.

    Its console script, else ``python -m``.
    """
    script = Path(sys.executable).with_name("ocarina-kit")
    return (
        [str(script), *args]
        if script.exists()
        else [sys.executable, "-m", "ocarina_kit", *args]
    )


_numbers = itertools.count(10**29)


def token(scope: str, left: float) -> dict[str, Any]:
    """A token that is valid for so many seconds.

    Its refresh token begins with its scope, for the server below.
    """
    refresh_token = f"{scope.replace(' ', '/')}/{next(_numbers)}"
    pair = {"access_token": str(next(_numbers)), "refresh_token": refresh_token}
    times = {"expires_in": 36_000, "expires_at": time.time() + left}
    return {**pair, **times, "token_type": "Bearer", "scope": scope.split(" ")}


class Majora(BaseHTTPRequestHandler):
    """A token endpoint that costs next to nothing.

    What is measured is the command's own time.
    """

    seconds = ROUND_TRIP

    def do_POST(self) -> None:
        sent = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        time.sleep(self.seconds)
        scope = sent["refresh_token"][0].rpartition("/")[0].replace("/", " ")
        body = json.dumps({**token(scope, 36_000), "scope": scope}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Home:
    """A home with a set-up for ``url``.

    Its environment has nothing that a user does not have.
    """

    def __init__(self, folder: str, url: str) -> None:
        self.folder = Path(folder)
        self.env = {
            "HOME": folder,
            "PATH": f"{folder}/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
        }
        who = {"MAJORA_DOMAIN": url, "MAJORA_USER": "bench", "MAJORA_TOKEN": "OAUTH"}
        self.write(
            ".ocarina", {**who, "CLIENT_ID": "c" * 40, "CLIENT_SECRET": "s" * 128}
        )

    def write(self, name: str, data: object) -> None:
        (self.folder / name).write_text(json.dumps(data))
        (self.folder / name).chmod(0o600)

    def have(self, scopes: list[str], left: float = 60) -> None:
        """Tokens for these scopes, valid for so many seconds."""
        self.write(".ocarina-tokens", {scope: token(scope, left) for scope in scopes})

    def timed(self, argv: list[str], *codes: int) -> tuple[float, float]:
        """Measure one run, which must end with one of ``codes``.

        Returns:
            Seconds by the clock, and of CPU, those of its children included.
        """
        began, null = time.perf_counter(), subprocess.DEVNULL
        process = subprocess.Popen(
            argv, env=self.env, cwd=self.folder, stdin=null, stdout=null, stderr=null
        )
        _, status, usage = os.wait4(process.pid, 0)
        took, process.returncode = (
            time.perf_counter() - began,
            os.waitstatus_to_exitcode(status),
        )
        if process.returncode not in codes:
            raise RuntimeError(f"{argv}: exit {process.returncode}")
        return took, usage.ru_utime + usage.ru_stime


def main() -> int:
    scopes = [purpose.scope for purpose in PURPOSES[:10]]
    ThreadingHTTPServer.request_queue_size = 128
    server = ThreadingHTTPServer(("127.0.0.1", 0), Majora)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        home, refresh = (
            Home(folder, f"http://127.0.0.1:{server.server_port}/"),
            command("refresh"),
        )
        client = [str(install_standin(Path(folder, "client"))), "oauth", "refresh"]
        cases = {
            "one scope": (scopes[:1], refresh),
            "ten": (scopes, refresh),
            "the client's ten": (scopes, client),
        }
        least = dict.fromkeys(cases, float("inf"))
        for _ in range(ROUNDS):
            for name, (due, argv) in cases.items():
                home.have(due)
                least[name] = min(least[name], home.timed(argv, 0)[0])
        Majora.seconds = 1000
        home.have([f"majora2.scope_{number}" for number in range(33)])
        logout, _ = home.timed(command("logout", "--yes"), 5)
    trips = 1 + (least["ten"] - least["one scope"]) / ROUND_TRIP
    print(", ".join(f"{name}: {seconds:.3f} s" for name, seconds in least.items()))
    print(
        f"{trips:.2f} round trips of {ROUND_TRIP * 1000:.0f} ms for ten scopes (at"
        f" most {TEN_WITHIN})"
    )
    print(f"logout of 33 at a silent server: {logout:.1f} s (at most {LOGOUT_S:.0f})")
    return 0 if trips <= TEN_WITHIN and logout <= LOGOUT_S else 1


if __name__ == "__main__":
    raise SystemExit(main())
