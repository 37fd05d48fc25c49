"""What a sandbox hands out: people, applications, and the requests that it saw."""

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
    """The second factor's shared secret in base 32; None where the account has none."""


@dataclass(frozen=True)
class Application:
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str


@dataclass(frozen=True)
class Seen:
    """One request that the server saw. Secrets stand here as :func:`ocarina_kit.sandbox.faults.digest` alone."""

    at: float
    """Epoch seconds by the server's clock."""
    method: str
    path: str
    """With no query; as Django saw it."""
    status: int
    """What was sent; 0 where nothing was."""
    processed: int | None
    """What Django answered, whatever became of the answer; None where a fault kept the request from it."""
    grant_type: str | None
    client: str | None
    """The last 4 characters of the client id."""
    client_secret: str | None
    refresh_token: str | None
    code: str | None
    scheme: str | None
    """Of the Authorization header: ``Bearer``, ``Basic`` …"""
    bearer: str | None
    user_agent: str | None


def count(seen: Sequence[Seen]) -> dict[str, Any]:
    """See :meth:`ocarina_kit.sandbox.handle.Sandbox.stats`."""
    posts = [line for line in seen if line.path == "/o/token/" and line.method == "POST"]
    refreshes = [line for line in posts if line.grant_type == "refresh_token"]
    taken = [line for line in refreshes if line.processed == 200]
    return {
        "requests": len(seen),
        "token_posts": len(posts),
        "refreshes": len(taken),
        "grants": sum(line.grant_type == "authorization_code" and line.processed == 200 for line in posts),
        "refused": sum(line.processed in (400, 401) for line in posts),
        "sent": dict(Counter(line.refresh_token for line in refreshes)),
        "spent": dict(Counter(line.refresh_token for line in taken)),
    }
