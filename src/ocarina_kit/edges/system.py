"""The bundle of effects that every command is handed: nothing else in the kit reaches outside the process.

A test hands in its own bundle in place of patching names.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> float:
        """Epoch seconds."""

    def monotonic(self) -> float:
        """Seconds since some fixed point; never goes back."""

    def sleep(self, seconds: float) -> None: ...


class RealClock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass(frozen=True)
class Completed:
    """What came of a process. ``code`` is None where it did not start or ran out of time."""

    argv: tuple[str, ...]
    code: int | None
    stdout: bytes = b""
    stderr: bytes = b""
    error: str = ""
    """Why it has no code: ``not found``, ``not executable``, ``bad interpreter``, ``timed out``, or errno words."""


class Runner(Protocol):
    """Starts a process from an argument list, waits at most ``timeout`` seconds, kills its whole group after that.

    Never raises for what the program does: what happened stands in :class:`Completed`.
    """

    def __call__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        timeout: float = 10.0,
        cwd: Path | None = None,
    ) -> Completed: ...


@dataclass(frozen=True)
class System:
    """Everything outside, handed in: environment, identity, time, randomness and processes."""

    environ: Mapping[str, str]
    home: Path
    user: str
    host: str
    run: Runner
    clock: Clock = field(default_factory=RealClock)
    token_urlsafe: Callable[[int], str] = secrets.token_urlsafe

    @property
    def state_dir(self) -> Path:
        """``$XDG_STATE_HOME/ocarina-kit``, else ``~/.local/state/ocarina-kit`` (CONTRACT.md, Files).

        A relative XDG_STATE_HOME is ignored, as the XDG base directory specification demands.
        """
        base = self.environ.get("XDG_STATE_HOME", "")
        root = Path(base) if base.startswith("/") else self.home / ".local" / "state"
        return root / "ocarina-kit"

    def expand(self, path: str) -> Path:
        """``~`` and ``~/…`` against this system's home, as the client expands it; relative paths against the cwd."""
        if path == "~" or path.startswith("~/"):
            return self.home / path[2:]
        return Path(os.path.expanduser(path))  # noqa: PTH111  # ~user is looked up by the system
