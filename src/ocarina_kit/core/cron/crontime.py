"""When a crontab line runs: the five time fields or an ``@`` word, read as Debian's cron and cronie read them.

Sources: crontab(5), and what Debian's ``crontab -n`` and a running daemon were seen to do. Two habits of
cron are kept apart from the plain grammar as :class:`Quirk`: cron accepts the text, and does something that
its author hardly meant (``22-2`` sets nothing at all, ``5;30`` is read as ``5``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import Enum
from functools import cached_property

from ocarina_kit.core.errors import Remedy, UsageError

MINUTES_A_DAY = 1440

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

_WORDS = {
    "yearly": "0 0 1 1 *",
    "annually": "0 0 1 1 *",
    "monthly": "0 0 1 * *",
    "weekly": "0 0 * * 0",
    "daily": "0 0 * * *",
    "midnight": "0 0 * * *",
    "hourly": "0 * * * *",
}


@dataclass(frozen=True)
class Field:
    """One of the five time fields: its name in crontab(5) and the numbers it takes."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    first_name: int = 0


FIELDS = (
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day of month", 1, 31),
    Field("month", 1, 12, _MONTHS, 1),
    Field("day of week", 0, 7, _WEEKDAYS),
)


class BadScheduleError(UsageError):
    """cron does not accept this text. ``field`` names the time field at fault (or ``""``), ``reason`` says why."""

    def __init__(self, text: str, field: str, reason: str) -> None:
        place = f"the {field} field of " if field else ""
        super().__init__(
            f"{place}{text!r} is no time that cron accepts",
            id="CRN005",
            why=reason,
            remedy=Remedy("Five fields: minute, hour, day of month, month, day of week; see crontab(5)."),
        )
        self.field = field
        self.reason = reason


class QuirkKind(Enum):
    REVERSED = "reversed"
    """A range that runs backwards (``22-2``, ``sat-sun``): Debian's cron runs it never."""
    IGNORED = "ignored"
    """Text that Debian's cron drops without a word (``5;30``), and other crons refuse."""
    RANDOM = "random"
    """``0~59``: a random minute in cronie, plainly ``0`` in Debian's cron."""


@dataclass(frozen=True)
class Quirk:
    kind: QuirkKind
    field: str
    part: str

    def __str__(self) -> str:
        if self.kind is QuirkKind.REVERSED:
            return f"the range {self.part} in the {self.field} field runs backwards, so cron never runs it"
        if self.kind is QuirkKind.RANDOM:
            return f"{self.part} in the {self.field} field means different things to different crons"
        return f"cron ignores {self.part!r} in the {self.field} field"


@dataclass(frozen=True)
class Schedule:
    """The minutes, hours and days at which a line runs.

    ``weekdays`` counts from Sunday, 0, to Saturday, 6. ``day_star`` and ``weekday_star`` say that the field
    *starts* with ``*``: then both day fields must match, else either (vixie's rule). ``wildcard`` says that the
    minute or the hour field starts with ``*``: cron(8) treats such jobs differently when the clocks change.
    """

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    day_star: bool
    weekday_star: bool
    wildcard: bool
    at_reboot: bool = False
    quirks: tuple[Quirk, ...] = ()

    @staticmethod
    def parse(text: str) -> Schedule:
        """Reads what stands before the command of a crontab line.

        Raises:
            BadScheduleError: cron refuses the text; says which field and why.
        """
        words = text.strip(" \t").replace("\t", " ").split(" ")
        words = [word for word in words if word]
        if not words:
            raise BadScheduleError(text, "", "it is empty")
        if words[0].startswith("@"):
            return _parse_word(text, words)
        if len(words) != len(FIELDS):
            raise BadScheduleError(text, "", f"it has {len(words)} fields in place of 5")
        quirks: list[Quirk] = []
        sets = [_parse_field(text, field, word, quirks) for field, word in zip(FIELDS, words, strict=True)]
        minute, hour, day, month, weekday = sets
        return Schedule(
            text=text,
            minutes=tuple(sorted(minute)),
            hours=tuple(sorted(hour)),
            days=frozenset(day),
            months=frozenset(month),
            weekdays=frozenset(number % 7 for number in weekday),
            day_star=words[2].startswith("*"),
            weekday_star=words[4].startswith("*"),
            wildcard=words[0].startswith("*") or words[1].startswith("*"),
            quirks=tuple(quirks),
        )

    @cached_property
    def minutes_of_day(self) -> tuple[int, ...]:
        """Each run of a day on which it runs, in minutes after midnight, in order."""
        return tuple(hour * 60 + minute for hour in self.hours for minute in self.minutes)

    @property
    def every_day(self) -> bool:
        """Whether no day of any year is left out."""
        if len(self.months) < 12:
            return False
        all_days, all_weekdays = len(self.days) == 31, len(self.weekdays) == 7
        if self.day_star or self.weekday_star:
            return all_days and all_weekdays
        return all_days or all_weekdays

    def runs_on(self, day: date) -> bool:
        """Whether the day fields match: vixie's rule of crontab(5)."""
        if day.month not in self.months:
            return False
        by_day = day.day in self.days
        by_weekday = day.isoweekday() % 7 in self.weekdays
        if self.day_star or self.weekday_star:
            return by_day and by_weekday
        return by_day or by_weekday


