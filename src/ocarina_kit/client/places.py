"""Where an ocarina may be: the places of CONTRACT.md (schedule), as a table; how a program starts, and who else can
replace it. Runs nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from posixpath import basename, dirname
from typing import NamedTuple

from ocarina_kit.system.files import loose_folders, matching, read_file
from ocarina_kit.system.machine import Machine

NAME = "ocarina"
CRON_PATH = "/usr/bin:/bin"
"""What a cron job has if the crontab sets no PATH (CRON-AND-CONDA.md, cron)."""

# In the order of preference. Names in capitals are variables; {data} is $XDG_DATA_HOME, and {conda} every conda that is
# known. The environments of pyenv are what its shims lead to.
PLACES = {
    "the active environment": ("{VIRTUAL_ENV}/bin", "{CONDA_PREFIX}/bin"),
    "PATH": ("{PATH}",),
    "conda environments": (
        *("{conda}/bin", "{conda}/envs/*/bin", "{home}/.conda/envs/*/bin"),
        *("{MAMBA_ROOT_PREFIX}/bin", "{MAMBA_ROOT_PREFIX}/envs/*/bin"),
    ),
    "pipx's environments": (
        "{PIPX_HOME}/venvs/*/bin",
        "{data}/pipx/venvs/*/bin",
        "{home}/.local/pipx/venvs/*/bin",
    ),
    "uv's tools": ("{UV_TOOL_DIR}/*/bin", "{data}/uv/tools/*/bin"),
    "~/.local/bin": ("{home}/.local/bin",),
    "the environments of install-client": ("{data}/ocarina-kit/envs/*/bin",),
    "Python versions of pyenv": (
        "{PYENV_ROOT}/versions/*/bin",
        "{home}/.pyenv/versions/*/bin",
    ),
    "cron's PATH": ("{cron}",),
}
TRUSTED = ("--ocarina", "the active environment", "PATH")
"""Places from which the person runs programs anyway; in their own order."""


def places(
    machine: Machine, named: str | None = None
) -> Iterator[tuple[str, list[str]]]:
    """Each place in the order of preference: what it is in words, and the programs named ocarina in it.

    ``named`` is the value of ``--ocarina``: a path as typed, a bare name that is looked up in PATH, or the folder of an
    environment.
    """
    path = machine.environ.get("PATH", "")
    if named is not None:
        program = Path(os.path.normpath(machine.expand(named)))
        if os.access(program / "bin", os.F_OK):
            program = program / "bin" / NAME
        yield (
            "--ocarina",
            [("" if "/" in named else on_path(named, path)) or str(program)],
        )
    bases = {
        **machine.environ,
        "home": str(machine.home),
        "data": str(data_home(machine)),
        "conda": ":".join(_condas(machine)),
        "cron": CRON_PATH,
    }
    for words, patterns in PLACES.items():
        folders: list[Path] = []
        for pattern in patterns:
            name, _, rest = pattern.removeprefix("{").partition("}")
            for base in _absolute(bases.get(name, "")):
                folders += map(Path, matching(base, rest[1:]))
        files = dict.fromkeys(str(folder / NAME) for folder in folders)
        yield words, [file for file in files if _is_file_or_link(file)]


def _is_file_or_link(file: str) -> bool:
    """Tell whether a client is there, or a link to one that was there once."""
    # Path.is_dir raises in a folder of somebody else's.
    return os.path.lexists(file) and not os.path.isdir(file)  # noqa: PTH112


def data_home(machine: Machine) -> Path:
    """``$XDG_DATA_HOME``, else ``~/.local/share``; a relative one is ignored, as the XDG specification demands."""
    base = machine.environ.get("XDG_DATA_HOME", "")
    return Path(base) if base.startswith("/") else machine.home / ".local" / "share"


def on_path(name: str, path: str) -> str:
    """What a shell with this PATH runs for ``name``: the first file that it may run; "" if there is none.

    Empty and relative entries of PATH mean the current folder, from which the kit runs nothing.
    """
    found = (folder / name for folder in _absolute(path))
    return next(
        (str(each) for each in found if os.access(each, os.X_OK) and each.is_file()), ""
    )


def _absolute(path: str) -> list[Path]:
    return [Path(entry) for entry in path.split(os.pathsep) if entry.startswith("/")]


def _condas(machine: Machine) -> list[str]:
    """The prefixes of conda environments that can be known without running conda: those that it lists in a file of the
    home, and the base installations of ``$CONDA_EXE`` and of a conda on PATH."""
    listed = read_file(machine.home / ".conda" / "environments.txt").content or b""
    programs = [
        machine.environ.get("CONDA_EXE", ""),
        on_path("conda", machine.environ.get("PATH", "")),
    ]
    links = [
        path for each in programs if each for path in (each, os.path.realpath(each))
    ]
    roots = [dirname(dirname(each)) for each in links]
    return [
        *os.fsdecode(listed).splitlines(),
        *(each for each in roots if each not in ("/", "/usr")),
    ]


def cron_environment(
    user: str, home: str, variables: Mapping[str, str] | None = None
) -> dict[str, str]:
    """What a job of cron sees, and nothing else; ``variables`` are the crontab's own above it (crontab(5))."""
    environment = {
        "HOME": home,
        "PATH": CRON_PATH,
        "SHELL": "/bin/sh",
        **(variables or {}),
    }
    return {**environment, "LOGNAME": user, "PWD": environment["HOME"]}


