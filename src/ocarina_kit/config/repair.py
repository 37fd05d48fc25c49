"""A text that is nearly JSON: repaired slip by slip where the standard parser stops, as long as one meaning is left.

Each round asks `json.loads`, looks at the place where it stopped, and makes one small edit there. Where the meaning is
unclear nothing is guessed: the place and the likely cause are said. No words here have a brace in them.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from ocarina_kit.system.words import CURLY_DOUBLE, CURLY_SINGLE, INVISIBLE

WORK = 50_000_000
"""Characters to parse at most, over all rounds: a larger file with more slips was never meant as JSON."""

_DOUBLE, _SINGLE = "".join(CURLY_DOUBLE), "".join(CURLY_SINGLE)
_END_FOLLOWS = r"(?=\s*(?:[,:=}\];#]|//|/\*|\Z))"
_QUOTED = re.compile(
    rf"[{_DOUBLE}]([^{_DOUBLE}\"\r\n]*)[{_DOUBLE}\"]{_END_FOLLOWS}"
    rf"|[{_SINGLE}]([^\"\r\n]*?)[{_SINGLE}]{_END_FOLLOWS}"
    rf"|'((?:[^'\\\r\n]|\\.)*)'{_END_FOLLOWS}"
    rf"|`([^`\r\n]*)`{_END_FOLLOWS}"
)
_NAME_FOLLOWS = re.compile(r"""(?:"[^"\r\n]*"|'[^'\r\n]*'|[“”„][^“”"\r\n]*[“”"]|[A-Za-z_]\w*)[ \t]*[:=]""")
_PLAIN_END_FOLLOWS = re.compile(rf'[\s\w.~+/=@:%-]*"{_END_FOLLOWS}(?!\s*[:=])')
_COMMENT = re.compile(r"(?:#|//)[^\r\n]*|/\*.*?\*/", re.DOTALL)
_LINE_END = re.compile(r"[ \t]*(?:\r\n|\n|\r|\Z)")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NAME = re.compile(r"([A-Za-z_$][\w$-]*)\s*[:=]")
_CONSTANT = re.compile(r"(true|false|null|none)\b", re.IGNORECASE)
_FENCE_LINE = re.compile(r"```\w*[ \t]*(?:\r\n|\n|\r)")
_BRACE = "a missing brace"
_EXTRA_COMMA = "an extra comma"
_CURLY = "curly quotes where JSON needs straight ones"
_FENCE = "``` around the JSON, from the page that it was copied from"


class Edit(NamedTuple):
    """``text[start:end]`` is meant as ``new``; ``at``: where the slip itself is, if not at ``start``."""

    start: int
    end: int
    new: str
    words: str
    at: int = -1


class StuckError(ValueError):
    """At ``offset`` in the original text there is no meaning, or more than one; the text says the likely cause."""

    def __init__(self, offset: int, words: str) -> None:
        super().__init__(words)
        self.offset = offset


def repair(text: str) -> tuple[str, list[tuple[int, str]]]:
    """A text that `json.loads` takes, and each kind of slip with the offset of its first one in the original text.

    Raises StuckError.
    """
    edits, slips = list[Edit](), dict[str, int]()
    while len(edits) * len(text) < WORK:
        try:
            json.loads(text)
            return text, sorted((place, words) for words, place in slips.items())
        except json.JSONDecodeError as error:
            edit = _edit_at(text, error.pos, error.msg)
            if edit is None:
                raise StuckError(_in_original(edits, error.pos), _cause(text, error.pos, error.msg)) from None
        except ValueError:  # an integer with more digits than Python reads
            raise StuckError(0, "a number that is too long") from None
        place = _in_original(edits, max(edit.start, edit.at))
        slips[edit.words] = min(place, slips.get(edit.words, place))
        text = text[: edit.start] + edit.new + text[edit.end :]
        edits.append(edit)
    raise StuckError(0, "too many mistakes to repair")


def _in_original(edits: list[Edit], offset: int) -> int:
    """The place in the original text of a place in the edited one."""
    for edit in reversed(edits):
        if offset >= edit.start + len(edit.new):
            offset += edit.end - edit.start - len(edit.new)
        elif offset > edit.start:
            offset = edit.start
    return offset


# --- what is meant -------------------------------------------------------------------------------------------


def _edit_at(text: str, at: int, message: str) -> Edit | None:
    """What is meant at the place where the parser stopped; None where that is unclear."""
    if "Unterminated" in message or "escape" in message:
        return None
    if "control" in message:
        return _in_string(text, at)
    if between := _between(text, at):
        return between
    if "':'" in message:
        equals = re.match(r":=|=>?", text[at : at + 2])
        return Edit(at, at + equals.end(), ":", "= in place of :") if equals else _curly_end(text, at)
    if "','" in message:
        return _comma_or_brace(text, at)
    return _after_all(text, at) if "Extra" in message else _name_or_value(text, at, message)


def _in_string(text: str, at: int) -> Edit | None:
    """A tab, a line break or another control character is in a string."""
    if curly := _curly_end(text, at):
        return curly
    if text[at] not in "\r\n":
        return Edit(at, at + 1, f"\\u{ord(text[at]):04x}", "a tab or control character in a string")
    if _PLAIN_END_FOLLOWS.match(text, at):
        return Edit(at, at + 1, json.dumps(text[at])[1:-1], "a line break in a string")
    return None


