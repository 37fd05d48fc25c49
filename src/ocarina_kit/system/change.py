"""Changes as data: what a command or a fix would do; shown as a diff, and carried out in one place.

A file that is not what the change was made for is left alone, and that is said (FIX001).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from ocarina_kit.system.errors import Exit, KitError, Remedy
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.secret import Secret, hidden, mask, mask_opaque
from ocarina_kit.system.words import printable, tilde


class Change(NamedTuple):
    """``what``: write; set aside (keep a damaged file as a backup; ``after``, or nothing, is left in its place);
    chmod (to 0600; ``mode`` is what it was); crontab (the user's complete one); refresh (``scopes``; none: all)."""

    what: str
    path: Path = Path()
    kind: str = ""
    before: bytes | None = None
    after: bytes | None = None
    mode: int | None = None
    why: str = ""
    scopes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Change({self.what}, {self.path})"


class Applied(NamedTuple):
    """What became of a change: done, or why not; and where the old content is now."""

    change: Change
    problem: KitError | None = None
    backup: Path | None = None


def write(path: Path, kind: str, before: bytes | None, after: bytes, why: str = "") -> Change:
    """Put ``after`` in place of ``before`` (None: no file yet). ``kind`` (config, tokens) names its backups."""
    return Change("write", path, kind, before, after, why=why)


def set_aside(path: Path, kind: str, before: bytes, after: bytes | None, why: str = "") -> Change:
    return Change("set aside", path, kind, before, after, why=why)


def chmod(path: Path, mode: int | None, why: str = "") -> Change:
    return Change("chmod", path, mode=mode, why=why)


def crontab(before: bytes, after: bytes, why: str = "") -> Change:
    return Change("crontab", kind="crontab", before=before, after=after, why=why)


def refresh(scopes: tuple[str, ...], why: str = "") -> Change:
    return Change("refresh", scopes=scopes, why=why)


def apply(
    machine: Machine,
    changes: Iterable[Change],
    *,
    refresh: Callable[[Change], None],
    crontab: Callable[[Change], Path | None],
    waiting: Callable[[str], None] | None = None,
) -> list[Applied]:
    """Carry out ``changes`` in their order; one that fails stops no other. ``refresh`` and ``crontab`` do those two and
    raise KitError if they could not; ``crontab`` returns its backup. An interrupt is raised on."""
    results: list[Applied] = []
    for change in changes:
        kept: Path | None = None
        try:
            if change.what == "refresh":
                refresh(change)
            elif change.what == "crontab":
                kept = crontab(change)
            else:
                kept = apply_to_file(machine, change, waiting)
        except KitError as problem:
            if problem.exit == Exit.INTERRUPTED:
                raise
            results.append(Applied(change, problem))
        else:
            results.append(Applied(change, None, kept))
    return results


def apply_to_file(
    machine: Machine, change: Change, waiting: Callable[[str], None] | None = None
) -> Path | None:
    """Change one file, under its lock; returns the backup, if there is one. Raises KitError; it is as it was then."""
    from ocarina_kit.system.backup import backup
    from ocarina_kit.system.files import chmod_private, read_file, remove, write_private
    from ocarina_kit.system.lock import hold

    kept = None
    with hold(machine, change.path, waiting=waiting):
        seen = read_file(change.path)
        as_expected = seen.content == change.before and (seen.content is not None or not seen.exists)
        if not (seen.mode == change.mode if change.what == "chmod" else as_expected):
            raise KitError(
                f"{change.path} was changed by another program in the meantime. It was left alone.",
                id="FIX001",
                why="The change was made for the content before, and could undo the other one.",
                remedy=Remedy("Run the command again."),
            )
        if seen.content is not None and change.what != "chmod":
            kind = f"{change.kind}-damaged" if change.what == "set aside" else change.kind
            kept = backup(machine, kind, seen.content, str(change.path))
        if change.what == "chmod":
            chmod_private(change.path)
        elif change.after is None:
            remove(change.path)
        else:
            write_private(change.path, change.after)
    return kept


def difference(changes: Iterable[Change], machine: Machine, secrets: Iterable[Secret | str] = ()) -> str:
    """The changes as a unified diff in which secrets are ``**** (128 characters)``; lines only, no colour.

    Everything that is no secret is shown (CONTRACT.md, Every command), but of the crontab only what changes: its other
    lines are not the kit's to show. A refresh shows nothing here.
    """
    known = tuple(secrets)
    parts: list[str] = []
    for change in changes:
        name = tilde(change.path, machine.home)
        if change.what == "chmod":
            parts.append(f"chmod 600 {name}  (was {change.mode or 0:03o})")
        elif change.what == "set aside":
            rest = "nothing" if change.after is None else "what can be read of it"
            parts.append(f"set aside {name}: a backup is made, and {rest} is left in its place")
        elif change.what == "crontab":
            parts += _diff("crontab", change, known, around=0)
        elif change.what == "write":
            parts += _diff(name, change, known, around=2)
    return "\n".join(parts)


def _diff(name: str, change: Change, secrets: Sequence[Secret | str], around: int) -> Iterator[str]:
    from difflib import unified_diff

    # A difference is looked for in the original, which goes before what is shown: there, one secret is like another.
    old, new = (
        [f"{line}\0{shown}" for line, shown in zip(lines, masked(lines, change.kind, secrets), strict=False)]
        for lines in (_lines(change.before, change.kind), _lines(change.after, change.kind))
    )
    current = f"{name} ({'current' if change.before is not None else 'no file yet'})"
    # What is alike at both ends is left out of the search: among thousands of lines it takes long, and finds less.
    start = max(0, _alike(old, new) - around)
    old, new = old[start:], new[start:]
    end = max(0, _alike(old[::-1], new[::-1]) - around)
    old, new = old[: len(old) - end], new[: len(new) - end]
    for line in unified_diff(old, new, current, f"{name} (new)", n=around, lineterm=""):
        if line.startswith("@@"):
            yield re.sub(r"(?<=[-+])\d+", lambda at: str(int(at[0]) + start), line)
        else:
            yield line[0] + line.rpartition("\0")[2] if "\0" in line else line


def _alike(one: list[str], other: list[str]) -> int:
    """How many lines at the beginning are the same."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _lines(content: bytes | None, kind: str) -> list[str]:
    import json

    if not content:
        return []
    # In UTF-16, read as UTF-8, no mask would find a secret. A byte-order mark stays to be seen.
    text = content.decode(json.detect_encoding(content).removesuffix("-sig"), "backslashreplace")
    if kind == "tokens":  # one long line: over several the change can be seen
        with contextlib.suppress(ValueError, RecursionError):
            text = json.dumps(json.loads(content), indent=2)
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n")


def masked(lines: list[str], kind: str = "config", secrets: Sequence[Secret | str] = ()) -> list[str]:
    """Lines that are safe to show, secrets as ``**** (128 characters)``."""
    text = mask("\n".join(lines), secrets, hidden)
    if kind != "crontab":  # long paths are usual there
        text = mask_opaque(text, hidden)
    return [printable(line) for line in text.split("\n")]
