"""A configuration as text: read as the client reads it, repaired if it has one meaning, and edited in place.

A change replaces one span of the text: all else in the file stays as it is.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import NamedTuple

from ocarina_kit.config.names import SETTINGS
from ocarina_kit.system.secret import hidden, masked
from ocarina_kit.system.words import (
    CURLY_DOUBLE,
    CURLY_SINGLE,
    listed,
    printable,
    strip_ends,
)

LIMIT = 1024 * 1024
"""Bytes. A configuration has a kilobyte: no larger file is read as one."""
DEPTH = 100
"""Objects and arrays inside each other: nothing real is so deep, and Python's stack ends."""
WIDTH = 76
"""Columns of an excerpt at most."""

_NOT_UTF8 = "characters that are not UTF-8"
_ENCODINGS = {
    "utf-8-sig": "a byte-order mark at the start (saved as 'UTF-8 with BOM')",
    "cp1252": _NOT_UTF8,
}

Path = tuple[str, ...]
"""The way to a setting: ``("MAJORA_USER",)``, ``("profile", "uk", "CLIENT_ID")``."""


class Spot(NamedTuple):
    """A place in a file: line and column (from 1), what is wrong there, and that line with a caret, secrets hidden.

    ``blank``: the file has nothing that a person could edit.
    """

    line: int
    column: int
    words: str = ""
    excerpt: str = ""
    blank: bool = False


class Document(NamedTuple):
    """A JSON object as its text."""

    text: str

    @property
    def value(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.text)
        return found

    def render(self) -> bytes:
        """The file's bytes: UTF-8 without a byte-order mark, which the client cannot read."""
        return self.text.encode("utf-8")

    def find(self, path: Path) -> Spot | None:
        """Where the value of a setting starts, the caret below its end; None if it is missing."""
        member = _at(self.text, path)
        if member is None or not path:
            return None
        length = member.end - member.start - 2 if self.text[member.start] == '"' else 0
        return _spot(self.text, member.start, "", masked, length)

    @property
    def twice(self) -> list[Path]:
        """The settings that are given several times in one object, where the last one counts."""
        return list(dict.fromkeys(_twice(self.text, self.text.index("{"), ())))

    def set(self, path: Path, value: object) -> Document:
        """The document with one setting set where it counts (of several, the last); missing objects are made.

        Raises ValueError if something on the way is not an object.
        """
        return Document(_put(self.text, path, value))

    def rename(self, path: Path, name: str) -> Document:
        """The document with a setting, if it has it, under another name, which is not taken."""
        member = _at(self.text, path)
        if member is None:
            return self
        return Document(
            self.text[: member.at] + json.dumps(name) + self.text[member.name_end :]
        )


# --- reading ---------------------------------------------------------------------------------------------------


def read(data: bytes) -> tuple[Document | None, Spot | None]:
    """Read a configuration, as it is or repaired if it has one meaning; and what is wrong with it, at the place of
    the first slip. Takes any bytes, never raises."""
    if len(data) > LIMIT:
        return None, Spot(
            1, 1, "the file is far larger than any configuration", blank=True
        )
    encoding: str = json.detect_encoding(data)
    if not data.strip(b"\0") or not strip_ends(data.decode(encoding, "replace")):
        words = "the file is empty, or holds nothing but white space or zero bytes"
        return None, Spot(1, 1, words, blank=True)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        text = data.decode("cp1252", "replace")
        # Windows' own encoding, if only its curly quotes show it: those around strings are repaired below.
        if re.fullmatch(rf"[\x00-!#-\x7f{CURLY_DOUBLE}{CURLY_SINGLE}]*", text) is None:
            before = data[: error.start].decode(encoding, "replace")
            return None, Spot(*position(before, len(before)), _NOT_UTF8)
        encoding = "cp1252"
    brackets = re.findall(r"[\[\]{}]", re.sub(r'"(?:[^"\\]|\\.)*"', "", text))
    if (
        max(accumulate(1 if each in "[{" else -1 for each in brackets), default=0)
        > DEPTH
    ):
        return None, Spot(1, 1, "too many objects inside each other")
    original, slips, first = text, list[str](), 0
    try:
        is_object = isinstance(json.loads(text), dict)
    except ValueError:
        is_object = False
    if not is_object:
        from ocarina_kit.config.repair import repair

        text, slips, first = repair(text)
        if not text:
            return None, _spot(original, first, listed(slips), _hide)
    if encoding != "utf-8":
        other = (
            f"the encoding {encoding.upper()} (saved as 'Unicode') in place of UTF-8"
        )
        slips.insert(0, _ENCODINGS.get(encoding, other))
    return Document(text), _spot(
        original, first, listed(slips), _hide
    ) if slips else None


def _spot(
    text: str, offset: int, words: str, hide: Callable[[str], str], caret: int = 0
) -> Spot:
    """The place of an offset; ``caret`` characters behind it the caret points."""
    line, column = position(text, offset)
    return Spot(
        line, column, words, excerpt(lines_of(text)[line - 1], column + caret, hide)
    )


