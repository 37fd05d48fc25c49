"""Looking at files: what stands at a path, read once and never waited for. Writing is in edges/disk/writes.py."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from ocarina_kit.core.file_facts import FileFacts, FileKind, FolderFacts
from ocarina_kit.edges.disk.writes import (
    Held,
    Syscalls,
    chmod_private,
    final_target,
    prove_writable,
    write_private,
)
from ocarina_kit.edges.system import Clock

__all__ = [
    "READ_CAP",
    "FileFacts",
    "FileKind",
    "FolderFacts",
    "Held",
    "Syscalls",
    "chmod_private",
    "final_target",
    "folder_facts",
    "is_ours",
    "make_private_folder",
    "prove_writable",
    "read_file",
    "read_settled",
    "write_private",
]

READ_CAP = 16 * 1024 * 1024
"""Bytes; a tokens file of 1,000 scopes takes about one million."""


def read_file(path: Path, *, cap: int = READ_CAP, uid: int | None = None) -> FileFacts:
    """Look at ``path``, links followed, and read at most ``cap`` bytes of it. Never raises.

    ``uid`` is whose file it should be: the user who runs this, unless it is given.
    """
    me = os.geteuid() if uid is None else uid
    try:
        target = Path(os.path.realpath(path)) if path.is_symlink() else None
    except (OSError, ValueError):
        target = None
    try:
        seen = path.stat()
    except (OSError, ValueError) as problem:
        return _unseen(path, target, problem)
    kind = _kind(seen.st_mode)
    content, why = None, ""
    if kind is FileKind.FILE:
        content, kind, why = _read(path, cap)
    return FileFacts(
        path=path,
        kind=kind,
        content=content,
        target=target,
        mode=stat.S_IMODE(seen.st_mode),
        owner=seen.st_uid,
        ours=seen.st_uid == me,
        modified=seen.st_mtime,
        size=seen.st_size,
        loose_folders=tuple(_loose_folders(path, target, me)),
        problem=why,
    )


def read_settled(
    path: Path, whole: Callable[[bytes], bool], *, clock: Clock, tries: int = 6, pause: float = 0.05
) -> FileFacts:
    """Like :func:`read_file`, but looks again, up to ``tries`` times, where ``whole`` says that the content is not.

    The client writes its tokens in place (FACTS.md): a reader may see half a file for a moment. ``pause`` is seconds.
    """
    facts = read_file(path)
    judged: bytes | None = None
    for _ in range(tries - 1):
        # What was judged is not judged again: a large file that stays damaged would cost that many times as much.
        if facts.content is None or (facts.content != judged and whole(facts.content)):
            break
        judged = facts.content
        clock.sleep(pause)
        facts = read_file(path)
    return facts


def folder_facts(folder: Path) -> FolderFacts:
    """Whether this user can put files into ``folder``, without trying it: a doctor only reads. Never raises."""
    try:
        if not folder.is_dir():
            return FolderFacts(folder, exists=False, problem="no such folder")
        writable = os.access(folder, os.W_OK | os.X_OK)
        space = os.statvfs(folder)
    except (OSError, ValueError) as problem:
        return FolderFacts(folder, exists=True, problem=_words(problem))
    if space.f_flag & os.ST_RDONLY:
        return FolderFacts(folder, exists=True, writable=False, problem="mounted read-only")
    return FolderFacts(
        folder,
        exists=True,
        writable=writable,
        free_bytes=space.f_bavail * space.f_frsize,
        # Some file systems (btrfs, some NFS servers) count no inodes and report 0 of 0.
        free_inodes=space.f_favail if space.f_files else None,
    )


def make_private_folder(folder: Path) -> Path:
    """Make ``folder`` and what is missing above it, each 0700 (XDG base directory specification).

    One that exists and is ours is closed to others; another user's is refused: its owner could put files of theirs
    into it, and take ours away. Raises :class:`~ocarina_kit.edges.disk.file_errors.FileError`.
    """
    from ocarina_kit.edges.disk.file_errors import foreign_folder, from_os

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
            raise foreign_folder(folder)
    except FileExistsError as problem:  # a file stands where a folder should
        raise from_os(folder / "x", NotADirectoryError(errno.ENOTDIR, "Not a directory")) from problem
    except OSError as problem:
        raise from_os(folder, problem) from problem
    return folder


def is_ours(folder: Path) -> bool:
    """Whether ``folder`` belongs to us, or to root; by what its file system calls us, where a server maps every user to
    one (NFS, all_squash). Raises OSError."""
    import tempfile

    owner = folder.stat().st_uid
    if owner in (os.geteuid(), 0):
        return True
    with tempfile.TemporaryFile(dir=folder) as trial:
        return os.fstat(trial.fileno()).st_uid == owner


def _kind(mode: int) -> FileKind:
    if stat.S_ISREG(mode):
        return FileKind.FILE
    return FileKind.FOLDER if stat.S_ISDIR(mode) else FileKind.SPECIAL


def _unseen(path: Path, target: Path | None, problem: OSError | ValueError) -> FileFacts:
    code = problem.errno if isinstance(problem, OSError) else None
    if target is not None and code in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
        return FileFacts(path, FileKind.DANGLING, target=target, problem=_words(problem))
    if code in (errno.ENOENT, errno.ENOTDIR):
        return FileFacts(path, FileKind.MISSING, problem=_words(problem))
    return FileFacts(path, FileKind.UNREADABLE, target=target, problem=_words(problem))


def _read(path: Path, cap: int) -> tuple[bytes | None, FileKind, str]:
    try:
        # O_NONBLOCK: a pipe put there since the look above would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as problem:
        if problem.errno == errno.ENOENT:
            return None, FileKind.MISSING, _words(problem)
        return None, FileKind.UNREADABLE, _words(problem)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None, FileKind.SPECIAL, ""
        parts, held = [], 0
        while held <= cap and (part := os.read(descriptor, min(1 << 20, cap + 1 - held))):
            parts.append(part)
            held += len(part)
    except OSError as problem:
        return None, FileKind.UNREADABLE, _words(problem)
    finally:
        os.close(descriptor)
    if held > cap:
        return None, FileKind.TOO_LARGE, f"more than {cap} bytes"
    return b"".join(parts), FileKind.FILE, ""


def _words(problem: OSError | ValueError) -> str:
    return (problem.strerror if isinstance(problem, OSError) else None) or str(problem)


def _loose_folders(path: Path, target: Path | None, me: int) -> Iterator[Path]:
    """The folders that let others replace the link or the file it leads to.

    The folder of each, where its mode lets its group or all others write, or where it is a third user's; and any folder
    above, where all others may write. Under the sticky bit only an entry's owner can replace it (chmod(1)).
    """
    seen: set[Path] = set()
    for entry in (path, target):
        if entry is None:
            continue
        try:
            folder = entry.absolute().parent.resolve()
        except (OSError, RuntimeError):
            continue
        child = folder / entry.name
        for above in (folder, *folder.parents):
            if above not in seen and _loose(above, child, me, nearest=above == folder):
                yield above
            seen.add(above)
            child = above


def _loose(folder: Path, child: Path, me: int, *, nearest: bool) -> bool:
    try:
        seen = folder.stat()
        if seen.st_mode & stat.S_ISVTX and child.lstat().st_uid in (me, 0):
            return nearest and seen.st_uid not in (me, 0)
    except OSError:
        return False
    if seen.st_mode & 0o002:
        return True
    if not nearest:
        return False
    return seen.st_uid not in (me, 0) or (bool(seen.st_mode & 0o020) and not _own_group(seen.st_gid, me))


def _own_group(gid: int, me: int) -> bool:
    """Whether a group is the user's private one, as many Linux systems give each user: nobody else is in it."""
    import grp
    import pwd

    try:
        user, group = pwd.getpwuid(me), grp.getgrgid(gid)
    except KeyError:
        return False
    return user.pw_gid == gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}
