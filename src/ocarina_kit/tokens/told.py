"""What people are told if a paste, a login, a refresh, a logout or the tokens file did not work: what happened, why,
and what fixes it. One table of faults, and :func:`error`, which makes the error of a row. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ocarina_kit.client.scopes import Table, options_for, permissions, what_for
from ocarina_kit.config.location import Setup
from ocarina_kit.config.url import endpoint
from ocarina_kit.system.file_errors import no_file
from ocarina_kit.system.problem import Exit, KitError, Problem, Remedy, usage_error
from ocarina_kit.system.words import listed, span

if TYPE_CHECKING:
    from ocarina_kit.majora.answers import Refused
    from ocarina_kit.majora.failures import NoAnswer
    from ocarina_kit.system.files import File
    from ocarina_kit.tokens.file import Token, TokensFile


class _Fault(NamedTuple):
    """``step``: what to do, then the commands for it. What is in braces comes from :func:`error`."""

    id: str
    what: str
    why: str
    step: tuple[str, ...]
    exit: Exit = Exit.PROBLEM


_LEADS = (
    "It leads to Majora's button Authorize. If the browser shows an error there, paste "
    "the words of that page."
)
_NO_LOGIN = "The browser was not logged in to Majora yet: log in there first."
_OTHER = "It is at {said}; the server of this set-up is {domain}"
_EARLIER = "It may come from an earlier link (each is open for an hour), another set-up or somebody else's."
_NO_STATE = "The state shows that the code belongs to the link that was opened, so both are needed, complete."
_USED = "A code can be used once, within 60 s. {said}"
_CODE = "{said} The code may have been used; nothing was saved."
_NARROW = "Missing: {said}. It is stored under {key}, where ocarina does not look."
_DEAD = "Majora does not accept the refresh token any more."
_SPENT = "An earlier attempt reached Majora, but its answer did not arrive complete."
_MAYBE = "The refresh token may have been spent, and no usable answer came."
_JOURNAL = "The new token could not be written to {file}: it is kept in {journal}."
_NOWHERE = "The new token could be written neither to {file} nor anywhere else: it may be lost."
_OWNER = "The token belongs to {owner} and was not sent to {domain}."
_EACH = "The log of refreshes says so. Each Majora has accounts, applications and tokens of its own."
_KEPT = "What the server did not confirm is kept: it may still be valid, and is yours to revoke."
_FIRST = "A login brings the first one; then a refresh is enough."
_DAMAGED = "The tokens file {file} is damaged (line {line}, column {column})."
_LEFT = "Tokens that can still be read: {kept}. The file was not changed."
_NO_REFRESH = "There is no refresh token, so only a login helps."
# What to do, and the commands.
_COPY = (
    "After Authorize, copy the complete address of the page that opens: it has code= and state= in it.",
    "login --callback -",
)
_NEW_LINK = (
    "Open a new link, press Authorize, and paste the address soon after.",
    "login",
)
_ASK = (
    "Ask Majora's administrators for the permissions, then log in again.{permissions}",
    "login",
)
_WRITE_TO_THE_LEAD = (
    'Write to the lead of your site: "Majora refuses my account {user}, though it '
    'grants tokens. Is the account active and approved?"'
)
_REGISTER = (
    "At {applications} copy id and secret again. Register the application again if it "
    "is gone, or if its secret is not shown.",
    "init",
)
_REDIRECT = (
    "At {applications} set the application's Redirect URI to {callback}",
    "login",
)
_TWO_FACTOR = (
    "Turn on two-factor authentication at {two_factor} in a browser, then log in again.",
    "login",
)
_GRANT_TYPE = (
    "At {applications} set Authorization grant type to Authorization code.",
    "login",
)
_LOGIN = ("Log in.", "login")
_DOCTOR = ("See what doctor finds.", "doctor")
_LATER = (
    "Refresh again later: Majora then gives new tokens, or a login is needed.",
    "refresh",
)
_PUT_BACK = ("Fix that, then refresh: it is put into its file.", "refresh")
_BACK = (
    "Set MAJORA_DOMAIN back, or log in at this one, which replaces the token.",
    "init",
    "login --force",
)
_LOCAL = "Try again later; or forget it here only, which leaves it valid at the server."
_REVOKE = (_LOCAL, "logout", "logout --local")
_ASIDE = ("Set it aside, and keep what can be read.", "doctor --fix")
_REFRESH = ("Refresh now.", "refresh")

_FAULTS = {
    # a paste (`Misread.kind`), then what Majora may say to a paste or a login (`Refused.cause`)
    "empty": _Fault(
        "LGN001", "Nothing was pasted.", "It was empty, or only white space.", _COPY
    ),
    "authorize-link": _Fault(
        "LGN003", "That is the link to open, not the page that opens.", _LEADS, _COPY
    ),
    "log-in-page": _Fault(
        "LGN004", "That is the address of Majora's log-in page.", _NO_LOGIN, _COPY
    ),
    "other-server": _Fault(
        "LGN005", "That address belongs to another server.", _OTHER, _COPY
    ),
    "wrong-state": _Fault(
        "LGN006", "That address belongs to another login.", _EARLIER, _NEW_LINK
    ),
    "no-code": _Fault(
        "LGN008",
        "There is no code in what was pasted.",
        "It has to be complete.",
        _COPY,
    ),
    "no-state": _Fault(
        "LGN009", "That is a code without its complete state.", _NO_STATE, _COPY
    ),
    "denied": _Fault(
        "LGN011", "The login was cancelled in the browser.", "{said}", _NEW_LINK
    ),
    "error": _Fault("LGN013", "Majora refused the login.", "{said}", _NEW_LINK),
    "scope": _Fault(
        "LGN012", "Your Majora account lacks a permission for this.", "{said}", _ASK
    ),
    "grant": _Fault(
        "LGN021", "Majora does not accept this code any more.", _USED, _NEW_LINK
    ),
    "two-factor": _Fault(
        "LGN022",
        "Your account has no two-factor authentication.",
        "{said}",
        _TWO_FACTOR,
    ),
    "redirect-uri": _Fault(
        "LGN023", "The application's redirect URI is wrong.", "{said}", _REDIRECT
    ),
    "grant-type": _Fault(
        "LGN027", "Your application has another grant type.", "{said}", _GRANT_TYPE
    ),
    "client": _Fault(
        "CRD001",
        "Majora does not accept this client id and secret.",
        "{said}",
        _REGISTER,
    ),
    "other": _Fault("LGN025", "Majora refused to give a token.", "{said}", _DOCTOR),
    # a login
    "code-lost": _Fault(
        "LGN026",
        "The code was sent; no usable answer came.",
        _CODE,
        _NEW_LINK,
        Exit.UNKNOWN,
    ),
    "narrowed": _Fault(
        "LGN028", "Majora granted other scopes than were asked for.", _NARROW, _ASK
    ),
    "account-inactive": _Fault(
        "API001",
        "Majora refuses a token that it granted just now.",
        "Your account {user} is inactive, or has lost its profile. No refresh and no "
        "login helps.",
        (_WRITE_TO_THE_LEAD,),
    ),
    # a refresh: what Majora says to it, and what becomes of the new token
    "refused-token": _Fault("RFR001", _DEAD, "{said}", _LOGIN, Exit.LOGIN),
    "lost": _Fault(
        "RFR002",
        "The refresh token was spent; the new one is lost.",
        _SPENT,
        _LOGIN,
        Exit.LOGIN,
    ),
    "refused": _Fault(
        "RFR003", "Majora refused to refresh the token.", "{said}", _DOCTOR
    ),
    "maybe-lost": _Fault(
        "RFR004", _MAYBE, "{said} The old tokens are kept.", _LATER, Exit.UNKNOWN
    ),
    "unanswered": _Fault(
        "RFR004",
        "Majora gave no usable answer to the refresh token, twice now.",
        "{said} The old tokens are kept. A login replaces them.",
        _LOGIN,
        Exit.LOGIN,
    ),
    "in-journal": _Fault("RFR005", _JOURNAL, "{said}", _PUT_BACK),
    "nowhere": _Fault("RFR007", _NOWHERE, "{said}", _LOGIN, Exit.LOGIN),
    # tokens and their file
    "of-another-server": _Fault("RFR006", _OWNER, _EACH, _BACK),
    "not-revoked": _Fault(
        "LGO001",
        "Majora did not revoke the token. {said}",
        _KEPT,
        _REVOKE,
        Exit.UNKNOWN,
    ),
    "client-of-logout": _Fault(
        "CRD001",
        "Majora does not accept this client id and secret.",
        "{said} If the application was deleted, its tokens went with it.",
        (
            "Forget the tokens here; or set the client id and secret again, then log "
            "out.",
            "logout --local",
            "init",
        ),
    ),
    "no-token": _Fault("TOK001", "There is no token yet.", _FIRST, _LOGIN, Exit.LOGIN),
    "damaged": _Fault("TOK002", _DAMAGED, _LEFT, _ASIDE),
    "odd": _Fault(
        "TOK002",
        "An entry is not a token.",
        "ocarina stops at it with a traceback.",
        _ASIDE,
    ),
    "short": _Fault(
        "TOK004", "The token expires too soon.", "A refresh needs no browser.", _REFRESH
    ),
    "no-refresh-token": _Fault(
        "TOK005", _NO_REFRESH, "It was lost on the way.", _LOGIN, Exit.LOGIN
    ),
}
"""A fault's name: its row. The name says where it comes from, or is the `Outcome.result` that it leads to."""


