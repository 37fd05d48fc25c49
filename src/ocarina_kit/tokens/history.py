"""What refresh.log tells of past refreshes: what was chosen, who refreshed when, and whether cron did its part.

``log`` are lines about a tokens file (:func:`~ocarina_kit.tokens.log.lines_of`), oldest first; times are epoch seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ocarina_kit.config.names import TOKEN_LIFE_S
from ocarina_kit.tokens.file import Token
from ocarina_kit.tokens.log import FRESH, Line, Origins, stamp

BY_CRON = "cron"
"""What refresh.log calls a run of `refresh --cron`."""
_DAY_S = 86_400.0
_ONE_RUN_S = 600.0
"""Tokens that are refreshed within so many seconds were refreshed by one run."""
REFUSED_ACCESS = "refused-access"
"""The result in refresh.log of a token that the API refused as soon as it was granted."""
JUST_GRANTED_S = 60.0
"""A token that is refused within so many seconds was not spent by anybody else."""
_SLACK = 60.0
"""Seconds: a clock that is set while cron waits for it; a line's time is cut to whole seconds."""


def refused(log: Iterable[Line]) -> set[str]:
    """Collect the digests of the refresh tokens for which only a login helps.

    The server refused them, or failed at them twice.
    """
    final = ("refused-token", "lost", "unanswered")
    return {line.refresh for line in log if line.result in final}


def refused_access(log: Iterable[Line]) -> set[str]:
    """Collect the digests of the refresh tokens whose new access token was refused.

    Majora granted it, and its API refused it at once: that is the account's fault.
    """
    return {line.refresh for line in log if line.result == REFUSED_ACCESS}


def unanswered(log: Iterable[Line]) -> set[str]:
    """Collect the digests of the refresh tokens that a run sent without a usable answer."""
    without_answer = ("maybe-lost", "unanswered")
    return {line.refresh for line in log if line.result in without_answer}


def chosen_scopes(log: Iterable[Line], *, rotated: bool = False) -> tuple[str, ...]:
    """The scope strings that were logged in for, and not logged out of since. If logins may have been rotated away
    (``rotated``), what was refreshed counts as well."""
    chosen: dict[str, None] = {}
    for each in log:
        if each.result == "logged-in" or (rotated and each.result in FRESH):
            chosen[each.scope] = None
        elif each.result == "logged-out":
            chosen.pop(each.scope, None)
    return tuple(chosen)


def last_success(
    log: Sequence[Line], tokens: Iterable[Token], now: float
) -> Line | None:
    """The newest refresh of all; None if nothing tells of one. A token knows its own time: the log only by whom, so
    ``host`` and ``by`` may be blank."""
    known = Origins(log)
    found = []
    for token in tokens:
        if (born := token.last_refresh(now)) is not None and token.usable:
            found.append(known.maker(token)._replace(stamp=stamp(born)))
    # Tokens that were lost or logged out since: the log still knows.
    return max(
        found or known.origin_of.values(), key=lambda each: each.time, default=None
    )


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
    return now - TOKEN_LIFE_S <= moment <= now + 2 * _SLACK


def _unexplained_refreshes(
    log: Sequence[Line], tokens: Iterable[Token], host: str, now: float
) -> list[float]:
    """List when tokens were refreshed here, in the last 24 hours, by no known hand.

    Until the kit's own crontab line was removed, that line may have done it.
    """
    entry = _last_entry(log, host)
    if entry is not None and entry.result == "scheduled":
        return []
    since = max(now - _DAY_S, entry.time if entry is not None else 0.0)
    moments = [line.time for line in log if line.host == host and _by_schedule(line)]
    known = Origins(log)
    scopes = {line.scope for line in known.origin_of.values()}
    for token in tokens:
        granted = token.last_refresh(now)
        is_unknown = token.key in scopes and not known.maker(token).server
        if granted is not None and is_unknown:
            moments.append(granted)
    return [moment for moment in moments if since <= moment <= now + 2 * _SLACK]


def other_hosts(log: Iterable[Line], host: str) -> tuple[str, ...]:
    """Hosts that have, as far as is known, an entry of their own for this set-up: here it would be a second."""
    hosts: dict[str, None] = {}
    for each in log:
        if each.result == "unscheduled":
            hosts.pop(each.host, None)
        elif _by_schedule(each) or each.result == "scheduled":
            hosts[each.host] = None
    return tuple(each for each in hosts if each != host)


def first_seen(log: Sequence[Line], host: str) -> float | None:
    """Since when the entry on this host is known to be as it is; None if the kit never saw it before."""
    entry = _last_entry(log, host)
    return entry.time if entry is not None and entry.result == "scheduled" else None


def run_at(
    due: float,
    log: Iterable[Line],
    tokens: Iterable[Token],
    host: str,
    now: float,
    *,
    all_tokens: bool = True,
) -> tuple[bool, list[str]]:
    """Judge the run that was due at ``due`` by what is fresh since, whoever made it so: whether it happened, and the
    scopes that it failed for.

    ``all_tokens``: the entry refreshes every token at each run (it has no ``--within``, ``--for`` or ``--scope``).
    """
    since = due - _SLACK
    born = {
        token.key: token.last_refresh(now) or 0.0
        for token in tokens
        if token.can_refresh
    }
    newest = {
        each.scope: each
        for each in log
        if each.scope in born
        and each.time >= since
        and each.result not in ("used", REFUSED_ACCESS)
    }
    fresh = {scope for scope, moment in born.items() if moment >= since}
    fresh |= {scope for scope, each in newest.items() if each.result in FRESH}
    failed = [
        scope
        for scope, each in newest.items()
        if each.host == host and scope not in fresh
    ]
    if (
        not born or not all_tokens
    ):  # nothing to refresh, or tokens left alone: a run may leave no trace
        return True, failed
    if fresh:  # it happened, and was to refresh all of them
        return True, [scope for scope in born if scope not in fresh]
    return bool(failed), failed  # only a failure that was logged shows that it happened


def _by_schedule(line: Line) -> bool:
    return line.result in ("refreshed", "adopted") and line.by == BY_CRON


def _last_entry(log: Iterable[Line], host: str) -> Line | None:
    """The last word on this host's own crontab entry."""
    records = [
        each
        for each in log
        if each.host == host and each.result in ("scheduled", "unscheduled")
    ]
    return records[-1] if records else None
