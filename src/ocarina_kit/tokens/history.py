"""Read from refresh.log what happened: who refreshed when, and whether cron did its part.

`log` are lines about one tokens file (`log.lines_about`), the oldest first. Times are
epoch seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ocarina_kit.config.names import TOKEN_LIFE_S
from ocarina_kit.tokens.file import Token
from ocarina_kit.tokens.log import VALID_RESULTS, Event, Line, stamp
from ocarina_kit.tokens.outcome import TokenResult
from ocarina_kit.tokens.owner import TokenOwners

BY_CRON = "cron"
"""The log's name for a run of `refresh --cron`."""
JUST_GRANTED_S = 60.0
"""A token that is refused within so many seconds was not spent by anybody else."""
_DAY_S = 86_400.0
_ONE_RUN_S = 600.0
"""Tokens that are refreshed within so many seconds were refreshed by one run."""
_SLACK_S = 60.0
"""For a clock that is set while cron waits; a line's time is cut to whole seconds."""


def refused(log: Iterable[Line]) -> set[str]:
    """Collect the digests of the refresh tokens for which only a login helps.

    The server refused them, or failed at them twice.
    """
    final = (TokenResult.REFUSED_TOKEN, TokenResult.LOST, TokenResult.UNANSWERED)
    return {line.refresh for line in log if line.result in final}


def refused_access(log: Iterable[Line]) -> set[str]:
    """Collect the digests of the refresh tokens whose new access token was refused.

    Majora granted it, and its API refused it at once: that is the account's fault.
    """
    return {line.refresh for line in log if line.result == Event.REFUSED_ACCESS}


def unanswered(log: Iterable[Line]) -> set[str]:
    """Collect the digests of the refresh tokens that a run sent without an answer."""
    without_answer = (TokenResult.MAYBE_LOST, TokenResult.UNANSWERED)
    return {line.refresh for line in log if line.result in without_answer}


def chosen_scopes(log: Iterable[Line], *, rotated: bool = False) -> tuple[str, ...]:
    """List the scope strings that were logged in for, and not logged out of since.

    Args:
        log: The lines.
        rotated: Logins may have been rotated away, so what was refreshed counts too.
    """
    chosen: dict[str, None] = {}
    for line in log:
        is_login = line.result == TokenResult.LOGGED_IN
        if is_login or (rotated and line.result in VALID_RESULTS):
            chosen[line.scope] = None
        elif line.result == Event.LOGGED_OUT:
            chosen.pop(line.scope, None)
    return tuple(chosen)


def last_success(
    log: Sequence[Line], tokens: Iterable[Token], now: float
) -> Line | None:
    """Find the newest refresh of all.

    A token knows its own time; the log knows only by whom, so `host` and `by` may be
    blank. Of tokens that were lost or logged out since, the log still knows.

    Returns:
        The line about it; None if nothing tells of one.
    """
    owners = TokenOwners(log)
    lines = []
    for token in tokens:
        granted = token.last_refresh(now)
        if granted is not None and token.is_usable:
            lines.append(owners.maker(token)._replace(stamp=stamp(granted)))
    candidates = lines or list(owners.maker_lines.values())
    return max(candidates, key=lambda line: line.time, default=None)


def refreshed_elsewhere(
    log: Sequence[Line], tokens: Iterable[Token], host: str, now: float
) -> Line | None:
    """Find the newest refresh of a schedule that is no crontab line of this host.

    A schedule is shown by `refresh --cron` of another host in the last 10 hours, or by
    two runs here in the last 24 hours that no person and no line of this host's made.
    One refresh by hand, the kit's or the client's, is no schedule.

    Returns:
        The line about it, or None. `host` and `by` are blank if another scheduler of
        this host did it.
    """
    recent = [
        line
        for line in log
        if line.host != host and _by_schedule(line) and _is_recent(line.time, now)
    ]
    if recent:
        return max(recent, key=lambda line: line.time)
    moments = sorted(_unexplained_refreshes(log, tokens, host, now))
    runs = [
        moment
        for before, moment in zip([0.0, *moments], moments, strict=False)
        if moment - before > _ONE_RUN_S
    ]
    if len(runs) < 2 or not _is_recent(runs[-1], now):
        return None
    return Line(stamp(moments[-1]))


def _is_recent(moment: float, now: float) -> bool:
    return now - TOKEN_LIFE_S <= moment <= now + 2 * _SLACK_S


