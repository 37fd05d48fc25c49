"""``ocarina-kit refresh`` as a process against the sandbox: what it does to the file, and what it says."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from tests.conftest import Kit, mode_of
from tests.flows.refresh.conftest import HOUR, INFO, PAGS, VIEW, Person, dumped, result_of


def test_an_access_token_that_expired_yesterday_is_healed_with_no_browser(person: Person) -> None:
    before = person.have(VIEW, age=30 * HOUR)[VIEW]
    ran = person.kit.run("refresh", "--json")
    assert ran.code == 0, repr(ran)
    assert result_of(ran) == "refreshed"
    after = person.tokens[VIEW]
    assert after["access_token"] != before["access_token"]
    assert after["refresh_token"] != before["refresh_token"]
    assert person.alive()
    assert after["expires_at"] == pytest.approx(time.time() + 36_000, abs=30)
    assert ran.json["tokens"][0]["expires_at"] == after["expires_at"]


def test_what_is_written_is_to_the_letter_what_the_client_writes(person: Person) -> None:
    person.have(VIEW, PAGS)
    assert person.kit.run("refresh").code == 0
    for scope, token in person.tokens.items():
        assert list(token) == [
            *("access_token", "expires_in", "token_type", "scope"),
            *("refresh_token", "expires_at"),
        ]
        assert token["scope"] == scope.split(" ")
        assert type(token["expires_in"]) is int
        assert type(token["expires_at"]) is float
        assert token["token_type"] == "Bearer"
    assert mode_of(person.kit.tokens) == 0o600


def test_scopes_that_are_not_asked_for_keep_every_byte(person: Person) -> None:
    tokens = {VIEW: person.grant(), PAGS: person.grant(PAGS)}
    odd = json.dumps(tokens[PAGS], indent=1).replace('"Bearer"', '"B\\u0065arer"')
    text = f'{{ "{PAGS}" :\t{odd} ,\n\n"{VIEW}":{json.dumps(tokens[VIEW])}, "of_others": {{"x": 1.50}} }}\n'
    person.kit.tokens.write_text(text)
    ran = person.kit.run("refresh", "--scope", VIEW)
    assert ran.code == 0, repr(ran)
    after = person.kit.tokens.read_text()
    assert after.startswith(text.partition(f'"{VIEW}"')[0])
    assert after.endswith(', "of_others": {"x": 1.50} }\n')
    assert person.alive(VIEW)


def test_unknown_members_of_an_entry_stay(person: Person) -> None:
    token = {**person.grant(), "note": "mine", "expires_at": 5}
    person.kit.write_tokens({VIEW: token})
    assert person.kit.run("refresh").code == 0
    assert person.tokens[VIEW]["note"] == "mine"


def test_a_loose_file_is_0600_afterwards_and_a_link_stays_one(person: Person) -> None:
    target = person.kit.home / "dotfiles" / "tokens"
    target.parent.mkdir()
    target.write_bytes(dumped({VIEW: person.grant()}))
    target.chmod(0o644)
    person.kit.tokens.symlink_to(target)
    assert person.kit.run("refresh").code == 0
    assert person.kit.tokens.is_symlink()
    assert mode_of(target) == 0o600
    assert person.alive()


def test_the_tokens_file_of_the_set_up_is_used(person: Person) -> None:
    person.configure(MAJORA_TOKENS_FILE="~/elsewhere/tokens")
    (person.kit.home / "elsewhere").mkdir()
    there = person.kit.home / "elsewhere" / "tokens"
    there.write_bytes(dumped({VIEW: person.grant()}))
    before = there.read_bytes()
    assert person.kit.run("refresh").code == 0
    assert there.read_bytes() != before
    assert not person.kit.tokens.exists()


# --- which


def test_within_refreshes_those_that_live_less(person: Person) -> None:
    tokens = {VIEW: person.grant(age=9.5 * HOUR), PAGS: person.grant(PAGS, age=1 * HOUR)}
    person.kit.write_tokens(tokens)
    ran = person.kit.run("refresh", "--within", "2h", "--json")
    assert ran.code == 0
    assert (result_of(ran, VIEW), result_of(ran, PAGS)) == ("refreshed", "fresh")
    assert person.tokens[PAGS] == tokens[PAGS]


def test_within_with_nothing_due_asks_nobody_and_writes_nothing(person: Person) -> None:
    person.have(VIEW)
    before = person.kit.tokens.read_bytes()
    ran = person.kit.run("refresh", "--within", "30m")
    assert ran.code == 0
    assert person.majora.requests == []
    assert person.kit.tokens.read_bytes() == before
    assert not person.kit.state.exists()


@pytest.mark.parametrize("text", ["", "soon", "-2h", "2 parsecs", "30m1h", "1e9", "nan"])
def test_a_within_that_is_no_length_of_time_is_wrong_usage(person: Person, text: str) -> None:
    person.have(VIEW)
    ran = person.kit.run("refresh", "--within", text)
    assert ran.code == 2
    assert "--within" in ran.err
    assert person.majora.requests == []


def test_dry_run_says_which_and_touches_nothing(person: Person) -> None:
    person.have(VIEW, PAGS, age=20 * HOUR)
    before = sorted(path.name for path in person.kit.home.iterdir())
    ran = person.kit.run("refresh", "--dry-run", "--json")
    assert ran.code == 0
    assert (result_of(ran, VIEW), result_of(ran, PAGS)) == ("due", "due")
    assert person.majora.requests == []
    assert sorted(path.name for path in person.kit.home.iterdir()) == before


def test_scope_may_be_given_again_and_one_that_is_not_there_stops_no_other(person: Person) -> None:
    person.have(VIEW, PAGS)
    ran = person.kit.run("refresh", "--scope", VIEW, "--scope", f"  {PAGS} ", "--scope", INFO, "--json")
    assert ran.code == 4
    assert [result_of(ran, scope) for scope in (VIEW, PAGS, INFO)] == ["refreshed", "refreshed", "no-token"]
    assert ran.json["error"]["id"] == "TOK001"
    assert f"ocarina-kit login --scope {INFO}" in ran.json["error"]["remedy"]["commands"]


def test_a_scope_that_is_no_scope_is_wrong_usage(person: Person) -> None:
    assert person.kit.run("refresh", "--scope", 'what "is" this').code == 2


# --- what it says and leaves behind


def test_quiet_says_nothing_on_success(person: Person) -> None:
    person.configure(MAJORA_DOMAIN=person.majora.url.rstrip("/"), OCARINA_QUIET="yes")  # mended for this run
    person.have(VIEW)
    ran = person.kit.run("refresh", "--quiet")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert person.alive()


def test_quiet_says_one_line_with_an_id_where_a_person_must_act(person: Person) -> None:
    tokens = person.have(VIEW, PAGS)
    person.majora.revoke(tokens[VIEW])
    ran = person.kit.run("refresh", "--quiet")
    assert ran.code == 4
    assert ran.out == ""
    assert re.fullmatch(r"ocarina-kit \[RFR001\]: [^\n]+\n", ran.err)
    assert "ocarina-kit login --scope" in ran.err


def test_quiet_is_silent_on_exit_5_and_one_line_on_a_broken_set_up(person: Person) -> None:
    person.have(VIEW)
    person.majora.fault("status", status=404)
    ran = person.kit.run("refresh", "--quiet")
    assert (ran.code, ran.out, ran.err) == (5, "", "")
    person.configure(CLIENT_ID=None)
    ran = person.kit.run("refresh", "--quiet")
    assert ran.code == 1
    assert re.fullmatch(r"ocarina-kit \[CFG004\]: [^\n]+\n", ran.err)


def test_a_refresh_is_logged_and_backed_up(person: Person) -> None:
    tokens = person.have(VIEW)
    assert person.kit.run("refresh").code == 0
    (line,) = person.log()
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ host=\S+ by=refresh result=refreshed setup=", line)
    assert f"scope={VIEW}" in line
    (backup,) = (person.kit.state / "backups").iterdir()
    assert json.loads(backup.read_bytes()) == tokens
    assert mode_of(backup) == 0o600
    for secret in person.kit.secrets:
        assert secret not in line
    assert list((person.kit.state / "sent").iterdir()) == []


# --- nothing to refresh


def test_no_token_at_all_is_exit_4(person: Person) -> None:
    for content in (None, "{}"):
        if content is not None:
            person.kit.tokens.write_text(content)
        ran = person.kit.run("refresh", "--json")
        assert ran.code == 4
        assert ran.json["error"]["id"] == "TOK001"
        assert ran.json["tokens"] == []
        assert ran.json["error"]["remedy"]["commands"] == ["ocarina-kit login"]


def test_a_token_without_a_refresh_token_needs_a_login(person: Person) -> None:
    token = person.grant()
    del token["refresh_token"]
    person.kit.write_tokens({VIEW: token, PAGS: person.grant(PAGS)})
    ran = person.kit.run("refresh", "--json")
    assert ran.code == 4
    assert (result_of(ran, VIEW), result_of(ran, PAGS)) == ("no-refresh-token", "refreshed")
    assert ran.json["error"]["id"] == "TOK005"
    # It still lives, so nobody needs to act where that is enough.
    assert person.kit.run("refresh", "--within", "1h").code == 0


def test_a_legacy_key_has_nothing_to_refresh(person: Person) -> None:
    person.configure(MAJORA_TOKEN="0f8fad5b-d9cb-469f-a165-70867728950e")
    ran = person.kit.run("refresh", "--json")
    assert ran.code == 0, repr(ran)
    assert ran.json["tokens"] == []
    assert "legacy API key" in ran.err


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff\xfe{}", b'{"a": {"access_token": "x"', b"null", b"{}{}"],
)
def test_a_damaged_file_is_left_as_it_is(person: Person, content: bytes) -> None:
    person.kit.tokens.write_bytes(content)
    ran = person.kit.run("refresh", "--json")
    assert ran.code == 1
    assert ran.json["error"]["id"] == "TOK002"
    assert "ocarina-kit doctor --fix" in ran.json["error"]["remedy"]["commands"]
    assert person.kit.tokens.read_bytes() == content
    assert person.majora.requests == []


def test_an_entry_that_is_no_token_stops_no_other(person: Person) -> None:
    tokens: dict[str, Any] = {"what": 3, VIEW: person.grant()}
    person.kit.write_tokens(tokens)
    ran = person.kit.run("refresh", "--json")
    assert ran.code == 1
    assert (result_of(ran, "what"), result_of(ran, VIEW)) == ("unreadable", "refreshed")
    assert json.loads(person.kit.tokens.read_bytes())["what"] == 3


# --- another server's tokens


def test_no_token_goes_to_another_domain_than_the_one_that_granted_it(person: Person, kit: Kit) -> None:
    person.have(VIEW)
    assert person.kit.run("refresh").code == 0
    person.configure(MAJORA_DOMAIN=person.majora.url.replace("127.0.0.1", "localhost"))
    person.majora.clear_requests()
    ran = person.kit.run("refresh", "--json")
    assert ran.code == 1
    assert result_of(ran) == "other-server"
    assert ran.json["error"]["id"] == "RFR006"
    assert person.majora.requests == []
    person.configure()
    assert person.kit.run("refresh").code == 0


def test_a_file_shared_with_another_server_is_sent_to_neither_unless_refresh_log_tells(
    person: Person,
) -> None:
    person.have(VIEW)
    other = {"MAJORA_DOMAIN": "https://majora.invalid/"}
    person.configure(profile={"other": other})
    ran = person.kit.run("refresh", "--json")
    assert (ran.code, ran.json["error"]["id"]) == (1, "CFG013")
    assert person.majora.requests == []
    ran = person.kit.run("refresh", "--profile", "other", "--json")
    assert (ran.code, ran.json["error"]["id"]) == (1, "CFG013")
    person.configure(profile={"other": {**other, "MAJORA_TOKENS_FILE": "~/.ocarina-tokens-other"}})
    assert person.kit.run("refresh").code == 0
    person.configure(profile={"other": other})
    assert person.kit.run("refresh").code == 0  # the log knows by now whose it is


# --- the clock


def test_a_wrong_local_clock_is_said(person: Person) -> None:
    person.have(VIEW)
    person.majora.shift_clock(2 * HOUR)
    ran = person.kit.run("refresh")
    assert ran.code == 0
    assert "clock is 2 h behind" in re.sub(r"1 h 59 min", "2 h", ran.out)
    assert "ENV007" in ran.out


def test_expiry_is_judged_by_both_clocks(person: Person) -> None:
    person.kit.write_tokens({VIEW: person.grant(age=9.5 * HOUR), PAGS: person.grant(PAGS, age=1 * HOUR)})
    person.majora.shift_clock(8.5 * HOUR)
    ran = person.kit.run("refresh", "--within", "1h", "--json")
    assert ran.code == 0
    assert (result_of(ran, VIEW), result_of(ran, PAGS)) == ("refreshed", "refreshed")
