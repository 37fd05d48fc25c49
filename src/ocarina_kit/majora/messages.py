"""What a person is told if a paste, a login or a refresh did not work: what happened, why, and what fixes it. Pure."""

from __future__ import annotations

from typing import NamedTuple

from ocarina_kit.config.url import endpoint
from ocarina_kit.majora.answers import Refused
from ocarina_kit.majora.grant import CODE_LIFE_S
from ocarina_kit.majora.http import NoAnswer
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
_ASK = "Ask Majora's administrators for the permissions, then log in again."
_COPY = "After Authorize, copy the complete address of the page that opens: it has code= and state= in it."
_NEW_LINK = "Open a new link and press Authorize."
_OPEN = "open the link, press Authorize, and copy the address of the page that opens."
_EARLIER = "Its state is not that of the link: it may come from an earlier link, or from somebody else's."
_NO_STATE = "The state shows that the code belongs to the link that was opened, so both are needed, complete."
_NO_ACCESS = "Your Majora account lacks a permission for this."

# kind: id, what, why, what to do
_PASTES = {
    "empty": ("LGN001", "Nothing was pasted.", "It was empty, or only white space.", _COPY),
    "authorize-link": (
        "LGN003",
        "That is the link to open, not the address of the page that opens.",
        "The address to paste appears after you press Authorize.",
        f"In a browser, {_OPEN}",
    ),
    "log-in-page": (
        "LGN004",
        "That is the address of Majora's log-in page.",
        "The browser was not logged in to Majora yet.",
        f"Log in there; then {_OPEN}",
    ),
    "other-server": ("LGN005", "That address belongs to another server.", "", _COPY),
    "wrong-state": ("LGN006", "That address belongs to another login.", _EARLIER, _NEW_LINK),
    "no-code": (
        "LGN008",
        "There is no code in what was pasted.",
        "A complete address has code= and state=.",
        _COPY,
    ),
    "no-state": ("LGN009", "That is a code without its complete state.", _NO_STATE, _COPY),
    "several": (
        "LGN010",
        "Addresses of several logins were pasted.",
        "One is needed.",
        "Paste one at a time.",
    ),
    "denied": ("LGN011", "The login was cancelled in the browser.", "It answered access_denied.", _NEW_LINK),
    "scope": ("LGN012", _NO_ACCESS, "It answered invalid_scope: each permission is needed.", _ASK),
    "error": ("LGN013", "Majora refused the login.", "", _NEW_LINK),
}
_NEEDS_NEW_LINK = ("wrong-state", "denied", "scope", "error")


def paste_error(misread: Misread, *, domain: str, ways: Ways = _WAYS) -> KitError:
    """The error for a paste without a code. It repeats nothing of it but a host name or an OAuth error code."""
    if misread.kind == "redirect-page":
        return _refused("redirect-uri", "The browser shows: Mismatching redirect URI.", domain, ways)
    if misread.kind == "client-page":
        return client_error("The browser shows: Invalid client_id parameter value.", domain=domain, ways=ways)
    id, what, why, step = _PASTES[misread.kind]
    if misread.kind == "other-server":
        why = f"It is at {misread.words or 'an unreadable host'}; the server of this set-up is {domain}"
    elif misread.kind == "error":
        why = f"It answered {misread.words or 'an unknown error'}."
    elif misread.kind == "scope":
        step = _permissions(ways)
    command = ways.fresh if misread.kind in _NEEDS_NEW_LINK else ways.paste
    return KitError(what, id=id, why=why, remedy=Remedy(step, (command,)))


def used_error(sent_ago: float, shown_ago: float, ways: Ways = _WAYS) -> KitError:
    """The callback of a login that is over: its code went to the server before. Times in seconds."""
    return KitError(
        f"The code in that address was used before, {span(sent_ago)} ago.",
        id="LGN021",
        why=f"A code can be used once, within {CODE_LIFE_S} s. Its link was shown {span(shown_ago)} ago.",
        remedy=Remedy("If you still need a token, open a new link.", (ways.fresh,)),
    )


