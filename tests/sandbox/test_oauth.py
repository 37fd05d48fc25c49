"""The rules of Majora that the sandbox adds to those of django-oauth-toolkit.

They are tested over real HTTP, and so is the harmless query.
"""

from urllib.parse import parse_qs, urlsplit

import pytest

from ocarina_kit.sandbox import SandboxError

from .conftest import VIEW, Person

OTHER = "majora2.can_read_dataview_via_api"


def test_a_code_gives_a_token_for_the_same_redirect_uri_alone(person: Person) -> None:
    code = parse_qs(
        urlsplit(person.majora.authorize(person.user, person.link())).query
    )["code"][0]
    refused = person.exchange(code, redirect_uri=person.app.redirect_uri.rstrip("/"))
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert person.exchange(code).json()["scope"] == VIEW
    link = person.link(redirect_uri=person.majora.url + "elsewhere/")
    with pytest.raises(SandboxError, match=r"status 400: .*Mismatching redirect URI\."):
        person.majora.authorize(person.user, link)


def test_a_refresh_replaces_both_tokens_at_once(person: Person) -> None:
    old = person.grant(age=40 * 3600)  # the refresh token outlives the access token
    assert person.ask(old["access_token"]).status_code == 400
    assert (
        person.refresh(old["refresh_token"], scope=OTHER).json()["error"]
        == "invalid_scope"
    )
    new = person.refresh(old["refresh_token"]).json()
    assert person.refresh(old["refresh_token"]).json()["error"] == "invalid_grant"
    assert person.ask(new["access_token"]).json()["success"] is True
    person.majora.shift_clock(36_100)
    assert person.ask(new["access_token"]).status_code == 400
    assert person.refresh(new["refresh_token"]).status_code == 200


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"client_version": "0.36.1"},
            "Update your 'ocarina' client to version v0.44.0",
        ),
        (
            {"client_version": "new"},
            "The version of your 'ocarina' client could not be read",
        ),
        ({"client_version": "0.44.0"}, None),
        (
            {"client_name": "curl", "client_version": "0", "username": "someone else"},
            None,
        ),
    ],
)
def test_old_clients_are_refused(
    person: Person, more: dict[str, str], message: str | None
) -> None:
    answer = person.ask(person.grant()["access_token"], **more).json()
    assert answer["messages"] == ([message] if message else [])
    assert (answer["errors"], answer["success"]) == (
        len(answer["messages"]),
        not message,
    )


def test_who_is_not_let_in_gets_a_bare_400(person: Person) -> None:
    good = person.grant()["access_token"]
    for bearer, more in (
        ("x", {}),
        (None, {}),
        (good, {"username": ""}),
        (good, {"token": ""}),
    ):
        refused = person.ask(bearer, **more)
        assert (refused.status_code, refused.text) == (400, "")
    person.majora.set_active(person.user, False)
    assert person.ask(good).status_code == 400


def test_a_token_without_the_scope_hears_which(person: Person) -> None:
    token = person.grant(OTHER)["access_token"]
    assert person.ask(token).json()["messages"][0].endswith(f"Required scopes: {VIEW}")
    assert (
        person.ask(token, client_version="0.36.1")
        .json()["messages"][0]
        .startswith("Update your")
    )
    person.majora.configure(query_scope="")
    assert person.ask(token).json()["success"] is True
    person.majora.configure(query_scope=VIEW)
