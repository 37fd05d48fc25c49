"""``doctor --fix``: look, plan, ask, apply, and look again, until nothing is left that can be fixed automatically."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ocarina_kit.doctor.check import Choice, Finding, all_checks
from ocarina_kit.doctor.world import World

if TYPE_CHECKING:
    from ocarina_kit.system.change import Applied, Change
    from ocarina_kit.system.machine import Machine

ROUNDS = 6
"""Fixing one thing can show another: a file that can be read again, the tokens behind it, the entry behind those."""

SERVER = ("SRV", "CRD")
_SECONDS = 60.0
_WRONG = ("fail", "warn")


class Planned(NamedTuple):
    """What one round would do: the changes in their order, and for people what is fixed by them, by check."""

    changes: tuple[Change, ...]
    rows: tuple[tuple[str, str], ...] = ()


class Fixed(NamedTuple):
    """What ``--fix`` came to. ``findings`` are the last look's, ``fixed`` on those that were wrong and are not now.

    ``planned``: with a dry run, what would be done first. ``declined``: the person did not agree.
    """

    world: World
    findings: tuple[Finding, ...]
    applied: tuple[Applied, ...] = ()
    planned: Planned | None = None
    declined: bool = False


def plan(
    world: World, choice: Choice, findings: tuple[Finding, ...], tried: Sequence[Change] = ()
) -> Planned:
    """All that these findings would fix: one change for each file, the crontab last: it starts what was fixed before.

    The configuration's fixes become one write, those that the first ones bring to light included. No refresh token is
    spent where the server cannot be used. What was ``tried`` is not tried again.
    """
    from ocarina_kit.config import setup
    from ocarina_kit.doctor.access import version_of
    from ocarina_kit.system.change import refresh

    out = choice.offline or server_is_out(findings)
    wrong = [
        (each.check.id, change) for each in findings if each.status in _WRONG for change in each.outcome.fix
    ]
    wrong = [row for row in wrong if row[1] not in tried and not (out and row[1].what == "refresh")]
    changes: list[Change] = []
    rows: dict[str, str] = {}
    if any(change.kind == "config" for _, change in wrong):
        version = version_of(world) if world.uses_api_key else None
        checks = [each.id for each in all_checks() if each.family == "CFG" and not choice.off(each)]
        done = setup.settled(world.config, checks, version)[1]
        rows = {each.check: each.change.why for each in done if each.change is not None}
        changes = list(filter(None, [setup.fixed(world.config, checks, version)]))
    scopes: dict[str, None] = {}
    for check, change in wrong:
        if change.kind == "config":
            continue
        rows.setdefault(check, change.why)
        scopes.update(dict.fromkeys(change.scopes))
        if change.what != "refresh" and not any(_same(change, each) for each in changes):
            changes.append(change)
    written = {each.path for each in changes if each.what in ("write", "set aside")}
    changes = [each for each in changes if each.what != "chmod" or each.path not in written]
    changes += [refresh(tuple(scopes), "refresh the tokens")] if scopes else []
    changes.sort(key=lambda change: change.what == "crontab")
    order = [each.check.id for each in findings]
    return Planned(tuple(changes), tuple(sorted(rows.items(), key=lambda row: order.index(row[0]))))


def server_is_out(findings: Sequence[Finding]) -> bool:
    """Whether the server or its word on the client is in the way, so that nothing can be refreshed."""
    server = [each.status for each in findings if each.check.family in SERVER]
    return "fail" in server or "unknown" in server


def fix(
    machine: Machine,
    look: Callable[[], tuple[World, tuple[Finding, ...]]],
    choice: Choice,
    *,
    agree: Callable[[Planned, World], bool],
    working: Callable[[], AbstractContextManager[Callable[[str], None]]],
    dry_run: bool = False,
) -> Fixed:
    """Fix what can be fixed automatically, round by round. ``look`` gives fresh facts and what the checks make of them;
    ``agree`` is asked each round; ``working`` shows what is waited for.

    ``machine`` makes the changes: unlike a look's own it has no deadline. A change that could not be made raises
    nothing: it is in ``applied``, and the last look shows what is still wrong.
    """
    world, findings = look()
    tried: list[Change] = []
    applied: list[Applied] = []
    wrong: dict[str, str] = {}
    declined = False
    for _ in range(ROUNDS):
        planned = plan(world, choice, findings, tried)
        if dry_run:
            return Fixed(world, findings, planned=planned)
        if not planned.changes:
            break
        if not agree(planned, world):
            declined = True
            break
        for each in findings:
            if each.status in _WRONG and each.outcome.fix:
                wrong.setdefault(each.check.id, each.status)
        wrong = {**{check: "fail" for check, _ in planned.rows}, **wrong}
        tried += [change for each in findings for change in each.outcome.fix]
        with working() as waiting:
            applied += _apply(machine, world, planned.changes, waiting)
        world, findings = look()
    done = any(each.problem is None for each in applied)
    findings = tuple(
        _with_what_came_of_it(each._replace(fixed=done and _better(each, wrong)), applied)
        for each in findings
    )
    return Fixed(world, findings, tuple(applied), declined=declined)


def _better(finding: Finding, wrong: dict[str, str]) -> bool:
    """Whether it was wrong in an earlier look and could be fixed, and is not now."""
    before = wrong.get(finding.check.id)
    return before is not None and (finding.status == "ok" or (finding.status == "warn" and before == "fail"))


def _with_what_came_of_it(finding: Finding, applied: list[Applied]) -> Finding:
    """What was tried and could not be done is not to be tried again: the remedy is then that of the failure."""
    for each in applied if finding.status in _WRONG else ():
        if each.problem is not None and any(_same(change, each.change) for change in finding.outcome.fix):
            remedy = each.problem.remedy if any(each.problem.remedy) else finding.outcome.remedy
            return finding._replace(outcome=finding.outcome._replace(remedy=remedy, fix=()))
    return finding


def _same(one: Change, other: Change) -> bool:
    if one.what == other.what == "refresh":
        return not other.scopes or bool(set(one.scopes) & set(other.scopes))
    return one.what == other.what and one.path == other.path


def _apply(
    machine: Machine, world: World, changes: tuple[Change, ...], waiting: Callable[[str], None]
) -> list[Applied]:
    from ocarina_kit.config.setup import read_config, usable
    from ocarina_kit.system.change import apply

    def refresh(change: Change) -> None:
        from ocarina_kit.tokens.refresh import refresh as refresh_tokens

        # As it is now: it may just have been fixed.
        setup = usable(machine, read_config(machine, world.place))
        report = refresh_tokens(machine, setup, scopes=change.scopes or None, by="doctor", waiting=waiting)
        for problem in report.errors(setup):
            raise problem

    def crontab(change: Change) -> Path | None:
        import contextlib

        from ocarina_kit.cron.program import install_crontab
        from ocarina_kit.doctor.crontab import repair
        from ocarina_kit.system.errors import KitError
        from ocarina_kit.tokens import log

        fresh = World(machine, world.place, seconds=_SECONDS)  # the look's own deadline may be over
        backup = install_crontab(machine, lambda content: repair(fresh, content), waiting)
        with contextlib.suppress(KitError):  # from now on its runs are expected (CRN008)
            setup = usable(machine, read_config(machine, world.place))
            log.append(machine, [log.line(machine, setup, "doctor", "scheduled")])
        return backup

    return apply(machine, changes, refresh=refresh, crontab=crontab, waiting=waiting)