# --- a program

_PYTHON = r"(?:python|pypy)[0-9.]*t?"
# The tool which made such a folder deletes it (`uvx`, `pipx run`, a build of pip), or it depends on where it is called.
_THROWAWAY = re.compile(
    r"/(?:\.cache|Caches)/(?:uv|pipx)/|/uv/(?:archive|builds)-v0/|/pipx/\.cache/|/shims/"
    r"|/pip-(?:build-env-|ephem-wheel-cache-)"
)
# exec /path/python …; and pip's and conda's way around a long path or blanks: '''exec' "/path/python" "$0" "$@"
_EXEC = re.compile(rf"""\bexec'?\s+(["']?)(/[^"'\n]*?/{_PYTHON})\1\s""")


class Launch(NamedTuple):
    """``shebang``: the words of a script's first line. ``interpreter``: the Python that runs it, as written: a path, or
    a name to look up in PATH; "" if unknown."""

    shebang: tuple[str, ...] = ()
    interpreter: str = ""


def read_launch(path: str) -> Launch:
    """What the first bytes of the program at ``path`` say about how it starts: its first line, and what a shell wrapper
    executes. Never raises."""
    try:
        with Path(path).open("rb") as file:
            # No path has a NUL byte, as a damaged file has.
            head = (
                file.read(4096)
                .replace(b"\0", b"?")
                .decode("utf-8", errors="surrogateescape")
            )
    except (OSError, ValueError):
        return Launch()
    first, _, rest = head.partition("\n")
    shebang = tuple(first[2:].split()) if first.startswith("#!") else ()
    words = list(shebang)
    if words and basename(words[0]) == "env":
        words = [
            word.removeprefix("-S")
            for word in words[1:]
            if word != "-S" and "=" not in word
        ]
    if words and re.fullmatch(_PYTHON, basename(words[0])):
        return Launch(shebang, words[0])
    wrapper = _EXEC.search(rest if shebang else head)
    by_shell = not words or basename(words[0]).endswith("sh")
    return Launch(shebang, wrapper[2] if wrapper and by_shell else "")


def replaceable(path: str) -> Path | None:
    """The file or folder that lets others, but for root, put another program at ``path``; None if none does.

    That is the program, or a folder above it or its link, if it belongs to another user, or if its group (but for
    the user's own) or everyone may write to it.
    """
    if loose := loose_folders(Path(path)):
        return loose[0]
    real = Path(os.path.realpath(path))
    try:
        seen = real.stat()
    except OSError:
        return None
    # A file that the user's own group may write is usual under umask 002; if the folder is open to it, that is said.
    by_group = seen.st_mode & 0o020 and seen.st_gid not in (0, os.getegid())
    return (
        real
        if by_group or seen.st_mode & 0o002 or seen.st_uid not in (0, os.geteuid())
        else None
    )


def thrown_away(path: str) -> bool:
    """Whether the tool that made this program deletes it again, or it depends on the folder (a shim)."""
    return any(_THROWAWAY.search(each) for each in (path, os.path.realpath(path)))
