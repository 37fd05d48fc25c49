"""Words for people: spans, times, lists and counts.

Text from outside is made safe to show here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

from ocarina_kit.system.problem import Remedy, usage_error

CURLY_DOUBLE, CURLY_SINGLE = "“”„‟«»″〝〞＂", "‘’‚‛‹›′´＇"
"""Quotes that word processors, chats and web pages put in place of straight ones."""
_DAY = 86_400


def span(seconds: float) -> str:
    """Write a length of time, as `2 days 4 h`, `9 h 58 min`, `12 min` or `42 s`.

    It is cut, never rounded up, and never negative.
    """
    total = max(0, int(seconds))
    days = total // _DAY
    hours = total // 3600 % 24
    minutes = total // 60 % 60
    rest = total % 60
    if days:
        parts = [count(days, "day"), f"{hours} h" if hours else ""]
    elif hours:
        parts = [f"{hours} h", f"{minutes} min" if minutes else ""]
    elif minutes:
        needs_seconds = minutes < 10 and rest
        parts = [f"{minutes} min", f"{rest} s" if needs_seconds else ""]
    else:
        parts = [f"{rest} s"]
    return " ".join(filter(None, parts))


def parse_duration(text: str) -> float:
    """Read a length of time, as `1h30m`, `2d`, or a plain number of seconds.

    Returns:
        Seconds.

    Raises:
        KitError: USE001 for anything else.
    """
    bare = text.strip().lower()
    if bare.isdecimal():
        bare += "s"
    number = "([0-9]{1,9})"
    pattern = f"(?:{number}d)?(?:{number}h)?(?:{number}m)?(?:{number}s)?"
    match = re.fullmatch(pattern, bare)
    if match is None or not any(match.groups()):
        raise usage_error(
            f"--within takes a length of time; {text!r} is not one.",
            why="Days, hours, minutes and seconds, the larger first: 1d, 2h, 30m, 90s,"
            " 1h30m; or plain seconds.",
            remedy=Remedy("For example: --within 2h"),
        )
    days, hours, minutes, seconds = (int(digits or 0) for digits in match.groups())
    return float(days * _DAY + hours * 3600 + minutes * 60 + seconds)


def clock(epoch: float, now: float) -> str:
    """Write a local time: `17:37` today, `Wed 02:37` within six days, `24 Dec 2026`.

    Args:
        epoch: The time to write, in epoch seconds.
        now: The present time, in epoch seconds.
    """
    import time

    try:
        then = time.localtime(epoch)
        today = time.localtime(now)
    # Milliseconds taken for seconds, for example.
    except (OverflowError, ValueError, OSError):
        return "an unknown time"
    if then[:3] == today[:3]:
        return time.strftime("%H:%M", then)
    if abs(epoch - now) < 6 * _DAY:
        return time.strftime("%a %H:%M", then)
    return f"{then.tm_mday} {time.strftime('%b %Y', then)}"


def listed(words: Sequence[str]) -> str:
    """Join words as `a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def count(number: int, noun: str) -> str:
    """Write a number of things, as `1 token` or `3 tokens`."""
    plural = "" if number == 1 else "s"
    return f"{number:,} {noun}{plural}"


def printable(text: str) -> str:
    """Write control, C1 and direction characters as escapes.

    So no text from outside drives the terminal.
    """
    safe = []
    for char in text:
        if char in "\n\t" or char.isprintable():
            safe.append(char)
        else:
            safe.append(char.encode("unicode_escape").decode())
    return "".join(safe)


def one_line(text: str, limit: int = 200) -> str:
    """Put text from outside on one line, with white space folded, and shorten it.

    Secrets have to be masked before: half of one would not be recognised.

    Args:
        text: The text.
        limit: Characters of the line at most.
    """
    chars = [char if char.isprintable() else " " for char in text[: limit * 8]]
    line = " ".join("".join(chars).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def tilde(text: str | PurePath, home: str | PurePath) -> str:
    """Write `~/…` for the paths below the home in a text."""
    top = str(home).rstrip("/")
    if not top:
        return str(text)
    return re.sub(rf"(?<![\w./~-]){re.escape(top)}(?=/|\Z)", "~", str(text))


def strip_ends(text: str, also: str = "") -> str:
    """Remove white space, invisible and control characters from both ends.

    Args:
        text: The text.
        also: More characters to remove.
    """
    start = 0
    end = len(text)
    while start < end and _is_removable(text[start], also):
        start += 1
    while start < end and _is_removable(text[end - 1], also):
        end -= 1
    return text[start:end]


def _is_removable(char: str, also: str) -> bool:
    return char == " " or char in also or not char.isprintable()
