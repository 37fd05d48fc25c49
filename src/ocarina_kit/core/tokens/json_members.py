"""A JSON object as text with its members cut apart, so that one can change while the others keep every byte.

Reads what Python's own ``json`` reads, as that is what ocarina reads with: no more, no less.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

_SPACE = re.compile(r"[ \t\n\r]*")
_COLON = re.compile(r"[ \t\n\r]*:[ \t\n\r]*")
_DECODER = json.JSONDecoder()


class JsonFaultError(ValueError):
    """Not a JSON object. ``position`` is the offset in the text where it stops being one."""

    def __init__(self, words: str, position: int) -> None:
        super().__init__(words)
        self.words = words
        self.position = position


def read_value(text: str, position: int) -> tuple[object, int]:
    """The JSON value at ``position`` and where it ends. Raises :class:`JsonFaultError`, also for what is too deep."""
    try:
        return _DECODER.raw_decode(text, position)
    except json.JSONDecodeError as problem:
        raise JsonFaultError(problem.msg, problem.pos) from None
    except ValueError as problem:  # an integer of more digits than Python converts
        raise JsonFaultError(str(problem), position) from None
    except RecursionError:
        raise JsonFaultError("too deeply nested", position) from None


@dataclass(frozen=True)
class Member:
    """One member: its text in pieces, and what it says."""

    key: str
    value: object
    raw_key: str
    raw_value: str
    before: str = " "
    """White space between the brace or comma and the key."""
    between: str = ": "
    after: str = ""
    """White space between the value and the comma or brace."""

    @property
    def text(self) -> str:
        return f"{self.before}{self.raw_key}{self.between}{self.raw_value}{self.after}"


@dataclass(frozen=True)
class JsonMembers:
    """A JSON object's text. ``head`` ends with its opening brace, ``tail`` begins with the closing one."""

    head: str
    members: tuple[Member, ...]
    inner: str
    """The white space between the braces where there is no member."""
    tail: str

    @classmethod
    def parse(cls, text: str) -> JsonMembers:
        """Cut ``text`` apart; :meth:`render` gives it back to the letter. Raises :class:`JsonFaultError`."""
        start = _end_of_space(text, 0)
        if text[start : start + 1] != "{":
            _, end = read_value(text, start)
            _refuse_more(text, end)
            raise JsonFaultError("not an object", start)
        members, end = read_members(text, start + 1)
        # The loop stops before the closing brace, or the text is not whole.
        inner = "" if members else text[start + 1 : end]
        _refuse_more(text, end + 1)
        return cls(text[: start + 1], tuple(members), inner, text[end:])

    @classmethod
    def of(cls, members: Iterable[Member]) -> JsonMembers:
        """An object of these members, laid out as ``json.dump`` lays it out."""
        plain = [replace(each, before=" ", between=": ", after="") for each in members]
        if plain:
            plain[0] = replace(plain[0], before="")
        return cls("{", tuple(plain), "", "}")

    def render(self) -> str:
        return self.head + ",".join(member.text for member in self.members) + self.inner + self.tail

    def last(self, key: str) -> Member | None:
        """The member of that name; where there are several, the last, as a JSON reader takes that one."""
        return next((member for member in reversed(self.members) if member.key == key), None)

    def distinct(self) -> Iterator[Member]:
        """Each name once, in order of first standing, with the member that counts."""
        counting = {member.key: member for member in self.members}
        yield from counting.values()

    def with_value(self, key: str, raw_value: str, value: object) -> JsonMembers:
        """Give ``key`` this value, in its place where it has one, else at the end. Doubles of ``key`` go."""
        places = [index for index, member in enumerate(self.members) if member.key == key]
        if not places:
            return self._appended(Member(key, value, json.dumps(key), raw_value))
        kept = self if len(places) == 1 else self._without_places(set(places[:-1]))
        at = places[-1] - (len(places) - 1)
        changed = replace(kept.members[at], raw_value=raw_value, value=value)
        return replace(kept, members=(*kept.members[:at], changed, *kept.members[at + 1 :]))

    def without(self, key: str) -> JsonMembers:
        """Leave out every member of that name."""
        return self._without_places({index for index, member in enumerate(self.members) if member.key == key})

    def _appended(self, member: Member) -> JsonMembers:
        if not self.members:
            return replace(self, members=(replace(member, before=""),), inner="")
        last = self.members[-1]
        before = last.before if len(self.members) > 1 else (last.before or " ")
        placed = replace(member, before=before, after=last.after)
        return replace(self, members=(*self.members[:-1], replace(last, after=""), placed))

    def _without_places(self, places: set[int]) -> JsonMembers:
        if not places:
            return self
        kept = [member for index, member in enumerate(self.members) if index not in places]
        if kept:
            # What stood between a brace and its neighbour belongs to the brace.
            kept[0] = replace(kept[0], before=self.members[0].before)
            kept[-1] = replace(kept[-1], after=self.members[-1].after)
        return replace(self, members=tuple(kept))


def read_members(text: str, position: int, whole: list[Member] | None = None) -> tuple[list[Member], int]:
    """The members from just behind an opening brace up to its closing one, and where that stands.

    Raises :class:`JsonFaultError`; the members before the fault stand in ``whole``, where it was given.
    """
    members: list[Member] = [] if whole is None else whole
    start = _end_of_space(text, position)
    if text[start : start + 1] == "}":
        return members, start
    while True:
        key_at = _end_of_space(text, position)
        if text[key_at : key_at + 1] != '"':
            raise JsonFaultError("Expecting property name enclosed in double quotes", key_at)
        key, key_end = read_value(text, key_at)
        colon = _COLON.match(text, key_end)
        if colon is None:
            raise JsonFaultError("Expecting ':' delimiter", _end_of_space(text, key_end))
        value, value_end = read_value(text, colon.end())
        end = _end_of_space(text, value_end)
        members.append(
            Member(
                key=str(key),
                value=value,
                raw_key=text[key_at:key_end],
                raw_value=text[colon.end() : value_end],
                before=text[position:key_at],
                between=colon.group(),
                after=text[value_end:end],
            )
        )
        closing = text[end : end + 1]
        if closing == "}":
            return members, end
        if closing != ",":
            raise JsonFaultError("Expecting ',' delimiter", end)
        position = end + 1


def _end_of_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found is not None else position


def _refuse_more(text: str, position: int) -> None:
    end = _end_of_space(text, position)
    if end != len(text):
        raise JsonFaultError("Extra data", end)
