"""MAJORA_DOMAIN: what is wrong with a base URL, what of that has one meaning, and the mended URL.

The rules stand in one table, :data:`ocarina_kit.core.config.domain_rules.RULES`. Everything here is pure and takes any
string. The client joins MAJORA_DOMAIN and a path as plain text (FACTS.md), so the base URL must be whole: a
scheme, a host, one last ``/``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ocarina_kit.core.config.domain_rules import ORDER, RULES, DomainFault
from ocarina_kit.core.text import CURLY_QUOTES, INVISIBLE, is_control

INSTANCES = {
    "prod": "https://majora.covid19.climb.ac.uk/",
    "test": "https://majora-test.covid19.climb.ac.uk/",
}
"""The consortium's instances (FACTS.md). Accounts, applications and tokens of one are unknown to the other."""

PAGES = frozenset({"o", "account", "accounts", "keys", "forms", "admin", "api"})
"""First path parts of Majora's own pages (CONTRACT.md, init): none of them belongs to a base URL."""


F = DomainFault
_LAST_SLASH = frozenset({F.SLASH_MISSING, F.SLASHES_SEVERAL})


@dataclass(frozen=True)
class DomainOk:
    """A usable base URL, what was mended (in words, for people), and what to warn of."""

    url: str
    changes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class DomainRefused:
    """Why a base URL is refused. Nothing of the refused text stands in ``reason``: it may hold a password.

    ``suggestion``: the URL that was most likely meant, or "" where nothing sensible can be guessed. It is for a
    person to agree to, never to be written unasked.
    """

    fault: DomainFault
    reason: str
    suggestion: str = ""


@dataclass(frozen=True)
class DomainVerdict:
    """What the checks CFG006 and CFG007 need. ``faults`` in the table's order; ``mended`` is "" where refused."""

    faults: tuple[DomainFault, ...]
    mended: str = ""
    suggestion: str = ""

    @property
    def base_url_faults(self) -> tuple[DomainFault, ...]:
        """CFG006 fails on these."""
        return tuple(f for f in self.faults if f not in _LAST_SLASH and not RULES[f].warning_only)

    @property
    def base_url_warnings(self) -> tuple[DomainFault, ...]:
        """CFG006 warns of these."""
        return tuple(f for f in self.faults if RULES[f].warning_only)

    @property
    def last_slash_faults(self) -> tuple[DomainFault, ...]:
        """CFG007 fails on these."""
        return tuple(f for f in self.faults if f in _LAST_SLASH)

    @property
    def mendable(self) -> bool:
        """Whether all that is wrong has one meaning."""
        return all(RULES[f].mendable for f in self.faults)


@dataclass(frozen=True)
class _Examined:
    faults: tuple[DomainFault, ...]
    url: str = ""
    path: str = ""


class _RefusedError(Exception):
    def __init__(self, fault: DomainFault) -> None:
        super().__init__(fault)
        self.fault = fault


def mend_domain(text: str) -> DomainOk | DomainRefused:
    """Mends what has one meaning, refuses the rest (CONTRACT.md, init). Takes any string, never raises.

    Idempotent: what it answers is taken again with no change. An accepted URL starts with ``https://`` (or
    ``http://`` and a loopback host), ends in exactly one ``/``, has no user info, query or fragment, and its host
    is in lower case.
    """
    seen = _examine(text)
    if not seen.url:
        fault = seen.faults[-1]
        return DomainRefused(fault, RULES[fault].words, _suggest(text))
    changes = tuple(RULES[f].change for f in seen.faults if not RULES[f].warning_only)
    warnings = (
        (
            f"The path {seen.path} is kept. Majora usually stands at the root of its host: "
            "leave the path out unless your Majora really lives under it.",
        )
        if F.OTHER_PATH in seen.faults
        else ()
    )
    return DomainOk(seen.url, changes, warnings)


def classify_domain(text: str) -> DomainVerdict:
    """Sorts what is wrong for CFG006 (everything but the last slash) and CFG007 (the last slash alone)."""
    seen = _examine(text)
    return DomainVerdict(seen.faults, seen.url, "" if seen.url else _suggest(text))


def _examine(text: str) -> _Examined:
    faults: set[DomainFault] = set()
    url = path = ""
    try:
        url, path = _rebuild(_strip(text, faults), faults)
    except _RefusedError as refused:
        # The refusal stands last: it is the one that is said.
        return _Examined((*sorted(faults - {F.OTHER_PATH}, key=ORDER.__getitem__), refused.fault))
    return _Examined(tuple(sorted(faults, key=ORDER.__getitem__)), url, path)


_QUOTES = frozenset("\"'`") | CURLY_QUOTES


def _strip(text: str, faults: set[DomainFault]) -> str:
    """Takes white space, quotes and ``<>`` off both ends, nested and in any mix."""
    start, end = 0, len(text)

    def kind(char: str) -> DomainFault | None:
        if char.isspace() or char in INVISIBLE:
            return F.SPACE_AROUND
        if char in _QUOTES:
            return F.QUOTES_AROUND
        return F.BRACKETS_AROUND if char in "<>" else None

    while start < end and (fault := kind(text[start])):
        faults.add(fault)
        start += 1
    while end > start and (fault := kind(text[end - 1])):
        faults.add(fault)
        end -= 1
    return text[start:end]


