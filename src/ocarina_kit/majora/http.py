"""The one way to the network: every request of the kit is made by :func:`send` (CONTRACT.md, Files).

Verified TLS, or plain http to this machine only; no redirect is followed and no ``.netrc`` is read (requests' adapter
is used without its session, and both are the session's work); proxies and CA bundle come from the environment that was
handed in; at most 1 MiB of answer; one time limit over everything.
"""

from __future__ import annotations

import contextlib
import io
import queue
import re
import socket
import threading
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from json import loads
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ocarina_kit import __version__
from ocarina_kit.config.names import CA_BUNDLES
from ocarina_kit.config.url import server_of
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.secret import Secret, mask
from ocarina_kit.system.words import one_line

# Bytes of an answer's body, packed or unpacked, after which it is given up.
CAP = 1 << 20
# Seconds for making a connection: that can be tried again at no risk, so it ends long before a slow answer does.
CONNECT_S = 10.0
_SLICE_S = 0.5


class NoAnswer(NamedTuple):
    """No answer came, or none that is usable. ``words`` is for people: lower case, no full stop, no secret.

    ``kind``: a key of ``_KINDS``; of this machine: ``ca-bundle``, ``insecure``, ``no-thread``; of an answer that
    arrived: ``rate-limited``, ``server-error``, ``other`` (no OAuth answer, so something else than Majora gave it).
    ``sent``: the server may have acted on the request, so a token or code in it may be spent. Times are in seconds.
    """

    kind: str
    words: str
    sent: bool = False
    status: int | None = None
    retry_after: float | None = None
    skew: float | None = None

    @property
    def said(self) -> str:
        """The words as a sentence."""
        words = (
            self.words
            if self.status is None
            else f"there was no usable answer: {self.words}"
        )
        return f"{words[:1].upper()}{words[1:]}."


class Response(NamedTuple):
    """A complete answer of any status. ``headers`` has no case; ``received`` is in epoch seconds.

    ``secrets``: those of the request, which the server may echo.
    """

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""
    received: float = 0.0
    secrets: tuple[Secret, ...] = ()

    @property
    def skew(self) -> float | None:
        """Seconds by which the server's clock is ahead of this one; ``Date`` has a resolution of 1 s."""
        from datetime import timezone
        from email.utils import parsedate_to_datetime

        try:
            date = parsedate_to_datetime(self.headers["date"])
            # Older forms name no zone: it is UTC too (RFC 9110, 5.6.7).
            return (
                date.replace(tzinfo=date.tzinfo or timezone.utc).timestamp()
                - self.received
            )
        except (KeyError, TypeError, ValueError, IndexError, OverflowError):
            return None

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait, from the usual form of ``Retry-After`` (RFC 9110, 10.2.3)."""
        text = self.headers.get("retry-after", "")
        return (
            float(text)
            if text.isascii() and text.isdigit() and len(text) < 10
            else None
        )

    @property
    def is_html(self) -> bool:
        """A page for people. Its type does not tell: Django calls Majora's empty 400 text/html too (FACTS.md)."""
        return self.body.lstrip()[:1] == b"<"

    def json(self) -> dict[str, Any] | None:
        """The JSON object in the body, None for anything else."""
        try:
            value = loads(self.body)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    def shown(self, text: str, *given: Secret, limit: int = 200) -> str:
        """The server's words on one line: the request's secrets, and those that it has ``given``, are masked first; the
        text is cut after that."""
        return one_line(mask(text[:10_000], (*self.secrets, *given)), limit)


