"""A text that is nearly JSON: rewritten token by token into what is meant, as long as one meaning is left.

Whether that is JSON is for `json.loads` to say. If it is not, nothing is guessed: the place and the likely cause are
said. No words here have a brace in them.
"""

from __future__ import annotations

import json
import re
from itertools import pairwise

from ocarina_kit.system.words import CURLY_DOUBLE, CURLY_SINGLE

LIMIT = 30_000
"""Characters: a longer text takes seconds, and was never meant as a configuration."""
# Without width, direction marks, and the byte-order mark: white space to nobody.
_INVISIBLE = r"\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
_END = r"(?=\s*(?:[,:=}\];\#]|//|/\*|\Z)|[ \t]*[\r\n])"
_STRINGS = rf""" "(?:[^"\\\r\n]|\\.)*"
  | "[^"\\\r\n]*[\r\n][\s\w.~+/=@:%-]*"{_END}(?!\s*[:=])
  | [{CURLY_DOUBLE}][^{CURLY_DOUBLE}"\r\n]*[{CURLY_DOUBLE}"]{_END}
  | [{CURLY_SINGLE}][^"\r\n]{{0,200}}?[{CURLY_SINGLE}]{_END}
  | '(?:[^'\\\r\n]|\\.)*'{_END} | `[^`\r\n]*`{_END}"""
# A string that a straight quote opens and a curly one closes: tried if nothing else makes sense.
_HALF = rf' "[^"{CURLY_DOUBLE}\r\n]*[{CURLY_DOUBLE}](?=[ \t]*(?:[,:}}\]\r\n]|\Z))'
_COMMENT = r"(?:(?:\#|//)[^\r\n]*|/\*.{0,400}?\*/)"
_OTHERS = rf"""
  | (?P<comment> (?:(?<=[\r\n])|\A)[ \t]*{_COMMENT}[ \t]*(?:\r\n|\n|\r|\Z) | [ \t]*{_COMMENT}
    | ```\w*[ \t]*(?:\r\n|\n|\r)(?=\s*\S) | ``` )
  | (?P<space> [ \t]+ | \r\n | [\r\n] )
  | (?P<odd> [\s{_INVISIBLE}] )
  | (?P<sign> :=|=>?|[{{}}\[\],:;] )
  | (?P<word> [\w.+$-]+ )
  | (?P<other> . )"""
_UNSEEN = ("comment", "space", "odd")
_BEHIND_NAMES = (":", ":=", "=", "=>")
_BREAKS = {"\n": r"\n", "\r": r"\r"}
_BRACE = "a missing brace"
_CUT_OFF = "the file ends in the middle: it was cut off, or a brace is missing"
_CONSTANTS = {"true": "true", "false": "false", "null": "null", "none": "null"}


def repair(text: str) -> tuple[str, list[str], int]:
    """A text that `json.loads` takes, what was wrong with the given one, and the offset of the first slip there.

    The text is "" if there is no meaning, or more than one; then it is the likely cause, and its offset.
    """
    if len(text) > LIMIT:
        return "", ["it is too long to be repaired"], 0
    cause, location = (
        "a number that is too long",
        0,
    )  # one with more digits than Python reads
    for strings in (_STRINGS, f"{_HALF} | {_STRINGS}"):
        tokens = list(re.finditer(rf"(?xs)(?P<string>{strings}){_OTHERS}", text))
        parts, slips = _rewritten(tokens)
        meant = "".join(parts)
        if not meant.lstrip().startswith("{"):
            first = next(
                (token.start() for token in tokens if token.lastgroup not in _UNSEEN), 0
            )
            return (
                "",
                [
                    "the file does not hold a JSON object: it does not start with a brace"
                ],
                first,
            )
        try:
            json.loads(meant)
            return meant, list(dict.fromkeys(slips.values())), min(slips)
        except json.JSONDecodeError as error:
            location = _in_original(tokens, parts, error.pos)
            cause = (
                _cause(meant, error.pos, error.msg)
                if location < len(text)
                else _CUT_OFF
            )
        except ValueError:
            pass
    return "", [cause], location


