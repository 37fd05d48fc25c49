"""A crontab as bytes: split into lines, one line changed, all others kept to the byte.

Why not python-crontab: writing with it deletes, moves and changes other people's lines. Lines are split on
``\\n`` alone, as cron reads them, and the sum of the lines is always the crontab that came in.
Sources: crontab(5), and what Debian's ``crontab`` was seen to accept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property


class LineKind(Enum):
    BLANK = "blank"
    COMMENT = "comment"
    VARIABLE = "variable"
    JOB = "job"
    """Five words or an ``@`` word and a command: whether cron accepts the times is the schedule's matter."""
    OTHER = "other"
    """cron refuses it."""


class Doubt(Enum):
    """Why a crontab that was listed may not be the crontab that is installed."""

    NUL = "a NUL byte"
    ESCAPES = r"the characters \r or \b, which may stand for a carriage return or a backspace"
    CONTROL = "a carriage return or a backspace"


def doubts(listing: bytes) -> Doubt | None:
    """What keeps this output of ``crontab -l`` from being written back as it is; None: nothing.

    Debian's ``crontab -l`` shows a carriage return and a backspace as two characters each, so that the text
    ``\\r`` in a listing may be either. A listing that holds the bytes themselves comes from a crontab that shows
    everything as it is. ``CONTROL`` is for those who looked closer.
    """
    if b"\0" in listing:
        return Doubt.NUL
    shows_all = b"\r" in listing or b"\b" in listing
    if not shows_all and (b"\\r" in listing or b"\\b" in listing):
        return Doubt.ESCAPES
    return None


def decode(raw: bytes) -> str:
    """Bytes as text that :func:`encode` turns back into the same bytes, whatever they are."""
    return raw.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class JobText:
    """A job line in its two parts; ``command`` is as written, with its percent signs and what follows them."""

    time: str
    command: str


@dataclass(frozen=True)
class Variable:
    """``NAME = value``; ``index`` is its line's, from 0. cron expands nothing in the value."""

    name: str
    value: str
    index: int


# White space is that of isspace(3). The text comes without any at its end.
_SPACE = " \t\n\r\f\v"
_VARIABLE = re.compile(
    r"""[ \t]*(?:'(?P<single>[^'=]*)'|"(?P<double>[^"=]*)"|(?P<plain>(?!['"])[^\s=]*))"""
    r"""\s*=\s*(?:'(?P<in_single>[^']*)'|"(?P<in_double>[^"]*)"|(?P<value>(?:(?!['"\s]).*)?))""",
    re.S | re.A,
)
_JOB = re.compile(r"[ \t]*(?P<time>@[^ \t]+|[^ \t]+(?:[ \t]+[^ \t]+){4})(?:[ \t]+(?P<command>.*))?", re.S)


def parse_variable(text: str, index: int = 0) -> Variable | None:
    """The line as a variable, as cron tries it first; None where it is none."""
    if "=" not in text or (match := _VARIABLE.fullmatch(text.rstrip(_SPACE))) is None:
        return None
    name = next(part for part in match.group("single", "double", "plain") if part is not None)
    value = next(part for part in match.group("in_single", "in_double", "value") if part is not None)
    return Variable(name, value, index)


def parse_job(text: str) -> JobText | None:
    """The line as a job; None where it is none. The times are not looked at."""
    match = _JOB.fullmatch(text)
    if match is None:
        return None
    return JobText(match["time"], match["command"] or "")


@dataclass(frozen=True)
class CronCommand:
    """A command as cron hands it to the shell: what stands before the first bare ``%``, and the rest as its
    standard input. ``percent`` says where in the written command that ``%`` stands; None: there is none."""

    command: str
    stdin: str = ""
    percent: int | None = None


def cron_command(written: str) -> CronCommand:
    """cron's own reading of the sixth field: ``\\%`` is a percent sign, a bare ``%`` ends the command.

    As Debian's cron does it, two backslashes become one (cronie keeps both).
    """
    match = _BARE_PERCENT.match(written)
    if match is None:  # pragma: no cover  # the pattern matches the empty string
        return CronCommand(written)
    command = _ESCAPED.sub(r"\1", match[0])
    if match.end() == len(written):
        return CronCommand(command)
    stdin = _ESCAPED_INPUT.sub(lambda part: part[1] or "\n", written[match.end() + 1 :])
    return CronCommand(command, stdin if stdin.endswith("\n") else stdin + "\n", match.end())


_BARE_PERCENT = re.compile(r"(?:[^\\%]|\\.|\\\Z)*", re.S)
_ESCAPED = re.compile(r"\\([\\%])")
_ESCAPED_INPUT = re.compile(r"\\(%)|%")