def _permissions(ways: Ways) -> str:
    return f"{_ASK} What to write:\n{ways.permissions}" if ways.permissions else _ASK


# --- answers of the token endpoint

# cause: id, what, why (after the server's words), what to do
_REFUSALS = {
    "client": (
        "CRD001",
        "Majora does not accept this client id and secret.",
        " If you copied the secret after pressing Save, it is a hash: register again.",
        "Copy id and secret again from {applications}",
    ),
    "redirect-uri": (
        "LGN023",
        "The redirect URI of your application is not the one that ocarina uses.",
        " It must be the same to the letter.",
        "At {applications} set the application's Redirect URI to {callback}",
    ),
    "two-factor": (
        "LGN022",
        "Your Majora account has no two-factor authentication, and Majora requires it.",
        "",
        "Turn on two-factor authentication at {two_factor} in a browser, then log in again here.",
    ),
    "grant-type": (
        "LGN027",
        "Your application is registered for another grant type.",
        "",
        "At {applications} set Authorization grant type to Authorization code.",
    ),
    "scope": ("LGN012", _NO_ACCESS, "", "{permissions}"),
    "other": ("LGN025", "Majora refused to give a token.", "", "See what doctor finds."),
}


def _refused(cause: str, said: str, domain: str, ways: Ways) -> KitError:
    id, what, why, step = _REFUSALS[cause]
    values = {name: endpoint(domain, name) for name in ("applications", "callback", "two_factor")}
    step = step.format(domain=domain, permissions=_permissions(ways), **values)
    command = {"client": ways.init, "other": ways.doctor}.get(cause, ways.fresh)
    return KitError(what, id=id, why=said + why, remedy=Remedy(step, (command,)))


def client_error(said: str, *, domain: str, ways: Ways = _WAYS) -> KitError:
    """Majora does not know the client id and secret (CRD001). ``said``: the sentence that shows it."""
    return _refused("client", said, domain, ways)


def login_error(
    answer: Refused | NoAnswer, *, domain: str, link_age: float = 0.0, ways: Ways = _WAYS
) -> KitError:
    """The error for a code that brought no token. ``link_age``: seconds since the link was shown."""
    if isinstance(answer, NoAnswer):
        error = net_error(answer, domain=domain, ways=ways)
        if not answer.sent:
            return error
        why = f"{error.what} The code may have been used; nothing was saved."
        what = "The code was sent, but no usable answer came."
        return KitError(what, id="LGN026", why=why, remedy=Remedy(_NEW_LINK, (ways.fresh,)), exit=error.exit)
    if answer.cause != "grant":
        return _refused(answer.cause, answer.said, domain, ways)
    why = "It was used before, or belongs to another link."
    if link_age > CODE_LIFE_S:
        why = f"A code is valid for {CODE_LIFE_S} s after you press Authorize, and can be used once."
    return KitError(
        "Majora does not accept this code any more.",
        id="LGN021",
        why=f"{why} The link was shown {span(link_age)} ago.{clock_note(answer.skew)}",
        remedy=Remedy("Open a new link, and paste the address soon after Authorize.", (ways.fresh,)),
    )


def refresh_error(
    answer: Refused | NoAnswer, *, domain: str, spent_before: bool = False, ways: Ways = _WAYS
) -> KitError:
    """The error for a refresh that brought no token: exit 4 if it is the token, 1 the client, 5 the network.

    ``spent_before``: an earlier attempt with this refresh token reached the server, and its answer was lost.
    """
    login = Remedy("Log in again.", (ways.fresh,))
    if isinstance(answer, NoAnswer):
        error = net_error(answer, domain=domain, ways=ways)
        if not (answer.sent or spent_before):
            return error
        what = "The refresh token may have been spent: it was sent, and no usable answer came."
        step = "Refresh again later: Majora then gives new tokens, or a login is needed."
        why, remedy = f"{error.what} The old tokens are kept.", Remedy(step, (ways.refresh,))
        return KitError(what, id="RFR004", why=why, remedy=remedy, exit=Exit.UNKNOWN)
    if answer.cause == "grant" and spent_before:
        what = "The refresh token was spent, and the answer with the new one was lost."
        why = "An earlier attempt reached Majora, but its answer did not arrive complete."
        return KitError(what, id="RFR002", why=why, remedy=login, exit=Exit.LOGIN)
    if answer.cause in ("client", "grant-type"):
        return _refused(answer.cause, answer.said, domain, ways)
    if answer.cause in ("other", "redirect-uri"):
        remedy = Remedy("See what doctor finds.", (ways.doctor,))
        return KitError("Majora refused to refresh the token.", id="RFR003", why=answer.said, remedy=remedy)
    if answer.cause in ("scope", "two-factor"):
        login = _refused(answer.cause, answer.said, domain, ways).remedy
    what, why = "Majora does not accept the refresh token any more.", answer.said + clock_note(answer.skew)
    return KitError(what, id="RFR001", why=why, remedy=login, exit=Exit.LOGIN)


