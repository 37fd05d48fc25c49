"""Runs a crontab line now, the way cron would: its bare environment, its shell, the owner's home, no terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ocarina_kit.cron.crontab import cron_command, cron_environment, encode
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.secret import Secret, mask

SECONDS = 120.0
"""The kit gives up on a server after 60 s; the client alone never does (FACTS.md)."""
_LONGEST = 20_000
_TRACEBACK = re.compile(
    r"^(?P<in>[ \t]*)Traceback \(most recent call last\):\n(?:(?P=in)[ \t]+.*\n|[ \t]*\n)*(?P<last>.*)",
    re.MULTILINE,
)


class Ran(NamedTuple):
    """``code`` is None where it did not end or not start; ``error`` says why. ``output`` is masked.

    ``started`` and ``ended`` are epoch seconds.
    """

    code: int | None
    error: str
    output: str
    started: float
    ended: float


def run_line(
    machine: Machine,
    written: str,
    variables: Mapping[str, str],
    *,
    seconds: float = SECONDS,
    secrets: Sequence[Secret] = (),
) -> Ran:
    """Run the command ``written`` as it is in a crontab; ``variables`` are those set above it. Never raises.

    It is ended, with all that it started, after ``seconds``. Tracebacks of other programs are cut to their last line.
    """
    environ = cron_environment(machine.user, str(machine.home), variables)
    command, home, started = cron_command(written), Path(environ["HOME"]), machine.now()
    if not home.is_dir():
        return Ran(None, f"cron starts it in {home}, which is not a folder", "", started, started)
    argv = [environ["SHELL"], "-c", command.text]
    done = machine.run(argv, env=environ, stdin=encode(command.stdin), timeout=seconds, cwd=home)
    output = (done.stdout + done.stderr).decode("utf-8", "backslashreplace").strip()
    output = mask(
        _TRACEBACK.sub(lambda cut: f"{cut['last']}  (the end of a Python traceback)", output), secrets
    )
    if len(output) > _LONGEST:
        output = f"{output[:_LONGEST]}\n… (cut)"
    return Ran(done.code, done.error, output, started, machine.now())
