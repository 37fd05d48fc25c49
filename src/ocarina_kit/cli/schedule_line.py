"""The crontab entry of a set-up: planned, proven and installed. For ``schedule`` and ``init``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ocarina_kit.cli.schedule_show import upcoming
from ocarina_kit.client.find import Candidate, version_text
from ocarina_kit.client.places import thrown_away
from ocarina_kit.cron import host as cron_host
from ocarina_kit.cron.crontab import encode
from ocarina_kit.cron.line import Entry, Ground, entries
from ocarina_kit.cron.plan import Mine, Plan, plan_schedule
from ocarina_kit.cron.program import install_crontab, unreadable
from ocarina_kit.cron.times import one_miss_expires
from ocarina_kit.doctor.entry import other_hosts, refreshed_elsewhere
from ocarina_kit.doctor.world import World
from ocarina_kit.system.errors import KitError, Remedy
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
    """What would be done, and the ``entry`` that comes of it. ``edit`` plans again on other bytes. ``cautions``: to be
    known first. ``second_host``: why no entry is needed here, if so. ``unwritable``: why this crontab cannot be
    written."""

    world: World
    plan: Plan
    entry: Entry
    edit: Callable[[bytes], bytes]
    cautions: tuple[KitError, ...]
    second_host: str
    unwritable: KitError | None

    @property
    def words(self) -> str:
        """``every 3 hours at :37``."""
        return self.entry.words

    @property
    def next_runs(self) -> Sequence[datetime]:
        return upcoming(self.world.tokens.now, [self.entry])

    @property
    def when(self) -> str:
        """``every 3 hours at :37, next run 17:37``."""
        return f"{self.words}, next run {clock(self.next_runs[0].timestamp(), self.world.tokens.now)}"


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
    """Plan the entry for ``client``, None if there is none. ``times``: five fields that a person gave. ``prove``: start
    this ocarina-kit as cron would, to see that it can.

    Raises KitError: CRN004 (this ocarina-kit, or the client alone, would not run under cron), CRN005, CRN007 (no line
    can be built), ENV001 (``runner`` is the client, and there is none), SCH003 (it is too old).
    """
    world = World(run.machine, run.place)
    ground = world.ground._replace(client=client.path if client is not None else None, domain=setup.domain)
    if runner != "client":
        _prove_kit(run, ground, start=prove)
    cautions = _of_client(setup, ground, client, alone=runner == "client")
    for name in ground.left_out:
        what = f"{name} may hold a password, so the entry does not set it."
        remedy = Remedy("If cron needs it, set it at the top of the crontab yourself.", ("crontab -e",))
        cautions.append(KitError(what, id="ENV006", remedy=remedy))

    def plan_for(content: bytes) -> Plan:
        return plan_schedule(content, ground, times=times, runner=runner, switch_on=switch_on)

    def edit(content: bytes) -> bytes:
        plan = plan_for(content)
        if (problem := in_the_way(run, plan.entries, plan.outcome)) is not None:
            raise problem
        return plan.after

    plan = plan_for(world.listing.content)
    entry = entries(encode(plan.line) + b"\n", run.machine.user, str(run.machine.home))[0]
    cautions += _of_cron(run.machine.host, entry)
    second_host = _second_host(world) if plan.outcome == "added" else ""
    return Planned(
        world, plan, entry, edit, tuple(cautions), second_host, unreadable(world.listing, run.machine.host)
    )


def in_the_way(run: Run, entries: Mine, outcome: str) -> KitError | None:
    """CRN009 or SCH001, where the only entry is commented out (``switched off``), or does other work (``mixed``)."""
    again = run.place.command("schedule")
    if outcome == "switched off":
        what = f"Line {entries.off[0].number} of your crontab is this set-up's entry, commented out."
        return KitError(what, id="CRN009", remedy=Remedy("", (again,)))
    if outcome != "mixed":
        return None
    entry = entries.mixed[0]
    return KitError(
        f"Line {entry.number} of your crontab refreshes these tokens and does other work as well. It was not changed.",
        id="SCH001",
        why=f"The other work: {listed(entry.reading.other_work) or 'a refresh of another set-up'}.",
        remedy=Remedy("Take the refresh out of it by hand.", ("crontab -e", again)),
    )


def install_entry(
    run: Run, setup: Setup, edit: Callable[[bytes], bytes], result: str = "scheduled"
) -> Path | None:
    """Edit the crontab as it is now, and log ``result``; returns the backup, None where there was no crontab.

    Raises KitError (CRN001, CRN009, SCH, LCK): nothing was changed.
    """
    with run.ui.waiting("Writing the crontab", 90.0) as say:
        backup = install_crontab(run.machine, edit, say)
    note(run, setup, result)
    return backup


def note(run: Run, setup: Setup, result: str) -> None:
    """Log ``scheduled`` or ``unscheduled``: from the first on, CRN008 expects runs."""
    try:
        log.append(run.machine, [log.line(run.machine, setup, "schedule", result)])
    except KitError as problem:
        run.ui.warn(f"refresh.log was not written: {problem.what} [{problem.id}]")


# --- what is to be known first --------------------------------------------------------------------------------


def _prove_kit(run: Run, ground: Ground, *, start: bool) -> None:
    """Raises KitError (CRN004) if this ocarina-kit would be gone, or not start, when cron runs the entry."""
    why = "deleted again by the tool that made it" if thrown_away(ground.kit[0]) else ""
    if why or (start and (why := cron_host.why_kit_fails(run.machine, ground.kit))):
        text = "Install it to stay, as docs/install.md says; or let ocarina refresh alone."
        raise KitError(
            "This ocarina-kit cannot run in a cron job.",
            id="CRN004",
            why=f"{' '.join(ground.kit)}: {why}.",
            remedy=Remedy(text, (run.place.command("schedule", "--runner", "client"),)),
        )


def _of_client(setup: Setup, ground: Ground, client: Candidate | None, *, alone: bool) -> list[KitError]:
    """What to say of the client. Raises KitError if the entry would run only a client that cannot do the work."""
    usual = (Path(ground.home, ".ocarina"), Path(ground.home, ".ocarina-tokens"), None)
    problem: KitError | None = None
    if client is None:
        what = "No ocarina client was found" + ("." if alone else ", so the entry runs ocarina-kit alone.")
        problem = KitError(what, id="ENV001", remedy=_INSTALL)
    elif alone and not client.under_cron:
        remedy = Remedy("Name another.", ("ocarina-kit schedule --ocarina /path/to/bin/ocarina",))
        problem = KitError(f"{client.path}: {client.problem}.", id="CRN004", remedy=remedy)
    elif (client.version or READS_ALL) < READS_ALL and usual != (
        Path(ground.config),
        setup.tokens_file,
        ground.profile,
    ):
        what = f"{client.described} does not read this set-up's file, profile or tokens file"
        what += "." if alone else ", so it cannot take over from ocarina-kit."
        why = f"It is older than {version_text(READS_ALL)}."
        problem = KitError(what, id="SCH003", why=why, remedy=_INSTALL)
    if problem is not None and alone:
        raise problem
    found = [problem] if problem is not None else []
    if client is not None and client.writable_by_others:
        why = "Whoever replaces it can read your tokens and act as you."
        found.append(KitError(f"The client is not safe: {client.writable_by_others}.", id="CRN004", why=why))
    return found


def _of_cron(host: str, entry: Entry) -> list[KitError]:
    """What to say of cron here, and of the times for the client alone."""
    found: list[KitError] = []
    state, why = cron_host.daemon_state()
    if state != "runs":
        what = "No cron daemon runs" if state == "absent" else "It is unknown whether cron runs"
        found.append(KitError(f"{what} on {host}: {why}.", id="CRN006"))
    if entry.runner == "client" and (entry.times is None or one_miss_expires(entry.times)):
        what = f"It runs so rarely ({entry.time}) that one missed run lets the token expire."
        found.append(KitError(what, id="CRN005", why="ocarina cannot refresh an expired token."))
    return found


def _second_host(world: World) -> str:
    if seen := refreshed_elsewhere(world):
        who, when = seen.host or "Another host or program", clock(seen.time, world.tokens.now)
        return f"{who} refreshed these tokens ({when}), so no entry is needed here."
    hosts = listed(other_hosts(world))
    return hosts and f"There is a crontab entry for these tokens on {hosts}; nothing came from there in 10 h."
