"""From a schedule to moments: the next runs, the last one, and the longest time between two.

Clock changes are treated as cron(8) describes for Debian: a job whose minute and hour field both start with
something else than ``*`` runs once when an hour is repeated, and right after the change when its time is
left out; a job with a ``*`` there goes by the new clock at once.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from itertools import pairwise

from ocarina_kit.core.cron.crontime import MINUTES_A_DAY, Schedule

SUMMER_TIME_MINUTES = 60
_CYCLE_YEARS = 400  # the Gregorian calendar repeats, weekdays and all
_FAR_FUTURE = 9990


@dataclass(frozen=True)
class Gap:
    """The longest time without a run.

    ``minutes`` counts the hour that the end of summer time adds (``summer_time_minutes``). ``start`` and ``end``
    are minutes after midnight, local time. ``start_day`` and ``end_day`` are an example of the days, where not
    every day is like the others.
    """

    minutes: int
    start: int
    end: int
    summer_time_minutes: int
    start_day: date | None = None
    end_day: date | None = None

    def where(self) -> str:
        """As in "between 18:17 and 03:17 the next day"."""
        start, end = clock_text(self.start), clock_text(self.end)
        if self.start_day is not None and self.end_day is not None:
            if self.start_day == self.end_day:
                return f"between {start} and {end} on {self.start_day:%a} {self.start_day}"
            return (
                f"between {start} on {self.start_day:%a} {self.start_day} "
                f"and {end} on {self.end_day:%a} {self.end_day}"
            )
        return f"between {start} and {end}" + (" the next day" if self.end <= self.start else "")


def clock_text(minute_of_day: int) -> str:
    """``17 -> "00:17"``."""
    return f"{minute_of_day // 60:02}:{minute_of_day % 60:02}"


def longest_gap(schedule: Schedule, *, since: date = date(2026, 1, 1)) -> Gap | None:
    """The longest time between two runs, whatever the time zone and over any years; None: it never runs again.

    Exact, from the calendar's 14 kinds of year, with no walk from minute to minute. The repeated hour may stand
    anywhere, since zones differ: a job at fixed times then waits 60 minutes more in any gap, one with a ``*`` in
    its minute or hour field only in a gap that holds a whole hour. ``since`` only picks the example days.
    """
    runs = schedule.minutes_of_day
    if not runs:
        return None
    best = Gap(-1, 0, 0, 0)
    for start, end in pairwise(runs):
        if end - start > best.minutes:
            best = Gap(end - start, start, end, 0)
    overnight = MINUTES_A_DAY - runs[-1] + runs[0]
    if schedule.every_day:
        if overnight >= best.minutes:
            best = Gap(overnight, runs[-1], runs[0], 0)
        return _with_summer_time(schedule, best)
    days = _longest_day_gap(schedule, since.year)
    if days is None:
        return None
    first, second = days
    between = ((second - first).days - 1) * MINUTES_A_DAY + overnight
    if between >= best.minutes:
        best = Gap(between, runs[-1], runs[0], 0, first, second)
    else:
        best = Gap(best.minutes, best.start, best.end, 0, first, first)
    return _with_summer_time(schedule, best)


def _with_summer_time(schedule: Schedule, gap: Gap) -> Gap:
    if schedule.wildcard and gap.minutes <= SUMMER_TIME_MINUTES:
        return gap
    extra = SUMMER_TIME_MINUTES
    return Gap(gap.minutes + extra, gap.start, gap.end, extra, gap.start_day, gap.end_day)


def _longest_day_gap(schedule: Schedule, first_year: int) -> tuple[date, date] | None:
    """The two neighbouring days of runs that lie farthest apart; None where no day matches."""
    kinds: dict[tuple[bool, int], list[int]] = {}
    widest = (0, 0)
    last: int | None = None
    for year in range(first_year, first_year + 2 * _CYCLE_YEARS):
        new_year = date(year, 1, 1)
        kind = (monthrange(year, 2)[1] == 29, new_year.weekday())
        if kind not in kinds:
            kinds[kind] = _days_of_year(schedule, new_year)
        days = kinds[kind]
        if not days:
            continue
        base = new_year.toordinal()
        inside = max(pairwise(days), key=lambda pair: pair[1] - pair[0], default=(0, 0))
        pairs = [(base + inside[0], base + inside[1])]
        if last is not None:
            pairs.insert(0, (last, base + days[0]))
        widest = max([widest, *pairs], key=lambda pair: pair[1] - pair[0])
        last = base + days[-1]
        if year > first_year + _CYCLE_YEARS:
            break
    if last is None:
        return None
    return date.fromordinal(widest[0]), date.fromordinal(widest[1])


def _days_of_year(schedule: Schedule, new_year: date) -> list[int]:
    length = (new_year.replace(year=new_year.year + 1) - new_year).days
    return [offset for offset in range(length) if schedule.runs_on(new_year + timedelta(days=offset))]


def next_runs(schedule: Schedule, after: datetime, count: int) -> tuple[datetime, ...]:
    """The first ``count`` runs later than ``after``, in its time zone; fewer where the schedule never runs again.

    A naive ``after`` is local time without clock changes.
    """
    found: list[datetime] = []
    # The day before: its repeated or skipped hour may reach past midnight.
    start = after.date() - timedelta(days=1)
    for day in _days(schedule, start, forwards=True):
        for run in _runs_of_day(schedule, day, after.tzinfo):
            if _is_later(run, after) and (not found or _is_later(run, found[-1])):
                found.append(run)
                if len(found) == count:
                    return tuple(found)
        if count <= 0:
            break
    return tuple(found)


def previous_run(schedule: Schedule, before: datetime) -> datetime | None:
    """The last run earlier than ``before``, in its time zone; None where there was none."""
    for day in _days(schedule, before.date() + timedelta(days=1), forwards=False):
        runs = [run for run in _runs_of_day(schedule, day, before.tzinfo) if _is_later(before, run)]
        if runs:
            return runs[-1]
    return None


def _days(schedule: Schedule, start: date, *, forwards: bool) -> Iterator[date]:
    if not schedule.minutes_of_day:
        return
    day = start
    for _ in range(_CYCLE_YEARS * 366):
        if schedule.runs_on(day):
            yield day
        if not 2 < day.year < _FAR_FUTURE:
            return
        if day.month not in schedule.months:
            month_start = day.replace(day=1)
            day = (
                (month_start + timedelta(days=31)).replace(day=1)
                if forwards
                else month_start - timedelta(days=1)
            )
        else:
            day += timedelta(days=1 if forwards else -1)


def _runs_of_day(schedule: Schedule, day: date, zone: tzinfo | None) -> list[datetime]:
    if zone is None or _is_plain(day, zone):
        return [
            datetime.combine(day, time(minute // 60, minute % 60), zone) for minute in schedule.minutes_of_day
        ]
    runs: dict[datetime, datetime] = {}
    for minute in schedule.minutes_of_day:
        wall = datetime.combine(day, time(minute // 60, minute % 60), zone)
        for run in _moments(schedule, wall):
            runs.setdefault(run.astimezone(timezone.utc), run)
    return [runs[moment] for moment in sorted(runs)]


def _moments(schedule: Schedule, wall: datetime) -> list[datetime]:
    if not _exists(wall):
        if schedule.wildcard:
            return []
        while not _exists(wall):
            wall = (wall.replace(tzinfo=None) + timedelta(minutes=1)).replace(tzinfo=wall.tzinfo)
        return [wall]
    again = wall.replace(fold=1)
    if schedule.wildcard and wall.utcoffset() != again.utcoffset():
        return [wall, again]
    return [wall]


def _is_plain(day: date, zone: tzinfo) -> bool:
    """No clock change on this day."""
    start = datetime.combine(day, time(), zone)
    end = datetime.combine(day + timedelta(days=1), time(), zone).replace(fold=1)
    return start.utcoffset() == end.utcoffset() == start.replace(fold=1).utcoffset() and _exists(start)


def _exists(wall: datetime) -> bool:
    back = wall.astimezone(timezone.utc).astimezone(wall.tzinfo)
    return back.replace(tzinfo=None) == wall.replace(tzinfo=None)


def _is_later(one: datetime, other: datetime) -> bool:
    if one.tzinfo is None:
        return one > other
    # Two moments of one zone compare by their wall clocks; the repeated hour needs the real order.
    return one.astimezone(timezone.utc) > other.astimezone(timezone.utc)