_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")


def _rebuild(text: str, faults: set[DomainFault]) -> tuple[str, str]:
    """The mended URL and the path that was kept ("" where it is the root)."""
    if not text:
        raise _RefusedError(F.BLANK)
    for fault, found in (
        (F.SPACE_INSIDE, any(char.isspace() for char in text)),
        (F.CONTROL_INSIDE, any(is_control(char) or char in INVISIBLE for char in text)),
        (F.BACKSLASH, "\\" in text),
    ):
        if found:
            raise _RefusedError(fault)
    scheme, authority, tail = _split(text)
    if scheme != text[: len(scheme)]:
        faults.add(F.SCHEME_CASE)
    if scheme not in {"http", "https"}:
        raise _RefusedError(F.OTHER_SCHEME)
    host, port = _host_and_port(authority, tail, faults)
    if scheme == "http" and not is_loopback_host(host):
        raise _RefusedError(F.PLAIN_HTTP)
    if port == _default_port(scheme):
        faults.add(F.DEFAULT_PORT)
        port = None
    path = _mend_path(tail, faults)
    if path != "/":
        faults.add(F.OTHER_PATH)
    where = host if port is None else f"{host}:{port}"
    return f"{scheme}://{where}{path}", path if path != "/" else ""


def _split(text: str) -> tuple[str, str, str]:
    """Scheme (in lower case), authority, and the rest from the first ``/``, ``?`` or ``#`` on (RFC 3986, 3)."""
    match = _SCHEME.match(text)
    if match is None:
        raise _RefusedError(F.NO_SCHEME)
    rest = text[match.end() :]
    end = next((place for place, char in enumerate(rest) if char in "/?#"), len(rest))
    return match[1].lower(), rest[:end], rest[end:]


def _default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


_PORT = re.compile(r"[1-9][0-9]{0,4}")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_OCTET = re.compile(r"0|[1-9][0-9]{0,2}")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def _host_and_port(authority: str, tail: str, faults: set[DomainFault]) -> tuple[str, int | None]:
    if authority.lower() in {"http:", "https:"} and tail.startswith("//"):
        raise _RefusedError(F.TWO_SCHEMES)
    if "@" in authority:
        raise _RefusedError(F.USER_INFO)
    if authority.startswith("["):
        inside, bracket, after = authority[1:].partition("]")
        if not bracket or (after and not after.startswith(":")):
            raise _RefusedError(F.BAD_IPV6)
        return _ipv6(inside, faults), _port(after)
    host, colon, after = authority.partition(":")
    if ":" in after:
        raise _RefusedError(F.BAD_IPV6 if re.fullmatch(r"[0-9A-Fa-f:.]+", authority) else F.BAD_PORT)
    if not host:
        raise _RefusedError(F.NO_HOST)
    if host.lower() in {"http", "https"}:
        raise _RefusedError(F.TWO_SCHEMES)
    return _host_name(host, faults), _port(colon + after)


def _port(text: str) -> int | None:
    if not text:
        return None
    if not _PORT.fullmatch(text[1:]) or int(text[1:]) > 65535:
        raise _RefusedError(F.BAD_PORT)
    return int(text[1:])


def _host_name(host: str, faults: set[DomainFault]) -> str:
    if not host.isascii():
        raise _RefusedError(F.HOST_NOT_ASCII)
    if host != host.lower():
        faults.add(F.HOST_CASE)
        host = host.lower()
    if host.endswith("."):
        faults.add(F.HOST_DOT)
        host = host[:-1]
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _RefusedError(F.BAD_HOST)
    # A host whose last part is a number is an IPv4 address to every resolver, and shortened, octal and
    # hexadecimal ones (127.1, 0177.0.0.1, 0x7f.1) are read in different ways: only the plain form is taken.
    if _NUMBER.fullmatch(labels[-1]) and not _is_ipv4(labels):
        raise _RefusedError(F.ODD_ADDRESS)
    return host


def _is_ipv4(labels: list[str]) -> bool:
    return len(labels) == 4 and all(_OCTET.fullmatch(label) and int(label) <= 255 for label in labels)


def _ipv6(inside: str, faults: set[DomainFault]) -> str:
    from ipaddress import IPv6Address  # only here: most hosts have a name

    try:
        if "%" in inside:  # a zone id means another machine on each host
            raise _RefusedError(F.BAD_IPV6)
        address = IPv6Address(inside)
    except ValueError:
        raise _RefusedError(F.BAD_IPV6) from None
    if address.ipv4_mapped is not None:
        # Programs disagree on whether these are the IPv4 host; the IPv4 address says it plainly.
        raise _RefusedError(F.ODD_ADDRESS)
    host = f"[{address}]"
    if host != f"[{inside}]":
        faults.add(F.HOST_CASE if host == f"[{inside.lower()}]" else F.IPV6_LONG)
    return host


