"""Changes as data: what a command or a fix would do, shown as a diff, applied in one place (edges/apply.py)."""

from __future__ import annotations

import difflib
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath

from ocarina_kit.core.redact import mask
from ocarina_kit.core.secret import Secret


@dataclass(frozen=True)
class WriteFile:
    """Put ``after`` where ``before`` stands now (None: no file yet). ``kind`` names its backups."""

    path: PurePath
    kind: str
    before: bytes | None
    after: bytes
    why: str


@dataclass(frozen=True)
class SetAside:
    """Keep a damaged file under another name, and leave none, or the readable part, in its place."""

    path: PurePath
    kind: str
    before: bytes
    after: bytes | None
    why: str


@dataclass(frozen=True)
class Chmod:
    """Modes are permission bits (``0o600``)."""

    path: PurePath
    before: int
    after: int
    why: str


@dataclass(frozen=True)
class SetCrontab:
    """Put ``after`` in place of ``before``, this user's whole crontab."""

    before: bytes
    after: bytes
    why: str


@dataclass(frozen=True)
class RefreshTokens:
    """Spend the refresh tokens of ``scopes`` for new pairs; an empty tuple means those of all scopes."""

    scopes: tuple[str, ...]
    why: str


Change = WriteFile | SetAside | Chmod | SetCrontab | RefreshTokens


@dataclass(frozen=True)
class Plan:
    """Changes in the order in which they are applied."""

    changes: tuple[Change, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes)

    def __add__(self, other: Plan) -> Plan:
        return Plan(self.changes + tuple(change for change in other.changes if change not in self.changes))


def show(plan: Plan, secrets: Iterable[Secret | str] = ()) -> str:
    """The plan as a diff for people, its secrets masked."""
    known = tuple(secrets)
    return "\n".join(text for change in plan.changes if (text := mask(_show(change), known)))


def _show(change: Change) -> str:
    if isinstance(change, WriteFile):
        return unified(change.before, change.after, str(change.path))
    if isinstance(change, SetAside):
        kept = "what can be read of it stays" if change.after is not None else "nothing stays in its place"
        return f"set aside {change.path}: {kept}"
    if isinstance(change, Chmod):
        return (
            f"chmod {stat.S_IMODE(change.after):03o} {change.path}  (was {stat.S_IMODE(change.before):03o})"
        )
    if isinstance(change, SetCrontab):
        return unified(change.before, change.after, "crontab")
    return "refresh " + (", ".join(change.scopes) if change.scopes else "all tokens")


def unified(before: bytes | None, after: bytes, name: str) -> str:
    """A unified diff of two contents; what is not UTF-8 is shown escaped."""
    old, new = _lines(before), _lines(after)
    # What is alike at both ends is left out of the search: difflib goes astray among thousands of lines that are alike.
    start = _alike(old, new)
    end = _alike(old[start:][::-1], new[start:][::-1])
    start, end = max(0, start - _AROUND), max(0, end - _AROUND)
    diff = difflib.unified_diff(
        old[start : len(old) - end],
        new[start : len(new) - end],
        fromfile=f"{name} (now)" if before is not None else "(no file yet)",
        tofile=f"{name} (then)",
        n=_AROUND,
    )
    return "\n".join(_moved(line, start) if line.startswith("@@ ") else line.rstrip("\r\n") for line in diff)


_AROUND = 2
"""Lines that are shown before and after what changes."""


def _alike(one: list[str], other: list[str]) -> int:
    """How many lines at the beginning are the same."""
    return next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _moved(header: str, lines: int) -> str:
    """A hunk's ``@@ -7,5 +7,6 @@``, ``lines`` further down."""
    return re.sub(r"([-+])(\d+)", lambda at: f"{at[1]}{int(at[2]) + lines}", header.rstrip("\r\n"))


def _lines(content: bytes | None) -> list[str]:
    if content is None:
        return []
    return content.decode("utf-8", errors="backslashreplace").splitlines(keepends=True)
