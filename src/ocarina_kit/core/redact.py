"""Masks secrets in text that is shown: diffs, other programs' output, crash logs."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ocarina_kit.core.secret import Secret

MASK = "****"

_SENSITIVE_NAME = (
    r"(?:majora[_ -]?)?(?:client[_ -]?secret|majora[_ -]?token|access[_ -]?token|refresh[_ -]?token"
    r"|code[_ -]?verifier|api[_ -]?key|authorization|password)"
)
# name, then whatever separates it from its value, then the value up to a quote, comma, brace or blank.
_PAIR = re.compile(
    rf"(?P<head>\b{_SENSITIVE_NAME}\b[\"'“”‘’]?\s*[:=]\s*(?:bearer\s+)?)(?P<quote>[\"'“”‘’]?)(?P<value>[^\"'“”‘’,}}\s]+)",
    re.IGNORECASE,
)
# OAUTH is no secret: it says that the set-up uses OAuth.
_NOT_SECRET = {"OAUTH", "null", "None", MASK}
_QUERY = re.compile(
    r"(?P<head>[?&](?:code|access_token|refresh_token|token|client_secret|code_verifier)=)[^&#\s\"'<>]+"
)
_USERINFO = re.compile(r"(?P<head>[a-z][a-z0-9+.-]*://)[^/\s@\"'<>]+@", re.IGNORECASE)
_BEARER = re.compile(r"(?P<head>\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)


def mask(text: str, secrets: Iterable[Secret | str] = ()) -> str:
    """``text`` with every known secret, and everything that stands where a secret stands, replaced by ``****``.

    Known secrets are those handed in. Beyond these: the values of members with a secret's name, in any quoting;
    codes and tokens in URLs; user info in URLs; Bearer and Basic credentials. Never raises.
    """
    values = {
        secret.reveal() if isinstance(secret, Secret) else secret for secret in secrets if len(secret) >= 4
    }
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, MASK)
    text = _PAIR.sub(_mask_pair, text)
    text = _QUERY.sub(rf"\g<head>{MASK}", text)
    text = _USERINFO.sub(rf"\g<head>{MASK}@", text)
    return _BEARER.sub(rf"\g<head>{MASK}", text)


def _mask_pair(match: re.Match[str]) -> str:
    if match["value"] in _NOT_SECRET:
        return match[0]
    return f"{match['head']}{match['quote']}{MASK}"


_OPAQUE = re.compile(r"(?<![A-Za-z0-9])(?!majora2\.)[A-Za-z0-9_~+=-]{24,}(?![A-Za-z0-9])")


def mask_opaque(text: str) -> str:
    """Also masks any long run of letters and digits that could be a token: for logs that leave the machine."""
    return _OPAQUE.sub(lambda m: MASK if re.search(r"\d", m[0]) else m[0], text)
