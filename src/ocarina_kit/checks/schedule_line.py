"""CRN004, CRN005, CRN007, CRN008 and CRN010: what the entry runs, when, and whether it did."""

from __future__ import annotations

from posixpath import basename, isabs

from ocarina_kit.checks.model import Outcome, fail, not_applicable, ok, warn
from ocarina_kit.checks.schedule_entry import entries_of, mend, of_an_entry
from ocarina_kit.checks.token_words import name_of
from ocarina_kit.core.client.resolution import Candidate
from ocarina_kit.core.cron.cronhazards import Hazard, HazardKind, cron_hazards
from ocarina_kit.core.cron.cronruns import longest_gap, previous_run
from ocarina_kit.core.cron.cronspread import TOKEN_LIFE_MINUTES, duration_text
from ocarina_kit.core.cron.crontime import QuirkKind
from ocarina_kit.core.cron.refreshcall import RefreshCall, Tool
from ocarina_kit.core.cron.refreshjob import Kind, RefreshJob
from ocarina_kit.core.cron.schedule_facts import ProgramFacts, ScheduleFacts
from ocarina_kit.core.cron.schedule_repair import spans_a_life
from ocarina_kit.core.errors import Remedy
from ocarina_kit.core.facts import Facts
from ocarina_kit.core.tokens.refresh_history import first_seen, judge_run

GRACE = 600.0
"""Seconds after a due run before it is missed (CHECKS.md, CRN008)."""

# --- CRN004 -------------------------------------------------------------------------------------------------


@of_an_entry
def programs(facts: Facts, schedule: ScheduleFacts) -> Outcome:
    for job in entries_of(schedule):
        if problem := _program_problem(facts, schedule, job):
            remedy, plan = mend(facts, schedule, "schedule puts the right program in.")
            return fail(f"crontab, line {job.number}: {problem}.", remedy=remedy, fix=plan)
    return ok("The programs of the entry are there.")


def _hazards(schedule: ScheduleFacts, job: RefreshJob) -> tuple[Hazard, ...]:
    return cron_hazards(schedule.parsed, job, home=schedule.ground.home, gone_shells=schedule.gone_shells)


def _program_problem(facts: Facts, schedule: ScheduleFacts, job: RefreshJob) -> str:
    for hazard in _hazards(schedule, job):
        if hazard.kind is HazardKind.RELATIVE_PROGRAM and hazard.sure:
            return hazard.what
    for call in job.calls:
        for path in (*filter(isabs, call.program.starters), call.program.path):
            if problem := _missing(schedule.programs.get(path), path):
                return problem
        if call.tool is Tool.CLIENT and (problem := _stranger(facts, schedule, job, call)):
            return problem
    return ""


def _missing(program: ProgramFacts | None, path: str) -> str:
    if program is None:
        return ""
    if not program.exists:
        return f"{path} is not there" if isabs(path) else f"{path} is nowhere on the entry's PATH"
    if not program.executable:
        return f"{path} may not be executed"
    if program.interpreter_missing:
        return f"{path} does not start: its interpreter {program.interpreter_missing} is gone"
    return ""


def _stranger(facts: Facts, schedule: ScheduleFacts, job: RefreshJob, call: RefreshCall) -> str:
    """What is wrong with a client that is there and can be executed."""
    if facts.client is None or basename(call.program.path) != "ocarina":
        return ""  # an interpreter with a module, a shell's own word: no path to compare
    program = schedule.programs.get(call.program.path)
    if program is None or _among(facts.client.resolution.different, program):
        return ""
    same = _among(facts.client.resolution.candidates, program)
    what = same or (facts.named or {}).get(program.path)
    if what is not None and not what.works:
        return f"{call.program.path} is not the Majora client: {what.described}"
    # One that --ocarina named lies where no search looks; the kit wrote it, and it works.
    if what is None or job.marked:
        return ""
    chosen = facts.client.resolution.chosen
    found = f" ({chosen.path})" if chosen is not None else ""
    return f"{call.program.path} is another client than the one that was found{found}"


def _among(candidates: tuple[Candidate, ...], program: ProgramFacts) -> Candidate | None:
    return next(
        (
            each
            for each in candidates
            if program.real_path == each.real_path or program.path in (each.path, *each.also)
        ),
        None,
    )


# --- CRN005 and CRN010 --------------------------------------------------------------------------------------


@of_an_entry
def often_enough(facts: Facts, schedule: ScheduleFacts) -> Outcome:
    jobs = entries_of(schedule)
    troubles = [(job, _too_rare(job)) for job in jobs]
    if all(trouble for _, trouble in troubles):
        job, trouble = troubles[0]
        remedy, plan = mend(facts, schedule, "schedule gives it times that keep a token alive.")
        return fail(f"crontab, line {job.number}: {trouble}.", remedy=remedy, fix=plan)
    kept = [job for job, trouble in troubles if not trouble]
    if all(job.kind is Kind.CLIENT and spans_a_life(job.schedule) for job in kept):
        remedy, plan = mend(facts, schedule, "schedule gives it shorter intervals.")
        return warn(
            f"crontab, line {kept[0].number}: {kept[0].text.time} is so rare that one missed run lets the token "
            "expire.",
            consequence="The client never refreshes an expired token: one failed run ends it until you log in again.",
            remedy=remedy,
            fix=plan,
        )
    gap = longest_gap(kept[0].schedule) if kept[0].schedule is not None else None
    # The hour that the end of summer time adds once a year would only puzzle here.
    usual = gap.minutes - gap.summer_time_minutes if gap is not None else 0
    longest = f"; at most {duration_text(usual)} apart" if gap is not None else ""
    return ok(f"The entry runs often enough ({kept[0].text.time}{longest}).")


