"""Files: looking at them without waiting, and writing private ones so that a crash leaves the old or the new content.

A temporary file in the target's own folder, 0600 from its first byte, is written, flushed to the disk and renamed over
the target, then the folder is flushed (CONTRACT.md, Files). Links are followed: the target is replaced, never the link.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ocarina_kit.system.file_errors import from_os, refused
from ocarina_kit.system.folders import loose_folders
from ocarina_kit.system.machine import Machine

READ_CAP = 16 * 1024 * 1024
"""Bytes; a tokens file of 1,000 scopes takes about one million."""
_STALE_AFTER = 600.0
"""Seconds. A write that goes on uses its temporary file for less: the longest, a refresh, ends within a minute."""


class File(NamedTuple):
    """One look at a file, links followed. ``mode``: permission bits, None if unknown. ``kind``: file, missing, folder,
    dangling (a link to nothing, or in a circle), special (a device, pipe or socket: never opened, as that can wait for
    ever), too large, or unreadable. ``loose_folders`` let others put another file in its place, nearest first (CFG003).
    """

    path: Path
    kind: str
    content: bytes | None = None
    target: Path | None = None  # where ``path`` leads, if it is a symbolic link
    mode: int | None = None
    ours: bool | None = None
    links: int = 1  # hard links: a write would separate them
    loose_folders: tuple[Path, ...] = ()
    problem: str = ""

    @property
    def exists(self) -> bool:
        return self.kind not in ("missing", "dangling")

    @property
    def open_to_others(self) -> bool:
        """Others can read or write it: what the client warns of (FACTS.md), CFG003 and TOK003."""
        return self.mode is not None and bool(self.mode & 0o066)

    def __repr__(self) -> str:
        return f"File({self.path}, {self.kind})"


class Room(NamedTuple):
    """Whether files can be written in a folder (ENV008). None: unknown. A quota is not seen here."""

    path: Path
    exists: bool
    writable: bool = False
    free_bytes: int | None = None
    free_inodes: int | None = None
    problem: str = ""


def read_file(path: Path, cap: int = READ_CAP) -> File:
    """Look at ``path``, links followed, and read at most ``cap`` bytes of it. Never raises, and never waits."""
    me, target = os.geteuid(), None
    try:
        target = Path(os.path.realpath(path)) if path.is_symlink() else None
        seen = path.stat()
    except (OSError, ValueError) as problem:
        code = getattr(problem, "errno", None)
        kind = "missing" if code in (errno.ENOENT, errno.ENOTDIR) else "unreadable"
        if target is not None and code in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            kind = "dangling"
        return File(path, kind, target=target, problem=_words(problem))
    file = File(
        path,
        "folder" if stat.S_ISDIR(seen.st_mode) else "special",
        target=target,
        mode=stat.S_IMODE(seen.st_mode),
        ours=seen.st_uid == me,
        links=seen.st_nlink,
        loose_folders=loose_folders(path, target, me),
    )
    return _with_content(file, cap) if stat.S_ISREG(seen.st_mode) else file


def _with_content(file: File, cap: int) -> File:
    try:
        # O_NONBLOCK: a pipe put there since the look before would wait for a writer.
        descriptor = os.open(file.path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as problem:
        gone = problem.errno == errno.ENOENT
        return file._replace(kind="missing" if gone else "unreadable", problem=_words(problem))
    content = bytearray()
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return file
        while len(content) <= cap and (part := os.read(descriptor, min(1 << 20, cap + 1 - len(content)))):
            content += part
    except OSError as problem:
        return file._replace(kind="unreadable", problem=_words(problem))
    finally:
        os.close(descriptor)
    if len(content) > cap:
        return file._replace(kind="too large", problem=f"more than {cap} bytes")
    return file._replace(kind="file", content=bytes(content))


def _words(problem: OSError | ValueError) -> str:
    return (problem.strerror if isinstance(problem, OSError) else None) or str(problem)


def read_settled(machine: Machine, path: Path, complete: Callable[[bytes], bool]) -> File:
    """As :func:`read_file`, but looks again, up to 6 times in 0.25 s, if ``complete`` says that the content is not.

    The client writes its tokens in place (FACTS.md): a reader may see half a file for a moment.
    """
    file = read_file(path)
    judged: bytes | None = None
    for _ in range(5):
        # What was judged is not judged again: for a large file that stays damaged that would take long.
        if file.content is None or (file.content != judged and complete(file.content)):
            break
        judged = file.content
        machine.sleep(0.05)
        file = read_file(path)
    return file


def room_in(folder: Path) -> Room:
    """Whether this user can put files into ``folder``, without trying it: a doctor only reads. Never raises."""
    try:
        if not folder.is_dir():
            return Room(folder, exists=False, problem="no such folder")
        writable = os.access(folder, os.W_OK | os.X_OK)
        space = os.statvfs(folder)
    except (OSError, ValueError) as problem:
        return Room(folder, exists=True, problem=_words(problem))
    if space.f_flag & os.ST_RDONLY:
        return Room(folder, exists=True, problem="mounted read-only")
    # Some file systems (btrfs, some NFS servers) count no inodes and report 0 of 0.
    inodes = space.f_favail if space.f_files else None
    return Room(folder, True, writable, space.f_bavail * space.f_frsize, inodes)


def make_private_folder(folder: Path) -> Path:
    """Make ``folder`` and what is missing above it, each 0700 (XDG base directory specification).

    One that exists and is ours is closed to others. Raises KitError, also if it is another user's: its owner could put
    files of theirs into it, and take ours away.
    """
    try:
        missing = [folder]
        while not missing[-1].exists() and missing[-1].parent != missing[-1]:
            missing.append(missing[-1].parent)
        for each in reversed(missing):
            each.mkdir(mode=0o700, exist_ok=True)
        seen = folder.stat()
        if seen.st_uid == os.geteuid() and seen.st_mode & 0o077:
            folder.chmod(0o700)
        if not is_ours(folder):
            raise refused("foreign folder", folder)
    except FileExistsError as problem:  # a file is in a folder's place
        raise refused("not a folder", folder / "x") from problem
    except OSError as problem:
        raise from_os(folder, problem) from problem
    return folder


def is_ours(folder: Path) -> bool:
    """Whether ``folder`` belongs to us, or to root; by what its file system calls us, where a server maps every user to
    one (NFS, all_squash). Raises OSError."""
    owner = folder.stat().st_uid
    if owner in (os.geteuid(), 0):
        return True
    import tempfile

    with tempfile.TemporaryFile(dir=folder) as trial:
        return os.fstat(trial.fileno()).st_uid == owner


def final_target(path: Path) -> Path:
    """The absolute path that ``path`` leads to, every link followed; it need not exist. Raises KitError."""
    try:
        target = Path(os.path.realpath(path))
        if target.is_symlink():  # realpath gives up on a circle, and leaves it as it is
            raise refused("circle", path)
    except OSError as problem:  # also: a relative path in a working folder that was deleted
        raise from_os(path, problem) from problem
    except ValueError as problem:
        raise refused("other", Path(repr(str(path))), str(problem)) from problem
    return target


def write_private(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path``, 0600 whatever it was before; complete or not at all, at every instant.

    Through a symbolic link to its target; one that does not exist yet is made if its folder exists. Raises KitError;
    the file is then as it was, and no temporary file is left.
    """
    _reserve(path, data).commit(data)


