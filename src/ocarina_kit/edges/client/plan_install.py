"""What install-client would do on this machine: which tool makes the environment, and where. Changes nothing."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ocarina_kit.core.client.install_plan import (
    DEFAULT_NAME,
    DEFAULT_SOURCE,
    CondaTool,
    InstallPlan,
    checked_name,
    make_steps,
    parse_source,
)
from ocarina_kit.core.client.resolution import MINIMUM_VERSION, Candidate, Place, State, Version
from ocarina_kit.core.errors import KitError, Remedy, UsageError
from ocarina_kit.edges.client.client_places import conda_roots, own_environments, path_folders
from ocarina_kit.edges.client.find_client import examine
from ocarina_kit.edges.client.install_environment import program_environment
from ocarina_kit.edges.system import System


def plan_install(
    system: System,
    *,
    env: str | None = None,
    prefix: str | None = None,
    source: str | None = None,
    python: str = sys.executable,
    minimum: Version = MINIMUM_VERSION,
) -> InstallPlan:
    """What would be done; changes nothing, but asks conda (where there is one) for its folders.

    ``env`` names the environment, ``prefix`` is its folder as typed; with neither it is called ``ocarina``, or
    ``ocarina-2`` and so on where that exists and holds something else. ``minimum`` is the lowest version that the
    server accepts.

    Raises :class:`UsageError` for arguments that make no sense, :class:`KitError` ``INS001`` where the folder exists
    and holds something else, ``INS002`` where git is needed and missing.
    """
    if env is not None and prefix is not None:
        raise UsageError(
            "--env and --prefix exclude each other.",
            why="The one names a new environment, the other its folder.",
            remedy=Remedy("Give one of them.", ("ocarina-kit install-client --env ocarina",)),
        )
    what = parse_source(_absolute_path(system, source or DEFAULT_SOURCE))
    tool = find_conda(system)
    name = checked_name(env) if env is not None else (DEFAULT_NAME if prefix is None else None)
    if prefix is not None:
        wanted = Path(os.path.abspath(system.expand(prefix)))  # noqa: PTH100  # keeps links, which Path.resolve follows
    else:
        wanted = _environments_folder(system, tool) / str(name)
    notes: list[str] = []
    place, standing = wanted, None
    for place in _free_names(wanted, only=env is not None or prefix is not None):
        if is_vacant(place):
            break
        standing = examine(system, place / "bin" / "ocarina", str(place), place=Place.KIT)
        if standing.works and standing.version is not None and standing.version >= minimum:
            return InstallPlan(
                place, what, tool, place.name if name else None, already=standing, notes=tuple(notes)
            )
        notes.append(f"{place} exists and is left as it is: {_what_is_there(standing)}.")
    else:
        raise already_there(place, notes[-1], by_name=env is not None)
    has_git = _on_path(system, "git") is not None
    if what.needs_git and not has_git and tool is None:
        raise KitError(
            "git is missing, and the client comes from a git repository.",
            id="INS002",
            why="pip calls git to fetch it.",
            remedy=Remedy(
                "Install git, or load its module, then run this again. Conda would bring it along."
            ),
        )
    link = system.home / ".local" / "bin" / "ocarina"
    return InstallPlan(
        prefix=place,
        source=what,
        tool=tool,
        name=place.name if name else None,
        steps=make_steps(place, what, tool=tool, python=python, has_git=has_git),
        link=link if tool is None and prefix is None and not os.path.lexists(link) else None,
        notes=tuple(notes),
    )


def find_conda(system: System) -> CondaTool | None:
    """The first of conda, mamba and micromamba that runs: of ``$CONDA_EXE``, ``$MAMBA_EXE`` and PATH."""
    found: list[str] = []
    for kind, variable in (("conda", "CONDA_EXE"), ("mamba", "MAMBA_EXE"), ("micromamba", "MAMBA_EXE")):
        named = system.environ.get(variable, "")
        if named.startswith("/") and Path(named).name == kind:
            found.append(named)
        if (on_path := _on_path(system, kind)) is not None:
            found.append(on_path)
    for path in dict.fromkeys(found):
        if system.run([path, "--version"], env=program_environment(system), timeout=60.0).code == 0:
            return CondaTool(Path(path).name, path)
    return None


def _environments_folder(system: System, tool: CondaTool | None) -> Path:
    """Where an environment of that name goes: the first of the tool's folders that can be written to."""
    if tool is None:
        return own_environments(system)
    folders: object = []
    done = system.run([tool.path, "info", "--json"], env=program_environment(system), timeout=60.0)
    if done.code == 0:
        with suppress(ValueError):
            info = json.loads(done.stdout)
            if isinstance(info, dict):
                folders = info.get("envs_dirs") or info.get("envs directories") or []
    listed = folders if isinstance(folders, list) else []
    known = [Path(folder) for folder in listed if isinstance(folder, str) and folder.startswith("/")]
    if not known:
        roots = conda_roots(system)
        if tool.kind == "micromamba" and system.environ.get("MAMBA_ROOT_PREFIX", "").startswith("/"):
            roots.insert(0, Path(system.environ["MAMBA_ROOT_PREFIX"]))
        known = [*(root / "envs" for root in roots), system.home / ".conda" / "envs"]
    return next((folder for folder in known if _can_be_made(folder)), known[-1])


def _can_be_made(folder: Path) -> bool:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def _free_names(wanted: Path, *, only: bool) -> Iterator[Path]:
    yield wanted
    if not only:
        for number in range(2, 10):
            yield wanted.with_name(f"{wanted.name}-{number}")


def is_vacant(place: Path) -> bool:
    """Nothing there, or an empty folder."""
    if not os.path.lexists(place):
        return True
    try:
        return place.is_dir() and not place.is_symlink() and not any(place.iterdir())
    except OSError:
        return False


def _what_is_there(standing: Candidate) -> str:
    if standing.state is State.MISSING:
        return "it holds no client"
    if standing.works:
        return f"it holds {standing.described}, which the server refuses"
    return f"what it holds is no client that runs: {standing.described}"


def already_there(place: Path, note: str, *, by_name: bool) -> KitError:
    other = next(p for p in (place.with_name(f"{place.name}-{n}") for n in range(2, 1000)) if is_vacant(p))
    option = f"--env {other.name}" if by_name else f"--prefix {other}"
    return KitError(
        f"{place} exists.",
        id="INS001",
        why=f"{note} The kit installs only into a new environment.",
        remedy=Remedy(
            "Take another name, or remove that one first.", (f"ocarina-kit install-client {option}",)
        ),
    )


def _absolute_path(system: System, source: str) -> str:
    """A source that is a local path, absolute: the programs that get it run elsewhere."""
    text = source.strip()
    if text and "://" not in text and not text.startswith("-") and (path := system.expand(text)).exists():
        return os.path.abspath(path)  # noqa: PTH100  # keeps links, which Path.resolve follows
    return source


def _on_path(system: System, name: str) -> str | None:
    found = (folder / name for folder in path_folders(system.environ.get("PATH", "")))
    return next((str(p) for p in found if p.is_file() and os.access(p, os.X_OK)), None)
