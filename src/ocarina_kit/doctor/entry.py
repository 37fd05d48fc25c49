"""The crontab entry of a set-up: its repair, its programs, and who else refreshes. For crontab.py and ``schedule``."""

from __future__ import annotations

import os
from posixpath import basename, isabs
from typing import TYPE_CHECKING

from ocarina_kit.cron.crontab import Crontab
from ocarina_kit.cron.host import gone_shells, on_path, program_problem, thrown_away
from ocarina_kit.cron.line import Entry
from ocarina_kit.cron.plan import hazards, plan_schedule
from ocarina_kit.doctor.world import World
from ocarina_kit.system.errors import KitError, Remedy
from ocarina_kit.tokens import history

if TYPE_CHECKING:
    from ocarina_kit.client.find import Candidate
    from ocarina_kit.cron.recognise import Call
    from ocarina_kit.system.change import Change


def repair(world: World, content: bytes) -> bytes:
    """The crontab ``content`` with one good line for the set-up; ``content`` itself if only a person may decide.

    It adds no entry on a second host, switches none on that is commented out, and leaves one that does other work.
    Raises Late if there is no time to look for a client.
    """
    if world.place.from_env or not world.listing.writable or thrown_away(world.ground.kit[0]):
        return content
    own = (*world.entries.own, *world.entries.misled)
    keep = next((entry for entry in own if entry.marked), next(iter(own), None))
    client = _client(world, keep)
    alone = keep is not None and keep.marked and keep.kind == "client" and client is not None
    found = Crontab.parse(content)
    try:
        plan = plan_schedule(
            found,
            world.ground._replace(client=client),
            runner="client" if alone else "kit-first",
            canonical=os.path.realpath,
            gone_shells=gone_shells(found),
        )
    except KitError:
        return content
    if plan.begins and (refreshed_elsewhere(world) or other_hosts(world)):
        return content
    return plan.after.render()


def fixed(world: World, why: str) -> tuple[Remedy, tuple[Change, ...]]:
    """The remedy, and what ``--fix`` does: one good line, whatever is wrong with it."""
    from ocarina_kit.system.change import crontab

    before, entries = world.listing.content, world.entries
    after = repair(world, before)
    if after != before:
        return Remedy("", (world.place.command("doctor", "--fix"),)), (crontab(before, after, why),)
    if entries.mixed and not entries.own:
        text = f"Line {entries.mixed[0].number} does other work as well: take the refresh out of it by hand."
        return Remedy(text, ("crontab -e",)), ()
    return Remedy("schedule writes one good line.", (world.place.command("schedule"),)), ()


def _client(world: World, keep: Entry | None) -> str | None:
    """The client for the line: the one that ``schedule`` put there if it works, else the one that was found."""
    program = keep.program("client") if keep is not None and keep.marked else None
    path = program.path if program is not None and isabs(program.path) else ""
    if path and not program_problem(path) and client_at(world, path).works:
        return path
    return world.clients.chosen.path if world.clients.chosen is not None else None


def client_at(world: World, path: str) -> Candidate:
    """What the client at ``path`` is, also if no search finds it."""
    from ocarina_kit.client.find import examine

    real = os.path.realpath(path)
    known = next((each for each in world.clients.all if each.real == real), None)
    return known or examine(world.machine, path, "the crontab")


def program_faults(world: World, entry: Entry) -> dict[str, str]:
    """Why cron cannot start a program of the entry, or why it is the wrong one, by ``kit`` and ``client``."""
    found = {call.tool: _program_fault(world, entry, call) for call in reversed(entry.calls)}
    return {tool: found[tool] for tool in ("kit", "client") if found.get(tool)}


def _program_fault(world: World, entry: Entry, call: Call) -> str:
    alone = entry._replace(reading=entry.reading._replace(calls=(call,)))
    for hazard in hazards(world.crontab, alone, world.ground.home):
        if hazard.kind == "program":
            return hazard.what
    program, path = call.program, call.program.path
    if program.lookup == "path":
        path = on_path(path, call.environ)
        if not path:
            return f"{program.path} is nowhere on the entry's PATH"
    for each in filter(isabs, (*program.starters, path)):
        if why := program_problem(each):
            return why
    if call.tool != "client" or not isabs(path) or basename(path) != "ocarina":
        return ""  # an interpreter with a module, a shell's own word: no path to compare
    client = client_at(world, path)
    if not client.works:
        return (
            "" if client.state == "no answer" else f"{path} is not the Majora client, but {client.described}"
        )
    # One that --ocarina named is where no search looks: the kit wrote it, and it works.
    if entry.marked or any(each.real == client.real for each in world.clients.all):
        return ""
    return f"{path} is another client than the one that was found"


def replaceable_client(world: World, entry: Entry) -> str:
    """What lets another user replace the entry's client, in words; "" if nothing, or if ENV005 says so."""
    program = entry.program("client")
    if program is None or not isabs(program.path) or basename(program.path) != "ocarina":
        return ""
    client = client_at(world, program.path)
    said = [each.real for each in (world.clients.typed, world.clients.chosen) if each is not None]
    return "" if client.real in said else client.writable_by_others


def refreshes_all(entry: Entry) -> bool:
    """Whether each run of the entry refreshes every token."""
    return not any({"--within", "--for", "--scope"} & call.options for call in entry.calls)


def refreshed_elsewhere(world: World) -> history.Refresh | None:
    """The newest refresh of the last 10 h that no entry of this host did."""
    tokens = world.tokens
    return history.refreshed_elsewhere(tokens.log, tokens.usable, world.machine.host, tokens.now)


def other_hosts(world: World) -> tuple[str, ...]:
    """Hosts that have an entry of their own for this set-up, as far as refresh.log knows."""
    return history.other_hosts(world.tokens.log, world.machine.host)
