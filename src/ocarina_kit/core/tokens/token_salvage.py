"""What is wrong with a damaged tokens file, and what can still be read of it.

The client writes the file in place with no lock (FACTS.md), so a crash cuts it off, and two writers mix their texts.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from enum import Enum

from ocarina_kit.core.tokens.json_members import (
    JsonFaultError,
    JsonMembers,
    Member,
    read_members,
    read_value,
)
from ocarina_kit.core.tokens.token_entry import TokenEntry, read_entry

_REPLACEMENT = "\ufffd"

_SEARCHED = 4 * 1024 * 1024
"""Characters of a damaged file that are searched: those of some 10,000 scopes."""


class Cause(Enum):
    """Why ocarina cannot read the file (TOK002)."""

    EMPTY = "it is empty"
    BYTE_ORDER_MARK = "it begins with a byte-order mark"
    NOT_UTF8 = "it is not UTF-8"
    NOT_AN_OBJECT = "it is JSON, but not an object"
    CUT_OFF = "it ends in the middle"
    MORE_BEHIND = "something stands behind its end"
    NOT_JSON = "it is not JSON"


@dataclass(frozen=True)
class Damage:
    """``line`` and ``column`` count from 1, the column in characters; ``words`` are the JSON reader's."""

    cause: Cause
    line: int
    column: int
    words: str


def read(data: bytes) -> tuple[JsonMembers, Damage | None]:
    """The members of a tokens file; where it is damaged, those that can be read whole, and the damage. Never raises."""
    text, coding = _decode(data)
    try:
        members = JsonMembers.parse(text)
    except JsonFaultError as fault:
        cause = coding or _cause(text, fault)
        line = text.count("\n", 0, fault.position) + 1
        column = fault.position - text.rfind("\n", 0, fault.position)
        damage = Damage(cause, line, column, fault.words)
    else:
        if coding is None:
            return members, None
        unspoilt = JsonMembers.of(filter(_unspoilt, members.members))
        return (members if len(unspoilt.members) == len(members.members) else unspoilt), Damage(
            coding, 1, 1, ""
        )
    found: dict[str, Member] = {}
    for member in filter(_unspoilt, _whole_members(text[:_SEARCHED])):
        _keep_the_better(found, member)
    return JsonMembers.of(found.values()), damage


def _unspoilt(member: Member) -> bool:
    """Whether all of its bytes were text, where not all of the file's were."""
    return _REPLACEMENT not in member.raw_key + member.raw_value


def _decode(data: bytes) -> tuple[str, Cause | None]:
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace"), Cause.BYTE_ORDER_MARK
    try:
        return data.decode("utf-8"), None
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace"), Cause.NOT_UTF8


def _cause(text: str, fault: JsonFaultError) -> Cause:
    if not text.strip():
        return Cause.EMPTY
    if fault.words == "not an object":
        return Cause.NOT_AN_OBJECT
    if fault.words == "Extra data":
        return Cause.MORE_BEHIND
    # A string that was never closed is reported where it begins.
    if fault.position >= len(text.rstrip()) or fault.words.startswith("Unterminated string"):
        return Cause.CUT_OFF
    return Cause.NOT_JSON


def _whole_members(text: str) -> list[Member]:
    """Every ``"key": {…}`` in the text that holds a token, wherever it stands; also one whose end is missing.

    Work is bounded: on a text made to be read over and over, the search ends early.
    """
    found: list[Member] = []
    budget = 64 * len(text) + 1_000_000
    position = text.find('"')
    while position != -1 and budget > 0:
        budget -= 256
        try:
            key, key_end = read_value(text, position)
        except JsonFaultError as fault:
            budget -= _work(text, position, fault)
            position = text.find('"', position + 1)
            continue
        budget -= key_end - position
        opening = _opening_brace(text, key_end)
        if opening is None:
            position = text.find('"', position + 1)
            continue
        members: list[Member] = []
        try:
            _, last = read_members(text, opening + 1, members)
            end = last + 1
        except JsonFaultError as fault:
            budget -= _work(text, opening, fault)
            end = fault.position
        entry = read_entry(str(key), {member.key: member.value for member in members})
        if _worth_keeping(entry):
            value = JsonMembers.of(members)
            found.append(
                Member(
                    str(key),
                    {member.key: member.value for member in members},
                    text[position:key_end],
                    value.render(),
                )
            )
            position = text.find('"', end)
        else:
            position = text.find('"', opening + 1)
    return found


def _work(text: str, start: int, fault: JsonFaultError) -> int:
    """About how many characters were read before ``fault`` was met."""
    if fault.words.startswith("Unterminated string"):  # reported where it begins, known at the end
        return len(text) - start
    if fault.words == "too deeply nested":
        return 10_000
    # To say where it is, the reader counts the lines above it, which is quicker than reading them.
    return fault.position - start + fault.position // 16


def _opening_brace(text: str, position: int) -> int | None:
    """Where the ``{`` of ``: {`` stands behind a key."""
    for wanted in ":{":
        while text[position : position + 1] in (" ", "\t", "\n", "\r"):
            position += 1
        if text[position : position + 1] != wanted:
            return None
        position += 1
    return position - 1


def _worth_keeping(entry: TokenEntry) -> bool:
    return entry.refresh_token is not None or (
        entry.access_token is not None and entry.expires_at is not None
    )


def _keep_the_better(found: dict[str, Member], member: Member) -> None:
    """Of two texts mixed, the one whose token runs out later was written later."""
    before = found.get(member.key)
    if before is None or _rank(member) > _rank(before):
        found[member.key] = member


def _rank(member: Member) -> tuple[bool, float]:
    entry = read_entry(member.key, member.value)
    # Seen from time 0 each real time lies too far ahead, so the number itself is compared.
    number = entry.expires_at if isinstance(entry.expires_at, int | float) else 0.0
    try:
        return entry.can_refresh, float(number)
    except OverflowError:
        return entry.can_refresh, 0.0
