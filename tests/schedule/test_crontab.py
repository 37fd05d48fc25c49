"""A crontab as bytes: its lines come together again, and cron's own reading of a line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.schedule.crontab import (
    Command,
    cron_command,
    encode,
    read_variable,
    split_job,
    split_lines,
)


@given(st.binary(max_size=200))
def test_any_bytes_come_back(raw: bytes) -> None:
    lines = split_lines(raw)
    assert encode("".join(lines)) == raw
    assert all(line.count("\n") == line.endswith("\n") for line in lines)
    for line in lines:
        assert read_variable(line) is None or split_job(line.removesuffix("\n")) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("MAILTO=me", ("MAILTO", "me")),
        ("  FOO = bar  \n", ("FOO", "bar")),
        ("FOO=", ("FOO", "")),
        ("'A B'=\"c d\"", ("A B", "c d")),
        ('X="a=b"', ("X", "a=b")),
        ("Y='c d'", ("Y", "c d")),
        ("PATH=$PATH:/x", ("PATH", "$PATH:/x")),
        ("# A=b", None),
        ("* * * * * A=b x", None),
        ("A B=c", None),
        ("'A=b", None),
        ('A= "x" y', None),
        ("1 2 3 4 5 env A='b' c", None),
    ],
)
def test_variables(text: str, found: tuple[str, str] | None) -> None:
    assert read_variable(text) == found


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("x", Command("x")),
        (r"date +\%F", Command("date +%F")),
        ("a%b%c", Command("a", "b\nc\n", 1)),
        (r"a%b\%c", Command("a", "b%c\n", 1)),
        (r"a \\ b", Command(r"a \ b")),
        ("a\\", Command("a\\")),
    ],
)
def test_crons_own_reading(written: str, read: Command) -> None:
    assert cron_command(written) == read
