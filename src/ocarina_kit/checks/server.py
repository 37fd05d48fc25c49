"""SRV, CRD and API: the way to the server, who answers there, and what it says to the credentials (CHECKS.md)."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import wraps

from ocarina_kit.checks.model import Check, Need, Outcome, Status, fail, not_applicable, ok, unknown
from ocarina_kit.checks.token_words import login_options, named
from ocarina_kit.core.config.domain import applications_url, keys_url
from ocarina_kit.core.errors import Remedy
from ocarina_kit.core.facts import Facts
from ocarina_kit.core.oauth.network import NetFailure, NetKind, Reach, Step
from ocarina_kit.core.oauth.network_facts import NetworkFacts
from ocarina_kit.core.oauth.server_words import ClientProbe, TokenProbe
from ocarina_kit.core.plan import Plan, RefreshTokens

LATE = "There was no time left to ask."


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}." if words else ""


def _reached(probe: Callable[[Facts, NetworkFacts, Reach], Outcome]) -> Callable[[Facts], Outcome]:
    """A probe of the way to the server."""

    @wraps(probe)
    def judged(facts: Facts) -> Outcome:
        network = facts.network
        if network is None or network.reach is None:
            return unknown(LATE)
        return probe(facts, network, network.reach)

    return judged


# --- SRV001 to SRV003: the way there ------------------------------------------------------------------------


@_reached
def name(facts: Facts, network: NetworkFacts, reach: Reach) -> Outcome:
    if reach.dns is None:
        if reach.proxy is not None:
            return not_applicable(f"The proxy {reach.proxy} ({reach.proxy_variable}) looks the name up.")
        return not_applicable("No name was looked up.")
    failure = reach.dns.failure
    if failure is None:
        return ok(f"The host of {network.domain} has an address.")
    if failure.kind == "dns-none":
        return fail(
            _sentence(failure.detail),
            remedy=Remedy(
                "Correct MAJORA_DOMAIN where it is misspelt. Where it is right, ask your network's administrators.",
                (facts.config.place.command("init"),),
            ),
        )
    return unknown(
        _sentence(failure.detail), remedy=Remedy("Check that this machine is on the network, then try again.")
    )


_UNREACHED: dict[NetKind, tuple[bool, str]] = {
    # kind: whether it is a fault for sure, and what to do
    "refused": (True, "Check the host and port of MAJORA_DOMAIN, and whether a firewall stands between."),
    "insecure": (True, "Correct MAJORA_DOMAIN: plain http is for this machine alone."),
    "proxy-unusable": (True, "Set the variable to http://HOST:PORT, or unset it where no proxy is needed."),
    "ca-bundle": (True, "Set the variable to a CA bundle that exists, or unset it."),
    "proxy-refused": (
        False,
        "Check the proxy's address; where none is needed, unset the variable or add the host to NO_PROXY.",
    ),
    "proxy-auth": (
        False,
        "Put the proxy's user and password into the variable (http://USER:PASSWORD@HOST:PORT).",
    ),
}


@_reached
def connection(facts: Facts, network: NetworkFacts, reach: Reach) -> Outcome:
    step = reach.tcp
    if step is None:
        return unknown(LATE)
    if step.failure is None:
        way = f" through the proxy {reach.proxy}" if reach.proxy is not None else ""
        return ok(f"{network.domain} takes connections{way}.")
    wrong, text = _UNREACHED.get(step.failure.kind, (False, "Try again later."))
    if step.failure.kind.startswith("proxy") and reach.proxy_variable:
        text = f"It comes from {reach.proxy_variable}. {text}"
    outcome = fail if wrong else unknown
    return outcome(_sentence(step.failure.detail), remedy=Remedy(text, _nearest(facts, step.failure)))


def _nearest(facts: Facts, failure: NetFailure) -> tuple[str, ...]:
    return (facts.config.place.command("init"),) if failure.kind in ("refused", "insecure") else ()


@_reached
def tls(facts: Facts, network: NetworkFacts, reach: Reach) -> Outcome:
    if network.domain.startswith("http:"):
        return not_applicable("Plain http on this machine itself: there is no TLS.")
    step = reach.tls
    if step is None:
        return unknown(LATE)
    if step.failure is None:
        by = f", verified by {reach.ca_variable}" if reach.ca_variable is not None else ""
        return ok(f"The certificate of {network.domain} is good{by}.")
    if step.failure.kind in ("timeout", "reset", "other"):
        return unknown(_sentence(step.failure.detail), remedy=Remedy("Try again later."))
    remedy = _tls_remedy(facts, reach, step)
    detail = _sentence(step.failure.detail)
    if step.failure.kind == "tls-unknown-issuer" and reach.ca_variable is not None:
        detail += f" It was held against the CA bundle that {reach.ca_variable} names."
    return fail(detail, remedy=remedy)


def _tls_remedy(facts: Facts, reach: Reach, step: Step) -> Remedy:
    kind = step.failure.kind if step.failure is not None else "other"
    if kind in ("tls-unknown-issuer", "ca-bundle"):
        return _bundle_remedy(reach, kind)
    if kind == "tls-expired":
        return Remedy(
            "Check this machine's clock; where it is right, Majora's administrators must act.", ("date",)
        )
    if kind == "tls-host":
        return Remedy(
            "Correct MAJORA_DOMAIN; where it is right, something else answers in the server's place. No secret was "
            "sent.",
            (facts.config.place.command("init"),),
        )
    return Remedy("Correct the host and port of MAJORA_DOMAIN.", (facts.config.place.command("init"),))


def _bundle_remedy(reach: Reach, kind: str) -> Remedy:
    """Which CA bundle setting hurts or helps."""
    helps, variable = reach.ca_helps, reach.ca_variable
    if helps is not None and variable is not None and _is_built_in(helps):
        return Remedy(
            f"{variable} is what hurts: without it the certificate is good. Unset it, also where your shell sets it.",
            (f"unset {variable}",),
        )
    if helps is not None:
        what = (
            f"{variable} names another bundle"
            if variable is not None
            else "the built-in one lacks its issuer"
        )
        return Remedy(
            f"With the CA bundle {helps} the certificate is good; {what}.",
            (f"export REQUESTS_CA_BUNDLE={shlex.quote(helps)}",),
        )
    if kind == "ca-bundle":
        return Remedy(f"Set {variable} to a CA bundle that exists, or unset it.", (f"unset {variable}",))
    if variable is not None:
        return Remedy(
            f"{variable} names a CA bundle without this issuer. Where your network inspects TLS, it must name your "
            "institution's bundle; else unset it. No secret was sent."
        )
    return Remedy(
        "Where your network inspects TLS, set REQUESTS_CA_BUNDLE to your institution's CA bundle (ask for it). Where "
        "it does not, something else answers in the server's place. No secret was sent."
    )


def _is_built_in(bundle: str) -> bool:
    """The bundle that requests, and so ocarina, takes where no variable names one."""
    return "/certifi/" in bundle


# --- SRV004 -------------------------------------------------------------------------------------------------


def identity(facts: Facts) -> Outcome:
    network = facts.network
    if network is None or network.identity is None:
        return unknown(LATE)
    who = network.identity
    if who.kind == "majora":
        return ok(f"{network.domain} is an OAuth server, as Majora is.")
    if who.kind == "not-majora":
        return fail(
            f"{network.domain} answers, but is no Majora: {who.detail}.",
            remedy=Remedy(
                "Correct MAJORA_DOMAIN; or open it in a browser: this network may want you to log in first.",
                (facts.config.place.command("init"),),
            ),
        )
    return unknown(
        f"{network.domain} gives no usable answer: {who.detail}.",
        remedy=Remedy("Try again later; tell Majora's administrators where it lasts."),
    )


# --- CRD001 -------------------------------------------------------------------------------------------------


def credentials(facts: Facts) -> Outcome:
    probe = facts.credentials.probe if facts.credentials is not None else None
    if probe is None:
        return unknown(LATE)
    domain = facts.network.domain if facts.network is not None else facts.config.text("MAJORA_DOMAIN")
    if probe.kind == "known":
        return ok("The server knows the client id and secret.")
    if probe.kind == "unknown":
        return fail(
            f"The server does not know this client id and secret: {probe.detail}.",
            remedy=Remedy(
                f"Copy both anew from your application at {applications_url(domain)}",
                (facts.config.place.command("init"),),
            ),
        )
    if probe.kind == "other-grant":
        return fail(
            f"The server knows the client, but for another kind of grant: {probe.detail}.",
            consequence="No login can bring a token.",
            remedy=Remedy(
                f"At {applications_url(domain)} set the application's Authorization grant type to authorization code."
            ),
        )
    return _no_word(probe)


def _no_word(probe: ClientProbe | TokenProbe) -> Outcome:
    return unknown(f"The server gives no usable answer: {probe.detail}.", remedy=Remedy("Try again later."))


# --- API001 and API002 --------------------------------------------------------------------------------------


def access_tokens(facts: Facts) -> Outcome:
    if facts.api is None or facts.tokens is None:
        return unknown(LATE)
    asked = facts.api.tokens
    dead = tuple(key for key, probe in asked.items() if probe.kind == "dead")
    place = facts.config.place
    if dead:
        can_refresh = tuple(
            entry.key for entry in facts.tokens.usable if entry.key in dead and entry.can_refresh
        )
        return fail(
            f"The server refuses {named(dead, facts.table)}, though the time of expiry has not come.",
            remedy=Remedy(
                "Refresh; where that is refused too, log in again. Where no login helps, your Majora account may be "
                "inactive: ask its administrators.",
                (
                    place.command("refresh"),
                    place.command("login", "--force", *login_options(dead, facts.table)),
                ),
            ),
            fix=Plan((RefreshTokens(can_refresh, "refresh what the server refuses"),))
            if can_refresh
            else None,
        )
    foreign = tuple(entry.key for entry in facts.tokens.usable if entry.key in facts.tokens.foreign)
    if foreign:
        return fail(
            f"Another server granted {named(foreign, facts.table)}, so it was not shown to this one, which refuses it.",
            remedy=Remedy(
                "Log in at this server; or set MAJORA_DOMAIN back to the one that granted it.",
                (
                    place.command("login", "--force", *login_options(foreign, facts.table)),
                    place.command("init"),
                ),
            ),
        )
    silent = [probe for probe in asked.values() if probe.kind != "alive"]
    if silent:
        return _no_word(silent[0])
    if not asked and facts.tokens.unsure:
        # Another set-up keeps its tokens in the same file, and these may be its own: sent nowhere.
        return Outcome(Status.SKIP, "rests on CFG013", cause="CFG013")
    if not asked:
        return unknown("No token was asked about.")
    return ok(f"The server takes {named(tuple(asked), facts.table)}.")


def legacy_key(facts: Facts) -> Outcome:
    if not facts.uses_api_key:
        return not_applicable("This set-up uses OAuth, not an API key.")
    probe = facts.api.legacy if facts.api is not None else None
    if probe is None:
        return unknown(LATE)
    if probe.kind == "alive":
        return ok("The server takes the API key.")
    if probe.kind == "dead":
        domain = facts.network.domain if facts.network is not None else facts.config.text("MAJORA_DOMAIN")
        return fail(
            f"The server refuses the API key of {facts.config.text('MAJORA_USER')}.",
            remedy=Remedy(
                f"A key lives 3 days, and belongs to one user. Make a new one at {keys_url(domain)} and give it to "
                "init; or use OAuth, whose tokens renew themselves.",
                (facts.config.place.command("init", "--api-key-file", "-"),),
            ),
        )
    return _no_word(probe)


# --- the rows -----------------------------------------------------------------------------------------------

_NETWORK = frozenset({Need.CONFIG, Need.NETWORK})

CHECKS: tuple[Check, ...] = (
    Check(
        id="SRV001",
        title="The server's name is known",
        probe=name,
        consequence="Nothing that needs the server works from this machine.",
        remedy=Remedy("Check MAJORA_DOMAIN, and that this machine is on the network."),
        explain="The host of MAJORA_DOMAIN is looked up as every program here does it. A resolver that says there is "
        "no such host is a fault; one that gives no answer tells nothing about the name. Behind a proxy, the proxy "
        "looks names up, and nothing is judged here.",
        rests_on=(("CFG006",),),
        needs=_NETWORK,
        online=True,
    ),
    Check(
        id="SRV002",
        title="The server can be reached",
        probe=connection,
        consequence="Nothing that needs the server works from this machine.",
        remedy=Remedy("Check the network, the proxy and the firewall."),
        explain="A TCP connection to MAJORA_DOMAIN, or to the proxy that HTTPS_PROXY names and from there on. A "
        "connection that is refused is a fault here or there; one that is not answered in time may be either, or "
        "nothing but a slow day.",
        rests_on=(("SRV001",),),
        needs=_NETWORK,
        online=True,
    ),
    Check(
        id="SRV003",
        title="The server's certificate is good",
        probe=tls,
        consequence="ocarina and ocarina-kit send no secret there, and so can do nothing.",
        remedy=Remedy("Check MAJORA_DOMAIN, the clock, and REQUESTS_CA_BUNDLE."),
        explain="The TLS certificate must be in date, be the host's own, and be signed by an authority that is "
        "trusted here. Which authorities are, a CA bundle says: the one that REQUESTS_CA_BUNDLE (or CURL_CA_BUNDLE) "
        "names, else the one that comes with requests. Where a network inspects TLS, that must be the institution's "
        "own.",
        rests_on=(("SRV002",),),
        needs=_NETWORK,
        online=True,
    ),
    Check(
        id="SRV004",
        title="A Majora answers",
        probe=identity,
        consequence="No grant, no refresh and no command of ocarina can work there.",
        remedy=Remedy("Check MAJORA_DOMAIN."),
        explain="A token request without any credentials is sent; an OAuth server answers it with an OAuth error. A "
        "page, a redirect or a 404 comes from something else: a captive portal, a proxy's log-in page, another site. "
        "429 and 5xx only say that the server is busy or ill.",
        rests_on=(("SRV003",), ("CFG007",)),
        needs=_NETWORK,
        online=True,
    ),
    Check(
        id="CRD001",
        title="The server knows the client id and secret",
        probe=credentials,
        consequence="No login and no refresh can work: tokens run out and are not replaced.",
        remedy=Remedy("Copy both anew from your application's page.", ("ocarina-kit init",)),
        explain="The server is asked with a code that does not exist. It looks at the client first, so its answer "
        "tells a good client from a wrong one, and nothing changes.",
        rests_on=(("SRV004",), ("CFG009",)),
        needs=frozenset({Need.CONFIG, Need.NETWORK, Need.CREDENTIALS}),
        online=True,
        oauth_only=True,
    ),
    Check(
        id="API001",
        title="The server takes the access tokens",
        probe=access_tokens,
        consequence="ocarina's commands are refused, with exit code 77 or a bare 400.",
        remedy=Remedy("Refresh.", ("ocarina-kit refresh",)),
        explain="Each token that is not expired is shown to the server with a harmless query. A token dies early "
        "when another process refreshed it, when it was revoked, or when the account became inactive. One that the "
        "server says lacks scopes for the query is alive.",
        rests_on=(("SRV004",), ("TOK004",)),
        needs=frozenset({Need.CONFIG, Need.NETWORK, Need.TOKENS, Need.API}),
        uses=frozenset({Need.CLIENT, Need.TABLE}),
        online=True,
        oauth_only=True,
    ),
    Check(
        id="API002",
        title="The server takes the API key",
        probe=legacy_key,
        consequence="Every command of ocarina is refused.",
        remedy=Remedy("Make a new key.", ("ocarina-kit init --api-key-file -",)),
        explain="A legacy API key is shown to the server with a harmless query. It lives 3 days, and user and key "
        "must belong together.",
        rests_on=(("SRV004",), ("CFG008",)),
        needs=frozenset({Need.CONFIG, Need.NETWORK, Need.API}),
        uses=frozenset({Need.CLIENT}),
        online=True,
    ),
)
