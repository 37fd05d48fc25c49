"""The crontab line of a set-up: planned, proven and installed. For ``schedule`` and ``init``."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ocarina_kit.cli.schedule_show import Glance, as_error, cron_unclear, upcoming
from ocarina_kit.cli.schedule_trial import entry_of
from ocarina_kit.client.find import MINIMUM_VERSION, Candidate, Clients, version_text
from ocarina_kit.cron import host as cron_host
from ocarina_kit.cron.crontab import Crontab
from ocarina_kit.cron.line import Ground, second_reading
from ocarina_kit.cron.plan import Plan, plan_schedule
from ocarina_kit.cron.program import install_crontab, unreadable
from ocarina_kit.cron.times import in_words
from ocarina_kit.doctor import crontab as crn
from ocarina_kit.doctor.entry import other_hosts, refreshed_elsewhere
from ocarina_kit.doctor.world import World
from ocarina_kit.system.errors import Exit, KitError, Remedy
from ocarina_kit.system.words import clock, listed
from ocarina_kit.tokens import log

if TYPE_CHECKING:
    from datetime import datetime

    from ocarina_kit.cli.context import Run
    from ocarina_kit.config.place import Setup

READS_ALL = (0, 48, 0)
"""The first client to read OCARINA_CONF_FILE, --profile and MAJORA_TOKENS_FILE (FACTS.md, The client)."""
_INSTALL = Remedy("Install a newer client.", ("ocarina-kit install-client",))


class Planned(NamedTuple):
    """What would be done. ``edit`` plans again on other bytes. ``words``: ``every 3 hours at :37``.
    ``second_host``: why no line is needed here, if so. ``unwritable``: why this crontab cannot be written.
    ``cautions``: to be known first."""

    world: World
    plan: Plan
    edit: Callable[[bytes], bytes]
    words: str
    next_runs: Sequence[datetime]
    cautions: tuple[KitError, ...] = ()
    second_host: str = ""
    unwritable: KitError | None = None

    @property
    def when(self) -> str:
        """``every 3 hours at :37, next run 17:37``."""
        runs = [clock(each.timestamp(), self.world.tokens.now) for each in self.next_runs[:1]]
        return ", next run ".join([self.words, *runs])


def plan_entry(
    run: Run,
    setup: Setup,
    client: Candidate | None,
    *,
    times: str | None = None,
    runner: str = "kit-first",
    switch_on: bool = False,
    prove: bool = True,
) -> Planned:
    """Plan the line for ``client``, None if there is none. ``times``: five fields that a person gave. ``prove``: start
    this ocarina-kit as cron would, to see that it can.

    Raises KitError: CRN004 (this ocarina-kit, or the client alone, would not run under cron), CRN005, CRN007 (no line
    can be built), ENV001 (``runner`` is the client, and there is none), SCH003 (it is too old), SCH010.
    """
    world = World(run.machine, run.place, seconds=60.0)
    ground = world.ground._replace(client=client.path if client is not None else None, domain=setup.domain)
    if runner != "client":
        _prove_kit(run, ground, start=prove)
    cautions = _of_client(setup, ground, client, alone=runner == "client")
    for name, why in ground.left_out.items():
        remedy = Remedy("If cron needs it, set it at the top of the crontab yourself.", ("crontab -e",))
        cautions.append(KitError(f"{name} {why}, so the line does not set it.", id="ENV006", remedy=remedy))

    def plan_for(content: bytes) -> Plan:
        crontab = Crontab.parse(content)
        gone = cron_host.gone_shells(crontab)
        how = {"times": times, "runner": runner, "switch_on": switch_on, "gone_shells": gone}
        return plan_schedule(crontab, ground, canonical=os.path.realpath, **how)  # type: ignore[arg-type]

    def edit(content: bytes) -> bytes:
        plan = plan_for(content)
        if plan.outcome in ("mixed", "switched off"):
            raise in_the_way(run, plan)
        return plan.after.render()

    plan = plan_for(world.crontab.render())
    try:
        second_reading(plan.line)
    except KitError as problem:
        problem.exit = Exit.PROBLEM if times is None else Exit.USAGE
        raise
    read = entry_of(run, plan.line).times
    assert read is not None  # noqa: S101  # second_reading raises if cron does not accept them
    return Planned(
        world,
        plan,
        edit,
        in_words(read),
        upcoming(world.tokens.now, read, 3),
        (*cautions, *_of_line(run, world, plan, client)),
        _second_host(world) if plan.begins else "",
        unreadable(world.listing, run.machine.host),
    )


def in_the_way(run: Run, plan: Plan) -> KitError:
    """CRN009 or SCH001: the only entry is commented out, or does other work as well."""
    if plan.outcome == "switched off":
        what = f"Line {plan.entries.off[0].number} of your crontab is this set-up's entry, commented out."
        return KitError(what, id="CRN009", remedy=Remedy("", (run.place.command("schedule"),)))
    entry = plan.entries.mixed[0]
    return KitError(
        f"Line {entry.number} of your crontab refreshes these tokens and does other work as well. It was not changed.",
        id="SCH001",
        why=f"The other work: {listed(entry.reading.other_work) or 'a refresh of another set-up'}.",
        remedy=Remedy("Take the refresh out of it by hand.", ("crontab -e", run.place.command("schedule"))),
    )


def install_entry(run: Run, setup: Setup, planned: Planned) -> Path | None:
    """Put the line into the crontab as it is now; returns the backup, None where there was no crontab.

    Raises KitError (CRN001, SCH, LCK): then ``planned.plan.line`` is for whoever can install it.
    """
    with run.ui.waiting("Writing the crontab", 90.0) as say:
        backup = install_crontab(run.machine, planned.edit, say)
    note(run, setup, "scheduled")
    return backup


def note(run: Run, setup: Setup, result: str) -> None:
    """Log ``scheduled`` or ``unscheduled``: from the first on, CRN008 expects runs."""
    try:
        log.append(run.machine, [log.line(run.machine, setup, "schedule", result)])
    except KitError as problem:
        run.ui.warn(f"refresh.log was not written: {problem.what} [{problem.id}]")


# --- what is to be known first --------------------------------------------------------------------------------


def _prove_kit(run: Run, ground: Ground, *, start: bool) -> None:
    """Raises KitError (CRN004) if this ocarina-kit would be gone, or not start, when cron runs the line."""
    words = " ".join(ground.kit)
    why = "deleted again by the tool that made it" if cron_host.thrown_away(ground.kit[0]) else ""
    if why or (start and (why := cron_host.why_kit_fails(run.machine, ground.kit))):
        commands = (run.place.command("schedule", "--runner", "client"),)
        remedy = Remedy(
            "Install it to stay, as docs/install.md says; or let ocarina refresh alone.", commands
        )
        what = "This ocarina-kit cannot run in a cron job."
        raise KitError(what, id="CRN004", why=f"{words}: {why}.", remedy=remedy)


def _of_client(setup: Setup, ground: Ground, client: Candidate | None, *, alone: bool) -> list[KitError]:
    """What to say of the client. Raises KitError if the line would run only a client that cannot do the work."""
    end = "." if alone else ", so it cannot take over from ocarina-kit."
    found: list[KitError] = []
    if client is None:
        what = "No ocarina client was found" + ("." if alone else ", so the line runs ocarina-kit alone.")
        found.append(KitError(what, id="ENV001", remedy=_INSTALL))
    else:
        version = client.version or READS_ALL
        name = f"ocarina {version_text(version)}"
        usual = (Path(ground.home, ".ocarina"), Path(ground.home, ".ocarina-tokens"), None)
        if version < READS_ALL and (Path(ground.config), setup.tokens_file, ground.profile) != usual:
            what = f"{name} does not read this set-up's file, profile or tokens file{end}"
            why = f"It is older than {version_text(READS_ALL)}."
            found.append(KitError(what, id="SCH003", why=why, remedy=_INSTALL))
        if not client.under_cron:
            what = f"{client.path}: {client.problem or 'it may not run under cron'}{end}"
            remedy = Remedy("Name another.", ("ocarina-kit schedule --ocarina /path/to/bin/ocarina",))
            found.append(KitError(what, id="CRN004", remedy=remedy))
    if alone and found:
        raise found[0]
    if client is not None and version < MINIMUM_VERSION:
        what = f"Majora refuses {name}: it wants {version_text(MINIMUM_VERSION)} or newer."
        found.append(KitError(what, id="ENV004", why="It can still refresh.", remedy=_INSTALL))
    if client is not None and client.writable_by_others:
        why = "Whoever replaces it can read your tokens and act as you."
        found.append(KitError(f"The client is not safe: {client.writable_by_others}.", id="CRN004", why=why))
    return found


def _of_line(run: Run, world: World, plan: Plan, client: Candidate | None) -> list[KitError]:
    """What the doctor will say of the line, once it is installed: of cron, of its client, of lines around it."""
    ahead = Glance(run.machine, run.place, seconds=60.0)
    clients = Clients(all=(client,) if client is not None else ())
    vars(ahead).update(listing=world.listing, crontab=plan.after, clients=clients, tokens=world.tokens)
    found = crn.judged(ahead)
    wrong = [
        each for id, each in found.items() if "CRN003" <= id <= "CRN007" and each.status in ("warn", "fail")
    ]
    errors = [as_error(run, each) for each in wrong]
    if unclear := cron_unclear(found):
        errors.append(KitError(unclear, id="CRN006"))
    return errors


def _second_host(world: World) -> str:
    if seen := refreshed_elsewhere(world):
        when = clock(seen.time, world.tokens.now)
        return f"{seen.host or 'Another host or program'} refreshed these tokens ({when}), so no line is needed here."
    hosts = listed(other_hosts(world))
    return (
        f"There is a crontab line for these tokens on {hosts}; nothing came from there in 10 h."
        if hosts
        else ""
    )
