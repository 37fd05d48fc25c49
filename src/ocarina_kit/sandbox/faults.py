"""Faults that the server plays on request."""

from __future__ import annotations

import fnmatch
import hashlib
from dataclasses import dataclass, field
from typing import Any

from ocarina_kit.sandbox.records import Seen

KINDS: dict[str, str] = {
    "status": "answers `status` (and `headers`, such as Retry-After), with `body`",
    "html": "answers a log-in page in HTML with `status`: a captive portal, a proxy,"
    " a front end",
    "redirect": "answers `status` (302, 307, 308 …) to `location`",
    "not_json": "answers 200, called JSON, that is not JSON",
    "empty": "answers 200 with no body",
    "slow": "waits `seconds`; without `after` the request is then dropped if the client"
    " has gone",
    "reset": "resets the connection with no answer",
    "close": "closes the connection with no answer",
    "drip": "sends the answer, headers included, a byte every `seconds`",
    "flood": "answers 200 with a body that does not end",
    "bomb": "answers 200 with a small gzip body that unfolds to `size` bytes",
    "truncated": "processes the request, sends the first half of the body; `promise`"
    " declares the full length",
    "edit": "processes the request, then edits the answer: `remove`, `change`",
}


def digest(secret: str) -> str:
    """Hash a secret for the log.

    The same secret gives the same text, and nothing leads back.
    """
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


@dataclass
class Fault:
    """One fault, and the requests that it meets."""

    kind: str
    path: str = "/o/token/"
    times: int | None = None
    """The number of requests that it meets before it is over; None for all."""
    after: bool = False
    """The request is processed first, and only the answer is lost or replaced.

    So a refresh token is spent, a code is used.
    """
    method: str | None = None
    grant_type: str | None = None
    token: str | None = None
    """The `digest` of the refresh or access token that a request must carry."""
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    seconds: float = 1.0
    location: str = ""
    size: int = 256 * 1024 * 1024
    promise: bool = False
    remove: list[str] = field(default_factory=list)
    change: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the kind, and complete what it implies."""
        if self.kind not in KINDS:
            raise ValueError(
                f"no such fault: {self.kind!r}; there are {', '.join(KINDS)}"
            )
        if not self.path.startswith("/"):
            self.path = "/" + self.path
        if self.kind in ("truncated", "edit"):  # they need the real answer
            self.after = True

    def meets(self, seen: Seen) -> bool:
        """Return whether a request meets this fault."""
        return (
            fnmatch.fnmatchcase(seen.path, self.path)
            and self.method in (None, seen.method)
            and self.grant_type in (None, seen.grant_type)
            and (self.token is None or self.token in (seen.refresh_token, seen.bearer))
        )
