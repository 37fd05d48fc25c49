"""What a red team broke, through the real command: whose token goes where, secrets in what is shown, others' programs
(see also test_red_team.py)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import LOOKUP, Lab

from ocarina_kit.sandbox import Sandbox
from ocarina_kit.sandbox.faults import digest

# --- 13.4: a token goes only to its own server ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def other() -> Iterator[Sandbox]:
    with Sandbox.start() as majora:
        yield majora


Settings = dict[str, str]
"""A configuration for the same person at the other server."""


def copy(lab: Lab, there: Settings) -> list[str]:
    copied = lab.kit.home / "copy"
    copied.write_bytes(lab.kit.tokens.read_bytes())
    copied.chmod(0o600)
    lab.kit.write_config({**there, "MAJORA_TOKENS_FILE": str(copied)})
    return []


def other_profile(lab: Lab, there: Settings) -> list[str]:
    lab.kit.write_config({**lab.config, "profile": {"b": there}})
    return ["--profile", "b"]


def other_config(lab: Lab, there: Settings) -> list[str]:
    path = lab.kit.config.rename(lab.kit.home / "other.json")
    path.write_text(json.dumps(there))
    return ["--config", str(path)]


def edited_domain(lab: Lab, there: Settings) -> list[str]:
    lab.kit.write_config(there)
    return []


def init(lab: Lab, there: Settings) -> list[str]:
    words = ["--domain", there["MAJORA_DOMAIN"], "--user", lab.user.name, "--client-id", there["CLIENT_ID"]]
    ran = lab.kit.run("init", *words, "--client-secret-file", "-", "--yes", stdin=there["CLIENT_SECRET"])
    assert ran.code == 0, ran
    return []


COMMANDS = (["refresh"], ["doctor", "--timeout", "60"], ["doctor", "--fix", "--yes"], ["logout", "--yes"])


@pytest.mark.parametrize("way", [copy, other_profile, other_config, edited_domain, init])
def test_a_token_is_sent_to_no_other_server(
    lab: Lab, other: Sandbox, way: Callable[[Lab, Settings], list[str]]
) -> None:
    kit = lab.kit
    app = other.add_application(other.add_user(lab.user.name))
    kit.secrets.add(app.client_secret)
    keys = {"CLIENT_ID": app.client_id, "CLIENT_SECRET": app.client_secret}
    lab.give(LOOKUP, age=3600)
    assert kit.run("refresh").code == 0
    token = kit.read_tokens()[LOOKUP]
    pair = (token["access_token"], token["refresh_token"])
    kit.secrets.update(pair)
    args = way(lab, {**lab.config, "MAJORA_DOMAIN": other.url, **keys})
    kept = {path: path.read_bytes() for path in (kit.tokens, kit.home / "copy") if path.exists()}
    other.clear_requests()
    for words in COMMANDS:
        ran = kit.run(*args, *words)
        assert "evoked" not in ran.all or "nothing" in ran.all.lower(), ran
        sent = {text for seen in other.requests for text in (seen.bearer, seen.refresh_token)}
        assert sent.isdisjoint(map(digest, pair)), (words, ran)
        assert lab.majora.token_state(pair[1]) == "live", words
        assert {path: path.read_bytes() for path in kept} == kept, f"{words} deleted another server's token"


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


# --- 13.11 to 13.13: others' programs, another name of a file ---------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a folder to another user")
def test_a_client_that_another_user_can_replace_gets_a_warning(lab: Lab, client: Path) -> None:
    folder = lab.kit.home / "shared"
    folder.mkdir()
    (folder / "ocarina").symlink_to(client)
    os.chown(folder, 54_321, 54_321)
    lab.give(LOOKUP)
    lab.kit.extra["PATH"] = f"{folder}:{lab.kit.env['PATH']}"
    ran = lab.kit.run("schedule", "--yes")
    assert (ran.code, "can replace" in ran.err) == (0, True), ran
    checks = lab.kit.run("doctor", "--offline", "--timeout", "60", "--json").json["checks"]
    warned = {
        check["id"] for check in checks if check["status"] == "warn" and "can replace" in check["detail"]
    }
    assert warned, checks


def test_a_second_hard_link_gets_a_warning(lab: Lab) -> None:
    lab.give(LOOKUP)
    os.link(lab.kit.tokens, lab.kit.home / "second")
    checks = lab.kit.run("doctor", "--offline", "--json").json["checks"]
    assert [check["id"] for check in checks if "hard link" in check["detail"] and check["status"] == "warn"]