def _parse_word(text: str, words: list[str]) -> Schedule:
    word = words[0][1:]
    if len(words) > 1:
        raise BadScheduleError(text, "", f"@{word} stands alone, with no fields beside it")
    if word == "reboot":
        nothing: frozenset[int] = frozenset()
        return Schedule(text, (), (), nothing, nothing, nothing, False, False, False, at_reboot=True)
    fields = _WORDS.get(word)
    if fields is None:
        known = ", ".join(f"@{name}" for name in (*_WORDS, "reboot"))
        raise BadScheduleError(text, "", f"cron knows {known}")
    meant = Schedule.parse(fields)
    return Schedule(
        text, meant.minutes, meant.hours, meant.days, meant.months, meant.weekdays,
        meant.day_star, meant.weekday_star, wildcard=word == "hourly",
    )  # fmt: skip


_RANGE = re.compile(
    r"(?P<star>\*)|(?P<first>[A-Za-z0-9]+)(?:-(?P<last>[A-Za-z0-9]*))?", re.ASCII
)  # fmt: skip
_STEP = re.compile(r"/(?P<step>[A-Za-z0-9]*)", re.ASCII)


def _parse_field(text: str, field: Field, word: str, quirks: list[Quirk]) -> set[int]:
    found: set[int] = set()
    at = 0
    while True:
        match = _RANGE.match(word, at)
        if match is None:
            raise _bad_start(text, field, word, at)
        start, at = at, match.end()
        is_range = match["star"] is not None or match["last"] is not None
        first, last = _bounds(text, field, match)
        step = 1
        if (stepped := _STEP.match(word, at)) is not None:
            if not is_range:
                raise _refused(text, field, f"a step stands after * or a range, not after {match[0]}")
            step, at = _step(text, field, stepped), stepped.end()
        if first > last:
            quirks.append(Quirk(QuirkKind.REVERSED, field.name, word[start:at]))
        found.update(range(first, last + 1, step))
        if at < len(word) and word[at] == ",":
            at += 1
            continue
        if at < len(word):
            # Debian's cron skips to the next blank; cronie refuses, or, for a tilde, draws lots.
            kind = QuirkKind.RANDOM if word[at] == "~" else QuirkKind.IGNORED
            quirks.append(
                Quirk(kind, field.name, word[start:] if kind is QuirkKind.RANDOM else word[at:])
            )  # fmt: skip
        return found


def _bounds(text: str, field: Field, match: re.Match[str]) -> tuple[int, int]:
    if match["star"] is not None:
        return field.low, field.high
    first = _number(text, field, match["first"])
    if match["last"] is None:
        return first, first
    if not match["last"]:
        raise _refused(text, field, f"the range {match[0]} has no end")
    return first, _number(text, field, match["last"])


def _number(text: str, field: Field, word: str) -> int:
    if word.isdigit():
        # A thousand digits are as wrong as three, and need no conversion to say so.
        number = int(word) if len(word.lstrip("0")) <= 4 else field.high + 1
        if not field.low <= number <= field.high:
            raise _refused(text, field, f"{word[:12]} is not between {field.low} and {field.high}")
        return number
    if word.lower() in field.names:
        return field.names.index(word.lower()) + field.first_name
    if field.names:
        example = field.names[0]
        raise _refused(
            text, field, f"{word[:12]!r} is no number and no name: names have three letters, as {example}"
        )
    raise _refused(text, field, f"{word[:12]!r} is no number")


def _step(text: str, field: Field, match: re.Match[str]) -> int:
    word = match["step"]
    if not word.isdigit():
        raise _refused(text, field, "a step is a number, as in */3")
    step = int(word) if len(word) <= 9 else 10**9
    if step == 0:
        raise _refused(text, field, "a step of 0 never gets anywhere")
    return step


def _bad_start(text: str, field: Field, word: str, at: int) -> BadScheduleError:
    if at == len(word):
        return _refused(text, field, "it ends in a comma")
    if word[at] == "?":
        return _refused(text, field, "? belongs to other schedulers; cron writes *")
    return _refused(text, field, f"{word[at]!r} cannot stand here")


def _refused(text: str, field: Field, reason: str) -> BadScheduleError:
    return BadScheduleError(text, field.name, reason)
