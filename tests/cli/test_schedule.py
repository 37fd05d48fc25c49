"""``ocarina-kit schedule`` as a process.

What it makes of a crontab, what it refuses, and what it says.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import LOOKUP, Lab
from tests.client.stub import program
from tests.conftest import TESTS, mode_of

from ocarina_kit.cli.schedule_line import run_command, shown
from ocarina_kit.config.location import Setup, SetupLocation
from ocarina_kit.sandbox import install_impostor, install_standin
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.process import run
from ocarina_kit.system.secret import Secret
from ocarina_kit.tokens import log

OTHERS = (
    "# MAILTO=root\nMAILTO = me@example.org \n"
    "*/5\t* * * *  /opt/backup % a \\% b\n0 5 1-31 * 1 x\n"
)
MEMBERS = {"line", "host", "next_runs", "last_success", "valid_until", "problem"}
NO_CLIENT = {"PATH": f"{TESTS / 'programs'}:/usr/bin:/bin"}


def said(lab: Lab, *args: str) -> dict[str, Any]:
    """The JSON document of a run."""
    return lab.kit.run("schedule", *args, "--json").json


def lines(lab: Lab) -> list[str]:
    """The entries in the crontab."""
    return [
        line
        for line in (lab.kit.crontab or "").splitlines()
        if "ocarina" in line and line[0] != "#"
    ]


def logged(lab: Lab) -> list[str]:
    path = lab.kit.state / "refresh.log"
    return (
        [json.loads(line)["result"] for line in path.read_text().splitlines()]
        if path.exists()
        else []
    )


def guide(lab: Lab) -> str:
    """The guide's own line."""
    return f"0 0,6,12,18 * * * {lab.client} oauth refresh\n"


# --- installing


def test_one_line_is_added_and_removed_and_all_else_stays(lab: Lab) -> None:
    lab.kit.crontab = OTHERS
    ran = lab.kit.run("schedule", "--dry-run")
    assert (ran.code, lab.kit.crontab, lab.kit.state.exists()) == (0, OTHERS, False)
    assert "Nothing was changed." in ran.out
    data = said(lab)  # there is no terminal
    assert (data["exit"], data["error"]["remedy"]["commands"]) == (
        2,
        ["ocarina-kit schedule --yes"],
    )
    assert lab.kit.crontab == OTHERS
    ran = lab.kit.run("schedule", "--yes")
    (line,) = lines(lab)
    assert line.endswith(
        f" refresh --cron || {lab.client} -q oauth refresh # ocarina-kit"
    )
    assert lab.kit.crontab == f"{OTHERS}{line}\n"
    # Says what it chose and why, shows the line, and nobody else's.
    for words in (f"{lab.client} (ocarina 1.0.0). Found in: PATH.", f"+{line}\n"):
        assert words in ran.out
    assert (ran.code, "/opt/backup" in ran.all) == (0, False)
    assert logged(lab) == ["scheduled"]
    (backup,) = (lab.kit.state / "backups").iterdir()
    assert (backup.read_text(), mode_of(backup)) == (OTHERS, 0o600)
    (lab.kit.state / "refresh.log").unlink()
    data = said(lab)
    assert data.keys() == {"schema", "command", "ok", "exit", *MEMBERS}
    assert (data["line"], len(data["next_runs"]), data["problem"]) == (line, 3, None)
    assert "has this line already" in lab.kit.run("schedule").out
    assert (lab.kit.crontab, logged(lab)) == (f"{OTHERS}{line}\n", ["scheduled"])
    for args, code in (((), 2), (("--dry-run",), 0)):
        assert (lab.kit.run("schedule", "--remove", *args).code, lines(lab)) == (
            code,
            [line],
        )
    lab.kit.config.unlink()  # the line names its configuration
    ran = lab.kit.run("schedule", "--remove", "--yes", env=NO_CLIENT)
    assert (ran.code, lab.kit.crontab, logged(lab)[-1]) == (0, OTHERS, "unscheduled"), (
        ran
    )
    assert "has no entry" in lab.kit.run("schedule", "--remove", "--yes").out


