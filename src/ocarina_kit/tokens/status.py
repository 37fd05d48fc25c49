"""How long each token is valid, and what it takes to keep it so: offline, reads only (CONTRACT.md, status)."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ocarina_kit.system.machine import Machine
from ocarina_kit.tokens.file import TokensFile
from ocarina_kit.tokens.history import maker, makers
from ocarina_kit.tokens.journal import read_journal
from ocarina_kit.tokens.log import read_log


class Status(NamedTuple):
    """One token. Times are epoch seconds by this machine's clock, None where unknown.

    ``state``: ``ok``, ``needs-refresh``, ``needs-login`` (it cannot be refreshed), ``unreadable`` (TOK002).
    ``seconds_left`` is 0 where it has expired. ``host``: where it was last refreshed, "" where the log does not know.
    """

    scope: str
    state: str
    expires_at: float | None
    seconds_left: float
    refreshable: bool
    last_refresh: float | None = None
    host: str = ""


def statuses(machine: Machine, path: Path, file: TokensFile, within: float = 0.0) -> list[Status]:
    """Every token of the tokens file at ``path``: is it valid ``within`` seconds longer?

    One that a run was killed with, right after its refresh, has expired until the next refresh takes the new one.
    """
    spent = {each.spent for each in read_journal(machine, path)[0]}
    made, now, found = makers(read_log(machine)), machine.now(), []
    for token in file.tokens:
        left = max(0.0, token.seconds_left(now))
        if token.access_token is None or (token.can_refresh and token.digest in spent):
            left = 0.0
        state = "needs-refresh" if token.can_refresh else "needs-login"
        if not token.usable:
            state = "unreadable"
        elif left > 0 and left >= within:
            state = "ok"
        line = maker(made, token)
        expiry, last = token.known_expiry(now), token.last_refresh(now)
        host = line.host if line is not None else ""
        found.append(Status(token.key, state, expiry, left, token.can_refresh, last, host))
    return found
