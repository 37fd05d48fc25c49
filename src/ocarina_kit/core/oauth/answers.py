"""What an answer of the token endpoint means: granted, refused, or not to be used. Pure.

RFC 6749 (5.1, 5.2, 6), FACTS.md. What the clients cannot read is never taken for a token.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from ocarina_kit.core.oauth.network import HttpAnswer, NetFailure, printable
from ocarina_kit.core.secret import Secret

# RFC 6749, 5.2 has 400 and 401; some servers say 403 to access_denied, and some say all with 200. An ``error`` under
# another status is another program's.
_OAUTH_STATUSES = (200, 400, 401, 403)
DEFAULT_LIFE_S = 36_000
"""Seconds that Majora's access tokens live (FACTS.md), where an answer leaves ``expires_in`` out, as it may (5.1)."""
_LONGEST_LIFE_S = 10 * 366 * 86400
# RFC 6749, appendix A: tokens are made of VSCHAR; a blank in one could not be sent in a header.
_TOKEN = re.compile(r"[\x21-\x7e]{1,65536}")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


@dataclass(frozen=True)
class Granted:
    """A usable token answer (RFC 6749, 5.1)."""

    access_token: Secret
    refresh_token: Secret | None
    """None where the answer brought none: at a refresh the old one then stays good (RFC 6749, 6)."""
    expires_in: int | float
    """Seconds from when the answer was made."""
    scope: tuple[str, ...] | None
    """As granted, in the server's order; None where the answer left it out: as asked for (RFC 6749, 5.1)."""
    token_type: str = "Bearer"  # noqa: S105  # RFC 6750's name for the kind, no secret
    extra: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """Members that RFC 6749 does not name, kept as the clients keep them."""
    skew: float | None = None
    """Seconds by which the server's clock is ahead of ours, where the answer told."""

    def as_answer(self) -> dict[str, object]:
        """The answer's members, read and found fit: what ``TokenFile.with_token`` (core/tokens) stores.

        Holds both tokens in plain text: for the tokens file alone.
        """
        answer: dict[str, object] = {
            "access_token": self.access_token.reveal(),
            "expires_in": self.expires_in,
            "token_type": self.token_type,
        }
        if self.scope is not None:
            answer["scope"] = " ".join(self.scope)
        if self.refresh_token is not None:
            answer["refresh_token"] = self.refresh_token.reveal()
        return {**answer, **self.extra}

    def missing(self, asked_scope: str) -> tuple[str, ...]:
        """Scopes that were asked for and not granted."""
        if self.scope is None:
            return ()
        granted = set(self.scope)
        return tuple(name for name in asked_scope.split() if name not in granted)


RefusalCause = Literal[
    "grant", "client", "scope", "two-factor", "redirect-uri", "verifier", "grant-type", "other"
]


@dataclass(frozen=True)
class Refused:
    """An OAuth error (RFC 6749, 5.2): the server understood, and said no. ``description`` is fit to be shown."""

    error: str
    description: str = ""
    status: int = 400
    skew: float | None = None

    @property
    def cause(self) -> RefusalCause:
        """What it is about, by the server's words (FACTS.md)."""
        words = self.description.lower()
        if self.error == "invalid_grant":
            return "verifier" if "verifier" in words else "grant"
        if self.error == "invalid_client":
            return "client"
        if self.error == "invalid_scope":
            return "scope"
        if self.error in ("unauthorized_client", "unsupported_grant_type"):
            return "grant-type"
        if "2fa" in words or "two-factor" in words or "two factor" in words:
            return "two-factor"
        if "redirect" in words:
            return "redirect-uri"
        if "verifier" in words or "challenge" in words:
            return "verifier"
        return "other"


UnusableReason = Literal[
    "network",  # no answer: see ``net``
    "redirect",
    "html",  # a page for people: a log-in page of a proxy, a captive portal, another program
    "rate-limited",  # 429
    "server-error",  # 5xx
    "not-json",
    "shape",  # JSON, but no token answer, or one that the clients could not read
    "status",  # any other status without an OAuth error
]


@dataclass(frozen=True)
class Unusable:
    """No answer, or one that says nothing usable. ``why`` is for people and holds no secret."""

    reason: UnusableReason
    why: str
    may_have_spent: bool
    """Whether the server may have spent the refresh token, or used up the code, all the same."""
    status: int | None = None
    retry_after: float | None = None
    """Seconds that the server asks to wait."""
    net: NetFailure | None = None
    skew: float | None = None


