"""When a crontab entry runs: its five fields or ``@`` word, the next runs, and the longest time between two.

cronsim reads the fields as Debian's cron does and walks through the runs; what only it knows (``L``, ``#``, seconds,
``5/10``) is refused before. Sources: crontab(5), cron(8), and what a running daemon was seen to do (FACTS.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING, NamedTuple

from ocarina_kit.config.names import TOKEN_LIFE_S
from ocarina_kit.system.problem import Remedy, usage_error
from ocarina_kit.system.words import listed, span

if TYPE_CHECKING:
    from cronsim import CronSim

EVERY = 180
"""Minutes between two runs if nobody says otherwise (CONTRACT.md, schedule)."""
TOKEN_LIFE = int(TOKEN_LIFE_S // 60)
"""Minutes that an access token is valid (FACTS.md): a longest gap of this leaves a time without one."""
# Minutes by which its end makes a gap longer; the repeated hour may be anywhere, as zones differ.
SUMMER_TIME = 60

_DAY = 1440
_FIRST = datetime(2026, 1, 1)
_FOUR_YEARS = 4 * 366  # they hold a 29 February
_FIELDS = ("minute", "hour", "day of month", "month", "day of week")
_WORDS = {
    **{
        "@yearly": "0 0 1 1 *",
        "@annually": "0 0 1 1 *",
        "@monthly": "0 0 1 * *",
        "@weekly": "0 0 * * 0",
    },
    **{"@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *"},
}
_ATOM = r"(?:[a-z]{3}|[0-9]{1,4})"
_PART = re.compile(rf"(?:\*|{_ATOM}-{_ATOM})(?:/[0-9]{{1,4}})?|{_ATOM}", re.I)
_EVERY_3H = ("ocarina-kit schedule --every 3h",)


class Times(NamedTuple):
    """``runs`` are minutes after midnight, in order. ``sim`` is cronsim's reading of the day fields."""

    text: str
    runs: tuple[int, ...]
    sim: CronSim

    def days(self, count: int = _FOUR_YEARS) -> list[int]:
        """The days on which it runs, of so many from the first of 2026 on, which is 0."""
        calendar = [_FIRST + timedelta(number) for number in range(count)]
        months, match = self.sim.months, self.sim.match_day
        return [
            number
            for number, day in enumerate(calendar)
            if day.month in months and match(day)
        ]


def parse_times(text: str) -> Times:
    """What is before the command of a crontab entry.

    Raises KitError (CRN005, usage): cron does not accept it, or does not repeat it (``@reboot``, 30 February).
    """
    from cronsim import CronSim, CronSimError

    fields = _WORDS.get(text.strip(" \t"), text).split()
    why = "It is not five fields on one line"
    if fields == ["@reboot"]:
        why = "It runs only when the host starts"
    elif len(fields) == 5 and not re.search(r"[^\S \t]", text):
        pairs = zip(_FIELDS, fields, strict=True)
        bad = [
            name
            for name, field in pairs
            if not all(map(_PART.fullmatch, field.split(",")))
        ]
        # cronsim takes a step on a range of one number as open-ended; cron does not.
        plain = re.sub(rf"\b({_ATOM})-\1/[0-9]+", r"\1", " ".join(fields), flags=re.I)
        try:
            sim = CronSim("" if bad else plain, _FIRST)
            runs = (
                hour * 60 + minute
                for hour in sorted(sim.hours)
                for minute in sorted(sim.minutes)
            )
            return Times(text, tuple(runs), sim)
        except CronSimError as problem:
            name = (
                bad[0] if bad else str(problem).removeprefix("Bad ").replace("-", " ")
            )
            why = f"cron never runs its {name} field (a number out of range, a range that runs backwards, or a word)"
    raise usage_error(
        f"{text[:60]!r} is not a time that cron runs again and again.",
        id="CRN005",
        why=f"{why}.",
        remedy=Remedy(
            "Five fields: minute, hour, day of month, month, day of week.", _EVERY_3H
        ),
    )


def longest_gap(times: Times) -> tuple[int, str]:
    """The longest time between two runs by the clock, in minutes, and where it is: ``between 18:17 and 03:17 the next
    day``. Times that leave a day out have a gap of more than a day in any two years."""
    _, _, _, *day_fields = times.sim.parts  # behind second, minute and hour
    count = 2 if day_fields == ["*", "*", "*"] else _FOUR_YEARS
    days = times.days(count) or [0]
    last, following = max(
        pairwise([*days, days[0] + count]), key=lambda two: two[1] - two[0]
    )
    overnight = (last * _DAY + times.runs[-1], following * _DAY + times.runs[0])
    before, after = max(
        [overnight, *pairwise(times.runs)], key=lambda two: two[1] - two[0]
    )
    minutes = after - before
    start, end = _FIRST + timedelta(minutes=before), _FIRST + timedelta(minutes=after)
    if minutes > _DAY:
        return minutes, f"between {start:%H:%M on %a %d %b} and {end:%H:%M on %a %d %b}"
    next_day = " the next day" if end.date() > start.date() else ""
    return minutes, f"between {start:%H:%M} and {end:%H:%M}{next_day}"