@pytest.mark.parametrize("args", [("--runner", "client"), ("--cron", "7  */2 * * *")])
def test_what_was_asked_for(lab: Lab, args: tuple[str, str]) -> None:
    lab.kit.crontab = f"# a\n{guide(lab)}# b\n{guide(lab)}"
    assert lab.kit.run("schedule", "--yes", *args).code == 0
    (line,) = lines(lab)
    assert lab.kit.crontab == f"# a\n{line}\n# b\n"
    assert line.startswith("7 */2 * * * " if args[0] == "--cron" else "")
    assert line.count("||") == (args[0] != "--runner")
    # A person's own times are kept; the client alone is not, unless it is asked for
    # again.
    assert lab.kit.run("schedule", "--yes").code == 0
    assert lines(lab)[0].split()[:5] == line.split()[:5]


def test_environment_and_profile_are_carried(lab: Lab) -> None:
    config = lab.kit.home / "100% mine.json"
    config.write_text(
        json.dumps(
            {"default": lab.config, "profile": {"test": {"MAJORA_USER": "other"}}}
        )
    )
    config.chmod(0o600)
    env = {
        "OCARINA_CONF_FILE": str(config),
        "HTTPS_PROXY": "http://proxy.test:3128",
        "HTTP_PROXY": "http://u:pa55word@proxy.test:3128",
        "REQUESTS_CA_BUNDLE": "ca.pem",
    }
    lab.kit.secrets.add("pa55word")
    ran = lab.kit.run("schedule", "--yes", "--profile", "test", env=env)
    assert (ran.code, "HTTP_PROXY may hold a password" in ran.err) == (0, True), ran
    (line,) = lines(lab)
    assert line.endswith(" --profile test oauth refresh # ocarina-kit test")
    assert f"export REQUESTS_CA_BUNDLE={lab.kit.home}/ca.pem; " in line
    assert "export HTTPS_PROXY=http://proxy.test:3128; " in line
    # Another set-up's entry is left, and listed.
    assert "refreshes another set-up's tokens" in lab.kit.run("schedule", "--yes").out
    assert (len(lines(lab)), lines(lab)[0]) == (2, line)


def test_a_commented_out_line_is_used_again_only_by_consent(lab: Lab) -> None:
    lab.kit.crontab = f"# {guide(lab)}"
    assert lab.kit.run("schedule").code == 2
    assert lab.kit.crontab == f"# {guide(lab)}"
    text = lab.talk(
        "schedule",
        "commented out. It is used",
        ("? [Y/n]", ""),
        "scheduled",
        columns=40,
    )
    assert f"+{lines(lab)[0]}\n" in text  # complete, however narrow
    assert lab.kit.crontab == f"{lines(lab)[0]}\n"


def test_a_line_that_cannot_be_judged_is_named_and_left(lab: Lab) -> None:
    unclear = f"0 */3 * * * if true; then {lab.client} oauth refresh; fi\n"
    lab.kit.crontab = unclear
    status = {
        check["id"]: (check["status"], check["detail"])
        for check in lab.kit.run("doctor", "--only", "CRN", "--json").json["checks"]
    }
    assert status["CRN002"][0] == "warn"
    assert "line 1" in status["CRN002"][1]
    assert lab.kit.run("schedule").code == 2
    lab.talk(
        "schedule",
        "in a form that is not understood",
        ("? [y/N]", ""),
        "Nothing was changed",
    )
    assert lab.kit.crontab == unclear
    assert lab.kit.run("schedule", "--yes").code == 0
    assert (lab.kit.crontab or "").startswith(unclear)
    assert len(lines(lab)) == 2


def test_a_line_with_other_work_is_left_for_a_person(lab: Lab) -> None:
    lab.kit.crontab = mixed = f"0 * * * * /opt/backup && {lab.client} oauth refresh\n"
    for args in (("--yes",), ("--remove", "--yes"), ("--test",)):
        assert said(lab, *args)["error"]["id"] == "SCH001"
    assert lab.kit.crontab == mixed
    # Beside a good one a person must take it out, too.
    lab.kit.crontab = f"{lab.kit.run('schedule', '--print').out}{mixed}"
    assert "Line 2 does other work too" in lab.kit.run("schedule").err
    checks = {
        check["id"]: check
        for check in lab.kit.run("doctor", "--only", "CRN", "--json").json["checks"]
    }
    assert checks["CRN003"]["remedy"]["commands"] == ["crontab -e"]


