"""The tokens file, as ocarina reads and writes it (FACTS.md): a JSON object, one entry per scope string.

A :class:`TokensFile` never changes; each ``with…`` gives a new one. Entries that it does not touch keep their values
and their order (CONTRACT.md, Files).
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, NamedTuple

from ocarina_kit.config.names import TOKEN_LIFE_S
from ocarina_kit.system.secret import Secret

if TYPE_CHECKING:
    from ocarina_kit.majora.api import Granted

AHEAD = 7 * 86_400.0
"""Seconds that ``expires_at`` may be ahead beyond the lifetime before it is no time at all (CHECKS.md, TOK008)."""
EXPIRED = 1
"""Epoch seconds: what TOK008 writes for an unknown time. Not 0, which the client's library takes for "never"."""

_LONGEST_TOKEN_LIFE_S = 1e9  # seconds
_MILLISECONDS_FROM = 1e11  # as seconds that is the year 5138, as milliseconds 1973


class Token(NamedTuple):
    """One entry. What is None is missing, or not of a type that ocarina could use.

    ``scope`` is the token's own scope string, ``lifetime`` that of an access token in seconds, ``expires_at`` as the
    file has it. ``odd`` says why this is not of ocarina's shape (TOK002), "" where it is.
    """

    key: str
    scope: str | None = None
    access_token: Secret | None = None
    refresh_token: Secret | None = None
    lifetime: float = TOKEN_LIFE_S
    expires_at: object = None
    odd: str = ""

    @property
    def can_refresh(self) -> bool:
        return self.refresh_token is not None

    @property
    def usable(self) -> bool:
        """Worth keeping: of ocarina's shape, or a refresh would make it so."""
        return not self.odd or self.can_refresh

    @property
    def digest(self) -> str:
        """The short digest of the refresh token, by which the log and the journal know it."""
        from ocarina_kit.tokens.log import digest

        return digest(self.refresh_token)

    def time(self, now: float) -> tuple[float | int, str]:
        """The time that ``expires_at`` means in epoch seconds, and what is wrong with it at ``now``: "text",
        "milliseconds", "too far ahead" or "unusable"; "" where ocarina can use it (TOK008)."""
        number, fault = _number_in(self.expires_at), "text" if isinstance(self.expires_at, str) else ""
        if number is None or number < 0:
            return EXPIRED, "unusable"
        if number >= _MILLISECONDS_FROM:
            number, fault = number / 1000, fault or "milliseconds"
        return (number, fault) if number <= now + self.lifetime + AHEAD else (EXPIRED, "too far ahead")

    def time_fault(self, now: float) -> str:
        return self.time(now)[1]

    def known_expiry(self, now: float) -> float | None:
        """Epoch seconds at which the access token expires, None where ``expires_at`` is not a time."""
        number, fault = self.time(now)
        return None if fault else float(number)

    def expiry(self, now: float) -> float:
        """:meth:`known_expiry`; a time that ocarina cannot use counts as expired."""
        expiry = self.known_expiry(now)
        return float(EXPIRED) if expiry is None else expiry

    def seconds_left(self, now: float) -> float:
        """Seconds that the access token is still valid, 0 or less where it has expired."""
        return self.expiry(now) - now

    def last_refresh(self, now: float) -> float | None:
        """Epoch seconds of the last refresh or login (FACTS.md: ``expires_at - expires_in``), None where unknown."""
        expiry = self.expiry(now)
        return None if expiry <= EXPIRED else expiry - self.lifetime

    def home(self, known: Collection[str] = ()) -> str:
        """The key under which ocarina looks for this token; ``known`` are the scope strings that it looks up."""
        if self.scope is None or (self.key in known and same_scopes(self.key, self.scope)):
            return self.key
        return next((each for each in known if same_scopes(each, self.scope)), self.scope)

    def misplaced(self, known: Collection[str] = ()) -> bool:
        """Stored under a key that is not its scope string, so that ocarina never finds it (TOK006)."""
        return self.home(known) != self.key


def read_token(key: str, value: object) -> Token:
    """Judge an entry's value, whatever it is."""
    if not isinstance(value, Mapping):
        return Token(key, odd="not an object")
    access, refresh = _secret(value.get("access_token")), _secret(value.get("refresh_token"))
    scope, odd = value.get("scope"), "" if access else "no access token"
    if isinstance(scope, list) and all(isinstance(word, str) for word in scope):
        scope = " ".join(scope)
    elif scope is not None and not isinstance(scope, str):
        scope, odd = None, odd or "a scope that is neither a list of words nor a text"
    lifetime = _number_in(value.get("expires_in"))
    if lifetime is None or not 0 <= lifetime <= _LONGEST_TOKEN_LIFE_S:
        lifetime = TOKEN_LIFE_S
    return Token(key, scope, access, refresh, lifetime, value.get("expires_at"), odd)


class Damage(NamedTuple):
    """What keeps ocarina from reading the file (TOK002), in words; ``line`` and ``column`` count from 1."""

    cause: str
    line: int = 1
    column: int = 1


