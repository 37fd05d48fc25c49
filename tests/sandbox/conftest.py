"""One sandbox for all tests of this folder, each test with an account of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from ocarina_kit.sandbox import Application, Sandbox, User

VIEW = "majora2.view_biosampleartifact"
_numbers = itertools.count(1)


class Client(NamedTuple):
    """A person with a registered application, and the requests that their client would make."""

    majora: Sandbox
    user: User
    app: Application

    def link(self, scope: str = VIEW, **more: str) -> str:
        fixed = {"response_type": "code", "client_id": self.app.client_id, "state": "the-state"}
        asked = {**fixed, "redirect_uri": self.app.redirect_uri, "scope": scope, **more}
        return self.majora.url + "o/authorize/?" + urlencode(asked)

    def code(self) -> str:
        return query_of(self.majora.authorize(self.user, self.link()))["code"]

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
def client(running: Sandbox) -> Iterator[Client]:
    user = running.add_user(f"user{next(_numbers)}")
    yield Client(running, user, running.add_application(user))
    running.clear_faults()
    running.clear_requests()
    running.shift_clock(-running.offset)
