"""What ``schedule`` does to the crontab: propose an entry, install it, take it out. Nothing here prints."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from ocarina_kit.core.client.resolution import Candidate, Resolution, State
from ocarina_kit.core.cron.cronline import Runner
from ocarina_kit.core.cron.cronplan import SchedulePlan, plan_removal
from ocarina_kit.core.cron.own_program import in_temporary_folder
from ocarina_kit.core.cron.schedule_facts import Daemon
from ocarina_kit.core.cron.schedule_plan import Caution, Proposal, propose
from ocarina_kit.core.cron.schedule_wish import Wish
from ocarina_kit.core.errors import KitError, Remedy, UsageError
from ocarina_kit.core.tokens.refresh_log import LogEntry, Result
from ocarina_kit.edges.cron.crontab_install import install_crontab
from ocarina_kit.edges.cron.kit_program import own_program, temporary_folders, why_not_started
from ocarina_kit.edges.disk import refresh_log
from ocarina_kit.edges.system import System
from ocarina_kit.flows.schedule_desk import Desk

# --- the client and the kit --------------------------------------------------------------------------------


def find_client_for(system: System, wish: Wish) -> Resolution:
    """The client for the line; its ``chosen`` is never None.

    Raises KitError: ``ENV001`` none found, ``ENV002`` what was named or found is not Majora's, ``ENV003`` it does not
    run.
    """
    from ocarina_kit.edges.client.find_client import find_client

    found = find_client(system, wish.ocarina, stop_at_first=True)
    if found.chosen is None:
        raise _no_client(found, wish)
    return found


def _no_client(found: Resolution, wish: Wish) -> KitError:
    first: Candidate | None = next(iter(found.candidates), None)
    missing = first is None or first.state is State.MISSING
    id = "ENV001" if missing else "ENV002" if first is not None and first.runs else "ENV003"
    looked = f" Looked in: {'; '.join(found.looked)}." if wish.ocarina is None else ""
    remarks = "".join(f" {remark}." for remark in found.remarks)
    what = (
        "There is no ocarina client for the crontab entry."
        if wish.ocarina is None
        else f"{wish.ocarina} can't stand in the crontab entry."
    )
    return KitError(
        what,
        id=id,
        why=f"{found.why}{looked}{remarks}",
        remedy=Remedy(
            "Install the client, or name it.",
            ("ocarina-kit install-client", "ocarina-kit schedule --ocarina /path/to/bin/ocarina"),
        ),
    )


def _prove_kit(desk: Desk) -> None:
    """Raises KitError (``CRN004``) where this ocarina-kit would not be there, or not start, when cron runs the line."""
    words = desk.facts.ground.kit
    remedy = Remedy(
        "Install it to stay, and run that one; or leave the refresh to the client alone.",
        ("pipx install ocarina-kit", desk.place.command("schedule", "--runner", "client")),
    )
    if own_program(words).thrown_away:
        raise KitError(
            "This ocarina-kit can't stand in the crontab entry.",
            id="CRN004",
            why=f"It runs from {words[0]}, which the tool that made it throws away.",
            remedy=remedy,
        )
    why = why_not_started(desk.system, words)
    if why:
        raise KitError(
            "This ocarina-kit does not start in a cron job.",
            id="CRN004",
            why=f"{' '.join(words)} in cron's bare environment: {why}",
            remedy=remedy,
        )


# --- installing --------------------------------------------------------------------------------------------


def propose_entry(desk: Desk, wish: Wish, client: Candidate) -> Proposal:
    """The entry, proven as far as can be without installing it. See ``schedule_plan.propose``.

    Raises KitError besides: ``CRN004`` the kit would not start, ``SCH010`` two readers of the line disagree.
    """
    from ocarina_kit.edges.cron.second_reader import hold_against_second_reader

    assert desk.setup is not None  # noqa: S101  # an entry is only proposed for a usable set-up
    made = propose(desk.facts, wish, client, tokens_file=str(desk.setup.tokens_file))
    if wish.runner is Runner.KIT_FIRST:
        _prove_kit(desk)
    try:
        hold_against_second_reader(made.line)
    except KitError as problem:
        if wish.cron is None:
            raise
        raise UsageError(problem.what, id=problem.id, why=problem.why, remedy=problem.remedy) from None
    return replace(made, cautions=(*made.cautions, *of_this_machine(desk, wish)))


def of_this_machine(desk: Desk, wish: Wish) -> list[Caution]:
    """What is to be known of cron, the kit's own place and the home here."""
    from ocarina_kit.edges.cron.cron_run import home_of_cron

    found: list[Caution] = []
    home, daemon = str(desk.system.home), desk.facts.daemon
    if daemon.state is Daemon.ABSENT:
        found.append(
            Caution(
                "CRN006",
                f"No cron daemon runs on {desk.facts.host}, so the entry would never run here.",
                Remedy("Ask who runs this host, or schedule the refresh on a host that has one."),
            )
        )
    kit = desk.facts.ground.kit[0]
    folders = temporary_folders()
    if wish.runner is Runner.KIT_FIRST and in_temporary_folder(kit, home, folders):
        found.append(
            Caution(
                "CRN004", f"{kit} stands in a folder that the system empties; the entry will lose it then."
            )
        )
    real = home_of_cron()
    other = real is not None and os.path.realpath(real) != os.path.realpath(home)
    if other and not in_temporary_folder(home, "/", folders):
        found.append(
            Caution(
                "CRN007",
                f"HOME is {home} here, but cron starts your jobs in {real}: the entry would look for its files there.",
                Remedy(
                    "Run this as the user whose home it is, or put HOME at the top of the crontab.",
                    ("crontab -e",),
                ),
            )
        )
    return found


def install(desk: Desk, plan: SchedulePlan) -> Path | None:
    """Install the planned crontab; returns where the old one is kept, None where there was none.

    Raises :class:`~ocarina_kit.edges.cron.crontab_install.CrontabError`, FileError.
    """
    return install_crontab(desk.system, desk.facts.crontab, plan.after.render(), ways=desk.ways)


def record(desk: Desk, result: Result) -> KitError | None:
    """Note in refresh.log that the entry was put there, seen for the first time, or taken out; what went wrong with
    that, if anything did. CRN008 asks for no run from before."""
    entry = LogEntry(desk.system.clock.now(), desk.system.host, "schedule", "", result, desk.mark)
    return refresh_log.append(desk.system, [entry])


def is_recorded(desk: Desk) -> bool:
    """Whether refresh.log knows of the entry on this host."""
    kinds = (Result.SCHEDULED, Result.UNSCHEDULED)
    here = [entry for entry in desk.facts.log if entry.host == desk.system.host and entry.result in kinds]
    return bool(here) and here[-1].result is Result.SCHEDULED


def plan_without(desk: Desk) -> SchedulePlan:
    """What taking this set-up's entry out makes of the crontab."""
    return plan_removal(desk.facts.parsed, desk.facts.ground.owner, canonical=desk.facts.canonical)
