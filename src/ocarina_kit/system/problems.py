"""Every problem of `system`: files that cannot be written or read, and locks."""

from __future__ import annotations

import os
from pathlib import Path
from shlex import quote
from typing import NamedTuple

from ocarina_kit.system.file_kind import FileKind
from ocarina_kit.system.problem import Problem, Remedy

# --- why a file cannot be written


class Obstacle(NamedTuple):
    """Why a file cannot be written, or no file in a folder."""

    id: str  # of the doctor's ENV008 if that check sees it too
    why: str
    """A template, in which `{folder}` is the folder: each caller shows it its way."""
    remedy: Remedy


def not_written(path: Path, obstacle: Obstacle, system_words: str = "") -> Problem:
    """Describe a file that could not be written."""
    said = f" ({system_words})" if system_words else ""
    return Problem(
        id=obstacle.id,
        message=f"Could not write {path}{said}. Nothing was changed.",
        why=obstacle.why.format(folder=path.parent),
        remedy=obstacle.remedy,
    )


def read_only_file_system(folder: Path) -> Obstacle:
    """Say that the file system is mounted read-only."""
    return _of_folder(
        "The file system of {folder} is mounted read-only.",
        Remedy("See how:", (f"df {_quoted(folder)}",)),
    )


def full_file_system(folder: Path) -> Obstacle:
    """Say that there is no space left."""
    return _of_folder(
        "The file system of {folder} is full.",
        Remedy("Delete something:", (f"df -h {_quoted(folder)}",)),
    )


def no_inodes(folder: Path) -> Obstacle:
    """Say that the file system can hold no more files, whatever their size."""
    return _of_folder(
        "No inodes are left in {folder}.",
        Remedy("Delete files:", (f"df -i {_quoted(folder)}",)),
    )


def quota_used_up() -> Obstacle:
    """Say that this user has no space left."""
    return _of_folder(
        "Your quota in {folder} is used up.",
        Remedy("Delete something:", ("quota -s",)),
    )


def folder_of_another_user(folder: Path) -> Obstacle:
    """Say that the folder belongs to another user, who lets nobody else write there."""
    return _of_folder(
        "{folder} belongs to another user.",
        Remedy("Use a folder of yours:", (f"ls -ld {_quoted(folder)}",)),
    )


def write_protected_folder(folder: Path) -> Obstacle:
    """Say that the mode of this user's own folder forbids writing."""
    return _of_folder(
        "The mode of {folder} forbids writing.",
        Remedy("Allow it:", (f"chmod u+wx {_quoted(folder)}",)),
    )


def maybe_immutable(path: Path) -> Obstacle:
    """Say that writing is refused, with owner and mode as they should be."""
    command = f"lsattr -d {_quoted(path.parent)} {_quoted(path)}"
    return _of_folder("It may be marked immutable.", Remedy("See:", (command,)))


def _of_folder(why: str, remedy: Remedy) -> Obstacle:
    return Obstacle("ENV008", why, remedy)


def file_of_another_user(path: Path) -> Obstacle:
    """Say that the file belongs to another user."""
    remedy = Remedy("If it should be yours:", (_take_over(path),))
    return Obstacle("FIL001", "It belongs to another user.", remedy)


def something_in_the_way(path: Path) -> Obstacle:
    """Say that a folder, or whatever else, is where the file should be."""
    remedy = Remedy("Move it away:", (_move_away(path),))
    return Obstacle("FIL002", "Something else is in its place.", remedy)


def special_file(path: Path) -> Obstacle:
    """Say that the path leads to something that holds no data."""
    remedy = Remedy("Name an ordinary file.", (f"ls -l {_quoted(path)}",))
    return Obstacle("FIL003", "It is a device, a pipe or a socket.", remedy)


def no_such_folder(folder: Path) -> Obstacle:
    """Say that the folder of the file does not exist."""
    remedy = Remedy("Make it:", (f"mkdir -p {_quoted(folder)}",))
    return Obstacle("FIL004", "The folder {folder} does not exist.", remedy)


def not_a_folder(folder: Path) -> Obstacle:
    """Say that the folder of the file is something else."""
    remedy = Remedy("Name another folder. See:", (f"ls -ld {_quoted(folder)}",))
    return Obstacle("FIL004", "{folder} is not a folder.", remedy)


