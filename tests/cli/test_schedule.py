"""``ocarina-kit schedule`` as a process: what it makes of a crontab, what it refuses, and what it says."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import LOOKUP, Lab
from tests.conftest import TESTS, Kit, Ran
from tests.terminal import Screen

from ocarina_kit.config.place import Place, Setup
from ocarina_kit.sandbox import install_impostor, install_standin
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.process import run
from ocarina_kit.tokens import log

SCOPE = "majora2.view_biosampleartifact"
OTHERS = "# MAILTO=root\nMAILTO = me@example.org \n*/5\t* * * *  /opt/backup % a \\% b\n0 5 1-31 * 1 x\n"
CONFIG = {
    "MAJORA_DOMAIN": "https://majora.test/",
    "MAJORA_USER": "tester",
    "MAJORA_TOKEN": "OAUTH",
    "CLIENT_ID": "i1" * 20,
    "CLIENT_SECRET": "s3cr3tX" * 18 + "xx",
}
MEMBERS = {"line", "host", "next_runs", "last_success", "valid_until", "problem"}


class Desk:
    """A person with a set-up, a client on PATH and a crontab."""

    def __init__(self, kit: Kit, client: Path) -> None:
        self.kit, self.client = kit, client
        self.guide = f"0 0,6,12,18 * * * {client} oauth refresh\n"
        kit.extra["PATH"] = f"{client.parent}:{kit.env['PATH']}"
        kit.write_config(CONFIG)
        kit.secrets.add(CONFIG["CLIENT_SECRET"])

    def schedule(self, *args: str, **how: Any) -> Ran:
        return self.kit.run("schedule", *args, **how)

    def json(self, *args: str, **how: Any) -> dict[str, Any]:
        data = self.schedule(*args, "--json", **how).json
        assert data.keys() - {"schema", "command", "ok", "exit", "error"} <= MEMBERS
        return data

    @property
    def lines(self) -> list[str]:
        return [
            line for line in (self.kit.crontab or "").splitlines() if "ocarina" in line and line[0] != "#"
        ]

    @property
    def logged(self) -> list[str]:
        path = self.kit.state / "refresh.log"
        return [json.loads(line)["result"] for line in path.read_text().splitlines()] if path.exists() else []

    def token(self, left: float = 30000.0, **changes: Any) -> None:
        """A token that is valid for ``left`` seconds."""
        entry = {"access_token": "acc-1234567890", "refresh_token": "ref-1234567890", "expires_in": 36000,
                 "token_type": "Bearer", "scope": [SCOPE], "expires_at": time.time() + left, **changes}  # fmt: skip
        self.kit.secrets |= {"acc-1234567890", "ref-1234567890"}
        self.kit.write_tokens({SCOPE: entry})


@pytest.fixture
def desk(kit: Kit, client: Path) -> Iterator[Desk]:
    yield Desk(kit, client)
    assert b"CLIENT_SECRET" not in kit.crontab_file.read_bytes() if kit.crontab_file.exists() else True


# --- installing -----------------------------------------------------------------------------------------------


def test_one_line_is_added_and_all_else_stays(desk: Desk) -> None:
    desk.kit.crontab = OTHERS
    ran = desk.schedule("--dry-run")
    assert (ran.code, desk.kit.crontab, desk.kit.state.exists()) == (0, OTHERS, False)
    assert "Nothing was changed." in ran.out
    ran = desk.schedule("--yes")
    assert ran.code == 0, ran
    (line,) = desk.lines
    assert line.endswith(f" refresh --cron || {desk.client} -q oauth refresh # ocarina-kit")
    assert desk.kit.crontab == f"{OTHERS}{line}\n"
    # Says what it chose and why, shows the line, and nobody else's.
    assert f"{desk.client} (ocarina 1.0.0). Found in: PATH." in ran.out
    assert f"+{line}\n" in ran.out
    assert "/opt/backup" not in ran.all
    assert desk.logged == ["scheduled"]
    (backup,) = (desk.kit.state / "backups").iterdir()
    assert (backup.read_text(), stat.S_IMODE(backup.stat().st_mode)) == (OTHERS, 0o600)
    (desk.kit.state / "refresh.log").unlink()
    data = desk.json()
    assert data.keys() == {"schema", "command", "ok", "exit", *MEMBERS}
    assert (data["line"], len(data["next_runs"]), data["problem"]) == (line, 3, None)
    assert "has this line already" in desk.schedule().out
    assert (desk.kit.crontab, desk.logged) == (f"{OTHERS}{line}\n", ["scheduled"])


def test_without_a_terminal_it_must_be_agreed_beforehand(desk: Desk) -> None:
    data = desk.json()
    assert (data["exit"], data["error"]["remedy"]["commands"]) == (2, ["ocarina-kit schedule --yes"])
    assert desk.kit.crontab is None


@pytest.mark.parametrize("args", [("--runner", "client"), ("--cron", "7  */2 * * *")])
def test_what_was_asked_for(desk: Desk, args: tuple[str, str]) -> None:
    desk.kit.crontab = f"# a\n{desk.guide}# b\n{desk.guide}"
    assert desk.schedule("--yes", *args).code == 0
    (line,) = desk.lines
    assert desk.kit.crontab == f"# a\n{line}\n# b\n"
    assert line.startswith("7 */2 * * * " if args[0] == "--cron" else "")
    assert line.count("||") == (args[0] != "--runner")
    # A person's own times are kept; the client alone is not, unless it is asked for again.
    assert desk.schedule("--yes").code == 0
    assert desk.lines[0].split()[:5] == line.split()[:5]


def test_environment_and_profile_are_carried(desk: Desk) -> None:
    config = desk.kit.home / "my configs" / "100% mine.json"
    config.parent.mkdir()
    config.write_text(json.dumps({"default": CONFIG, "profile": {"test": {"MAJORA_USER": "other"}}}))
    config.chmod(0o600)
    env = {
        "OCARINA_CONF_FILE": str(config),
        "HTTPS_PROXY": "http://proxy.test:3128",
        "HTTP_PROXY": "http://u:pa55word@proxy.test:3128",
        "REQUESTS_CA_BUNDLE": "ca.pem",
    }
    desk.kit.secrets.add("pa55word")
    ran = desk.schedule("--yes", "--profile", "test", env=env)
    assert ran.code == 0, ran
    assert "HTTP_PROXY may hold a password" in " ".join(ran.err.split())
    (line,) = desk.lines
    assert line.endswith(" --profile test oauth refresh # ocarina-kit test")
    assert f"export REQUESTS_CA_BUNDLE={desk.kit.home}/ca.pem; " in line
    assert "export HTTPS_PROXY=http://proxy.test:3128; " in line
    # Another set-up's entry is left, and listed.
    assert "refreshes another set-up's tokens" in desk.schedule("--yes").out
    assert (len(desk.lines), desk.lines[0]) == (2, line)


def test_a_commented_out_line_is_used_again_only_by_consent(desk: Desk) -> None:
    desk.kit.crontab = f"# {desk.guide}"
    assert desk.schedule().code == 2
    assert desk.kit.crontab == f"# {desk.guide}"
    with Screen.of(desk.kit, "schedule") as screen:
        screen.expect("commented out. Use it again? [Y/n]")
        screen.line()
        assert screen.wait() == 0
    assert desk.kit.crontab == f"{desk.lines[0]}\n"


def test_a_line_with_other_work_is_left_for_a_person(desk: Desk) -> None:
    desk.kit.crontab = mixed = f"0 * * * * /opt/backup && {desk.client} oauth refresh\n"
    for args in (("--yes",), ("--remove", "--yes"), ("--test",)):
        data = desk.json(*args)
        assert (data["exit"], data["error"]["id"]) == (1, "SCH001")
    assert desk.kit.crontab == mixed


# --- a second host --------------------------------------------------------------------------------------------


def test_none_is_added_on_a_second_host_unasked(desk: Desk) -> None:
    here = Machine(desk.kit.env, desk.kit.home, "u", "node2", run, now=lambda: time.time() - 3600)
    setup = Setup(Place(desk.kit.config), CONFIG["MAJORA_DOMAIN"], "tester", desk.kit.tokens)
    log.append(here, [log.line(here, setup, "refresh", "refreshed", SCOPE)])
    ran = desk.schedule()
    assert (ran.code, desk.kit.crontab) == (2, None)
    assert "node2 refreshed these tokens" in ran.err
    with Screen.of(desk.kit, "schedule", columns=40) as screen:
        screen.expect("too? [y/N]")
        screen.line()
        screen.expect("Nothing was changed.")
        assert screen.wait() == 0
    assert desk.kit.crontab is None
    assert desk.schedule("--yes").code == 0
    assert desk.lines


# --- at a terminal --------------------------------------------------------------------------------------------


def test_it_asks_and_shows_the_line_complete(desk: Desk) -> None:
    with Screen.of(desk.kit, "schedule", columns=40) as screen:
        screen.expect("? [Y/n]")
        screen.line()
        screen.expect("scheduled")
        assert screen.wait() == 0
        assert f"+{desk.lines[0]}\n" in screen.text


# --- what cannot be -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "id", "words"),
    [
        (["--every", "12h"], "CRN005", "A token is valid for 10 h"),
        (["--cron", "0 9,18 * * *"], "CRN005", "between 18:00 and 09:00 the next day"),
        (["--cron", "61 * * * *"], "CRN005", "minute"),
        (["--every", "3h", "--cron", "1 * * * *"], "USE001", "exclude"),
        (["--every", "soon"], "USE001", "3h"),
        (["--show", "--remove"], "USE001", "exclude"),
        (["--show", "--every", "3h"], "USE001", "--every"),
        (["--print", "--yes"], "USE001", "--yes"),
        (["--env"], "USE001", "environment"),
    ],
)
def test_wrong_usage(desk: Desk, args: list[str], id: str, words: str) -> None:
    data = desk.json(*args)
    assert (data["exit"], data["error"]["id"]) == (2, id), data
    assert words in json.dumps(data["error"], ensure_ascii=False)
    assert desk.kit.crontab is None


def test_nothing_to_schedule_or_no_client(desk: Desk) -> None:
    desk.kit.extra["PATH"] = f"{TESTS / 'programs'}:/usr/bin:/bin"
    assert desk.json("--yes", "--runner", "client")["error"]["id"] == "ENV001"
    ran = desk.schedule("--yes")
    assert ran.code == 0
    assert "runs ocarina-kit alone" in " ".join(ran.err.split())
    assert desk.lines[0].endswith(" refresh --cron # ocarina-kit")
    desk.kit.write_config({**CONFIG, "MAJORA_TOKEN": "0123456789abcdef0123"})
    desk.kit.secrets.add("0123456789abcdef0123")
    assert desk.json("--yes")["error"]["id"] == "CFG008"


def test_a_named_client_is_taken_or_refused(desk: Desk, tmp_path: Path) -> None:
    good = install_standin(tmp_path / "müller's env")
    old = install_standin(tmp_path / "old", version="0.36.1")
    assert desk.json("--yes", "--ocarina", str(good))["exit"] == 0
    before = desk.kit.crontab
    for path, id in ((tmp_path / "nowhere", "ENV001"), (install_impostor(tmp_path / "b"), "ENV002")):
        assert desk.json("--yes", "--ocarina", str(path))["error"]["id"] == id
    assert desk.kit.crontab == before
    desk.kit.write_config({**CONFIG, "MAJORA_TOKENS_FILE": "~/elsewhere"})
    assert desk.json("--yes", "--ocarina", str(old), "--runner", "client")["error"]["id"] == "SCH003"
    good.parent.chmod(0o777)
    assert "The client is not safe" in desk.schedule("--dry-run", "--ocarina", str(good)).err


@pytest.mark.parametrize(
    ("env", "id"),
    [
        ({"KIT_TEST_CRONTAB_FAILS": "denied"}, "CRN001"),
        ({"KIT_TEST_CRONTAB_FAILS": "write"}, "SCH004"),
        ({"PATH": "client only"}, "CRN001"),
    ],
)
def test_the_line_is_given_to_whoever_can_install_it(desk: Desk, env: dict[str, str], id: str) -> None:
    desk.kit.crontab = OTHERS
    env = {"PATH": str(desk.client.parent)} if "PATH" in env else env
    ran = desk.schedule("--yes", "--json", env=env)
    data = ran.json
    assert (data["exit"], data["error"]["id"], data["problem"]["id"]) == (1, id, id)
    assert data["line"] in ran.err.splitlines()
    assert (desk.kit.crontab, desk.logged) == (OTHERS, [])


# --- print, remove --------------------------------------------------------------------------------------------


def test_print_gives_the_line_alone_in_its_very_bytes(desk: Desk, tmp_path: Path) -> None:
    """Also with a path that is no UTF-8 and a blank that no terminal shows."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9 100%\xc2\xa0x"))
    folder.mkdir()
    wrapper = folder / "ocarina"
    wrapper.write_text(f'#!/bin/sh\nexec {desk.client} "$@"\n')
    wrapper.chmod(0o755)
    command = desk.kit.command("schedule", "--print", "--ocarina", str(wrapper))
    env = {**desk.kit.env, "PATH": str(desk.client.parent)}  # no crontab command is needed
    done = subprocess.run(command, env=env, cwd=desk.kit.home, capture_output=True, check=True)
    assert (desk.kit.crontab, desk.kit.state.exists()) == (None, False)
    assert b"/caf\xe9 100\\%\xc2\xa0x/ocarina' -q oauth refresh" in done.stdout
    assert desk.schedule("--yes", "--ocarina", str(wrapper)).code == 0
    assert done.stdout == desk.kit.crontab_file.read_bytes()


