"""The tokens file, as ocarina reads and writes it (docs/files.md, Tokens).

It is a JSON object with one entry for each scope string. A `TokensFile` never changes:
each change gives a new one, in which all other entries keep values and order.

The client writes the file in place with no lock, so a crash cuts it off, and two writers
mix their texts. What can still be read of such a file is kept.
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

AHEAD_S = 7 * 86_400.0
"""How far `expires_at` may be ahead beyond the lifetime and still be a time."""
EXPIRED = 1
"""Epoch seconds that TOK008 writes for an unknown time.

It is not 0, which the client's library takes for "never expires".
"""

_LONGEST_TOKEN_LIFE_S = 1e9
_MILLISECONDS_FROM = 1e11  # as seconds that is the year 5138, as milliseconds 1973
_FUTURE = 1e15  # epoch seconds: seen from there no real time is too far ahead


class Token(NamedTuple):
    """One entry. What is None is missing, or not of a type that ocarina could use."""

    key: str
    scope: str | None = None  # the token's own scope string
    access_token: Secret | None = None
    refresh_token: Secret | None = None
    lifetime: float = TOKEN_LIFE_S  # seconds that a new access token is valid
    expires_at: object = None  # as the file has it
    malformed: bool = False  # not of ocarina's shape (TOK002)

    @property
    def can_refresh(self) -> bool:
        return self.refresh_token is not None

    @property
    def is_usable(self) -> bool:
        """Whether it is worth keeping: it is well formed, or a refresh makes it so."""
        return not self.malformed or self.can_refresh

    @property
    def digest(self) -> str:
        """The digest of the refresh token, by which log and journal know it."""
        return digest(self.refresh_token)

    def intended_expiry(self, now: float) -> float | int:
        """Return the epoch seconds that `expires_at` means (TOK008).

        It may be a text, or in milliseconds. `EXPIRED` stands for what is no time, and
        for one that is too far ahead of `now` to be true.
        """
        number = _number_in(self.expires_at)
        if number is None or number < 0:
            return EXPIRED
        if number >= _MILLISECONDS_FROM:
            number = number / 1000
        return number if number <= now + self.lifetime + AHEAD_S else EXPIRED

    def known_expiry(self, now: float) -> float | None:
        """Return the epoch seconds at which the access token expires.

        Returns None if ocarina cannot use `expires_at` as it is.
        """
        intended = self.intended_expiry(now)
        # "is": with "==" True would be taken for 1.
        return float(intended) if intended is self.expires_at else None

    def expiry(self, now: float) -> float:
        """Return `known_expiry`; a time that ocarina cannot use counts as expired."""
        return self.known_expiry(now) or float(EXPIRED)

    def seconds_left(self, now: float) -> float:
        """Return for how long the access token is valid.

        It is 0 or less if the token has expired, or is missing.
        """
        left = self.expiry(now) - now
        return left if self.access_token is not None else min(left, 0.0)

    def last_refresh(self, now: float) -> float | None:
        """Return the epoch seconds of the last refresh or login; None if unknown.

        That is `expires_at` less `expires_in`, as the client writes them.
        """
        expiry = self.expiry(now)
        return None if expiry <= EXPIRED else expiry - self.lifetime

    def right_key(self, known: Collection[str] = ()) -> str:
        """Return the key under which ocarina finds this token (TOK006).

        Args:
            known: The scope strings that ocarina looks up.
        """
        scope = self.scope
        if scope is None or (self.key in known and same_scopes(self.key, scope)):
            return self.key
        for key in known:
            if same_scopes(key, scope):
                return key
        return scope


def digest(secret: Secret | None) -> str:
    """Return 12 hexadecimal digits of a secret's BLAKE2b hash; "" for None.

    That is enough to know a token again, and too little to use it.
    """
    if secret is None:
        return ""
    try:
        # hashlib, which has it from here, also loads all of OpenSSL.
        from _blake2 import blake2b
    except ImportError:
        from hashlib import blake2b
    data = secret.reveal().encode("utf-8", "surrogatepass")
    return blake2b(data, digest_size=6).hexdigest()


def read_token(key: str, value: object) -> Token:
    """Read an entry, whatever it holds."""
    if not isinstance(value, Mapping):
        return Token(key, malformed=True)
    access = _secret(value.get("access_token"))
    scope, is_scope = _read_scope(value)
    malformed = access is None or not is_scope
    lifetime = _number_in(value.get("expires_in"))
    if lifetime is None or not 0 <= lifetime <= _LONGEST_TOKEN_LIFE_S:
        lifetime = TOKEN_LIFE_S
    return Token(
        key,
        scope=None if malformed else scope,
        access_token=access,
        refresh_token=_secret(value.get("refresh_token")),
        lifetime=lifetime,
        expires_at=value.get("expires_at"),
        malformed=malformed,
    )


def _read_scope(value: Mapping[Any, Any]) -> tuple[str | None, bool]:
    """Return the scope string of an entry, and whether ocarina could read it.

    An entry may leave it out; a blank one says nothing; null stops the client.
    """
    scope = value.get("scope", "")
    if isinstance(scope, list) and all(isinstance(word, str) for word in scope):
        scope = " ".join(scope)
    if not isinstance(scope, str):
        return None, False
    return scope if scope.strip() else None, True


class TokensFile(NamedTuple):
    """The content of a tokens file."""

    entries: Mapping[str, Any]  # with secrets in plain text
    damage: tuple[int, int] | None = None
    """Line and column from which on it is no JSON object (TOK002).

    The entries are then those that could be read.
    """

    def __repr__(self) -> str:
        return f"TokensFile({list(self.entries)!r}, damage={self.damage!r})"

    @property
    def tokens(self) -> tuple[Token, ...]:
        """All entries in the file's order, malformed ones too."""
        return tuple(read_token(key, value) for key, value in self.entries.items())

    def get(self, key: str) -> Token | None:
        """Return the token under exactly this key, which is how ocarina looks it up."""
        return read_token(key, self.entries[key]) if key in self.entries else None

    def render(self) -> bytes:
        """Return the bytes to write: a complete JSON object, laid out as the client's."""
        return json.dumps(self.entries).encode()

    def with_entry(self, key: str, value: object) -> TokensFile:
        """Put a value under a key: in its place if it has one, otherwise at the end."""
        return self._replace(entries={**self.entries, key: value})

    def without(self, *keys: str) -> TokensFile:
        """Leave out the entries under the keys."""
        kept = {key: value for key, value in self.entries.items() if key not in keys}
        return self._replace(entries=kept)

    def with_better(self, key: str, value: object, now: float) -> TokensFile:
        """Put a value under a key, unless the token there is as good.

        A token is better if it can be refreshed, then if it is valid for longer.
        """
        present = self.get(key)
        if present is not None:
            new = read_token(key, value)
            rank = (present.can_refresh, present.expiry(now))
            if rank >= (new.can_refresh, new.expiry(now)):
                return self
        return self.with_entry(key, value)

    def granted(
        self, scope: str, answer: Granted, now: float
    ) -> tuple[str, dict[str, object]]:
        """Return where the client would store a new token, and what.

        An answer may leave out `scope` (RFC 6749, 5.1) and `refresh_token` (6): those of
        the entry remain, as do settings that the answer does not have. A token for other
        scopes than asked for is stored under those. Their order does not matter (3.3),
        so ocarina's own stays.

        Args:
            scope: What was asked for.
            answer: What the server granted.
            now: When, in epoch seconds.
        """
        before = self.entries.get(scope)
        given = " ".join(answer.scope or ()) or read_token(scope, before).scope or scope
        key = scope if same_scopes(given, scope) else given
        entry: dict[str, object] = dict(before) if isinstance(before, Mapping) else {}
        entry.update(answer.extra)
        entry["access_token"] = answer.access_token.reveal()
        entry["expires_in"] = int(answer.expires_in)
        entry["token_type"] = answer.token_type
        entry["scope"] = key.split(" ")
        if answer.refresh_token is not None:
            entry["refresh_token"] = answer.refresh_token.reveal()
        entry["expires_at"] = float(now + answer.expires_in)
        return key, entry

    def corrected(self, now: float, known: Collection[str] = ()) -> TokensFile:
        """Correct all that has one meaning.

        What could never be a token goes (TOK002). Each token is moved to where ocarina
        looks for it, but not over a better one (TOK006). A time that ocarina cannot use
        becomes the one that was intended, or an expired one (TOK008).

        Args:
            now: Epoch seconds.
            known: The scope strings that ocarina looks up.
        """
        usable = [token for token in self.tokens if token.is_usable]
        # Those that are in their place first, so that they keep it.
        usable.sort(key=lambda token: token.right_key(known) != token.key)
        file = self._replace(entries={})
        for token in usable:
            key = token.right_key(known)
            value = dict(self.entries[token.key])
            if token.known_expiry(now) is None:
                value["expires_at"] = token.intended_expiry(now)
            if value.get("scope", "") is None:
                value["scope"] = key.split(" ")
            file = file.with_better(key, value, now)
        return file


