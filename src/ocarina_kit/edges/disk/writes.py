"""Writing a private file so that a crash, a full disk or a kill at any instant leaves the old content or the new.

A temporary file in the target's own folder, 0600 from its first byte, is written, flushed to the disk and renamed over
the target, then the folder is flushed (CONTRACT.md, Files). Links are followed: the target is replaced, never the link.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import secrets
import stat
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from ocarina_kit.edges.disk.file_errors import FileFault, from_os, of

_STALE_AFTER = 600.0
"""Seconds. A live write holds its temporary file for less: the longest, a refresh, ends within about a minute."""

_F_FULLFSYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)
"""macOS: fsync(2) leaves the data in the drive's cache there."""


def _sync(descriptor: int) -> None:
    if _F_FULLFSYNC is not None:
        try:
            fcntl.fcntl(descriptor, _F_FULLFSYNC)
        except OSError:  # not every file system has it
            os.fsync(descriptor)
    else:
        os.fsync(descriptor)


@dataclass(frozen=True)
class Syscalls:
    """The system calls of a write, so that a test can let any one of them fail."""

    open: Callable[[Path, int, int], int] = os.open
    write: Callable[[int, memoryview], int] = os.write
    sync: Callable[[int], None] = _sync
    close: Callable[[int], None] = os.close
    replace: Callable[[Path, Path], None] = os.replace


REAL = Syscalls()


def write_private(path: Path, data: bytes, *, calls: Syscalls = REAL) -> None:
    """Put ``data`` at ``path``, 0600 whatever it was before. Whole or not at all, at every instant.

    Through a symbolic link to its target; where that does not exist yet, it is made if its folder exists.
    Raises :class:`FileError`; the file is then as it was, and no temporary file is left.
    """
    with prove_writable(path, len(data), calls=calls, content=data) as held:
        held.commit(data)


def prove_writable(path: Path, size: int, *, calls: Syscalls = REAL, content: bytes | None = None) -> Held:
    """Show that ``size`` bytes can be written at ``path``, by writing them beside it, and hold that space.

    Before a refresh token is spent: what comes back is a hold whose :meth:`Held.commit` puts the new content in place,
    and whose :meth:`Held.discard` (or leaving its ``with`` block) gives the space back. ``content`` is what is written
    for now, where it is known already. Raises :class:`FileError`; nothing has changed then.
    """
    target = final_target(path)
    _refuse_what_is_no_file(target)
    temporary = target.parent / _temporary_name(target)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = calls.open(temporary, flags, 0o600)
    except OSError as problem:
        raise from_os(target, problem) from problem
    held = Held(target, temporary, descriptor, calls, brief=content is not None)
    try:
        os.fchmod(descriptor, 0o600)  # a umask can have taken the owner's own bits
        _refuse_foreign(target, os.fstat(descriptor).st_uid)
        _sweep(target, os.fstat(descriptor))
        # Random bytes: a file system that compresses would hold no space for zeros.
        held._fill(content if content is not None else os.urandom(size))
    except BaseException as problem:
        held.discard()
        if isinstance(problem, OSError):
            raise from_os(target, problem) from problem
        raise
    return held


class Held:
    """A place for a file's new content: space taken, permission shown. Made by :func:`prove_writable`."""

    def __init__(
        self, target: Path, temporary: Path, descriptor: int, calls: Syscalls, *, brief: bool
    ) -> None:
        self._target = target
        self._temporary = temporary
        self._descriptor: int | None = descriptor
        self._calls = calls
        self._content: bytes | None = None
        self._brief = brief

    def commit(self, data: bytes) -> None:
        """Put ``data`` in place, whole. Once only. Raises :class:`FileError`; the old content stands then."""
        if self._descriptor is None:
            raise ValueError("this hold was committed or discarded before")
        try:
            if data != self._content:
                self._fill(data)
            descriptor, self._descriptor = self._descriptor, None
            self._calls.close(descriptor)  # NFS reports a full disk or quota here at the latest
            self._calls.replace(self._temporary, self._target)
        except BaseException as problem:
            self._remove()
            swept = isinstance(problem, FileNotFoundError) and not self._brief
            if swept and self._target.parent.is_dir():
                # The hold outlived _STALE_AFTER (a laptop that slept) and another write swept it: write anew.
                write_private(self._target, data, calls=self._calls)
                return
            if isinstance(problem, OSError):
                raise from_os(self._target, problem) from problem
            raise
        _sync_folder(self._target.parent, self._calls)

    def discard(self) -> None:
        """Give the space back. Harmless after a commit and when called twice."""
        if self._descriptor is not None:
            self._remove()

    def __enter__(self) -> Held:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def _fill(self, data: bytes) -> None:
        assert self._descriptor is not None  # noqa: S101  # for mypy: the callers have looked
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        rest = memoryview(data)
        while rest:
            rest = rest[self._calls.write(self._descriptor, rest) :]
        os.ftruncate(self._descriptor, len(data))
        self._calls.sync(self._descriptor)
        self._content = data

    def _remove(self) -> None:
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            with contextlib.suppress(OSError):
                os.close(descriptor)
        # The failure that brought us here is the one to report.
        with contextlib.suppress(OSError):
            self._temporary.unlink(missing_ok=True)


