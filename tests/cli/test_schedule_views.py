"""``ocarina-kit schedule --print``, ``--remove`` and ``--show`` as processes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests.cli.schedule_desk import OTHERS, PROGRAMS, Desk, client, desk
from tests.terminal import Screen

__all__ = ["client", "desk"]  # fixtures


# --- print, remove -----------------------------------------------------------------------------------------


def test_print_gives_the_line_alone(desk: Desk) -> None:
    ran = desk.schedule("--print")
    assert ran.code == 0
    assert desk.kit.crontab is None
    assert not desk.kit.state.exists()
    desk.schedule("--yes")
    assert ran.out == desk.kit.crontab
    # As well where there is no crontab command.
    assert desk.schedule("--print", env={"PATH": str(desk.client.parent)}).out == ran.out
    assert desk.json("--print")["line"] + "\n" == ran.out


def test_remove(desk: Desk) -> None:
    desk.kit.crontab = OTHERS
    desk.schedule("--yes")
    installed = desk.kit.crontab
    assert desk.schedule("--remove").code == 2
    assert desk.schedule("--remove", "--dry-run").code == 0
    assert desk.kit.crontab == installed
    data = desk.json("--remove", "--yes")
    assert (data["exit"], data["changed"]) == (0, True)
    assert desk.kit.crontab == OTHERS
    assert "result=unscheduled" in desk.logged[-1]
    again = desk.json("--remove", "--yes")
    assert (again["exit"], again["changed"]) == (0, False)


def test_remove_needs_no_configuration_and_no_client(desk: Desk) -> None:
    desk.schedule("--yes")
    desk.kit.config.unlink()
    ran = desk.schedule("--remove", "--yes", env={"PATH": f"{PROGRAMS}:/usr/bin:/bin"})
    assert ran.code == 0, ran
    assert desk.kit.crontab == ""


def test_remove_leaves_what_does_other_work(desk: Desk) -> None:
    desk.kit.crontab = f"0 * * * * /opt/backup && {desk.client} oauth refresh\n"
    data = desk.json("--remove", "--yes")
    assert (data["exit"], data["error"]["id"]) == (1, "SCH001")


def test_print_gives_the_very_bytes(desk: Desk, tmp_path: Path) -> None:
    """A path that is no UTF-8, with a blank that no terminal shows."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9 100%\xc2\xa0x"))
    folder.mkdir()
    wrapper = folder / "ocarina"
    wrapper.write_text(f'#!/bin/sh\nexec {desk.client} "$@"\n')
    wrapper.chmod(0o755)
    assert desk.schedule("--yes", "--ocarina", str(wrapper)).code == 0
    done = subprocess.run(
        desk.kit.command("schedule", "--print", "--ocarina", str(wrapper)),
        env=desk.kit.env, cwd=desk.kit.home, capture_output=True, check=True,
    )  # fmt: skip
    assert done.stdout == desk.kit.crontab_file.read_bytes()
    assert b"/caf\xe9 100\\%\xc2\xa0x/ocarina' -q oauth refresh" in done.stdout


# --- show --------------------------------------------------------------------------------------------------


def test_show(desk: Desk) -> None:
    desk.token(left=5 * 3600)
    desk.schedule("--yes", "--cron", "7 */3 * * *")
    ran = desk.schedule("--show")
    assert ran.code == 0
    assert desk.job.line.text in ran.out
    for words in (
        "last success",
        "not by ocarina-kit",
        "next run",
        "2 missed",
        "If the next two runs",
        "live until",
    ):
        assert words in ran.out
    data = desk.json("--show")
    assert (data["line"], data["line_number"], data["runner"]) == (desk.job.line.text, 1, "kit-first")
    assert len(data["next_runs"]) == 3
    assert len(data["runs"]) == 8
    assert data["uncovered"]["every_run_happens"] == []
    assert data["uncovered"]["next_two_runs_missed"][0]["from"] == data["tokens_live_until"]
    assert set(data["strip"]["rows"]) == {"runs", "tokens", "1 missed", "2 missed"}
    assert data["host"]


def test_show_tells_who_refreshed_last(desk: Desk) -> None:
    desk.token(left=36000 - 3600)
    desk.refreshed_on("node2", ago=3600)
    desk.schedule("--yes")
    data = desk.json("--show")
    assert (data["last_success"]["host"], data["last_success"]["by"]) == ("node2", "refresh")
    assert "on node2" in desk.schedule("--show").out


@pytest.mark.parametrize("columns", [80, 40])
@pytest.mark.parametrize("extra", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_the_strip_fits_the_terminal(desk: Desk, columns: int, extra: dict[str, str]) -> None:
    desk.token()
    desk.schedule("--yes")
    with Screen.of(desk.kit, "schedule", "--show", columns=columns, env=extra) as screen:
        assert screen.wait() == 0
        shown = screen.text
    rows = [
        line for line in shown.splitlines() if line.startswith(("runs", "tokens", "1 missed", "2 missed"))
    ]
    assert len(rows) == 4
    assert max(map(len, rows)) <= columns
    if extra:
        assert "\x1b[" not in screen.raw


@pytest.mark.parametrize(
    ("crontab", "id"),
    [("", "CRN002"), ("# 0 * * * * {client} oauth refresh\n", "CRN009"), (OTHERS, "CRN002")],
)
def test_show_with_nothing_that_runs(desk: Desk, crontab: str, id: str) -> None:
    desk.kit.crontab = crontab.replace("{client}", str(desk.client))
    data = desk.json("--show")
    assert (data["exit"], data["error"]["id"]) == (1, id)


def test_show_where_the_crontab_cannot_be_read(desk: Desk) -> None:
    for env in ({"PATH": str(desk.client.parent)}, {"KIT_TEST_CRONTAB_FAILS": "denied"}):
        data = desk.json("--show", env=env)
        assert (data["exit"], data["error"]["id"]) == (1, "CRN001")


def test_show_needs_no_usable_configuration(desk: Desk) -> None:
    desk.schedule("--yes")
    desk.kit.config.write_text("{")
    ran = desk.schedule("--show")
    assert ran.code == 0
    assert "CFG002" in ran.out
    assert desk.job.line.text in ran.out
