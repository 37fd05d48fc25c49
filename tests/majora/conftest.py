"""Real servers on this machine, in threads: each test says to the byte what its peer does."""

from __future__ import annotations

import base64
import contextlib
import datetime
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme

from ocarina_kit.system.machine import Completed, Machine


@dataclass
class Peer:
    """A listening socket; ``seen`` is each request as it came."""

    port: int
    seen: list[bytes] = field(default_factory=list)
    connections: int = 0

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
    environ: dict[str, str] | None = None, home: Path = Path("/nowhere"), now: float = 1e9
) -> Machine:
    """A machine with this environment and a clock that stays at ``now``."""

    def run(*_: object, **__: object) -> Completed:
        raise AssertionError("nothing here starts a process")

    return Machine(environ or {}, home, "u", "h", run, now=lambda: now)


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


class Peers:
    """Starts peers and ends them all."""

    def __init__(self) -> None:
        self._listeners: list[socket.socket] = []
        self._conns: list[socket.socket] = []
        self.stopping = threading.Event()

    def start(
        self, handler: Callable[[socket.socket, Peer], object], tls: ssl.SSLContext | None = None
    ) -> Peer:
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._listeners.append(listener)
        peer = Peer(listener.getsockname()[1])

        def serve(conn: socket.socket) -> None:
            with contextlib.suppress(OSError, ValueError):
                wrapped = tls.wrap_socket(conn, server_side=True) if tls else conn
                self._conns.append(wrapped)
                handler(wrapped, peer)
            with contextlib.suppress(OSError):
                conn.close()

        def accept() -> None:
            while True:
                try:
                    conn, _ = listener.accept()
                except OSError:
                    return
                peer.connections += 1
                self._conns.append(conn)
                threading.Thread(target=serve, args=(conn,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return peer

    def saying(self, *parts: bytes, tls: ssl.SSLContext | None = None) -> Peer:
        """A peer that reads a request, sends ``parts``, and closes."""

        def handler(conn: socket.socket, peer: Peer) -> None:
            peer.seen.append(read_request(conn))
            conn.sendall(b"".join(parts))
            with contextlib.suppress(OSError):
                if isinstance(conn, ssl.SSLSocket):
                    conn.unwrap()
            conn.close()

        return self.start(handler, tls)

    def dripping(self, start: bytes, drop: bytes = b"x") -> Peer:
        """A peer that never ends: a drop every 50 ms."""

        def handler(conn: socket.socket, peer: Peer) -> None:
            peer.seen.append(read_request(conn))
            conn.sendall(start)
            while not self.stopping.wait(0.05):
                conn.sendall(drop)

        return self.start(handler)

    def silent(self) -> Peer:
        """Takes connections and never says a byte."""
        return self.start(lambda conn, peer: bool(self.stopping.wait()))

    def proxy(self, want: str, port: int) -> Peer:
        """A CONNECT proxy. ``want``: the ``user:password`` it demands. Every host's name leads to ``port``."""

        def handler(conn: socket.socket, peer: Peer) -> None:
            request = read_request(conn)
            peer.seen.append(request)
            if base64.b64encode(want.encode()) not in request:
                conn.sendall(answer("407 Proxy Authentication Required", b"", "Proxy-Authenticate: Basic"))
                return
            there = socket.create_connection(("127.0.0.1", port), timeout=5)
            self._conns.append(there)
            conn.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            threading.Thread(target=_pump, args=(there, conn), daemon=True).start()
            _pump(conn, there)

        return self.start(handler)

    def stop(self) -> None:
        self.stopping.set()
        for sock in [*self._listeners, *self._conns]:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # ends an accept or a read that waits
            sock.close()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def peers() -> Iterator[Peers]:
    made = Peers()
    yield made
    made.stop()


@pytest.fixture
def shut_port() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


class Authority(NamedTuple):
    """A throwaway certificate authority."""

    ca: trustme.CA
    bundle: Path

    def server(self, *names: str, expired: bool = False) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        now, day = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(days=1)
        end = now - day if expired else now + day
        self.ca.issue_cert(*names, not_before=now - 30 * day, not_after=end).configure_cert(context)
        return context


def _authority(folder: Path) -> Authority:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(folder / "bundle.pem"))
    return Authority(ca, folder / "bundle.pem")


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return _authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def other_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return _authority(tmp_path_factory.mktemp("other-ca"))
