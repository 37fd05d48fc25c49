"""``ocarina-kit refresh`` through the command.

What a refresh does with tokens is tested in tests/tokens.
"""

import time

import pytest
from tests.cli.conftest import LOOKUP, UPLOAD, Lab


def test_it_speaks_of_purposes_and_json_has_the_settings_of_the_contract(
    lab: Lab,
) -> None:
    lab.give(LOOKUP, UPLOAD[0])
    lab.has_expired()
    words = (
        "refreshed  look up samples and runs: valid for 10 h\n"
        "refreshed  add samples: valid for 10 h\n"
    )
    assert lab.kit.run("refresh").out == words
    assert lab.state() == lab.state(UPLOAD[0]) == "live"
    ran = lab.kit.run("refresh", "--json", "--for", "lookup")
    assert set(ran.json) == {"schema", "command", "ok", "exit", "tokens"}
    [token] = ran.json["tokens"]
    assert abs(token.pop("expires_at") - time.time() - 36_000) < 60
    assert token == {"scope": LOOKUP, "purposes": ["lookup"], "result": "refreshed"}


@pytest.mark.parametrize(
    ("args", "results"),
    [
        (("--for", "add-samples"), {UPLOAD[0]: "refreshed"}),
        (("--scope", LOOKUP), {LOOKUP: "refreshed"}),
        (("--within", "9h"), {LOOKUP: "fresh", UPLOAD[0]: "refreshed"}),
        (("--dry-run",), {LOOKUP: "due", UPLOAD[0]: "due"}),
        (("--for", "runs"), {UPLOAD[3]: "no-token"}),
    ],
)
def test_which_tokens(lab: Lab, args: tuple[str, ...], results: dict[str, str]) -> None:
    lab.give(LOOKUP, UPLOAD[0])
    tokens = lab.kit.read_tokens()
    tokens[UPLOAD[0]]["expires_at"] -= 7200
    lab.kit.write_tokens(tokens)
    ran = lab.kit.run("refresh", "--json", *args)
    assert {token["scope"]: token["result"] for token in ran.json["tokens"]} == results
    assert ran.code == (4 if "no-token" in results.values() else 0)
    if "--dry-run" in args:
        assert lab.kit.read_tokens() == tokens
        assert not lab.kit.state.exists()


def test_one_that_fails_stops_no_other_and_the_worst_decides(lab: Lab) -> None:
    tokens = lab.give(LOOKUP, *UPLOAD)
    lab.majora.revoke(tokens[UPLOAD[0]])
    lab.majora.revoke(tokens[UPLOAD[3]])
    lab.majora.fault("html", token=tokens[UPLOAD[1]]["refresh_token"], status=200)
    ran = lab.kit.run("refresh")
    assert (ran.code, ran.out.count("refreshed  "), "[RFR004]" in ran.err) == (
        4,
        2,
        True,
    ), ran
    assert "(tokens to add samples and add sequencing runs). [RFR001]" in ran.err
    assert "ocarina-kit login --for add-samples --for runs" in ran.err
    lab.has_expired()
    ran = lab.kit.run("status")
    assert (ran.code, ran.out.count("cannot be refreshed")) == (4, 2), (
        "refresh.log knows what was refused"
    )


# --- for the crontab


def test_cron_says_a_problem_once_a_day_and_ends_with_0(lab: Lab) -> None:
    first = lab.kit.run("refresh", "--cron")
    assert (first.code, first.out) == (0, "")
    assert first.err.startswith("ocarina-kit: There is no token yet.")
    assert first.err.endswith("Try: ocarina-kit login [TOK001]\n")
    assert lab.kit.run("refresh", "--cron").all == ""
    other = lab.kit.home / "other"
    other.write_bytes(lab.kit.config.read_bytes())
    told = lab.kit.run("refresh", "--cron", env={"OCARINA_CONF_FILE": str(other)}).err
    assert f"Try: ocarina-kit login --config {other} [TOK001]" in told, (
        "the same problem of another set-up"
    )
    lab.give(LOOKUP, refresh_token=None)
    assert "[TOK005]" in lab.kit.run("refresh", "--cron").err, "another problem"
    lab.give(UPLOAD[0], refresh_token=None)
    assert "[TOK005]" in lab.kit.run("refresh", "--cron").err, (
        "the same problem of another token"
    )
    assert lab.kit.run("refresh", "--cron").all == ""
    lab.give(LOOKUP, UPLOAD[0], refresh_token=None)
    assert lab.kit.run("refresh", "--cron").all == "", "of both it was told"
    log = lab.kit.state / "refresh.log"
    log.write_text(
        log.read_text().replace(f'"time": "{time.gmtime().tm_year}', '"time": "2020')
    )
    assert "[TOK005]" in lab.kit.run("refresh", "--cron").err, "another day"


def test_cron_names_what_a_person_must_fix_and_nothing_else(lab: Lab) -> None:
    """Where the server is down it is silent; wrong usage stays an error."""
    lab.give(LOOKUP)
    assert (lab.kit.run("refresh", "--cron").all, lab.state()) == ("", "live")
    lab.majora.fault(
        "redirect", status=302, location="https://wifi.example/login", times=None
    )
    ran = lab.kit.run("refresh", "--cron")
    assert (ran.code, ran.all, lab.kit.run("refresh").code) == (0, "", 5)
    assert lab.kit.run("refresh", "--cron", "--within", "3x").code == 2
    lab.kit.config.write_text("{")
    ran = lab.kit.run("refresh", "--cron")
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (0, "", 1), ran
    assert "[CFG002]" in ran.err
    assert lab.kit.run("refresh").code == 1
