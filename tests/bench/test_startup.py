"""Start-up stays within its budget, measured now, on this machine (tests/bench/startup.py)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent / "startup.py"


def test_start_up_is_within_its_budget() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--rounds", "30"], capture_output=True, text=True, check=False
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "--version" in done.stdout
