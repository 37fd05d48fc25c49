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

    def code(self, scope: str = VIEW, **more: str) -> str:
        return query_of(self.majora.authorize(self.user, self.link(scope, **more)))["code"]

    def post(self, path: str = "o/token/", timeout: float = 20, **form: Any) -> requests.Response:
        body = {"client_id": self.app.client_id, "client_secret": self.app.client_secret, **form}
        with self.session() as session:
            return session.post(self.majora.url + path, data=body, timeout=timeout, allow_redirects=False)

    def exchange(self, code: str, **more: Any) -> requests.Response:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.app.redirect_uri}
        return self.post(**{**form, **more})

    def refresh(self, token: str, **more: Any) -> requests.Response:
        return self.post(grant_type="refresh_token", refresh_token=token, **more)

    def grant(self, scope: str = VIEW, age: float = 0) -> dict[str, Any]:
        return self.majora.grant(self.user, self.app, scope, age)

    def ask(self, bearer: str | None, *, path: str = "query/validity/", **more: Any) -> requests.Response:
        """The harmless query."""
        who = {"username": self.user.name, "token": "OAUTH", "biosamples": ["x"]}
        body = {**who, "client_name": "ocarina", "client_version": "1.0.0", **more}
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        url = f"{self.majora.url}api/v2/artifact/biosample/{path}"
        with self.session() as session:
            return session.post(url, json=body, headers=headers, timeout=20)

    def session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        return session


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def new_client(majora: Sandbox, **account: Any) -> Client:
    user = majora.add_user(f"user{next(_numbers)}", **account)
    return Client(majora, user, majora.add_application(user))


@pytest.fixture
def client(running: Sandbox) -> Iterator[Client]:
    yield new_client(running)
    running.clear_faults()
    running.clear_requests()
    running.shift_clock(-running.offset)
