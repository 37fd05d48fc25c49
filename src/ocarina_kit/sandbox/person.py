"""A person in a browser: the pages are read and their forms sent, as they are, over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from ocarina_kit.sandbox.records import SandboxError, User

if TYPE_CHECKING:
    import requests

_TIMEOUT = 30.0


class Page(HTMLParser):
    """What is on a page: its forms with their fields, and its words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self.words: list[str] = []
        self._silent = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag in {"style", "script"}:
            self._silent = tag
        elif tag == "form":
            self.forms.append({"action": attributes.get("action", ""), "fields": {}, "buttons": {}})
        elif tag == "input" and self.forms:
            group = "buttons" if attributes.get("type") == "submit" else "fields"
            self.forms[-1][group][attributes.get("name", "")] = attributes.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._silent:
            self._silent = ""

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip():
            self.words.append(data.strip())

    def form_with(self, field: str) -> dict[str, Any] | None:
        return next((form for form in self.forms if field in {**form["fields"], **form["buttons"]}), None)


class Person:
    def __init__(self, url: str, ca_file: Path | None, code: Callable[[User], str]) -> None:
        import requests

        self._url = url
        self._code = code
        self.session: requests.Session = requests.Session()
        self.session.trust_env = False  # no proxy, no .netrc: this is the machine itself
        self.session.verify = str(ca_file) if ca_file else True

    def log_in(self, user: User) -> None:
        self._past_the_login(user, self._open(self._url + "account/login/"))

    def answer(self, user: User, url: str, *, allow: bool) -> str:
        """Open ``url``, log in where asked, press Authorize or Cancel, and tell where the browser ended."""
        response = self._past_the_login(user, self._open(url))
        form = Page(response.text).form_with("allow")
        if form is not None:
            fields = dict(form["fields"])
            if allow:
                fields["allow"] = form["buttons"]["allow"]
            response = self._send(response, form, fields)
        if "/o/callback/" not in response.url:
            raise SandboxError(
                f"the browser ended at {response.url.split('?')[0]} with status {response.status_code}: "
                + " ".join(Page(response.text).words[-6:])
            )
        ended: str = response.url
        return ended

    def _past_the_login(self, user: User, response: Any) -> Any:
        form = Page(response.text).form_with("password")
        if form is None:
            return response
        response = self._send(
            response, form, {**form["fields"], "username": user.name, "password": user.password}
        )
        form = Page(response.text).form_with("code")
        if form is not None and "next" in form["fields"]:
            response = self._send(response, form, {**form["fields"], "code": self._code(user)})
        if Page(response.text).form_with("next") is not None:
            raise SandboxError(f"{user.name} was not let in: " + " ".join(Page(response.text).words[-6:]))
        return response

    def _open(self, url: str) -> Any:
        return self.session.get(url, timeout=_TIMEOUT)

    def _send(self, page: Any, form: dict[str, Any], fields: dict[str, str]) -> Any:
        # Django's check against forged forms wants a Referer over TLS, which any browser sends.
        return self.session.post(
            urljoin(page.url, form["action"] or page.url),
            data=fields,
            headers={"Referer": page.url},
            timeout=_TIMEOUT,
        )
