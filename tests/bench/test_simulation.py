"""How evenly `schedule` spreads its users. The simulated figures are compared in tests/test_docs.py."""

from __future__ import annotations

import re

import pytest
from tests.bench import simulation


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
