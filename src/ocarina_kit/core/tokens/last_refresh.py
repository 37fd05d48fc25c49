"""When tokens were last made fresh, and by whom, as far as the tokens' own times and refresh.log tell. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ocarina_kit.core.tokens.refresh_log import LogEntry
from ocarina_kit.core.tokens.token_entry import TokenEntry
from ocarina_kit.core.tokens.token_origin import birth


@dataclass(frozen=True)
class LastRefresh:
    """``time`` is epoch seconds. ``host`` and ``by`` (the kit's command) are empty where refresh.log does not know."""

    time: float
    host: str = ""
    by: str = ""


def newest_refresh(
    tokens: Iterable[TokenEntry], log: Iterable[LogEntry], *, mark: str, now: float
) -> LastRefresh | None:
    """The newest of all; None where nothing tells of one. A token knows its own time: the log only who it was."""
    lines = list(log)
    found: list[LastRefresh] = []
    for token in tokens:
        born = token.last_refresh(now)
        if born is None or token.odd:
            continue
        line = birth(token, lines, mark=mark, now=now)
        found.append(LastRefresh(born) if line is None else LastRefresh(born, line.host, line.by))
    if not found:  # tokens that were lost or logged out since: the log still knows
        found = [LastRefresh(line.time, line.host, line.by) for line in lines if line.fresh]
    return max(found, key=lambda each: each.time, default=None)