def parse(data: bytes | None) -> TokensFile:
    """Read the content of a tokens file; None stands for no file.

    Never raises: damage is in the result. A blank file counts as none, as there is
    nothing in it to lose.
    """
    if data is None or not data.strip():
        return TokensFile({})
    try:
        value = json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        column = getattr(error, "colno", 1)
        return _salvage(data, (line, column))
    return TokensFile(value) if isinstance(value, dict) else _salvage(data, (1, 1))


def is_complete(data: bytes) -> bool:
    """Return whether this may be all of a file that a program writes in place."""
    return bool(data.strip()) and parse(data).damage is None


def same_scopes(one: str, other: str) -> bool:
    """Compare two scope strings; the order of scopes is free (RFC 6749, 3.3)."""
    return set(one.split()) == set(other.split())


def _number_in(value: object) -> float | int | None:
    """Return a finite JSON number, or a text of one. A bool is no number."""
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
    if not isinstance(value, str) or not value.strip():
        return None
    if re.search("[\ud800-\udfff]", value):
        return None  # half a character cannot be sent
    return Secret(value)


# --- damage

# An entry's key, and its settings up to the next brace; one setting. Both take linear
# time, whatever the text is.
_ENTRY = r'"([^"\\]{1,4000})"\s{0,100}:\s{0,100}\{(?=([^{}]*\}?))'
_STRING = r'"[^"\\]*"'
_LIST = r"\[[^][]*\]"
_WORD = r"(?:true|false|null|[-+.\deE]+)(?=\s{0,100}[,}])"
_SETTING = rf'"([^"\\]*)"\s{{0,100}}:\s{{0,100}}({_STRING}|{_LIST}|{_WORD})'

