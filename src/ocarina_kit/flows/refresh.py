"""Refreshing tokens, from the look at the file to the line in refresh.log. ``login`` and ``doctor --fix`` use it too.

In this order: look; lock; look again and adopt what others did; prove the place of the new file; back up; note what is
sent; ask the server, side by side, each answer on the disk as it comes; log. CONTRACT.md, refresh.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path

from ocarina_kit.core.durations import in_words
from ocarina_kit.core.errors import KitError
from ocarina_kit.core.oauth.oauth_errors import CLOCK_TELLS_S
from ocarina_kit.core.setup import Setup
from ocarina_kit.core.tokens.refresh_choice import Choice, choose, expires_at
from ocarina_kit.core.tokens.refresh_log import LogEntry, mark_for
from ocarina_kit.core.tokens.refresh_report import (
    LOGGED,
    RefreshReport,
    ScopeResult,
    TokenReport,
    count,
)
from ocarina_kit.core.tokens.token_errors import LEGACY_NOTE, no_such_scope, usable_tokens
from ocarina_kit.core.tokens.token_file import TokenEntry, TokenFile, due
from ocarina_kit.edges.disk import locks, refresh_log, rescue
from ocarina_kit.edges.disk.files import Syscalls
from ocarina_kit.edges.disk.token_store import TokensReader, TokenStore
from ocarina_kit.edges.disk.writes import REAL
from ocarina_kit.edges.net import sent
from ocarina_kit.edges.net.http import Http
from ocarina_kit.edges.net.majora import Majora
from ocarina_kit.edges.person import signals
from ocarina_kit.edges.system import System
from ocarina_kit.flows.guard import Guard
from ocarina_kit.flows.refresh_run import AT_ONCE, Run


class RefreshInterruptedError(KitError):
    """The run was asked to end (Ctrl-C, SIGTERM). All answers that were under way are saved; ``report`` says which."""

    def __init__(self, error: KitError, report: RefreshReport) -> None:
        super().__init__(error.what, id=error.id, why=error.why, remedy=error.remedy, exit=error.exit)
        self.report = report


def refresh_tokens(
    system: System,
    setup: Setup,
    *,
    scopes: Collection[str] | None = None,
    within: float | None = None,
    by: str = "refresh",
    seen: TokenFile | None = None,
    dry_run: bool = False,
    told: Callable[[], None] = lambda: None,
    calls: Syscalls = REAL,
    lock_timeout: float = 90.0,
    jitter: Callable[[], float] = random.random,
) -> RefreshReport:
    """Refresh the set-up's tokens: all, or those of ``scopes`` (keys of the tokens file), or those that live less than
    ``within`` seconds. What became of each stands in the report; one that fails stops no other.

    ``by`` is the command's name for refresh.log. ``seen`` is the tokens file as the caller has judged it: a token that
    somebody else has refreshed since is adopted, not spent. ``dry_run`` sends and writes nothing, and locks nothing.
    ``told`` is called where the person asks to end while answers are under way (within 20 s).

    Raises KitError where nothing could be begun, with nothing sent: ``TOK001`` (no token: exit 4), ``TOK002``,
    ``TOK003`` (the file is damaged or cannot be read), ``LCK001``, ``LCK002``, and
    ``FileError`` (edges/disk) where the new file, its backup or the note of what is sent could
    not be written; :class:`RefreshInterruptedError` (130); KeyboardInterrupt before anything was sent.
    """
    if setup.legacy_key is not None:
        return RefreshReport((), notes=(LEGACY_NOTE,))
    path = Path(setup.tokens_file)
    reader = TokensReader(system, path)
    before = reader.look()
    waiting = rescue.read(system, path) is not None
    refuse = Guard(system, setup)

    def chosen(file: TokenFile, since: TokenFile | None) -> Choice:
        return choose(
            usable_tokens(setup, file),
            place=setup.place,
            now=system.clock.now(),
            scopes=scopes,
            within=within,
            before=since,
            refuse=refuse,
        )

    if not waiting or dry_run:
        first = chosen(before, seen)
        if dry_run or not first.due:
            return _report(setup, first, [_would_be(entry, system) for entry in first.due], scopes, before)
    with signals.as_interrupts(), locks.hold(path, timeout=lock_timeout):
        store = TokenStore(reader, calls=calls)
        taken = store.take_rescued()
        file = reader.look()
        choice = chosen(file, seen or before)
        if choice.due:
            with _ready(store, choice) as places:
                run = Run(store, _majora(system, setup), setup, jitter)
                report = _carry_out(run, choice, places, told=told, scopes=scopes, within=within)
        else:
            run, report = None, _report(setup, choice, [], scopes, file)
        notes = _rescue_notes(taken) + report.notes + _log(system, setup, by, report)
        report = replace(report, notes=notes)
    if run is not None and run.bug is not None:
        raise run.bug
    if report.interrupted:
        error = report.error(setup.place)
        assert error is not None  # noqa: S101  # for mypy: an interrupted report has one
        raise RefreshInterruptedError(error, report)
    return report


def _carry_out(
    run: Run,
    choice: Choice,
    places: int,
    *,
    told: Callable[[], None],
    scopes: Collection[str] | None,
    within: float | None,
) -> RefreshReport:
    system, path = run.store.system, run.store.path
    file = run.store.reader.look()
    alive = {sent.digest(e.refresh_token) for e in file.entries if e.refresh_token is not None}
    run.cut_off = sent.noted(system, path) & alive
    sent.note(system, path, run.cut_off | _digests(choice.due))
    with signals.held_off(told) as run.stop:
        try:
            reports = run.refresh(choice.due, places)
            # By the server's clock more of them may be due than by this machine's.
            late = due(choice.waiting, now=system.clock.now(), within=within, skew=run.skew or 0.0)
            if late and not run.stop.is_set():
                sent.note(system, path, run.cut_off | run.unsettled | _digests(late))
                reports += run.refresh(late, places)
            with contextlib.suppress(KitError):
                run.store.mend_overwritten(run.arrivals)
        finally:
            sent.settle(system, path, (run.cut_off | run.unsettled) - run.settled)
        # Ctrl-C that came once all was done has interrupted nothing.
        interrupted = run.stop.is_set() and any(r.result is ScopeResult.NOT_BEGUN or r.error for r in reports)
    report = _report(run.setup, choice, reports, scopes, file)
    return replace(report, skew=run.skew, notes=_clock_notes(run.skew), interrupted=interrupted)


@contextlib.contextmanager
def _ready(store: TokenStore, choice: Choice) -> Iterator[int]:
    """The place of the new file proven and held, and the old one backed up; yields how many places there are."""
    places = store.prove(min(len(choice.due), AT_ONCE), len(choice.due))
    try:
        store.keep_backup()
        store.begin_journal()
        yield places
    finally:
        store.close()


def _majora(system: System, setup: Setup) -> Majora:
    http = Http(system.environ, now=system.clock.now)
    return Majora(http, setup.domain, setup.client_id, setup.client_secret)


def _digests(entries: Collection[TokenEntry]) -> frozenset[str]:
    return frozenset(sent.digest(e.refresh_token) for e in entries if e.refresh_token is not None)


def _would_be(entry: TokenEntry, system: System) -> TokenReport:
    return TokenReport(entry.key, ScopeResult.DUE, expires_at(entry, system.clock.now()))


def _report(
    setup: Setup,
    choice: Choice,
    reports: Collection[TokenReport],
    scopes: Collection[str] | None,
    file: TokenFile,
) -> RefreshReport:
    """All results in the file's order, then the scopes that were asked for and are not there."""
    found = choice.settled | {report.scope: report for report in reports}
    tokens = [found[key] for key in choice.order if key in found]
    there = [entry.key for entry in file.entries]
    for scope in dict.fromkeys(scopes or ()):
        if scope not in there:
            error = no_such_scope(setup.place, setup.tokens_file, scope, there)
            tokens.append(TokenReport(scope, ScopeResult.NO_TOKEN, error=error))
    return RefreshReport(tuple(tokens))


def _clock_notes(skew: float | None) -> tuple[str, ...]:
    if skew is None or abs(skew) <= CLOCK_TELLS_S:
        return ()
    side = "behind" if skew > 0 else "ahead of"
    return (
        f"[ENV007] This machine's clock is {in_words(abs(skew))} {side} the server's. Tokens may seem to live "
        "longer or shorter than they do: have the clock set right.",
    )


def _rescue_notes(taken: Collection[str]) -> tuple[str, ...]:
    if not taken:
        return ()
    return (f"{count(len(taken), 'token')} of a run that was cut off stood aside, now in the tokens file.",)


def _log(system: System, setup: Setup, by: str, report: RefreshReport) -> tuple[str, ...]:
    """Write refresh.log; a note where that was not possible: the tokens are safe all the same."""
    mark = mark_for(setup.tokens_file, system.home, setup.domain)
    now = system.clock.now()
    entries = [
        LogEntry(token.at or now, system.host, by, token.scope, LOGGED[token.result], mark)
        for token in report.tokens
        if token.result in LOGGED
    ]
    problem = refresh_log.append(system, entries)
    return () if problem is None else (f"[{problem.id}] refresh.log was not written: {problem.what}",)