def prove_space(path: Path, size: int) -> Reserved:
    """Show that ``size`` bytes can be written at ``path``, by writing them beside it, and keep that space.

    Before a refresh token is spent. Raises KitError; nothing has changed then. To be committed or discarded.
    """
    return _reserve(path, os.urandom(size))  # a file system that compresses would reserve no space for zeros


class Reserved:
    """A place for a file's new content: space taken, permission shown. Made by :func:`prove_space`."""

    def __init__(self, target: Path, temporary: Path, descriptor: int) -> None:
        self._target = target
        self._temporary = temporary
        self._descriptor = descriptor
        self._open = True
        self._content: bytes | None = None

    def fill(self, data: bytes) -> None:
        """Write ``data`` to the temporary file and flush it. Raises OSError."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        os.ftruncate(self._descriptor, len(data))
        os.fsync(self._descriptor)
        self._content = data

    def commit(self, data: bytes) -> None:
        """Put ``data`` in place. Once only. Raises KitError; the old content is in place then."""
        try:
            if data != self._content:
                self.fill(data)
            self._open = False
            os.close(self._descriptor)  # NFS reports a full disk or quota here at the latest
            if self._temporary.exists():
                self._temporary.replace(self._target)
            else:  # it waited longer than _STALE_AFTER (a laptop that slept) and another write swept it
                _reserve(self._target, data).commit(data)
        except BaseException as problem:
            self.discard()
            if isinstance(problem, OSError):
                raise from_os(self._target, problem) from problem
            raise
        _sync_folder(self._target.parent)

    def discard(self) -> None:
        """Give the space back. Harmless after a commit and when called twice."""
        with contextlib.suppress(OSError):  # the failure that led here is the one to report
            if self._open:
                self._open = False
                os.close(self._descriptor)
        with contextlib.suppress(OSError):
            self._temporary.unlink(missing_ok=True)


def _reserve(path: Path, content: bytes) -> Reserved:
    target = final_target(path)
    temporary = target.parent / f"{_prefix(target)}{os.urandom(8).hex()}.tmp"
    try:
        _refuse_other_kinds(target)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, 0o600)
    except OSError as problem:
        raise from_os(target, problem) from problem
    reserved = Reserved(target, temporary, descriptor)
    try:
        os.fchmod(descriptor, 0o600)  # a umask can have taken the owner's own bits
        fresh = os.fstat(descriptor)
        _refuse_foreign(target, fresh.st_uid)
        _sweep(target, fresh)
        reserved.fill(content)
    except BaseException as problem:
        reserved.discard()
        if isinstance(problem, OSError):
            raise from_os(target, problem) from problem
        raise
    return reserved


def _refuse_other_kinds(target: Path) -> None:
    if target.is_dir():
        raise refused("folder", target)
    if target.exists() and not target.is_file():
        raise refused("special", target)


def _refuse_foreign(target: Path, our_uid: int) -> None:
    """``our_uid`` is what the file system calls us: a server may map every user to one (NFS, all_squash)."""
    if not target.exists():
        return
    if target.stat().st_uid not in (our_uid, os.geteuid()):
        raise refused("foreign", target)
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except PermissionError as problem:
        # EACCES is our own file's mode, and no bar to a rename; EPERM is the mark "immutable" or "append only".
        if problem.errno == errno.EPERM:
            raise


def _prefix(target: Path) -> str:
    """Short, so that it fits wherever the target's own name does."""
    import zlib

    return f".ocarina-kit-{zlib.crc32(os.fsencode(target.name)):08x}-"


