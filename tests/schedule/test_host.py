"""What a host says about cron, over made-up hosts; the kit's own program; a line run as cron runs it."""

import sys
from pathlib import Path

import pytest
from tests.client.stub import machine_at, program

from ocarina_kit.client.places import thrown_away
from ocarina_kit.schedule.host import (
    find_daemon,
    kit_command,
    kit_start_problem,
    read_zone,
)
from ocarina_kit.system.process import Completed

HOSTS = [
    # files of the host, whether a cron daemon runs there
    ({}, "absent"),
    *(
        ({"proc/77/comm": f"{name}\n"}, "runs")
        for name in ("cron", "crond", "fcron", "dcron", "bcron-sched")
    ),
    ({"proc/77/comm": "busybox\n", "proc/77/cmdline": "busybox\0crond\0-f\0"}, "runs"),
    ({"proc/77/comm": "busybox\n", "proc/77/cmdline": "busybox\0ash\0"}, "absent"),
    ({"proc/9/comm": "cronolog\n", "proc/10/comm": "anacron\n"}, "absent"),
    ({"proc/1/comm": "tini\n", "proc/9/comm": "cron\n"}, "runs"),
    ({"proc/1/comm": "tini\n"}, "unknown"),
    ({"proc/1/comm": ""}, "unknown"),
    ({"usr/lib/systemd/system-generators/systemd-crontab-generator": ""}, "unknown"),
]


@pytest.mark.parametrize(("files", "state"), HOSTS)
def test_whether_a_daemon_runs(
    tmp_path: Path, files: dict[str, str], state: str
) -> None:
    for path, text in {
        "proc/1/comm": "systemd\n",
        "proc/412/comm": "sshd\n",
        **files,
    }.items():
        program(tmp_path / path, text)
    assert find_daemon(tmp_path)[0] == state
    assert find_daemon(tmp_path / "nothing")[0] == "unknown"


def test_the_hosts_zone(tmp_path: Path) -> None:
    assert str(read_zone(tmp_path / "nothing")) == "UTC"
    (tmp_path / "localtime").write_bytes(b"not a zone")
    assert str(read_zone(tmp_path / "localtime")) == "UTC"
    london = Path("/usr/share/zoneinfo/Europe/London")
    if london.exists():
        assert "London" in str(read_zone(london))


def test_how_cron_starts_this_kit(tmp_path: Path) -> None:
    assert kit_command(str(tmp_path), sys.executable) == (
        sys.executable,
        "-m",
        "ocarina_kit",
    )
    script = program(tmp_path / "bin" / "ocarina-kit", "#!/bin/sh\n")
    assert kit_command(str(tmp_path), sys.executable) == (str(script),)


def test_places_that_do_not_last() -> None:
    for folder in (
        ".cache/uv/archive-v0/x",
        ".local/share/pipx/.cache/1a",
        "pip-build-env-x/bin",
    ):
        assert thrown_away(f"/home/u/{folder}/ocarina-kit")
    assert not thrown_away("/home/u/.local/share/uv/tools/ocarina-kit/bin/ocarina-kit")


def test_a_kit_is_proved_in_crons_bare_environment(tmp_path: Path) -> None:
    good = program(
        tmp_path / "good",
        '#!/bin/sh\n[ "$PATH" = /usr/bin:/bin ] && [ "$*" = "refresh --help" ]\n',
    )
    assert (
        kit_start_problem(machine_at(tmp_path, PATH="/x:/usr/bin"), (str(good),)) == ""
    )
    assert (
        kit_start_problem(machine_at(tmp_path), ("/gone/ocarina-kit",)) == "not found"
    )
    lacks = program(
        tmp_path / "lacks", f"#!{sys.executable}\nimport a_module_that_is_not_there\n"
    )
    assert "No module named" in kit_start_problem(machine_at(tmp_path), (str(lacks),))
    silent = program(tmp_path / "silent", "#!/bin/sh\nexit 7\n")
    assert "exit code 7" in kit_start_problem(machine_at(tmp_path), (str(silent),))
    late = machine_at(tmp_path)._replace(
        run=lambda *_, **__: Completed(None, error="timed out")
    )
    assert kit_start_problem(late, (str(good),)) == ""
