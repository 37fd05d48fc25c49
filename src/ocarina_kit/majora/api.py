"""Majora's endpoints: the one place from which a secret is sent, and only to MAJORA_DOMAIN; and what its answers mean
(RFC 6749, 5.1 and 5.2; RFC 7009; FACTS.md).

oauthlib, which is under requests-oauthlib as in the client, writes the exchange and the refresh; :func:`http.send`
carries them, so that no redirect, ``.netrc``, slow server or log line gets at a secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from ocarina_kit import __version__
from ocarina_kit.config.names import TOKEN_LIFE_S
from ocarina_kit.config.url import endpoint
from ocarina_kit.majora.http import NoAnswer, Response, ca_bundle, send
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.secret import Secret

_PROBE_S = 20.0
_BOGUS_CODE = "ocarina-kit-asks-whether-you-know-this-client"  # not a secret: no server gave it out
# RFC 6749, appendix A: tokens are made of VSCHAR; a blank in one could not be sent in a header.
_TOKEN = re.compile(r"[\x21-\x7e]{1,65536}")
_NAMED = (
    "access_token",
    "token_type",
    "refresh_token",
    "expires_in",
    "expires_at",
    "scope",
)


class Granted(NamedTuple):
    """A usable token answer. No ``refresh_token``: the old one stays good (RFC 6749, 6). No ``scope``: as asked for.

    ``extra``: what RFC 6749 does not name, kept as the client keeps it.
    """

    access_token: Secret
    refresh_token: Secret | None
    expires_in: float
    scope: tuple[str, ...] | None
    token_type: str = "Bearer"  # noqa: S105  # RFC 6750's name for the kind, not a secret
    extra: Mapping[str, Any] = {}
    skew: float | None = None


class Refused(NamedTuple):
    """An OAuth error: the server understood, and said no. ``error`` and ``words`` can be shown.

    ``cause``: grant, client, scope, two-factor, redirect-uri, grant-type or other.
    """

    error: str
    words: str = ""
    cause: str = "other"
    skew: float | None = None

    @property
    def said(self) -> str:
        """``Majora answered invalid_grant: ….``"""
        return f"Majora answered {self.error}" + (
            f": {self.words.rstrip('.')}." if self.words else "."
        )


Answer = Granted | Refused | NoAnswer


class Probe(NamedTuple):
    """What a question that changes nothing showed.

    ``kind``: ``majora`` or ``not-majora`` (identify); ``known``, ``unknown``, ``other-grant`` or ``not-majora`` (a
    client); ``accepted`` or ``refused`` (a token or key); ``no-answer``, with ``net``. ``client_ok``: whether the
    server accepts the client's version, None if it did not say; ``wanted_version``: the one it asks for.
    """

    kind: str
    words: str
    net: NoAnswer | None = None
    skew: float | None = None
    client_ok: bool | None = None
    wanted_version: str = ""


# --- what is asked


class Majora(NamedTuple):
    """One set-up's server. ``domain`` ends in ``/``. Holds no connection: safe to share between threads."""

    machine: Machine
    domain: str
    client_id: str = ""
    client_secret: Secret = Secret("")

    def identify(self, seconds: float) -> Probe:
        """Who answers, asked without any credential (SRV001 to SRV004, ENV007)."""
        return read_identity(
            self._post("token", seconds, form={"grant_type": "authorization_code"})
        )

    def probe_client(self, seconds: float = _PROBE_S) -> Probe:
        """Whether the server knows this client id and secret (CRD001)."""
        form = {"grant_type": "authorization_code", "code": _BOGUS_CODE}
        form |= {"redirect_uri": endpoint(self.domain, "callback"), **self._client}
        return read_identity(self._post("token", seconds, form=form), client=True)

    def probe_token(
        self,
        secret: Secret,
        user: str,
        version: str | None,
        seconds: float = _PROBE_S,
        *,
        is_key: bool = False,
    ) -> Probe:
        """Whether the server accepts an access token or a legacy API key (which goes into the body), and the client's
        ``version``, if it is known (API001, API002, ENV004)."""
        query = {
            "username": user,
            "token": secret.reveal() if is_key else "OAUTH",
            "biosamples": ["ocarina-kit-probe"],
            "client_name": "ocarina" if version else "ocarina-kit",
            "client_version": version or __version__,
        }
        if not is_key and not _TOKEN.fullmatch(secret.reveal()):
            return Probe("refused", "no header can carry it")
        headers = {} if is_key else {"Authorization": f"Bearer {secret.reveal()}"}
        probe = read_query(
            self._post("validity", seconds, secret, json=query, headers=headers)
        )
        # Only the installed client's version says anything about the client.
        return probe if version else probe._replace(client_ok=None, wanted_version="")

    def exchange(self, code: Secret, verifier: Secret, seconds: float) -> Answer:
        """Exchange a code for tokens, once (RFC 6749, 4.1.3; the verifier: RFC 7636, 4.5)."""
        more = {
            "code_verifier": verifier.reveal(),
            "client_secret": self.client_secret.reveal(),
        }
        body = self._oauthlib.prepare_request_body(
            code.reveal(), endpoint(self.domain, "callback"), **more
        )
        return read_answer(
            self._post("token", seconds, code, verifier, form=dict(parse_qsl(body)))
        )

    def refresh(self, refresh_token: Secret, seconds: float) -> Answer:
        """Spend a refresh token for a new pair, in one attempt (RFC 6749, 6).

        No scope is sent: the server then grants the same scopes again, and cannot object to their order.
        """
        body = self._oauthlib.prepare_refresh_body(
            "", refresh_token.reveal(), **self._client
        )
        return read_answer(
            self._post("token", seconds, refresh_token, form=dict(parse_qsl(body)))
        )

    def revoke(self, token: Secret, hint: str) -> Refused | NoAnswer | None:
        """Revoke a token (RFC 7009); None once it is. A refresh token takes its access token with it (FACTS.md)."""
        form = {"token": token.reveal(), "token_type_hint": hint, **self._client}
        return read_revocation(self._post("revoke", _PROBE_S, token, form=form))

    @property
    def _client(self) -> dict[str, str]:
        return {
            "client_id": self.client_id,
            "client_secret": self.client_secret.reveal(),
        }

    @property
    def _oauthlib(self) -> Any:
        from oauthlib.oauth2 import WebApplicationClient

        return WebApplicationClient(self.client_id)

    def _post(
        self, page: str, seconds: float, *sent: Secret, **more: Any
    ) -> Response | NoAnswer:
        """``sent``: the secrets in the request beside the client's own."""
        secrets = (*sent, self.client_secret)
        return send(
            self.machine,
            endpoint(self.domain, page),
            seconds=seconds,
            secrets=secrets,
            **more,
        )