class _Body(io.BytesIO):
    """The request's body, which notes how far the request came: ``resolving``, ``connecting`` or ``sent``.

    It is first read when the connection is made, TLS included, and the headers are sent: until then nothing can be
    spent at the server. Once given up it is never read, so a request that nobody waits for spends nothing either.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.stage = "resolving"
        self._given_up = False
        self._lock = threading.Lock()

    def read(self, size: int | None = -1, /) -> bytes:
        with self._lock:
            if self._given_up:
                raise TimeoutError
            self.stage = "sent"
        return super().read(size)

    def give_up(self) -> str:
        """The stage that was reached, and that will not change any more."""
        with self._lock:
            self._given_up = True
            return self.stage


def send(
    machine: Machine,
    url: str,
    *,
    seconds: float,
    form: Mapping[str, str] | None = None,
    json: object = None,
    headers: Mapping[str, str] | None = None,
    secrets: tuple[Secret, ...] = (),
) -> Response | NoAnswer:
    """POST ``form`` or ``json``, and wait at most ``seconds`` of running time for the complete answer. Never raises."""
    end = machine.monotonic() + seconds
    import requests  # which takes its own time

    seconds = end - machine.monotonic()
    server = server_of(url)
    if not server:
        return NoAnswer("insecure", "the address of the server cannot be used")
    if seconds <= 0:
        return NoAnswer("timeout", f"no time was left to ask {server}")
    own = {"User-Agent": f"ocarina-kit/{__version__}", "Accept": "application/json"}
    request = requests.Request(
        "POST", url, {**own, **(headers or {})}, data=form, json=json
    ).prepare()
    content = request.body or b""
    body = _Body(content.encode() if isinstance(content, str) else content)
    request.body = body  # type: ignore[assignment]  # requests reads it as a file
    box: queue.SimpleQueue[Response | NoAnswer] = queue.SimpleQueue()
    try:
        # A daemon: the resolver cannot be interrupted, and an exit must not wait for it.
        threading.Thread(
            target=lambda: box.put(_carry(machine, request, seconds)), daemon=True
        ).start()
    except RuntimeError:
        return NoAnswer(
            "no-thread",
            "this account may not start more processes or threads here (ulimit -u)",
        )
    try:
        # A stop (SIGSTOP, a suspended laptop) uses up one slice however long it lasts, and one more slice follows the
        # last: what arrived meanwhile is read before anything is judged late.
        slices = [_SLICE_S] * int(seconds / _SLICE_S)
        for limit in (*slices, seconds % _SLICE_S, _SLICE_S):
            with contextlib.suppress(queue.Empty):
                came = box.get(timeout=limit)
                return (
                    came._replace(secrets=secrets)
                    if isinstance(came, Response)
                    else came
                )
    finally:
        stage = body.give_up()
    if stage == "resolving":
        return NoAnswer(
            "dns-silent", f"the resolver did not answer for {server} in time"
        )
    return NoAnswer("timeout", f"{server} did not answer in time", stage == "sent")


def _carry(machine: Machine, request: Any, seconds: float) -> Response | NoAnswer:
    """Make the request, in a thread of its own."""
    import ssl

    from requests.adapters import HTTPAdapter

    host, body = urlsplit(request.url).hostname or "", request.body
    proxy = proxy_for(machine.environ, request.url)
    variable, bundle = ca_bundle(machine.environ)
    if request.url.startswith("http:"):
        bundle = ""
    try:
        if bundle and not Path(bundle).is_dir():
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=bundle)
    except (OSError, ValueError):  # an SSLError is an OSError
        words = f"the CA bundle that {variable} names cannot be read, or has no certificate in it: {bundle}"
        return NoAnswer("ca-bundle", words)
    try:
        if proxy is None:
            socket.getaddrinfo(
                host, None
            )  # first, so that a silent resolver is told from a silent server
        body.stage = "connecting"
        with contextlib.closing(HTTPAdapter(max_retries=0)) as adapter:
            answer = adapter.send(
                request,
                stream=True,
                timeout=(
                    min(CONNECT_S, seconds),
                    None,
                ),  # the caller decides that an answer is late
                verify=bundle or True,
                proxies={"https": proxy} if proxy else {},
            )
            content = bytearray()
            # A packed answer was not asked for, but a token may be in it.
            while chunk := answer.raw.read(16384, decode_content=True):
                content += chunk
                if len(content) > CAP:
                    return NoAnswer(
                        "other", f"the answer of {host} is larger than 1 MiB", True
                    )
            return Response(
                answer.status_code, answer.headers, bytes(content), machine.now()
            )
    # requests, urllib3, http.client and ssl raise what they like on a hostile peer.
    except Exception as raised:
        return _failure(raised, body.stage, host, proxy)


# --- proxies and CA bundles


def proxy_for(environ: Mapping[str, str], url: str) -> str | None:
    """The proxy for ``url`` by HTTPS_PROXY, ALL_PROXY and NO_PROXY in either case, as requests and curl read them.

    The lower-case name wins, also when it is empty. Plain http is for this machine only and never asks a proxy.
    """

    def variable(name: str) -> str:
        return environ.get(name, environ.get(name.upper(), "")).strip()

    proxy = variable("https_proxy") or variable("all_proxy")
    if (
        not proxy
        or not url.startswith("https:")
        or _needs_no_proxy(url, variable("no_proxy"))
    ):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _needs_no_proxy(url: str, no_proxy: str) -> bool:
    """Whether NO_PROXY names the host: its name, a domain that it is in, its address, or a network (10.0.0.0/8)."""
    from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # not in typeshed

    parts = urlsplit(url)
    for network in no_proxy.split(","):
        with contextlib.suppress(ValueError):  # a name
            if ip_address(parts.hostname or "") in ip_network(
                network.strip(), strict=False
            ):
                return True
    return bool(proxy_bypass_environment(parts.netloc, {"no": no_proxy}))


def ca_bundle(environ: Mapping[str, str]) -> tuple[str, str]:
    """The variable that names a CA bundle, of those that requests, and so the client, reads; and the path. Both are ""
    if none does."""
    return next(
        ((name, environ[name]) for name in CA_BUNDLES if environ.get(name)), ("", "")
    )


# --- what it means if a request came no further

_NO_NAME = f"{socket.EAI_NONAME}|{getattr(socket, 'EAI_NODATA', socket.EAI_NONAME)}"
_UNTRUSTED = "the certificate of {host} is not accepted"
_CUT = r"\bssl\.|IncompleteRead|DecodeError|builtins\.Connection|BrokenPipe|RemoteDisconnected"
# Kind: a pattern of how far the request came, and the type and code of each exception; and words. The first that fits
# decides. Certificates have the codes of X509_verify_cert_error_string(3).
_KINDS = {
    "timeout": ("Timeout", "{host} did not answer in time"),
    "tls-expired": (r"VerificationError:(?:9|10) ", _UNTRUSTED),
    "tls-host": (r"VerificationError:(?:62|63|64) ", _UNTRUSTED),
    "tls-unknown-issuer": (r"VerificationError:(?:2|18|19|20|21|27) ", _UNTRUSTED),
    "proxy-auth": (
        "^proxied .*tunnel:407 ",
        "the proxy {proxy} asks for a user name and password (407)",
    ),
    "proxy-unusable": (
        "^proxied .*unusable:",
        "the setting for a proxy holds no address of one: {proxy}",
    ),
    "proxy-refused": (
        r"^proxied (?!.*\bssl\.)|^proxied .*ProxyError",
        "the proxy {proxy} cannot be reached, or refuses to connect to {host}",
    ),
    "tls-other": (
        r"^(?!sent).*\bssl\.SSL\w*Error:",
        "the TLS handshake with {host} failed",
    ),
    "dns-none": (f"gaierror:(?:{_NO_NAME}) ", "no host is named {host}"),
    "dns-silent": ("gaierror|^resolving", "the resolver did not answer for {host}"),
    "refused": (
        "NewConnectionError",
        "{host} refuses the connection, or cannot be reached from here",
    ),
    "reset": (_CUT, "{host} closed the connection before it had answered"),
    "other": ("", "{host} did not answer with HTTP"),
}


def _failure(
    problem: BaseException, stage: str, host: str, proxy: str | None
) -> NoAnswer:
    """What an exception of a request means. Its text is not shown: it may hold a URL or a proxy's password."""
    causes = [problem]
    marks = "proxied " if proxy and stage == "connecting" else f"{stage} "
    for each in causes:
        inner = (each.__cause__, each.__context__)
        causes += [
            cause for cause in inner if cause is not None and cause not in causes
        ]
        code = getattr(each, "verify_code", getattr(each, "errno", None))
        marks += f"{type(each).__module__}.{type(each).__name__}:{code} "
        # A ValueError is that of requests or urllib3 for an address that they cannot use.
        marks += "unusable: " if isinstance(each, ValueError) else ""
        # http.client says "Tunnel connection failed: <status> <reason>".
        marks += "tunnel:407 " if "Tunnel connection failed: 407" in str(each) else ""
    kind = next(
        kind for kind, (pattern, _) in _KINDS.items() if re.search(pattern, marks)
    )
    words = _KINDS[kind][1].format(host=host, proxy=mask(proxy or ""))
    reason = next(
        (
            f": {each.verify_message}"
            for each in causes
            if hasattr(each, "verify_message")
        ),
        "",
    )
    return NoAnswer(kind, words + reason, stage == "sent")
