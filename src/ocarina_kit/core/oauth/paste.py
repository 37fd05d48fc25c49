"""Reads what a person pastes back after pressing Authorize: finds code and state, or says what it is instead. Pure.

People paste through terminals, mail and chat programs: the callback URL comes with quotes and brackets around it,
broken over lines, encoded twice, with words behind it. The state of the pending login, random and long, tells when
a reading is right, so several readings are tried, the most literal one first.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, unquote_plus, urlsplit

from ocarina_kit.core.oauth.network import printable
from ocarina_kit.core.secret import Secret

LONGEST = 1 << 20
"""Characters of a paste that are looked at; more is no callback."""

PasteKind = Literal[
    "empty",
    "unreadable",  # no callback URL, and no part of one, in it
    "authorize-link",  # the link that the kit showed
    "log-in-page",
    "other-server",
    "wrong-state",  # of an earlier attempt, or of somebody else's login
    "denied",  # error=access_denied: Cancel was pressed
    "scope",  # error=invalid_scope: the account lacks a permission
    "error",  # any other error that the server gave
    "cut-off",  # it ends in the middle of the state
    "no-code",
    "no-state",
    "several",  # callbacks of several logins at once
]


@dataclass(frozen=True)
class PastedCode:
    """A code, and the state of the pending login that it belongs to."""

    code: Secret
    state: str


@dataclass(frozen=True)
class PasteFault:
    """What was pasted instead. ``state`` is set where it belongs to a pending login all the same."""

    kind: PasteKind
    host: str = ""
    """``other-server``: which."""
    error: str = ""
    description: str = ""
    state: str | None = None


@dataclass(frozen=True)
class _Piece:
    """One candidate: a URL, or a bare query."""

    host: str | None
    """None for a bare query; "" where a URL's host cannot be read."""
    port: int | None
    path: str
    members: dict[str, str]

    @property
    def is_url(self) -> bool:
        return self.host is not None


def read_paste(text: str, states: Collection[str], domain: str) -> PastedCode | PasteFault:
    """Read a paste. ``states`` are those of the pending logins at ``domain``. Never raises, whatever the text.

    A code counts only with the state of a pending login beside it (RFC 6749, 10.12).
    """
    cleaned = _clean(text[:LONGEST])
    if not cleaned.strip(" \r\n\"'<>"):
        return PasteFault("empty")
    home = _home(domain)
    pieces: list[_Piece] = []
    for reading in _readings(cleaned):
        here = [_piece(part) for part in _parts(reading)]
        found = {
            (code, state)
            for piece in here
            if (code := _code(piece)) and (state := _known(piece, states)) and _at(piece, home)
        }
        if len(found) > 1:
            return PasteFault("several")
        for code, state in found:
            return PastedCode(Secret(code), state)
        pieces += here
    apart = _code_and_state_apart(cleaned, states)
    return apart if apart is not None else _what_instead(cleaned, pieces, states, home)


def states_in(text: str) -> tuple[str, ...]:
    """Whatever stands in a paste as a state, known or not: to tell whose callback it is. Never raises."""
    found: dict[str, None] = {}
    for reading in _readings(_clean(text[:LONGEST])):
        for part in _parts(reading):
            if value := _piece(part).members.get("state", ""):
                found[value.rstrip("\"'<>.,)]}”’»")] = None
    return tuple(found)


# --- readings

_ESCAPES = re.compile(r"(?:\x1b|\^\[)?\[20[01]~|\x1b\[[0-9;?]*[ -/]*[@-~]")
_AMPERSANDS = re.compile(r"&(?:amp|#38|#x26);", re.IGNORECASE)
_LINE_BREAKS = re.compile(r" *[\r\n][ \r\n]*(?:>[> ]*)?")
_URL_START = re.compile(r"(?=https?://)", re.IGNORECASE)


def _clean(text: str) -> str:
    """Without what terminals, mail and shells add: escapes, invisible characters, HTML's and shells' quoting."""
    text = _ESCAPES.sub("", text)
    kept = [""]
    for char in text:
        if char in "\r\n":
            kept.append(char)
        elif char.isspace():
            if kept[-1] != " ":  # runs are cut short here, so that no pattern below meets a long one
                kept.append(" ")
        elif char.isprintable() and char != "\\":
            kept.append(char)
    return _AMPERSANDS.sub("&", "".join(kept))


def _readings(text: str) -> Iterator[str]:
    """As it stands, with lines joined, without white space; then the same with percent-encoding undone, twice."""
    for _ in range(3):
        yield text
        joined = _LINE_BREAKS.sub("", text.strip())
        yield joined
        yield joined.replace(" ", "")
        decoded = unquote(text)
        if decoded == text:
            return
        text = decoded


