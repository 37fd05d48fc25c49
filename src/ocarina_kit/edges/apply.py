"""The one place where plans are carried out: under the file's lock, on what was planned upon, with a backup before.

What is not there any more as it was when the plan was made is left alone, and that is said.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from ocarina_kit.core.errors import Exit, KitError, Remedy
from ocarina_kit.core.file_facts import FileKind
from ocarina_kit.core.plan import Change, Chmod, Plan, RefreshTokens, SetAside, SetCrontab, WriteFile
from ocarina_kit.edges.disk import locks
from ocarina_kit.edges.disk.backups import backup
from ocarina_kit.edges.disk.files import chmod_private, final_target, read_file, write_private
from ocarina_kit.edges.system import System

Lock = Callable[[Path], AbstractContextManager[None]]


@dataclass(frozen=True)
class Applied:
    """What became of one change: done, or why not. ``kept`` is where the old content is now."""

    change: Change
    problem: KitError | None = None
    kept: Path | None = None


@dataclass(frozen=True)
class Doers:
    """What carries out the changes that are more than a file; each raises KitError where it could not.

    ``crontab`` also keeps the old crontab, and returns where.
    """

    refresh: Callable[[RefreshTokens], None]
    crontab: Callable[[SetCrontab], Path | None]


def apply(system: System, plan: Plan, doers: Doers, *, lock: Lock = locks.hold) -> tuple[Applied, ...]:
    """Carry out the changes of ``plan`` in their order. One that fails stops no other."""
    return tuple(_apply_one(system, change, doers, lock) for change in plan.changes)


def _apply_one(system: System, change: Change, doers: Doers, lock: Lock) -> Applied:
    try:
        if isinstance(change, RefreshTokens):
            doers.refresh(change)
            return Applied(change)
        if isinstance(change, SetCrontab):
            return Applied(change, kept=doers.crontab(change))
        with lock(Path(change.path)):
            return Applied(change, kept=_change_file(system, change))
    except KitError as problem:
        if problem.exit is Exit.INTERRUPTED:
            raise
        return Applied(change, problem)


def _change_file(system: System, change: WriteFile | SetAside | Chmod) -> Path | None:
    """The lock is held. Returns where the old content is."""
    path = Path(change.path)
    seen = read_file(path)
    if isinstance(change, Chmod):
        if seen.mode != change.before:
            raise changed_meanwhile(path)
        chmod_private(path)
        return None
    there = seen.content
    if there != change.before or (there is None and seen.kind is not FileKind.MISSING):
        raise changed_meanwhile(path)
    kind = f"{change.kind}-damaged" if isinstance(change, SetAside) else change.kind
    kept = None if there is None else backup(system, kind, there, of=str(path))
    if change.after is None:
        final_target(path).unlink()
    else:
        write_private(path, change.after)
    return kept


def changed_meanwhile(path: Path) -> KitError:
    """``FIX001``: the file is not what the plan was made for."""
    return KitError(
        f"{path} was changed by another program since it was looked at. It was left alone.",
        id="FIX001",
        why="The mend was made for what stood there before, and could undo the other change.",
        remedy=Remedy("Run the command again.", ("ocarina-kit doctor --fix",)),
    )
