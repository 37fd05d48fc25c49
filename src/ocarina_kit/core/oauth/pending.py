"""A login that was begun and not yet finished: what the second half needs, and no more."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ocarina_kit.core.secret import Secret

LIFETIME = 3600.0
"""Seconds until a pending login is forgotten. The code itself lives 60 s, from when Authorize is pressed."""

_CLOCK_SLIP = 300.0
"""Seconds by which the clock may have been set back since, or differ between hosts that share a home."""


@dataclass(frozen=True)
class PendingLogin:
    """``state`` (RFC 6749, 10.12) and ``verifier`` (RFC 7636) go with one authorize link.

    The client id and secret are not kept: they are read from the set-up again, which ``config`` (its path, "" for
    ``--env``) and ``profile`` name. ``created`` is epoch seconds.
    """

    state: str
    verifier: Secret
    scope: str
    redirect_uri: str
    domain: str
    config: str
    profile: str | None
    created: float

    def expired(self, now: float) -> bool:
        """Whether it is too old, or of a future that the clock has left."""
        return not -_CLOCK_SLIP <= now - self.created < LIFETIME

    def age(self, now: float) -> float:
        """Seconds since the link was shown; never negative."""
        return max(0.0, now - self.created)

    def belongs_to(self, *, config: str, profile: str | None, domain: str) -> bool:
        """Whether it was begun with this set-up: a code is only sent to the server that the link led to."""
        return (self.config, self.profile, self.domain) == (config, profile, domain)


def write(pending: PendingLogin) -> bytes:
    """The content of its file. Holds the verifier: for a 0600 file alone."""
    members = {
        "state": pending.state,
        "verifier": pending.verifier.reveal(),
        "scope": pending.scope,
        "redirect_uri": pending.redirect_uri,
        "domain": pending.domain,
        "config": pending.config,
        "profile": pending.profile,
        "created": pending.created,
    }
    return json.dumps(members).encode("utf-8")


def read(data: bytes) -> PendingLogin | None:
    """The login of a file's content; None for anything that :func:`write` did not write. Never raises."""
    try:
        members = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(members, dict):
        return None
    texts = [members.get(name) for name in ("state", "verifier", "scope", "redirect_uri", "domain", "config")]
    profile, created = members.get("profile"), members.get("created")
    if not all(isinstance(text, str) for text in texts) or not (profile is None or isinstance(profile, str)):
        return None
    if isinstance(created, bool) or not isinstance(created, int | float) or not abs(created) < 1e15:
        return None
    state, verifier, scope, redirect_uri, domain, config = map(str, texts)
    if not state or not verifier:
        return None
    return PendingLogin(state, Secret(verifier), scope, redirect_uri, domain, config, profile, float(created))
