"""``schedule --show``: the entry, its last success, its next runs, and the 24 hours ahead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ocarina_kit.cli.result import Result
from ocarina_kit.core.cron.refreshjob import Kind, RefreshJob
from ocarina_kit.core.cron.schedule_view import LEGEND, Outlook, Strip, in_sentences, life_of, outlook, strip
from ocarina_kit.core.errors import KitError, Remedy
from ocarina_kit.core.redact import mask
from ocarina_kit.flows.schedule_desk import Desk, last_refresh, look

if TYPE_CHECKING:
    from ocarina_kit.cli.context import Run
    from ocarina_kit.cli.render import Ui
    from ocarina_kit.core.tokens.last_refresh import LastRefresh

_KINDS = {
    Kind.KIT_FIRST: "ocarina-kit; ocarina if that can't start",
    Kind.KIT: "ocarina-kit",
    Kind.CLIENT: "ocarina alone",
}


@dataclass(frozen=True)
class _Seen:
    """``jobs`` are the set-up's entries that cron runs."""

    desk: Desk
    jobs: tuple[RefreshJob, ...]
    view: Outlook
    drawn: Strip
    last: LastRefresh | None


def show_entry(run: Run) -> Result:
    """Show what there is. Without an entry that runs: exit 1, with the check's id."""
    try:
        setup = run.setup()
    except KitError as problem:
        setup = None
        run.ui.warn(f"[{problem.id}] {problem.what}")
    desk = look(run.system, run.place, setup)
    jobs = desk.facts.entries.active
    view = _outlook(desk, jobs)
    seen = _Seen(desk, jobs, view, strip(view, run.ui.width), last_refresh(desk))
    data = _members(seen)
    error = _nothing_runs(desk, jobs)
    if error is not None:
        return Result.failed(error, data)
    _show(run.ui, seen)
    return Result(data=data)


def _outlook(desk: Desk, jobs: tuple[RefreshJob, ...]) -> Outlook:
    facts = desk.facts
    life = life_of(desk.tokens().entries, facts.now)
    heals = any(job.kind is not Kind.CLIENT for job in jobs)
    schedules = [job.schedule for job in jobs if job.schedule is not None]
    return outlook(schedules, now=facts.now, zone=facts.zone, life=life, heals=heals)


def _nothing_runs(desk: Desk, jobs: tuple[RefreshJob, ...]) -> KitError | None:
    facts, host = desk.facts, desk.facts.host
    if not facts.crontab.readable:
        return desk.unwritable
    if jobs:
        return None
    schedule = desk.place.command("schedule")
    if facts.entries.switched_off:
        numbers = ", ".join(str(job.number) for job in facts.entries.switched_off)
        return KitError(
            f"The entry of this set-up on {host} is commented out (line {numbers}), so it does not run.",
            id="CRN009",
            why="A line that begins with # is a comment to cron.",
            remedy=Remedy("schedule switches it on, after asking.", (schedule,)),
        )
    seen = desk.elsewhere
    why = f"Each host has a crontab of its own; this is {host}'s."
    if desk.other_hosts:
        why += f" There is, or was, an entry on {', '.join(desk.other_hosts)}."
    if seen is not None:
        at = facts.local(seen.when).strftime("%a %H:%M")
        return KitError(
            f"There is no entry of this set-up on {host}.",
            id="CRN002",
            why=f"None is needed here: {seen.host or 'another host or program'} refreshed the tokens ({at}). {why}",
        )
    return KitError(
        f"There is no entry of this set-up on {host}.",
        id="CRN002",
        why=why,
        remedy=Remedy("schedule installs one.", (schedule,)),
    )


# --- for people --------------------------------------------------------------------------------------------


def _show(ui: Ui, seen: _Seen) -> None:
    jobs, view, drawn, facts = seen.jobs, seen.view, seen.drawn, seen.desk.facts
    for job in jobs:
        ui.say(f"Line {job.number} of your crontab on {facts.host}:")
        ui.raw(mask(job.line.text))
        ui.say()
    if len(jobs) > 1:
        ui.warn(f"[CRN003] There are {len(jobs)} entries for this set-up; schedule brings them to one.")
    first = jobs[0]
    if not first.marked:
        ui.note("This line was not written by ocarina-kit; schedule would bring it to one good line.")
    if first.schedule is None:
        ui.warn(f"[CRN005] cron does not accept its times: {first.schedule_error}")
    elif first.schedule.at_reboot:
        ui.warn("[CRN005] It runs only when the host starts.")
    runs = [view.long(run) for run in view.runs[:3]]
    ui.pairs([
        ("runs", _KINDS[first.kind]),
        ("last success", _last(view, seen.last)),
        *((f"{name} run", run) for name, run in zip(("next", "second", "third"), runs, strict=False)),
    ])  # fmt: skip
    ui.heading(f"The next 24 hours; a mark is {drawn.minutes} minutes")
    for line in drawn.lines:
        ui.raw(line)
    ui.raw(LEGEND)
    ui.say()
    for sentence in in_sentences(view):
        ui.say(sentence)
    if view.life is not None:
        for scope in view.life.lost:
            ui.warn(
                f"[TOK005] The token of {scope} has no refresh token: no run keeps it. Log in for it again."
            )


def _last(view: Outlook, last: LastRefresh | None) -> str:
    if last is None:
        return "none is known"
    where = f", on {last.host}" if last.host else ", not by ocarina-kit"
    by = {"refresh": "", "login": " (log-in)", "doctor": " (doctor)"}.get(last.by, "")
    return f"{view.long(last.time)}{where}{by}"


# --- JSON --------------------------------------------------------------------------------------------------


def _members(seen: _Seen) -> dict[str, Any]:
    jobs, view, drawn, last, facts = seen.jobs, seen.view, seen.drawn, seen.last, seen.desk.facts
    first = next(iter(jobs), None)
    elsewhere = seen.desk.elsewhere
    names = ("every_run_happens", "next_run_missed", "next_two_runs_missed")
    return {
        "host": facts.host,
        "line": None if first is None else mask(first.line.text),
        "line_number": None if first is None else first.number,
        "runner": None if first is None else first.kind.value,
        "written_by_kit": first is not None and first.marked,
        "entries": [job.number for job in jobs],
        "switched_off": [job.number for job in facts.entries.switched_off],
        "others": [job.number for job in facts.entries.others],
        "elsewhere": None
        if elsewhere is None
        else {"host": elsewhere.host, "time": view.iso(elsewhere.when)},
        "last_success": None
        if last is None
        else {"time": view.iso(last.time), "host": last.host or None, "by": last.by or None},
        "next_runs": [view.iso(run) for run in view.runs[:3]],
        "runs": [view.iso(run) for run in view.runs_today],
        "tokens_live_until": None if view.life is None else view.iso(max(view.life.until, 0)),
        "uncovered": {
            name: [
                {"from": view.iso(span.start), "to": None if span.end is None else view.iso(span.end)}
                for span in spans
            ]
            for name, spans in zip(names, view.bare, strict=False)
        },
        "strip": {
            "from": view.iso(drawn.start),
            "minutes": drawn.minutes,
            "rows": dict(drawn.rows),
        },
        "words": list(in_sentences(view)) if first is not None else [],
    }
