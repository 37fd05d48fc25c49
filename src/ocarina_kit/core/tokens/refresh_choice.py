"""Which tokens a refresh is about, and what is known of each before anything is sent. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from ocarina_kit.core.setup import Place
from ocarina_kit.core.tokens.refresh_report import ScopeResult, TokenReport, no_refresh_token, odd_entry
from ocarina_kit.core.tokens.token_file import TokenEntry, TokenFile, same_tokens


@dataclass
class Choice:
    """``due`` are to be refreshed; ``settled`` are those of which the result is known already, by key."""

    order: list[str] = field(default_factory=list)
    due: list[TokenEntry] = field(default_factory=list)
    settled: dict[str, TokenReport] = field(default_factory=dict)
    waiting: list[TokenEntry] = field(default_factory=list)
    """Not due by this machine's clock."""


def choose(
    file: TokenFile,
    *,
    place: Place,
    now: float,
    scopes: Collection[str] | None = None,
    within: float | None = None,
    before: TokenFile | None = None,
    refuse: Callable[[TokenEntry], TokenReport | None] = lambda entry: None,
) -> Choice:
    """Judge every entry that is asked for. ``scopes`` are keys of the file; None means all.

    ``before`` is the file as it was seen before the lock was had: a newer token that another process put there since
    is adopted. ``refuse`` says which tokens may not be sent, and why.
    """
    choice = Choice()
    for entry in file.entries:
        if scopes is not None and entry.key not in scopes:
            continue
        choice.order.append(entry.key)
        report = _settled(file, entry, place, now=now, within=within, before=before) or refuse(entry)
        if report is not None:
            choice.settled[entry.key] = report
        elif within is not None and entry.life_left(now) >= within:
            choice.waiting.append(entry)
            choice.settled[entry.key] = TokenReport(entry.key, ScopeResult.FRESH, expires_at(entry, now))
        else:
            choice.due.append(entry)
    return choice


def _settled(
    file: TokenFile,
    entry: TokenEntry,
    place: Place,
    *,
    now: float,
    within: float | None,
    before: TokenFile | None,
) -> TokenReport | None:
    time = expires_at(entry, now)
    if not entry.can_refresh:
        if entry.odd:
            return TokenReport(entry.key, ScopeResult.UNREADABLE, time, odd_entry(place, entry.odd))
        if within is not None and entry.life_left(now) >= within:
            return None
        return TokenReport(entry.key, ScopeResult.NO_REFRESH_TOKEN, time, no_refresh_token(place, entry.key))
    home = entry.scope or entry.key
    if set(home.split()) != set(entry.key.split()) and file.get(home) is not None:
        # Its answer would be stored under the scopes it has, and replace the token there.
        note = f"Stored under a key that is not its scope; ocarina uses the token under {home}."
        return TokenReport(entry.key, ScopeResult.MISPLACED, time, note=note)
    if before is not None and newer(entry, before.get(entry.key), now=now, within=within):
        return TokenReport(entry.key, ScopeResult.ADOPTED, time)
    return None


def newer(entry: TokenEntry, than: TokenEntry | None, *, now: float, within: float | None = None) -> bool:
    """Whether somebody else has refreshed meanwhile, and what they put there serves: it lives, and longer."""
    if same_tokens(entry, than) or entry.access_token is None:
        return False
    left = entry.life_left(now)
    if left <= 0 or (within is not None and left < within):
        return False
    return than is None or entry.expiry(now) > than.expiry(now)


def expires_at(entry: TokenEntry, now: float) -> float | None:
    """Epoch seconds, or None where what stands there is no time."""
    return None if entry.time_fault(now) is not None else entry.expiry(now)
