"""``ocarina-kit status`` as a process: a preflight that a pipeline can trust. Offline; reads only."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Kit
from tests.flows.refresh.conftest import HOUR, PAGS, SCOPES, VIEW, Person
from tests.terminal import Screen


def token(scope: str = VIEW, *, left: float = 5 * HOUR, **more: Any) -> dict[str, Any]:
    """A token that lives ``left`` seconds longer; a member that is None is left out."""
    members = {
        "access_token": "a-token-of-nobody",
        "expires_in": 36_000,
        "token_type": "Bearer",
        "scope": scope.split(" "),
        "refresh_token": "another-of-nobody",
        "expires_at": time.time() + left,
        **more,
    }
    return {name: value for name, value in members.items() if value is not None}


COLLECTED = time.time()


@pytest.fixture
def ready(kit: Kit) -> Kit:
    """A set-up whose server does not exist: nothing may ask it."""
    kit.write_config(
        {
            "MAJORA_DOMAIN": "https://majora.invalid/",
            "MAJORA_USER": "ann",
            "MAJORA_TOKEN": "OAUTH",
            "CLIENT_ID": "c" * 40,
            "CLIENT_SECRET": "s" * 128,
        }
    )
    kit.secrets |= {"a-token-of-nobody", "another-of-nobody", "s" * 128}
    return kit


Members = dict[str, Any]


@pytest.mark.parametrize(
    ("tokens", "within", "code"),
    [
        ([{}], None, 0),
        ([{}], "4h", 0),
        ([{}], "6h", 1),
        ([{"left": -1}], None, 1),
        ([{"left": -1}], "0", 1),
        ([{}, {"scope": PAGS, "left": 600}], "15m", 1),
        ([{}, {"scope": PAGS, "left": 600}], "30s", 0),
        ([{"refresh_token": None}], None, 0),
        ([{"refresh_token": None}], "6h", 4),
        ([{"left": -1, "refresh_token": None}], None, 4),
        ([{"left": -1}, {"scope": PAGS, "left": -1, "refresh_token": None}], None, 4),
        ([{"expires_at": None}], None, 1),
        ([{"expires_at": "soon"}], None, 1),
        ([{"expires_at": 4e12}], None, 1),
        ([{"access_token": None}], None, 1),
    ],
)
def test_the_exit_code_says_what_it_takes(
    ready: Kit, tokens: list[Members], within: str | None, code: int
) -> None:
    ready.write_tokens({each.get("scope", VIEW): token(**each) for each in tokens})
    ran = ready.run("status", "--json", *(["--within", within] if within else []))
    assert ran.code == code, repr(ran)
    assert len(ran.json["tokens"]) == len(tokens)
    assert ("error" in ran.json) is (code != 0)


def test_what_it_says_of_a_token(ready: Kit) -> None:
    ready.write_tokens({VIEW: token(left=7 * HOUR + 12 * 60 + 30)})
    ran = ready.run("status", "--json")
    (found,) = ran.json["tokens"]
    assert found["scope"] == VIEW
    assert found["purposes"] == ["lookup"]
    assert found["state"] == "ok"
    assert found["can_refresh"] is True
    assert found["expires_at"] == ready.read_tokens()[VIEW]["expires_at"]
    assert found["seconds_left"] == pytest.approx(7 * HOUR + 12 * 60 + 30, abs=20)
    assert found["last_refresh"] == pytest.approx(found["expires_at"] - 36_000, abs=1)
    assert found["last_refresh_host"] is None
    assert "look up samples" in ran.err
    assert "in 7 h 12 min" in ran.err


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("UTC", "22 Jul 2023 04:26 UTC"),
        ("Europe/London", "22 Jul 2023 05:26 BST"),
        ("Asia/Kolkata", "22 Jul 2023 09:56 IST"),
        ("America/New_York", "22 Jul 2023 00:26 EDT"),
    ],
)
def test_times_are_local_with_their_zone(ready: Kit, zone: str, shown: str) -> None:
    ready.write_tokens({VIEW: token(expires_at=1_690_000_000.0)})
    assert f"expired    {shown}" in ready.run("status", env={"TZ": zone}).out


def test_it_says_on_which_host_the_last_refresh_was(person: Person) -> None:
    person.have(VIEW, PAGS)
    assert person.kit.run("refresh", "--scope", VIEW).code == 0
    log = person.kit.state / "refresh.log"
    log.write_text(re.sub(r"host=\S+", "host=login-node-2", log.read_text()))
    ran = person.kit.run("status", "--json")
    found = {each["scope"]: each for each in ran.json["tokens"]}
    assert found[VIEW]["last_refresh_host"] == "login-node-2"
    assert found[PAGS]["last_refresh_host"] is None
    assert "login-node-2" in ran.err


def test_it_reads_only(ready: Kit) -> None:
    ready.write_tokens({VIEW: token(left=-5)}, mode=0o644)
    before = _tree(ready.home)
    for args in ([], ["--json"], ["--within", "9h"]):
        assert ready.run("status", *args).code == 1
    assert _tree(ready.home) == before
    ready.tokens.unlink()
    assert ready.run("status").code == 4
    assert ready.run("status", "--json").json["tokens"] == []


def _tree(home: Path) -> dict[str, tuple[int, float]]:
    return {
        str(path): (path.stat().st_mode, path.stat().st_mtime if path.is_file() else 0.0)
        for path in home.rglob("*")
    }


def test_a_damaged_file_is_exit_1_and_says_where(ready: Kit) -> None:
    ready.tokens.write_text('{"a": {\n"access_token": ')
    ran = ready.run("status", "--json")
    assert (ran.code, ran.json["error"]["id"]) == (1, "TOK002")
    assert "line 2" in ran.json["error"]["what"]


def test_a_legacy_key_is_said_and_is_no_failure(ready: Kit) -> None:
    members = {**ready.read_config(), "MAJORA_TOKEN": "0f8fad5b-d9cb-469f-a165-70867728950e"}
    ready.write_config(members)
    ran = ready.run("status", "--json")
    assert (ran.code, ran.json["tokens"]) == (0, [])
    assert "legacy API key" in ran.err


def test_a_profile_has_tokens_of_its_own(ready: Kit) -> None:
    members = ready.read_config()
    profile = {"MAJORA_DOMAIN": "https://test.invalid/", "MAJORA_TOKENS_FILE": "~/.ocarina-tokens-test"}
    ready.write_config({**members, "profile": {"test": profile}})
    ready.write_tokens({VIEW: token()})
    assert ready.run("status").code == 0
    ran = ready.run("status", "--profile", "test")
    assert ran.code == 4
    assert ".ocarina-tokens-test" in ran.err
    assert "ocarina-kit login --profile test" in ran.err


def test_it_is_readable_at_40_columns(ready: Kit) -> None:
    tokens = {scope: token(scope, left=HOUR * number) for number, scope in enumerate(SCOPES[:4])}
    ready.write_tokens(tokens)
    with Screen.of(ready, "status", columns=40) as screen:
        assert screen.wait() == 1
        shown = screen.text
    assert "look up samples" in shown
    longest = max(len(word) for scope in SCOPES[:4] for word in scope.split())
    assert longest < 50
    for line in shown.splitlines():
        if "majora2." not in line and "ocarina-kit" not in line:
            assert len(line.rstrip()) <= 40, line
