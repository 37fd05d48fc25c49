"""Words for people: spans and times, lists and counts, and text from outside made safe to show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

from ocarina_kit.system.problem import Remedy, usage_error

CURLY_DOUBLE, CURLY_SINGLE = "“”„‟«»″〝〞＂", "‘’‚‛‹›′´＇"
"""Quotes that word processors, chats and web pages put in place of the straight ones."""
_DAY = 86_400


def span(seconds: float) -> str:
    """``2 days 4 h``, ``9 h 58 min``, ``12 min``, ``42 s``: cut, never rounded up; never negative."""
    total = max(0, int(seconds))
    days, hours, minutes = total // _DAY, total // 3600 % 24, total // 60 % 60
    if days:
        return count(days, "day") + (f" {hours} h" if hours else "")
    if hours:
        return f"{hours} h" + (f" {minutes} min" if minutes else "")
    if minutes >= 10 or (minutes and total % 60 == 0):
        return f"{minutes} min"
    return (f"{minutes} min " if minutes else "") + f"{total % 60} s"


def parse_duration(text: str) -> float:
    """Seconds in ``90s``, ``30m``, ``2h``, ``1d``, ``1h30m``, or in a plain number of seconds.

    Raises a usage error (USE001) for anything else.
    """
    number, bare = "([0-9]{1,9})", text.strip().lower()
    pattern = f"(?:{number}d)?(?:{number}h)?(?:{number}m)?(?:{number}s)?"
    found = re.fullmatch(pattern, bare + "s" * bare.isdecimal())
    if found is None or not any(found.groups()):
        raise usage_error(
            f"--within takes a length of time; {text!r} is not one.",
            why="Days, hours, minutes and seconds, the larger first: 1d, 2h, 30m, 90s, 1h30m; or plain seconds.",
            remedy=Remedy("For example: --within 2h"),
        )
    days, hours, minutes, seconds = (int(number or 0) for number in found.groups())
    return float(days * _DAY + hours * 3600 + minutes * 60 + seconds)


def clock(epoch: float, now: float) -> str:
    """``17:37`` today, ``Wed 02:37`` within six days, else ``24 Dec 2026``; local time, both in epoch seconds."""
    import time

    try:
        then, today = time.localtime(epoch), time.localtime(now)
    except (
        OverflowError,
        ValueError,
        OSError,
    ):  # milliseconds taken for seconds, for example
        return "an unknown time"
    if then[:3] == today[:3]:
        return time.strftime("%H:%M", then)
    if abs(epoch - now) < 6 * _DAY:
        return time.strftime("%a %H:%M", then)
    return f"{then.tm_mday} {time.strftime('%b %Y', then)}"


def listed(words: Sequence[str]) -> str:
    """``a, b and c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def count(number: int, noun: str) -> str:
    """``1 token``, ``3 tokens``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def printable(text: str) -> str:
    """``text`` with control, C1 and direction characters as escapes: nothing from outside drives the terminal."""
    return "".join(
        char
        if char in "\n\t" or char.isprintable()
        else char.encode("unicode_escape").decode()
        for char in text
    )


def one_line(text: str, limit: int = 200) -> str:
    """Words from outside on one line, white space folded, at most ``limit`` characters. Mask secrets before this."""
    line = " ".join(
        "".join(
            char if char.isprintable() else " " for char in text[: limit * 8]
        ).split()
    )
    return line if len(line) <= limit else line[: limit - 1] + "…"


def tilde(text: str | PurePath, home: str | PurePath) -> str:
    """A path, or a text with paths in it, with ``~/…`` for those below ``home``."""
    top = str(home).rstrip("/")
    return (
        re.sub(rf"(?<![\w./~-]){re.escape(top)}(?=/|\Z)", "~", str(text))
        if top
        else str(text)
    )


def strip_ends(text: str, also: str = "") -> str:
    """The text without white space, invisible and control characters, and ``also``, at its ends, in any mix."""
    blank = f" {also}"
    kept = [
        at for at, char in enumerate(text) if char.isprintable() and char not in blank
    ]
    return text[kept[0] : kept[-1] + 1] if kept else ""