_CONFIG_SETTINGS = {
    "MAJORA_DOMAIN",
    "MAJORA_TOKEN",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "MAJORA_TOKENS_FILE",
}
_OUR_NAMES = ("token", "ocarina", "majora", "json")


def _salvage(data: bytes, damage: tuple[int, int]) -> TokensFile:
    """Return the tokens that can be read of a damaged file, and its damage."""
    file = TokensFile({}, damage)
    for key, body in re.findall(_ENTRY, _readable_text(data)):
        if "\ufffd" in key + body:
            continue  # bytes that were no text spoil their entry
        value = {}
        for name, text in re.findall(_SETTING, body):
            with contextlib.suppress(ValueError):
                value[name] = json.loads(text)
        token = read_token(key, value)
        has_access = token.access_token is not None and token.expires_at
        if token.can_refresh or has_access:
            # Of two texts mixed, the token that expires later is the newer.
            file = file.with_better(key, value, _FUTURE)
    return file


def _readable_text(data: bytes) -> str:
    from ocarina_kit.config.repair import repair

    # These bytes are left where one writer has cut the file off below another.
    # Otherwise json would take the text for UTF-32.
    if data.startswith(b"\0\0"):
        data = data.lstrip(b"\0")
    text = data.decode(json.detect_encoding(data), "replace")
    with contextlib.suppress(RecursionError):  # objects inside each other, without end
        text = repair(text)[0] or text
    return text


def foreign_kind(path: Path, data: bytes, file: TokensFile) -> str:
    """Say what a file is that is no tokens file; "" if it may well be one.

    MAJORA_TOKENS_FILE may name a file of another kind by mistake (``~/.bashrc``, the
    configuration itself). To set it aside would destroy what a person needs, so every
    command leaves such a file alone.

    Args:
        path: Where it is.
        data: Its content.
        file: What `parse` made of the content.
    """
    if _CONFIG_SETTINGS & file.entries.keys() or b"CLIENT_SECRET" in data[:65536]:
        return "a configuration, with the client secret in it"
    if file.damage is None or file.entries:
        return ""
    if any(word in path.name.lower() for word in _OUR_NAMES):
        return ""
    # NUL bytes: what a crash of the machine leaves of a file, and half of UTF-16.
    text = data.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if not text or text.startswith(b"{") or b"_token" in text:
        return ""
    return "another program's"
