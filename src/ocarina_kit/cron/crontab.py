r"""A crontab as bytes: split into lines, one line changed, every other byte kept. Pure.

python-crontab never writes a crontab here: it deletes, moves and changes other people's lines (CRON-AND-CONDA.md).
Lines are split on ``\n`` alone, as cron does. Sources: crontab(5), and what Debian's ``crontab`` was seen to accept.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

_VARIABLE = re.compile(
    r"""(?:'(?P<single>[^'=]*)'|"(?P<double>[^"=]*)"|(?P<plain>(?!['"])[^\s=]*))"""
    r"""\s*=\s*(?:'(?P<in_single>[^']*)'|"(?P<in_double>[^"]*)"|(?P<value>(?:(?!['"\s]).*)?))""",
    re.S | re.A,
)
_JOB = re.compile(r"[ \t]*(?P<time>@[^ \t]+|[^ \t]+(?:[ \t]+[^ \t]+){4})(?:[ \t]+(?P<command>.*))?", re.S)
_BEFORE_PERCENT = re.compile(r"(?:[^\\%]|\\.|\\\Z)*", re.S)


class Job(NamedTuple):
    """A job line in its two parts; ``command`` as written, with its percent signs."""

    time: str
    command: str


class Variable(NamedTuple):
    """``NAME = value``; ``at`` is its line's, from 0. cron expands nothing in the value."""

    name: str
    value: str
    at: int


class Command(NamedTuple):
    """A command as cron gives it to the shell. ``percent``: where in the written one a bare ``%`` ends it, or None."""

    text: str
    stdin: str = ""
    percent: int | None = None


def decode(raw: bytes) -> str:
    """Bytes as text that :func:`encode` turns back into the same bytes, whatever they are."""
    return raw.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def parse_job(text: str) -> Job | None:
    """The line as a job, or None. Whether cron accepts the times is not looked at."""
    match = _JOB.fullmatch(text)
    return Job(match["time"], match["command"] or "") if match else None


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


def cron_environment(user: str, home: str, variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a job of cron sees, and nothing else; ``variables`` are the crontab's own above it (crontab(5))."""
    environment = {"HOME": home, "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", **(variables or {})}
    return {**environment, "LOGNAME": user, "PWD": environment["HOME"]}


def doubt(listing: bytes) -> str:
    r"""Why the output of ``crontab -l`` may not be the crontab itself, in words; empty where nothing is unclear.

    Debian's shows a carriage return and a backspace as two characters each, so ``\r`` may be either (FACTS.md). A
    listing that holds the bytes themselves comes from a crontab that shows everything as it is.
    """
    if b"\0" in listing:
        return "a NUL byte"
    shows_all = b"\r" in listing or b"\b" in listing
    if not shows_all and (b"\\r" in listing or b"\\b" in listing):
        return r"the characters \r or \b, which may stand for a carriage return or a backspace"
    return ""


class Line(NamedTuple):
    """One line. ``at`` counts from 0; people count from 1 (``number``)."""

    at: int
    raw: bytes

    @property
    def number(self) -> int:
        return self.at + 1

    @property
    def text(self) -> str:
        return decode(self.raw)

    @property
    def variable(self) -> Variable | None:
        """The line as a variable, which cron tries before it tries a job."""
        text = self.text
        if "=" not in text or text.lstrip(" \t").startswith("#"):
            return None
        match = _VARIABLE.fullmatch(text.lstrip(" \t").rstrip(" \t\n\r\f\v"))
        if match is None:
            return None
        name = next(part for part in match.group("single", "double", "plain") if part is not None)
        value = next(part for part in match.group("in_single", "in_double", "value") if part is not None)
        return Variable(name, value, self.at)

    @property
    def job(self) -> Job | None:
        """Its two parts, where cron takes it for a job."""
        if self.text.lstrip(" \t").startswith("#") or self.variable is not None:
            return None
        return parse_job(self.text)

    @property
    def commented_job(self) -> Job | None:
        """What would be a job without the ``#`` before it; maybe it is prose."""
        text = self.text.lstrip(" \t")
        return parse_job(text.lstrip("#")) if text.startswith("#") else None


class Crontab(NamedTuple):
    """A crontab: ``Crontab.parse(raw).render() == raw`` for any bytes.

    ``pieces`` are the bytes between the line breaks; the last is empty where the crontab ends in one.
    """

    pieces: tuple[bytes, ...]

    @staticmethod
    def parse(raw: bytes) -> Crontab:
        return Crontab(tuple(raw.split(b"\n")))

    def render(self) -> bytes:
        return b"\n".join(self.pieces)

    @property
    def ends_in_newline(self) -> bool:
        """Whether the last line is complete (an empty crontab is); cron refuses or drops one that is not."""
        return not self.pieces[-1]

    @property
    def lines(self) -> list[Line]:
        count = len(self.pieces) - (1 if self.ends_in_newline else 0)
        return [Line(at, raw) for at, raw in enumerate(self.pieces[:count])]

    def remove(self, gone: Collection[int]) -> Crontab:
        """Without these lines and their line breaks."""
        rest = tuple(piece for at, piece in enumerate(self.pieces) if at not in gone)
        return Crontab((*rest, b"") if len(self.pieces) - 1 in gone else rest)

    def insert(self, at: int, raw: bytes) -> Crontab:
        """One more line before the line ``at``. At the end, a last line without its line break gets one."""
        count = len(self.lines)
        rest = self.pieces[at:] if at < count else (b"",)
        return Crontab((*self.pieces[: min(at, count)], raw, *rest))

    def values_at(self, at: int) -> dict[str, str]:
        """The variables that a job on the line ``at`` sees: each as last set above it."""
        found = (line.variable for line in self.lines[:at] if b"=" in line.raw)
        return {variable.name: variable.value for variable in found if variable is not None}
