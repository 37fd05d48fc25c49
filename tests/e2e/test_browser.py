"""The sandbox's pages, and the whole grant, in a real browser beside a real terminal.

Needs chromium and chromedriver; says so where they are missing, and fails without them where ``CI`` is set. Each page
is kept as a picture in ``artefacts/browser/``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.browser import PICTURES, Browser

from ocarina_kit.sandbox import Sandbox

pytestmark = [pytest.mark.browser]


@pytest.fixture(scope="module")
def majora() -> Iterator[Sandbox]:
    with Sandbox.start(shows_codes=True) as running:
        yield running


@pytest.fixture
def browser(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Browser]:
    with Browser.start(tmp_path, PICTURES / request.node.name.removeprefix("test_")) as started:
        yield started


def test_every_page_can_be_used_without_a_mouse_and_on_a_narrow_window(
    majora: Sandbox, browser: Browser
) -> None:
    user = majora.add_user("walker")
    application = majora.add_application(user)
    header = ["Start", "Applications", "API keys"]

    def is_usable(name: str, order: list[str], *, focused: str | None = None) -> None:
        if focused is not None:
            assert browser.focused == focused
        assert browser.without_a_name() == []
        assert browser.reached_by_tab() == order
        browser.resize(340, 700)
        assert not browser.wider_than_the_window(), name
        browser.picture(f"{name}-narrow")
        browser.resize(900, 900)
        browser.picture(name)

    browser.open(majora.url)
    is_usable("start", [*header, "Register an application", "Legacy API keys"])
    browser.press("Register an application")
    browser.arrives_at("Log in")
    is_usable("login", [*header, "Username", "Password", "Log in"], focused="Username")
    browser.fill("Username", "walker")
    browser.fill("Password", "not this one")
    browser.press("Log in")
    browser.sees("Please enter a correct username and password.")
    browser.picture("wrong-password")
    browser.fill("Username", "walker")
    browser.fill("Password", user.password)
    browser.press("Log in")
    browser.sees("authenticator app")
    is_usable("second-factor", [*header, "Token", "Log in"], focused="Token")
    browser.fill("Token", majora.second_factor_code(user))
    browser.press("Log in")
    browser.arrives_at("Your applications")
    header.append("Log out walker")
    browser.press("New Application")
    browser.arrives_at("Register a new application")
    fields = [
        "Name",
        "Client id",
        "Client secret",
        "Client type",
        "Authorization grant type",
        "Redirect uris",
    ]
    is_usable("register", [*header, *fields, "Go back", "Save"])

    browser.open(
        f"{majora.url}o/authorize/?response_type=code&client_id={application.client_id}"
        f"&redirect_uri={application.redirect_uri}&scope=majora2.view_biosampleartifact&state=abc"
    )
    is_usable("authorize", [*header, "Cancel", "Authorize"])
    browser.press("Cancel")
    browser.arrives_at("Application NOT authorized")
    browser.sees("access_denied")
    is_usable("cancelled", [*header, "State", "Copy state"])
    browser.open(majora.url + "o/applications/")
    browser.arrives_at("Your applications")
    name = majora.applications(user)[0]["name"] or application.client_id
    is_usable("applications", [*header, name, "New Application"])
