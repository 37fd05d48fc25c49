"""From nothing to a first sample by the kit's own words: ``init`` in a real terminal beside a real browser.

Fields are found by their labels and buttons by their words, as a person and a screen reader find them. Needs chromium
and chromedriver. The pages themselves are tested in tests/sandbox.
"""

from __future__ import annotations

import contextlib
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
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",  # /dev/shm is small in containers
    # No look-up of any name but this machine's.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


class Browser:
    """One window of headless Chromium, whose files are all in ``folder``. All that is looked for is waited for."""

    def __init__(self, folder: Path) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = str(shutil.which("chromium"))
        for flag in (*_FLAGS, f"--user-data-dir={folder / 'data'}"):
            options.add_argument(flag)
        home = {name: str(folder) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
        service = Service(str(shutil.which("chromedriver")), env={**os.environ, **home})
        self._driver = webdriver.Chrome(options=options, service=service)
        self._driver.implicitly_wait(WAIT)
        self.open = self._driver.get
        self.close = self._driver.quit

    @property
    def address(self) -> str:
        return str(self._driver.current_url)

    def find(self, path: str) -> Any:
        """The first element there (XPath)."""
        return self._driver.find_element(By.XPATH, path)

    def arrives_at(self, heading: str) -> None:
        """Wait for the page with this heading: after a button, the next page takes its time."""
        self.find(f'//h1[normalize-space() = "{heading}"]')

    def sees(self, words: str) -> None:
        self.find(f'//body[contains(normalize-space(), "{words}")]')

    def field(self, label: str) -> Any:
        """The field that carries this label."""
        return self.find(f'//*[@id = //label[normalize-space() = "{label}"]/@for]')

    def fill(self, label: str, text: str) -> None:
        field = self.field(label)
        field.clear()
        field.send_keys(text)

    def choose(self, label: str, option: str) -> None:
        Select(self.field(label)).select_by_visible_text(option)

    def press(self, words: str) -> None:
        """The one button or link with these words."""
        button = f'//button[normalize-space() = "{words}"] | //input[@type = "submit" and @value = "{words}"]'
        self.find(f'{button} | //a[normalize-space() = "{words}"]').click()

    def copy(self, label: str) -> str:
        """Press Copy in the box of the labelled field; gives what a paste would give."""
        identity = self.field(label).get_attribute("id")
        self.find(f'//*[@id = "{identity}"]/..//button[normalize-space() = "Copy"]').click()
        self.sees(f"Copied: {label}")
        wanted = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
        self._driver.execute_cdp_cmd("Browser.grantPermissions", wanted)
        script = "const done = arguments[0]; navigator.clipboard.readText().then(done, (no) => done('refused: ' + no));"
        return str(self._driver.execute_async_script(script))

    def log_in(self, majora: Sandbox, user: Any) -> None:
        self.arrives_at("Log in")
        self.fill("Username", user.name)
        self.fill("Password", user.password)
        self.press("Log in")
        self.sees("authenticator app")
        self.fill("Token", majora.second_factor_code(user))
        self.press("Log in")


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        pytest.skip("needs chromium and chromedriver (Debian: chromium, chromium-driver)")
    (tmp_path / "browser").mkdir()
    with contextlib.closing(Browser(tmp_path / "browser")) as started:
        yield started


@pytest.fixture
def majora() -> Iterator[Sandbox]:
    with Sandbox.start(shows_codes=True) as started:
        yield started


def test_a_new_user_registers_logs_in_and_asks_for_a_sample(
    majora: Sandbox, browser: Browser, kit: Kit
) -> None:
    client = install_standin(kit.home / "envs" / "ocarina")
    kit.extra["PATH"] = f"{client.parent}:{kit.env['PATH']}"
    user = majora.add_user("alice")
    kit.secrets |= {user.password, str(user.totp_secret)}
    with Screen.of(kit, "init", columns=100, rows=50) as screen:
        talk(
            screen, ("Which Majora?", "3"), ("Its address:", majora.url), ("Your Majora user name", user.name)
        )

        # Another window: the page that the kit names, and what it says to enter there.
        screen.expect("Register ocarina as an application:")
        page = screen.expect(r"http://\S+", regex=True)
        screen.expect("Client id:")
        fields = dict(re.findall(r"^ +(\S.*?)  +(\S.*)$", screen.text.rpartition(page)[2], re.MULTILINE))
        assert set(fields) == {"Name", "Client type", "Authorization grant type", "Redirect uris"}
        browser.open(page)
        browser.log_in(majora, user)
        browser.arrives_at("Register a new application")
        for name, value in fields.items():
            (browser.choose if "type" in name else browser.fill)(name, value)
        client_id, secret = (
            browser.field(f"Client {name}").get_attribute("value") for name in ("id", "secret")
        )
        kit.secrets.add(secret)
        browser.press("Save")
        browser.arrives_at(fields["Name"])

        # Back at the terminal.
        screen.line(client_id)
        talk(screen, ("Client secret (hidden):", secret), ("What will you use ocarina for?", "1"))
        talk(screen, ("Apply these changes? [Y/n]", ""))
        browser.open(screen.expect(LINK, regex=True))
        browser.sees("asks for access to your Majora account")
        browser.press("Cancel")
        browser.arrives_at("Application NOT authorized")
        screen.paste(browser.address + "\n")
        screen.expect("cancelled")
        browser.open(screen.expect(LINK, regex=True))
        browser.press("Authorize")
        browser.arrives_at("Application authorized")
        copied = browser.copy("Callback URL")
        assert copied == browser.address
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
    done = subprocess.run(["sh", "-c", command], env=kit.env, capture_output=True, text=True, check=False)
    assert (done.returncode, '"errors": 0' in done.stderr) == (0, True), done
