"""The HTTP server: one thread for each connection, TLS if asked for.

Every byte of an answer is sent by this module, so that faults can be played.
"""

from __future__ import annotations

import io
import json
import re
import select
import socket
import ssl
import struct
import threading
import time
import zlib
from email.utils import formatdate
from pathlib import Path
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse

from ocarina_kit.sandbox.faults import Fault, digest
from ocarina_kit.sandbox.records import Seen
from ocarina_kit.sandbox.state import STATE

_FLOOD = b'{"access_token": "' + b"x" * 65_000 + b'"}\n'
_PORTAL = (
    "<!DOCTYPE html><title>Guest network</title>"
    "<form method='post'><input name='voucher'></form>"
)
_DEFAULTS = {
    "status": ("text/plain; charset=utf-8", None, "not now"),
    "html": ("text/html; charset=utf-8", None, _PORTAL),
    "redirect": ("text/html; charset=utf-8", None, ""),
    "not_json": ("application/json", 200, "everything is fine"),
}
"""Kind of fault to content type, status (None: the fault's own) and body."""


class Server(ThreadingMixIn, WSGIServer):
    """Takes connections on 127.0.0.1, and knows the faults that are in force."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, context: ssl.SSLContext | None) -> None:
        """Take a port, 0 for a free one; without a context there is no TLS."""
        self.context = context
        self.django: Any = None
        self.faults: list[Fault] = []
        """Those in force, oldest first."""
        self.seen: list[Seen] = []
        # Django works on one request at a time: SQLite has one writer, and the toolkit
        # reads a refresh token before its transaction begins, so that a race would
        # spend it more than once.
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", port), Handler)
        self.url = (
            f"{self.base_environ['wsgi.url_scheme']}://127.0.0.1:{self.server_port}/"
        )

    def server_bind(self) -> None:
        """Bind the socket, without a look at the resolver.

        HTTPServer asks it for the name of this machine, and may hang there.
        """
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]
        self.setup_environ()
        self.base_environ["wsgi.url_scheme"] = "https" if self.context else "http"

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection, and wrap it in TLS if asked for."""
        connection, address = super().get_request()
        if self.context is None:
            return connection, address
        # The handshake is left to the connection's own thread: a client that stalls
        # stops nobody else.
        wrapped = self.context.wrap_socket(
            connection, server_side=True, do_handshake_on_connect=False
        )
        return wrapped, address

    def take_fault(self, seen: Seen) -> Fault | None:
        """Return the one fault that this request meets, if any, and count it down."""
        with self.lock:
            fault = next((fault for fault in self.faults if fault.meets(seen)), None)
            if fault is not None and fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
            return fault