# --- lines and excerpts ------------------------------------------------------------------------------------------


def lines_of(text: str) -> list[str]:
    """The lines of a text, without their ends: ``\\n``, ``\\r\\n`` or ``\\r``."""
    return re.split(r"\r\n|\n|\r", text)


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset, both from 1."""
    lines = lines_of(text[:offset])
    return len(lines), len(lines[-1]) + 1


_SURE = (
    r"""["'“”]?(?:MAJORA_DOMAIN|MAJORA_USER|MAJORA_TOKENS_FILE|CLIENT_ID)["'“”]?\s*[:=]\s*"""
    r"""["'“”]?[^"'“”\s,@?#]{1,60}["'“”]?(?=\s*(?:[,}\n#/;]|\Z))"""  # a complete setting that is no secret
    r"""|["'“”][A-Za-z_-]{1,30}["'“”](?=\s*[:=])"""  # a name
    rf"""|\b(?:{"|".join((*SETTINGS, "OAUTH", "export"))}|[Tt]rue|[Ff]alse|[Nn]one|null)\b"""
    r"""|(?P<other>[^\s{}\[\],:=;"'`“”‘’#/]+)"""
)


def _hide(text: str) -> str:
    """A line of a file that is not JSON: any other text than what is surely none can be a part of a secret."""
    return re.sub(
        _SURE, lambda found: hidden(found[0]) if found["other"] else found[0], text
    )


def excerpt(line: str, column: int, hide: Callable[[str], str]) -> str:
    """The line, its secrets hidden by ``hide``, cut to 76 columns around a caret below ``column`` (from 1)."""
    shown = printable(hide(line)).replace("\t", " ").rstrip()
    caret = min(len(printable(hide(line[: column - 1]))), len(shown))
    start = max(0, min(caret - WIDTH // 2, len(shown) - WIDTH))
    return f"{shown[start : start + WIDTH]}\n{' ' * (caret - start)}^"


# --- editing -----------------------------------------------------------------------------------------------------

_VALUE = json.JSONDecoder().raw_decode


class Member(NamedTuple):
    """A setting in the text: its name, where the quoted name starts and ends, and the span of the value."""

    name: str
    at: int
    name_end: int
    start: int
    end: int


def _skip(text: str, at: int) -> int:
    while text[at] in " \t\n\r":
        at += 1
    return at


def members(text: str, brace: int) -> Iterator[Member]:
    """The settings of the object whose brace is at ``brace``, in a text that is JSON."""
    at = _skip(text, brace + 1)
    while text[at] != "}":
        name, name_end = _VALUE(text, at)
        start = _skip(text, _skip(text, name_end) + 1)
        _, end = _VALUE(text, start)
        yield Member(name, at, name_end, start, end)
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at


def _at(text: str, path: Path) -> Member | None:
    """The setting at a path, of several the one that counts; the complete object for no path."""
    member = Member("", 0, 0, text.index("{"), len(text))
    for name in path:
        inside = members(text, member.start) if text[member.start] == "{" else ()
        found = [each for each in inside if each.name == name]
        if not found:
            return None
        member = found[-1]
    return member


def _twice(text: str, brace: int, path: Path) -> Iterator[Path]:
    inside = list(members(text, brace))
    counts = Counter(each.name for each in inside)
    for each in inside:
        if counts[each.name] > 1:
            yield (*path, each.name)
        if text[each.start] == "{":
            yield from _twice(text, each.start, (*path, each.name))


def _put(text: str, path: Path, value: object) -> str:
    """The text with the value at ``path``, all else as it was; in the layout of the object that it is in."""
    *above, name = path
    outer, member = _at(text, tuple(above)), _at(text, path)
    if outer is None:
        return _put(text, tuple(above), {name: value})
    if text[outer.start] != "{":
        raise ValueError(f"{outer.name} is not an object")
    inside = list(members(text, outer.start))
    lead = text[outer.start + 1 : inside[0].at] if inside else "" if above else "\n"
    if member is not None:
        return text[: member.start] + _dumped(value, text, lead) + text[member.end :]
    if not inside:
        end = text.index("}", outer.start) + 1
        return text[: outer.start] + _dumped({name: value}, text, lead) + text[end:]
    last, colon = inside[-1].end, text[inside[0].name_end : inside[0].start]
    return f"{text[:last]},{lead or ' '}{json.dumps(name)}{colon}{_dumped(value, text, lead)}{text[last:]}"


def _dumped(value: object, text: str, lead: str) -> str:
    """A value as JSON: an object over lines if the one around it is, indented as the file is."""
    step = re.match(r"\s*\{\s*?\n([ \t]+)", text)
    indent = step[1] if step else 4
    return (
        json.dumps(value, indent=indent).replace("\n", lead)
        if "\n" in lead
        else json.dumps(value)
    )
