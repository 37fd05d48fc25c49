"""Starting other programs: from an argument list, with a time limit, in a process group that ends with it."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from ocarina_kit.edges.system import Completed


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
    try:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=None if env is None else dict(env),
            cwd=cwd,
            start_new_session=True,
        )
    except OSError as problem:
        return Completed(arguments, None, error=_why_not_started(arguments[0], problem))
    except ValueError as problem:  # a NUL in an argument
        return Completed(arguments, None, error=str(problem))
    try:
        stdout, stderr = process.communicate(stdin, timeout=timeout)
    except subprocess.TimeoutExpired:
        _kill_group(process.pid)
        try:
            stdout, stderr = process.communicate(timeout=1.0)
        except subprocess.TimeoutExpired:
            stdout, stderr = b"", b""
        return Completed(arguments, None, stdout, stderr, error="timed out")
    except BaseException:
        _kill_group(process.pid)
        process.wait()
        raise
    return Completed(arguments, process.returncode, stdout, stderr)


def _why_not_started(program: str, problem: OSError) -> str:
    if isinstance(problem, FileNotFoundError):
        # execve(2): ENOENT is also what a missing script interpreter gives.
        return "bad interpreter" if Path(program).is_file() else "not found"
    if isinstance(problem, PermissionError):
        return "not executable"
    if problem.errno == errno.ENOEXEC:
        return "bad interpreter"
    return problem.strerror or str(problem)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
