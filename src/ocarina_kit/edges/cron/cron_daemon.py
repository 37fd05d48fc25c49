"""Whether a cron daemon runs on this host. Says "no" only where every process can be seen (CRN006)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ocarina_kit.core.cron.schedule_facts import Daemon, DaemonFacts
from ocarina_kit.edges.system import System

_NAMES = frozenset({"cron", "crond", "fcron", "dcron", "cronie", "mcron", "bcron-sched", "bcron-start"})
# The first process of a whole system. In a container that is whatever it was started for, and cron may run outside.
_INITS = frozenset(
    {"systemd", "init", "runit", "s6-svscan", "openrc-init", "dinit", "upstart", "procd", "finit"}
)
_PID_FILES = ("crond.pid", "cron.pid", "crond/crond.pid", "cron/cron.pid", "fcron.pid")
# systemd-cron makes timers of crontabs: there is no daemon then, and none is needed.
_TIMERS = (
    "lib/systemd/system-generators/systemd-crontab-generator",
    "usr/lib/systemd/system-generators/systemd-crontab-generator",
    "etc/systemd/system-generators/systemd-crontab-generator",
    "run/systemd/generator/cron.target.wants",
)
_CONTAINER_MARKS = (".dockerenv", "run/.containerenv", "run/systemd/container")


def cron_daemon(system: System, root: Path = Path("/"), platform: str = sys.platform) -> DaemonFacts:
    """Look for a daemon by its name among the processes, and by its pid file. ``root`` stands for ``/``."""
    if platform == "darwin":
        return _by_ps(system)
    proc = root / "proc"
    found = _among_processes(proc) or _by_pid_file(root, proc)
    if found is not None:
        return DaemonFacts(Daemon.RUNS, found)
    why = _why_untold(root, proc)
    if why is None and {"KUBERNETES_SERVICE_HOST", "container"} & system.environ.keys():
        why = "this is a container"
    if why is not None:
        return DaemonFacts(Daemon.UNTOLD, why)
    return DaemonFacts(Daemon.ABSENT, "no process of that kind is there")


def _among_processes(proc: Path) -> str | None:
    for pid in _pids(proc):
        name = _name(proc / pid)
        if name in _NAMES:
            return f"{name}, process {pid}"
        if name == "busybox" and b"crond" in _read(proc / pid / "cmdline").split(b"\0")[:2]:
            return f"busybox crond, process {pid}"
    return None


def _pids(proc: Path) -> list[str]:
    try:
        return sorted((name for name in os.listdir(proc) if name.isdigit()), key=int)  # noqa: PTH208  # names alone
    except OSError:
        return []


def _name(process: Path) -> str:
    return _read(process / "comm").decode("utf-8", "replace").strip()


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(4096)
    except OSError:
        return b""


def _by_pid_file(root: Path, proc: Path) -> str | None:
    """A pid file counts where its process is there and its name is hidden; a name that can be seen was looked at."""
    for folder in ("run", "var/run"):
        for name in _PID_FILES:
            words = _read(root / folder / name).split()
            if not words or not words[0].isdigit():
                continue
            pid = words[0].decode()
            if _name(proc / pid) == "" and _is_alive(int(pid)):
                return f"process {pid}, by its pid file"
    return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def _why_untold(root: Path, proc: Path) -> str | None:
    if not _name(proc / "self"):
        return "processes can't be seen here"
    first = _name(proc / "1")
    if not first:
        return "other users' processes are hidden"
    if any((root / mark).exists() for mark in _CONTAINER_MARKS):
        return "this is a container"
    if first not in _INITS:
        return "this is a container, or a part of a host only"
    if any((root / mark).exists() for mark in _TIMERS):
        return "systemd's timers may run the crontabs"
    return None


def _by_ps(system: System) -> DaemonFacts:
    """macOS: launchd starts cron once there is a crontab, so that its absence tells little."""
    listed = system.run(["/bin/ps", "-axo", "comm="], timeout=5.0)
    names = {
        line.strip().rpartition(b"/")[2].decode("utf-8", "replace") for line in listed.stdout.splitlines()
    }
    if found := sorted(names & _NAMES):
        return DaemonFacts(Daemon.RUNS, found[0])
    return DaemonFacts(Daemon.UNTOLD, "launchd starts cron when it is needed")
