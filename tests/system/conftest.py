"""A machine for tests.

A home of its own, and a clock that only moves when somebody sleeps.
"""

from pathlib import Path

import pytest
from tests.client.stub import machine_at

from ocarina_kit.system.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    times = [1_795_536_000.0]

    def now() -> float:
        return times[-1]

    def sleep(seconds: float) -> None:
        times.append(times[-1] + seconds)

    return machine_at(tmp_path / "home")._replace(
        host="login1", now=now, monotonic=now, sleep=sleep
    )
