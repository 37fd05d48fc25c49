"""The lock beside a guarded file, held while the file is read, changed and written.

It is a flock(2) on ``<file>.lock``: the kernel releases it when its holder ends, however that ends, and Linux (since
2.6.12) and macOS carry it over NFS to every host. It is never judged by a pid, as a pid means nothing on another host.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from ocarina_kit.system.errors import KitError, Remedy
from ocarina_kit.system.file_errors import from_os
from ocarina_kit.system.files import final_target
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.words import one_line, tilde

_HELD = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES)
_COMMANDS = ("init", "login", "logout", "refresh", "schedule", "doctor", "status", "install-client")


@contextlib.contextmanager
def hold(
    machine: Machine,
    path: Path,
    *,
    timeout: float = 90.0,
    waiting: Callable[[str], None] | None = None,
    flock: Callable[[int, int], None] = fcntl.flock,
) -> Iterator[None]:
    """Hold the lock of ``path`` for the length of the block; wait at most ``timeout`` seconds for it.

    After one second ``waiting`` is called, once, with words that say whose lock it is. The lock file is 0600 and
    stays: if it were removed, two processes could lock two files of that name. Not to be nested for one file.
    Raises KitError: LCK001 (the file system cannot lock), LCK002 (in use all the time), or that no file can be made.
    """
    target = final_target(path)
    place = target.with_name(target.name + ".lock")
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(place, flags, 0o600)
    except OSError as problem:
        raise from_os(place, problem) from problem
    name, began = tilde(place, machine.home).removesuffix(".lock"), machine.monotonic()
    try:
        while not _taken(descriptor, place, flock):
            waited = machine.monotonic() - began
            if waited >= timeout:
                raise _timed_out(name, place, timeout, _holder(descriptor))
            if waited >= 1 and waiting is not None:
                waiting(f"Waiting for {name}: {_holder(descriptor)} is using it (at most {timeout:g} s)")
                waiting = None
            machine.sleep(0.05)
        _sign(descriptor, machine)
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int, place: Path, flock: Callable[[int, int], None]) -> bool:
    try:
        flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:  # ENOLCK (no lock daemon), ENOSYS, EOPNOTSUPP, EINVAL, and whatever else
        if problem.errno not in _HELD:
            raise _cannot_lock(place, problem.strerror or str(problem)) from problem
        return False
    return True


def _sign(descriptor: int, machine: Machine) -> None:
    """Who holds it, for people only. Of the arguments just the command: others may hold a code."""
    command = next((f" {word}" for word in sys.argv[1:] if word in _COMMANDS), "")
    words = f"ocarina-kit{command} on {machine.host} (pid {os.getpid()})\n"
    with contextlib.suppress(OSError):  # a full disk: locked anyway
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, words.encode("utf-8", "replace"), 0)


def _holder(descriptor: int) -> str:
    with contextlib.suppress(OSError):
        return one_line(os.pread(descriptor, 300, 0).decode("utf-8", "replace"), 120) or "another process"
    return "another process"


def _cannot_lock(place: Path, words: str) -> KitError:
    text = "Keep the file on a file system that locks: for tokens, set MAJORA_TOKENS_FILE in the configuration. Or ask "
    text += "who runs this machine to enable locks there (NFS: its lock service; Lustre: mount option flock)."
    return KitError(
        f"This file system cannot lock {place} ({words}). Nothing was changed, and no token was spent.",
        id="LCK001",
        why="Without a lock, two processes or hosts could spend the same refresh token and lose the login.",
        remedy=Remedy(text, (f"df -T {shlex.quote(str(place.parent))}",)),
    )


def _timed_out(name: str, place: Path, timeout: float, holder: str) -> KitError:
    text = "Run the command again in a minute. If it still fails, end the process that holds the lock. Do not delete "
    text += "the lock file: the lock ends with its holder."
    return KitError(
        f"{name} is in use: {holder} has held its lock for {timeout:g} seconds. Nothing was changed.",
        id="LCK002",
        why="Only one process at a time may change the file; on a shared home it may run on another host.",
        remedy=Remedy(text, (f"fuser -v {shlex.quote(str(place))}",)),
    )
