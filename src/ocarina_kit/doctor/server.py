"""SRV, CRD and API: the way to the server, who answers there, and what it says to the credentials (CHECKS.md).

SRV001 to SRV004 are judged from one request, `World.identity`: its answer says how far it came.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ocarina_kit.config.url import endpoint
from ocarina_kit.doctor.check import Outcome, check, follows, ok, problem, skip
from ocarina_kit.doctor.config import ask
from ocarina_kit.doctor.world import World
from ocarina_kit.majora.answers import ProbeKind
from ocarina_kit.majora.failures import NoAnswer, NoAnswerKind
from ocarina_kit.majora.problems import advice_for, check_of
from ocarina_kit.system.change import Action, Change
from ocarina_kit.tokens import history, problems
from ocarina_kit.tokens.file import Token
from ocarina_kit.tokens.log import VALID_RESULTS

_INIT, _KEY = "ocarina-kit init", "ocarina-kit init --api-key-file -"
_FIX, _REFRESH = "ocarina-kit doctor --fix", "ocarina-kit refresh"

# --- SRV001 to SRV004 -----------------------------------------------------------------------------------------

_SEEN = {
    # check, or kind of NoAnswer: what was seen, in fixed words; its own words follow them
    "SRV001": "The host of MAJORA_DOMAIN could not be looked up",
    "SRV002": "There is no connection",
    "SRV003": "There is no TLS connection",
    NoAnswerKind.DNS_NONE: "The host of MAJORA_DOMAIN is unknown",
    NoAnswerKind.TLS_EXPIRED: "The certificate has expired, or is not valid yet",
    NoAnswerKind.TLS_HOST: "The certificate is for another host",
    NoAnswerKind.TLS_UNKNOWN_ISSUER: "The certificate's issuer is not trusted here",
    NoAnswerKind.CA_BUNDLE: "The CA bundle cannot be used",
}
_UNCLEAR = (
    NoAnswerKind.DNS_SILENT,
    NoAnswerKind.TIMEOUT,
    NoAnswerKind.RESET,
    NoAnswerKind.PROXY_REFUSED,
    NoAnswerKind.PROXY_AUTH,
    NoAnswerKind.NO_THREAD,
)
# Of a wrong address, if it never worked; otherwise the server or the network is at fault.
_BY_INIT = (
    NoAnswerKind.DNS_NONE,
    NoAnswerKind.REFUSED,
    NoAnswerKind.TLS_HOST,
    NoAnswerKind.TLS_OTHER,
)


_check = partial(check, online=True)


def failed_step(world: World) -> str:
    """The id of the check at which the request ended without an answer of Majora's; "" if it got one."""
    probe = world.identity
    if probe is None or probe.kind is ProbeKind.MAJORA:
        return ""
    step = "SRV004" if probe.failure is None else check_of(probe.failure)
    if (
        step == "SYS001"
    ):  # no thread could be started, so not even the name was looked up
        step = "SRV001"
    if step == "SRV001" and _has_proxy(world):  # the proxy looks up the name
        return "SRV002"
    if step == "SRV003" and _is_plain(world):  # no TLS
        return "SRV004"
    return step


def _has_proxy(world: World) -> bool:
    from ocarina_kit.majora.proxies import proxy_for

    return proxy_for(world.machine.environ, world.setup.domain) is not None


def _is_plain(world: World) -> bool:
    return world.setup.domain.startswith("http:")


def _step(world: World, id: str) -> Outcome | None:
    """What the request says of one step; None if it came further."""
    probe, domain = world.identity, world.setup.domain
    if probe is None:
        return follows("CFG006")
    net = probe.failure or NoAnswer(NoAnswerKind.OTHER, probe.message)
    if failed_step(world) != id:
        return (
            skip("not tried, because the CA bundle cannot be used")
            if net.kind is NoAnswerKind.CA_BUNDLE
            else None
        )
    text = advice_for(net)
    by_init = ask(world.config, "MAJORA_DOMAIN", text=text)
    if id == "SRV004" and probe.kind is ProbeKind.NO_ANSWER:
        return _no_answer(probe.message, text)
    if id == "SRV004":
        said = "{domain} answers, but is not Majora: {said}."
        return problem("fail", said, domain=domain, said=probe.message, **by_init)
    remedy: dict[str, Any] = {
        "text": text,
        "run": "date -u" if net.kind is NoAnswerKind.TLS_EXPIRED else "",
    }
    if net.kind in _BY_INIT and not any(
        line.result in VALID_RESULTS for line in world.tokens.log
    ):
        remedy = by_init
    elif net.kind in (NoAnswerKind.TLS_UNKNOWN_ISSUER, NoAnswerKind.CA_BUNDLE):
        remedy = _of_the_bundle(world, text)
    seen = _SEEN.get(net.kind, _SEEN[id])
    status = "unknown" if net.kind in _UNCLEAR else "fail"
    return problem(status, f"{seen}: {{said}}.", said=net.message.rstrip("."), **remedy)


