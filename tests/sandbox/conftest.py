"""A person at the sandbox of all tests.

The requests are those that their client would make.
"""

from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from tests.cli.conftest import LOOKUP as VIEW
from tests.cli.conftest import Lab, client, lab

__all__ = ["VIEW", "client", "lab"]


class Person:
    def __init__(self, lab: Lab) -> None:
        self.majora, self.user, self.app = lab.majora, lab.user, lab.app
        self._key = {
            "client_id": self.app.client_id,
            "client_secret": self.app.client_secret,
        }

    def link(self, scope: str = VIEW, **more: str) -> str:
        fixed = {
            "response_type": "code",
            "client_id": self.app.client_id,
            "state": "the-state",
        }
        asked = {**fixed, "redirect_uri": self.app.redirect_uri, "scope": scope, **more}
        return self.majora.url + "o/authorize/?" + urlencode(asked)

    def exchange(self, code: str, **more: str) -> requests.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.app.redirect_uri,
        }
        return self._post("o/token/", data={**self._key, **form, **more})

    def refresh(self, token: str, **more: str) -> requests.Response:
        form = {"grant_type": "refresh_token", "refresh_token": token, **more}
        return self._post("o/token/", data={**self._key, **form})

    def grant(self, scope: str = VIEW, age: float = 0) -> dict[str, Any]:
        return self.majora.grant(self.user, self.app, scope, age)

    def ask(self, bearer: str | None, **more: str) -> requests.Response:
        """The harmless query."""
        who = {"username": self.user.name, "token": "OAUTH", "biosamples": ["x"]}
        body = {**who, "client_name": "ocarina", "client_version": "1.0.0", **more}
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        return self._post(
            "api/v2/artifact/biosample/query/validity/", json=body, headers=headers
        )

    def _post(self, path: str, **what: Any) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            return session.post(
                self.majora.url + path, timeout=20, allow_redirects=False, **what
            )


@pytest.fixture
def person(lab: Lab) -> Person:
    lab.majora.clear_requests()
    return Person(lab)