def _between(text: str, at: int) -> Edit | None:
    """A space that JSON does not know, an invisible character, or a comment."""
    char = text[at : at + 1]
    if char and (char in INVISIBLE or (char.isspace() and char not in " \t\r\n")):
        words = "an invisible character or a space that JSON does not allow"
        return Edit(at, at + 1, "" if char in INVISIBLE else " ", words)
    comment = _COMMENT.match(text, at)
    if comment is None:
        return None
    start, end = len(text[:at].rstrip(" \t")), comment.end()
    line_end = _LINE_END.match(text, end)
    if line_end and text[:start][-1:] in ("", "\r", "\n"):  # it is alone in its line, which goes too
        end = line_end.end()
    return Edit(start, end, "", "a comment, which JSON does not allow", at)


def _comma_or_brace(text: str, at: int) -> Edit | None:
    """A comma or a closing brace was expected."""
    char, before = text[at : at + 1], text[:at].rstrip()
    end = len(before)
    if char == ";":
        last = text[at + 1 :].lstrip()[:1] in ("}", "")
        return Edit(at, at + 1, "" if last else ",", "a semicolon where JSON needs a comma")
    if not char and _is_flat(before):
        line_break = re.match(r"\s*\{[ \t]*(\r\n|\n|\r)", text)
        return Edit(end, end, f"{line_break[1] if line_break else ''}}}", _BRACE)
    if end < at and _NAME_FOLLOWS.match(text, at):
        return Edit(end, end, ",", "a missing comma")
    return _curly_end(text, at)


def _after_all(text: str, at: int) -> Edit | None:
    """Something follows the object."""
    char, last = text[at], not text[at + 1 :].strip()
    if text.startswith("```", at):
        return Edit(at, at + 3, "", _FENCE)
    if char in ",;" and last:
        return Edit(at, at + 1, "", _EXTRA_COMMA)
    if char == "}" and last and _is_flat(text[:at]):
        return Edit(at, at + 1, "", "an extra brace")
    return Edit(0, 0, "{", _BRACE) if char == ":" and text.lstrip().startswith('"') else None


def _name_or_value(text: str, at: int, message: str) -> Edit | None:
    char, before = text[at : at + 1], text[:at].rstrip()
    if not before and (fence := _FENCE_LINE.match(text, at)):
        return Edit(at, fence.end(), "", _FENCE)
    if char == "," and ("comma" in message or before.endswith(",")):  # Python 3.13: Illegal trailing comma
        return Edit(at, at + 1, "", _EXTRA_COMMA)
    if before.endswith(",") and char and char in "}]":
        return Edit(len(before) - 1, len(before), "", _EXTRA_COMMA)
    if quoted := _QUOTED.match(text, at):
        inside = (quoted[quoted.lastindex or 0]).replace("\\'", "'")
        straight = re.sub(r'(?<!\\)"', r"\\" + '"', inside)
        kind = "single quotes where JSON needs double quotes" if char in "'`" else _CURLY
        return Edit(at, quoted.end(), f'"{straight}"', kind)
    if "name" in message and (name := _NAME.match(text, at)):
        return Edit(at, name.end(1), f'"{name[1]}"', "a name without quotes")
    if "value" in message and before and (constant := _CONSTANT.match(text, at)):
        meant = constant[0].lower().replace("none", "null")
        return Edit(at, constant.end(), meant, "True, False or None, as Python writes them")
    return None


def _curly_end(text: str, at: int) -> Edit | None:
    """A string that a straight quote opens and a curly one closes."""
    found = re.search(rf'"[^"{_DOUBLE}\r\n]*([{_DOUBLE}])[ \t]*(?=[,:}}\]\r\n]|\Z)[^"]*"?\Z', text[:at])
    return Edit(found.start(1), found.end(1), '"', _CURLY) if found else None


def _is_flat(before: str) -> bool:
    """Whether the text so far has the outermost object only: then a missing brace has one place."""
    return len(re.findall(r"[{\[]", _STRING.sub("", before))) == 1


# --- what is wrong ---------------------------------------------------------------------------------------------

_CAUSES = {
    "Extra": "text after the end of the object, or an extra brace",
    "control": "a missing quote",
    "escape": "a backslash that JSON does not allow (write two for one)",
    "','": "text where a comma or a bracket is expected, or a stray quote",
    "':'": "a missing : after a name, or a missing quote",
    "name": "a missing quote, or a bracket that does not match",
    "value": "a missing value, one without quotes, or a number that JSON does not allow",
}


def _cause(text: str, at: int, message: str) -> str:
    """Why the text is not JSON, as far as the place where the parser stopped tells."""
    char, before = text[at : at + 1], text[:at].rstrip()
    if not before:
        return "the file does not hold a JSON object"
    if char == "\0":
        return "zero bytes, as a crash or a full disk leaves them"
    if not char and "','" in message and before[-1] == "}":
        return _BRACE
    if "Unterminated" in message and re.search(r"[\r\n]\s*\S", text[at:]):
        return "a missing quote"
    if not char or "Unterminated" in message:
        return "the file ends in the middle: it was cut off, or a brace is missing"
    if "Extra" in message and char == "{":
        return "two objects, one after the other"
    return next((words for part, words in _CAUSES.items() if part in message), "a mistake")
