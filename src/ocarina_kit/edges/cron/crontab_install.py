"""Puts a new crontab in place of the old one: kept, written, read back, compared. Each failure has its own words."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ocarina_kit.core.cron.crontab_read import CrontabRead, ReadOutcome
from ocarina_kit.core.errors import KitError, Remedy
from ocarina_kit.edges.cron.crontab_program import CrontabWrite, WriteOutcome, write_crontab
from ocarina_kit.edges.disk.backups import backup
from ocarina_kit.edges.system import System

PRINT = ("ocarina-kit schedule --print",)


class CrontabError(KitError):
    """The crontab could not be read or was not changed. ``kept`` are files that hold what stood in it."""

    def __init__(
        self, what: str, *, id: str, why: str = "", remedy: Remedy, kept: tuple[Path, ...] = ()
    ) -> None:
        super().__init__(what, id=id, why=why, remedy=remedy)
        self.kept = kept


def install_crontab(
    system: System, before: CrontabRead, content: bytes, *, ways: Ways | None = None
) -> Path | None:
    """Make ``content`` this user's crontab, where it still is ``before``; returns where the old one is kept.

    None is returned where there was none. ``ways`` are the commands that a remedy names.

    Raises:
        CrontabError: nothing was changed, or the old crontab was put back: ``CRN001`` (no command, not allowed),
            ``SCH002`` (cannot be written back as it is), ``SCH004`` (no space), ``SCH005`` (rejected), ``SCH006``
            (changed by somebody else meanwhile), ``SCH007`` (what was read back is not what was written), ``SCH008``
            (the same, and the old one could not be put back), ``SCH009`` (failed in another way).
        FileError: no backup could be made; nothing was changed.
    """
    ways = ways or Ways()
    problem = unreadable(before, host=system.host, ways=ways)
    if problem is not None:
        raise problem
    kept = backup(system, "crontab", before.content, of=system.host) if before.content else None
    found: list[Path] = []

    def keep(content: bytes) -> None:
        with contextlib.suppress(KitError):  # no reason not to put the old one back
            found.append(backup(system, "crontab-found", content, of=system.host))

    written = write_crontab(system, before, content, keep=keep)
    if written.outcome is WriteOutcome.INSTALLED:
        return kept
    raise _not_installed(written, host=system.host, ways=ways, kept=kept, found=found)


@dataclass(frozen=True)
class Ways:
    """Commands for remedies, for the set-up at hand."""

    again: tuple[str, ...] = ("ocarina-kit schedule",)
    line: tuple[str, ...] = PRINT


def unreadable(read: CrontabRead, *, host: str, ways: Ways | None = None) -> CrontabError | None:
    """Why a crontab that was read may not be written over; None where it may."""
    if read.writable:
        return None
    ways = ways or Ways()
    give = Remedy("Give the line to whoever can install it, there or on another host.", ways.line)
    if read.outcome is ReadOutcome.NO_PROGRAM:
        return CrontabError(
            f"There is no crontab command on {host}.",
            id="CRN001",
            why="So nothing can be scheduled from here.",
            remedy=give,
        )
    if read.outcome is ReadOutcome.NOT_ALLOWED:
        return CrontabError(
            f"You may not use crontab on {host}.",
            id="CRN001",
            why=f"It says: {_sentence(read.words)}",
            remedy=give,
        )
    if read.outcome is ReadOutcome.DOUBTFUL:
        doubt = read.doubt.value if read.doubt is not None else "what cannot be read back"
        return CrontabError(
            f"Your crontab on {host} holds {doubt}.",
            id="SCH002",
            why="crontab -l does not show those as they are, so writing it back could change lines of yours. "
            "It was left alone.",
            remedy=Remedy("Take them out of it, or put the line in yourself.", (*ways.line, "crontab -e")),
        )
    return CrontabError(
        f"Your crontab on {host} could not be read.",
        id="CRN001",
        why=f"It says: {_sentence(read.words)} That does not mean that it is empty, so nothing was written.",
        remedy=Remedy("See what it says.", ("crontab -l",)),
    )


def _sentence(words: str) -> str:
    text = " ".join(words.split())
    return text if text.endswith((".", "!", "?")) else f"{text}."


@dataclass(frozen=True)
class _Failure:
    id: str
    what: Callable[[str, str], str]
    remedy: Callable[[Ways], Remedy]
    why: str = field(default="")


def _not_installed(
    written: CrontabWrite, *, host: str, ways: Ways, kept: Path | None, found: list[Path]
) -> CrontabError:
    failure = _FAILURES[written.outcome]
    files = tuple(path for path in (kept, *found) if path is not None)
    words = _sentence(written.words) if written.words else ""
    why = " ".join(part for part in (f"crontab says: {words}" if words else "", failure.why) if part)
    if found:
        why += f" What was found in its place is kept in {found[-1]}."
    if kept is not None and written.outcome is WriteOutcome.NOT_RESTORED:
        why += f" What stood there before is kept in {kept}."
    remedy = failure.remedy(ways)
    if kept is not None and written.outcome is WriteOutcome.NOT_RESTORED:
        import shlex

        remedy = Remedy(
            "Look at it now, and put the old one back if it is wrong.",
            ("crontab -l", f"crontab {shlex.quote(str(kept))}"),
        )
    return CrontabError(failure.what(host, words), id=failure.id, why=why, remedy=remedy, kept=files)


def _again(ways: Ways) -> Remedy:
    return Remedy("Run it again: it starts from what is there now.", ways.again)


def _give(ways: Ways) -> Remedy:
    return Remedy("Give the line to whoever can install it.", ways.line)


_FAILURES = {
    WriteOutcome.NO_PROGRAM: _Failure(
        "CRN001", lambda host, _: f"There is no crontab command on {host} any more.", _give
    ),
    WriteOutcome.NOT_ALLOWED: _Failure(
        "CRN001", lambda host, _: f"You may not write a crontab on {host}.", _give
    ),
    WriteOutcome.NO_SPACE: _Failure(
        "SCH004",
        lambda host, _: f"There is no room for your crontab on {host}.",
        lambda ways: Remedy(
            "Its folder belongs to the system: ask who runs this machine. Or give them the line.", ways.line
        ),
        "The old crontab stands.",
    ),
    WriteOutcome.REJECTED: _Failure(
        "SCH005",
        lambda host, _: f"crontab on {host} refused the new crontab.",
        lambda ways: Remedy(
            "A line that it names may be another one of yours. Mend that, and run this again.",
            ("crontab -e", *ways.again),
        ),
        "The old crontab stands.",
    ),
    WriteOutcome.CHANGED_MEANWHILE: _Failure(
        "SCH006",
        lambda host, _: f"Your crontab on {host} was changed by somebody else since it was read.",
        _again,
        "So nothing was written over it.",
    ),
    WriteOutcome.RESTORED: _Failure(
        "SCH007",
        lambda host, _: f"What stands in your crontab on {host} was not what had been written.",
        _again,
        "Another program may have written it in the same moment. The crontab from before was put back.",
    ),
    WriteOutcome.NOT_RESTORED: _Failure(
        "SCH008",
        lambda host, _: (
            f"What stands in your crontab on {host} is not what was written, nor what stood there before."
        ),
        lambda ways: Remedy("Look at it now.", ("crontab -l",)),
        "Another program may be writing it.",
    ),
    WriteOutcome.FAILED: _Failure(
        "SCH009",
        lambda host, _: f"Your crontab on {host} was not changed.",
        lambda ways: Remedy(
            "See what it says, and give the line to whoever can install it.", ("crontab -l", *ways.line)
        ),
    ),
}
