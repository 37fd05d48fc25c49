"""``schedule --show``: the crontab entry, what the doctor says of it, and the next 24 hours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import islice, takewhile
from typing import Any

from ocarina_kit.cli.context import Context
from ocarina_kit.cli.ui import Result, problem_data
from ocarina_kit.client.find import Clients
from ocarina_kit.doctor import crontab as crontab_checks
from ocarina_kit.doctor.check import Outcome
from ocarina_kit.doctor.entry import program_faults
from ocarina_kit.doctor.world import World
from ocarina_kit.schedule.entry import Entry
from ocarina_kit.schedule.host import read_zone
from ocarina_kit.schedule.times import runs as runs_after
from ocarina_kit.system.problem import KitError, Problem, Remedy
from ocarina_kit.system.words import clock
from ocarina_kit.tokens.history import last_success
from ocarina_kit.tokens.store import check_undamaged

_DAY = 86_400.0
# Columns before the strip.
_LABEL = 12


def show_entry(context: Context) -> Result:
    """Show what there is, as the doctor judges it. Exit 1 if a check failed."""
    with context.ui.waiting("Looking at the crontab", 30.0):
        world = context.world(seconds=30.0)
        entries = world.entries.active
        if entries and all(entry.is_marked for entry in entries):
            # The entry's own client is looked at, and no other is searched for.
            world = context.world(
                seconds=30.0, listing=world.listing, clients=Clients()
            )
        outcomes = crontab_checks.judged(world)
    problems = [
        as_error(context, each)
        for each in outcomes.values()
        if each.status in ("fail", "unknown")
    ]
    warnings = [
        as_error(context, each) for each in outcomes.values() if each.status == "warn"
    ]
    try:  # no entry can refresh tokens of a configuration or a file that cannot be used
        check_undamaged(context.setup(world), world.tokens.file)
    except KitError as error:
        problems.insert(0, error.problem)
    working = [entry for entry in entries if _refreshes(world, entry, outcomes)]
    runs = upcoming(world.tokens.now, working)
    line = entries[0].masked(world.setup.secrets) if entries else None
    data = members(world, line, runs, next(iter(problems + warnings), None))
    if entries:
        kit = any(entry.runner != "client" for entry in working)
        _show(
            context,
            world,
            runs,
            _strip(context, world, runs, refresh=not problems, kit=kit),
        )
        for each in warnings:
            context.ui.caution(each)
        for each in problems[1:]:
            context.ui.error(each)
        if outcomes["CRN006"].unclear:
            context.ui.say(as_error(context, outcomes["CRN006"]).text)
    elif not problems:  # none is needed here
        context.ui.say(as_error(context, outcomes["CRN002"]).text)
    return Result(data, next(iter(problems), None))


def as_error(context: Context, outcome: Outcome) -> Problem:
    """What a check found, as an error. What ``doctor --fix`` would fix, schedule fixes."""
    what, remedy = outcome.said, outcome.remedy
    if outcome.fix:
        remedy = Remedy("", (context.location.command("schedule"),))
    if outcome.status == "skip":  # why, as a sentence
        what = f"{what[0].upper()}{what[1:]}."
    return Problem(message=what, id=outcome.id, why=outcome.impact, remedy=remedy)


def members(
    world: World, line: str | None, runs: Sequence[datetime], problem: Problem | None
) -> dict[str, Any]:
    """What ``--json`` says (CONTRACT.md, schedule)."""
    tokens = world.tokens
    until = _until(world)
    last = last_success(tokens.log, tokens.usable, tokens.now)
    success = last and {
        "time": _iso(last.time),
        "host": last.host or None,
        "by": last.by or None,
    }
    return {
        "line": line,
        "host": world.machine.host,
        "next_runs": [each.isoformat() for each in runs[:3]],
        "last_success": success,
        "valid_until": None if until is None else _iso(until),
        "problem": problem and problem_data(problem),
    }


def _local(moment: float) -> datetime:
    """In the time zone that cron goes by."""
    return datetime.fromtimestamp(max(0.0, moment), read_zone())


def _iso(moment: float) -> str:
    return _local(moment).replace(microsecond=0).isoformat()


# --- what comes -----------------------------------------------------------------------------------------------


def _refreshes(world: World, entry: Entry, outcomes: dict[str, Outcome]) -> bool:
    """Whether a run of the entry can refresh something, as far as the checks tell."""
    if any(outcomes[id].status == "fail" for id in ("CRN006", "CRN007")):
        return False
    tools = {call.tool for call in entry.calls}
    return (
        outcomes["CRN004"].status != "fail"
        or tools > program_faults(world, entry).keys()
    )


def upcoming(now: float, entries: Sequence[Entry]) -> list[datetime]:
    """The runs of the next 24 hours, at least three of each entry, in the time zone that cron goes by."""
    next_runs: set[datetime] = set()
    for entry in entries:
        if (times := entry.times) is not None:
            coming = runs_after(times, _local(now))
            next_runs.update(islice(coming, 3))
            next_runs.update(
                takewhile(lambda context: context.timestamp() < now + _DAY, coming)
            )
    return sorted(next_runs)


def _until(world: World) -> float | None:
    """When the first token expires, epoch seconds; None if none can be refreshed."""
    now = world.tokens.now
    return min(
        (each.expiry(now) for each in world.tokens.usable if each.can_refresh),
        default=None,
    )


# --- for people -----------------------------------------------------------------------------------------------


def _show(
    context: Context, world: World, runs: Sequence[datetime], marks: Sequence[str]
) -> None:
    ui = context.ui
    tokens = world.tokens
    now = tokens.now
    until = _until(world)
    last = last_success(tokens.log, tokens.usable, now)
    for entry in world.entries.active:
        when = entry.when
        where = f"{world.machine.host} ({world.scheduler.locate(entry.number)})"
        ui.say(f"{when[0].upper()}{when[1:]} on {where}:")
        ui.raw(entry.masked(world.setup.secrets), indent=2)
    rows = [("Last success", "none is known")]
    if last is not None:
        where = f" on {last.host}" if last.host not in ("", world.machine.host) else ""
        rows = [("Last success", f"{clock(last.time, now)}{where}")]
    if runs:
        rows.append(
            ("Next runs", ", ".join(clock(each.timestamp(), now) for each in runs[:3]))
        )
    valid = (
        f"none that can be refreshed; to log in: {context.location.command('login')}"
    )
    if until is not None:
        valid = (
            f"valid until {clock(until, now)}, with no further run"
            if until > now
            else "expired"
        )
    ui.table([*rows, ("Tokens", valid)], indent=0)
    ui.say()
    for label, row in zip(("", "  runs", "  tokens"), marks, strict=False):
        ui.raw(f"{label:<{_LABEL}}{row}")
    if runs and "!" in marks[-1]:
        ui.say("At the marks ! no token is valid.")


def _strip(
    context: Context,
    world: World,
    runs: Sequence[datetime],
    *,
    refresh: bool,
    kit: bool,
) -> tuple[str, ...]:
    """The next 24 hours, a mark for each half hour: the hours; ``^`` a run; ``=`` if all tokens are valid, else ``!``.

    ``refresh``: the runs refresh them; ``kit``: expired ones too, which the client alone never does (FACTS.md).
    """
    now = world.tokens.now
    until = _until(world)
    width = context.ui.width
    seconds = 3600.0 if width is not None and width < _LABEL + 50 else 1800.0
    cells = [now - now % seconds + at * seconds for at in range(int(_DAY / seconds))]
    hours = int(6 * 3600 / seconds)
    scale = "".join(clock(cell, cell).ljust(hours) for cell in cells[::hours]).rstrip()
    lives = [
        each.lifetime for each in world.tokens.usable if each.can_refresh and refresh
    ]
    valid_until = until or 0.0
    run_marks = valid = ""
    for cell in cells:
        due = [
            at
            for at in (each.timestamp() for each in runs)
            if cell <= at < cell + seconds
        ]
        covered = max(cell, now) <= valid_until
        for at in due:
            expired = at > valid_until
            covered = covered and not expired
            if lives and (kit or not expired):
                valid_until = max(valid_until, at + min(lives))
        run_marks += "^" if due else "."
        valid += "=" if covered and cell + seconds <= valid_until else "!"
    return (scale, run_marks) if until is None else (scale, run_marks, valid)
