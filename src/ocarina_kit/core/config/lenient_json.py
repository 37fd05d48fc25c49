"""Any bytes to a JSON object: as it stands, mended where its meaning is beyond doubt, or what is wrong and where.

The standard parser's view decides what is valid: it is the clients' own. Excerpts show the structure of a line and
never a value of the file, for the values are secrets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass, field

from ocarina_kit.core.config.json_causes import WORDS, Cause
from ocarina_kit.core.config.json_mend import Edit, StuckError, apply, edits_for
from ocarina_kit.core.config.json_tree import Duplicate, Lines, Node, Position, TooDeepError, duplicates, scan
from ocarina_kit.core.text import CURLY_QUOTES, INVISIBLE, is_control, strip_ends

MAX_BYTES = 8 * 1024 * 1024
"""No larger file is read: a config has a kilobyte, a tokens file of a thousand scopes half a megabyte."""
MAX_MENDED = 256 * 1024
"""Characters. A larger file that is not JSON is said to be broken, and not searched for what was meant."""

KNOWN_WORDS = frozenset(
    {
        *("MAJORA_DOMAIN", "MAJORA_USER", "MAJORA_TOKEN", "MAJORA_TOKENS_FILE", "CLIENT_ID", "CLIENT_SECRET"),
        *("OCARINA_NO_BANNER", "OCARINA_QUIET", "OAUTH", "profile", "default", "export"),
        *("access_token", "refresh_token", "expires_in", "expires_at", "token_type", "scope", "Bearer"),
        *("true", "false", "null", "True", "False", "None", "NaN", "Infinity"),
    }
)
"""The only words that an excerpt shows."""


@dataclass(frozen=True)
class Mend:
    """One cause that was mended, and where it stands first (in the file as it is)."""

    cause: Cause
    position: Position
    count: int = 1

    @property
    def words(self) -> str:
        return WORDS[self.cause]


@dataclass(frozen=True)
class Parsed:
    """A JSON object. ``text`` is one that the standard parser takes: the file's own, but for the mends."""

    text: str = field(repr=False)
    value: dict[str, object] = field(repr=False)
    tree: Node = field(repr=False)
    mends: tuple[Mend, ...] = ()
    """Each cause once, by where it first stands; empty where the file is valid as it is."""
    duplicates: tuple[Duplicate, ...] = ()
    excerpt: str = ""
    """The line of the first mend, values masked, and a caret under the place."""

    @property
    def valid(self) -> bool:
        """Whether the client reads the file as it stands."""
        return not self.mends


@dataclass(frozen=True)
class Broken:
    """A file with no meaning, or more than one."""

    cause: Cause
    position: Position
    excerpt: str = ""

    @property
    def words(self) -> str:
        return WORDS[self.cause]

    @property
    def line(self) -> int:
        return self.position.line

    @property
    def column(self) -> int:
        return self.position.column


_START = Position(1, 1)


def parse_json(data: bytes, known: Collection[str] = KNOWN_WORDS) -> Parsed | Broken:
    """Reads a JSON object. Takes any bytes, never raises. ``known``: the words that an excerpt may show."""
    if len(data) > MAX_BYTES:
        return Broken(Cause.TOO_LARGE, _START)
    decoded = _decode(data)
    if isinstance(decoded, _Undecodable):
        return Broken(decoded.cause, decoded.position, decoded.excerpt(known))
    if not strip_ends(decoded.text):
        return Broken(Cause.BLANK if decoded.text or decoded.mends else Cause.EMPTY, _START)
    return _parse_text(decoded, known)


# --- bytes to text ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Decoded:
    text: str
    mends: tuple[Mend, ...] = ()
    doubtful: frozenset[str] = frozenset()
    """Characters that may not be what they seem: none of them may be left in the mended text."""


@dataclass(frozen=True)
class _Undecodable:
    cause: Cause
    position: Position = _START
    before: str = ""

    def excerpt(self, known: Collection[str]) -> str:
        if not self.before:
            return ""
        line = Lines(self.before).line(self.position.line)
        return excerpt(f"{line}\ufffd", self.position.column, known)


