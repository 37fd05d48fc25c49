"""``ocarina-kit schedule`` as a process: what it makes of a crontab, what it refuses, and what it says."""

from __future__ import annotations

import json
import resource
import stat
from pathlib import Path

import pytest
from tests.cli.schedule_desk import CONFIG, OTHERS, PROGRAMS, Desk, client, desk
from tests.terminal import Screen

from ocarina_kit.core.cron.refreshjob import Kind
from ocarina_kit.sandbox import break_interpreter, install_impostor, install_standin

__all__ = ["client", "desk"]  # fixtures


# --- installing --------------------------------------------------------------------------------------------


def test_one_line_is_added_and_all_else_stays(desk: Desk) -> None:
    desk.kit.crontab = OTHERS
    ran = desk.schedule("--yes")
    assert ran.code == 0, ran
    assert desk.kit.crontab is not None
    assert desk.kit.crontab.startswith(OTHERS)
    added = desk.kit.crontab.removeprefix(OTHERS)
    assert added.count("\n") == 1
    assert added.endswith(" # ocarina-kit\n")
    job = desk.job
    assert job.kind is Kind.KIT_FIRST
    assert job.client is not None
    assert job.client.path == str(desk.client)
    assert job.schedule is not None
    assert job.schedule.minutes[0] > 0
    assert len(job.schedule.hours) == 8
    # Says what it chose and why, and shows the line.
    assert str(desk.client) in ran.out
    assert "PATH" in ran.out
    assert added.rstrip("\n") in ran.out
    assert "result=scheduled" in desk.logged[-1]


def test_twice_changes_nothing(desk: Desk) -> None:
    desk.schedule("--yes")
    before = desk.kit.crontab
    again = desk.json()
    assert (again["exit"], again["changed"], again["outcome"]) == (0, False, "unchanged")
    assert desk.kit.crontab == before
    assert len(desk.logged) == 1


def test_an_entry_that_was_there_is_recorded_once(desk: Desk) -> None:
    desk.schedule("--yes")
    (desk.kit.state / "refresh.log").unlink()
    for _ in range(2):
        assert desk.schedule().code == 0
    assert len(desk.logged) == 1


def test_a_dry_run_writes_nothing(desk: Desk) -> None:
    desk.kit.crontab = OTHERS
    ran = desk.schedule("--dry-run")
    assert ran.code == 0
    assert desk.kit.crontab == OTHERS
    assert not desk.kit.state.exists()
    assert "\n+" in ran.out
    assert "Nothing was changed." in ran.out
    # What is not this set-up's is not shown.
    assert "/opt/backup" not in ran.all


def test_without_a_terminal_it_must_be_agreed_beforehand(desk: Desk) -> None:
    ran = desk.schedule()
    assert ran.code == 2
    assert "--yes" in ran.err
    assert desk.kit.crontab is None
    assert desk.json()["error"]["remedy"]["commands"] == ["ocarina-kit schedule --yes"]


def test_the_old_crontab_is_kept(desk: Desk) -> None:
    desk.kit.crontab = OTHERS
    kept = Path(desk.json("--yes")["backup"])
    assert kept.parent == desk.kit.state / "backups"
    assert kept.read_text() == OTHERS
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_json(desk: Desk) -> None:
    data = desk.json("--yes")
    assert (data["schema"], data["command"], data["ok"], data["changed"]) == (1, "schedule", True, True)
    assert data["client"]["path"] == str(desk.client)
    assert data["client"]["version"] == "1.0.0"
    assert data["line"] == desk.job.line.text
    assert data["longest_gap_minutes"] == 240
    assert len(data["next_runs"]) == 3
    assert [edit["kind"] for edit in data["edits"]] == ["add"]


def test_the_guides_line_is_repaired_in_place(desk: Desk) -> None:
    desk.kit.crontab = f"# a\n{desk.guide}# b\n{desk.guide}"
    assert desk.schedule("--yes").code == 0
    assert desk.kit.crontab == f"# a\n{desk.job.line.text}\n# b\n"