def chmod_private(path: Path) -> None:
    """Make the file that ``path`` leads to 0600. Raises :class:`FileError`."""
    target = final_target(path)
    _refuse_what_is_no_file(target)
    try:
        if target.stat().st_uid != os.geteuid():
            raise of(FileFault.FOREIGN, target)
        target.chmod(0o600)
    except OSError as problem:
        raise from_os(target, problem) from problem


def final_target(path: Path) -> Path:
    """The absolute path that ``path`` leads to, every link followed; it need not exist. Raises :class:`FileError`."""
    try:
        target = Path(os.path.realpath(path))
        if target.is_symlink():  # realpath gives up on a circle, and leaves it as it is
            raise of(FileFault.LOOP, path)
    except OSError as problem:
        raise from_os(path, problem) from problem
    except ValueError as problem:
        raise of(FileFault.OTHER, Path(repr(str(path))), words=str(problem)) from problem
    return target


def _refuse_what_is_no_file(target: Path) -> None:
    try:
        seen = target.stat()
    except FileNotFoundError:
        return
    except OSError as problem:
        raise from_os(target, problem) from problem
    if stat.S_ISDIR(seen.st_mode):
        raise of(FileFault.FOLDER, target)
    if not stat.S_ISREG(seen.st_mode):
        raise of(FileFault.SPECIAL, target)


def _refuse_foreign(target: Path, our_uid: int) -> None:
    """``our_uid`` is what the file system calls us: a server may map every user to one (NFS, all_squash)."""
    try:
        owner = target.stat().st_uid
    except FileNotFoundError:
        return
    if owner not in (our_uid, os.geteuid()):
        raise of(FileFault.FOREIGN, target)
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except PermissionError as problem:
        # EACCES is our own file's mode, and no bar to a rename; EPERM is the mark "immutable" or "append only".
        if problem.errno == errno.EPERM:
            raise


def _prefix(target: Path) -> str:
    return f".ocarina-kit-{zlib.crc32(os.fsencode(target.name)):08x}-"


def _temporary_name(target: Path) -> str:
    """Short, so that it fits wherever the target's own name does."""
    return f"{_prefix(target)}{secrets.token_hex(8)}.tmp"


def _sweep(target: Path, fresh: os.stat_result) -> None:
    """Remove what killed runs left of writes of this file: ours by name and owner, old by the folder's own clock."""
    ours = re.compile(re.escape(_prefix(target)) + r"[0-9a-f]{16}\.tmp")
    try:
        with os.scandir(target.parent) as entries:
            for entry in entries:
                if ours.fullmatch(entry.name) is None:
                    continue
                seen = entry.stat(follow_symlinks=False)
                old = fresh.st_mtime - seen.st_mtime > _STALE_AFTER
                if old and stat.S_ISREG(seen.st_mode) and seen.st_uid == fresh.st_uid:
                    Path(entry.path).unlink(missing_ok=True)
    except OSError:
        pass  # a folder that cannot be listed can be written all the same


def _sync_folder(folder: Path, calls: Syscalls) -> None:
    """So that the rename outlives a power cut. The new content stands already, so nothing here is an error."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return  # a folder may be writable and not readable
    try:
        calls.sync(descriptor)
    except OSError:
        pass  # some file systems cannot flush a folder (EINVAL)
    finally:
        os.close(descriptor)
