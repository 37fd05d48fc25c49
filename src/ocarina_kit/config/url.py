"""MAJORA_DOMAIN as a base URL: what has one meaning is repaired, the rest refused (CONTRACT.md, init); and the
addresses that are built on it. The client joins it and a path as plain text (FACTS.md), so it must end in one ``/``.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address

from ocarina_kit.config.values import QUOTES, Fault, Value, is_placeholder
from ocarina_kit.system.words import INVISIBLE, strip_ends

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
_URL = re.compile(r"(https?)://([^/?#]*)([^?#]*).*", re.IGNORECASE | re.DOTALL)  # RFC 3986, appendix B
_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([1-9][0-9]{0,4}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_PATH = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*")


def endpoint(domain: str, name: str) -> str:
    """The address of one of Majora's pages or endpoints, by its name: a key of ``_PATHS``."""
    return f"{domain.rstrip('/')}/{_PATHS[name]}"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine: ``localhost``, 127.0.0.0/8 or ``::1``. Not ``*.localhost``: some resolvers ask
    the network for it (RFC 6761, 6.3)."""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return host == "localhost"
    return address.is_loopback and getattr(address, "ipv4_mapped", None) is None


def server_of(url: str) -> str:
    """Scheme, host and port of a usable URL in one spelling, to compare (RFC 6454, 4); else ""."""
    try:
        return _parsed(url)[0]
    except ValueError:
        return ""


def instance_of(domain: str) -> str:
    """``production``, ``test``, or the server's host and port; "" where the domain is not usable."""
    server = server_of(domain)
    names = (name for name, url in INSTANCES.items() if server_of(url) == server)
    return next(names, server.partition("://")[2])


def judge_domain(text: str) -> Value:
    """MAJORA_DOMAIN: repaired where it has one meaning. Takes any string, never raises; idempotent.

    A usable one starts with ``https://`` (or ``http://`` and a loopback host), ends in one ``/``, and has no user info,
    query or fragment. Nothing of a refused one is repeated: it may hold a password.
    """
    if is_placeholder("MAJORA_DOMAIN", text):
        return Value("MAJORA_DOMAIN", text, (Fault("CFG005", "still has a placeholder"),))
    bare = strip_ends(text, QUOTES | frozenset("<>"))
    try:
        server, given = _parsed(bare)
        kept, page = _kept(given)
    except ValueError as problem:
        return Value("MAJORA_DOMAIN", text, (Fault("CFG006", str(problem)),))
    path = "/".join(["", *kept, ""])
    slashes = len(given) - len(given.rstrip("/"))
    as_usual = bare.startswith(server) and bare[len(server) :][:1] in ("", *"/?#")
    tidy = given.rstrip("/") == path.rstrip("/")
    slips = (
        (bare != text, "CFG006", "has spaces, quotes or < > around it"),
        (not as_usual, "CFG006", "has a host or port in an unusual form"),
        (not {"?", "#"}.isdisjoint(bare), "CFG006", "has a query or fragment (? or #)"),
        (page, "CFG006", "is the address of one of Majora's pages"),
        (not page and not tidy, "CFG006", "has dots or several slashes in its path"),
        (not page and slashes == 0, "CFG007", "does not end in /"),
        (not page and slashes > 1, "CFG007", "ends in several slashes"),
    )
    faults = [Fault(check, words, fixable=True) for found, check, words in slips if found]
    if kept:
        faults.append(Fault("CFG006", "has a path that is not one of Majora's pages", warning=True))
    return Value("MAJORA_DOMAIN", f"{server}{path}", tuple(faults))


def _parsed(text: str) -> tuple[str, str]:
    """The server in one spelling, and the path. Raises ValueError with the reason for a refusal, as `_kept` does."""
    url = _URL.fullmatch(text)
    found = _AUTHORITY.fullmatch(url[2]) if url else None
    host = found[1].lower().removesuffix(".") if found else ""
    refusals = (
        (not text, "is blank"),
        (any(map(_is_unseen, text)), "has a space, a line break or an invisible character in it"),
        ("\\" in text, "has a backslash in it"),
        (url is None, "does not start with https://"),
        (url and "@" in url[2], "has a user name or password (an @) before the host"),
        (found is None or int(found[2] or 1) > 65535, "has a port that is not a number from 1 to 65535"),
        (found and not found[1], "has no host"),
        (not _is_host(host), "has a host that is not a host name or address"),
    )
    for refused, words in refusals:
        if refused:
            raise ValueError(words)
    if url is None or found is None:
        raise AssertionError("refused above")
    if host.startswith("["):
        host = f"[{IPv6Address(host[1:-1])}]"
    scheme = url[1].lower()
    if scheme == "http" and not is_loopback(host):
        raise ValueError("has http:// for another machine, which would send your secrets unencrypted")
    usual = {"http": "80", "https": "443"}[scheme]
    return f"{scheme}://{host if found[2] in (None, usual) else f'{host}:{found[2]}'}", url[3]


def _is_unseen(char: str) -> bool:
    return char.isspace() or not char.isprintable() or char in INVISIBLE


def _is_host(host: str) -> bool:
    try:
        if host.startswith("["):
            # A zone means another machine on each host; programs disagree on what a mapped address is.
            return "%" not in host and IPv6Address(host[1:-1]).ipv4_mapped is None
        if re.fullmatch(r"\d+|0x[0-9a-f]*", host.rpartition(".")[2]):
            return bool(
                ip_address(host)
            )  # 127.1 and 0177.0.0.1 are addresses, and not the same one to every program
    except ValueError:
        return False
    labels = all(_LABEL.fullmatch(label) for label in host.split("."))
    return labels and len(host) <= 253 and host not in ("http", "https")


def _kept(path: str) -> tuple[list[str], bool]:
    """The parts of a path that belong to the base URL, and whether it went on to one of Majora's pages."""
    kept: list[str] = []
    part = ""
    for part in path.split("/"):
        dots = re.sub("%2e", ".", part, flags=re.IGNORECASE)
        if dots == "..":
            del kept[-1:]
        elif part.lower() in _PAGES:
            break
        elif part and dots != ".":
            kept.append(part)
    if not _PATH.fullmatch("/".join(kept)):
        raise ValueError("has a path that a URL cannot have")
    return kept, part.lower() in _PAGES