class TokensFile(NamedTuple):
    """A tokens file. Made by :func:`parse`; :meth:`render` gives the bytes to write.

    ``entries`` has secrets in plain text: for this package alone. With ``damage`` they are those that could be read.
    """

    entries: Mapping[str, object]
    damage: Damage | None = None

    def __repr__(self) -> str:
        return f"TokensFile({list(self.entries)!r}, damage={self.damage!r})"

    @property
    def tokens(self) -> tuple[Token, ...]:
        """All entries in the file's order, also those that are no token (``odd``)."""
        return tuple(read_token(key, value) for key, value in self.entries.items())

    def get(self, key: str) -> Token | None:
        """The token under exactly this key, which is how ocarina looks it up."""
        return read_token(key, self.entries[key]) if key in self.entries else None

    def render(self) -> bytes:
        """The bytes to write: always a complete JSON object, laid out as the client does."""
        return json.dumps(self.entries).encode()

    def with_entry(self, key: str, value: object) -> TokensFile:
        """The same with ``value`` under ``key``, in its place where it has one, else at the end."""
        return self._replace(entries={**self.entries, key: value})

    def without(self, *keys: str) -> TokensFile:
        """Forget the entries under ``keys``."""
        gone = frozenset(keys)
        return self._replace(entries={key: value for key, value in self.entries.items() if key not in gone})

    def granted(self, scope: str, answer: Granted, now: float) -> tuple[str, dict[str, object]]:
        """The server's answer for ``scope``, got at ``now`` (epoch seconds): where the client would store it, and what.

        RFC 6749 lets an answer leave out ``scope`` (5.1) and ``refresh_token`` (6): those of the entry remain, as do
        settings that the answer does not have. A token for other scopes than asked for is stored under those; their
        order does not matter (3.3), so ocarina's own stays.
        """
        before = self.entries.get(scope)
        given = " ".join(answer.scope or ()) or read_token(scope, before).scope or scope
        key = scope if same_scopes(given, scope) else given
        entry: dict[str, object] = {
            **(before if isinstance(before, Mapping) else {}),
            **answer.extra,
            "access_token": answer.access_token.reveal(),
            "expires_in": int(answer.expires_in),
            "token_type": answer.token_type,
            "scope": key.split(" "),
        }
        if answer.refresh_token is not None:
            entry["refresh_token"] = answer.refresh_token.reveal()
        return key, {**entry, "expires_at": float(now + answer.expires_in)}

    def readable_only(self) -> TokensFile:
        """Leave out the entries that are no token and could not become one (TOK002)."""
        return self.without(*(token.key for token in self.tokens if not token.usable))

    def with_fixed_times(self, now: float) -> TokensFile:
        """Write each ``expires_at`` that ocarina cannot use as the time that was meant, else as expired (TOK008)."""
        entries = dict(self.entries)
        for token in self.tokens:
            value, (number, fault) = entries[token.key], token.time(now)
            if isinstance(value, Mapping) and token.usable and fault:
                entries[token.key] = {**value, "expires_at": number}
        return self._replace(entries=entries)

    def with_fixed_keys(self, now: float, known: Collection[str] = ()) -> TokensFile:
        """Move each token to the key under which ocarina looks for it, never over a better one (TOK006).

        ``known`` are the scope strings that ocarina looks up. Of two tokens for one key the worse goes.
        """
        misplaced = [token for token in self.tokens if token.misplaced(known)]
        # All are taken out before one is put back: two may be in each other's place.
        moved = self.without(*(token.key for token in misplaced))
        for token in misplaced:
            moved = moved.with_better(token.home(known), self.entries[token.key], now)
        return moved

    def with_better(self, key: str, value: object, now: float) -> TokensFile:
        """With ``value`` under ``key``, unless the token there is at least as good: of two for one scope the one to
        keep can be refreshed, and is valid longer at ``now``."""
        new, there = read_token(key, value), self.get(key)
        if there is not None and (new.can_refresh, new.expiry(now)) <= (there.can_refresh, there.expiry(now)):
            return self
        return self.with_entry(key, value)


def parse(data: bytes | None) -> TokensFile:
    """Read the file's content; None stands for no file. Never raises: damage is in the result."""
    if data is None:
        return TokensFile({})
    try:
        found = json.loads(data.decode())
    except (ValueError, RecursionError) as problem:
        from ocarina_kit.tokens.salvage import salvage

        return salvage(data, problem)
    if not isinstance(found, dict):
        return TokensFile({}, Damage("it is JSON, but not an object"))
    return TokensFile(found)


def same_scopes(one: str, other: str) -> bool:
    """RFC 6749, 3.3: the order of scopes does not matter."""
    return set(one.split()) == set(other.split())


def _number_in(value: object) -> float | int | None:
    """A finite JSON number, or a text of one, as the client's OAuth library takes it; no bool."""
    if isinstance(value, str):
        import re

        found = re.fullmatch(r"\s*([0-9]{1,20}(?:\.[0-9]{1,20})?)\s*", value, re.ASCII)
        value = None if found is None else float(found[1]) if "." in found[1] else int(found[1])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:  # an integer beyond every float
        return None


def _secret(value: object) -> Secret | None:
    return Secret(value) if isinstance(value, str) and value.strip() else None
