"""What was seen of the tokens: facts for TOK, gathered by edges/look/gather_tokens.py."""

from __future__ import annotations

from dataclasses import dataclass

from ocarina_kit.core.file_facts import FileFacts
from ocarina_kit.core.tokens.refresh_log import LogEntry, Result
from ocarina_kit.core.tokens.token_file import TokenEntry, TokenFile


@dataclass(frozen=True)
class TokenFacts:
    """The set-up's tokens file, read at ``now`` (epoch seconds), and what refresh.log knows of this set-up.

    ``tokens`` holds secrets, wrapped. ``log`` are the entries of this set-up alone, oldest first; ``log_rotated`` says
    that older ones were dropped. ``foreign`` are the keys of tokens that another server granted, ``unsure`` of those
    that may be: such tokens are sent nowhere (CONTRACT.md, Files).
    """

    now: float
    file: FileFacts
    tokens: TokenFile
    log: tuple[LogEntry, ...] = ()
    log_rotated: bool = False
    foreign: frozenset[str] = frozenset()
    unsure: frozenset[str] = frozenset()

    @property
    def usable(self) -> tuple[TokenEntry, ...]:
        """The members that are token entries of ocarina's shape."""
        return tuple(entry for entry in self.tokens.entries if not entry.odd)

    def alive(self, skew: float | None = None) -> tuple[TokenEntry, ...]:
        """The tokens that are not expired, by this machine's clock and by the server's where ``skew`` tells it."""
        return tuple(entry for entry in self.usable if entry.life_left(self.now, skew or 0.0) > 0)

    @property
    def chosen_scopes(self) -> tuple[str, ...]:
        """The scope strings that were logged in for, and not logged out of since; empty where none is recorded.

        Where the log is so old that logins may have been rotated away, what it saw refreshed counts as well.
        """
        counts = {Result.LOGGED_IN}
        if self.log_rotated:
            counts |= {Result.REFRESHED, Result.ADOPTED}
        chosen: dict[str, None] = {}
        for entry in self.log:
            if entry.result in counts:
                chosen[entry.scope] = None
            elif entry.result is Result.LOGGED_OUT:
                chosen.pop(entry.scope, None)
        return tuple(chosen)