def clock_note(skew: float | None) -> str:
    if skew is None or abs(skew) < 60:  # CHECKS.md, ENV007
        return ""
    side = "behind" if skew > 0 else "ahead of"
    return f" This machine's clock is {span(abs(skew))} {side} the server's, which confuses times of expiry."


# --- no usable answer

# kind: the check (CHECKS.md), and what to do
_STEPS = {
    "dns-none": ("SRV001", "Check MAJORA_DOMAIN for a typing mistake, and this machine's network."),
    "dns-silent": ("SRV001", "Check this machine's network, then try again."),
    "refused": ("SRV002", "Check the host and port of MAJORA_DOMAIN, and whether a firewall is in between."),
    "proxy-refused": ("SRV002", "Check the proxy's address; if none is needed, add the host to NO_PROXY."),
    "proxy-auth": ("SRV002", "Add user and password to the proxy's setting: http://USER:PASSWORD@HOST:PORT"),
    "proxy-unusable": ("SRV002", "Set it to http://HOST:PORT, or unset it if no proxy is needed."),
    "tls-expired": ("SRV003", "Check this machine's clock; if it is right, tell Majora's administrators."),
    "tls-host": ("SRV003", "Check MAJORA_DOMAIN: something else may answer there. No secret was sent."),
    "tls-unknown-issuer": ("SRV003", "If your network inspects TLS, set REQUESTS_CA_BUNDLE."),
    "tls-other": ("SRV003", "Check the host and port of MAJORA_DOMAIN."),
    "ca-bundle": ("SRV003", "Set the variable to a CA bundle that exists, or unset it."),
    "insecure": ("CFG006", "Correct MAJORA_DOMAIN."),
    "no-thread": ("SYS001", "End other programs of yours on this machine, then try again."),
    "other": (
        "SRV004",
        "Check MAJORA_DOMAIN, and whether this network asks you to log in in a browser first.",
    ),
}
_LOCAL = ("ca-bundle", "proxy-unusable", "insecure", "no-thread")


def check_of(answer: NoAnswer) -> str:
    """The id of the check whose fault this is: one request answers SRV001 to SRV004 (CHECKS.md)."""
    if answer.kind in ("timeout", "reset") and not answer.sent:
        return "SRV002" if answer.kind == "timeout" else "SRV003"
    return _STEPS.get(answer.kind, ("SRV004",))[0]


def net_error(answer: NoAnswer, *, domain: str, ways: Ways = _WAYS) -> KitError:
    """The error for a request without a usable answer: exit 5, but 1 for what is set wrong on this machine."""
    when = "later" if answer.retry_after is None else f"in {span(answer.retry_after)}"
    step = _STEPS[answer.kind][1] if answer.kind in _STEPS else f"Try again {when}."
    what = answer.words[:1].upper() + answer.words[1:] + "."
    return KitError(
        what if answer.status is None else f"{domain} gave no usable answer: {answer.words}.",
        id=check_of(answer),
        why=f"Nothing can be done without an answer from {domain}",
        remedy=Remedy(step, (ways.init if answer.kind == "insecure" else ways.doctor,)),
        exit=Exit.PROBLEM if answer.kind in _LOCAL else Exit.UNKNOWN,
    )
