"""Starting other programs: from an argument list, with a time limit, in a process group that ends with it."""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, cast

from ocarina_kit.edges.person.signals import held_off
from ocarina_kit.edges.system import Completed

OUTPUT_CAP = 16 * 1024 * 1024
"""Bytes on one stream, after which a program is ended: it may be any that is named ocarina, and never stop."""
_CHUNK = 65536


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    timeout: float = 10.0,
    cwd: Path | None = None,
) -> Completed:
    """The real :class:`~ocarina_kit.edges.system.Runner`. ``timeout`` is seconds for the whole."""
    arguments = tuple(argv)
    process: subprocess.Popen[bytes] | None = None
    printed = (bytearray(), bytearray())
    problem = ""
    try:
        with held_off() as asked:  # an interrupt inside Popen would leave a process that nobody knows
            try:
                process = subprocess.Popen(
                    arguments,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    bufsize=0,
                    env=None if env is None else dict(env),
                    cwd=cwd,
                    start_new_session=True,
                )
            except OSError as failed:
                problem = _why_not_started(arguments[0], failed)
            except ValueError as failed:  # a NUL in an argument
                problem = str(failed)
        if asked.is_set():
            raise KeyboardInterrupt  # noqa: TRY301  # the child is ended below, as for one that comes later
        if process is None:
            return Completed(arguments, None, error=problem)
        problem = _converse(process, stdin, printed, time.monotonic() + timeout)
    except BaseException:
        if process is not None:
            _end(process)
        raise
    if problem:
        _end(process)
        return Completed(arguments, None, bytes(printed[0]), bytes(printed[1]), error=problem)
    return Completed(arguments, process.returncode, bytes(printed[0]), bytes(printed[1]))


def _converse(
    process: subprocess.Popen[bytes], stdin: bytes, printed: tuple[bytearray, bytearray], end: float
) -> str:
    """Feed it and gather what it prints, until it is over; why it has to be ended, "" where it has ended itself.

    ``end`` is on the monotonic clock. In place of ``communicate``, which takes in without bound what is printed.
    """
    rest = memoryview(stdin)
    with selectors.DefaultSelector() as waiting:
        if process.stdin is not None:
            os.set_blocking(process.stdin.fileno(), False)
            waiting.register(process.stdin, selectors.EVENT_WRITE)
        for stream, taken in zip((process.stdout, process.stderr), printed, strict=True):
            if stream is not None:
                waiting.register(stream, selectors.EVENT_READ, taken)
        while waiting.get_map():
            if time.monotonic() >= end:
                return "timed out"
            for key, _ in waiting.select(max(0.0, end - time.monotonic())):
                if key.data is None:
                    rest = _feed(key.fd, rest)
                    over = not rest
                else:
                    over = not _take(key.fd, key.data)
                    if len(key.data) > OUTPUT_CAP:
                        return f"printed more than {OUTPUT_CAP >> 20} MiB"
                if over:
                    waiting.unregister(key.fileobj)
                    cast("IO[bytes]", key.fileobj).close()
    try:
        process.wait(max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        return "timed out"
    return ""


def _feed(descriptor: int, rest: memoryview) -> memoryview:
    try:
        return rest[os.write(descriptor, rest[:_CHUNK]) :] if rest else rest
    except BlockingIOError:
        return rest
    except OSError:  # it reads no more
        return rest[:0]


def _take(descriptor: int, taken: bytearray) -> bool:
    data = os.read(descriptor, _CHUNK)
    taken.extend(data)
    return bool(data)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill its group, and let go of its pipes: a process that left the group may hold their other ends for ever."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):  # in a dead file system not even that ends it
        process.wait(1.0)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


def _why_not_started(program: str, problem: OSError) -> str:
    if isinstance(problem, FileNotFoundError):
        # execve(2): ENOENT is also what a missing script interpreter gives.
        return "bad interpreter" if Path(program).is_file() else "not found"
    if isinstance(problem, PermissionError):
        return "not executable"
    if problem.errno == errno.ENOEXEC:
        return "bad interpreter"
    return problem.strerror or str(problem)
