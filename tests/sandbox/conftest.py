"""One sandbox for all tests of this folder (and one over TLS), each test with an account of its own."""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from ocarina_kit.sandbox import Application, Sandbox, User

VIEW = "majora2.view_biosampleartifact"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    with Sandbox.start() as majora:
        yield majora


@pytest.fixture(scope="session")
def running_tls() -> Iterator[Sandbox]:
    with Sandbox.start(tls=True) as majora:
        yield majora


def _as_it_was(majora: Sandbox) -> None:
    majora.clear_faults()
    majora.clear_requests()
    if majora.offset:
        majora.shift_clock(-majora.offset)


@pytest.fixture
def majora(running: Sandbox) -> Iterator[Sandbox]:
    yield running
    _as_it_was(running)


@pytest.fixture
def tls_majora(running_tls: Sandbox) -> Iterator[Sandbox]:
    yield running_tls
    _as_it_was(running_tls)


@dataclass
class Client:
    """A person with a registered application, and the requests that their client would make."""

    majora: Sandbox
    user: User
    app: Application
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.trust_env = False
        self.session.verify = str(self.majora.ca_file) if self.majora.ca_file else True

    def link(self, scope: str = VIEW, **more: str) -> str:
        asked = {
            "response_type": "code",
            "client_id": self.app.client_id,
            "redirect_uri": self.app.redirect_uri,
            "scope": scope,
            "state": "the-state",
            **more,
        }
        return self.majora.url + "o/authorize/?" + urlencode(asked)

    def code(self, scope: str = VIEW, **more: str) -> str:
        return query_of(self.majora.authorize(self.user, self.link(scope, **more)))["code"]

    def token_request(self, timeout: float = 20, **form: str) -> requests.Response:
        body = {"client_id": self.app.client_id, "client_secret": self.app.client_secret, **form}
        return self.session.post(
            self.majora.url + "o/token/", data=body, timeout=timeout, allow_redirects=False
        )

    def exchange(self, code: str, **more: str) -> requests.Response:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.app.redirect_uri}
        return self.token_request(**{**form, **more})

    def refresh(self, token: str, **more: Any) -> requests.Response:
        return self.token_request(grant_type="refresh_token", refresh_token=token, **more)

    def grant(self, scope: str = VIEW, age: float = 0) -> dict[str, Any]:
        return self.majora.grant(self.user, self.app, scope, age)

    def ask(
        self, access_token: str | None, *, path: str = "query/validity/", **more: Any
    ) -> requests.Response:
        """The harmless query."""
        body = {
            "username": self.user.name,
            "token": "OAUTH",
            "biosamples": ["x"],
            "client_name": "ocarina",
            "client_version": "1.0.0",
            **more,
        }
        headers = {"Authorization": f"Bearer {access_token}"} if access_token else {}
        return self.session.post(
            f"{self.majora.url}api/v2/artifact/biosample/{path}", json=body, headers=headers, timeout=20
        )


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def new_client(majora: Sandbox, **account: Any) -> Client:
    user = majora.add_user(f"user{next(_numbers)}", **account)
    return Client(majora, user, majora.add_application(user))


@pytest.fixture
def client(majora: Sandbox) -> Client:
    return new_client(majora)


@pytest.fixture
def tls_client(tls_majora: Sandbox) -> Client:
    return new_client(tls_majora)