def _unexplained_refreshes(
    log: Sequence[Line], tokens: Iterable[Token], host: str, now: float
) -> list[float]:
    """List when tokens were refreshed here, in the last 24 hours, by no known hand.

    Until the kit's own crontab line was removed, that line may have done it.
    """
    entry = _last_entry(log, host)
    if entry is not None and entry.result == Event.SCHEDULED:
        return []
    since = max(now - _DAY_S, entry.time if entry is not None else 0.0)
    moments = [line.time for line in log if line.host == host and _by_schedule(line)]
    owners = TokenOwners(log)
    scopes = {line.scope for line in owners.maker_lines.values()}
    for token in tokens:
        granted = token.last_refresh(now)
        is_unknown = token.key in scopes and not owners.maker(token).server
        if granted is not None and is_unknown:
            moments.append(granted)
    return [moment for moment in moments if since <= moment <= now + 2 * _SLACK_S]


def other_hosts(log: Iterable[Line], host: str) -> tuple[str, ...]:
    """List the other hosts that have, as far as is known, an entry for this set-up.

    An entry here would be a second one.
    """
    hosts: dict[str, None] = {}
    for line in log:
        if line.result == Event.UNSCHEDULED:
            hosts.pop(line.host, None)
        elif _by_schedule(line) or line.result == Event.SCHEDULED:
            hosts[line.host] = None
    hosts.pop(host, None)
    return tuple(hosts)


def first_seen(log: Sequence[Line], host: str) -> float | None:
    """Return since when the entry on a host is known to be as it is.

    Returns None if the kit never saw it before.
    """
    entry = _last_entry(log, host)
    if entry is None or entry.result != Event.SCHEDULED:
        return None
    return entry.time


class PastRun(NamedTuple):
    """What became of a run that was due."""

    happened: bool
    failed_scopes: list[str]


def judge_run(
    due: float,
    log: Iterable[Line],
    tokens: Iterable[Token],
    host: str,
    now: float,
    *,
    all_tokens: bool = True,
) -> PastRun:
    """Judge a run by what is fresh since it was due, whoever made it so.

    Args:
        due: When the run was due.
        log: The lines.
        tokens: The tokens of the file.
        host: The host that the run was due on.
        now: Epoch seconds.
        all_tokens: The entry refreshes every token at each run: it has no --within, --for
            or --scope.
    """
    since = due - _SLACK_S
    granted = _refresh_times(tokens, now)
    newest = _newest_results(log, granted, since)
    fresh = {scope for scope, moment in granted.items() if moment >= since}
    failed = []
    for scope, line in newest.items():
        if line.result in VALID_RESULTS:
            fresh.add(scope)
        elif line.host == host and scope not in fresh:
            failed.append(scope)
    if not granted or not all_tokens:
        # Nothing was to be refreshed, or tokens are left alone: a run leaves no trace.
        return PastRun(True, failed)
    if fresh:
        # It happened, and was to refresh all of them.
        return PastRun(True, [scope for scope in granted if scope not in fresh])
    # Only a failure that was logged shows that it happened.
    return PastRun(bool(failed), failed)


def _refresh_times(tokens: Iterable[Token], now: float) -> dict[str, float]:
    """Return when each token that can be refreshed was; 0 if that is unknown."""
    times = {}
    for token in tokens:
        if token.can_refresh:
            times[token.key] = token.last_refresh(now) or 0.0
    return times


def _newest_results(
    log: Iterable[Line], scopes: Iterable[str], since: float
) -> dict[str, Line]:
    """Find the last line about each scope that tells what became of its token."""
    wanted = set(scopes)
    newest = {}
    for line in log:
        tells_nothing = line.result in (Event.USED, Event.REFUSED_ACCESS)
        if line.scope in wanted and line.time >= since and not tells_nothing:
            newest[line.scope] = line
    return newest


def _by_schedule(line: Line) -> bool:
    is_refresh = line.result in (TokenResult.REFRESHED, TokenResult.ADOPTED)
    return is_refresh and line.by == BY_CRON


def _last_entry(log: Iterable[Line], host: str) -> Line | None:
    """Return the last word on a host's own crontab entry."""
    events = (Event.SCHEDULED, Event.UNSCHEDULED)
    newest = None
    for line in log:
        if line.host == host and line.result in events:
            newest = line
    return newest
