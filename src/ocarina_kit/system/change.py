"""Changes as data: what a command or a fix would do; shown as a diff, and carried out in one place.

A file that is not what the change was made for is left alone, and that is said (FIX001).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ocarina_kit.system.machine import Machine
from ocarina_kit.system.problem import KitError
from ocarina_kit.system.problems import changed_meanwhile
from ocarina_kit.system.secret import Secret, masked
from ocarina_kit.system.words import tilde


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


def apply_to_file(
    machine: Machine, change: Change, waiting: Callable[[str], None] | None = None
) -> Path | None:
    """Change one file, under its lock; returns the backup, if there is one. Raises KitError; it is as it was then."""
    from ocarina_kit.system.files import (
        backup,
        chmod_private,
        read_file,
        remove,
        write_private,
    )
    from ocarina_kit.system.lock import hold

    with hold(machine, change.path, waiting=waiting):
        seen = read_file(change.path)
        kept = None
        as_expected = seen.content == change.before and seen.replaceable
        if change.what == "chmod":
            as_expected = seen.mode == change.mode
        if not as_expected:
            raise KitError(changed_meanwhile(change.path))
        if change.what == "chmod":
            chmod_private(change.path)
            return None
        if seen.content is not None:
            kind = (
                f"{change.kind}-damaged" if change.what == "set aside" else change.kind
            )
            kept = backup(machine, kind, seen.content, str(change.path))
        if change.after is None:
            remove(change.path)
        else:
            write_private(change.path, change.after)
        return kept


def difference(
    changes: Iterable[Change], machine: Machine, secrets: Iterable[Secret | str] = ()
) -> str:
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
            parts.append(
                f"set aside {name}: a backup is made, and {rest} is left in its place"
            )
        elif change.what != "refresh":
            parts += _diff(name if change.what == "write" else "crontab", change, known)
    return "\n".join(parts)


def _diff(name: str, change: Change, secrets: Sequence[Secret | str]) -> Iterator[str]:
    from difflib import SequenceMatcher

    is_crontab = change.kind == "crontab"
    old, new = _lines(change.before, change.kind), _lines(change.after, change.kind)
    # Compared as they are, as one masked secret is like another. In a crontab a line that is often there counts too:
    # what is alike must not be shown.
    matcher = SequenceMatcher(None, old, new, autojunk=not is_crontab)
    old, new = (
        masked("\n".join(lines), change.kind, secrets).split("\n")
        for lines in (old, new)
    )
    yield f"--- {name} ({'current' if change.before is not None else 'no file yet'})"
    yield f"+++ {name} (new)"
    for group in matcher.get_grouped_opcodes(0 if is_crontab else 2):
        yield f"@@ -{group[0][1] + 1} +{group[0][3] + 1} @@"
        for kind, start, end, new_start, new_end in group:
            yield from (
                f"{' ' if kind == 'equal' else '-'}{line}" for line in old[start:end]
            )
            if kind != "equal":
                yield from (f"+{line}" for line in new[new_start:new_end])


def _lines(content: bytes | None, kind: str) -> list[str]:
    import json

    if not content:
        return []
    # In UTF-16, read as UTF-8, no mask would find a secret. A byte-order mark stays to be seen.
    text = content.decode(
        json.detect_encoding(content).removesuffix("-sig"), "backslashreplace"
    )
    if kind == "tokens":  # one long line: over several the change can be seen
        with contextlib.suppress(ValueError, RecursionError):
            text = json.dumps(json.loads(content), indent=2)
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n")
