"""CRN: the crontab entry that refreshes the tokens (CHECKS.md). What they look at and repair is in entry.py."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from ocarina_kit.doctor import entry as cron_entry
from ocarina_kit.doctor.check import (
    REGISTRY,
    Choice,
    Outcome,
    check,
    examine,
    follows,
    ok,
    problem,
    skip,
)
from ocarina_kit.doctor.entry import faulty
from ocarina_kit.doctor.world import World
from ocarina_kit.schedule import host as cron_host
from ocarina_kit.schedule.entry import Entry
from ocarina_kit.schedule.host import DaemonState
from ocarina_kit.schedule.plan import find_hazards
from ocarina_kit.schedule.scheduler import ListingState
from ocarina_kit.schedule.times import gap_problem, one_miss_expires
from ocarina_kit.schedule.times import last_run as last_run_of
from ocarina_kit.system.states import assert_never
from ocarina_kit.system.words import clock, listed, tilde
from ocarina_kit.tokens import history
from ocarina_kit.tokens.problems import describe_tokens

# Seconds after a due run before it counts as missed (CHECKS.md, CRN008).
GRACE = 600.0
_EXPIRE = "The tokens expire 10 hours after they were last refreshed."
_LOG_IN = "ocarina cannot refresh an expired token: one failed run, and you must log in again."
_WITHOUT = {
    "kit": "Only ocarina still refreshes the tokens, and never one that has expired.",
    "client": "ocarina-kit still refreshes the tokens; ocarina cannot take over if it fails.",
}
_SCHEDULE, _TEST = "ocarina-kit schedule", "ocarina-kit schedule --test"
_OTHER_HOST = (
    "Schedule the refresh on a host that has cron, or ask this one's administrators."
)


def _no_cron(world: World) -> str:
    return (
        "cron does not see a set-up from the environment (--env)"
        if world.location.from_env
        else ""
    )


def _no_entry(world: World) -> str:
    """Say why there is no entry to judge, or return ""."""
    no_cron = _no_cron(world)
    if no_cron or world.entries.active:
        return no_cron
    if world.entries.unclear:
        return "no entry on this host that can be judged"
    return "no entry on this host; the tokens are refreshed elsewhere"


_check = partial(check, oauth=True, run=_SCHEDULE, unless=_no_cron)
_check_entry = partial(check, oauth=True, run=_SCHEDULE, unless=_no_entry)


def judged(world: World) -> dict[str, Outcome]:
    """What each of these checks finds, whatever the other families say: for ``schedule --show``."""
    own = [each for each in REGISTRY.values() if each.family == "CRN"]
    own = [
        each._replace(needs=tuple(ids for ids in each.needs if ids[0][:3] == "CRN"))
        for each in own
    ]
    return {each.id: each for each in examine(world, Choice(), own)}


def _lines(entries: Sequence[Entry]) -> str:
    """``line 3``, ``lines 3 and 7``."""
    return ("line " if len(entries) == 1 else "lines ") + listed(
        [str(entry.number) for entry in entries]
    )


def _absent(world: World, said: str, **values: Any) -> Outcome:
    """Fine, if the tokens are refreshed elsewhere. ``said``: what is not here."""
    seen = cron_entry.refreshed_elsewhere(world)
    if seen is None:
        return problem("fail", f"{said}.", **values)
    who, when = (
        seen.host or "another host or program",
        clock(seen.time, world.tokens.now),
    )
    return ok(
        f"{said}, but {{other}} refreshed the tokens ({{time}}).",
        other=who,
        time=when,
        **values,
    )


# --- is there one entry ---------------------------------------------------------------------------------------


@_check(
    "CRN001",
    "The crontab can be read",
    impact=_EXPIRE,
    text=_OTHER_HOST,
    run=f"{_SCHEDULE} --print",
)
def readable(world: World) -> Outcome | None:
    """crontab -l lists what cron runs for you. Some hosts have no crontab command, or allow it to few; if another
    host refreshes the tokens, that is no fault. If it fails in another way, nothing is known, and the crontab is
    never taken for an empty one."""
    listing, host = world.listing, world.machine.host
    why = " ".join(listing.message.split())
    match listing.state:
        case ListingState.NONE_YET:
            return None
        case ListingState.READ:
            return ok("The crontab can be read.")
        case ListingState.DOUBTFUL:
            said = "The crontab can be read, but not written back as it is: it holds"
            return ok(f"{said} {{why}}.", why=why)
        case ListingState.NO_PROGRAM:
            said = "There is no crontab command on {host}"
            return _absent(world, said, host=host, why=why)
        case ListingState.NOT_ALLOWED:
            said = "You may not use crontab on {host}: {why}"
            return _absent(world, said, host=host, why=why)
        case ListingState.FAILED:
            said = "The crontab could not be read: {why}."
            text = "See what crontab says."
            return problem("unknown", said, text=text, run="crontab -l", why=why)
        case state:
            assert_never(state)


@_check("CRN009", "The entry is not commented out", needs="CRN001", impact=_EXPIRE)
def switched_on(world: World) -> Outcome | None:
    """Someone put a # before the only entry. There may have been a reason, so --fix leaves it; schedule asks, and
    switches it on. A commented-out line beside a good entry is no fault."""
    off = world.entries.off
    if not off or world.entries.active:
        return None
    return _absent(
        world, "The only entry is commented out (crontab, {lines})", lines=_lines(off)
    )


@_check(
    "CRN002", "An entry refreshes the tokens", needs="CRN001 CRN009", impact=_EXPIRE
)
def exists(world: World) -> Outcome | None:
    """An entry belongs to one configuration and profile. If another host or scheduler refreshed the tokens in the
    last 10 hours, none is needed here, and --fix adds none: two hosts get in each other's way. A line that speaks of a
    refresh in a form that ocarina-kit does not understand is named and left."""
    entries, host, location = world.entries, world.machine.host, world.location
    if entries.active:
        return ok(
            "An entry refreshes the tokens (crontab, {lines}).",
            lines=_lines(entries.active),
        )
    if cron_entry.refreshed_elsewhere(world):
        return _absent(world, "There is no entry on {host}", host=host)
    if entries.unclear:
        said = "It is unclear whether an entry refreshes the tokens (crontab, {lines})."
        text = "Look at it; or let ocarina-kit schedule add an entry."
        return problem("warn", said, text=text, lines=_lines(entries.unclear))
    absent = next(
        (
            id
            for id in ("CFG001", "CFG011")
            if world.config_findings[id].status == "fail"
        ),
        "",
    )
    if entries.others and absent:
        return follows(absent)
    setup = tilde(location.config, world.machine.home)
    setup = (
        setup if location.profile is None else f"profile {location.profile} of {setup}"
    )
    hosts, others = listed(cron_entry.other_hosts(world)), _lines(entries.others)
    said = "The crontab on {host} has no entry for {setup}."
    said += " Of another set-up: {others}." if entries.others else ""
    said += (
        " {hosts} refreshed the tokens before, but not in the last 10 hours."
        if hosts
        else ""
    )
    more: dict[str, Any] = {
        "host": host,
        "setup": setup,
        "others": others,
        "hosts": hosts,
    }
    if hosts:
        more["text"] = "Look at the entry there; or schedule it here:"
    elif absent:  # an entry for no set-up would only send mail
        text = "Set up ocarina; then schedule it."
        return problem("fail", said, text=text, run="ocarina-kit init", **more)
    return faulty(world, said, "add an entry to the crontab", **more)


@_check_entry("CRN003", "There is only one entry", needs="CRN002")
def only_one(world: World) -> Outcome | None:
    """The server accepts a refresh token once. --fix keeps one good line, and leaves those of other set-ups.

    Two refreshes at once use the same refresh token, and one of them may lose the new one.
    """
    entries = world.entries.active
    if len(entries) == 1:
        return None
    said = "There are {count} entries for this set-up (crontab, {lines})."
    by = "keep one crontab line for this set-up"
    return faulty(world, said, by, count=len(entries), lines=_lines(entries))


# --- does it run, and do what it should -----------------------------------------------------------------------


@_check_entry("CRN004", "The entry's programs can run", needs="CRN002 ENV002")
def programs(world: World) -> Outcome | None:
    """cron knows no conda environment and looks only in /usr/bin and /bin, so each program needs its absolute path.
    An environment that was removed or renamed leaves an old path behind.

    cron starts the line, and nothing is refreshed.
    """
    for entry in world.entries.active:
        bad = cron_entry.program_faults(world, entry)
        for tool, why in bad.items():
            some_run = len(bad) < len({call.tool for call in entry.calls})
            said, by = (
                "{why} (crontab, line {line}).",
                "put the right programs into the crontab entry",
            )
            impact = _WITHOUT[tool] if some_run else ""
            return faulty(world, said, by, impact=impact, why=why, line=entry.number)
    return None


@_check_entry("CRN005", "The entry runs often enough", needs="CRN002")
def often_enough(world: World) -> Outcome | None:
    """A token is valid for 10 hours, so the longest time between two runs must be shorter, also on days that the
    entry leaves out and in the night when summer time ends. For the client alone, one missed run must do no harm
    either.

    The token expires between two runs.
    """
    entries = world.entries.active
    good = [entry for entry in entries if not _gap(entry)]
    if not good:
        said, by = (
            "crontab, line {line}: {why}.",
            "give the crontab entry times that keep the token valid",
        )
        return faulty(world, said, by, line=entries[0].number, why=_gap(entries[0]))
    entry = good[0]
    if all(
        each.runner == "client" and each.times and one_miss_expires(each.times)
        for each in good
    ):
        said = "It runs so rarely that one missed run lets the token expire (crontab, line {line}: {times})."
        by = "give the crontab entry shorter intervals"
        return faulty(
            world,
            said,
            by,
            status="warn",
            impact=_LOG_IN,
            line=entry.number,
            times=entry.time,
        )
    return ok("The entry runs {times}.", times=entry.when)


def _gap(entry: Entry) -> str:
    """Why the tokens expire between two runs of the entry, in words; "" if they do not."""
    if entry.times is None:
        return f"cron does not run {entry.time!r} again and again"
    return gap_problem(entry.times)


@_check_entry(
    "CRN006", "A cron daemon runs here", needs="CRN002", text=_OTHER_HOST, run=""
)
def daemon_runs(world: World) -> Outcome | None:
    """A crontab is only a file until a cron daemon reads it. In a container, or if other users' processes are
    hidden, it is unknown whether one runs.

    The entry never runs, however right it is.
    """
    daemon = cron_host.find_daemon()
    match daemon.state:
        case DaemonState.RUNS:
            said = "A cron daemon runs on this host ({daemon})."
            return ok(said, daemon=daemon.reason)
        case DaemonState.UNKNOWN:
            said = "whether cron runs on this host is unknown: {why}"
            return skip(said, unclear=True, why=daemon.reason)
        case DaemonState.ABSENT:
            said = "No cron daemon runs on {host}: {why}."
            host = world.machine.host
            return problem("fail", said, host=host, why=daemon.reason)
        case state:
            assert_never(state)


@_check_entry("CRN007", "cron runs the entry as it is meant", needs="CRN004")
def runs_as_meant(world: World) -> Outcome | None:
    """In a crontab a bare % ends the command, a quoted ~ is not expanded, and SHELL, PATH and HOME are what lines
    above set them to. So what works in your shell may do nothing under cron.

    The line does something other than it says, or nothing.
    """
    for entry in world.entries.active:
        for line, what in find_hazards(entry, world.entry_spec.home):
            by = "write the crontab entry so that cron runs it as it is meant"
            return faulty(
                world, "crontab, line {line}: {what}.", by, line=line, what=what
            )
    return None


@_check_entry("CRN008", "The last due run did its work", needs="CRN007", run=_TEST)
def last_run(world: World) -> Outcome | None:
    """refresh.log and the tokens' own times show whether the last run that was due refreshed them; it has 10
    minutes. Runs from before ocarina-kit saw the entry do not count.

    If the next runs fail as well, the tokens expire.
    """
    log, host, now = world.tokens.log, world.machine.host, world.tokens.now
    seen = history.first_seen(log, host)
    if seen is None:
        return skip(
            "ocarina-kit has not seen this entry before, so no run is known to have been due"
        )
    before = datetime.fromtimestamp(now - GRACE, cron_host.read_zone())
    due: list[tuple[float, bool]] = []
    for entry in world.entries.active:
        elsewhen = {"CRON_TZ", "TZ"} & entry.variables.keys()
        run = (
            last_run_of(entry.times, before)
            if entry.times is not None and not elsewhen
            else None
        )
        if run is not None and run.timestamp() > seen:
            due.append((run.timestamp(), cron_entry.refreshes_all(entry)))
    if not due:
        return ok("No run has been due since ocarina-kit saw the entry.")
    at, complete = max(due)
    happened, failed = history.judge_run(
        at, log, world.tokens.usable, host, now, all_tokens=complete
    )
    when = clock(at, now)
    if happened and not failed:
        return ok("The run of {time} refreshed the tokens.", time=when)
    said = f"The run of {{time}} did not refresh {'the {what}' if happened else 'anything'}."
    text = "Run the entry as cron does. If that works, the host was down, or its cron does not run."
    return problem(
        "fail",
        said,
        text=text,
        run=_TEST,
        time=when,
        what=describe_tokens(failed, world.table),
    )


@_check_entry(
    "CRN010", "The entry can refresh an expired token", needs="CRN002", impact=_LOG_IN
)
def refreshes_expired(world: World) -> Outcome | None:
    """ocarina oauth refresh asks for a login if a token has expired, and under cron nobody answers. The entry that
    schedule writes runs ocarina-kit first. One that schedule --runner client wrote is left as it is."""
    plain = [
        entry
        for entry in world.entries.active
        if entry.runner == "client" and not entry.is_marked
    ]
    if not plain:
        return None
    said, by = (
        "The entry runs the client alone (crontab, line {line}).",
        "put ocarina-kit before the client",
    )
    return faulty(world, said, by, status="warn", line=plain[0].number)
