"""The machine as it is handed to whatever needs it: environment, home, user, host, clock and processes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple


class Completed(NamedTuple):
    """What came of a process. ``code`` is None if it did not start or ran out of time; ``error`` says why: not found,
    not executable, bad interpreter, timed out, or the system's words."""

    code: int | None
    stdout: bytes = b""
    stderr: bytes = b""
    error: str = ""


Runner = Callable[..., Completed]
"""Starts a process: :func:`ocarina_kit.system.process.run`, or what a test has in its place."""


class Machine(NamedTuple):
    """Everything outside, handed in. ``now`` gives epoch seconds, ``monotonic`` and ``sleep`` are in seconds."""

    environ: Mapping[str, str]
    home: Path
    user: str
    host: str
    run: Runner
    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    @property
    def state(self) -> Path:
        """``$XDG_STATE_HOME/ocarina-kit``, else ``~/.local/state/ocarina-kit`` (CONTRACT.md, Files).

        A relative XDG_STATE_HOME is ignored, as the XDG base directory specification demands.
        """
        base = self.environ.get("XDG_STATE_HOME", "")
        root = Path(base) if base.startswith("/") else self.home / ".local" / "state"
        return root / "ocarina-kit"

    def expand(self, path: str) -> Path:
        """``~`` and ``~/…`` against this home, ``~user`` as the system knows it; an absolute path either way."""
        if path == "~" or path.startswith("~/"):
            return self.home / path[2:].lstrip("/")
        return Path(os.path.expanduser(path)).absolute()  # noqa: PTH111  # does not raise for an unknown ~user


def this_machine() -> Machine:
    """The machine of the process that a person started. It goes on from the home if its working folder was deleted."""
    import pwd

    from ocarina_kit.system.process import run

    try:
        entry = pwd.getpwuid(os.geteuid())
        user, home = entry.pw_name, entry.pw_dir
    except KeyError:
        user, home = os.environ.get("LOGNAME", str(os.geteuid())), "/"
    home = os.environ.get("HOME") or home
    try:
        Path.cwd()
    except OSError:
        os.chdir(home if Path(home).is_dir() else "/")
    return Machine(dict(os.environ), Path(home), user, os.uname().nodename, run)
