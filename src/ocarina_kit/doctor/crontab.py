"""CRN: the crontab entry that refreshes the tokens (CHECKS.md). What they look at and repair is in entry.py."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from posixpath import isabs

from ocarina_kit.cron import host as cron_host
from ocarina_kit.cron.line import Entry
from ocarina_kit.cron.plan import hazards
from ocarina_kit.doctor import entry as of
from ocarina_kit.doctor.check import (
    REGISTRY,
    Choice,
    Finding,
    Outcome,
    check,
    does_not_apply,
    examine,
    follows,
    ok,
    problem,
)
from ocarina_kit.doctor.entry import repair
from ocarina_kit.doctor.world import World
from ocarina_kit.system.errors import Remedy
from ocarina_kit.system.words import clock, listed
from ocarina_kit.tokens import history

__all__ = ["judged", "repair"]

GRACE = 600.0
"""Seconds after a due run before it counts as missed (CHECKS.md, CRN008)."""
_EXPIRE = "The tokens expire 10 hours after they were last refreshed."
_LOG_IN = "ocarina cannot refresh an expired token: one failed run, and you must log in again."

Judge = Callable[[World], Outcome]


def _check(
    id: str,
    title: str,
    impact: str,
    explain: str,
    *,
    rests: str = "CRN002",
    fix: str = "",
    run: str = "ocarina-kit schedule",
) -> Callable[[Judge], Judge]:
    """Register a check of the schedule. One that depends on CRN002 is about this host's entry: if all refreshes come
    from elsewhere, there is none."""

    def register(judge: Judge) -> Judge:
        @functools.wraps(judge)
        def judged(world: World) -> Outcome:
            if world.place.from_env:
                return does_not_apply("cron does not see a set-up from the environment (--env)")
            if id not in ("CRN001", "CRN002", "CRN009") and not world.entries.active:
                return does_not_apply("no entry on this host; the tokens are refreshed elsewhere")
            found = judge(world)
            if found.status != "fail" or found.remedy is not None or not run:
                return found
            return found._replace(remedy=Remedy(fix, (world.place.command(*run.split()[1:]),)))

        return check(id, title, impact=impact, explain=explain, rests=rests, fix=fix, run=run, oauth=True)(
            judged
        )

    return register


def judged(world: World) -> dict[str, Finding]:
    """What each of these checks finds, whatever the other families say: for ``schedule --show``."""
    found = []
    for each in [each for each in REGISTRY.values() if each.family == "CRN"]:
        found.append(each._replace(rests=tuple(ids for ids in each.rests if ids[0].startswith("CRN"))))
    return {each.check.id: each for each in examine(world, Choice(), found)}


def _by(world: World, seen: history.Refresh) -> dict[str, object]:
    who = seen.host or "another host or program"
    return {"other": who, "time": clock(seen.time, world.tokens.now)}


def _lines(entries: Sequence[Entry]) -> str:
    """``line 3``, ``lines 3 and 7``."""
    return ("line " if len(entries) == 1 else "lines ") + listed([str(entry.number) for entry in entries])


def _failed(
    world: World, said: str, fix: str, *, warn: bool = False, impact: str | None = None, **values: object
) -> Outcome:
    """A fault of the entry that one good line fixes. ``fix``: what it does, in words."""
    remedy, changes = of.fixed(world, fix)
    found = problem("warn" if warn else "fail", said, impact=impact, remedy=remedy, fix=changes)
    return found._replace(said=found.said._replace(values=values))


# --- is there one entry ---------------------------------------------------------------------------------------


@_check(
    "CRN001",
    "The crontab can be read",
    _EXPIRE,
    "crontab -l lists what cron runs for you. Some hosts have no crontab command, or allow it to few; if another host "
    "refreshes the tokens, that is no fault. If it fails in another way, nothing is known, and the crontab is never "
    "taken for an empty one.",
    rests="",
    fix="Give the line to whoever can install it, or schedule the refresh on a host that has cron.",
    run="ocarina-kit schedule --print",
)
def readable(world: World) -> Outcome:
    listing, host = world.listing, world.machine.host
    if listing.readable:
        but = "" if listing.writable else ", but not written back as it is: it holds {why}"
        return ok("There is no crontab yet." if listing.state == "none yet" else f"The crontab can be read{but}.",
                  why=listing.words)  # fmt: skip
    why = " ".join(listing.words.split())
    if listing.state == "failed":
        remedy = Remedy("See what crontab says.", ("crontab -l",))
        return problem("unknown", "The crontab could not be read: {why}.", remedy=remedy, why=why)
    missing = listing.state == "no program"
    said = "There is no crontab command on {host}" if missing else "You may not use crontab on {host}: {why}"
    if seen := of.refreshed_elsewhere(world):
        return ok(
            f"{said}, but {{other}} refreshed the tokens ({{time}}).", host=host, why=why, **_by(world, seen)
        )
    return problem("fail", f"{said}.", host=host, why=why)


@_check(
    "CRN009",
    "The entry is not commented out",
    _EXPIRE,
    "Someone put a # before the only entry. There may have been a reason, so --fix leaves it; schedule asks. A "
    "commented-out line beside a good entry is no fault.",
    rests="CRN001",
    fix="If it should run again, schedule switches it on, after asking.",
)
def switched_on(world: World) -> Outcome:
    off = world.entries.off
    if not off or world.entries.active:
        return ok("No entry is disabled.")
    if seen := of.refreshed_elsewhere(world):
        said = "The entry is commented out, but {other} refreshed the tokens ({time})."
        return ok(said, **_by(world, seen))
    return problem("fail", "The only entry is commented out (crontab, {lines}).", lines=_lines(off))


@_check(
    "CRN002",
    "An entry refreshes the tokens",
    _EXPIRE,
    "An entry belongs to one configuration and profile. If another host or scheduler refreshed the tokens in the last "
    "10 hours, none is needed here, and --fix adds none: two hosts get in each other's way.",
    rests="CRN001 CRN009",
)
def exists(world: World) -> Outcome:
    entries, host, place = world.entries, world.machine.host, world.place
    if entries.active:
        return ok("An entry refreshes the tokens (crontab, {lines}).", lines=_lines(entries.active))
    if seen := of.refreshed_elsewhere(world):
        said = "There is no entry on {host}, but {other} refreshed the tokens ({time})."
        return ok(said, host=host, **_by(world, seen))
    absent = next((id for id in ("CFG001", "CFG011") if world.config_findings[id].status == "fail"), "")
    if entries.others and absent:
        return follows(absent)
    setup = str(place.config) if place.profile is None else f"profile {place.profile} of {place.config}"
    said = "The crontab on {host} has no entry for {setup}."
    if entries.others:
        said += " Of another set-up: {others}."
    others, hosts = _lines(entries.others), listed(of.other_hosts(world))
    if hosts:
        said += " {hosts} refreshed the tokens before, but not in the last 10 hours."
        remedy = Remedy(
            "Look at the entry there; or, if this host is to refresh them:", (place.command("schedule"),)
        )
    if hosts or absent:  # an entry for no set-up would only send mail
        remedy = remedy if hosts else Remedy("Set up ocarina; then schedule it.", (place.command("init"),))
        return problem("fail", said, remedy=remedy, host=host, setup=setup, others=others, hosts=hosts)
    fix = "add a line to the crontab: refresh every 3 hours"
    return _failed(world, said, fix, host=host, setup=setup, others=others)


@_check(
    "CRN003",
    "There is only one entry",
    "Two refreshes at once use the same refresh token, and one of them may lose the new one.",
    "The server accepts a refresh token once. --fix keeps one good line, and leaves those of other set-ups.",
)
def only_one(world: World) -> Outcome:
    entries = world.entries.active
    if len(entries) == 1:
        return ok("There is one entry.")
    said, fix = (
        "There are {count} entries for this set-up (crontab, {lines}).",
        "keep one crontab line for this set-up",
    )
    return _failed(world, said, fix, count=len(entries), lines=_lines(entries))


# --- does it run, and do what it should -----------------------------------------------------------------------


@_check(
    "CRN004",
    "The entry's programs can run",
    "cron starts the line, and nothing is refreshed.",
    "cron knows no conda environment and looks only in /usr/bin and /bin, so each program needs its absolute path. An "
    "environment that was removed or renamed leaves an old path behind. A client that another user can replace is a "
    "risk: it reads your tokens.",
    rests="CRN002 ENV002",
)
def programs(world: World) -> Outcome:
    for entry in world.entries.active:
        bad = of.program_faults(world, entry)
        for tool, why in bad.items():
            impact = None
            if entry.kind == "kit-first" and len(bad) == 1:
                impact = "ocarina-kit still refreshes the tokens; ocarina cannot take over if it fails."
                if tool == "kit":
                    impact = "Only ocarina still refreshes the tokens, and never one that has expired."
            said, fix = "{why} (crontab, line {line}).", "put the right programs into the crontab entry"
            return _failed(world, said, fix, impact=impact, why=why, line=entry.number)
        if why := of.replaceable_client(world, entry):
            impact = "Whoever replaces it can read your tokens and act as you."
            return problem("warn", "The entry's client is not safe: {why}.", impact=impact, why=why)
    return ok("The programs of the entry can run.")


@_check(
    "CRN005",
    "The entry runs often enough",
    "The token expires between two runs.",
    "A token is valid for 10 hours, so the longest time between two runs must be shorter, also on days that the entry "
    "leaves out and in the night when summer time ends. For the client alone, one missed run must do no harm either.",
)
def often_enough(world: World) -> Outcome:
    from ocarina_kit.cron.times import gap_problem, in_words, one_miss_expires

    rare = {}
    for entry in world.entries.active:
        times = entry.times
        rare[entry.number] = (
            f"cron does not accept the times {entry.job.time!r}" if times is None else gap_problem(times)
        )
    kept = [entry for entry in world.entries.active if not rare[entry.number]]
    if not kept:
        number, why = next(iter(rare.items()))
        fix = "give the crontab entry times that keep the token valid"
        return _failed(world, "crontab, line {line}: {why}.", fix, line=number, why=why)
    first = kept[0]
    if all(entry.kind == "client" and one_miss_expires(entry.times) for entry in kept):
        said = "It runs so rarely that one missed run lets the token expire (crontab, line {line}: {times})."
        fix = "give the crontab entry shorter intervals"
        return _failed(world, said, fix, warn=True, impact=_LOG_IN, line=first.number, times=first.job.time)
    return ok("The entry runs {times}.", times=in_words(first.times) if first.times is not None else "")


@_check(
    "CRN006",
    "A cron daemon runs here",
    "The entry never runs, however right it is.",
    "A crontab is only a file until a cron daemon reads it. In a container, or if other users' processes are hidden, "
    "it is unknown whether one runs.",
    fix="Ask this host's administrators to start cron, or schedule the refresh on a host that has it.",
    run="",
)
def daemon(world: World) -> Outcome:
    state, why = cron_host.daemon_state(world.machine)
    if state == "runs":
        return ok("A cron daemon runs on this host ({daemon}).", daemon=why)
    if state == "unknown":
        return does_not_apply("whether cron runs on this host is unknown: {why}", why=why)
    return problem("fail", "No cron daemon runs on {host}: {why}.", host=world.machine.host, why=why)


@_check(
    "CRN007",
    "cron runs the entry as it is meant",
    "The line does something other than it says, or nothing.",
    "In a crontab a bare % ends the command, a quoted ~ is not expanded, and SHELL, PATH and HOME are what lines above "
    "set them to. So what works in your shell may do nothing under cron.",
    rests="CRN004",
)
def runs_as_meant(world: World) -> Outcome:
    gone = cron_host.gone_shells(world.crontab)
    for entry in world.entries.active:
        found = hazards(world.crontab, entry, world.ground.home, gone)
        texts = [
            each for each in found if each.kind == "text" or (each.kind == "path" and _needs_path(entry))
        ]
        bad = [(each.line, each.what) for each in texts]
        if entry in world.entries.misled:
            config = next(call.config for call in entry.calls if call.config is not None)
            bad.append(
                (entry.number, f"the ~ is quoted and so not expanded: it is for another file, {config}")
            )
        for line, what in bad:
            fix = "write the crontab entry so that cron runs it as it is meant"
            return _failed(world, "crontab, line {line}: {what}.", fix, line=line, what=what)
    return ok("cron runs the entry as it is written.")


def _needs_path(entry: Entry) -> bool:
    """Whether a program of the entry starts with ``#!/usr/bin/env``: then PATH says what runs it."""
    from ocarina_kit.client.launch import HEAD_BYTES, read_launch
    from ocarina_kit.system.files import read_file

    paths = [Path(call.program.path) for call in entry.calls if isabs(call.program.path)]
    shebangs = [read_launch((read_file(path).content or b"")[:HEAD_BYTES]).shebang for path in paths]
    return any(shebang[0].endswith("/env") for shebang in shebangs if shebang)


