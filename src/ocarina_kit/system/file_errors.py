"""Why a file cannot be written, in words: what the system said, and what is seen in its folder."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import NoReturn

from ocarina_kit.system.problem import KitError, Problem, Remedy

# Fault: id (that of CHECKS.md if ENV008 covers it), why, what to do, command.
_FAULTS = {
    "read-only": (
        "ENV008",
        "The file system of {folder} is mounted read-only.",
        "See how:",
        "df {folder}",
    ),
    "space": (
        "ENV008",
        "The file system of {folder} is full.",
        "Delete something:",
        "df -h {folder}",
    ),
    "inodes": (
        "ENV008",
        "No inodes are left in {folder}.",
        "Delete files:",
        "df -i {folder}",
    ),
    "quota": (
        "ENV008",
        "Your quota in {folder} is used up.",
        "Delete something:",
        "quota -s",
    ),
    "not yours": (
        "ENV008",
        "{folder} belongs to another user.",
        "Use a folder of yours:",
        "ls -ld {folder}",
    ),
    "mode": (
        "ENV008",
        "The mode of {folder} forbids writing.",
        "Allow it:",
        "chmod u+wx {folder}",
    ),
    "immutable": (
        "ENV008",
        "It may be marked immutable.",
        "See:",
        "lsattr -d {folder} {path}",
    ),
    "foreign": (
        "FIL001",
        "It belongs to another user.",
        "If it should be yours:",
        "sudo chown {uid} {path}",
    ),
    "in the way": (
        "FIL002",
        "Something else is in its place.",
        "Move it away:",
        "mv {path} {path}.old",
    ),
    "special": (
        "FIL003",
        "It is a device, a pipe or a socket.",
        "Name an ordinary file.",
        "ls -l {path}",
    ),
    "no folder": (
        "FIL004",
        "The folder {folder} does not exist.",
        "Make it:",
        "mkdir -p {folder}",
    ),
    "not a folder": (
        "FIL004",
        "{folder} is not a folder.",
        "Name another folder. See:",
        "ls -ld {folder}",
    ),
    "name": ("FIL005", "Its name is too long.", "Use a shorter name.", ""),
    "circle": (
        "FIL006",
        "Its symbolic links lead in a circle.",
        "Remove the link:",
        "ls -l {path}",
    ),
    "mounted": (
        "FIL008",
        "It is a mount of its own.",
        "Mount its folder in its place. See:",
        "findmnt {path}",
    ),
    "other": ("FIL007", "The system refused it.", "Ask who runs this machine.", ""),
}
_CODES = {
    **{
        errno.EROFS: "read-only",
        errno.ENOSPC: "space",
        errno.EDQUOT: "quota",
        errno.EFBIG: "quota",
    },
    **{errno.EACCES: "immutable", errno.EPERM: "immutable", errno.ENAMETOOLONG: "name"},
    **{
        errno.EISDIR: "in the way",
        errno.EEXIST: "in the way",
        errno.ENOENT: "no folder",
    },
    **{errno.ENOTDIR: "not a folder", errno.ELOOP: "circle", errno.ENXIO: "special"},
}
_LEAST = 1 << 20
"""Bytes of free space; a tokens file of a thousand scopes takes as many."""


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Within the block, what the system says of ``path`` as it is written becomes a KitError."""
    try:
        yield
    except (OSError, ValueError) as problem:  # ValueError: NUL in a name
        code = getattr(problem, "errno", 0)
        # Only these have more causes than one.
        seen = ""
        if code in (errno.EACCES, errno.EPERM, errno.ENOSPC):
            seen = _seen_in(path.parent) or ("foreign" if _is_foreign(path) else "")
        refuse(seen or _CODES.get(code, "other"), path, words_of(problem))


def refuse(fault: str, path: Path, words: str = "") -> NoReturn:
    """Raise the KitError for a known fault. ``words`` are the system's own."""
    id, why, text, command = _FAULTS[fault]
    quoted = {
        "path": quote(str(path)),
        "folder": quote(str(path.parent)),
        "uid": os.geteuid(),
    }
    raise KitError(
        Problem(
            message=f"Could not write {path}{f' ({words})' if words else ''}. Nothing was changed.",
            id=id,
            why=why.format(folder=path.parent),
            remedy=Remedy(text, (command.format(**quoted),) if command else ()),
        )
    )


def fault_in(folder: Path) -> tuple[str, Remedy] | None:
    """Why no file can be put into ``folder`` (a template with ``{folder}``), and what to do (ENV008); None if one can.

    Found without trying, as a doctor only reads: a quota is not seen. Never raises.
    """
    if not (fault := _seen_in(folder)):
        return None
    _, why, text, command = _FAULTS[fault]
    return why, Remedy(text, (command.format(folder=quote(str(folder))),))


def _seen_in(folder: Path) -> str:
    """The first fault of a folder; "" if none is seen."""
    try:
        if not folder.is_dir():
            return "not a folder"
        space, owner = os.statvfs(folder), folder.stat().st_uid
    except (OSError, ValueError):
        return "not yours"
    faults = {
        "read-only": space.f_flag & os.ST_RDONLY,
        "not yours" if owner != os.geteuid() else "mode": not os.access(
            folder, os.W_OK | os.X_OK
        ),
        "space": space.f_bavail * space.f_frsize < _LEAST,
        # Some file systems (btrfs, some NFS servers) count no inodes and report 0 of 0.
        "inodes": space.f_files and space.f_favail < 8,
    }
    return next((fault for fault, found in faults.items() if found), "")


def _is_foreign(path: Path) -> bool:
    """Whether a file of another user is there: one that ``sudo ocarina-kit`` has left, for example. Never raises."""
    with contextlib.suppress(OSError, ValueError):
        return path.stat().st_uid != os.geteuid()
    return False


def words_of(problem: OSError | ValueError) -> str:
    """What the system said."""
    return getattr(problem, "strerror", None) or str(problem)


_NO_FILE = {
    "missing": ("does not exist", ""),
    "folder": ("is a folder; it should be a file", "mv {path} {path}.old"),
    "dangling": ("is a link to nothing", "rm {path}"),
    "special": ("is a device, a pipe or a socket", "mv {path} {path}.old"),
    "too large": ("is far too large", "mv {path} {path}.old"),
    "unreadable": ("cannot be read", "chmod 600 {path}"),
}


def no_file(kind: str, path: Path) -> tuple[str, tuple[str, ...]]:
    """Why there is no file to read at ``path`` (``kind``: `File.kind`), in words that follow its name; and the command
    that clears the way, if one does."""
    said, command = _NO_FILE[kind]
    if kind == "unreadable" and _is_foreign(path):
        command = f"sudo chown {os.geteuid()} {{path}}"
    return said, (command.replace("{path}", quote(str(path))),) if command else ()
