"""Behaviours that have no table of their own, through the real command."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
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


def test_init_asks_for_a_secret_where_the_file_is_standard_input(lab: Lab) -> None:
    wrong = (
        ("(hidden):", "?"),
        "below the client id",
        ("(hidden):", "<it>"),
        "placeholder",
    )
    secret = ("(hidden):", lab.app.client_secret)
    lab.talk(
        "init --config-only --yes --client-secret-file -",
        *wrong,
        secret,
        "Nothing to change",
    )


def test_init_gives_up_where_another_process_writes_the_file_all_the_time(
    lab: Lab,
) -> None:
    with ThreadPoolExecutor(1) as pool:
        init = pool.submit(lab.kit.run, "init", "--offline", "--user", "bob", "--json")
        while not init.done():
            new = lab.kit.home / "new"
            new.write_text(json.dumps({**lab.config, "mine": time.monotonic()}))
            new.replace(lab.kit.config)
    assert init.result().json["error"]["id"] == "FIX001"


def test_logout_keeps_the_crontab_entry_for_who_wants_that(lab: Lab) -> None:
    lab.give(LOOKUP)
    assert lab.kit.run("schedule", "--yes").code == 0
    assert (before := lab.kit.crontab)
    with lab.screen("logout") as screen:
        talk(
            screen,
            ("Revoke these tokens", "y"),
            ("Remove the crontab entry too? [Y/n]", "n"),
            ends=0,
        )
    assert lab.kit.crontab == before


def test_purposes_are_not_judged_where_the_domain_is_wrong(lab: Lab) -> None:
    """The log knows what was chosen by server."""
    lab.give("majora2.view_majoraartifact_info")
    for domain, status in (
        (lab.majora.url, "warn"),
        (lab.majora.url.rstrip("/"), "skip"),
    ):
        lab.kit.write_config({**lab.config, "MAJORA_DOMAIN": domain})
        checks = lab.kit.run("doctor", "--offline", "--timeout", "60", "--json").json[
            "checks"
        ]
        assert [check["status"] for check in checks if check["id"] == "TOK007"] == [
            status
        ]


def test_a_client_that_does_not_answer_has_no_table(tmp_path: Path) -> None:
    machine = machine_at(tmp_path)
    found = examine(machine, stub_client(tmp_path / "client"))
    slow = program(
        tmp_path / "slow", f'#!/bin/sh\nsleep 60\nexec {found.interpreter} "$@"\n'
    )
    assert read_table(machine, found, timeout=60)
    assert (
        read_table(machine, found._replace(interpreter=str(slow)), timeout=0.1) is None
    )
