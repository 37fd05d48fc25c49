"""Which times the kit chooses: one minute and first hour for each user, host and domain, spread over the day.

The guide's ``0 0,6,12,18`` sends every user of a site to the server in the same minute. A stable hash gives
each their own: the same on every run, never minute 0.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from ocarina_kit.core.cron.cronruns import SUMMER_TIME_MINUTES, Gap, longest_gap
from ocarina_kit.core.cron.crontime import BadScheduleError, Schedule
from ocarina_kit.core.errors import Remedy, UsageError

TOKEN_LIFE_MINUTES = 600
"""An access token lives 36,000 s (FACTS.md): a longest gap of this many minutes leaves a time without one."""

_HOURS_A_DAY = 24
_OTHER = Remedy("Give another interval.", ("ocarina-kit schedule --every 3h",))


class UnusableScheduleError(UsageError):
    """cron accepts the times, but they would not keep a token fresh."""

    def __init__(self, what: str, why: str, *, gap: Gap | None = None) -> None:
        remedy = Remedy("Choose times that are less than 9 hours apart, or leave them to ocarina-kit.",
                        ("ocarina-kit schedule --every 3h",))  # fmt: skip
        super().__init__(what, id="CRN005", why=why, remedy=remedy)
        self.gap = gap


@dataclass(frozen=True)
class Every:
    """An interval that cron can express: minutes that divide the hour, or whole hours."""

    minutes: int

    @property
    def hours(self) -> int:
        """Whole hours; 0 for an interval under an hour."""
        return self.minutes // 60

    def __str__(self) -> str:
        return f"{self.hours}h" if self.hours else f"{self.minutes}m"


def parse_every(text: str) -> Every:
    """``"3h"``, ``"30m"``, ``"180m"``, ``"1 hour"`` …

    Raises:
        UsageError: not an interval, or one that five fields cannot express (``90m``), or a day and more.
    """
    match = re.fullmatch(r"\s*(\d{1,5})\s*(h|hours?|hrs?|m|min|mins|minutes?)\s*", text, re.I | re.A)
    if match is None:
        raise UsageError(
            f"{text!r} is no interval",
            why="it is a number and h or m, as in 3h or 30m",
            remedy=_OTHER,
        )
    minutes = int(match[1]) * (60 if match[2][0] in "hH" else 1)
    if not minutes:
        raise UsageError(f"{text!r} is no interval", why="it is nought", remedy=_OTHER)
    if minutes < 60:
        if 60 % minutes:
            raise UsageError(f"cron cannot run something every {minutes} minutes",
                             why="the minutes of one hour start anew in the next: only 2, 3, 4, 5, 6, 10, 12, "
                                 "15, 20 and 30 divide it", remedy=_OTHER)  # fmt: skip
        if minutes == 1:
            raise UsageError(
                "every minute is too often",
                why="a token lives 10 hours: every 3 hours is plenty",
                remedy=_OTHER,
            )
        return Every(minutes)
    if minutes % 60:
        hours = minutes // 60
        raise UsageError(f"cron cannot run something every {minutes} minutes",
                         why=f"over an hour it is a whole number of hours: {hours}h or {hours + 1}h",
                         remedy=_OTHER)  # fmt: skip
    if minutes > _HOURS_A_DAY * 60:
        raise UnusableScheduleError(f"every {text.strip()} is too rare", "a token lives 10 hours")
    return Every(minutes)


def derive(user: str, host: str, domain: str, every: Every) -> str:
    """The five fields for this user, on this host, with this MAJORA_DOMAIN: always the same, spread evenly.

    Raises:
        UnusableScheduleError: the interval leaves a gap of 10 h or more; says where.
    """
    digest = hashlib.sha256("\0".join((user, host, domain)).encode("utf-8", "surrogateescape")).digest()
    number = int.from_bytes(digest, "big")
    if not every.hours:
        # Minutes 1 to interval - 1: the one that would bring minute 0 is left out.
        minute = 1 + number % (every.minutes - 1)
        text = f"{','.join(str(at) for at in range(minute, 60, every.minutes))} * * * *"
    else:
        number, minute = divmod(number, 59)
        text = f"{minute + 1} {_hours(number, every.hours)} * * *"
    refuse_long_gap(Schedule.parse(text))
    return text


def _hours(number: int, every: int) -> str:
    if every == 1:
        return "*"
    # An interval that does not divide the day has one shorter gap; where it falls is the user's own as well.
    span = every if _HOURS_A_DAY % every == 0 else _HOURS_A_DAY
    first = number % span
    hours = sorted((first + step) % _HOURS_A_DAY for step in range(0, _HOURS_A_DAY, every))
    return ",".join(str(hour) for hour in hours)


def own_schedule(text: str) -> Schedule:
    """A person's own five fields (``--cron``), held to what every cron reads alike and what keeps a token fresh.

    Raises:
        BadScheduleError: cron refuses it.
        UnusableScheduleError: it has a quirk, never runs, or leaves a gap of 10 h or more.
    """
    if "\n" in text or "\0" in text or "\r" in text:
        raise BadScheduleError(text, "", "it is one line")
    schedule = Schedule.parse(text)
    if schedule.quirks:
        raise UnusableScheduleError(f"{text!r} would not do what it seems to", str(schedule.quirks[0]))
    refuse_long_gap(schedule)
    return schedule


def refuse_long_gap(schedule: Schedule) -> None:
    """Raises UnusableScheduleError where the longest gap is 10 h or more, or the schedule never runs."""
    if schedule.at_reboot:
        raise UnusableScheduleError("@reboot runs only when the host starts", "a token lives 10 hours")
    gap = longest_gap(schedule)
    if gap is None:
        raise UnusableScheduleError(f"{schedule.text!r} never runs", "no minute of any year matches it")
    if gap.minutes >= TOKEN_LIFE_MINUTES:
        why = (
            f"a token lives 10 hours, and there is none to run for {duration_text(gap.minutes)} {gap.where()}"
        )
        if gap.summer_time_minutes and gap.minutes - SUMMER_TIME_MINUTES < TOKEN_LIFE_MINUTES:
            why += ", on the night when summer time ends"
        raise UnusableScheduleError(f"{schedule.text!r} is too rare", why, gap=gap)


def duration_text(minutes: int) -> str:
    """``600 -> "10 h"``, ``605 -> "10 h 5 min"``, ``3000 -> "2 d 2 h"``."""
    days, rest = divmod(minutes, 1440)
    hours, minutes = divmod(rest, 60)
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else "", f"{minutes} min" if minutes else ""]
    return " ".join(part for part in parts if part) or "0 min"
