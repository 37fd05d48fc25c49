"""Finds the ocarina clients on this machine, and what each of them is, by running it.

The first run has cron's bare environment: what works there stands on after ``conda deactivate``, and no secret of
this shell's environment reaches a program that only happens to be named ocarina. Nothing is run from the current
folder, nor from a relative entry of PATH.
"""

from __future__ import annotations

import os
import stat
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ocarina_kit.core.client.launch import HEAD_BYTES, Launch, read_launch
from ocarina_kit.core.client.resolution import Candidate, Place, Resolution, Search, State, judge_run, resolve
from ocarina_kit.edges.client.client_places import (
    CRON_PATH,
    NAME,
    Spot,
    conda_prefixes,
    first_executable,
    spots,
)
from ocarina_kit.edges.system import Completed, System

TIMEOUT = 8.0
"""Seconds for one candidate: a Python on a cold network file system takes some."""

# What such folders hold is thrown away by the tool that made it.
_THROWAWAY = ("/.cache/uv/", "/Caches/uv/", "/uv/archive-v0/", "/.cache/pipx/", "/pipx/.cache/")


def find_client(
    system: System,
    option: str | None = None,
    *,
    stop_at_first: bool = False,
    timeout: float = TIMEOUT,
    kit_prefix: str | None = None,
    cron_path: str = CRON_PATH,
) -> Resolution:
    """Search all places, run what is there, and decide.

    ``option`` is the value of ``--ocarina``. With ``stop_at_first`` the search ends with the place that has a client
    which works; the rest is not looked at. ``timeout`` is seconds for each candidate; they run side by side.
    ``kit_prefix`` is the kit's own environment (default: this process's). ``cron_path`` is the PATH of cron jobs.
    Never raises for what is found.
    """
    candidates: list[Candidate] = []
    found: list[_Found] = []
    looked: list[str] = []
    remarks: list[str] = []
    complete = True
    for place, words, here in spots(
        system, option=option, kit_prefix=kit_prefix or sys.prefix, cron_path=cron_path
    ):
        looked.append(words)
        _add(found, [_Found(spot, *_through_shim(system, spot, timeout)) for spot in here if _is_there(spot)])
        if place is Place.OPTION and not found:
            candidates.append(_missing(here[0]))
        remarks += [remark for spot in here if (remark := _remark(spot)) is not None]
        if stop_at_first:
            candidates += _probe_all(system, found[len(candidates) :], timeout)
            if place is Place.OPTION or any(c.works and c.stands_on for c in candidates):
                complete = False
                break
    if not stop_at_first:
        candidates += _probe_all(system, found, timeout)
    known = {item.real_path: item.also for item in found}
    candidates = [replace(c, also=known.get(c.real_path, ())) for c in candidates]
    search = Search(
        candidates=tuple(candidates),
        looked=tuple(looked),
        shell_path=first_executable(system.environ.get("PATH", "")),
        cron_path=first_executable(cron_path),
        remarks=tuple(dict.fromkeys(remarks)),
        complete=complete,
    )
    return resolve(search, option)


def examine(
    system: System, path: Path, where: str, *, place: Place = Place.OPTION, timeout: float = TIMEOUT
) -> Candidate:
    """What the one program at ``path`` is. ``where`` says in words what place that is."""
    spot = Spot(path, place, where)
    return _probe(system, _Found(spot, str(path), True), timeout) if _is_there(spot) else _missing(spot)


def read_scope_table(
    system: System, candidate: Candidate, *, timeout: float = TIMEOUT
) -> dict[str, str | None] | None:
    """The client's own table of endpoints and scope strings, read by its own interpreter (FACTS.md, The client).

    None where the interpreter cannot be told, takes longer than ``timeout`` seconds, or prints something else.
    """
    from ocarina_kit.core.client.scopes import TABLE_PROGRAM, parse_table

    if candidate.interpreter is None:
        return None
    # `python -c` looks for modules in the current folder first: `/` holds none that others could put there.
    done = system.run(
        [candidate.interpreter, *candidate.interpreter_flags, "-c", TABLE_PROGRAM],
        env=_bare(system) if candidate.stands_on else _without_secrets(system),
        timeout=timeout,
        cwd=Path("/"),
    )
    return parse_table(_text(done.stdout)) if done.code == 0 else None


# --- what stands at a path -------------------------------------------------------------------------------


def _is_there(spot: Spot) -> bool:
    """A file, or a link that leads nowhere (a client that was there once)."""
    try:
        return spot.path.is_file() or (spot.path.is_symlink() and not spot.path.exists())
    except OSError:
        return False


