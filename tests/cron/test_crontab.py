"""A crontab as bytes: what is cut apart comes together again, and cron's own reading of a line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.cron.crontab import Command, Crontab, Line, cron_command, cron_environment, doubt


@given(st.binary(max_size=200))
def test_any_bytes_come_back(raw: bytes) -> None:
    crontab = Crontab.parse(raw)
    assert crontab.render() == raw
    count = len(crontab.lines)
    assert crontab.insert(count, b"x").remove({count}).render().rstrip(b"\n") == raw.rstrip(b"\n")
    for line in crontab.lines:
        assert crontab.remove({line.at}).insert(line.at, line.raw).render() in (raw, raw + b"\n")
        assert (line.variable, line.job, line.commented_job).count(None) >= 2


@pytest.mark.parametrize(
    ("raw", "at", "after"),
    [
        (b"", 0, b"new\n"),
        (b"a\nb\n", 2, b"a\nb\nnew\n"),
        (b"a\nb", 2, b"a\nb\nnew\n"),
        (b"a\nb", 1, b"a\nnew\nb"),
        (b"a\n", 0, b"new\na\n"),
        (b"a\n", 99, b"a\nnew\n"),
    ],
)
def test_inserts(raw: bytes, at: int, after: bytes) -> None:
    assert Crontab.parse(raw).insert(at, b"new").render() == after


@pytest.mark.parametrize(
    ("raw", "gone", "after"),
    [(b"a\nb\n", {0}, b"b\n"), (b"a\nb", {1}, b"a\n"), (b"a", {0}, b""), (b"a\nb\nc", {0, 2}, b"b\n")],
)
def test_removes(raw: bytes, gone: set[int], after: bytes) -> None:
    assert Crontab.parse(raw).remove(gone).render() == after


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("MAILTO=me", "MAILTO", "me"),
        ("  FOO = bar  ", "FOO", "bar"),
        ("FOO=", "FOO", ""),
        ("'A B'=\"c d\"", "A B", "c d"),
        ('X="a=b"', "X", "a=b"),
        ("PATH=$PATH:/x", "PATH", "$PATH:/x"),
        ("A=b c", "A", "b c"),
    ],
)
def test_variables(text: str, name: str, value: str) -> None:
    found = Line(3, text.encode()).variable
    assert found is not None
    assert found == (name, value, 3)
    assert Line(0, text.encode()).job is None


@pytest.mark.parametrize(
    "text", ["# A=b", "* * * * * A=b x", "A B=c", "'A=b", "x", "", "1 2 3 4 5 env A='b' c"]
)
def test_what_is_no_variable(text: str) -> None:
    assert Line(0, text.encode()).variable is None


def test_jobs() -> None:
    assert Line(0, b"1 2 3 4 5 do it  ").job == ("1 2 3 4 5", "do it  ")
    assert Line(0, b"\t@daily\tx").job == ("@daily", "x")
    assert Line(0, b"1 2 3 4").job is None
    assert Line(0, b" ## 1 2 3 4 5 x").commented_job == ("1 2 3 4 5", "x")
    assert Line(0, b"1 2 3 4 5 x").commented_job is None


def test_the_last_setting_above_counts() -> None:
    crontab = Crontab.parse(b"A=1\nB=2\nA=3\n* * * * * x\nA=4\n")
    assert crontab.values_at(3) == {"A": "3", "B": "2"}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("x", Command("x")),
        (r"date +\%F", Command("date +%F")),
        ("a%b%c", Command("a", "b\nc\n", 1)),
        (r"a%b\%c", Command("a", "b%c\n", 1)),
        (r"a \\ b", Command(r"a \ b")),
        ("a\\", Command("a\\")),
        ("", Command("")),
    ],
)
def test_crons_own_reading(written: str, read: Command) -> None:
    assert cron_command(written) == read


def test_what_a_job_sees() -> None:
    assert cron_environment("u", "/h", {"HOME": "/x", "LOGNAME": "no"}) == {
        "HOME": "/x", "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LOGNAME": "u", "PWD": "/x"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("listing", "unclear"),
    [
        (b"* * * * * x\n", False),
        (b"# a\0b\n", True),
        (b"tr -d '\\r'\n", True),
        (b"grep '\\b'\n", True),
        (b"# a\r\n* * * * * x\\r\r\n", False),
    ],
)
def test_what_a_listing_may_hide(listing: bytes, unclear: bool) -> None:
    assert bool(doubt(listing)) is unclear
