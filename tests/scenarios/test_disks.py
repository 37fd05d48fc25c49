"""Real file systems that are full or read-only: small ones, mounted for one run in a namespace of its own.

ENV008 names them, and refresh spends no token that it could not save.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.scenarios.world import Scenario, Stage

HEALTHY = Scenario(Path(__file__).parent / "healthy" / "kit_entry.toml", {})

# The home is copied onto a file system of its own, which then is what the name says.
_MOUNTS = {
    "full": 'mount -t tmpfs -o size=256k,mode=700 none "$HOME"; cp -a "$SAVED/." "$HOME"; '
    'head -c 1M /dev/zero > "$HOME/filling" 2>/dev/null || :',
    "no-inodes": 'mount -t tmpfs -o nr_inodes=12,mode=700 none "$HOME"; cp -a "$SAVED/." "$HOME"; '
    'i=0; while touch "$HOME/file$i" 2>/dev/null; do i=$((i+1)); done',
    "read-only": 'mount -t tmpfs -o mode=700 none "$HOME"; cp -a "$SAVED/." "$HOME"; mount -o remount,ro "$HOME"',
}


@pytest.mark.cron_daemon  # what that one needs (root, unshare) is needed here
@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root and unshare")
@pytest.mark.parametrize("kind", _MOUNTS)
def test_a_home_that_takes_no_file(kind: str, stage: Stage, tmp_path: Path) -> None:
    with stage.world(HEALTHY, tmp_path / "home") as world:
        kit = world.kit
        shutil.copytree(kit.home, tmp_path / "saved")

        def run(*args: str) -> Any:
            inside = f'set -e; {_MOUNTS[kind]}; cd "$HOME"; exec "$@"'
            return subprocess.run(
                ["unshare", "-m", "sh", "-c", inside, "sh", *kit.command(*args)],
                capture_output=True,
                text=True,
                env={**kit.env, "SAVED": str(tmp_path / "saved"), "PYTHONDONTWRITEBYTECODE": "1"},
                check=False,
            )

        done = run("doctor", "--offline", "--json")
        document = json.loads(done.stdout)
        assert [each["id"] for each in document["checks"] if each["status"] == "fail"] == ["ENV008"], done
        assert done.returncode == 1

        world.majora.clear_requests()
        refreshed = run("refresh")
        assert refreshed.returncode == 1, refreshed
        assert re.search(r"^error: .*\[\w{3}\d{3}\]$", refreshed.stderr, re.MULTILINE), refreshed
        assert world.majora.requests == [], "a token was sent that could not have been saved"
