"""What people read about pastes, logins, refreshes, logouts and the tokens file.

Each function describes one problem. Where `login` is an argument, it is the command that
begins a new login, in place of the usual one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ocarina_kit.client.scopes import Table, options_for, permissions, what_for
from ocarina_kit.config.location import Setup
from ocarina_kit.config.url import endpoint
from ocarina_kit.majora.answers import RefusalCause, Refused
from ocarina_kit.majora.failures import NoAnswer
from ocarina_kit.majora.problems import no_answer
from ocarina_kit.system.file_kind import FileKind
from ocarina_kit.system.problem import Exit, Problem, Remedy
from ocarina_kit.system.problems import no_file
from ocarina_kit.system.words import listed, span

if TYPE_CHECKING:
    from ocarina_kit.majora.paste import PasteProblem
    from ocarina_kit.system.files import File

CODE_LIFE_S = 60
"""Seconds for which Majora accepts a code (docs/majora.md, Logging in)."""
_LARGEST_SKEW_S = 60  # seconds; more confuses times of expiry


def login_command(
    setup: Setup,
    scopes: Collection[str] = (),
    *options: str,
    table: Table | None = None,
) -> str:
    """Return the command that brings tokens for the scopes, by their purposes."""
    return setup.location.command("login", *options_for(scopes, table), *options)


def describe_tokens(scopes: Iterable[str], table: Table | None = None) -> str:
    """Return, for example, ``tokens to add files, add tags and 3 more``."""
    names = list(dict.fromkeys(what_for(scope, table) for scope in scopes))
    noun = "token" if len(names) == 1 else "tokens"
    if len(names) > 4:
        names = [*names[:3], f"{len(names) - 3} more"]
    return f"{noun} to {listed(names)}"


def clock_note(skew: float | None) -> str:
    """Return a sentence about a wrong clock, with a space before it.

    Args:
        skew: Seconds by which the server's clock is ahead; None if unknown.
    """
    if skew is None or abs(skew) <= _LARGEST_SKEW_S:
        return ""
    side = "behind" if skew > 0 else "ahead of"
    return (
        f" This machine's clock is {span(abs(skew))} {side} the server's, "
        "which confuses times of expiry."
    )


# --- what to do


def _copy_again(setup: Setup) -> Remedy:
    return Remedy(
        "After Authorize, copy the complete address of the page that opens: "
        "it has code= and state= in it.",
        (setup.location.command("login", "--callback", "-"),),
    )


def _open_new_link(setup: Setup, scopes: Collection[str], login: str) -> Remedy:
    return Remedy(
        "Open a new link, press Authorize, and paste the address soon after.",
        (login or login_command(setup, scopes),),
    )


def _log_in(setup: Setup, scopes: Collection[str], text: str = "Log in.") -> Remedy:
    return Remedy(text, (login_command(setup, scopes),))


def _ask_for_permissions(setup: Setup, scopes: Collection[str], login: str) -> Remedy:
    request = permissions(" ".join(scopes))
    return Remedy(
        "Ask Majora's administrators for the permissions, then log in again. "
        f"What to write:\n{request}",
        (login or login_command(setup, scopes),),
    )


def _run_doctor(setup: Setup) -> Remedy:
    return Remedy("See what doctor finds.", (setup.location.command("doctor"),))


def _fix_tokens_file(setup: Setup) -> Remedy:
    return Remedy(
        "doctor --fix keeps a backup of it and the tokens that can be read.",
        (setup.location.command("doctor", "--fix"),),
    )


# --- what was pasted


def unusable_paste(  # noqa: PLR0912  # one case for each kind of paste
    paste: PasteProblem, setup: Setup, scopes: Collection[str], login: str = ""
) -> Problem:
    """Describe a paste without a usable code."""
    new_link = _open_new_link(setup, scopes, login)
    match paste.kind:
        case "empty":
            return _not_the_address(
                setup,
                "LGN001",
                "Nothing was pasted.",
                "It was empty, or only white space.",
            )
        case "authorize-link":
            return _not_the_address(
                setup,
                "LGN003",
                "That is the link to open, not the page that opens.",
                "It leads to Majora's button Authorize. "
                "If the browser shows an error there, paste the words of that page.",
            )
        case "log-in-page":
            return _not_the_address(
                setup,
                "LGN004",
                "That is the address of Majora's log-in page.",
                "The browser was not logged in to Majora yet: log in there first.",
            )
        case "other-server":
            return _not_the_address(
                setup,
                "LGN005",
                "That address belongs to another server.",
                f"It is at {paste.detail}; the server of this set-up is {setup.domain}",
            )
        case "no-code":
            return _not_the_address(
                setup,
                "LGN008",
                "There is no code in what was pasted.",
                "It has to be complete.",
            )
        case "no-state":
            return _not_the_address(
                setup,
                "LGN009",
                "That is a code without its complete state.",
                "The state shows which link the code belongs to. "
                "Both are needed, complete.",
            )
        case "wrong-state":
            return Problem(
                id="LGN006",
                message="That address belongs to another login.",
                why="It may come from an earlier link (each is open for an hour), "
                "another set-up or somebody else's.",
                remedy=new_link,
            )
        case "denied":
            return Problem(
                id="LGN011",
                message="The login was cancelled in the browser.",
                why=paste.detail,
                remedy=new_link,
            )
        case "error":
            return login_refused(paste.detail, setup, scopes, login)
        case "scope":
            return missing_permission(paste.detail, setup, scopes, login)
        case "redirect-uri":
            return wrong_redirect_uri(paste.detail, setup, scopes, login)
        case "client":
            return unknown_client(paste.detail, setup)
        case "two-factor":
            return no_two_factor(paste.detail, setup, scopes, login)


def _not_the_address(setup: Setup, id: str, message: str, why: str) -> Problem:
    """Describe a paste after which the address can still be copied."""
    return Problem(id=id, message=message, why=why, remedy=_copy_again(setup))


# --- what Majora refuses


def login_refused(
    why: str, setup: Setup, scopes: Collection[str], login: str = ""
) -> Problem:
    """Describe an error that Majora sent back in place of a code."""
    return Problem(
        id="LGN013",
        message="Majora refused the login.",
        why=why,
        remedy=_open_new_link(setup, scopes, login),
    )


def unknown_client(why: str, setup: Setup) -> Problem:
    """Describe a client id and secret that Majora does not know."""
    page = endpoint(setup.domain, "applications")
    return Problem(
        id="CRD001",
        message="Majora does not accept this client id and secret.",
        why=why,
        remedy=Remedy(
            f"At {page} copy id and secret again. Register the application again "
            "if it is gone, or if its secret is not shown.",
            (setup.location.command("init"),),
        ),
    )


def wrong_grant_type(
    why: str, setup: Setup, scopes: Collection[str] = (), login: str = ""
) -> Problem:
    """Describe an application that was registered for another grant type."""
    page = endpoint(setup.domain, "applications")
    return Problem(
        id="LGN027",
        message="Your application has another grant type.",
        why=why,
        remedy=Remedy(
            f"At {page} set Authorization grant type to Authorization code.",
            (login or login_command(setup, scopes),),
        ),
    )


def wrong_redirect_uri(
    why: str, setup: Setup, scopes: Collection[str], login: str = ""
) -> Problem:
    """Describe an application whose redirect URI is not the set-up's."""
    page = endpoint(setup.domain, "applications")
    callback = endpoint(setup.domain, "callback")
    return Problem(
        id="LGN023",
        message="The application's redirect URI is wrong.",
        why=why,
        remedy=Remedy(
            f"At {page} set the application's Redirect URI to {callback}",
            (login or login_command(setup, scopes),),
        ),
    )


