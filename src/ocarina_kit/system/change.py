"""Changes as data: what a command or a fix would do; shown as a diff, and carried out in one place.

A file that is not what the change was made for is left alone, and that is said (FIX001).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ocarina_kit.system.errors import Exit, KitError, Remedy
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.secret import Secret, mask, mask_opaque
from ocarina_kit.system.words import printable, tilde

_AROUND = 2
"""Lines that are shown before and after what changes."""
_MOST = 100_000
"""Lines of which a difference is looked for: it takes seconds."""
# What is shown although it may be long: the client id (40 characters), the user, addresses, a path.
_OPEN = re.compile(
    r"(?:(?:MAJORA_)?(?:CLIENT_ID|USER)[\"']?\s*[:=]\s*[\"']?[^\"'\s]{1,64}(?![^\"'\s,}])"
    r"|MAJORA_(?:DOMAIN|TOKENS_FILE)[\"']?\s*[:=]\s*[\"'][^\"'\n]*)",
    re.IGNORECASE,
)


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
    from ocarina_kit.system.lock import hold

    with hold(machine, change.path, waiting=waiting):
        return _change_file(machine, change)


def _change_file(machine: Machine, change: Change) -> Path | None:
    from ocarina_kit.system.backup import backup
    from ocarina_kit.system.files import chmod_private, read_file, remove, write_private

    seen = read_file(change.path)
    if change.what == "chmod":
        if seen.mode != change.mode:
            raise changed_meanwhile(machine, change.path)
        chmod_private(change.path)
        return None
    if seen.content != change.before or (seen.content is None and seen.exists):
        raise changed_meanwhile(machine, change.path)
    kind = f"{change.kind}-damaged" if change.what == "set aside" else change.kind
    kept = None if seen.content is None else backup(machine, kind, seen.content, str(change.path))
    if change.after is None:
        remove(change.path)
    else:
        write_private(change.path, change.after)
    return kept


def changed_meanwhile(machine: Machine, path: Path) -> KitError:
    """``FIX001``: the file is not what the change was made for."""
    return KitError(
        f"{tilde(path, machine.home)} was changed by another program in the meantime. It was left alone.",
        id="FIX001",
        why="The change was made for the content before, and could undo the other one.",
        remedy=Remedy("Run the command again."),
    )


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
            parts += _diff(name, change, known, around=_AROUND)
    return "\n".join(parts)


def _diff(name: str, change: Change, secrets: Sequence[Secret | str], around: int) -> Iterator[str]:
    from difflib import SequenceMatcher

    old, new = _lines(change.before, change.kind), _lines(change.after, change.kind)
    yield f"--- {name} ({'current' if change.before is not None else 'no file yet'})"
    yield f"+++ {name} (new)"
    # The same lines at both ends are left out of the search: among thousands of alike lines it takes long.
    start = _alike(old, new)
    end = _alike(old[start:][::-1], new[start:][::-1])
    start, end = max(0, start - around), max(0, end - around)
    a, b = old[start : len(old) - end], new[start : len(new) - end]
    if len(a) + len(b) > _MOST:
        yield f"{len(a)} lines become {len(b)}: too many to show"
        return
    # The complete text is masked, as a secret may be broken over lines; what differs is found in the original.
    shown_old, shown_new = (masked(lines, change.kind, secrets) for lines in (old, new))
    matcher = SequenceMatcher(None, a, b, autojunk=len(a) * len(b) > 1_000_000)
    for group in matcher.get_grouped_opcodes(around):
        (_, a1, _, b1, _), (_, _, a2, _, b2) = group[0], group[-1]
        yield f"@@ -{_range(a1 + start, a2 - a1)} +{_range(b1 + start, b2 - b1)} @@"
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                yield from (f" {line}" for line in shown_old[i1 + start : i2 + start])
            else:
                yield from (f"-{line}" for line in shown_old[i1 + start : i2 + start])
                yield from (f"+{line}" for line in shown_new[j1 + start : j2 + start])


def _range(first: int, length: int) -> str:
    return f"{first + 1 if length else first},{length}"


def _alike(one: list[str], other: list[str]) -> int:
    """How many lines at the beginning are the same."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _lines(content: bytes | None, kind: str) -> list[str]:
    if kind == "tokens":
        content = _laid_out(content)
    if not content:
        return []
    text = content.decode(_encoding(content, kind), "backslashreplace").replace("\r\n", "\n")
    return text.removesuffix("\n").split("\n")


def _encoding(content: bytes, kind: str) -> str:
    """Of a configuration: in UTF-16, read as UTF-8, no mask would find a secret. A byte-order mark stays to be seen."""
    import json

    found = "utf-8" if kind == "crontab" else json.detect_encoding(content)
    return found.removesuffix("-sig")


def _laid_out(content: bytes | None) -> bytes | None:
    """A tokens file is one long line; over several the change can be seen."""
    import json

    try:
        return json.dumps(json.loads(content or b""), indent=2).encode()
    except (ValueError, RecursionError):
        return content


def masked(lines: list[str], kind: str = "config", secrets: Sequence[Secret | str] = ()) -> list[str]:
    """Lines that are safe to show, secrets as ``**** (128 characters)``."""
    text = mask("\n".join(lines), secrets, sizes=True)
    if kind != "crontab":  # long paths are usual there
        shown = [found[0] for found in _OPEN.finditer(text)] + [""]
        others = (mask_opaque(part, sizes=True) for part in _OPEN.split(text))
        text = "".join(part for pair in zip(others, shown, strict=True) for part in pair)
    return [printable(line) for line in text.split("\n")]
