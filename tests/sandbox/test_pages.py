"""What a person sees, page by page. That they can be used in a real browser is shown in tests/e2e."""

from __future__ import annotations

import re

from ocarina_kit.sandbox.person import Page

from .conftest import Client

LABELS = ["Name", "Client id", "Client secret", "Client type", "Authorization grant type", "Redirect uris"]


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
