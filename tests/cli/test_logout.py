"""``ocarina-kit logout``: revoked at the server, then deleted here."""

from __future__ import annotations

import pytest
from tests.cli.conftest import LOOKUP, UPLOAD, Lab

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


def test_without_a_terminal_it_wants_yes(lab: Lab) -> None:
    lab.give(LOOKUP)
    ran = lab.kit.run("logout")
    assert (ran.code, "ocarina-kit logout --yes" in ran.err) == (2, True)
    assert lab.state() == "live"


def test_dry_run_shows_the_change(lab: Lab) -> None:
    lab.give(LOOKUP)
    ran = lab.kit.run("logout", "--dry-run")
    assert ran.code == 0
    assert "--- ~/.ocarina-tokens (current)" in ran.out
    assert '-    "access_token": "**** (30 characters)",' in ran.out
    assert lab.state() == "live"


def test_what_the_server_does_not_confirm_is_kept(lab: Lab) -> None:
    lab.give(LOOKUP)
    lab.majora.fault("status", "/o/revoke_token/", status=503)
    ran = lab.kit.run("logout", "--yes")
    assert ran.code == 5, ran
    assert list(lab.kit.read_tokens()) == [LOOKUP]
    assert "ocarina-kit logout --local" in ran.err
    local = lab.kit.run("logout", "--yes", "--local")
    assert local.code == 0
    assert lab.kit.read_tokens() == {}
    assert "still valid at the server" in local.all


def test_the_crontab_entry_that_is_left_is_named(lab: Lab) -> None:
    lab.give(LOOKUP)
    lab.kit.crontab = OTHERS + ENTRY
    ran = lab.kit.run("logout", "--yes")
    assert ran.code == 0
    assert ran.out.endswith("  ocarina-kit schedule --remove\n")
    assert lab.kit.crontab == OTHERS + ENTRY
    lab.kit.crontab = OTHERS
    assert "crontab" not in lab.kit.run("logout", "--yes").all


@pytest.mark.parametrize("remove", [True, False])
def test_at_a_terminal_it_offers_to_remove_the_entry(lab: Lab, remove: bool) -> None:
    lab.give(LOOKUP)
    lab.kit.crontab = OTHERS + ENTRY
    with lab.screen("logout") as screen:
        screen.expect("[Y/n]")
        screen.line("n")
        screen.expect("Nothing was changed.")
        assert screen.wait() == 0
    assert lab.state() == "live"
    with lab.screen("logout") as screen:
        screen.expect("look up samples and runs")
        screen.expect("Revoke these tokens")
        screen.line("y")
        screen.expect("No token is left. Remove the crontab entry too? [Y/n]")
        screen.line("" if remove else "n")
        screen.expect("removed" if remove else "Next step: ocarina-kit schedule --remove")
        assert screen.wait() == 0
    assert lab.kit.crontab == (OTHERS if remove else OTHERS + ENTRY)
