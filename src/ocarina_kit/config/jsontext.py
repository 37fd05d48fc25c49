"""A configuration as text: read as the client reads it, repaired where it has one meaning, and edited in place.

A change replaces one span of the text: order, indentation, line ends, escapes and the spelling of numbers are kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import NamedTuple

from ocarina_kit.config.names import SETTINGS
from ocarina_kit.system.secret import hidden
from ocarina_kit.system.words import CURLY_QUOTES, printable, strip_ends

LIMIT = 1024 * 1024
"""Bytes. A configuration has a kilobyte: no larger file is read as one."""
DEPTH = 100
"""Objects and arrays inside each other: nothing real is so deep, and Python's stack ends."""

Path = tuple[str, ...]
"""The way to a setting: ``("MAJORA_USER",)``, ``("profile", "uk", "CLIENT_ID")``."""


class Slip(NamedTuple):
    """What was repaired; line and column (from 1) of the first of its kind in the file."""

    line: int
    column: int
    words: str


class Broken(NamedTuple):
    """A file with no meaning, or more than one: the place, the likely cause, and the line with a caret, secrets hidden.

    ``blank``: the file has nothing that a person could edit.
    """

    line: int
    column: int
    words: str
    excerpt: str = ""
    blank: bool = False


class Document(NamedTuple):
    """A JSON object as its text. ``repairs`` were made as it was read; ``excerpt`` shows the place of the first."""

    text: str
    value: dict[str, object]
    repairs: tuple[Slip, ...] = ()
    excerpt: str = ""

    def __repr__(self) -> str:
        return f"Document({len(self.text)} characters, repairs={self.repairs})"

    def render(self) -> bytes:
        """The file's bytes: UTF-8 without a byte-order mark, which the client cannot read."""
        return self.text.encode("utf-8")

    def find(self, path: Path) -> tuple[int, int] | None:
        """Line and column of a setting's value, or of an object's name; None where it is missing."""
        spot = _spot(self.text, path) if path else None
        if spot is None or spot.member is None or len(spot.left) > 1:
            return None
        is_object = self.text[spot.member.start] == "{"
        return position(self.text, spot.member.at if is_object else spot.member.start)

    def excerpt_at(self, line: int, column: int) -> str:
        """That line with secrets hidden, and a caret below the column."""
        from ocarina_kit.system.change import masked

        return excerpt(lines_of(self.text)[line - 1], column, lambda text: masked([text])[0])

    @property
    def twice(self) -> list[tuple[Path, list[int]]]:
        """The settings that are given several times in one object, where the last one counts; and in which lines."""
        return list(_twice(self.text, self.text.index("{"), ()))

    def set(self, path: Path, value: object) -> Document:
        """The document with one setting set where it counts (of several, the last); missing objects are made.

        Raises ValueError where something on the way is not an object.
        """
        return self._with(_put(self.text, _spot(self.text, path), value))

    def rename(self, path: Path, name: str) -> Document:
        """The document with a setting under another name, which is not taken."""
        member = _spot(self.text, path).member
        if member is None:
            return self
        return self._with(self.text[: member.at] + json.dumps(name) + self.text[member.name_end :])

    def _with(self, text: str) -> Document:
        return self if text == self.text else self._replace(text=text, value=json.loads(text))


# --- reading ---------------------------------------------------------------------------------------------------

_ENCODINGS = {
    "utf-8-sig": "a byte-order mark at the start (saved as 'UTF-8 with BOM')",
    "utf-16": "the encoding UTF-16 (saved as 'Unicode') in place of UTF-8",
    "utf-32": "the encoding UTF-32 in place of UTF-8",
}