class Handler(WSGIRequestHandler):
    """Answers one request."""

    server: Server

    def handle(self) -> None:
        """Read the request, and answer it as Django or a fault does."""
        self.raw_requestline = self.rfile.readline(65_537)
        if (
            not self.raw_requestline
            or len(self.raw_requestline) > 65_536
            or not self.parse_request()
        ):
            return
        # As it was sent: the standard library folds slashes at its start, which is the
        # part of the front end here.
        self.path = self.requestline.split()[1]
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        environ = {**self.get_environ(), "wsgi.input": io.BytesIO(body)}
        # The front end of the public servers folds the double slashes of the client's
        # API calls; `//o/token/` stays a 404.
        folded = re.sub("/{2,}", "/", environ["PATH_INFO"])
        if folded.startswith("/api/"):
            environ["PATH_INFO"] = folded
        self.asked = WSGIRequest(environ)
        self.seen = _what_was_asked(self.asked)
        self.server.seen.append(self.seen)
        fault = self.server.take_fault(self.seen)
        if fault is None:
            self._send(self._processed())
        else:
            self._play(fault)

    def _processed(self) -> HttpResponse:
        """Let Django answer the request."""
        with self.server.lock:
            answer = self.server.django.get_response(self.asked)
            answer.close()  # closes Django's database connection of this thread
        self.seen.processed = answer.status_code
        return answer

    def _play(self, fault: Fault) -> None:
        real = self._processed() if fault.after else None
        match fault.kind:
            case "slow":
                self._send_late(fault, real)
            case "reset":
                self._reset()
            case "drip":
                self._send(real or self._processed(), pause=fault.seconds)
            case "flood":
                self._flood()
            case "truncated":
                self._send_half(fault, real or self._processed())
            case "close":
                pass
            case _:
                self._send(_answer(fault, real))

    def _send_late(self, fault: Fault, real: HttpResponse | None) -> None:
        time.sleep(fault.seconds)
        # The complete request was read, so whatever else can be read is the end of the
        # connection.
        has_gone = bool(select.select([self.connection], [], [], 0)[0])
        if real is not None or not has_gone:
            self._send(real or self._processed())

    def _reset(self) -> None:
        # SO_LINGER with zero seconds turns the close into a reset (socket(7)).
        self.connection.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self.rfile.close()
        self.connection.close()

    def _flood(self) -> None:
        self._send(HttpResponse(content_type="application/json"), length=None)
        while True:
            self.wfile.write(_FLOOD)

    def _send_half(self, fault: Fault, answer: HttpResponse) -> None:
        full = answer.content
        answer.content = full[: len(full) // 2]
        self._send(answer, length=len(full) if fault.promise else len(answer.content))

    def _send(
        self, answer: HttpResponse, *, length: int | None = -1, pause: float = 0.0
    ) -> None:
        """Send an answer.

        Args:
            answer: The answer.
            length: The length to declare: -1 for that of the body, None for none, so
                that the answer ends with the connection.
            pause: Seconds after each byte; 0 sends all at once.
        """
        self.seen.status = answer.status_code
        # By the server's own clock, which a test may have shifted (RFC 9110, section
        # 6.6.1).
        answer["Date"] = formatdate(STATE.time(), usegmt=True)
        answer["Connection"] = "close"
        del answer["Content-Length"]
        if length is not None:
            answer["Content-Length"] = len(answer.content) if length < 0 else length
        cookies = [
            ("Set-Cookie", cookie.OutputString()) for cookie in answer.cookies.values()
        ]
        lines = [f"{name}: {value}" for name, value in (*answer.items(), *cookies)]
        first = f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}"
        data = "\r\n".join((first, *lines, "", "")).encode("latin-1") + answer.content
        for part in [bytes([byte]) for byte in data] if pause else [data]:
            self.wfile.write(part)
            time.sleep(pause)


def _answer(fault: Fault, real: HttpResponse | None) -> HttpResponse:
    """Make the answer of a fault.

    Args:
        fault: The fault.
        real: Django's answer, if the request was processed.
    """
    if fault.kind == "edit" and real is not None:
        real.content = _edited(real.content, fault)
        return real
    content_type, status, body = _DEFAULTS.get(
        fault.kind, ("application/json", 200, "")
    )
    answer = HttpResponse(
        fault.body or body, content_type=content_type, status=status or fault.status
    )
    if fault.kind == "redirect":
        answer["Location"] = fault.location
    elif fault.kind == "bomb":
        answer["Content-Encoding"] = "gzip"
        packer = zlib.compressobj(wbits=31)  # 31: gzip's head and tail
        blanks = [b" " * 65_536] * (fault.size // 65_536)
        answer.content = b"".join(map(packer.compress, blanks)) + packer.flush()
    for name, value in fault.headers.items():
        answer[name] = value
    return answer


def _edited(body: bytes, fault: Fault) -> bytes:
    token = json.loads(body)
    if "access_token" not in token:
        return body  # a refusal stays one
    kept = {name: value for name, value in token.items() if name not in fault.remove}
    return json.dumps({**kept, **fault.change}).encode()


def _what_was_asked(request: WSGIRequest) -> Seen:
    """Note of a request what a test wants to know, secrets only as digests."""
    form = request.POST
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")

    def hashed(text: str | None) -> str | None:
        return digest(text) if text else None

    return Seen(
        at=STATE.time(),
        method=request.method,
        path=request.path,
        grant_type=form.get("grant_type"),
        client=form.get("client_id", "")[-4:] or None,
        client_secret=hashed(form.get("client_secret")),
        refresh_token=hashed(form.get("refresh_token") or form.get("token")),
        scheme=scheme or None,
        bearer=hashed(credentials) if scheme == "Bearer" else None,
    )


def tls_context(folder: Path, certificate: str) -> ssl.SSLContext:
    """Make the TLS context of a server, and its authority in `ca.pem`.

    Args:
        folder: Where the certificate of the authority is written.
        certificate: `good`, `expired` or `other-host`.
    """
    import datetime

    import trustme

    authority = trustme.CA(organization_name="ocarina-kit sandbox")
    names = (
        ["sandbox.invalid"]
        if certificate == "other-host"
        else ["127.0.0.1", "localhost", "::1"]
    )
    yesterday = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(
        days=1
    )
    leaf = authority.issue_cert(
        *names, not_after=yesterday if certificate == "expired" else None
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    return context