def test_none_is_added_on_a_second_host_unasked(lab: Lab) -> None:
    here = Machine(
        lab.kit.env, lab.kit.home, "u", "node2", run, now=lambda: time.time() - 3600
    )
    setup = Setup(
        SetupLocation(lab.kit.config), lab.majora.url, "tester", lab.kit.tokens
    )
    log.append(here, [log.make_line(here, setup, "cron", "refreshed", LOOKUP)])
    lab.talk(
        "schedule",
        "node2 refreshed the tokens",
        ("? [y/N]", ""),
        "Nothing was changed.",
    )
    assert lab.kit.crontab is None
    ran = lab.kit.run("schedule", "--show")
    assert (
        ran.code,
        "There is no entry on " in ran.out,
        "but node2 refreshed" in ran.out,
    ) == (0, True, True)
    assert lab.kit.run("schedule", "--yes").code == 0
    assert lines(lab)


# --- what cannot be


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
def test_wrong_usage(lab: Lab, args: list[str], id: str, words: str) -> None:
    data = said(lab, *args)
    assert (data["exit"], data["error"]["id"]) == (2, id), data
    assert words in json.dumps(data["error"], ensure_ascii=False)
    assert lab.kit.crontab is None


def test_nothing_to_schedule_or_no_client(lab: Lab) -> None:
    lab.kit.extra |= NO_CLIENT
    assert said(lab, "--yes", "--runner", "client")["error"]["id"] == "ENV001"
    ran = lab.kit.run("schedule", "--yes")
    assert (ran.code, "runs ocarina-kit alone" in ran.err) == (0, True)
    assert lines(lab)[0].endswith(" refresh --cron # ocarina-kit")
    lab.kit.write_config({**lab.config, "MAJORA_TOKEN": "0123456789abcdef0123"})
    lab.kit.secrets.add("0123456789abcdef0123")
    assert said(lab, "--yes")["error"]["id"] == "CFG008"
    lab.kit.crontab = ""
    assert lab.kit.run("schedule", "--show").out == "Not needed with an API key.\n"


def test_a_named_client_is_taken_or_refused(lab: Lab, tmp_path: Path) -> None:
    good = install_standin(tmp_path / "müller's env")
    old = install_standin(tmp_path / "old", version="0.36.1")
    assert said(lab, "--yes", "--ocarina", str(good))["exit"] == 0
    before = lab.kit.crontab
    for path, id in (
        (tmp_path / "nowhere", "ENV001"),
        (install_impostor(tmp_path / "b"), "ENV002"),
    ):
        assert said(lab, "--yes", "--ocarina", str(path))["error"]["id"] == id
    assert lab.kit.crontab == before
    lab.kit.write_config({**lab.config, "MAJORA_TOKENS_FILE": "~/elsewhere"})
    assert (
        said(lab, "--yes", "--ocarina", str(old), "--runner", "client")["error"]["id"]
        == "SCH003"
    )
    good.parent.chmod(0o777)
    ran = lab.kit.run("schedule", "--dry-run", "--ocarina", str(good))
    assert "is not safe: other users can replace" in ran.err


def test_the_line_is_given_to_whoever_can_install_it(lab: Lab) -> None:
    lab.kit.crontab = OTHERS
    for name, value, id in (
        ("KIT_TEST_CRONTAB_FAILS", "denied", "CRN001"),
        ("KIT_TEST_CRONTAB_FAILS", "write", "SCH004"),
        ("PATH", str(lab.client.parent), "CRN001"),
    ):
        ran = lab.kit.run("schedule", "--yes", "--json", env={name: value})
        assert (ran.code, ran.json["error"]["id"], ran.json["problem"]["id"]) == (
            1,
            id,
            id,
        )
        assert ran.json["line"] in ran.err.splitlines()
        assert (lab.kit.crontab, logged(lab)) == (OTHERS, [])


