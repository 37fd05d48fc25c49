"""Tokens in words: a scope string of hundred characters is named by what it is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ocarina_kit.core.client.scopes import purposes_for

_MOST = 3
_LONGEST = 60


def name_of(key: str, table: Mapping[str, str | None] | None = None) -> str:
    """The purposes' names as ``login --for`` takes them, else the scope string, shortened."""
    purposes = purposes_for(key, table)
    if purposes:
        return " and ".join(purpose.name for purpose in purposes)
    plain = "".join(char if char.isprintable() else "?" for char in key) or "(no scope)"
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 1] + "…"


def names(keys: Sequence[str], table: Mapping[str, str | None] | None = None) -> str:
    """``lookup, info and 3 more``."""
    shown = list(dict.fromkeys(name_of(key, table) for key in keys))
    if len(shown) > _MOST + 1:
        shown = [*shown[:_MOST], f"{len(shown) - _MOST} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def named(keys: Sequence[str], table: Mapping[str, str | None] | None = None) -> str:
    """``the token for lookup``, ``the tokens for lookup and info``."""
    return f"the {'token' if len(keys) == 1 else 'tokens'} for {names(keys, table)}"


def login_options(keys: Sequence[str], table: Mapping[str, str | None] | None = None) -> tuple[str, ...]:
    """What ``login`` must be told to ask for these scope strings: a purpose where there is one, else the string."""
    words: list[str] = []
    for key in keys:
        purposes = purposes_for(key, table)
        option = ("--for", purposes[0].name) if purposes else ("--scope", key)
        if option not in zip(words[::2], words[1::2], strict=True):
            words += option
    return tuple(words)
