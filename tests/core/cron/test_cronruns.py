"""Runs and gaps, held against cronsim, which mimics Debian's cron."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta, timezone, tzinfo
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ocarina_kit.core.cron.cronruns import longest_gap, next_runs, previous_run
from ocarina_kit.core.cron.crontime import Schedule

ZONES = ("UTC", "Europe/London", "America/New_York", "Australia/Lord_Howe", "America/Havana", "Asia/Beirut")


def _numbers(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    ranges = st.tuples(number, number).map(lambda two: f"{min(two)}-{max(two)}")
    stepped = st.tuples(ranges, st.integers(1, 12)).map(lambda two: f"{two[0]}/{two[1]}")
    # cronsim treats a step on a range of one number in its own way.
    stepped = stepped.filter(lambda text: len(set(text.split("/")[0].split("-"))) == 2)
    plain = st.one_of(number.map(str), ranges, stepped)
    star = st.one_of(st.just("*"), st.integers(1, 12).map(lambda step: f"*/{step}"))
    return st.one_of(star, plain, st.lists(plain, min_size=2, max_size=3).map(",".join))


# cronsim takes */n in the weekday field over 0 to 7, as cron does, but knows 7 and 0 as one day: so do we.
_expressions = st.tuples(
    _numbers(0, 59), _numbers(0, 23), _numbers(1, 31), _numbers(1, 12), _numbers(0, 7)
).map(" ".join)  # fmt: skip
_moments = st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31)).map(
    lambda at: at.replace(microsecond=0)
)


def _oracle(expression: str, after: datetime, count: int) -> list[datetime]:
    return list(islice(CronSim(expression, after), count))


@given(_expressions, _moments, st.sampled_from(ZONES))
@settings(max_examples=250, deadline=None)
def test_next_runs_are_those_of_cronsim(expression: str, moment: datetime, zone: str) -> None:
    assume(_possible(expression))
    after = moment.replace(tzinfo=ZoneInfo(zone))
    assume(after.astimezone(timezone.utc).astimezone(after.tzinfo).replace(tzinfo=None) == moment)
    # cronsim steps by whole hours, and loses runs where clocks change by half of one.
    assume(zone != "Australia/Lord_Howe" or not _wildcard(expression))
    mine = next_runs(Schedule.parse(expression), after, 5)
    assert [_instant(run) for run in mine] == [_instant(run) for run in _oracle(expression, after, 5)]


@given(
    st.tuples(_numbers(0, 59), _numbers(0, 23)).map(lambda two: f"{two[0]} {two[1]} * * *"),
    st.sampled_from([
        ("Europe/London", datetime(2026, 3, 29)), ("Europe/London", datetime(2026, 10, 25)),
        ("America/New_York", datetime(2026, 11, 1)), ("America/Havana", datetime(2026, 11, 1)),
        ("Asia/Beirut", datetime(2026, 3, 29)), ("Australia/Lord_Howe", datetime(2026, 4, 5)),
        ("Australia/Lord_Howe", datetime(2026, 10, 4)),
    ]),
    st.integers(-90, 300),
)  # fmt: skip
@settings(max_examples=250, deadline=None)
def test_next_runs_around_a_change_of_the_clocks(
    expression: str, change: tuple[str, datetime], offset: int
) -> None:
    zone, day = change
    # An hour and a half before midnight and later: by the real clock, so that the moment exists.
    after = (
        day.replace(tzinfo=ZoneInfo(zone)).astimezone(timezone.utc) + timedelta(minutes=offset)
    ).astimezone(ZoneInfo(zone))
    mine = [_instant(run) for run in next_runs(Schedule.parse(expression), after, 8)]
    if _wildcard(expression):
        theirs = _walk(Schedule.parse(expression), after, 8)
    else:
        # cronsim counts on from a naive clock there, and may give a run in the repeated hour that has passed.
        theirs = _distinct(_instant(run) for run in _oracle(expression, after, 80))
        theirs = [run for run in theirs if run > _instant(after)]
    assert mine == theirs[:8]


def test_previous_run_is_the_one_before_the_next() -> None:
    zone = ZoneInfo("Europe/London")
    schedule = Schedule.parse("17 1,4,7,10,13,16,19,22 * * *")
    assert previous_run(schedule, datetime(2026, 6, 1, 4, 17, tzinfo=zone)) == datetime(
        2026, 6, 1, 1, 17, tzinfo=zone
    )
    assert previous_run(schedule, datetime(2026, 6, 1, 0, 0, tzinfo=zone)) == datetime(
        2026, 5, 31, 22, 17, tzinfo=zone
    )
    assert previous_run(Schedule.parse("0 0 29 2 *"), datetime(2026, 1, 1)) == datetime(2024, 2, 29)
    assert previous_run(Schedule.parse("0 0 30 2 *"), datetime(2026, 1, 1)) is None


@given(_expressions, _moments, st.sampled_from(ZONES))
@settings(max_examples=100, deadline=None)
def test_previous_and_next_agree(expression: str, moment: datetime, zone: str) -> None:
    assume(_possible(expression))
    schedule = Schedule.parse(expression)
    before = moment.replace(tzinfo=ZoneInfo(zone)).astimezone(timezone.utc).astimezone(ZoneInfo(zone))
    last = previous_run(schedule, before)
    assert last is not None
    assert _instant(last) < _instant(before)
    upcoming = next_runs(schedule, last, 1)[0]
    assert _instant(upcoming) >= _instant(before)


def test_a_schedule_that_never_runs() -> None:
    for text in ("0 0 30 2 *", "0 22-2 * * *", "@reboot", "0 0 31 4 *"):
        schedule = Schedule.parse(text)
        assert longest_gap(schedule) is None
        assert next_runs(schedule, datetime(2026, 1, 1), 3) == ()


@pytest.mark.parametrize(
    ("text", "minutes", "where"),
    [
        ("0 0,6,12,18 * * *", 7 * 60, "between 18:00 and 00:00 the next day"),
        ("0 0,9,18 * * *", 10 * 60, "between 00:00 and 09:00"),
        ("17 1-23/3 * * *", 4 * 60, "between 22:17 and 01:17 the next day"),
        ("*/30 * * * *", 30, "between 23:30 and 00:00 the next day"),
        ("0,30 0-23 * * *", 90, "between 23:30 and 00:00 the next day"),
        ("17 * * * *", 60, "between 23:17 and 00:17 the next day"),
        ("@daily", 25 * 60, "between 00:00 and 00:00 the next day"),
        ("0 5 1-31 * 1", 25 * 60, "between 05:00 and 05:00 the next day"),
        ("0 0-23/2 * * 1-5", 51 * 60, "between 22:00 on Fri 2026-01-02 and 00:00 on Mon 2026-01-05"),
        ("0 */2 1-30 * *", 27 * 60, "between 22:00 on Fri 2026-01-30 and 00:00 on Sun 2026-02-01"),
        ("0 0 29 2 *", 2921 * 1440 + 60, "between 00:00 on Wed 2096-02-29 and 00:00 on Fri 2104-02-29"),
    ],
)
def test_the_longest_gap_and_where_it_is(text: str, minutes: int, where: str) -> None:
    gap = longest_gap(Schedule.parse(text))
    assert gap is not None
    assert gap.minutes == minutes
    if "on " in where or minutes < 1440:
        assert gap.where() == where


@given(
    st.tuples(
        _numbers(0, 59).filter(lambda text: text not in {"*"}), _numbers(0, 23), _numbers(1, 31),
        st.one_of(st.just("*"), _numbers(1, 12)), _numbers(0, 7),
    ).map(" ".join)
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_the_longest_gap_is_the_one_cronsim_walks_past(expression: str) -> None:
    """Eight years without clock changes: cronsim never waits longer, and waits as long where days repeat often."""
    assume(_possible(expression))
    schedule = Schedule.parse(expression)
    gap = longest_gap(schedule)
    assert gap is not None
    plain = gap.minutes - gap.summer_time_minutes
    start = datetime(2022, 1, 1)
    seen, last = 0, None
    # Not beyond: a rare one would walk out of the calendar.
    runs = takewhile(lambda run: run.year < start.year + 8, CronSim(expression, start))
    for run in islice(runs, 6_000):
        if last is not None:
            seen = max(seen, int((run - last).total_seconds()) // 60)
        last = run
    assert seen <= plain
    if schedule.every_day:
        assert seen == plain


class _Repeats(tzinfo):
    """A zone whose clocks go back by an hour once, at a chosen minute of one day."""

    def __init__(self, at: datetime) -> None:
        self.at = at  # the wall clock at which they go back: at shows at - 1 h again

    def utcoffset(self, moment: datetime | None) -> timedelta:
        assert moment is not None
        wall = moment.replace(tzinfo=None, fold=0)
        if wall >= self.at or (wall >= self.at - timedelta(hours=1) and moment.fold):
            return timedelta(0)
        return timedelta(hours=1)

    def dst(self, moment: datetime | None) -> timedelta:
        return self.utcoffset(moment)

    def fromutc(self, moment: datetime) -> datetime:
        wall = moment.replace(tzinfo=None)
        if wall < self.at - timedelta(hours=1):
            return (wall + timedelta(hours=1)).replace(tzinfo=self)
        return wall.replace(tzinfo=self, fold=1 if wall < self.at else 0)


@pytest.mark.parametrize(
    "text",
    ["0 0,9,18 * * *", "*/30 * * * *", "17 * * * *", "0,30 0-23 * * *", "17 */2 * * *", "5,50 */3 * * *"],
)
def test_the_end_of_summer_time_at_any_minute_of_the_day(text: str) -> None:
    """The hour that is added is never more, and wherever zones may put it, never less."""
    schedule = Schedule.parse(text)
    gap = longest_gap(schedule)
    assert gap is not None
    widest = 0
    for minute in range(60, 1440, 7):
        zone = _Repeats(datetime(2026, 6, 15) + timedelta(minutes=minute))
        runs = next_runs(schedule, datetime(2026, 6, 14, 12, tzinfo=zone), 100)
        moments = [_instant(run) for run in runs]
        widest = max(widest, *(int((b - a).total_seconds()) // 60 for a, b in pairwise(moments)))
        assert widest <= gap.minutes
    assert widest == gap.minutes


def test_the_example_days_can_be_chosen() -> None:
    gap = longest_gap(Schedule.parse("0 0 * * 0"), since=date(2030, 1, 1))
    assert gap is not None
    assert gap.start_day == date(2030, 1, 6)


def _walk(schedule: Schedule, after: datetime, count: int) -> list[datetime]:
    """Every real minute whose wall clock matches, one by one: what cron does with a ``*`` job."""
    found: list[datetime] = []
    moment = _instant(after)
    while len(found) < count:
        moment += timedelta(minutes=1)
        wall = moment.astimezone(after.tzinfo)
        if wall.minute in schedule.minutes and wall.hour in schedule.hours:
            found.append(moment)
    return found


def _instant(run: datetime) -> datetime:
    return run.astimezone(timezone.utc)


def _distinct(runs: Iterable[datetime]) -> list[datetime]:
    return sorted(set(runs))


def _wildcard(expression: str) -> bool:
    minute, hour = expression.split()[:2]
    return minute.startswith("*") or hour.startswith("*")


def _possible(expression: str) -> bool:
    return longest_gap(Schedule.parse(expression)) is not None