def _rewritten(tokens: list[re.Match[str]]) -> tuple[list[str], dict[int, str]]:
    """Each token as it is meant, and the words for those that are not, by offset."""
    seen = [at for at, token in enumerate(tokens) if token.lastgroup not in _UNSEEN]
    nexts = {at: tokens[after][0] for at, after in pairwise(seen)}
    parts, slips, before, last = list[str](), dict[int, str](), "", 0
    for at, token in enumerate(tokens):
        following = nexts.get(at, "")
        part, words = _meant(token, before, following)
        if words:
            slips[token.start()] = words
        is_name = token.lastgroup in ("string", "word") and following in _BEHIND_NAMES
        if is_name and not before and token.lastgroup == "string":
            part, slips[token.start()] = f"{{{part}", _BRACE
        elif is_name and last < at - 1 and before[-1:] not in "{[,:":
            inside = re.fullmatch(r'(".*),"', parts[last], re.DOTALL)  # "a," "b": "c"
            parts[last] = f'{inside[1]}",' if inside else f"{parts[last]},"
            slips[tokens[last].end()] = "a missing comma"
        parts.append(part)
        if part and token.lastgroup not in _UNSEEN:
            before, last = part, at
    # In an object without others the place of a brace is certain.
    brackets = "".join(part[0] for part in parts if part and part[0] in "{}[]")
    if brackets == "{" and before not in ("{", ",", ":"):
        first_line = re.match(r"\s*\{[ \t]*(\r\n|\n|\r)", "".join(parts))
        parts[last] += f"{first_line[1] if first_line else ''}}}"
        slips[tokens[last].end()] = _BRACE
    if brackets == "{}}" and before == "}":
        parts[last], slips[tokens[last].start()] = "", "an extra brace"
    return parts, slips


def _meant(token: re.Match[str], before: str, following: str) -> tuple[str, str]:
    """A token as it is meant, and what is wrong with it; ``before`` and ``following`` are no white space."""
    text, kind = token[0], token.lastgroup
    if kind == "comment":
        return "", "a comment or ```"
    if kind == "odd":
        return (
            " " if text.isspace() else "",
            "an invisible character or a space that JSON does not allow",
        )
    if kind == "sign" and "=" in text:
        return ":", "= in place of :"
    if text == "," and following == "" and before != "}":
        return text, ""  # the file may be cut off here
    if kind == "sign" and text in ",;":
        if following in ("", ",", "}", "]") or before in ("{", "["):
            return "", "an extra comma"
        return ",", "" if text == "," else "a semicolon where JSON needs a comma"
    if kind == "word" and before != ":" and following in _BEHIND_NAMES:
        return f'"{text}"', "a name without quotes"
    if kind == "word" and (meant := _CONSTANTS.get(text.lower(), text)) != text:
        return meant, "True, False or None, as Python writes them"
    if kind != "string":
        return text, ""
    inside, words = text[1:-1], ""
    if not text[0] == text[-1] == '"':
        inside = re.sub(r'(?<!\\)"', r"\\" + '"', inside.replace("\\'", "'"))
        words = (
            "single quotes where JSON needs double quotes"
            if text[0] in "'`"
            else "curly quotes"
        )
    escaped = re.sub(
        r"[\x00-\x1f]",
        lambda char: _BREAKS.get(char[0], f"\\u{ord(char[0]):04x}"),
        inside,
    )
    control = "a tab, a line break or a control character in a string"
    return f'"{escaped}"', words or (control if escaped != inside else "")


def _in_original(tokens: list[re.Match[str]], parts: list[str], offset: int) -> int:
    for token, part in zip(tokens, parts, strict=True):
        if offset < len(part):
            return token.start() + min(offset, len(token[0]))
        offset -= len(part)
    return tokens[-1].end()


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
    char = text[at : at + 1]
    if "Unterminated" in message and re.search(r"[\r\n]\s*\S", text[at:]):
        return "a missing quote"
    if not char or "Unterminated" in message:
        return _CUT_OFF
    if char == "\0":
        return "zero bytes, as a crash or a full disk leaves them"
    if "Extra" in message and char == "{":
        return "two objects, one after the other"
    return next(
        (words for part, words in _CAUSES.items() if part in message), "a mistake"
    )