def read(data: bytes | None) -> Document | Broken:
    """Read a configuration: as it is, or repaired where it has one meaning. Takes any bytes, never raises."""
    data = data or b""
    encoding = json.detect_encoding(data)
    words, place = _ENCODINGS.get(encoding.removesuffix("-le").removesuffix("-be"), ""), (1, 1)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(encoding, "replace")
        words, place = words or "characters that are not UTF-8", position(before, len(before))
        text = data.decode("cp1252", "replace") if encoding == "utf-8" else ""
        # Windows' own encoding, if only its curly quotes show it: those around strings are fixed below.
        if not text or set(re.findall(r"[^\x00-\x7f]", text)) - CURLY_QUOTES or '"' in text:
            return Broken(*place, words)
    nothings = (
        (not data, "the file is empty"),
        (len(data) > LIMIT, f"the file has {len(data) / LIMIT:.1f} MiB, far more than a configuration"),
        (not data.strip(b"\0"), "the file holds zero bytes, as a crash or a full disk leaves them"),
        (not strip_ends(text), "the file holds nothing but white space"),
    )
    for is_so, what in nothings:
        if is_so:
            return Broken(1, 1, what, blank=True)
    brackets = re.findall(r"[\[\]{}]", re.sub(r'"(?:[^"\\]|\\.)*"', "", text))
    if max(accumulate(1 if each in "[{" else -1 for each in brackets), default=0) > DEPTH:
        return Broken(1, 1, "too many objects inside each other")
    try:
        value, original, found = json.loads(text), text, list[tuple[int, str]]()
    except ValueError:
        from ocarina_kit.config.repair import StuckError, repair

        original = text
        try:
            text, found = repair(text)
        except StuckError as stuck:
            return _broken(text, stuck.offset, str(stuck))
        value = json.loads(text)
    if not isinstance(value, dict):
        return _broken(text, len(text) - len(text.lstrip()), "the file does not hold a JSON object")
    slips = [Slip(*place, words)] if words else []
    slips += [Slip(*position(original, offset), said) for offset, said in found]
    return Document(text, value, tuple(slips), _shown(original, found[0][0]) if found else "")


def _broken(text: str, offset: int, words: str) -> Broken:
    return Broken(*position(text, offset), words, _shown(text, offset))


# --- lines and excerpts ------------------------------------------------------------------------------------------

WIDTH = 76


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


def _shown(text: str, offset: int) -> str:
    """The excerpt of a file that is not JSON: any other text than what is surely none can be a part of a secret."""
    line, column = position(text, offset)

    def hide(part: str) -> str:
        return re.sub(_SURE, lambda found: hidden(found[0]) if found["other"] else found[0], part)

    return excerpt(lines_of(text)[line - 1], column, hide)


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


class _Spot(NamedTuple):
    """How far the way to a setting goes: the innermost object's brace and settings, the ``member`` that counts there,
    what is ``left`` of the way from that one on, and the white space before the first setting (``lead``)."""

    brace: int
    inside: list[Member]
    member: Member | None
    left: Path
    lead: str


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


def _spot(text: str, path: Path) -> _Spot:
    brace, lead = text.index("{"), "\n"
    for depth, name in enumerate(path):
        inside = list(members(text, brace)) if text[brace] == "{" else []
        lead = text[brace + 1 : inside[0].at] if inside else lead
        member = next((each for each in reversed(inside) if each.name == name), None)
        spot = _Spot(brace, inside, member, path[depth:], lead)
        if member is None or text[member.start] != "{":
            break
        brace = member.start
    return spot


def _twice(text: str, brace: int, path: Path) -> Iterator[tuple[Path, list[int]]]:
    places: dict[str, list[int]] = {}
    for each in (inside := list(members(text, brace))):
        places.setdefault(each.name, []).append(each.at)
    for name, offsets in places.items():
        if len(offsets) > 1:
            yield (*path, name), [position(text, offset)[0] for offset in offsets]
    for each in inside:
        if text[each.start] == "{":
            yield from _twice(text, each.start, (*path, each.name))


def _put(text: str, spot: _Spot, value: object) -> str:
    """The text with the value at the end of the way to ``spot``, all else as it was."""
    name, *rest = spot.left
    inside, member, lead = spot.inside, spot.member, spot.lead
    if member is not None and rest:
        raise ValueError(f"{name} is not an object")
    if member is not None:
        now = json.loads(text[member.start : member.end])
        if json.dumps(now) == json.dumps(value):  # 1, 1.0 and true are three things
            return text
        return text[: member.start] + _dumped(value, text, lead) + text[member.end :]
    for outer in reversed(rest):
        value = {outer: value}
    if inside:
        colon = text[inside[0].name_end : inside[0].start]
        new = f",{lead or ' '}{_dumped(name, text)}{colon}{_dumped(value, text, lead)}"
        return text[: inside[-1].end] + new + text[inside[-1].end :]
    new = _dumped({name: value}, text, lead)
    return text[: spot.brace] + new + text[text.index("}", spot.brace) + 1 :]


def _dumped(value: object, text: str, lead: str = "") -> str:
    """A value as JSON in the file's style: ASCII where the file is, objects over lines where the file has them so."""
    step = re.match(r"\s*\{\s*?\n([ \t]*)", text)
    indent = (step[1] if step else "") or "    " if "\n" in lead else None
    ascii_only = text.isascii() or not str(value).isprintable()  # half a surrogate pair has no UTF-8
    dumped = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    line_end = "\r\n" if "\r\n" in text else "\n"
    return dumped.replace("\n", line_end + lead.rpartition("\n")[2])
