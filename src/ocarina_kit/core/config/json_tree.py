"""Where everything stands in a JSON text that the standard parser takes: spans, for edits that keep all the rest."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

DEPTH = 100
"""Objects and arrays inside each other beyond this are refused: nothing real is so deep, and Python's stack ends."""


class TooDeepError(ValueError):
    """More than :data:`DEPTH` objects and arrays inside each other."""

    def __init__(self, place: int) -> None:
        super().__init__("too deep")
        self.place = place


@dataclass(frozen=True)
class Node:
    """A value: ``text[start:end]``. ``members`` of an object, ``items`` of an array, in the text's order."""

    start: int
    end: int
    kind: str
    """``"object"``, ``"array"`` or ``"scalar"``."""
    members: tuple[Member, ...] = ()
    items: tuple[Node, ...] = ()

    def last(self, name: str) -> Member | None:
        """The member of that name that wins: the last one, as every JSON parser of the clients has it."""
        return next((member for member in reversed(self.members) if member.name == name), None)


@dataclass(frozen=True)
class Member:
    """A member of an object: its name, the span of the quoted name, and its value."""

    name: str
    start: int
    end: int
    value: Node


@dataclass(frozen=True)
class Position:
    """A place in a text: line and column, both from 1, the column in characters."""

    line: int
    column: int


class Lines:
    """Turns offsets into positions. A line ends at ``\\n``, ``\\r\\n`` or ``\\r``."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", text))]

    def position(self, offset: int) -> Position:
        line = bisect_right(self._starts, offset)
        return Position(line, offset - self._starts[line - 1] + 1)

    def line(self, number: int) -> str:
        """The text of a line, without its end."""
        start = self._starts[number - 1]
        end = self._starts[number] if number < len(self._starts) else len(self._text)
        return self._text[start:end].rstrip("\r\n")


_BLANK = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_SCALAR = re.compile(r"[^\s,\]}]+")


def scan(text: str) -> Node:
    """The tree of a JSON text. The text must be one that ``json.loads`` takes.

    Raises TooDeepError beyond :data:`DEPTH`.
    """
    return _value(text, _skip(text, 0), 0)


def _skip(text: str, at: int) -> int:
    return _end(_BLANK, text, at)


def _value(text: str, at: int, depth: int) -> Node:
    if depth > DEPTH:
        raise TooDeepError(at)
    char = text[at]
    if char == "{":
        return _object(text, at, depth)
    if char == "[":
        return _array(text, at, depth)
    return Node(at, _end(_STRING if char == '"' else _SCALAR, text, at), "scalar")


def _end(shape: re.Pattern[str], text: str, at: int) -> int:
    match = shape.match(text, at)
    return match.end() if match else at


def _object(text: str, start: int, depth: int) -> Node:
    members: list[Member] = []
    at = _skip(text, start + 1)
    while text[at] != "}":
        if members:
            at = _skip(text, at + 1)  # over the comma
        end = _end(_STRING, text, at)
        name: str = json.loads(text[at:end])
        value = _value(text, _skip(text, _skip(text, end) + 1), depth + 1)
        members.append(Member(name, at, end, value))
        at = _skip(text, value.end)
    return Node(start, at + 1, "object", members=tuple(members))


def _array(text: str, start: int, depth: int) -> Node:
    items: list[Node] = []
    at = _skip(text, start + 1)
    while text[at] != "]":
        if items:
            at = _skip(text, at + 1)
        items.append(_value(text, at, depth + 1))
        at = _skip(text, items[-1].end)
    return Node(start, at + 1, "array", items=tuple(items))


@dataclass(frozen=True)
class Duplicate:
    """A member that stands more than once in one object. The last one wins (CFG012)."""

    path: tuple[str, ...]
    """The way to the object's member, the member's name included."""
    positions: tuple[Position, ...]
    """Where each stands, in the text's order."""


def duplicates(text: str, root: Node) -> tuple[Duplicate, ...]:
    """Every member that is given twice or more, wherever it stands."""
    found = tuple(_doubles(root, ()))
    if not found:
        return ()
    lines = Lines(text)
    return tuple(Duplicate(path, tuple(lines.position(start) for start in starts)) for path, starts in found)


def _doubles(node: Node, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[int]]]:
    starts: dict[str, list[int]] = {}
    for member in node.members:
        starts.setdefault(member.name, []).append(member.start)
    for name, places in starts.items():
        if len(places) > 1:
            yield (*path, name), places
    for member in node.members:
        yield from _doubles(member.value, (*path, member.name))
    for index, item in enumerate(node.items):
        yield from _doubles(item, (*path, str(index)))
