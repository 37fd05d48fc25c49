"""The one door to the network: every request of the kit passes here, with a deadline for the whole of it.

What holds for each request (CONTRACT.md, Files): verified TLS, plain http to loopback alone and never through a
proxy; no redirect is followed; nothing is taken from ``.netrc``; proxy and CA bundle come from the environment that
was handed in; connecting, TLS, headers and body together take no longer than the caller allows; an answer of more
than 1 MiB, also one that only unpacks to that, is given up.
"""

from __future__ import annotations

import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ocarina_kit import __version__
from ocarina_kit.core.oauth.network import (
    HttpAnswer,
    NetFailure,
    ca_bundle,
    printable,
    proxy_for,
    target,
)
from ocarina_kit.edges.net.dial import Resolver, Watch, system_resolver, tls_context

if TYPE_CHECKING:
    from ocarina_kit.edges.net.http_adapter import Attempt, Session

USER_AGENT = f"ocarina-kit/{__version__}"
BODY_CAP = 1 << 20
"""Bytes of an answer's body, packed or unpacked, after which it is given up."""
_HEADERS = {
    "User-Agent": USER_AGENT,
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Connection": "close",
}
_KEPT_HEADERS = (
    "content-type",
    "content-length",
    "location",
    "retry-after",
    "server",
    "via",
    "www-authenticate",
)


