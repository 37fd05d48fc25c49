"""What reading the user's crontab came to: data for the checks, made by edges/cron/crontab_program.py."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ocarina_kit.core.cron.crontab import Doubt


class ReadOutcome(Enum):
    CRONTAB = "crontab"
    NONE_YET = "none-yet"
    NO_PROGRAM = "no-program"
    NOT_ALLOWED = "not-allowed"
    DOUBTFUL = "doubtful"
    """It was listed, but what was listed cannot be written back as it is: see ``doubt``."""
    FAILED = "failed"


@dataclass(frozen=True)
class CrontabRead:
    """What ``crontab -l`` said, and ``words``, the program's own.

    ``content`` is the crontab for ``CRONTAB``; for ``DOUBTFUL`` it is what was listed, to look at, never to write.
    """

    outcome: ReadOutcome
    content: bytes = b""
    words: str = ""
    doubt: Doubt | None = None

    @property
    def readable(self) -> bool:
        """Whether it is known what stands in it; one that is not there yet is known to be empty."""
        return self.outcome in {ReadOutcome.CRONTAB, ReadOutcome.NONE_YET, ReadOutcome.DOUBTFUL}

    @property
    def writable(self) -> bool:
        """Whether a crontab made from ``content`` may be installed."""
        return self.outcome in {ReadOutcome.CRONTAB, ReadOutcome.NONE_YET}
