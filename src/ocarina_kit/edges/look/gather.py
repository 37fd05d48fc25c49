"""Looks at everything that the chosen checks need, once and side by side, and never for longer than it may.

Each group of facts is gathered by a thread of its own. What hangs (a resolver, a server that drips, a client that never
returns, a home that stalls) is left behind when time is up, and its group is named in ``Facts.late``: what needs it is
then ``unknown``. The threads are daemons, so that none of them keeps the process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ocarina_kit.checks.model import Need
from ocarina_kit.core.facts import ClientFacts, ConfigFacts, Facts
from ocarina_kit.core.setup import Place
from ocarina_kit.edges.look.gather_config import config_facts
from ocarina_kit.edges.system import Completed, Runner, System

_SPARE = 0.3
"""Seconds before the end at which requests and processes are given up, so that their own word still arrives."""


class _Gone(Exception):  # noqa: N818  # not an error: the group that was waited for came too late
    pass


@dataclass(frozen=True)
class Board:
    """What a gatherer is handed. ``system`` starts no process that outlives the time."""

    system: System
    place: Place
    until: float
    """Monotonic seconds at which all must be there."""
    _wait: Callable[[Need, float], Any]

    def left(self) -> float:
        """Seconds that a request may still take; at least a moment, so that it fails by its own words."""
        return max(0.05, self.until - _SPARE - self.system.clock.monotonic())

    @property
    def config(self) -> ConfigFacts:
        found: ConfigFacts = self._wait(Need.CONFIG, self.until)
        return found

    def of(self, need: Need) -> Any:
        """Another group's facts, waited for. Ends the gatherer where they are late."""
        return self._wait(need, self.until)

    def of_in_time(self, need: Need) -> Any:
        """Another group's facts; None where waiting for them would leave too little time to go on without."""
        now = self.system.clock.monotonic()
        try:
            return self._wait(need, now + (self.until - now) * 0.6)
        except _Gone:
            return None


Gatherer = Callable[[Board], Any]


def gather(
    system: System,
    place: Place,
    wanted: frozenset[Need],
    *,
    seconds: float,
    gatherers: Mapping[Need, Gatherer] | None = None,
) -> Facts:
    """The facts of ``wanted`` and of what these rest on, within ``seconds``. The configuration is always among them.

    An exception in a gatherer is a bug, and raised here.
    """
    table = GATHERERS if gatherers is None else gatherers
    run = _Run(system, place, system.clock.monotonic() + seconds, table)
    run.start(wanted | {Need.CONFIG})
    run.wait()
    return run.facts()


class _Run:
    def __init__(self, system: System, place: Place, until: float, table: Mapping[Need, Gatherer]) -> None:
        self._clock = system.clock
        self._until = until
        self._table = table
        self._place = place
        self._change = threading.Condition()
        self._begun: set[Need] = set()
        self._wanted: frozenset[Need] = frozenset()
        self._done: dict[Need, Any] = {}
        self._took: dict[Need, int] = {}
        self._bug: BaseException | None = None
        self._board = Board(
            replace(system, run=_bounded(system, until - _SPARE)), place, until, self._result_of
        )

    def start(self, wanted: frozenset[Need]) -> None:
        with self._change:
            self._wanted = wanted
            for need in self._table:
                if need in wanted:
                    self._begin(need)

    def _begin(self, need: Need) -> None:
        """The lock is held."""
        if need not in self._begun:
            self._begun.add(need)
            threading.Thread(
                target=self._gather_one, args=(need,), name=f"gather-{need.value}", daemon=True
            ).start()

    def _gather_one(self, need: Need) -> None:
        started = self._clock.monotonic()
        try:
            found = self._table[need](self._board)
        except _Gone:
            return
        except BaseException as bug:
            with self._change:
                self._bug = self._bug or bug
                self._change.notify_all()
            return
        with self._change:
            self._done[need] = found
            self._took[need] = round((self._clock.monotonic() - started) * 1000)
            self._change.notify_all()

    def _result_of(self, need: Need, until: float) -> Any:
        with self._change:
            self._begin(need)
            while need not in self._done:
                left = until - self._clock.monotonic()
                if left <= 0 or self._bug is not None:
                    raise _Gone
                self._change.wait(left)
            return self._done[need]

    def wait(self) -> None:
        """Until all is there, or time is up. Waits in short steps: Ctrl-C gets through on every platform."""
        with self._change:
            while not self._wanted <= self._done.keys() and self._bug is None:
                left = self._until - self._clock.monotonic()
                if left <= 0:
                    break
                self._change.wait(min(left, 0.5))
        if self._bug is not None:
            raise self._bug

    def facts(self) -> Facts:
        with self._change:
            done, took = dict(self._done), dict(self._took)
        named = {need.value: found for need, found in done.items() if need is not Need.CONFIG}
        milliseconds = {id: took[need] for need, id in _FIRST_CHECK.items() if need in took}
        for found in named.values():
            milliseconds |= getattr(found, "milliseconds", {})
        return Facts(
            config=done.get(Need.CONFIG, ConfigFacts(self._place)),
            late=frozenset(need.value for need in self._wanted - done.keys()),
            milliseconds=milliseconds,
            **named,
        )


