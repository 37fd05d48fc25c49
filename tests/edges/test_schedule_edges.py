"""Small edges of ``schedule``: a crontab installed, a line run as cron runs it, a second reader, the kit's own path."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ocarina_kit.core.cron.crontab_read import CrontabRead, ReadOutcome
from ocarina_kit.core.errors import KitError
from ocarina_kit.edges.cron.cron_run import run_as_cron
from ocarina_kit.edges.cron.crontab_install import CrontabError, install_crontab, unreadable
from ocarina_kit.edges.cron.crontab_program import read_crontab
from ocarina_kit.edges.cron.kit_program import kit_program, own_program, why_not_started
from ocarina_kit.edges.cron.second_reader import hold_against_second_reader
from ocarina_kit.edges.disk.backups import backups_of
from ocarina_kit.edges.process import run
from ocarina_kit.edges.system import System

PROGRAMS = Path(__file__).parents[1] / "programs"
OLD, NEW = b"# mine\n* * * * * x\n", b"# mine\n* * * * * x\n5 * * * * y\n"


def system_in(home: Path, **more: str) -> System:
    environ = {
        "PATH": f"{PROGRAMS}:/usr/bin:/bin",
        "HOME": str(home),
        "KIT_TEST_CRONTAB": str(home / "spool"),
        **more,
    }
    return System(environ=environ, home=home, user="tester", host="node1", run=run)


# --- installing --------------------------------------------------------------------------------------------


def test_installs_and_keeps_what_was_there(tmp_path: Path) -> None:
    system = system_in(tmp_path)
    (tmp_path / "spool").write_bytes(OLD)
    kept = install_crontab(system, read_crontab(system), NEW)
    assert (tmp_path / "spool").read_bytes() == NEW
    assert kept is not None
    assert kept.read_bytes() == OLD
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_first_crontab_has_nothing_to_keep(tmp_path: Path) -> None:
    system = system_in(tmp_path)
    assert install_crontab(system, read_crontab(system), NEW) is None
    assert (tmp_path / "spool").read_bytes() == NEW


@pytest.mark.parametrize(
    ("fails", "id", "words"),
    [
        ("write", "SCH004", "No space left"),
        ("denied", "CRN001", "not allowed"),
        ("read", "CRN001", "could not be read"),
    ],
)
def test_each_failure_has_its_own_words(tmp_path: Path, fails: str, id: str, words: str) -> None:
    (tmp_path / "spool").write_bytes(OLD)
    system = system_in(tmp_path, KIT_TEST_CRONTAB_FAILS=fails)
    with pytest.raises(CrontabError) as refused:
        install_crontab(system, read_crontab(system), NEW)
    assert refused.value.id == id
    assert words in f"{refused.value.what} {refused.value.why}"
    assert refused.value.remedy.commands
    assert (tmp_path / "spool").read_bytes() == OLD


def test_a_crontab_that_was_changed_meanwhile_is_left(tmp_path: Path) -> None:
    system = system_in(tmp_path)
    (tmp_path / "spool").write_bytes(OLD)
    read = read_crontab(system)
    (tmp_path / "spool").write_bytes(b"# theirs\n")
    with pytest.raises(CrontabError) as refused:
        install_crontab(system, read, NEW)
    assert refused.value.id == "SCH006"
    assert (tmp_path / "spool").read_bytes() == b"# theirs\n"


def test_what_another_program_wrote_in_the_same_moment_is_kept(tmp_path: Path) -> None:
    """It writes once, right after the kit: the kit puts the old crontab back, and keeps theirs."""
    program = tmp_path / "bin" / "crontab"
    program.parent.mkdir()
    spool, once = tmp_path / "spool", tmp_path / "once"
    program.write_text(
        f'#!/bin/sh\n[ "$1" = -l ] && exec cat {spool}\ncat > {spool}\n'
        f"[ -f {once} ] || {{ touch {once}; echo '# theirs' > {spool}; }}\n"
    )
    program.chmod(0o755)
    spool.write_bytes(OLD)
    system = system_in(tmp_path, PATH=f"{program.parent}:/usr/bin:/bin")
    with pytest.raises(CrontabError) as refused:
        install_crontab(system, read_crontab(system), NEW)
    assert refused.value.id == "SCH007"
    assert spool.read_bytes() == OLD
    (theirs,) = backups_of(system, "crontab-found", of="node1")
    assert theirs.read_bytes() == b"# theirs\n"
    assert str(theirs) in refused.value.why


def test_what_cannot_be_put_back_is_said_with_the_way_back(tmp_path: Path) -> None:
    (tmp_path / "spool").write_bytes(OLD)
    (tmp_path / "theirs").write_bytes(b"# theirs\n")
    system = system_in(tmp_path, KIT_TEST_CRONTAB_CHANGES=str(tmp_path / "theirs"))
    with pytest.raises(CrontabError) as refused:
        install_crontab(system, read_crontab(system), NEW)
    assert refused.value.id == "SCH008"
    (kept,) = backups_of(system, "crontab", of="node1")
    assert refused.value.remedy.commands[-1] == f"crontab {kept}"


def test_no_backup_no_change(tmp_path: Path) -> None:
    (tmp_path / "spool").write_bytes(OLD)
    (tmp_path / ".local").write_text("no folder")
    system = system_in(tmp_path)
    with pytest.raises(KitError):
        install_crontab(system, read_crontab(system), NEW)
    assert (tmp_path / "spool").read_bytes() == OLD


@pytest.mark.parametrize(
    ("outcome", "id"),
    [
        (ReadOutcome.NO_PROGRAM, "CRN001"),
        (ReadOutcome.NOT_ALLOWED, "CRN001"),
        (ReadOutcome.DOUBTFUL, "SCH002"),
        (ReadOutcome.FAILED, "CRN001"),
    ],
)
def test_crontabs_that_are_never_written(outcome: ReadOutcome, id: str) -> None:
    problem = unreadable(CrontabRead(outcome, words="boo"), host="node1")
    assert problem is not None
    assert problem.id == id
    assert "node1" in problem.what
    assert unreadable(CrontabRead(ReadOutcome.NONE_YET), host="node1") is None


# --- running as cron ---------------------------------------------------------------------------------------


def test_a_line_runs_in_crons_bare_environment(tmp_path: Path) -> None:
    system = system_in(tmp_path, SECRET="s")
    done = run_as_cron(system, "env | sort; pwd; tty", {"MAILTO": "me"})
    lines = done.stdout.decode().splitlines()
    assert [line for line in lines[:-2] if not line.startswith(("_=", "SHLVL=", "OLDPWD="))] == [
        f"HOME={tmp_path}", "LOGNAME=tester", "MAILTO=me", "PATH=/usr/bin:/bin", f"PWD={tmp_path}", "SHELL=/bin/sh",
    ]  # fmt: skip
    assert lines[-2:] == [str(tmp_path), "not a tty"]


def test_percent_signs_are_crons(tmp_path: Path) -> None:
    done = run_as_cron(system_in(tmp_path), r"printf '\%s|' a; cat%one%two", {})
    assert done.stdout == b"a|one\ntwo\n"


def test_it_has_a_time_limit_and_leaves_nothing_behind(tmp_path: Path) -> None:
    started = time.monotonic()
    done = run_as_cron(system_in(tmp_path), "(sleep 30; touch late) & sleep 30", {}, seconds=0.5)
    assert (done.code, done.error) == (None, "timed out")
    assert time.monotonic() - started < 10


def test_a_home_that_is_not_there(tmp_path: Path) -> None:
    done = run_as_cron(system_in(tmp_path), "true", {"HOME": str(tmp_path / "gone")})
    assert done.code is None
    assert "no folder" in done.error


# --- the second reader -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "times",
    [
        "17 0,3,6,9,12,15,18,21 * * *",
        "5 */2 * * *",
        "7,37 * * * *",
        "1 1-23/3 * * 1-5",
        "@hourly",
        "0 0 * * 7",
    ],
)
def test_two_readers_agree(times: str) -> None:
    hold_against_second_reader(
        f"{times} e=$(/k/ocarina-kit refresh 2>&1); printf '\\%s' \"$e\" # ocarina-kit"
    )


@pytest.mark.parametrize("line", ["*/60 */2 * * * x", "0 22-2 * * * x", "nonsense"])
def test_two_readers_disagree(line: str) -> None:
    with pytest.raises(KitError) as refused:
        hold_against_second_reader(line)
    assert refused.value.id == "SCH010"


# --- the kit's own path ------------------------------------------------------------------------------------


def environment(prefix: Path, script: str | None) -> Path:
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin" / "python").symlink_to(sys.executable)
    if script is not None:
        (prefix / "bin" / "ocarina-kit").write_text(script)
        (prefix / "bin" / "ocarina-kit").chmod(0o755)
    return prefix


def test_the_script_of_the_kits_own_environment(tmp_path: Path) -> None:
    prefix = environment(tmp_path / "env", "#!/bin/sh\n")
    assert kit_program(str(prefix), str(prefix / "bin" / "python")) == (str(prefix / "bin" / "ocarina-kit"),)


def test_without_a_script_the_interpreter_and_the_module(tmp_path: Path) -> None:
    prefix = environment(tmp_path / "env", None)
    python = str(prefix / "bin" / "python")
    assert kit_program(str(prefix), python) == (python, "-m", "ocarina_kit")


def test_a_passing_environment_gives_way_to_one_that_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passing = environment(tmp_path / ".cache" / "uv" / "archive-v0" / "x", "#!/bin/sh\n")
    stays = environment(tmp_path / "tool", "#!/bin/sh\n")
    monkeypatch.setenv("PATH", f"{passing}/bin:{stays}/bin:/usr/bin")
    assert kit_program(str(passing), str(passing / "bin" / "python")) == (str(stays / "bin" / "ocarina-kit"),)
    monkeypatch.setenv("PATH", f"{passing}/bin:/usr/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    alone = kit_program(str(passing), str(passing / "bin" / "python"))
    assert own_program(alone).thrown_away


def test_a_kit_that_does_not_start_under_cron(tmp_path: Path) -> None:
    system = system_in(tmp_path)
    assert why_not_started(system, (sys.executable, "-m", "ocarina_kit")) == ""
    bare = environment(tmp_path / "env", None)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare / "venv"], check=True)
    assert "No module named" in why_not_started(
        system, (str(bare / "venv" / "bin" / "python"), "-m", "ocarina_kit")
    )
    dead = environment(tmp_path / "dead", "#!/nowhere/python\n") / "bin" / "ocarina-kit"
    assert why_not_started(system, (str(dead),)) == "bad interpreter"
    assert os.access(dead, os.X_OK)
