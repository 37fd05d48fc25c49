"""One sandbox for all tests of this folder; each test has an account, an application and a home of its own."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.conftest import Kit, Ran

from ocarina_kit.core.client.scopes import PURPOSES
from ocarina_kit.sandbox import Application, Sandbox, User

HOUR = 3600.0
VIEW = "majora2.view_biosampleartifact"
PAGS = "majora2.temp_can_read_pags_via_api"
INFO = "majora2.view_majoraartifact_info"
SCOPES = [purpose.scope for purpose in PURPOSES]

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    with Sandbox.start() as majora:
        yield majora


@pytest.fixture
def majora(running: Sandbox) -> Iterator[Sandbox]:
    running.clear_requests()
    yield running
    running.clear_faults()
    if running.offset:
        running.shift_clock(-running.offset)


@dataclass
class Person:
    """Somebody with an account, a registered application, and a home with a set-up in it."""

    majora: Sandbox
    user: User
    app: Application
    kit: Kit

    def configure(self, **more: Any) -> None:
        members = {
            "MAJORA_DOMAIN": self.majora.url,
            "MAJORA_USER": self.user.name,
            "MAJORA_TOKEN": "OAUTH",
            "CLIENT_ID": self.app.client_id,
            "CLIENT_SECRET": self.app.client_secret,
            **more,
        }
        self.kit.secrets.add(self.app.client_secret)
        self.kit.write_config({name: value for name, value in members.items() if value is not None})

    def grant(self, scope: str = VIEW, *, age: float = 0.0) -> dict[str, Any]:
        token = self.majora.grant(self.user, self.app, scope, age)
        self.kit.secrets |= {token["access_token"], token["refresh_token"]}
        return token

    def have(self, *scopes: str, age: float = 0.0) -> dict[str, Any]:
        """Tokens for these scopes in the file, each ``age`` seconds old."""
        tokens = {scope: self.grant(scope, age=age) for scope in scopes or (VIEW,)}
        self.kit.write_tokens(tokens)
        return tokens

    @property
    def tokens(self) -> dict[str, Any]:
        found = self.kit.read_tokens()
        for token in found.values():
            self.kit.secrets |= {token[name] for name in ("access_token", "refresh_token") if name in token}
        return found

    def alive(self, scope: str = VIEW) -> bool:
        """Whether what the file holds now can be used and refreshed."""
        token = self.tokens[scope]
        states = [self.majora.token_state(token[name]) for name in ("access_token", "refresh_token")]
        return states == ["live", "live"]

    def log(self) -> list[str]:
        path = self.kit.state / "refresh.log"
        return path.read_text().splitlines() if path.exists() else []


def result_of(ran: Ran, scope: str = VIEW) -> str:
    """The word for a scope in a ``--json`` run."""
    (found,) = [token["result"] for token in ran.json["tokens"] if token["scope"] == scope]
    return str(found)


def dumped(tokens: dict[str, Any]) -> bytes:
    return json.dumps(tokens).encode()


@pytest.fixture
def person(majora: Sandbox, kit: Kit) -> Person:
    user = majora.add_user(f"person{next(_numbers)}")
    found = Person(majora, user, majora.add_application(user), kit)
    found.configure()
    return found
