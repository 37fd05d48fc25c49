"""A machine for tests: a home of its own, a clock that only moves when it is told to, and no processes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from ocarina_kit.system.machine import Completed, Machine


class Clock:
    time = 1_795_536_000.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def no_process(argv: Sequence[str], **_: object) -> Completed:
    raise AssertionError(f"{argv} was started")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def machine(tmp_path: Path, clock: Clock) -> Machine:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    return Machine({}, home, "hootm", "login1", no_process, clock.now, clock.now, clock.sleep)
