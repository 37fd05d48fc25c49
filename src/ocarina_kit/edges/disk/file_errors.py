"""What the system says of a file that cannot be written, as errors for people."""

from __future__ import annotations

import errno
import os
import shlex
from enum import Enum
from pathlib import Path

from ocarina_kit.core.errors import KitError, Remedy


class FileFault(Enum):
    """Why a file could not be written; the value is the error's id.

    Where ENV008 of CHECKS.md covers the case ("not writable, or no space or inodes left"), it is that id.
    """

    PERMISSION = "ENV008:permission"
    READ_ONLY = "ENV008:read-only"
    NO_SPACE = "ENV008:space"
    NO_INODES = "ENV008:inodes"
    QUOTA = "ENV008:quota"
    FOREIGN = "FIL001"
    FOLDER = "FIL002"
    SPECIAL = "FIL003"
    NO_FOLDER = "FIL004"
    NAME_TOO_LONG = "FIL005"
    LOOP = "FIL006"
    OTHER = "FIL007"

    @property
    def id(self) -> str:
        return self.value.partition(":")[0]


class FileError(KitError):
    """A file could not be written; it is as it was. ``fault`` says why, for code; the texts say it for people."""

    def __init__(self, what: str, *, fault: FileFault, path: Path, why: str, remedy: Remedy) -> None:
        super().__init__(what, id=fault.id, why=why, remedy=remedy)
        self.fault = fault
        self.path = path


_FAULTS = {
    errno.EACCES: FileFault.PERMISSION,
    errno.EPERM: FileFault.PERMISSION,
    errno.EROFS: FileFault.READ_ONLY,
    errno.ENOSPC: FileFault.NO_SPACE,
    errno.EDQUOT: FileFault.QUOTA,
    errno.EFBIG: FileFault.QUOTA,
    errno.EISDIR: FileFault.FOLDER,
    errno.ENOENT: FileFault.NO_FOLDER,
    errno.ENOTDIR: FileFault.NO_FOLDER,
    errno.ENAMETOOLONG: FileFault.NAME_TOO_LONG,
    errno.ELOOP: FileFault.LOOP,
}


def from_os(path: Path, problem: OSError) -> FileError:
    """The error for a failed write of ``path``. Looks at the folder to say what is short, or whose it is."""
    fault = _FAULTS.get(problem.errno or 0, FileFault.OTHER)
    if fault is FileFault.NO_SPACE and _no_inodes(path.parent):
        fault = FileFault.NO_INODES
    return of(fault, path, words=problem.strerror or str(problem))


def of(fault: FileFault, path: Path, *, words: str = "") -> FileError:
    """The error for a known fault. ``words`` are the system's own, where there are any."""
    why, remedy = _explain(fault, path, words)
    said = f" ({words})" if words else ""
    return FileError(
        f"Could not write {path}{said}. Nothing was changed.", fault=fault, path=path, why=why, remedy=remedy
    )


def foreign_folder(folder: Path) -> FileError:
    """The error for a folder of the kit's own that is another user's."""
    return FileError(
        f"The folder {folder} belongs to {_owner(folder)}. Nothing was changed.",
        fault=FileFault.FOREIGN,
        path=folder,
        why="Its owner could put files there in place of yours, a token among them.",
        remedy=Remedy(
            "Let XDG_STATE_HOME name a folder that is yours, or move this one away:",
            (f"mv {shlex.quote(str(folder))} {shlex.quote(str(folder))}.theirs",),
        ),
    )


def _explain(fault: FileFault, path: Path, words: str) -> tuple[str, Remedy]:
    folder = shlex.quote(str(path.parent))
    file = shlex.quote(str(path))
    if fault is FileFault.PERMISSION:
        return _permission(path)
    table: dict[FileFault, tuple[str, Remedy]] = {
        FileFault.READ_ONLY: (
            f"The file system of {path.parent} is mounted read-only.",
            Remedy(
                "Ask who runs this machine to mount it writable, or keep the file elsewhere; see how it is mounted:",
                (f"df {folder}",),
            ),
        ),
        FileFault.NO_SPACE: (
            f"The file system of {path.parent} is full.",
            Remedy("Delete something there, then run the command again:", (f"df -h {folder}",)),
        ),
        FileFault.NO_INODES: (
            f"The file system of {path.parent} can hold no more files: it has no inodes left.",
            Remedy("Delete files there, then run the command again:", (f"df -i {folder}",)),
        ),
        FileFault.QUOTA: (
            f"Your quota on the file system of {path.parent} is used up.",
            Remedy("Delete something there, then run the command again:", ("quota -s",)),
        ),
        FileFault.FOREIGN: (
            f"It belongs to {_owner(path)}. Writing it anew would make it yours and could lock them out.",
            Remedy(
                "Run the command as that user, or, where the file should be yours, make it so:",
                (f"sudo chown {os.geteuid()} {file}",),
            ),
        ),
        FileFault.FOLDER: (
            "A folder stands in its place.",
            Remedy("Move the folder away, or name another file:", (f"mv {file} {file}.old",)),
        ),
        FileFault.SPECIAL: (
            "A device, a pipe or a socket stands in its place.",
            Remedy("Name an ordinary file.", (f"ls -l {file}",)),
        ),
        FileFault.NO_FOLDER: (
            f"The folder {path.parent} does not exist.",
            Remedy("Make the folder, or name another file:", (f"mkdir -p {folder}",)),
        ),
        FileFault.NAME_TOO_LONG: (
            "Its name is longer than this file system allows.",
            Remedy("Name a file with a shorter name."),
        ),
        FileFault.LOOP: (
            "Its symbolic links lead in a circle.",
            Remedy("Remove the link, then run the command again:", (f"ls -l {file}",)),
        ),
        FileFault.OTHER: (
            f"The system refused: {words or 'no reason given'}.",
            Remedy("Run the command again; where that does not help, ask who runs this machine."),
        ),
    }
    return table[fault]


def _permission(path: Path) -> tuple[str, Remedy]:
    folder = path.parent
    quoted = shlex.quote(str(folder))
    try:
        seen = folder.stat()
    except OSError:
        return f"You may not look into {folder}.", Remedy("See who may:", (f"ls -ld {quoted}",))
    if seen.st_uid != os.geteuid():
        return (
            f"You may not write in {folder}, which belongs to {_owner(folder)}.",
            Remedy("Ask them for the right to write there, or name a file in a folder of yours."),
        )
    if seen.st_mode & 0o300 != 0o300:
        return (
            f"The folder {folder} is yours, but its mode forbids writing.",
            Remedy("Allow it:", (f"chmod u+wx {quoted}",)),
        )
    return (
        "The system does not allow it; the file or its folder may be marked immutable.",
        Remedy("See its attributes:", (f"lsattr -d {quoted} {shlex.quote(str(path))}",)),
    )


def _owner(path: Path) -> str:
    import pwd

    try:
        uid = path.stat().st_uid
    except OSError:
        return "another user"
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"the user with uid {uid}"


def _no_inodes(folder: Path) -> bool:
    try:
        seen = os.statvfs(folder)
    except OSError:
        return False
    return seen.f_files > 0 and seen.f_favail == 0
