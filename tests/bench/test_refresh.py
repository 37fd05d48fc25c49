"""A refresh stays within its budgets, measured now, on this machine (tests/bench/refresh.py)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent / "refresh.py"


def test_a_refresh_is_within_its_budgets() -> None:
    argv = [sys.executable, SCRIPT, "--rounds", "7", "--most", "400"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "round trips" in done.stdout
