"""What refresh.log and the tokens' own times tell of past refreshes: on which host, and whether cron did its part.

A token bears the time of its last refresh *or login* (FACTS.md: ``expires_at - expires_in``), so its time alone proves
no refresh from elsewhere: every living token was born within the last 10 hours. It does where the log knows an older
token of the same scope and no login or refresh of the kit at that time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ocarina_kit.core.tokens.refresh_log import LONGEST, LogEntry, Result
from ocarina_kit.core.tokens.token_entry import LIFETIME, TokenEntry

NEAR = 120.0
"""Seconds between the time that a token bears and that of the line about it."""

_MADE = (Result.REFRESHED, Result.LOGGED_IN)
_OF_A_SCHEDULE = (Result.REFRESHED, Result.ADOPTED)
_BY_A_PERSON = ("login", "doctor")


@dataclass(frozen=True)
class Elsewhere:
    """A refresh that no entry of this host's crontab did. ``host`` is None where only the tokens' times tell of it."""

    when: float
    host: str | None = None


def refreshed_elsewhere(
    log: Iterable[LogEntry], tokens: Iterable[TokenEntry], *, host: str, now: float, within: float = LIFETIME
) -> Elsewhere | None:
    """The newest refresh from another host or another scheduler in the last ``within`` seconds, None where there was
    none.

    ``log`` are a set-up's entries, ``host`` is the one who looks. What a person did by ``login`` or ``doctor`` on
    another host is no schedule.
    """
    lines = list(log)
    found = [
        Elsewhere(line.time, line.host)
        for line in lines
        if line.host != host
        and line.result in _OF_A_SCHEDULE
        and line.by not in _BY_A_PERSON
        and now - line.time <= within
    ]
    since = _own_entry_until(lines, host)
    if since is not None:
        found += [
            Elsewhere(born)
            for token in tokens
            if (born := token.last_refresh(now)) is not None
            and max(now - within, since) <= born <= now + NEAR
            and _unexplained(token, born, lines)
        ]
    # A host that is named tells more than a time.
    return max(found, key=lambda each: (each.host is not None, each.when), default=None)


def _own_entry_until(lines: list[LogEntry], host: str) -> float | None:
    """Until when an entry of this host may have done the refreshing; None where one may do so still."""
    records = [
        line for line in lines if line.host == host and line.result in (Result.SCHEDULED, Result.UNSCHEDULED)
    ]
    if not records:
        return float("-inf")
    return records[-1].time if records[-1].result is Result.UNSCHEDULED else None


def _unexplained(token: TokenEntry, born: float, lines: list[LogEntry]) -> bool:
    """Whether the log knew this scope before, and nothing of who made the token that is there now."""
    scope = token.key[:LONGEST]
    of_scope = [line for line in lines if line.scope == scope and line.result in _MADE]
    return any(line.time < born - NEAR for line in of_scope) and not any(
        abs(line.time - born) <= NEAR for line in of_scope
    )


def other_hosts(log: Iterable[LogEntry], *, host: str) -> tuple[str, ...]:
    """Hosts that have, or had as far as is known, an entry of their own for this set-up: here it would be a second."""
    hosts: dict[str, bool] = {}
    for line in log:
        if line.host == host:
            continue
        if line.result is Result.UNSCHEDULED:
            hosts[line.host] = False
        elif line.result is Result.SCHEDULED or (
            line.result is Result.REFRESHED and line.by not in _BY_A_PERSON
        ):
            hosts[line.host] = True
    return tuple(name for name, there in hosts.items() if there)


def first_seen(log: Iterable[LogEntry], stood_since: float | None, *, host: str) -> float | None:
    """Since when the entry on this host is known to stand as it stands; None where the kit never saw it before.

    ``stood_since`` is when the crontab was last changed, where that can be told: what stood before may have been
    another entry.
    """
    records = [
        line for line in log if line.host == host and line.result in (Result.SCHEDULED, Result.UNSCHEDULED)
    ]
    recorded = records[-1].time if records and records[-1].result is Result.SCHEDULED else None
    known = [moment for moment in (recorded, stood_since) if moment is not None]
    return max(known) if known else None


@dataclass(frozen=True)
class RunVerdict:
    """What came of the run that was due at ``due`` (epoch seconds).

    ``happened`` is False where nothing shows it. ``failed`` are the scopes that it left as they were, with the log's
    word on each ("" where only the token's time tells).
    """

    due: float
    happened: bool
    failed: tuple[tuple[str, str], ...] = ()


def judge_run(
    due: float,
    log: Iterable[LogEntry],
    tokens: Iterable[TokenEntry],
    *,
    host: str,
    now: float,
    refreshes_all: bool = True,
) -> RunVerdict:
    """Judge a due run by what is fresh since, whoever made it so: what is fresh now misses no refresh.

    ``refreshes_all``: the entry refreshes every token at each run (it has no ``--within`` and no ``--scope``).
    """
    since = due - NEAR / 2  # a clock that is set while cron waits for it; a log line's time is cut to seconds
    newest: dict[str, LogEntry] = {}
    for line in log:
        if line.time >= since and line.scope and line.result is not Result.LOGGED_OUT:
            newest[line.scope] = line
    held = [token for token in tokens if token.can_refresh]
    born = {token.key[:LONGEST]: token.last_refresh(now) for token in held}
    fresh = {scope for scope, time in born.items() if time is not None and time >= since}
    fresh |= {scope for scope, line in newest.items() if line.fresh}
    failed = [
        (scope, line.result.value if isinstance(line.result, Result) else line.result)
        for scope, line in newest.items()
        if line.host == host and scope not in fresh and scope in born
    ]
    if fresh and refreshes_all:
        failed += [(scope, "") for scope in born if scope not in fresh and scope not in dict(failed)]
    return RunVerdict(due, bool(fresh or failed) or not held or not refreshes_all, tuple(failed))
