"""The crontab entry of a set-up: planned, proven, installed, and run once. For ``schedule`` and ``init``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ocarina_kit.cli.context import Context
from ocarina_kit.cli.schedule_show import as_error, upcoming
from ocarina_kit.client.find import Candidate, Clients, version_text
from ocarina_kit.client.places import cron_environment, thrown_away
from ocarina_kit.client.scopes import options_for, what_for
from ocarina_kit.config.location import Setup
from ocarina_kit.doctor import crontab as crontab_checks
from ocarina_kit.doctor.check import PROBLEMS, Choice, all_checks, examine
from ocarina_kit.doctor.entry import other_hosts, refreshed_elsewhere, refreshes_all
from ocarina_kit.doctor.world import World
from ocarina_kit.schedule.cron import Cron
from ocarina_kit.schedule.crontab import cron_command, encode
from ocarina_kit.schedule.entry import Entry, EntrySpec, read_entries
from ocarina_kit.schedule.host import kit_start_problem, program_problem
from ocarina_kit.schedule.install import install
from ocarina_kit.schedule.plan import EntriesByOwner, Plan, PlanOutcome, plan_schedule
from ocarina_kit.schedule.scheduler import Listing, ListingState
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.problem import Exit, KitError, Problem, Remedy, worst
from ocarina_kit.system.process import Completed
from ocarina_kit.system.secret import Secret, mask
from ocarina_kit.system.words import clock, count, listed, span
from ocarina_kit.tokens import log, problems
from ocarina_kit.tokens.file import Token
from ocarina_kit.tokens.history import BY_CRON

PLAN_S = 60.0
"""Seconds that :func:`plan_entry` takes at most: crontab has 20, and ocarina-kit, started as cron does, as many."""
# The first client to read OCARINA_CONF_FILE, --profile and MAJORA_TOKENS_FILE (FACTS.md, The client).
READS_ALL = (0, 48, 0)
# Checks that may object to a new entry: who can replace the client; variables that it does not set; times; cron.
_CAUTIONS = ("ENV005", "ENV006", "CRN005", "CRN006")


class Planned(NamedTuple):
    """What would be done, and the ``entry`` that comes of it. ``edit`` plans again on other bytes. ``problem``: why it
    cannot be done. ``left``: why none is added here unasked, in words: another host refreshes, or it is commented out.
    ``cautions``: to be known first."""

    world: World
    plan: Plan
    entry: Entry
    edit: Callable[[bytes], bytes]
    problem: Problem | None
    left: str
    cautions: tuple[Problem, ...]

    @property
    def when(self) -> str:
        """``every 3 hours at :37, next run 17:37``."""
        now = self.world.tokens.now
        first = upcoming(now, [self.entry])[0]
        return f"{self.entry.when}, next run {clock(first.timestamp(), now)}"


def plan_entry(
    context: Context,
    setup: Setup,
    client: Candidate | None,
    *,
    times: str | None = None,
    runner: str = "kit-first",
    switch_on: bool = False,
    prove: bool = True,
) -> Planned:
    """Plan the entry for ``client``, None if there is none. ``times``: five fields that a person gave. ``switch_on``:
    a commented-out entry may be used again. ``prove``: start this ocarina-kit as cron would, to see that it can.

    Raises KitError: CRN004 (this ocarina-kit, or the client alone, would not run under cron), CRN007 (no line
    can be built), ENV001 (``runner`` is the client, and there is none), SCH003 (it is too old).
    """
    world = context.world()
    alone = runner == "client"
    # The configuration may not be written yet.
    spec = world.entry_spec._replace(
        client=client.path if client is not None else None, domain=setup.domain
    )
    if not alone:
        _prove_kit(context, spec, start=prove)
    of_client = _client_problem(setup, spec, client, alone=alone)
    if of_client is not None and alone:
        raise KitError(of_client)

    def plan_for(content: bytes) -> Plan:
        return plan_schedule(
            content, spec, times=times, runner=runner, switch_on=switch_on
        )

    def edit(content: bytes) -> bytes:
        plan = plan_for(content)
        if (problem := in_the_way(context, plan.entries)) is not None:
            raise KitError(problem)
        return plan.after

    plan = plan_for(world.listing.content)
    line = encode(plan.line) + b"\n"
    entry = read_entries(line, context.machine.user, str(context.machine.home))[0]
    left = ""
    if plan.outcome is PlanOutcome.SWITCHED_OFF:
        left = f"Line {plan.entries.off[0].number} of your crontab is this set-up's entry, commented out."
    elif plan.outcome is PlanOutcome.ADDED and (
        refreshed_elsewhere(world) or other_hosts(world)
    ):
        found = crontab_checks.exists(world)
        if found is not None:
            left = f"{found.said} Each host has a crontab of its own."
    elif plan.outcome is PlanOutcome.ADDED and plan.entries.unclear:
        left = f"Line {plan.entries.unclear[0].number} of your crontab may refresh these tokens already."
    clients = Clients((client,), chosen=client) if client is not None else Clients()
    new = context.world(listing=Listing(ListingState.READ, plan.after), clients=clients)
    checks = [each._replace(needs=()) for each in all_checks() if each.id in _CAUTIONS]
    objections = [
        each
        for each in examine(new, Choice(), checks)
        if each.status in PROBLEMS or each.unclear
    ]
    problem = world.scheduler.find_problem(world.listing)
    problem = problem or in_the_way(context, plan.entries)
    cautions = (
        *filter(None, (of_client,)),
        *(as_error(context, each) for each in objections),
    )
    return Planned(world, plan, entry, edit, problem, left, cautions)


def in_the_way(context: Context, entries: EntriesByOwner) -> Problem | None:
    """SCH001 if the only entry does other work as well."""
    if entries.own or not entries.mixed:
        return None
    entry = entries.mixed[0]
    return Problem(
        message=f"Line {entry.number} of your crontab refreshes these tokens and does"
        " other work as well. It was not changed.",
        id="SCH001",
        why=f"The other work: {listed(entry.reading.other_work) or 'a refresh of another set-up'}.",
        remedy=Remedy(
            "Take the refresh out of it by hand.",
            ("crontab -e", context.location.command("schedule")),
        ),
    )


def install_entry(
    context: Context,
    setup: Setup,
    edit: Callable[[bytes], bytes],
    event: log.Event = log.Event.SCHEDULED,
) -> Path | None:
    """Edit the crontab as it is now, and log ``event``; returns the backup, None if there was no crontab.

    Raises KitError (CRN001, SCH, LCK): nothing was changed.
    """
    with context.ui.waiting("Writing the crontab", 90.0) as say:
        backup = install(context.machine, Cron(context.machine), edit, say)
    note(context, setup, event)
    return backup


def note(context: Context, setup: Setup, event: log.Event) -> None:
    """Log ``scheduled`` or ``unscheduled``: from the first on, CRN008 expects runs."""
    try:
        log.append(
            context.machine, [log.make_line(context.machine, setup, "schedule", event)]
        )
    except KitError as error:
        context.ui.warn(
            f"refresh.log was not written: {error.problem.text} [{error.problem.id}]"
        )


def _prove_kit(context: Context, spec: EntrySpec, *, start: bool) -> None:
    """Raises KitError (CRN004) if this ocarina-kit would be gone, or not start, when cron runs the entry."""
    why = "deleted again by the tool that made it" if thrown_away(spec.kit[0]) else ""
    if why or (start and (why := kit_start_problem(context.machine, spec.kit))):
        text = (
            "Install it to stay, as docs/install.md says; or let ocarina refresh alone."
        )
        raise KitError(
            Problem(
                message="This ocarina-kit cannot run in a cron job.",
                id="CRN004",
                why=f"{' '.join(spec.kit)}: {why}.",
                remedy=Remedy(
                    text, (context.location.command("schedule", "--runner", "client"),)
                ),
            )
        )


def _client_problem(
    setup: Setup, spec: EntrySpec, client: Candidate | None, *, alone: bool
) -> Problem | None:
    """Why the client cannot refresh these tokens when cron runs it, ``alone`` or after ocarina-kit."""
    usual = (
        str(Path(spec.home, ".ocarina")),
        Path(spec.home, ".ocarina-tokens"),
        None,
    )
    own = (spec.config, setup.tokens_file, spec.profile)
    remedy = Remedy("Install a newer client.", ("ocarina-kit install-client",))
    if client is None:
        what = "No ocarina client was found" + (
            "." if alone else ", so the entry runs ocarina-kit alone."
        )
        return Problem(
            message=what, id="ENV001", remedy=remedy._replace(text="Install one.")
        )
    if alone and not client.under_cron:
        remedy = Remedy(
            "Name another.", ("ocarina-kit schedule --ocarina /path/to/bin/ocarina",)
        )
        return Problem(
            message=f"{client.path}: {client.problem}.", id="CRN004", remedy=remedy
        )
    if (client.version or READS_ALL) >= READS_ALL or own == usual:
        return None
    what = (
        f"{client.described} does not read this set-up's file, profile or tokens file"
    )
    what += "." if alone else ", so it cannot take over from ocarina-kit."
    return Problem(
        message=what,
        id="SCH003",
        why=f"It is older than {version_text(READS_ALL)}.",
        remedy=remedy,
    )


# --- run now, as cron would: what came of it is told by the tokens' own times ---------------------------------

# The kit waits 90 s for the lock and 60 s for the server at most; the client alone never gives up (FACTS.md).
SECONDS = 180.0
_PROBE_S = 10.0
_LONGEST = 20_000
_TRACEBACK = r"(?m)^(?P<in>[ \t]*)Traceback \(most recent call last\):\n(?:(?P=in)[ \t]+.*\n|[ \t]*\n)*(?P<last>.*)"
# What the words of refresh.log mean; others are a problem.
_EXITS = {
    "refused-token": Exit.LOGIN,
    "lost": Exit.LOGIN,
    "unanswered": Exit.LOGIN,
    "network": Exit.UNKNOWN,
    "unreached": Exit.UNKNOWN,
    "maybe-lost": Exit.UNKNOWN,
}


class Trial(NamedTuple):
    """``tokens`` are those of now, ``fresh`` those of them that the entry refreshed. ``by_kit``: ocarina-kit ran.
    ``ended``: how and after how long the entry ended. ``output`` is masked. ``error``: why it did not do its work."""

    tokens: Sequence[Token]
    fresh: Sequence[Token]
    by_kit: bool
    ended: str
    output: str
    error: Problem | None

    @property
    def refreshed(self) -> str:
        return f"refreshed {count(len(self.fresh), 'token')}"


def run_command(
    machine: Machine, written: str, variables: Mapping[str, str]
) -> Completed:
    """Run the command ``written`` as it is in a crontab, as cron does: with its bare environment and shell, in the
    owner's home, without a terminal. ``variables`` are those set above it. Never raises.

    It is ended, with all that it started, after SECONDS.
    """
    command = cron_command(written)
    environ = cron_environment(machine.user, str(machine.home), variables)
    shell, home = environ["SHELL"], Path(environ["HOME"])
    problem = program_problem(shell) if home.is_dir() else f"{home} is not a folder"
    if problem:
        return Completed(None, error=f"cron cannot start it: {problem}")
    argv = [shell, "-c", command.text]
    return machine.run(
        argv, env=environ, stdin=encode(command.stdin), timeout=SECONDS, cwd=home
    )


def shown(done: Completed, secrets: Sequence[Secret] = ()) -> str:
    """What it wrote, masked. Of tracebacks of other programs only the last line."""
    output = (done.stdout + done.stderr).decode("utf-8", "backslashreplace").strip()
    output = re.sub(
        _TRACEBACK,
        lambda cut: f"{cut['last']}  (the end of a Python traceback)",
        output,
    )
    output = mask(output, secrets)
    return output if len(output) <= _LONGEST else f"{output[:_LONGEST]}\n… (cut)"


def try_line(context: Context, setup: Setup, entry: Entry) -> Trial:
    """Run the entry in cron's bare environment, with the crontab's own variables above it. It refreshes tokens."""
    machine = context.machine
    before = context.world().tokens
    started = machine.now()
    old = {token.key: token.access_token for token in before.file.tokens}
    with context.ui.waiting("Running the crontab entry as cron does", SECONDS):
        done = run_command(machine, entry.command, entry.variables)
    after = context.world().tokens
    secrets = list(setup.secrets)
    for token in (*before.file.tokens, *after.file.tokens):
        secrets += filter(None, (token.access_token, token.refresh_token))
    fresh = [each for each in after.usable if each.access_token != old.get(each.key)]
    stale = [each for each in after.usable if each not in fresh]
    # ocarina-kit writes its refreshes to refresh.log, the client does not.
    new = [
        each
        for each in after.log[len(before.log) :]
        if each.host == machine.host and each.by in ("refresh", BY_CRON)
    ]
    exits = [
        _EXITS.get(each.result, Exit.PROBLEM)
        for each in new
        if each.result not in (*log.VALID_RESULTS, log.Event.USED)
    ]
    if done.code != 0:
        exits.append(Exit.PROBLEM)
    how = (
        f"no exit code ({done.error})"
        if done.code is None
        else f"exit code {done.code}"
    )
    ended = f"{how}, after {span(after.now - started)}"
    error = None
    # An entry may leave tokens alone, as its options say.
    if not after.usable or (stale and (exits or refreshes_all(entry))):
        error = _error(context, stale, exits, f"The entry ended with {ended}.")
    error = error or _refusal(context, setup, fresh)
    return Trial(after.usable, fresh, bool(new), ended, shown(done, secrets), error)


def _refusal(context: Context, setup: Setup, fresh: Sequence[Token]) -> Problem | None:
    """Ask Majora about one of the new tokens: it refreshes those of an inactive account."""
    from ocarina_kit.majora.answers import ProbeKind
    from ocarina_kit.majora.api import Majora

    for token in fresh:
        if token.access_token is not None:
            majora = Majora(context.machine, setup.domain)
            with context.ui.waiting("Asking Majora about the token", _PROBE_S):
                probe = majora.probe_token(
                    token.access_token, setup.user, None, _PROBE_S
                )
            is_refused = probe.kind is ProbeKind.REFUSED
            return problems.inactive_account(setup) if is_refused else None
    return None


def _error(
    context: Context, stale: Sequence[Token], exits: Sequence[int], why: str
) -> Problem:
    """``stale``: the tokens that were not refreshed; without any there is no token."""
    exit = worst(exits) or Exit.PROBLEM
    if not all(each.can_refresh for each in stale) or not stale:
        exit = Exit.LOGIN
    id, what = "TOK001", "There is no token to refresh."
    if stale:
        names = listed(list(dict.fromkeys(what_for(each.key) for each in stale)))
        id, what = "CRN008", f"The crontab entry did not refresh the token to {names}."
    remedy = Remedy("See what is broken.", (context.location.command("doctor"),))
    if exit == Exit.LOGIN:
        again = context.location.command(
            "login", *options_for(each.key for each in stale)
        )
        remedy = Remedy("Log in again.", (again,))
    return Problem(message=what, id=id, why=why, remedy=remedy, exit=exit)
