"""The tokens file, as ocarina reads and writes it (FACTS.md): one member per scope string.

A :class:`TokenFile` never changes; each method gives a new one. Scopes that it does not touch keep every byte
(CONTRACT.md, Files).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from ocarina_kit.core.tokens import token_salvage
from ocarina_kit.core.tokens.json_members import JsonMembers, Member
from ocarina_kit.core.tokens.token_entry import (
    LIFETIME,
    TimeFault,
    TokenEntry,
    better,
    due,
    lifetime_of,
    read_entry,
    same_tokens,
)
from ocarina_kit.core.tokens.token_salvage import Cause, Damage

__all__ = [
    "Cause",
    "Damage",
    "TimeFault",
    "TokenEntry",
    "TokenFile",
    "better",
    "due",
    "granted_scope",
    "same_tokens",
    "stored_key",
]

_ORDER = ("access_token", "expires_in", "token_type", "scope", "refresh_token", "expires_at")
"""The members of a new entry, as the client's own stand."""


@dataclass(frozen=True)
class TokenFile:
    """A tokens file. Made by :meth:`parse`; :meth:`render` gives the bytes to write."""

    _text: JsonMembers
    damage: Damage | None = None
    """What keeps ocarina from reading it; the entries are then those that could be saved. None where it is JSON."""

    @classmethod
    def parse(cls, data: bytes | None) -> TokenFile:
        """Read the file's content; None stands for no file. Never raises."""
        if data is None:
            return cls(JsonMembers.of(()))
        text, damage = token_salvage.read(data)
        return cls(text, damage)

    @cached_property
    def entries(self) -> tuple[TokenEntry, ...]:
        """All members, in the file's order, also those that are no token entry (``odd``)."""
        return tuple(read_entry(member.key, member.value) for member in self._text.distinct())

    def get(self, key: str) -> TokenEntry | None:
        """The entry under exactly this key, which is how ocarina looks it up."""
        member = self._text.last(key)
        return None if member is None else read_entry(key, member.value)

    def __repr__(self) -> str:
        return f"TokenFile({[entry.key for entry in self.entries]!r}, damage={self.damage!r})"

    def render(self) -> bytes:
        """The file's bytes: those that were read, but for what was changed. Where it was damaged, a whole one."""
        return self._text.render().encode("utf-8")

    def with_token(
        self, scope: str, answer: Mapping[str, object], *, now: float, old: TokenEntry | None = None
    ) -> TokenFile:
        """Store the server's token answer for ``scope``, as the client would, got at ``now`` (epoch seconds).

        ``old`` is the entry whose refresh token was spent, where there was one: RFC 6749 lets an answer leave out
        ``scope`` (5.1) and ``refresh_token`` (6), and the old ones hold then. Members that the answer does not have
        stay. Where the server granted other scopes than asked for, the token stands under those (:func:`stored_key`),
        and the entry it replaces goes. ValueError where the answer has no access token.
        """
        if not isinstance(answer.get("access_token"), str) or not answer["access_token"]:
            raise ValueError("a token answer without an access token")
        key = stored_key(scope, answer, old)
        before = self._text.last(key) or self._text.last(scope)
        entry = _entry_text(before)
        for name, value in _entry_members(key, answer, now, old or self.get(scope)).items():
            entry = entry.with_value(name, json.dumps(value), value)
        rest = self._text if key == scope else self._text.without(scope)
        value = {member.key: member.value for member in entry.members}
        return replace(self, _text=rest.with_value(key, entry.render(), value))

    def without(self, key: str) -> TokenFile:
        """Forget the entry under ``key``."""
        return replace(self, _text=self._text.without(key))

    def with_entry_of(self, other: TokenFile, key: str) -> TokenFile:
        """Take the entry under ``key`` over from another file, to the letter; unchanged where it has none."""
        member = other._text.last(key)
        if member is None:
            return self
        return replace(self, _text=self._text.with_value(key, member.raw_value, member.value))

    def only_readable(self) -> TokenFile:
        """Leave out the members that are no token entry and could not become one (TOK002)."""
        kept = self
        for entry in self.entries:
            if entry.odd and not entry.can_refresh:
                kept = kept.without(entry.key)
        return kept

    def with_mended_times(self, now: float) -> TokenFile:
        """Write each ``expires_at`` that ocarina cannot use as the time that was meant, else as expired (TOK008)."""
        text = self._text
        for entry in self.entries:
            if entry.odd and not entry.can_refresh:
                continue
            if entry.time_fault(now) is not None:
                time = entry.mended_expires_at(now)
                member = _entry_text(text.last(entry.key)).with_value("expires_at", json.dumps(time), time)
                value = {each.key: each.value for each in member.members}
                text = text.with_value(entry.key, member.render(), value)
        return replace(self, _text=text)

    def with_mended_keys(self, now: float, known: Collection[str] = ()) -> TokenFile:
        """Move each token to the key under which ocarina looks for it, never over a better one (TOK006).

        ``known`` are the scope strings that ocarina looks up. Of two tokens for one key the worse goes.
        """
        misplaced = [entry for entry in self.entries if entry.misplaced(known)]
        # All are lifted out before one is put down: two may stand in each other's place.
        moved = self
        for entry in misplaced:
            moved = moved.without(entry.key)
        for entry in misplaced:
            home = entry.home(known)
            there, member = moved.get(home), self._text.last(entry.key)
            if member is not None and (there is None or better(there, entry, now=now) is not there):
                moved = replace(moved, _text=moved._text.with_value(home, member.raw_value, member.value))
        return moved


