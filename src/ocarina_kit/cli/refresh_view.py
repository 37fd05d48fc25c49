"""What a refresh looks like: a line for each token, and one text for all that failed alike."""

from __future__ import annotations

from typing import Any

from ocarina_kit.cli.render import Ui, error_members
from ocarina_kit.core.client.scopes import purposes_for
from ocarina_kit.core.durations import in_words
from ocarina_kit.core.setup import Place
from ocarina_kit.core.tokens.refresh_report import RefreshReport, ScopeResult, TokenReport

_GOOD = {
    ScopeResult.REFRESHED: "refreshed",
    ScopeResult.ADOPTED: "taken over: another process had refreshed it",
    ScopeResult.FRESH: "left as it is",
}
_BAD = {
    ScopeResult.NO_TOKEN: "no such token",
    ScopeResult.NO_REFRESH_TOKEN: "has no refresh token",
    ScopeResult.UNREADABLE: "not a token that ocarina can use",
    ScopeResult.OTHER_SERVER: "not sent: another server's",
    ScopeResult.REFUSED_TOKEN: "refused: log in again",
    ScopeResult.LOST: "the new token was lost: log in again",
    ScopeResult.MAYBE_LOST: "sent, but no usable answer came",
    ScopeResult.REFUSED_CLIENT: "the client id and secret are refused",
    ScopeResult.REFUSED: "refused by the server",
    ScopeResult.NETWORK: "no usable answer; still good",
    ScopeResult.FAILED: "not tried; still good",
    ScopeResult.RESCUED: "refreshed, but not in its file",
}


def show_report(ui: Ui, report: RefreshReport, *, now: float) -> None:
    """A line for each token, then the notes."""
    for token in report.tokens:
        name = title(token.scope)
        life = "." if token.expires_at is None else _life(token.expires_at - now)
        if token.result in _GOOD:
            ui.good(f"{name}: {_GOOD[token.result]}{life}")
        elif token.result is ScopeResult.DUE:
            ui.say(f"{name}: would be refreshed{life}")
        elif token.result is ScopeResult.NOT_BEGUN:
            ui.say(f"{name}: not begun{life}")
        elif token.result is ScopeResult.MISPLACED:
            ui.warn(f"{name}: left alone.")
        else:
            ui.bad(f"{name}: {_BAD[token.result]}{life.replace('good for', 'its access token expires in')}")
        if token.note:
            ui.note(token.note)
    for note in report.notes:
        ui.note(note)


def show_errors(ui: Ui, report: RefreshReport, place: Place) -> None:
    """Each thing that went wrong, once, with what mends it."""
    for error in report.errors(place):
        ui.say()
        ui.error(error)


def report_data(report: RefreshReport) -> dict[str, Any]:
    """The members of the JSON document."""
    data: dict[str, Any] = {"tokens": [_members(token) for token in report.tokens]}
    if report.notes:
        data["notes"] = list(report.notes)
    return data


def title(scope: str) -> str:
    """A token's name for people: what it is for, else its scope string."""
    purposes = purposes_for(scope)
    return ", ".join(purpose.title for purpose in purposes) if purposes else scope


def _members(token: TokenReport) -> dict[str, Any]:
    members: dict[str, Any] = {
        "scope": token.scope,
        "purposes": [purpose.name for purpose in purposes_for(token.scope)],
        "result": token.result.value,
        "expires_at": token.expires_at,
    }
    if token.error is not None:
        members["error"] = error_members(token.error)
    if token.note:
        members["note"] = token.note
    return members


def _life(left: float) -> str:
    if left <= 0:
        return "; expired."
    # A token that was refreshed a moment ago is good for 10 h, not for 9 h 59 min.
    return f"; good for {in_words(round(left / 60) * 60 if left > 600 else left)}."
