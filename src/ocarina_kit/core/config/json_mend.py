"""Reads a text that is nearly JSON, and says which small edits make it JSON, where its meaning is beyond doubt.

A recursive reader that follows the grammar of RFC 8259 and knows the slips that people and their editors make.
It changes as little as it can: an edit is a span and what stands there instead. Where there is no meaning, or
more than one, it stops and says where and why. The standard parser has the last word: lenient_json holds its
verdict against every mended text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ocarina_kit.core.config.json_causes import Cause
from ocarina_kit.core.config.json_tree import DEPTH
from ocarina_kit.core.text import CURLY_DOUBLE, CURLY_SINGLE, INVISIBLE


@dataclass(frozen=True)
class Edit:
    """``text[start:end]`` becomes ``replacement``, because of ``cause``."""

    start: int
    end: int
    replacement: str
    cause: Cause
    slip: int = -1
    """Where the slip itself stands, where that is not ``start``."""

    @property
    def place(self) -> int:
        return self.start if self.slip < 0 else self.slip


class StuckError(Exception):
    """The text has no meaning, or more than one, from ``place`` on."""

    def __init__(self, place: int, cause: Cause) -> None:
        super().__init__(cause)
        self.place = place
        self.cause = cause


def edits_for(text: str) -> tuple[Edit, ...]:
    """The edits that make the text a JSON object, in order, none of them overlapping.

    Raises StuckError where its meaning is in doubt. Takes any text.
    """
    return _Reader(text).read()


def apply(text: str, edits: tuple[Edit, ...]) -> str:
    parts, at = [], 0
    for edit in edits:
        parts += [text[at : edit.start], edit.replacement]
        at = edit.end
    return "".join((*parts, text[at:]))


_DOUBLE = frozenset('"') | CURLY_DOUBLE
_SINGLE = frozenset("'") | CURLY_SINGLE
_BACKTICK = frozenset("`")
_QUOTES = _DOUBLE | _SINGLE
_OPENERS = _QUOTES | _BACKTICK
_NO_COLON = _QUOTES | frozenset(",}")
_ESCAPE = re.compile(r'\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.+-])|NaN\b|-?Infinity\b")
_WORD = re.compile(r"[A-Za-z_$][\w$-]*")
_NAME_AHEAD = re.compile(r"(?:\"[^\"\n\r]*\"|'[^'\n\r]*'|[“”„][^“”\"\n\r]*[“”\"]|[A-Za-z_]\w*)[ \t]*[:=]")
_PYTHON = {"true": "true", "false": "false", "null": "null", "none": "null"}
_CURLY_CLOSES = re.compile(r"[ \t]{0,80}(?:[,:}\]]|[\r\n]|\Z)")
_FENCE = re.compile(r"```[ \t]*[A-Za-z0-9]*[ \t]*(?:\r\n|\n|\r)")
_LEAD_BREAK = re.compile(r"\{?[ \t]*(\r\n|\n|\r)")
_AFTER_QUOTE = re.compile(r"\s*(?:[,:=}\];#]|//|/\*|\Z)")
_EQUALS = re.compile(r":=|=>?")
_REST_OF_LINE = re.compile(r"[^\r\n]*")
_LINE_END = re.compile(r"[ \t]*(?:\r\n|\n|\r|\Z)")
_PLAIN_LINE = re.compile(r"[ \t]*[\w.~+/=@:%-]*[ \t]*")
_DIGITS = 4300  # Python reads no longer integer from text


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.edits: list[Edit] = []
        self.nested = False

    def read(self) -> tuple[Edit, ...]:
        self.skip()
        fence = _FENCE.match(self.text, self.at)
        if fence:
            self.edit(self.at, fence.end(), "", Cause.CODE_FENCE)
            self.at = fence.end()
            self.skip()
        if self.peek() == "{":
            self.object(0)
        elif self.peek() in _QUOTES and _NAME_AHEAD.match(self.text, self.at):
            self.edit(self.at, self.at, "{", Cause.MISSING_BRACE)
            self.members(self.at, 0)
        else:
            raise StuckError(self.at, Cause.NOT_OBJECT)
        self.tail(fenced=fence is not None)
        return tuple(sorted(self.edits, key=lambda edit: (edit.start, edit.end)))

    def tail(self, *, fenced: bool) -> None:
        """What stands behind the object."""
        self.skip()
        if fenced and self.text.startswith("```", self.at):
            self.edit(self.at, self.at + 3, "", Cause.CODE_FENCE)
            self.at += 3
            self.skip()
        char = self.peek()
        if not char:
            return
        start = self.at
        self.at += 1
        self.skip()
        alone = not self.peek()
        if char in ",;" and alone:
            self.edit(start, start + 1, "", Cause.EXTRA_COMMA)
        elif char == "}" and alone and not self.nested:
            self.edit(start, start + 1, "", Cause.EXTRA_BRACE)
        else:
            kinds = {
                "{": Cause.TWO_OBJECTS,
                "}": Cause.EXTRA_BRACE,
                "]": Cause.WRONG_BRACKET,
                "\0": Cause.NULS,
            }
            raise StuckError(start, kinds.get(char, Cause.STRAY_TEXT))

    # --- the grammar ---

    def object(self, depth: int) -> None:
        self.nested = self.nested or depth > 0
        start = self.at
        self.at += 1
        self.members(start, depth)

    def members(self, start: int, depth: int) -> None:
        """From the first name to the closing brace."""
        if depth > DEPTH:
            raise StuckError(self.at, Cause.TOO_DEEP)
        comma = -1
        while True:
            self.skip()
            char = self.peek()
            if char == "}":
                if comma >= 0:
                    self.edit(comma, comma + 1, "", Cause.EXTRA_COMMA)
                self.at += 1
                return
            if char == "," and comma >= 0:
                self.edit(self.at, self.at + 1, "", Cause.EXTRA_COMMA)
                self.at += 1
                continue
            if not char:
                raise StuckError(self.at, Cause.CUT_OFF if comma >= 0 or depth else Cause.MISSING_BRACE)
            self.member(depth)
            end = self.at
            self.skip()
            if not self.peek():
                self.close_at_end(start, end)
                return
            comma = self.separator(end, "}")

    def member(self, depth: int) -> None:
        char = self.peek()
        start = self.at
        if char in _OPENERS:
            before = len(self.edits)
            self.string()
            if any(edit.cause is Cause.LINE_BREAK for edit in self.edits[before:]):
                raise StuckError(start, Cause.LINE_BREAK)  # no name has one: a quote is missing, or more
        else:
            word = _WORD.match(self.text, self.at)
            if char in "]{[":
                raise StuckError(self.at, Cause.WRONG_BRACKET)
            if word is None:
                raise StuckError(self.at, Cause.NULS if char == "\0" else Cause.STRAY_TEXT)
            self.at = word.end()
            if self.peek() in _QUOTES:
                raise StuckError(start, Cause.MISSING_QUOTE)
            self.edit(start, self.at, f'"{word[0]}"', Cause.UNQUOTED_NAME)
        self.colon(start)
        self.skip()
        self.value(depth)

    def colon(self, start: int) -> None:
        self.skip()
        equals = _EQUALS.match(self.text, self.at)
        if equals:
            self.edit(self.at, equals.end(), ":", Cause.EQUALS)
            self.at = equals.end()
        elif self.peek() == ":":
            self.at += 1
        elif not self.peek():
            raise StuckError(self.at, Cause.CUT_OFF)
        elif self.peek() in _NO_COLON:
            raise StuckError(self.at, Cause.MISSING_COLON)
        else:
            raise StuckError(start, Cause.MISSING_QUOTE)

    def value(self, depth: int) -> None:
        char, start = self.peek(), self.at
        if char == "{":
            self.object(depth + 1)
        elif char == "[":
            self.array(depth + 1)
        elif char in _OPENERS:
            self.string()
        elif number := _NUMBER.match(self.text, start):
            if number[0].lstrip("-").isdigit() and len(number[0].lstrip("-")) > _DIGITS:
                raise StuckError(start, Cause.BAD_NUMBER)
            self.at = number.end()
        else:
            word = _WORD.match(self.text, start)
            if word and word[0].lower() in _PYTHON:
                self.at = word.end()
                if word[0] != _PYTHON[word[0].lower()]:
                    self.edit(start, self.at, _PYTHON[word[0].lower()], Cause.PYTHON_WORD)
                return
            if not char:
                raise StuckError(start, Cause.CUT_OFF)
            if char in ",}]":
                raise StuckError(start, Cause.MISSING_VALUE)
            numeric = char.isdigit() or char in "+-."
            raise StuckError(start, Cause.BAD_NUMBER if numeric else Cause.UNQUOTED_VALUE)

    def array(self, depth: int) -> None:
        if depth > DEPTH:
            raise StuckError(self.at, Cause.TOO_DEEP)
        self.nested = True
        self.at += 1
        comma = -1
        while True:
            self.skip()
            char = self.peek()
            if char == "]":
                if comma >= 0:
                    self.edit(comma, comma + 1, "", Cause.EXTRA_COMMA)
                self.at += 1
                return
            if not char:
                raise StuckError(self.at, Cause.CUT_OFF)
            self.value(depth)
            end = self.at
            self.skip()
            comma = self.separator(end, "]")

    def separator(self, end: int, closes: str) -> int:
        """Over the comma behind a value that ended at ``end``; its place, or -1 where the closing bracket follows."""
        char = self.peek()
        if char == closes:
            return -1
        if char == ",":
            self.at += 1
            return self.at - 1
        if char == ";" and closes == "}":
            # A comma in its place would be one too many before the closing brace.
            place = self.at
            self.at += 1
            self.skip()
            self.edit(place, place + 1, "" if self.peek() in {"}", ""} else ",", Cause.WRONG_COMMA)
            return -1
        if not char:
            raise StuckError(self.at, Cause.CUT_OFF)
        if char in "}]":
            raise StuckError(self.at, Cause.WRONG_BRACKET)
        if closes == "}" and self.at > end and _NAME_AHEAD.match(self.text, self.at):
            self.edit(end, end, ",", Cause.MISSING_COMMA)
            return -1
        if char == "\0":
            raise StuckError(self.at, Cause.NULS)
        raise StuckError(self.at, Cause.STRAY_TEXT)

    def close_at_end(self, start: int, end: int) -> None:
        """The text ends behind a whole member. In a flat file only one place is left for the brace."""
        if self.nested:
            raise StuckError(self.at, Cause.MISSING_BRACE)
        first = _LEAD_BREAK.match(self.text, start)
        self.edit(end, end, f"{first[1]}}}" if first else "}", Cause.MISSING_BRACE)

    # --- strings ---

    def string(self) -> None:
        start, opener = self.at, self.text[self.at]
        family = _DOUBLE if opener in _DOUBLE else _SINGLE if opener in _SINGLE else _BACKTICK
        edits: list[Edit] = []
        curly_end, curly_edits = -1, 0
        at = start + 1
        while True:
            char = self.text[at : at + 1]
            if char == "\\":
                at = self.escape(at, family, edits)
            elif not char or char in "\r\n":
                if curly_end >= 0:
                    return self.close(start, curly_end, edits[:curly_edits])
                at = self.line_break(start, at, family, edits)
            elif char == opener or (opener != '"' and char in family):
                if curly_end >= 0 and not self.goes_on(at + 1):
                    return self.close(start, curly_end, edits[:curly_edits])
                return self.close(start, at, edits)
            else:
                if (
                    opener == '"'
                    and char in CURLY_DOUBLE
                    and curly_end < 0
                    and _CURLY_CLOSES.match(self.text, at + 1)
                ):
                    curly_end, curly_edits = at, len(edits)
                if char == '"':
                    edits.append(Edit(at, at + 1, '\\"', Cause.SINGLE_QUOTES))
                elif char < " ":
                    edits.append(Edit(at, at + 1, f"\\u{ord(char):04x}", Cause.CONTROL_CHARACTER))
                at += 1

    def escape(self, at: int, family: frozenset[str], edits: list[Edit]) -> int:
        escape = _ESCAPE.match(self.text, at)
        if escape:
            return escape.end()
        if family is _SINGLE and self.text.startswith("\\'", at):
            edits.append(Edit(at, at + 2, "'", Cause.SINGLE_QUOTES))
            return at + 2
        raise StuckError(at, Cause.BAD_ESCAPE)

    def line_break(self, start: int, at: int, family: frozenset[str], edits: list[Edit]) -> int:
        """A string that goes on over a line break: taken where only its own quote can be meant to end it."""
        closing = next((place for place in range(at, len(self.text)) if self.text[place] in family), -1)
        if closing < 0:
            ends_here = not self.text[at:].strip()
            raise StuckError(start, Cause.CUT_OFF if ends_here else Cause.MISSING_QUOTE)
        lines = re.split(r"\r\n|\n|\r", self.text[start + 1 : closing])
        if not all(_PLAIN_LINE.fullmatch(line) for line in lines) or not self.goes_on(closing + 1):
            raise StuckError(start, Cause.MISSING_QUOTE)
        for place in range(at, closing):
            if self.text[place] < " ":
                written = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(self.text[place])
                edits.append(Edit(place, place + 1, written or "", Cause.LINE_BREAK))
        return closing

    def close(self, start: int, end: int, edits: list[Edit]) -> None:
        for place in (start, end):
            char = self.text[place]
            if char != '"':
                cause = Cause.CURLY_QUOTES if char not in "'`" else Cause.SINGLE_QUOTES
                edits.append(Edit(place, place + 1, '"', cause))
        self.edits += edits
        self.at = end + 1

    def goes_on(self, at: int) -> bool:
        """Whether what follows a closing quote is what may follow one."""
        return _AFTER_QUOTE.match(self.text, at) is not None

    # --- what stands between ---

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def edit(self, start: int, end: int, replacement: str, cause: Cause) -> None:
        self.edits.append(Edit(start, end, replacement, cause))

    def skip(self) -> None:
        """Over white space, and over comments and odd blanks, which go."""
        while char := self.peek():
            if char in " \t\r\n":
                self.at += 1
            elif char in INVISIBLE:
                self.edit(self.at, self.at + 1, "", Cause.ODD_SPACE)
                self.at += 1
            elif char.isspace():
                self.edit(self.at, self.at + 1, " ", Cause.ODD_SPACE)
                self.at += 1
            elif char == "#" or self.text.startswith("//", self.at):
                match = _REST_OF_LINE.match(self.text, self.at)
                self.comment(self.at, match.end() if match else self.at)
            elif self.text.startswith("/*", self.at):
                end = self.text.find("*/", self.at + 2)
                if end < 0:
                    raise StuckError(self.at, Cause.COMMENT)
                self.comment(self.at, end + 2)
            else:
                return

    def comment(self, start: int, end: int) -> None:
        """Takes a comment out: with the blanks before it, and with its line where it stands alone there."""
        self.at = end
        before = start
        floor = self.edits[-1].end if self.edits else 0
        while before > floor and self.text[before - 1] in " \t":
            before -= 1
        alone = before == 0 or self.text[before - 1] in "\r\n"
        line_end = _LINE_END.match(self.text, end)
        if line_end and alone:
            self.at = line_end.end()
            self.edits.append(Edit(before, self.at, "", Cause.COMMENT, start))
        elif line_end or self.peek() in {" ", "\t"}:
            self.edits.append(Edit(before, end, "", Cause.COMMENT, start))
        else:
            self.edit(start, end, " " if start == before else "", Cause.COMMENT)