def gap_problem(times: Times) -> str:
    """Why these times do not keep a token valid, in words; empty if they do."""
    minutes, where = longest_gap(times)
    if minutes + SUMMER_TIME < TOKEN_LIFE:
        return ""
    summer = ", on the night when summer time ends" if minutes < TOKEN_LIFE else ""
    hours = span((minutes + SUMMER_TIME) * 60)
    return f"a token is valid for 10 h, and nothing refreshes it for {hours} {where}{summer}"


def refuse_long_gap(times: Times) -> None:
    """Raises KitError (CRN005, usage) if the longest gap is 10 h or more; says where."""
    if problem := gap_problem(times):
        remedy = Remedy(
            "Choose times less than 9 hours apart: the end of summer time adds one.",
            _EVERY_3H,
        )
        why = f"{problem[0].upper()}{problem[1:]}."
        raise usage_error(
            f"{times.text!r} runs too rarely.", id="CRN005", why=why, remedy=remedy
        )


def one_miss_expires(times: Times) -> bool:
    """Whether one missed run lets the token expire: the client never refreshes an expired one (FACTS.md). Days that
    are left out are :func:`gap_problem`'s."""
    runs = [run + day * _DAY for day in range(3) for run in times.runs]
    widest = max(later - sooner for sooner, later in zip(runs, runs[2:], strict=False))
    return widest + SUMMER_TIME >= TOKEN_LIFE


def last_run(times: Times, before: datetime) -> datetime | None:
    """The last run earlier than ``before``, in its time zone; None if there was none within a day."""
    return max(
        takewhile(lambda run: run < before, runs(times, before - timedelta(days=1))),
        default=None,
    )


def runs(times: Times, after: datetime) -> Iterator[datetime]:
    """The runs later than ``after``, in its time zone."""
    seen: set[float] = set()
    # From some hours off: beside a change of the clocks cronsim counts on from a clock that may be an hour wrong.
    for run in type(times.sim)(
        " ".join(times.sim.parts[1:]), after - timedelta(hours=4)
    ):
        at = run.timestamp()
        if at not in seen and at > after.timestamp():
            seen.add(at)
            yield run


def in_words(times: Times) -> str:
    """``every 3 hours at :37``, ``every 30 minutes``, ``at 09:00 and 17:00``."""
    first, *more = {
        later - sooner
        for sooner, later in pairwise([*times.runs, times.runs[0] + _DAY])
    }
    if more and len(times.runs) > 12:
        words = f"{len(times.runs)} times a day"
    elif more or first == _DAY:
        clocks = [f"{run // 60:02}:{run % 60:02}" for run in times.runs]
        words = f"at {listed(clocks)}"
    elif first % 60:
        words = f"every {first} minutes"
    else:
        hours = "hour" if first == 60 else f"{first // 60} hours"
        words = f"every {hours} at :{times.runs[0] % 60:02}"
    return f"{words}, on some days only" if longest_gap(times)[0] > _DAY else words


def parse_every(text: str) -> int:
    """``3h``, ``30m``, ``1 hour``: minutes that cron can express. Raises KitError (usage)."""
    match = re.fullmatch(
        r"\s*(\d{1,5})\s*(h|hours?|m|min|minutes?)\s*", text, re.I | re.A
    )
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
    if every < 60:
        text = f"{_stepped(1 + hashed % (every - 1), every, 60)} * * * *"
    else:  # hours that do not divide the day have a shorter gap; where that is, is derived as well
        hours = every // 60
        first = number % (24 if 24 % hours else hours)
        text = f"{minute + 1} {_stepped(first, hours, 24)} * * *"
    refuse_long_gap(parse_times(text))
    return text


def _stepped(first: int, step: int, end: int) -> str:
    """``2-23/3`` if a range with a step says the same, else ``2,5,9``."""
    numbers = sorted((first + more) % end for more in range(0, end, step))
    if step == 1 or end % step or len(numbers) < 3:
        return "*" if step == 1 else ",".join(map(str, numbers))
    return f"{numbers[0]}-{end - 1}/{step}"
