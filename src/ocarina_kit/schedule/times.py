"""When a crontab entry runs: its fields or word, the next runs, and the longest gap.

cronsim reads the fields as Debian's cron does, and walks through the runs. Forms that
cronsim alone knows are refused before. Sources: crontab(5), cron(8), and a daemon that
was watched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING, NamedTuple

from ocarina_kit.config.names import TOKEN_LIFE_S
from ocarina_kit.schedule.problems import no_interval, no_repeated_time, too_rare
from ocarina_kit.system.words import listed, span

if TYPE_CHECKING:
    from cronsim import CronSim

# Minutes between two runs if nobody says otherwise.
EVERY = 180
# Minutes that an access token is valid: a longer gap leaves a time without one.
TOKEN_LIFE = int(TOKEN_LIFE_S // 60)
# Minutes by which the end of summer time makes a gap longer. The repeated hour may be
# anywhere, as zones differ.
SUMMER_TIME = 60

_DAY = 1440
_FIRST = datetime(2026, 1, 1)
_FOUR_YEARS = 4 * 366  # they hold a 29 February
_FIELDS = ("minute", "hour", "day of month", "month", "day of week")
_SHORTHANDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_ATOM = r"(?:[a-z]{3}|[0-9]{1,4})"
_PART = re.compile(rf"(?:\*|{_ATOM}-{_ATOM})(?:/[0-9]{{1,4}})?|{_ATOM}", re.I)
# Signs of other schedulers: Quartz, Jenkins, and crons that draw a number.
_FOREIGN = re.compile(r"[?#~]|(?<![a-z])(?:LW|[LWH])(?![a-z])", re.I)


class Times(NamedTuple):
    """The times of an entry that cron runs again and again."""

    text: str
    runs: tuple[int, ...]  # minutes after midnight, in order
    sim: CronSim  # its reading of the day fields

    def days(self, count: int = _FOUR_YEARS) -> list[int]:
        """List the days on which it runs, as numbers. Day 0 is the first of 2026."""
        calendar = [_FIRST + timedelta(number) for number in range(count)]
        months, match = self.sim.months, self.sim.match_day
        return [
            number
            for number, day in enumerate(calendar)
            if day.month in months and match(day)
        ]


def parse_times(text: str) -> Times:
    """Read what is before the command of a crontab entry.

    Raises:
        KitError: CRN005 (usage) if cron does not accept it, or does not repeat it
            (``@reboot``, 30 February).
    """
    from cronsim import CronSim, CronSimError

    fields = _SHORTHANDS.get(text.strip(" \t"), text).split()
    why = _form_problem(text, fields) or _field_problem(fields)
    if why:
        raise no_repeated_time(text, why)
    # cronsim takes a step on a range of one number as open-ended; cron does not.
    plain = re.sub(rf"\b({_ATOM})-\1/[0-9]+", r"\1", " ".join(fields), flags=re.I)
    try:
        sim = CronSim(plain, _FIRST)
    except CronSimError as problem:
        field = str(problem).removeprefix("Bad ").replace("-", " ")
        raise no_repeated_time(text, _never_runs(field)) from None
    runs = [
        hour * 60 + minute
        for hour in sorted(sim.hours)
        for minute in sorted(sim.minutes)
    ]
    return Times(text, tuple(runs), sim)


def _form_problem(text: str, fields: Sequence[str]) -> str:
    """Say why this is not five fields, or "" if it is."""
    if fields == ["@reboot"]:
        return "It runs only when the host starts"
    if fields and fields[0].startswith("@") and fields[0] not in _SHORTHANDS:
        known = listed(["@hourly", "@daily", "@weekly", "@monthly", "@yearly"])
        return f"cron has no {fields[0][:20]}: its words are {known}"
    if re.search(r"[^\S \t]", text):
        return "It is not five fields on one line"
    if len(fields) in (6, 7) and all(_is_field(field) for field in fields):
        return "cron has five fields, and none for seconds or years"
    return "" if len(fields) == 5 else "It is not five fields on one line"


def _is_field(field: str) -> bool:
    return all(_PART.fullmatch(part) for part in field.split(","))


def _field_problem(fields: Sequence[str]) -> str:
    """Say which of the five fields has a form that cron does not have, or ""."""
    for name, field in zip(_FIELDS, fields, strict=True):
        if _is_field(field):
            continue
        foreign = _FOREIGN.search(field)
        if foreign:
            return f"cron has no {foreign[0]}, which is in its {name} field"
        return _never_runs(name)
    return ""


def _never_runs(field: str) -> str:
    return (
        f"cron never runs its {field} field (a number out of range, a range that runs"
        " backwards, or a word)"
    )


def longest_gap(times: Times) -> tuple[int, str]:
    """Find the longest time between two runs.

    Times that leave a day out have a gap of more than a day in any two years.

    Returns:
        The minutes by the clock, and where they are: ``between 18:17 and 03:17 the
        next day``.
    """
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
    """Say why these times do not keep a token valid, or "" if they do."""
    minutes, where = longest_gap(times)
    if minutes + SUMMER_TIME < TOKEN_LIFE:
        return ""
    summer = ", on the night when summer time ends" if minutes < TOKEN_LIFE else ""
    hours = span((minutes + SUMMER_TIME) * 60)
    return f"a token is valid for 10 h, and nothing refreshes it for {hours} {where}{summer}"


def refuse_long_gap(times: Times) -> None:
    """Refuse times that do not keep a token valid.

    Raises:
        KitError: CRN005 (usage), which says where the gap is.
    """
    problem = gap_problem(times)
    if problem:
        raise too_rare(times.text, problem)


def one_miss_expires(times: Times) -> bool:
    """Return whether one missed run lets the token expire.

    The client never refreshes an expired token. Days that are left out are
    `gap_problem`'s.
    """
    runs = [run + day * _DAY for day in range(3) for run in times.runs]
    widest = max(later - sooner for sooner, later in zip(runs, runs[2:], strict=False))
    return widest + SUMMER_TIME >= TOKEN_LIFE


def last_run(times: Times, before: datetime) -> datetime | None:
    """Find the last run of the day before `before`, in its time zone."""
    day = runs(times, before - timedelta(days=1))
    return max(takewhile(lambda run: run < before, day), default=None)


def runs(times: Times, after: datetime) -> Iterator[datetime]:
    """Walk through the runs later than `after`, in its time zone."""
    yielded: set[float] = set()
    fields = " ".join(times.sim.parts[1:])
    # From some hours before: beside a change of the clocks, cronsim counts on from a
    # clock that may be an hour wrong.
    for run in type(times.sim)(fields, after - timedelta(hours=4)):
        moment = run.timestamp()
        if moment not in yielded and moment > after.timestamp():
            yielded.add(moment)
            yield run


def in_words(times: Times) -> str:
    """Say when it runs: ``every 3 hours at :37``, ``at 09:00 and 17:00``."""
    daily = _daily_in_words(times.runs)
    return f"{daily}, on some days only" if longest_gap(times)[0] > _DAY else daily


def _daily_in_words(runs_of_day: Sequence[int]) -> str:
    next_day = runs_of_day[0] + _DAY
    gaps = {later - sooner for sooner, later in pairwise([*runs_of_day, next_day])}
    if len(gaps) > 1 and len(runs_of_day) > 12:
        return f"{len(runs_of_day)} times a day"
    if len(gaps) > 1 or gaps == {_DAY}:
        clocks = [f"{run // 60:02}:{run % 60:02}" for run in runs_of_day]
        return f"at {listed(clocks)}"
    gap = gaps.pop()
    if gap % 60:
        return f"every {gap} minutes"
    hours = "hour" if gap == 60 else f"{gap // 60} hours"
    return f"every {hours} at :{runs_of_day[0] % 60:02}"


def parse_every(text: str) -> int:
    """Read ``3h``, ``30m`` or ``1 hour`` as minutes.

    Raises:
        KitError: USE001 if cron cannot express the interval.
    """
    form = r"\s*(\d{1,5})\s*(h|hours?|m|min|minutes?)\s*"
    match = re.fullmatch(form, text, re.I | re.A)
    if match is None:
        raise no_interval(text)
    in_hours = match[2][0] in "hH"
    minutes = int(match[1]) * (60 if in_hours else 1)
    full_hours = minutes in range(60, _DAY + 1, 60)
    if full_hours or (1 < minutes < 60 and 60 % minutes == 0):
        return minutes
    raise no_interval(text)


def spread(user: str, host: str, domain: str, every: int = EVERY) -> str:
    """Derive the five fields for this user, host and domain.

    They are always the same, spread evenly over users, and never at minute 0.

    Args:
        every: minutes, from `parse_every`.

    Raises:
        KitError: CRN005 (usage) if the interval leaves a gap of 10 h or more.
    """
    from hashlib import sha256

    seed = "\0".join((user, host, domain)).encode("utf-8", "surrogateescape")
    hashed = int.from_bytes(sha256(seed).digest(), "big")
    number, minute = divmod(hashed, 59)
    if every < 60:
        text = f"{_stepped(1 + hashed % (every - 1), every, 60)} * * * *"
    else:
        # Hours that do not divide the day have a shorter gap. Its place is derived, too.
        hours = every // 60
        first = number % (24 if 24 % hours else hours)
        text = f"{minute + 1} {_stepped(first, hours, 24)} * * *"
    refuse_long_gap(parse_times(text))
    return text


def _stepped(first: int, step: int, end: int) -> str:
    """Write ``2-23/3`` if a range with a step says the same, else ``2,5,9``."""
    numbers = sorted((first + more) % end for more in range(0, end, step))
    if step == 1 or end % step or len(numbers) < 3:
        return "*" if step == 1 else ",".join(map(str, numbers))
    return f"{numbers[0]}-{end - 1}/{step}"
