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
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import LINK, LOOKUP
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
    """One window of headless Chromium, whose files are all in ``folder``. Everything waits until it is there."""

    def __init__(self, folder: Path) -> None:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        options = webdriver.ChromeOptions()
        options.binary_location = str(shutil.which("chromium"))
        for flag in (*_FLAGS, f"--user-data-dir={folder / 'data'}"):
            options.add_argument(flag)
        home = {name: str(folder) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
        service = Service(str(shutil.which("chromedriver")), env={**os.environ, **home})
        self._driver = webdriver.Chrome(options=options, service=service)
        self.open = self._driver.get
        self.close = self._driver.quit

    @property
    def address(self) -> str:
        return str(self._driver.current_url)

    def arrives_at(self, heading: str) -> None:
        """Wait for the page with this heading: after a button, the next page takes its time."""
        self._wait(lambda: self._find("//h1").text == heading, f"no page is headed {heading!r}")

    def sees(self, words: str) -> None:
        self._wait(lambda: words in self._find("//body").text, f"{words!r} is not on the page")

    def field(self, label: str) -> Any:
        """The field that carries this label."""
        return self._find(f'//*[@id = //label[normalize-space() = "{label}"]/@for]')

    def fill(self, label: str, text: str) -> None:
        field = self.field(label)
        field.clear()
        field.send_keys(text)

    def choose(self, label: str, option: str) -> None:
        from selenium.webdriver.support.select import Select

        Select(self.field(label)).select_by_visible_text(option)

    def press(self, words: str) -> None:
        """The one button or link with these words."""
        path = f'//button[normalize-space() = "{words}"] | //input[@type = "submit" and @value = "{words}"]'
        found = self._find(f'{path} | //a[normalize-space() = "{words}"]')
        found.click()

    def copy(self, label: str) -> str:
        """Press Copy in the box of the labelled field; gives what a paste would give."""
        identity = self.field(label).get_attribute("id")
        self._find(f'//*[@id = "{identity}"]/..//button[normalize-space() = "Copy"]').click()
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

    def _find(self, path: str) -> Any:
        """What can be seen there, once it can."""
        from selenium.webdriver.common.by import By

        def shown() -> Any:
            return next(
                (one for one in self._driver.find_elements(By.XPATH, path) if one.is_displayed()), None
            )

        return self._wait(shown, f"{path} is not on the page")

    def _wait(self, look: Callable[[], Any], problem: str) -> Any:
        from selenium.common.exceptions import StaleElementReferenceException

        deadline = time.monotonic() + WAIT
        while True:
            # The page went away as it was looked at.
            with contextlib.suppress(StaleElementReferenceException):
                if found := look():
                    return found
            assert time.monotonic() < deadline, (
                f"{problem}; {self.address} shows:\n{self._driver.page_source}"
            )
            time.sleep(0.05)


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
        screen.expect("Which Majora?")
        screen.line("3")
        screen.expect("Its address:")
        screen.line(majora.url)
        screen.expect("Your Majora user name")
        screen.line(user.name)

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
        screen.expect("Client secret (hidden):")
        screen.paste(secret)
        screen.send("\r")
        screen.expect("Majora accepts them.")
        screen.expect("What will you use ocarina for?")
        screen.line("1")
        screen.expect("Apply these changes? [Y/n]")
        screen.line()
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
