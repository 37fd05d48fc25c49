"""What a red team broke, through the real command: whose token goes where, secrets in what is shown, others' programs
(see also test_red_team.py)."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.cli.conftest import LOOKUP, Lab
from tests.conftest import Kit, Ran

from ocarina_kit.sandbox import Sandbox
from ocarina_kit.sandbox.faults import digest

# --- 13.4: a token goes only to its own server ------------------------------------------------------------------------


class Two(NamedTuple):
    """Set-ups at two servers; the token in ``lab``'s file is its own server's."""

    lab: Lab
    other: Sandbox
    settings: dict[str, str]
    """Of the same person at the other server."""

    @property
    def token(self) -> dict[str, Any]:
        entry: dict[str, Any] = self.lab.kit.read_tokens()[LOOKUP]
        return entry

    def change_server(self) -> None:
        self.lab.kit.write_config({**self.lab.config, **self.settings})


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


def symlink(two: Two) -> list[str]:
    (two.lab.kit.home / "link").symlink_to(two.lab.kit.tokens)
    two.lab.kit.write_config({**two.lab.config, **two.settings, "MAJORA_TOKENS_FILE": "~/link"})
    return []


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
    two.change_server()
    return []


def init(two: Two) -> list[str]:
    secret = two.settings["CLIENT_SECRET"] + "\n"
    words = ["--domain", two.other.url, "--user", two.lab.user.name, "--client-id", two.settings["CLIENT_ID"]]
    ran = two.lab.kit.run("init", *words, "--client-secret-file", "-", "--yes", stdin=secret)
    assert ran.code == 0, ran
    return []


WAYS: list[Callable[[Two], list[str]]] = [symlink, copy, other_profile, other_config, edited_domain, init]
COMMANDS = [
    *(
        ["refresh"],
        ["doctor", "--timeout", "60"],
        ["doctor", "--fix", "--yes", "--timeout", "60"],
        ["logout", "--yes"],
    ),
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_token_is_sent_to_no_other_server(two: Two, way: Callable[[Two], list[str]]) -> None:
    kit = two.lab.kit
    assert kit.run("refresh").code == 0
    token = two.token
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


def test_a_token_that_no_log_knows_stays_where_its_file_was_used(two: Two) -> None:
    """What the client put there since: the file was last used with the first server."""
    kit = two.lab.kit
    assert kit.run("refresh").code == 0
    two.lab.give(LOOKUP, age=60)
    two.change_server()
    ran = kit.run("refresh", "--json")
    assert ran.code in (1, 4)
    assert [each["result"] for each in ran.json["tokens"]] == ["other-server"], ran
    assert not [seen for seen in two.other.requests if seen.refresh_token]


def test_a_refresh_whose_log_cannot_be_written_sends_nothing(two: Two) -> None:
    kit, before = two.lab.kit, two.token
    (kit.state / "refresh.log").mkdir(parents=True)
    ran = kit.run("refresh")
    assert ran.code == 1, ran
    assert "refresh.log" in ran.err
    assert two.token == before
    assert two.lab.majora.token_state(before["refresh_token"]) == "live"


# --- 13.6: secrets in what is shown -----------------------------------------------------------------------------------

PASSWORD = "Sw0rdf1sh/x"
PROXIES = [
    f"export https_proxy=hoot:{PASSWORD}@proxy.test:3128; ",
    f"HTTPS_PROXY=http://hoot:{PASSWORD}@proxy.test:3128/ ",
    f"export HTTPS_PROXY='http://h@ot:{PASSWORD}@proxy.test:3128'; ",
    f"export PROXY_PASSWORD={PASSWORD}; ",
    f"MY_SECRET='{PASSWORD}' ",
]


@pytest.mark.parametrize(
    "before",
    [PROXIES[0], PROXIES[-1], *(pytest.param(each, marks=pytest.mark.soak) for each in PROXIES[1:-1])],
)
def test_a_password_in_a_crontab_line_is_never_shown(lab: Lab, before: str) -> None:
    lab.give(LOOKUP)
    lab.kit.secrets.add(PASSWORD)
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


def echo(lab: Lab, secret: str, path: str, before: int) -> None:
    """The server says what it was sent, with so many letters before it, so that a cut may go through the secret."""
    said = {"error": "invalid_grant", "error_description": "x" * before + secret}
    lab.majora.clear_faults()
    lab.majora.fault("status", status=400, path=path, body=json.dumps(said))


@pytest.mark.parametrize("before", [0, 190])
def test_a_server_that_echoes_what_it_was_sent(lab: Lab, before: int) -> None:
    entry = lab.give(LOOKUP, age=3600)[LOOKUP]
    for secret in (lab.app.client_secret, entry["refresh_token"]):
        lab.kit.secrets.add(secret[:12])
        echo(lab, secret, "/o/*", before)
        for words in (["refresh", "--json"], ["logout", "--yes"], ["doctor"]):
            lab.kit.run(*words)
    lab.kit.secrets.add(entry["access_token"][:12])
    echo(lab, entry["access_token"], "/api/*", before)
    lab.kit.run("doctor", "-v")


def test_a_server_that_echoes_the_code(lab: Lab) -> None:
    link = lab.kit.run("login", "--print-url").out.strip()
    address = lab.authorize(link)
    (code,) = (secret for secret in lab.kit.secrets if f"code={secret}" in address)
    lab.kit.secrets.add(code[:12])
    echo(lab, code, "/o/token/", 180)
    assert lab.kit.run("login", "--callback", "-", stdin=address).code != 0


def test_a_redirect_to_a_host_with_the_secret_in_it(lab: Lab) -> None:
    entry = lab.give(LOOKUP, age=3600)[LOOKUP]
    lab.kit.secrets.add(entry["refresh_token"][:12])
    lab.majora.fault("redirect", status=307, location=f"https://{entry['refresh_token']}.test/o/token/")
    assert lab.kit.run("refresh").code == 5


def test_a_domain_with_a_password_and_braces(kit: Kit) -> None:
    kit.secrets.add(PASSWORD)
    kit.write_config(
        {"MAJORA_DOMAIN": f"https://hoot:{PASSWORD}@{{majora}}.test/<id>", "MAJORA_TOKEN": "OAUTH"}
    )
    for words in (
        ["doctor", "--offline"],
        ["doctor", "--offline", "--json"],
        ["doctor", "--offline", "--report", "-"],
    ):
        assert kit.run(*words).code == 1


def test_a_comment_in_a_diff_shows_no_secret(lab: Lab) -> None:
    text = json.dumps(lab.config, indent=1).replace("{", f"{{ // old secret: {lab.app.client_secret}", 1)
    lab.kit.config.write_text(text)
    ran = lab.kit.run("doctor", "--offline", "--fix", "--dry-run")
    assert "MAJORA_USER" in ran.all or "~/.ocarina" in ran.all


# --- 13.9: an odd crontab program -------------------------------------------------------------------------------------

ODD_PROGRAMS = {
    "nothing, and words on standard error": "echo 'crontab: spool is locked' >&2",
    "nothing, and a failure": "exit 1",
    "not allowed": "echo 'You (ann) are not allowed to use this program (crontab)' >&2; exit 1",
    "half a listing, and a failure": "echo '5 4 * * * true'; echo 'Input/output error' >&2; exit 1",
}


@pytest.mark.parametrize("says", ODD_PROGRAMS)
def test_a_crontab_that_may_not_be_empty_is_never_written(lab: Lab, says: str) -> None:
    programs = lab.kit.home / "programs"
    programs.mkdir()
    written = lab.kit.home / "written"
    program = programs / "crontab"
    program.write_text(f'#!/bin/sh\nif [ "$1" = -l ]; then {ODD_PROGRAMS[says]}; else touch {written}; fi\n')
    program.chmod(0o755)
    ran = lab.kit.run("schedule", "--yes", env={"PATH": f"{programs}:{lab.kit.env['PATH']}"})
    assert ran.code == 1, ran
    assert not written.exists()
    assert "refresh --cron" in ran.all, "the line to hand to somebody who can is shown"


# --- 13.11 to 13.13: others' programs, sources, odd names -------------------------------------------------------------


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


SOURCES = [
    "http://example.test/ocarina.tar.gz",
    "git+http://example.test/ocarina.git",
    "ftp://example.test/ocarina.tar.gz",
    "https://user:pw@example.test/ocarina.git",
    "git+ext::sh -c true",
    "ocarina @ https://example.test/o.whl ; python_version > '3'",
    "--index-url=https://example.test/",
    "ocarina",
]


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_that_is_not_allowed(kit: Kit, source: str) -> None:
    ran = kit.run("install-client", "--source", source, "--dry-run")
    assert ran.code == 2, ran
    assert set(kit.home.iterdir()) == set()


def test_what_will_be_fetched_is_said_and_pinned(kit: Kit) -> None:
    ran = kit.run("install-client", "--dry-run")
    assert ran.code == 0, ran
    assert "github.com" in ran.out
    assert any(len(word.strip(".,()'").rpartition("@")[2]) == 40 for word in ran.out.split()), "a commit"


def as_json(ran: Ran) -> Any:
    assert ran.out.isascii(), "control and bidirectional characters are escaped"
    assert "\x7f" not in ran.out
    return json.loads(ran.out)


def test_odd_characters_in_json_are_escaped(lab: Lab) -> None:
    odd = "a\x7f\x85\x9b\u202eb"
    token = {"access_token": "a1" * 15, "refresh_token": "b1" * 15, "expires_in": 36_000, "scope": [odd]}
    lab.kit.write_tokens({odd: {**token, "expires_at": time.time() + 9000}})
    assert as_json(lab.kit.run("status", "--json"))["tokens"][0]["scope"] == odd
    assert "\x9b" not in lab.kit.run("status", "-v").out


def test_a_second_hard_link_gets_a_warning(lab: Lab) -> None:
    lab.give(LOOKUP)
    os.link(lab.kit.tokens, lab.kit.home / "second")
    checks = lab.kit.run("doctor", "--offline", "--json").json["checks"]
    assert [check["id"] for check in checks if "hard link" in check["detail"] and check["status"] == "warn"]
