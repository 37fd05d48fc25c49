"""What is wrong with a damaged tokens file, and what can still be read of it.

The client writes the file in place with no lock (FACTS.md), so a crash cuts it off, and two writers mix their texts.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path

from ocarina_kit.tokens.file import Damage, Token, TokensFile, read_token

EMPTY = "it is empty"

_DECODER = json.JSONDecoder()
_NEXT = re.compile(r"[ \t\n\r]*([:,]?)[ \t\n\r]*")
_OPENING = re.compile(r'"[ \t\n\r]{0,100}:[ \t\n\r]{0,100}\{')
_SEARCHED = 4 * 1024 * 1024
"""Characters of a damaged file that are searched: those of some 10,000 scopes."""
_FAILURES = 1_000
"""Values that cannot be read before the search ends: so that no text takes long."""
_CONFIG_SETTINGS = {"MAJORA_DOMAIN", "MAJORA_TOKEN", "CLIENT_ID", "CLIENT_SECRET", "MAJORA_TOKENS_FILE"}
_OUR_NAMES = ("token", "ocarina", "majora", "json")


def salvage(data: bytes, problem: Exception) -> TokensFile:
    """The entries of ``data`` that can be read, and its damage; ``problem`` is what reading it raised. Never raises."""
    marks = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
    mark = next((mark for mark in marks if data.startswith(mark)), b"")
    text = data[len(mark) :].decode(marks.get(mark, "utf-8"), "replace")
    damage = Damage("it is not JSON")
    if mark:
        damage = Damage("it begins with a byte-order mark")
    elif isinstance(problem, UnicodeDecodeError):
        damage = Damage("it is not UTF-8")
    elif isinstance(problem, json.JSONDecodeError):
        damage = Damage(_cause(text, problem), problem.lineno, problem.colno)
    found: dict[str, dict[str, object]] = {}
    for key, value in _entries(text[:_SEARCHED]):
        # Of two texts mixed, the one whose token expires later was written later.
        if key not in found or _rank(read_token(key, value)) > _rank(read_token(key, found[key])):
            found[key] = value
    return TokensFile(found, damage)


def foreign(path: Path, data: bytes, file: TokensFile) -> str:
    """What ``data``, found at ``path``, is in place of a tokens file, in words; "" where it may well be one.

    MAJORA_TOKENS_FILE may name a file of another kind by mistake (``~/.bashrc``, the configuration itself): setting it
    aside would destroy what a person needs, so such a file is left alone, whatever the command.
    """
    if _CONFIG_SETTINGS & file.entries.keys() or b"CLIENT_SECRET" in data[:65536]:
        return "a configuration, with the client secret in it"
    if file.damage is None or file.entries or any(word in path.name.lower() for word in _OUR_NAMES):
        return ""
    # NUL bytes: what a crash of the machine leaves of a file, and half of UTF-16.
    text = data.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return "" if not text or text.startswith(b"{") or b"_token" in text else "another program's"


def _cause(text: str, fault: json.JSONDecodeError) -> str:
    if not text.strip():
        return EMPTY
    if fault.msg == "Extra data":
        return "there is something after its end"
    # A string that was never closed is reported where it begins.
    if fault.pos >= len(text.rstrip()) or fault.msg.startswith("Unterminated string"):
        return "it ends in the middle"
    return "it is not JSON"


def _entries(text: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Every ``"key": {…}`` in the text that holds a token, wherever it is; also one whose end is missing."""
    position = failures = 0
    while failures < _FAILURES and (opening := _OPENING.search(text, position)) is not None:
        position = brace = opening.end() - 1
        start = text.rfind('"', max(0, opening.start() - 4_000), opening.start())
        try:
            value, end = _DECODER.raw_decode(text, brace)
        except (ValueError, RecursionError):
            value, end = _beginning(text, brace)
            failures += 1
        token = read_token("", value)
        if start >= 0 and (token.can_refresh or (token.access_token and token.expires_at is not None)):
            position = end
            if "\ufffd" not in text[start:end]:  # bytes that were no text spoil their entry
                yield text[start + 1 : opening.start()], value


def _beginning(text: str, brace: int) -> tuple[dict[str, object], int]:
    """The settings that can be read at the start of an object that cannot be read to its end; and how far that goes."""
    found: dict[str, object] = {}
    position, mark = _NEXT.match(text, brace + 1).end(), ","  # type: ignore[union-attr]  # it always matches
    try:
        while mark == "," and text[position : position + 1] == '"':
            key, end = _DECODER.raw_decode(text, position)
            colon = _NEXT.match(text, end)
            if colon is None or colon[1] != ":":
                break
            found[key], end = _DECODER.raw_decode(text, colon.end())
            after = _NEXT.match(text, end)
            position, mark = (end, "") if after is None else (after.end(), after[1])
    except (ValueError, RecursionError):
        pass
    return found, position


def _rank(token: Token) -> tuple[bool, float]:
    # Seen from the far future no real time is too far ahead.
    return token.can_refresh, token.expiry(1e15)
