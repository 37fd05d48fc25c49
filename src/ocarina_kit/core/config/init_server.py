"""What the server's word on a client or a key means for ``init``: written, not written, or written with a warning."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from ocarina_kit.core.errors import Remedy
from ocarina_kit.core.oauth.network import NetFailure
from ocarina_kit.core.oauth.server_words import ClientProbe, Identity, TokenProbe

Word = Literal["accepts", "refuses", "unknown", "not asked"]


@dataclass(frozen=True)
class Verdict:
    """``id`` is that of the check which finds the same (CHECKS.md); ``words`` are for people."""

    word: Word
    words: str = ""
    id: str = ""
    remedy: Remedy = field(default_factory=lambda: Remedy(""))


def client_verdict(probe: ClientProbe, domain: str) -> Verdict:
    """What the answer to the bogus code means (FACTS.md, The server)."""
    host = _host(domain)
    if probe.kind == "known":
        return Verdict("accepts", f"{host} takes this client id and secret.")
    if probe.kind == "other-grant":
        return Verdict(
            "accepts",
            f"{host} knows this client id and secret, but the application was registered with another grant type: "
            "no log-in will work with it. Set its authorization grant type to Authorization code.",
            "CRD001",
        )
    if probe.kind == "unknown":
        return Verdict(
            "refuses",
            f"{host} does not know this client id and secret ({probe.detail}).",
            "CRD001",
            Remedy(
                "Copy both again from the application's page there; they belong to this Majora alone, and the secret "
                "is the one seen before Save. With --force they are written all the same."
            ),
        )
    if probe.kind == "not-majora":
        return _not_majora(host, probe.detail)
    return _unusable(host, probe.detail, probe.net)


def key_verdict(probe: TokenProbe, domain: str, user: str) -> Verdict:
    """What the answer to the harmless query means for a legacy API key."""
    host = _host(domain)
    if probe.kind == "alive":
        return Verdict("accepts", f"{host} takes this API key.")
    if probe.kind == "dead":
        return Verdict(
            "refuses",
            f"{host} refuses this API key for {user} ({probe.detail}).",
            "API002",
            Remedy(
                f"Keys expire after 3 days, and belong to one user: get a new one at {domain}keys/list/. With "
                "--force it is written all the same."
            ),
        )
    if probe.reason in ("html", "not-json", "redirect", "status", "shape"):
        return _not_majora(host, probe.detail)
    return _unusable(host, probe.detail, probe.net)


def identity_verdict(who: Identity, domain: str) -> Verdict:
    """What the answer to a request without any credential means: is a Majora there at all?"""
    host = _host(domain)
    if who.kind == "majora":
        return Verdict("not asked", f"A Majora answers at {host}.")
    if who.kind == "not-majora":
        return _not_majora(host, who.detail)
    return _unusable(host, who.detail, who.net)


def _not_majora(host: str, detail: str) -> Verdict:
    return Verdict(
        "unknown",
        f"What answers at {host} is no Majora: {detail}. Is the address right? On a guest network, that network's "
        "own log-in page may be in between.",
        "SRV004",
    )


_TRUST = (
    "Where your organisation has a certificate authority of its own, set REQUESTS_CA_BUNDLE to its bundle. No secret "
    "was sent."
)


def _unusable(host: str, detail: str, net: NetFailure | None) -> Verdict:
    kind = net.kind if net is not None else ""
    if kind.startswith("tls-") or kind == "ca-bundle":
        hint = f" {_TRUST}" if kind == "tls-unknown-issuer" else " No secret was sent."
        return Verdict("unknown", f"The server could not be trusted: {detail}.{hint}", "SRV003")
    if kind == "dns-none":
        return Verdict("unknown", f"There is no such server: {detail}. Is the address right?", "SRV001")
    if kind == "dns-silent":
        return Verdict("unknown", f"The server's address could not be looked up: {detail}.", "SRV001")
    if kind:
        return Verdict("unknown", f"The server cannot be reached: {detail}.", "SRV002")
    return Verdict("unknown", f"{host} gives no usable answer at the moment: {detail}.", "SRV004")


def _host(domain: str) -> str:
    return urlsplit(domain).netloc