def no_two_factor(
    why: str, setup: Setup, scopes: Collection[str], login: str = ""
) -> Problem:
    """Describe an account without two-factor authentication."""
    page = endpoint(setup.domain, "two_factor")
    return Problem(
        id="LGN022",
        message="Your account has no two-factor authentication.",
        why=why,
        remedy=Remedy(
            f"Turn on two-factor authentication at {page} in a browser, "
            "then log in again.",
            (login or login_command(setup, scopes),),
        ),
    )


def missing_permission(
    why: str, setup: Setup, scopes: Collection[str], login: str = ""
) -> Problem:
    """Describe an account that lacks a permission for the scopes."""
    return Problem(
        id="LGN012",
        message="Your Majora account lacks a permission for this.",
        why=why,
        remedy=_ask_for_permissions(setup, scopes, login),
    )


def other_scopes_granted(
    scope: str, granted: str, setup: Setup, login: str = ""
) -> Problem:
    """Describe a token that is for other scopes than were asked for.

    Args:
        scope: What was asked for.
        granted: The scope string of the token, and its key in the tokens file.
    """
    missing = sorted({*scope.split()} - {*granted.split()})
    return Problem(
        id="LGN028",
        message="Majora granted other scopes than were asked for.",
        why=f"Missing: {' '.join(missing) or 'none'}. "
        f"It is stored under {granted}, where ocarina does not look.",
        remedy=_ask_for_permissions(setup, (scope,), login),
    )


