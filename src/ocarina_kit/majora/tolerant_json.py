"""Reads a JSON object from an answer that Python's own reader would refuse.

A token is spent the moment Majora answers, so an odd member beside the new token is no
reason to lose it: Python refuses integers of more than 4,300 digits and deep nesting.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from json import JSONDecodeError, JSONDecoder
from typing import Any

# Python refuses longer ones, as a guard against slow conversions (int.__doc__).
_MOST_DIGITS = 300

_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],]', re.DOTALL)


def read_object(body: bytes) -> dict[str, Any] | None:
    """Read the JSON object at the start of ``body``.

    What follows the object is ignored. A member whose value cannot be read is left
    out, or is None if it is a very long number.

    Returns:
        The object, or None where ``body`` does not start with a complete one.
    """
    text = body.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    try:
        value, _ = _DECODER.raw_decode(text)
    except RecursionError:
        return _read_each_member(text)
    except JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _read_number(digits: str) -> int | None:
    return int(digits) if len(digits) <= _MOST_DIGITS else None


_DECODER = JSONDecoder(parse_int=_read_number)


def _read_each_member(text: str) -> dict[str, Any] | None:
    """Read an object that is nested too deeply as a whole, member by member."""
    members = list(_split_members(text))
    if not members:
        return None
    value: dict[str, Any] = {}
    for member in members:
        try:
            value |= _DECODER.decode(f"{{{member}}}")
        except (RecursionError, JSONDecodeError):
            continue
    return value


def _split_members(text: str) -> Iterator[str]:
    """Give the text of each member of the object, nothing if it is not complete."""
    depth = 0
    start = 1
    members = []
    for mark in _STRING_OR_BRACKET.finditer(text):
        if mark[0] in ("{", "["):
            depth += 1
        elif mark[0] in ("}", "]"):
            depth -= 1
        if depth == 0 or (depth == 1 and mark[0] == ","):
            members.append(text[start : mark.start()])
            start = mark.end()
        if depth == 0:
            return iter(members)
    return iter(())
