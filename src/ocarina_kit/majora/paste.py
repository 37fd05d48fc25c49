"""Reads what a person pastes after pressing Authorize: finds code and state, or says what it is instead. Pure.

People paste through terminals, mail and chat programs: the address comes with quotes and brackets around it, broken
over lines, encoded twice, with words behind it. The state of the pending login, random and long, tells when a reading
is right, so several readings are tried, the most literal one first. Nothing of a paste is kept to be shown, but for a
host name and an OAuth error code that look like nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple
from urllib.parse import unquote, unquote_plus, urlsplit

from ocarina_kit.system.secret import Secret

LONGEST = 1 << 20
"""Characters of a paste that are looked at."""


class Code(NamedTuple):
    """A code, and the state of the pending login that it belongs to."""

    code: Secret
    state: str


class Misread(NamedTuple):
    """What was pasted instead; ``state``, if it belongs to a pending login anyway.

    ``kind``: empty, unreadable, authorize-link, log-in-page, other-server (``words``: which host), wrong-state (of an
    earlier attempt, or of somebody else's login), denied (Cancel was pressed), scope (invalid_scope), error (``words``:
    the server's error code), cut-off (it ends inside the state), no-code, no-state, several (callbacks of several
    logins), redirect-page and client-page (the words of Majora's error pages).
    """

    kind: str
    words: str = ""
    state: str = ""


class _Piece(NamedTuple):
    """One candidate. ``host`` is None for a bare query, "" if a URL's host cannot be read."""

    host: str | None
    port: int | None
    path: str
    query: dict[str, str]


def read_paste(text: str, domain: str, states: Collection[str]) -> Code | Misread:
    """Read a paste. ``states`` are those of the logins that wait at ``domain``. Never raises, whatever the text.

    A code counts only with the state of a pending login beside it (RFC 6749, 10.12).
    """
    cleaned = _clean(text[:LONGEST])
    if not cleaned.strip(" \r\n\"'<>"):
        return Misread("empty")
    home = _piece(domain)
    pieces: list[_Piece] = []
    for reading in _readings(cleaned):
        here = [_piece(part) for part in _parts(reading)]
        own = [piece for piece in here if _is_at(piece, home)]
        found = {
            (_code(piece), _known(piece, states)) for piece in own if _code(piece) and _known(piece, states)
        }
        if len(found) > 1:
            return Misread("several")
        for code, state in found:
            return Code(Secret(code), state)
        pieces += here
    return _code_and_state_apart(cleaned, states) or _what_instead(cleaned, pieces, states, home)


def states_in(text: str) -> tuple[str, ...]:
    """Whatever a paste has as a state, known or not: to tell whose callback it is. Never raises."""
    parts = (part for reading in _readings(_clean(text[:LONGEST])) for part in _parts(reading))
    found = (_piece(part).query.get("state", "").rstrip("\"'<>.,)]}”’»") for part in parts)
    return tuple(dict.fromkeys(state for state in found if state))


# --- readings

_ESCAPES = re.compile(r"(?:\x1b|\^\[)?\[20[01]~|\x1b\[[0-9;?]*[ -/]*[@-~]")
_AMPERSANDS = re.compile(r"&(?:amp|#38|#x26);", re.IGNORECASE)
_LINE_BREAKS = re.compile(r" *[\r\n][ \r\n]*(?:>[> ]*)?")
_URL_START = re.compile(r"(?=https?://)", re.IGNORECASE)
_CODE = re.compile(r"[A-Za-z0-9._~+/=-]+")
_AROUND = "\"'<>()[]{}“”‘’«»„‚`,"


def _clean(text: str) -> str:
    """Without what terminals, mail and shells add: escapes, invisible characters, HTML's and shells' quoting."""
    kept = [""]
    for char in _ESCAPES.sub("", text):
        if char in "\r\n":
            kept.append(char)
        elif char.isspace():
            if kept[-1] != " ":  # runs are cut short here, so that no pattern below meets a long one
                kept.append(" ")
        elif char.isprintable() and char != "\\":
            kept.append(char)
    return _AMPERSANDS.sub("&", "".join(kept))


def _readings(text: str) -> Iterator[str]:
    """As it is, with lines joined, without white space; then the same with percent-encoding undone, twice."""
    for _ in range(3):
        joined = _LINE_BREAKS.sub("", text.strip())
        yield from (text, joined, joined.replace(" ", ""))
        decoded = unquote(text)
        if decoded == text:
            return
        text = decoded


def _parts(reading: str) -> Iterator[str]:
    for word in reading.split():
        yield from (part for part in _URL_START.split(word) if part)


def _piece(part: str) -> _Piece:
    part = part.strip(_AROUND)
    host, port, path = None, None, ""
    if part[:8].lower().startswith(("http://", "https://")):
        host = ""
        try:
            split = urlsplit(part)
            host, port, path = (split.hostname or "").rstrip(".").lower(), split.port, split.path
        except ValueError:
            pass
    is_url = host is not None or "?" in part
    query: dict[str, str] = {}
    for pair in re.split(r"[&#;?]", part.partition("?")[2] if is_url else part):
        name, equals, value = pair.partition("=")
        if equals:
            query.setdefault(name.strip("\"'").lower(), unquote_plus(value))
    return _Piece(host, None if port in (80, 443) else port, path, query)


def _is_at(piece: _Piece, home: _Piece) -> bool:
    return piece.host is None or (piece.host, piece.port) == (home.host, home.port)


def _code(piece: _Piece) -> str:
    found = _CODE.match(piece.query.get("code", ""))
    return found[0].rstrip(".") if found else ""


def _known(piece: _Piece, states: Collection[str]) -> str:
    """The pending state in the piece. What was pasted behind it does not matter: a state is random and long."""
    value = piece.query.get("state", "")
    fitting = [state for state in states if value == state or (len(state) >= 16 and value.startswith(state))]
    return max(fitting, key=len, default="")


def _code_and_state_apart(text: str, states: Collection[str]) -> Code | None:
    """The callback page shows code and state apart, each with a Copy button: both, in any order, are as good."""
    words = [re.sub(r"(?i)^(?:code|state)=", "", word.strip("\"'<>,;“”‘’")) for word in text.split()]
    found = {word for word in words if word in states}
    others = {word for word in words if word not in states and _looks_like_a_code(word)}
    return Code(Secret(others.pop()), found.pop()) if len(found) == len(others) == 1 else None


def _looks_like_a_code(word: str) -> bool:
    return 16 <= len(word) <= 512 and re.fullmatch(r"[A-Za-z0-9._~-]+", word) is not None


# --- what it is instead


def _what_instead(text: str, pieces: Sequence[_Piece], states: Collection[str], home: _Piece) -> Misread:
    urls = [piece for piece in pieces if piece.host is not None]
    if urls and not any(_is_at(piece, home) for piece in urls):
        host = urls[0].host or ""
        # A broken paste may have its code where a host belongs: no label of a host name is as long.
        is_name = re.fullmatch(r"(?:[a-z0-9-]{1,24}\.)*[a-z0-9-]{1,24}", host) and len(host) < 80
        return Misread("other-server", host if is_name else "")
    own = [piece for piece in pieces if _is_at(piece, home)]
    refusal = _refusal(own, states)
    if refusal is not None:
        return refusal
    state = next((known for piece in own if (known := _known(piece, states))), "")
    if any(
        piece.path.rstrip("/").endswith("/o/authorize") or "response_type" in piece.query for piece in own
    ):
        return Misread("authorize-link", state=state)
    if any(re.search(r"/accounts?(/|$)", piece.path) for piece in own):
        return Misread("log-in-page", state=state)
    answers = [piece for piece in own if _code(piece) or "error" in piece.query]
    given = [value for piece in answers if (value := piece.query.get("state", ""))]
    if any(len(value) >= 4 and each.startswith(value) for value in given for each in states):
        return Misread("cut-off")
    if answers:
        return Misread("wrong-state" if given else "no-state")
    said = " ".join(text.lower().split())
    if "mismatching redirect uri" in said:
        return Misread("redirect-page")
    if "invalid client_id parameter value" in said:
        return Misread("client-page")
    if urls or state:
        return Misread("no-code", state=state)
    return Misread("no-state" if any(_looks_like_a_code(word) for word in text.split()) else "unreadable")


def _refusal(own: Sequence[_Piece], states: Collection[str]) -> Misread | None:
    """The error that the server sent back (RFC 6749, 4.1.2.1), if it belongs to a pending login or to none."""
    errors = [piece for piece in own if piece.query.get("error")]
    known = [piece for piece in errors if _known(piece, states)]
    for piece in known or [piece for piece in errors if "state" not in piece.query]:
        found = re.match(r"[a-z]{1,20}(?:_[a-z]{1,20}){0,3}\b", piece.query["error"].strip(_AROUND))
        error = found[0] if found else ""
        kind = {"access_denied": "denied", "invalid_scope": "scope"}.get(error, "error")
        return Misread(kind, error, _known(piece, states))
    return None