def _sweep(target: Path, fresh: os.stat_result) -> None:
    """Remove what killed runs left of writes of this file: ours by name and owner, old by the folder's own clock."""
    ours = re.compile(re.escape(_prefix(target)) + r"[0-9a-f]{16}\.tmp")
    with contextlib.suppress(OSError):
        for entry in target.parent.iterdir():
            if ours.fullmatch(entry.name) is None:
                continue
            seen = entry.lstat()
            if seen.st_uid == fresh.st_uid and fresh.st_mtime - seen.st_mtime > _STALE_AFTER:
                entry.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """So that the rename outlives a power cut. The new content is in place already, so nothing here is an error."""
    with contextlib.suppress(OSError):  # it may not be readable, and some file systems cannot flush a folder
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def chmod_private(path: Path) -> None:
    """Make the file that ``path`` leads to 0600. Raises KitError."""
    target = final_target(path)
    try:
        _refuse_other_kinds(target)
        _refuse_foreign(target, os.geteuid())
        target.chmod(0o600)
    except OSError as problem:
        raise from_os(target, problem) from problem


def remove(path: Path) -> None:
    """Delete the file that ``path`` leads to, if it exists. Raises KitError."""
    target = final_target(path)
    try:
        target.unlink(missing_ok=True)
    except OSError as problem:
        raise from_os(target, problem) from problem