_MARKS = (
    # UTF-32 first: its mark starts with that of UTF-16.
    (b"\xff\xfe\x00\x00", "utf-32-le", Cause.UTF_32),
    (b"\x00\x00\xfe\xff", "utf-32-be", Cause.UTF_32),
    (b"\xff\xfe", "utf-16-le", Cause.UTF_16),
    (b"\xfe\xff", "utf-16-be", Cause.UTF_16),
    (b"\xef\xbb\xbf", "utf-8", Cause.BYTE_ORDER_MARK),
)
# How the first two characters of JSON, which are ASCII, lie in two or four bytes each (RFC 4627, 3).
_WIDE = (
    (re.compile(rb"[^\0]\0\0\0", re.DOTALL), "utf-32-le", Cause.UTF_32),
    (re.compile(rb"\0\0\0[^\0]", re.DOTALL), "utf-32-be", Cause.UTF_32),
    (re.compile(rb"[^\0]\0[^\0]\0", re.DOTALL), "utf-16-le", Cause.UTF_16),
    (re.compile(rb"\0[^\0]\0[^\0]", re.DOTALL), "utf-16-be", Cause.UTF_16),
)


def _decode(data: bytes) -> _Decoded | _Undecodable:
    for mark, encoding, cause in _MARKS:
        if data.startswith(mark):
            return _decode_as(data[len(mark) :], encoding, (Mend(cause, _START),))
    for shape, encoding, cause in _WIDE:
        if shape.match(data):
            return _decode_as(data, encoding, (Mend(cause, _START),))
    if data and not data.strip(b"\0"):
        return _Undecodable(Cause.NULS)
    return _decode_as(data, "utf-8", ())


def _decode_as(data: bytes, encoding: str, mends: tuple[Mend, ...]) -> _Decoded | _Undecodable:
    try:
        return _Decoded(data.decode(encoding), mends)
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(encoding, "replace")
    if encoding == "utf-8" and not mends:
        # Windows editors write curly quotes and hard blanks as single bytes. Where nothing but those is
        # undecodable, and none of them is left once they are mended, the meaning is beyond doubt.
        try:
            wide = data.decode("cp1252")
        except UnicodeDecodeError:
            wide = ""
        odd = frozenset(char for char in wide if not char.isascii())
        if odd and odd <= CURLY_QUOTES | {"\u00a0"}:
            position = Lines(before).position(len(before))
            return _Decoded(wide, (Mend(Cause.NOT_UTF_8, position),), odd)
    cause = mends[0].cause if mends and encoding != "utf-8" else Cause.NOT_UTF_8
    return _Undecodable(cause, Lines(before).position(len(before)), before)


# --- text to value ------------------------------------------------------------------------------------------


def _parse_text(decoded: _Decoded, known: Collection[str]) -> Parsed | Broken:
    text = decoded.text
    lines = Lines(text)
    try:
        value = _loads(text)
        if isinstance(value, dict):
            if decoded.doubtful:
                return Broken(Cause.NOT_UTF_8, decoded.mends[0].position)
            return _parsed(text, value, decoded.mends, "")
        place, cause = len(text) - len(text.lstrip()), Cause.NOT_OBJECT
    except _UnreadableError as error:
        place, cause = error.place, error.cause
        if len(text) <= MAX_MENDED and cause is not Cause.TOO_DEEP:
            try:
                edits = edits_for(text)
                mended = apply(text, edits)
                value = _loads(mended)
                if isinstance(value, dict) and edits and not decoded.doubtful.intersection(mended):
                    first = lines.position(edits[0].place)
                    shown = excerpt(lines.line(first.line), first.column, known)
                    return _parsed(mended, value, (*decoded.mends, *_mends(edits, lines)), shown)
            except StuckError as stuck:
                place, cause = stuck.place, _foreign(text) or stuck.cause
            except (_UnreadableError, TooDeepError):
                pass  # the first error says it best
    except TooDeepError as error:
        place, cause = error.place, Cause.TOO_DEEP
    position = lines.position(place)
    return Broken(cause, position, excerpt(lines.line(position.line), position.column, known))


class _UnreadableError(Exception):
    def __init__(self, place: int, cause: Cause) -> None:
        super().__init__(cause)
        self.place = place
        self.cause = cause


