"""What became of each token in a refresh, and of all of them together. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePath

from ocarina_kit.core.client.scopes import purposes_for
from ocarina_kit.core.errors import Exit, KitError, Remedy, worst
from ocarina_kit.core.setup import Place
from ocarina_kit.core.tokens.refresh_log import Result
from ocarina_kit.core.tokens.retry import RefreshResult


class ScopeResult(str, Enum):
    """What became of one token. The value is the word of ``refresh --json``: that of refresh.log where it has one."""

    REFRESHED = "refreshed"
    ADOPTED = "adopted"
    """Another process or host had refreshed it; nothing was spent."""
    FRESH = "fresh"
    """It lives longer than was asked for; nothing was done."""
    DUE = "due"
    """A refresh would be tried (``--dry-run``)."""
    NO_TOKEN = "no-token"  # noqa: S105  # a name, not a secret
    NO_REFRESH_TOKEN = "no-refresh-token"  # noqa: S105  # as above
    UNREADABLE = "unreadable"
    """Not of ocarina's shape (TOK002)."""
    MISPLACED = "misplaced"
    """Stored where ocarina does not look, while a token stands where it does (TOK006); left alone."""
    OTHER_SERVER = "other-server"
    """Granted by another server than this set-up's: never sent there."""
    REFUSED_TOKEN = "refused-token"  # noqa: S105  # as above
    LOST = "lost"
    """Spent, and the answer with the new pair never arrived."""
    MAYBE_LOST = "maybe-lost"
    """Sent, and no usable answer came."""
    REFUSED_CLIENT = "refused-client"
    REFUSED = "refused"
    NETWORK = "network"
    """No usable answer; the refresh token was not spent."""
    FAILED = "failed"
    """Something on this machine stood in the way; nothing was spent."""
    RESCUED = "rescued"
    """Refreshed, but the tokens file could not be written: the new pair is kept elsewhere."""
    NOT_BEGUN = "not-begun"
    """The run was interrupted before this one's turn."""


LOGGED: dict[ScopeResult, Result] = {
    ScopeResult.REFRESHED: Result.REFRESHED,
    ScopeResult.ADOPTED: Result.ADOPTED,
    ScopeResult.OTHER_SERVER: Result.FAILED,
    ScopeResult.REFUSED_TOKEN: Result.REFUSED_TOKEN,
    ScopeResult.LOST: Result.LOST,
    ScopeResult.MAYBE_LOST: Result.LOST,
    ScopeResult.REFUSED_CLIENT: Result.REFUSED_CLIENT,
    ScopeResult.REFUSED: Result.FAILED,
    ScopeResult.NETWORK: Result.NETWORK,
    ScopeResult.FAILED: Result.FAILED,
    ScopeResult.RESCUED: Result.FAILED,
}
"""What goes into refresh.log; nothing for what was not tried."""

OF_OUTCOME: dict[RefreshResult, ScopeResult] = {
    "refreshed": ScopeResult.REFRESHED,
    "token-refused": ScopeResult.REFUSED_TOKEN,
    "answer-lost": ScopeResult.LOST,
    "client-refused": ScopeResult.REFUSED_CLIENT,
    "server-refused": ScopeResult.REFUSED,
    "maybe-spent": ScopeResult.MAYBE_LOST,
    "no-answer": ScopeResult.NETWORK,
    "kit-refused": ScopeResult.FAILED,
}


@dataclass(frozen=True)
class TokenReport:
    """One token. ``scope`` is the key under which ocarina looks it up; ``expires_at`` epoch seconds by this machine's
    clock, as the file has it now, None where it has none that can be used."""

    scope: str
    result: ScopeResult
    expires_at: float | None = None
    error: KitError | None = None
    note: str = ""
    at: float | None = None
    """When it was refreshed, epoch seconds: the time that the new token bears."""

    @property
    def exit(self) -> Exit:
        return Exit.OK if self.error is None else self.error.exit


@dataclass(frozen=True)
class RefreshReport:
    """A refresh. ``tokens`` stand in the file's order."""

    tokens: tuple[TokenReport, ...]
    skew: float | None = None
    """Seconds by which the server's clock is ahead of this one, where an answer told."""
    notes: tuple[str, ...] = ()
    interrupted: bool = False

    @property
    def exit(self) -> Exit:
        """The first of 4, 1, 5 (CONTRACT.md, Every command)."""
        if self.interrupted:
            return Exit.INTERRUPTED
        return worst(token.exit for token in self.tokens)

    @property
    def failed(self) -> tuple[TokenReport, ...]:
        return tuple(token for token in self.tokens if token.error is not None)

    def errors(self, place: Place) -> tuple[KitError, ...]:
        """One error for all tokens that failed alike, their scopes named; the worst first."""
        groups: dict[tuple[Exit, str, str], list[TokenReport]] = {}
        for token in self.failed:
            if token.error is not None:
                groups.setdefault((token.exit, token.error.id, token.error.what), []).append(token)
        order = {Exit.LOGIN: 0, Exit.PROBLEM: 1}
        ranked = sorted(groups.values(), key=lambda alike: order.get(alike[0].exit, 2))
        return tuple(_of_all(alike, len(self.tokens), place) for alike in ranked)

    def error(self, place: Place) -> KitError | None:
        """One error for the whole: the worst, and how many tokens failed for other reasons."""
        if self.interrupted:
            return _interrupted(self.tokens)
        errors = self.errors(place)
        if not errors:
            return None
        first = errors[0]
        alike = [token for token in self.failed if token.error is not None and token.error.id == first.id]
        others = len(self.failed) - len(alike)
        rest = f" Beside that, {count(others, 'other token')} failed." if others else ""
        return KitError(first.what + rest, id=first.id, why=first.why, remedy=first.remedy, exit=first.exit)


