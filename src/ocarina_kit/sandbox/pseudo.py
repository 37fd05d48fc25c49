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

ROWS = 40


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
    within ``timeout`` seconds: it was killed then, and all that it started with it.
    """
    ours, theirs = _ends(columns)
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=theirs,
            stderr=theirs,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
        )
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    try:
        _feed(process, stdin)
        printed, in_time = _read(ours, time.monotonic() + timeout)
        if not in_time:
            return None, printed
        return process.wait(timeout), printed
    finally:
        os.close(ours)
        _end(process)


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
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
