"""The tokens file, as ocarina reads and writes it (FACTS.md): a JSON object, one entry per scope string.

A :class:`TokensFile` never changes: each change gives a new one, in which all other entries keep values and order.
The client writes the file in place with no lock, so a crash cuts it off, and two writers mix their texts: what can
still be read of it is kept.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ocarina_kit.config.names import TOKEN_LIFE_S
from ocarina_kit.system.secret import Secret

if TYPE_CHECKING:
    from ocarina_kit.majora.answers import Granted

AHEAD = 7 * 86_400.0
"""Seconds that ``expires_at`` may be ahead beyond the lifetime before it is no time at all (CHECKS.md, TOK008)."""
EXPIRED = 1
"""Epoch seconds: what TOK008 writes for an unknown time. Not 0, which the client's library takes for "never"."""

_LONGEST_TOKEN_LIFE_S = 1e9  # seconds
_MILLISECONDS_FROM = 1e11  # as seconds that is the year 5138, as milliseconds 1973
_FUTURE = 1e15  # epoch seconds: seen from there no real time is too far ahead


class Token(NamedTuple):
    """One entry. What is None is missing, or not of a type that ocarina could use.

    ``scope`` is the token's own scope string, ``lifetime`` that of an access token in seconds, ``expires_at`` as the
    file has it. ``odd``: this is not of ocarina's shape (TOK002).
    """

    key: str
    scope: str | None = None
    access_token: Secret | None = None
    refresh_token: Secret | None = None
    lifetime: float = TOKEN_LIFE_S
    expires_at: object = None
    odd: bool = False

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

    def meant(self, now: float) -> float | int:
        """The time that ``expires_at`` means in epoch seconds (TOK008): it may be a text, or in milliseconds. EXPIRED
        for what is no time, or too far ahead of ``now`` to be true."""
        number = _number_in(self.expires_at)
        if number is None or number < 0:
            return EXPIRED
        number = number / 1000 if number >= _MILLISECONDS_FROM else number
        return number if number <= now + self.lifetime + AHEAD else EXPIRED

    def known_expiry(self, now: float) -> float | None:
        """Epoch seconds at which the access token expires, None if ocarina cannot use ``expires_at``."""
        meant = self.meant(now)
        return (
            float(meant) if meant is self.expires_at else None
        )  # unchanged; "==" would take True for 1

    def expiry(self, now: float) -> float:
        """:meth:`known_expiry`; a time that ocarina cannot use counts as expired."""
        return self.known_expiry(now) or float(EXPIRED)

    def seconds_left(self, now: float) -> float:
        """Seconds that the access token is still valid, 0 or less if it has expired, or is missing."""
        left = self.expiry(now) - now
        return left if self.access_token is not None else min(left, 0.0)

    def last_refresh(self, now: float) -> float | None:
        """Epoch seconds of the last refresh or login (FACTS.md: ``expires_at - expires_in``), None if unknown."""
        expiry = self.expiry(now)
        return None if expiry <= EXPIRED else expiry - self.lifetime

    def right_key(self, known: Collection[str] = ()) -> str:
        """The key under which ocarina finds this token (TOK006); ``known`` are the scope strings that it looks up."""
        if self.scope is None or (
            self.key in known and same_scopes(self.key, self.scope)
        ):
            return self.key
        return next(
            (each for each in known if same_scopes(each, self.scope)), self.scope
        )


def read_token(key: str, value: object) -> Token:
    """Judge an entry's value, whatever it is."""
    if not isinstance(value, Mapping):
        return Token(key, odd=True)
    access, refresh = (
        _secret(value.get("access_token")),
        _secret(value.get("refresh_token")),
    )
    scope = value.get("scope")
    if isinstance(scope, list) and all(isinstance(word, str) for word in scope):
        scope = " ".join(scope)
    if isinstance(scope, str) and not scope.strip():
        scope = None  # it says nothing
    odd = access is None or not isinstance(scope, str | None)
    lifetime = _number_in(value.get("expires_in"))
    if lifetime is None or not 0 <= lifetime <= _LONGEST_TOKEN_LIFE_S:
        lifetime = TOKEN_LIFE_S
    return Token(
        key,
        None if odd else scope,
        access,
        refresh,
        lifetime,
        value.get("expires_at"),
        odd,
    )


