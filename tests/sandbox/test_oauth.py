"""The OAuth rules of FACTS.md, over real HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ocarina_kit.sandbox import Sandbox, SandboxError

from .conftest import CHALLENGE, VERIFIER, VIEW, Client, new_client, query_of


def error_of(response: Any) -> str:
    assert response.headers["Content-Type"] == "application/json"
    return str(response.json()["error"])


# Credentials


def test_good_credentials_with_a_bogus_code_are_invalid_grant(client: Client) -> None:
    response = client.exchange("bogus")
    assert (response.status_code, error_of(response)) == (400, "invalid_grant")


def test_the_credentials_may_come_as_http_basic(client: Client) -> None:
    response = client.session.post(
        client.majora.url + "o/token/",
        data={
            "grant_type": "authorization_code",
            "code": "bogus",
            "redirect_uri": client.app.redirect_uri,
        },
        auth=(client.app.client_id, client.app.client_secret),
        timeout=20,
    )
    assert (response.status_code, error_of(response)) == (400, "invalid_grant")


@pytest.mark.parametrize("wrong", ["client_id", "client_secret"])
def test_a_wrong_client_is_invalid_client(client: Client, wrong: str) -> None:
    response = client.exchange("bogus", **{wrong: "nonsense"})
    assert (response.status_code, error_of(response)) == (401, "invalid_client")


def test_swapped_credentials_are_invalid_client(client: Client) -> None:
    swapped = {"client_id": client.app.client_secret, "client_secret": client.app.client_id}
    assert client.exchange("bogus", **swapped).status_code == 401


def test_ids_and_secrets_have_the_lengths_of_the_real_ones(client: Client) -> None:
    assert (len(client.app.client_id), len(client.app.client_secret)) == (40, 128)


# Codes


def test_a_code_becomes_a_token_as_majora_answers_it(client: Client) -> None:
    token = client.exchange(client.code()).json()
    assert set(token) == {"access_token", "expires_in", "token_type", "scope", "refresh_token"}
    assert (token["expires_in"], token["token_type"], token["scope"]) == (36000, "Bearer", VIEW)


def test_the_scope_keeps_the_order_that_was_asked_for(client: Client) -> None:
    scope = "majora2.change_biosampleartifact majora2.add_biosampleartifact"
    assert client.exchange(client.code(scope)).json()["scope"] == scope


@pytest.mark.parametrize(("seconds", "status"), [(55, 200), (61, 400)])
def test_a_code_lives_sixty_seconds(client: Client, seconds: int, status: int) -> None:
    code = client.code()
    client.majora.shift_clock(seconds)
    response = client.exchange(code)
    assert response.status_code == status
    assert status == 200 or error_of(response) == "invalid_grant"


def test_a_code_is_good_once(client: Client) -> None:
    code = client.code()
    assert client.exchange(code).status_code == 200
    response = client.exchange(code)
    assert (response.status_code, error_of(response)) == (400, "invalid_grant")


def test_a_code_is_good_for_its_own_client_alone(client: Client) -> None:
    other = new_client(client.majora)
    response = other.exchange(client.code())
    assert (response.status_code, error_of(response)) == (400, "invalid_grant")


def test_the_redirect_uri_must_match_at_the_exchange(client: Client) -> None:
    response = client.exchange(client.code(), redirect_uri=client.app.redirect_uri.rstrip("/"))
    assert (response.status_code, error_of(response)) == (400, "invalid_request")
    assert response.json()["error_description"] == "Mismatching redirect URI."


def test_no_two_factor_is_told_at_the_exchange(majora: Sandbox) -> None:
    client = new_client(majora, two_factor=False)
    code = client.code()
    response = client.exchange(code)
    assert response.status_code == 400
    assert response.json() == {
        "error": "access_denied",
        "error_description": "The requesting user has not enabled 2FA",
    }


# PKCE (RFC 7636)


def test_pkce_is_optional_but_demanded_where_it_was_begun(client: Client) -> None:
    code = client.code(code_challenge=CHALLENGE, code_challenge_method="S256")
    response = client.exchange(code)
    assert (response.status_code, error_of(response)) == (400, "invalid_request")
    assert response.json()["error_description"] == "Code verifier required."
    assert client.exchange(code, code_verifier=VERIFIER).status_code == 200


def test_a_wrong_verifier_is_refused(client: Client) -> None:
    code = client.code(code_challenge=CHALLENGE, code_challenge_method="S256")
    assert error_of(client.exchange(code, code_verifier="w" * 64)) == "invalid_grant"


# The authorize page


def test_cancel_is_access_denied_with_the_state(client: Client) -> None:
    ended = client.majora.deny(client.user, client.link())
    assert query_of(ended) == {"error": "access_denied", "state": "the-state"}


def test_all_scopes_must_be_covered_by_the_permissions(majora: Sandbox) -> None:
    client = new_client(majora, permissions=[VIEW])
    ended = majora.authorize(client.user, client.link(f"{VIEW} majora2.add_biosampleartifact"))
    assert ended.startswith(client.app.redirect_uri)
    assert query_of(ended) == {"error": "invalid_scope", "state": "the-state"}
    majora.set_permissions(client.user, [VIEW, "majora2.add_biosampleartifact"])
    assert "code" in query_of(
        majora.authorize(client.user, client.link(f"{VIEW} majora2.add_biosampleartifact"))
    )


def test_permissions_can_not_be_claimed_by_a_header(majora: Sandbox) -> None:
    client = new_client(majora, permissions=[])
    browser = majora.browser(client.user)
    claimed = {"X-Sandbox-Permissions": VIEW}
    response = browser.get(client.link(), headers=claimed, allow_redirects=False, timeout=20)
    assert "error=invalid_scope" in response.headers["Location"]


def test_an_unknown_client_is_a_page(client: Client) -> None:
    link = client.link().replace(client.app.client_id, "nobody")
    with pytest.raises(SandboxError, match=r"status 400: .*Invalid client_id parameter value\."):
        client.majora.authorize(client.user, link)


@pytest.mark.parametrize(
    "other",
    [
        "{url}o/callback",
        "{url}o/callback/?a=b",
        "{url}elsewhere/",
        "https://example.org/o/callback/",
        "http://127.0.0.1:1/o/callback/",
    ],
)
def test_the_redirect_uri_matches_to_the_letter(client: Client, other: str) -> None:
    link = client.link(redirect_uri=other.format(url=client.majora.url))
    with pytest.raises(SandboxError, match=r"status 400: .*Mismatching redirect URI\."):
        client.majora.authorize(client.user, link)


@pytest.mark.parametrize("known", [True, False])
def test_who_is_not_logged_in_is_sent_to_the_login_before_the_client_is_looked_at(
    client: Client, known: bool
) -> None:
    link = client.link() if known else client.link().replace(client.app.client_id, "nobody")
    response = client.session.get(link, allow_redirects=False, timeout=20)
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/account/login/?next=/o/authorize/")


def test_approval_prompt_auto_skips_the_form_where_a_token_covers_the_scopes(client: Client) -> None:
    browser = client.majora.browser(client.user)

    def open_link(scope: str = VIEW) -> int:
        link = client.link(scope, approval_prompt="auto")
        status: int = browser.get(link, allow_redirects=False, timeout=20).status_code
        return status

    assert open_link() == 200  # the form
    client.grant(age=40_000)
    assert open_link() == 200  # expired: the form again
    client.grant()
    assert open_link() == 302
    assert open_link("majora2.can_read_dataview_via_api") == 200
    assert (
        browser.get(client.link(approval_prompt="force"), allow_redirects=False, timeout=20).status_code
        == 200
    )


# Refresh


def test_a_refresh_gives_a_new_pair_and_the_old_one_is_dead_at_once(client: Client) -> None:
    old = client.grant()
    new = client.refresh(old["refresh_token"]).json()
    assert new["access_token"] != old["access_token"]
    assert new["refresh_token"] != old["refresh_token"]
    assert client.ask(old["access_token"]).status_code == 400
    assert client.ask(new["access_token"]).json()["success"] is True
    response = client.refresh(old["refresh_token"])
    assert (response.status_code, error_of(response)) == (400, "invalid_grant")
    assert client.refresh(new["refresh_token"]).status_code == 200


def test_the_refresh_token_outlives_the_access_token(client: Client) -> None:
    old = client.grant(age=40 * 3600)
    assert client.ask(old["access_token"]).status_code == 400
    new = client.refresh(old["refresh_token"])
    assert new.status_code == 200
    assert client.ask(new.json()["access_token"]).json()["success"] is True


def test_a_token_lives_ten_hours(client: Client) -> None:
    token = client.grant()
    client.majora.shift_clock(35_900)
    assert client.ask(token["access_token"]).status_code == 200
    client.majora.shift_clock(200)
    assert client.ask(token["access_token"]).status_code == 400
    assert client.refresh(token["refresh_token"]).status_code == 200


def test_a_refresh_for_another_scope_is_invalid_scope(client: Client) -> None:
    token = client.grant()
    response = client.refresh(token["refresh_token"], scope="majora2.can_read_dataview_via_api")
    assert (response.status_code, error_of(response)) == (400, "invalid_scope")
    assert client.refresh(token["refresh_token"], scope=VIEW).status_code == 200


def test_a_refresh_token_of_another_client_is_refused_and_lives_on(client: Client) -> None:
    other = new_client(client.majora)
    token = client.grant()
    assert error_of(other.refresh(token["refresh_token"])) == "invalid_grant"
    assert client.refresh(token["refresh_token"]).status_code == 200


def test_a_refresh_with_a_wrong_secret_spends_nothing(client: Client) -> None:
    token = client.grant()
    assert client.refresh(token["refresh_token"], client_secret="wrong").status_code == 401
    assert client.majora.token_state(token["refresh_token"]) == "live"


def test_twenty_tokens_refreshed_at_once_all_succeed(client: Client) -> None:
    tokens = [client.grant(age=50_000)["refresh_token"] for _ in range(20)]
    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(lambda token: client.refresh(token).status_code, tokens))
    assert statuses == [200] * 20
    assert client.majora.stats()["refreshes"] == 20


def test_one_token_refreshed_twenty_times_at_once_succeeds_once(client: Client) -> None:
    token = client.grant()["refresh_token"]
    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(lambda _: client.refresh(token).status_code, range(20)))
    assert sorted(statuses) == [200] + [400] * 19
    stats = client.majora.stats()
    assert list(stats["sent"].values()) == [20]
    assert list(stats["spent"].values()) == [1]


def test_one_code_exchanged_twenty_times_at_once_succeeds_once(client: Client) -> None:
    code = client.code()
    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(lambda _: client.exchange(code).status_code, range(20)))
    assert sorted(statuses) == [200] + [400] * 19


# Revocation (RFC 7009)


@pytest.mark.parametrize("hint", ["refresh_token", "access_token"])
def test_revoking_kills_both(client: Client, hint: str) -> None:
    token = client.grant()
    response = client.session.post(
        client.majora.url + "o/revoke_token/",
        data={
            "token": token[hint],
            "token_type_hint": hint,
            "client_id": client.app.client_id,
            "client_secret": client.app.client_secret,
        },
        timeout=20,
    )
    assert response.status_code == 200
    assert client.ask(token["access_token"]).status_code == 400
    if hint == "refresh_token":
        assert error_of(client.refresh(token["refresh_token"])) == "invalid_grant"


def test_revoking_with_a_wrong_secret_changes_nothing(client: Client) -> None:
    token = client.grant()
    response = client.session.post(
        client.majora.url + "o/revoke_token/",
        data={
            "token": token["refresh_token"],
            "client_id": client.app.client_id,
            "client_secret": "wrong",
        },
        timeout=20,
    )
    assert response.status_code == 401
    assert client.majora.token_state(token["refresh_token"]) == "live"


# The handle's own ways


def test_a_token_from_the_handle_looks_as_the_client_stores_it(client: Client) -> None:
    import time

    token = client.grant(f"{VIEW} majora2.can_read_dataview_via_api", age=600)
    assert token["scope"] == [VIEW, "majora2.can_read_dataview_via_api"]
    assert (token["expires_in"], token["token_type"]) == (36000, "Bearer")
    assert abs(token["expires_at"] - (time.time() + 35_400)) < 5
    assert client.ask(token["access_token"]).json()["success"] is True


def test_expire_and_revoke_by_the_handle(client: Client) -> None:
    token = client.grant()
    client.majora.expire_tokens()
    assert client.majora.token_state(token["access_token"]) == "expired"
    assert client.ask(token["access_token"]).status_code == 400
    assert client.majora.revoke(token)
    assert not client.majora.revoke(token)
    assert client.majora.token_state(token["refresh_token"]) == "dead"
    assert error_of(client.refresh(token["refresh_token"])) == "invalid_grant"


def test_a_removed_application_is_unknown(client: Client) -> None:
    token = client.grant()
    client.majora.remove_application(client.app)
    assert client.refresh(token["refresh_token"]).status_code == 401
    assert client.ask(token["access_token"]).status_code == 400


def test_the_whole_way_over_tls(tls_client: Client) -> None:
    token = tls_client.exchange(tls_client.code()).json()
    new = tls_client.refresh(token["refresh_token"]).json()
    assert tls_client.ask(new["access_token"]).json()["success"] is True
