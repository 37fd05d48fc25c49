"""The HTTP server: one thread a connection, TLS where asked, every byte of an answer in our hand for the faults."""

from __future__ import annotations

import io
import re
import select
import socket
import ssl
import struct
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from ocarina_kit.sandbox import play
from ocarina_kit.sandbox.clock import SERVER_CLOCK
from ocarina_kit.sandbox.faults import NEVER_ANSWERED, Fault, Faults, digest
from ocarina_kit.sandbox.play import Answer

_REMEMBERED = 20_000
"""Requests kept in the log."""
_LONGEST_BODY = 1024 * 1024
_SLASHES = re.compile("/{2,}")


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, *, context: ssl.SSLContext | None, fold_slashes: bool) -> None:
        self.context = context
        self.fold_slashes = fold_slashes
        self.faults = Faults()
        self.seen: deque[dict[str, Any]] = deque(maxlen=_REMEMBERED)
        super().__init__(("127.0.0.1", port), Handler)

    def server_bind(self) -> None:
        # Not HTTPServer's, which asks the resolver for this machine's name and may hang there.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]
        self.setup_environ()
        self.base_environ["wsgi.url_scheme"] = "https" if self.context else "http"
        if self.context:
            self.base_environ["HTTPS"] = "on"

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self.context is None:
            return connection, address
        # The handshake is left to the connection's own thread: a client that stalls stops nobody else.
        wrapped = self.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return wrapped, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        problem = sys.exc_info()[1]
        if not isinstance(problem, OSError):  # a client that went away, or did not like our certificate
            traceback.print_exc()


class Handler(WSGIRequestHandler):
    server: Server

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the log is :attr:`Server.seen`, and holds no secret."""

    def handle(self) -> None:
        self.raw_requestline = self.rfile.readline(65_537)
        if not self.raw_requestline or len(self.raw_requestline) > 65_536 or not self.parse_request():
            return
        # As it was sent: the standard library folds slashes at its start, which is the front end's part here.
        self.path = self.requestline.split()[1]
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > _LONGEST_BODY:
            self._send(Answer(413, [], b"").to_bytes(SERVER_CLOCK.time()))
            return
        body = self.rfile.read(int(length))
        environ = self._environ(body)
        seen = _what_was_asked(environ, body)
        self.server.seen.append(seen)
        fault = self.server.faults.take(seen)
        if fault is None:
            self._answer(seen, self._processed(seen, environ))
        else:
            self._answer_with(fault, seen, environ)

    def _environ(self, body: bytes) -> dict[str, Any]:
        environ = self.get_environ()
        path = environ["PATH_INFO"]
        folded = _SLASHES.sub("/", path)
        # FACTS.md: the public servers fold the double slashes of the client's API calls in front of Django;
        # `//o/token/` stays a 404.
        if self.server.fold_slashes and folded.startswith("/api/"):
            environ["PATH_INFO"] = folded
        environ.update(
            {
                "wsgi.version": (1, 0),
                "wsgi.input": io.BytesIO(body),
                "wsgi.errors": sys.stderr,
                "wsgi.multithread": True,
                "wsgi.multiprocess": False,
                "wsgi.run_once": False,
            }
        )
        return environ

    def _processed(self, seen: dict[str, Any], environ: dict[str, Any]) -> Answer:
        app: Any = self.server.get_app()
        answer = _run(app, environ)
        seen["processed"] = answer.status
        return answer

    def _answer(self, seen: dict[str, Any], answer: Answer) -> None:
        seen["status"] = answer.status
        self._send(answer.to_bytes(SERVER_CLOCK.time(), with_body=self.command != "HEAD"))

    def _answer_with(self, fault: Fault, seen: dict[str, Any], environ: dict[str, Any]) -> None:
        real = self._processed(seen, environ) if fault.after else None
        if fault.kind == "slow":
            time.sleep(fault.seconds)
            if real is None:
                if self._client_has_gone():
                    return
                real = self._processed(seen, environ)
            self._answer(seen, real)
        elif fault.kind == "reset":
            # SO_LINGER with zero seconds turns the close into a reset (socket(7)).
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.rfile.close()
            self.connection.close()
        elif fault.kind == "close":
            pass
        elif fault.kind == "drip":
            answer = real or self._processed(seen, environ)
            seen["status"] = answer.status
            for byte in answer.to_bytes(SERVER_CLOCK.time()):
                self._send(bytes([byte]))
                time.sleep(fault.seconds)
        elif fault.kind == "flood":
            seen["status"] = 200
            self._send(play.endless_head(SERVER_CLOCK.time()))
            while True:
                self._send(play.FLOOD)
        else:
            answer = play.answer(fault, real)
            seen["status"] = answer.status
            self._send(answer.to_bytes(SERVER_CLOCK.time(), promised=play.promised(fault, real)))

    def _client_has_gone(self) -> bool:
        """The whole request was read: whatever else can be read is the end of the connection."""
        return bool(select.select([self.connection], [], [], 0)[0])

    def _send(self, data: bytes) -> None:
        self.wfile.write(data)


def _run(app: Callable[..., Iterable[bytes]], environ: dict[str, Any]) -> Answer:
    """The application's answer, whole."""
    started: list[tuple[str, list[tuple[str, str]]]] = []
    result = app(environ, lambda status, headers, exc_info=None: started.append((status, headers)))
    try:
        body = b"".join(result)
    finally:
        close = getattr(result, "close", None)  # closes Django's database connection of this thread
        if close is not None:
            close()
    status, headers = started[0]
    return Answer(int(status.split(" ", 1)[0]), headers, body)


def _what_was_asked(environ: dict[str, Any], body: bytes) -> dict[str, Any]:
    """A line of the log: what a test wants to know, secrets as digests alone."""
    form: dict[str, str] = {}
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        form = dict(parse_qsl(body.decode("utf-8", "replace")))
    scheme, _, credentials = environ.get("HTTP_AUTHORIZATION", "").partition(" ")

    def hashed(text: str | None) -> str | None:
        return digest(text) if text else None

    return {
        "at": SERVER_CLOCK.time(),
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"],
        "status": NEVER_ANSWERED,
        "processed": None,
        "grant_type": form.get("grant_type"),
        "client": form.get("client_id", "")[-4:] or None,
        "client_secret": hashed(form.get("client_secret")),
        "refresh_token": hashed(form.get("refresh_token") or form.get("token")),
        "code": hashed(form.get("code")),
        "scheme": scheme or None,
        "bearer": hashed(credentials) if scheme == "Bearer" else None,
        "user_agent": environ.get("HTTP_USER_AGENT"),
    }


def tls_context(folder: Any, certificate: str) -> tuple[ssl.SSLContext, str]:
    """A server context with a certificate of a throwaway authority, and the path of that authority's own.

    ``certificate``: ``"good"``, ``"expired"`` or ``"other-host"``.
    """
    import datetime

    import trustme

    authority = trustme.CA(organization_name="ocarina-kit sandbox")
    names = ["sandbox.invalid"] if certificate == "other-host" else ["127.0.0.1", "localhost", "::1"]
    expires = None
    if certificate == "expired":
        expires = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    leaf = authority.issue_cert(*names, not_after=expires)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    return context, str(ca_file)
