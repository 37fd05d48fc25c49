"""The lock beside a guarded file, held while the file is read, changed and written.

It is a flock(2) on ``<file>.lock``: the kernel gives it up when its holder ends, however that ends, and Linux (since
2.6.12) and macOS carry it over NFS to every host. It is never judged by a pid, as a pid means nothing on another host;
so the kinds of lock that filelock falls back to where a file system has no flock(2) are refused here.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shlex
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ocarina_kit.core.errors import KitError, Remedy
from ocarina_kit.edges.disk.file_errors import FileFault, from_os, of
from ocarina_kit.edges.disk.writes import final_target

if TYPE_CHECKING:
    from filelock import BaseFileLock

Flock = Callable[[int, int], None]

_HELD_ELSEWHERE = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES})


class LockUnsupportedError(KitError):
    """``LCK001``: the file system has no locks that hold. Nothing was changed or sent."""


class LockTimeoutError(KitError):
    """``LCK002``: another process held the lock all the time. Nothing was changed or sent."""


def lock_path(path: Path) -> Path:
    """``<file>.lock`` beside the file that ``path`` leads to, so that all its names share one lock."""
    target = final_target(path)
    return target.with_name(target.name + ".lock")


@contextmanager
def hold(path: Path, *, timeout: float = 90.0, flock: Flock = fcntl.flock) -> Iterator[None]:
    """Hold the lock of ``path`` for the length of the block; waits at most ``timeout`` seconds for it.

    The lock file is 0600 and stays: removing it would let two processes lock two different files of that name. Not
    to be nested for one file in one process: the inner one would wait for the outer. ``flock`` is what tries whether
    the file system can lock at all.

    Raises :class:`LockUnsupportedError`, :class:`LockTimeoutError`, or
    :class:`~ocarina_kit.edges.disk.file_errors.FileError` where no lock file can be made.
    """
    place = lock_path(path)
    _prove_it_locks(place, flock)
    lock = _make(place)
    try:
        lock.acquire(timeout=timeout, poll_interval=0.02)
    except TimeoutError as problem:  # filelock.Timeout is one
        raise _timed_out(place, timeout) from problem
    except NotImplementedError as problem:  # filelock before 3.24, ENOSYS
        raise _cannot_lock(place, str(problem)) from problem
    except PermissionError as problem:  # another user's lock file in a folder like /tmp
        raise from_os(place, problem) from problem
    except OSError as problem:
        raise _cannot_lock(place, problem.strerror or str(problem)) from problem
    try:
        _refuse_soft(lock, place)
        yield
    finally:
        lock.release()


def _prove_it_locks(place: Path, flock: Flock) -> None:
    """Try the kernel's lock once, without waiting.

    filelock cannot be asked this: its older versions take every refusal for "held by another", and wait.
    """
    try:
        descriptor = os.open(
            place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600
        )
    except OSError as problem:
        if problem.errno == errno.ENXIO:
            raise of(FileFault.SPECIAL, place) from problem
        raise from_os(place, problem) from problem
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise of(FileFault.SPECIAL, place)
        flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        # ENOLCK (no lock daemon), ENOSYS, EOPNOTSUPP, EINVAL (no such operation there), and whatever else.
        if problem.errno not in _HELD_ELSEWHERE:
            raise _cannot_lock(place, problem.strerror or str(problem)) from problem
    finally:
        os.close(descriptor)


def _make(place: Path) -> BaseFileLock:
    from filelock import UnixFileLock

    # Versions that know no fallback_to_soft leave it aside; _refuse_soft covers those.
    return UnixFileLock(place, mode=0o600, thread_local=False, fallback_to_soft=False)


def _refuse_soft(lock: BaseFileLock, place: Path) -> None:
    """filelock 3.24 and newer can turn a lock into a SoftFileLock, which it judges by a pid, as it is acquired."""
    from filelock import SoftFileLock

    if isinstance(lock, SoftFileLock):
        raise _cannot_lock(place, "no flock(2)")


def _cannot_lock(place: Path, words: str) -> LockUnsupportedError:
    return LockUnsupportedError(
        f"This file system cannot lock: {place} ({words}). Nothing was changed, and no token was spent.",
        id="LCK001",
        why=(
            "Without a lock, two processes (or two hosts that share this home) could each spend the same refresh "
            "token, and the login would be lost."
        ),
        remedy=Remedy(
            "Keep the file on a file system that locks: for tokens, set MAJORA_TOKENS_FILE in the configuration. "
            "Or ask who runs this machine to enable locks there (NFS: its lock service; Lustre: mount option flock).",
            (f"df -T {shlex.quote(str(place.parent))}",),
        ),
    )


def _timed_out(place: Path, timeout: float) -> LockTimeoutError:
    return LockTimeoutError(
        f"Another process has held {place} for {timeout:g} seconds. Nothing was changed.",
        id="LCK002",
        why="Only one process at a time may change the file beside it; on a shared home it may run on another host.",
        remedy=Remedy(
            "Run the command again in a minute. If it goes on, see which process holds it, here and on each host that "
            "shares this folder, and end that one. Do not delete the lock file: the lock ends with its holder.",
            (f"fuser -v {shlex.quote(str(place))}",),
        ),
    )
