"""Majora's endpoints: the one place from which a secret is sent, and only to MAJORA_DOMAIN.

oauthlib, which is under requests-oauthlib as in the client, writes the exchange and the refresh; :func:`http.send`
carries them, so that no redirect, ``.netrc``, slow server or log line gets at a secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ocarina_kit.config.url import endpoint
from ocarina_kit.majora.answers import (
    Answer,
    Granted,
    Probe,
    Refused,
    Revoked,
    read_answer,
    read_client,
    read_identity,
    read_query,
    read_revocation,
)
from ocarina_kit.majora.http import NoAnswer, Response, send
from ocarina_kit.system.secret import Secret

if TYPE_CHECKING:
    from ocarina_kit.system.machine import Machine

__all__ = ["Answer", "Granted", "Majora", "NoAnswer", "Probe", "Refused", "Revoked", "tls_hint"]

SECONDS = 60.0
"""The time limit of a request that may spend something: as long as the whole budget (CONTRACT.md, refresh)."""
_PROBE_S = 20.0
_BOGUS_CODE = "ocarina-kit-asks-whether-you-know-this-client"  # not a secret: no server gave it out


class Majora(NamedTuple):
    """One set-up's server. ``domain`` ends in ``/``. Holds no connection: safe to share between threads."""

    machine: Machine
    domain: str
    client_id: str = ""
    client_secret: Secret = Secret("")

    def identify(self, seconds: float = _PROBE_S) -> Probe:
        """Who answers, asked without any credential (SRV001 to SRV004, ENV007)."""
        return read_identity(self._post("token", seconds, form={"grant_type": "authorization_code"}))

    def probe_client(self, seconds: float = _PROBE_S) -> Probe:
        """Whether the server knows this client id and secret (CRD001)."""
        form = {"grant_type": "authorization_code", "code": _BOGUS_CODE}
        form |= {"redirect_uri": endpoint(self.domain, "callback"), **self._client}
        return read_client(self._post("token", seconds, form=form))

    def probe_token(self, token: Secret, user: str, version: str | None, seconds: float = _PROBE_S) -> Probe:
        """Whether the server accepts an access token, and the client's ``version``, if it is known (API001, ENV004)."""
        headers = {"Authorization": f"Bearer {token.reveal()}"}
        return self._query(token, "OAUTH", user, version, seconds, headers=headers)

    def probe_key(self, key: Secret, user: str, version: str | None, seconds: float = _PROBE_S) -> Probe:
        """The same of a legacy API key, which goes into the body (API002)."""
        return self._query(key, key.reveal(), user, version, seconds)

    def exchange(self, code: Secret, verifier: Secret, redirect_uri: str, seconds: float = SECONDS) -> Answer:
        """Exchange a code for tokens, once (RFC 6749, 4.1.3; the verifier: RFC 7636, 4.5)."""
        more = {"code_verifier": verifier.reveal(), "client_secret": self.client_secret.reveal()}
        body = self._oauthlib.prepare_request_body(code.reveal(), redirect_uri, **more)
        return self._grant(body, (code, verifier), seconds)

    def refresh(self, refresh_token: Secret, seconds: float = SECONDS) -> Answer:
        """Spend a refresh token for a new pair, in one attempt (RFC 6749, 6).

        No scope is sent: the server then grants the same scopes again, and cannot object to their order.
        """
        body = self._oauthlib.prepare_refresh_body("", refresh_token.reveal(), **self._client)
        return self._grant(body, (refresh_token,), seconds)

    def revoke(
        self, token: Secret, hint: str = "refresh_token", seconds: float = _PROBE_S
    ) -> Revoked | Refused | NoAnswer:
        """Revoke a token (RFC 7009). A refresh token takes its access token with it (FACTS.md)."""
        form = {"token": token.reveal(), "token_type_hint": hint, **self._client}
        return read_revocation(self._post("revoke", seconds, token, form=form))

    @property
    def _client(self) -> dict[str, str]:
        return {"client_id": self.client_id, "client_secret": self.client_secret.reveal()}

    @property
    def _oauthlib(self) -> Any:
        from oauthlib.oauth2 import WebApplicationClient

        return WebApplicationClient(self.client_id)

    def _post(self, page: str, seconds: float, *sent: Secret, **more: Any) -> Response | NoAnswer:
        """``sent``: the secrets in the request beside the client's own."""
        secrets = (*sent, self.client_secret)
        return send(self.machine, endpoint(self.domain, page), seconds=seconds, secrets=secrets, **more)

    def _grant(self, body: str, sent: tuple[Secret, ...], seconds: float) -> Answer:
        from urllib.parse import parse_qsl

        return read_answer(self._post("token", seconds, *sent, form=dict(parse_qsl(body))))

    def _query(
        self, secret: Secret, token: str, user: str, version: str | None, seconds: float, **more: Any
    ) -> Probe:
        from ocarina_kit import __version__

        query = {
            "username": user,
            "token": token,
            "biosamples": ["ocarina-kit-probe"],
            "client_name": "ocarina" if version else "ocarina-kit",
            "client_version": version or __version__,
        }
        probe = read_query(self._post("validity", seconds, secret, json=query, **more))
        # Only the installed client's version says anything about the client.
        return probe if version else probe._replace(client_ok=None, wanted_version="")


# Debian and its like, Red Hat and its like, macOS.
_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)


def tls_hint(machine: Machine, domain: str, seconds: float) -> tuple[str, str, bool]:
    """Whether another CA bundle of this machine would help where the issuer is unknown, tried within ``seconds``.

    The variable that names one now, if any; the path of one that the certificate verifies with, or ""; whether that one
    comes with requests, so that unsetting the variable is enough.
    """
    from pathlib import Path

    import certifi

    from ocarina_kit.majora.net import ca_bundle

    end = machine.monotonic() + seconds
    built_in = certifi.where()
    variable, used = ca_bundle(machine.environ) or ("", built_in)
    for path in dict.fromkeys((built_in, machine.environ.get("SSL_CERT_FILE", ""), *_SYSTEM_BUNDLES)):
        if not path or path == used or not Path(path).is_file():
            continue
        trial = machine._replace(environ={**machine.environ, "REQUESTS_CA_BUNDLE": path})
        net = Majora(trial, domain).identify(end - machine.monotonic()).net
        if net is None or net.sent or net.status:
            return variable, path, path == built_in
    return variable, "", False