class Http:
    """Sends requests by the settings in ``environ``. Safe to share between threads.

    ``now`` is this machine's clock, epoch seconds; ``resolver`` is what turns names into addresses.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        now: Callable[[], float] = time.time,
        resolver: Resolver = system_resolver,
    ) -> None:
        self.environ = environ
        self.resolver = resolver
        self._now = now
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | NetFailure | None = None

    def context(self) -> ssl.SSLContext | NetFailure:
        """The TLS context of these settings, made once: reading a CA bundle takes longer than a handshake."""
        with self._lock:
            if self._context is None:
                self._context = _context_for(self.environ)
            return self._context

    def send(
        self,
        method: str,
        url: str,
        *,
        seconds: float,
        form: Mapping[str, str] | str | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer | NetFailure:
        """Send one request; an answer of any status is an :class:`HttpAnswer`. Never raises for what the peer does.

        ``seconds`` bounds the whole. ``form`` (a mapping, or encoded already) is sent as
        ``application/x-www-form-urlencoded``, ``json`` as JSON.
        """
        there = target(url)
        if isinstance(there, NetFailure):
            return there
        proxy = proxy_for(there, self.environ)
        if isinstance(proxy, NetFailure):
            return proxy
        # The clock starts before requests is imported: on a slow shared home that alone takes a while.
        with Watch(seconds) as watch:
            context = self.context() if there.scheme == "https" else None
            if isinstance(context, NetFailure):
                return context

            import requests

            from ocarina_kit.edges.net.http_adapter import Adapter, Attempt, Session

            attempt = Attempt(watch, there, proxy, self.resolver)
            with Session() as session:
                session.mount(there.scheme + "://", Adapter(context, attempt))
                session.headers.clear()
                session.headers.update({**_HEADERS, **(headers or {})})
                if isinstance(form, str):
                    session.headers["Content-Type"] = "application/x-www-form-urlencoded"
                elif form is not None:
                    form = dict(form)
                request = requests.Request(method, there.url, data=form, json=json)
                try:
                    prepared = session.prepare_request(request)
                except (requests.RequestException, ValueError):
                    return NetFailure("insecure", "the address cannot be read")
                return self._carry(session, prepared, attempt)

    def _carry(self, session: Session, prepared: Any, attempt: Attempt) -> HttpAnswer | NetFailure:
        watch, proxy = attempt.watch, attempt.proxy
        try:
            left = watch.remaining()
            response = session.send(
                prepared,
                stream=True,
                allow_redirects=False,
                verify=True,
                timeout=(left, left),
                proxies={"https": proxy.url.reveal()} if proxy else {},
            )
            body = _read_body(response)
        except Exception as problem:  # urllib3, http.client and ssl raise what they like on a hostile peer
            return _why(problem, attempt)
        if not watch.finish():
            # A body without a length ends where the watch cut it: that is no whole answer.
            return _out_of_time(attempt)
        return body if isinstance(body, NetFailure) else self._answer(response, body)

    def _answer(self, response: Any, body: bytes) -> HttpAnswer:
        received = self._now()
        found = {
            name: printable(response.headers[name], 2000)
            for name in _KEPT_HEADERS
            if name in response.headers
        }
        date = http_date(response.headers.get("Date", ""))
        return HttpAnswer(
            status=int(response.status_code),
            headers=found,
            body=body,
            date=date,
            received=received,
            retry_after=_retry_after(found.get("retry-after", ""), date if date is not None else received),
        )


def _context_for(environ: Mapping[str, str]) -> ssl.SSLContext | NetFailure:
    setting = ca_bundle(environ)
    if setting is None:
        import certifi

        return tls_context(certifi.where())
    variable, path = setting
    try:
        return tls_context(path)
    except FileNotFoundError:
        return NetFailure("ca-bundle", f"{variable} names a CA bundle that does not exist: {printable(path)}")
    except ssl.SSLError:
        return NetFailure(
            "ca-bundle", f"{variable} names a file that holds no certificate: {printable(path)}"
        )
    except (OSError, ValueError) as problem:
        words = getattr(problem, "strerror", None) or "unusable path"
        return NetFailure(
            "ca-bundle", f"{variable} names a CA bundle that cannot be read ({words}): {printable(path)}"
        )


def _read_body(response: Any) -> bytes | NetFailure:
    """The body, whole and unpacked, up to the cap."""
    packed = bytearray()
    while chunk := response.raw.read(16384, decode_content=False):
        packed += chunk
        if len(packed) > BODY_CAP:
            return _too_large()
    promised = response.headers.get("Content-Length", "")
    if promised.isdigit() and len(packed) < int(promised[:18]):
        # urllib3 counts too, but not in every version that requests takes.
        return NetFailure("truncated", "the connection was cut inside the answer", sent=True)
    encoding: str = response.headers.get("Content-Encoding", "")
    name = encoding.strip().lower()
    if name in ("", "identity") or not packed:
        return bytes(packed)
    if name not in ("gzip", "x-gzip", "deflate"):
        return NetFailure(
            "other", f"the answer is packed as {printable(name, 20)}, which was not asked for", sent=True
        )
    try:
        # zlib.decompressobj: +32 tells gzip from zlib by the header. The cap holds while it unpacks.
        body = zlib.decompressobj(wbits=32 + zlib.MAX_WBITS).decompress(bytes(packed), BODY_CAP + 1)
    except zlib.error:
        return NetFailure("truncated", "the answer cannot be unpacked", sent=True)
    return _too_large() if len(body) > BODY_CAP else body


def _too_large() -> NetFailure:
    return NetFailure("too-large", "the answer is larger than 1 MiB", sent=True)


def _out_of_time(attempt: Attempt) -> NetFailure:
    if attempt.failure is not None and attempt.failure.kind in ("timeout", "dns-silent"):
        return attempt.failure
    name = (
        attempt.there.host
        if attempt.in_tunnel or attempt.proxy is None
        else f"the proxy {attempt.proxy.name}"
    )
    return NetFailure("timeout", f"{name} did not answer in time", sent=attempt.sent)


def _why(problem: BaseException, attempt: Attempt) -> NetFailure:
    """What an exception means. Its text is never shown: it may hold a proxy's password or a URL."""
    import http.client

    if attempt.watch.expired:
        return _out_of_time(attempt)
    if attempt.failure is not None:
        return attempt.failure
    causes = list(_causes(problem))
    host = attempt.there.host

    def is_any(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    if is_any(TimeoutError) or any("Timeout" in type(cause).__name__ for cause in causes):
        return _out_of_time(attempt)
    if is_any(http.client.IncompleteRead) or any(type(c).__name__ == "IncompleteRead" for c in causes):
        return NetFailure("truncated", f"{host} cut the connection inside its answer", sent=attempt.sent)
    if is_any(ConnectionError, ssl.SSLEOFError, http.client.RemoteDisconnected):
        return NetFailure(
            "reset", f"{host} cut the connection before its answer was whole", sent=attempt.sent
        )
    if is_any(http.client.HTTPException):
        return NetFailure("other", f"what {host} answered is not HTTP", sent=attempt.sent)
    if is_any(ssl.SSLError):
        return NetFailure("reset", f"the TLS connection to {host} broke", sent=attempt.sent)
    return NetFailure(
        "other", f"the request to {host} failed ({type(causes[-1]).__name__})", sent=attempt.sent
    )


def _causes(problem: BaseException) -> Iterator[BaseException]:
    """The exception and all that it wraps, outermost first: urllib3 keeps the inner one in args or ``reason``."""
    seen: set[int] = set()
    waiting: list[object] = [problem]
    while waiting:
        cause = waiting.pop(0)
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]


def http_date(text: str) -> float | None:
    """Epoch seconds of an HTTP date (RFC 9110, 5.6.7), None where it is none."""
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _retry_after(text: str, now: float) -> float | None:
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    when = http_date(text) if text else None
    return None if when is None else max(0.0, when - now)