def _parts(reading: str) -> Iterator[str]:
    for word in reading.split():
        for part in _URL_START.split(word):
            if part:
                yield part


def _piece(part: str) -> _Piece:
    part = part.strip("\"'<>()[]{}“”‘’«»„‚`,")
    host: str | None = None
    port: int | None = None
    path = ""
    query = part
    if part[:8].lower().startswith(("http://", "https://")):
        host = ""
        try:
            split = urlsplit(part)
            host, port, path = (split.hostname or "").rstrip(".").lower(), split.port, split.path
        except ValueError:
            pass
        query = part.partition("?")[2]
    elif "?" in part:
        query = part.partition("?")[2]
    members: dict[str, str] = {}
    for pair in re.split(r"[&#;?]", query):
        name, equals, value = pair.partition("=")
        if equals:
            members.setdefault(name.strip("\"'").lower(), unquote_plus(value))
    return _Piece(host, None if port in (80, 443) else port, path, members)


def _home(domain: str) -> tuple[str, int | None]:
    home = _piece(domain)
    return home.host or "", home.port


def _at(piece: _Piece, home: tuple[str, int | None]) -> bool:
    return not piece.is_url or (piece.host, piece.port) == home


_CODE = re.compile(r"[A-Za-z0-9._~+/=-]+")


def _code(piece: _Piece) -> str:
    found = _CODE.match(piece.members.get("code", ""))
    return found[0].rstrip(".") if found else ""


def _known(piece: _Piece, states: Collection[str]) -> str | None:
    """The pending state that stands in the piece. What was pasted behind it does not matter: it is random and long."""
    value = piece.members.get("state", "")
    fitting = [s for s in states if value == s or (len(s) >= 16 and value.startswith(s))]
    return max(fitting, key=len, default=None)


def _code_and_state_apart(text: str, states: Collection[str]) -> PastedCode | None:
    """The callback page shows code and state apart, each with a Copy button: both, in any order, are as good."""
    words = [word.strip("\"'<>,;“”‘’") for word in text.split()]
    words = [
        word.rpartition("=")[2] if word.lower().startswith(("code=", "state=")) else word for word in words
    ]
    found = [word for word in words if word in states]
    others = [word for word in words if word not in states and _looks_like_a_code(word)]
    if len(set(found)) == 1 and len(set(others)) == 1:
        return PastedCode(Secret(others[0]), found[0])
    return None


def _looks_like_a_code(word: str) -> bool:
    return 16 <= len(word) <= 512 and bool(re.fullmatch(r"[A-Za-z0-9._~-]+", word))


# --- what it is instead


def _what_instead(
    text: str, pieces: list[_Piece], states: Collection[str], home: tuple[str, int | None]
) -> PasteFault:
    urls = [piece for piece in pieces if piece.is_url]
    if urls and not any(_at(piece, home) for piece in urls):
        return PasteFault("other-server", host=printable(urls[0].host or "", 100))
    own = [piece for piece in pieces if _at(piece, home)]
    refusal = _refusal(own, states)
    if refusal is not None:
        return refusal
    state = next((known for piece in own if (known := _known(piece, states))), None)
    for piece in own:
        if piece.path.rstrip("/").endswith("/o/authorize") or "response_type" in piece.members:
            return PasteFault("authorize-link", state=state)
    if any(re.search(r"/accounts?(/|$)", piece.path) for piece in own):
        return PasteFault("log-in-page", state=state)
    answers = [piece for piece in own if _code(piece) or "error" in piece.members]
    given = [value for piece in answers if (value := piece.members.get("state", ""))]
    if any(len(value) >= 4 and each.startswith(value) for value in given for each in states):
        return PasteFault("cut-off")
    if given:
        return PasteFault("wrong-state")
    if answers:
        return PasteFault("no-state")
    if urls or state is not None:
        return PasteFault("no-code", state=state)
    if any(_looks_like_a_code(word) for word in text.split()):
        return PasteFault("no-state")
    return PasteFault("unreadable")


def _refusal(own: list[_Piece], states: Collection[str]) -> PasteFault | None:
    """The error that the server sent back (RFC 6749, 4.1.2.1), where it belongs to a pending login or to none."""
    errors = [piece for piece in own if piece.members.get("error")]
    known = [piece for piece in errors if _known(piece, states)]
    for piece in known or [piece for piece in errors if "state" not in piece.members]:
        error = printable(piece.members["error"].strip("\"'<>,.“”‘’"), 60)
        kind: PasteKind = "error"
        if error == "access_denied":
            kind = "denied"
        elif error == "invalid_scope":
            kind = "scope"
        described = printable(piece.members.get("error_description", ""))
        return PasteFault(kind, error=error, description=described, state=_known(piece, states))
    return None
