"""MAJORA_DOMAIN as a base URL: what has one meaning is repaired, the rest refused (CONTRACT.md, init); and the
addresses that are built on it. The client joins it and a path as plain text (FACTS.md), so it must end in one ``/``.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address
from posixpath import normpath

from ocarina_kit.config.values import QUOTES, Fault, Value, is_placeholder
from ocarina_kit.system.words import strip_ends

INSTANCES = {
    "production": "https://majora.covid19.climb.ac.uk/",
    "test": "https://majora-test.covid19.climb.ac.uk/",
}
"""The consortium's instances (FACTS.md). Accounts, applications and tokens of one are unknown to the other."""

_PATHS = {
    "token": "o/token/",
    "authorize": "o/authorize/",
    "callback": "o/callback/",
    "revoke": "o/revoke_token/",
    "applications": "o/applications/",
    "register": "o/applications/register/",
    "two_factor": "account/two_factor/",
    "keys": "keys/list/",
    "validity": "api/v2/artifact/biosample/query/validity/",
}
_PAGES = ("o", "account", "accounts", "keys", "forms", "admin", "api")
_URL = re.compile(
    r"(https?)://([^/?#]*)([^?#]*).*", re.IGNORECASE | re.DOTALL
)  # RFC 3986, appendix B
_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([1-9][0-9]{0,4}))?")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_PATH = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*")


def endpoint(domain: str, name: str) -> str:
    """The address of one of Majora's pages or endpoints, by its name: a key of ``_PATHS``."""
    return f"{domain.rstrip('/')}/{_PATHS[name]}"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine: ``localhost``, 127.0.0.0/8 or ``::1``. Not ``*.localhost``: some resolvers ask
    the network for it (RFC 6761, 6.3)."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def server_of(url: str) -> str:
    """Scheme, host and port of a usable URL in one spelling, to compare (RFC 6454, 4); else ""."""
    try:
        return _parsed(url)[0]
    except ValueError:
        return ""


def instance_of(domain: str) -> str:
    """``production``, ``test``, or the server's host and port; "" if the domain is not usable."""
    server = server_of(domain)
    return next(
        (name for name, url in INSTANCES.items() if url == f"{server}/"),
        server.partition("://")[2],
    )


def judge_domain(text: str) -> Value:
    """MAJORA_DOMAIN: repaired if it has one meaning. Takes any string, never raises; idempotent.

    A usable one starts with ``https://`` (or ``http://`` and a loopback host), ends in one ``/``, and has no user info,
    query or fragment. Nothing of a refused one is repeated: it may hold a password.
    """
    if is_placeholder("MAJORA_DOMAIN", text):
        return Value(text, (Fault("CFG005", "still has a placeholder"),))
    bare = strip_ends(text, f"{QUOTES}<>")
    try:
        server, path = _parsed(bare)
        kept, is_page = _kept(path)
    except ValueError as problem:
        return Value(text, (Fault("CFG006", str(problem)),))
    url, cut = "/".join([server, *kept, ""]), re.split(r"[?#]", bare)[0]
    is_odd = (cut.rstrip("/") != url[:-1] and not is_page) or "/".join(
        cut.split("/")[:3]
    ) != server
    slips = (
        (bare != text, "CFG006", "has spaces, quotes or < > around it"),
        (cut != bare, "CFG006", "has a query or fragment (? or #)"),
        (is_page, "CFG006", "is the address of one of Majora's pages"),
        (is_odd, "CFG006", "has a host, port or path in an unusual form"),
        (not path.endswith("/") and not is_page, "CFG007", "does not end in /"),
        (path.endswith("//") and not is_page, "CFG007", "ends in several slashes"),
    )
    faults = [
        Fault(check, words, fixable=True) for found, check, words in slips if found
    ]
    if kept:
        faults.append(
            Fault(
                "CFG006", "has a path that is not one of Majora's pages", warning=True
            )
        )
    return Value(url, tuple(faults))


def _parsed(text: str) -> tuple[str, str]:
    """The server in one spelling, and the path. Raises ValueError with the reason for a refusal, as `_kept` does."""
    url = _URL.fullmatch(text)
    authority = _AUTHORITY.fullmatch(url[2]) if url else None
    if not text.isprintable() or " " in text or "\\" in text:
        raise ValueError(
            "has a space, a line break, a backslash or an invisible character in it"
        )
    if url is None:
        raise ValueError("does not start with https://")
    if "@" in url[2]:
        raise ValueError("has a user name or password (an @) before the host")
    if authority is None or int(authority[2] or 1) > 65535:
        raise ValueError("has a port that is not a number from 1 to 65535")
    scheme, host, port = (
        url[1].lower(),
        _host(authority[1].lower().removesuffix(".")),
        authority[2],
    )
    if scheme == "http" and not is_loopback(host):
        raise ValueError(
            "has http:// for another machine, which would send your secrets unencrypted"
        )
    usual = {"http": "80", "https": "443"}[scheme]
    return f"{scheme}://{host if port in (None, usual) else f'{host}:{port}'}", url[3]


def _host(host: str) -> str:
    try:
        if host.startswith("["):
            address = IPv6Address(host[1:-1])
            # A zone means another machine on each host; programs disagree on what a mapped address is.
            if "%" not in host and address.ipv4_mapped is None:
                return f"[{address}]"
        elif re.fullmatch(r"\d+|0x[0-9a-f]*", host.rpartition(".")[2]):
            return str(
                ip_address(host)
            )  # 127.1 and 0177.0.0.1 are not the same address to every program
        elif _HOST.fullmatch(host) and host not in ("http", "https"):
            return host
    except ValueError:
        pass
    raise ValueError("has no host, or one that is not a host name or address")


def _kept(path: str) -> tuple[list[str], bool]:
    """The parts of a path that belong to the base URL, and whether it went on to one of Majora's pages."""
    if "://" in path:
        raise ValueError("has another address behind the host")
    parts = [part for part in normpath(path or "/").split("/") if part]
    page = next(
        (at for at, part in enumerate(parts) if part.lower() in _PAGES), len(parts)
    )
    if not _PATH.fullmatch("/".join(parts[:page])):
        raise ValueError("has a path that a URL cannot have")
    return parts[:page], page < len(parts)
