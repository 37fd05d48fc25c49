"""What a host says about cron, over made-up hosts; the kit's own program; a line run as cron runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ocarina_kit.client.places import on_path
from ocarina_kit.config.place import Place
from ocarina_kit.cron.crontab import Crontab
from ocarina_kit.cron.host import (
    changed_at,
    daemon_state,
    gone_shells,
    ground_of,
    kit_words,
    program_problem,
    thrown_away,
    why_kit_fails,
    zone,
)
from ocarina_kit.cron.trial import run_line
from ocarina_kit.system.machine import Completed, Machine
from ocarina_kit.system.process import run
from ocarina_kit.system.secret import Secret


def machine(home: Path, **environ: str) -> Machine:
    return Machine({"PATH": "/usr/bin:/bin", **environ}, home, "tester", "node1", run)


class Host:
    """A folder that is used as ``/``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.file("proc/1/comm", "systemd\n").file("proc/self/comm", "python\n").file(
            "proc/412/comm", "sshd\n"
        )

    def file(self, path: str, text: str = "") -> Host:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)
        return self

    def look(self) -> str:
        return daemon_state(machine(self.root), self.root, "linux")[0]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


HOSTS = [
    # files of the host, whether a cron daemon runs there
    ({}, "absent"),
    *(({"proc/77/comm": f"{name}\n"}, "runs") for name in ("cron", "crond", "fcron", "dcron", "bcron-sched")),
    ({"proc/77/comm": "busybox\n", "proc/77/cmdline": "busybox\0crond\0-f\0"}, "runs"),
    ({"proc/77/comm": "busybox\n", "proc/77/cmdline": "busybox\0ash\0"}, "absent"),
    ({"proc/9/comm": "cronolog\n", "proc/10/comm": "anacron\n"}, "absent"),
    ({"proc/1/comm": "tini\n", "proc/9/comm": "cron\n"}, "runs"),
    ({"proc/1/comm": "tini\n"}, "unknown"),
    ({"proc/1/comm": ""}, "unknown"),
    ({"usr/lib/systemd/system-generators/systemd-crontab-generator": ""}, "unknown"),
]


@pytest.mark.parametrize(("files", "state"), HOSTS)
def test_whether_a_daemon_runs(host: Host, files: dict[str, str], state: str) -> None:
    for path, text in files.items():
        host.file(path, text)
    assert host.look() == state
    assert daemon_state(machine(host.root), host.root / "nothing", "linux")[0] == "unknown"


@pytest.mark.parametrize(
    ("listed", "state"), [(b"/sbin/launchd\n/usr/sbin/cron\n", "runs"), (b"launchd\n", "unknown")]
)
def test_macos_asks_ps(tmp_path: Path, listed: bytes, state: str) -> None:
    asked = machine(tmp_path)._replace(run=lambda *_, **__: Completed(("ps",), 0, listed))
    assert daemon_state(asked, tmp_path, "darwin")[0] == state


def test_the_hosts_zone(tmp_path: Path) -> None:
    assert str(zone(tmp_path / "nothing")) == "UTC"
    (tmp_path / "localtime").write_bytes(b"not a zone")
    assert str(zone(tmp_path / "localtime")) == "UTC"
    london = Path("/usr/share/zoneinfo/Europe/London")
    if london.exists():
        assert "London" in str(zone(london))


def test_when_the_crontab_was_changed(tmp_path: Path) -> None:
    (tmp_path / "u").write_bytes(b"# DO NOT EDIT\n* * * * * x\n")
    os.utime(tmp_path / "u", (5, 5))
    assert changed_at(b"* * * * * x\n", "u", (str(tmp_path / "no"), str(tmp_path))) == 5
    assert changed_at(b"* * * * * y\n", "u", (str(tmp_path),)) is None
    assert changed_at(b"", "u", (str(tmp_path),)) is None


# --- programs ----------------------------------------------------------------------------------------------