def error(
    fault: str,
    setup: Setup,
    scopes: Collection[str] = (),
    *,
    said: str = "",
    login: str = "",
    **values: object,
) -> KitError:
    """The error of a row, about the tokens for ``scopes``.

    ``said``: the server's words, or what else was seen. ``login``: the command that begins a new login, if it is not
    the usual one. ``values``: what else is in braces in the row.
    """
    id, what, why, (text, *subcommands), exit = _FAULTS[fault]
    values |= {"said": said, "domain": setup.domain, "file": setup.tokens_file}
    values["user"] = setup.user
    values |= {
        name: endpoint(setup.domain, name)
        for name in ("applications", "callback", "two_factor")
    }
    values["permissions"] = (
        f" What to write:\n{permissions(' '.join(scopes))}" if scopes else ""
    )
    commands = [
        (login or login_command(setup, scopes))
        if each == "login"
        else setup.location.command(*each.split())
        for each in subcommands
    ]
    remedy = Remedy(text.format(**values), tuple(commands))
    return KitError(
        Problem(
            message=what.format(**values),
            id=id,
            why=why.format(**values),
            remedy=remedy,
            exit=exit,
        )
    )


def login_command(
    setup: Setup,
    scopes: Collection[str] = (),
    *options: str,
    table: Table | None = None,
) -> str:
    """The login that brings tokens for ``scopes``, by their purposes."""
    return setup.location.command("login", *options_for(scopes, table), *options)


