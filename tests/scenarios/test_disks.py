"""Real file systems that are full or read-only.

Small ones, mounted for one run in a namespace of its own.

ENV008 names them, and refresh spends no token that it could not save.
"""

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
MOUNT = (
    'set -e; mount -t tmpfs -o {},mode=700 none "$HOME"; cp -a "$SAVED/." "$HOME";'
    ' {}; cd "$HOME"; exec "$@"'
)
FULL = {
    "full": ("size=256k", 'head -c 1M /dev/zero > "$HOME/filling" 2>/dev/null || :'),
    "no inodes": (
        "nr_inodes=12",
        'i=0; while touch "$HOME/file$i" 2>/dev/null; do i=$((i+1)); done',
    ),
    "read-only": ("size=1m", 'mount -o remount,ro "$HOME"'),
}


@pytest.mark.cron_daemon  # what that one needs (root, unshare) is needed here
@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None,
    reason="needs root and unshare",
)
@pytest.mark.parametrize("kind", FULL)
def test_a_home_that_takes_no_file(kind: str, stage: Stage, tmp_path: Path) -> None:
    with stage.world(HEALTHY, tmp_path / "home") as world:
        shutil.copytree(world.kit.home, tmp_path / "saved")
        env = {
            **world.kit.env,
            "SAVED": str(tmp_path / "saved"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

        def run(*args: str) -> Any:
            command = [
                "unshare",
                "-m",
                "sh",
                "-c",
                MOUNT.format(*FULL[kind]),
                "sh",
                *world.kit.command(*args),
            ]
            return subprocess.run(
                command, capture_output=True, text=True, env=env, check=False
            )

        done = run("doctor", "--offline", "--json")
        checks = json.loads(done.stdout)["checks"]
        assert [check["id"] for check in checks if check["status"] == "fail"] == [
            "ENV008"
        ], done
        assert done.returncode == 1

        world.majora.clear_requests()
        refreshed = run("refresh")
        assert refreshed.returncode == 1, refreshed
        assert re.search(
            r"^error: .*\[\w{3}\d{3}\]$", refreshed.stderr, re.MULTILINE
        ), refreshed
        assert world.majora.requests == [], (
            "a token was sent that could not have been saved"
        )