def _no_answer(said: str, text: str = "Try again later.") -> Outcome:
    return problem(
        "unknown", "The server gives no usable answer: {said}.", text=text, said=said
    )


def _of_the_bundle(world: World, text: str) -> dict[str, Any]:
    """The remedy, by which CA bundle setting hurts or helps."""
    from shlex import quote

    from ocarina_kit.majora.api import tls_hint

    variable, helps, built_in = tls_hint(
        world.machine, world.setup.domain, world.left()
    )
    run = f"unset {variable}" if variable else ""
    if helps and variable and built_in:
        text = f"The certificate is accepted without {variable}. Remove it from your shell."
    elif helps:
        text = "The certificate is accepted with another CA bundle of this machine."
        run = f"export REQUESTS_CA_BUNDLE={quote(helps)}"
    elif variable:
        text = f"If your network inspects TLS, set {variable} to your institution's CA bundle; otherwise unset it."
    return {"text": text, "run": run}


@_check(
    "SRV001",
    "The server's name is known",
    needs="CFG006",
    text="Check MAJORA_DOMAIN, and the network.",
)
def name(world: World) -> Outcome | None:
    """The host of MAJORA_DOMAIN is looked up as every program here does it. If the resolver gives no answer, the name
    may still be right. Behind a proxy, the proxy looks names up.

    Nothing that needs the server works from this machine.
    """
    return (
        skip("the proxy looks the name up")
        if _has_proxy(world)
        else _step(world, "SRV001")
    )


@_check(
    "SRV002",
    "The server can be reached",
    needs="SRV001",
    text="Check the network, proxy and firewall.",
)
def connection(world: World) -> Outcome | None:
    """A connection is made to MAJORA_DOMAIN, or to the proxy that HTTPS_PROXY names and from there on. A refused
    connection is a fault. If no answer comes in time, the network may only be slow today.

    Nothing that needs the server works from this machine.
    """
    return _step(world, "SRV002")


@_check(
    "SRV003",
    "The server's certificate is accepted",
    needs="SRV002",
    text="Check the clock and CA bundle.",
)
def tls(world: World) -> Outcome | None:
    """The certificate must be in date, for this host, and signed by an authority in the CA bundle: the one that
    REQUESTS_CA_BUNDLE names, otherwise that of requests. A network that inspects TLS needs a bundle of its own.

    ocarina and ocarina-kit send no secret there, and so can do nothing.
    """
    return (
        skip("plain http to this machine has no TLS")
        if _is_plain(world)
        else _step(world, "SRV003")
    )


@_check("SRV004", "Majora answers", needs="SRV003 CFG007", text="Check MAJORA_DOMAIN.")
def identity(world: World) -> Outcome | None:
    """A token request without credentials is sent; Majora answers it with an OAuth error. A web page, a redirect or a
    404 comes from something else: another site, a proxy, a page to log in to this network.

    No login, no refresh and no ocarina command works there.
    """
    return _step(world, "SRV004")


# --- CRD001 ---------------------------------------------------------------------------------------------------


@_check(
    "CRD001",
    "Majora accepts the client id and secret",
    needs="SRV004 CFG009",
    oauth=True,
    run=_INIT,
)
def credentials(world: World) -> Outcome | None:
    """Majora is asked with a code that does not exist, so nothing changes: it looks at the client first. If you copied
    the secret after pressing Save, it is a hash: register again.

    No login and no refresh works: tokens expire and are not replaced.
    """
    probe, domain = world.credentials, world.setup.domain
    if probe is None:
        return follows("CFG004")
    if probe.kind is ProbeKind.KNOWN:
        return None
    if probe.kind is ProbeKind.OTHER_GRANT:
        text = f"At {endpoint(domain, 'applications')} set Authorization grant type to Authorization code."
        said = "Your application is registered for another grant type: {said}."
        return problem("fail", said, text=text, said=probe.message)
    if probe.kind is not ProbeKind.UNKNOWN:
        return _no_answer(probe.message)
    text = problems.unknown_client("", world.setup).remedy.text
    remedy = ask(world.config, "CLIENT_ID", "CLIENT_SECRET", text=text)
    said = "Majora does not accept this client id and secret: {said}."
    return problem("fail", said, said=probe.message, **remedy)


