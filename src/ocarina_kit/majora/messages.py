"""What a person is told if a paste, a login or a refresh did not work: what happened, why, and what fixes it. Pure."""

from __future__ import annotations

from typing import NamedTuple

from ocarina_kit.config.url import endpoint
from ocarina_kit.majora.api import Refused, verdict
from ocarina_kit.majora.grant import CODE_LIFE_S
from ocarina_kit.majora.http import LOCAL, NoAnswer
from ocarina_kit.majora.paste import Misread
from ocarina_kit.system.errors import Exit, KitError, Remedy
from ocarina_kit.system.words import span


class Ways(NamedTuple):
    """The commands that go on from here, complete, for this set-up and scope.

    ``permissions``: what to write to Majora's administrators for the permissions that the scope needs.
    """

    fresh: str = "ocarina-kit login"
    paste: str = "ocarina-kit login --callback -"
    init: str = "ocarina-kit init"
    doctor: str = "ocarina-kit doctor"
    refresh: str = "ocarina-kit refresh"
    permissions: str = ""


_WAYS = Ways()
_EARLY = "The address to paste is that of the page that opens after you press Authorize."
_EMPTY = "It was empty, or only white space."
_NO_LOGIN = "The browser was not logged in to Majora yet."
_OTHER = "It is at {said}; the server of this set-up is {domain}"
_EARLIER = "Its state is not that of the link: it may come from an earlier link, or from somebody else's."
_NO_STATE = "The state shows that the code belongs to the link that was opened, so both are needed, complete."
_USED = "A code can be used once, within 60 s. {said}"
_HASH = "{said} If you copied the secret after pressing Save, it is a hash: register again."
_LOST = "An earlier attempt reached Majora, but its answer did not arrive complete."
# What to do, and the command of `Ways` for it.
_COPY = (
    "After Authorize, copy the complete address of the page that opens: it has code= and state= in it.",
    "paste",
)
_ONE = ("Paste one at a time.", "paste")
_NEW_LINK = ("Open a new link, press Authorize, and paste the address soon after.", "fresh")
_ASK = ("Ask Majora's administrators for the permissions, then log in again.{permissions}", "fresh")
_REGISTER = ("Copy id and secret again from {applications}", "init")
_REDIRECT = ("At {applications} set the application's Redirect URI to {callback}", "fresh")
_TWO_FACTOR = (
    "Turn on two-factor authentication at {two_factor} in a browser, then log in again here.",
    "fresh",
)
_GRANT_TYPE = ("At {applications} set Authorization grant type to Authorization code.", "fresh")
_LOGIN = ("Log in again.", "fresh")
_LATER = ("Refresh again later: Majora then gives new tokens, or a login is needed.", "refresh")
_DOCTOR = ("See what doctor finds.", "doctor")

