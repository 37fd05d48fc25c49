"""Majora's OAuth and API endpoints: the one place from which a secret leaves, and only to MAJORA_DOMAIN.

The grant and the refresh are built and read by requests-oauthlib, as the client's own are; what carries them is
:class:`~ocarina_kit.edges.net.http.Http`, so that no redirect, ``.netrc``, slow server or log line gets at a secret.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ocarina_kit import __version__
from ocarina_kit.core.config.domain import callback_url, revoke_url, token_url, validity_url
from ocarina_kit.core.oauth.answers import Granted, Refused, TokenAnswer, Unusable, judge_token_answer
from ocarina_kit.core.oauth.network import NetFailure
from ocarina_kit.core.oauth.server_words import (
    ClientProbe,
    Identity,
    Revocation,
    TokenProbe,
    client_probe,
    identity,
    revocation,
    token_probe,
)
from ocarina_kit.core.secret import Secret
from ocarina_kit.edges.net.http import Http

SECONDS = 20.0
"""The deadline of one request, where the caller names none."""
BOGUS_CODE = "ocarina-kit-asks-whether-you-know-this-client"
"""A code that no server gave out: it shows whether the client is known, and changes nothing (FACTS.md)."""


class Majora:
    """One set-up's server. Holds no connection: safe to share between threads.

    ``domain`` is MAJORA_DOMAIN as mended: https, or loopback http, and one ``/`` at its end.
    """

    def __init__(
        self, http: Http, domain: str, client_id: str = "", client_secret: Secret | None = None
    ) -> None:
        self.http = http
        self.domain = domain
        self.client_id = client_id
        self.client_secret = client_secret or Secret("")

    # --- who is there

    def identify(self, *, seconds: float = SECONDS) -> Identity:
        """Ask who answers, with a token request that holds no credential at all (SRV004)."""
        form = {"grant_type": "authorization_code"}
        return identity(self.http.send("POST", token_url(self.domain), seconds=seconds, form=form))

    def probe_client(self, *, seconds: float = SECONDS) -> ClientProbe:
        """Ask whether the server knows this client id and secret, with a code that does not exist (CRD001)."""
        form = {
            "grant_type": "authorization_code",
            "code": BOGUS_CODE,
            "redirect_uri": callback_url(self.domain),
            "client_id": self.client_id,
            "client_secret": self.client_secret.reveal(),
        }
        return client_probe(self.http.send("POST", token_url(self.domain), seconds=seconds, form=form))

    # --- tokens

    def exchange(
        self,
        code: Secret,
        verifier: Secret | None,
        *,
        redirect_uri: str | None = None,
        seconds: float = SECONDS,
    ) -> TokenAnswer:
        """Change a code for tokens (RFC 6749, 4.1.3; the verifier: RFC 7636, 4.5)."""
        callback = callback_url(self.domain) if redirect_uri is None else redirect_uri
        more = {} if verifier is None else {"code_verifier": verifier.reveal()}

        def ask(session: Any, url: str) -> None:
            session.fetch_token(
                url,
                code=code.reveal(),
                client_secret=self.client_secret.reveal(),
                include_client_id=True,
                **more,
            )

        return self._token_request(ask, seconds, callback, (code, verifier))

    def refresh(self, refresh_token: Secret, *, seconds: float = SECONDS) -> TokenAnswer:
        """Spend a refresh token for a new pair (RFC 6749, 6). One attempt: see :mod:`ocarina_kit.core.tokens.retry`.

        No scope is sent: the server then grants the same scopes again, and has no order of them to object to.
        """

        def ask(session: Any, url: str) -> None:
            session.refresh_token(
                url,
                refresh_token=refresh_token.reveal(),
                client_id=self.client_id,
                client_secret=self.client_secret.reveal(),
            )

        return self._token_request(ask, seconds, None, (refresh_token,))

    def revoke(self, token: Secret, hint: str = "refresh_token", *, seconds: float = SECONDS) -> Revocation:
        """Revoke a token (RFC 7009). A refresh token takes its access token with it (FACTS.md)."""
        form = {
            "token": token.reveal(),
            "token_type_hint": hint,
            "client_id": self.client_id,
            "client_secret": self.client_secret.reveal(),
        }
        return revocation(self.http.send("POST", revoke_url(self.domain), seconds=seconds, form=form))

    # --- the API

    def probe_token(
        self, access_token: Secret, username: str, client_version: str | None, *, seconds: float = SECONDS
    ) -> TokenProbe:
        """Ask, with the harmless validity query, whether the server takes this access token and the client's version.

        ``client_version`` None: none is installed, or it could not be told; the server then judges the token alone.
        """
        return self._probe("OAUTH", access_token, username, client_version, seconds)

    def probe_legacy_key(
        self, key: Secret, username: str, client_version: str | None, *, seconds: float = SECONDS
    ) -> TokenProbe:
        """The same for a legacy API key, which goes into the body (FACTS.md)."""
        return self._probe(key.reveal(), None, username, client_version, seconds)

    def _probe(
        self, token: str, bearer: Secret | None, username: str, version: str | None, seconds: float
    ) -> TokenProbe:
        if not username.strip():
            return TokenProbe("blank-user", "MAJORA_USER is blank, and the server refuses a blank user")
        query = {
            "username": username,
            "token": token,
            "biosamples": ["ocarina-kit-probe"],
            "client_name": "ocarina" if version else "ocarina-kit",
            "client_version": version or __version__,
        }
        headers = {"Authorization": f"Bearer {bearer.reveal()}"} if bearer is not None else {}
        came = self.http.send("POST", validity_url(self.domain), seconds=seconds, json=query, headers=headers)
        verdict = token_probe(came)
        # Only the installed client's version says anything about the client.
        return verdict if version else _without_client(verdict)

    def _token_request(
        self,
        ask: Callable[[Any, str], None],
        seconds: float,
        redirect_uri: str | None,
        secrets: tuple[Secret | None, ...],
    ) -> TokenAnswer:
        from ocarina_kit.edges.net.oauth_session import TokenEndpoint, oauth_session

        endpoint = TokenEndpoint(self.http, token_url(self.domain), seconds)
        read = True
        try:
            with oauth_session(self.client_id, redirect_uri, endpoint) as session:
                ask(session, endpoint.shown_url)
        except Exception:  # oauthlib's own errors, and whatever its parser meets in a hostile answer
            read = False
        came = endpoint.came
        if came is None:
            came = NetFailure("other", "the request could not be built")
        answer = judge_token_answer(came)
        if isinstance(answer, Granted) and not read:
            why = "its token answer cannot be read by the client's OAuth library"
            return Unusable("shape", why, may_have_spent=True, status=200, skew=answer.skew)
        return _scrubbed(answer, (*secrets, self.client_secret))


def _without_client(verdict: TokenProbe) -> TokenProbe:
    from dataclasses import replace

    return replace(verdict, client_ok=None, wanted_version=None)


def _scrubbed(answer: TokenAnswer, secrets: tuple[Secret | None, ...]) -> TokenAnswer:
    """A refusal's words, without the secrets that a server may have echoed."""
    if not isinstance(answer, Refused):
        return answer
    from dataclasses import replace

    from ocarina_kit.core.redact import mask

    known = [secret for secret in secrets if secret]
    return replace(answer, error=mask(answer.error, known), description=mask(answer.description, known))