def test_remove(desk: Desk) -> None:
    desk.kit.crontab = OTHERS
    desk.schedule("--yes")
    assert [desk.schedule("--remove").code, desk.schedule("--remove", "--dry-run").code] == [2, 0]
    assert desk.lines
    desk.kit.config.unlink()  # the line names its configuration
    ran = desk.schedule("--remove", "--yes", env={"PATH": f"{TESTS / 'programs'}:/usr/bin:/bin"})
    assert (ran.code, desk.kit.crontab) == (0, OTHERS), ran
    assert desk.logged[-1] == "unscheduled"
    assert "has no entry" in desk.schedule("--remove", "--yes").out


# --- show, test -----------------------------------------------------------------------------------------------


def test_show_of_a_good_line(desk: Desk) -> None:
    desk.token()
    desk.schedule("--yes", "--cron", "7 */3 * * *")
    ran = desk.schedule("--show")
    assert ran.code == 0, ran
    first, line, *_ = ran.out.splitlines()
    assert first.startswith("Every 3 hours at :07 on ")
    assert line == f"  {desk.lines[0]}"
    assert "\nNext runs      " in ran.out
    assert "with no further run\n" in ran.out
    assert ran.out.count("^") in (7, 8)
    assert f"  tokens    {'=' * 48}\n" in ran.out