def named(scopes: Iterable[str], table: Table | None = None) -> str:
    """``tokens to look up samples and runs, add files, add tags and 3 more``."""
    names = list(dict.fromkeys(what_for(scope, table) for scope in scopes))
    if len(names) > 4:
        names = [*names[:3], f"{len(names) - 3} more"]
    return f"{'token' if len(names) == 1 else 'tokens'} to {listed(names)}"


def check_within(tokens: Iterable[Token], seconds: float) -> None:
    """Check that a fresh token could be valid for a length of time.

    Args:
        tokens: The tokens that are asked about.
        seconds: The value of --within.

    Raises:
        KitError: USE001 if every new token expires sooner.
    """
    longest = max((token.lifetime for token in tokens), default=seconds)
    if seconds <= longest:
        return
    raise usage_error(
        f"No token is valid for {span(seconds)}: a new one expires after "
        f"{span(longest)}.",
        remedy=Remedy(f"Use --within with {span(longest)} or less."),
    )


# --- what the server says ---------------------------------------------------------------------------------------


_CODE_LIFE_S = 60  # at the server (FACTS.md)
_OF_THIS_MACHINE = (
    "ca-bundle",
    "proxy-unusable",
    "insecure",
    "no-thread",
)  # kinds of NoAnswer: set wrong here
_WAIT = "Try again {when}."
# kind of NoAnswer: the check (CHECKS.md), and what to do
_NETWORK = {
    "dns-none": (
        "SRV001",
        "Check MAJORA_DOMAIN for a typing mistake, and this machine's network.",
    ),
    "dns-silent": ("SRV001", "Check this machine's network, then try again."),
    "refused": (
        "SRV002",
        "It may be down: try again later. Or check host and port of MAJORA_DOMAIN, and firewalls.",
    ),
    "timeout": ("SRV002", _WAIT),
    "proxy-refused": (
        "SRV002",
        "Check the proxy's address; if none is needed, add the host to NO_PROXY.",
    ),
    "proxy-auth": (
        "SRV002",
        "Add user and password to the proxy's setting: http://USER:PASSWORD@HOST:PORT",
    ),
    "proxy-unusable": (
        "SRV002",
        "Set it to http://HOST:PORT, or unset it if no proxy is needed.",
    ),
    "reset": ("SRV003", _WAIT),
    "tls-expired": (
        "SRV003",
        "Check this machine's clock; if it is right, tell Majora's administrators.",
    ),
    "tls-host": (
        "SRV003",
        "Check MAJORA_DOMAIN: something else may answer there. No secret was sent.",
    ),
    "tls-unknown-issuer": (
        "SRV003",
        "If your network inspects TLS, set REQUESTS_CA_BUNDLE.",
    ),
    "tls-other": ("SRV003", "Check the host and port of MAJORA_DOMAIN."),
    "ca-bundle": (
        "SRV003",
        "Set the variable to a CA bundle that exists, or unset it.",
    ),
    "insecure": ("CFG006", "Correct MAJORA_DOMAIN."),
    "no-thread": (
        "SYS001",
        "End other programs of yours on this machine, then try again.",
    ),
    "other": (
        "SRV004",
        "Check MAJORA_DOMAIN, and whether this network asks you to log in in a browser.",
    ),
    "rate-limited": ("SRV004", _WAIT),
    "server-error": ("SRV004", _WAIT),
}


