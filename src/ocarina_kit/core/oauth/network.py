"""What a request may do and what came of it, as data: answers, failures, proxies, loopback. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal
from urllib.parse import unquote, urlsplit

from ocarina_kit.core.config.domain import is_loopback_host
from ocarina_kit.core.secret import Secret

NetKind = Literal[
    "dns-none",  # the resolver knows no such host
    "dns-silent",  # the resolver gave no answer
    "refused",  # nothing listens there, or the way there is shut
    "timeout",  # no answer, or no whole answer, in time
    "reset",  # the connection was cut before an answer came
    "truncated",  # the connection was cut inside the answer
    "tls-expired",  # the certificate's dates do not cover now
    "tls-host",  # the certificate is another host's
    "tls-unknown-issuer",  # no authority that is trusted here signed it
    "tls-other",  # no TLS there, or no common version
    "proxy-refused",  # the proxy was not reached, or would not go there
    "proxy-auth",  # the proxy wants a user and password, or other ones
    "proxy-unusable",  # the proxy's setting cannot be read, or is of a kind the kit does not speak
    "too-large",  # more than 1 MiB of answer
    "ca-bundle",  # the CA bundle that a variable names cannot be read
    "insecure",  # plain http off loopback, user information in the URL, or no URL at all: never sent
    "other",
]


@dataclass(frozen=True)
class NetFailure:
    """No answer came. ``detail`` is for people and holds no secret.

    ``sent`` is False only where the request cannot have reached the server: the connection never stood.
    """

    kind: NetKind
    detail: str
    sent: bool = False


@dataclass(frozen=True)
class HttpAnswer:
    """An answer, whole. ``headers`` holds a few, by lower-case name. No ``repr`` shows the body: it may hold tokens."""

    status: int
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    body: bytes = field(default=b"", repr=False)
    date: float | None = None
    """The server's ``Date`` header, epoch seconds."""
    received: float = 0.0
    """When it came, by this machine's clock, epoch seconds."""
    retry_after: float | None = None
    """Seconds, from a ``Retry-After`` header in either of its forms (RFC 9110, 10.2.3)."""

    @property
    def skew(self) -> float | None:
        """Seconds by which the server's clock is ahead of this machine's; a ``Date`` has a resolution of 1 s."""
        return None if self.date is None else self.date - self.received

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def is_redirect(self) -> bool:
        return 300 <= self.status < 400 and self.status != 304

    @property
    def looks_like_html(self) -> bool:
        start = self.body[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        if not start:
            return False  # Django calls an empty answer text/html too: Majora's 400 for a dead token is one
        return self.content_type in ("text/html", "application/xhtml+xml") or start.startswith(
            (b"<!doctype", b"<html", b"<head", b"<body")
        )

    @property
    def redirects_to(self) -> str:
        """The host a redirect points to, and only that: the rest of such a URL may hold a secret."""
        try:
            there = urlsplit(self.headers.get("location", "").strip())
            return printable(there.hostname or "", 100)
        except ValueError:
            return ""


def printable(text: str, limit: int = 200) -> str:
    """A server's words made fit to be shown: one line, no control characters, at most ``limit`` characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: limit * 4]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def is_loopback(host: str) -> bool:
    """Whether the host of a parsed URL (:attr:`urllib.parse.SplitResult.hostname`) is this machine alone."""
    return is_loopback_host(f"[{host}]" if ":" in host else host.rstrip(".").lower())


@dataclass(frozen=True)
class Target:
    """A URL that the kit may send to."""

    url: str
    scheme: Literal["http", "https"]
    host: str
    port: int


def target(url: str) -> Target | NetFailure:
    """Judge a URL before anything is sent (CONTRACT.md, Files): https, or plain http to loopback; no user info."""
    if any(c <= " " or c in "\\\x7f" for c in url):
        return NetFailure("insecure", "the address holds white space, control characters or backslashes")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return NetFailure("insecure", "the address cannot be read")
    if not host or "@" in parts.netloc:
        return NetFailure("insecure", "the address has no host, or holds a user name")
    if parts.scheme == "https":
        return Target(url, "https", host, 443 if port is None else port)
    if parts.scheme == "http":
        if is_loopback(host):
            return Target(url, "http", host, 80 if port is None else port)
        return NetFailure(
            "insecure", f"plain http is for loopback hosts alone, and {printable(host, 100)} is none"
        )
    return NetFailure("insecure", "the address is neither https nor loopback http")


@dataclass(frozen=True)
class Proxy:
    """The proxy that a request goes through. ``url`` may hold a password."""

    variable: str
    """The environment variable that named it."""
    url: Secret
    scheme: Literal["http", "https"]
    host: str
    port: int
    user: str = field(default="", repr=False)
    password: Secret = field(default_factory=lambda: Secret(""), repr=False)

    @property
    def name(self) -> str:
        """``host:port``, fit to be shown."""
        return f"{self.host}:{self.port}"


def proxy_for(there: Target, environ: Mapping[str, str]) -> Proxy | NetFailure | None:
    """The proxy for a request, from ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` in either case.

    As in requests and curl, the lower-case name wins, an empty value counts as none, and ``HTTPS_PROXY`` goes
    before ``ALL_PROXY``. Plain http is for loopback alone and never asks a proxy, so ``HTTP_PROXY`` has no say.
    """
    if there.scheme != "https":
        return None
    variable, value = _setting(environ, "https_proxy")
    if not value:
        variable, value = _setting(environ, "all_proxy")
    if not value or _goes_direct(there, _setting(environ, "no_proxy")[1]):
        return None
    text = value if "://" in value else "http://" + value
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if not host or any(c <= " " for c in text):
        return NetFailure("proxy-unusable", f"{variable} holds no usable proxy address")
    if parts.scheme not in ("http", "https"):
        kind = printable(parts.scheme, 20)
        return NetFailure(
            "proxy-unusable", f"{variable} names a {kind} proxy; ocarina-kit speaks to http and https proxies"
        )
    scheme: Literal["http", "https"] = "https" if parts.scheme == "https" else "http"
    return Proxy(
        variable=variable,
        url=Secret(text),
        scheme=scheme,
        host=host,
        port=port or (443 if scheme == "https" else 80),
        user=unquote(parts.username or ""),
        password=Secret(unquote(parts.password or "")),
    )


def _setting(environ: Mapping[str, str], lower_name: str) -> tuple[str, str]:
    if lower_name in environ:
        return lower_name, environ[lower_name].strip()
    return lower_name.upper(), environ.get(lower_name.upper(), "").strip()


def _goes_direct(there: Target, no_proxy: str) -> bool:
    host = there.host.rstrip(".").lower()
    for entry in no_proxy.replace(" ", ",").lower().split(","):
        if entry == "*":
            return True
        if entry and _matches(host, there.port, entry):
            return True
    return False


def _matches(host: str, port: int, entry: str) -> bool:
    """One ``NO_PROXY`` entry: a host and all below it, an address, or a network, each with a port or without."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    name, colon, port_text = entry.rpartition(":")
    if colon and port_text.isdigit() and (":" not in name or name.endswith("]")):
        if int(port_text) != port:
            return False
        entry = name
    entry = entry.strip("[]").rstrip(".")
    if address is not None:
        try:
            return address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    entry = entry.removeprefix("*").lstrip(".")
    return bool(entry) and (host == entry or host.endswith("." + entry))


def ca_bundle(environ: Mapping[str, str]) -> tuple[str, str] | None:
    """The variable that names a CA bundle, and the path: ``REQUESTS_CA_BUNDLE``, else ``CURL_CA_BUNDLE``.

    Just those that requests reads, in its order, so that the kit sees what the client will see. ``SSL_CERT_FILE``
    is not read: the client would not read it either, and would fail where the kit works.
    """
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if environ.get(variable):
            return variable, environ[variable]
    return None


@dataclass(frozen=True)
class Step:
    """One stage of the way to a server: ``failure`` is None where it went well. ``ms`` is what it took."""

    failure: NetFailure | None
    ms: int

    @property
    def ok(self) -> bool:
        return self.failure is None


@dataclass(frozen=True)
class Reach:
    """How far a connection came. A stage is None where it was not tried: what stands before it failed, or it does
    not apply (no name is resolved behind a proxy; loopback ``http`` has no TLS)."""

    dns: Step | None = None
    tcp: Step | None = None
    """With a proxy: reaching the proxy and its answer to CONNECT."""
    tls: Step | None = None
    proxy: str | None = None
    """``host:port`` of the proxy that was used."""
    proxy_variable: str | None = None
    ca_variable: str | None = None
    """The variable that names a CA bundle, where one does."""
    ca_helps: str | None = None
    """Where the issuer is unknown: the path of a CA bundle on this machine with which the handshake succeeds."""
