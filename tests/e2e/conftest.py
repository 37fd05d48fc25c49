"""The set-up at a sandbox Majora of tests/cli, and waiting for what happens."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.cli.conftest import client, lab

__all__ = ["client", "lab", "until"]

WAIT = 120.0
"""Seconds that a test waits at most for what happens at once on an idle machine."""


def until(happened: Callable[[], object], what: str) -> None:
    """Wait for an event. Fails after :data:`WAIT`."""
    deadline = time.monotonic() + WAIT
    while not happened():
        assert time.monotonic() < deadline, f"waited {WAIT:g} s for this: {what}"
        time.sleep(0.02)
