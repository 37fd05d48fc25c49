"""system/words.py: spans, times and texts as people read them."""

import time

import pytest

from ocarina_kit.system import words
from ocarina_kit.system.problem import Exit, KitError

DURATIONS = {
    **{
        "90s": 90,
        "30m": 1800,
        "2h": 7200,
        "1d": 86_400,
        "1h30m": 5400,
        "1d2h3m4s": 93_784,
    },
    **{"3600": 3600, "0": 0, "0s": 0, " 2H ": 7200},
}
NOT_DURATIONS = (
    *(
        "",
        " ",
        "h",
        "-1h",
        "+1h",
        "1h-30m",
        "1:30",
        "1h30",
        "30m1h",
        "1h1h",
        "1x",
        "1e3",
        "nan",
        "inf",
    ),
    *("2 h and a bit", "１h", "1,5h", "1h\n2x", "ss"),
)
SPANS = {
    0: "0 s",
    -5: "0 s",
    42.9: "42 s",
    60: "1 min",
    599: "9 min 59 s",
    601: "10 min",
    35_880 + 59: "9 h 58 min",
    86_400: "1 day",
    90_000: "1 day 1 h",
    180_000: "2 days 2 h",
}


def test_a_duration_is_read_and_anything_else_is_wrong_usage() -> None:
    for text, seconds in DURATIONS.items():
        assert words.parse_duration(text) == seconds
    for text in NOT_DURATIONS:
        with pytest.raises(KitError) as caught:
            words.parse_duration(text)
        assert ("--within" in caught.value.problem.text, caught.value.problem.exit) == (
            True,
            Exit.USAGE,
        ), text


@pytest.mark.parametrize(("seconds", "said"), SPANS.items())
def test_a_span_in_words(seconds: float, said: str) -> None:
    assert words.span(seconds) == said


def test_a_time_is_short_where_it_is_near(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    now = 1_795_536_000.0  # Tue 24 Nov 2026 16:00
    hour, day = 3600, 86_400
    assert words.clock(now + hour, now) == "17:00"
    assert words.clock(now + 9 * hour, now) == "Wed 01:00"
    assert words.clock(now - 5 * day, now) == "Thu 16:00"
    assert words.clock(now + 12 * day, now) == "6 Dec 2026"
    assert words.clock(1e300, now) == "an unknown time"


def test_lists_counts_and_short_paths() -> None:
    assert [words.listed(list("abc")[:n]) for n in range(4)] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
    assert (words.count(1, "token"), words.count(3, "token")) == ("1 token", "3 tokens")
    assert [
        words.tilde(path, "/home/u")
        for path in ("/home/u/.ocarina", "/home/u", "/home/user/x")
    ] == [*("~/.ocarina", "~", "/home/user/x")]
    assert words.tilde("/etc/x", "/") == "/etc/x"


def test_text_from_outside_does_not_drive_the_terminal() -> None:
    assert words.printable("a\x1b[2J\x9b\u202eb\n\té") == "a\\x1b[2J\\x9b\\u202eb\n\té"
    assert words.one_line("  a\r\n\x1b[31m b\u202e c ") == "a [31m b c"
    assert words.one_line("x" * 300) == "x" * 199 + "…"
    assert words.strip_ends("\ufeff \u200b“x y”\u202c\n", "“”") == "x y"
