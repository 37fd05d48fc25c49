"""The authorization code grant, client side: PKCE, state, and the link that a person opens. Pure.

RFC 6749 (OAuth 2.0), RFC 7636 (PKCE), FACTS.md.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from ocarina_kit.core.config.domain import authorize_url, callback_url
from ocarina_kit.core.secret import Secret

# RFC 7636, 4.1: 43 to 128 unreserved characters.
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")

CODE_LIFE_S = 60
"""Seconds that a code lives at the server (FACTS.md)."""


@dataclass(frozen=True)
class Pkce:
    """A verifier, kept here, and the challenge made of it, which the server sees first."""

    verifier: Secret
    challenge: str


def pkce_for(verifier: str) -> Pkce:
    """The S256 challenge of a verifier (RFC 7636, 4.2). Raises ValueError where it is no verifier (4.1)."""
    if not _VERIFIER.fullmatch(verifier):
        raise ValueError("a PKCE verifier has 43 to 128 unreserved characters")
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return Pkce(Secret(verifier), base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii"))


def new_pkce(token_urlsafe: Callable[[int], str]) -> Pkce:
    """A fresh pair. ``token_urlsafe(n)`` gives the base64url text of ``n`` random bytes; 64 give 86 characters."""
    return pkce_for(token_urlsafe(64))


def new_state(token_urlsafe: Callable[[int], str]) -> str:
    """What ties a callback to the login that asked for it (RFC 6749, 10.12): 256 bits, 43 characters."""
    return token_urlsafe(32)


def authorization_url(domain: str, client_id: str, scope: str, state: str, challenge: str) -> str:
    """The link that a person opens. It holds no secret. ``scope`` is space-separated; ``domain`` ends in ``/``.

    ``approval_prompt=auto``: where a valid token of this client covers the scopes already, there is no form.
    """
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": callback_url(domain),
        "scope": scope,
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "approval_prompt": "auto",
    }
    return f"{authorize_url(domain)}?{urlencode(query)}"