def check_of(answer: NoAnswer) -> str:
    """The id of the check whose fault this is: one request answers SRV001 to SRV004 (CHECKS.md)."""
    return "SRV004" if answer.sent else _NETWORK[answer.kind][0]


def no_answer(answer: NoAnswer, setup: Setup) -> KitError:
    """The error for a request without a usable answer: exit 5, but 1 for what is set wrong on this machine."""
    from ocarina_kit.majora.failures import NoAnswerKind

    when = "later" if answer.retry_after is None else f"in {span(answer.retry_after)}"
    command = setup.location.command(
        "init" if answer.kind is NoAnswerKind.INSECURE else "doctor"
    )
    return KitError(
        Problem(
            message=answer.sentence,
            id=check_of(answer),
            why=f"Without an answer from {setup.domain} nothing can be done.",
            remedy=Remedy(_NETWORK[answer.kind][1].format(when=when), (command,)),
            exit=Exit.PROBLEM if answer.kind in _OF_THIS_MACHINE else Exit.UNKNOWN,
        )
    )


def no_login(
    answer: Refused | NoAnswer,
    setup: Setup,
    scope: str,
    link_age: float,
    login: str = "",
) -> KitError:
    """The error for a code that brought no token. ``link_age``: seconds since the link was shown."""
    from ocarina_kit.majora.failures import NoAnswer

    fault = "code-lost"
    said = answer.sentence
    if not isinstance(answer, NoAnswer):
        fault = answer.cause
    elif not answer.sent:
        return no_answer(answer, setup)
    if fault == "grant":
        late = (
            "It may be too late"
            if link_age > _CODE_LIFE_S
            else "It may be one of another link"
        )
        said = (
            f"{late}: the link was shown {span(link_age)} ago.{clock_note(answer.skew)}"
        )
    return error(fault, setup, (scope,), said=said, login=login)


_DOWN = (502, 503, 504)
"""HTTP statuses of a gateway in front of a server that is down: a login would fail too."""


