"""Starts other programs, with a time limit, in a process group that ends with it."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ocarina_kit.system.file_errors import words_of

if TYPE_CHECKING:
    import subprocess

OUTPUT_CAP = 16 * 1024 * 1024
"""Bytes on one stream, after which a program is ended.

Any program may be named ocarina, and some never stop.
"""
_READ_SIZE = 1 << 16

NOT_FOUND = "not found"
NOT_EXECUTABLE = "not executable"
TIMED_OUT = "timed out"


class Completed(NamedTuple):
    """What came of a program."""

    code: int | None
    """None if the program did not start, or was ended."""
    stdout: bytes = b""
    stderr: bytes = b""
    error: str = ""
    """Why there is no code: a constant of this module, or words of the system."""


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    timeout: float = 10.0,
    cwd: Path | None = None,
) -> Completed:
    """Run a program, and end its whole process group at the time limit.

    Nothing that the program does raises an exception.

    Args:
        argv: The program and its arguments; no shell is involved.
        env: Its complete environment. None: that of this process.
        stdin: What it can read. Nothing: its standard input is empty.
        timeout: The time limit in seconds.
        cwd: Its working folder.
    """
    from subprocess import DEVNULL, PIPE, Popen

    from ocarina_kit.system.signals import held_off

    deadline = time.monotonic() + timeout
    output = _Output()
    errors = _Output()
    process: subprocess.Popen[bytes] | None = None
    error = "interrupted"
    try:
        # An interrupt inside Popen would leave a process that nobody knows of.
        with held_off() as signals:
            try:
                process = Popen(
                    argv,
                    bufsize=0,
                    stdin=PIPE if stdin else DEVNULL,
                    stdout=PIPE,
                    stderr=PIPE,
                    env=env,
                    cwd=cwd,
                    start_new_session=True,
                )
            except (OSError, ValueError) as failure:
                error = _why_not_started(argv[0], failure)
        if signals:
            # Sent again as it would have come: an outer held_off() takes it.
            signal.raise_signal(signals[0])
        if process is not None:
            error = _communicate(process, _Input(stdin), output, errors, deadline)
    finally:
        if process is not None and error:
            _end(process)
    code = process.returncode if process is not None and not error else None
    return Completed(code, bytes(output.content), bytes(errors.content), error)


class _Input:
    """What a program has still to read."""

    def __init__(self, data: bytes) -> None:
        self.rest = memoryview(data)

    def pass_on(self, descriptor: int) -> bool:
        """Write the next part. Returns whether there is more to write."""
        from select import PIPE_BUF

        try:
            # A pipe that is ready takes as many bytes without blocking.
            sent = os.write(descriptor, self.rest[:PIPE_BUF])
        except OSError:  # the program reads no more
            return False
        self.rest = self.rest[sent:]
        return len(self.rest) > 0


class _Output:
    """What a program has printed on one of its streams."""

    def __init__(self) -> None:
        self.content = bytearray()

    def pass_on(self, descriptor: int) -> bool:
        """Read the next part. Returns whether there may be more to read."""
        part = os.read(descriptor, _READ_SIZE)
        self.content.extend(part)
        return len(part) > 0


def _communicate(
    process: subprocess.Popen[bytes],
    data: _Input,
    output: _Output,
    errors: _Output,
    deadline: float,
) -> str:
    """Feed a program and read what it prints, until it ends.

    `Popen.communicate` does not serve: it keeps any amount of output.

    Args:
        process: The program, just started.
        data: What it can read.
        output: Gets its standard output.
        errors: Gets its standard error.
        deadline: On the monotonic clock.

    Returns:
        Why the program has to be ended; empty if it has ended by itself.
    """
    import selectors
    from subprocess import TimeoutExpired

    with selectors.DefaultSelector() as selector:
        streams: Any = process  # which are not None
        selector.register(streams.stdout, selectors.EVENT_READ, output)
        selector.register(streams.stderr, selectors.EVENT_READ, errors)
        if data.rest:
            selector.register(streams.stdin, selectors.EVENT_WRITE, data)
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                return TIMED_OUT
            _pass_on_what_is_ready(selector, left)
            if max(len(output.content), len(errors.content)) > OUTPUT_CAP:
                return f"printed more than {OUTPUT_CAP >> 20} MiB"
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except TimeoutExpired:
        return TIMED_OUT
    return ""


def _pass_on_what_is_ready(selector: Any, timeout: float) -> None:
    """Serve each stream that is ready, and close those that are at their end."""
    for key, _ in selector.select(timeout):
        if not key.data.pass_on(key.fd):
            selector.unregister(key.fileobj)
            key.fileobj.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the process group, and close the pipes.

    A process that left the group may hold their other ends for ever.
    """
    from subprocess import TimeoutExpired

    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    # In a broken file system not even SIGKILL ends it.
    with contextlib.suppress(TimeoutExpired):
        process.wait(1.0)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _why_not_started(program: str, failure: OSError | ValueError) -> str:
    # A ValueError (a NUL in an argument) has no errno.
    code = getattr(failure, "errno", None)
    # execve(2): ENOENT also means that the interpreter of a script is missing.
    is_script = code == errno.ENOENT and Path(program).is_file()
    if code == errno.ENOEXEC or is_script:
        return "bad interpreter"
    if code == errno.ENOENT:
        return NOT_FOUND
    if code == errno.EACCES:
        return NOT_EXECUTABLE
    return words_of(failure)