# Debian and its like, Red Hat and its like, macOS.
_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)


def tls_hint(machine: Machine, domain: str, seconds: float) -> tuple[str, str, bool]:
    """Whether another CA bundle of this machine would help if the issuer is unknown, tried within ``seconds``.

    The variable that names one now, if any; the path of one that the certificate verifies with, or ""; whether that one
    comes with requests, so that unsetting the variable is enough.
    """
    import certifi

    end = machine.monotonic() + seconds
    built_in = certifi.where()
    variable, used = ca_bundle(machine.environ)
    for path in (built_in, machine.environ.get("SSL_CERT_FILE", ""), *_SYSTEM_BUNDLES):
        if path != (used or built_in) and Path(path).is_file():
            trial = machine._replace(
                environ={**machine.environ, "REQUESTS_CA_BUNDLE": path}
            )
            net = Majora(trial, domain).identify(end - machine.monotonic()).net
            if net is None or net.sent or net.status:
                return variable, path, path == built_in
    return variable, "", False


# --- answers of the token endpoint

_CAUSES = {
    "invalid_grant": "grant",
    "invalid_client": "client",
    "invalid_scope": "scope",
    "unauthorized_client": "grant-type",
    "unsupported_grant_type": "grant-type",
    **dict.fromkeys(
        ("invalid_request", "access_denied", "unsupported_token_type"), "other"
    ),
    **dict.fromkeys(("server_error", "temporarily_unavailable"), "other"),
}
"""RFC 6749, 5.2 and 4.1.2.1; RFC 7009, 2.2.1. Other words (``unauthorized``, ``not_found``) are no OAuth server's."""


def read_answer(came: Response | NoAnswer) -> Answer:
    """What came from ``o/token/``. Never raises, whatever the body holds."""
    if isinstance(came, NoAnswer):
        return came
    value = came.json() or {}
    error = value.get("error")
    # RFC 6749, 5.2 has 400 and 401; some servers say 403 to access_denied, and some say everything with 200.
    if (
        came.status in (200, 400, 401, 403)
        and isinstance(error, str)
        and error in _CAUSES
    ):
        # The words are shown, and may repeat a token that is beside the error.
        tokens = [
            Secret(str(value.get(name) or ""))
            for name in ("access_token", "refresh_token")
        ]
        description = value.get("error_description")
        words = came.shown(description, *tokens) if isinstance(description, str) else ""
        # The server's words say it more exactly than its code (FACTS.md).
        cause = _CAUSES[error]
        if re.search("(?i)2fa|two-factor", words):
            cause = "two-factor"
        elif "redirect" in words.lower():
            cause = "redirect-uri"
        return Refused(error, words, cause, came.skew)
    granted = _granted(value, came.skew) if came.status // 100 == 2 else None
    return granted or _unusable(came)