def name_too_long() -> Obstacle:
    """Say that the file system accepts no name of this length."""
    return Obstacle("FIL005", "Its name is too long.", Remedy("Use a shorter name."))


def circle_of_links(path: Path) -> Obstacle:
    """Say that the links of the path lead to no file."""
    remedy = Remedy("Remove the link:", (f"ls -l {_quoted(path)}",))
    return Obstacle("FIL006", "Its symbolic links lead in a circle.", remedy)


def refused_by_system() -> Obstacle:
    """Say that the system refused, for a reason that the kit does not know."""
    remedy = Remedy("Ask who runs this machine.")
    return Obstacle("FIL007", "The system refused it.", remedy)


def mounted_file(path: Path) -> Obstacle:
    """Say that the file is mounted by itself, so that it cannot be replaced."""
    remedy = Remedy(
        "Mount its folder in its place. See:", (f"findmnt {_quoted(path)}",)
    )
    return Obstacle("FIL008", "It is a mount of its own.", remedy)


def changed_meanwhile(path: Path) -> Problem:
    """Describe a file that another program changed after a change was planned."""
    return Problem(
        id="FIX001",
        message=f"{path} was changed by another program in the meantime."
        " It was left alone.",
        why="The change was made for the content before, and could undo the other one.",
        remedy=Remedy("Run the command again."),
    )


# --- why a file cannot be read


def no_file(
    kind: FileKind, path: Path, *, is_foreign: bool
) -> tuple[str, tuple[str, ...]]:
    """Say why there is no file to read.

    Args:
        kind: What there is in its place.
        path: Where the file should be.
        is_foreign: Whether what is there belongs to another user.

    Returns:
        Words that follow the path, and the command that clears the way, if any does.
    """
    match kind:
        case FileKind.MISSING:
            return "does not exist", ()
        case FileKind.FOLDER:
            return "is a folder; it should be a file", (_move_away(path),)
        case FileKind.DANGLING:
            return "is a link to nothing", (f"rm {_quoted(path)}",)
        case FileKind.SPECIAL:
            return "is a device, a pipe or a socket", (_move_away(path),)
        case FileKind.TOO_LARGE:
            return "is far too large", (_move_away(path),)
        case FileKind.UNREADABLE:
            allow = _take_over(path) if is_foreign else f"chmod 600 {_quoted(path)}"
            return "cannot be read", (allow,)
        case FileKind.FILE:
            raise ValueError(f"{path} can be read")


# --- locks


def no_locks(location: Path, error: OSError) -> Problem:
    """Describe a file system that cannot lock."""
    return Problem(
        id="LCK001",
        message=f"This file system cannot lock {location} ({error})."
        " Nothing was changed, and no token was spent.",
        why="Without a lock, two processes or hosts could spend the same refresh token"
        " and lose the login.",
        remedy=Remedy(
            "Keep the file on a file system that locks: for tokens, set"
            " MAJORA_TOKENS_FILE in the configuration. Or ask who runs this machine to"
            " enable locks there (NFS: its lock service; Lustre: mount option flock).",
            (f"df -T {_quoted(location.parent)}",),
        ),
    )


def lock_held(path: Path, location: Path, holder: str, seconds: float) -> Problem:
    """Describe a file that another process has locked for too long.

    Args:
        path: The file.
        location: Its lock file.
        holder: Who has the lock, as the lock file says.
        seconds: How long this process has waited.
    """
    return Problem(
        id="LCK002",
        message=f"{path} is in use: {holder} has held its lock for {seconds:g} seconds."
        " Nothing was changed.",
        why="Only one process at a time may change the file, also on another host that"
        " shares it.",
        remedy=Remedy(
            "Run the command again in a minute. If it still fails, end the process that"
            " holds the lock. Do not delete the lock file: the lock ends with its"
            " holder.",
            (f"fuser -v {_quoted(location)}",),
        ),
    )


# --- commands


def _quoted(path: Path) -> str:
    return quote(str(path))


def _move_away(path: Path) -> str:
    return f"mv {_quoted(path)} {_quoted(path)}.old"


def _take_over(path: Path) -> str:
    return f"sudo chown {os.geteuid()} {_quoted(path)}"
