"""What a red team broke, through the real command.

Whose token goes where, secrets in what is shown, a second name of a file (see also
test_red_team.py).
"""

import json
import os
from collections.abc import Iterator

import pytest
from tests.cli.conftest import LOOKUP, Lab

from ocarina_kit.sandbox import Sandbox
from ocarina_kit.sandbox.faults import digest


@pytest.fixture(scope="module")
def other() -> Iterator[Sandbox]:
    with Sandbox.start() as majora:
        yield majora


def set_up_there(lab: Lab, there: dict[str, str], way: str) -> list[str]:
    """Set the same person up at the other server in this way.

    Gives the options that name the set-up.
    """
    kit = lab.kit
    match way:
        case "the domain edited":
            kit.write_config(there)
        case "a copy of the tokens":
            (kit.home / "copy").write_bytes(kit.tokens.read_bytes())
            kit.write_config({**there, "MAJORA_TOKENS_FILE": str(kit.home / "copy")})
        case "a profile":
            kit.write_config({**lab.config, "profile": {"b": there}})
            return ["--profile", "b"]
        case "a configuration":
            kit.config.rename(kit.home / "other.json").write_text(json.dumps(there))
            return ["--config", str(kit.home / "other.json")]
        case "init":
            given = ["--domain", there["MAJORA_DOMAIN"], "--user", lab.user.name]
            given += [
                "--client-id",
                there["CLIENT_ID"],
                "--client-secret-file",
                "-",
                "--yes",
            ]
            assert kit.run("init", *given, stdin=there["CLIENT_SECRET"]).code == 0
    return []


COMMANDS = (
    ["refresh"],
    ["doctor", "--timeout", "60"],
    ["doctor", "--fix", "--yes"],
    ["logout", "--yes"],
)


@pytest.mark.parametrize(
    "way",
    [
        "the domain edited",
        "a copy of the tokens",
        "a profile",
        "a configuration",
        "init",
    ],
)
def test_a_token_is_sent_to_no_other_server(lab: Lab, other: Sandbox, way: str) -> None:
    kit = lab.kit
    app = other.add_application(other.add_user(lab.user.name))
    keys = {"CLIENT_ID": app.client_id, "CLIENT_SECRET": app.client_secret}
    lab.give(LOOKUP, age=3600)
    assert kit.run("refresh").code == 0
    token = kit.read_tokens()[LOOKUP]
    pair = (token["access_token"], token["refresh_token"])
    kit.secrets |= {app.client_secret, *pair}
    args = set_up_there(lab, {**lab.config, "MAJORA_DOMAIN": other.url, **keys}, way)
    kept = {
        path: path.read_bytes()
        for path in (kit.tokens, kit.home / "copy")
        if path.exists()
    }
    other.clear_requests()
    for words in COMMANDS:
        ran = kit.run(*args, *words)
        assert "evoked" not in ran.all or "nothing" in ran.all.lower(), ran
        sent = {
            text
            for seen in other.requests
            for text in (seen.bearer, seen.refresh_token)
        }
        assert sent.isdisjoint(map(digest, pair)), (words, ran)
        assert lab.majora.token_state(pair[1]) == "live", words
        assert {path: path.read_bytes() for path in kept} == kept, (
            f"{words} deleted another server's token"
        )


def test_a_password_in_a_crontab_line_is_never_shown(lab: Lab) -> None:
    password = "Sw0rdf1sh/x"
    lab.give(LOOKUP)
    lab.kit.secrets.add(password)
    before = (
        f"export https_proxy=hoot:{password}@proxy.test:3128 MY_SECRET='{password}'; "
    )
    lab.kit.crontab = f"# mine\n5 */3 * * * {before}/gone/bin/ocarina oauth refresh\n"
    for words in ("--show", "--show --json", "--dry-run"):
        lab.kit.run("schedule", *words.split())
    for words in ("-v", "--json", "--report -", "--fix --dry-run"):
        lab.kit.run("doctor", "--offline", *words.split())


def test_a_server_that_echoes_what_it_was_sent(lab: Lab) -> None:
    """With so many letters before it that a cut may go through the secret."""
    token = lab.give(LOOKUP, age=3600)[LOOKUP]
    commands = ["refresh --json", "logout --yes", "doctor"]
    for secret, path in (
        (lab.app.client_secret, "/o/*"),
        (token["refresh_token"], "/o/*"),
        (token["access_token"], "/api/*"),
    ):
        lab.kit.secrets.add(secret[:12])
        said = {"error": "invalid_grant", "error_description": "x" * 190 + secret}
        lab.majora.clear_faults()
        lab.majora.fault("status", status=400, path=path, body=json.dumps(said))
        for words in commands if path == "/o/*" else ["doctor -v"]:
            lab.kit.run(*words.split())


def test_a_second_hard_link_gets_a_warning(lab: Lab) -> None:
    lab.give(LOOKUP)
    os.link(lab.kit.tokens, lab.kit.home / "second")
    checks = lab.kit.run("doctor", "--offline", "--json").json["checks"]
    assert [
        check["id"]
        for check in checks
        if "hard link" in check["detail"] and check["status"] == "warn"
    ]