def no_refresh(
    answer: Refused | NoAnswer,
    setup: Setup,
    scope: str,
    *,
    resent: bool,
    unanswered_before: bool,
) -> tuple[str, KitError]:
    """Tell what a refresh without a new token comes to: `Outcome.result`, and its error.

    The exit code is 4 if it is the token, 1 the client, 5 the network.

    Args:
        resent: An earlier attempt of this run may have spent the token, so that its
            answer was lost if the server says no now.
        unanswered_before: The same of an earlier run.
    """
    from ocarina_kit.majora.answers import RefusalCause
    from ocarina_kit.majora.failures import NoAnswer

    resent = resent or unanswered_before
    if isinstance(answer, NoAnswer) and not answer.sent and not resent:
        result = "unreached" if answer.status is None else "network"
        return "failed" if answer.kind in _OF_THIS_MACHINE else result, no_answer(
            answer, setup
        )
    result, fault = "refused-token", ""
    if isinstance(answer, NoAnswer):
        again = unanswered_before and answer.sent and answer.status not in _DOWN
        result = "unanswered" if again else "maybe-lost"
    elif answer.cause in (RefusalCause.CLIENT, RefusalCause.GRANT_TYPE):
        result, fault = "refused-client", answer.cause
    elif answer.cause in (RefusalCause.OTHER, RefusalCause.REDIRECT_URI):
        result = "refused"
    elif answer.cause is RefusalCause.GRANT and resent:
        result = "lost"
    said = answer.sentence + clock_note(answer.skew)
    return result, error(fault or result, setup, (scope,), said=said)


def not_revoked(answer: Refused | NoAnswer, setup: Setup) -> KitError:
    """Exit 5, but 1 for a client that the server does not know, and for what is set wrong on this machine."""
    from ocarina_kit.majora.answers import RefusalCause
    from ocarina_kit.majora.failures import NoAnswer

    if isinstance(answer, NoAnswer):
        seen, kept = no_answer(answer, setup), error("not-revoked", setup)
        return KitError(
            Problem(
                message=seen.what,
                id=seen.id,
                why=kept.why,
                remedy=kept.remedy,
                exit=seen.exit,
            )
        )
    fault = "client-of-logout" if answer.cause is RefusalCause.CLIENT else "not-revoked"
    return error(fault, setup, said=answer.sentence)


def clock_note(skew: float | None) -> str:
    """A sentence about a clock that is off by more than 60 s (CHECKS.md, ENV007), after a blank; else ""."""
    if skew is None or abs(skew) <= 60:
        return ""
    side = "behind" if skew > 0 else "ahead of"
    return f" This machine's clock is {span(abs(skew))} {side} the server's, which confuses times of expiry."


# --- the tokens file --------------------------------------------------------------------------------------------


def unreadable(file: File) -> KitError:
    """TOK003 if it is a matter of rights, else TOK002: the tokens file cannot be read at all."""
    id = "TOK003" if file.kind == "unreadable" else "TOK002"
    said, commands = no_file(file.kind, file.path)
    what = f"The tokens file {file.path} {said}{f': {file.problem}' if file.problem else ''}."
    why = "Without it no token can be used or refreshed. It was not changed."
    return KitError(Problem(message=what, id=id, why=why, remedy=Remedy("", commands)))


def not_tokens(path: Path, kind: str) -> KitError:
    """TOK002: MAJORA_TOKENS_FILE names a file of another kind, which is not touched."""
    text = "Name another file as MAJORA_TOKENS_FILE in the configuration, or take that line out of it."
    return KitError(
        Problem(
            message=f"{path} is not a tokens file: it is {kind}.",
            id="TOK002",
            why="MAJORA_TOKENS_FILE in the configuration names it. It was not changed.",
            remedy=Remedy(text),
        )
    )


def undamaged(setup: Setup, file: TokensFile) -> TokensFile:
    """``file`` itself. Raises KitError TOK002 if it is damaged."""
    if file.damage is None:
        return file
    kept, (line, column) = sum(token.can_refresh for token in file.tokens), file.damage
    raise error("damaged", setup, kept=kept, line=line, column=column)
