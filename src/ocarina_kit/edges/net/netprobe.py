"""How far the network carries: name, TCP, TLS, one verdict each (SRV001 to SRV003). Sends no request and no secret."""

from __future__ import annotations

import base64
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ocarina_kit.core.oauth.network import (
    NetFailure,
    Proxy,
    Reach,
    Step,
    Target,
    ca_bundle,
    proxy_for,
    target,
)
from ocarina_kit.edges.net.dial import (
    DialError,
    Watch,
    connect,
    proxy_said,
    resolve,
    tls_context,
    tls_failure,
)
from ocarina_kit.edges.net.http import USER_AGENT, Http

__all__ = ["Reach", "Step", "probe_reach"]

# Where Linux distributions and macOS keep the system's own CA bundle.
_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def probe_reach(http: Http, url: str, *, seconds: float) -> Reach:
    """Try to reach ``url`` within ``seconds``, whatever hangs on the way. Never raises for what the network does."""
    there = target(url)
    if isinstance(there, NetFailure):
        return Reach(tcp=Step(there, 0))
    proxy = proxy_for(there, http.environ)
    setting = ca_bundle(http.environ)
    variable = setting[0] if setting else None
    if isinstance(proxy, NetFailure):
        return Reach(tcp=Step(proxy, 0), ca_variable=variable)
    with Watch(seconds) as watch:
        route = _Route(http, there, proxy, watch)
        dns: Step | None = None
        if proxy is None:
            dns, _ = _timed(route.look_up)
            if not dns.ok:
                return Reach(dns=dns, ca_variable=variable)
        tcp, sock = _timed(route.open)
        tls: Step | None = None
        helps: str | None = None
        if sock is not None:
            with sock:
                if there.scheme == "https":
                    tls, _ = _timed(lambda: route.shake_hands(sock, http.context()))
            if tls is not None and tls.failure and tls.failure.kind in ("tls-unknown-issuer", "ca-bundle"):
                helps = route.bundle_that_helps(setting[1] if setting else None)
        return Reach(
            dns=dns,
            tcp=tcp,
            tls=tls,
            proxy=proxy.name if proxy else None,
            proxy_variable=proxy.variable if proxy else None,
            ca_variable=variable,
            ca_helps=helps,
        )


def _timed(stage: Callable[[], Any]) -> tuple[Step, Any]:
    start = time.monotonic()
    failure: NetFailure | None = None
    result = None
    try:
        result = stage()
    except DialError as problem:
        failure = problem.failure
    return Step(failure, round((time.monotonic() - start) * 1000)), result


class _Route:
    """The way to one target, a stage at a time. Each stage raises DialError with its verdict."""

    def __init__(self, http: Http, there: Target, proxy: Proxy | None, watch: Watch) -> None:
        self.http = http
        self.there = there
        self.proxy = proxy
        self.watch = watch
        self.addresses: Any = None

    def look_up(self) -> None:
        self.addresses = resolve(self.there.host, self.there.port, self.watch, self.http.resolver)

    def open(self) -> Any:
        """A socket that leads to the target: direct, or through the proxy's tunnel."""
        if self.proxy is not None:
            return self._open_tunnel(self.proxy)
        return connect(
            self.addresses,
            self.watch,
            shown=f"{self.there.host}:{self.there.port}",
            loopback_only=self.there.scheme == "http",
        )

    def _open_tunnel(self, proxy: Proxy) -> Any:
        shown = f"the proxy {proxy.name}"
        sock: Any = None
        try:
            found = resolve(proxy.host, proxy.port, self.watch, self.http.resolver)
            sock = connect(found, self.watch, shown=shown)
            if proxy.scheme == "https":
                sock = self._wrapped(sock, self.http.context(), proxy.host)
            status = self._ask_for_tunnel(sock, proxy)
        except DialError as problem:
            _close(sock)
            kind = problem.failure.kind
            if kind in ("timeout", "ca-bundle"):
                raise
            raise DialError(NetFailure("proxy-refused", problem.failure.detail)) from None
        except TimeoutError:
            _close(sock)
            raise DialError(NetFailure("timeout", f"{shown} gave no answer in time")) from None
        except (OSError, ValueError):
            _close(sock)
            if self.watch.expired:
                raise DialError(NetFailure("timeout", f"{shown} gave no answer in time")) from None
            status = None
        if status != 200:
            _close(sock)
            raise DialError(proxy_said(status, proxy.name))
        return sock

    def _ask_for_tunnel(self, sock: Any, proxy: Proxy) -> int | None:
        """CONNECT (RFC 9110, 9.3.6). The status, None where what came back is no HTTP."""
        host = (
            f"[{self.there.host}]"
            if ":" in self.there.host
            else self.there.host.encode("idna").decode("ascii")
        )
        authority = f"{host}:{self.there.port}"
        lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}", f"User-Agent: {USER_AGENT}"]
        if proxy.user or proxy.password:
            pair = f"{proxy.user}:{proxy.password.reveal()}".encode("latin-1", "replace")
            lines.append("Proxy-Authorization: Basic " + base64.b64encode(pair).decode("ascii"))
        sock.settimeout(self.watch.remaining())
        sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace"))
        head = b""
        while b"\r\n\r\n" not in head and len(head) < 65536:
            # One byte at a time: what follows the blank line is the server's, not the proxy's.
            byte = sock.recv(1)
            if not byte:
                break
            head += byte
        if self.watch.expired:
            raise TimeoutError
        words = head.split(b"\r\n", 1)[0].split(None, 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
            return None
        return int(words[1])

    def shake_hands(self, sock: Any, context: ssl.SSLContext | NetFailure) -> None:
        self._wrapped(sock, context, self.there.host).close()

    def _wrapped(self, sock: Any, context: ssl.SSLContext | NetFailure, host: str) -> Any:
        if isinstance(context, NetFailure):
            raise DialError(context)
        name = host.rstrip(".")
        try:
            sock.settimeout(self.watch.remaining())
            if isinstance(sock, ssl.SSLSocket):  # the target's TLS inside that with the proxy
                from urllib3.util.ssltransport import SSLTransport

                return SSLTransport(sock, context, server_hostname=name)
            return context.wrap_socket(sock, server_hostname=name)
        except OSError as problem:
            cause = TimeoutError() if self.watch.expired else problem
            raise DialError(tls_failure(cause, host)) from None
        except ValueError:  # an empty or overlong name
            raise DialError(NetFailure("tls-other", f"{host} is no name that TLS can verify")) from None

    def bundle_that_helps(self, used: str | None) -> str | None:
        """Another CA bundle of this machine that the server's certificate verifies against, if time is left."""
        import certifi

        paths = [certifi.where(), self.http.environ.get("SSL_CERT_FILE", ""), *_SYSTEM_BUNDLES]
        for path in dict.fromkeys(paths):
            if not path or path == (used or certifi.where()) or not Path(path).is_file():
                continue
            sock: Any = None
            try:
                context = tls_context(path)
                if self.proxy is None:
                    self.look_up()
                sock = self.open()
                self.shake_hands(sock, context)
            except (DialError, OSError):
                if self.watch.expired:
                    return None
            else:
                return path
            finally:
                _close(sock)
        return None


def _close(sock: socket.socket | None) -> None:
    if sock is not None:
        sock.close()
