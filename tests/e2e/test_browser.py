"""From nothing to a first sample by the kit's own words.

``init`` in a real terminal beside a real browser.

Fields are found by their labels and buttons by their words, as a person and a screen
reader find them. Needs chromium and chromedriver. The pages themselves are tested in
tests/sandbox.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select
from tests.cli.conftest import LINK, LOOKUP, talk
from tests.conftest import Kit, mode_of
from tests.terminal import WAIT, Screen

from ocarina_kit.sandbox import Sandbox, install_standin

pytestmark = pytest.mark.browser

_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # root, as in a container
    "--disable-dev-shm-usage",  # /dev/shm is small in containers
    # No look-up of any name but this machine's.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


class Browser:
    """One window of headless Chromium. All that is looked for is waited for."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver
        self.open = driver.get

    def find(self, path: str) -> Any:
        """The first element there (XPath)."""
        return self.driver.find_element(By.XPATH, path)

    def sees(self, words: str) -> None:
        self.find(f'//body[contains(normalize-space(), "{words}")]')

    def arrives_at(self, heading: str) -> None:
        self.find(f'//h1[normalize-space() = "{heading}"]')

    def field(self, label: str) -> Any:
        """The field that carries this label."""
        return self.find(f'//*[@id = //label[normalize-space() = "{label}"]/@for]')

    def fill(self, label: str, text: str) -> None:
        field = self.field(label)
        if field.tag_name == "select":
            Select(field).select_by_visible_text(text)
        else:
            field.clear()
            field.send_keys(text)

    def press(self, words: str) -> None:
        """The one button or link with these words."""
        button = (
            f'//button[normalize-space() = "{words}"] | //input[@type = "submit"'
            f' and @value = "{words}"]'
        )
        self.find(f'{button} | //a[normalize-space() = "{words}"]').click()

    def copied(self) -> str:
        """What a paste would give."""
        wanted = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
        self.driver.execute_cdp_cmd("Browser.grantPermissions", wanted)
        script = (
            "const done = arguments[0]; navigator.clipboard.readText().then(done,"
            " (no) => done('refused: ' + no));"
        )
        return str(self.driver.execute_async_script(script))


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip(
            "needs chromium and chromedriver (Debian: chromium, chromium-driver)"
        )
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*_FLAGS, f"--user-data-dir={tmp_path / 'data'}"):
        options.add_argument(flag)
    home = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"), str(tmp_path))
    with webdriver.Chrome(
        options, Service(driver, env={**os.environ, **home})
    ) as started:
        started.implicitly_wait(WAIT)
        yield Browser(started)


def test_a_new_user_registers_logs_in_and_asks_for_a_sample(
    browser: Browser, kit: Kit
) -> None:
    client = install_standin(kit.home / "envs" / "ocarina")
    kit.extra["PATH"] = f"{client.parent}:{kit.env['PATH']}"
    with (
        Sandbox.start(shows_codes=True) as majora,
        Screen.of(kit, "init", columns=100, rows=50) as screen,
    ):
        user = majora.add_user("alice")
        kit.secrets |= {user.password, str(user.totp_secret)}
        talk(screen, ("Which Majora?", "3"), ("Its address:", majora.url))
        talk(screen, ("Your Majora user name", user.name))

        # Another window: the page that the kit names, and what it says to enter there.
        screen.expect("Register ocarina as an application:")
        page = screen.expect(r"http://\S+", regex=True)
        screen.expect("Client id:")
        fields = dict(
            re.findall(
                r"^ +(\S.*?)  +(\S.*)$", screen.text.rpartition(page)[2], re.MULTILINE
            )
        )
        assert set(fields) == {
            "Name",
            "Client type",
            "Authorization grant type",
            "Redirect uris",
        }
        browser.open(page)
        browser.arrives_at("Log in")
        browser.fill("Username", user.name)
        browser.fill("Password", user.password)
        browser.press("Log in")
        browser.sees("authenticator app")
        browser.fill("Token", majora.second_factor_code(user))
        browser.press("Log in")
        browser.arrives_at("Register a new application")
        for name, value in fields.items():
            browser.fill(name, value)
        client_id, secret = (
            browser.field(f"Client {name}").get_attribute("value")
            for name in ("id", "secret")
        )
        kit.secrets.add(secret)
        browser.press("Save")
        browser.arrives_at(fields["Name"])

        # Back at the terminal.
        screen.line(client_id)
        talk(
            screen,
            ("Client secret (hidden):", secret),
            ("What will you use ocarina for?", "1"),
        )
        talk(screen, ("Apply these changes? [Y/n]", ""))
        browser.open(screen.expect(LINK, regex=True))
        browser.sees("asks for access to your Majora account")
        browser.press("Cancel")
        browser.arrives_at("Application NOT authorized")
        screen.paste(browser.driver.current_url + "\n")
        screen.expect("cancelled")
        browser.open(screen.expect(LINK, regex=True))
        browser.press("Authorize")
        browser.arrives_at("Application authorized")
        box = browser.field("Callback URL").get_attribute("id")
        browser.find(
            f'//*[@id = "{box}"]/..//button[normalize-space() = "Copy"]'
        ).click()
        browser.sees("Copied: Callback URL")
        copied = browser.copied()
        assert copied == browser.driver.current_url
        kit.secrets.add(copied.split("code=")[1].split("&")[0])
        screen.paste(copied + "\n")
        screen.expect("logged in")
        screen.expect("Ready. Try it:")
        command = screen.expect(r"ocarina --oauth .+", regex=True)
        assert screen.wait() == 0

        assert mode_of(kit.config) == mode_of(kit.tokens) == 0o600
        assert majora.token_state(kit.read_tokens()[LOOKUP]["access_token"]) == "live"
        assert (kit.crontab or "").count("# ocarina-kit") == 1
        majora.add_sample("YOUR_SAMPLE")
        done = subprocess.run(
            ["sh", "-c", command],
            env=kit.env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, '"errors": 0' in done.stderr) == (0, True), done
