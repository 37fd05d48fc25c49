"""When a crontab line runs: its five fields or ``@`` word, the next runs, and the longest time between two.

cronsim reads the fields as Debian's cron does and walks through the runs; what only it knows (``L``, ``#``, seconds,
``5/10``) is refused before. Sources: crontab(5), cron(8), and what a running daemon was seen to do (FACTS.md).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from itertools import islice, pairwise
from typing import TYPE_CHECKING, NamedTuple

from ocarina_kit.system.errors import KitError, Remedy, usage_error
from ocarina_kit.system.words import listed, span

if TYPE_CHECKING:
    from cronsim import CronSim

EVERY = 180
"""Minutes between two runs where nobody says otherwise (CONTRACT.md, schedule)."""
TOKEN_LIFE = 600
"""Minutes that an access token is valid (FACTS.md): a longest gap of this leaves a time without one."""
SUMMER_TIME = 60

_DAY = 1440
_FIELDS = ("minute", "hour", "day of month", "month", "day of week")
_WORDS = {
    **{"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0"},
    **{"@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *"},
}
_ATOM = r"(?:[a-z]{3}|[0-9]{1,4})"
_PART = re.compile(rf"(?:\*|{_ATOM}-{_ATOM})(?:/[0-9]{{1,4}})?|{_ATOM}", re.I)
_EVERY_3H = ("ocarina-kit schedule --every 3h",)


class Times(NamedTuple):
    """``runs`` are minutes after midnight, in order. ``sim`` is cronsim's reading of the day fields.

    ``fixed``: neither minute nor hour starts with ``*``: cron(8) treats such jobs otherwise when clocks change.
    ``@reboot``, and a date that no calendar has, have neither runs nor ``sim``.
    """

    text: str
    runs: tuple[int, ...] = ()
    sim: CronSim | None = None
    fixed: bool = True

    def same_as(self, other: Times) -> bool:
        """Whether both run at the same times."""
        return (self.runs, *_days(self)) == (other.runs, *_days(other))


def _days(times: Times) -> tuple[object, ...]:
    sim = times.sim
    return (sim.days, sim.months, {day % 7 for day in sim.weekdays}, sim.day_and) if sim else ()  # type: ignore[operator]


def parse_times(text: str) -> Times:
    """What is before the command of a crontab line. Raises KitError (CRN005, usage): cron does not accept it."""
    from cronsim import CronSim, CronSimError

    if text.strip(" \t") == "@reboot":
        return Times(text)
    fields = _WORDS.get(text.strip(" \t"), text).split()
    if len(fields) != 5 or re.search(r"[^\S \t]", text):
        raise _refused(text, "it is not five fields on one line")
    for name, field in zip(_FIELDS, fields, strict=True):
        if not all(_PART.fullmatch(part) for part in field.split(",")):
            raise _refused(text, f"cron does not read {field[:20]!r} in the {name} field")
    # cronsim takes a step on a range of one number as open-ended; cron does not.
    plain = re.sub(rf"\b({_ATOM})-\1/[0-9]+", r"\1", " ".join(fields), flags=re.I)
    start = datetime(2026, 1, 1)
    try:
        sim = CronSim(plain, start)
    except CronSimError as problem:
        minute, hour, day, month, weekday = plain.split()
        try:
            # It also refuses dates that no calendar has, such as 30 February: cron takes those and never runs them.
            CronSim(f"{minute} {hour} {day} {month},1 {weekday}", start)
        except CronSimError:
            name = str(problem).removeprefix("Bad ").replace("-", " ")
            why = f"a number in the {name} field is out of range, or a range runs backwards, so that cron never runs it"
            raise _refused(text, why) from None
        return Times(text)
    runs = tuple(hour * 60 + minute for hour in sorted(sim.hours) for minute in sorted(sim.minutes))
    return Times(text, runs, sim, not fields[0].startswith("*") and not fields[1].startswith("*"))


def _refused(text: str, why: str) -> KitError:
    remedy = Remedy("Five fields: minute, hour, day of month, month, day of week; see crontab(5).")
    return usage_error(
        f"{text[:60]!r} is not a time that cron accepts.", id="CRN005", why=f"{why}.", remedy=remedy
    )


class Gap(NamedTuple):
    """The longest time without a run: ``minutes``, with the hour that the end of summer time adds (``summer``).

    ``start`` and ``end`` are minutes after midnight, on ``days`` where not every day is like the others.
    """

    minutes: int
    start: int
    end: int
    summer: int
    days: tuple[date, date] | None = None

    def where(self) -> str:
        """``between 18:17 and 03:17 the next day``."""
        start, end = clock_text(self.start), clock_text(self.end)
        if self.days is not None:
            return f"between {start} on {self.days[0]:%a %d %b} and {end} on {self.days[1]:%a %d %b}"
        return f"between {start} and {end}" + (" the next day" if self.end <= self.start else "")


def longest_gap(times: Times) -> Gap | None:
    """The longest time between two runs, whatever the time zone; None: it never runs.

    Four years hold a 29 February; times that leave a day out have a gap of more than a day in any two years.
    """
    if times.sim is None:
        return None
    first, count, sim = date(2026, 1, 1), 4 * 366, times.sim
    calendar = (first + timedelta(number) for number in range(count))
    days = [day for day in calendar if day.month in sim.months and sim.match_day(day)]
    if not days:
        return None
    last, following = max(pairwise([*days, days[0] + timedelta(count)]), key=lambda two: two[1] - two[0])
    overnight = (following - last).days * _DAY - times.runs[-1] + times.runs[0]
    inside = [(end - start, start, end) for start, end in pairwise(times.runs)]
    minutes, start, end = max([*inside, (overnight, times.runs[-1], times.runs[0])])
    summer = _repeated_hour(times, minutes)
    return Gap(minutes + summer, start, end, summer, (last, following) if minutes > _DAY else None)


def _repeated_hour(times: Times, gap: int) -> int:
    """What the end of summer time adds to a gap, in minutes. The repeated hour may be anywhere, as zones differ.

    A job at fixed times waits longer in any gap, one with a ``*`` only in a gap of more than an hour.
    """
    return SUMMER_TIME if times.fixed or gap > SUMMER_TIME else 0


def one_miss_expires(times: Times | None) -> bool:
    """Whether one missed run lets the token expire: the client never refreshes an expired one (FACTS.md)."""
    gap = longest_gap(times) if times is not None else None
    if times is None or gap is None or gap.days is not None:
        return True
    runs = [run + day * _DAY for day in range(3) for run in times.runs]
    widest = max(later - sooner for sooner, later in zip(runs, runs[2:], strict=False))
    return widest + _repeated_hour(times, widest) >= TOKEN_LIFE


def gap_problem(times: Times) -> str:
    """Why these times do not keep a token valid, in words; empty where they do."""
    if times.text.strip() == "@reboot":
        return "@reboot runs only when the host starts"
    gap = longest_gap(times)
    if gap is None:
        return f"{times.text} never runs: no day of the next years matches it"
    if gap.minutes < TOKEN_LIFE:
        return ""
    summer = ", on the night when summer time ends" if gap.minutes - gap.summer < TOKEN_LIFE else ""
    return f"a token is valid for 10 h, and nothing refreshes it for {span(gap.minutes * 60)} {gap.where()}{summer}"


def refuse_long_gap(times: Times) -> None:
    """Raises KitError (CRN005, usage) where the longest gap is 10 h or more, or it never runs; says where."""
    problem = gap_problem(times)
    if problem:
        remedy = Remedy("Choose times less than 9 hours apart, or leave it out.", _EVERY_3H)
        raise usage_error(f"{times.text!r} runs too rarely.", id="CRN005", why=f"{problem}.", remedy=remedy)


def next_runs(times: Times, after: datetime, count: int) -> list[datetime]:
    """The first runs later than ``after``, in its time zone; fewer where it never runs again."""
    return _runs(times, after, count, reverse=False)


def previous_run(times: Times, before: datetime) -> datetime | None:
    """The last run earlier than ``before``, in its time zone; None where there was none."""
    return next(iter(_runs(times, before, 1, reverse=True)), None)


def _runs(times: Times, start: datetime, count: int, *, reverse: bool) -> list[datetime]:
    if times.sim is None:
        return []
    # From some hours off: beside a change of the clocks cronsim counts on from a clock that may be an hour wrong.
    away = timedelta(hours=4 if reverse else -4)
    edge = _instant(start)
    found: dict[datetime, datetime] = {}
    sim = type(times.sim)(" ".join(times.sim.parts[1:]), start + away, reverse)
    for run in islice(sim, 8 * 60 + count * 2):
        at = _instant(run)
        if at not in found and (at < edge if reverse else at > edge):
            found[at] = run
        if len(found) == count:
            break
    return list(found.values())


def _instant(moment: datetime) -> datetime:
    return moment if moment.tzinfo is None else moment.astimezone(timezone.utc)


def clock_text(minute_of_day: int) -> str:
    """``17 -> "00:17"``."""
    return f"{minute_of_day // 60:02}:{minute_of_day % 60:02}"


def in_words(times: Times) -> str:
    """``every 3 hours at :37``, ``every 30 minutes``, ``at 09:00 and 17:00``."""
    gap = longest_gap(times)
    if gap is None:
        return "when the host starts" if "@reboot" in times.text else "never"
    first, *more = {later - sooner for sooner, later in pairwise([*times.runs, times.runs[0] + _DAY])}
    if more and len(times.runs) > 12:
        words = f"{len(times.runs)} times a day"
    elif more or first == _DAY:
        words = f"at {listed([clock_text(run) for run in times.runs])}"
    elif first % 60:
        words = f"every {first} minutes"
    else:
        hours = "hour" if first == 60 else f"{first // 60} hours"
        words = f"every {hours} at :{times.runs[0] % 60:02}"
    return f"{words}, on some days only" if gap.days is not None else words


def parse_every(text: str) -> int:
    """``3h``, ``30m``, ``1 hour``: minutes that cron can express. Raises KitError (usage)."""
    match = re.fullmatch(r"\s*(\d{1,5})\s*(h|hours?|hrs?|m|min|mins|minutes?)\s*", text, re.I | re.A)
    minutes = int(match[1]) * (60 if match[2][0] in "hH" else 1) if match else 0
    if not minutes:
        raise _no_interval(text, "It is a number and h or m, as in 3h or 30m.")
    if minutes == 1 or minutes > _DAY:
        raise _no_interval(text, "A token is valid for 10 hours: every 3 hours is good.", id="CRN005")
    if minutes < 60 and 60 % minutes:
        raise _no_interval(text, "Only 2, 3, 4, 5, 6, 10, 12, 15, 20 and 30 minutes divide an hour.")
    if minutes > 60 and minutes % 60:
        hours = minutes // 60
        raise _no_interval(text, f"Over an hour it is a number of full hours: {hours}h or {hours + 1}h.")
    return minutes


def _no_interval(text: str, why: str, *, id: str = "USE001") -> KitError:
    remedy = Remedy("Give another interval, or leave it out.", _EVERY_3H)
    return usage_error(f"{text[:40]!r} is not an interval that cron can run.", id=id, why=why, remedy=remedy)


def spread(user: str, host: str, domain: str, every: int = EVERY) -> str:
    """The five fields for this user, host and domain: always the same, spread evenly, never minute 0.

    ``every`` is from :func:`parse_every`. Raises KitError (CRN005, usage): it leaves a gap of 10 h or more.
    """
    from hashlib import sha256

    seed = "\0".join((user, host, domain)).encode("utf-8", "surrogateescape")
    number = int.from_bytes(sha256(seed).digest(), "big")
    if every < 60:
        text = f"{_stepped(range(1 + number % (every - 1), 60, every), 60)} * * * *"
    else:
        number, minute = divmod(number, 59)
        text = f"{minute + 1} {_hours(number, every // 60)} * * *"
    refuse_long_gap(parse_times(text))
    return text


def _hours(number: int, every: int) -> str:
    if every == 1:
        return "*"
    # An interval that does not divide the day has one shorter gap; where that falls is derived as well.
    first = number % (every if 24 % every == 0 else 24)
    return _stepped(sorted((first + step) % 24 for step in range(0, 24, every)), 24)


def _stepped(numbers: Sequence[int], end: int) -> str:
    """``2-23/3`` where a range with a step says the same, else ``2,5,9``."""
    step = numbers[1] - numbers[0] if numbers[1:] else end
    if len(numbers) > 2 and list(numbers) == list(range(numbers[0], end, step)):
        return f"{numbers[0]}-{end - 1}/{step}"
    return ",".join(map(str, numbers))
