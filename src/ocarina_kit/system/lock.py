"""The lock beside a guarded file, held while the file is read, changed and written.

It is a flock(2) on `<file>.lock`. The kernel releases it when its holder ends, however
that ends. Linux (since 2.6.12) and macOS carry it over NFS to every host. No pid is
judged, as a pid means nothing on another host.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from ocarina_kit.system import problems
from ocarina_kit.system.file_errors import explained
from ocarina_kit.system.files import final_target
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.problem import KitError
from ocarina_kit.system.words import one_line

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextlib.contextmanager
def hold(
    machine: Machine,
    path: Path,
    *,
    timeout: float = 90.0,
    waiting: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """Hold the lock of a file for the length of the block.

    The lock file is 0600 and stays: if it were removed, two processes could lock two
    files of that name. Locks of one file cannot be nested.

    Args:
        machine: The machine.
        path: The file.
        timeout: Seconds to wait for the lock at most.
        waiting: Called once, after one second, with a sentence that says whose lock
            it is.

    Raises:
        KitError: LCK001 (the file system cannot lock), LCK002 (in use all the time),
            or an id of `file_errors`, if the lock file cannot be made.
    """
    target = final_target(path)
    location = target.with_name(target.name + ".lock")
    with explained(location):
        descriptor = os.open(location, _FLAGS, 0o600)
    began = machine.monotonic()
    try:
        while not _take(descriptor, location):
            waited = machine.monotonic() - began
            holder = _read_holder(descriptor)
            if waited >= timeout:
                raise KitError(problems.lock_held(target, location, holder, timeout))
            if waited >= 1 and waiting is not None:
                is_using = f"{holder} is using it (at most {timeout:g} s)"
                waiting(f"Waiting for {target}: {is_using}")
                waiting = None
            machine.sleep(0.05)
        _write_holder(descriptor, machine.host)
        yield
    finally:
        os.close(descriptor)


def _read_holder(descriptor: int) -> str:
    note = os.pread(descriptor, 300, 0).decode("utf-8", "replace")
    return one_line(note, 120) or "another process"


def _write_holder(descriptor: int, host: str) -> None:
    """Note for people whose lock it is. On a full disk the lock holds without it."""
    note = f"ocarina-kit on {host} (pid {os.getpid()})\n"
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, note.encode(), 0)


def _take(descriptor: int, location: Path) -> bool:
    """Try to take the lock. Returns whether it was free."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES):
            return False
        # ENOLCK (no lock daemon), ENOSYS, EOPNOTSUPP, EINVAL, and whatever else.
        raise KitError(problems.no_locks(location, error)) from error
    return True
