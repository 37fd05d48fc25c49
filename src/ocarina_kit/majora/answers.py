"""What an answer of Majora means (RFC 6749, 5.1 and 5.2; RFC 7009; FACTS.md). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ocarina_kit.config.names import TOKEN_LIFE_S
from ocarina_kit.majora.http import NoAnswer, Response
from ocarina_kit.system.secret import Secret

# RFC 6749, appendix A: tokens are made of VSCHAR; a blank in one could not be sent in a header.
_TOKEN = re.compile(r"[\x21-\x7e]{1,65536}")
_NAMED = ("access_token", "token_type", "refresh_token", "expires_in", "expires_at", "scope")


class Granted(NamedTuple):
    """A usable token answer. No ``refresh_token``: the old one stays good (RFC 6749, 6). No ``scope``: as asked for."""

    access_token: Secret
    refresh_token: Secret | None
    expires_in: float
    scope: tuple[str, ...] | None
    token_type: str = "Bearer"  # noqa: S105  # RFC 6750's name for the kind, not a secret
    extra: Mapping[str, Any] = {}
    """What RFC 6749 does not name, kept as the client keeps it."""
    skew: float | None = None

    def __repr__(self) -> str:
        return f"Granted(scope={self.scope})"

    def missing(self, asked: str) -> tuple[str, ...]:
        """Scopes that were asked for and not granted."""
        return () if self.scope is None else tuple(name for name in asked.split() if name not in self.scope)


class Refused(NamedTuple):
    """An OAuth error: the server understood, and said no. ``error`` and ``words`` can be shown.

    ``cause``: grant, client, scope, two-factor, redirect-uri, grant-type or other.
    """

    error: str
    words: str = ""
    status: int = 400
    cause: str = "other"
    skew: float | None = None

    @property
    def said(self) -> str:
        """``Majora answered invalid_grant: ….``"""
        return f"Majora answered {self.error}" + (f": {self.words.rstrip('.')}." if self.words else ".")


class Revoked(NamedTuple):
    """The server confirmed a revocation, also of a token that it did not know (RFC 7009, 2.2)."""

    skew: float | None = None


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


# --- the token endpoint


def read_answer(came: Response | NoAnswer) -> Answer:
    """What came from ``o/token/``. Never raises, whatever the body holds."""
    if isinstance(came, NoAnswer):
        return came
    value = came.json() or {}
    error, description = value.get("error"), value.get("error_description")
    # RFC 6749, 5.2 has 400 and 401; some servers say 403 to access_denied, and some say everything with 200.
    if came.status in (200, 400, 401, 403) and isinstance(error, str) and re.fullmatch("[a-z_]{1,60}", error):
        tokens = (value.get("access_token"), value.get("refresh_token"))
        new = tuple(Secret(each) for each in tokens if isinstance(each, str))
        came = came._replace(secrets=came.secrets + new)
        words = came.shown(description) if isinstance(description, str) else ""
        return Refused(came.shown(error), words, came.status, _cause(error, words.lower()), came.skew)
    return (_granted(value, came.skew) if came.status == 200 else None) or _unusable(came)


def _unusable(came: Response) -> NoAnswer:
    """Why an answer says nothing of what was asked, and whether the server may have acted on the request."""
    kind, status, sent = "other", came.status, came.status == 200
    words = f"it answered {status} with {'a web page' if came.is_html else 'no OAuth answer'}"
    if 300 <= status < 400:
        # Majora's endpoints never redirect: what is in front of them answered, and Majora saw nothing.
        host = re.match(r"https?://([\w.-]+)", came.headers.get("location", ""))
        words = f"it answered {status}, a redirect" + (f" to {came.shown(host[1], 100)}" if host else "")
    elif status == 429:
        kind, words = "rate-limited", f"it answered {status}, too many requests"
    elif status >= 500:
        # The fault may come after the token was spent: a gateway's time limit, a failed last step.
        kind, words, sent = "server-error", f"it answered {status}, an error of its own", True
    elif sent and came.json() is not None:
        words = "there is no token in its answer that ocarina could use"
    return NoAnswer(kind, words, sent, status, came.retry_after, came.skew)


_CAUSES = {
    "invalid_grant": "grant",
    "invalid_client": "client",
    "invalid_scope": "scope",
    "unauthorized_client": "grant-type",
    "unsupported_grant_type": "grant-type",
}


def _cause(error: str, words: str) -> str:
    """What a refusal is about: the server's words say it more exactly than its code (FACTS.md)."""
    if "2fa" in words or "two-factor" in words:
        return "two-factor"
    return "redirect-uri" if "redirect" in words else _CAUSES.get(error, "other")


