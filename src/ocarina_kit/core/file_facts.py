"""What was seen of a file or a folder: facts for the checks, gathered by edges/disk/files.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import PurePath


class FileKind(Enum):
    """What stands at a path, links followed."""

    FILE = "file"
    MISSING = "missing"
    FOLDER = "folder"
    DANGLING = "dangling link"
    """A symbolic link that leads nowhere, or in a circle."""
    SPECIAL = "special"
    """A device, a pipe or a socket: never opened for reading, as that can wait for ever."""
    TOO_LARGE = "too large"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class FileFacts:
    """One look at a file. ``content`` may hold secrets and is never part of a repr.

    ``mode`` (permission bits), ``owner`` (uid) and ``modified`` (epoch seconds) are those of the file that a link
    leads to; None where they could not be told. ``problem`` holds the system's words where it could not be read.
    """

    path: PurePath
    kind: FileKind
    content: bytes | None = field(default=None, repr=False)
    target: PurePath | None = None
    """Where ``path`` leads, where it is a symbolic link."""
    mode: int | None = None
    owner: int | None = None
    ours: bool | None = None
    """Whether it belongs to the user who looks."""
    modified: float | None = None
    size: int | None = None
    loose_folders: tuple[PurePath, ...] = ()
    """Folders on the way that let others put another file in its place, nearest first (CFG003)."""
    problem: str = ""

    @property
    def exists(self) -> bool:
        return self.kind not in (FileKind.MISSING, FileKind.DANGLING)

    @property
    def readable(self) -> bool:
        return self.kind is FileKind.FILE

    @property
    def open_to_others(self) -> bool:
        """Others can read or write it: what the client warns of (FACTS.md) and CFG003 and TOK003 fail on."""
        return self.mode is not None and bool(self.mode & 0o066)


@dataclass(frozen=True)
class FolderFacts:
    """Whether files can be written in a folder (ENV008). None: could not be told."""

    path: PurePath
    exists: bool
    writable: bool = False
    free_bytes: int | None = None
    """What this user may still take; a quota is not seen here."""
    free_inodes: int | None = None
    problem: str = ""