# --- API001, API002 -------------------------------------------------------------------------------------------


_WORST_FIRST = (ProbeKind.REFUSED, ProbeKind.OTHER_SERVER)


@_check(
    "API001",
    "Majora accepts the access tokens",
    needs="SRV004 TOK004",
    oauth=True,
    run=_REFRESH,
)
def access_tokens(world: World) -> Outcome | None:
    """Each valid token is shown to Majora with a harmless query. It is refused if another process refreshed it, if it
    was revoked, or if the account became inactive.

    ocarina's commands are refused, with exit code 77 or a bare 400.
    """
    asked = world.access
    kinds = [probe.kind for probe in asked.values()]
    worst = next((kind for kind in _WORST_FIRST if kind in kinds), ProbeKind.ACCEPTED)
    keys = [key for key, probe in asked.items() if probe.kind == worst]
    what = problems.describe_tokens(keys, world.table)
    login = world.login(keys, "--force")
    if worst is ProbeKind.REFUSED and refused_just_granted(world):
        inactive = problems.inactive_account(world.setup)
        said = "Majora's API refuses the {what}, though Majora had just granted access."
        text = inactive.remedy.text
        return problem("fail", said, impact=inactive.why, text=text, what=what)
    if worst is ProbeKind.REFUSED:
        spend = tuple(
            each.key
            for each in world.refreshable(world.tokens.usable)
            if each.key in keys
        )
        fix = (
            [Change(Action.REFRESH, scopes=spend, why=f"refresh the {what}")]
            if spend
            else []
        )
        said = "Majora refuses the {what}, which should still be valid."
        return problem(
            "fail",
            said,
            run=(_FIX if spend else "", login),
            fix=fix,
            what=what,
        )
    if worst is ProbeKind.OTHER_SERVER:
        said = "Another server issued the {what}, so this one was not asked."
        text = "Log in at this server, or set MAJORA_DOMAIN back."
        return problem("fail", said, text=text, run=(login, _INIT), what=what)
    if len(keys) == len(asked) > 0:
        return ok("Majora accepts the {what}.", what=what)
    silent = [
        probe.message
        for probe in asked.values()
        if probe.kind is not ProbeKind.ACCEPTED
    ]
    return _no_answer(next(iter(silent), "there was no valid token to ask about"))


def refused_just_granted(world: World) -> list[Token]:
    """List the tokens that Majora's API refuses although nobody can have spent them.

    They were granted less than a minute ago, or were refused so before.
    """
    suspects = history.refused_access(world.tokens.log)
    now = world.tokens.now
    tokens = []
    for token in world.tokens.usable:
        probe = world.access.get(token.key)
        granted = token.last_refresh(now)
        is_new = granted is not None and now - granted < history.JUST_GRANTED_S
        is_suspect = is_new or token.digest in suspects
        if probe is not None and probe.kind is ProbeKind.REFUSED and is_suspect:
            tokens.append(token)
    return tokens


@_check("API002", "Majora accepts the API key", needs="SRV004 CFG008", run=_KEY)
def legacy_key(world: World) -> Outcome | None:
    """A legacy API key is shown to the server with a harmless query. It is valid for 3 days, for one user.

    Every ocarina command is refused.
    """
    if not world.config.uses_api_key:
        return skip("this set-up uses OAuth")
    probe = world.access.get("")
    if probe is None:
        return follows("CFG006")
    if probe.kind is ProbeKind.ACCEPTED:
        return None
    if probe.kind is not ProbeKind.REFUSED:
        return _no_answer(probe.message)
    text = f"A key is valid for 3 days, for one user. A new one is at {endpoint(world.setup.domain, 'keys')}."
    said = "Majora refuses the API key of {user}."
    return problem("fail", said, text=text, run=_KEY, user=world.setup.user)