def _missing(spot: Spot) -> Candidate:
    return Candidate(str(spot.path), str(spot.path), spot.place, spot.where, State.MISSING)


@dataclass
class _Found:
    """A file to run. ``path`` is the one to use for it, which ``stands_on`` or not; ``also`` are other paths to it."""

    spot: Spot
    path: str
    stands_on: bool
    also: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.real_path = os.path.realpath(self.path)
        if str(self.spot.path) != self.path:
            self.also = (str(self.spot.path),)


def _through_shim(system: System, spot: Spot, timeout: float) -> tuple[str, bool]:
    """The path behind a shim of pyenv, asdf or mise, whose meaning depends on the folder it is called in."""
    path = spot.path
    if path.parent.name != "shims":
        return str(path), not any(part in str(path) for part in _THROWAWAY)
    root = path.parent.parent
    tools = [root / "bin" / "pyenv", root / "libexec" / "pyenv", root / "bin" / "asdf", path.resolve()]
    for tool in tools:
        if tool.name in ("pyenv", "asdf", "mise") and os.access(tool, os.X_OK):
            done = system.run([str(tool), "which", NAME], env=_without_secrets(system), timeout=timeout)
            answer = _text(done.stdout).strip()
            if done.code == 0 and answer.startswith("/") and Path(answer).is_file():
                return answer, True
    return str(path), False


def _add(known: list[_Found], here: Sequence[_Found]) -> None:
    """Each file once: where it was found first. Later paths to it are noted there."""
    for item in here:
        earlier = next((k for k in known if k.real_path == item.real_path), None)
        if earlier is None:
            known.append(item)
        else:
            others = (*earlier.also, item.path, *item.also)
            earlier.also = tuple(path for path in dict.fromkeys(others) if path != earlier.path)


def _remark(spot: Spot) -> str | None:
    """An environment with the unrelated package and no command: why "I installed it" and "not found" go together."""
    prefix = spot.path.parent.parent
    if spot.place not in (Place.ACTIVE, Place.CONDA, Place.PIPX, Place.UV_TOOL, Place.KIT) or _is_there(spot):
        return None
    if _has_client_module(prefix) is False:
        return f"{spot.where} ({prefix}) holds the unrelated PyPI package ocarina, not the Majora client"
    return None


# --- running it ------------------------------------------------------------------------------------------


def _probe_all(system: System, found: Sequence[_Found], timeout: float) -> list[Candidate]:
    """All of ``found``, side by side."""
    if len(found) < 2:
        return [_probe(system, item, timeout) for item in found]
    answers: dict[int, Candidate] = {}

    def work(index: int, item: _Found) -> None:
        answers[index] = _probe(system, item, timeout)

    # Daemon threads: an executor's are joined at exit, and one that hangs in a dead file system would hang the kit.
    threads = [
        threading.Thread(target=work, args=(index, item), daemon=True) for index, item in enumerate(found)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answers[index] for index in sorted(answers)]


def _probe(system: System, item: _Found, timeout: float) -> Candidate:
    path, spot, stands_on = item.path, item.spot, item.stands_on
    base = Candidate(path, item.real_path, spot.place, spot.where, State.DEAD, stands_on=stands_on)
    if not Path(path).exists():
        return replace(base, detail="the link leads nowhere")
    if not os.access(path, os.X_OK):
        return replace(base, state=State.NOT_EXECUTABLE, detail="no run bit")
    if spot.place not in _CHOSEN and (loose := _written_by_all(path)):
        return replace(
            base, state=State.NOT_EXECUTABLE, detail=f"everybody on this machine can write {loose}"
        )
    start = _start_of(system, path)
    interpreter = start.interpreter
    base = replace(base, interpreter=interpreter, interpreter_flags=start.launch.flags)
    has_module = _has_client_module(Path(interpreter).parent.parent) if interpreter else None
    argv = [path, "-v"]
    if start.launch.is_text and not start.launch.shebang:
        argv = ["/bin/sh", *argv]  # as a shell does with a script that has no first line (execvp(3))

    started = system.clock.monotonic()

    def attempt(env: Mapping[str, str]) -> Candidate:
        left = max(0.5, timeout - (system.clock.monotonic() - started))
        done = system.run(argv, env=env, timeout=left, cwd=Path("/"))
        verdict = judge_run(
            done.code, _text(done.stdout), _text(done.stderr), done.error, has_client_module=has_module
        )
        detail = verdict.detail or _why_dead(done, start.launch, interpreter)
        return replace(base, state=verdict.state, version=verdict.version, detail=detail)

    bare = attempt(_bare(system))
    if bare.works:
        return bare if stands_on else replace(bare, detail="depends on the shell or folder it is called in")
    if bare.state in (State.TIMED_OUT, State.NOT_EXECUTABLE):
        return bare
    here = attempt(_without_secrets(system))
    if here.works:
        return replace(here, stands_on=False, detail="runs in this shell's environment, but not in cron's")
    return bare if bare.runs or not here.runs else here


