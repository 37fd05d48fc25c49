"""What one server process holds beside its database: its clock and its options."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timezone


@dataclass
class State:
    """The clock and the options of a server."""

    offset: float = 0.0
    """Seconds that the server's clock is ahead of this machine's."""
    minimum_client: str = "0.44.0"
    """The oldest client that the API accepts."""
    query_scope: str = "majora2.view_biosampleartifact"
    """What the sample queries ask of a token; blank: any valid token will do."""
    shows_codes: bool = False
    """Whether the start page shows the second factor's code, in place of a phone."""
    samples: set[str] = field(default_factory=set)
    """The names of the biosamples that the queries find."""

    def time(self) -> float:
        """Return epoch seconds by the server's clock.

        They are for the `Date` header, lifetimes and the second factor alike.
        """
        return time.time() + self.offset

    def now(self) -> datetime:
        """Return the time by the server's clock."""
        return datetime.fromtimestamp(self.time(), tz=timezone.utc)


STATE = State()
"""There is one: a process serves one sandbox, as Django's settings are global to it."""
