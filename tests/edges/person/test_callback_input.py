"""edges/person/callback_input.py: the address in a file, as browsers, editors and shells save it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from ocarina_kit.core.errors import UsageError
from ocarina_kit.edges.person.callback_input import CAP, read_callback
from ocarina_kit.edges.process import run
from ocarina_kit.edges.system import System

URL = "https://majora.test/o/callback/?code=c&state=s"


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System({}, tmp_path, "tester", "host", run)


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16"])
def test_any_coding(system: System, coding: str) -> None:
    (system.home / "file").write_bytes(URL.encode(coding))
    assert read_callback(system, "~/file") == URL


def test_bytes_that_are_no_text_are_passed_over(system: System) -> None:
    assert URL in read_callback(system, "-", io.BytesIO(b"\xff\xfa " + URL.encode()))


@pytest.mark.parametrize("source", ["~/nowhere", "~/folder", "~/large", "nul\0"])
def test_what_can_not_be_read_is_wrong_usage(system: System, source: str) -> None:
    (system.home / "folder").mkdir()
    (system.home / "large").write_bytes(b"x" * (CAP + 1))
    with pytest.raises(UsageError, match="could not be read"):
        read_callback(system, source)
