"""Which ocarina-kit a crontab entry names: one that will still be there when nobody is logged in. Pure.

The facts come from ``edges/cron/kit_program.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from posixpath import normpath

# Folders that the tool which made them throws away: `uvx`, `pipx run`, a build of pip.
_THROWAWAY = (
    *("/.cache/uv/", "/Caches/uv/", "/uv/archive-v0/", "/uv/builds-v0/"),
    *("/.cache/pipx/", "/pipx/.cache/", "/pip-build-env-", "/pip-ephem-wheel-cache-"),
)
_SHIMS = "/shims/"


@dataclass(frozen=True)
class OwnProgram:
    """One way to start ocarina-kit: its program, and what goes before the subcommand. ``real_path`` is the program's,
    with its links followed. ``there`` says that it is a file that may be executed."""

    words: tuple[str, ...]
    real_path: str
    there: bool = True

    @property
    def thrown_away(self) -> bool:
        """Whether it stands where the tool that made it deletes it (``uvx``, ``pipx run``)."""
        return any(part in path for part in _THROWAWAY for path in (self.words[0], self.real_path))

    @property
    def stands_on(self) -> bool:
        """Whether the same path means the same program tomorrow, in any folder and shell."""
        return self.there and not self.thrown_away and _SHIMS not in self.words[0]


def choose(programs: Sequence[OwnProgram]) -> OwnProgram | None:
    """The first that stands on; else the first that is there. None where there is none."""
    there = [program for program in programs if program.there]
    return next((program for program in there if program.stands_on), next(iter(there), None))


def in_temporary_folder(path: str, home: str, folders: Sequence[str]) -> bool:
    """Whether ``path`` lies in a folder that the system empties (``/tmp``), and is more short-lived than the home: in
    a throwaway home nothing lasts longer anyway."""

    def inside(what: str) -> bool:
        return any(normpath(what).startswith(normpath(folder) + "/") for folder in folders if folder)

    return inside(path) and not inside(home)