def test_print_gives_the_line_alone_in_its_very_bytes(lab: Lab, tmp_path: Path) -> None:
    """Also with a path that is no UTF-8 and a blank that no terminal shows."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9 100%\xc2\xa0x"))
    wrapper = program(folder / "ocarina", f'#!/bin/sh\nexec {lab.client} "$@"\n')
    command = lab.kit.command("schedule", "--print", "--ocarina", str(wrapper))
    env = {
        **lab.kit.env,
        "PATH": str(lab.client.parent),
    }  # no crontab command is needed
    done = subprocess.run(
        command, env=env, cwd=lab.kit.home, capture_output=True, check=True
    )
    assert (lab.kit.crontab, lab.kit.state.exists()) == (None, False)
    assert b"/caf\xe9 100\\%\xc2\xa0x/ocarina' -q oauth refresh" in done.stdout
    assert lab.kit.run("schedule", "--yes", "--ocarina", str(wrapper)).code == 0
    assert done.stdout == lab.kit.crontab_file.read_bytes()


# --- show, test


def test_show_promises_nothing_that_a_check_denies(lab: Lab, client: Path) -> None:
    lab.give(LOOKUP)
    for crontab, id in (
        ("", "CRN002"),
        ("7 */3 * * * /gone/bin/ocarina-kit refresh --cron # ocarina-kit\n", "CRN004"),
        (f"7 0 * * * {client} oauth refresh\n", "CRN005"),
    ):
        lab.kit.crontab = OTHERS + crontab
        ran = lab.kit.run("schedule", "--show")
        assert (ran.code, f"[{id}]" in ran.err) == (1, True), ran
        assert not crontab or "!" in ran.out
    assert said(lab, "--show")["problem"]["id"] == id
    lab.kit.run("schedule", "--yes", "--cron", "7 */3 * * *")
    ran = lab.kit.run("schedule", "--show")
    assert (ran.code, ran.out.count("^") in (7, 8)) == (0, True)
    for words in (
        "Every 3 hours at :07 on ",
        f"\n  {lines(lab)[0]}\n",
        "\nNext runs      ",
        "no further run\n",
    ):
        assert words in ran.out
    assert f"tokens    {'=' * 48}\n" in ran.out
    # The hours above the strip are of the same zone as the times.
    hours = {
        time.strftime("%H:", time.gmtime(now + 9 * 3600))
        for now in (time.time(), time.time() - 60)
    }
    ran = lab.kit.run("schedule", "--show", env={"TZ": "XST-9"})
    assert any(f"\n{'':12}{hour}" in ran.out for hour in hours), ran


# Bytes of no encoding, a lone surrogate, odd paths, numbers without end.
ODD = [
    b"0 */3 * * * /opt/\xff/ocarina oauth refresh\n",
    b"0 */3 * * * \xed\xa0\x80 ocarina oauth refresh\n",
    b"0 */3 \xff * * /opt/ocarina oauth refresh\n",
    b"SHELL=/bin/\xff\nPATH=\xff\nHOME=/\xff\n0 */3 * * * ocarina-kit refresh\n",
    b"0 */3 * * * OCARINA_CONF_FILE=/\xff ocarina-kit refresh --\xff # ocarina-kit\n",
    b"0 */3 * * * ocarina-kit refresh --cron --profile \xff # ocarina-kit \xff\n",
    b"#0 */3 * * * \xff; ocarina-kit refresh --cron # ocarina-kit\n",
    b"0 */3 * * * . /\xff; \xff && ocarina oauth refresh \xff%\xff\n",
    b"0 */3 * * * ~\xff/ocarina oauth refresh > '\xff\n",
    b"9" * 9000 + b" * * * * ocarina oauth refresh\n",
    b"0 */3 * * * ocarina oauth refresh" + b" 'a" * 20_000 + b"\n",
    b"0 */3 * * * /\0/ocarina oauth refresh\n",
    b"0 */3 * * * ocarina oauth refresh \x1b[31m\r\n",
]


@pytest.mark.parametrize("content", ODD)
def test_no_crontab_is_a_bug_of_ours(lab: Lab, content: bytes) -> None:
    lab.give(LOOKUP)
    lab.kit.crontab_file.write_bytes(content)
    for args in (
        ("schedule", "--show"),
        ("schedule", "--show", "--json"),
        ("schedule", "--dry-run"),
        ("schedule", "--remove", "--dry-run"),
        ("doctor", "--only", "CRN", "--fix", "--dry-run"),
    ):
        ran = lab.kit.run(*args)
        assert ran.code in (0, 1, 5), (args, ran)
    assert lab.kit.crontab_file.read_bytes() == content


@pytest.mark.parametrize(
    "name",
    "PATH HTTPS_PROXY NO_PROXY REQUESTS_CA_BUNDLE XDG_STATE_HOME OCARINA_CONF_FILE"
    " LOGNAME USER TZ CONDA_EXE CONDA_PREFIX".split(),
)
def test_no_variable_is_a_bug_of_ours(lab: Lab, name: str) -> None:
    lab.give(LOOKUP)
    for value in ("\udcff", "/\udcff\n:\x1b[m%", "x" * 100_000):
        kept = f"{os.environ['PATH']}:" if name == "PATH" else ""
        for args in (("--show",), ("--print",), ("--dry-run", "--json")):
            ran = lab.kit.run("schedule", *args, env={name: kept + value})
            assert ran.code in (0, 1, 2, 5), (args, value[:20], ran)


def test_the_line_is_tried_as_cron_runs_it(lab: Lab) -> None:
    lab.give(LOOKUP)
    assert lab.kit.run("schedule", "--yes").code == 0
    ran = lab.kit.run("schedule", "--test")
    assert (
        ran.code,
        "refreshed  look up samples and runs: valid for 9 h" in ran.out,
    ) == (0, True), ran
    assert "ocarina-kit refreshed 1 token: valid until" in ran.out
    # A secret in the line, or a new token in what it writes, is masked.
    good, also = lab.kit.crontab, "grep -oE '[A-Za-z0-9]{20,}' ~/.ocarina-tokens"
    lab.kit.crontab = (
        f"0 */3 * * * S={lab.app.client_secret} {lab.client} oauth refresh; {also}\n"
    )
    ran = lab.kit.run("schedule", "--test")
    assert (ran.code, lab.kit.read_tokens()[LOOKUP]["access_token"] in ran.all) == (
        0,
        False,
    )
    for args in (("--show", "--json"), ("--dry-run",), ("--remove", "--dry-run")):
        assert "S=****" in lab.kit.run("schedule", *args).all
    # So is whatever variable the kit would not write.
    lab.kit.crontab = (
        f"DB_PW=s3cr3t\n0 */3 * * * KEY='s3 cr3t' X=$(echo s3cr3t) {lab.client}"
        " oauth refresh\n"
    )
    for args in (("--show",), ("--show", "--json"), ("--dry-run",)):
        ran = lab.kit.run("schedule", *args)
        assert ("s3cr3t" in ran.all, "KEY=**** X=****" in ran.all) == (False, True)
    lab.kit.crontab = good
    lab.majora.revoke(lab.kit.read_tokens()[LOOKUP])
    ran = lab.kit.run("schedule", "--test", "--json")
    assert (ran.code, ran.json["problem"]["id"], "RFR001" in ran.err) == (
        4,
        "CRN008",
        True,
    ), ran
    assert ran.json["error"]["remedy"]["commands"] == ["ocarina-kit login --for lookup"]


def test_in_crons_bare_environment_and_nothing_secret_is_shown(tmp_path: Path) -> None:
    machine = Machine(
        {"PATH": "/usr/bin:/bin", "SECRET": "s"}, tmp_path, "tester", "node1", run
    )
    said = shown(
        run_command(machine, "env | sort; pwd; tty", {"MAILTO": "me", "LOGNAME": "no"})
    )
    seen = [
        line
        for line in said.splitlines()
        if not line.startswith(("_=", "SHLVL=", "OLDPWD=", "PWD="))
    ]
    environ = [
        f"HOME={tmp_path}",
        "LOGNAME=tester",
        "MAILTO=me",
        "PATH=/usr/bin:/bin",
        "SHELL=/bin/sh",
    ]
    assert seen == [*environ, str(tmp_path), "not a tty"]
    assert (
        shown(run_command(machine, r"printf '\%s|' a; cat%one%two", {})) == "a|one\ntwo"
    )
    gone = run_command(machine, "true", {"HOME": str(tmp_path / "gone")})
    assert (gone.code, "not a folder" in gone.error) == (None, True)
    assert (
        "/gone/bash does not exist"
        in run_command(machine, "true", {"SHELL": "/gone/bash"}).error
    )
    bad = f"{sys.executable} -c 'raise ValueError(\"no token abcdefghijklmnop\")'"
    said = shown(run_command(machine, bad, {}), [Secret("abcdefghijklmnop")])
    assert said == "ValueError: no token ****  (the end of a Python traceback)"
