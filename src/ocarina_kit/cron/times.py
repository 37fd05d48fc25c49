"""When a crontab line runs: its five fields or ``@`` word, the next runs, and the longest time between two.

cronsim reads the fields as Debian's cron does and walks through the runs; what only it knows (``L``, ``#``, seconds,
``5/10``) is refused before. Sources: crontab(5), cron(8), and what a running daemon was seen to do (FACTS.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import islice, pairwise
from typing import TYPE_CHECKING, NamedTuple

from ocarina_kit.config.names import TOKEN_LIFE_S
from ocarina_kit.system.errors import KitError, Remedy, usage_error
from ocarina_kit.system.words import listed, span

if TYPE_CHECKING:
    from cronsim import CronSim

EVERY = 180
"""Minutes between two runs where nobody says otherwise (CONTRACT.md, schedule)."""
TOKEN_LIFE = int(TOKEN_LIFE_S // 60)
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
    """

    text: str
    runs: tuple[int, ...]
    sim: CronSim
    fixed: bool

    def same_as(self, other: Times) -> bool:
        """Whether both run at the same times."""
        return (self.runs, *_days(self.sim)) == (other.runs, *_days(other.sim))


def _days(sim: CronSim) -> tuple[object, ...]:
    return sim.days, sim.months, {day % 7 for day in sim.weekdays}, sim.day_and  # type: ignore[operator]


def parse_times(text: str) -> Times:
    """What is before the command of a crontab line.

    Raises KitError (CRN005, usage): cron does not accept it, or does not repeat it (``@reboot``, 30 February).
    """
    from cronsim import CronSim, CronSimError

    fields = _WORDS.get(text.strip(" \t"), text).split()
    if fields == ["@reboot"]:
        raise _refused(text, "it runs only when the host starts")
    if len(fields) != 5 or re.search(r"[^\S \t]", text):
        raise _refused(text, "it is not five fields on one line")
    for name, field in zip(_FIELDS, fields, strict=True):
        if not all(_PART.fullmatch(part) for part in field.split(",")):
            raise _refused(text, f"cron does not read {field[:20]!r} in the {name} field")
    # cronsim takes a step on a range of one number as open-ended; cron does not.
    plain = re.sub(rf"\b({_ATOM})-\1/[0-9]+", r"\1", " ".join(fields), flags=re.I)
    try:
        sim = CronSim(plain, datetime(2026, 1, 1))
    except CronSimError as problem:
        name = str(problem).removeprefix("Bad ").replace("-", " ")
        why = f"a number in the {name} field is out of range, or a range runs backwards, so that cron never runs it"
        raise _refused(text, why) from None
    runs = tuple(hour * 60 + minute for hour in sorted(sim.hours) for minute in sorted(sim.minutes))
    return Times(text, runs, sim, not fields[0].startswith("*") and not fields[1].startswith("*"))


def _refused(text: str, why: str) -> KitError:
    remedy = Remedy("Five fields: minute, hour, day of month, month, day of week; see crontab(5).")
    what = f"{text[:60]!r} is not a time that cron runs again and again."
    return usage_error(what, id="CRN005", why=f"{why}.", remedy=remedy)


class Gap(NamedTuple):
    """The longest time without a run: ``minutes``, with the hour that the end of summer time adds (``summer``).

    ``where``: ``between 18:17 and 03:17 the next day``. ``days``: it is longer than one, as some days are left out.
    """

    minutes: int
    where: str
    summer: int
    days: bool


def longest_gap(times: Times) -> Gap:
    """The longest time between two runs, whatever the time zone.

    Four years hold a 29 February; times that leave a day out have a gap of more than a day in any two years.
    """
    first, sim = date(2026, 1, 1), times.sim
    count = 2 if sim.parts[3:] == ["*", "*", "*"] else 4 * 366
    calendar = (first + timedelta(number) for number in range(count))
    days = [day for day in calendar if day.month in sim.months and sim.match_day(day)] or [first]
    last, following = max(pairwise([*days, days[0] + timedelta(count)]), key=lambda two: two[1] - two[0])
    overnight = (following - last).days * _DAY - times.runs[-1] + times.runs[0]
    inside = [(end - start, start, end) for start, end in pairwise(times.runs)]
    minutes, start, end = max([*inside, (overnight, times.runs[-1], times.runs[0])])
    where = f"between {clock_text(start)} and {clock_text(end)}" + (" the next day" if end <= start else "")
    if minutes > _DAY:
        where = (
            f"between {clock_text(start)} on {last:%a %d %b} and {clock_text(end)} on {following:%a %d %b}"
        )
    summer = _repeated_hour(times, minutes)
    return Gap(minutes + summer, where, summer, minutes > _DAY)


def _repeated_hour(times: Times, gap: int) -> int:
    """What the end of summer time adds to a gap, in minutes. The repeated hour may be anywhere, as zones differ.

    A job at fixed times waits longer in any gap, one with a ``*`` only in a gap of more than an hour.
    """
    return SUMMER_TIME if times.fixed or gap > SUMMER_TIME else 0


