"""The crontab line of a set-up: planned, proven, installed and tried. For ``schedule`` and ``init``."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ocarina_kit.cli.schedule_show import upcoming
from ocarina_kit.cli.schedule_trial import entry_of, try_line
from ocarina_kit.client.find import MINIMUM_VERSION, Candidate, version_text
from ocarina_kit.cron import host as cron_host
from ocarina_kit.cron.crontab import Crontab
from ocarina_kit.cron.line import second_reading
from ocarina_kit.cron.plan import Ground, Plan, plan_schedule
from ocarina_kit.cron.times import Times, in_words, one_miss_expires
from ocarina_kit.system.errors import Exit, KitError, Remedy
from ocarina_kit.system.words import clock, listed
from ocarina_kit.tokens import log

if TYPE_CHECKING:
    from datetime import datetime

    from ocarina_kit.cli.context import Run
    from ocarina_kit.config.place import Setup
    from ocarina_kit.doctor.world import World

__all__ = ["Planned", "install_entry", "plan_entry", "try_line"]

READS_ALL = (0, 48, 0)
"""The first client to read OCARINA_CONF_FILE, --profile and MAJORA_TOKENS_FILE (FACTS.md, The client)."""


class Planned(NamedTuple):
    """What would be done. ``edit`` plans again on other bytes. ``second_host``: why no line is needed here, if so;
    ``unwritable``: why this crontab cannot be written; ``cautions``: to be known before anybody agrees."""

    world: World
    plan: Plan
    edit: Callable[[bytes], bytes]
    times: Times
    next_runs: Sequence[datetime]
    cautions: tuple[KitError, ...] = ()
    second_host: str = ""
    unwritable: KitError | None = None

    @property
    def line(self) -> str:
        """The good line, also if nothing changes."""
        return self.plan.line

    @property
    def words(self) -> str:
        """``every 3 hours at :37``."""
        return in_words(self.times)

    @property
    def next_run(self) -> float | None:
        return self.next_runs[0].timestamp() if self.next_runs else None


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
    from ocarina_kit.cron.program import unreadable
    from ocarina_kit.doctor.world import World

    world = World(run.machine, run.place, seconds=60.0)
    ground = world.ground._replace(client=client.path if client is not None else None, domain=setup.domain)
    alone = runner == "client"
    if not alone:
        _prove_kit(run, ground, start=prove)
    cautions = _of_client(setup, ground, client, alone=alone)

    def plan_for(content: bytes) -> Plan:
        crontab = Crontab.parse(content)
        return plan_schedule(
            crontab,
            ground,
            times=times,
            runner=runner,
            switch_on=switch_on,
            canonical=os.path.realpath,
            gone_shells=cron_host.gone_shells(crontab),
        )

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
    if alone and one_miss_expires(read):
        what = "One missed run lets the token expire, and ocarina cannot refresh an expired one."
        cautions.append(
            _known("CRN005", what, "Run it more often.", run.place.command("schedule", "--every", "3h"))
        )
    cautions += [*_of_host(run, ground, alone=alone), *_of_mixed(plan)]
    return Planned(
        world,
        plan,
        edit,
        read,
        upcoming(world.tokens.now, read, 3),
        tuple(cautions),
        _second_host(world, plan),
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

    Raises KitError (CRN001, SCH, LCK): then ``planned.line`` is for whoever can install it.
    """
    from ocarina_kit.cron.program import install_crontab

    with run.ui.waiting("Writing the crontab", 90.0) as say:
        installed = install_crontab(run.machine, planned.edit, say)
    note(run, setup, "scheduled")
    return installed.backup


def note(run: Run, setup: Setup, result: str) -> None:
    """Log ``scheduled`` or ``unscheduled``: from the first on, CRN008 expects runs."""
    try:
        log.append(run.machine, [log.line(run.machine, setup, "schedule", result)])
    except KitError as problem:
        run.ui.warn(f"refresh.log was not written: {problem.what} [{problem.id}]")


# --- what is to be known first --------------------------------------------------------------------------------


def _known(id: str, what: str, text: str = "", *commands: str, why: str = "") -> KitError:
    return KitError(what, id=id, why=why, remedy=Remedy(text, commands))


def _prove_kit(run: Run, ground: Ground, *, start: bool) -> None:
    """Raises KitError (CRN004) if this ocarina-kit would be gone, or not start, when cron runs the line."""
    words = " ".join(ground.kit)
    why = (
        f"{words} is deleted again by the tool that made it." if cron_host.thrown_away(ground.kit[0]) else ""
    )
    if start and not why and (problem := cron_host.why_kit_fails(run.machine, ground.kit)):
        why = f"{words}: {problem}."
    if why:
        commands = ("pipx install ocarina-kit", run.place.command("schedule", "--runner", "client"))
        text = "Install it to stay; or let ocarina refresh alone."
        raise _known("CRN004", "This ocarina-kit cannot run in a cron job.", text, *commands, why=why)


