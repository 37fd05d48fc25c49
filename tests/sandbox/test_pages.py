"""What a person sees, page by page. That they can be used in a real browser is shown in tests/e2e."""

from __future__ import annotations

import re

from ocarina_kit.sandbox.person import Page

from .conftest import Client

LABELS = ["Name", "Client id", "Client secret", "Client type", "Authorization grant type", "Redirect uris"]


def test_the_second_factor_is_asked_after_the_password(client: Client) -> None:
    url = client.majora.url + "account/login/"
    with client.session() as browser:

        def send(**more: str) -> tuple[str, bool]:
            """Where the browser is sent, and whether the code is asked for then."""
            form = Page(browser.get(url + "?next=/keys/list/", timeout=20).text).forms[0]["fields"]
            answer = browser.post(url, data={**form, **more}, timeout=20, allow_redirects=False)
            return answer.headers.get("Location", ""), 'name="code"' in answer.text

        code = client.majora.second_factor_code(client.user)
        good = {"username": client.user.name, "password": client.user.password}
        assert send(code=code) == ("", False)  # a code alone
        assert send(**{**good, "password": "wrong"}) == ("", False)
        assert send(**good, next="https://evil.invalid/") == ("", True)
        assert send(code="000000" if code != "000000" else "1") == ("", True)
        assert send(code=code) == ("/keys/list/", False)
        assert browser.post(url, data=good, timeout=20).status_code == 403  # without the form's own token


def test_an_application_is_registered_by_hand_as_the_guide_says(client: Client) -> None:
    majora, browser = client.majora, client.majora.browser(client.user)
    url = majora.url + "o/applications/register/"
    text = browser.get(url, timeout=20).text
    assert re.findall(r"<label[^>]*>([^<]+)</label>", text) == LABELS
    choices = re.findall(r"<option[^>]*>([^<]+)</option>", text)
    assert choices == ["---------", "Confidential", "Public", "---------", "Authorization code"]
    chosen = {"client_type": "confidential", "authorization_grant_type": "authorization-code"}
    form = {**Page(text).forms[-1]["fields"], **chosen, "name": "hoot-ocarina"}
    assert "cannot be empty" in browser.post(url, data=form, timeout=20).text
    page = browser.post(url, data={**form, "redirect_uris": majora.redirect_uri}, timeout=20)
    shown = dict(re.findall(r'<input id="(client_\w+)" value="([^"]+)"', page.text))
    assert shown == {"client_id": form["client_id"], "client_secret": form["client_secret"]}
    assert client.exchange("bogus", **shown).json()["error"] == "invalid_grant"
    assert (
        majora.browser(majora.add_user(f"not-{client.user.name}")).get(page.url, timeout=20).status_code
        == 404
    )
