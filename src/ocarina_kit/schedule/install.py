"""Changes a user's schedule, and makes sure that nothing in it is lost.

It is read, checked, backed up, written, read back, and put back if it was cut short.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ocarina_kit.schedule import problems
from ocarina_kit.schedule.crontab import split_job, split_lines
from ocarina_kit.schedule.entry import check_with_python_crontab
from ocarina_kit.schedule.scheduler import Listing, ListingState, Scheduler
from ocarina_kit.system.files import backup, make_private_folder
from ocarina_kit.system.lock import hold
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.problem import KitError

Edit = Callable[[bytes], bytes]
"""Makes the new content of a schedule from the content of now."""

_ATTEMPTS = 5


def install(
    machine: Machine,
    scheduler: Scheduler,
    edit: Edit,
    waiting: Callable[[str], None] | None = None,
) -> Path | None:
    """Change the schedule of this user.

    One lock of the kit is held meanwhile. Another program may still write at the same
    time: then it starts again from what is there now, and never writes back what
    somebody else may have changed.

    Args:
        edit: makes the new content. It may be called several times.
        waiting: is told whose lock is waited for.

    Returns:
        The backup, or None if nothing was changed or there was no schedule.

    Raises:
        KitError: CRN001 (no command, not allowed, not readable), SCH002 (cannot be
            written back as it is), SCH004 (no space), SCH005 (refused), SCH006 (another
            program changes it each time), SCH007 (cut short), SCH009 (unknown what is
            in it now), SCH010 (python-crontab disagrees), and what `edit` and the
            backup raise.
    """
    name = f"{scheduler.name}-{machine.host}-{machine.user}".replace("/", "_")
    guarded = make_private_folder(machine.state) / name
    with hold(machine, guarded, waiting=waiting):
        return _install_locked(machine, scheduler, edit)


def _install_locked(machine: Machine, scheduler: Scheduler, edit: Edit) -> Path | None:
    saved: Path | None = None
    for attempt in range(_ATTEMPTS):
        before = _read(scheduler)
        # A second attempt may find the program's own header before what the first one
        # wrote.
        header = scheduler.doubled_header(before.content) if attempt else 0
        after = edit(before.content)[header:]
        if after == before.content:
            return saved
        _check(before.content, after)
        copy = _back_up(machine, scheduler, before)
        # With a doubled header it is no longer what was there first.
        saved = saved if header else copy or saved
        if scheduler.list_entries() != before:
            continue
        if _write(scheduler, before, after, saved):
            return saved
    problem = problems.always_changing(scheduler.name, scheduler.host, saved)
    raise KitError(problem)


def _read(scheduler: Scheduler) -> Listing:
    """List the schedule, and refuse one that may not be written over."""
    listing = scheduler.list_entries()
    problem = scheduler.find_problem(listing)
    if problem is not None:
        raise KitError(problem)
    return listing


def _check(before: bytes, after: bytes) -> None:
    """Let python-crontab read each new entry, too."""
    # A last line that only got a line break is not new.
    old_lines = {line.rstrip("\n") for line in split_lines(before)}
    new_lines = {line.rstrip("\n") for line in split_lines(after)} - old_lines
    for line in new_lines:
        if split_job(line) is not None:
            check_with_python_crontab(line)


def _back_up(machine: Machine, scheduler: Scheduler, before: Listing) -> Path | None:
    if not before.content:
        return None
    return backup(machine, scheduler.name, before.content, of=scheduler.host)


def _write(
    scheduler: Scheduler, before: Listing, after: bytes, saved: Path | None
) -> bool:
    """Write the new schedule, and read it back.

    Returns:
        Whether it is in. If not, another program changed it, and nothing is lost.
    """
    written = scheduler.write(after)
    now = scheduler.list_entries()
    if now.is_writable and now.content == after:
        return True
    if not now.is_readable:
        message = written.message or now.message
        name, host = scheduler.name, scheduler.host
        raise KitError(problems.unknown_content(name, host, message, saved))
    if now == before:
        if written.problem is not None:
            raise KitError(written.problem)
        return False
    # Only the write of this process can have left a part of its content.
    if after.startswith(now.content):
        _restore(scheduler, before, saved)
    return False


def _restore(scheduler: Scheduler, before: Listing, saved: Path | None) -> None:
    """Put the old schedule back.

    Raises:
        KitError: SCH007, which says whether it is back.
    """
    if before.state is ListingState.NONE_YET:
        scheduler.remove()
    else:
        scheduler.write(before.content)
    now = scheduler.list_entries()
    name, host = scheduler.name, scheduler.host
    if (now.state, now.content) == (before.state, before.content):
        raise KitError(problems.cut_short(name, host))
    raise KitError(problems.cut_short_and_lost(name, host, saved))
