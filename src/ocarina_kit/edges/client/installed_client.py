"""The client that a person gets who types ``ocarina``: what a login asks of it."""

from __future__ import annotations

from dataclasses import dataclass

from ocarina_kit.core.client.resolution import Candidate
from ocarina_kit.core.client.scopes import ClientTable
from ocarina_kit.edges.client.find_client import find_client, read_scope_table
from ocarina_kit.edges.system import System

_SECONDS = 6.0
"""For each candidate, and for its table: a login is not to wait long for a program that hangs."""


@dataclass(frozen=True)
class InstalledClient:
    """``candidate`` is None where none works. ``table`` is its own table of scope strings, None where that cannot be
    read; ``program`` is what to type for it."""

    candidate: Candidate | None = None
    table: ClientTable | None = None
    program: str = "ocarina"

    @property
    def version(self) -> str | None:
        if self.candidate is None or self.candidate.version is None:
            return None
        return str(self.candidate.version)


def installed_client(system: System, *, seconds: float = _SECONDS) -> InstalledClient:
    """Find it, and read its table with its own interpreter. Never raises."""
    found = find_client(system, stop_at_first=True, timeout=seconds)
    typed = found.judged if found.judged is not None and found.judged.works else None
    candidate = typed or found.chosen
    if candidate is None:
        return InstalledClient()
    program = "ocarina" if found.shell is candidate else candidate.path
    return InstalledClient(candidate, read_scope_table(system, candidate, timeout=seconds), program)
