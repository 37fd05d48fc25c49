"""The sandbox's pages, and the whole grant, in a real browser beside a real terminal.

Needs chromium and chromedriver; says so where they are missing, and fails without them where ``CI`` is set. Each page
is kept as a picture in ``artefacts/browser/``.
"""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import Kit, mode_of
from tests.e2e.browser import PICTURES, Browser
from tests.terminal import ENTER, Screen

from ocarina_kit.sandbox import Sandbox, User, install_standin

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


_PEOPLE = itertools.count(1)
LOOKUP = "majora2.view_biosampleartifact"


@pytest.fixture
def alice(majora: Sandbox, kit: Kit) -> User:
    """A person with an account, a second factor, the client in her environment, and nothing else yet."""
    client = install_standin(kit.home / "envs" / "ocarina")
    kit.extra["PATH"] = f"{client.parent}:{kit.env['PATH']}"
    user = majora.add_user(f"alice{next(_PEOPLE)}")
    assert user.totp_secret is not None
    kit.secrets |= {user.password, user.totp_secret}
    return user


def set_up(kit: Kit, majora: Sandbox, user: User) -> None:
    """As after ``init``."""
    application = majora.add_application(user)
    kit.secrets.add(application.client_secret)
    kit.write_config(
        {
            "MAJORA_DOMAIN": majora.url,
            "MAJORA_USER": user.name,
            "MAJORA_TOKEN": "OAUTH",
            "CLIENT_ID": application.client_id,
            "CLIENT_SECRET": application.client_secret,
        }
    )


def log_in(browser: Browser, majora: Sandbox, user: User) -> None:
    browser.arrives_at("Log in")
    browser.picture("log-in")
    browser.fill("Username", user.name)
    browser.fill("Password", user.password)
    browser.press("Log in")
    browser.sees("authenticator app")
    browser.fill("Token", majora.second_factor_code(user))
    browser.picture("second-factor")
    browser.press("Log in")


def authorize_and_copy(browser: Browser) -> str:
    """From the page that asks, to what is in the clipboard at the end."""
    browser.sees("asks for access to your Majora account")
    browser.picture("authorize")
    browser.press("Authorize")
    browser.arrives_at("Application authorized")
    browser.press_beside("Callback URL", "Copy")
    browser.sees("Copied: Callback URL")
    browser.picture("copied")
    copied = browser.clipboard()
    assert copied == browser.value("Callback URL") == browser.address
    return copied


def instructions(shown: str) -> dict[str, str]:
    """The fields of the form and their values, as the kit's screen gives them."""
    rows = re.findall(r"^  (\S.*?)  +(\S.*)$", shown, re.MULTILINE)
    return dict(rows)


def keep(screen: Screen, name: str) -> None:
    """The terminal's text, beside the pictures of the pages."""
    (PICTURES / name).mkdir(parents=True, exist_ok=True)
    (PICTURES / name / "terminal.txt").write_text(screen.text)


