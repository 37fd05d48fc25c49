"""The simulation against FACTS.md's table, and the spread that issue "schedule" asks for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.bench import simulation

SCRIPT = Path(__file__).parent / "simulation.py"
GUIDE, CLIENT, SIX, THREE = simulation.WAYS

# FACTS.md, "Simulated: how long a token stays usable": guide, log-ins a year, renewing every 6 h, renewing every 3 h.
FACTS = [
    (0.001, 99.74, 1.4, 99.97, 100.00),
    (0.01, 97.44, 14, 99.66, 100.00),
    (0.05, 88.78, 61, 98.18, 99.99),
    (0.2, 69.19, 169, 90.60, 99.41),
]
YEARS = 60


@pytest.mark.parametrize(("failing", "guide", "logins", "six", "three"), FACTS)
def test_the_simulation_agrees_with_the_facts(
    failing: float, guide: float, logins: float, six: float, three: float
) -> None:
    result = simulation.simulated(GUIDE, failing, years=YEARS)
    assert result.usable * 100 == pytest.approx(guide, abs=1.0)
    assert result.logins == pytest.approx(logins, rel=0.1, abs=0.5)
    assert simulation.simulated(SIX, failing, years=YEARS).usable * 100 == pytest.approx(six, abs=0.4)
    assert simulation.simulated(THREE, failing, years=YEARS).usable * 100 == pytest.approx(three, abs=0.1)


@pytest.mark.parametrize("failing", simulation.RATES)
def test_each_runner_is_better_than_the_guides_line(failing: float) -> None:
    guide = simulation.simulated(GUIDE, failing, years=YEARS)
    client = simulation.simulated(CLIENT, failing, years=YEARS)
    kit = simulation.simulated(THREE, failing, years=YEARS)
    assert guide.usable < client.usable <= kit.usable
    assert client.logins < guide.logins
    assert kit.logins == 0


def test_ten_thousand_users_are_spread() -> None:
    spread = simulation.busiest(simulation.ours(3, f"user{number}") for number in range(10_000))
    assert spread <= 3
    assert simulation.busiest(simulation.GUIDE for _ in range(10_000)) == 360


def test_it_prints_its_table() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--years", "2", "--users", "100"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("| ") > 20
    assert "the guide's line 360" in done.stdout
