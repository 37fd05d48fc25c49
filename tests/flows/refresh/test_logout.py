"""``ocarina-kit logout`` as a process: revoked at the server, then forgotten here, and never the other way round."""

from __future__ import annotations

import json

from tests.conftest import mode_of
from tests.flows.refresh.conftest import PAGS, VIEW, Person, result_of
from tests.terminal import Screen


def test_it_revokes_and_forgets(person: Person) -> None:
    tokens = person.have(VIEW, PAGS)
    ran = person.kit.run("logout", "--yes", "--json")
    assert ran.code == 0, repr(ran)
    assert [token["result"] for token in ran.json["tokens"]] == ["revoked", "revoked"]
    assert person.kit.tokens.read_bytes() == b"{}"
    assert mode_of(person.kit.tokens) == 0o600
    for token in tokens.values():
        assert person.majora.token_state(token["access_token"]) != "live"
        assert person.majora.token_state(token["refresh_token"]) == "dead"
    assert ["result=logged-out" in line for line in person.log()] == [True, True]


def test_scopes_that_are_not_named_keep_every_byte(person: Person) -> None:
    tokens = {VIEW: person.grant(), PAGS: person.grant(PAGS)}
    kept = json.dumps(tokens[PAGS], indent=3)
    person.kit.tokens.write_text(f'{{"{VIEW}": {json.dumps(tokens[VIEW])},\n\t"{PAGS}" : {kept}\n}}\n')
    assert person.kit.run("logout", "--yes", "--scope", VIEW).code == 0
    assert list(person.tokens) == [PAGS]
    assert f'"{PAGS}" : {kept}\n}}\n' in person.kit.tokens.read_text()
    assert person.alive(PAGS)


def test_what_the_server_did_not_confirm_is_kept(person: Person) -> None:
    tokens = person.have(VIEW, PAGS)
    person.majora.fault("status", "o/revoke_token/", status=503, times=2)
    ran = person.kit.run("logout", "--yes", "--json", "--scope", VIEW)
    assert ran.code == 5
    assert result_of(ran) == "kept"
    assert person.tokens == tokens
    assert "ocarina-kit logout --local" in ran.json["error"]["remedy"]["commands"]
    assert person.alive(VIEW)


def test_one_hiccup_is_tried_again(person: Person) -> None:
    person.have(VIEW)
    person.majora.fault("status", "o/revoke_token/", status=503, times=1)
    assert person.kit.run("logout", "--yes").code == 0


def test_a_wrong_client_is_said_and_all_is_kept(person: Person) -> None:
    person.have(VIEW)
    before = person.kit.tokens.read_bytes()
    person.configure(CLIENT_SECRET="w" * 128)
    ran = person.kit.run("logout", "--yes", "--json")
    assert (ran.code, ran.json["error"]["id"]) == (1, "CRD001")
    assert person.kit.tokens.read_bytes() == before


def test_local_forgets_without_asking_and_says_what_stays(person: Person) -> None:
    person.have(VIEW)
    before = person.kit.read_tokens()[VIEW]
    ran = person.kit.run("logout", "--yes", "--local")
    assert ran.code == 0
    assert person.majora.requests == []
    assert person.kit.read_tokens() == {}
    assert person.majora.token_state(before["refresh_token"]) == "live"
    assert "backups" in ran.out


def test_it_asks_and_without_a_terminal_wants_yes(person: Person) -> None:
    person.have(VIEW)
    before = person.kit.tokens.read_bytes()
    ran = person.kit.run("logout")
    assert ran.code == 2
    assert "--yes" in ran.err
    with Screen.of(person.kit, "logout") as screen:
        screen.expect("look up samples")
        screen.expect("[Y/n]")
        screen.send("n\r")
        screen.expect("Nothing was changed.")
        assert screen.wait() == 0
    assert person.kit.tokens.read_bytes() == before
    assert person.majora.requests == []
    with Screen.of(person.kit, "logout") as screen:
        screen.expect("[Y/n]")
        screen.send("\r")
        assert screen.wait() == 0
    assert person.kit.read_tokens() == {}


def test_dry_run_sends_and_writes_nothing(person: Person) -> None:
    person.have(VIEW)
    before = person.kit.tokens.read_bytes()
    ran = person.kit.run("logout", "--dry-run", "--json")
    assert (ran.code, result_of(ran)) == (0, "would-revoke")
    assert person.majora.requests == []
    assert person.kit.tokens.read_bytes() == before
    assert not person.kit.state.exists()


def test_dry_run_shows_the_change_as_a_diff_with_its_secrets_masked(person: Person) -> None:
    token = person.have(VIEW)[VIEW]
    for ran in (person.kit.run("logout", "--dry-run"), person.kit.run("logout", "--dry-run", "--json")):
        assert f"+++ {person.kit.tokens} (then)" in ran.all
        assert f'-  "{VIEW}": {{' in ran.all.replace('\\"', '"')
        assert '"refresh_token": "***"' in ran.all.replace('\\"', '"')
        assert token["refresh_token"] not in ran.all
        assert token["access_token"] not in ran.all


def test_with_nothing_to_log_out_from_it_says_so(person: Person) -> None:
    ran = person.kit.run("logout", "--json")
    assert (ran.code, ran.json["tokens"]) == (0, [])
    ran = person.kit.run("logout", "--yes", "--scope", VIEW, "--json")
    assert (ran.code, result_of(ran)) == (0, "no-token")


def test_no_token_is_sent_to_another_server_not_even_one_that_the_client_wrote(person: Person) -> None:
    person.have(VIEW, PAGS)
    assert person.kit.run("refresh", "--scope", VIEW).code == 0
    person.configure(MAJORA_DOMAIN=person.majora.url.replace("127.0.0.1", "localhost"))
    person.majora.clear_requests()
    ran = person.kit.run("logout", "--yes", "--json")
    assert (ran.code, ran.json["error"]["id"]) == (1, "RFR006")
    assert (result_of(ran, VIEW), result_of(ran, PAGS)) == ("kept", "kept")
    assert person.majora.stats()["requests"] == 0
    assert list(person.tokens) == [VIEW, PAGS]


def test_after_it_login_and_refresh_say_what_to_do(person: Person) -> None:
    person.have(VIEW)
    assert person.kit.run("logout", "--yes").code == 0
    ran = person.kit.run("refresh", "--json")
    assert (ran.code, ran.json["error"]["id"]) == (4, "TOK001")
