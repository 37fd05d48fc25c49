"""The rules of FACTS.md that the sandbox adds to django-oauth-toolkit's own, and the harmless query, over real HTTP."""

from __future__ import annotations

import pytest

from ocarina_kit.sandbox import SandboxError

from .conftest import VIEW, Client, query_of

OTHER = "majora2.can_read_dataview_via_api"


def test_a_code_gives_a_token_for_the_same_redirect_uri_alone(client: Client) -> None:
    code = client.code()
    refused = client.exchange(code, redirect_uri=client.app.redirect_uri.rstrip("/"))
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert client.exchange(code).json()["scope"] == VIEW
    link = client.link(redirect_uri=client.majora.url + "elsewhere/")
    with pytest.raises(SandboxError, match=r"status 400: .*Mismatching redirect URI\."):
        client.majora.authorize(client.user, link)


def test_what_the_authorize_page_answers(client: Client) -> None:
    majora = client.majora
    denied = majora.deny(client.user, client.link())
    assert query_of(denied) == {"error": "access_denied", "state": "the-state"}
    majora.set_permissions(client.user, [VIEW])
    ended = majora.authorize(client.user, client.link(f"{VIEW} {OTHER}"))
    assert query_of(ended) == {"error": "invalid_scope", "state": "the-state"}


def test_a_refresh_replaces_both_tokens_at_once(client: Client) -> None:
    old = client.grant(age=40 * 3600)  # the refresh token outlives the access token
    assert client.ask(old["access_token"]).status_code == 400
    assert client.refresh(old["refresh_token"], scope=OTHER).json()["error"] == "invalid_scope"
    new = client.refresh(old["refresh_token"]).json()
    assert client.refresh(old["refresh_token"]).json()["error"] == "invalid_grant"
    assert client.ask(new["access_token"]).json()["success"] is True
    client.majora.shift_clock(36_100)
    assert client.ask(new["access_token"]).status_code == 400
    assert client.refresh(new["refresh_token"]).status_code == 200


# The harmless query


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"client_version": "0.36.1"}, "Update your 'ocarina' client to version v0.44.0"),
        ({"client_version": "new"}, "The version of your 'ocarina' client could not be read"),
        ({"client_version": "0.44.0"}, None),
        ({"client_name": "curl", "client_version": "0", "username": "someone else"}, None),
    ],
)
def test_old_clients_are_refused(client: Client, more: dict[str, str], message: str | None) -> None:
    answer = client.ask(client.grant()["access_token"], **more).json()
    assert answer["messages"] == ([message] if message else [])
    assert (answer["errors"], answer["success"]) == (len(answer["messages"]), not message)


def test_who_is_not_let_in_gets_a_bare_400(client: Client) -> None:
    good = client.grant()["access_token"]
    for bearer, more in (("x", {}), (None, {}), (good, {"username": ""}), (good, {"token": ""})):
        refused = client.ask(bearer, **more)
        assert (refused.status_code, refused.text) == (400, "")
    client.majora.set_active(client.user, False)
    assert client.ask(good).status_code == 400


def test_a_token_without_the_scope_hears_which(client: Client) -> None:
    token = client.grant(OTHER)["access_token"]
    assert client.ask(token).json()["messages"][0].endswith(f"Required scopes: {VIEW}")
    assert client.ask(token, client_version="0.36.1").json()["messages"][0].startswith("Update your")
    client.majora.configure(query_scope="")
    assert client.ask(token).json()["success"] is True
    client.majora.configure(query_scope=VIEW)
