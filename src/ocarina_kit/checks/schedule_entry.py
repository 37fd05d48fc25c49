"""CRN001, CRN002, CRN003, CRN006 and CRN009: is there a crontab here, is there one entry in it, does cron run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps

from ocarina_kit.checks import config_file, config_layout
from ocarina_kit.checks.config_members import follows
from ocarina_kit.checks.model import Outcome, Status, fail, not_applicable, ok, unknown
from ocarina_kit.core.cron.crontab_read import ReadOutcome
from ocarina_kit.core.cron.refreshjob import RefreshJob
from ocarina_kit.core.cron.schedule_facts import Daemon, ScheduleFacts
from ocarina_kit.core.cron.schedule_repair import repair
from ocarina_kit.core.errors import Remedy
from ocarina_kit.core.facts import Facts
from ocarina_kit.core.plan import Plan
from ocarina_kit.core.tokens.refresh_history import Elsewhere, other_hosts, refreshed_elsewhere

LATE = "There was no time left to look at the crontab."
FROM_ENV = "A set-up from the environment (--env) can't be scheduled: cron does not see its variables."


def looked(probe: Callable[[Facts, ScheduleFacts], Outcome]) -> Callable[[Facts], Outcome]:
    """A probe of the schedule: with ``--env`` there is none to have."""

    @wraps(probe)
    def judged(facts: Facts) -> Outcome:
        if facts.config.place.from_env:
            return not_applicable(FROM_ENV)
        return unknown(LATE) if facts.schedule is None else probe(facts, facts.schedule)

    return judged


def of_an_entry(probe: Callable[[Facts, ScheduleFacts], Outcome]) -> Callable[[Facts], Outcome]:
    """A probe of this host's entry: where all refreshes come from elsewhere, there is none to judge."""

    @wraps(probe)
    def judged(facts: Facts, schedule: ScheduleFacts) -> Outcome:
        if not entries_of(schedule):
            return not_applicable("There is no entry on this host; the refreshes come from elsewhere.")
        return probe(facts, schedule)

    return looked(judged)


def entries_of(schedule: ScheduleFacts) -> tuple[RefreshJob, ...]:
    """The active lines that are, or are meant to be, this set-up's entry."""
    return schedule.entries.active or schedule.misled


def elsewhere(facts: Facts, schedule: ScheduleFacts) -> Elsewhere | None:
    tokens = facts.tokens.usable if facts.tokens is not None else ()
    return refreshed_elsewhere(schedule.log, tokens, host=schedule.host, now=schedule.now)


def _told(schedule: ScheduleFacts, found: Elsewhere) -> str:
    when = f"{schedule.local(found.when):%H:%M}"
    if found.host is not None:
        return f"{found.host} refreshed the tokens at {when}"
    return f"another host or scheduler refreshed the tokens at {when}"


def lines_of(jobs: Sequence[RefreshJob]) -> str:
    """``line 3``, ``lines 3 and 7``."""
    numbers = [str(job.number) for job in jobs]
    if len(numbers) == 1:
        return f"line {numbers[0]}"
    return f"lines {', '.join(numbers[:-1])} and {numbers[-1]}"


def mend(facts: Facts, schedule: ScheduleFacts, text: str) -> tuple[Remedy, Plan]:
    """The remedy, and what ``--fix`` does: one good entry, whatever is wrong with it."""
    found = repair(schedule, facts.client.resolution if facts.client is not None else None, facts.named)
    words = f"{text} {found.why_not}".rstrip() if found.why_not else text
    command = "crontab -e" if "by hand" in found.why_not else facts.config.place.command("schedule")
    return Remedy(words, (command,)), found.plan


# --- CRN001 -------------------------------------------------------------------------------------------------


