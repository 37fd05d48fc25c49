"""A person at a real browser, for tests: headless Chromium, driven by what stands on the page and nothing else.

Fields are found by their labels and buttons by their words, as a person finds them, and so as a screen reader names
them: a page whose labels do not belong to its fields fails here.

    with Browser.start(folder, pictures) as browser:
        browser.open(link)
        browser.fill("Username", "alice")
        browser.press("Log in")
        browser.picture("login")            # pictures/01-login.png
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from selenium.webdriver.remote.webelement import WebElement

PICTURES = Path(__file__).parents[2] / "artefacts" / "browser"
"""Where the pictures of a run are kept; git does not see it."""
WAIT = 15.0
"""Seconds that a page may take to show what a person would see at once."""
_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # root, as in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=900,900",
    # /dev/shm is small in containers.
    "--disable-dev-shm-usage",
    # No look-up of any name but this machine's.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
_KEYS_OF = (
    "const seen = []; for (const one of document.querySelectorAll('a, button, input, select, textarea'))"
    " { if (one.type !== 'hidden' && one.offsetParent) seen.push(one); } return seen;"
)


def programs() -> tuple[str, str]:
    """Chromium and its driver. Without them the test is skipped, but never where ``CI`` is set."""
    found = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if found[0] is None or found[1] is None:
        why = "needs chromium and chromedriver (Debian: chromium, chromium-driver)"
        if os.environ.get("CI"):
            pytest.fail(f"{why}; in CI nothing is skipped")
        pytest.skip(why)
    return found[0], found[1]


class Browser:
    """One window. Everything waits until it is there, for :data:`WAIT` seconds at most."""

    def __init__(self, driver: Any, pictures: Path) -> None:
        self._driver = driver
        self._pictures = pictures
        self._taken = 0

    @classmethod
    @contextlib.contextmanager
    def start(cls, folder: Path, pictures: Path) -> Iterator[Browser]:
        """A browser with nothing in it, whose files all lie in ``folder``."""
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        chromium, driver = programs()
        home = folder / "browser-home"
        home.mkdir(parents=True)
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for flag in (*_FLAGS, f"--user-data-dir={home / 'data'}"):
            options.add_argument(flag)
        environment = {
            **os.environ,
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home),
            "XDG_CACHE_HOME": str(home),
        }
        chrome = webdriver.Chrome(options=options, service=Service(driver, env=environment))
        try:
            chrome.set_page_load_timeout(WAIT)
            yield cls(chrome, pictures)
        finally:
            chrome.quit()

    # --- what a person sees

    @property
    def address(self) -> str:
        """What stands in the address bar."""
        return str(self._driver.current_url)

    @property
    def title(self) -> str:
        return str(self._driver.title)

    def arrives_at(self, heading: str) -> None:
        """Wait for the page with this heading: after a button, the next page takes its time."""
        self._wait(lambda: self._find("//h1").text == heading, f"no page is headed {heading!r}")

    def sees(self, words: str) -> None:
        """Wait until these words stand on the page."""
        self._wait(lambda: words in self.text, f"{words!r} is not on the page")

    @property
    def text(self) -> str:
        """All that can be read on the page."""
        return str(self._find("//body").text)

    def picture(self, name: str) -> Path:
        """Keep the page as it looks, numbered in the order of the pictures."""
        self._pictures.mkdir(parents=True, exist_ok=True)
        self._taken += 1
        path = self._pictures / f"{self._taken:02}-{name}.png"
        assert self._driver.save_screenshot(str(path))
        return path

    # --- what a person does

    def open(self, address: str) -> None:
        self._driver.get(address)

    def field(self, label: str) -> Any:
        """The field that carries this label."""
        return self._find(f"//*[@id = //label[normalize-space() = {_quoted(label)}]/@for]")

    def value(self, label: str) -> str:
        return str(self.field(label).get_attribute("value"))

    def fill(self, label: str, text: str) -> None:
        field = self.field(label)
        field.clear()
        field.send_keys(text)

    def choose(self, label: str, option: str) -> None:
        """Take the option with these words, whatever their case: documents write them as they please."""
        from selenium.webdriver.support.select import Select

        select = Select(self.field(label))
        words = [one.text for one in select.options]
        matching = [word for word in words if word.lower() == option.lower()]
        assert len(matching) == 1, f"{label} offers {words}, not {option!r}"
        select.select_by_visible_text(matching[0])

    def press(self, words: str) -> None:
        """The one button or link with these words, whatever their case."""
        quoted, said, value = _quoted(words.lower()), _lower("normalize-space()"), _lower("@value")
        self._click(
            f"//button[{said} = {quoted}] | //a[{said} = {quoted}]"
            f" | //input[@type = 'submit' and {value} = {quoted}]"
        )

    def press_beside(self, label: str, words: str) -> None:
        """The button with these words that stands in the same box as the labelled field."""
        identity = self.field(label).get_attribute("id")
        self._click(f"//*[@id = {_quoted(identity)}]/..//button[normalize-space() = {_quoted(words)}]")

    def type(self, keys: str) -> None:
        """Press keys, wherever the focus is."""
        from selenium.webdriver import ActionChains

        ActionChains(self._driver).send_keys(keys).perform()

    def clipboard(self) -> str:
        """What a paste would give. The browser is told that this person allows pages to read it."""
        self._driver.execute_cdp_cmd(
            "Browser.grantPermissions", {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
        )
        return str(
            self._driver.execute_async_script(
                "const done = arguments[0]; navigator.clipboard.readText().then(done, (no) => done('refused: ' + no));"
            )
        )

    def log_in(self, name: str, password: str, code: str) -> None:
        self.fill("Username", name)
        self.fill("Password", password)
        self.press("Log in")
        self.fill("Token", code)
        self.press("Log in")

    # --- how it stands with people who use no mouse

    @property
    def focused(self) -> str:
        """The name of what has the focus, as a screen reader says it."""
        return self._name(self._driver.switch_to.active_element)

    def reached_by_tab(self) -> list[str]:
        """The names of all that Tab stops at, from the top of the page to its end."""
        from selenium.webdriver.common.keys import Keys

        self._driver.execute_script(
            "document.body.tabIndex = -1; document.body.focus();"
        )  # the top of the page
        names: list[str] = []
        for _ in range(len(self._driver.execute_script(_KEYS_OF))):
            self.type(Keys.TAB)
            names.append(self.focused)
        return names

    def without_a_name(self) -> list[str]:
        """What can be used on the page and has no name that a screen reader could say."""
        return [
            str(one.get_attribute("outerHTML"))
            for one in self._driver.execute_script(_KEYS_OF)
            if not self._name(one)
        ]

    def wider_than_the_window(self) -> bool:
        wide, seen = self._driver.execute_script(
            "return [document.documentElement.scrollWidth, document.documentElement.clientWidth];"
        )
        return bool(wide > seen)

    def resize(self, width: int, height: int) -> None:
        """The page's own size, as a phone would have it (a window of Chromium is never narrower than 500)."""
        self._driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )

    # --- inside

    def _name(self, element: WebElement) -> str:
        return str(element.accessible_name)

    def _find(self, path: str) -> Any:
        """What can be seen there, once it can."""
        from selenium.webdriver.common.by import By

        def shown() -> Any:
            return next(
                (one for one in self._driver.find_elements(By.XPATH, path) if one.is_displayed()), None
            )

        return self._wait(shown, f"{path} is not on the page")

    def _wait(self, look: Callable[[], Any], else_say: str) -> Any:
        from selenium.common.exceptions import StaleElementReferenceException

        deadline = time.monotonic() + WAIT
        while True:
            with contextlib.suppress(
                StaleElementReferenceException
            ):  # the page went away as it was looked at
                found = look()
                if found:
                    return found
            assert time.monotonic() < deadline, (
                f"{else_say}; {self.address} shows:\n{self._driver.page_source}"
            )
            time.sleep(0.05)

    def _click(self, path: str) -> None:
        from selenium.webdriver.common.by import By

        found = self._find(path)
        shown = [one for one in self._driver.find_elements(By.XPATH, path) if one.is_displayed()]
        assert len(shown) == 1, f"{len(shown)} of {path} on {self.address}"
        found.click()


def _quoted(text: str | None) -> str:
    """``text`` as an XPath literal."""
    assert text is not None
    assert '"' not in text
    return f'"{text}"'


def _lower(expression: str) -> str:
    """The XPath 1.0 expression in lower case."""
    return f"translate({expression}, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')"
