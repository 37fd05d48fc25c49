"""The requests of a refresh, side by side. Each token is on the disk before anything else is done with it.

The caller holds the lock of the tokens file for the life of a run.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace

from ocarina_kit.core.errors import KitError
from ocarina_kit.core.oauth.answers import Granted, Refused, TokenAnswer, Unusable
from ocarina_kit.core.oauth.oauth_errors import Ways, refresh_error
from ocarina_kit.core.setup import Setup
from ocarina_kit.core.tokens.refresh_choice import expires_at, newer
from ocarina_kit.core.tokens.refresh_report import (
    OF_OUTCOME,
    ScopeResult,
    TokenReport,
    login_command,
    nowhere,
    rescued,
)
from ocarina_kit.core.tokens.retry import (
    ATTEMPT_S,
    RefreshOutcome,
    attempt_seconds,
    judge_refresh,
    next_wait,
)
from ocarina_kit.core.tokens.token_file import TokenEntry
from ocarina_kit.edges.disk.rescue import rescue_path
from ocarina_kit.edges.disk.token_store import Arrival, TokenStore
from ocarina_kit.edges.net.majora import Majora
from ocarina_kit.edges.net.sent import digest

AT_ONCE = 16
"""Requests that are under way together: enough for a token for every purpose."""

_OTHERS_LOOKS = 6
_OTHERS_PAUSE_S = 0.25
"""After a "no", another program's answer to the same token may be on its way into the file."""

_ENOUGH = 3
"""Tokens in a row for which the server gave no usable answer, or refused the client: the rest are then not tried."""

_CUT_OFF = Unusable("network", "an earlier run was cut off", may_have_spent=True)


