"""The next 24 hours: what is covered, what is not, as a strip and in words."""

from __future__ import annotations

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.core.cron.crontime import Schedule
from ocarina_kit.core.cron.schedule_view import (
    BARE,
    COVERED,
    DAY,
    LEGEND,
    Life,
    Outlook,
    Span,
    in_sentences,
    life_of,
    outlook,
    strip,
    uncovered,
)
from ocarina_kit.core.tokens.token_file import TokenFile

UTC = timezone.utc
HOUR = 3600.0
NOW = datetime(2026, 11, 24, 8, 30, tzinfo=UTC).timestamp()
EVERY_3H = Schedule.parse("17 0,3,6,9,12,15,18,21 * * *")
GUIDE = Schedule.parse("0 0,6,12,18 * * *")


def ahead(schedule: Schedule = EVERY_3H, *, left: float = 9 * HOUR, heals: bool = True) -> Outlook:
    return outlook([schedule], now=NOW, zone=UTC, life=Life(NOW + left), heals=heals)


def at(hour: int, minute: int = 0, day: int = 24) -> float:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("left", "missed", "heals", "expected"),
    [
        # Every 3 h: even two missed runs leave nothing uncovered, as long as the token is fresh.
        (9.5 * HOUR, 0, True, ()),
        (9.5 * HOUR, 1, True, ()),
        (9.5 * HOUR, 2, True, ()),
        # It dies at 13:30; the third run is at 15:17.
        (5 * HOUR, 2, True, (Span(at(13, 30), at(15, 17)),)),
        (5 * HOUR, 1, True, ()),
        # Expired already: the next run heals it, and a missed one lets it wait for the one after.
        (-HOUR, 0, True, (Span(NOW, at(9, 17)),)),
        (-HOUR, 1, True, (Span(NOW, at(12, 17)),)),
        # The client never heals.
        (-HOUR, 0, False, (Span(NOW, None),)),
        (5 * HOUR, 2, False, (Span(at(13, 30), None),)),
        (5 * HOUR, 1, False, ()),
    ],
)
def test_what_is_left_uncovered(left: float, missed: int, heals: bool, expected: tuple[Span, ...]) -> None:
    assert ahead(left=left, heals=heals).bare[missed] == expected


def test_the_guides_line_dies_of_one_missed_run() -> None:
    """FACTS.md: with the 6 h line one failed run (12 h > 10 h) ends the chain."""
    fresh = ahead(GUIDE, left=7.5 * HOUR, heals=False)  # refreshed at 06:00
    assert fresh.bare[0] == ()
    assert fresh.bare[1] == (Span(at(16), None),)
    assert ahead(GUIDE, left=7.5 * HOUR).bare[1] == (Span(at(16), at(18)),)


def test_a_rare_schedule_leaves_a_part_of_each_day() -> None:
    view = ahead(Schedule.parse("0 9 * * *"))
    assert view.bare[0] == (Span(at(19), at(9, day=25)),)
    assert len(view.runs_today) == 1
    assert "Even with every run, no token is usable from Tue 19:00 to Wed 09:00 (14 h)." in " ".join(
        in_sentences(view)
    )


@given(
    left=st.floats(-2 * DAY, DAY),
    runs=st.lists(st.floats(0, 2 * DAY), max_size=12).map(sorted),
    life=st.floats(60, 36000),
    heals=st.booleans(),
)
def test_spans_are_ordered_and_ahead(left: float, runs: list[float], life: float, heals: bool) -> None:
    spans = uncovered([NOW + run for run in runs], NOW, Life(NOW + left, life), heals=heals)
    assert all(NOW <= span.start < NOW + DAY for span in spans)
    assert all(span.end is None or span.end >= span.start for span in spans)
    assert list(spans) == sorted(spans, key=lambda span: span.start)
    assert all(span.end is not None for span in spans[:-1])
    # A run that heals never makes anything worse.
    if not heals:
        better = uncovered([NOW + run for run in runs], NOW, Life(NOW + left, life), heals=True)
        assert better == () or spans[0].start <= better[0].start


