"""``ocarina-kit logout``: revoked at the server, then deleted here."""

from __future__ import annotations

import pytest
from tests.cli.conftest import LOOKUP, UPLOAD, Lab, talk

ENTRY = "37 2-23/3 * * * /opt/bin/ocarina-kit refresh --cron # ocarina-kit\n"
OTHERS = "0 5 * * * /usr/bin/backup\n"


def test_all_are_revoked(lab: Lab) -> None:
    tokens = lab.give(LOOKUP, UPLOAD[0])
    ran = lab.kit.run("logout", "--yes")
    assert ran.code == 0, ran
    assert (
        ran.out == "revoked    look up samples and runs: deleted here\nrevoked    add samples: deleted here\n"
    )
    assert lab.kit.read_tokens() == {}
    assert lab.majora.token_state(tokens[LOOKUP]["refresh_token"]) == "dead"
    assert set(lab.kit.run("logout", "--yes", "--json").json) == {"schema", "command", "ok", "exit"}


@pytest.mark.parametrize("option", [("--for", "lookup"), ("--scope", LOOKUP)])
def test_one_is_revoked(lab: Lab, option: tuple[str, str]) -> None:
    lab.give(LOOKUP, UPLOAD[0])
    lab.kit.crontab = ENTRY
    ran = lab.kit.run("logout", "--yes", *option)
    assert ran.code == 0
    assert list(lab.kit.read_tokens()) == [UPLOAD[0]]
    assert "crontab" not in ran.all


def test_without_a_yes_the_change_is_only_shown(lab: Lab) -> None:
    lab.give(LOOKUP)
    ran = lab.kit.run("logout", "--for", "lookup", "--json")
    again = ["ocarina-kit logout --for lookup --yes"]  # without --for it would revoke all tokens
    assert (ran.code, ran.json["error"]["remedy"]["commands"]) == (2, again)
    ran = lab.kit.run("logout", "--dry-run")
    assert (ran.code, "--- ~/.ocarina-tokens (current)" in ran.out) == (0, True)
    assert '-    "access_token": "**** (30 characters)",' in ran.out
    assert lab.state() == "live"


def test_what_the_server_does_not_confirm_is_kept(lab: Lab) -> None:
    lab.give(LOOKUP)
    lab.majora.fault("status", "/o/revoke_token/", status=503)
    ran = lab.kit.run("logout", "--yes")
    assert (ran.code, "ocarina-kit logout --local" in ran.err) == (5, True), ran
    assert list(lab.kit.read_tokens()) == [LOOKUP]
    local = lab.kit.run("logout", "--yes", "--local")
    assert (local.code, "still valid at the server" in local.all) == (0, True)
    assert lab.kit.read_tokens() == {}


def test_the_crontab_entry_that_is_left_is_named(lab: Lab) -> None:
    lab.give(LOOKUP)
    lab.kit.crontab = OTHERS + ENTRY
    ran = lab.kit.run("logout", "--yes")
    assert ran.code == 0
    assert ran.out.endswith("  ocarina-kit schedule --remove\n")
    assert lab.kit.crontab == OTHERS + ENTRY
    lab.kit.crontab = OTHERS
    assert "crontab" not in lab.kit.run("logout", "--yes").all


def test_at_a_terminal_it_offers_to_remove_the_entry(lab: Lab) -> None:
    lab.give(LOOKUP)
    lab.kit.crontab = OTHERS + ENTRY
    with lab.screen("logout") as screen:
        talk(screen, ("[Y/n]", "n"), "Nothing was changed.", ends=0)
    assert lab.state() == "live"
    with lab.screen("logout") as screen:
        screen.expect("look up samples and runs")
        talk(
            screen,
            ("Revoke these tokens", "y"),
            ("No token is left. Remove the crontab entry too? [Y/n]", ""),
        )
        talk(screen, "removed", ends=0)
    assert lab.kit.crontab == OTHERS
