"""The OAuth rules of FACTS.md, and of the harmless query, over real HTTP."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from ocarina_kit.sandbox import SandboxError

from .conftest import VIEW, Client, query_of

OTHER = "majora2.can_read_dataview_via_api"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


def said(response: Any) -> tuple[int, str]:
    return response.status_code, response.json().get("error")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, (400, "invalid_grant")),
        ({"client_id": "nonsense"}, (401, "invalid_client")),
        ({"client_secret": "nonsense"}, (401, "invalid_client")),
    ],
)
def test_a_bogus_code_probes_the_credentials(client: Client, more: dict[str, str], expected: Any) -> None:
    assert said(client.exchange("bogus", **more)) == expected
    assert (len(client.app.client_id), len(client.app.client_secret)) == (40, 128)


def test_the_redirect_uri_matches_to_the_letter(client: Client) -> None:
    code = client.code()
    refused = client.exchange(code, redirect_uri=client.app.redirect_uri.rstrip("/"))
    assert (said(refused), refused.json()["error_description"]) == (
        (400, "invalid_request"),
        "Mismatching redirect URI.",
    )
    for other in ("o/callback", "o/callback/?a=b", "elsewhere/"):
        link = client.link(redirect_uri=client.majora.url + other)
        with pytest.raises(SandboxError, match=r"status 400: .*Mismatching redirect URI\."):
            client.majora.authorize(client.user, link)


def test_what_the_authorize_page_refuses(client: Client) -> None:
    majora = client.majora
    with pytest.raises(SandboxError, match=r"status 400: .*Invalid client_id parameter value\."):
        majora.authorize(client.user, client.link(client_id="nobody"))
    assert query_of(majora.deny(client.user, client.link())) == {
        "error": "access_denied",
        "state": "the-state",
    }
    majora.set_permissions(client.user, [VIEW])
    ended = majora.authorize(client.user, client.link(f"{VIEW} {OTHER}"))
    assert query_of(ended) == {"error": "invalid_scope", "state": "the-state"}
    claimed = {"X-Sandbox-Permissions": OTHER}
    browser = majora.browser(client.user)
    response = browser.get(client.link(OTHER), headers=claimed, allow_redirects=False, timeout=20)
    assert "error=invalid_scope" in response.headers["Location"]


def test_a_refresh_replaces_both_tokens_at_once(client: Client) -> None:
    old = client.grant(age=40 * 3600)  # the refresh token outlives the access token
    assert client.ask(old["access_token"]).status_code == 400
    assert said(client.refresh(old["refresh_token"], scope=OTHER)) == (400, "invalid_scope")
    new = client.refresh(old["refresh_token"]).json()
    assert said(client.refresh(old["refresh_token"])) == (400, "invalid_grant")
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
    for refused in (
        client.ask("x"),
        client.ask(None),
        client.ask(good, username=""),
        client.ask(good, token=""),
    ):
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