# --- the strip ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "minutes"), [(None, 30), (80, 30), (60, 30), (59, 60), (40, 60)])
def test_the_strip_fits(width: int | None, minutes: int) -> None:
    drawn = strip(ahead(left=5 * HOUR), width)
    assert drawn.minutes == minutes
    assert all(len(row) == 24 * 60 // minutes for _, row in drawn.rows)
    assert max(map(len, (*drawn.lines, LEGEND))) <= (width or 80)


def test_the_strip_as_it_is_read() -> None:
    assert strip(ahead(left=5 * HOUR), 40).lines == (
        "          08:00 14:00 20:00 02:00",
        "runs      .^..^..^..^..^..^..^..^.",
        "tokens    ========================",
        "1 missed  ========================",
        "2 missed  =====!!!================",
    )


def test_the_strip_of_a_client_that_never_heals() -> None:
    lines = strip(ahead(GUIDE, left=7.5 * HOUR, heals=False), 40).lines
    assert lines[3] == "1 missed  ========!!!!!!!!!!!!!!!!"


def test_without_a_token_there_are_only_runs() -> None:
    view = outlook([EVERY_3H], now=NOW, zone=UTC, life=None, heals=True)
    assert [label for label, _ in strip(view, 80).rows] == ["runs"]
    assert "log in" in in_sentences(view)[-1]


def test_marks_hold_what_the_spans_say() -> None:
    view = ahead(left=-HOUR)
    row = dict(strip(view, 80).rows)["tokens"]
    assert row == BARE * 2 + COVERED * 46


def test_across_the_end_of_summer_time() -> None:
    """The night has 25 hours: cells are real hours, and their names are the clock's."""
    zone = ZoneInfo("Europe/London")
    now = datetime(2026, 10, 24, 18, 0, tzinfo=zone).timestamp()
    view = outlook([EVERY_3H], now=now, zone=zone, life=Life(now + 36000), heals=True)
    drawn = strip(view, 40)
    assert drawn.scale == "18:00 00:00 05:00 11:00"
    assert [view.clock(run) for run in view.runs_today[:4]] == [
        "Sat 18:17",
        "Sat 21:17",
        "Sun 00:17",
        "Sun 03:17",
    ]
    assert view.runs_today[3] - view.runs_today[2] == 4 * HOUR
    assert view.iso(view.runs_today[3]).endswith("+00:00")


# --- in words ----------------------------------------------------------------------------------------------


def test_in_words() -> None:
    assert in_sentences(ahead(left=5 * HOUR)) == (
        "It runs 8 times: Tue 09:17, Tue 12:17, Tue 15:17, Tue 18:17, Tue 21:17, Wed 00:17, Wed 03:17 and Wed 06:17.",
        "The tokens live until Tue 13:30, for 5 h more. The runs keep them fresh all the time.",
        "If the next run (Tue 09:17) is missed, no time is left uncovered.",
        "If the next two runs (Tue 09:17 and Tue 12:17) are missed, no token is usable from Tue 13:30 to "
        "Tue 15:17 (1 h 47 min).",
    )


@pytest.mark.parametrize(
    ("schedule", "left", "heals", "words"),
    [
        ("*/5 * * * *", HOUR, True, "It runs 288 times, from Tue 08:35 to Wed 08:30."),
        ("0 9 * * *", HOUR, True, "It runs once, Tue 09:00."),
        ("0 9 * * 5", HOUR, True, "It does not run in the next 24 hours. The next is Fri 09:00."),
        ("0 9 31 2 *", HOUR, True, "It does not run in the next 24 hours."),
        ("0 */3 * * *", -HOUR, True, "No token is usable now: one has been expired for 1 h."),
        ("0 */3 * * *", -HOUR, False, "The client alone does not refresh an expired token."),
        ("0 */3 * * *", -HOUR, False, "no token is usable from now on, until somebody logs in."),
        ("0 */6 * * *", 7 * HOUR, False, "no token is usable from Tue 15:30 on, until somebody logs in."),
    ],
)
def test_words_for_other_cases(schedule: str, left: float, heals: bool, words: str) -> None:
    assert words in " ".join(in_sentences(ahead(Schedule.parse(schedule), left=left, heals=heals)))


def test_life_is_that_of_the_token_that_dies_first() -> None:
    def token(left: float, **more: object) -> dict[str, object]:
        return {"access_token": "a", "refresh_token": "r", "expires_in": 36000, "scope": ["x"],
                "expires_at": NOW + left, **more}  # fmt: skip

    import json

    tokens = {"a": token(5 * HOUR), "b": token(3 * HOUR), "c": token(HOUR, refresh_token=None), "d": 1}
    entries = TokenFile.parse(json.dumps(tokens).encode()).entries
    assert life_of(entries, NOW) == Life(NOW + 3 * HOUR, 36000, ("c",))
    assert life_of((), NOW) is None
    lost = [entry for entry in entries if entry.key == "c"]
    assert life_of(lost, NOW) is None
