"""A crontab entry is run as cron runs it, and what it wrote is safe to show."""

from __future__ import annotations

import sys
from pathlib import Path

from ocarina_kit.cli.schedule_line import run_command, shown
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.process import run
from ocarina_kit.system.secret import Secret


def machine(home: Path) -> Machine:
    return Machine({"PATH": "/usr/bin:/bin", "SECRET": "s"}, home, "tester", "node1", run)


def test_in_crons_bare_environment(tmp_path: Path) -> None:
    lines = shown(
        run_command(machine(tmp_path), "env | sort; pwd; tty", {"MAILTO": "me", "LOGNAME": "no"})
    ).splitlines()
    assert [line for line in lines[:-2] if not line.startswith(("_=", "SHLVL=", "OLDPWD=", "PWD="))] == [
        f"HOME={tmp_path}", "LOGNAME=tester", "MAILTO=me", "PATH=/usr/bin:/bin", "SHELL=/bin/sh"
    ]  # fmt: skip
    assert lines[-2:] == [str(tmp_path), "not a tty"]
    assert shown(run_command(machine(tmp_path), r"printf '\%s|' a; cat%one%two", {})) == "a|one\ntwo"
    gone = run_command(machine(tmp_path), "true", {"HOME": str(tmp_path / "gone")})
    assert (gone.code, "not a folder" in gone.error) == (None, True)


def test_secrets_and_tracebacks_are_not_shown(tmp_path: Path) -> None:
    script = tmp_path / "bad.py"
    script.write_text(f"#!{sys.executable}\nraise ValueError('no token abcdefghijklmnop')\n")
    script.chmod(0o755)
    done = run_command(machine(tmp_path), str(script), {})
    output = shown(done, (Secret("abcdefghijklmnop"),))
    assert done.code == 1
    assert "Traceback" not in output
    assert "ValueError: no token" in output
    assert "abcdefghijklmnop" not in output
