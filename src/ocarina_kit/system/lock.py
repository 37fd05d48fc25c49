"""The lock beside a guarded file, held while the file is read, changed and written.

It is a flock(2) on ``<file>.lock``: the kernel releases it when its holder ends, however that ends, and Linux (since
2.6.12) and macOS carry it over NFS to every host. It is never judged by a pid, as a pid means nothing on another host.
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
    """Hold the lock of ``path`` for the length of the block; wait at most ``timeout`` seconds for it.

    After one second ``waiting`` is called, once, with words that say whose lock it is. The lock file is 0600 and
    stays: if it were removed, two processes could lock two files of that name. Not to be nested for one file.
    Raises KitError: LCK001 (the file system cannot lock), LCK002 (in use all the time), or that no file can be made.
    """
    target = final_target(path)
    location = target.with_name(target.name + ".lock")
    with explained(location):
        descriptor = os.open(location, _FLAGS, 0o600)
    began = machine.monotonic()
    try:
        while not _taken(descriptor, location):
            waited = machine.monotonic() - began
            note = os.pread(descriptor, 300, 0).decode("utf-8", "replace")
            holder = one_line(note, 120) or "another process"
            if waited >= timeout:
                raise KitError(problems.lock_held(target, location, holder, timeout))
            if waited >= 1 and waiting is not None:
                waiting(
                    f"Waiting for {target}: {holder} is using it (at most {timeout:g} s)"
                )
                waiting = None
            machine.sleep(0.05)
        with contextlib.suppress(
            OSError
        ):  # a full disk: locked anyway. This is for people only
            os.ftruncate(descriptor, 0)
            os.pwrite(
                descriptor,
                f"ocarina-kit on {machine.host} (pid {os.getpid()})\n".encode(),
                0,
            )
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int, location: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES):
            return False
        # ENOLCK (no lock daemon), ENOSYS, EOPNOTSUPP, EINVAL, and whatever else.
        raise KitError(problems.no_locks(location, error)) from error
    return True
