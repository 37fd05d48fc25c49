"""The log of a bug: private, whatever the umask and whatever stands in its place, and with no secret in it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ocarina_kit.edges.disk.crash_log import write_crash_log


def test_it_and_all_folders_above_are_private_with_any_umask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    before = os.umask(0)
    try:
        path = Path(write_crash_log(ValueError("refresh_token=abc123abc123 \udcff")))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "abc123" not in path.read_text()
    for folder in path.parents[:3]:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
