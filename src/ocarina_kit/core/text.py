"""Characters that people paste without seeing them: one list, for everything that reads what people type."""

from __future__ import annotations

CURLY_DOUBLE = frozenset("“”„‟«»″〝〞＂")
CURLY_SINGLE = frozenset("‘’‚‛‹›′´＇")
CURLY_QUOTES = CURLY_DOUBLE | CURLY_SINGLE
"""Quotes that word processors, chats and web pages put in place of the straight ones."""

INVISIBLE = frozenset(
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e"
    "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\ufeff"
)
"""Characters with no width, direction marks and the byte-order mark. ``str.isspace`` knows none of them."""


def is_control(char: str) -> bool:
    """Whether a character is one of C0, DEL or C1, or half of a surrogate pair."""
    code = ord(char)
    return code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code <= 0xDFFF


def strip_ends(text: str, also: frozenset[str] = frozenset()) -> str:
    """The text without white space, invisible and control characters, and ``also``, at its ends, in any mix."""

    def goes(char: str) -> bool:
        return char.isspace() or char in INVISIBLE or char in also or is_control(char)

    start, end = 0, len(text)
    while start < end and goes(text[start]):
        start += 1
    while end > start and goes(text[end - 1]):
        end -= 1
    return text[start:end]