_FIRST_CHECK = {
    Need.CLIENT: "ENV001",
    Need.ENVIRONMENT: "ENV008",
    Need.CONFIG: "CFG001",
    Need.CREDENTIALS: "CRD001",
    Need.TOKENS: "TOK001",
    Need.API: "API001",
    Need.SCHEDULE: "CRN001",
}
"""The check that shows what it took to gather a group."""


def _bounded(system: System, until: float) -> Runner:
    """The system's own runner, with no process that lives beyond ``until`` (monotonic seconds)."""

    def run(
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        timeout: float = 10.0,
        cwd: Path | None = None,
    ) -> Completed:
        left = until - system.clock.monotonic()
        if left <= 0:
            return Completed(tuple(argv), None, error="timed out")
        return system.run(argv, env=env, stdin=stdin, timeout=min(timeout, left), cwd=cwd)

    return run


# --- the groups --------------------------------------------------------------------------------------------


def _config(board: Board) -> ConfigFacts:
    return config_facts(board.system, board.place)


def _client(board: Board) -> ClientFacts:
    from ocarina_kit.edges.client.find_client import find_client

    return ClientFacts(find_client(board.system))


def _environment(board: Board) -> Any:
    from ocarina_kit.edges.look.gather_environment import environment_facts

    return environment_facts(board.system, board.config)


def _network(board: Board) -> Any:
    from ocarina_kit.edges.look.gather_network import network_facts

    return network_facts(board.system, board.config, seconds=board.left())


def _credentials(board: Board) -> Any:
    from ocarina_kit.edges.look.gather_network import credential_facts

    return credential_facts(board.system, board.config, seconds=board.left())


def _tokens(board: Board) -> Any:
    from ocarina_kit.edges.look.gather_tokens import token_facts

    return token_facts(board.system, board.config)


def _api(board: Board) -> Any:
    from ocarina_kit.edges.look.gather_network import api_facts

    config = board.config
    tokens = None if config.uses_api_key else board.of(Need.TOKENS)
    client: ClientFacts | None = board.of_in_time(Need.CLIENT)
    judged = client.resolution.judged if client is not None else None
    version = str(judged.version) if judged is not None and judged.works and judged.version else None
    return api_facts(board.system, config, tokens, version, seconds=board.left())


def _schedule(board: Board) -> Any:
    from ocarina_kit.edges.look.gather_schedule import schedule_facts

    return schedule_facts(board.system, board.config)


def _named(board: Board) -> Any:
    from ocarina_kit.edges.look.gather_schedule import named_clients

    return named_clients(board.system, board.of(Need.SCHEDULE), board.of(Need.CLIENT).resolution)


def _table(board: Board) -> Any:
    from ocarina_kit.edges.client.find_client import read_scope_table

    chosen = board.of(Need.CLIENT).resolution.chosen
    return None if chosen is None else read_scope_table(board.system, chosen)


GATHERERS: Mapping[Need, Gatherer] = {
    Need.CONFIG: _config,
    Need.CLIENT: _client,
    Need.ENVIRONMENT: _environment,
    Need.NETWORK: _network,
    Need.CREDENTIALS: _credentials,
    Need.TOKENS: _tokens,
    Need.API: _api,
    Need.SCHEDULE: _schedule,
    Need.NAMED: _named,
    Need.TABLE: _table,
}
