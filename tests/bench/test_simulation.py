"""The simulation against FACTS.md's table, and how evenly `schedule` spreads its users."""

from __future__ import annotations

import re

import pytest
from tests.bench import simulation

GUIDE, CLIENT, SIX, THREE = simulation.WAYS
# FACTS.md, "Simulated: how long a token stays usable": guide, log-ins a year, renewing every 6 h, renewing every 3 h.
FACTS = [
    (0.001, 99.74, 1.4, 99.97, 100.00),
    (0.01, 97.44, 14, 99.66, 100.00),
    (0.05, 88.78, 61, 98.18, 99.99),
    (0.2, 69.19, 169, 90.60, 99.41),
]


@pytest.mark.parametrize(("failing", "guide", "logins", "six", "three"), FACTS)
def test_the_simulation_agrees_with_the_facts(
    failing: float, guide: float, logins: float, six: float, three: float
) -> None:
    found = [simulation.simulated(way, failing, years=60) for way in simulation.WAYS]
    usable = [result.usable * 100 for result in found]
    assert [usable[0], usable[2], usable[3]] == [
        pytest.approx(guide, abs=1.0),
        pytest.approx(six, abs=0.4),
        pytest.approx(three, abs=0.1),
    ]
    assert found[0].logins == pytest.approx(logins, rel=0.1, abs=0.5)
    assert (found[1].logins < found[0].logins, found[3].logins) == (True, 0)
    assert usable[0] < usable[1] <= usable[3]


def test_ten_thousand_users_are_spread_and_the_table_is_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["simulation.py", "--years", "2"])
    assert simulation.main() == 0
    said = capsys.readouterr().out
    assert said.count("| ") > 20
    found = re.search(r"schedule ([\d.]+), the guide's line 360$", said.strip())
    assert found is not None
    assert float(found[1]) <= 3
