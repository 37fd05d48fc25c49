"""``schedule --show``: the crontab line, what the doctor says of it, and the next 24 hours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ocarina_kit.cli.ui import Result, error_data
from ocarina_kit.doctor import crontab as crn
from ocarina_kit.doctor.check import Outcome
from ocarina_kit.doctor.world import World
from ocarina_kit.system.errors import KitError, Remedy
from ocarina_kit.system.secret import mask
from ocarina_kit.system.words import clock, span

if TYPE_CHECKING:
    from datetime import datetime

    from ocarina_kit.cli.context import Run
    from ocarina_kit.cron.line import Entry
    from ocarina_kit.cron.times import Times

_DAY = 86_400.0
_LABEL = 12
"""Columns before the strip."""


class Ahead(NamedTuple):
    """The next 24 hours, epoch seconds. ``runs``: those that refresh something. ``until``: when the first token
    expires, None if none can be refreshed. ``counted``: the runs that are relied on, each for ``lifetime`` seconds;
    ``kit``: they refresh an expired token too."""

    now: float
    runs: tuple[datetime, ...]
    until: float | None
    counted: tuple[float, ...] = ()
    lifetime: float = 0.0
    kit: bool = False


class Glance(World):
    """Looks at what the line names; nothing is begun beforehand."""

    def start(self, checks: set[str]) -> None:
        pass


def show_entry(run: Run) -> Result:
    """Show what there is, as the doctor judges it. Exit 1 if a check failed."""
    world = Glance(run.machine, run.place, seconds=30.0)
    entries = world.entries.active
    if entries and all(entry.marked for entry in entries):
        from ocarina_kit.client.find import Clients

        vars(world)["clients"] = Clients()  # the line's own client is looked at, and no other is searched for
    found = crn.judged(world)
    problems = _setup_problem(run, world)
    problems += [as_error(run, each) for each in found.values() if each.status in ("fail", "unknown")]
    warnings = [as_error(run, each) for each in found.values() if each.status == "warn"]
    ahead = _ahead(world, found, good=not problems)
    lines = [mask(entry.line.text) for entry in entries]
    error = next(iter(problems), None)
    data = members(world, next(iter(lines), None), ahead.runs[:3], next(iter(problems + warnings), None))
    if entries:
        _show(run, world, entries, ahead)
        for each in warnings:
            run.ui.warn(f"{each.what} {each.why} [{each.id}]")
        for each in problems[1:]:
            run.ui.error(each)
        if unclear := cron_unclear(found):
            run.ui.say(unclear)
    return Result(data, error)


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
        "next_runs": [each.isoformat() for each in runs],
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
    return KitError(found.said.text, id=found.id, why=why, remedy=remedy)


def cron_unclear(found: dict[str, Outcome]) -> str:
    """Why it is unknown whether cron runs here, as a sentence; "" if it is known."""
    text = found["CRN006"].said.text
    return f"{text[0].upper()}{text[1:]}." if "is unknown" in text else ""


def _setup_problem(run: Run, world: World) -> list[KitError]:
    """Why no line could refresh these tokens: the configuration or the tokens file cannot be used."""
    from ocarina_kit.tokens.outcome import undamaged

    try:
        undamaged(run.setup(), world.tokens.file)
    except KitError as problem:
        return [problem]
    return []


# --- what comes -----------------------------------------------------------------------------------------------


def _until(world: World) -> float | None:
    now = world.tokens.now
    return min((each.expiry(now) for each in world.tokens.usable if each.can_refresh), default=None)


def _ahead(world: World, found: dict[str, Outcome], *, good: bool) -> Ahead:
    """``good``: no check failed. Runs that a failed check denies are left out, and none is counted on then."""
    now, until = world.tokens.now, _until(world)
    working = [entry for entry in world.entries.active if _refreshes(world, entry, found)]
    runs = _runs(working, now)
    lifetime = min((each.lifetime for each in world.tokens.usable if each.can_refresh), default=0.0)
    counted = tuple(each.timestamp() for each in runs) if good else ()
    # The client alone never refreshes an expired token (FACTS.md).
    return Ahead(now, runs, until, counted, lifetime, any(entry.kind != "client" for entry in working))


def _refreshes(world: World, entry: Entry, found: dict[str, Outcome]) -> bool:
    """Whether a run of the entry can refresh something, as far as the checks tell."""
    from ocarina_kit.doctor.entry import program_faults

    if any(found[id].status == "fail" for id in ("CRN006", "CRN007")):
        return False
    return (
        found["CRN004"].status != "fail"
        or {call.tool for call in entry.calls} > program_faults(world, entry).keys()
    )


def _runs(entries: Sequence[Entry], now: float) -> tuple[datetime, ...]:
    """The runs of the next 24 hours, and three more."""
    found: set[datetime] = set()
    for times in [entry.times for entry in entries]:
        number, runs = 12, upcoming(now, times, 12)
        while len(runs) == number and runs[-3].timestamp() < now + _DAY:
            number *= 2
            runs = upcoming(now, times, number)
        found.update(runs)
    return tuple(sorted(found))


def upcoming(now: float, times: Times | None, number: int) -> list[datetime]:
    """The next runs after ``now``, in the time zone that cron goes by."""
    from ocarina_kit.cron.times import next_runs

    return [] if times is None else next_runs(times, _local(now), number)


# --- for people -----------------------------------------------------------------------------------------------


def _show(run: Run, world: World, entries: Sequence[Entry], ahead: Ahead) -> None:
    from ocarina_kit.cron.times import in_words
    from ocarina_kit.tokens.history import last_success

    ui, now = run.ui, ahead.now
    for entry in entries:
        when = in_words(entry.times) if entry.times is not None else "never"
        ui.say(f"{when[0].upper()}{when[1:]} on {world.machine.host} (line {entry.number} of your crontab):")
        ui.raw(mask(entry.line.text), indent=2)
    last = last_success(world.tokens.log, world.tokens.usable, now)
    success = "none is known"
    if last is not None:
        where = f" on {last.host}" if last.host not in ("", world.machine.host) else ""
        by = f" by {last.by}" if last.by not in ("", "refresh") else ""
        success = f"{clock(last.time, now)}{where}{by}"
    rows = [("Last success", success)]
    if ahead.runs:
        rows.append(("Next runs", ", ".join(clock(each.timestamp(), now) for each in ahead.runs[:3])))
    rows.append(("Tokens", _tokens_in_words(ahead)))
    ui.table(rows, indent=0)
    ui.say()
    rows_of_strip = strip(ahead, ui.width)
    for row in rows_of_strip:
        ui.raw(row)
    if "!" in rows_of_strip[-1] and ahead.runs:
        ui.say("At the marks ! no token is valid.")
    lost = [each for each in world.tokens.usable if not each.can_refresh]
    if lost or ahead.until is None:
        ui.next_step(
            run.place.command("login"), "a token cannot be refreshed" if lost else "there is no token"
        )


def _tokens_in_words(ahead: Ahead) -> str:
    if ahead.until is None:
        return "none that can be refreshed"
    if ahead.until > ahead.now:
        return f"valid until {clock(ahead.until, ahead.now)}, with no further run"
    ago = ahead.now - ahead.until
    return "expired" + (f" {span(ago)} ago" if ago < 3650 * _DAY else "")


def strip(ahead: Ahead, width: int | None) -> list[str]:
    """The next 24 hours as marks of 30 minutes, or of an hour in a narrow terminal: ``^`` a run, ``=`` a valid token,
    ``!`` none."""
    seconds = 3600.0 if width is not None and width < _LABEL + 50 else 1800.0
    start = ahead.now - _local(ahead.now).minute * 60 % seconds - ahead.now % 60
    cells = [start + at * seconds for at in range(int(_DAY / seconds))]
    times = [each.timestamp() for each in ahead.runs]
    runs = "".join("^" if any(cell <= each < cell + seconds for each in times) else "." for cell in cells)
    hours = int(6 * 3600 / seconds)
    scale = "".join(f"{_local(cell):%H:%M}".ljust(hours) for cell in cells[::hours])
    rows = [("", scale.rstrip()), ("  runs", runs)]
    if ahead.until is not None:
        rows.append(("  tokens", _validity(ahead, ahead.until, cells, seconds)))
    return [f"{label:<{_LABEL}}{marks}" for label, marks in rows]


def _validity(ahead: Ahead, until: float, cells: Sequence[float], seconds: float) -> str:
    """A mark for each span of ``seconds``: whether the token is valid all the time, with the runs that are counted."""
    marks, runs = "", list(ahead.counted)
    for cell in cells:
        valid = until > max(cell, ahead.now)
        while runs and runs[0] < cell + seconds:
            run = runs.pop(0)
            valid = valid and run < until
            if run < until or ahead.kit:
                until = run + ahead.lifetime
        marks += "=" if valid and until >= cell + seconds else "!"
    return marks
