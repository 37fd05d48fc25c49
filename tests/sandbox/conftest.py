"""A person at the sandbox of all tests, and the requests that their client would make."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from tests.cli.conftest import LOOKUP as VIEW
from tests.cli.conftest import Lab, client
from tests.conftest import Kit

from ocarina_kit.sandbox import Sandbox

__all__ = ["VIEW", "client"]


class Person(Lab):
    def link(self, scope: str = VIEW, **more: str) -> str:
        fixed = {"response_type": "code", "client_id": self.app.client_id, "state": "the-state"}
        asked = {**fixed, "redirect_uri": self.app.redirect_uri, "scope": scope, **more}
        return self.majora.url + "o/authorize/?" + urlencode(asked)

    def exchange(self, code: str, **more: str) -> requests.Response:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.app.redirect_uri}
        return self._post("o/token/", data=self._signed(**{**form, **more}))

    def refresh(self, token: str, **more: str) -> requests.Response:
        form = self._signed(grant_type="refresh_token", refresh_token=token, **more)
        return self._post("o/token/", data=form)

    def grant(self, scope: str = VIEW, age: float = 0) -> dict[str, Any]:
        return self.majora.grant(self.user, self.app, scope, age)

    def ask(self, bearer: str | None, **more: str) -> requests.Response:
        """The harmless query."""
        who = {"username": self.user.name, "token": "OAUTH", "biosamples": ["x"]}
        body = {**who, "client_name": "ocarina", "client_version": "1.0.0", **more}
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        return self._post("api/v2/artifact/biosample/query/validity/", json=body, headers=headers)

    def _signed(self, **form: str) -> dict[str, str]:
        return {"client_id": self.app.client_id, "client_secret": self.app.client_secret, **form}

    def _post(self, path: str, **what: Any) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            return session.post(self.majora.url + path, timeout=20, allow_redirects=False, **what)


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@pytest.fixture
def person(kit: Kit, running: Sandbox, client: Path) -> Iterator[Person]:
    running.clear_requests()
    yield Person(kit, running, client)
    running.clear_faults()
    running.shift_clock(-running.offset)
