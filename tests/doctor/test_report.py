"""The report shows the checks' fixed words, and of the values only those that tell nothing."""

from __future__ import annotations

import pytest

from ocarina_kit.doctor.check import Outcome
from ocarina_kit.doctor.report import HIDDEN, host_mark, safe

SHOWN = "line=12 count=3 mode=0644 check=CFG001 setting=CLIENT_ID variable=no_proxy version=1.0.0 status=503 time=02:37"
NOT_SHOWN = (
    "file=/alice host=login1 line=x check=alice1 setting=ALICE variable=alice span=alice version=1.0.0-alice"
)


@pytest.mark.parametrize("pair", [*SHOWN.split(), *NOT_SHOWN.split(), "span=2 days alice"])
def test_what_is_shown(pair: str) -> None:
    name, value = pair.split("=")
    shown = value if pair in SHOWN.split() else HIDDEN
    assert safe(Outcome("fail", f"It|is {{{name}}}.", {name: value})) == f"It/is {shown}."


def test_hosts_can_be_told_apart() -> None:
    assert host_mark("login1") == host_mark("login1") != host_mark("login2")
    assert "login1" not in host_mark("login1")
