"""``refresh.log`` in the state folder: appended to whole, read leniently, rotated at 1 MiB (CONTRACT.md, Files)."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from ocarina_kit.core.errors import KitError
from ocarina_kit.core.tokens.refresh_log import LogEntry, read_line, write_line
from ocarina_kit.edges.disk import locks
from ocarina_kit.edges.disk.file_errors import FileFault, from_os, of
from ocarina_kit.edges.disk.files import make_private_folder, read_file
from ocarina_kit.edges.system import System

ROTATE_AT = 1024 * 1024
"""Bytes. One older log is kept beside it, as ``refresh.log.1``."""

_AT_ONCE = 20
"""Lines in one write: at most half of :data:`ROTATE_AT`, however long their scopes are."""


def log_path(system: System) -> Path:
    return system.state_dir / "refresh.log"


def append(system: System, entries: Iterable[LogEntry], *, lock_timeout: float = 5.0) -> KitError | None:
    """Write the entries at the end, in one piece. Gives back what went wrong, if anything did.

    It does not raise: when it is called the tokens are safe, and a log that cannot be written is no reason to fail.
    An append takes a moment; a lock that is held for longer than ``lock_timeout`` seconds costs no line either.
    """
    lines = [write_line(entry).encode("utf-8") for entry in entries]
    if not lines:
        return None
    path = log_path(system)
    try:
        make_private_folder(system.state_dir)
        with _lock_if_it_can_be_had(path, lock_timeout):
            for start in range(0, len(lines), _AT_ONCE):
                _append(path, b"".join(lines[start : start + _AT_ONCE]))
    except KitError as problem:
        return problem
    except OSError as problem:
        return from_os(path, problem)
    return None


def read(system: System) -> list[LogEntry]:
    """All entries, oldest first, those of the rotated log too. Damaged lines are passed over. Never raises."""
    path = log_path(system)
    entries: list[LogEntry] = []
    for each in (path.with_name(path.name + ".1"), path):
        content = read_file(each, cap=4 * ROTATE_AT).content or b""
        for line in content.decode("utf-8", "replace").split("\n"):
            entry = read_line(line)
            if entry is not None:
                entries.append(entry)
    entries.sort(key=lambda entry: entry.time)  # hosts that share a home may have clocks that differ
    return entries


@contextlib.contextmanager
def _lock_if_it_can_be_had(path: Path, timeout: float) -> Iterator[None]:
    """Over NFS appends of two hosts overwrite each other without a lock; elsewhere O_APPEND alone keeps lines whole."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(locks.LockUnsupportedError, locks.LockTimeoutError):
            stack.enter_context(locks.hold(path, timeout=timeout))
        yield


def _append(path: Path, data: bytes) -> None:
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        seen = os.fstat(descriptor)
        if not stat.S_ISREG(seen.st_mode):
            raise of(FileFault.SPECIAL, path)
        if seen.st_size and seen.st_size + len(data) > ROTATE_AT:
            with contextlib.suppress(FileNotFoundError):  # without a lock, another may have been quicker
                path.replace(path.with_name(path.name + ".1"))
            os.close(descriptor)
            descriptor = os.open(path, flags, 0o600)
            seen = os.fstat(descriptor)
        if seen.st_mode & 0o077:
            os.fchmod(descriptor, 0o600)
        # A line that a crash cut off must not swallow the next one.
        if seen.st_size and os.pread(descriptor, 1, seen.st_size - 1) != b"\n":
            data = b"\n" + data
        os.write(descriptor, data)
    finally:
        os.close(descriptor)
