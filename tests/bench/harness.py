"""Measures what whole processes cost, side by side in one run, so that the machine's speed and load cancel out."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Measured:
    """One command and the least CPU time that it took, in seconds, its children's included.

    The least of several runs is what the command needs; everything above it is the machine's other work.
    """

    name: str
    argv: Sequence[str]
    codes: frozenset[int] = frozenset({0})
    """Exit codes of a run that did its work. Anything else is not worth measuring, and raises."""
    seconds: float = field(default=float("inf"))


def command(*args: str) -> list[str]:
    """The kit as it is installed beside this interpreter: its console script, else ``python -m``."""
    script = Path(sys.executable).with_name("ocarina-kit")
    return [str(script), *args] if script.exists() else [sys.executable, "-m", "ocarina_kit", *args]


def bare() -> Measured:
    """The measure of everything else: an interpreter that starts and ends."""
    return Measured("python", [sys.executable, "-c", "pass"])


def one_round(what: Sequence[Measured], *, env: Mapping[str, str], cwd: Path) -> None:
    """Run each command once, in turn, and keep its least time."""
    for item in what:
        item.seconds = min(item.seconds, cpu_seconds(item, env=env, cwd=cwd))


def cpu_seconds(item: Measured, *, env: Mapping[str, str], cwd: Path) -> float:
    """User and system time of one run, in seconds. Raises RuntimeError where it did not do its work."""
    process = subprocess.Popen(
        item.argv,
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in item.codes:
        raise RuntimeError(f"{' '.join(item.argv)}: exit {process.returncode}")
    return usage.ru_utime + usage.ru_stime
