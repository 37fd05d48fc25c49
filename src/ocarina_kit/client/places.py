"""Where an ocarina may be: the places of CONTRACT.md (schedule), as a table; and who can write there. Runs nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ocarina_kit.system.files import read_file
from ocarina_kit.system.machine import Machine

NAME = "ocarina"
CRON_PATH = "/usr/bin:/bin"
"""What a cron job has if the crontab sets no PATH (CRON-AND-CONDA.md, cron)."""

# Where tools put their environments: {data} is $XDG_DATA_HOME, names in capitals are variables, and `*` is every
# folder there. The environments of pyenv, asdf and mise are what their shims lead to.
_CONDA = ("{MAMBA_ROOT_PREFIX}", "{MAMBA_ROOT_PREFIX}/envs/*", "{home}/.conda/envs/*")
_PIPX = ("{PIPX_HOME}/venvs/*", "{data}/pipx/venvs/*", "{home}/.local/pipx/venvs/*")
_SHIMS = ("{PYENV_ROOT}/versions/*", "{home}/.pyenv/versions/*", "{home}/.asdf/installs/python/*")
_TOOLS = {
    "pipx's environments": (*_PIPX, "{home}/Library/Application Support/pipx/venvs/*"),
    "uv's tools": ("{UV_TOOL_DIR}/*", "{data}/uv/tools/*"),
    "~/.local/bin": ("{home}/.local", "{home}/Library/Python/*"),
    "the environments of install-client": ("{data}/ocarina-kit/envs/*",),
    "Python versions of pyenv, asdf or mise": (*_SHIMS, "{data}/mise/installs/python/*"),
}


class Spot(NamedTuple):
    """A path at which there may be a client; ``source`` says in words what place that is. ``trusted``: a place from
    which the person runs programs anyway."""

    path: Path
    source: str
    trusted: bool = False


def spots(machine: Machine, named: str | None = None) -> Iterator[tuple[str, list[Spot]]]:
    """Each place in the order of preference: what it is in words, and the paths to look at.

    ``named`` is the value of ``--ocarina``.
    """
    if named is not None:
        yield named, [Spot(_named(machine, named), "--ocarina", trusted=True)]
    words = "the active environment"
    active = [folder for each in ("{VIRTUAL_ENV}", "{CONDA_PREFIX}") for folder in _folders(machine, each)]
    found = [Spot(each / "bin" / NAME, f"{words} {conda_name(each)}", trusted=True) for each in active]
    yield (words if active else f"{words} (none)"), found
    path = machine.environ.get("PATH", "")
    yield (
        f"PATH ({path})",
        [Spot(each / NAME, f"{each}, on PATH", trusted=True) for each in path_folders(path)],
    )
    known = conda_environments(machine)
    found = [Spot(each / "bin" / NAME, f"the conda environment {conda_name(each)}") for each in known]
    yield f"conda environments ({len(known)} known)", found
    for words, patterns in _TOOLS.items():
        folders = [folder for pattern in patterns for folder in _folders(machine, pattern)]
        yield words, [Spot(each / "bin" / NAME, words) for each in folders]
    yield f"cron's PATH ({CRON_PATH})", [Spot(each / NAME, "cron's PATH") for each in path_folders(CRON_PATH)]


def data_home(machine: Machine) -> Path:
    """``$XDG_DATA_HOME``, else ``~/.local/share``; a relative one is ignored, as the XDG specification demands."""
    base = machine.environ.get("XDG_DATA_HOME", "")
    return Path(base) if base.startswith("/") else machine.home / ".local" / "share"


def path_folders(path: str) -> list[Path]:
    """The folders of a PATH. Empty and relative entries mean the current folder, from which the kit runs nothing."""
    return [Path(entry) for entry in dict.fromkeys(path.split(os.pathsep)) if entry.startswith("/")]


def on_path(name: str, path: str) -> str:
    """What a shell with this PATH runs for ``name``: the first file that it may run; "" if there is none."""
    found = (folder / name for folder in path_folders(path))
    return next((str(each) for each in found if os.access(each, os.X_OK) and each.is_file()), "")


def conda_roots(machine: Machine) -> list[Path]:
    """Base installations: those of ``$CONDA_EXE`` and of a conda on PATH."""
    programs = [machine.environ.get("CONDA_EXE", ""), on_path("conda", machine.environ.get("PATH", ""))]
    links = [Path(program) for program in programs if program.startswith("/")]
    roots = dict.fromkeys(each.parent.parent for link in links for each in (link, link.resolve()))
    return [root for root in roots if root not in (Path("/"), Path("/usr"))]


def conda_environments(machine: Machine) -> list[Path]:
    """The prefixes of all conda environments that can be known without running conda, each once."""
    listed = read_file(machine.home / ".conda" / "environments.txt").content or b""
    lines = [os.fsdecode(line.strip()) for line in listed.splitlines()]
    found = [Path(line) for line in lines if line.startswith("/")]
    for root in conda_roots(machine):
        found += [root, *sorted((root / "envs").glob("*"))]
    found += [folder for pattern in _CONDA for folder in _folders(machine, pattern)]
    return list(dict.fromkeys(found))


def conda_name(prefix: Path) -> str:
    """As conda shows it: ``base`` for what has a folder ``envs``, the name of a folder in such a one, else the path."""
    if os.access(prefix / "envs", os.F_OK):
        return "base"
    return prefix.name if prefix.parent.name == "envs" else str(prefix)


def replaceable(path: str) -> Path | None:
    """The file or folder that lets others, but for root, put another program at ``path``; None if none does.

    That is the program, or a folder above it or its link, if it belongs to another user, or if its group (but for
    the user's own) or everyone may write to it.
    """
    real = Path(os.path.realpath(path))
    for entry in (Path(path), real, *real.parents):
        for loose in read_file(entry, cap=0).loose_folders:
            return loose
    try:
        seen = real.stat()
    except OSError:
        return None
    # A file that the user's own group may write is usual under umask 002; if the folder is open to it, that is said.
    by_group = seen.st_mode & 0o020 and seen.st_gid not in (0, os.getegid())
    foreign = seen.st_uid not in (0, os.geteuid())
    return real if foreign or by_group or seen.st_mode & 0o002 else None


def is_there(path: Path) -> bool:
    """A file, or a link that leads nowhere (a client that was there once)."""
    return os.path.isfile(path) or (os.path.islink(path) and not os.path.exists(path))  # noqa: PTH110, PTH113, PTH114


def _named(machine: Machine, named: str) -> Path:
    """A path as typed; a bare name is looked up in PATH; an environment's folder means the client in it."""
    if "/" not in named and (found := on_path(named, machine.environ.get("PATH", ""))):
        return Path(found)
    path = Path(os.path.normpath(machine.expand(named)))
    return path / "bin" / NAME if os.access(path / "bin", os.F_OK) else path


def _folders(machine: Machine, pattern: str) -> list[Path]:
    """What a pattern of the tables above stands for; nothing where its variable is not set to an absolute path."""
    bases = {"home": str(machine.home), "data": str(data_home(machine)), **machine.environ}
    name, _, rest = pattern.removeprefix("{").partition("}")
    base = bases.get(name, "")
    if not base.startswith("/"):
        return []
    return sorted(Path(base).glob(rest[1:])) if rest else [Path(base)]
