"""What there is at a path."""

from __future__ import annotations

from enum import Enum


class FileKind(str, Enum):
    """What there is at a path, links followed."""

    FILE = "file"  # an ordinary one, that can be read
    MISSING = "missing"
    FOLDER = "folder"
    DANGLING = "dangling"  # a link to nothing, or in a circle
    SPECIAL = "special"  # a device, pipe or socket
    TOO_LARGE = "too large"
    UNREADABLE = "unreadable"
