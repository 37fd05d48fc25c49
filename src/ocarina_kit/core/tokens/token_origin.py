"""Which server granted a token. The tokens file does not say; refresh.log does, of what the kit itself did. Pure.

CONTRACT.md, Files: no command sends a token to another domain than the one that granted it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from pathlib import PurePath

from ocarina_kit.core.config.credentials import Member, is_placeholder, token_kind
from ocarina_kit.core.config.document import ConfigDocument
from ocarina_kit.core.config.domain import DomainOk, mend_domain
from ocarina_kit.core.config.layers import Setting, effective, profiles
from ocarina_kit.core.tokens.refresh_log import LONGEST, LogEntry, Result, same_file
from ocarina_kit.core.tokens.token_entry import TokenEntry

_NEAR_S = 30.0
"""Seconds between the time that a token bears and that of the line about it: a login is verified in between."""
_GRANTS = (Result.REFRESHED, Result.LOGGED_IN)
_SHOWS_THE_SERVER = (*_GRANTS, Result.ADOPTED, Result.SERVER_LEFT, Result.SERVER_TAKEN)
"""A request that failed shows nothing: its domain may have been a slip of the pen."""


class Origin(Enum):
    OURS = "this set-up's server"
    THEIRS = "another server"
    UNKNOWN = "not known"


def origin(
    entry: TokenEntry,
    log: Iterable[LogEntry],
    *,
    mark: str,
    now: float,
    history: Sequence[LogEntry] = (),
) -> Origin:
    """Who granted a token: told by the line of ``refresh.log`` of the time that the token bears.

    ``mark`` is this set-up's (:func:`~ocarina_kit.core.tokens.refresh_log.setup_mark`). A token that the client wrote
    has no such line; where ``history`` (see :func:`history_of`) shows the tokens file with another server at that
    time, it is taken for that server's, else it is UNKNOWN.
    """
    line = birth(entry, log, mark=mark, now=now)
    if line is not None:
        return Origin.OURS if line.setup == mark else Origin.THEIRS
    then = _in_use(history, entry.last_refresh(now))
    return Origin.THEIRS if then is not None and then.setup != mark else Origin.UNKNOWN


def history_of(log: Iterable[LogEntry], mark: str) -> tuple[LogEntry, ...]:
    """The lines about one tokens file, oldest first, whichever server it was used with; none where it knew just one."""
    lines = [line for line in log if line.result in _SHOWS_THE_SERVER and same_file(line.setup, mark)]
    if all(line.setup == mark for line in lines):
        return ()
    return tuple(sorted(lines, key=lambda line: line.time))


def _in_use(history: Sequence[LogEntry], born: float | None) -> LogEntry | None:
    """The line that says which server the tokens file was used with at a time: the last one before, else the next."""
    if not history:
        return None
    before = bisect_right(history, born, key=lambda line: line.time) if born is not None else 0
    return history[max(before - 1, 0)]


def birth(entry: TokenEntry, log: Iterable[LogEntry], *, mark: str, now: float) -> LogEntry | None:
    """The line of ``refresh.log`` about the refresh or login that a token comes from; None where there is none."""
    born = entry.last_refresh(now)
    if born is None:
        return None
    return min(
        (
            line
            for line in log
            if line.result in _GRANTS
            and same_file(line.setup, mark)
            and line.scope == entry.key[:LONGEST]
            and abs(line.time - born) <= _NEAR_S
        ),
        key=lambda line: abs(line.time - born),
        default=None,
    )


def sharers(
    document: ConfigDocument | None,
    *,
    domain: str,
    tokens: PurePath,
    locate: Callable[[Mapping[str, Setting]], PurePath],
) -> tuple[str, ...]:
    """The set-ups in one configuration that keep another server's tokens in this tokens file (CFG013), by name.

    ``locate`` gives the tokens file's path for what a set-up says.
    """
    if document is None:
        return ()
    found = []
    for profile in (None, *profiles(document.value)):
        settings = effective(document.value, profile)
        # A path: it stands in the file; what is built into the client nobody has logged in with.
        texts = {name: setting.text for name, setting in settings.items() if setting.path}
        written, client = texts.get("MAJORA_DOMAIN", ""), texts.get("CLIENT_ID", "")
        if not written or is_placeholder(written, Member.DOMAIN) or not client:
            continue
        if not token_kind(texts.get("MAJORA_TOKEN", "")).is_oauth:
            continue
        mended = mend_domain(written)
        url = mended.url if isinstance(mended, DomainOk) else written
        if url != domain and locate(settings) == tokens:
            found.append("the one without a profile" if profile is None else f"profile {profile}")
    return tuple(found)
