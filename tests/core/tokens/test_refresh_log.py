"""core/tokens/refresh_log.py: a line says what it was given, in one line, whatever that is."""

from __future__ import annotations

from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.core.tokens.refresh_log import (
    LogEntry,
    Result,
    mark_for,
    read_line,
    setup_mark,
    write_line,
)

ENTRIES = st.builds(
    LogEntry,
    time=st.integers(0, 4_000_000_000).map(float),
    host=st.text(max_size=20),
    by=st.text(max_size=8),
    scope=st.text(max_size=40),
    result=st.sampled_from(Result) | st.text(max_size=8).filter(lambda text: text not in list(Result)),
    setup=st.just("") | st.text(min_size=1, max_size=12),
)


@given(entry=ENTRIES)
def test_what_is_written_is_read_again(entry: LogEntry) -> None:
    line = write_line(entry)
    assert line.endswith("\n")
    assert len(line.splitlines()) == 1
    assert line.isascii()
    assert read_line(line) == entry


@given(line=st.text(max_size=80) | st.text(alphabet='2026-11T:Z hostbyscoperesult="\\ ', max_size=80))
def test_any_line_is_read_without_raising(line: str) -> None:
    read_line(line)


@given(entry=ENTRIES, cut=st.integers(1, 40))
def test_a_line_that_is_cut_off_never_names_another_scope(entry: LogEntry, cut: int) -> None:
    line = write_line(LogEntry(entry.time, entry.host, entry.by, "two words", entry.result, entry.setup))
    seen = read_line(line[: -1 - cut])
    assert seen is None or seen.scope == "two words"


@pytest.mark.parametrize(
    "line",
    [
        "",
        "2026-11-24T05:13:07Z",
        "2026-13-24T05:13:07Z host=a by=b result=c scope=d",
        "2026-11-24T05:13:07Z host=a by=b result=c",
        '2026-11-24T05:13:07Z host=a by=b result=c scope="d',
        '2026-11-24T05:13:07Z host=a by=b result=c scope="\\x"',
    ],
)
def test_damaged_lines(line: str) -> None:
    assert read_line(line) is None


def test_what_a_newer_version_adds_is_passed_over() -> None:
    seen = read_line("2026-11-24T05:13:07Z host=a by=b result=brand-new more=1 scope=d")
    assert seen == LogEntry(1795497187.0, "a", "b", "d", "brand-new")
    assert not seen.fresh


def test_a_scope_without_end_is_cut() -> None:
    assert len(write_line(LogEntry(0, "h", "b", "s" * 1_000_000, Result.REFRESHED))) < 5_000


def test_the_mark_tells_set_ups_apart_and_no_path() -> None:
    mark = setup_mark("~/.ocarina-tokens", "https://majora.invalid/")
    assert mark == setup_mark("~/.ocarina-tokens", "https://majora.invalid/")
    assert mark != setup_mark("~/.ocarina-tokens-test", "https://majora.invalid/")
    assert mark != setup_mark("~/.ocarina-tokens")
    assert len(mark) == 25
    setup_mark("/home/\udcff")


def test_hosts_that_share_a_home_under_different_paths_make_one_mark() -> None:
    url = "https://majora.example.org/"
    here = mark_for(PurePath("/home/ann/.ocarina-tokens"), PurePath("/home/ann"), url)
    there = mark_for(PurePath("/nfs/home/ann/.ocarina-tokens"), PurePath("/nfs/home/ann"), url)
    assert here == there == setup_mark("~/.ocarina-tokens", url)
    assert mark_for(PurePath("/data/tokens"), PurePath("/home/ann"), url) == setup_mark("/data/tokens", url)
