"""The report shows the checks' fixed words, and of the values only those that tell nothing."""

from __future__ import annotations

import pytest

from ocarina_kit.doctor.report import HIDDEN, host_mark, safe
from ocarina_kit.system.finding import words

SHOWN = "line=12 count=3 mode=0644 check=CFG001 setting=CLIENT_ID variable=no_proxy version=1.0.0 status=503 time=02:37"
NOT_SHOWN = (
    "file=/alice what=lookup host=login1 line=x check=alice1 setting=ALICE variable=alice span=alice other=3"
)


@pytest.mark.parametrize("pair", SHOWN.split())
def test_what_is_shown(pair: str) -> None:
    name, value = pair.split("=")
    assert safe(words(f"It is {{{name}}}.", **{name: value})) == f"It is {value}."


@pytest.mark.parametrize("pair", [*NOT_SHOWN.split(), "version=1.0.0-alice", "span=2 days alice"])
def test_what_is_hidden(pair: str) -> None:
    name, value = pair.split("=")
    assert safe(words(f"It is {{{name}}}.", **{name: value})) == f"It is {HIDDEN}."


def test_a_cell_stays_a_cell_and_hosts_can_be_told_apart() -> None:
    assert safe(words("one|two")) == "one/two"
    assert host_mark("login1") == host_mark("login1") != host_mark("login2")
    assert "login1" not in host_mark("login1")
