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
from urllib.parse import unquote, unquote_plus

from ocarina_kit.config.url import server_of
from ocarina_kit.system.secret import Secret

LONGEST = 1 << 20
"""Characters of a paste that are looked at."""


class Code(NamedTuple):
    """A code, and the state of the pending login that it belongs to."""

    code: Secret
    state: str


class Misread(NamedTuple):
    """What was pasted instead; ``state``, if it belongs to a pending login anyway.

    ``kind``: empty, authorize-link, log-in-page, other-server (``words``: which host), wrong-state (of an earlier
    attempt, or of somebody else's login), denied (Cancel was pressed), scope (invalid_scope), error (``words``: the
    server's error code), no-code, no-state (or it ends inside the state), several (callbacks of several logins),
    redirect-page and client-page (the words of Majora's error pages).
    """

    kind: str
    words: str = ""
    state: str = ""


class _Piece(NamedTuple):
    """One candidate. ``server`` is None for a bare query, "" if an unreadable host; ``path``: all before the ?."""

    server: str | None
    path: str
    query: dict[str, str]

    @property
    def code(self) -> str:
        found = _CODE.match(self.query.get("code", ""))
        return found[0].rstrip(".") if found else ""

    def state(self, states: Collection[str]) -> str:
        """The pending state in it. What was pasted behind it does not matter: a state is random and long."""
        value = self.query.get("state", "")
        fitting = [one for one in states if value == one or (len(one) >= 16 and value.startswith(one))]
        return max(fitting, key=len, default="")


def read_paste(text: str, domain: str, states: Collection[str]) -> Code | Misread:
    """Read a paste. ``states`` are those of the logins that wait at ``domain``. Never raises, whatever the text.

    A code counts only with the state of a pending login beside it (RFC 6749, 10.12).
    """
    cleaned = _clean(text[:LONGEST])
    if not cleaned.strip(" \r\n\"'<>"):
        return Misread("empty")
    home = (None, server_of(domain))
    pieces: list[_Piece] = []
    for here in _readings(cleaned):
        own = [(piece.code, piece.state(states)) for piece in here if piece.server in home]
        found = {(code, state) for code, state in own if code and state}
        if len(found) > 1:
            return Misread("several")
        for code, state in found:
            return Code(Secret(code), state)
        pieces += here
    return _code_and_state_apart(cleaned, states) or _what_instead(cleaned, pieces, states, home)


def states_in(text: str) -> tuple[str, ...]:
    """Whatever a paste has as a state, known or not: to tell whose callback it is. Never raises."""
    pieces = (piece for reading in _readings(_clean(text[:LONGEST])) for piece in reading)
    found = (piece.query.get("state", "").rstrip("\"'<>.,)]}”’»") for piece in pieces)
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


def _readings(text: str) -> Iterator[list[_Piece]]:
    """The candidates in the text as it is, with lines joined, without white space; then the same with percent-encoding
    undone, twice."""
    for _ in range(3):
        joined = _LINE_BREAKS.sub("", text.strip())
        for reading in (text, joined, joined.replace(" ", "")):
            yield [_piece(part) for word in reading.split() for part in _URL_START.split(word) if part]
        decoded = unquote(text)
        if decoded == text:
            return
        text = decoded


def _piece(part: str) -> _Piece:
    part = part.strip(_AROUND)
    server = server_of(part) if _URL_START.match(part) else None
    path, mark, rest = part.partition("?")
    query: dict[str, str] = {}
    for pair in re.split(r"[&#;?]", rest if mark or server is not None else part):
        name, equals, value = pair.partition("=")
        if equals:
            query.setdefault(name.strip("\"'").lower(), unquote_plus(value))
    return _Piece(server, path, query)


def _code_and_state_apart(text: str, states: Collection[str]) -> Code | None:
    """The callback page shows code and state apart, each with a Copy button: both, in any order, are as good."""
    words = [re.sub(r"(?i)^(?:code|state)=", "", word.strip("\"'<>,;“”‘’")) for word in text.split()]
    found = {word for word in words if word in states}
    others = {word for word in words if word not in states and _looks_like_a_code(word)}
    return Code(Secret(others.pop()), found.pop()) if len(found) == len(others) == 1 else None


def _looks_like_a_code(word: str) -> bool:
    return 16 <= len(word) <= 512 and re.fullmatch(r"[A-Za-z0-9._~-]+", word) is not None


# --- what it is instead


def _what_instead(
    text: str, pieces: Sequence[_Piece], states: Collection[str], home: Collection[str | None]
) -> Misread:
    urls = [piece for piece in pieces if piece.server is not None]
    own = [piece for piece in pieces if piece.server in home]
    if urls and not any(piece.server in home for piece in urls):
        host = (urls[0].server or "").partition("://")[2]
        # A broken paste may have its code where a host belongs: no label of a host name is as long.
        is_name = re.fullmatch(r"(?:[a-z0-9-]{1,24}\.)*[a-z0-9-]{1,24}(?::\d+)?", host) and len(host) < 80
        return Misread("other-server", host if is_name else "")
    refusal = _refusal(own, states)
    if refusal is not None:
        return refusal
    state = next((known for piece in own if (known := piece.state(states))), "")
    if any(piece.path.endswith("/o/authorize/") or "response_type" in piece.query for piece in own):
        return Misread("authorize-link", state=state)
    if any(re.search(r"/accounts?(/|$)", piece.path) for piece in own):
        return Misread("log-in-page", state=state)
    answers = [piece for piece in own if piece.code or "error" in piece.query]
    given = [value for piece in answers if (value := piece.query.get("state", ""))]
    if answers:
        cut_off = any(len(value) >= 4 and each.startswith(value) for value in given for each in states)
        return Misread("wrong-state" if given and not cut_off else "no-state")
    said = " ".join(text.lower().split())
    if "mismatching redirect uri" in said:
        return Misread("redirect-page")
    if "invalid client_id parameter value" in said:
        return Misread("client-page")
    has_code = any(_looks_like_a_code(word) for word in text.split()) and not (urls or state)
    return Misread("no-state" if has_code else "no-code", state=state)


def _refusal(own: Sequence[_Piece], states: Collection[str]) -> Misread | None:
    """The error that the server sent back (RFC 6749, 4.1.2.1), if it belongs to a pending login or to none."""
    errors = [piece for piece in own if piece.query.get("error")]
    known = [piece for piece in errors if piece.state(states)]
    for piece in known or [piece for piece in errors if "state" not in piece.query]:
        found = re.match(r"[a-z]{1,20}(?:_[a-z]{1,20}){0,3}\b", piece.query["error"].strip(_AROUND))
        error = found[0] if found else ""
        kind = {"access_denied": "denied", "invalid_scope": "scope"}.get(error, "error")
        return Misread(kind, error, piece.state(states))
    return None
