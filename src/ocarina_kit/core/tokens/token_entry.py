"""One member of the tokens file, judged: its tokens, its times, and what ocarina could not use of it (FACTS.md)."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from ocarina_kit.core.secret import Secret

LIFETIME = 36_000.0
"""Seconds an access token lives at Majora, where the entry does not say (FACTS.md, the server)."""

AHEAD = 7 * 86_400.0
"""Seconds that ``expires_at`` may lie ahead beyond the lifetime before it is no time at all (CHECKS.md, TOK008)."""

EXPIRED = 1
"""Epoch seconds: what TOK008 writes where no time can be told. Expired for every clock; not 0, which the client's
OAuth library takes for "never expires"."""

_EARLIEST = -62_104_060_800.0
"""Epoch seconds of the year 2: what ``datetime.fromtimestamp``, with which the client reads it, takes everywhere."""

_MILLISECONDS_FROM = 1e11
"""As seconds that is the year 5138, as milliseconds 1973."""

_LONGEST_LIFETIME = 10 * 365.25 * 86_400
_NUMERIC = re.compile(r"\s*([0-9]{1,20}(?:\.[0-9]{1,20})?)\s*", re.ASCII)


class TimeFault(Enum):
    """Why ocarina cannot use ``expires_at`` (TOK008)."""

    TEXT = "a number written as text"
    MILLISECONDS = "milliseconds"
    TOO_FAR = "too far ahead"
    UNUSABLE = "no time at all"


@dataclass(frozen=True)
class TokenEntry:
    """A scope string's tokens. What is None is missing, or not of a type that ocarina could use."""

    key: str
    scope: str | None
    """The scope string of the token itself, in its own order."""
    access_token: Secret | None
    refresh_token: Secret | None
    expires_in: float | None
    """Seconds."""
    expires_at: object
    """As it stands in the file; :meth:`expiry` gives the time. None where it is missing."""
    token_type: str | None = None
    odd: str = field(default="")
    """Why this is not of ocarina's shape (TOK002), "" where it is."""

    @property
    def can_refresh(self) -> bool:
        return self.refresh_token is not None

    @property
    def lifetime(self) -> float:
        """Seconds that an access token of this scope lives."""
        return LIFETIME if self.expires_in is None else self.expires_in

    def time_fault(self, now: float) -> TimeFault | None:
        """What is wrong with ``expires_at``, seen at ``now`` (epoch seconds)."""
        number = as_number(self.expires_at)
        if number is None:
            return TimeFault.TEXT if _from_text(self.expires_at) is not None else TimeFault.UNUSABLE
        if number <= now + self.lifetime + AHEAD:
            return None if number >= _EARLIEST else TimeFault.UNUSABLE
        in_milliseconds = number >= _MILLISECONDS_FROM and number / 1000 <= now + self.lifetime + AHEAD
        return TimeFault.MILLISECONDS if in_milliseconds else TimeFault.TOO_FAR

    def mended_expires_at(self, now: float) -> float | int:
        """What TOK008 writes as ``expires_at``: the time that was meant, else :data:`EXPIRED`."""
        number = _from_text(self.expires_at)
        if number is None:
            number = as_number(self.expires_at)
        if number is None or number < _EARLIEST:
            return EXPIRED
        latest = now + self.lifetime + AHEAD
        if number > latest and number >= _MILLISECONDS_FROM:
            number = number / 1000
        return number if number <= latest else EXPIRED

    def expiry(self, now: float) -> float:
        """Epoch seconds at which the access token expires. One whose time ocarina cannot use counts as expired."""
        if self.time_fault(now) is not None:
            return float(EXPIRED)
        return float(as_number(self.expires_at) or EXPIRED)

    def life_left(self, now: float, skew: float = 0.0) -> float:
        """Seconds the access token still lives; 0 or less where it is expired.

        ``skew`` is the server's clock less this one, in seconds: expiry is judged by both, and the earlier one counts.
        """
        return self.expiry(now) - max(now, now + skew)

    def last_refresh(self, now: float) -> float | None:
        """Epoch seconds of the last refresh or login (FACTS.md: ``expires_at - expires_in``), None where unknown."""
        if self.time_fault(now) is not None or self.expiry(now) <= EXPIRED:
            return None
        return self.expiry(now) - self.lifetime

    def misplaced(self, known: Collection[str] = ()) -> bool:
        """Stored under a key that is not its scope string, so that ocarina never finds it (TOK006).

        ``known`` are the scope strings that ocarina looks up: a key among them that holds just these scopes in another
        order is found all the same.
        """
        if self.scope is None or self.key == self.scope:
            return False
        return not (self.key in known and _same_scopes(self.key, self.scope))

    def home(self, known: Collection[str] = ()) -> str:
        """The key under which ocarina looks for this token."""
        if self.scope is None:
            return self.key
        return next((each for each in known if _same_scopes(each, self.scope)), self.scope)


