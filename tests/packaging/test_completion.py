"""Completion in real shells.

The lines of docs/install.md are typed, then the beginnings of commands, and Tab.
"""

import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from tests.packaging.conftest import ROOT, must
from tests.terminal import ENTER, TAB, Screen

COMPLETED = {
    "sched": "schedule",
    "doctor --explain CRN01": "doctor --explain CRN010",
    "login --for upl": "login --for upload",
    "status --profile fie": "status --profile field-site",
}
# The command for a shell: run at the terminal, it shows its arguments instead.
SHOWS = '#!/bin/sh\n[ -t 1 ] && [ -z "$_OCARINA_KIT_COMPLETE" ] && exec echo "<$*>"\n'


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_commands_options_and_values(shell: str, tmp_path: Path) -> None:
    if not shutil.which(shell):
        pytest.skip(f"needs {shell}")
    program = tmp_path / "ocarina-kit"
    program.write_text(f'{SHOWS}exec {Path(sys.executable).parent}/ocarina-kit "$@"\n')
    program.chmod(0o755)
    (tmp_path / ".ocarina").write_text(
        json.dumps({"profile": {"lab": {}, "field-site": {}}})
    )
    (lines,) = re.findall(
        rf"^# {shell}: .*\n((?:[^#`].*\n)+)",
        (ROOT / "docs/install.md").read_text(),
        re.M,
    )
    env = {
        "HOME": str(tmp_path),
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "fish_autosuggestion_enabled": "0",
    }
    with Screen([shell, "-i"], env=env, cwd=tmp_path, columns=200, rows=50) as screen:
        for line in (*lines.splitlines(), "echo rea''dy"):
            screen.line(line)
        screen.expect("ready")
        for typed, whole in COMPLETED.items():
            screen.send(f"ocarina-kit {typed}{TAB}{ENTER}")
            assert screen.expect("<.*>", regex=True) == f"<{whole}>"
        screen.send(f"ocarina-kit {TAB}{TAB}")
        screen.expect("install-client")


def test_a_tab_does_not_wait_for_rich() -> None:
    env = {
        **os.environ,
        "_OCARINA_KIT_COMPLETE": "complete_zsh",
        "_TYPER_COMPLETE_ARGS": "ocarina-kit sta",
    }
    out, modules = must(
        sys.executable, "-X", "importtime", "-m", "ocarina_kit", env=env
    )
    assert ("status" in out, "typer" in modules, "rich" in modules) == (
        True,
        True,
        False,
    )