@pytest.mark.parametrize(
    ("crontab", "id"),
    [
        ("", "CRN002"),
        ("7 */3 * * * /gone/bin/ocarina-kit refresh --cron # ocarina-kit\n", "CRN004"),
        ("7 0 * * * {client} oauth refresh\n", "CRN005"),
    ],
)
def test_show_promises_nothing_that_a_check_denies(desk: Desk, crontab: str, id: str) -> None:
    desk.token()
    desk.kit.crontab = OTHERS + crontab.format(client=desk.client)
    ran = desk.schedule("--show")
    assert (ran.code, f"[{id}]" in ran.err) == (1, True), ran
    assert not crontab or "!" in ran.out
    assert str(desk.kit.home) not in ran.err, "it is ~/.ocarina"
    assert desk.json("--show")["problem"]["id"] == id


def test_the_line_is_tried_as_cron_runs_it(lab: Lab) -> None:
    lab.give(LOOKUP)
    assert lab.kit.run("schedule", "--yes").code == 0
    ran = lab.kit.run("schedule", "--test")
    assert ran.code == 0, ran
    assert "refreshed  look up samples and runs: valid for 9 h" in ran.out
    assert "ocarina-kit refreshed 1 token: valid until" in ran.out
    lab.majora.revoke(lab.kit.read_tokens()[LOOKUP])
    ran = lab.kit.run("schedule", "--test", "--json")
    assert (ran.code, ran.json["problem"]["id"], "RFR001" in ran.err) == (4, "CRN008", True), ran
