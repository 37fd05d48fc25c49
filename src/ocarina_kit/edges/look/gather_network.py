"""Asks the network and the server: the way there, who answers, and what it says to the credentials (SRV, CRD, API).

No request here changes anything at the server: a refresh token is never sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ocarina_kit.core.config.base_url import base_url
from ocarina_kit.core.config.credentials import Member, credential_faults, tidy_credential
from ocarina_kit.core.facts import ConfigFacts
from ocarina_kit.core.oauth.network_facts import ApiFacts, CredentialFacts, NetworkFacts
from ocarina_kit.core.oauth.server_words import TokenProbe
from ocarina_kit.core.secret import Secret
from ocarina_kit.core.tokens.token_facts import TokenFacts
from ocarina_kit.edges.net.http import Http
from ocarina_kit.edges.net.majora import Majora
from ocarina_kit.edges.net.netprobe import probe_reach
from ocarina_kit.edges.side_by_side import side_by_side
from ocarina_kit.edges.system import System

_SLACK = 0.2
"""Seconds beyond a request's own deadline in which its word on what failed is still awaited."""


def network_facts(system: System, config: ConfigFacts, *, seconds: float) -> NetworkFacts:
    """The way to the server and who answers there, tried side by side, within ``seconds``."""
    url = base_url(config)
    if url is None:
        return NetworkFacts("")
    http = Http(system.environ, now=system.clock.now)
    took: dict[str, int] = {}
    calls: dict[str, Callable[[], Any]] = {
        "reach": lambda: probe_reach(http, url, seconds=seconds),
        "identity": lambda: _timed(system, took, Majora(http, url).identify, seconds),
    }
    found = side_by_side(calls, clock=system.clock, seconds=seconds + _SLACK)
    return NetworkFacts(
        url, found.get("reach"), found.get("identity"), identity_ms=took.get("ms", round(seconds * 1000))
    )


def _timed(system: System, took: dict[str, int], ask: Callable[..., Any], seconds: float) -> Any:
    start = system.clock.monotonic()
    try:
        return ask(seconds=seconds)
    finally:
        took["ms"] = round((system.clock.monotonic() - start) * 1000)


def credential_facts(system: System, config: ConfigFacts, *, seconds: float) -> CredentialFacts:
    """The server's word on the client id and secret, where both are whole (CFG009)."""
    url = base_url(config)
    id, secret = config.text("CLIENT_ID"), config.text("CLIENT_SECRET")
    if url is None or config.uses_api_key or not (_whole(id, Member.ID) and _whole(secret, Member.SECRET)):
        return CredentialFacts()
    start = system.clock.monotonic()
    majora = Majora(Http(system.environ, now=system.clock.now), url, id, Secret(secret))
    probe = majora.probe_client(seconds=seconds)
    return CredentialFacts(probe, round((system.clock.monotonic() - start) * 1000))


def _whole(text: str, member: Member) -> bool:
    return all(fault.warning_only for fault in credential_faults(text, member))


def api_facts(
    system: System, config: ConfigFacts, tokens: TokenFacts | None, version: str | None, *, seconds: float
) -> ApiFacts:
    """The server's word on each token that is not expired, or on the legacy key; side by side, within ``seconds``.

    ``version`` is the installed client's, which the query carries; None where none is known. Tokens that another server
    granted, or may have granted, are not sent.
    """
    url = base_url(config)
    user = config.text("MAJORA_USER")
    if url is None or (tokens is None and not config.uses_api_key):
        return ApiFacts(version=version)
    start = system.clock.monotonic()
    majora = Majora(Http(system.environ, now=system.clock.now), url)
    if config.uses_api_key:
        key = Secret(tidy_credential(config.text("MAJORA_TOKEN")).text)
        legacy = majora.probe_legacy_key(key, user, version, seconds=seconds)
        return ApiFacts(legacy=legacy, version=version, ms=_ms(system, start))
    asked = _to_ask(tokens) if tokens is not None else {}

    def probe(token: Secret) -> Callable[[], TokenProbe]:
        def ask() -> TokenProbe:
            left = seconds - (system.clock.monotonic() - start)
            return majora.probe_token(token, user, version, seconds=max(0.05, left))

        return ask

    found = side_by_side(
        {key: probe(token) for key, token in asked.items()}, clock=system.clock, seconds=seconds + _SLACK
    )
    late = TokenProbe("unusable", "no time was left to ask", reason="network")
    answers = {key: found.get(key, late) for key in asked}
    return ApiFacts(answers, version=version, ms=_ms(system, start))


def _to_ask(tokens: TokenFacts) -> dict[str, Secret]:
    withheld = tokens.foreign | tokens.unsure
    return {
        entry.key: entry.access_token
        for entry in tokens.alive()
        if entry.access_token is not None and entry.key not in withheld
    }


def _ms(system: System, start: float) -> int:
    return round((system.clock.monotonic() - start) * 1000)