@dataclass(frozen=True)
class Line:
    """One line of a crontab. ``index`` counts from 0; people count from 1 (``number``)."""

    index: int
    raw: bytes

    @property
    def number(self) -> int:
        return self.index + 1

    @cached_property
    def text(self) -> str:
        return decode(self.raw)

    @cached_property
    def kind(self) -> LineKind:
        stripped = self.text.lstrip(" \t")
        if not stripped:
            return LineKind.BLANK
        if stripped.startswith("#"):
            return LineKind.COMMENT
        if parse_variable(self.text) is not None:
            return LineKind.VARIABLE
        return LineKind.OTHER if parse_job(self.text) is None else LineKind.JOB

    @property
    def job(self) -> JobText | None:
        """Its two parts, where it is a job that is switched on."""
        return parse_job(self.text) if self.kind is LineKind.JOB else None

    @property
    def commented_job(self) -> JobText | None:
        """What would be a job without the ``#`` before it; whether it ever was one is for others to judge."""
        if self.kind is not LineKind.COMMENT:
            return None
        return parse_job(self.text.lstrip(" \t").lstrip("#"))

    @property
    def variable(self) -> Variable | None:
        return parse_variable(self.text, self.index) if self.kind is LineKind.VARIABLE else None


@dataclass(frozen=True)
class Crontab:
    """A crontab, lossless: ``Crontab.parse(raw).render() == raw`` for any bytes."""

    pieces: tuple[bytes, ...]
    """The bytes between the line breaks; the last piece is empty where the crontab ends in one."""

    @staticmethod
    def parse(raw: bytes) -> Crontab:
        return Crontab(tuple(raw.split(b"\n")))

    def render(self) -> bytes:
        return b"\n".join(self.pieces)

    @property
    def ends_in_newline(self) -> bool:
        """Whether the last line is whole; an empty crontab counts as such."""
        return not self.pieces[-1]

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        count = len(self.pieces) - (1 if self.ends_in_newline else 0)
        return tuple(Line(index, raw) for index, raw in enumerate(self.pieces[:count]))

    def replace(self, index: int, raw: bytes) -> Crontab:
        """Another line in place of one, which keeps its position."""
        _one_line(raw)
        self.lines[index]
        return Crontab((*self.pieces[:index], raw, *self.pieces[index + 1 :]))

    def remove(self, *indices: int) -> Crontab:
        """Without these lines and their line breaks."""
        for index in indices:
            self.lines[index]
        gone = set(indices)
        rest = tuple(piece for index, piece in enumerate(self.pieces) if index not in gone)
        # Without a last line that lacked its line break, the one above it is the last, and keeps its own.
        return Crontab((*rest, b"") if len(self.pieces) - 1 in gone else rest)

    def insert(self, index: int, raw: bytes) -> Crontab:
        """One more line before the line ``index``; at the end where ``index`` is the number of lines.

        There a last line that lacks its line break (see :attr:`ends_in_newline`) gets one: cron would refuse
        it otherwise. It is the one byte outside the new line that may change.
        """
        _one_line(raw)
        count = len(self.lines)
        if not 0 <= index <= count:
            raise IndexError(index)
        if index == count:
            return Crontab((*self.pieces[:count], raw, b""))
        return Crontab((*self.pieces[:index], raw, *self.pieces[index:]))

    def append(self, raw: bytes) -> Crontab:
        """:meth:`insert` at the end."""
        return self.insert(len(self.lines), raw)

    def variables_at(self, index: int) -> Mapping[str, Variable]:
        """The variables that a job on line ``index`` sees: each as last set above it."""
        found: dict[str, Variable] = {}
        for line in self.lines[:index]:
            if b"=" in line.raw and (variable := line.variable) is not None:
                found[variable.name] = variable
        return found


def _one_line(raw: bytes) -> None:
    if b"\n" in raw or b"\0" in raw:
        raise ValueError("a crontab line holds no line break and no NUL")


def values(variables: Mapping[str, Variable]) -> dict[str, str]:
    """The variables as plain name and value."""
    return {name: variable.value for name, variable in variables.items()}


def cron_environment(user: str, home: str, variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a job of Debian's cron sees, and nothing else; ``variables`` are the crontab's own above it.

    LOGNAME is cron's whatever the crontab says (crontab(5)); the job starts in HOME.
    """
    environment = {"HOME": home, "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", **(variables or {})}
    environment["LOGNAME"] = user
    environment["PWD"] = environment["HOME"]
    return environment
