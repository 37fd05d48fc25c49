"""What a red team broke, through the real command: whose token goes where, secrets in what is shown, others' programs
(see also test_red_team.py)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.cli.conftest import LOOKUP, Lab

from ocarina_kit.sandbox import Sandbox
from ocarina_kit.sandbox.faults import digest

# --- 13.4: a token goes only to its own server ------------------------------------------------------------------------


class Two(NamedTuple):
    """Set-ups at two servers; the token in ``lab``'s file is its own server's."""

    lab: Lab
    other: Sandbox
    settings: dict[str, str]
    """Of the same person at the other server."""


@pytest.fixture(scope="module")
def other() -> Iterator[Sandbox]:
    with Sandbox.start() as majora:
        yield majora


@pytest.fixture
def two(lab: Lab, other: Sandbox) -> Two:
    lab.give(LOOKUP, age=3600)
    other.clear_requests()
    user = other.add_user(lab.user.name)
    app = other.add_application(user)
    lab.kit.secrets.add(app.client_secret)
    settings = {"MAJORA_DOMAIN": other.url, "MAJORA_USER": user.name}
    settings |= {"CLIENT_ID": app.client_id, "CLIENT_SECRET": app.client_secret}
    return Two(lab, other, settings)


def copy(two: Two) -> list[str]:
    copied = two.lab.kit.home / "copy"
    copied.write_bytes(two.lab.kit.tokens.read_bytes())
    copied.chmod(0o600)
    two.lab.kit.write_config({**two.lab.config, **two.settings, "MAJORA_TOKENS_FILE": str(copied)})
    return []


def other_profile(two: Two) -> list[str]:
    two.lab.kit.write_config({**two.lab.config, "profile": {"b": two.settings}})
    return ["--profile", "b"]


def other_config(two: Two) -> list[str]:
    path = two.lab.kit.home / "other.json"
    path.write_text(json.dumps({**two.lab.config, **two.settings}))
    path.chmod(0o600)
    return ["--config", str(path)]


def edited_domain(two: Two) -> list[str]:
    two.lab.kit.write_config({**two.lab.config, **two.settings})
    return []


def init(two: Two) -> list[str]:
    secret = two.settings["CLIENT_SECRET"] + "\n"
    words = ["--domain", two.other.url, "--user", two.lab.user.name, "--client-id", two.settings["CLIENT_ID"]]
    ran = two.lab.kit.run("init", *words, "--client-secret-file", "-", "--yes", stdin=secret)
    assert ran.code == 0, ran
    return []


WAYS: list[Callable[[Two], list[str]]] = [copy, other_profile, other_config, edited_domain, init]
COMMANDS = (["refresh"], ["doctor", "--timeout", "60"], ["doctor", "--fix", "--yes"], ["logout", "--yes"])


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_token_is_sent_to_no_other_server(two: Two, way: Callable[[Two], list[str]]) -> None:
    kit = two.lab.kit
    assert kit.run("refresh").code == 0
    token = kit.read_tokens()[LOOKUP]
    kit.secrets |= {token["access_token"], token["refresh_token"]}
    args = way(two)
    kept = {path: path.read_bytes() for path in (kit.tokens, kit.home / "copy") if path.exists()}
    for words in COMMANDS:
        ran = kit.run(*args, *words)
        assert "evoked" not in ran.all or "nothing" in ran.all.lower(), ran
        sent = {seen.bearer for seen in two.other.requests} | {
            seen.refresh_token for seen in two.other.requests
        }
        assert not sent & {digest(token["access_token"]), digest(token["refresh_token"])}, (words, ran)
        assert two.lab.majora.token_state(token["refresh_token"]) == "live", words
        assert {path: path.read_bytes() for path in kept} == kept, (
            f"{words} deleted the token of another server"
        )


# --- 13.6: secrets in what is shown -----------------------------------------------------------------------------------

PASSWORD = "Sw0rdf1sh/x"


def test_a_password_in_a_crontab_line_is_never_shown(lab: Lab) -> None:
    lab.give(LOOKUP)
    lab.kit.secrets.add(PASSWORD)
    before = f"export https_proxy=hoot:{PASSWORD}@proxy.test:3128 MY_SECRET='{PASSWORD}'; "
    lab.kit.crontab = f"# mine\n5 */3 * * * {before}/gone/bin/ocarina oauth refresh\n"
    for words in (
        ["schedule", "--show"],
        ["schedule", "--show", "--json"],
        ["schedule", "--dry-run"],
        ["doctor", "--offline", "-v"],
        ["doctor", "--offline", "--json"],
        ["doctor", "--offline", "--report", "-"],
        ["doctor", "--offline", "--fix", "--dry-run"],
    ):
        lab.kit.run(*words)


def echo(lab: Lab, secret: str, path: str) -> None:
    """The server says what it was sent, with so many letters before it that a cut may go through the secret."""
    said = {"error": "invalid_grant", "error_description": "x" * 190 + secret}
    lab.majora.clear_faults()
    lab.majora.fault("status", status=400, path=path, body=json.dumps(said))


def test_a_server_that_echoes_what_it_was_sent(lab: Lab) -> None:
    entry = lab.give(LOOKUP, age=3600)[LOOKUP]
    for secret in (lab.app.client_secret, entry["refresh_token"]):
        lab.kit.secrets.add(secret[:12])
        echo(lab, secret, "/o/*")
        for words in (["refresh", "--json"], ["logout", "--yes"], ["doctor"]):
            lab.kit.run(*words)
    lab.kit.secrets.add(entry["access_token"][:12])
    echo(lab, entry["access_token"], "/api/*")
    lab.kit.run("doctor", "-v")


# --- 13.9: an odd crontab program -------------------------------------------------------------------------------------


def test_a_crontab_that_may_not_be_empty_is_never_written(lab: Lab) -> None:
    says = "echo '5 4 * * * true'; echo 'Input/output error' >&2; exit 1"  # half a listing, and a failure
    programs = lab.kit.home / "programs"
    programs.mkdir()
    written = lab.kit.home / "written"
    program = programs / "crontab"
    program.write_text(f'#!/bin/sh\nif [ "$1" = -l ]; then {says}; else touch {written}; fi\n')
    program.chmod(0o755)
    ran = lab.kit.run("schedule", "--yes", env={"PATH": f"{programs}:{lab.kit.env['PATH']}"})
    assert ran.code == 1, ran
    assert not written.exists()
    assert "refresh --cron" in ran.all, "the line to hand to somebody who can is shown"


# --- 13.11 to 13.13: others' programs, another name of a file ---------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a folder to another user")
def test_a_client_that_another_user_can_replace_gets_a_warning(
    lab: Lab, client: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "shared" / "bin"
    folder.mkdir(parents=True)
    (folder / "ocarina").symlink_to(client)
    os.chown(folder, 54_321, 54_321)
    lab.give(LOOKUP)
    ran = lab.kit.run("schedule", "--yes", "--ocarina", folder / "ocarina")
    assert ran.code == 0, ran
    assert "can replace" in ran.err
    checks = lab.kit.run(
        "doctor", "--offline", "--json", env={"PATH": f"{folder}:{lab.kit.env['PATH']}"}
    ).json["checks"]
    warned = [
        check["id"] for check in checks if check["status"] == "warn" and "can replace" in check["detail"]
    ]
    assert set(warned) & {"ENV005", "CRN004"}, checks


def test_a_second_hard_link_gets_a_warning(lab: Lab) -> None:
    lab.give(LOOKUP)
    os.link(lab.kit.tokens, lab.kit.home / "second")
    checks = lab.kit.run("doctor", "--offline", "--json").json["checks"]
    assert [check["id"] for check in checks if "hard link" in check["detail"] and check["status"] == "warn"]
