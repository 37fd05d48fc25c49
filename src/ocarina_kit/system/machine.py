"""The machine, handed to whatever needs it: environment, home, clock, processes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from ocarina_kit.system.process import Completed, run

Runner = Callable[..., Completed]
"""Starts a program: `process.run`, or what a test has in its place."""


class Machine(NamedTuple):
    """Everything outside the kit, handed in so that tests can replace it."""

    environ: Mapping[str, str]
    home: Path
    user: str
    host: str
    run: Runner
    now: Callable[[], float] = time.time  # epoch seconds
    monotonic: Callable[[], float] = time.monotonic  # seconds
    sleep: Callable[[float], None] = time.sleep  # seconds

    @property
    def state(self) -> Path:
        """The folder of the kit's own files, in ~/.local/state by default.

        A relative XDG_STATE_HOME is ignored, as the XDG base directory specification
        demands.
        """
        base = self.environ.get("XDG_STATE_HOME", "")
        root = Path(base) if base.startswith("/") else self.home / ".local" / "state"
        return root / "ocarina-kit"

    def expand(self, path: str) -> Path:
        """Return the absolute path of one that may begin with `~` or `~user`."""
        if path == "~" or path.startswith("~/"):
            return self.home / path[2:].lstrip("/")
        # Path.expanduser() would raise for an unknown ~user.
        return Path(os.path.expanduser(path)).absolute()  # noqa: PTH111


def this_machine() -> Machine:
    """Describe the machine that this process runs on.

    If the working folder was deleted, the process goes on in the home.
    """
    import pwd

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