# Kind of a paste, cause of a refusal or verdict on a refresh: id, what, why, what to do.
_FAULTS = {
    "empty": ("LGN001", "Nothing was pasted.", _EMPTY, _COPY),
    "authorize-link": (
        "LGN003",
        "That is the link to open, not the address of the page that opens.",
        _EARLY,
        _COPY,
    ),
    "log-in-page": ("LGN004", "That is the address of Majora's log-in page.", _NO_LOGIN, _COPY),
    "other-server": ("LGN005", "That address belongs to another server.", _OTHER, _COPY),
    "wrong-state": ("LGN006", "That address belongs to another login.", _EARLIER, _NEW_LINK),
    "no-code": ("LGN008", "There is no code in what was pasted.", "It has to be complete.", _COPY),
    "no-state": ("LGN009", "That is a code without its complete state.", _NO_STATE, _COPY),
    "several": ("LGN010", "Addresses of several logins were pasted.", "One is needed.", _ONE),
    "denied": ("LGN011", "The login was cancelled in the browser.", "{said}", _NEW_LINK),
    "error": ("LGN013", "Majora refused the login.", "{said}", _NEW_LINK),
    "scope": ("LGN012", "Your Majora account lacks a permission for this.", "{said}", _ASK),
    "grant": ("LGN021", "Majora does not accept this code any more.", _USED, _NEW_LINK),
    "two-factor": ("LGN022", "Your Majora account has no two-factor authentication.", "{said}", _TWO_FACTOR),
    "redirect-uri": ("LGN023", "Your application's redirect URI is not ocarina's.", "{said}", _REDIRECT),
    "other": ("LGN025", "Majora refused to give a token.", "{said}", _DOCTOR),
    "code-lost": ("LGN026", "The code was sent, but no usable answer came.", "{said}", _NEW_LINK),
    "grant-type": ("LGN027", "Your application has another grant type.", "{said}", _GRANT_TYPE),
    "client": ("CRD001", "Majora does not accept this client id and secret.", _HASH, _REGISTER),
    "refused-token": ("RFR001", "Majora does not accept the refresh token any more.", "{said}", _LOGIN),
    "lost": ("RFR002", "The refresh token was spent, and the new one was lost.", _LOST, _LOGIN),
    "refused": ("RFR003", "Majora refused to refresh the token.", "{said}", _DOCTOR),
    "maybe-lost": (
        "RFR004",
        "The refresh token may have been spent, and no usable answer came.",
        "{said}",
        _LATER,
    ),
}


def _error(
    fault: str, said: str, domain: str, ways: Ways, exit: int = Exit.PROBLEM, step: str = ""
) -> KitError:
    """The error of a row. ``step``: the row of which what to do is taken instead."""
    id, what, why, _ = _FAULTS[fault]
    text, way = _FAULTS[step or fault][3]
    values = {name: endpoint(domain, name) for name in ("applications", "callback", "two_factor")}
    values["permissions"] = f" What to write:\n{ways.permissions}" if ways.permissions else ""
    remedy = Remedy(text.format(**values), (getattr(ways, way),))
    return KitError(what, id=id, why=why.format(said=said, domain=domain).strip(), remedy=remedy, exit=exit)


def paste_error(misread: Misread, *, domain: str, ways: Ways = _WAYS) -> KitError:
    """The error for a paste without a code. It repeats nothing of it but a host name or an OAuth error code."""
    said = f"It answered {misread.words or 'an unknown error'}."
    if misread.kind == "other-server":
        said = misread.words or "an unreadable host"
    elif misread.kind in ("redirect-uri", "client"):
        said = f"The browser shows: {misread.words}."
    return _error(misread.kind, said, domain, ways)


def client_error(said: str, *, domain: str, ways: Ways = _WAYS) -> KitError:
    """Majora does not know the client id and secret (CRD001). ``said``: the sentence that shows it."""
    return _error("client", said, domain, ways)


def used_error(sent_ago: float, shown_ago: float, *, domain: str, ways: Ways = _WAYS) -> KitError:
    """The callback of a login that is over: its code went to the server before. Times in seconds."""
    said = f"This one was used {span(sent_ago)} ago. The link was shown {span(shown_ago)} ago."
    return _error("grant", said, domain, ways)


def login_error(
    answer: Refused | NoAnswer, *, domain: str, link_age: float = 0.0, ways: Ways = _WAYS
) -> KitError:
    """The error for a code that brought no token. ``link_age``: seconds since the link was shown."""
    if isinstance(answer, NoAnswer):
        error = net_error(answer, domain=domain, ways=ways)
        said = f"{error.what} The code may have been used; nothing was saved."
        return _error("code-lost", said, domain, ways, error.exit) if answer.sent else error
    said = answer.said
    if answer.cause == "grant":
        late = "It may be too late" if link_age > CODE_LIFE_S else "It may be one of another link"
        said = f"{late}: the link was shown {span(link_age)} ago.{clock_note(answer.skew)}"
    return _error(answer.cause, said, domain, ways)


