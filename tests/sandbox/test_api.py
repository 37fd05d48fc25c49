"""The sample queries: who is let in, with what, and what the others hear (FACTS.md)."""

from __future__ import annotations

import pytest

from ocarina_kit.sandbox import Sandbox

from .conftest import VIEW, Client, new_client


def test_a_good_token_is_let_in_whatever_the_username(client: Client) -> None:
    response = client.ask(client.grant()["access_token"], username="someone else")
    answer = response.json()
    assert (response.status_code, answer["errors"], answer["success"]) == (200, 0, True)
    assert answer["result"]["x"]["exists"] is False


@pytest.mark.parametrize("blank", ["username", "token"])
def test_a_blank_username_or_token_is_a_bare_400(client: Client, blank: str) -> None:
    response = client.ask(client.grant()["access_token"], **{blank: ""})
    assert (response.status_code, response.text) == (400, "")


def test_a_dead_token_is_a_bare_400(client: Client) -> None:
    response = client.ask("nonsense")
    assert (response.status_code, response.text) == (400, "")


def test_no_authorization_header_and_the_word_oauth_is_a_bare_400(client: Client) -> None:
    response = client.ask(None)
    assert (response.status_code, response.text) == (400, "")


@pytest.mark.parametrize(
    ("version", "errors"),
    [("0.36.1", 1), ("0.43.9", 1), ("0.44.0", 0), ("1.0.0", 0), ("new", 1), (None, 1)],
)
def test_old_clients_are_refused(client: Client, version: str | None, errors: int) -> None:
    answer = client.ask(client.grant()["access_token"], client_version=version).json()
    assert answer["errors"] == errors
    assert answer["success"] is (errors == 0)
    if version == "0.36.1":
        assert answer["messages"] == ["Update your 'ocarina' client to version v0.44.0"]


def test_other_programs_have_no_version_to_mind(client: Client) -> None:
    answer = client.ask(client.grant()["access_token"], client_name="curl", client_version="0").json()
    assert answer["errors"] == 0


def test_a_token_without_the_scope_is_told_which(client: Client) -> None:
    response = client.ask(client.grant("majora2.can_read_dataview_via_api")["access_token"])
    assert (response.status_code, response.json()["errors"]) == (200, 1)
    assert response.json()["messages"] == [
        "Your token is valid but does not have all of the scopes to perform this action."
        f" Required scopes: {VIEW}"
    ]


def test_a_client_that_is_too_old_hears_of_that_whatever_its_token_lacks(client: Client) -> None:
    token = client.grant("majora2.temp_can_read_pags_via_api")["access_token"]
    assert client.ask(token, client_version="0.36.1").json()["messages"][0].startswith("Update your")


def test_the_query_can_ask_for_no_scope_as_the_real_one(client: Client) -> None:
    majora = client.majora
    token = client.grant("majora2.can_read_dataview_via_api")["access_token"]
    majora.configure(query_scope="", minimum_client="2.0.0")
    try:
        assert client.ask(token).json()["messages"] == ["Update your 'ocarina' client to version v2.0.0"]
        assert client.ask(token, client_version="2.0.0").json()["success"] is True
    finally:
        majora.configure(query_scope=VIEW, minimum_client="0.44.0")


def test_an_inactive_account_is_a_bare_400(client: Client) -> None:
    token = client.grant()["access_token"]
    client.majora.set_active(client.user, False)
    assert client.ask(token).status_code == 400
    client.majora.set_active(client.user, True)
    assert client.ask(token).status_code == 200


def test_the_front_end_folds_double_slashes_of_the_api_alone(client: Client) -> None:
    token = client.grant()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    body = {"username": "x", "token": "OAUTH", "biosamples": ["x"]}
    url = client.majora.url + "/api/v2/artifact/biosample/query/validity//"
    assert client.session.post(url, json=body, headers=headers, timeout=20).json()["success"] is True
    assert client.session.post(client.majora.url + "/o/token/", data={}, timeout=20).status_code == 404


def test_a_sample_that_is_there_is_found(client: Client) -> None:
    client.majora.add_sample("SAMPLE-1")
    token = client.grant()["access_token"]
    found = client.ask(token, biosamples=["SAMPLE-1", "SAMPLE-2"]).json()["result"]
    assert [found[name]["exists"] for name in ("SAMPLE-1", "SAMPLE-2")] == [True, False]
    assert "SAMPLE-1" in client.ask(token, path="get/", central_sample_id="SAMPLE-1").json()["get"]
    assert client.ask(token, path="get/", central_sample_id="SAMPLE-2").json()["errors"] == 1
    assert client.ask(token, path="get/").json()["errors"] == 1
    assert client.ask(token, biosamples=[]).json()["errors"] == 1


def test_only_json_posts_are_read(client: Client) -> None:
    url = client.majora.url + "api/v2/artifact/biosample/query/validity/"
    assert client.session.get(url, timeout=20).status_code == 400
    for body in ("", "{", "[]", "1"):
        assert client.session.post(url, data=body, timeout=20).status_code == 400


# Legacy keys


def test_a_legacy_key_opens_for_its_own_user(client: Client) -> None:
    key = client.majora.add_legacy_key(client.user)
    assert client.ask(None, token=key).json()["success"] is True
    assert client.ask(None, token=key, username="someone else").status_code == 400
    assert client.ask(None, token=key + "x").status_code == 400


def test_a_legacy_key_lives_three_days(client: Client) -> None:
    assert client.ask(None, token=client.majora.add_legacy_key(client.user, age=71 * 3600)).ok
    old = client.majora.add_legacy_key(client.user, age=73 * 3600)
    response = client.ask(None, token=old)
    assert (response.status_code, response.text) == (400, "")


def test_a_revoked_key_and_one_without_the_permission_are_refused(majora: Sandbox) -> None:
    client = new_client(majora)
    key = majora.add_legacy_key(client.user)
    majora.set_permissions(client.user, ["majora2.can_read_dataview_via_api"])
    assert client.ask(None, token=key).status_code == 400
    majora.set_permissions(client.user, "all")
    assert client.ask(None, token=key).status_code == 200
    majora.revoke_legacy_key(key)
    assert client.ask(None, token=key).status_code == 400


# The Date header


@pytest.mark.parametrize("path", ["", "o/token/", "nowhere/", "o/callback/"])
def test_every_answer_is_dated_by_the_servers_clock(client: Client, path: str) -> None:
    import time
    from email.utils import parsedate_to_datetime

    def off() -> float:
        response = client.session.get(client.majora.url + path, allow_redirects=False, timeout=20)
        return parsedate_to_datetime(response.headers["Date"]).timestamp() - time.time()

    assert abs(off()) < 3
    client.majora.shift_clock(-3600)
    assert abs(off() + 3600) < 3
