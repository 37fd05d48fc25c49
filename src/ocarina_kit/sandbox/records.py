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
    """An account."""

    name: str
    password: str = field(repr=False)
    totp_secret: str | None = field(repr=False)
    """The second factor's shared secret in base 32; None if the account has none."""


@dataclass(frozen=True)
class Application:
    """An application that a user has registered."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str


@dataclass
class Seen:
    """One request that the server saw. Each secret is only its `faults.digest`."""

    at: float  # epoch seconds by the server's clock
    method: str
    path: str  # without the query, as Django saw it
    grant_type: str | None
    client: str | None  # the last 4 characters of the client id
    client_secret: str | None
    refresh_token: str | None
    scheme: str | None  # of the Authorization header: Bearer, Basic …
    bearer: str | None
    status: int = 0  # as sent; 0 if no status line was
    processed: int | None = None
    """The status of Django's answer, whatever became of it.

    None if a fault kept the request from Django.
    """


def count(seen: Sequence[Seen]) -> dict[str, Any]:
    """Count requests.

    Returns:
        Numbers by name: `refused` are token requests that Django refused, `grants` are
        codes exchanged. `sent` and `spent` say how often each refresh token (its
        digest) arrived, and how often it was taken: never more than once.
    """
    posts = [
        line for line in seen if line.path == "/o/token/" and line.method == "POST"
    ]
    asked = [line for line in posts if line.grant_type == "refresh_token"]
    taken = [line for line in posts if line.processed == 200]
    refreshes = [line for line in taken if line.grant_type == "refresh_token"]
    return {
        "requests": len(seen),
        "token_posts": len(posts),
        "refreshes": len(refreshes),
        "grants": len(taken) - len(refreshes),
        "refused": sum(line.processed in (400, 401) for line in posts),
        "sent": dict(Counter(line.refresh_token for line in asked)),
        "spent": dict(Counter(line.refresh_token for line in refreshes)),
    }