def _of_client(setup: Setup, ground: Ground, client: Candidate | None, *, alone: bool) -> list[KitError]:
    """What to say of the client. Raises KitError if the line would run only a client that cannot do the work."""
    install = ("Install a newer client.", "ocarina-kit install-client")
    if client is None:
        what = "No ocarina client was found" + ("." if alone else ", so the line runs ocarina-kit alone.")
        found = [_known("ENV001", what, "Install the client.", *install[1:])]
        if alone:
            raise found[0]
        return found
    found = []
    version = client.version or READS_ALL
    name, end = (
        f"ocarina {version_text(version)}",
        "." if alone else ", so it cannot take over from ocarina-kit.",
    )
    if version < MINIMUM_VERSION:
        what = f"Majora refuses {name}: it wants {version_text(MINIMUM_VERSION)} or newer."
        found.append(_known("ENV004", what, *install, why="Its refresh works."))
    usual = (Path(ground.home, ".ocarina"), Path(ground.home, ".ocarina-tokens"), None)
    if version < READS_ALL and (Path(ground.config), setup.tokens_file, ground.profile) != usual:
        what = f"{name} does not read this set-up's file, profile or tokens file{end}"
        found.append(_known("SCH003", what, *install, why=f"It is older than {version_text(READS_ALL)}."))
    if not client.under_cron:
        what = f"{client.path}: {client.problem or 'it may not run under cron'}{end}"
        command = "ocarina-kit schedule --ocarina /path/to/bin/ocarina"
        found.append(_known("CRN004", what, "Name a client by its absolute path.", command))
    for problem in found:
        if alone and problem.id != "ENV004":
            raise problem
    if client.writable_by_others:
        what, text = (
            f"The client is not safe: {client.writable_by_others}.",
            "Take the right to write there from others.",
        )
        found.append(
            _known("CRN004", what, text, why="Whoever replaces it can read your tokens and act as you.")
        )
    return found


def _of_host(run: Run, ground: Ground, *, alone: bool) -> list[KitError]:
    """What to say of cron, the home, this kit's folder and this shell's variables."""
    text = "If cron needs it, set it at the top of the crontab yourself."
    left_out = ground.carried.left_out
    found = [
        _known("ENV006", f"{name} {why}, so the line does not set it.", text, "crontab -e")
        for name, why in left_out
    ]
    host, home, (state, why) = ground.host, ground.home, cron_host.daemon_state(run.machine)
    if state == "absent":
        what, text = (
            f"No cron daemon runs on {host}, so the line would never run.",
            "Ask whoever runs this host.",
        )
        found.append(_known("CRN006", what, text))
    elif state == "unknown":
        found.append(_known("CRN006", f"Whether cron runs on {host} is unknown: {why}."))
    if not alone and cron_host.in_temporary_folder(ground.kit[0], home):
        found.append(_known("CRN004", f"{ground.kit[0]} is in a folder that the system empties."))
    real = cron_host.home_of_cron()
    if os.path.realpath(real or home) != os.path.realpath(home) and not cron_host.in_temporary_folder(
        home, "/"
    ):
        what = f"HOME is {home} here, but cron starts your jobs in {real}, and the line would look there."
        found.append(_known("CRN007", what, "Set HOME at the top of the crontab.", "crontab -e"))
    return found


def _of_mixed(plan: Plan) -> list[KitError]:
    """Lines beside the entry that do other work as well."""
    mixed = plan.entries.mixed if plan.outcome != "mixed" else ()
    what = "Line {} of your crontab refreshes these tokens too, and does other work. It is not changed."
    return [
        _known("CRN003", what.format(each.number), "Take the refresh out of it.", "crontab -e")
        for each in mixed
    ]


def _second_host(world: World, plan: Plan) -> str:
    from ocarina_kit.doctor.entry import other_hosts, refreshed_elsewhere

    if not plan.begins:
        return ""
    if seen := refreshed_elsewhere(world):
        when = clock(seen.time, world.tokens.now)
        return f"{seen.host or 'Another host or program'} refreshed these tokens ({when}), so no line is needed here."
    hosts = listed(other_hosts(world))
    return (
        f"There is a crontab line for these tokens on {hosts}; nothing came from there in 10 h."
        if hosts
        else ""
    )