@_check(
    "CRN008",
    "The last due run did its work",
    "If the next runs fail as well, the tokens expire.",
    "refresh.log and the tokens' own times show whether the last run that was due refreshed them; it has 10 minutes. "
    "Runs from before ocarina-kit saw the entry do not count.",
    rests="CRN007",
    run="ocarina-kit schedule --test",
)
def last_run(world: World) -> Outcome:
    from datetime import datetime

    from ocarina_kit.cron.times import previous_run

    log, host, now = world.tokens.log, world.machine.host, world.tokens.now
    seen = history.first_seen(log, cron_host.changed_at(world.listing.content, world.machine.user), host)
    if seen is None:
        return does_not_apply(
            "ocarina-kit has not seen this entry before, so no run is known to have been due"
        )
    before = datetime.fromtimestamp(now - GRACE, cron_host.zone())
    due: list[tuple[float, bool]] = []
    for entry in world.entries.active:
        elsewhen = {"CRON_TZ", "TZ"} & entry.values.keys()
        run = previous_run(entry.times, before) if entry.times is not None and not elsewhen else None
        if run is not None and run.timestamp() > seen:
            due.append((run.timestamp(), of.refreshes_all(entry)))
    if not due:
        return ok("No run has been due since ocarina-kit first saw the entry.")
    at, complete = max(due)
    happened, failed = history.run_at(at, log, world.tokens.usable, host, now, all_tokens=complete)
    when, command = clock(at, now), world.place.command
    if not happened:
        text = "Run the line as cron does. If that works, the host was down, or its cron does not run."
        remedy = Remedy(text, (command("schedule", "--test"),))
        return problem("fail", "The run of {time} refreshed nothing.", remedy=remedy, time=when)
    if failed:
        from ocarina_kit.client.scopes import what_for

        names = listed(list(dict.fromkeys(what_for(scope, world.table) for scope in failed)))
        remedy = Remedy("Refresh by hand, to see why.", (command("refresh"),))
        said = "The run of {time} did not refresh the token to {purposes}."
        return problem("fail", said, remedy=remedy, time=when, purposes=names)
    return ok("The run of {time} refreshed the tokens.", time=when)


@_check(
    "CRN010",
    "The entry can refresh an expired token",
    _LOG_IN,
    "ocarina oauth refresh asks for a login if a token has expired, and under cron nobody answers. The entry that "
    "schedule writes runs ocarina-kit first. One that schedule --runner client wrote is left as it is.",
)
def refreshes_expired(world: World) -> Outcome:
    plain = [entry for entry in world.entries.active if entry.kind == "client" and not entry.marked]
    if not plain:
        return ok("The entry refreshes expired tokens too, or was written to run the client alone.")
    said, fix = (
        "The entry runs the client alone (crontab, line {line}).",
        "put ocarina-kit before the client in the crontab",
    )
    return _failed(world, said, fix, warn=True, line=plain[0].number)