def granted_scope(answer: Mapping[str, object]) -> str | None:
    """The scopes that an answer names, in its order, as one string; None where it names none (RFC 6749, 5.1)."""
    scope = answer.get("scope")
    if isinstance(scope, list) and all(isinstance(word, str) for word in scope):
        scope = " ".join(scope)
    return scope if isinstance(scope, str) and scope.strip() else None


def stored_key(scope: str, answer: Mapping[str, object], old: TokenEntry | None = None) -> str:
    """The key under which an answer for ``scope`` is stored: ``scope`` itself, as ocarina looks for that, unless other
    scopes were granted. Their order alone does not matter (RFC 6749, 3.3)."""
    granted = granted_scope(answer)
    if granted is None:
        granted = old.scope if old is not None and old.scope else scope
    return scope if set(granted.split()) == set(scope.split()) else granted


def _entry_text(member: Member | None) -> JsonMembers:
    if member is not None and isinstance(member.value, Mapping):
        return JsonMembers.parse(member.raw_value)
    return JsonMembers.of(())


def _entry_members(
    key: str, answer: Mapping[str, object], now: float, old: TokenEntry | None
) -> dict[str, object]:
    lifetime = lifetime_of(answer.get("expires_in"))
    if lifetime is None:
        lifetime = LIFETIME if old is None else old.lifetime
    old_type = None if old is None else old.token_type
    members: dict[str, object] = {
        "access_token": answer["access_token"],
        "expires_in": int(lifetime) if lifetime == int(lifetime) else lifetime,
        "token_type": _text_in(answer, "token_type") or old_type or "Bearer",
        "scope": key.split(" "),
        "refresh_token": _text_in(answer, "refresh_token") or _revealed(old),
        "expires_at": float(now + lifetime),
    }
    known = {name: members[name] for name in _ORDER if members[name] is not None}
    return known | {name: value for name, value in answer.items() if name not in members}


def _text_in(answer: Mapping[str, object], name: str) -> str | None:
    value = answer.get(name)
    return value if isinstance(value, str) else None


def _revealed(old: TokenEntry | None) -> str | None:
    return old.refresh_token.reveal() if old is not None and old.refresh_token is not None else None
