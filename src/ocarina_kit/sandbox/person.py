"""A person in a browser, who reads the pages and sends their forms over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from ocarina_kit.sandbox.records import SandboxError, User


class Page(HTMLParser):
    """What is on a page: its forms with their fields, and its words."""

    def __init__(self, text: str) -> None:
        """Read a page."""
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a form, or a field of one."""
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(
                {"action": attributes.get("action", ""), "fields": {}, "buttons": {}}
            )
        elif tag == "input" and self.forms:
            group = "buttons" if attributes.get("type") == "submit" else "fields"
            self.forms[-1][group][attributes.get("name", "")] = attributes.get(
                "value", ""
            )

    def handle_data(self, data: str) -> None:
        """Note the words."""
        if data.strip():
            self.words.append(data.strip())

    def form_with(self, field: str) -> dict[str, Any] | None:
        """Return the first form that has a field or button of this name."""
        for form in self.forms:
            if field in form["fields"] or field in form["buttons"]:
                return form
        return None


class Person:
    """A browser, and whoever sits at it."""

    def __init__(
        self, url: str, ca_file: Path | None, code: Callable[[User], str]
    ) -> None:
        """Open a browser; `code` gives what a user's phone shows."""
        import requests

        self._url = url
        self._code = code
        self.session = requests.Session()
        # No proxy and no .netrc: this is the machine itself.
        self.session.trust_env = False
        self.session.verify = str(ca_file) if ca_file else True

    def log_in(self, user: User) -> None:
        """Log in on the page for that."""
        self._open(user, self._url + "account/login/")

    def answer(self, user: User, url: str, *, allow: bool) -> str:
        """Open a page, log in if asked, and press Authorize or Cancel.

        Returns:
            The address at which the browser ended.
        """
        response = self._open(user, url)
        form = Page(response.text).form_with("allow")
        if form is not None:
            button = {"allow": form["buttons"]["allow"]} if allow else {}
            response = self._send(response, form, **button)
        if "/o/callback/" not in response.url:
            page = f"{response.url.split('?')[0]} with status {response.status_code}"
            raise SandboxError(f"the browser ended at {page}: {_last_words(response)}")
        return str(response.url)

    def _open(self, user: User, url: str) -> Any:
        """Open a page, and log in if asked."""
        response: Any = self.session.get(url, timeout=30)
        if form := Page(response.text).form_with("password"):
            response = self._send(
                response, form, username=user.name, password=user.password
            )
            form = Page(response.text).form_with("code")
            if form is not None and "next" in form["fields"]:
                response = self._send(response, form, code=self._code(user))
            if Page(response.text).form_with("next") is not None:
                raise SandboxError(
                    f"{user.name} was not let in: {_last_words(response)}"
                )
        return response

    def _send(self, page: Any, form: dict[str, Any], **filled_in: str) -> Any:
        # Django's check against forged forms wants a Referer over TLS, and any browser
        # sends one.
        url = urljoin(page.url, form["action"] or page.url)
        data = {**form["fields"], **filled_in}
        return self.session.post(
            url, data=data, headers={"Referer": page.url}, timeout=30
        )


def _last_words(response: Any) -> str:
    return " ".join(Page(response.text).words[-6:])
