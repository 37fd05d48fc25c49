"""The server's whole notion of now: real time plus an offset that a test may shift."""

from __future__ import annotations

import time
from datetime import datetime, timezone


class ServerClock:
    """Read by Django, the token lifetimes, the second factor and the ``Date`` header alike."""

    def __init__(self) -> None:
        self.offset = 0.0

    def time(self) -> float:
        """Epoch seconds."""
        return time.time() + self.offset

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time(), tz=timezone.utc)

    def rule_django(self) -> None:
        """Make this clock Django's. To be called before anything of Django is imported.

        Django and django-oauth-toolkit ask ``django.utils.timezone.now`` for every lifetime that matters
        here; the process serves one sandbox and nothing else.
        """
        from django.utils import timezone as django_timezone

        django_timezone.now = self.now


SERVER_CLOCK = ServerClock()
