"""core/durations.py: what is taken for a length of time, and how one reads."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.core.durations import in_words, parse_duration
from ocarina_kit.core.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("30m", 1800),
        ("2h", 7200),
        ("1d", 86_400),
        ("1w", 604_800),
        ("1h30m", 5400),
        ("1d2h3m4s", 93_784),
        ("3600", 3600),
        ("0", 0),
        ("0s", 0),
        ("1.5h", 5400),
        (" 2 H ", 7200),
        ("1 h 30 min", 5400),
        ("2hours", 7200),
        ("1 day", 86_400),
        ("10 mins", 600),
    ],
)
def test_what_people_type_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "h", "-1h", "+1h", "1h-30m", "1:30", "1h30", "30 1h", "30m1h", "1h1h", "1x", "1e3", "nan"),
        *("inf", "2 h and a bit", "１h", "1,5h", "99999999w", "1h\n2x", "ss"),
    ],
)
def test_anything_else_is_wrong_usage_and_says_what_is_right(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_duration(text)
    assert "--within" in caught.value.what
    assert "1h30m" in caught.value.why


@given(
    text=st.text(max_size=20) | st.from_regex(r"[0-9.]{1,8}[wdhms ]{0,3}([0-9]{1,4}[hms])?", fullmatch=True)
)
def test_no_text_raises_anything_else(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert parse_duration(text) >= 0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (-5, "0 s"),
        (42.9, "42 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (599, "9 min 59 s"),
        (601, "10 min"),
        (3600, "1 h"),
        (25_920 + 59, "7 h 12 min"),
        (86_400, "1 d"),
        (90_000, "1 d 1 h"),
    ],
)
def test_how_a_length_of_time_reads(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


@given(seconds=st.integers(0, 10_000_000))
def test_words_never_promise_more_than_there_is(seconds: int) -> None:
    assert parse_duration(in_words(seconds)) <= seconds