@looked
def crontab(facts: Facts, schedule: ScheduleFacts) -> Outcome:
    read = schedule.crontab
    words = " ".join(read.words.split()).rstrip(".")
    if read.outcome is ReadOutcome.NONE_YET:
        return ok("There is no crontab yet.")
    if read.outcome is ReadOutcome.CRONTAB:
        return ok("The crontab can be read.")
    if read.outcome is ReadOutcome.DOUBTFUL:
        why = f": it holds {read.doubt.value}" if read.doubt is not None else ""
        return ok(f"The crontab can be read, but not written back as it is{why}.")
    if read.outcome is ReadOutcome.FAILED:
        return unknown(
            f"The crontab could not be read: {words}.",
            remedy=Remedy("See what crontab itself says.", ("crontab -l",)),
        )
    missing = read.outcome is ReadOutcome.NO_PROGRAM
    what = (
        f"There is no crontab command on {schedule.host}"
        if missing
        else f"crontab is not allowed for {schedule.ground.user} on {schedule.host}: {words}"
    )
    if (found := elsewhere(facts, schedule)) is not None:
        return ok(f"{what}, but {_told(schedule, found)}.")
    return fail(
        f"{what}.",
        remedy=Remedy(
            "Set the refresh up on a host that has cron, or hand the line that schedule prints to whoever can install "
            "it.",
            (facts.config.place.command("schedule", "--print"),),
        ),
    )


# --- CRN009, CRN002, CRN003 ---------------------------------------------------------------------------------


@looked
def switched_on(facts: Facts, schedule: ScheduleFacts) -> Outcome:
    off = schedule.entries.switched_off
    if not off or entries_of(schedule):
        return ok("No entry is commented out that is missed.")
    if (found := elsewhere(facts, schedule)) is not None:
        return ok(f"The entry on {lines_of(off)} is commented out, but {_told(schedule, found)}.")
    return fail(
        f"crontab, {lines_of(off)}: the only entry of this set-up is commented out. Someone switched it off.",
        remedy=Remedy(
            "Where it should run again, schedule switches it on, after asking.",
            (facts.config.place.command("schedule"),),
        ),
    )


@looked
def entry(facts: Facts, schedule: ScheduleFacts) -> Outcome:
    jobs = entries_of(schedule)
    if jobs:
        return ok(f"crontab, {lines_of(jobs)}: an entry refreshes the tokens.")
    if (found := elsewhere(facts, schedule)) is not None:
        return ok(f"There is no entry on {schedule.host}, but {_told(schedule, found)}.")
    place = facts.config.place
    others = schedule.entries.others
    if others and (cause := _no_setup(facts)) is not None:
        return follows(cause)
    beside = (
        f" The one on {lines_of(others)} is for another configuration or profile."
        if len(others) == 1
        else f" Those on {lines_of(others)} are for other configurations or profiles."
        if others
        else ""
    )
    which = f"profile {place.profile} of {place.config}" if place.profile is not None else str(place.config)
    detail = f"The crontab on {schedule.host} has no active entry for {which}.{beside}"
    hosts = other_hosts(schedule.log, host=schedule.host)
    if hosts:
        return fail(
            f"{detail} {' and '.join(hosts)} refreshed the tokens before, but not in the last 10 hours.",
            remedy=Remedy(
                f"See to the entry on {hosts[-1]}; or, where this host is to refresh from now on, schedule it here.",
                (place.command("schedule"),),
            ),
        )
    remedy, plan = mend(facts, schedule, "schedule adds one.")
    return fail(detail, remedy=remedy, fix=plan)


def _no_setup(facts: Facts) -> str | None:
    """The check that says that this set-up does not exist: where others have their entries, it is not the entry that
    it lacks."""
    absent = (("CFG001", config_file.there), ("CFG011", config_layout.profile))
    return next((id for id, probe in absent if probe(facts).status is Status.FAIL), None)


@of_an_entry
def only_one(facts: Facts, schedule: ScheduleFacts) -> Outcome:
    jobs = entries_of(schedule)
    if len(jobs) == 1:
        return ok("There is one entry.")
    remedy, plan = mend(facts, schedule, "schedule makes one of them.")
    return fail(
        f"crontab, {lines_of(jobs)}: there are {len(jobs)} entries for this set-up.", remedy=remedy, fix=plan
    )


# --- CRN006 -------------------------------------------------------------------------------------------------


@of_an_entry
def daemon(facts: Facts, schedule: ScheduleFacts) -> Outcome:
    seen = schedule.daemon
    if seen.state is Daemon.RUNS:
        return ok(f"A cron daemon runs on {schedule.host} ({seen.detail}).")
    if seen.state is Daemon.UNTOLD:
        return not_applicable(f"Whether a cron daemon runs here can't be told: {seen.detail}.")
    return fail(f"No cron daemon runs on {schedule.host}: {seen.detail}.")
