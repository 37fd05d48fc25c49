"""ENV: the client, and the machine that it runs on (CHECKS.md)."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from posixpath import dirname
from shlex import quote
from typing import Any

from ocarina_kit.client.find import (
    MINIMUM_VERSION,
    Candidate,
    ClientState,
    version_text,
)
from ocarina_kit.client.places import PLACES
from ocarina_kit.config.names import CA_BUNDLES, TEXTS
from ocarina_kit.doctor.check import Outcome, check, follows, ok, problem, skip
from ocarina_kit.doctor.entry import faulty
from ocarina_kit.doctor.server import failed_step
from ocarina_kit.doctor.world import World
from ocarina_kit.schedule.entry import NO_PROXY, PROXY
from ocarina_kit.system.file_errors import examine_folder
from ocarina_kit.system.file_kind import FileKind
from ocarina_kit.system.files import read_file
from ocarina_kit.system.words import span, tilde

_INSTALL = "ocarina-kit install-client"
_check_client = partial(check, run=_INSTALL)

# --- ENV001 to ENV005: the client -------------------------------------------------------------------------------------


@_check_client("ENV001", "The client is installed")
def installed(world: World) -> Outcome | None:
    """ocarina is looked for in the active environment, on PATH, in conda environments, in those of pipx, uv and
    install-client, in ~/.local/bin, and on cron's PATH.

    Nothing can be looked up or uploaded; ocarina-kit still refreshes tokens.
    """
    clients = world.clients
    if clients.typed is not None:
        return ok("ocarina is installed: {file}.", file=_file(world, clients.typed))
    return problem(
        "fail", "No ocarina was found. Looked in: {places}.", places="; ".join(PLACES)
    )


@_check_client("ENV002", "It is the Majora client", needs="ENV003")
def is_majoras(world: World) -> Outcome | None:
    """An unrelated package on PyPI is named ocarina too, so pip install ocarina installs the wrong program. The Majora
    client prints its version with ocarina -v, and its package has a module ocarina.client.

    Its commands do something else, or do not exist.
    """
    typed = _typed(world)
    if typed.works:
        return ok(
            "{file} is {client}.", file=_file(world, typed), client=typed.described
        )
    said = "{file} is not the Majora client, but {program}."
    return problem(
        "fail", said, file=_file(world, typed), program=typed.problem, **_other(world)
    )


@_check_client("ENV003", "The client runs", needs="ENV001")
def runs(world: World) -> Outcome | None:
    """If its Python was upgraded or removed, or its environment was moved, the script stays and its interpreter is
    gone. ocarina -v is run to see, without any credentials.

    Neither you nor cron can use it.
    """
    typed = _typed(world)
    file = _file(world, typed)
    if typed.state in (ClientState.WORKS, ClientState.NOT_THE_CLIENT):
        return ok("{file} runs.", file=file)
    if typed.state is ClientState.NO_ANSWER:
        said, run = "{file} gave no answer in time.", f"time {quote(typed.path)} -v"
        return problem(
            "unknown", said, text="See how long it takes.", run=run, file=file
        )
    return problem(
        "fail",
        "{file} does not run: {why}.",
        file=file,
        why=typed.problem,
        **_other(world),
    )


@check(
    "ENV005",
    "All clients are of one version",
    needs="ENV001",
    text="Keep one, and remove the others.",
)
def only_one(world: World) -> Outcome | None:
    """Several environments may have clients of different versions. cron has a short PATH of its own, so the crontab
    entry has absolute paths. A client that another user can replace is a risk: it reads your tokens.

    What works in your shell may not work in cron, and the other way round.
    """
    clients = world.clients
    for each in (clients.typed, clients.chosen):
        if each is not None and each.writable_by_others:
            said, impact = (
                "{file} is not safe: {why}.",
                "Whoever replaces it can read your tokens.",
            )
            text = "Remove the others' write permission, or install your own."
            file, why = _file(world, each), each.writable_by_others
            return problem(
                "warn", said, impact=impact, text=text, run=_INSTALL, file=file, why=why
            )
    working = [each for each in clients.all if each.works]
    if len({each.version for each in working}) < 2:
        return None
    return problem(
        "warn",
        "There are {count} clients of different versions: {clients}. Your shell runs {shell}, cron finds {cron}, and "
        "ocarina-kit schedules {chosen}.",
        count=len(working),
        clients="; ".join(
            f"{_file(world, each)} ({each.described})" for each in working
        ),
        shell=_file(world, clients.shell),
        cron=_file(world, clients.cron),
        chosen=_file(world, clients.chosen),
    )


def _typed(world: World) -> Candidate:
    """The client that a person gets; ENV001, on which the checks that ask depend, has found one."""
    return world.clients.typed or world.clients.all[0]


def _file(world: World, client: Candidate | None) -> str:
    return "none" if client is None else tilde(client.path, world.machine.home)


def _other(world: World) -> dict[str, Any]:
    """The remedy for a client that is no good: use one that works, or install one."""
    typed, chosen = _typed(world), world.clients.chosen
    if chosen is not None and chosen.path != typed.path:
        export = f"export PATH={quote(dirname(chosen.path))}:$PATH"
        text = (
            "Put the folder of the other client first on PATH, in ~/.bashrc too. Or "
            "remove the environment of this one."
        )
        return {"text": text, "run": export}
    if typed.state is ClientState.NOT_EXECUTABLE:
        return {
            "text": "Make it executable for you.",
            "run": f"chmod u+x {quote(typed.path)}",
        }
    return {"text": "Install the Majora client.", "run": _INSTALL}


@_check_client(
    "ENV004", "Majora accepts its version", needs="ENV002 API001|API002", online=True
)
def version_accepted(world: World) -> Outcome | None:
    """Majora refuses clients that are too old (before 0.44.0 when this was written), and says which version it wants.
    The client that the guide's first version installs, 0.36.1, is one of them.

    Every request of this client is refused, whatever its token.
    """
    answer = next(
        (each for each in world.access.values() if each.client_ok is not None), None
    )
    version = version_text(_typed(world).version)
    if answer is None:
        return skip("the server said nothing about the client's version")
    if answer.client_ok:
        return ok("Majora accepts ocarina {version}.", version=version)
    wanted = answer.wanted_version or version_text(MINIMUM_VERSION)
    said = "Majora refuses ocarina {version}: it wants {wanted} or newer."
    chosen = world.clients.chosen
    if chosen is None or not chosen.accepted:
        return problem("fail", said, version=version, wanted=wanted)
    said += " Your shell runs {shell}; {file} is {client}."
    return problem(
        "fail",
        said,
        version=version,
        wanted=wanted,
        shell=_file(world, _typed(world)),
        file=_file(world, chosen),
        client=chosen.described,
        **_other(world),
    )


# --- ENV006 to ENV008: the machine ------------------------------------------------------------------------------------

_OF_THE_SETUP = (*TEXTS, "MAJORA_CLIENT_ID", "MAJORA_CLIENT_SECRET")
"""What the client reads with ``--env``, and only then."""


@check("ENV006", "cron sees the variables of this shell", run="ocarina-kit schedule")
def carried(world: World) -> Outcome | None:
    """cron has none of your shell's variables. OCARINA_CONF_FILE, a CA bundle or a proxy that is set here must be in
    the crontab entry too. A proxy's password is never written there.

    The scheduled refresh may read another set-up, or not reach the server.
    """
    names, said = (
        not_carried(world),
        "The crontab entry does not set what this shell sets: {variable}.",
    )
    if not names:
        return None
    variables = ", ".join(names)
    if world.location.from_env:
        text = (
            "Some are secrets, which no crontab entry has. Write a configuration file."
        )
        return problem(
            "warn", said, text=text, run="ocarina-kit init", variable=variables
        )
    if set(names) <= set(world.entry_spec.left_out):
        text = f"{variables} may hold a password. Set it at the top of the crontab if cron needs it."
        return problem("warn", said, text=text, run="crontab -e", variable=variables)
    by = "put the variables into the crontab entry"
    return faulty(world, said, by, status="warn", variable=variables)


def not_carried(world: World) -> list[str]:
    """Names of variables that change what ocarina reads here, and that this set-up's entry does not set."""
    environ, entries, wanted = (
        world.machine.environ,
        world.entries,
        world.entry_spec.variables,
    )
    calls = [call for entry in entries.active for call in entry.calls]
    if world.location.from_env:
        return (
            [name for name in _OF_THE_SETUP if environ.get(name)]
            if calls or entries.others
            else []
        )
    if not calls:
        return (
            ["OCARINA_CONF_FILE"]
            if world.location.source == "environment" and entries.others
            else []
        )

    def is_set(name: str) -> bool:
        return name in wanted and all(
            call.environ.get(name) == wanted[name] for call in calls
        )

    return [
        name
        for name in (*CA_BUNDLES, *PROXY, *NO_PROXY)
        if environ.get(name) and not is_set(name)
    ]


