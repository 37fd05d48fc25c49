"""The crontab entry of a set-up: its repair, its programs, and who else refreshes. For crontab.py and ``schedule``."""

from __future__ import annotations

from posixpath import basename, isabs, realpath
from typing import TYPE_CHECKING

from ocarina_kit.client.places import on_path
from ocarina_kit.cron.crontab import Crontab
from ocarina_kit.cron.host import gone_shells, program_problem, thrown_away
from ocarina_kit.cron.line import Entry
from ocarina_kit.cron.plan import plan_schedule
from ocarina_kit.doctor.check import Outcome, problem
from ocarina_kit.doctor.world import World
from ocarina_kit.system.errors import KitError, Remedy
from ocarina_kit.tokens import history

if TYPE_CHECKING:
    from ocarina_kit.client.find import Candidate
    from ocarina_kit.cron.recognise import Call


def repair(world: World, content: bytes) -> bytes:
    """The crontab ``content`` with one good line for the set-up; ``content`` itself if only a person may decide.

    It adds no entry on a second host, switches none on that is commented out, and leaves one that does other work.
    Raises Late if there is no time to look for a client.
    """
    if world.place.from_env or not world.listing.writable or thrown_away(world.ground.kit[0]):
        return content
    keep, client, found = world.entries.kept, _client(world), Crontab.parse(content)
    alone = keep is not None and keep.marked and keep.kind == "client" and client is not None
    try:
        plan = plan_schedule(
            found,
            world.ground._replace(client=client),
            runner="client" if alone else "kit-first",
            canonical=realpath,
            gone_shells=gone_shells(found),
        )
    except KitError:
        return content
    if plan.begins and (refreshed_elsewhere(world) or other_hosts(world)):
        return content
    return plan.after.render()


def faulty(
    world: World, status: str, said: str, by: str, /, *, impact: str | None = None, **values: object
) -> Outcome:
    """A fault of the entry that one good line fixes, whatever it is. ``by``: what --fix does, in words."""
    from ocarina_kit.system.change import crontab

    before, entries, remedy = world.listing.content, world.entries, None
    after = repair(world, before)
    fix = (crontab(before, after, by),) if after != before else ()
    if not fix and entries.mixed and not entries.own:
        text = f"Line {entries.mixed[0].number} does other work as well: take the refresh out of it by hand."
        remedy = Remedy(text, ("crontab -e",))
    return problem(status, said, impact=impact, remedy=remedy, fix=fix, **values)


def _client(world: World) -> str | None:
    """The client for the line: the one that ``schedule`` put there if it works, else the one that was found."""
    keep, chosen = world.entries.kept, world.clients.chosen
    call = keep.program("client") if keep is not None and keep.marked else None
    path = call.path if call is not None and isabs(call.path) else ""
    if path and not program_problem(path) and client_at(world, path).works:
        return path
    return chosen.path if chosen is not None else None


def client_at(world: World, path: str) -> Candidate:
    """What the client at ``path`` is, also if no search finds it."""
    from ocarina_kit.client.find import examine

    real = realpath(path)
    known = next((each for each in world.clients.all if each.real == real), None)
    return known or examine(world.machine, path, "the crontab")


def program_faults(world: World, entry: Entry) -> dict[str, str]:
    """Why cron cannot start a program of the entry, or why it is the wrong one, by ``kit`` and ``client``."""
    found = {call.tool: _program_fault(world, entry, call) for call in reversed(entry.calls)}
    return {tool: found[tool] for tool in ("kit", "client") if found.get(tool)}


def _program_fault(world: World, entry: Entry, call: Call) -> str:
    path = call.path
    if call.lookup == "placeholder":
        return f"{call.written} was never replaced by the path of ocarina"
    if path.startswith("$"):
        return f"cron does not set the variable in {call.written}"
    if call.lookup == "folder" and not isabs(path):
        return (
            "" if path.startswith("~") else f"{path} is relative: cron starts in the home folder"
        )  # ~: CRN007
    if call.lookup == "path":
        path = on_path(path, call.environ.get("PATH", ""))
        if not path:
            return f"{call.path} has no absolute path, and the entry's PATH does not lead to it"
    for each in filter(isabs, (*call.starters, path)):
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
    call = entry.program("client")
    if call is None or not isabs(call.path) or basename(call.path) != "ocarina":
        return ""
    client = client_at(world, call.path)
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
