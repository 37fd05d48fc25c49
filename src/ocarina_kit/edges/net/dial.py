"""Reaching a host within a deadline: names, TCP, and what a failed TLS handshake means.

``timeout=`` of a socket is per operation: a peer that drips bytes is never timed out by it. A :class:`Watch` keeps a
duplicate of every socket that a request opens and shuts them all down at the deadline, which wakes whatever waits
on them, the TLS handshake included (PROTOTYPES.md). The resolver cannot be interrupted: it runs in a daemon thread.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from ocarina_kit.core.oauth.network import NetFailure, NetKind, printable

Address = tuple[Any, Any, int, str, Any]
"""One row of :func:`socket.getaddrinfo`."""
Resolver = Callable[[str, int], Sequence[Address]]


def system_resolver(host: str, port: int) -> Sequence[Address]:
    return socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)


class DialError(OSError):
    """A connection that did not come to stand. An OSError, so that urllib3 treats it as one."""

    def __init__(self, failure: NetFailure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


class Watch:
    """A deadline over everything that one request does. ``seconds`` count from its making."""

    def __init__(self, seconds: float) -> None:
        self.seconds = max(0.0, seconds)
        self._end = time.monotonic() + self.seconds
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._expired = False
        self._done = False
        self._timer = threading.Timer(self.seconds, self._expire)
        self._timer.daemon = True

    def __enter__(self) -> Watch:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()

    @property
    def expired(self) -> bool:
        return self._expired

    def remaining(self) -> float:
        """Seconds left, above zero. Raises TimeoutError where none are."""
        left = self._end - time.monotonic()
        if left <= 0 or self._expired:
            raise TimeoutError
        return left

    def keep(self, sock: socket.socket) -> None:
        """Shut ``sock`` down at the deadline. The duplicate outlives TLS, which takes the first descriptor away."""
        with self._lock:
            if self._expired:
                raise TimeoutError
            self._sockets.append(sock.dup())

    def finish(self) -> bool:
        """End the watch; whether all was done in time."""
        self._timer.cancel()
        with self._lock:
            self._done = True
            for sock in self._sockets:
                sock.close()
            self._sockets.clear()
            return not self._expired

    def _expire(self) -> None:
        with self._lock:
            if self._done:
                return
            self._expired = True
            for sock in self._sockets:
                with contextlib.suppress(OSError):  # the peer was faster
                    sock.shutdown(socket.SHUT_RDWR)


def resolve(host: str, port: int, watch: Watch, resolver: Resolver = system_resolver) -> Sequence[Address]:
    """The addresses of ``host``. Raises DialError (``dns-none`` or ``dns-silent``)."""
    shown = printable(host, 100)
    answers: queue.SimpleQueue[Sequence[Address] | BaseException] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolver(host, port))
        except BaseException as problem:
            answers.put(problem)

    threading.Thread(target=ask, daemon=True, name="ocarina-kit resolver").start()
    try:
        answer = answers.get(timeout=watch.remaining())
    except (queue.Empty, TimeoutError):
        raise DialError(
            NetFailure("dns-silent", f"the resolver gave no answer for {shown} in time")
        ) from None
    if isinstance(answer, socket.gaierror):
        raise DialError(_resolver_said(answer, host)) from None
    if isinstance(answer, UnicodeError):  # IDNA: an empty or overlong label
        raise DialError(NetFailure("dns-none", f"{shown} is no possible host name")) from None
    if isinstance(answer, BaseException):
        raise DialError(NetFailure("dns-silent", f"the resolver failed for {shown}")) from None
    if not answer:
        raise DialError(NetFailure("dns-none", f"{shown} has no address"))
    return answer


def _resolver_said(problem: socket.gaierror, host: str) -> NetFailure:
    shown = printable(host, 100)
    nothing = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
    # RFC 6761, 6.4: names under .invalid exist nowhere, whatever the resolver can say just now.
    if problem.errno in nothing or host.rstrip(".").lower().endswith(".invalid"):
        return NetFailure("dns-none", f"there is no host named {shown}")
    return NetFailure("dns-silent", f"the resolver gave no answer for {shown}")


def connect(
    addresses: Sequence[Address], watch: Watch, *, shown: str, loopback_only: bool = False
) -> socket.socket:
    """A connected TCP socket to the first address that answers, kept by ``watch``. Raises DialError.

    ``loopback_only``: what plain http goes to must be this machine also by its address, not by its name alone.
    """
    rows = [row for row in addresses if not loopback_only or _is_loopback_address(row[4][0])]
    if not rows:
        raise DialError(
            NetFailure("insecure", f"{shown} does not lead to this machine; plain http is for loopback")
        )
    failure = NetFailure("refused", f"{shown} could not be reached")
    for number, (family, kind, protocol, _, address) in enumerate(rows):
        sock: socket.socket | None = None
        try:
            # One address that swallows packets must leave time for the next.
            share = watch.remaining() / (len(rows) - number)
            sock = socket.socket(family, kind, protocol)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(share)
            sock.connect(address)
            sock.settimeout(watch.remaining())
            watch.keep(sock)
        except OSError as problem:
            if sock is not None:
                sock.close()
            failure = _connect_failed(problem, shown)
        except BaseException:
            if sock is not None:
                sock.close()
            raise
        else:
            return sock
    raise DialError(failure)


def _is_loopback_address(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


_NO_WAY_THERE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM}


def _connect_failed(problem: OSError, shown: str) -> NetFailure:
    if isinstance(problem, TimeoutError) or problem.errno == errno.ETIMEDOUT:
        return NetFailure("timeout", f"{shown} did not take the connection in time")
    if isinstance(problem, ConnectionRefusedError):
        return NetFailure("refused", f"{shown} refuses the connection")
    if problem.errno in _NO_WAY_THERE:
        return NetFailure("refused", f"there is no way to {shown} ({problem.strerror})")
    if isinstance(problem, ConnectionError):
        return NetFailure("reset", f"{shown} cut the connection")
    return NetFailure("other", f"connecting to {shown} failed ({problem.strerror or type(problem).__name__})")


# Codes of X509_verify_cert_error_string(3).
_EXPIRED = {9, 10}  # not yet valid, has expired
_OTHER_HOST = {62, 63, 64}  # host name, e-mail, IP address mismatch
_UNKNOWN_ISSUER = {
    2,
    18,
    19,
    20,
    21,
    27,
}  # no issuer, self-signed (leaf, chain), no local issuer, first, untrusted
_NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}


def tls_failure(problem: OSError, shown: str) -> NetFailure:
    """What a failed handshake means. Nothing but the handshake was sent."""
    if isinstance(problem, ssl.SSLCertVerificationError):
        words = printable(problem.verify_message, 120)
        kind: NetKind = "tls-other"
        if problem.verify_code in _EXPIRED:
            kind = "tls-expired"
        elif problem.verify_code in _OTHER_HOST:
            kind = "tls-host"
        elif problem.verify_code in _UNKNOWN_ISSUER:
            kind = "tls-unknown-issuer"
        return NetFailure(kind, f"the certificate of {shown} is not accepted: {words}")
    if isinstance(problem, TimeoutError):
        return NetFailure("timeout", f"{shown} did not finish the TLS handshake in time")
    if isinstance(problem, (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionError)):
        return NetFailure("reset", f"{shown} cut the connection during the TLS handshake")
    if isinstance(problem, ssl.SSLError):
        reason = problem.reason or "NO_REASON_GIVEN"
        if reason in _NO_TLS:
            return NetFailure("tls-other", f"{shown} does not speak TLS on this port")
        return NetFailure(
            "tls-other", f"the TLS handshake with {shown} failed ({reason.replace('_', ' ').lower()})"
        )
    return NetFailure(
        "other", f"the TLS handshake with {shown} failed ({problem.strerror or type(problem).__name__})"
    )


def proxy_said(status: int | None, name: str) -> NetFailure:
    """What a proxy's answer to CONNECT means; None: it cut the connection."""
    if status == 407:
        return NetFailure(
            "proxy-auth", f"the proxy {name} wants a user name and password, or other ones (407)"
        )
    if status is None:
        return NetFailure("proxy-refused", f"the proxy {name} cut the connection, or is no proxy")
    return NetFailure("proxy-refused", f"the proxy {name} would not go there: it answered {status}")


def tls_context(cafile: str) -> ssl.SSLContext:
    """A context that verifies certificate and host name against ``cafile`` (a file or a folder of hashed names).

    Raises OSError where the bundle cannot be read or holds no certificate. ``SSLKEYLOGFILE`` is not obeyed.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # CERT_REQUIRED and check_hostname are its defaults
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    if Path(cafile).is_dir():
        context.load_verify_locations(capath=cafile)
    else:
        context.load_verify_locations(cafile=cafile)
    return context