def write(path: Path, text: str, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_what_keeps_a_program_from_starting(tmp_path: Path) -> None:
    assert program_problem(sys.executable) == ""
    assert "does not exist" in program_problem(str(tmp_path / "no"))
    assert "does not exist" in program_problem(str(tmp_path))
    assert "interpreter" in program_problem(str(write(tmp_path / "dead", "#!/nowhere/python\n")))
    assert "not executable" in program_problem(str(write(tmp_path / "text", "#!/bin/sh\n", 0o644)))
    assert program_problem(str(write(tmp_path / "env", "#!/usr/bin/env python3\n"))) == ""


def test_a_program_on_path(tmp_path: Path) -> None:
    program = write(tmp_path / "b" / "ocarina", "#!/bin/sh\n")
    write(tmp_path / "a" / "ocarina", "#!/bin/sh\n", 0o644)
    path = f"~/x:bin:{tmp_path}/a:{tmp_path}/b"
    assert on_path("ocarina", path) == str(program)
    assert on_path("ocarina", "") == ""


def test_shells_that_the_host_lacks() -> None:
    crontab = Crontab.parse(b"SHELL=/bin/sh\nSHELL=/opt/gone/bash\nSHELL=bash\n# SHELL=/x\n")
    assert gone_shells(crontab) == {"/opt/gone/bash"}


def environment(prefix: Path, script: str | None) -> tuple[str, str]:
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin" / "python").symlink_to(sys.executable)
    if script is not None:
        write(prefix / "bin" / "ocarina-kit", script)
    return str(prefix), str(prefix / "bin" / "python")


def test_how_cron_starts_this_kit(tmp_path: Path) -> None:
    prefix, python = environment(tmp_path / "env", "#!/bin/sh\n")
    assert kit_words(machine(tmp_path), prefix, python) == (f"{prefix}/bin/ocarina-kit",)
    prefix, python = environment(tmp_path / "bare", None)
    assert kit_words(machine(tmp_path), prefix, python) == (python, "-m", "ocarina_kit")


def test_a_kit_that_is_thrown_away_gives_way_to_one_that_stays(tmp_path: Path) -> None:
    prefix, python = environment(tmp_path / ".cache" / "uv" / "archive-v0" / "x", "#!/bin/sh\n")
    stays, _ = environment(tmp_path / "tool", "#!/bin/sh\n")
    here = machine(tmp_path, PATH=f"{prefix}/bin:{stays}/bin:/usr/bin")
    assert kit_words(here, prefix, python) == (f"{stays}/bin/ocarina-kit",)
    alone = kit_words(machine(tmp_path), prefix, python)
    assert alone == (f"{prefix}/bin/ocarina-kit",)
    assert thrown_away(alone[0])


def test_the_ground_of_a_line(tmp_path: Path) -> None:
    here = machine(tmp_path, REQUESTS_CA_BUNDLE="ca.pem", HTTPS_PROXY="http://u:hunter2@p:1")
    ground = ground_of(here, Place(tmp_path / "c.json", "option", "lab"), "https://m.org/", "/o/ocarina")
    assert (ground.config, ground.profile, ground.client) == (f"{tmp_path}/c.json", "lab", "/o/ocarina")
    assert ground.variables == {"REQUESTS_CA_BUNDLE": str(Path.cwd() / "ca.pem")}
    assert ground.kit[0].startswith("/")
    assert "hunter2" not in repr(ground)


def test_places_that_do_not_last() -> None:
    for path in (
        "/home/u/.cache/uv/archive-v0/xyz/bin/ocarina-kit",
        "/home/u/.local/share/pipx/.cache/1a2b/bin/ocarina-kit",
        "/home/u/.pyenv/shims/ocarina-kit",
        "/tmp/pip-build-env-x1/overlay/bin/ocarina-kit",
    ):
        assert thrown_away(path)
    assert not thrown_away("/home/u/.local/share/uv/tools/ocarina-kit/bin/ocarina-kit")


def test_a_kit_is_proved_in_crons_bare_environment(tmp_path: Path) -> None:
    good = write(tmp_path / "good", '#!/bin/sh\n[ "$PATH" = /usr/bin:/bin ] && [ "$*" = "refresh --help" ]\n')
    assert why_kit_fails(machine(tmp_path, PATH="/x:/usr/bin"), (str(good),)) == ""
    dead = write(tmp_path / "dead", "#!/nowhere/python\n")
    assert why_kit_fails(machine(tmp_path), (str(dead),)) == "bad interpreter"
    lacks = write(tmp_path / "lacks", f"#!{sys.executable}\nimport a_module_that_is_not_there\n")
    assert "No module named" in why_kit_fails(machine(tmp_path), (str(lacks),))
    silent = write(tmp_path / "silent", "#!/bin/sh\nexit 7\n")
    assert "exit code 7" in why_kit_fails(machine(tmp_path), (str(silent),))
    assert "relative" in why_kit_fails(machine(tmp_path), ("ocarina-kit",))
    late = machine(tmp_path)._replace(run=lambda *_, **__: Completed(("kit",), None, error="timed out"))
    assert why_kit_fails(late, (str(good),)) == ""


# --- running as cron ---------------------------------------------------------------------------------------


def test_a_line_runs_in_crons_bare_environment(tmp_path: Path) -> None:
    ran = run_line(machine(tmp_path, SECRET="s"), "env | sort; pwd; tty", {"MAILTO": "me"})
    lines = ran.output.splitlines()
    assert [line for line in lines[:-2] if not line.startswith(("_=", "SHLVL=", "OLDPWD=", "PWD="))] == [
        f"HOME={tmp_path}", "LOGNAME=tester", "MAILTO=me", "PATH=/usr/bin:/bin", "SHELL=/bin/sh"
    ]  # fmt: skip
    assert lines[-2:] == [str(tmp_path), "not a tty"]
    assert ran.ended >= ran.started
    assert run_line(machine(tmp_path), r"printf '\%s|' a; cat%one%two", {}).output == "a|one\ntwo"
    gone = run_line(machine(tmp_path), "true", {"HOME": str(tmp_path / "gone")})
    assert (gone.code, "not a folder" in gone.error) == (None, True)


def test_it_has_a_time_limit_and_leaves_nothing_behind(tmp_path: Path) -> None:
    ran = run_line(machine(tmp_path), f"(sleep 300; touch {tmp_path}/late) & sleep 300", {}, seconds=0.5)
    assert (ran.code, ran.error) == (None, "timed out")
    left = subprocess.run(["pgrep", "-f", f"touch {tmp_path}"], check=False, capture_output=True)
    assert left.stdout == b""


def test_secrets_and_tracebacks_are_not_shown(tmp_path: Path) -> None:
    script = write(
        tmp_path / "bad.py", f"#!{sys.executable}\nraise ValueError('no token abcdefghijklmnop')\n"
    )
    ran = run_line(machine(tmp_path), str(script), {}, secrets=(Secret("abcdefghijklmnop"),))
    assert ran.code == 1
    assert "Traceback" not in ran.output
    assert "ValueError: no token" in ran.output
    assert "abcdefghijklmnop" not in ran.output
