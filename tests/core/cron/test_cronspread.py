"""The times that the kit chooses."""

from __future__ import annotations

from collections import Counter

import pytest

from ocarina_kit.core.cron.cronruns import longest_gap
from ocarina_kit.core.cron.cronspread import (
    UnusableScheduleError,
    derive,
    duration_text,
    own_schedule,
    parse_every,
)
from ocarina_kit.core.cron.crontime import BadScheduleError, Schedule
from ocarina_kit.core.errors import Exit, UsageError

DOMAIN = "https://majora.example.org/"


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("3h", 180), ("1h", 60), ("180m", 180), (" 30 min ", 30), ("2 hours", 120), ("8H", 480), ("2m", 2)],
)
def test_intervals(text: str, minutes: int) -> None:
    assert parse_every(text).minutes == minutes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("90m", "1h or 2h"),
        ("45m", "divide"),
        ("1m", "plenty"),
        ("0h", "nought"),
        ("", "a number and h or m"),
        ("3", "a number and h or m"),
        ("-3h", "a number and h or m"),
        ("٣h", "a number and h or m"),
        ("3 days", "a number and h or m"),
        ("25h", "10 hours"),
    ],
)
def test_intervals_that_cron_cannot_express(text: str, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_every(text)
    assert words in refused.value.why
    assert refused.value.exit is Exit.USAGE


@pytest.mark.parametrize("every", ["2m", "15m", "30m", "1h", "2h", "3h", "4h", "5h", "6h", "7h", "8h"])
def test_every_expressible_interval_keeps_a_token_fresh_and_never_runs_at_minute_0(every: str) -> None:
    interval = parse_every(every)
    for user in range(50):
        schedule = Schedule.parse(derive(f"user{user}", "node1", DOMAIN, interval))
        gap = longest_gap(schedule)
        assert gap is not None
        assert gap.minutes - gap.summer_time_minutes == interval.minutes
        assert gap.minutes < 600
        assert 0 not in schedule.minutes


@pytest.mark.parametrize("every", ["9h", "10h", "12h", "24h"])
def test_an_interval_that_leaves_10_hours_is_refused_with_the_place(every: str) -> None:
    with pytest.raises(UnusableScheduleError) as refused:
        derive("user", "node1", DOMAIN, parse_every(every))
    assert refused.value.gap is not None
    assert refused.value.gap.where() in refused.value.why
    assert ("summer time" in refused.value.why) is (every == "9h")


def test_derived_times_are_stable() -> None:
    """Fixed values: a new release must not move the entries of every user."""
    every = parse_every("3h")
    assert derive("alice", "node1", DOMAIN, every) == derive("alice", "node1", DOMAIN, every)
    assert len({derive(user, host, domain, every) for user in "ab" for host in "cd" for domain in "ef"}) == 8
    assert derive("alice", "node1", DOMAIN, every) == "2 0,3,6,9,12,15,18,21 * * *"
    # The parts do not run into one another.
    assert derive("ab", "c", "d", every) != derive("a", "bc", "d", every)


@pytest.mark.parametrize("every", ["3h", "5h", "30m"])
def test_ten_thousand_users_are_spread_over_the_day(every: str) -> None:
    """The busiest minute gets at most 3 times the mean; the guide's line gives its four 360 times."""
    interval = parse_every(every)
    runs: Counter[int] = Counter()
    for number in range(10_000):
        runs.update(Schedule.parse(derive(f"climb-{number}", "login1", DOMAIN, interval)).minutes_of_day)
    mean = sum(runs.values()) / 1440
    assert max(runs.values()) <= 3 * mean
    guide = Counter(Schedule.parse("0 0,6,12,18 * * *").minutes_of_day * 10_000)
    assert max(guide.values()) == 360 * sum(guide.values()) / 1440


@pytest.mark.parametrize("text", ["17 1-23/3 * * *", "*/60 */2 * * *", "0 0,8,16 * * *", "@hourly"])
def test_a_persons_own_times_are_taken(text: str) -> None:
    assert own_schedule(text).text == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 0,9,18 * * *", "on the night when summer time ends"),
        ("0 0 * * *", "1 d 1 h between 00:00 and 00:00 the next day"),
        ("0 */2 * * 1-5", "between 22:00 on Fri"),
        ("0 0 30 2 *", "no minute of any year"),
        ("@reboot", "10 hours"),
        ("0 22-2 * * *", "backwards"),
        ("0;5 */3 * * *", "ignores ';5'"),
    ],
)
def test_times_that_let_a_token_die_are_refused(text: str, words: str) -> None:
    with pytest.raises(UnusableScheduleError) as refused:
        own_schedule(text)
    assert words in refused.value.why
    assert refused.value.remedy.commands


@pytest.mark.parametrize("text", ["0 0 * *", "0 0 * * *\n* * * * * rm", "* * * * * rm -rf x"])
def test_only_five_fields_are_taken(text: str) -> None:
    with pytest.raises(BadScheduleError):
        own_schedule(text)


def test_durations_are_readable() -> None:
    texts = ["0 min", "5 min", "1 h", "10 h 5 min", "2 d 2 h"]
    assert [duration_text(minutes) for minutes in (0, 5, 60, 605, 3000)] == texts
