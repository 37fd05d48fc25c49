"""Overwritten at installation with the version asked for."""

from __future__ import annotations

__version__ = "1.0.0"


def at_least(*wanted: int) -> bool:
    """Whether this client is of that version or newer."""
    return tuple(int(part) for part in __version__.split(".")) >= wanted
