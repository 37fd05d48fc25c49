"""``schedule --show``: the crontab entry, what the doctor says of it, and the next 24 hours."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any

from ocarina_kit.cli.ui import Result, error_data
from ocarina_kit.doctor import crontab as crn
from ocarina_kit.doctor.check import Outcome
from ocarina_kit.doctor.world import World
from ocarina_kit.system.errors import KitError, Remedy
from ocarina_kit.system.secret import mask
from ocarina_kit.system.words import clock

if TYPE_CHECKING:
    from datetime import datetime

    from ocarina_kit.cli.context import Run
    from ocarina_kit.cron.line import Entry

_DAY = 86_400.0
_LABEL = 12
"""Columns before the strip."""


def show_entry(run: Run) -> Result:
    """Show what there is, as the doctor judges it. Exit 1 if a check failed."""
    world = World(run.machine, run.place, seconds=30.0)
    entries = world.entries.active
    if entries and all(entry.marked for entry in entries):
        from ocarina_kit.client.find import Clients

        # The entry's own client is looked at, and no other is searched for.
        world = World(run.machine, run.place, seconds=30.0, listing=world.listing, clients=Clients())
    found = crn.judged(world)
    problems = _setup_problem(run, world)
    problems += [as_error(run, each) for each in found.values() if each.status in ("fail", "unknown")]
    warnings = [as_error(run, each) for each in found.values() if each.status == "warn"]
    working = [entry for entry in entries if _refreshes(world, entry, found)]
    runs = upcoming(world.tokens.now, working)
    problem = next(iter(problems + warnings), None)
    data = members(world, mask(entries[0].text) if entries else None, runs, problem)
    if entries:
        kit = any(entry.runner != "client" for entry in working)
        _show(run, world, runs, _spans(world, [] if problems else runs, kit=kit))
        for each in warnings:
            run.ui.warn(f"{each.what} {each.why} [{each.id}]")
        for each in problems[1:]:
            run.ui.error(each)
        if unclear := cron_unclear(found):
            run.ui.say(unclear)
    return Result(data, next(iter(problems), None))


def members(
    world: World, line: str | None, runs: Sequence[datetime], problem: KitError | None
) -> dict[str, Any]:
    """What ``--json`` says (CONTRACT.md, schedule)."""
    from ocarina_kit.tokens.history import last_success

    last = last_success(world.tokens.log, world.tokens.usable, world.tokens.now)
    until = _until(world)
    success = last and {"time": _iso(last.time), "host": last.host or None, "by": last.by or None}
    return {
        "line": line,
        "host": world.machine.host,
        "next_runs": [each.isoformat() for each in runs[:3]],
        "last_success": success,
        "valid_until": None if until is None else _iso(until),
        "problem": problem and error_data(problem),
    }


def _local(moment: float) -> datetime:
    """In the time zone that cron goes by."""
    from datetime import datetime

    from ocarina_kit.cron.host import zone

    return datetime.fromtimestamp(max(0.0, moment), zone())


def _iso(moment: float) -> str:
    return _local(moment).replace(microsecond=0).isoformat()


def as_error(run: Run, found: Outcome) -> KitError:
    """What a check found, as an error. What ``doctor --fix`` would fix, schedule fixes."""
    remedy = Remedy("", (run.place.command("schedule"),)) if found.fix else found.remedy
    why = found.impact if found.status != "unknown" else ""
    return KitError(found.said, id=found.id, why=why, remedy=remedy)


def cron_unclear(found: dict[str, Outcome]) -> str:
    """Why it is unknown whether cron runs here, as a sentence; "" if it is known."""
    daemon = found["CRN006"]
    text = daemon.said
    return f"{text[0].upper()}{text[1:]}." if daemon.unclear else ""


def _setup_problem(run: Run, world: World) -> list[KitError]:
    """Why no entry could refresh these tokens: the configuration or the tokens file cannot be used."""
    from ocarina_kit.tokens.told import undamaged

    try:
        undamaged(run.setup(), world.tokens.file)
    except KitError as problem:
        return [problem]
    return []


# --- what comes -----------------------------------------------------------------------------------------------


def _refreshes(world: World, entry: Entry, found: dict[str, Outcome]) -> bool:
    """Whether a run of the entry can refresh something, as far as the checks tell."""
    from ocarina_kit.doctor.entry import program_faults

    if any(found[id].status == "fail" for id in ("CRN006", "CRN007")):
        return False
    tools = {call.tool for call in entry.calls}
    return found["CRN004"].status != "fail" or tools > program_faults(world, entry).keys()


def upcoming(now: float, entries: Sequence[Entry]) -> list[datetime]:
    """The runs of the next 24 hours, at least three of each entry, in the time zone that cron goes by."""
    from ocarina_kit.cron.times import runs

    found: set[datetime] = set()
    for entry in entries:
        if (times := entry.times) is not None:
            coming = runs(times, _local(now))
            found.update(islice(coming, 3))
            found.update(takewhile(lambda run: run.timestamp() < now + _DAY, coming))
    return sorted(found)


def _until(world: World) -> float | None:
    """When the first token expires, epoch seconds; None if none can be refreshed."""
    now = world.tokens.now
    return min((each.expiry(now) for each in world.tokens.usable if each.can_refresh), default=None)


def _spans(world: World, runs: Sequence[datetime], *, kit: bool) -> list[tuple[float, float]]:
    """From when to when all tokens are valid, if ``runs`` refresh them. ``kit``: expired ones too, which the client
    alone never refreshes (FACTS.md)."""
    lifetime = min((each.lifetime for each in world.tokens.usable if each.can_refresh), default=0.0)
    spans = [(0.0, _until(world) or 0.0)]
    for at in (run.timestamp() for run in runs):
        start, end = spans[-1]
        if at <= end:
            spans[-1] = (start, max(end, at + lifetime))
        elif kit:
            spans.append((at, at + lifetime))
    return spans


# --- for people -----------------------------------------------------------------------------------------------


def _show(run: Run, world: World, runs: Sequence[datetime], spans: Sequence[tuple[float, float]]) -> None:
    from ocarina_kit.tokens.history import last_success

    ui, now, until = run.ui, world.tokens.now, _until(world)
    for entry in world.entries.active:
        when = entry.words
        ui.say(f"{when[0].upper()}{when[1:]} on {world.machine.host} (line {entry.number} of your crontab):")
        ui.raw(mask(entry.text), indent=2)
    last, success = last_success(world.tokens.log, world.tokens.usable, now), "none is known"
    if last is not None:
        where = f" on {last.host}" if last.host not in ("", world.machine.host) else ""
        success = f"{clock(last.time, now)}{where}"
    valid = f"none that can be refreshed; to log in: {run.place.command('login')}"
    if until is not None:
        valid = f"valid until {clock(until, now)}, with no further run" if until > now else "expired"
    rows = [("Last success", success), ("Tokens", valid)]
    if runs:
        rows.insert(1, ("Next runs", ", ".join(clock(each.timestamp(), now) for each in runs[:3])))
    ui.table(rows, indent=0)
    ui.say()
    seconds = 3600.0 if ui.width is not None and ui.width < _LABEL + 50 else 1800.0
    rows_of_strip = strip(now, [each.timestamp() for each in runs], spans, seconds)
    for label, marks in rows_of_strip[: 2 if until is None else 3]:
        ui.raw(f"{label:<{_LABEL}}{marks}")
    if until is not None and "!" in rows_of_strip[2][1] and runs:
        ui.say("At the marks ! no token is valid.")


def strip(
    now: float, runs: Sequence[float], spans: Sequence[tuple[float, float]], seconds: float
) -> list[tuple[str, str]]:
    """The next 24 hours, a mark for each ``seconds``: the hours, ``^`` a run, ``=`` valid tokens and ``!`` not."""
    cells = [now - now % seconds + at * seconds for at in range(int(_DAY / seconds))]
    hours = int(6 * 3600 / seconds)
    scale = "".join(f"{_local(cell):%H:%M}".ljust(hours) for cell in cells[::hours])
    run_marks = ("^" if any(cell <= run < cell + seconds for run in runs) else "." for cell in cells)
    covered = (
        any(first <= max(cell, now) and cell + seconds <= last for first, last in spans) for cell in cells
    )
    valid = "".join("=" if each else "!" for each in covered)
    return [("", scale.rstrip()), ("  runs", "".join(run_marks)), ("  tokens", valid)]