@dataclass(frozen=True)
class _Start:
    launch: Launch
    interpreter: str | None


def _start_of(system: System, path: str, depth: int = 3) -> _Start:
    """How ``path`` starts, and on which Python in the end; wrappers are followed."""
    try:
        with Path(path).open("rb") as file:
            launch = read_launch(file.read(HEAD_BYTES))
    except OSError:
        return _Start(Launch(is_text=False), None)
    interpreter = launch.interpreter
    if interpreter is not None and "/" not in interpreter:
        folders = system.environ.get("PATH", "").split(os.pathsep)
        found = (Path(f, interpreter) for f in folders if f.startswith("/"))
        interpreter = next((str(p) for p in found if os.access(p, os.X_OK)), interpreter)
    if interpreter is not None:
        return _Start(launch, interpreter if interpreter.startswith("/") else None)
    behind: str | None = launch.hands_over_to
    if launch.conda_prefix or launch.conda_name:
        behind = _conda_client(system, launch)
    if behind is not None and depth and behind != path:
        inner = _start_of(system, behind, depth - 1)
        return _Start(replace(launch, flags=inner.launch.flags), inner.interpreter)
    return _Start(launch, None)


def _conda_client(system: System, launch: Launch) -> str | None:
    if launch.conda_prefix:
        return str(Path(launch.conda_prefix, "bin", NAME))
    for prefix in conda_prefixes(system):
        if prefix.name == launch.conda_name and (prefix / "bin" / NAME).is_file():
            return str(prefix / "bin" / NAME)
    return None


def _has_client_module(prefix: Path) -> bool | None:
    """Whether the environment's ``ocarina`` package is the Majora client's: it has a module ``client``.

    None where the environment holds no such package in its own folder (a user site, a development install).
    """
    seen = None
    try:
        for package in prefix.glob(f"lib/python*/site-packages/{NAME}"):
            if any(package.glob("client.*")) or (package / "client").is_dir():
                return True
            seen = False if any(package.glob("*.py")) else seen
    except OSError:
        return None
    return seen


_CHOSEN = frozenset({Place.OPTION, Place.ACTIVE, Place.PATH})
"""Places from which the person runs programs anyway."""


def _written_by_all(path: str) -> str:
    """The file, or the folder above it, where every user could have put another program there; else "".

    A list such as conda's keeps environments long after their folder was removed, for anyone to make it anew.
    """
    below = Path(os.path.realpath(path))
    try:
        if below.stat().st_mode & stat.S_IWOTH:
            return str(below)
        for folder in below.parents:
            mode = folder.stat().st_mode
            # Under the sticky bit everybody can make what is not there, and only its owner replace it (chmod(1)).
            safe = mode & stat.S_ISVTX and below.stat().st_uid in (os.geteuid(), 0)
            if mode & stat.S_IWOTH and not safe:
                return str(folder)
            below = folder
    except OSError:
        return ""
    return ""


def _why_dead(done: Completed, launch: Launch, interpreter: str | None) -> str:
    """Which interpreter is gone, where the run itself did not say."""
    if done.error not in ("bad interpreter", "not executable"):
        return ""
    named = interpreter or (launch.shebang[0] if launch.shebang else "")
    if not named:
        return ""
    if not Path(named).exists():
        return f"{named} is gone"
    return f"{named} may not be run" if not os.access(named, os.X_OK) else f"{named} does not start"


# --- environments ----------------------------------------------------------------------------------------

_SECRET_NAMES = ("MAJORA_", "CLIENT_", "OCARINA_")
_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")


def _bare(system: System) -> dict[str, str]:
    """What a cron job sees (CRON-AND-CONDA.md, cron), and that nothing be written beside the client's modules."""
    return {
        "HOME": str(system.home),
        "LOGNAME": system.user,
        "PATH": CRON_PATH,
        "SHELL": "/bin/sh",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _without_secrets(system: System) -> dict[str, str]:
    """This shell's environment, but for credentials, and for a display on which a strange program might open.

    A proxy's variable may hold a password, and nothing that is run here needs the network.
    """
    kept = {
        name: value
        for name, value in system.environ.items()
        if not name.startswith(_SECRET_NAMES)
        and name not in _DISPLAYS
        and not name.lower().endswith("_proxy")
    }
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1"}


def _text(output: bytes) -> str:
    return output.decode("utf-8", errors="backslashreplace")