def test_the_client_alone(desk: Desk) -> None:
    assert desk.schedule("--yes", "--runner", "client").code == 0
    job = desk.job
    assert job.text.command == f"{desk.client} oauth refresh # ocarina-kit"
    # The default again.
    assert desk.schedule("--yes").code == 0
    assert desk.job.kind is Kind.KIT_FIRST


def test_times_of_a_persons_own(desk: Desk) -> None:
    assert desk.schedule("--yes", "--cron", "7 */2 * * *").code == 0
    assert desk.job.text.time == "7 */2 * * *"
    assert desk.schedule("--yes").code == 0
    assert desk.job.text.time == "7 */2 * * *"
    assert desk.schedule("--yes", "--every", "4h").code == 0
    schedule = desk.job.schedule
    assert schedule is not None
    assert len(schedule.hours) == 6


def test_environment_and_profile_are_carried(desk: Desk) -> None:
    config = desk.kit.home / "my configs" / "100% mine.json"
    config.parent.mkdir()
    members = {"default": CONFIG, "profile": {"test": {"MAJORA_USER": "other"}}}
    config.write_text(json.dumps(members))
    config.chmod(0o600)
    env = {
        "OCARINA_CONF_FILE": str(config),
        "XDG_STATE_HOME": str(desk.kit.home / "state"),
        "HTTPS_PROXY": "http://proxy.test:3128",
        "HTTP_PROXY": "http://u:pa55word@proxy.test:3128",
        "REQUESTS_CA_BUNDLE": "ca.pem",
    }
    desk.kit.secrets.add("pa55word")
    data = desk.json("--yes", "--profile", "test", env=env)
    assert data["exit"] == 0, data
    assert data["line"].endswith(" # ocarina-kit profile=test")
    call = desk.job.calls[0]
    assert (call.config, call.profile) == (str(config), "test")
    assert call.environment["XDG_STATE_HOME"] == env["XDG_STATE_HOME"]
    assert call.environment["HTTPS_PROXY"] == env["HTTPS_PROXY"]
    assert call.environment["REQUESTS_CA_BUNDLE"] == str(desk.kit.home / "ca.pem")
    assert "HTTP_PROXY" not in call.environment
    assert [warning["id"] for warning in data["warnings"] if "HTTP_PROXY" in warning["text"]] == ["ENV006"]
    # Another set-up's entry is left, and listed.
    plain = desk.json("--yes")
    assert [other["line_number"] for other in plain["others"]] == [1]
    assert len([job for job in desk.jobs if job.active]) == 2


def test_a_commented_out_entry_is_switched_on_by_consent(desk: Desk) -> None:
    desk.kit.crontab = f"# {desk.guide}"
    refused = desk.schedule()
    assert refused.code == 2
    assert "switched it off" in refused.out
    assert desk.kit.crontab == f"# {desk.guide}"
    assert desk.schedule("--yes").code == 0
    assert desk.kit.crontab == f"{desk.job.line.text}\n"


def test_a_line_with_other_work_is_left_for_a_person(desk: Desk) -> None:
    mixed = f"0 * * * * /opt/backup && {desk.client} oauth refresh\n"
    desk.kit.crontab = mixed
    data = desk.json("--yes")
    assert (data["exit"], data["error"]["id"]) == (1, "SCH001")
    assert "Line 1" in data["error"]["what"]
    assert desk.kit.crontab == mixed


# --- a second host -----------------------------------------------------------------------------------------


def test_a_refresh_from_elsewhere_is_said_and_none_is_added_unasked(desk: Desk) -> None:
    desk.refreshed_on("node2")
    ran = desk.schedule()
    assert ran.code == 2
    assert "node2" in ran.out
    assert desk.kit.crontab is None
    assert desk.json("--dry-run")["elsewhere"]["host"] == "node2"
    assert desk.schedule("--yes").code == 0
    assert desk.kit.crontab is not None


def test_a_refresh_from_elsewhere_long_ago_is_none(desk: Desk) -> None:
    desk.refreshed_on("node2", ago=11 * 3600)
    assert desk.json("--dry-run")["elsewhere"] is None


