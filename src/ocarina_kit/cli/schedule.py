"""``ocarina-kit schedule``: refresh the tokens automatically, by one crontab entry."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Annotated, Literal

import typer

from ocarina_kit.cli import options
from ocarina_kit.cli.context import Context, start
from ocarina_kit.cli.options import Text, flag, option
from ocarina_kit.cli.schedule_line import (
    PLAN_S,
    Planned,
    in_the_way,
    install_entry,
    note,
    plan_entry,
    try_line,
)
from ocarina_kit.cli.schedule_show import members, show_entry, upcoming
from ocarina_kit.cli.ui import Result
from ocarina_kit.client.find import TIMEOUT, Clients, find_clients
from ocarina_kit.client.scopes import what_for
from ocarina_kit.config.location import Setup
from ocarina_kit.doctor.world import World
from ocarina_kit.schedule.entry import Entry, check_with_python_crontab
from ocarina_kit.schedule.plan import EntriesByOwner, PlanOutcome, plan_removal
from ocarina_kit.schedule.times import parse_every, parse_times, refuse_long_gap, spread
from ocarina_kit.system.change import Action, Change, difference
from ocarina_kit.system.problem import KitError, Problem, Remedy, usage_error
from ocarina_kit.system.words import clock, span
from ocarina_kit.tokens import log
from ocarina_kit.tokens.history import first_seen

Edit = Callable[[bytes], bytes]

EPILOG = """Examples:
  ocarina-kit schedule
  ocarina-kit schedule --show
  ocarina-kit schedule --cron "20 */2 * * *"
  ocarina-kit schedule --print         the line for an administrator, or another scheduler"""


def command(
    ctx: typer.Context,
    *,
    every: Annotated[
        Text, option("--every", "INTERVAL", "How often: 3h (the default), 30m.")
    ] = None,
    cron: Annotated[
        Text,
        option("--cron", '"EXPR"', "Or fields: minute, hour, day, month, weekday."),
    ] = None,
    ocarina: Annotated[
        Text, option("--ocarina", "PATH", "The client for the line.")
    ] = None,
    runner: Annotated[
        Literal["kit-first", "client"] | None,
        option(
            "--runner",
            None,
            "ocarina-kit, and ocarina if it cannot start (default); or ocarina alone.",
        ),
    ] = None,
    show: Annotated[
        bool, flag("--show", "Show the line, and the next 24 hours.")
    ] = False,
    test: Annotated[
        bool, flag("--test", "Run the line now, as cron does, and show the result.")
    ] = False,
    print_: Annotated[
        bool, flag("--print", "Print the line, and install nothing.")
    ] = False,
    remove: Annotated[bool, flag("--remove", "Remove the line.")] = False,
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
) -> Result:
    """Refresh the tokens automatically: one crontab line, every 3 hours.

    Every other byte of the crontab stays as it is. Run it again to repair the line.
    """
    wish = {"--every": every, "--cron": cron, "--ocarina": ocarina, "--runner": runner}
    ways = {"--show": show, "--test": test, "--print": print_, "--remove": remove}
    way = _one_way(ways, wish, {"--dry-run": dry_run, "--yes": yes})
    context = start(ctx)
    if context.location.from_env:
        what = "A crontab entry cannot take its set-up from the environment (--env)."
        why = "A cron job has none of this shell's variables, and a crontab is no place for secrets."
        remedy = Remedy(
            "Write a configuration file.", ("ocarina-kit init", "ocarina-kit schedule")
        )
        raise usage_error(what, why=why, remedy=remedy)
    if way == "--show":
        return show_entry(context)
    if way == "--remove":
        return _remove(context, yes=yes, dry_run=dry_run)

    setup = context.oauth_setup()
    if test and not any(wish.values()) and (entry := _installed(context)) is not None:
        where = context.world().scheduler.locate(entry.number)
        return _try(context, setup, entry, where)
    if print_:
        context.ui.to_stderr()
    times = _times(context, setup, every, cron)
    clients = _find_client(context, ocarina)
    chosen = clients.chosen
    by = runner or "kit-first"
    with context.ui.waiting("Planning the crontab line", PLAN_S):
        planned = plan_entry(
            context,
            setup,
            chosen,
            times=times,
            runner=by,
            switch_on=True,
            prove=not print_,
        )
    if test:
        return _try(
            context, setup, planned.entry, "the line that schedule would install"
        )
    if chosen is not None and not print_:
        context.ui.say(f"Client: {chosen.path} ({chosen.described}). {clients.why}")
    for each in planned.cautions:
        step = " ".join((each.remedy.text, *each.remedy.commands[:1])).strip()
        context.ui.caution(each, step)
    problem = None
    line = planned.plan.line
    if not print_:
        problem = _install(context, setup, planned, yes=yes, dry_run=dry_run)
    elif not context.ui.json:  # the line's very bytes: a path may be no UTF-8
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")  # type: ignore[union-attr]
        print(line)
    if problem is not None and problem.id != "SCH001":
        context.ui.say("This is the line, for whoever can install it:")
        context.ui.raw(line)
    return _result(planned.world, line, planned.entry, problem)


def _result(
    world: World,
    line: str | None,
    entry: Entry | None = None,
    problem: Problem | None = None,
) -> Result:
    runs = upcoming(world.tokens.now, [entry] if entry is not None else [])
    return Result(members(world, line, runs, problem), problem)


# --- what was asked for ---------------------------------------------------------------------------------------


def _one_way(
    ways: dict[str, bool], wish: dict[str, str | None], consent: dict[str, bool]
) -> str:
    """The one of --show, --test, --print, --remove that was given, or "". Raises KitError (usage)."""
    if wish["--every"] is not None and wish["--cron"] is not None:
        raise _exclude("--every", "--cron")
    way, *wrong = [name for name, on in ways.items() if on] or [""]
    wrong += [
        name
        for name, value in wish.items()
        if value is not None and way in ("--show", "--remove")
    ]
    wrong += [
        name
        for name, on in consent.items()
        if on and way in ("--show", "--test", "--print")
    ]
    if wrong:
        raise _exclude(way, wrong[0])
    return way


def _exclude(one: str, other: str) -> KitError:
    help = Remedy("The help says what goes together.", ("ocarina-kit schedule --help",))
    return usage_error(f"{one} and {other} exclude each other.", remedy=help)


def _times(
    context: Context, setup: Setup, every: str | None, cron: str | None
) -> str | None:
    """The five fields that a person asked for. Raises KitError (usage): cron does not accept them, they leave a gap of
    10 h or more (CRN005), or python-crontab reads them in another way (SCH010)."""
    if every is not None:
        return spread(
            context.machine.user, context.machine.host, setup.domain, parse_every(every)
        )
    if cron is not None:
        cron = " ".join(cron.split())  # python-crontab does not take two blanks
        refuse_long_gap(parse_times(cron))
        check_with_python_crontab(f"{cron} ocarina-kit")
    return cron


def _find_client(context: Context, named: str | None) -> Clients:
    """The clients. Raises KitError (ENV001, ENV002, ENV003) if the one that was named is no good."""
    with context.ui.waiting("Looking for the ocarina client", 2 * TIMEOUT):
        clients = find_clients(context.machine, named, first=True)
    if named is None or clients.chosen is not None:
        return clients
    what = f"{named} cannot be used in the crontab entry."
    remedy = Remedy("Name another, or install one.", ("ocarina-kit install-client",))
    raise KitError(
        Problem(
            message=what, id=clients.all[0].failed_check, why=clients.why, remedy=remedy
        )
    )


# --- install, remove ------------------------------------------------------------------------------------------


def _install(
    context: Context, setup: Setup, planned: Planned, *, yes: bool, dry_run: bool
) -> Problem | None:
    """Install the entry if it is agreed to; returns why it could not be."""
    ui, entries, host = context.ui, planned.plan.entries, context.machine.host
    for other in entries.others:
        ui.say(
            f"Line {other.number} of your crontab refreshes another set-up's tokens. It stays as it is."
        )
    for unclear in entries.unclear:
        ui.say(
            f"Line {unclear.number} of your crontab speaks of a refresh, in a form that is not understood."
            " It stays as it is."
        )
    if planned.problem is not None:
        return planned.problem
    _warn_of_mixed(context, entries)
    if planned.plan.outcome is PlanOutcome.UNCHANGED:
        ui.say(
            f"Your crontab on {host} has this line already: {planned.entry.when}. Nothing was changed."
        )
        if not dry_run and first_seen(planned.world.tokens.log, host) is None:
            note(context, setup, log.Event.SCHEDULED)
        return None
    if entries.usable_again and not entries.active:
        ui.say(
            f"Line {entries.usable_again[0].number} is this set-up's entry, commented out. It is used again."
        )
    if planned.left:
        ui.warn(f"{planned.left} [CRN002]")
    if not _agreed(
        context,
        planned.world,
        planned.edit,
        yes=yes,
        dry_run=dry_run,
        default=not planned.left,
    ):
        return None
    try:
        _carry_out(context, setup, planned.edit, log.Event.SCHEDULED, planned.when)
    except KitError as failed:
        return failed.problem
    ui.next_step(context.location.command("schedule", "--test"))
    return None


def _warn_of_mixed(context: Context, entries: EntriesByOwner) -> None:
    for entry in entries.mixed:
        context.ui.warn(
            f"Line {entry.number} does other work too, so it is left: it still refreshes. [CRN003]"
        )


def _agreed(
    context: Context,
    world: World,
    edit: Edit,
    *,
    yes: bool,
    dry_run: bool,
    default: bool = True,
) -> bool:
    """Show what changes in the crontab. Whether the person agrees."""
    before = world.listing.content
    question = f"Change your crontab on {context.machine.host}?"
    change = Change(Action.CRONTAB, kind="crontab", before=before, after=edit(before))
    context.ui.diff(difference([change], context.machine, world.setup.secrets))
    if not dry_run and context.agreed(question, yes=yes, default=default):
        return True
    context.ui.say("Nothing was changed.")
    return False


def _carry_out(
    context: Context, setup: Setup, edit: Edit, event: log.Event, text: str
) -> None:
    backup = install_entry(context, setup, edit, event)
    word = "scheduled" if event is log.Event.SCHEDULED else "removed"
    context.ui.status(word, text)
    if backup is not None:
        context.ui.say(f"The crontab from before is in {backup}")


def _remove(context: Context, *, yes: bool, dry_run: bool) -> Result:
    """Take this set-up's entries out. Works without a usable configuration too: the entry names it."""
    ui, host, world = context.ui, context.machine.host, context.world()
    with ui.waiting("Reading the crontab", 20.0):
        entries = world.entries
    problem = world.scheduler.find_problem(world.listing) or in_the_way(
        context, entries
    )
    result = _result(world, None, problem=problem)
    if problem is not None:
        return result
    if not entries.own:
        ui.say(
            f"Your crontab on {host} has no entry for this set-up. Nothing was changed."
        )
        for entry in entries.off:
            ui.say(f"Line {entry.number} is one, but commented out. It was left.")
        return result

    without = partial(plan_removal, spec=world.entry_spec)
    if not _agreed(context, world, without, yes=yes, dry_run=dry_run):
        return result
    _carry_out(
        context,
        world.setup,
        without,
        log.Event.UNSCHEDULED,
        f"the entry in your crontab on {host}",
    )
    _warn_of_mixed(context, entries)
    if world.tokens.usable:
        ui.say("From now on, refresh by hand at least every 10 hours:")
        ui.command(context.location.command("refresh"))
    return result


