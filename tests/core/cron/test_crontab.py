"""The crontab as bytes."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.core.cron.crontab import (
    Crontab,
    Doubt,
    LineKind,
    cron_command,
    cron_environment,
    decode,
    doubts,
    encode,
    parse_variable,
    values,
)

_ODD = b"# caf\xe9\r\n\n\t \nMAILTO = me\n0 0 * * * /x \xff%in\\%put\nlast"


@given(st.binary(max_size=200))
def test_any_bytes_come_back(raw: bytes) -> None:
    crontab = Crontab.parse(raw)
    assert crontab.render() == raw
    assert all(line.kind in LineKind for line in crontab.lines)
    assert encode(decode(raw)) == raw


def test_lines_are_told_apart() -> None:
    crontab = Crontab.parse(
        b"\n  \t\n# c\n  # c\nA=b\n 'B' = c\n* * * * * x\n@daily x\n0=3\n* * * * x\nfoo\n*\t* *\t* *  y z\n* * * * *\n"
    )
    kinds = [line.kind.name[0] for line in crontab.lines]
    assert "".join(kinds) == "BBCCVVJJVJOJJ"
    assert crontab.lines[11].job is not None
    assert (crontab.lines[11].job.time, crontab.lines[11].job.command) == ("*\t* *\t* *", "y z")
    assert crontab.lines[12].job is not None
    assert crontab.lines[12].job.command == ""


@given(st.binary(max_size=80).filter(lambda raw: b"\0" not in raw), st.data())
def test_one_change_leaves_every_other_line(raw: bytes, data: st.DataObject) -> None:
    crontab = Crontab.parse(raw)
    lines = [line.raw for line in crontab.lines]
    if lines:
        index = data.draw(st.integers(0, len(lines) - 1))
        assert [line.raw for line in crontab.replace(index, b"new").lines] == [
            *lines[:index], b"new", *lines[index + 1 :],
        ]  # fmt: skip
        removed = crontab.remove(index)
        assert [line.raw for line in removed.lines] == [*lines[:index], *lines[index + 1 :]]
        assert (
            removed.insert(index, lines[index]).lines
            == Crontab.parse(b"".join(x + b"\n" for x in lines)).lines
        )
    appended = crontab.append(b"new")
    assert [line.raw for line in appended.lines] == [*lines, b"new"]
    assert appended.render().endswith(b"new\n")
    assert appended.render().startswith(raw)


def test_a_missing_last_line_break_is_known() -> None:
    assert not Crontab.parse(_ODD).ends_in_newline
    assert Crontab.parse(_ODD).append(b"x").render() == _ODD + b"\nx\n"
    assert Crontab.parse(b"").ends_in_newline
    assert Crontab.parse(b"").append(b"x").render() == b"x\n"
    assert Crontab.parse(b"a\nb").remove(1).render() == b"a\n"


def test_a_line_is_one_line() -> None:
    for raw in (b"a\nb", b"a\0"):
        with pytest.raises(ValueError, match="line break"):
            Crontab.parse(b"").append(raw)
    with pytest.raises(IndexError):
        Crontab.parse(b"a\n").replace(1, b"b")
    with pytest.raises(IndexError):
        Crontab.parse(b"a\n").insert(5, b"b")


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("A=b", "A", "b"),
        ("A = b c  ", "A", "b c"),
        ("A=b # c", "A", "b # c"),
        ("'A B' = \" c \"  ", "A B", " c "),
        ("A=", "A", ""),
        ("=b", "", "b"),
        ("0 = 3 x", "0", "3 x"),
        ("  HOME=/x", "HOME", "/x"),
    ],
)
def test_variables_as_cron_reads_them(text: str, name: str, value: str) -> None:
    variable = parse_variable(text)
    assert variable is not None
    assert (variable.name, variable.value) == (name, value)


@pytest.mark.parametrize(
    "text", ["A='b", "A= 'b", "A='b' x", "F O=b", "0 0=0 * * * x", "* * * * * A=b", "A", "'A=b"]
)
def test_what_is_no_variable(text: str) -> None:
    assert parse_variable(text) is None


def test_variables_count_for_the_lines_below_them() -> None:
    crontab = Crontab.parse(b"A=1\n* * * * * x\nA=2\nB=3\n* * * * * y\n")
    assert values(crontab.variables_at(0)) == {}
    assert values(crontab.variables_at(1)) == {"A": "1"}
    assert values(crontab.variables_at(4)) == {"A": "2", "B": "3"}
    assert crontab.variables_at(4)["B"].index == 3


@pytest.mark.parametrize(
    ("written", "command", "stdin", "percent"),
    [
        ("a", "a", "", None),
        (r"a\%b", "a%b", "", None),
        ("a%b", "a", "b\n", 1),
        (r"a\%b%l1\%x%l2", "a%b", "l1%x\nl2\n", 4),
        (r"a\\%b", "a\\", "b\n", 3),
        (r"x \\ \y \\\\ z\\\%q", r"x \ \y \\ z\%q", "", None),
        ("a\\", "a\\", "", None),
        ("%", "", "\n", 0),
    ],
)
def test_the_percent_rule_as_debians_daemon_was_seen_to_do_it(
    written: str, command: str, stdin: str, percent: int | None
) -> None:
    read = cron_command(written)
    assert (read.command, read.stdin, read.percent) == (command, stdin, percent)


@pytest.mark.parametrize(
    ("listing", "doubt"),
    [
        (b"* * * * * tr -d '\\r'\n", Doubt.ESCAPES),
        (b"* * * * * grep '\\bx'\n", Doubt.ESCAPES),
        (b"a\0b\n", Doubt.NUL),
        (b"* * * * * x\r\n", None),
        (b"* * * * * printf '\\n'\n", None),
        (_ODD.replace(b"\r", b""), None),
    ],
)
def test_listings_that_may_not_be_the_crontab(listing: bytes, doubt: Doubt | None) -> None:
    assert doubts(listing) is doubt


def test_crons_bare_environment() -> None:
    assert cron_environment("alice", "/home/alice") == {
        "HOME": "/home/alice",
        "LOGNAME": "alice",
        "PATH": "/usr/bin:/bin",
        "SHELL": "/bin/sh",
        "PWD": "/home/alice",
    }
    changed = cron_environment("alice", "/home/alice", {"HOME": "/x", "LOGNAME": "eve", "A": "b"})
    assert (changed["HOME"], changed["PWD"], changed["LOGNAME"], changed["A"]) == ("/x", "/x", "alice", "b")


def test_ten_thousand_lines_and_one_very_long_one() -> None:
    started = time.process_time()
    crontab = Crontab.parse(b"A=b\n*/5 * * * * /usr/bin/true # x\n# y\n\n" * 2_500)
    assert sum(line.kind is LineKind.JOB for line in crontab.lines) == 2_500
    for text in (
        "a=" + " " * 100_000 + "'",
        "a" + " " * 100_000 + "b=",
        "a='" + "x '" * 50_000,
        "a " * 50_000,
    ):
        assert Crontab.parse(text.encode()).lines[0].kind in LineKind
    assert cron_command("\\%a%" * 100_000).percent == 3
    assert time.process_time() - started < 2