def test_on_a_second_host_enter_means_no(desk: Desk) -> None:
    desk.refreshed_on("node2")
    with Screen.of(desk.kit, "schedule", columns=40) as screen:
        screen.expect("refreshed by node2")
        screen.expect("Install a second entry all the same")
        screen.line()
        screen.expect("Nothing was changed.")
        assert screen.wait() == 0
    assert desk.kit.crontab is None


# --- at a terminal -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("columns", "answer"), [(80, ""), (40, "y")])
def test_it_asks_and_enter_agrees(desk: Desk, columns: int, answer: str) -> None:
    desk.kit.crontab = OTHERS
    with Screen.of(desk.kit, "schedule", columns=columns) as screen:
        screen.expect("Write this into the crontab")
        screen.line(answer)
        screen.expect("The entry is installed")
        assert screen.wait() == 0
        # The line to copy is whole, whatever the width.
        assert f"+{desk.job.line.text}\n" in screen.text


def test_no_means_no(desk: Desk) -> None:
    with Screen.of(desk.kit, "schedule") as screen:
        screen.expect("Write this into the crontab")
        screen.line("n")
        assert screen.wait() == 0
    assert desk.kit.crontab is None
    assert not desk.kit.state.exists()


def test_an_interrupt_leaves_all_as_it_was(desk: Desk) -> None:
    with Screen.of(desk.kit, "schedule") as screen:
        screen.expect("Write this into the crontab")
        screen.send("\x03")
        assert screen.wait() == 130
    assert desk.kit.crontab is None


# --- what cannot be ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "id", "words"),
    [
        (["--every", "12h"], "CRN005", "10 h"),
        (["--cron", "0 9,18 * * *"], "CRN005", "between 18:00 and 09:00 the next day"),
        (["--cron", "0 0,9,18 * * *"], "CRN005", "summer time"),
        (["--cron", "@reboot"], "CRN005", "starts"),
        (["--cron", "61 * * * *"], "CRN005", "minute"),
        (["--cron", "*/60 */2 * * *"], "SCH010", "python-crontab"),
        (["--every", "3h", "--cron", "1 * * * *"], "USE001", "both"),
        (["--every", "soon"], "USE001", "3h"),
        (["--runner", "cron"], "USE001", "kit-first"),
        (["--show", "--remove"], "USE001", "both"),
        (["--show", "--every", "3h"], "USE001", "--every"),
        (["--remove", "--ocarina", "x"], "USE001", "--ocarina"),
        (["--print", "--yes"], "USE001", "--yes"),
        (["--env"], "USE001", "environment"),
    ],
)
def test_wrong_usage(desk: Desk, args: list[str], id: str, words: str) -> None:
    data = desk.json(*args)
    assert (data["exit"], data["error"]["id"]) == (2, id), data
    assert words in json.dumps(data["error"], ensure_ascii=False)
    assert desk.kit.crontab is None


def test_an_api_key_needs_no_schedule(desk: Desk) -> None:
    key = "0123456789abcdef0123"
    desk.kit.write_config({**CONFIG, "MAJORA_TOKEN": key})
    desk.kit.secrets.add(key)
    data = desk.json("--yes")
    assert (data["exit"], data["error"]["id"]) == (1, "CFG008")


def test_no_configuration(desk: Desk) -> None:
    desk.kit.config.unlink()
    data = desk.json("--yes")
    assert (data["exit"], data["error"]["id"]) == (1, "CFG001")


def test_no_client(desk: Desk) -> None:
    desk.kit.extra["PATH"] = f"{PROGRAMS}:/usr/bin:/bin"
    data = desk.json("--yes")
    assert (data["exit"], data["error"]["id"]) == (1, "ENV001")
    assert "ocarina-kit install-client" in data["error"]["remedy"]["commands"]
    assert "PATH" in data["error"]["why"]
    assert desk.kit.crontab is None


