"""What Majora says to a probe: is it there, does it know the client, does it take the token. Pure (FACTS.md)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ocarina_kit.core.oauth.answers import (
    Granted,
    Refused,
    Unusable,
    UnusableReason,
    json_object,
    judge_token_answer,
)
from ocarina_kit.core.oauth.network import HttpAnswer, NetFailure, printable

_OAUTH_ERROR = re.compile(r"[a-z]+(?:_[a-z]+)*")


@dataclass(frozen=True)
class Identity:
    """Who answers at MAJORA_DOMAIN (SRV004).

    ``kind``: ``majora``, an OAuth server of Majora's shape; ``not-majora``, something else answers;
    ``unusable``, no telling (429, 5xx, no answer).
    """

    kind: Literal["majora", "not-majora", "unusable"]
    detail: str
    net: NetFailure | None = None
    skew: float | None = None
    """Seconds by which the server's clock is ahead of this machine's (ENV007); None where it did not say."""


def identity(came: HttpAnswer | NetFailure) -> Identity:
    """Judge what a token request without credentials brought: an OAuth server says an OAuth error (RFC 6749, 5.2)."""
    answer = judge_token_answer(came)
    if isinstance(answer, Refused) and _OAUTH_ERROR.fullmatch(answer.error):
        return Identity("majora", f"an OAuth server ({answer.error})", skew=answer.skew)
    if isinstance(answer, Unusable):
        if answer.net is not None and answer.net.kind not in ("other", "too-large", "truncated"):
            return Identity("unusable", answer.why, answer.net)
        if answer.reason in ("rate-limited", "server-error"):
            return Identity("unusable", answer.why, skew=answer.skew)
        return Identity("not-majora", answer.why, answer.net, answer.skew)
    return Identity("not-majora", "its answer to an empty request is no OAuth error", skew=answer.skew)


@dataclass(frozen=True)
class ClientProbe:
    """Whether the server knows a client id and secret (CRD001).

    ``known``; ``unknown``: wrong secret or no such id; ``other-grant``: known, but registered for another
    grant type than authorization code; ``not-majora`` and ``unusable`` as in :class:`Identity`.
    """

    kind: Literal["known", "unknown", "other-grant", "not-majora", "unusable"]
    detail: str
    net: NetFailure | None = None
    skew: float | None = None


def client_probe(came: HttpAnswer | NetFailure) -> ClientProbe:
    """Judge what a bogus code brought: ``invalid_grant`` for a good client, ``invalid_client`` else (FACTS.md)."""
    answer = judge_token_answer(came)
    if isinstance(answer, Refused):
        said = f"the server says {answer.error}"
        if answer.cause == "client":
            return ClientProbe("unknown", said, skew=answer.skew)
        if answer.cause == "grant-type":
            return ClientProbe("other-grant", said, skew=answer.skew)
        if answer.cause in ("grant", "redirect-uri", "verifier"):
            # The client is authenticated before the code is looked at (RFC 6749, 3.2.1).
            return ClientProbe("known", said, skew=answer.skew)
        return ClientProbe("unusable", said, skew=answer.skew)
    who = identity(came)
    if isinstance(answer, Granted) or who.kind == "majora":
        return ClientProbe("not-majora", "it grants a token for a code that does not exist", skew=who.skew)
    return ClientProbe(who.kind, who.detail, who.net, who.skew)


@dataclass(frozen=True)
class TokenProbe:
    """Whether the server takes a token or a legacy key, and the client's version (API001, API002, ENV004).

    ``alive``; ``dead``: refused; ``blank-user``: not asked, since a blank user is always refused; ``unusable``:
    no telling.
    """

    kind: Literal["alive", "dead", "blank-user", "unusable"]
    detail: str
    client_ok: bool | None = None
    """Whether the server takes the client's version; None where it did not come to that."""
    wanted_version: str | None = None
    """The version that the server asks for, where it refuses the client's."""
    lacks_scopes: str | None = None
    """The scopes that this endpoint asks for, where the token lives but has not got them."""
    net: NetFailure | None = None
    reason: UnusableReason | None = None
    skew: float | None = None


_UPDATE = re.compile(r"update your .{0,40}client.{0,40}?version\s+v?(\d[\w.]*\w|\d)", re.IGNORECASE)
_LACKS = re.compile(r"token is valid but does not have all of the scopes", re.IGNORECASE)
_REQUIRED = re.compile(r"required scopes:\s*(.*)", re.IGNORECASE)
_ODD_VERSION = re.compile(r"client.*version|version.*client|version number", re.IGNORECASE)


def token_probe(came: HttpAnswer | NetFailure) -> TokenProbe:
    """Judge the answer to the harmless validity query."""
    if isinstance(came, NetFailure):
        return TokenProbe("unusable", came.detail, net=came, reason="network")
    skew = came.skew
    if came.status in (400, 401, 403) and not came.looks_like_html:
        # Majora says 400 with an empty body; a later Majora may say 401 as RFC 6750 (3.1) has it.
        return TokenProbe("dead", f"the server refuses it ({came.status})", skew=skew)
    if came.status != 200:
        odd = judge_token_answer(came)
        why = odd.why if isinstance(odd, Unusable) else f"it answered {came.status}"
        reason: UnusableReason = odd.reason if isinstance(odd, Unusable) else "status"
        return TokenProbe("unusable", why, reason=reason, skew=skew)
    members = json_object(came.body)
    if members is None or "errors" not in members:
        what = "a page for people" if came.looks_like_html else "something that is no answer of Majora's API"
        reason = "html" if came.looks_like_html else "not-json"
        return TokenProbe("unusable", f"it answered {what}", reason=reason, skew=skew)
    said = members.get("messages")
    words = " ".join(m for m in said if isinstance(m, str)) if isinstance(said, list) else ""
    words = words[:10_000]
    if (update := _UPDATE.search(words)) is not None:
        return TokenProbe("alive", printable(words), client_ok=False, wanted_version=update[1], skew=skew)
    if _LACKS.search(words):
        # The server looks at the scopes before it looks at the client's version: nothing is known of that.
        required = _REQUIRED.search(words)
        return TokenProbe(
            "alive", printable(words), lacks_scopes=printable(required[1]) if required else "", skew=skew
        )
    if members["errors"] and _ODD_VERSION.search(words):
        return TokenProbe("alive", printable(words), client_ok=False, skew=skew)
    return TokenProbe("alive", printable(words) or "the server takes it", client_ok=True, skew=skew)


@dataclass(frozen=True)
class Revocation:
    """What the server said to a revocation (RFC 7009). ``confirmed`` also where it knew no such token (2.2)."""

    confirmed: bool
    refused: Refused | None = None
    unusable: Unusable | None = None

    @property
    def detail(self) -> str:
        if self.refused is not None:
            return f"the server says {self.refused.error}"
        return "" if self.unusable is None else self.unusable.why


def revocation(came: HttpAnswer | NetFailure) -> Revocation:
    """Judge the answer of ``o/revoke_token/``: 200 with no page in it is a yes."""
    if isinstance(came, HttpAnswer) and came.status == 200 and not came.looks_like_html:
        return Revocation(True)
    answer = judge_token_answer(came)
    if isinstance(answer, Refused):
        return Revocation(False, refused=answer)
    if isinstance(answer, Unusable):
        return Revocation(False, unusable=answer)
    return Revocation(False, unusable=Unusable("shape", "its answer is no answer to a revocation", False))
