"""``doctor`` as a person and a script meet it, offline.

What it says, its options, and --fix.
"""

import socket
from pathlib import Path

import pytest
from tests.config.test_checks import DOMAIN, GOOD, SECRET
from tests.conftest import Kit, mode_of
from tests.terminal import CTRL_C, Screen

ONLY = ("doctor", "--offline", "--only", "CFG")


@pytest.fixture
def broken(kit: Kit) -> Kit:
    """A configuration without its last slash, readable by others."""
    kit.secrets.add(SECRET)
    kit.write_config({**GOOD, "MAJORA_DOMAIN": DOMAIN[:-1]}, mode=0o644)
    return kit


def test_a_problem_is_shown_with_its_place_and_the_last_line_is_the_next_step(
    broken: Kit,
) -> None:
    ran = broken.run(*ONLY)
    assert ran.code == 1
    assert ran.out == (
        "Configuration\n"
        "  failed   CFG003  Others can read or write ~/.ocarina: its mode is 0644.\n"
        "           Others on this machine can read your client secret, or change"
        " where ocarina sends it.\n"
        "           Fix: ocarina-kit doctor --fix\n"
        "  failed   CFG007  MAJORA_DOMAIN does not end in / (~/.ocarina, line 2,"
        " column 22)\n"
        '             "MAJORA_DOMAIN": "https://majora.lab.test",\n'
        "                                                     ^\n"
        "           ocarina adds the path to it as it is, so every request goes to a"
        " wrong address.\n"
        "           Fix: ocarina-kit doctor --fix\n"
        "\n"
        "12 ok, 2 failed\n"
        "Next step: ocarina-kit doctor --fix   (fixes both)\n"
    )


def test_what_depends_on_a_failure_is_counted_and_what_is_not_selected_is_not(
    kit: Kit,
) -> None:
    assert kit.run(*ONLY).out.splitlines()[-2:] == [
        "1 failed, 13 skipped (they depend on this)",
        "Next step: ocarina-kit init",
    ]
    unseen = kit.run("doctor", "--offline", "--only", "\ntok003,").out
    assert unseen.startswith("1 skipped (it depends on CFG001, not selected)\n")


def test_list_and_explain_run_nothing(kit: Kit) -> None:
    rows = kit.run("doctor", "--list", "--json").json["checks"]
    listed = kit.run("doctor", "--list").out
    assert len(rows) == 48
    assert all(row["id"] in listed and row["title"] in listed for row in rows)
    explained = {
        "env004": "It depends on ENV002, API001 or API002.",
        "[LCK001]": "lock",
        "SCH004": "crontab",
    }
    for id, words in explained.items():
        assert words in kit.run("doctor", "--explain", id).out
    unknown = kit.run("doctor", "--explain", "ABC999")
    assert (unknown.code, "--list" in unknown.err, kit.state.exists()) == (
        2,
        True,
        False,
    )


def test_wrong_usage(kit: Kit) -> None:
    for options in (
        *(
            "--only NOPE",
            "--skip CFG999",
            "--only ",
            "--timeout 0",
            "--timeout nan",
            "--timeout soon",
        ),
        *("--json --report -", "--report .", "--report "),
    ):
        assert kit.run("doctor", *options.split(" ")).code == 2


def test_a_report_goes_to_a_file_or_alone_to_standard_output(broken: Kit) -> None:
    ran = broken.run(*ONLY, "--report", "report.md")
    alone = broken.run(*ONLY, "--report", "-")
    text = (broken.home / "report.md").read_text()
    assert text == alone.out
    assert ("report.md" in ran.out, alone.err) == (True, "")
    row = (
        "| CFG007 | fail | MAJORA_DOMAIN ends in one / | MAJORA_DOMAIN does not end"
        " in / (…, line 2"
    )
    assert row in text


