"""The requests adapter under every request of the kit. Imported only where a request is made: requests is heavy."""

from __future__ import annotations

import re
import ssl
from http.client import HTTPException
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from ocarina_kit.core.oauth.network import NetFailure, Proxy, Target
from ocarina_kit.edges.net.dial import DialError, Resolver, Watch, connect, proxy_said, resolve, tls_failure


class Session(requests.Session):
    """A requests session that follows no redirect and takes nothing from the environment.

    A 307 or 308 at the token endpoint would re-post client secret and refresh token to another host, and 301 to 303
    would take that host's answer for the token (PROTOTYPES.md).
    """

    def __init__(self) -> None:
        super().__init__()
        # No .netrc, no proxy and no CA bundle from the process's environment: what counts was handed in.
        self.trust_env = False

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None


class Attempt:
    """What one request's connection did: how far it came, and why it came no further."""

    def __init__(self, watch: Watch, there: Target, proxy: Proxy | None, resolver: Resolver) -> None:
        self.watch = watch
        self.there = there
        self.proxy = proxy
        self.resolver = resolver
        self.sent = False
        self.failure: NetFailure | None = None
        self.in_tunnel = proxy is None


class _Dialled:
    """Mixed into urllib3's connections: dials within the watch, and notes how far it came."""

    attempt: Attempt

    def _new_conn(self) -> Any:
        attempt, proxy = self.attempt, self.attempt.proxy
        host, port = (proxy.host, proxy.port) if proxy else (attempt.there.host, attempt.there.port)
        shown = f"the proxy {proxy.name}" if proxy else f"{host}:{port}"
        try:
            addresses = resolve(host, port, attempt.watch, attempt.resolver)
            return connect(
                addresses, attempt.watch, shown=shown, loopback_only=attempt.there.scheme == "http"
            )
        except DialError as problem:
            attempt.failure = _of_proxy(problem.failure) if proxy else problem.failure
            raise

    def _tunnel(self) -> None:
        try:
            super()._tunnel()  # type: ignore[misc]  # urllib3's connection, whatever class stands beside this mixin
        except (OSError, HTTPException, ValueError) as problem:
            self.attempt.failure = _no_tunnel(problem, self.attempt)
            raise
        self.attempt.in_tunnel = True

    def connect(self) -> None:
        attempt = self.attempt
        try:
            super().connect()  # type: ignore[misc]  # as above
        except OSError as problem:
            if attempt.failure is None:
                if attempt.proxy is not None and not attempt.in_tunnel:
                    failure = _of_proxy(tls_failure(problem, f"the proxy {attempt.proxy.name}"))
                else:
                    failure = tls_failure(problem, attempt.there.host)
                attempt.failure = failure
            raise
        attempt.sent = True


def _of_proxy(failure: NetFailure) -> NetFailure:
    """A proxy that was not reached; a time-out keeps its kind."""
    return failure if failure.kind == "timeout" else NetFailure("proxy-refused", failure.detail)


def _no_tunnel(problem: Exception, attempt: Attempt) -> NetFailure:
    """Why the proxy gave no tunnel. http.client says ``Tunnel connection failed: <status> <reason>``."""
    name = attempt.proxy.name if attempt.proxy else ""
    if isinstance(problem, TimeoutError) or attempt.watch.expired:
        return NetFailure("timeout", f"the proxy {name} gave no answer in time")
    status = re.search(r"Tunnel connection failed: (\d{3})", str(problem))
    return proxy_said(int(status[1]) if status else None, name)


class Adapter(HTTPAdapter):
    """Carries one request. TLS is verified by ``context`` and by nothing else, whatever ``verify=`` says."""

    def __init__(self, context: ssl.SSLContext | None, attempt: Attempt) -> None:
        self._context = context
        self._attempt = attempt
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        return super().proxy_manager_for(
            proxy, ssl_context=self._context, proxy_ssl_context=self._context, **kwargs
        )

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        host, _ = super().build_connection_pool_key_attributes(request, True, None)
        # Without ca_certs here and below: urllib3 would load the bundle anew into the context for each connection.
        return host, {"cert_reqs": "CERT_REQUIRED"}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        if url.lower().startswith("https"):
            conn.cert_reqs = "CERT_REQUIRED"

    def get_connection_with_tls_context(
        self, request: Any, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        pool: Any = super().get_connection_with_tls_context(request, verify, proxies=proxies, cert=cert)
        base = HTTPSConnection if pool.scheme == "https" else HTTPConnection
        pool.ConnectionCls = type("Dialled" + base.__name__, (_Dialled, base), {"attempt": self._attempt})
        return pool