def read_entry(key: str, value: object) -> TokenEntry:
    """Judge a member's value, whatever it is."""
    if not isinstance(value, Mapping):
        return TokenEntry(key, None, None, None, None, None, odd="not an object")
    access_token, refresh_token = _secret(value.get("access_token")), _secret(value.get("refresh_token"))
    scope, scope_is_odd = _scope(value.get("scope"))
    odd = ""
    if access_token is None:
        odd = "no access token"
    elif scope_is_odd:
        odd = "a scope that is neither a list of words nor a text"
    token_type = value.get("token_type")
    return TokenEntry(
        key=key,
        scope=scope,
        access_token=access_token,
        refresh_token=refresh_token,
        expires_in=lifetime_of(value.get("expires_in")),
        expires_at=value.get("expires_at"),
        token_type=token_type if isinstance(token_type, str) else None,
        odd=odd,
    )


def due(
    entries: Iterable[TokenEntry], *, now: float, within: float | None = None, skew: float = 0.0
) -> list[TokenEntry]:
    """The entries to refresh: all that can be, or those that live less than ``within`` seconds, expired ones too."""
    return [
        entry
        for entry in entries
        if entry.can_refresh and (within is None or entry.life_left(now, skew) < within)
    ]


def better(one: TokenEntry, other: TokenEntry, *, now: float) -> TokenEntry:
    """Of two entries for one scope, the one to keep: that can be refreshed, and lives longer; ``one`` where equal."""
    rank_one = (one.can_refresh, one.expiry(now))
    return one if rank_one >= (other.can_refresh, other.expiry(now)) else other


def same_tokens(one: TokenEntry | None, other: TokenEntry | None) -> bool:
    """Whether nobody refreshed in between: both tokens are what they were."""
    if one is None or other is None:
        return one is other
    return (one.access_token, one.refresh_token) == (other.access_token, other.refresh_token)


def as_number(value: object) -> float | int | None:
    """A finite JSON number; no bool, no text."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:  # an integer beyond every float
        return None


def lifetime_of(value: object) -> float | None:
    """``expires_in`` in seconds: a number or a text of one, as the client's OAuth library takes it, or None."""
    number = as_number(value)
    if number is None:
        number = _from_text(value)
    return float(number) if number is not None and 0 <= number <= _LONGEST_LIFETIME else None


def _from_text(value: object) -> float | int | None:
    found = _NUMERIC.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    return float(found[1]) if "." in found[1] else int(found[1])


def _secret(value: object) -> Secret | None:
    return Secret(value) if isinstance(value, str) and value.strip() else None


def _scope(value: object) -> tuple[str | None, bool]:
    """The scope string, and whether what stands there is of a type that the client could not use."""
    if value is None:
        return None, False
    if isinstance(value, str):
        return value, False
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return " ".join(value), False
    return None, True


def _same_scopes(one: str, other: str) -> bool:
    """RFC 6749, 3.3: the order of scopes does not matter."""
    return set(one.split()) == set(other.split())