class TokensFile(NamedTuple):
    """A tokens file. ``entries`` has secrets in plain text. ``damage``: line and column from which on it is no JSON
    object, so that ocarina cannot read it (TOK002); the entries are those that could be read."""

    entries: Mapping[str, Any]
    damage: tuple[int, int] | None = None

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
        """The same with ``value`` under ``key``, in its place if it has one, else at the end."""
        return self._replace(entries={**self.entries, key: value})

    def without(self, *keys: str) -> TokensFile:
        """Forget the entries under ``keys``."""
        gone = frozenset(keys)
        return self._replace(
            entries={
                key: value for key, value in self.entries.items() if key not in gone
            }
        )

    def with_better(self, key: str, value: object, now: float) -> TokensFile:
        """With ``value`` under ``key``, unless the token there is as good: it can be refreshed, or is valid as long."""
        new, there = read_token(key, value), self.get(key)
        rank = (new.can_refresh, new.expiry(now))
        if there is not None and (there.can_refresh, there.expiry(now)) >= rank:
            return self
        return self.with_entry(key, value)

    def granted(
        self, scope: str, answer: Granted, now: float
    ) -> tuple[str, dict[str, object]]:
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

    def fixed(self, now: float, known: Collection[str] = ()) -> TokensFile:
        """All that has one meaning corrected: what could never be a token goes (TOK002); each token is where ocarina
        looks for it, never over a better one (TOK006; ``known``: what ocarina looks up); a time that it cannot use is
        the one that was meant, else an expired one (TOK008)."""
        file = self._replace(entries={})
        usable = [token for token in self.tokens if token.usable]
        in_place = [token for token in usable if token.right_key(known) == token.key]
        misplaced = [token for token in usable if token.right_key(known) != token.key]
        for token in (*in_place, *misplaced):
            value = self.entries[token.key]
            if token.known_expiry(now) is None:
                value = {**value, "expires_at": token.meant(now)}
            file = file.with_better(token.right_key(known), value, now)
        return file


def parse(data: bytes | None) -> TokensFile:
    """Read the file's content; None stands for no file. Never raises: damage is in the result. A blank file is none, as
    there is nothing in it to lose."""
    if data is None or not data.strip():
        return TokensFile({})
    try:
        found = json.loads(data.decode())
    except (ValueError, RecursionError) as problem:
        return _salvage(
            data, (getattr(problem, "lineno", 1), getattr(problem, "colno", 1))
        )
    return TokensFile(found) if isinstance(found, dict) else _salvage(data, (1, 1))


def complete(data: bytes) -> bool:
    """Whether this may be all of a file that a program writes in place."""
    return bool(data.strip()) and parse(data).damage is None


def same_scopes(one: str, other: str) -> bool:
    """RFC 6749, 3.3: the order of scopes does not matter."""
    return set(one.split()) == set(other.split())


def _number_in(value: object) -> float | int | None:
    """A finite JSON number, or a text of one; no bool."""
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:  # an integer beyond every float
        return None


def _secret(value: object) -> Secret | None:
    usable = (
        isinstance(value, str)
        and value.strip()
        and not re.search("[\ud800-\udfff]", value)
    )
    return Secret(str(value)) if usable else None  # half a character cannot be sent


# --- damage -------------------------------------------------------------------------------------------------

# An entry's key, and its settings up to the next brace; one setting. Both in linear time, whatever the text is.
_ENTRY = r'"([^"\\]{1,4000})"\s{0,100}:\s{0,100}\{(?=([^{}]*\}?))'
_SETTING = r'"([^"\\]*)"\s{0,100}:\s{0,100}("[^"\\]*"|\[[^][]*\]|(?:true|false|null|[-+.\deE]+)(?=\s{0,100}[,}]))'
_CONFIG_SETTINGS = {
    "MAJORA_DOMAIN",
    "MAJORA_TOKEN",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "MAJORA_TOKENS_FILE",
}
_OUR_NAMES = ("token", "ocarina", "majora", "json")


def _salvage(data: bytes, damage: tuple[int, int]) -> TokensFile:
    """The tokens of ``data`` that can be read, and its damage."""
    from ocarina_kit.config.repair import repair

    file = TokensFile({}, damage)
    # What is left where one writer has cut the file off below another. Else json would take it for UTF-32.
    if data.startswith(b"\0\0"):
        data = data.lstrip(b"\0")
    text = data.decode(json.detect_encoding(data), "replace")
    with contextlib.suppress(RecursionError):  # objects inside each other, without end
        text = repair(text)[0] or text
    for key, body in re.findall(_ENTRY, text):
        value = {}
        for name, said in re.findall(_SETTING, body):
            with contextlib.suppress(ValueError):
                value[name] = json.loads(said)
        token = read_token(key, value)
        # Bytes that were no text spoil their entry. Of two texts mixed, the token that expires later is the newer.
        if "\ufffd" not in key + body and (
            token.can_refresh or (token.access_token and token.expires_at)
        ):
            file = file.with_better(key, value, _FUTURE)
    return file


def foreign(path: Path, data: bytes, file: TokensFile) -> str:
    """What ``data``, found at ``path``, is in place of a tokens file, in words; "" if it may well be one.

    MAJORA_TOKENS_FILE may name a file of another kind by mistake (``~/.bashrc``, the configuration itself): setting it
    aside would destroy what a person needs, so such a file is left alone, whatever the command.
    """
    if _CONFIG_SETTINGS & file.entries.keys() or b"CLIENT_SECRET" in data[:65536]:
        return "a configuration, with the client secret in it"
    if (
        file.damage is None
        or file.entries
        or any(word in path.name.lower() for word in _OUR_NAMES)
    ):
        return ""
    # NUL bytes: what a crash of the machine leaves of a file, and half of UTF-16.
    text = data.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return (
        ""
        if not text or text.startswith(b"{") or b"_token" in text
        else "another program's"
    )
