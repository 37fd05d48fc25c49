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

from ocarina_kit.system.file_errors import words_of
from ocarina_kit.system.machine import Completed

if TYPE_CHECKING:
    import subprocess

OUTPUT_CAP = 16 * 1024 * 1024
"""Bytes on one stream, after which a program is ended: any may be named ocarina, and some never stop."""


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    timeout: float = 10.0,
    cwd: Path | None = None,
) -> Completed:
    """Start a process and wait at most ``timeout`` seconds, then end its whole group. Never raises for what it does."""
    from subprocess import DEVNULL, PIPE, Popen

    from ocarina_kit.system.signals import held_off

    process: subprocess.Popen[bytes] | None = None
    out, err, error = bytearray(), bytearray(), "interrupted"
    end = time.monotonic() + timeout
    try:
        with (
            held_off() as asked
        ):  # an interrupt inside Popen would leave a process that nobody knows of
            try:
                given = PIPE if stdin else DEVNULL
                process = Popen(
                    argv,
                    0,
                    None,
                    given,
                    PIPE,
                    PIPE,
                    env=env,
                    cwd=cwd,
                    start_new_session=True,
                )
            except (OSError, ValueError) as problem:
                error = _why_not_started(argv[0], problem)
        if asked:
            signal.raise_signal(
                asked[0]
            )  # as it would have come: an outer held_off() takes it
        if process is not None:
            error = _converse(process, stdin, out, err, end)
    finally:
        if process is not None and error:
            _end(process)
    code = process.returncode if process is not None and not error else None
    return Completed(code, bytes(out), bytes(err), error)


def _converse(
    process: subprocess.Popen[bytes],
    stdin: bytes,
    out: bytearray,
    err: bytearray,
    end: float,
) -> str:
    """Feed it and take what it prints until it ends; why it has to be ended, "" if it ended by itself.

    ``end`` is on the monotonic clock. ``communicate`` is not used: it takes any amount of output.
    """
    import selectors
    from select import PIPE_BUF

    streams: Any = process
    sent = 0
    with selectors.DefaultSelector() as waiting:
        waiting.register(streams.stdout, selectors.EVENT_READ, out)
        waiting.register(streams.stderr, selectors.EVENT_READ, err)
        if stdin:
            waiting.register(streams.stdin, selectors.EVENT_WRITE)
        while waiting.get_map():
            left = end - time.monotonic()
            if left <= 0:
                return "timed out"
            for key, _ in waiting.select(left):
                if key.data is None:
                    try:
                        sent += os.write(
                            key.fd, stdin[sent : sent + PIPE_BUF]
                        )  # as many never block
                    except OSError:  # it reads no more
                        sent = len(stdin)
                    over = sent >= len(stdin)
                else:
                    part = os.read(key.fd, 1 << 16)
                    key.data.extend(part)
                    if len(key.data) > OUTPUT_CAP:
                        return f"printed more than {OUTPUT_CAP >> 20} MiB"
                    over = not part
                if over:
                    waiting.unregister(key.fileobj)
                    key.fileobj.close()  # type: ignore[union-attr]  # a stream, as registered above
    with contextlib.suppress(Exception):  # TimeoutExpired
        process.wait(max(0.0, end - time.monotonic()))
    return "timed out" if process.returncode is None else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill its group, and close its pipes: a process that left the group may hold their other ends for ever."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(
        Exception
    ):  # TimeoutExpired: in a broken file system not even that ends it
        process.wait(1.0)
    for stream in filter(None, (process.stdin, process.stdout, process.stderr)):
        stream.close()


def _why_not_started(program: str, problem: OSError | ValueError) -> str:
    code = getattr(problem, "errno", 0)  # a ValueError (a NUL in an argument) has none
    if code == errno.ENOEXEC or (code == errno.ENOENT and Path(program).is_file()):
        return "bad interpreter"  # execve(2): ENOENT is also what a missing script interpreter gives
    words = {errno.ENOENT: "not found", errno.EACCES: "not executable"}
    return words.get(code) or words_of(problem)