def a_sample(kit: Kit, majora: Sandbox) -> str:
    """What the client prints, with the token that the kit saved."""
    majora.add_sample("LAB-0001")
    asked = [kit.home / "envs" / "ocarina" / "bin" / "ocarina", "--oauth", "get", "biosample"]
    done = subprocess.run(
        [*asked, "--central-sample-id", "LAB-0001"],
        env=kit.env,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr  # the client says all of it there


def test_a_new_user_registers_by_the_kits_own_words_and_logs_in(
    majora: Sandbox, browser: Browser, kit: Kit, alice: User
) -> None:
    with Screen.of(kit, "init", columns=100, rows=50) as screen:
        screen.expect("1, 2 or an address:")
        screen.line(majora.url)
        screen.expect("Your user name at")
        screen.line(alice.name)

        # Another window: the page that the kit names, and what it says to put there.
        screen.expect("Open this page")
        page = screen.expect(r"http://\S+", regex=True)
        button = screen.text.rsplit('press "', 1)[1].split('"')[0]
        screen.expect("Client id:")
        fields = instructions(screen.text.rsplit("Then fill in, exactly so:", 1)[1])
        browser.open(page)
        log_in(browser, majora, alice)
        browser.arrives_at("Your applications")
        browser.picture("applications")
        browser.press(button)
        browser.arrives_at("Register a new application")
        left_as_they_are = [name for name, value in fields.items() if value.startswith("leave it")]
        assert left_as_they_are == ["Client id", "Client secret"]
        for name, value in fields.items():
            if name in left_as_they_are:
                continue
            if name in ("Client type", "Authorization grant type"):
                browser.choose(name, value)
            else:
                browser.fill(name, value)
        browser.picture("filled-in")
        client_id, client_secret = browser.value("Client id"), browser.value("Client secret")
        kit.secrets.add(client_secret)
        browser.press("Save")
        browser.arrives_at(fields["Name"])
        browser.picture("registered")
        assert [(app["client_id"], app["redirect_uris"]) for app in majora.applications(alice)] == [
            (client_id, majora.redirect_uri)
        ]

        # Back at the terminal.
        screen.paste(client_id + "\n")
        screen.expect("Client secret (not shown as you type):")
        screen.paste(client_secret + "\n")
        screen.expect("takes this client id and secret")
        screen.expect("Write it to")
        screen.send(ENTER)
        screen.expect("Log in now")
        screen.send(ENTER)
        screen.expect("What do you want to do with ocarina?")
        screen.send(ENTER)
        browser.open(screen.expect(r"http://\S+/o/authorize/\S+", regex=True))
        screen.expect("Paste")
        copied = authorize_and_copy(browser)
        kit.secrets.add(copied.split("code=")[1].split("&")[0])
        screen.paste(copied)
        screen.expect("The server takes the token")
        screen.expect("[Y/n]")
        screen.line("n")
        assert screen.wait() == 0
        keep(screen, "a_new_user_registers_by_the_kits_own_words_and_logs_in")

    assert mode_of(kit.config) == mode_of(kit.tokens) == 0o600
    assert kit.read_config()["CLIENT_SECRET"] == client_secret
    assert majora.token_state(kit.read_tokens()[LOOKUP]["access_token"]) == "live"
    assert '"errors": 0' in a_sample(kit, majora)


def test_login_asks_a_browser_where_nobody_is_logged_in(
    majora: Sandbox, browser: Browser, kit: Kit, alice: User
) -> None:
    set_up(kit, majora, alice)
    with Screen.of(kit, "login", "--for", "lookup") as screen:
        browser.open(screen.expect(r"http://\S+/o/authorize/\S+", regex=True))
        screen.expect("Paste")
        log_in(browser, majora, alice)
        copied = authorize_and_copy(browser)
        screen.paste(copied)
        screen.expect("The server takes the token")
        assert screen.wait() == 0
        assert screen.left_in_the_terminal() == b""
        keep(screen, "login_asks_a_browser_where_nobody_is_logged_in")
    assert majora.token_state(kit.read_tokens()[LOOKUP]["access_token"]) == "live"


def test_cancel_in_the_browser_is_told_apart(
    majora: Sandbox, browser: Browser, kit: Kit, alice: User
) -> None:
    set_up(kit, majora, alice)
    with Screen.of(kit, "login", "--for", "lookup") as screen:
        browser.open(screen.expect(r"http://\S+/o/authorize/\S+", regex=True))
        screen.expect("Paste")
        log_in(browser, majora, alice)
        browser.sees("asks for access to your Majora account")
        browser.press("Cancel")
        browser.arrives_at("Application NOT authorized")
        browser.picture("cancelled")
        screen.paste(browser.address)
        screen.expect("cancelled in the browser")
        keep(screen, "cancel_in_the_browser_is_told_apart")
    assert not kit.tokens.exists()
