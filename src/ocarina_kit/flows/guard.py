"""Which tokens may not be sent to this set-up's server, since another one granted them (CONTRACT.md, Files)."""

from __future__ import annotations

from dataclasses import replace

from ocarina_kit.core.errors import KitError
from ocarina_kit.core.setup import Setup
from ocarina_kit.core.tokens.refresh_choice import expires_at
from ocarina_kit.core.tokens.refresh_log import LONGEST, LogEntry, mark_for
from ocarina_kit.core.tokens.refresh_report import ScopeResult, TokenReport, other_server, shared_file
from ocarina_kit.core.tokens.token_file import TokenEntry
from ocarina_kit.core.tokens.token_origin import Origin, history_of, origin, sharers
from ocarina_kit.edges.disk import refresh_log
from ocarina_kit.edges.look.gather_config import config_facts, tokens_path
from ocarina_kit.edges.system import System


class Guard:
    """Looks once at refresh.log and the configuration; then judges token by token."""

    def __init__(self, system: System, setup: Setup) -> None:
        self._setup = setup
        self._clock = system.clock
        self._mark = mark_for(setup.tokens_file, system.home, setup.domain)
        log = refresh_log.read(system)
        self._by_scope: dict[str, list[LogEntry]] = {}
        for line in log:
            self._by_scope.setdefault(line.scope, []).append(line)
        self._history = history_of(log, self._mark)
        # Also with --env: the client then uses the same tokens file as without.
        self._sharers = sharers(
            config_facts(system, replace(setup.place, from_env=False)).readable,
            domain=setup.domain,
            tokens=setup.tokens_file,
            locate=lambda settings: tokens_path(system, settings),
        )

    def __call__(self, entry: TokenEntry) -> TokenReport | None:
        """The report on a token that may not be refreshed here; None where it may."""
        error = self.why_not(entry)
        if error is None:
            return None
        return TokenReport(entry.key, ScopeResult.OTHER_SERVER, expires_at(entry, self._clock.now()), error)

    def why_not(self, entry: TokenEntry) -> KitError | None:
        """Why a token must not be sent, None where it may."""
        setup = self._setup
        whose = origin(
            entry,
            self._by_scope.get(entry.key[:LONGEST], ()),
            mark=self._mark,
            now=self._clock.now(),
            history=self._history,
        )
        if whose is Origin.THEIRS:
            return other_server(setup.place, setup.domain, entry.key)
        if whose is Origin.UNKNOWN and self._sharers:
            return shared_file(setup.place, setup.domain, setup.tokens_file, self._sharers)
        return None