# --- try ------------------------------------------------------------------------------------------------------


def _installed(context: Context) -> Entry | None:
    """The entry that cron runs for this set-up. Raises KitError (SCH001) if the only one does other work as well."""
    with context.ui.waiting("Reading the crontab", 20.0):
        entries = context.world().entries
    if (problem := in_the_way(context, entries)) is not None:
        raise KitError(problem)
    return entries.kept


def _try(context: Context, setup: Setup, entry: Entry, whose: str) -> Result:
    """Run the entry now, and show what became of each token."""
    ui = context.ui
    shown = entry.masked(setup.secrets)
    ui.say(
        f"Running {whose} as cron does: in its bare environment, without a terminal."
    )
    ui.raw(shown, indent=2)
    trial = try_line(context, setup, entry)
    wrote = (
        "It wrote (cron would mail it):"
        if trial.output
        else "It wrote nothing: cron would send no mail."
    )
    ui.say(f"It ended with {trial.ended}. {wrote}")
    if trial.output:
        ui.raw(trial.output, indent=2)
    world = context.world()
    now = world.tokens.now
    for token in trial.tokens:
        left = token.seconds_left(now)
        word = (
            "refreshed"
            if token in trial.fresh
            else "failed"
            if trial.error
            else "skipped"
        )
        valid = f"valid for {span(left)}" if left > 0 else "expired"
        ui.status(word, f"{what_for(token.key)}: {valid}")
    if trial.fresh:
        until = clock(min(token.expiry(now) for token in trial.fresh), now)
        program = "ocarina-kit" if trial.by_kit else "ocarina"
        ui.say(f"{program} {trial.refreshed}: valid until {until}.")
    if trial.fresh and not trial.by_kit and entry.program("kit") is not None:
        ui.warn(
            f"ocarina-kit did not start, so ocarina refreshed. See why: {context.location.command('doctor')}"
        )
    return _result(world, shown, entry, trial.error)
