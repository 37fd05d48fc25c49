"""What this host says about cron: its daemon, its time zone, the programs of a line, and how cron starts the kit."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from posixpath import isabs
from typing import TYPE_CHECKING

from ocarina_kit.cron.crontab import Crontab, cron_environment
from ocarina_kit.system.machine import Machine

if TYPE_CHECKING:
    from datetime import tzinfo

    from ocarina_kit.config.place import Place
    from ocarina_kit.cron.line import Ground

_NAMES = frozenset({"cron", "crond", "fcron", "dcron", "cronie", "mcron", "bcron-sched", "bcron-start"})
# The first process of a complete system. In a container that is another, and cron may run outside.
_INITS = frozenset(
    ["systemd", "init", "runit", "s6-svscan", "openrc-init", "dinit", "upstart", "procd", "finit"]
)
# systemd-cron makes timers of crontabs: there is no daemon then, and none is needed.
_TIMERS = tuple(
    f"{folder}/systemd/system-generators/systemd-crontab-generator" for folder in ("lib", "usr/lib", "etc")
)
_SPOOLS = ("/var/spool/cron/crontabs", "/var/spool/cron", "/var/at/tabs", "/var/cron/tabs")
# Folders that the tool which made them deletes: `uvx`, `pipx run`, a build of pip.
_THROWAWAY = (
    *("/.cache/uv/", "/Caches/uv/", "/uv/archive-v0/", "/uv/builds-v0/"),
    *("/.cache/pipx/", "/pipx/.cache/", "/pip-build-env-", "/pip-ephem-wheel-cache-"),
)


def ground_of(machine: Machine, place: Place, domain: str, client: str | None = None) -> Ground:
    """What a set-up's crontab line depends on, here and in this shell. ``domain``: MAJORA_DOMAIN, repaired.

    ``client``: the absolute path of the ocarina for the line, None where there is none.
    """
    from ocarina_kit.cron.line import Ground, carried

    config, variables = str(place.config.absolute()), carried(machine.environ, str(Path.cwd()))
    owner = (machine.user, machine.host, str(machine.home))
    return Ground(*owner, config, domain, kit_words(machine), place.profile, client, *variables)


def daemon_state(machine: Machine, root: Path = Path("/"), platform: str = sys.platform) -> tuple[str, str]:
    """Whether a cron daemon runs on this host (CRN006), and why. ``root`` is used as ``/``.

    ``runs``, ``absent`` (all processes can be seen, and none is a cron daemon) or ``unknown``.
    """
    if platform == "darwin":
        listed = machine.run(["/bin/ps", "-axo", "comm="], timeout=5.0).stdout.decode("utf-8", "replace")
        found = {line.strip().rpartition("/")[2] for line in listed.splitlines()} & _NAMES
        return ("runs", min(found)) if found else ("unknown", "launchd starts cron when it is needed")
    try:
        pids = [name for name in os.listdir(root / "proc") if name.isdigit()]  # noqa: PTH208
    except OSError:
        pids = []
    names = {pid: _read(root / "proc" / pid / "comm") for pid in pids}
    for pid, name in names.items():
        busybox = name == "busybox" and "crond" in _read(root / "proc" / pid / "cmdline").split("\0")[:2]
        if name in _NAMES or busybox:
            return "runs", f"{name}, process {pid}"
    if not names.get("1"):
        return "unknown", "other users' processes are hidden"
    if names["1"] not in _INITS:
        return "unknown", "this is a container, or a part of a host only"
    if any((root / mark).exists() for mark in _TIMERS):
        return "unknown", "systemd's timers may run the crontabs"
    return "absent", "no process of that kind was found"


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(4096).decode("utf-8", "replace").strip()
    except OSError:
        return ""


def zone(localtime: Path = Path("/etc/localtime")) -> tzinfo:
    """The host's zone, by which cron goes whatever the person's TZ says; UTC where the host names none."""
    from datetime import timezone
    from zoneinfo import ZoneInfo

    try:
        with localtime.open("rb") as file:
            return ZoneInfo.from_file(file, key=str(localtime))
    except (OSError, ValueError):
        return timezone.utc


def changed_at(content: bytes, user: str, spools: tuple[str, ...] = _SPOOLS) -> float | None:
    """When the crontab ``content`` was installed, epoch seconds; None where this user may not see its file."""
    for folder in spools:
        try:
            path = Path(folder, user)
            # Debian's crontab puts three lines of its own before what it was given.
            if content and path.read_bytes().endswith(content):
                return path.stat().st_mtime
        except OSError:
            continue
    return None


def gone_shells(crontab: Crontab) -> frozenset[str]:
    """Values of its ``SHELL`` lines that are no program of this host."""
    variables = (line.variable for line in crontab.lines if b"SHELL" in line.raw)
    shells = {each.value for each in variables if each is not None and each.name == "SHELL"}
    return frozenset(shell for shell in shells if isabs(shell) and program_problem(shell))


def program_problem(path: str) -> str:
    """Why cron cannot start the program at this absolute path, in words; empty where it can (CRN004)."""
    from ocarina_kit.client.places import read_launch

    if not Path(path).is_file():
        return f"{path} does not exist"
    if not os.access(path, os.X_OK):
        return f"{path} is not executable"
    launch = read_launch(path)  # of one that may be executed and not read: nothing
    for interpreter in (launch.interpreter, *launch.shebang[:1]):
        if isabs(interpreter) and not Path(interpreter).exists():
            return f"{path} does not start: its interpreter {interpreter} does not exist"
    return ""


def kit_words(
    machine: Machine, prefix: str = sys.prefix, executable: str = sys.executable
) -> tuple[str, ...]:
    """How cron starts this ocarina-kit: its program, and what goes before the subcommand.

    The script of this process's environment; otherwise its interpreter with ``-m ocarina_kit``; where this environment
    is soon deleted (``uvx``, ``pipx run``), another ocarina-kit that was installed to stay, if there is one.
    """
    module = (executable, "-m", "ocarina_kit")
    here = dict.fromkeys((f"{prefix}/bin", os.path.dirname(executable)))  # noqa: PTH120
    path = (*machine.environ.get("PATH", "").split(":"), str(machine.home / ".local" / "bin"))
    scripts = [
        [(f"{folder}/ocarina-kit",) for folder in folders if isabs(folder)] for folders in (here, path)
    ]
    found = [words for words in (*scripts[0], module, *scripts[1]) if not program_problem(words[0])]
    return next((words for words in found if not thrown_away(words[0])), next(iter(found), module))


def thrown_away(path: str) -> bool:
    """Whether the tool that made this program deletes it again, or it depends on the folder (a shim)."""
    return any(part in each for part in (*_THROWAWAY, "/shims/") for each in (path, os.path.realpath(path)))


def why_kit_fails(machine: Machine, words: tuple[str, ...]) -> str:
    """Why this ocarina-kit would not start in a cron job's bare environment; empty where it does.

    ``refresh --help`` imports what a refresh begins with. A slow machine that gives no answer is no reason.
    """
    if not isabs(words[0]):
        return "its path is relative"
    environ = cron_environment(machine.user, str(machine.home))
    done = machine.run([*words, "refresh", "--help"], env=environ, timeout=20.0, cwd=Path("/"))
    if done.code == 0 or done.error == "timed out":
        return ""
    said = done.stderr.decode("utf-8", "backslashreplace").strip().splitlines()
    return done.error or (said[-1] if said else f"it ends with exit code {done.code}")
