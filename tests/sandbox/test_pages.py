"""What a person sees, page by page."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests

from ocarina_kit.sandbox import Sandbox, SandboxError
from ocarina_kit.sandbox.person import Page

from .conftest import Client, new_client, query_of


@pytest.fixture
def stranger(majora: Sandbox) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session


def open_form(session: requests.Session, url: str, field: str) -> dict[str, str]:
    form = Page(session.get(url, timeout=20).text).form_with(field)
    assert form is not None, f"no form with {field} at {url}"
    fields: dict[str, str] = form["fields"]
    return fields


def log_in(majora: Sandbox, session: requests.Session, name: str, password: str, next: str = "") -> Any:
    url = majora.url + "account/login/" + (f"?next={next}" if next else "")
    fields = {**open_form(session, url, "password"), "username": name, "password": password}
    return session.post(majora.url + "account/login/", data=fields, timeout=20, allow_redirects=False)


# Log in


def test_the_second_factor_is_asked_after_the_password(client: Client, stranger: requests.Session) -> None:
    majora = client.majora
    page = Page(log_in(majora, stranger, client.user.name, client.user.password, "/keys/list/").text)
    form = page.form_with("code")
    assert form is not None
    assert stranger.get(majora.url + "keys/list/", allow_redirects=False, timeout=20).status_code == 302
    right = majora.second_factor_code(client.user)
    wrong = str((int(right) + 1) % 1_000_000).zfill(6)
    for code, status in ((wrong, 200), (right, 302)):
        response = stranger.post(
            majora.url + "account/login/",
            data={**form["fields"], "code": code},
            timeout=20,
            allow_redirects=False,
        )
        assert response.status_code == status
    assert response.headers["Location"] == "/keys/list/"
    assert stranger.get(majora.url + "keys/list/", allow_redirects=False, timeout=20).status_code == 200


def test_a_code_alone_opens_nothing(client: Client, stranger: requests.Session) -> None:
    majora = client.majora
    fields = open_form(stranger, majora.url + "account/login/", "password")
    response = stranger.post(
        majora.url + "account/login/",
        data={**fields, "code": majora.second_factor_code(client.user)},
        timeout=20,
        allow_redirects=False,
    )
    assert response.status_code == 200
    assert stranger.get(majora.url + "keys/list/", allow_redirects=False, timeout=20).status_code == 302


def test_a_wrong_password_and_an_inactive_account_are_refused(
    client: Client, stranger: requests.Session
) -> None:
    majora = client.majora
    for password in ("wrong", ""):
        assert log_in(majora, stranger, client.user.name, password).status_code == 200
    majora.set_active(client.user, False)
    page = log_in(majora, stranger, client.user.name, client.user.password)
    assert "correct username and password" in page.text
    with pytest.raises(SandboxError, match="was not let in"):
        majora.authorize(client.user, client.link())


def test_the_login_never_leads_to_another_host(majora: Sandbox, stranger: requests.Session) -> None:
    user = majora.add_user("wanderer", two_factor=False)
    response = log_in(majora, stranger, user.name, user.password, "https://evil.invalid/")
    assert response.headers["Location"] == "/"


def test_forms_without_their_hidden_token_are_refused(client: Client, stranger: requests.Session) -> None:
    response = stranger.post(
        client.majora.url + "account/login/", data={"username": "a", "password": "b"}, timeout=20
    )
    assert response.status_code == 403


def test_a_new_second_factor_replaces_the_old_one(client: Client) -> None:
    majora = client.majora
    changed = majora.set_two_factor(client.user, True)
    assert changed.totp_secret != client.user.totp_secret
    with pytest.raises(SandboxError):
        majora.authorize(client.user, client.link())
    assert "code" in query_of(majora.authorize(changed, client.link()))


# Register an application

LABELS = [
    "Name",
    "Client id",
    "Client secret",
    "Client type",
    "Authorization grant type",
    "Redirect uris",
]


def filled(majora: Sandbox, browser: requests.Session, **more: str) -> dict[str, str]:
    fields = open_form(browser, majora.url + "o/applications/register/", "client_id")
    return {
        **fields,
        "name": "alice-ocarina",
        "client_type": "confidential",
        "authorization_grant_type": "authorization-code",
        "redirect_uris": majora.redirect_uri,
        **more,
    }


def register(majora: Sandbox, browser: requests.Session, **more: str) -> requests.Response:
    url = majora.url + "o/applications/register/"
    return browser.post(url, data=filled(majora, browser, **more), headers={"Referer": url}, timeout=20)


def test_the_form_has_the_six_fields_of_majora(client: Client) -> None:
    browser = client.majora.browser(client.user)
    page = browser.get(client.majora.url + "o/applications/register/", timeout=20).text
    assert re.findall(r"<label[^>]*>([^<]+)</label>", page) == LABELS
    choices = re.findall(r"<option[^>]*>([^<]+)</option>", page)
    assert choices == ["---------", "Confidential", "Public", "---------", "Authorization code"]


def test_an_application_registered_by_hand_works(client: Client) -> None:
    majora = client.majora
    browser = majora.browser(client.user)
    page = register(majora, browser)
    shown = dict(re.findall(r'<input id="(client_\w+)" value="([^"]+)"', page.text))
    client_id, secret = shown["client_id"], shown["client_secret"]
    assert (len(client_id), len(secret)) == (40, 128)
    listed = {"name": "alice-ocarina", "client_id": client_id, "client_secret": secret}
    assert listed.items() <= majora.applications(client.user)[-1].items()
    response = client.token_request(
        grant_type="authorization_code",
        code="bogus",
        redirect_uri=majora.redirect_uri,
        client_id=client_id,
        client_secret=secret,
    )
    assert response.json()["error"] == "invalid_grant"
    assert "alice-ocarina" in browser.get(majora.url + "o/applications/", timeout=20).text


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("http://majora.example.org/o/callback/", "Redirect URIs must use https."),
        ("ftp://majora.example.org/", "scheme"),
        ("majora", "scheme"),
        ("", "redirect_uris cannot be empty"),
    ],
)
def test_only_https_or_this_sandbox_can_be_a_redirect_uri(client: Client, uri: str, why: str) -> None:
    page = register(client.majora, client.majora.browser(client.user), redirect_uris=uri)
    assert why.lower() in page.text.lower()
    assert len(client.majora.applications(client.user)) == 1


def test_over_tls_http_is_refused_on_loopback_too(tls_client: Client) -> None:
    majora = tls_client.majora
    browser = majora.browser(tls_client.user)
    page = register(majora, browser, redirect_uris="http://127.0.0.1:8000/o/callback/")
    assert "scheme" in page.text.lower()
    assert register(majora, browser).url.startswith(majora.url + "o/applications/")


def test_applications_of_others_are_not_found(majora: Sandbox) -> None:
    one, other = new_client(majora), new_client(majora)
    page = register(majora, majora.browser(one.user)).url
    assert majora.browser(one.user).get(page, timeout=20).status_code == 200
    assert majora.browser(other.user).get(page, timeout=20).status_code == 404


def test_an_application_can_be_edited_and_deleted_by_its_owner_alone(majora: Sandbox) -> None:
    client, other = new_client(majora), new_client(majora)
    browser = majora.browser(client.user)
    page = register(majora, browser, name="first").url
    fields = open_form(browser, page + "update/", "client_id")
    changed = {
        **fields,
        "name": "second",
        "client_type": "confidential",
        "authorization_grant_type": "authorization-code",
        "redirect_uris": majora.redirect_uri,
    }
    stranger = majora.browser(other.user)
    for path in ("update/", "delete/"):
        assert stranger.get(page + path, timeout=20).status_code == 404
    assert browser.post(page + "update/", data=changed, timeout=20).url == page
    before = majora.applications(client.user)
    assert [app["name"] for app in before][1:] == ["second"]
    assert before[1]["client_secret"] == fields["client_secret"]
    form = Page(browser.get(page + "delete/", timeout=20).text).forms[-1]["fields"]
    browser.post(page + "delete/", data=form, timeout=20)
    assert len(majora.applications(client.user)) == 1


# Authorize, and the callback page


def test_the_form_names_the_permissions_and_has_both_buttons(client: Client) -> None:
    page = client.majora.browser(client.user).get(client.link(), timeout=20).text
    assert "Can view biosampleartifact" in page
    buttons = re.findall(r'<input type="submit"[^>]*value="([^"]+)"', page)
    assert buttons == ["Cancel", "Authorize"]


def test_the_callback_page_has_three_boxes_with_a_copy_button_each(client: Client) -> None:
    majora = client.majora
    url = majora.redirect_uri + "?code=the-code&state=the%20state"
    page = majora.browser(client.user).get(url, timeout=20).text
    boxes = dict(re.findall(r'<input id="(\w+)" value="([^"]*)" readonly>', page))
    assert boxes == {
        "address": url.replace("&", "&amp;"),
        "code": "the-code",
        "state": "the state",
    }
    assert re.findall(r'data-copy="(\w+)"[^>]*>Copy<', page) == ["address", "code", "state"]


def test_the_callback_page_tells_an_error(client: Client) -> None:
    url = client.majora.redirect_uri + "?error=access_denied&state=s"
    page = client.majora.browser(client.user).get(url, timeout=20).text
    assert "NOT authorized" in page
    assert "access_denied" in page


def test_what_stands_in_the_address_is_no_markup(client: Client) -> None:
    url = client.majora.redirect_uri + "?code=%22%3E%3Cscript%3Ealert(1)%3C/script%3E"
    assert "<script>alert" not in client.majora.browser(client.user).get(url, timeout=20).text


def test_the_callback_page_wants_a_login(majora: Sandbox, stranger: requests.Session) -> None:
    response = stranger.get(majora.redirect_uri + "?code=a&state=b", allow_redirects=False, timeout=20)
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/account/login/?next=/o/callback/")


def test_without_two_factor_the_callback_page_says_so(majora: Sandbox) -> None:
    client = new_client(majora, two_factor=False)
    response = majora.browser(client.user).get(majora.redirect_uri + "?code=a", timeout=20)
    assert response.status_code == 403
    assert "Two-factor" in response.text


# Legacy keys, and the rest


def test_a_key_made_by_hand_works(client: Client) -> None:
    majora = client.majora
    browser = majora.browser(client.user)
    url = majora.url + "keys/list/"
    page = browser.get(url, timeout=20).text
    assert "None yet." in page
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token is not None
    page = browser.post(url, data={"csrfmiddlewaretoken": token.group(1)}, timeout=20).text
    key = re.search(r'<code class="key">([^<]+)</code>', page)
    assert key is not None
    assert client.ask(None, token=key.group(1)).json()["success"] is True


def test_the_start_page_shows_no_codes_unless_told_to(client: Client, stranger: requests.Session) -> None:
    assert "second-factor" not in stranger.get(client.majora.url, timeout=20).text
    with Sandbox.start(shows_codes=True) as other:
        user = other.add_user("bob")
        page = stranger.get(other.url, timeout=20).text
        shown = re.search(r'<code class="second-factor">(\d{6})</code>', page)
        assert shown is not None
        assert shown.group(1) == other.second_factor_code(user)


@pytest.mark.parametrize("path", ["admin/", "faults/", "users/", "control/", "o/introspect/", "o/register/"])
def test_there_is_no_back_door(majora: Sandbox, stranger: requests.Session, path: str) -> None:
    assert stranger.get(majora.url + path, timeout=20).status_code == 404
    assert stranger.post(majora.url + path, timeout=20).status_code == 404


def test_pages_load_nothing_from_elsewhere(client: Client) -> None:
    browser = client.majora.browser(client.user)
    for path in ("", "o/applications/", "o/applications/register/", "o/callback/?code=a", "keys/list/"):
        page = browser.get(client.majora.url + path, timeout=20).text
        assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)


def test_logging_out_ends_it(client: Client) -> None:
    majora = client.majora
    browser = majora.browser(client.user)
    fields = Page(browser.get(majora.url, timeout=20).text).forms[0]["fields"]
    browser.post(majora.url + "account/logout/", data=fields, timeout=20)
    assert browser.get(majora.url + "keys/list/", allow_redirects=False, timeout=20).status_code == 302
