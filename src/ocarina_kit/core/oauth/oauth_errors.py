"""What a person is told when a paste, a grant or a refresh did not work: what, why, and what mends it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ocarina_kit.core.client.scopes import permission_request
from ocarina_kit.core.config.domain import applications_url, callback_url
from ocarina_kit.core.errors import Exit, KitError, Remedy
from ocarina_kit.core.oauth.answers import Refused, Unusable
from ocarina_kit.core.oauth.grant import CODE_LIFE_S
from ocarina_kit.core.oauth.network import NetFailure, NetKind
from ocarina_kit.core.oauth.paste import PasteFault, PasteKind
from ocarina_kit.core.tokens.retry import RefreshOutcome

CLOCK_TELLS_S = 60.0
"""Seconds of clock difference from which it is worth a word (CHECKS.md, ENV007)."""


@dataclass(frozen=True)
class Ways:
    """The commands that go on from here, whole, for this set-up."""

    fresh: str = "ocarina-kit login"
    """Shows a fresh link for the same scopes."""
    paste: str = "ocarina-kit login --callback -"
    """Takes a paste for the link that was shown."""
    init: str = "ocarina-kit init"
    doctor: str = "ocarina-kit doctor"
    refresh: str = "ocarina-kit refresh"


# --- pastes

_COPY = (
    "After Authorize, copy the whole address of the page that says Copy: "
    "it holds o/callback/, code= and state=."
)
_Words = tuple[str, str, str]
# kind: id, what, why
_PASTES: dict[PasteKind, _Words] = {
    "empty": ("LGN001", "Nothing was pasted.", "There was only white space, or nothing at all."),
    "unreadable": ("LGN002", "What was pasted holds no callback URL.", "There is no code= and state= in it."),
    "authorize-link": (
        "LGN003",
        "That is the link that ocarina-kit showed, not the address that it leads to.",
        "The link is to be opened in a browser; the address to paste comes after Authorize.",
    ),
    "log-in-page": (
        "LGN004",
        "That is the address of Majora's log-in page.",
        "The browser was not logged in to Majora yet.",
    ),
    "other-server": ("LGN005", "That address is another server's.", ""),
    "wrong-state": (
        "LGN006",
        "That callback belongs to another login, not to one that is waiting here.",
        "Its state is not that of the link just shown: it may come from an earlier link, or from somebody else's.",
    ),
    "cut-off": ("LGN007", "The end of the callback URL is missing.", "It stops in the middle of the state."),
    "no-code": ("LGN008", "That address holds no code.", "The whole address has code= and state= in it."),
    "no-state": (
        "LGN009",
        "That is a code without its state.",
        "The state shows that the code answers the link shown here, so both are needed.",
    ),
    "several": (
        "LGN010",
        "Callbacks of several logins were pasted at once.",
        "Each belongs to a link of its own.",
    ),
    "denied": ("LGN011", "The grant was cancelled in the browser.", "The server says access_denied."),
    "scope": (
        "LGN012",
        "Your Majora account lacks a permission for this.",
        "The server says invalid_scope: an account must have every permission that is asked for.",
    ),
    "error": ("LGN013", "The server refused the grant.", ""),
}
_NEEDS_FRESH_LINK = frozenset({"denied", "error", "wrong-state", "scope"})


def paste_error(fault: PasteFault, *, domain: str, scope: str = "", ways: Ways | None = None) -> KitError:
    """The error for a paste that brought no code. ``scope``: what the pending login asked for."""
    ways = ways or Ways()
    id, what, why = _PASTES[fault.kind]
    remedy = Remedy(_COPY, (ways.paste,))
    if fault.kind in _NEEDS_FRESH_LINK:
        remedy = Remedy("Ask for a fresh link, open it, and press Authorize.", (ways.fresh,))
    if fault.kind == "other-server":
        why = f"It is at {fault.host or 'an unreadable host'}; this set-up's server is {domain}"
    elif fault.kind == "log-in-page":
        remedy = Remedy(
            "Log in there, open the link again, press Authorize, and copy that address.", (ways.paste,)
        )
    elif fault.kind == "no-state":
        remedy = Remedy(
            "Copy the whole address, or the code and the state, one below the other.", (ways.paste,)
        )
    elif fault.kind == "several":
        remedy = Remedy("Paste one at a time.", (ways.paste,))
    elif fault.kind == "error":
        why = f"It says {fault.error}" + (f": {fault.description}" if fault.description else ".")
    elif fault.kind == "scope":
        remedy = _ask_for_permission(scope, ways)
    return KitError(what, id=id, why=why, remedy=remedy)


def _ask_for_permission(scope: str, ways: Ways) -> Remedy:
    text = "Ask your Majora administrator for the permissions, then log in again."
    return Remedy(f"{text} What to write:\n{permission_request(scope)}" if scope else text, (ways.fresh,))


# --- the exchange of a code


def exchange_error(
    answer: Refused | Unusable,
    *,
    domain: str,
    scope: str = "",
    link_age: float = 0.0,
    ways: Ways | None = None,
) -> KitError:
    """The error for a code that brought no token. ``link_age``: seconds since the link was shown."""
    ways = ways or Ways()
    if isinstance(answer, Unusable):
        return _exchange_unusable(answer, domain=domain, ways=ways)
    said = f"The server says {answer.error}" + (f": {answer.description}" if answer.description else ".")
    if answer.cause == "grant":
        return KitError(
            "The server no longer takes this code.",
            id="LGN021",
            why=_code_too_old(link_age) + _clock_note(answer.skew),
            remedy=Remedy("Ask for a fresh link, and paste the address soon after Authorize.", (ways.fresh,)),
        )
    if answer.cause == "two-factor":
        return KitError(
            "Your Majora account has no two-factor authentication, and the server demands it.",
            id="LGN022",
            why=said,
            remedy=Remedy(
                f"Log in at {domain} in a browser, turn two-factor authentication on, then log in again here.",
                (ways.fresh,),
            ),
        )
    if answer.cause == "client":
        return client_refused_error(answer, domain=domain, ways=ways)
    if answer.cause == "redirect-uri":
        return KitError(
            "The redirect URI of your application is not the one that ocarina uses.",
            id="LGN023",
            why=f"{said} It is compared to the letter.",
            remedy=Remedy(
                f"At {applications_url(domain)} set the application's Redirect URI to {callback_url(domain)}",
                (ways.fresh,),
            ),
        )
    if answer.cause == "verifier":
        return KitError(
            "The server did not accept the proof that this login was begun here.",
            id="LGN024",
            why=said,
            remedy=Remedy("Ask for a fresh link.", (ways.fresh,)),
        )
    if answer.cause == "scope":
        return KitError(
            "Your Majora account lacks a permission for this.",
            id="LGN012",
            why=said,
            remedy=_ask_for_permission(scope, ways),
        )
    if answer.cause == "grant-type":
        return _wrong_grant_type(said, domain, ways)
    return KitError(
        "The server refused to give a token.",
        id="LGN025",
        why=said,
        remedy=Remedy(
            "Ask for a fresh link; where that fails too, see what the doctor says.", (ways.fresh, ways.doctor)
        ),
    )


def _code_too_old(link_age: float) -> str:
    if link_age > CODE_LIFE_S:
        return (
            f"A code lives {CODE_LIFE_S} s from when Authorize is pressed, and can be used once. "
            f"The link was shown {duration(link_age)} ago."
        )
    return f"It was used before, or is not the one that this link gave: the link is only {duration(link_age)} old."


def _exchange_unusable(answer: Unusable, *, domain: str, ways: Ways) -> KitError:
    error = unusable_error(answer, domain=domain, ways=ways)
    if not answer.may_have_spent:
        return error
    return KitError(
        "The code was sent, but no usable answer came.",
        id="LGN026",
        why=f"{error.what} The code may be used up; nothing was saved.",
        remedy=Remedy("Ask for a fresh link.", (ways.fresh,)),
        exit=error.exit,
    )


def _wrong_grant_type(said: str, domain: str, ways: Ways) -> KitError:
    return KitError(
        "Your application is registered for another grant type.",
        id="LGN027",
        why=said,
        remedy=Remedy(
            f"At {applications_url(domain)} set Authorization grant type to authorization code.",
            (ways.fresh,),
        ),
    )


def client_refused_error(answer: Refused, *, domain: str, ways: Ways | None = None) -> KitError:
    """The server does not know the client id and secret (CRD001)."""
    ways = ways or Ways()
    return KitError(
        "The server does not know this client id and secret.",
        id="CRD001",
        why=f"It says {answer.error}. No login can mend that: one of the two is wrong, or the application is gone.",
        remedy=Remedy(f"Copy both anew from {applications_url(domain)}", (ways.init,)),
    )


# --- refreshes


def refresh_error(
    outcome: RefreshOutcome, *, domain: str, scope: str = "", ways: Ways | None = None
) -> KitError | None:
    """The error for a refresh that brought no token, None where it did."""
    ways = ways or Ways()
    answer = outcome.answer
    if outcome.result == "answer-lost":
        return KitError(
            "The refresh token was spent, and the answer that held the new one was lost.",
            id="RFR002",
            why="An earlier attempt reached the server, its answer did not arrive whole, and the server no longer "
            "takes the token that it spent.",
            remedy=Remedy("Log in once more.", (ways.fresh,)),
            exit=outcome.exit,
        )
    if outcome.result == "maybe-spent" and isinstance(answer, Unusable):
        why = unusable_error(answer, domain=domain, ways=ways).what
        return KitError(
            "The refresh token may have been spent: it was sent, and no usable answer came.",
            id="RFR004",
            why=f"{why} The old tokens are kept as they were.",
            remedy=Remedy(
                "Refresh again later: the server then either gives the new pair, or says that a login is needed.",
                (ways.refresh,),
            ),
            exit=outcome.exit,
        )
    if isinstance(answer, Unusable):
        return unusable_error(answer, domain=domain, ways=ways)
    if isinstance(answer, Refused):
        return _refresh_refused(outcome, answer, domain, scope, ways)
    return None


def _refresh_refused(
    outcome: RefreshOutcome, answer: Refused, domain: str, scope: str, ways: Ways
) -> KitError:
    said = f"The server says {answer.error}" + (f": {answer.description}" if answer.description else ".")
    if outcome.result == "client-refused":
        if answer.cause == "grant-type":
            return _wrong_grant_type(said, domain, ways)
        return client_refused_error(answer, domain=domain, ways=ways)
    if outcome.result == "server-refused":
        return KitError(
            "The server refused to refresh the token.",
            id="RFR003",
            why=said,
            remedy=Remedy("See what the doctor says.", (ways.doctor,)),
            exit=outcome.exit,
        )
    remedy = Remedy("Log in once more.", (ways.fresh,))
    if answer.cause == "scope":
        remedy = _ask_for_permission(scope, ways)
    elif answer.cause == "two-factor":
        remedy = Remedy(
            f"Turn two-factor authentication on at {domain}, then log in once more.", (ways.fresh,)
        )
    return KitError(
        "The server no longer takes the refresh token.",
        id="RFR001",
        why=said + _clock_note(answer.skew),
        remedy=remedy,
        exit=outcome.exit,
    )


# --- no usable answer

# kind: the check's id (CHECKS.md), and what to do
_NETWORK: dict[NetKind, tuple[str, str]] = {
    "dns-none": (
        "SRV001",
        "Check MAJORA_DOMAIN for a typing mistake, and that this machine is on the network.",
    ),
    "dns-silent": ("SRV001", "Check that this machine is on the network, then try again."),
    "refused": ("SRV002", "Check that the server is up and that no firewall stands between."),
    "timeout": ("SRV002", "Try again later; check that no firewall stands between."),
    "proxy-refused": (
        "SRV002",
        "Check the proxy's setting, or add the server to NO_PROXY where none is needed.",
    ),
    "proxy-auth": (
        "SRV002",
        "Put the proxy's user name and password into its setting (http://user:password@host:port).",
    ),
    "proxy-unusable": (
        "SRV002",
        "Set HTTPS_PROXY to http://host:port, or unset it where no proxy is needed.",
    ),
    "tls-expired": (
        "SRV003",
        "Check this machine's clock; where that is right, the server's administrator must act.",
    ),
    "tls-host": (
        "SRV003",
        "Check MAJORA_DOMAIN; something else may answer in the server's place. No secret was sent.",
    ),
    "tls-unknown-issuer": (
        "SRV003",
        "Where your network inspects TLS, set REQUESTS_CA_BUNDLE to your institution's CA bundle. No secret was sent.",
    ),
    "tls-other": ("SRV003", "Check MAJORA_DOMAIN and its port."),
    "ca-bundle": ("SRV003", "Set the variable to a CA bundle that exists, or unset it."),
    "reset": ("SRV004", "Try again later."),
    "truncated": ("SRV004", "Try again later."),
    "too-large": ("SRV004", "Check MAJORA_DOMAIN: this is not how Majora answers."),
    "other": ("SRV004", "Check MAJORA_DOMAIN: this is not how Majora answers."),
    "insecure": ("CFG006", "Correct MAJORA_DOMAIN."),
}
# These lie on this machine: no waiting helps, so they are problems, not unknowns.
_LOCAL = frozenset({"ca-bundle", "proxy-unusable", "insecure"})


def net_error(failure: NetFailure, *, domain: str, ways: Ways | None = None) -> KitError:
    """The error for a request that brought no answer: exit 5, but for what is set wrong on this machine (1)."""
    ways = ways or Ways()
    id, step = _NETWORK[failure.kind]
    command = ways.init if failure.kind == "insecure" else ways.doctor
    detail = failure.detail[:1].upper() + failure.detail[1:]
    return KitError(
        f"{detail}.",
        id=id,
        why=f"Without an answer from {domain} nothing can be told or done.",
        remedy=Remedy(step, (command,)),
        exit=Exit.PROBLEM if failure.kind in _LOCAL else Exit.UNKNOWN,
    )


def unusable_error(answer: Unusable, *, domain: str, ways: Ways | None = None) -> KitError:
    """The error for an answer that says nothing usable (exit 5)."""
    ways = ways or Ways()
    if answer.net is not None:
        return net_error(answer.net, domain=domain, ways=ways)
    step = "Try again later."
    if answer.reason in ("redirect", "html", "status", "not-json"):
        step = "Check MAJORA_DOMAIN, and whether this network wants you to log in in a browser first."
    elif answer.retry_after is not None:
        step = f"Try again in {duration(answer.retry_after)}."
    return KitError(
        f"{domain} gave no answer of Majora's: {answer.why}.",
        id="SRV004",
        why="No redirect is followed and no page is taken for an answer, so that no secret goes astray.",
        remedy=Remedy(step, (ways.doctor,)),
        exit=Exit.UNKNOWN,
    )


def _clock_note(skew: float | None) -> str:
    if skew is None or abs(skew) < CLOCK_TELLS_S:
        return ""
    side = "behind" if skew > 0 else "ahead of"
    return f" This machine's clock is {duration(abs(skew))} {side} the server's, which confuses such times."


def duration(seconds: float) -> str:
    """``42 s``, ``5 min``, ``3 h``: rounded, for a sentence."""
    if seconds < 120:
        return f"{round(seconds)} s"
    if seconds < 7200:
        return f"{round(seconds / 60)} min"
    return f"{round(seconds / 3600)} h"
