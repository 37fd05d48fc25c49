"""Runs a program and gathers what it printed, in its order: in a terminal of its own where a person will read it.

In a terminal a program wraps and colours as it does in life. It has no keyboard there, so it asks nothing.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ocarina_kit.edges.person.signals import held_off

ROWS = 40
_OBEYS = 3.0
"""Seconds that a program has to end after it was asked to."""


def run_shown(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    stdin: bytes = b"",
    columns: int | None = None,
    timeout: float = 60.0,
) -> tuple[int | None, str]:
    """Run ``argv`` to its end; answers its exit code and all that it printed, on both streams.

    ``columns``: the width of the terminal that it prints to; None for a pipe. The code is None where it did not end
    within ``timeout`` seconds: it was made to then, as it is on an interrupt.
    """
    ours, theirs = _ends(columns)
    process = None
    try:
        try:
            with held_off() as asked:  # an interrupt inside Popen would leave a process that nobody knows
                process = subprocess.Popen(
                    list(argv),
                    stdin=subprocess.PIPE,
                    stdout=theirs,
                    stderr=theirs,
                    env=dict(env),
                    cwd=cwd,
                    start_new_session=True,
                )
        finally:
            os.close(theirs)
        if asked.is_set():
            raise KeyboardInterrupt
        _feed(process, stdin)
        printed, in_time = _read(ours, time.monotonic() + timeout)
        if not in_time:
            return None, printed
        return process.wait(timeout), printed
    finally:
        if process is not None:
            _end(process)
        os.close(ours)


def _ends(columns: int | None) -> tuple[int, int]:
    """What is read here, and what the program prints to."""
    if columns is not None:
        import fcntl
        import struct
        import termios

        with contextlib.suppress(OSError):  # no pseudo-terminals to be had: a pipe does
            ours, theirs = os.openpty()
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
            return ours, theirs
    return os.pipe()


def _feed(process: subprocess.Popen[bytes], stdin: bytes) -> None:
    """All of the input, which fits into a pipe, and its end."""
    assert process.stdin is not None  # noqa: S101  # a pipe, above
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(stdin)
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()


def _read(ours: int, deadline: float) -> tuple[str, bool]:
    """What is printed until the last one who could print has ended, and whether that was before the deadline."""
    printed = bytearray()
    in_time = True
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([ours], [], [], left)[0]:
            in_time = False
            break
        try:
            some = os.read(ours, 1 << 16)
        except OSError as problem:
            if problem.errno != errno.EIO:  # how Linux says that nobody holds the terminal any more
                raise
            break
        if not some:
            break
        printed += some
    return printed.decode("utf-8", "backslashreplace").replace("\r\n", "\n"), in_time


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, as Ctrl-C does, so that it ends what it started itself; kill what does not obey."""
    assert process.stdin is not None  # noqa: S101  # a pipe, above
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    for number, seconds in ((signal.SIGINT, _OBEYS), (signal.SIGKILL, None)):
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