def _granted(value: dict[str, Any], skew: float | None) -> Granted | None:
    """The token in a JSON answer, None if the client could not use it. A life or scope that cannot be read is no
    reason to lose a token."""
    access, refresh, kind = value.get("access_token"), value.get("refresh_token"), value.get("token_type")
    if not _is_token(access) or not (refresh in (None, "") or _is_token(refresh)):
        return None
    if not isinstance(kind, str) or kind.lower() != "bearer":
        return None
    life, scope = _life(value.get("expires_in")), value.get("scope")
    names = tuple(scope.split()) if isinstance(scope, str) else ()
    extra = {name: each for name, each in value.items() if name not in _NAMED}
    renewal = Secret(refresh) if refresh else None
    return Granted(Secret(str(access)), renewal, life, names or None, kind, extra, skew)


def _life(value: Any) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        return TOKEN_LIFE_S
    return seconds if 0 < seconds < 10 * 366 * 86400 else TOKEN_LIFE_S


def _is_token(value: object) -> bool:
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def read_revocation(came: Response | NoAnswer) -> Revoked | Refused | NoAnswer:
    """What came from ``o/revoke_token/``: 200 without a web page in it is a yes."""
    answer = read_answer(came)
    confirmed = isinstance(came, Response) and came.status == 200 and not came.is_html
    if isinstance(answer, Granted) or (confirmed and not isinstance(answer, Refused)):
        return Revoked(answer.skew)
    return answer


# --- probes


def read_identity(came: Response | NoAnswer) -> Probe:
    """Who answers a token request without credentials: an OAuth server says an OAuth error (RFC 6749, 5.2)."""
    answer = read_answer(came)
    if isinstance(answer, Refused):
        return Probe("majora", f"it answered {answer.error}", skew=answer.skew)
    if isinstance(answer, Granted):
        return Probe("not-majora", "it grants a token to anybody", skew=answer.skew)
    another = answer.kind == "other" and (answer.sent or answer.status is not None)
    return Probe("not-majora" if another else "no-answer", answer.words, answer, answer.skew)


_CLIENTS = {"client": "unknown", "grant-type": "other-grant", "grant": "known", "redirect-uri": "known"}


def read_client(came: Response | NoAnswer) -> Probe:
    """What a code that does not exist brought: the client is looked at first (RFC 6749, 3.2.1; FACTS.md)."""
    answer, probe = read_answer(came), read_identity(came)
    if isinstance(answer, Refused):
        return probe._replace(kind=_CLIENTS.get(answer.cause, "no-answer"))
    return probe


def read_query(came: Response | NoAnswer) -> Probe:
    """What the harmless validity query says of a token or key, and of the client's version (FACTS.md)."""
    if isinstance(came, NoAnswer):
        return Probe("no-answer", came.words, came)
    if came.status in (400, 401, 403) and not came.is_html:
        # Majora says 400 with an empty body; a later Majora may say 401 (RFC 6750, 3.1).
        return Probe("refused", f"it answered {came.status}", skew=came.skew)
    value = (came.json() if came.status == 200 else None) or {}
    if "errors" not in value:
        odd = _unusable(came)
        return Probe("no-answer", odd.words, odd, came.skew)
    messages = str(value.get("messages")).lower()
    probe = Probe("accepted", "it accepts the token", skew=came.skew)
    if "token is valid but does not have all of the scopes" in messages:
        return probe  # the server looks at the scopes before it looks at the client's version
    wanted = re.search(r"update your .{0,40}client.{0,40}? v?(\d+(?:\.\d+)+)", messages)
    odd_version = value["errors"] and re.search("client.*version|version number", messages)
    return probe._replace(client_ok=not (wanted or odd_version), wanted_version=wanted[1] if wanted else "")
