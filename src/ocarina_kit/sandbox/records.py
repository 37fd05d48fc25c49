"""What a sandbox gives out: people, applications, and the requests that it saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


class SandboxError(Exception):
    """The sandbox could not do what was asked of it."""


@dataclass(frozen=True)
class User:
    name: str
    password: str = field(repr=False)
    totp_secret: str | None = field(repr=False)
    """The second factor's shared secret in base 32; None if the account has none."""


@dataclass(frozen=True)
class Application:
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str


@dataclass
class Seen:
    """One request that the server saw. Each secret is only its :func:`ocarina_kit.sandbox.faults.digest`.

    ``at``: epoch seconds by the server's clock. ``path``: without the query, as Django saw it. ``client``: the last
    4 characters of the client id. ``scheme``: of the Authorization header (``Bearer``, ``Basic`` …). ``status``:
    what was sent; 0 if no status line was. ``processed``: what Django answered, whatever became of the answer; None
    if a fault kept the request from it.
    """

    at: float
    method: str
    path: str
    grant_type: str | None
    client: str | None
    client_secret: str | None
    refresh_token: str | None
    scheme: str | None
    bearer: str | None
    status: int = 0
    processed: int | None = None


def count(seen: Sequence[Seen]) -> dict[str, Any]:
    """Counts: ``refused`` are token requests that Django refused, ``grants`` are codes exchanged, ``sent`` and
    ``spent`` say how often each refresh token (its digest) arrived, and how often it was taken: never more than once.
    """
    posts = [
        line for line in seen if line.path == "/o/token/" and line.method == "POST"
    ]
    taken = [line for line in posts if line.processed == 200]
    refreshes = [line for line in taken if line.grant_type == "refresh_token"]
    return {
        "requests": len(seen),
        "token_posts": len(posts),
        "refreshes": len(refreshes),
        "grants": len(taken) - len(refreshes),
        "refused": sum(line.processed in (400, 401) for line in posts),
        "sent": dict(
            Counter(
                line.refresh_token
                for line in posts
                if line.grant_type == "refresh_token"
            )
        ),
        "spent": dict(Counter(line.refresh_token for line in refreshes)),
    }
