"""What the system says of a file that cannot be written, as errors for people."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from ocarina_kit.system.errors import KitError, Remedy

# Fault: id (that of CHECKS.md where ENV008 covers it), why, what to do, command.
_FAULTS = {
    "read-only": ("ENV008", "The file system of {folder} is mounted read-only.", "See how:", "df {folder}"),
    "space": ("ENV008", "The file system of {folder} is full.", "Delete something there:", "df -h {folder}"),
    "inodes": (
        "ENV008",
        "The file system of {folder} has no inodes left.",
        "Delete files:",
        "df -i {folder}",
    ),
    "quota": ("ENV008", "Your quota on the file system of {folder} is used up.", "Delete files:", "quota -s"),
    "not yours": ("ENV008", "{folder} belongs to another user.", "Name a file in a folder of yours.", ""),
    "mode": ("ENV008", "The mode of {folder} forbids writing.", "Allow it:", "chmod u+wx {folder}"),
    "immutable": ("ENV008", "It may be marked immutable.", "See:", "lsattr -d {folder} {path}"),
    "foreign": ("FIL001", "It belongs to {owner}.", "If it should be yours:", "sudo chown {uid} {path}"),
    "foreign folder": ("FIL001", "It belongs to {owner}.", "Move it away:", "mv {path} {path}.theirs"),
    "folder": ("FIL002", "A folder is in its place.", "Move it away:", "mv {path} {path}.old"),
    "special": ("FIL003", "It is a device, a pipe or a socket.", "Name an ordinary file.", "ls -l {path}"),
    "no folder": ("FIL004", "The folder {folder} does not exist.", "Make it:", "mkdir -p {folder}"),
    "not a folder": ("FIL004", "{folder} is not a folder.", "Move it away:", "mv {folder} {folder}.old"),
    "name": ("FIL005", "Its name is longer than the file system allows.", "Use a shorter name.", ""),
    "circle": ("FIL006", "Its symbolic links lead in a circle.", "Remove the link:", "ls -l {path}"),
    "other": ("FIL007", "The system refused: {words}.", "Ask who runs this machine.", ""),
}
_CODES = {
    **{errno.EROFS: "read-only", errno.ENOSPC: "space", errno.EDQUOT: "quota", errno.EFBIG: "quota"},
    **{errno.EISDIR: "folder", errno.ENOENT: "no folder", errno.ENOTDIR: "not a folder"},
    **{errno.ENAMETOOLONG: "name", errno.ELOOP: "circle"},
}


def from_os(path: Path, problem: OSError) -> KitError:
    """The error for a failed write of ``path``. Looks at the folder to say what is short, or whose it is."""
    fault = _CODES.get(problem.errno or 0, "other")
    try:
        if problem.errno in (errno.EACCES, errno.EPERM):
            seen = path.parent.stat()
            yours = seen.st_uid == os.geteuid()
            fault = "not yours" if not yours else "immutable" if seen.st_mode & 0o300 == 0o300 else "mode"
        elif fault == "space":
            space = os.statvfs(path.parent)
            fault = "inodes" if space.f_files and not space.f_favail else "space"
    except OSError:
        fault = "not yours" if fault == "other" else fault
    return refused(fault, path, problem.strerror or str(problem))


def refused(fault: str, path: Path, words: str = "") -> KitError:
    """The error for a known fault. ``words`` are the system's own, if there are any."""
    import shlex

    id, why, remedy, command = _FAULTS[fault]
    facts = {"owner": _owner(path), "uid": os.geteuid(), "words": words or "it gave no reason"}
    quoted = {"path": shlex.quote(str(path)), "folder": shlex.quote(str(path.parent))}
    return KitError(
        f"Could not write {path}{f' ({words})' if words else ''}. Nothing was changed.",
        id=id,
        why=why.format(path=path, folder=path.parent, **facts),
        remedy=Remedy(remedy, (command.format(**quoted, **facts),) if command else ()),
    )


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except OSError:
        return "another user"
    except KeyError:
        return f"the user with uid {path.stat().st_uid}"
