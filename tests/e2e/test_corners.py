"""Behaviours that have no table of their own, through the real command."""

import json
from pathlib import Path

from tests.cli.conftest import LOOKUP, Lab, talk
from tests.client.stub import client as stub_client
from tests.client.stub import machine_at, program

from ocarina_kit.client.find import examine, read_table


def test_init_repairs_a_configuration_in_utf_16(lab: Lab) -> None:
    lab.kit.config.write_bytes(json.dumps({**lab.config, "mine": "é"}).encode("utf-16"))
    ran = lab.kit.run("init", "--yes")
    assert ran.code == 0, ran
    assert json.loads(lab.kit.config.read_text("utf-8")) == {**lab.config, "mine": "é"}


def test_logout_keeps_the_crontab_entry_for_who_wants_that(lab: Lab) -> None:
    lab.give(LOOKUP)
    assert lab.kit.run("schedule", "--yes").code == 0
    assert (before := lab.kit.crontab)
    with lab.screen("logout") as screen:
        talk(screen, ("Revoke these tokens", "y"), ("Remove the crontab entry too? [Y/n]", "n"), ends=0)
    assert lab.kit.crontab == before


def test_purposes_are_not_judged_where_the_domain_is_wrong(lab: Lab) -> None:
    """The log knows what was chosen by server."""
    lab.give("majora2.view_majoraartifact_info")
    for domain, status in ((lab.majora.url, "warn"), (lab.majora.url.rstrip("/"), "skip")):
        lab.kit.write_config({**lab.config, "MAJORA_DOMAIN": domain})
        checks = lab.kit.run("doctor", "--offline", "--timeout", "60", "--json").json["checks"]
        assert [check["status"] for check in checks if check["id"] == "TOK007"] == [status]


def test_a_client_that_does_not_answer_has_no_table(tmp_path: Path) -> None:
    machine = machine_at(tmp_path)
    found = examine(machine, stub_client(tmp_path / "client"))
    slow = program(tmp_path / "slow", f'#!/bin/sh\nsleep 60\nexec {found.interpreter} "$@"\n')
    assert read_table(machine, found, timeout=60)
    assert read_table(machine, found._replace(interpreter=str(slow)), timeout=0.1) is None
