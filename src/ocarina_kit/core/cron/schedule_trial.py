"""What came of a crontab line that was run once, told by the tokens' own times. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ocarina_kit.core.cron.refreshcall import Tool
from ocarina_kit.core.cron.refreshjob import RefreshJob
from ocarina_kit.core.errors import Exit, KitError, Remedy, worst
from ocarina_kit.core.setup import Place
from ocarina_kit.core.tokens.refresh_log import LogEntry
from ocarina_kit.core.tokens.token_entry import TokenEntry

_UNAVAILABLE = (69, 75)
"""The client's exit codes for a server that did not answer, and for "try later" (FACTS.md, The client)."""

_SLACK = 1.0
"""Seconds: a file system's or an answer's rounding."""


@dataclass(frozen=True)
class Ran:
    """One run of a line. ``code`` is None where it did not end or not start; then ``error`` says why.

    ``started`` and ``ended`` are epoch seconds; ``output`` is all that it wrote, its secrets masked.
    """

    code: int | None
    error: str
    output: str
    started: float
    ended: float


_TRACEBACK = re.compile(
    r"^(?P<in>[ \t]*)Traceback \(most recent call last\):\n(?:(?P=in)[ \t]+.*\n|[ \t]*\n)*(?P<last>.*)",
    re.MULTILINE,
)


def without_tracebacks(output: str) -> str:
    """A program's output, each Python traceback in it cut to its last line: that one says what was wrong."""
    return _TRACEBACK.sub(lambda found: f"{found['last']}  (the end of a Python traceback)", output)


@dataclass(frozen=True)
class Verdict:
    """``fresh`` and ``stale`` are the scopes that it refreshed, and those that it did not.

    ``by`` is the program that did it, in words; empty where nothing was refreshed. ``until`` is when the first of the
    fresh tokens expires. ``notes`` are things to know; ``error`` is None where the line did its work.
    """

    fresh: tuple[str, ...]
    stale: tuple[str, ...]
    by: str = ""
    until: float | None = None
    notes: tuple[str, ...] = ()
    error: KitError | None = None


def judge(
    job: RefreshJob,
    ran: Ran,
    *,
    before: Sequence[TokenEntry],
    after: Iterable[TokenEntry],
    log: Iterable[LogEntry],
    host: str,
    place: Place,
) -> Verdict:
    """Judge a run of ``job`` by the tokens before and after it. ``log`` are the set-up's new entries."""
    there = {entry.key: entry for entry in after if not entry.odd}
    fresh = tuple(key for key, entry in there.items() if _is_fresh(entry, ran))
    gone = [entry.key for entry in before if not entry.odd and entry.key not in there]
    stale = (*(key for key in there if key not in fresh), *gone)
    by = _who(job, log, host) if fresh else ""
    until = min((there[key].expiry(ran.ended) for key in fresh), default=None)
    notes: list[str] = []
    if by == _CLIENT and job.kit is not None:
        notes.append(
            "ocarina-kit did not start in cron's environment, so the client stepped in: see why with doctor."
        )
    verdict = Verdict(fresh, stale, by, until)
    if not there and not gone:
        return _with(verdict, notes, _nothing_there(place))
    if not stale:
        if ran.code != 0:
            notes.append(f"The tokens are fresh, but {_ending(ran)}.")
        return _with(verdict, notes, None)
    if ran.code == 0 and not _refreshes_all(job):
        notes.append(
            "The line refreshes some tokens only (--within, --scope); the others were left as they are."
        )
        return _with(verdict, notes, None)
    lost = [key for key in stale if key not in there or not there[key].can_refresh]
    expired = any(entry.expiry(ran.started) <= ran.started for entry in before)
    return _with(verdict, notes, _failure(job, ran, stale, place, lost=bool(lost), expired=expired))


def _with(verdict: Verdict, notes: list[str], error: KitError | None) -> Verdict:
    return Verdict(verdict.fresh, verdict.stale, verdict.by, verdict.until, tuple(notes), error)


def _is_fresh(entry: TokenEntry, ran: Ran) -> bool:
    born = entry.last_refresh(ran.ended)
    return born is not None and born >= ran.started - _SLACK


_KIT, _CLIENT = "ocarina-kit", "the client"


def _who(job: RefreshJob, log: Iterable[LogEntry], host: str) -> str:
    """The kit writes its refreshes to refresh.log, the client does not."""
    if any(entry.fresh and entry.host == host and entry.by == "refresh" for entry in log):
        return _KIT
    return _CLIENT if job.client is not None else ""


def _refreshes_all(job: RefreshJob) -> bool:
    return not any(
        {"--within", "--scope"} & set(call.arguments) for call in job.calls if call.tool is Tool.KIT
    )


def _ending(ran: Ran) -> str:
    if ran.code is None:
        return f"the line did not end by itself ({ran.error})"
    return f"the line ended with exit code {ran.code}"


def _nothing_there(place: Place) -> KitError:
    return KitError(
        "The line ran, but there is no token to refresh.",
        id="TOK001",
        why="The first token comes from a login in a browser.",
        remedy=Remedy("Log in.", (place.command("login"),)),
        exit=Exit.LOGIN,
    )


def _failure(
    job: RefreshJob, ran: Ran, stale: tuple[str, ...], place: Place, *, lost: bool, expired: bool
) -> KitError:
    exits = [_exit_of(job, ran)]
    if lost:
        exits.append(Exit.LOGIN)
    exit = worst(exits)
    named = re.search(r"ocarina-kit \[([A-Z]{3}[0-9]{3})\]", ran.output)
    what = f"The line did not refresh {', '.join(stale)}."
    why = f"{_ending(ran)[0].upper()}{_ending(ran)[1:]}."
    if ran.code == 0:
        why += " It said that all is well, and the tokens are as old as before."
    if exit is Exit.LOGIN:
        remedy = Remedy("Log in again.", (place.command("login"),))
    elif exit is Exit.UNKNOWN:
        remedy = Remedy("See whether the server is within reach.", (place.command("doctor"),))
    elif job.kit is None and expired:
        why += " The client alone does not refresh an expired token; ocarina-kit does."
        remedy = Remedy(
            "Refresh it now, and let the entry do so.", (place.command("refresh"), place.command("schedule"))
        )
    else:
        remedy = Remedy("See what is broken.", (place.command("doctor"),))
    return KitError(what, id=named[1] if named else "CRN008", why=why, remedy=remedy, exit=exit)


def _exit_of(job: RefreshJob, ran: Ran) -> Exit:
    if job.kit is not None and ran.code in (Exit.LOGIN, Exit.UNKNOWN):
        return Exit(ran.code)
    if job.client is not None and ran.code in _UNAVAILABLE:
        return Exit.UNKNOWN
    return Exit.PROBLEM
