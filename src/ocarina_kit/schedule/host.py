"""What this host says about cron: its daemon, its time zone, and its programs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import timezone, tzinfo
from pathlib import Path
from posixpath import isabs
from typing import NamedTuple

from ocarina_kit.client.places import cron_environment, read_launch
from ocarina_kit.config.location import SetupLocation
from ocarina_kit.schedule.entry import EntrySpec, carried_variables
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.states import StrEnum

_DAEMONS = frozenset(
    {"cron", "crond", "fcron", "dcron", "cronie", "mcron", "bcron-sched", "bcron-start"}
)
# The first process of a complete system. A container has another one, and cron may run
# outside.
_INITS = frozenset(
    "systemd init runit s6-svscan openrc-init dinit upstart procd finit".split()
)
# systemd-cron makes timers of crontabs. Then there is no daemon, and none is needed.
_TIMERS = tuple(
    f"{folder}/systemd/system-generators/systemd-crontab-generator"
    for folder in ("lib", "usr/lib", "etc")
)
_START_S = 20.0


def describe_entry(machine: Machine, location: SetupLocation, domain: str) -> EntrySpec:
    """Collect what a set-up's entry depends on here and in this shell.

    A client is not looked for.

    Args:
        machine: this host.
        location: where the set-up is.
        domain: its MAJORA_DOMAIN, repaired.
    """
    variables, left_out = carried_variables(machine.environ, str(Path.cwd()))
    return EntrySpec(
        user=machine.user,
        host=machine.host,
        home=str(machine.home),
        config=str(location.config.absolute()),
        domain=domain,
        kit=kit_command(),
        profile=location.profile,
        variables=variables,
        left_out=left_out,
    )


class DaemonState(StrEnum):
    """Whether a cron daemon runs on this host."""

    RUNS = "runs"
    ABSENT = "absent"  # all processes can be seen, and none is a cron daemon
    UNKNOWN = "unknown"


class Daemon(NamedTuple):
    """What is known of the cron daemon."""

    state: DaemonState
    reason: str  # for people: lower case, no full stop


def find_daemon(root: Path = Path("/")) -> Daemon:
    """Look for a cron daemon among the processes of this host (CRN006).

    Args:
        root: the folder that is used as ``/``.
    """
    first = ""
    for process in (root / "proc").glob("[0-9]*"):  # only Linux has any
        name = _read_text(process / "comm").strip()
        if _is_daemon(process, name):
            return Daemon(DaemonState.RUNS, f"{name}, process {process.name}")
        if process.name == "1":
            first = name
    if not first:
        return Daemon(DaemonState.UNKNOWN, "other users' processes are hidden")
    if first not in _INITS:
        reason = "this is a container, or a part of a host only"
        return Daemon(DaemonState.UNKNOWN, reason)
    if any((root / timer).exists() for timer in _TIMERS):
        reason = "systemd's timers may run the crontabs"
        return Daemon(DaemonState.UNKNOWN, reason)
    return Daemon(DaemonState.ABSENT, "no process of that kind was found")


def _is_daemon(process: Path, name: str) -> bool:
    if name != "busybox":
        return name in _DAEMONS
    command = _read_text(process / "cmdline").split("\0")
    return "crond" in command[:2]


def _read_text(path: Path) -> str:
    """Read a file, or return "" if that is not possible."""
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""


def read_zone(localtime: Path = Path("/etc/localtime")) -> tzinfo:
    """Read the host's time zone. It is UTC if the host names none.

    Cron goes by it, whatever the person's TZ says.
    """
    from zoneinfo import ZoneInfo

    try:
        with localtime.open("rb") as file:
            return ZoneInfo.from_file(file, key=str(localtime))
    except (OSError, ValueError):
        return timezone.utc


def program_problem(path: str) -> str:
    """Say why cron cannot start the program at this absolute path, or "" (CRN004)."""
    if not os.access(path, os.F_OK):
        return f"{path} does not exist"
    if not os.access(path, os.X_OK) or not Path(path).is_file():
        return f"{path} is not executable"
    launch = read_launch(path)
    for interpreter in (launch.interpreter, *launch.shebang[:1]):
        if isabs(interpreter) and not os.access(interpreter, os.F_OK):
            missing = f"its interpreter {interpreter} does not exist"
            return f"{path} does not start: {missing}"
    return ""


def kit_command(
    prefix: str = sys.prefix, executable: str = sys.executable
) -> tuple[str, ...]:
    """Say how cron starts this ocarina-kit: the words before the subcommand.

    That is the script of this process's environment, or else its interpreter with
    ``-m ocarina_kit``.
    """
    script = f"{prefix}/bin/ocarina-kit"
    if program_problem(script):
        return (executable, "-m", "ocarina_kit")
    return (script,)


def kit_start_problem(machine: Machine, command: Sequence[str]) -> str:
    """Say why this ocarina-kit does not start as a cron job, or "".

    ``refresh --help`` imports what a refresh begins with. A slow machine that gives no
    answer is no reason.
    """
    environ = cron_environment(machine.user, str(machine.home))
    argv = [*command, "refresh", "--help"]
    completed = machine.run(argv, env=environ, timeout=_START_S, cwd=Path("/"))
    if completed.code == 0 or completed.error == "timed out":
        return ""
    if completed.error:
        return completed.error
    output = completed.stderr.decode("utf-8", "backslashreplace").strip()
    if not output:
        return f"it ends with exit code {completed.code}"
    return output.splitlines()[-1]
