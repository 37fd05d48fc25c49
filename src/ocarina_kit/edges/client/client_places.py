"""Where an ocarina may be: every place of CONTRACT.md (schedule), as paths. Looks at folders, runs nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ocarina_kit.core.client.resolution import Place
from ocarina_kit.edges.system import System

NAME = "ocarina"
CRON_PATH = "/usr/bin:/bin"
"""What a cron job has where the crontab sets no PATH (CRON-AND-CONDA.md, cron)."""


@dataclass(frozen=True)
class Spot:
    """One path at which there may be a client. ``where`` says in words what place that is."""

    path: Path
    place: Place
    where: str


def data_home(system: System) -> Path:
    """``$XDG_DATA_HOME``, else ``~/.local/share``; a relative one is ignored, as the XDG specification demands."""
    base = system.environ.get("XDG_DATA_HOME", "")
    return Path(base) if base.startswith("/") else system.home / ".local" / "share"


def own_environments(system: System) -> Path:
    """Where install-client makes virtual environments."""
    return data_home(system) / "ocarina-kit" / "envs"


def spots(
    system: System, *, option: str | None, kit_prefix: str, cron_path: str
) -> Iterator[tuple[Place, str, list[Spot]]]:
    """Each place in the order of preference: (place, where that is in words, the paths to look at)."""
    if option is not None:
        yield Place.OPTION, option, [Spot(_option_path(system, option), Place.OPTION, "--ocarina")]
    yield from _environments(system)
    for place, words, folders in (
        (Place.PIPX, "pipx's environments", _pipx(system)),
        (Place.UV_TOOL, "uv's tools", _uv_tools(system)),
        (Place.USER_BIN, "~/.local/bin", _user_bins(system)),
        (Place.KIT, "environments made by install-client", _children(own_environments(system))),
        (Place.BESIDE_KIT, "the environment of ocarina-kit", [Path(kit_prefix)]),
    ):
        yield place, words, [Spot(folder / "bin" / NAME, place, words) for folder in folders]
    yield (
        Place.CRON_PATH,
        f"cron's PATH ({cron_path})",
        [Spot(folder / NAME, Place.CRON_PATH, "cron's PATH") for folder in path_folders(cron_path)],
    )


def path_folders(path: str) -> list[Path]:
    """The folders of a PATH. Empty and relative entries mean the current folder, from which the kit runs nothing."""
    return [Path(entry) for entry in dict.fromkeys(path.split(os.pathsep)) if entry.startswith("/")]


def first_executable(path: str) -> str | None:
    """What a shell with this PATH runs for ``ocarina``: the first file that it may run."""
    for folder in path_folders(path):
        found = folder / NAME
        if found.is_file() and os.access(found, os.X_OK):
            return str(found)
    return None


def conda_prefixes(system: System) -> list[Path]:
    """The prefixes of all conda environments that can be known without running conda, each once."""
    found: list[Path] = []
    try:
        listed = (system.home / ".conda" / "environments.txt").read_text("utf-8", errors="surrogateescape")
    except OSError:
        listed = ""
    found += [Path(line.strip()) for line in listed.splitlines() if line.strip().startswith("/")]
    for root in conda_roots(system):
        found += [root, *_children(root / "envs")]
    for folder in system.environ.get("CONDA_ENVS_PATH", "").split(os.pathsep):
        if folder.startswith("/"):
            found += _children(Path(folder))
    found += _children(system.home / ".conda" / "envs")
    return list(dict.fromkeys(found))


def conda_roots(system: System) -> list[Path]:
    """Base installations: of ``$CONDA_EXE``, of ``$MAMBA_ROOT_PREFIX``, and of a conda on PATH."""
    roots: list[Path] = []
    for exe in (system.environ.get("CONDA_EXE", ""), *(str(f / "conda") for f in _path(system))):
        if exe.startswith("/") and (exe == system.environ.get("CONDA_EXE") or Path(exe).is_file()):
            for real in (Path(exe), Path(exe).resolve()):
                roots.append(real.parent.parent)
    mamba = system.environ.get("MAMBA_ROOT_PREFIX", "")
    if mamba.startswith("/"):
        roots.append(Path(mamba))
    return [root for root in dict.fromkeys(roots) if root not in (Path("/"), Path("/usr"))]


def conda_name(prefix: Path, roots: list[Path]) -> str:
    """An environment's name as conda shows it: ``base``, its folder's name under ``envs``, else its path."""
    if prefix in roots:
        return "base"
    return prefix.name if prefix.parent.name == "envs" else str(prefix)


def _option_path(system: System, option: str) -> Path:
    """A path as typed; a bare name is looked up in PATH; an environment's folder means the client in it."""
    if "/" not in option and option not in (".", ".."):
        for folder in _path(system):
            if (folder / option).is_file():
                return folder / option
    path = Path(os.path.abspath(system.expand(option)))  # noqa: PTH100  # keeps links, which Path.resolve follows
    return path / "bin" / NAME if path.is_dir() and (path / "bin").is_dir() else path


def _environments(system: System) -> Iterator[tuple[Place, str, list[Spot]]]:
    active = _active(system)
    words = "the active environment"
    yield (
        Place.ACTIVE,
        words if active else f"{words} (there is none)",
        [Spot(prefix / "bin" / NAME, Place.ACTIVE, f"{words} {name}") for prefix, name in active],
    )
    yield (
        Place.PATH,
        f"PATH ({system.environ.get('PATH', '')})",
        [Spot(folder / NAME, Place.PATH, f"{folder}, on PATH") for folder in _path(system)],
    )
    prefixes, roots = conda_prefixes(system), conda_roots(system)
    yield (
        Place.CONDA,
        f"conda environments ({len(prefixes)} known)",
        [
            Spot(p / "bin" / NAME, Place.CONDA, f"the conda environment {conda_name(p, roots)}")
            for p in prefixes
        ],
    )


def _active(system: System) -> list[tuple[Path, str]]:
    """Active environments (prefix, name). Of a conda and a virtual environment, the one earlier in PATH comes first."""
    found = []
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        prefix = system.environ.get(variable, "")
        if prefix.startswith("/"):
            name = system.environ.get("CONDA_DEFAULT_ENV", "") if variable == "CONDA_PREFIX" else ""
            found.append((Path(prefix), name or Path(prefix).name))
    order = _path(system)

    def rank(environment: tuple[Path, str]) -> int:
        folder = environment[0] / "bin"
        return order.index(folder) if folder in order else len(order)

    return sorted(found, key=rank)


def _path(system: System) -> list[Path]:
    return path_folders(system.environ.get("PATH", ""))


def _pipx(system: System) -> list[Path]:
    home = system.environ.get("PIPX_HOME", "")
    if home.startswith("/"):
        return _children(Path(home) / "venvs")
    homes = (
        data_home(system) / "pipx",
        system.home / ".local" / "pipx",
        system.home / "Library" / "Application Support" / "pipx",
    )
    return [venv for home in homes for venv in _children(home / "venvs")]


def _uv_tools(system: System) -> list[Path]:
    named = system.environ.get("UV_TOOL_DIR", "")
    return _children(Path(named) if named.startswith("/") else data_home(system) / "uv" / "tools")


def _user_bins(system: System) -> list[Path]:
    """``~/.local``, and where macOS's own Python puts what ``pip install --user`` installs."""
    return [system.home / ".local", *_children(system.home / "Library" / "Python")]


def _children(folder: Path) -> list[Path]:
    """The folders in ``folder``, by name; none where it cannot be read."""
    try:
        return sorted(entry for entry in folder.iterdir() if entry.is_dir())
    except OSError:
        return []
