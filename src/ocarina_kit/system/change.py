"""Changes as data: shown as a diff, and carried out in one place."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from ocarina_kit.system.machine import Machine
from ocarina_kit.system.problem import KitError
from ocarina_kit.system.problems import changed_meanwhile
from ocarina_kit.system.secret import Secret, masked
from ocarina_kit.system.words import tilde


class Action(Enum):
    """What a change does."""

    WRITE = "write"  # a file
    SET_ASIDE = "set aside"  # keep a damaged file as a backup
    CHMOD = "chmod"  # make a file 0600
    CRONTAB = "crontab"  # replace the user's complete crontab
    REFRESH = "refresh"  # tokens
    ADOPT = "adopt"  # put new tokens from the journal into the tokens file


class Change(NamedTuple):
    """What a command or a fix would do."""

    action: Action
    path: Path = Path()
    kind: str = ""
    """What the content is: config, tokens or crontab."""
    before: bytes | None = None
    after: bytes | None = None
    """The new content. None leaves nothing in the place of what is set aside."""
    mode: int | None = None  # before a CHMOD
    why: str = ""
    scopes: tuple[str, ...] = ()
    """For a REFRESH; none means all."""

    def __repr__(self) -> str:
        """Leave out the contents, which may be secret."""
        return f"Change({self.action.value}, {self.path})"


def apply_to_file(
    machine: Machine, change: Change, waiting: Callable[[str], None] | None = None
) -> Path | None:
    """Change one file, under its lock.

    Returns:
        The backup of the file, if one was made.

    Raises:
        KitError: the file is as it was then; FIX001 if it is not the one that the
            change was made for.
    """
    from ocarina_kit.system.files import (
        backup,
        chmod_private,
        read_file,
        remove,
        write_private,
    )
    from ocarina_kit.system.lock import hold

    with hold(machine, change.path, waiting=waiting):
        file = read_file(change.path)
        if change.action is Action.CHMOD:
            if file.mode != change.mode:
                raise KitError(changed_meanwhile(change.path))
            chmod_private(change.path)
            return None
        if file.content != change.before or not file.replaceable:
            raise KitError(changed_meanwhile(change.path))
        kept = None
        if file.content is not None:
            is_damaged = change.action is Action.SET_ASIDE
            kind = f"{change.kind}-damaged" if is_damaged else change.kind
            kept = backup(machine, kind, file.content, str(change.path))
        if change.after is None:
            remove(change.path)
        else:
            write_private(change.path, change.after)
        return kept


def difference(
    changes: Iterable[Change], machine: Machine, secrets: Iterable[Secret | str] = ()
) -> str:
    """Show changes as a unified diff without colour, and without secrets.

    Of the crontab only the lines that change are shown: the others are not the kit's.
    A refresh shows nothing here.
    """
    known = tuple(secrets)
    parts: list[str] = []
    for change in changes:
        name = tilde(change.path, machine.home)
        match change.action:
            case Action.CHMOD:
                parts.append(f"chmod 600 {name}  (was {change.mode or 0:03o})")
            case Action.SET_ASIDE:
                rest = "nothing" if change.after is None else "what can be read of it"
                note = f"a backup is made, and {rest} is left in its place"
                parts.append(f"set aside {name}: {note}")
            case Action.WRITE:
                parts += _diff(name, change, known)
            case Action.CRONTAB:
                parts += _diff("crontab", change, known)
            case Action.REFRESH | Action.ADOPT:
                pass
    return "\n".join(parts)


def _diff(name: str, change: Change, secrets: Sequence[Secret | str]) -> Iterator[str]:
    from difflib import SequenceMatcher

    is_crontab = change.kind == "crontab"
    old = _split_lines(change.before, change.kind)
    new = _split_lines(change.after, change.kind)
    # Compared unmasked, as one masked secret is like another. Without autojunk, which
    # ignores frequent lines: in a crontab what is alike must not be shown.
    matcher = SequenceMatcher(None, old, new, autojunk=not is_crontab)
    old = masked("\n".join(old), change.kind, secrets).split("\n")
    new = masked("\n".join(new), change.kind, secrets).split("\n")
    state = "current" if change.before is not None else "no file yet"
    yield f"--- {name} ({state})"
    yield f"+++ {name} (new)"
    for group in matcher.get_grouped_opcodes(0 if is_crontab else 2):
        yield f"@@ -{group[0][1] + 1} +{group[0][3] + 1} @@"
        for tag, old_start, old_end, new_start, new_end in group:
            is_same = tag == "equal"
            for line in old[old_start:old_end]:
                yield f" {line}" if is_same else f"-{line}"
            for line in new[new_start:new_end]:
                if not is_same:
                    yield f"+{line}"


def _split_lines(content: bytes | None, kind: str) -> list[str]:
    import json

    if not content:
        return []
    # In UTF-16, read as UTF-8, no mask would find a secret. A byte-order mark is kept,
    # as it is part of the difference.
    encoding = json.detect_encoding(content).removesuffix("-sig")
    text = content.decode(encoding, "backslashreplace")
    if kind == "tokens":  # one long line: over several the change can be seen
        with contextlib.suppress(ValueError, RecursionError):
            text = json.dumps(json.loads(content), indent=2)
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n")
