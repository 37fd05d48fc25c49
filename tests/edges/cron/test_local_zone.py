"""The host's time zone, as cron goes by it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import TZPATH

import pytest

from ocarina_kit.edges.cron.local_zone import local_zone

_LONDON = next((path for each in TZPATH if (path := Path(each, "Europe/London")).exists()), None)


@pytest.mark.skipif(_LONDON is None, reason="no time zone files on this host")
def test_reads_the_zone_with_its_changes(tmp_path: Path) -> None:
    assert _LONDON is not None
    link = tmp_path / "localtime"
    link.symlink_to(_LONDON)
    zone = local_zone(link)
    assert datetime(2026, 7, 1, tzinfo=zone).utcoffset() == timedelta(hours=1)
    assert datetime(2026, 1, 1, tzinfo=zone).utcoffset() == timedelta(0)


def test_a_host_without_one_is_on_utc(tmp_path: Path) -> None:
    broken = tmp_path / "localtime"
    assert local_zone(broken) is timezone.utc
    broken.write_bytes(b"not a zone")
    assert local_zone(broken) is timezone.utc