TokenAnswer = Granted | Refused | Unusable


def judge_token_answer(came: HttpAnswer | NetFailure) -> TokenAnswer:
    """Classify what came from ``o/token/``. Never raises, whatever the body holds."""
    if isinstance(came, NetFailure):
        return Unusable("network", came.detail, may_have_spent=came.sent, net=came)
    unusable = _by_status(came)
    if unusable is not None:
        return unusable
    members = json_object(came.body)
    error = members.get("error") if members is not None else None
    if came.status in _OAUTH_STATUSES and members is not None and isinstance(error, str) and error:
        described = members.get("error_description")
        return Refused(
            printable(error, 60),
            printable(described) if isinstance(described, str) else "",
            came.status,
            came.skew,
        )
    if came.status != 200:
        words = "a page for people" if came.looks_like_html else "no OAuth answer"
        return Unusable(
            "status", f"it answered {came.status} with {words}", False, came.status, skew=came.skew
        )
    if members is None:
        html = came.looks_like_html
        words = (
            "a page for people, not the JSON of a token"
            if html
            else "something that is not the JSON of a token"
        )
        return Unusable("html" if html else "not-json", f"it answered {words}", True, 200, skew=came.skew)
    granted = read_granted(members, skew=came.skew)
    if isinstance(granted, str):
        return Unusable("shape", f"its token answer cannot be used: {granted}", True, 200, skew=came.skew)
    return granted


def _by_status(came: HttpAnswer) -> Unusable | None:
    """The statuses that mean the same whatever the body says."""
    if came.is_redirect:
        there = f" to {came.redirects_to}" if came.redirects_to else ""
        # Majora's token endpoint never redirects: what stands in front of it answered, and Majora saw nothing.
        return Unusable(
            "redirect", f"it answered {came.status}, a redirect{there}", False, came.status, skew=came.skew
        )
    if came.status == 429:
        return Unusable(
            "rate-limited",
            "it answered 429, too many requests",
            False,
            429,
            retry_after=came.retry_after,
            skew=came.skew,
        )
    if came.status >= 500:
        # The fault may lie after the place where the token was spent: a gateway's time-out, a failed last step.
        return Unusable(
            "server-error",
            f"it answered {came.status}, a fault of its own",
            True,
            came.status,
            retry_after=came.retry_after,
            skew=came.skew,
        )
    return None


def json_object(body: bytes) -> dict[str, object] | None:
    """The JSON object in ``body``, None where there is none. NaN and infinities are no JSON (RFC 8259, 6)."""

    def refuse(_: str) -> object:
        raise ValueError

    try:
        value = json.loads(body.decode("utf-8-sig"), parse_constant=refuse)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        return None
    return value if isinstance(value, dict) else None


def read_granted(members: Mapping[str, object], *, skew: float | None = None) -> Granted | str:
    """The token in a JSON answer, or what is wrong with it in words without a value."""
    access = members.get("access_token")
    if not isinstance(access, str) or not _TOKEN.fullmatch(access):
        return "it holds no access token"
    kind = members.get("token_type")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        return "its token type is not Bearer"
    refresh = members.get("refresh_token")
    if refresh in (None, ""):
        refresh = None
    elif not isinstance(refresh, str) or not _TOKEN.fullmatch(refresh):
        return "its refresh token is no token"
    life = _life(members.get("expires_in"))
    if life is None:
        return "it does not say in how many seconds the token expires"
    scope = _scope(members.get("scope"))
    if isinstance(scope, str):
        return scope
    named = {"access_token", "token_type", "refresh_token", "expires_in", "expires_at", "scope"}
    extra = {name: value for name, value in members.items() if name not in named}
    return Granted(
        Secret(access),
        Secret(refresh) if isinstance(refresh, str) else None,
        life,
        scope,
        kind,
        MappingProxyType(extra),
        skew,
    )


def _life(value: object) -> int | float | None:
    if value is None:
        return DEFAULT_LIFE_S
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        value = int(value)  # oauthlib takes numeric text as well
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if 0 < value <= _LONGEST_LIFE_S else None


def _scope(value: object) -> tuple[str, ...] | str | None:
    if value is None:
        return None
    names: list[str] = []
    if isinstance(value, str):
        names = value.split()
    elif isinstance(value, list) and all(isinstance(name, str) for name in value):
        names = [str(name) for name in value]
    else:
        return "its scope is no text"
    if not all(_SCOPE.fullmatch(name) for name in names):
        return "its scope holds characters that no scope has"
    return tuple(names) or None
