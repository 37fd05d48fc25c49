"""What ``doctor --fix`` does: the plan that findings come to, and how it is carried out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from ocarina_kit.doctor.check import Choice, Outcome
from ocarina_kit.doctor.entry import repair
from ocarina_kit.doctor.server import refused_just_granted
from ocarina_kit.doctor.setup import settled, usable
from ocarina_kit.doctor.world import World
from ocarina_kit.schedule.cron import Cron
from ocarina_kit.schedule.install import install
from ocarina_kit.system.change import Action, Change, apply_to_file
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.problem import Exit, KitError, Problem
from ocarina_kit.tokens import log
from ocarina_kit.tokens.refresh import refresh
from ocarina_kit.tokens.store import adopt_waiting

SERVER = ("SRV", "CRD")
_LAST = {Action.ADOPT: 1, Action.REFRESH: 2, Action.CRONTAB: 3}
"""In this order, after the files: the crontab starts what was fixed before."""


class Planned(NamedTuple):
    """What one round would do: one change for each file, and for people what is fixed by them, by check."""

    changes: tuple[Change, ...]
    rows: dict[str, str]


def plan(
    world: World,
    choice: Choice,
    findings: tuple[Outcome, ...],
    tried: Sequence[Change] = (),
) -> Planned:
    """All that these findings would fix, but for what was ``tried``.

    The configuration's fixes become one write, those that the first ones bring to light included. No refresh token is
    spent if the server cannot be used.
    """
    out = choice.offline or server_is_out(findings)
    fixes: dict[str, list[Change]] = {}
    for each in findings:
        possible = [
            change
            for change in each.fix
            if not (out and change.action is Action.REFRESH)
        ]
        fixes[each.id] = [change for change in possible if change not in tried]
    if any(change.kind == "config" for changes in fixes.values() for change in changes):
        for id, changes in fixes.items():
            fixes[id] = [change for change in changes if change.kind != "config"]
        done = settled(world, choice)[1]
        write = done[-1].fix[0]  # of all of them
        for each in done:
            fixes[each.id].append(write._replace(why=each.fix[0].why))
    merged: dict[Action | Path, Change] = {}
    for change in [change for changes in fixes.values() for change in changes]:
        key = change.action if change.action in _LAST else change.path
        known = merged.setdefault(key, change)
        if change.action is Action.REFRESH:
            both = tuple(dict.fromkeys((*known.scopes, *change.scopes)))
            merged[key] = known._replace(scopes=both, why="refresh the tokens")
        elif known.action is Action.CHMOD:  # a write makes the file private as well
            merged[key] = change
    changes = sorted(merged.values(), key=lambda change: _LAST.get(change.action, 0))
    return Planned(
        tuple(changes), {id: changes[0].why for id, changes in fixes.items() if changes}
    )


def server_is_out(findings: Sequence[Outcome]) -> bool:
    """Whether the server or its word on the client is in the way, so that nothing can be refreshed."""
    return any(
        each.status in ("fail", "unknown") and each.family in SERVER
        for each in findings
    )


def with_failures(finding: Outcome, applied: Sequence[Applied]) -> Outcome:
    """What was tried and could not be done is not to be tried again: the remedy is then that of the failure."""
    tried = {(change.action, change.path) for change in finding.fix}
    for change, problem, _ in applied:
        if problem is not None and (change.action, change.path) in tried:
            remedy = problem.remedy if any(problem.remedy) else finding.remedy
            return finding._replace(remedy=remedy, fix=())
    return finding


class Applied(NamedTuple):
    """What became of a change: done, or why not; and where the old content is now."""

    change: Change
    problem: Problem | None = None
    backup: Path | None = None


def carry_out(
    machine: Machine,
    world: World,
    changes: Sequence[Change],
    waiting: Callable[[str], None],
) -> list[Applied]:
    """Make the changes in their order; one that fails stops no other. Raises KitError only for an interrupt.

    ``machine`` makes them: unlike that of ``world`` it has no deadline.
    """
    results: list[Applied] = []
    for change in changes:
        backup = problem = None
        try:
            if change.action is Action.REFRESH:
                _refresh(machine, world, change.scopes, waiting)
            elif change.action is Action.ADOPT:
                setup = usable(World(machine, world.location))
                adopt_waiting(machine, setup, "doctor", waiting)
            elif change.action is Action.CRONTAB:
                backup = _schedule(machine, world, waiting)
            else:
                backup = apply_to_file(machine, change, waiting)
        except KitError as error:
            problem = error.problem
            if problem.exit == Exit.INTERRUPTED:
                raise
        results.append(Applied(change, problem, backup))
    return results


def remember_refused_access(
    machine: Machine, world: World, findings: Sequence[Outcome]
) -> None:
    """Note in refresh.log which new tokens the API refuses, so that none is spent again.

    Without the note the next doctor would advise another refresh, for ever.
    """
    if all(finding.id != "API001" or finding.status != "fail" for finding in findings):
        return
    lines = [
        log.make_line(
            machine, world.setup, "doctor", log.Event.REFUSED_ACCESS, token.key, token
        )
        for token in refused_just_granted(world)
    ]
    with contextlib.suppress(KitError):  # then it is found out once more
        log.append(machine, lines)


def _refresh(
    machine: Machine,
    world: World,
    scopes: tuple[str, ...],
    waiting: Callable[[str], None],
) -> None:
    # As it is now: it may just have been fixed.
    setup = usable(World(machine, world.location))
    report = refresh(
        machine, setup, scopes=scopes or None, by="doctor", waiting=waiting
    )
    problems = report.problems(setup)
    if problems:
        raise KitError(problems[0])


def _schedule(
    machine: Machine, world: World, waiting: Callable[[str], None]
) -> Path | None:
    fresh = World(machine, world.location)  # the look's own deadline may be over

    def edit(content: bytes) -> bytes:
        return repair(fresh, content)

    backup = install(machine, Cron(machine), edit, waiting)
    with contextlib.suppress(KitError):  # from now on its runs are expected (CRN008)
        log.append(
            machine,
            [log.make_line(machine, fresh.setup, "doctor", log.Event.SCHEDULED)],
        )
    return backup
