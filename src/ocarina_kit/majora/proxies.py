"""Which proxy and which CA bundle the environment names, as requests reads them."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import NamedTuple
from urllib.parse import urlsplit

from ocarina_kit.config.names import CA_BUNDLES


class CaBundle(NamedTuple):
    """The CA bundle that the environment names. Both are empty if it names none."""

    variable: str
    path: str


def ca_bundle(environ: Mapping[str, str]) -> CaBundle:
    """Find the CA bundle in the variables that requests, and so the client, reads."""
    for variable in CA_BUNDLES:
        if environ.get(variable):
            return CaBundle(variable, environ[variable])
    return CaBundle("", "")


def proxy_for(environ: Mapping[str, str], url: str) -> str | None:
    """Find the proxy for ``url`` in HTTPS_PROXY, ALL_PROXY and NO_PROXY.

    The lower-case name wins, also when it is empty, as in requests and curl. Plain http
    is for this machine only and never goes through a proxy.
    """
    if not url.startswith("https:"):
        return None
    proxy = _variable(environ, "https_proxy") or _variable(environ, "all_proxy")
    if not proxy or _needs_no_proxy(url, _variable(environ, "no_proxy")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _variable(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name, environ.get(name.upper(), "")).strip()


def _needs_no_proxy(url: str, no_proxy: str) -> bool:
    """Whether NO_PROXY has the host's name, domain, address, or network (10.0.0.0/8)."""
    from urllib.request import (  # type: ignore[attr-defined]  # not in typeshed
        proxy_bypass_environment,
    )

    parts = urlsplit(url)
    host = parts.hostname or ""
    if any(_is_in_network(host, entry.strip()) for entry in no_proxy.split(",")):
        return True
    return bool(proxy_bypass_environment(parts.netloc, {"no": no_proxy}))


def _is_in_network(host: str, network: str) -> bool:
    try:
        return ip_address(host) in ip_network(network, strict=False)
    except ValueError:  # one of them is a name
        return False
