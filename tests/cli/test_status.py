"""``ocarina-kit status``: offline, reads only."""

import re
import time
from typing import Any

import pytest
from tests.cli.conftest import LOOKUP, UPLOAD
from tests.conftest import Kit

HOUR = 3600.0
WHO = {
    "MAJORA_DOMAIN": "https://majora.invalid/",
    "MAJORA_USER": "tester",
    "MAJORA_TOKEN": "OAUTH",
}


@pytest.fixture
def home(kit: Kit) -> Kit:
    """A set-up whose server nobody can reach."""
    kit.write_config({**WHO, "CLIENT_ID": "i" * 40, "CLIENT_SECRET": "s" * 128})
    return kit


def token(left: float, **changes: Any) -> dict[str, Any]:
    """A token that is valid for ``left`` seconds; None takes a value out."""
    value = {
        "access_token": "a" * 30,
        "refresh_token": "r" * 30,
        "expires_in": 36000,
        "token_type": "Bearer",
    }
    value |= {"expires_at": time.time() + left, **changes}
    return {name: each for name, each in value.items() if each is not None}


@pytest.mark.parametrize(
    ("tokens", "within", "exit", "id"),
    [
        ([token(5 * HOUR)], None, 0, None),
        ([token(5 * HOUR)], "6h", 1, "TOK004"),
        ([token(-1)], None, 1, "TOK004"),
        ([token(-1, refresh_token=None)], None, 4, "TOK005"),
        ([token(5 * HOUR, refresh_token=None)], None, 0, None),
        ([token(-1), token(5 * HOUR, refresh_token=None)], "6h", 4, "TOK005"),
        ([token(5 * HOUR, access_token=None, refresh_token=None)], None, 1, "TOK002"),
        ([], None, 4, "TOK001"),
        ([token(5 * HOUR)], "11h", 2, "USE001"),
    ],
)
def test_exit_codes(
    home: Kit,
    tokens: list[dict[str, Any]],
    within: str | None,
    exit: int,
    id: str | None,
) -> None:
    home.write_tokens(dict(zip((LOOKUP, UPLOAD[0]), tokens, strict=False)))
    before = home.tokens.stat().st_mtime_ns
    ran = home.run("status", "--json", *(("--within", within) if within else ()))
    assert ran.code == exit, ran
    assert ran.json.get("error", {}).get("id") == id
    assert home.tokens.stat().st_mtime_ns == before
    assert not home.state.exists(), "reads only"


def test_json_has_the_settings_of_the_contract(home: Kit) -> None:
    home.write_tokens(
        {LOOKUP: token(5 * HOUR), "other.scope": token(-HOUR, refresh_token=None)}
    )
    ran = home.run("status", "--json")
    assert set(ran.json) == {"schema", "command", "ok", "exit", "error", "tokens"}
    first, second = ran.json["tokens"]
    members = "scope purposes expires_at seconds_left refreshable last_refresh host"
    assert list(first) == members.split()
    assert (first["scope"], first["purposes"], first["refreshable"]) == (
        LOOKUP,
        ["lookup"],
        True,
    )
    assert 4.9 * HOUR < first["seconds_left"] <= 5 * HOUR
    assert (second["purposes"], second["seconds_left"], second["refreshable"]) == (
        [],
        0,
        False,
    )


def test_a_row_for_each_purpose_then_the_next_step(home: Kit) -> None:
    lost, due = token(-1, refresh_token=None), token(-3 * HOUR - 30)
    home.write_tokens({LOOKUP: token(5 * HOUR + 30), UPLOAD[0]: due, UPLOAD[2]: lost})
    ran = home.run("status")
    assert re.fullmatch(
        r"look up samples and runs   valid for 5 h     refreshed .+\n"
        r"add samples                expired 3 h ago   can be refreshed, refreshed .+\n"
        r"add libraries              expired .+ ago *  cannot be refreshed.+\n"
        r"Next step: ocarina-kit login --for libraries\n",
        ran.out,
    ), ran
    assert LOOKUP not in ran.out
    assert f"look up samples and runs: {LOOKUP}\n" in home.run("status", "-v").out


def test_a_damaged_tokens_file_and_an_api_key_without_tokens(home: Kit) -> None:
    home.tokens.write_text('{"a": {"access_tok')
    ran = home.run("status", "--json")
    assert (ran.code, ran.json["error"]["id"], ran.json["tokens"]) == (
        1,
        "TOK002",
        [],
    ), ran
    home.tokens.unlink()
    assert home.run("status", "--json", "--profile", "none").json["tokens"] == []
    home.write_config(
        {**home.read_config(), "MAJORA_TOKEN": "1b4e28ba-2fa1-11d2-883f-0016d3cca427"}
    )
    assert home.run("status").code == 0
