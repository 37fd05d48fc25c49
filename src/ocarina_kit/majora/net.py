"""Through which proxy and CA bundle a request goes, and what it means if it came no further."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from ocarina_kit.system.secret import mask


class NoAnswer(NamedTuple):
    """No answer came, or none that is usable. ``words`` is for people: lower case, no full stop, no secret.

    ``kind``: a key of ``_WORDS``; of this machine: ``ca-bundle``, ``insecure``, ``no-thread``; of an answer that
    arrived: ``rate-limited``, ``server-error``, ``other`` (no OAuth answer, so something else than Majora gave it).
    ``sent``: the server may have acted on the request, so a token or code in it may be spent. Times are in seconds.
    """

    kind: str
    words: str
    sent: bool = False
    status: int | None = None
    retry_after: float | None = None
    skew: float | None = None


def proxy_for(environ: Mapping[str, str], url: str) -> str | None:
    """The proxy for ``url`` by HTTPS_PROXY, ALL_PROXY and NO_PROXY in either case, as requests and curl read them.

    The lower-case name wins, also when it is empty. Plain http is for this machine only and never asks a proxy.
    """
    from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # not in typeshed

    def setting(name: str) -> str:
        return environ.get(name, environ.get(name.upper(), "")).strip()

    proxy = setting("https_proxy") or setting("all_proxy")
    if not proxy or not url.startswith("https:"):
        return None
    if proxy_bypass_environment(urlsplit(url).netloc, {"no": setting("no_proxy")}):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def ca_bundle(environ: Mapping[str, str]) -> tuple[str, str] | None:
    """The variable that names a CA bundle, and the path: those that requests, and so the client, reads."""
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if environ.get(variable):
            return variable, environ[variable]
    return None


def unusable_bundle(variable: str, path: str) -> NoAnswer | None:
    """Why the CA bundle at ``path`` cannot be used."""
    import ssl

    try:
        if not Path(path).is_dir():
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except (OSError, ValueError):  # an SSLError is an OSError
        words = f"the CA bundle that {variable} names cannot be read, or has no certificate in it: {path}"
        return NoAnswer("ca-bundle", words)
    return None


_WORDS = {
    "dns-none": "no host is named {host}",
    "dns-silent": "the resolver did not answer for {host}",
    "refused": "{host} refuses the connection, or cannot be reached from here",
    "timeout": "{host} did not answer in time",
    "reset": "{host} closed the connection before it had answered",
    "tls-expired": "the certificate of {host} is not accepted",
    "tls-host": "the certificate of {host} is not accepted",
    "tls-unknown-issuer": "the certificate of {host} is not accepted",
    "tls-other": "the TLS handshake with {host} failed",
    "proxy-auth": "the proxy {proxy} asks for a user name and password (407)",
    "proxy-refused": "the proxy {proxy} cannot be reached, or refuses to connect to {host}",
    "proxy-unusable": "the setting for a proxy does not hold the address of one: {proxy}",
    "other": "{host} did not answer with HTTP",
}
# Codes of X509_verify_cert_error_string(3).
_VERIFY = {9: "tls-expired", 10: "tls-expired", 62: "tls-host", 63: "tls-host", 64: "tls-host"}
_VERIFY |= dict.fromkeys((2, 18, 19, 20, 21, 27), "tls-unknown-issuer")


def failure(problem: BaseException, *, sent: bool, host: str, proxy: str | None) -> NoAnswer:
    """What an exception of a request means. Its text is not shown: it may hold a URL or a proxy's password."""
    from ssl import SSLCertVerificationError

    causes = [problem]
    for each in causes:
        inner = (each.__cause__, each.__context__)
        causes += [cause for cause in inner if cause is not None and cause not in causes]
    kind = _kind(causes, sent, proxy is not None)
    words = _WORDS[kind].format(host=host, proxy=mask(proxy or ""))
    said = next((cause.verify_message for cause in causes if isinstance(cause, SSLCertVerificationError)), "")
    return NoAnswer(kind, f"{words}: {said}" if said and kind.startswith("tls-") else words, sent)


def _kind(causes: list[BaseException], sent: bool, has_proxy: bool) -> str:
    """``causes``: the exception and all that it wraps, outermost first."""
    import ssl

    names = {type(cause).__name__ for cause in causes}
    tls = next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None)
    unknown = next((cause for cause in causes if isinstance(cause, socket.gaierror)), None)
    if any("Timeout" in name for name in names):
        return "timeout"
    if has_proxy and not sent and (tls is None or "ProxyError" in names):
        # http.client says "Tunnel connection failed: <status> <reason>"; a ValueError is that of requests or urllib3
        # for an address that they cannot use.
        if any("Tunnel connection failed: 407" in str(cause) for cause in causes):
            return "proxy-auth"
        return "proxy-unusable" if any(isinstance(cause, ValueError) for cause in causes) else "proxy-refused"
    if isinstance(tls, ssl.SSLCertVerificationError):
        return _VERIFY.get(tls.verify_code, "tls-other")
    if tls is not None and not sent and not isinstance(tls, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "tls-other"
    if unknown is not None:
        no_name = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
        return "dns-none" if unknown.errno in no_name else "dns-silent"
    if "NewConnectionError" in names:
        return "refused"
    cut = tls is not None or names & {"IncompleteRead", "DecodeError"}
    return "reset" if cut or any(isinstance(cause, ConnectionError) for cause in causes) else "other"
