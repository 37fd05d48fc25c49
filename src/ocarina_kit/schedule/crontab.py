r"""Reads the lines of a crontab as cron does. Pure.

A crontab is bytes here, so that what is not changed stays. Lines end at ``\n`` alone, as
for cron. The sources are crontab(5), and what Debian's `crontab` was seen to accept.
python-crontab only checks new entries: what it writes may change other people's lines.
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
    r"[ \t]*(?P<time>@every[ \t]+\d[^ \t]*|@[^ \t]+|[^ \t#]+(?:[ \t]+[^ \t]+){4})"
    r"(?:[ \t]+(?P<command>.*))?",
    re.S,
)
_BEFORE_PERCENT = re.compile(r"(?:[^\\%]|\\.|\\\Z)*", re.S)
_ESCAPED = re.compile(r"\\([\\%])")


class Command(NamedTuple):
    """A command as cron gives it to the shell."""

    text: str
    stdin: str = ""
    percent: int | None = None
    """Where a bare ``%`` ends the command as it is written."""


def encode(text: str) -> bytes:
    """Return the bytes of a line, or of a part of one, whatever they were."""
    return text.encode("utf-8", "surrogateescape")


def split_lines(content: bytes) -> list[str]:
    """Split a crontab into lines with their line breaks. Only the last may lack it."""
    return [line.decode("utf-8", "surrogateescape") for line in io.BytesIO(content)]


def read_variable(line: str) -> tuple[str, str] | None:
    """Read a line ``NAME = value``. None if it is not one.

    Cron tries this before it tries a job. It expands nothing in the value.
    """
    if "=" not in line:
        return None
    match = _VARIABLE.fullmatch(line)
    if match is None:
        return None
    name = match[1] or match[2] or match[3] or ""
    value = match[4] or match[5] or match[6] or ""
    return name, value


def split_job(line: str) -> tuple[str, str] | None:
    """Split a line without line break into its times and its command, as written.

    Returns:
        None if it is not a job. Cron may still refuse the times.
    """
    match = _JOB.fullmatch(line)
    if match is None or read_variable(line) is not None:
        return None
    return match["time"], match["command"] or ""


def cron_command(written: str) -> Command:
    r"""Read a command as cron does: ``\%`` is a percent sign, a bare ``%`` ends it.

    Two backslashes become one, as in Debian's cron. Cronie keeps both.
    """
    before_percent = _BEFORE_PERCENT.match(written)
    end = before_percent.end() if before_percent else 0
    command = _ESCAPED.sub(r"\1", written[:end])
    if end == len(written):
        return Command(command)
    stdin = re.sub(r"\\(%)|%", lambda sign: sign[1] or "\n", written[end + 1 :])
    if not stdin.endswith("\n"):
        stdin += "\n"
    return Command(command, stdin, end)
