"""What ``schedule`` would make of this host's crontab: one plan for every fault of its entry, computed and not done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from posixpath import isabs

from ocarina_kit.core.client.resolution import Candidate, Resolution
from ocarina_kit.core.cron.cronline import LineError, Runner
from ocarina_kit.core.cron.cronplan import Outcome, plan_schedule
from ocarina_kit.core.cron.cronruns import SUMMER_TIME_MINUTES
from ocarina_kit.core.cron.cronspread import TOKEN_LIFE_MINUTES
from ocarina_kit.core.cron.crontime import MINUTES_A_DAY, Schedule
from ocarina_kit.core.cron.refreshjob import Kind, RefreshJob
from ocarina_kit.core.cron.schedule_facts import ScheduleFacts
from ocarina_kit.core.plan import Plan, SetCrontab


@dataclass(frozen=True)
class Repair:
    """``plan`` is empty where nothing may be changed; ``why_not`` then says why, in a sentence."""

    plan: Plan = field(default_factory=Plan)
    why_not: str = ""


def repair(
    schedule: ScheduleFacts, resolution: Resolution | None, named: Mapping[str, Candidate] | None = None
) -> Repair:
    """One good line for the set-up, whatever is wrong with it: so that the fixes of several checks are the same.

    ``named`` are clients that the entry names and no search found. Never switches a commented-out entry on, and leaves
    a line that does other work as well.
    """
    read = schedule.crontab
    if not read.writable:
        why = read.doubt.value if read.doubt is not None else read.words
        return Repair(why_not=f"The crontab can't be written: {why or 'it could not be read'}.")
    entries = schedule.entries
    survivor = next((job for job in entries.own if job.marked), next(iter(entries.own), None))
    client = _client(schedule, resolution, named or {}, survivor)
    if client is None:
        return Repair(why_not="There is no ocarina that a crontab entry could name.")
    keeps_client = survivor is not None and survivor.marked and survivor.kind is Kind.CLIENT
    too_rare = survivor is not None and survivor.kind is Kind.CLIENT and spans_a_life(survivor.schedule)
    # A broken ~ in the path of its configuration makes an entry another's: it goes, and the good one takes its place.
    crontab = schedule.parsed
    stray = [job.line.index for job in schedule.misled if not job.other_work]
    if stray:
        crontab = crontab.remove(*stray)
    try:
        plan = plan_schedule(
            crontab,
            schedule.ground.line(client, runner=Runner.CLIENT if keeps_client else Runner.KIT_FIRST),
            schedule.ground.owner,
            keep_times=not too_rare,
            canonical=schedule.canonical,
            gone_shells=schedule.gone_shells,
        )
    except LineError as problem:
        return Repair(why_not=f"No line can be built: {problem.what}; {problem.why}.")
    if plan.outcome is Outcome.MIXED:
        numbers = ", ".join(str(job.number) for job in plan.mixed)
        return Repair(why_not=f"Line {numbers} does other work as well: take the refresh out of it by hand.")
    after = plan.after.render()
    if plan.outcome is not Outcome.CHANGED or after == read.content:
        return Repair()
    return Repair(
        Plan((SetCrontab(read.content, after, "put one good entry for this set-up into the crontab"),))
    )


def _client(
    schedule: ScheduleFacts,
    resolution: Resolution | None,
    named: Mapping[str, Candidate],
    job: RefreshJob | None,
) -> str | None:
    """The client for the line: the one that a marked entry names where it works, else the one that was found."""
    path = job.client.path if job is not None and job.client is not None else ""
    wanted = job is not None and job.marked and path in named and named[path].works
    chosen = resolution.chosen if resolution is not None else None
    if chosen is not None and not wanted:
        return chosen.path
    program = schedule.programs.get(path)
    good = program is not None and program.executable and not program.interpreter_missing
    return path if good and isabs(path) else None


def spans_a_life(times: Schedule | None) -> bool:
    """Whether one missed run leaves a plain client line without a living token: the client never heals (FACTS.md).

    Two neighbouring gaps together, and the hour that the end of summer time adds.
    """
    if times is None or not times.every_day or not times.minutes_of_day:
        return True
    runs = times.minutes_of_day
    count = len(runs)
    widest = max(
        runs[(at + 2) % count] - runs[at] + MINUTES_A_DAY * ((at + 2) // count) for at in range(count)
    )
    extra = 0 if times.wildcard and widest <= SUMMER_TIME_MINUTES else SUMMER_TIME_MINUTES
    return widest + extra >= TOKEN_LIFE_MINUTES