def _loads(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise _UnreadableError(min(error.pos, len(text)), Cause.STRAY_TEXT) from None
    except RecursionError:
        raise _UnreadableError(0, Cause.TOO_DEEP) from None
    except ValueError:  # an integer with more digits than Python reads
        raise _UnreadableError(0, Cause.BAD_NUMBER) from None


def _parsed(text: str, value: dict[str, object], mends: tuple[Mend, ...], shown: str) -> Parsed:
    tree = scan(text)
    return Parsed(text, value, tree, mends, duplicates(text, tree), shown)


def _mends(edits: tuple[Edit, ...], lines: Lines) -> list[Mend]:
    found: dict[Cause, tuple[int, int]] = {}
    for edit in edits:
        first, count = found.get(edit.cause, (edit.place, 0))
        found[edit.cause] = (first, count + 1)
    return [Mend(cause, lines.position(first), count) for cause, (first, count) in found.items()]


_FOREIGN = (
    (Cause.RICH_TEXT, re.compile(r"\{\\rtf")),
    (Cause.HTML, re.compile(r"<(?:!doctype|html|head|body|\?xml)", re.IGNORECASE)),
    (Cause.SHELL, re.compile(r"(?:export|set|setenv)[ \t]+\w+|\w+=\S")),
    (Cause.INI, re.compile(r"\[[\w. \"-]+\]$|[\w.-]+[ \t]*=")),
    (Cause.YAML, re.compile(r"---$|[\w.-]+:(?:[ \t]|$)")),
)


def _foreign(text: str) -> Cause | None:
    """The kind of file that it is in place of JSON, where its first line that says anything tells."""
    lines = (line.strip(" \t\ufeff") for line in text[:4096].splitlines())
    first = next((line for line in lines if line and line[0] not in "#;"), "")
    return next((cause for cause, shape in _FOREIGN if shape.match(first)), None)


# --- excerpts -----------------------------------------------------------------------------------------------

WIDTH = 76
_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|[\s{}\[\],:="\'`;#]|[^\s{}\[\],:="\'`;#]+')


def excerpt(line: str, column: int, known: Collection[str] = KNOWN_WORDS) -> str:
    """The line with every value masked, and a caret under ``column`` (from 1), as two lines of at most 76 columns.

    Structure, quotes and the words in ``known`` are shown; everything else is ``***``.
    """
    shown, caret, at = "", 0, 0
    for match in _TOKEN.finditer(line[:65536]):
        masked = _mask(match[0], known)
        if match.start() <= column - 1:
            offset = column - 1 - match.start()
            last = len(masked) - 1
            caret = len(shown) + (last if 0 < offset == len(match[0]) - 1 else min(offset, last))
        shown += masked
        at = match.end()
    if column - 1 >= at:
        caret = len(shown)
    if len(shown) > WIDTH:
        start = max(0, min(caret - WIDTH // 2, len(shown) - WIDTH))
        end = start + WIDTH
        head, tail = "…" if start else "", "…" if end < len(shown) else ""
        shown = head + shown[start + len(head) : end - len(tail)] + tail
        caret -= start
    return f"{shown.rstrip()}\n{' ' * caret}^"


def masked(line: str, known: Collection[str] = KNOWN_WORDS) -> str:
    """A line with every value masked, as :func:`excerpt` shows it, whole."""
    return "".join(_mask(match[0], known) for match in _TOKEN.finditer(line[:65536]))


def _mask(piece: str, known: Collection[str]) -> str:
    if piece in known or (len(piece) == 1 and (piece in "{}[],:=\"'`;#" or piece in CURLY_QUOTES)):
        return piece
    if len(piece) > 1 and piece[0] == piece[-1] == '"':
        return piece if piece[1:-1] in known else '"***"' if len(piece) > 2 else piece
    if len(piece) == 1 and (piece.isspace() or is_control(piece) or piece in INVISIBLE):
        return " " if piece in " \t" else f"<U+{ord(piece):04X}>"
    # A word between curly quotes, or with invisible characters in it: what surrounds it is shown.
    edges = CURLY_QUOTES | INVISIBLE | {"\ufffd"}
    bare = piece.strip("".join(edges))
    start = piece.find(bare) if bare else len(piece)
    head, tail = piece[:start], piece[start + len(bare) :]
    middle = bare if not bare or bare in known else "***"

    def plain(text: str) -> str:
        return "".join(
            char if char in CURLY_QUOTES or char == "\ufffd" else f"<U+{ord(char):04X}>" for char in text
        )

    return plain(head) + middle + plain(tail)
