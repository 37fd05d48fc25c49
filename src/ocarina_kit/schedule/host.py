"""What this host says about cron: its daemon, its time zone, the programs of an entry, and how cron starts the kit."""

from __future__ import annotations

import os
import sys
from datetime import timezone, tzinfo
from pathlib import Path
from posixpath import isabs

from ocarina_kit.client.places import cron_environment, read_launch
from ocarina_kit.config.location import SetupLocation
from ocarina_kit.schedule.line import Ground, carried
from ocarina_kit.system.machine import Machine

_NAMES = frozenset(
    {"cron", "crond", "fcron", "dcron", "cronie", "mcron", "bcron-sched", "bcron-start"}
)
# The first process of a complete system. In a container that is another, and cron may run outside.
_INITS = frozenset(
    "systemd init runit s6-svscan openrc-init dinit upstart procd finit".split()
)
# systemd-cron makes timers of crontabs: there is no daemon then, and none is needed.
_TIMERS = tuple(
    f"{folder}/systemd/system-generators/systemd-crontab-generator"
    for folder in ("lib", "usr/lib", "etc")
)


def ground_of(machine: Machine, location: SetupLocation, domain: str) -> Ground:
    """What a set-up's crontab entry depends on, here and in this shell, without a client. ``domain``: MAJORA_DOMAIN,
    repaired."""
    variables, left_out = carried(machine.environ, str(Path.cwd()))
    return Ground(
        user=machine.user,
        host=machine.host,
        home=str(machine.home),
        config=str(location.config.absolute()),
        domain=domain,
        kit=kit_words(),
        profile=location.profile,
        variables=variables,
        left_out=left_out,
    )


def daemon_state(root: Path = Path("/")) -> tuple[str, str]:
    """Whether a cron daemon runs on this host (CRN006), and why. ``root`` is used as ``/``.

    ``runs``, ``absent`` (all processes can be seen, and none is a cron daemon) or ``unknown``.
    """
    first = ""
    for process in (root / "proc").glob("[0-9]*"):  # there is none but on Linux
        name = _read(process / "comm").strip()
        command = _read(process / "cmdline") if name == "busybox" else ""
        if name in _NAMES or "crond" in command.split("\0")[:2]:
            return "runs", f"{name}, process {process.name}"
        first = name if process.name == "1" else first
    if not first:
        return "unknown", "other users' processes are hidden"
    if first not in _INITS:
        return "unknown", "this is a container, or a part of a host only"
    if any((root / mark).exists() for mark in _TIMERS):
        return "unknown", "systemd's timers may run the crontabs"
    return "absent", "no process of that kind was found"


def _read(path: Path) -> str:
    """Its text; "" if it cannot be read."""
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""


def zone(localtime: Path = Path("/etc/localtime")) -> tzinfo:
    """The host's zone, by which cron goes whatever the person's TZ says; UTC if the host names none."""
    from zoneinfo import ZoneInfo

    try:
        with localtime.open("rb") as file:
            return ZoneInfo.from_file(file, key=str(localtime))
    except (OSError, ValueError):
        return timezone.utc


def program_problem(path: str) -> str:
    """Why cron cannot start the program at this absolute path, in words; empty if it can (CRN004)."""
    if not os.access(path, os.F_OK):
        return f"{path} does not exist"
    if not os.access(path, os.X_OK) or not Path(path).is_file():
        return f"{path} is not executable"
    launch = read_launch(path)
    for interpreter in (launch.interpreter, *launch.shebang[:1]):
        if isabs(interpreter) and not os.access(interpreter, os.F_OK):
            return (
                f"{path} does not start: its interpreter {interpreter} does not exist"
            )
    return ""


def kit_words(
    prefix: str = sys.prefix, executable: str = sys.executable
) -> tuple[str, ...]:
    """How cron starts this ocarina-kit: its program, and what goes before the subcommand.

    The script of this process's environment; otherwise its interpreter with ``-m ocarina_kit``.
    """
    script = f"{prefix}/bin/ocarina-kit"
    return (executable, "-m", "ocarina_kit") if program_problem(script) else (script,)


def why_kit_fails(machine: Machine, words: tuple[str, ...]) -> str:
    """Why this ocarina-kit would not start in a cron job's bare environment; empty if it does.

    ``refresh --help`` imports what a refresh begins with. A slow machine that gives no answer is no reason.
    """
    environ = cron_environment(machine.user, str(machine.home))
    done = machine.run(
        [*words, "refresh", "--help"], env=environ, timeout=20.0, cwd=Path("/")
    )
    if done.code == 0 or done.error == "timed out":
        return ""
    said = done.stderr.decode("utf-8", "backslashreplace").strip().splitlines()
    return done.error or (said[-1] if said else f"it ends with exit code {done.code}")
