"""What a host says about cron, over made-up hosts; the kit's own program; a line run as cron runs it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ocarina_kit.client.places import thrown_away
from ocarina_kit.config.place import Place
from ocarina_kit.cron.host import (
    daemon_state,
    ground_of,
    kit_words,
    program_problem,
    why_kit_fails,
    zone,
)
from ocarina_kit.system.machine import Completed, Machine
from ocarina_kit.system.process import run


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
        return daemon_state(self.root)[0]


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
    assert daemon_state(host.root / "nothing")[0] == "unknown"


def test_the_hosts_zone(tmp_path: Path) -> None:
    assert str(zone(tmp_path / "nothing")) == "UTC"
    (tmp_path / "localtime").write_bytes(b"not a zone")
    assert str(zone(tmp_path / "localtime")) == "UTC"
    london = Path("/usr/share/zoneinfo/Europe/London")
    if london.exists():
        assert "London" in str(zone(london))


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


def environment(prefix: Path, script: str | None) -> tuple[str, str]:
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin" / "python").symlink_to(sys.executable)
    if script is not None:
        write(prefix / "bin" / "ocarina-kit", script)
    return str(prefix), str(prefix / "bin" / "python")


def test_how_cron_starts_this_kit(tmp_path: Path) -> None:
    prefix, python = environment(tmp_path / "env", "#!/bin/sh\n")
    assert kit_words(prefix, python) == (f"{prefix}/bin/ocarina-kit",)
    prefix, python = environment(tmp_path / "bare", None)
    assert kit_words(prefix, python) == (python, "-m", "ocarina_kit")


def test_places_that_do_not_last() -> None:
    for path in (
        "/home/u/.cache/uv/archive-v0/xyz/bin/ocarina-kit",
        "/home/u/.local/share/pipx/.cache/1a2b/bin/ocarina-kit",
        "/home/u/.pyenv/shims/ocarina-kit",
        "/tmp/pip-build-env-x1/overlay/bin/ocarina-kit",
    ):
        assert thrown_away(path)
    assert not thrown_away("/home/u/.local/share/uv/tools/ocarina-kit/bin/ocarina-kit")


def test_the_ground_of_a_line(tmp_path: Path) -> None:
    here = machine(tmp_path, REQUESTS_CA_BUNDLE="ca.pem", HTTPS_PROXY="http://u:hunter2@p:1")
    ground = ground_of(here, Place(tmp_path / "c.json", "option", "lab"), "https://m.org/", "/o/ocarina")
    assert (ground.config, ground.profile, ground.client) == (f"{tmp_path}/c.json", "lab", "/o/ocarina")
    assert ground.variables == {"REQUESTS_CA_BUNDLE": str(Path.cwd() / "ca.pem")}
    assert ground.kit[0].startswith("/")
    assert "hunter2" not in repr(ground)


def test_a_kit_is_proved_in_crons_bare_environment(tmp_path: Path) -> None:
    good = write(tmp_path / "good", '#!/bin/sh\n[ "$PATH" = /usr/bin:/bin ] && [ "$*" = "refresh --help" ]\n')
    assert why_kit_fails(machine(tmp_path, PATH="/x:/usr/bin"), (str(good),)) == ""
    dead = write(tmp_path / "dead", "#!/nowhere/python\n")
    assert why_kit_fails(machine(tmp_path), (str(dead),)) == "bad interpreter"
    lacks = write(tmp_path / "lacks", f"#!{sys.executable}\nimport a_module_that_is_not_there\n")
    assert "No module named" in why_kit_fails(machine(tmp_path), (str(lacks),))
    silent = write(tmp_path / "silent", "#!/bin/sh\nexit 7\n")
    assert "exit code 7" in why_kit_fails(machine(tmp_path), (str(silent),))
    late = machine(tmp_path)._replace(run=lambda *_, **__: Completed(("kit",), None, error="timed out"))
    assert why_kit_fails(late, (str(good),)) == ""