def test_a_named_client_is_taken_or_refused(desk: Desk, tmp_path: Path) -> None:
    spaced = tmp_path / "müller's env"
    good = install_standin(spaced)
    assert desk.json("--yes", "--ocarina", str(good))["client"]["path"] == str(good)
    assert desk.job.client is not None
    assert desk.job.client.path == str(good)
    before = desk.kit.crontab
    missing = desk.json("--yes", "--ocarina", str(tmp_path / "nowhere"))
    assert (missing["exit"], missing["error"]["id"]) == (1, "ENV001")
    impostor = desk.json("--yes", "--ocarina", str(install_impostor(tmp_path / "other")))
    assert impostor["error"]["id"] == "ENV002"
    break_interpreter(good)
    dead = desk.json("--yes", "--ocarina", str(good))
    assert dead["error"]["id"] == "ENV003"
    assert desk.kit.crontab == before


def test_an_old_client(desk: Desk, tmp_path: Path) -> None:
    old = install_standin(tmp_path / "old", version="0.36.1")
    data = desk.json("--yes", "--ocarina", str(old))
    assert data["exit"] == 0
    assert "ENV004" in [warning["id"] for warning in data["warnings"]]
    desk.kit.write_config({**CONFIG, "MAJORA_TOKENS_FILE": "~/elsewhere"})
    data = desk.json("--yes", "--ocarina", str(old), "--runner", "client")
    assert (data["exit"], data["error"]["id"]) == (1, "SCH003")


# --- a crontab that fails ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("env", "id"),
    [
        ({"KIT_TEST_CRONTAB_FAILS": "denied"}, "CRN001"),
        ({"KIT_TEST_CRONTAB_FAILS": "read"}, "CRN001"),
        ({"KIT_TEST_CRONTAB_FAILS": "write"}, "SCH004"),
        ({"PATH": "client only"}, "CRN001"),
    ],
)
def test_the_line_is_given_to_whoever_can_install_it(desk: Desk, env: dict[str, str], id: str) -> None:
    desk.kit.crontab = OTHERS
    if "PATH" in env:
        env = {"PATH": str(desk.client.parent)}
    ran = desk.schedule("--yes", env=env)
    assert ran.code == 1
    assert f"[{id}]" in ran.err
    lines = [
        line for line in ran.out.splitlines() if line.endswith("# ocarina-kit") and not line.startswith("+")
    ]
    assert len(lines) == 1
    assert desk.kit.crontab == OTHERS
    data = desk.json("--yes", env=env)
    assert data["error"]["id"] == id
    assert data["line"] == lines[0]
    assert "result=scheduled" not in "".join(desk.logged)


def test_another_program_that_writes_at_the_same_time(desk: Desk) -> None:
    theirs = desk.kit.home / "theirs"
    theirs.write_text("# theirs\n")
    desk.kit.crontab = OTHERS
    data = desk.json("--yes", env={"KIT_TEST_CRONTAB_CHANGES": str(theirs)})
    assert (data["exit"], data["error"]["id"], data["changed"]) == (1, "SCH008", False)
    (kept,) = (desk.kit.state / "backups").glob("crontab-????????.*")
    assert data["error"]["remedy"]["commands"][-1] == f"crontab {kept}"


def test_a_crontab_that_cannot_be_shown_exactly_is_left(desk: Desk) -> None:
    desk.kit.crontab = "* * * * * tr -d '\\r'\n"
    data = desk.json("--yes")
    assert (data["exit"], data["error"]["id"]) == (1, "SCH002")
    assert desk.kit.crontab == "* * * * * tr -d '\\r'\n"


def test_ten_thousand_lines_within_two_seconds(desk: Desk) -> None:
    lines = f"*/5 * * * * /opt/job --with 'ocarina' # oauth refresh\n# {desk.guide}MAILTO=x\n0 3 * * * true\n"
    desk.kit.crontab = lines * 2499 + desk.guide
    before = _spent_by_children()
    assert desk.schedule("--yes").code == 0
    took = _spent_by_children() - before
    assert desk.kit.crontab.startswith(lines * 2499)
    assert desk.job.marked
    assert took < 2


def _spent_by_children() -> float:
    """CPU seconds of all processes that have ended: what a run costs, however crowded the machine is."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime
