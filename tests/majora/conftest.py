"""Real servers on this machine, in threads.

Each test says to the byte what its peer does.
"""

import contextlib
import datetime
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests  # noqa: F401  # its first import would use up a test's time limit
import trustme

from ocarina_kit.system.machine import Machine
from ocarina_kit.system.process import run

NOBODY = "127.0.0.1:1"
"""A port on which nothing listens."""


@dataclass
class Peer:
    """A server on ``port``; ``seen`` is each request as it came."""

    port: int
    seen: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def tls_url(self) -> str:
        return f"https://localhost:{self.port}/"


def read_request(conn: socket.socket) -> bytes:
    """One request: head, and the body that its Content-Length announces."""
    with conn.makefile("rb") as stream:
        head, length = b"", 0
        while line := stream.readline():
            head += line
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
            if line == b"\r\n":
                break
        return head + stream.read(length)


def machine_with(
    environ: Mapping[str, str] = {}, home: Path = Path("/nowhere"), now: float = 1e9
) -> Machine:
    """A machine with this environment and a clock that stays at ``now``."""
    return Machine(environ, home, "u", "h", run, now=lambda: now)


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


class Peers:
    """Starts peers and ends them all."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        self.stopping = threading.Event()

    def start(
        self,
        handler: Callable[[socket.socket, Peer], object],
        tls: ssl.SSLContext | None = None,
    ) -> Peer:
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._sockets.append(listener)
        peer = Peer(listener.getsockname()[1])

        def serve(conn: socket.socket) -> None:
            with contextlib.suppress(OSError, ValueError):
                stream = tls.wrap_socket(conn, server_side=True) if tls else conn
                self._sockets.append(stream)
                with stream:
                    handler(stream, peer)

        def accept() -> None:
            with contextlib.suppress(OSError):  # the listener was closed
                while True:
                    conn, _ = listener.accept()
                    self._sockets.append(conn)
                    threading.Thread(target=serve, args=(conn,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return peer

    def saying(self, *parts: bytes, tls: ssl.SSLContext | None = None) -> Peer:
        """A peer that reads a request, sends ``parts``, and closes."""

        def handler(conn: socket.socket, peer: Peer) -> None:
            peer.seen.append(read_request(conn))
            conn.sendall(b"".join(parts))

        return self.start(handler, tls)

    def dripping(self, start: bytes, drop: bytes = b"x") -> Peer:
        """A peer that never ends: a drop every 50 ms."""

        def handler(conn: socket.socket, peer: Peer) -> None:
            read_request(conn)
            conn.sendall(start)
            while not self.stopping.wait(0.05):
                conn.sendall(drop)

        return self.start(handler)

    def silent(self) -> Peer:
        """Takes connections and never says a byte."""
        return self.start(lambda conn, peer: self.stopping.wait())

    def stop(self) -> None:
        self.stopping.set()
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # ends an accept or a read that waits
            sock.close()


@pytest.fixture
def peers() -> Iterator[Peers]:
    made = Peers()
    yield made
    made.stop()


class Authority:
    """A throwaway certificate authority; ``bundle`` is for its clients."""

    def __init__(self, bundle: Path) -> None:
        self._ca, self.bundle = trustme.CA(), str(bundle)
        self._ca.cert_pem.write_to_path(self.bundle)

    def server(self, name: str, *, expired: bool = False) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        now, day = (
            datetime.datetime.now(datetime.timezone.utc),
            datetime.timedelta(days=1),
        )
        end = now - day if expired else now + day
        self._ca.issue_cert(
            name, not_before=now - 30 * day, not_after=end
        ).configure_cert(context)
        return context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "bundle.pem")