def refresh_error(
    answer: Refused | NoAnswer, *, domain: str, spent_before: bool = False, ways: Ways = _WAYS
) -> KitError:
    """The error for a refresh that brought no token: exit 4 if it is the token, 1 the client, 5 the network.

    ``spent_before``: an earlier attempt with this refresh token reached the server, and its answer was lost.
    """
    result = verdict(answer, spent_before)
    if isinstance(answer, NoAnswer):
        error = net_error(answer, domain=domain, ways=ways)
        said = f"{error.what} The old tokens are kept."
        return _error(result, said, domain, ways, Exit.UNKNOWN) if result == "maybe-lost" else error
    if result == "refused-client":
        return _error(answer.cause, answer.said, domain, ways)
    exit, said = Exit.PROBLEM if result == "refused" else Exit.LOGIN, answer.said + clock_note(answer.skew)
    step = answer.cause if answer.cause in ("scope", "two-factor") else ""
    return _error(result, said, domain, ways, exit, step)


def clock_note(skew: float | None) -> str:
    """A sentence about a clock that is off by 60 s or more (CHECKS.md, ENV007), after a blank; else ""."""
    if skew is None or abs(skew) < 60:
        return ""
    side = "behind" if skew > 0 else "ahead of"
    return f" This machine's clock is {span(abs(skew))} {side} the server's, which confuses times of expiry."


# --- no usable answer

_AGAIN = "Try again {when}."
# kind: the check (CHECKS.md), and what to do
_STEPS = {
    "dns-none": ("SRV001", "Check MAJORA_DOMAIN for a typing mistake, and this machine's network."),
    "dns-silent": ("SRV001", "Check this machine's network, then try again."),
    "refused": ("SRV002", "Check the host and port of MAJORA_DOMAIN, and whether a firewall is in between."),
    "timeout": ("SRV002", _AGAIN),
    "proxy-refused": ("SRV002", "Check the proxy's address; if none is needed, add the host to NO_PROXY."),
    "proxy-auth": ("SRV002", "Add user and password to the proxy's setting: http://USER:PASSWORD@HOST:PORT"),
    "proxy-unusable": ("SRV002", "Set it to http://HOST:PORT, or unset it if no proxy is needed."),
    "reset": ("SRV003", _AGAIN),
    "tls-expired": ("SRV003", "Check this machine's clock; if it is right, tell Majora's administrators."),
    "tls-host": ("SRV003", "Check MAJORA_DOMAIN: something else may answer there. No secret was sent."),
    "tls-unknown-issuer": ("SRV003", "If your network inspects TLS, set REQUESTS_CA_BUNDLE."),
    "tls-other": ("SRV003", "Check the host and port of MAJORA_DOMAIN."),
    "ca-bundle": ("SRV003", "Set the variable to a CA bundle that exists, or unset it."),
    "insecure": ("CFG006", "Correct MAJORA_DOMAIN."),
    "no-thread": ("SYS001", "End other programs of yours on this machine, then try again."),
    "other": ("SRV004", "Check MAJORA_DOMAIN, and whether this network asks you to log in in a browser."),
}


def check_of(answer: NoAnswer) -> str:
    """The id of the check whose fault this is: one request answers SRV001 to SRV004 (CHECKS.md)."""
    return "SRV004" if answer.sent else _STEPS.get(answer.kind, ("SRV004",))[0]


def net_error(answer: NoAnswer, *, domain: str, ways: Ways = _WAYS) -> KitError:
    """The error for a request without a usable answer: exit 5, but 1 for what is set wrong on this machine."""
    when = "later" if answer.retry_after is None else f"in {span(answer.retry_after)}"
    step = _STEPS.get(answer.kind, ("", _AGAIN))[1].format(when=when)
    what = answer.words[:1].upper() + answer.words[1:] + "."
    return KitError(
        what if answer.status is None else f"{domain} gave no usable answer: {answer.words}.",
        id=check_of(answer),
        why=f"Nothing can be done without an answer from {domain}",
        remedy=Remedy(step, (ways.init if answer.kind == "insecure" else ways.doctor,)),
        exit=Exit.PROBLEM if answer.kind in LOCAL else Exit.UNKNOWN,
    )