def inactive_account(setup: Setup) -> Problem:
    """Describe an account whose new tokens Majora refuses."""
    return Problem(
        id="API001",
        message="Majora refuses a token that it granted just now.",
        why=f"Your account {setup.user} is inactive, or has lost its profile. "
        "No refresh and no login helps.",
        remedy=Remedy(
            f'Write to the lead of your site: "Majora refuses my account {setup.user}, '
            'though it grants tokens. Is the account active and approved?"'
        ),
    )


# --- a login


def login_failed(
    answer: Refused | NoAnswer,
    setup: Setup,
    scope: str,
    link_age: float,
    login: str = "",
) -> Problem:
    """Describe a code that brought no token.

    Args:
        answer: What Majora said to the code.
        setup: The set-up.
        scope: What the login was for.
        link_age: Seconds since the link was shown.
        login: The command for a new link.
    """
    scopes = (scope,)
    if isinstance(answer, NoAnswer):
        if not answer.sent:
            return no_answer(answer, setup)
        return _code_without_answer(answer, setup, scopes, login)
    why = answer.sentence
    match answer.cause:
        case RefusalCause.GRANT:
            reason = "It may be one of another link"
            if link_age > CODE_LIFE_S:
                reason = "It was probably too old"
            why = f"{reason}: the link was shown {span(link_age)} ago."
            return code_refused(why + clock_note(answer.skew), setup, scopes, login)
        case RefusalCause.CLIENT:
            return unknown_client(why, setup)
        case RefusalCause.SCOPE:
            return missing_permission(why, setup, scopes, login)
        case RefusalCause.TWO_FACTOR:
            return no_two_factor(why, setup, scopes, login)
        case RefusalCause.REDIRECT_URI:
            return wrong_redirect_uri(why, setup, scopes, login)
        case RefusalCause.GRANT_TYPE:
            return wrong_grant_type(why, setup, scopes, login)
        case RefusalCause.OTHER:
            return Problem(
                id="LGN025",
                message="Majora refused to give a token.",
                why=why,
                remedy=_run_doctor(setup),
            )


def code_refused(
    why: str, setup: Setup, scopes: Collection[str], login: str = ""
) -> Problem:
    """Describe a code that Majora does not accept any more."""
    return Problem(
        id="LGN021",
        message="Majora does not accept this code any more.",
        why=f"A code can be used once, within {CODE_LIFE_S} s. {why}",
        remedy=_open_new_link(setup, scopes, login),
    )


def code_used(
    seconds: float, setup: Setup, scopes: Collection[str], login: str = ""
) -> Problem:
    """Describe a code that this set-up has sent before, `seconds` ago."""
    why = f"This one was used before, {span(seconds)} ago."
    return code_refused(why, setup, scopes, login)


def _code_without_answer(
    answer: NoAnswer, setup: Setup, scopes: Collection[str], login: str
) -> Problem:
    return Problem(
        id="LGN026",
        message="The code was sent; no usable answer came.",
        why=f"{answer.sentence} The code may have been used; nothing was saved.",
        remedy=_open_new_link(setup, scopes, login),
        exit=Exit.UNKNOWN,
    )


# --- a refresh


def refresh_token_refused(setup: Setup, scope: str, why: str = "") -> Problem:
    """Describe a refresh token that Majora no longer accepts."""
    return Problem(
        id="RFR001",
        message="Majora does not accept the refresh token any more.",
        why=why,
        remedy=_log_in(setup, (scope,)),
        exit=Exit.LOGIN,
    )


