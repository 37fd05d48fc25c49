"""The crontab entry of a set-up: its repair, its programs, and who else refreshes. For crontab.py and ``schedule``."""

from __future__ import annotations

from posixpath import basename, exists, isabs, realpath
from typing import Any

from ocarina_kit.client.find import Candidate, ClientState, examine
from ocarina_kit.client.places import on_path, thrown_away
from ocarina_kit.doctor.check import Outcome, problem
from ocarina_kit.doctor.world import World
from ocarina_kit.schedule.entry import Entry
from ocarina_kit.schedule.host import program_problem
from ocarina_kit.schedule.plan import PlanOutcome, plan_schedule
from ocarina_kit.schedule.recognise import ENVIRONMENTS, PLACEHOLDER, Call
from ocarina_kit.system.change import Action, Change
from ocarina_kit.system.problem import KitError
from ocarina_kit.tokens import history
from ocarina_kit.tokens.log import Line


def repair(world: World, content: bytes) -> bytes:
    """Repair the crontab, so that one good entry for the set-up is in it.

    What only a person may decide stays. So no entry is added on a second host, or
    beside one that cannot be judged. One that is commented out is not switched on, and
    one that does other work is left.

    Raises:
        Late: no time is left to look for a client.
    """
    if (
        world.location.from_env
        or not world.listing.is_writable
        or thrown_away(world.entry_spec.kit[0])
    ):
        return content
    keep = world.entries.kept
    client = _client(world)
    alone = (
        keep is not None
        and keep.is_marked
        and keep.runner == "client"
        and client is not None
    )
    try:
        spec = world.entry_spec._replace(client=client)
        plan = plan_schedule(content, spec, runner="client" if alone else "kit-first")
    except KitError:
        return content
    is_elsewhere = refreshed_elsewhere(world) or other_hosts(world)
    if plan.outcome is PlanOutcome.ADDED and (is_elsewhere or plan.entries.unclear):
        return content
    return plan.after


def faulty(
    world: World, said: str, by: str, *, status: str = "fail", **more: Any
) -> Outcome:
    """A fault of the entry that one good line fixes, whatever it is. ``by``: what --fix does, in words; ``more``: as
    `problem` has it."""
    before, entries = world.listing.content, world.entries
    after = repair(world, before)
    if after != before:
        more["fix"] = (
            Change(Action.CRONTAB, kind="crontab", before=before, after=after, why=by),
        )
    elif not world.listing.is_writable:
        more["run"] = "crontab -e"
    elif entries.mixed:
        number = entries.mixed[0].number
        more["text"] = (
            f"Line {number} does other work as well: take the refresh out of it by hand."
        )
        more["run"] = "crontab -e"
    return problem(status, said, **more)


def _client(world: World) -> str | None:
    """The client for the entry: the one that ``schedule`` put there if it works, else the one that was found."""
    keep, chosen = world.entries.kept, world.clients.chosen
    call = keep.program("client") if keep is not None and keep.is_marked else None
    if call is not None and isabs(call.path):
        current = client_at(world, call.path)
        is_better = chosen is not None and chosen.accepted and not current.accepted
        if current.works and not is_better:
            return call.path
    return chosen.path if chosen is not None else None


def client_at(world: World, path: str) -> Candidate:
    """What the client at ``path`` is, also if no search finds it."""
    known = (each for each in world.clients.all if each.real == realpath(path))
    return next(known, None) or examine(world.machine, path, "the crontab")


def program_faults(world: World, entry: Entry) -> dict[str, str]:
    """Why cron cannot start a program of the entry, or why it is the wrong one, by ``kit`` and ``client``."""
    faults = {
        call.tool: _program_fault(world, entry, call) for call in reversed(entry.calls)
    }
    return {tool: faults[tool] for tool in ("kit", "client") if faults.get(tool)}


def _program_fault(world: World, entry: Entry, call: Call) -> str:
    path = call.path
    if PLACEHOLDER in path:
        return f"{path} was never replaced by the path of ocarina"
    for each in (*call.wrappers, path):
        if isabs(each) and (why := program_problem(each)):
            return why
    search = call.environ.get("PATH", "")
    in_environment = any(basename(each) in ENVIRONMENTS for each in call.wrappers)
    for each in call.wrappers if in_environment else (*call.wrappers, path):
        if "/" not in each and not call.path_setter and not on_path(each, search):
            return (
                f"{each} has no absolute path, and the entry's PATH does not lead to it"
            )
    if "/" not in path:
        if call.path_setter or in_environment:
            gone = isabs(call.path_setter) and not exists(call.path_setter)
            return f"{call.path_setter} does not exist" if gone else ""
        path = on_path(path, search)
    if not isabs(path):  # a quoted ~ is CRN007's
        return (
            ""
            if path[0] == "~"
            else f"{path} is relative: cron starts in the home folder"
        )
    if call.tool != "client" or basename(path) != "ocarina":
        return (
            ""  # an interpreter with a module, a shell's own word: no path to compare
        )
    client = client_at(world, path)
    if not client.works and client.state is not ClientState.NO_ANSWER:
        return f"{path} is not the Majora client, but {client.described}"
    chosen = world.clients.chosen
    if client.works and not client.accepted and chosen is not None and chosen.accepted:
        return f"{path} is {client.drawback}"
    # One that --ocarina named is where no search looks: the kit wrote it, and it works.
    if (
        client.state is ClientState.NO_ANSWER
        or entry.is_marked
        or client in world.clients.all
    ):
        return ""
    return f"{path} is another client than the one that was found"


def refreshes_all(entry: Entry) -> bool:
    """Whether each run of the entry refreshes every token."""
    return not any(
        {"--within", "--for", "--scope"} & call.options for call in entry.calls
    )


def refreshed_elsewhere(world: World) -> Line | None:
    """The newest refresh of the last 10 h that no entry of this host did."""
    tokens = world.tokens
    return history.refreshed_elsewhere(
        tokens.all_servers, tokens.usable, world.machine.host, tokens.now
    )


def other_hosts(world: World) -> tuple[str, ...]:
    """Hosts that have an entry of their own for this set-up, as far as refresh.log knows."""
    return history.other_hosts(world.tokens.all_servers, world.machine.host)
