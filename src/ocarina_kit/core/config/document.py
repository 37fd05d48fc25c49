"""The config file as a document: members are set and renamed in it, and every other byte stays as it is.

The text itself is kept, and a change is a splice into it: order, indentation, line ends, escapes, the spelling of
numbers and the last line break (or none) are the file's own. A document is never changed: each edit gives a new one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ocarina_kit.core.config.json_tree import Duplicate, Member, Node
from ocarina_kit.core.config.lenient_json import Broken, Mend, Parsed, parse_json

Path = tuple[str, ...]
"""The way to a member: ``("MAJORA_USER",)``, ``("profile", "uk", "CLIENT_ID")``."""

GUIDE_ORDER = (
    "MAJORA_DOMAIN",
    "MAJORA_USER",
    "MAJORA_TOKEN",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "MAJORA_TOKENS_FILE",
)
"""The order in which the guide writes a config (FACTS.md, step 3)."""

_UNIT = "    "


class NoSuchPlaceError(ValueError):
    """A change that the document has no place for: what stands on the way is no object, or a name is taken."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{'.'.join(path)}: {why}")
        self.path = path
        self.why = why


@dataclass(frozen=True)
class ConfigDocument:
    """A JSON object as a text that keeps itself. Its ``repr`` shows no value."""

    text: str = field(repr=False)
    value: dict[str, object] = field(repr=False)
    tree: Node = field(repr=False)
    mends: tuple[Mend, ...] = ()
    """What was mended when the file was read; where there is any, ``render`` gives the mended text."""
    duplicates: tuple[Duplicate, ...] = ()
    excerpt: str = ""
    """The line of the first mend, values masked."""

    @classmethod
    def parse(cls, data: bytes) -> ConfigDocument | Broken:
        """Reads a file: as it is, or mended where its meaning is beyond doubt. Takes any bytes, never raises."""
        parsed = parse_json(data)
        return parsed if isinstance(parsed, Broken) else cls._of(parsed, parsed.mends, parsed.excerpt)

    @classmethod
    def _of(cls, parsed: Parsed, mends: tuple[Mend, ...], excerpt: str) -> ConfigDocument:
        return cls(parsed.text, parsed.value, parsed.tree, mends, parsed.duplicates, excerpt)

    @classmethod
    def new(cls, members: Mapping[str, object]) -> ConfigDocument:
        """A file of the kit's own: 4 spaces, members in the guide's order, a last line break."""
        document = cls.parse(f"{json.dumps(_in_order(members), indent=_UNIT)}\n".encode())
        if isinstance(document, Broken):  # more objects inside each other than any config has
            raise NoSuchPlaceError((), document.words)
        return document

    def render(self) -> bytes:
        """The file's bytes: UTF-8, no byte-order mark."""
        return self.text.encode("utf-8")

    def member(self, path: Sequence[str]) -> Member | None:
        """The member that wins at a path: of doubles the last one."""
        node, member = self.tree, None
        for name in path:
            member = node.last(name)
            if member is None:
                return None
            node = member.value
        return member

    def get(self, path: Sequence[str], default: object = None) -> object:
        """The value at a path, or ``default`` where there is none."""
        found: object = self.value
        for name in path:
            if not isinstance(found, dict) or name not in found:
                return default
            found = found[name]
        return found

    def set(self, path: Sequence[str], value: object) -> ConfigDocument:
        """The document with one member set; the same document where it has that value already.

        A member that is given twice is set where it wins: the last time. Objects that are missing on the way are
        made. Raises NoSuchPlaceError where something on the way is no object.
        """
        node, indent = self.tree, self._indent(self.tree, "")
        for depth, name in enumerate(path):
            member = node.last(name)
            if member is None:
                return self._insert(node, indent, name, _nest(path[depth + 1 :], value))
            if depth == len(path) - 1:
                if _same(json.loads(self.text[member.value.start : member.value.end]), value):
                    return self
                return self._splice(
                    member.value.start, member.value.end, self._dump(value, indent, self._colon(node))
                )
            if member.value.kind != "object":
                raise NoSuchPlaceError(tuple(path[: depth + 1]), "it is no object")
            node, indent = member.value, self._indent(member.value, indent)
        raise NoSuchPlaceError((), "no member is named")

    def rename(self, path: Sequence[str], name: str) -> ConfigDocument:
        """The document with one member under another name, at its place and with its value as it stands.

        Raises NoSuchPlaceError where there is no such member, or the name is taken.
        """
        member = self.member(path)
        parent = self.tree if len(path) == 1 else getattr(self.member(path[:-1]), "value", None)
        if member is None or parent is None:
            raise NoSuchPlaceError(tuple(path), "there is no such member")
        if name == member.name:
            return self
        if parent.last(name) is not None:
            raise NoSuchPlaceError((*path[:-1], name), "there is such a member already")
        return self._splice(member.start, member.end, self._string(name))

    # --- the file's own style ---

    def _indent(self, node: Node, outer: str | None) -> str | None:
        """How the members of an object are indented, or None where they stand in one line.

        An empty object is written as its surroundings are: over lines, one step further in than ``outer``.
        """
        if node.members:
            lead = self.text[node.start + 1 : node.members[0].start]
            return lead[_after_break(lead) :] if _after_break(lead) else None
        if outer is None:
            return None
        return outer + self._unit()

    def _unit(self) -> str:
        """One step of indentation."""
        if self.tree.members:
            lead = self.text[self.tree.start + 1 : self.tree.members[0].start]
            return lead[_after_break(lead) :] if _after_break(lead) else _UNIT
        return _UNIT

    def _line_end(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n" if "\n" in self.text or "\r" not in self.text else "\r"

    def _colon(self, node: Node) -> str:
        """What stands between a name and its value."""
        members = node.members or self.tree.members
        return _usual((self.text[m.end : m.value.start] for m in members), ": ")

    def _comma(self, node: Node) -> str:
        """What stands between two members."""
        pairs = zip(node.members, node.members[1:], strict=False)
        between = _usual((self.text[a.value.end : b.start] for a, b in pairs), "")
        if between:
            return between
        lead = self.text[node.start + 1 : node.members[0].start]
        return f",{lead}" if _after_break(lead) else ", " if self._colon(node) != ":" else ","

    def _insert(self, node: Node, indent: str | None, name: str, value: object) -> ConfigDocument:
        colon = self._colon(node)
        member = f"{self._string(name)}{colon}{self._dump(value, indent, colon)}"
        if node.members:
            end = node.members[-1].value.end
            return self._splice(end, end, f"{self._comma(node)}{member}")
        if indent is None:
            return self._splice(node.start, node.end, f"{{{member}}}")
        line_end = self._line_end()
        outer = indent.removesuffix(self._unit())
        return self._splice(node.start, node.end, f"{{{line_end}{indent}{member}{line_end}{outer}}}")

    def _string(self, text: str) -> str:
        # Where a file is plain ASCII it stays so: every locale reads it. Half a surrogate pair has no UTF-8.
        plain = self.text.isascii() or any(0xD800 <= ord(char) <= 0xDFFF for char in text)
        return json.dumps(text, ensure_ascii=plain)

    def _dump(self, value: object, indent: str | None, colon: str) -> str:
        if isinstance(value, str):
            return self._string(value)
        if not isinstance(value, (dict, list)):
            return json.dumps(value)
        if indent is None or not value:
            return json.dumps(value, separators=("," if colon == ":" else ", ", colon))
        # No string of JSON holds a line break as such, so those found are all between the members.
        laid_out = json.dumps(value, indent=self._unit(), separators=(",", colon.replace("\n", "")))
        return laid_out.replace("\n", f"{self._line_end()}{indent}")

    def _splice(self, start: int, end: int, replacement: str) -> ConfigDocument:
        parsed = parse_json(f"{self.text[:start]}{replacement}{self.text[end:]}".encode())
        if isinstance(
            parsed, Broken
        ):  # more objects inside each other, or a larger file, than any config has
            raise NoSuchPlaceError((), parsed.words)
        return self._of(parsed, self.mends, self.excerpt)


def _after_break(blank: str) -> int:
    """The place behind the last line break in what stands between two members, or 0."""
    return max(blank.rfind("\n"), blank.rfind("\r")) + 1


def _usual(found: Iterable[str], default: str) -> str:
    """The most frequent one; of several the one that came first."""
    counted = Counter(found)
    return counted.most_common(1)[0][0] if counted else default


def _nest(path: Sequence[str], value: object) -> object:
    for name in reversed(path):
        value = {name: value}
    return value


def _same(a: object, b: object) -> bool:
    """Equal as JSON: ``1``, ``1.0`` and ``true`` are three things, and the order of members counts."""
    return json.dumps(a) == json.dumps(b)


def _in_order(members: Mapping[str, object]) -> dict[str, object]:
    places = {name: place for place, name in enumerate(GUIDE_ORDER)}
    names = sorted(members, key=lambda name: places.get(name, len(places)))
    return {name: _in_order(v) if isinstance(v := members[name], dict) else v for name in names}