def _of_all(alike: Sequence[TokenReport], of: int, place: Place) -> KitError:
    error = alike[0].error
    assert error is not None  # noqa: S101  # for mypy: all of them have one
    scopes = [token.scope for token in alike]
    if len(scopes) == of and of > 1:
        about = f" This is about all {of} tokens."
    elif scopes[0] in error.what:
        about = ""
    else:
        about = f" This is about {'; '.join(scopes)}."
    return KitError(
        error.what + about,
        id=error.id,
        why=error.why,
        remedy=_remedy_for(error, scopes, place),
        exit=error.exit,
    )


def _remedy_for(error: KitError, scopes: Sequence[str], place: Place) -> Remedy:
    """One login for all scopes that need one, in place of a command for the first alone."""
    if error.exit is not Exit.LOGIN or len(scopes) < 2:
        return error.remedy
    return Remedy(error.remedy.text, (login_command(place, scopes),))


def login_command(place: Place, scopes: Sequence[str]) -> str:
    """The login that brings tokens for ``scopes``. A long string is named by its purpose, where that has just it."""
    words: list[str] = []
    for scope in scopes:
        purposes = [purpose for purpose in purposes_for(scope) if purpose.scope == scope]
        words += ["--for", purposes[0].name] if purposes and " " in scope else ["--scope", scope]
    return place.command("login", *words)


def count(number: int, noun: str) -> str:
    """``1 token``, ``3 tokens``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _interrupted(tokens: Sequence[TokenReport]) -> KitError:
    done = sum(token.result is ScopeResult.REFRESHED for token in tokens)
    left = sum(token.result is ScopeResult.NOT_BEGUN for token in tokens)
    return KitError(
        "Interrupted; nothing is half-done.",
        id="INT001",
        why=f"{count(done, 'token')} had been refreshed and saved; {count(left, 'token')} had not been touched.",
        remedy=Remedy("Run it again for the rest."),
        exit=Exit.INTERRUPTED,
    )


# --- errors of the kit's own


def no_refresh_token(place: Place, scope: str) -> KitError:
    return KitError(
        "This token has no refresh token, so it cannot be refreshed.",
        id="TOK005",
        why="The client or the server left it out when the token was made.",
        remedy=Remedy("Log in once more:", (login_command(place, (scope,)),)),
        exit=Exit.LOGIN,
    )


def odd_entry(place: Place, why: str) -> KitError:
    return KitError(
        f"What stands there is not a token that ocarina can use: {why}.",
        id="TOK002",
        why="ocarina stops at it with a traceback.",
        remedy=Remedy("Set it aside, and keep the rest:", (place.command("doctor", "--fix"),)),
    )


def other_server(place: Place, domain: str, scope: str) -> KitError:
    return KitError(
        f"This token was granted by another server, so it was not sent to {domain}",
        id="RFR006",
        why="MAJORA_DOMAIN has changed since; instances have accounts, applications and tokens of their own.",
        remedy=Remedy(
            "Set MAJORA_DOMAIN back, or log in at this one, which replaces the token:",
            (place.command("init"), login_command(place, (scope,))),
        ),
    )


def shared_file(place: Place, domain: str, path: PurePath, names: Sequence[str]) -> KitError:
    return KitError(
        f"Whether this token is one of {domain} cannot be told, so it was not sent there.",
        id="CFG013",
        why=f"{path} is shared with another server's set-up in the same configuration ({', '.join(names)}), and "
        "ocarina keeps tokens by their scope alone.",
        remedy=Remedy(
            "Give each set-up a MAJORA_TOKENS_FILE of its own, then log in with it; doctor says how.",
            (place.command("doctor", "--only", "CFG013"), place.command("login")),
        ),
    )


def rescued(
    place: Place, tokens: PurePath, where: PurePath, cause: KitError | None, *, found_again: bool
) -> KitError:
    """RFR005: the answer arrived, and the tokens file could not take it."""
    why = cause.why if cause is not None else "Something unforeseen stood in the way."
    if found_again:
        remedy = Remedy(
            "Mend that, then refresh again, which puts it back from there:", (place.command("refresh"),)
        )
    else:
        remedy = Remedy(
            "Mend that, then add what stands there to the tokens file; where that is empty, copy it:",
            (f"cp -p {shlex.quote(str(where))} {shlex.quote(str(tokens))}",),
        )
    return KitError(
        f"The token was refreshed, but {tokens} could not be written: the new token is kept in {where}.",
        id="RFR005",
        why=why,
        remedy=remedy,
    )


def nowhere(place: Place, tokens: PurePath, scope: str, cause: KitError | None) -> KitError:
    return KitError(
        f"The token was refreshed, but neither {tokens} nor any other place could be written: the new one is lost.",
        id="RFR007",
        why=cause.why if cause is not None else "",
        remedy=Remedy("Mend that, then log in once more:", (login_command(place, (scope,)),)),
        exit=Exit.LOGIN,
    )
