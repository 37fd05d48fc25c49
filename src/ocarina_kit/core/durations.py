"""Lengths of time as people type them (``--within 1h30m``) and as they read them (``7 h 12 min``)."""

from __future__ import annotations

import re

from ocarina_kit.core.errors import Remedy, UsageError

_UNITS = {
    "s": 1,
    "sec": 1,
    "second": 1,
    "m": 60,
    "min": 60,
    "minute": 60,
    "h": 3600,
    "hr": 3600,
    "hour": 3600,
    "d": 86_400,
    "day": 86_400,
    "w": 7 * 86_400,
    "week": 7 * 86_400,
}
_PART = re.compile(r"\s*([0-9]{1,12}(?:\.[0-9]{1,9})?)\s*([a-z]*)", re.ASCII)
_LONGEST = 100 * 365.25 * 86_400


def parse_duration(text: str, *, option: str = "--within") -> float:
    """Seconds: ``90s``, ``30m``, ``2h``, ``1d``, ``1h30m``, ``1.5h``, or a plain number of seconds.

    Raises :class:`~ocarina_kit.core.errors.UsageError` for anything else, a negative one and one over 100 years.
    """
    lowered = text.strip().lower()
    seconds, position, smallest = 0.0, 0, float("inf")
    while position < len(lowered):
        part = _PART.match(lowered, position)
        if part is None:
            raise _no_duration(text, option)
        unit = part[2]
        if not unit and (position or part.end() < len(lowered)):
            raise _no_duration(text, option)  # a number without a unit stands alone
        size = 1 if not unit else _UNITS.get(unit) or _UNITS.get(unit.removesuffix("s"))
        if size is None or size >= smallest:  # 30m1h and 1h1h are slips of the hand
            raise _no_duration(text, option)
        seconds += float(part[1]) * size
        smallest, position = size, part.end()
    if not lowered or seconds > _LONGEST:
        raise _no_duration(text, option)
    return seconds


def _no_duration(text: str, option: str) -> UsageError:
    return UsageError(
        f"{option} takes a length of time, and {text!r} is none.",
        why="Days, hours, minutes and seconds, the larger first: 1d, 2h, 30m, 90s, 1h30m; or plain seconds.",
        remedy=Remedy(f"For example: {option} 2h"),
    )


def in_words(seconds: float) -> str:
    """``3 d 4 h``, ``7 h 12 min``, ``5 min``, ``42 s``: cut, never rounded up."""
    whole = max(0, int(seconds))
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if minutes >= 10 or (minutes and not rest):
        return f"{minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