def one_miss_expires(times: Times | None) -> bool:
    """Whether one missed run lets the token expire: the client never refreshes an expired one (FACTS.md)."""
    if times is None or longest_gap(times).days:
        return True
    runs = [run + day * _DAY for day in range(3) for run in times.runs]
    widest = max(later - sooner for sooner, later in zip(runs, runs[2:], strict=False))
    return widest + _repeated_hour(times, widest) >= TOKEN_LIFE


def gap_problem(times: Times) -> str:
    """Why these times do not keep a token valid, in words; empty where they do."""
    gap = longest_gap(times)
    if gap.minutes < TOKEN_LIFE:
        return ""
    summer = ", on the night when summer time ends" if gap.minutes - gap.summer < TOKEN_LIFE else ""
    return f"a token is valid for 10 h, and nothing refreshes it for {span(gap.minutes * 60)} {gap.where}{summer}"


def refuse_long_gap(times: Times) -> None:
    """Raises KitError (CRN005, usage) where the longest gap is 10 h or more; says where."""
    if problem := gap_problem(times):
        remedy = Remedy("Choose times less than 9 hours apart, or leave it out.", _EVERY_3H)
        raise usage_error(f"{times.text!r} runs too rarely.", id="CRN005", why=f"{problem}.", remedy=remedy)


def next_runs(times: Times, after: datetime, count: int) -> list[datetime]:
    """The first runs later than ``after``, in its time zone."""
    return list(islice(_runs(times, after), count))


def previous_run(times: Times, before: datetime) -> datetime | None:
    """The last run earlier than ``before``, in its time zone; None where there was none."""
    return next(_runs(times, before, back=True), None)


def _runs(times: Times, start: datetime, *, back: bool = False) -> Iterator[datetime]:
    # From some hours off: beside a change of the clocks cronsim counts on from a clock that may be an hour wrong.
    away = timedelta(hours=4 if back else -4)
    seen: set[float] = set()
    for run in type(times.sim)(" ".join(times.sim.parts[1:]), start + away, back):
        at = run.timestamp()
        if at not in seen and (at < start.timestamp() if back else at > start.timestamp()):
            seen.add(at)
            yield run


def clock_text(minute_of_day: int) -> str:
    """``17 -> "00:17"``."""
    return f"{minute_of_day // 60:02}:{minute_of_day % 60:02}"


def in_words(times: Times) -> str:
    """``every 3 hours at :37``, ``every 30 minutes``, ``at 09:00 and 17:00``."""
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
    return f"{words}, on some days only" if longest_gap(times).days else words


def parse_every(text: str) -> int:
    """``3h``, ``30m``, ``1 hour``: minutes that cron can express. Raises KitError (usage)."""
    match = re.fullmatch(r"\s*(\d{1,5})\s*(h|hours?|hrs?|m|min|mins|minutes?)\s*", text, re.I | re.A)
    minutes = int(match[1]) * (60 if match[2][0] in "hH" else 1) if match else 0
    if minutes in range(60, _DAY + 1, 60) or (1 < minutes < 60 and 60 % minutes == 0):
        return minutes
    raise usage_error(
        f"{text[:40]!r} is not an interval that cron can run.",
        why="It is a number of full hours, as in 3h, or 2, 3, 4, 5, 6, 10, 12, 15, 20 or 30 minutes, as in 30m.",
        remedy=Remedy("Give another interval, or leave it out.", _EVERY_3H),
    )


def spread(user: str, host: str, domain: str, every: int = EVERY) -> str:
    """The five fields for this user, host and domain: always the same, spread evenly, never minute 0.

    ``every`` is from :func:`parse_every`. Raises KitError (CRN005, usage): it leaves a gap of 10 h or more.
    """
    from hashlib import sha256

    seed = "\0".join((user, host, domain)).encode("utf-8", "surrogateescape")
    hashed = int.from_bytes(sha256(seed).digest(), "big")
    number, minute = divmod(hashed, 59)
    hours = every // 60
    if hours == 0:
        text = f"{_stepped(range(1 + hashed % (every - 1), 60, every), 60)} * * * *"
    elif hours == 1:
        text = f"{minute + 1} * * * *"
    else:  # one that does not divide the day has a shorter gap; where that is, is derived as well
        first = number % (hours if 24 % hours == 0 else 24)
        text = (
            f"{minute + 1} {_stepped(sorted((first + step) % 24 for step in range(0, 24, hours)), 24)} * * *"
        )
    refuse_long_gap(parse_times(text))
    return text


def _stepped(numbers: Sequence[int], end: int) -> str:
    """``2-23/3`` where a range with a step says the same, else ``2,5,9``."""
    step = numbers[1] - numbers[0] if numbers[1:] else end
    if len(numbers) > 2 and list(numbers) == list(range(numbers[0], end, step)):
        return f"{numbers[0]}-{end - 1}/{step}"
    return ",".join(map(str, numbers))