def new_token_lost(setup: Setup, scope: str) -> Problem:
    """Describe a refresh token that an earlier attempt spent."""
    return Problem(
        id="RFR002",
        message="The refresh token was spent; the new one is lost.",
        why="An earlier attempt reached Majora, but its answer did not arrive complete.",
        remedy=_log_in(setup, (scope,)),
        exit=Exit.LOGIN,
    )


def refresh_refused(setup: Setup, why: str) -> Problem:
    """Describe a refresh that Majora refused for another reason than the token."""
    return Problem(
        id="RFR003",
        message="Majora refused to refresh the token.",
        why=why,
        remedy=_run_doctor(setup),
    )


def maybe_spent(setup: Setup, why: str) -> Problem:
    """Describe a refresh token that may have been spent without an answer."""
    return Problem(
        id="RFR004",
        message="The refresh token may have been spent, and no usable answer came.",
        why=f"{why} The old tokens are kept.",
        remedy=Remedy(
            "Refresh again later: Majora then gives new tokens, or a login is needed.",
            (setup.location.command("refresh"),),
        ),
        exit=Exit.UNKNOWN,
    )


def unanswered_twice(setup: Setup, scope: str, why: str) -> Problem:
    """Describe a refresh token to which no usable answer came in two runs."""
    return Problem(
        id="RFR004",
        message="Majora gave no usable answer to the refresh token, twice now.",
        why=f"{why} The old tokens are kept. A login replaces them.",
        remedy=_log_in(setup, (scope,)),
        exit=Exit.LOGIN,
    )


def kept_in_journal(setup: Setup, journal: Path, why: str) -> Problem:
    """Describe a new token that waits in the journal, not in the tokens file."""
    return Problem(
        id="RFR005",
        message="The new token could not be written to "
        f"{setup.tokens_file}: it is kept in {journal}.",
        why=why,
        remedy=Remedy(
            "Fix that, then refresh: it is put into its file.",
            (setup.location.command("refresh"),),
        ),
    )


def saved_nowhere(setup: Setup, scope: str, why: str) -> Problem:
    """Describe a new token that could not be written at all."""
    return Problem(
        id="RFR007",
        message=f"The new token could be written neither to {setup.tokens_file} "
        "nor anywhere else: it may be lost.",
        why=why,
        remedy=_log_in(setup, (scope,)),
        exit=Exit.LOGIN,
    )


def of_another_server(setup: Setup, owner: str) -> Problem:
    """Describe a token of another server, which is not sent to this one."""
    return Problem(
        id="RFR006",
        message=f"The token belongs to {owner} and was not sent to {setup.domain}.",
        why="The log of refreshes says so. "
        "Each Majora has accounts, applications and tokens of its own.",
        remedy=Remedy(
            "Set MAJORA_DOMAIN back, or log in at this one, which replaces the token.",
            (
                setup.location.command("init"),
                setup.location.command("login", "--force"),
            ),
        ),
    )


def no_refresh_token(setup: Setup, scope: str) -> Problem:
    """Describe an expired token without a refresh token."""
    return Problem(
        id="TOK005",
        message="There is no refresh token, so only a login helps.",
        why="It was lost on the way.",
        remedy=_log_in(setup, (scope,)),
        exit=Exit.LOGIN,
    )


def within_too_long(seconds: float, longest: float) -> Problem:
    """Describe a value of --within that no new token reaches; both in seconds."""
    return Problem(
        id="USE001",
        message=f"No token is valid for {span(seconds)}: a new one expires after "
        f"{span(longest)}.",
        remedy=Remedy(f"Use --within with {span(longest)} or less."),
        exit=Exit.USAGE,
    )


def expires_too_soon(setup: Setup) -> Problem:
    """Describe a token that expires sooner than --within asks for."""
    return Problem(
        id="TOK004",
        message="The token expires too soon.",
        why="A refresh needs no browser.",
        remedy=Remedy("Refresh now.", (setup.location.command("refresh"),)),
    )


# --- a logout


_KEPT = (
    "What the server did not confirm is kept: "
    "it may still be valid, and is yours to revoke."
)