def test_nothing_is_changed_in_a_dry_run_or_without_yes(broken: Kit) -> None:
    before = broken.config.read_bytes()
    asked, dry = broken.run(*ONLY, "--fix"), broken.run(*ONLY, "--fix", "--dry-run")
    assert (asked.code, "add --yes" in asked.err, dry.code) == (2, True, 1)
    assert dry.out.startswith(
        "Changes:\n  CFG003  make ~/.ocarina readable only by you (0600)\n  CFG007  "
    )
    assert '+    "MAJORA_DOMAIN": "https://majora.lab.test/",' in dry.out
    assert (broken.config.read_bytes(), mode_of(broken.config)) == (before, 0o644)
    assert not broken.state.exists()


def test_fix_says_what_it_fixed_once_and_where_the_backups_are(broken: Kit) -> None:
    before = broken.config.read_bytes()
    ran = broken.run(*ONLY, "--fix", "--yes")
    assert ran.code == 0
    assert ran.out.splitlines()[-3:] == [
        "fixed  CFG003  The configuration is readable only by you.",
        "fixed  CFG007  MAJORA_DOMAIN ends in one /.",
        "Everything works: 14 checks. Backups are in"
        " ~/.local/state/ocarina-kit/backups",
    ]
    assert broken.read_config()["MAJORA_DOMAIN"] == "https://majora.lab.test/"
    assert mode_of(broken.config) == 0o600
    assert [path.read_bytes() for path in (broken.state / "backups").iterdir()] == [
        before
    ]
    again = broken.run(*ONLY, "--fix")
    assert (again.code, again.out) == (
        0,
        "There is nothing to fix.\nEverything works: 14 checks.\n",
    )
    assert "  ok       CFG007  " in broken.run(*ONLY, "-v").out


def test_what_is_set_aside_is_said_too(broken: Kit) -> None:
    broken.tokens.write_text("neither JSON nor a _token")
    ran = broken.run("doctor", "--offline", "--only", "TOK", "--fix", "--yes")
    assert "fixed  TOK002  set the damaged tokens file aside\n" in ran.out


def test_what_one_fix_brings_to_light_is_fixed_with_it(kit: Kit) -> None:
    kit.write_config({**GOOD, "MAJORA_DOMAIN": DOMAIN[:-1]})
    kit.config.write_text(kit.config.read_text().replace('"\n}', '",\n}'))
    checks = kit.run(*ONLY, "--fix", "--yes", "--json").json["checks"]
    assert {check["id"] for check in checks if check["fixed"]} == {"CFG002", "CFG007"}
    assert len(list((kit.state / "backups").iterdir())) == 1


def test_a_person_is_asked_and_may_say_no(broken: Kit) -> None:
    answers = (
        ("n\r", "Nothing was changed.", 1),
        (CTRL_C, "Interrupted.", 130),
        ("\r", "fixed  CFG007", 0),
    )
    before = broken.config.read_bytes()
    for keys, said, code in answers:
        assert broken.config.read_bytes() == before
        with Screen.of(broken, *ONLY, "--fix", columns=40) as screen:
            screen.expect("Apply these changes? [Y/n]")
            screen.send(keys)
            screen.expect(said)
            assert screen.wait() == code


def test_below_a_line_that_the_terminal_breaks_there_is_no_caret(broken: Kit) -> None:
    for columns, carets in ((80, 1), (40, 0)):
        with Screen.of(broken, *ONLY, columns=columns) as screen:
            assert screen.wait() == 1
            assert screen.text.count("^") == carets


def test_what_never_answers_is_unknown(kit: Kit, tmp_path: Path) -> None:
    for name in ("ocarina", "crontab"):
        (tmp_path / name).write_text("#!/bin/sh\nexec sleep 300\n")
        (tmp_path / name).chmod(0o755)
    kit.extra["PATH"] = f"{tmp_path}:/usr/bin:/bin"
    kit.write_tokens({})
    with socket.create_server(
        ("127.0.0.1", 0)
    ) as server:  # it takes connections and never says a word
        kit.write_config(
            {**GOOD, "MAJORA_DOMAIN": f"http://127.0.0.1:{server.getsockname()[1]}/"}
        )
        ran = kit.run("doctor", "--timeout", "2", "--json", "--skip", "TOK")
    status = {check["id"]: check["status"] for check in ran.json["checks"]}
    assert (ran.code, status["ENV003"], status["CRN001"], status["CFG009"]) == (
        5,
        "unknown",
        "unknown",
        "ok",
    )