def is_loopback_host(host: str) -> bool:
    """Whether a parsed host, in lower case, is this machine: ``localhost``, 127.0.0.0/8 or ``[::1]``.

    ``*.localhost`` is not: RFC 6761 (6.3) asks resolvers to keep these names at home, but not all do, and then
    plain http would carry a secret out into the network.
    """
    labels = host.split(".")
    return host in {"localhost", "[::1]"} or (_is_ipv4(labels) and labels[0] == "127")


_DOT = re.compile(r"\.|%2e", re.IGNORECASE)
_PATH = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*")


def _mend_path(tail: str, faults: set[DomainFault]) -> str:
    """The path of the base URL, from ``/`` to ``/``."""
    before, hash_sign, _ = tail.partition("#")
    raw, question, _ = before.partition("?")
    if hash_sign:
        faults.add(F.FRAGMENT)
    if question:
        faults.add(F.QUERY)
    kept: list[str] = []
    inner, cut = raw.rstrip("/"), False
    parts = inner.split("/")[1:]
    for part in parts:
        dots = _DOT.sub(".", part)
        if not part:
            faults.add(F.SLASHES_INSIDE)
        elif dots in {".", ".."}:
            faults.add(F.DOT_SEGMENTS)
            del kept[len(kept) - (dots == "..") :]
        elif part.lower() in PAGES:
            faults.add(F.PAGE)
            cut = True
            break
        else:
            kept.append(part)
    if not cut:
        slashes = len(raw) - len(inner)
        if slashes != 1:
            faults.add(F.SLASHES_SEVERAL if slashes else F.SLASH_MISSING)
    path = "/".join(["", *kept, ""])
    if not _PATH.fullmatch(path):
        raise _RefusedError(F.BAD_PATH)
    return path


_LEAD = re.compile(r"[A-Za-z][A-Za-z0-9+\-]*:/+|https?[:/]/*|/+", re.IGNORECASE)
_DASHES = re.compile("[\u2010-\u2015\u2212]")


def _suggest(text: str) -> str:
    """The base URL that a refused text most likely means, or ""."""
    tidy = "".join(char for char in text if not (char.isspace() or is_control(char) or char in INVISIBLE))
    tidy = _DASHES.sub("-", _strip(tidy, set()).replace("\\", "/"))
    secure = not tidy.lower().startswith("http:")
    bare, found_scheme = tidy, False
    while (lead := _LEAD.match(bare)) is not None:
        bare, found_scheme = bare[lead.end() :], True
    end = next((place for place, char in enumerate(bare) if char in "/?#"), len(bare))
    user_info, _, authority = bare[:end].rpartition("@")
    tail = bare[end:]
    if "." in user_info:
        return ""  # host@host: which one is meant?
    if "://" in tail.partition("?")[0]:
        return ""  # two URLs in one line: which one is meant?
    host, colon, port = authority.partition(":")
    if colon and not authority.startswith("[") and not (_PORT.fullmatch(port) and int(port) <= 65535):
        authority = host
    if "." not in host and not authority.startswith("[") and host.lower() != "localhost":
        return ""  # a single word is hardly a host
    if not authority.isascii():
        try:
            authority = authority.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    local = is_loopback_host(host.lower()) or authority.lower().startswith("[::1]")
    scheme = "http" if local and not (found_scheme and secure) else "https"
    seen = _examine(f"{scheme}://{authority}{tail}")
    return seen.url


def server_of(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of a URL (https, or http on any host), or None where it has no clear ones."""
    faults: set[DomainFault] = set()
    if any(char.isspace() or is_control(char) or char == "\\" for char in url):
        return None
    try:
        scheme, authority, tail = _split(url)
        host, port = _host_and_port(authority, tail, faults)
    except _RefusedError:
        return None
    if scheme not in {"http", "https"}:
        return None
    return scheme, host, _default_port(scheme) if port is None else port


def same_server(url_a: str, url_b: str) -> bool:
    """Whether two URLs name the same scheme, host and port (RFC 6454, 4). Unclear ones are never the same."""
    a = server_of(url_a)
    return a is not None and a == server_of(url_b)


def instance_of(url: str) -> str | None:
    """``"prod"``, ``"test"``, or None for any other server."""
    return next((name for name, base in INSTANCES.items() if same_server(url, base)), None)


def _page(base: str, path: str) -> str:
    return f"{base if base.endswith('/') else base + '/'}{path}"


def authorize_url(base: str) -> str:
    return _page(base, "o/authorize/")


def token_url(base: str) -> str:
    return _page(base, "o/token/")


def revoke_url(base: str) -> str:
    return _page(base, "o/revoke_token/")


def callback_url(base: str) -> str:
    """The redirect URI: the client sends exactly this, and the server compares it to the letter (FACTS.md)."""
    return _page(base, "o/callback/")


def applications_url(base: str) -> str:
    return _page(base, "o/applications/")


def keys_url(base: str) -> str:
    return _page(base, "keys/list/")


def validity_url(base: str) -> str:
    """The harmless probe of a token (FACTS.md, the biosample validity query)."""
    return _page(base, "api/v2/artifact/biosample/query/validity/")