def _too_rare(job: RefreshJob) -> str:
    times = job.schedule
    if times is None:
        error = job.schedule_error
        why = f": {error.reason}" if error is not None else ""
        return f"cron does not accept the times {job.text.time!r}{why}, so it never runs"
    if times.at_reboot:
        return "@reboot runs only when the host starts"
    for quirk in times.quirks:
        if quirk.kind is not QuirkKind.RANDOM:
            return f"{times.text}: {quirk}"
    gap = longest_gap(times)
    if gap is None:
        return f"{times.text} never runs: no minute of any year matches it"
    if gap.minutes >= TOKEN_LIFE_MINUTES:
        return (
            f"{times.text} is too rare: a token lives 10 h, and nothing refreshes it for "
            f"{duration_text(gap.minutes)} {gap.where()}"
        )
    return ""


@of_an_entry
def heals(facts: Facts, schedule: ScheduleFacts) -> Outcome:
    plain = [job for job in entries_of(schedule) if job.kind is Kind.CLIENT and not job.marked]
    if not plain:
        return ok("The entry heals an expired token, or was chosen to run the client alone.")
    remedy, plan = mend(facts, schedule, "schedule puts ocarina-kit before the client.")
    return warn(f"crontab, line {plain[0].number}: the entry runs the client alone.", remedy=remedy, fix=plan)


# --- CRN007 -------------------------------------------------------------------------------------------------

_NOT_HERE = frozenset({HazardKind.RELATIVE_PROGRAM, HazardKind.SOURCE})


@of_an_entry
def runs_as_written(facts: Facts, schedule: ScheduleFacts) -> Outcome:
    for job in entries_of(schedule):
        for hazard in _hazards(schedule, job):
            if hazard.kind in _NOT_HERE or not (hazard.sure or _path_matters(schedule, job, hazard)):
                continue
            remedy, plan = mend(facts, schedule, "schedule writes a line that cron runs as it is meant.")
            return fail(f"crontab, line {hazard.line}: {hazard.what}.", remedy=remedy, fix=plan)
    misled = schedule.misled
    if misled and not schedule.entries.active:
        config = next(call.config for call in misled[0].calls if call.config is not None)
        remedy, plan = mend(facts, schedule, "schedule writes a line that cron runs as it is meant.")
        return fail(
            f"crontab, line {misled[0].number}: the ~ is quoted and so not expanded: the entry is for another "
            f"configuration ({config}).",
            remedy=remedy,
            fix=plan,
        )
    return ok("cron runs the entry as it is written.")


def _path_matters(schedule: ScheduleFacts, job: RefreshJob, hazard: Hazard) -> bool:
    """Whether a ``PATH=`` line without the system's folders keeps one of the entry's programs from starting."""
    return hazard.kind is HazardKind.PATH_LINE and any(
        program.started_by_path
        for call in job.calls
        if (program := schedule.programs.get(call.program.path)) is not None
    )


# --- CRN008 -------------------------------------------------------------------------------------------------


@of_an_entry
def last_run(facts: Facts, schedule: ScheduleFacts) -> Outcome:
    jobs = [
        job
        for job in entries_of(schedule)
        if job.schedule is not None and not {"CRON_TZ", "TZ"} & job.variables.keys()
    ]
    seen = first_seen(schedule.log, schedule.stood_since, host=schedule.host)
    if seen is None:
        return not_applicable("ocarina-kit has not seen this entry before: no run is known to have been due.")
    before = schedule.local(schedule.now - GRACE)
    due_runs = [
        (run.timestamp(), job)
        for job in jobs
        if job.schedule is not None and (run := previous_run(job.schedule, before)) is not None
    ]
    due_runs = [(moment, job) for moment, job in due_runs if moment > seen]
    if not due_runs:
        return ok("No run was due yet since the entry was put there.")
    due, job = max(due_runs, key=lambda each: each[0])
    tokens = facts.tokens
    verdict = judge_run(
        due,
        schedule.log,
        tokens.usable if tokens is not None else (),
        host=schedule.host,
        now=schedule.now,
        refreshes_all=_refreshes_all(job),
    )
    when = f"{schedule.local(due):%a %H:%M}"
    if not verdict.happened:
        return fail(
            f"The run that was due at {when} did not happen: nothing was refreshed since.",
            remedy=Remedy(
                "See what the line does in cron's own environment. Where that works, the host was down or its cron "
                "does not run.",
                (facts.config.place.command("schedule", "--test"),),
            ),
        )
    if verdict.failed:
        scope, word = verdict.failed[0]
        more = f", and {len(verdict.failed) - 1} more" if len(verdict.failed) > 1 else ""
        said = f" ({word})" if word else ""
        return fail(
            f"The run that was due at {when} did not refresh the token for "
            f"{name_of(scope, facts.table)}{said}{more}.",
            remedy=Remedy(
                "Refresh by hand, to see what stands in the way.", (facts.config.place.command("refresh"),)
            ),
        )
    return ok(f"The run that was due at {when} did its work.")


def _refreshes_all(job: RefreshJob) -> bool:
    partial = ("--within", "--scope", "--scopes")
    return not any(word.partition("=")[0] in partial for call in job.calls for word in call.arguments)
