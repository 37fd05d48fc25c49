"""The doctor's flow where a mend does not go as planned."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import Kit

from ocarina_kit.sandbox import Sandbox

VIEW = "majora2.view_biosampleartifact"


@pytest.fixture
def set_up(kit: Kit) -> Kit:
    kit.write_config(
        {
            "MAJORA_DOMAIN": "http://127.0.0.1:9/",
            "MAJORA_USER": "lab",
            "MAJORA_TOKEN": "OAUTH",
            "CLIENT_ID": "a1" * 20,
            "CLIENT_SECRET": "b2" * 64,
        }
    )
    return kit


def test_no_refresh_token_is_spent_without_fix_nor_where_the_server_is_out(set_up: Kit) -> None:
    with Sandbox.start() as majora:
        user = majora.add_user("lab")
        app = majora.add_application(user)
        members = set_up.read_config()
        set_up.write_config(
            {
                **members,
                "MAJORA_DOMAIN": majora.url,
                "CLIENT_ID": app.client_id,
                "CLIENT_SECRET": app.client_secret,
            }
        )
        set_up.write_tokens({VIEW: majora.grant(user, app, VIEW, age=30 * 3600)})
        set_up.run("doctor")
        set_up.run("doctor", "--fix", "--dry-run")
        set_up.run("doctor", "--fix", "--yes", "--offline")
        majora.fault("status", "*", status=503)
        set_up.run("doctor", "--fix", "--yes", "--only", "SRV", "--only", "TOK")
        assert majora.stats()["sent"] == {}
        majora.clear_faults()
        assert set_up.run("doctor", "--fix", "--yes", "--only", "TOK").code == 0
        assert majora.stats()["refreshes"] == 1


def test_a_refused_refresh_leads_to_a_login(set_up: Kit) -> None:
    with Sandbox.start() as majora:
        user = majora.add_user("lab")
        app = majora.add_application(user)
        members = set_up.read_config()
        set_up.write_config(
            {
                **members,
                "MAJORA_DOMAIN": majora.url,
                "CLIENT_ID": app.client_id,
                "CLIENT_SECRET": app.client_secret,
            }
        )
        token = majora.grant(user, app, VIEW, age=30 * 3600)
        majora.revoke(token)
        set_up.write_tokens({VIEW: token})
        ran = set_up.run("doctor", "--fix", "--yes", "--json", "--only", "TOK")
    assert ran.code == 1
    (found,) = [check for check in ran.json["checks"] if check["status"] == "fail"]
    assert found["id"] == "TOK004"
    assert found["fixable"] is False
    assert found["remedy"]["commands"] == [f"ocarina-kit login --scope {VIEW}"]


def test_one_mend_that_fails_stops_no_other_and_is_said(set_up: Kit) -> None:
    """The crontab is refused; the configuration is mended all the same."""
    members = set_up.read_config()
    set_up.write_config({**members, "MAJORA_DOMAIN": "http://127.0.0.1:9"})
    client = set_up.home / "bin" / "ocarina"
    client.parent.mkdir()
    client.write_text("#!/bin/sh\necho 'ocarina v1.0.0'\n")
    client.chmod(0o755)
    set_up.extra = {"PATH": f"{set_up.env['PATH']}:{client.parent}", "KIT_TEST_CRONTAB_FAILS": "write"}
    ran = set_up.run("doctor", "--fix", "--yes", "--offline", "--only", "CFG", "--only", "CRN")
    assert ran.code == 1
    assert "mended: [CFG007]" in ran.out
    assert "No space left" in ran.out or "full" in ran.out
    assert set_up.read_config()["MAJORA_DOMAIN"] == "http://127.0.0.1:9/"
    assert set_up.crontab is None


def test_an_added_entry_is_noted_so_that_its_runs_are_asked_for(set_up: Kit, tmp_path: Path) -> None:
    client = tmp_path / "ocarina"
    client.write_text("#!/bin/sh\necho 'ocarina v1.0.0'\n")
    client.chmod(0o755)
    set_up.extra = {"PATH": f"{set_up.env['PATH']}:{tmp_path}"}
    ran = set_up.run("doctor", "--fix", "--yes", "--offline", "--only", "CRN")
    assert ran.code == 0, ran
    assert "# ocarina-kit" in (set_up.crontab or "")
    assert "result=scheduled" in (set_up.state / "refresh.log").read_text()
