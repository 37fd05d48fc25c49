"""Majora's endpoints: the one place from which a secret is sent.

It is sent to MAJORA_DOMAIN alone. oauthlib, which requests-oauthlib uses in the client
too, writes the exchange and the refresh. `http.send` carries them, so that no redirect,
``.netrc``, slow server or log line gets at a secret.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from ocarina_kit import __version__
from ocarina_kit.config.url import endpoint
from ocarina_kit.majora.answers import (
    Answer,
    Probe,
    ProbeKind,
    Refused,
    is_token,
    read_answer,
    read_client,
    read_identity,
    read_query,
    read_revocation,
)
from ocarina_kit.majora.failures import NoAnswer
from ocarina_kit.majora.http import Response, send
from ocarina_kit.majora.proxies import ca_bundle
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.secret import Secret

_PROBE_S = 20.0
# Not a secret: no server gave it out.
_BOGUS_CODE = "ocarina-kit-asks-whether-you-know-this-client"


class Majora(NamedTuple):
    """One set-up's server. It holds no connection, so threads may share it."""

    machine: Machine
    domain: str  # ends in "/"
    client_id: str = ""
    client_secret: Secret = Secret("")

    def identify(self, seconds: float) -> Probe:
        """Ask who answers, without any credential (SRV001 to SRV004, ENV007)."""
        form = {"grant_type": "authorization_code"}
        return read_identity(self._post("token", seconds, form=form))

    def probe_client(self, seconds: float = _PROBE_S) -> Probe:
        """Ask whether the server knows this client id and secret (CRD001)."""
        form = {
            "grant_type": "authorization_code",
            "code": _BOGUS_CODE,
            "redirect_uri": endpoint(self.domain, "callback"),
            **self._credentials,
        }
        return read_client(self._post("token", seconds, form=form))

    def probe_token(
        self,
        secret: Secret,
        user: str,
        version: str | None,
        seconds: float = _PROBE_S,
        *,
        is_key: bool = False,
    ) -> Probe:
        """Ask whether the server accepts a token, and the client (API001, ENV004).

        Args:
            secret: An access token, or a legacy API key, which goes into the body.
            user: The user name at Majora.
            version: That of the installed client, if it is known.
            seconds: How long to wait at most.
            is_key: ``secret`` is an API key (API002).
        """
        query = {
            "username": user,
            "token": secret.reveal() if is_key else "OAUTH",
            "biosamples": ["ocarina-kit-probe"],
            "client_name": "ocarina" if version else "ocarina-kit",
            "client_version": version or __version__,
        }
        if not is_key and not is_token(secret.reveal()):
            return Probe(ProbeKind.REFUSED, "no header can carry it")
        headers = {} if is_key else {"Authorization": f"Bearer {secret.reveal()}"}
        response = self._post("validity", seconds, secret, json=query, headers=headers)
        probe = read_query(response)
        if version:
            return probe
        # Only the installed client's version says anything about the client.
        return probe._replace(client_ok=None, wanted_version="")

    def exchange(self, code: Secret, verifier: Secret, seconds: float) -> Answer:
        """Exchange a code for tokens, once (RFC 6749, 4.1.3; RFC 7636, 4.5)."""
        body = self._oauthlib.prepare_request_body(
            code.reveal(),
            endpoint(self.domain, "callback"),
            code_verifier=verifier.reveal(),
            client_secret=self.client_secret.reveal(),
        )
        form = dict(parse_qsl(body))
        return read_answer(self._post("token", seconds, code, verifier, form=form))

    def refresh(self, refresh_token: Secret, seconds: float) -> Answer:
        """Spend a refresh token for a new pair, in one attempt (RFC 6749, 6).

        No scope is sent: the server then grants the same scopes again, and cannot
        object to their order.
        """
        body = self._oauthlib.prepare_refresh_body(
            "", refresh_token.reveal(), **self._credentials
        )
        form = dict(parse_qsl(body))
        return read_answer(self._post("token", seconds, refresh_token, form=form))

    def revoke(self, token: Secret, hint: str) -> Refused | NoAnswer | None:
        """Revoke a token (RFC 7009), None once it is.

        At Majora a refresh token takes its access token with it.
        """
        form = {"token": token.reveal(), "token_type_hint": hint, **self._credentials}
        return read_revocation(self._post("revoke", _PROBE_S, token, form=form))

    @property
    def _credentials(self) -> dict[str, str]:
        return {
            "client_id": self.client_id,
            "client_secret": self.client_secret.reveal(),
        }

    @property
    def _oauthlib(self) -> Any:
        from oauthlib.oauth2 import WebApplicationClient

        return WebApplicationClient(self.client_id)

    def _post(
        self, page: str, seconds: float, *secrets: Secret, **content: Any
    ) -> Response | NoAnswer:
        """Send ``content``; ``secrets`` are those in it beside the client's own."""
        return send(
            self.machine,
            endpoint(self.domain, page),
            seconds=seconds,
            secrets=(*secrets, self.client_secret),
            **content,
        )


class TlsHint(NamedTuple):
    """Whether another CA bundle of this machine would help."""

    variable: str  # the one that names a bundle now, if any
    bundle: str  # one that the certificate verifies with, or ""
    is_built_in: bool  # it comes with requests: to unset the variable is enough


# Debian and its like, Red Hat and its like, macOS.
_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)


def tls_hint(machine: Machine, domain: str, seconds: float) -> TlsHint:
    """Look for a CA bundle that knows the issuer, for ``seconds`` at most."""
    import certifi

    end = machine.monotonic() + seconds
    built_in = certifi.where()
    variable, used = ca_bundle(machine.environ)
    for path in (built_in, machine.environ.get("SSL_CERT_FILE", ""), *_SYSTEM_BUNDLES):
        if path == (used or built_in) or not Path(path).is_file():
            continue
        environ = {**machine.environ, "REQUESTS_CA_BUNDLE": path}
        trial = Majora(machine._replace(environ=environ), domain)
        failure = trial.identify(end - machine.monotonic()).failure
        if failure is None or failure.sent or failure.status:
            return TlsHint(variable, path, path == built_in)
    return TlsHint(variable, "", False)
