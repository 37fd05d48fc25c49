"""The time zone that cron goes by on this host."""

from __future__ import annotations

from datetime import timezone, tzinfo
from pathlib import Path


def local_zone(localtime: Path = Path("/etc/localtime")) -> tzinfo:
    """The host's zone with its clock changes; UTC where the host names none.

    The person's own TZ is not looked at: cron's jobs go by the host's clock.
    """
    from zoneinfo import ZoneInfo

    try:
        with localtime.open("rb") as file:
            return ZoneInfo.from_file(file, key=str(localtime))
    except (OSError, ValueError):
        return timezone.utc