_NTP = "Ask whoever runs this machine to set its clock by NTP. See what it shows:"


@check(
    "ENV007",
    "The clock is right",
    needs="SRV002",
    online=True,
    text=_NTP,
    run="date -u",
)
def clock(world: World) -> Outcome | None:
    """This machine's time is compared with the server's: more than 60 s is a warning, more than 300 s a failure.

    Tokens seem to be valid for longer or shorter than they are, and two-factor codes are refused.
    """
    skew = world.identity.skew if world.identity is not None else None
    if skew is None:
        step = failed_step(world)
        return (
            follows(step) if step else skip("the server did not say what time it has")
        )
    off, side = round(abs(skew)), "behind" if skew > 0 else "ahead of"
    if off <= 60:
        return None
    said = f"This machine's clock is {{span}} {side} the server's."
    return problem("fail" if off > 300 else "warn", said, span=span(off))


@check("ENV008", "Files can be written", text="Delete something there.", run="df -h ~")
def writable(world: World) -> Outcome | None:
    """Your home and the folders of the configuration, the tokens file and the state are looked at: may you write there,
    and are space and inodes left. Nothing is written to find out, and a quota is not seen.

    New tokens could not be saved, so nothing is refreshed.
    """
    state, home = world.machine.state, world.machine.home
    folders = {
        "Your home": home,
        "The folder of the tokens file": _beside(world.config.tokens_file),
        "The state folder": next(
            each for each in (state, *state.parents) if os.path.lexists(each)
        ),
    }
    if world.config.file.kind is FileKind.FILE:  # otherwise CFG001 says what is wrong
        folders["The folder of the configuration"] = _beside(world.location.config)
    for what, folder in folders.items():
        # A missing one is CFG001's or CFG010's.
        is_folder = read_file(folder).kind is FileKind.FOLDER
        if what != "The state folder" and not is_folder:
            continue
        obstacle = examine_folder(folder)
        if obstacle is not None:
            text, run = obstacle.remedy
            return problem(
                "fail",
                f"{what}: {obstacle.why}",
                text=text,
                run=run,
                folder=tilde(folder, home),
            )
    return None


def _beside(path: Path) -> Path:
    """The folder in which a file is replaced: that of what a link leads to."""
    return Path(os.path.realpath(path)).parent