def _revoke_later(setup: Setup) -> Remedy:
    return Remedy(
        "Try again later; or forget it here only, which leaves it valid at the server.",
        (
            setup.location.command("logout"),
            setup.location.command("logout", "--local"),
        ),
    )


def not_revoked(answer: Refused | NoAnswer, setup: Setup) -> Problem:
    """Describe a token that Majora did not revoke."""
    if isinstance(answer, NoAnswer):
        failure = no_answer(answer, setup)
        return failure._replace(why=_KEPT, remedy=_revoke_later(setup))
    if answer.cause is RefusalCause.CLIENT:
        return _unknown_client_of_logout(answer, setup)
    return Problem(
        id="LGO001",
        message=f"Majora did not revoke the token. {answer.sentence}",
        why=_KEPT,
        remedy=_revoke_later(setup),
        exit=Exit.UNKNOWN,
    )


def _unknown_client_of_logout(answer: Refused, setup: Setup) -> Problem:
    return Problem(
        id="CRD001",
        message="Majora does not accept this client id and secret.",
        why=f"{answer.sentence} "
        "If the application was deleted, its tokens went with it.",
        remedy=Remedy(
            "Forget the tokens here; or set the client id and secret again, "
            "then log out.",
            (
                setup.location.command("logout", "--local"),
                setup.location.command("init"),
            ),
        ),
    )


# --- the tokens file


def no_token(setup: Setup, scopes: Collection[str] = ()) -> Problem:
    """Describe a tokens file without a token for the scopes, or without any."""
    return Problem(
        id="TOK001",
        message="There is no token yet.",
        why="A login brings the first one; then a refresh is enough.",
        remedy=_log_in(setup, scopes),
        exit=Exit.LOGIN,
    )


def new_token_waits(setup: Setup, scopes: Collection[str]) -> Problem:
    """Describe new tokens that an interrupted run left in the journal."""
    return Problem(
        id="TOK009",
        message=f"A new {describe_tokens(scopes)} is not in the tokens file yet.",
        why="An interrupted run received it, and kept it in its journal.",
        remedy=Remedy(
            "A refresh puts it into the tokens file.",
            (setup.location.command("refresh"),),
        ),
    )


def damaged_file(setup: Setup, damage: tuple[int, int], readable: int) -> Problem:
    """Describe a tokens file that is not JSON.

    Args:
        setup: The set-up.
        damage: Line and column.
        readable: How many tokens can still be read.
    """
    line, column = damage
    return Problem(
        id="TOK002",
        message=f"The tokens file {setup.tokens_file} is damaged "
        f"(line {line}, column {column}).",
        why=f"Tokens that can still be read: {readable}. The file was not changed.",
        remedy=_fix_tokens_file(setup),
    )


def malformed_token(setup: Setup) -> Problem:
    """Describe an entry of the tokens file that is not a token."""
    return Problem(
        id="TOK002",
        message="An entry is not a token.",
        why="ocarina stops at it with a traceback.",
        remedy=_fix_tokens_file(setup),
    )


def unreadable_file(file: File) -> Problem:
    """Describe a tokens file that cannot be read at all.

    The id is TOK003 if it is a matter of rights, otherwise TOK002.
    """
    state, commands = no_file(file.kind, file.path, is_foreign=file.ours is False)
    cause = f": {file.problem}" if file.problem else ""
    return Problem(
        id="TOK003" if file.kind is FileKind.UNREADABLE else "TOK002",
        message=f"The tokens file {file.path} {state}{cause}.",
        why="Without it no token can be used or refreshed. It was not changed.",
        remedy=Remedy("", commands),
    )


def not_a_tokens_file(path: Path, kind: str) -> Problem:
    """Describe a file of another kind that MAJORA_TOKENS_FILE names.

    Args:
        path: The file, which is not touched.
        kind: What it is, for example ``a configuration``.
    """
    return Problem(
        id="TOK002",
        message=f"{path} is not a tokens file: it is {kind}.",
        why="MAJORA_TOKENS_FILE in the configuration names it. It was not changed.",
        remedy=Remedy(
            "Name another file as MAJORA_TOKENS_FILE in the configuration, "
            "or take that line out of it."
        ),
    )