@dataclass
class Run:
    """One run. ``stop`` is set where the person, or the system, asks to end."""

    store: TokenStore
    majora: Majora
    setup: Setup
    jitter: Callable[[], float]
    stop: threading.Event = field(default_factory=threading.Event)
    cut_off: frozenset[str] = frozenset()
    """Digests of tokens that an earlier run sent and got no usable answer for."""
    skew: float | None = None
    arrivals: list[Arrival] = field(default_factory=list)
    unsettled: set[str] = field(default_factory=set)
    """Digests of tokens that were sent and got no usable answer in this run."""
    settled: set[str] = field(default_factory=set)
    """Digests of those that got one."""
    bug: BaseException | None = None
    _started: float | None = None
    _given_up: int = 0
    _client_refused: list[RefreshOutcome] = field(default_factory=list)
    _notes: threading.Lock = field(default_factory=threading.Lock)

    def refresh(self, due: Sequence[TokenEntry], places: int) -> list[TokenReport]:
        """Refresh ``due``, at most ``places`` at a time. A bug in one stops no other; it is left in ``bug``."""
        with ThreadPoolExecutor(max_workers=max(1, min(len(due), places, AT_ONCE))) as pool:
            futures = [pool.submit(self._one, entry) for entry in due]
            wait(futures)
        reports = []
        for future in futures:
            problem = future.exception()
            if problem is None:
                reports.append(future.result())
            else:
                self.bug = self.bug or problem
        return reports

    def _one(self, entry: TokenEntry) -> TokenReport:
        if self.stop.is_set():
            return TokenReport(entry.key, ScopeResult.NOT_BEGUN, self._time_of(entry))
        try:
            place = self.store.take_place()
        except KitError as problem:  # the disk has filled up meanwhile
            return TokenReport(entry.key, ScopeResult.FAILED, self._time_of(entry), problem)
        arrival: Arrival | None = None
        try:
            outcome = self._ask(entry)
            if outcome is None:
                return TokenReport(entry.key, ScopeResult.NOT_BEGUN, self._time_of(entry))
            if outcome.token is not None:
                now = self.store.system.clock.now()
                arrival = Arrival(entry.key, outcome.token, now, entry, place)
                self.store.save(arrival)
        finally:
            if arrival is None:
                self.store.give_back(place)
        if arrival is not None:
            return self._saved(entry, arrival)
        return self._not_refreshed(entry, outcome)

    # --- asking

    def _ask(self, entry: TokenEntry) -> RefreshOutcome | None:
        """All attempts for one token; None where the run is to end and none was made."""
        assert entry.refresh_token is not None  # noqa: S101  # for mypy: only such entries are due
        with self._notes:
            if len(self._client_refused) >= _ENOUGH:  # asking again changes nothing
                return self._client_refused[0]
        answers: list[TokenAnswer] = []
        if digest(entry.refresh_token) in self.cut_off:
            answers.append(_CUT_OFF)
        made = 0
        while True:
            seconds = self._seconds(first=made == 0)
            if seconds <= 0:
                break
            answer = self.majora.refresh(entry.refresh_token, seconds=seconds)
            made += 1
            answers.append(answer)
            self._learn(entry, answer)
            pause = next_wait(made, answer, self._elapsed(), jitter=self.jitter())
            if pause is None or not self._pause(pause):
                break
        if not made:
            answers.append(Unusable("network", "it gave the other tokens no usable answer", False))
        elif isinstance(answers[-1], Unusable):
            with self._notes:
                self._given_up += 1
        outcome = replace(judge_refresh(answers), attempts=made)
        with self._notes:
            if outcome.result == "client-refused":
                self._client_refused.append(outcome)
            elif made and not isinstance(answers[-1], Unusable):
                self._client_refused.clear()
        return outcome

    def _seconds(self, *, first: bool) -> float:
        """The deadline of the next attempt; 0 where none is to be made. Past the budget only first attempts are made,
        and none where the server has ceased to answer."""
        left = attempt_seconds(self._elapsed())
        if not first:
            return left
        return 0.0 if self._given_up >= _ENOUGH else left or ATTEMPT_S

    def _elapsed(self) -> float:
        now = self.store.system.clock.monotonic()
        with self._notes:
            if self._started is None:
                self._started = now
            return now - self._started

    def _pause(self, seconds: float) -> bool:
        """Wait; False where the run is to end instead."""
        clock = self.store.system.clock
        end = clock.monotonic() + seconds
        while (left := end - clock.monotonic()) > 0:
            if self.stop.is_set():
                return False
            clock.sleep(min(left, 0.1))
        return not self.stop.is_set()

    def _learn(self, entry: TokenEntry, answer: TokenAnswer) -> None:
        assert entry.refresh_token is not None  # noqa: S101  # for mypy
        with self._notes:
            if isinstance(answer, Granted | Refused):
                self._given_up = 0
            if answer.skew is not None:
                self.skew = answer.skew
            name = digest(entry.refresh_token)
            if isinstance(answer, Unusable):
                if answer.may_have_spent:
                    self.unsettled.add(name)
            else:
                self.settled.add(name)

    # --- what came of it

    def _saved(self, entry: TokenEntry, arrival: Arrival) -> TokenReport:
        tokens = self.setup.tokens_file
        place = self.setup.place
        expires = arrival.now + float(arrival.granted.expires_in)
        if arrival.rescued is not None:
            found_again = arrival.rescued == rescue_path(self.store.system, self.store.path)
            error = rescued(place, tokens, arrival.rescued, arrival.problem, found_again=found_again)
            return TokenReport(entry.key, ScopeResult.RESCUED, expires, error)
        if not arrival.done or arrival.problem is not None:
            error = nowhere(place, tokens, entry.key, arrival.problem)
            return TokenReport(entry.key, ScopeResult.LOST, self._time_of(entry), error)
        with self._notes:
            self.arrivals.append(arrival)
        if arrival.kept_other:
            return TokenReport(entry.key, ScopeResult.ADOPTED, expires)
        note = ""
        missing = arrival.granted.missing(entry.key)
        if missing:
            note = f"The server granted it without {', '.join(missing)}; it stands under {arrival.key} now."
        return TokenReport(entry.key, ScopeResult.REFRESHED, expires, note=note, at=arrival.now)

    def _not_refreshed(self, entry: TokenEntry, outcome: RefreshOutcome) -> TokenReport:
        others = self._from_others(entry, patient=outcome.result in ("token-refused", "answer-lost"))
        now = self.store.system.clock.now()
        if others is not None:
            return TokenReport(entry.key, ScopeResult.ADOPTED, expires_at(others, now))
        result = OF_OUTCOME[outcome.result]
        error = refresh_error(outcome, domain=self.setup.domain, scope=entry.key, ways=self._ways(entry))
        return TokenReport(entry.key, result, self._time_of(entry), error)

    def _from_others(self, entry: TokenEntry, *, patient: bool) -> TokenEntry | None:
        """What another program, which does not lock, has put there meanwhile."""
        for look in range(_OTHERS_LOOKS if patient else 1):
            if look and not self._pause(_OTHERS_PAUSE_S):
                break
            try:
                there = self.store.reader.look().get(entry.key)
            except KitError:
                return None
            if there is not None and newer(there, entry, now=self.store.system.clock.now()):
                return there
        return None

    def _time_of(self, entry: TokenEntry) -> float | None:
        return expires_at(entry, self.store.system.clock.now())

    def _ways(self, entry: TokenEntry) -> Ways:
        place = self.setup.place
        return Ways(
            fresh=login_command(place, (entry.key,)),
            paste=place.command("login", "--callback", "-"),
            init=place.command("init"),
            doctor=place.command("doctor"),
            refresh=place.command("refresh"),
        )
