"""How long each token lives, and what it takes to keep it: the judgement behind ``status``. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from ocarina_kit.core.client.scopes import Purpose, purposes_for
from ocarina_kit.core.durations import in_words
from ocarina_kit.core.errors import Exit, KitError, Remedy
from ocarina_kit.core.setup import Place
from ocarina_kit.core.tokens.refresh_log import LogEntry
from ocarina_kit.core.tokens.refresh_report import count, login_command
from ocarina_kit.core.tokens.token_file import TokenEntry, TokenFile, better
from ocarina_kit.core.tokens.token_origin import birth


class TokenState(str, Enum):
    """The value is the word of ``status --json``."""

    OK = "ok"
    NEEDS_REFRESH = "needs-refresh"
    NEEDS_LOGIN = "needs-login"
    """It cannot be refreshed."""
    UNREADABLE = "unreadable"
    """Not of ocarina's shape (TOK002)."""


@dataclass(frozen=True)
class TokenStatus:
    """One token. Times are epoch seconds by this machine's clock; None where they are not known.

    ``seconds_left`` is 0 where the access token is expired. ``last_host`` and ``last_by`` are told by refresh.log.
    """

    scope: str
    purposes: tuple[Purpose, ...]
    state: TokenState
    can_refresh: bool
    expires_at: float | None
    seconds_left: float
    last_refresh: float | None
    last_host: str | None = None
    last_by: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What it is for, in words; the scope string where no purpose uses it."""
        return ", ".join(purpose.title for purpose in self.purposes) or self.scope


def statuses(
    file: TokenFile,
    log: Sequence[LogEntry],
    *,
    mark: str,
    now: float,
    within: float = 0.0,
    aside: TokenFile | None = None,
) -> tuple[TokenStatus, ...]:
    """Every token of the file, judged: does it live ``within`` seconds longer?

    ``aside`` are new tokens that a run which was cut off left to the next one: those in the file are spent then.
    """
    found = []
    for entry in file.entries:
        waiting = None if aside is None else aside.get(entry.key)
        spent = waiting is not None and better(entry, waiting, now=now) is waiting
        found.append(_status(entry, log, mark=mark, now=now, within=within, spent=spent))
    return tuple(found)


def _status(
    entry: TokenEntry, log: Sequence[LogEntry], *, mark: str, now: float, within: float, spent: bool
) -> TokenStatus:
    left = entry.life_left(now) if entry.access_token is not None and not spent else 0.0
    if entry.odd and not entry.can_refresh:
        state = TokenState.UNREADABLE
    elif left > 0 and left >= within:
        state = TokenState.OK
    else:
        state = TokenState.NEEDS_REFRESH if entry.can_refresh else TokenState.NEEDS_LOGIN
    line = birth(entry, log, mark=mark, now=now)
    return TokenStatus(
        scope=entry.key,
        purposes=purposes_for(entry.key),
        state=state,
        can_refresh=entry.can_refresh,
        expires_at=None if entry.time_fault(now) is not None else entry.expiry(now),
        seconds_left=max(0.0, left),
        last_refresh=entry.last_refresh(now),
        last_host=None if line is None else line.host,
        last_by=None if line is None else line.by,
        notes=tuple(_notes(entry, state, now, spent=spent)),
    )


def _notes(entry: TokenEntry, state: TokenState, now: float, *, spent: bool) -> Iterable[str]:
    if spent:
        yield "[RFR005] A run that was cut off has refreshed it; the next refresh puts the new one in its place."
    if state is TokenState.UNREADABLE:
        yield f"[TOK002] This is no token that ocarina can use: {entry.odd}."
        return
    if not entry.can_refresh:
        yield "[TOK005] It has no refresh token: when it expires, a person must log in again."
    fault = entry.time_fault(now)
    if fault is not None:
        yield f"[TOK008] Its expires_at is {fault.value}, so it counts as expired."
    home = entry.scope or entry.key
    if set(home.split()) != set(entry.key.split()):
        yield f"[TOK006] It is stored under a key that is not its scope ({home}), so ocarina never finds it."


def status_error(tokens: Sequence[TokenStatus], place: Place, within: float) -> KitError | None:
    """What a person must do, None where each token lives long enough. Exit 4 before 1 (CONTRACT.md, status)."""
    dead = [token for token in tokens if token.state is TokenState.NEEDS_LOGIN]
    odd = [token for token in tokens if token.state is TokenState.UNREADABLE]
    due = [token for token in tokens if token.state is TokenState.NEEDS_REFRESH]
    of = len(tokens)
    soon = f" within {in_words(within)}" if within > 0 else ""
    if dead:
        return KitError(
            f"{_share(len(dead), of)} {_ends(len(dead), soon)} and cannot be refreshed: {_titles(dead)}.",
            id="TOK005",
            why="There is no refresh token.",
            remedy=Remedy("Log in again:", (login_command(place, [token.scope for token in dead]),)),
            exit=Exit.LOGIN,
        )
    if odd:
        return KitError(
            f"Ocarina cannot read {count(len(odd), 'token')} of {of}: {_titles(odd)}.",
            id="TOK002",
            why="What stands there is not of the shape that ocarina writes.",
            remedy=Remedy("Set it aside, and keep the rest:", (place.command("doctor", "--fix"),)),
        )
    if due:
        return KitError(
            f"{_share(len(due), of)} {_ends(len(due), soon)}: {_titles(due)}.",
            id="TOK004",
            why="A refresh needs no browser.",
            remedy=Remedy("Refresh now:", (place.command("refresh"),)),
        )
    return None


def _share(some: int, of: int) -> str:
    return "The token" if of == 1 else f"{some} of {of} tokens"


def _ends(some: int, soon: str) -> str:
    if soon:
        return ("expires" if some == 1 else "expire") + soon
    return "is expired" if some == 1 else "are expired"


def _titles(tokens: Sequence[TokenStatus]) -> str:
    return "; ".join(token.title for token in tokens)


def moment(when: datetime, now: datetime) -> str:
    """``24 Nov 18:28 GMT``, with the year where it is not this one. Both in the zone to show."""
    year = f" {when.year}" if when.year != now.year else ""
    return f"{when.day} {when:%b}{year} {when:%H:%M %Z}".rstrip()


def status_members(token: TokenStatus) -> dict[str, object]:
    """One member of ``tokens`` in ``status --json``."""
    return {
        "scope": token.scope,
        "purposes": [purpose.name for purpose in token.purposes],
        "state": token.state.value,
        "can_refresh": token.can_refresh,
        "expires_at": token.expires_at,
        "seconds_left": int(token.seconds_left),
        "last_refresh": token.last_refresh,
        "last_refresh_host": token.last_host,
        "last_refresh_by": token.last_by,
        "notes": list(token.notes),
    }