def _granted(value: dict[str, Any], skew: float | None) -> Granted | None:
    """The token in a JSON answer, None if the client could not use it. A life or scope that cannot be read is no
    reason to lose a token."""
    access, refresh = value.get("access_token"), value.get("refresh_token")
    for token in (access, refresh or access):
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            return None
    token_type = str(value.get("token_type"))
    if token_type.lower() != "bearer":
        return None
    try:
        life = float(value["expires_in"])
    except (KeyError, TypeError, ValueError, OverflowError):
        life = TOKEN_LIFE_S
    life = life if 0 < life < 10 * 366 * 86400 else TOKEN_LIFE_S
    scope = value.get("scope")
    names = tuple(scope.split()) if isinstance(scope, str) else ()
    extra = {name: each for name, each in value.items() if name not in _NAMED}
    renewal = Secret(refresh) if refresh else None
    return Granted(
        Secret(str(access)), renewal, life, names or None, token_type, extra, skew
    )


def _unusable(came: Response) -> NoAnswer:
    """Why an answer says nothing of what was asked, and whether the server may have acted on the request."""
    kind, sent = "other", came.status // 100 == 2
    words = f"it answered {came.status} with {'a web page' if came.is_html else 'no OAuth answer'}"
    if came.status // 100 == 3:
        # Majora's endpoints never redirect: what is in front of them answered, and Majora saw nothing.
        host = re.match(r"https?://([\w.-]+)", came.headers.get("location", ""))
        words = f"it answered {came.status}, a redirect" + (
            f" to {came.shown(host[1], limit=100)}" if host else ""
        )
    elif came.status == 429:
        kind, words = "rate-limited", "it answered 429, too many requests"
    elif came.status >= 500:
        # The fault may come after the token was spent: a gateway's time limit, a failed last step.
        kind, words, sent = (
            "server-error",
            f"it answered {came.status}, an error of its own",
            True,
        )
    elif sent and came.json() is not None:
        words = "there is no token in its answer that ocarina could use"
    return NoAnswer(kind, words, sent, came.status, came.retry_after, came.skew)


def read_revocation(came: Response | NoAnswer) -> Refused | NoAnswer | None:
    """What came from ``o/revoke_token/``. 200 without a web page in it is a yes, None; so it is for a token that the
    server does not know (RFC 7009, 2.2)."""
    answer = read_answer(came)
    if isinstance(answer, Granted):
        return None
    confirmed = isinstance(came, Response) and came.status == 200 and not came.is_html
    return None if confirmed and isinstance(answer, NoAnswer) else answer


# --- probes

_CLIENTS = {
    "client": "unknown",
    "grant-type": "other-grant",
    "grant": "known",
    "redirect-uri": "known",
}


def read_identity(came: Response | NoAnswer, *, client: bool = False) -> Probe:
    """Who answers a token request without credentials: an OAuth server says an OAuth error (RFC 6749, 5.2).

    ``client``: the request had a client id and secret, and a code that does not exist. The server looks at the client
    first, and its error says whether it knows it (RFC 6749, 3.2.1; FACTS.md).
    """
    answer = read_answer(came)
    if isinstance(answer, Refused):
        kind = _CLIENTS.get(answer.cause, "no-answer") if client else "majora"
        return Probe(kind, f"it answered {answer.error}", skew=answer.skew)
    if isinstance(answer, Granted):
        return Probe("not-majora", "it grants a token to anybody", skew=answer.skew)
    another = answer.kind == "other" and (answer.sent or answer.status is not None)
    return Probe(
        "not-majora" if another else "no-answer", answer.words, answer, answer.skew
    )


def read_query(came: Response | NoAnswer) -> Probe:
    """What the harmless validity query says of a token or key, and of the client's version (FACTS.md)."""
    if (
        isinstance(came, Response)
        and came.status in (400, 401, 403)
        and not came.is_html
    ):
        # Majora says 400 with an empty body; a later Majora may say 401 (RFC 6750, 3.1).
        return Probe("refused", f"it answered {came.status}", skew=came.skew)
    value = (
        (came.json() or {}) if isinstance(came, Response) and came.status == 200 else {}
    )
    if "errors" not in value:
        odd = _unusable(came) if isinstance(came, Response) else came
        words = (
            "its answer is not one to this query" if odd.kind == "other" else odd.words
        )
        return Probe("no-answer", words, odd, odd.skew)
    fine = Probe("accepted", "it accepts the token", skew=came.skew)
    messages = str(value.get("messages"))
    if "does not have all of the scopes" in messages:
        return fine  # the server looks at the scopes before it looks at the client's version
    refused = re.search(
        r"(?i)client.*?version(?:.{0,9}?(\d+(?:\.\d+)+))?|version number", messages
    )
    if not value["errors"] or refused is None:
        return fine._replace(client_ok=True)
    return fine._replace(client_ok=False, wanted_version=refused[1] or "")
