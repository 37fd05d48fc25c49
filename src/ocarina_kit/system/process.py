"""Starting other programs: from an argument list, with a time limit, in a process group that ends with it."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocarina_kit.system.machine import Completed

if TYPE_CHECKING:
    import subprocess

OUTPUT_CAP = 16 * 1024 * 1024
"""Bytes on one stream, after which a program is ended: any may be named ocarina, and some never stop."""
_CHUNK = 65536


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    timeout: float = 10.0,
    cwd: Path | None = None,
) -> Completed:
    """The real :class:`~ocarina_kit.system.machine.Runner`. ``timeout`` is in seconds for all of it."""
    from subprocess import PIPE, Popen

    from ocarina_kit.system.signals import held_off

    arguments = tuple(argv)
    process: subprocess.Popen[bytes] | None = None
    out, err = bytearray(), bytearray()
    error = ""
    try:
        with held_off() as asked:  # an interrupt inside Popen would leave a process that nobody knows of
            try:
                new_env = None if env is None else dict(env)
                process = Popen(
                    arguments, 0, None, PIPE, PIPE, PIPE, env=new_env, cwd=cwd, start_new_session=True
                )
            except (OSError, ValueError) as problem:
                error = _why_not_started(arguments[0], problem)
        if asked.is_set():
            signal.raise_signal(signal.SIGINT)  # as it would have come: an outer held_off() takes it
        if process is not None:
            error = _converse(process, stdin, out, err, time.monotonic() + timeout)
    except BaseException:
        _end(process)
        raise
    if error:
        _end(process)
    code = process.returncode if process is not None and not error else None
    return Completed(arguments, code, bytes(out), bytes(err), error)


def _converse(
    process: subprocess.Popen[bytes], stdin: bytes, out: bytearray, err: bytearray, end: float
) -> str:
    """Feed it and take what it prints until it ends; why it has to be ended, "" if it ended by itself.

    ``end`` is on the monotonic clock. ``communicate`` is not used: it takes any amount of output.
    """
    import selectors

    streams: Any = process
    rest = memoryview(stdin)
    with selectors.DefaultSelector() as waiting:
        os.set_blocking(streams.stdin.fileno(), False)
        waiting.register(streams.stdin, selectors.EVENT_WRITE)
        waiting.register(streams.stdout, selectors.EVENT_READ, out)
        waiting.register(streams.stderr, selectors.EVENT_READ, err)
        while waiting.get_map():
            left = end - time.monotonic()
            if left <= 0:
                return "timed out"
            for key, _ in waiting.select(left):
                if key.data is None:
                    rest = _feed(key.fd, rest)
                    more: bytes | memoryview = rest
                else:
                    more = os.read(key.fd, _CHUNK)
                    key.data.extend(more)
                    if len(key.data) > OUTPUT_CAP:
                        return f"printed more than {OUTPUT_CAP >> 20} MiB"
                if not more:
                    waiting.unregister(key.fileobj)
                    key.fileobj.close()  # type: ignore[union-attr]  # a stream, as registered above
    with contextlib.suppress(Exception):  # TimeoutExpired
        process.wait(max(0.0, end - time.monotonic()))
    return "timed out" if process.returncode is None else ""


def _feed(descriptor: int, rest: memoryview) -> memoryview:
    try:
        return rest[os.write(descriptor, rest[:_CHUNK]) :] if rest else rest
    except BlockingIOError:
        return rest
    except OSError:  # it reads no more
        return rest[:0]


def _end(process: subprocess.Popen[bytes] | None) -> None:
    """Kill its group, and close its pipes: a process that left the group may hold their other ends for ever."""
    if process is None:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(Exception):  # TimeoutExpired: in a broken file system not even that ends it
        process.wait(1.0)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


def _why_not_started(program: str, problem: OSError | ValueError) -> str:
    if isinstance(problem, ValueError):  # a NUL in an argument
        return str(problem)
    if problem.errno == errno.ENOEXEC or (problem.errno == errno.ENOENT and Path(program).is_file()):
        return "bad interpreter"  # execve(2): ENOENT is also what a missing script interpreter gives
    if isinstance(problem, FileNotFoundError):
        return "not found"
    if isinstance(problem, PermissionError):
        return "not executable"
    if problem.errno in (errno.EAGAIN, errno.ENOMEM):  # fork(2): RLIMIT_NPROC, or the machine's own limit
        return "this machine cannot start another process for you now (see ulimit -u)"
    return problem.strerror or str(problem)
