r"""A crontab as bytes: its lines, and how cron reads one. Pure.

python-crontab never writes a crontab here: it deletes, moves and changes other people's lines (CRON-AND-CONDA.md).
Lines are split on ``\n`` alone, as cron does. Sources: crontab(5), and what Debian's ``crontab`` was seen to accept.
"""

from __future__ import annotations

import io
import re
from typing import NamedTuple

_VARIABLE = re.compile(
    r"""[ \t]*(?:'([^'=]*)'|"([^"=]*)"|((?!['"#])[^\s=]*))"""
    r"""\s*=\s*(?:'([^']*)'|"([^"]*)"|((?:(?!['"\s]).*?)?))\s*""",
    re.S | re.A,
)
_JOB = re.compile(
    r"[ \t]*(?P<time>@every[ \t]+\d[^ \t]*|@[^ \t]+|[^ \t#]+(?:[ \t]+[^ \t]+){4})(?:[ \t]+(?P<command>.*))?",
    re.S,
)
_BEFORE_PERCENT = re.compile(r"(?:[^\\%]|\\.|\\\Z)*", re.S)


class Command(NamedTuple):
    """A command as cron gives it to the shell. ``percent``: where in the written one a bare ``%`` ends it, or None."""

    text: str
    stdin: str = ""
    percent: int | None = None


def encode(text: str) -> bytes:
    """The bytes of a line, or of a part of one, whatever they were."""
    return text.encode("utf-8", "surrogateescape")


def lines_of(content: bytes) -> list[str]:
    """The lines, each with its line break; only the last may have none."""
    return [line.decode("utf-8", "surrogateescape") for line in io.BytesIO(content)]


def variable(line: str) -> tuple[str, str] | None:
    """``NAME = value``, which cron tries before it tries a job, as name and value. It expands nothing in the value."""
    match = _VARIABLE.fullmatch(line) if "=" in line else None
    return (
        (match[1] or match[2] or match[3] or "", match[4] or match[5] or match[6] or "")
        if match
        else None
    )


def job(line: str) -> tuple[str, str] | None:
    """The times and the command (as written, with its percent signs) of a line without line break; None if it is no
    job. Whether cron accepts the times is not looked at."""
    match = _JOB.fullmatch(line)
    return (
        (match["time"], match["command"] or "")
        if match and variable(line) is None
        else None
    )


def cron_command(written: str) -> Command:
    r"""cron's own reading of the sixth field: ``\%`` is a percent sign, a bare ``%`` ends the command.

    As in Debian's cron, two backslashes become one (cronie keeps both).
    """
    end = _BEFORE_PERCENT.match(written).end()  # type: ignore[union-attr]  # it matches the empty string too
    command = re.sub(r"\\([\\%])", r"\1", written[:end])
    if end == len(written):
        return Command(command)
    stdin = re.sub(r"\\(%)|%", lambda part: part[1] or "\n", written[end + 1 :])
    return Command(command, stdin if stdin.endswith("\n") else stdin + "\n", end)
