"""requests-oauthlib over the kit's own door. Imported only for a grant or a refresh: it is heavy."""

from __future__ import annotations

import logging
from typing import Any

import requests
from requests.adapters import BaseAdapter
from requests_oauthlib import OAuth2Session

from ocarina_kit.core.oauth.network import HttpAnswer, NetFailure
from ocarina_kit.edges.net.http import Http


def _silence() -> None:
    """Both libraries log tokens, secrets and whole answers at DEBUG: no handler of any program may get them."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("oauthlib", "requests_oauthlib"):
            logging.getLogger(name).disabled = True


class NotAnAnswerError(requests.ConnectionError):
    """Nothing came that oauthlib should look at."""


class TokenEndpoint(BaseAdapter):
    """Carries whatever the session sends to the token endpoint, through ``http``, and nowhere else.

    ``came`` is what came of it. A session over this adapter has no way to reach another address.
    """

    def __init__(self, http: Http, url: str, seconds: float) -> None:
        super().__init__()
        self._http = http
        self._url = url
        self._seconds = seconds
        self.came: HttpAnswer | NetFailure | None = None

    @property
    def shown_url(self) -> str:
        """The endpoint as oauthlib is shown it: it refuses ``http``, also the loopback one that ``http`` allows.

        Its own way to permit that is a variable of the whole process (``OAUTHLIB_INSECURE_TRANSPORT``).
        """
        return "https://" + self._url.partition("://")[2]

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        if self.came is not None:
            raise NotAnAnswerError
        body = request.body if isinstance(request.body, str) else ""
        self.came = self._http.send("POST", self._url, seconds=self._seconds, form=body)
        if isinstance(self.came, NetFailure) or self.came.is_redirect:
            raise NotAnAnswerError
        response = requests.Response()
        response.status_code = self.came.status
        response._content = self.came.body
        response.headers["Content-Type"] = self.came.content_type
        response.encoding = "utf-8"
        response.request = request
        response.url = self._url
        return response

    def close(self) -> None:
        pass


def oauth_session(client_id: str, redirect_uri: str | None, endpoint: TokenEndpoint) -> Any:
    """A session that can do one token request. Without a scope: oauthlib then has none to miss in the answer."""
    _silence()
    session = OAuth2Session(client_id=client_id, redirect_uri=redirect_uri)
    session.trust_env = False  # no .netrc
    session.adapters.clear()
    session.mount("https://", endpoint)
    return session
