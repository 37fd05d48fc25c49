"""Reads what a person pastes after pressing Authorize: finds code and state, or says what it is instead. Pure.

People paste through terminals, mail and chat programs: the address comes with quotes and brackets around it, broken
over lines, encoded twice, with words behind it. The state of the pending login, random and long, tells when a reading
is right, so several readings are tried, the most literal one first. Nothing of a paste is kept to be shown, but for a
host name and an OAuth error code that look like nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple
from urllib.parse import unquote, unquote_plus

from ocarina_kit.config.url import server_of
from ocarina_kit.system.secret import Secret

# Characters of a paste that are looked at.
LONGEST = 1 << 20


class Code(NamedTuple):
    """A code, and the state of the pending login that it belongs to."""

    code: Secret
    state: str


class Misread(NamedTuple):
    """What was pasted instead; ``state``: the one in it, of a pending login or not.

    ``kind``: empty, authorize-link, log-in-page, other-server (``words``: which host), wrong-state (of an earlier
    attempt, or of somebody else's login), denied (Cancel was pressed), scope (invalid_scope), error, no-code, no-state
    (or it ends inside the state), redirect-uri and client (error pages).
    ``words`` of these errors: what the server says, as a sentence.
    """

    kind: str
    words: str = ""
    state: str = ""


class _Piece(NamedTuple):
    """One candidate. ``server`` is None for a bare query, "" if an unreadable host; ``path``: all before the ?.

    ``state`` is a pending one if there is one: what was pasted behind it does not matter, as it is random and long.
    """

    server: str | None
    path: str
    query: dict[str, str]
    code: str
    state: str


def read_paste(text: str, domain: str, states: Collection[str]) -> Code | Misread:
    """Read a paste. ``states`` are those of the logins that wait at ``domain``. Never raises, whatever the text.

    A code counts only with the state of a pending login beside it (RFC 6749, 10.12).
    """
    cleaned = _clean(text[:LONGEST])
    if not cleaned.strip(" \r\n\"'<>"):
        return Misread("empty")
    home = server_of(domain.replace("http:", "https:", 1))
    servers: list[str] = []
    own: list[_Piece] = []
    for words in _readings(cleaned):
        here = [_piece(word, states) for word in words if "=" in word or "/" in word]
        servers += [piece.server for piece in here if piece.server is not None]
        own += [piece for piece in here if piece.server in (None, home)]
        ours = [piece for piece in own if piece.code and piece.state in states]
        if ours:  # of several, the last one is the newest
            return Code(Secret(ours[-1].code), ours[-1].state)
    # The callback page shows code and state apart, each with a Copy button: both, in any order, are as good.
    bare = {
        re.sub(r"(?i)^(?:code|state)[=:]", "", word.strip("\"'<>,;“”‘’"))
        for word in cleaned.split()
    }
    known = bare.intersection(states)
    codes = {
        word for word in bare - known if re.fullmatch(r"[A-Za-z0-9._~-]{16,512}", word)
    }
    if len(known) == len(codes) == 1:
        return Code(Secret(codes.pop()), known.pop())
    if servers and home not in servers:
        host = servers[0].partition("://")[2]
        # A broken paste may have its code where a host belongs: no label of a host name is as long.
        is_name = re.fullmatch(
            r"(?:[a-z0-9-]{1,24}\.){0,3}[a-z0-9-]{1,24}(?::\d+)?", host
        )
        return Misread("other-server", host if is_name else "an unreadable host")
    return _what_instead(cleaned, own, states, code_alone=bool(codes) and not servers)


def _what_instead(
    text: str, own: list[_Piece], states: Collection[str], *, code_alone: bool
) -> Misread:
    """What a paste of this server without a code is. ``code_alone``: there is a word that may be one."""
    pending = [piece for piece in own if piece.state in states]
    stateless = [piece for piece in own if not piece.state]
    # An error that the server sent back (RFC 6749, 4.1.2.1): of a pending login, else of none.
    for piece in (*pending, *stateless):
        if piece.query.get("error"):
            found = re.match(
                r"[a-z]{1,20}(?:_[a-z]{1,20}){0,3}\b",
                piece.query["error"].strip(_AROUND),
            )
            error = found[0] if found else "an unknown error"
            kind = {"access_denied": "denied", "invalid_scope": "scope"}.get(
                error, "error"
            )
            return Misread(kind, f"Majora answered {error}.", piece.state)
    state = pending[0].state if pending else ""
    if any(
        piece.path.endswith("/o/authorize/") or "response_type" in piece.query
        for piece in own
    ):
        return Misread("authorize-link", state=state)
    if any(re.search(r"/accounts?(/|$)", piece.path) for piece in own):
        return Misread("log-in-page", state=state)
    given = [piece.state for piece in own if piece.code or "error" in piece.query]
    if any(given):
        for state in states:
            if any(
                len(value) >= 4 and state.startswith(value) for value in given
            ):  # cut off
                return Misread("no-state", state=state)
        return Misread("wrong-state", state=max(given, key=len))
    said = " ".join(text.lower().split())
    for kind, words in _ERROR_PAGES.items():
        if words.lower() in said:
            return Misread(kind, f"The browser shows: {words}.")
    return Misread(
        "no-state" if given or (code_alone and not state) else "no-code", state=state
    )


# --- readings

_URL_START = re.compile(r"(?=https?://)", re.IGNORECASE)
# Servers percent-encode all other characters (RFC 6749, appendix B).
_NOT_OF_A_VALUE = re.compile(r"[^A-Za-z0-9._~+/=%-]")
_AROUND = "\"'<>()[]{}“”‘’«»„‚`,"
_ERROR_PAGES = {
    "redirect-uri": "Mismatching redirect URI",
    "client": "Invalid client_id parameter value",
}


def _clean(text: str) -> str:
    """Without what terminals, mail and shells add: escapes, invisible characters, HTML's and shells' quoting."""
    text = re.sub(r"(?:\x1b|\^\[)?\[20[01]~|\x1b\[[0-9;?]*[ -/]*[@-~]", "", text)
    text = "".join(
        char for char in text if char.isspace() or (char.isprintable() and char != "\\")
    )
    text = re.sub(r"[^\S\r\n]+", " ", text)  # so that no pattern meets a long run
    return re.sub(r"(?i)&(?:amp|#38|#x26);", "&", text)


def _readings(text: str) -> Iterator[list[str]]:
    """The words of the text as it is, with lines joined, without white space; then the same with percent-encoding
    undone, twice. A URL begins a word."""
    for _ in range(3):
        joined = re.sub(r" *[\r\n][ \r\n]*(?:>[> ]*)?", "", text.strip())
        for reading in (text, joined, joined.replace(" ", "")):
            yield [
                part
                for word in reading.split()
                for part in _URL_START.split(word)
                if part
            ]
        decoded = unquote(text)
        if decoded == text:
            return
        text = decoded


def _piece(part: str, states: Collection[str]) -> _Piece:
    part = part.strip(_AROUND)
    # The scheme says nothing: no code is ever sent to the address in a paste.
    server = (
        server_of(part.replace("http:", "https:", 1))
        if _URL_START.match(part)
        else None
    )
    path, mark, rest = part.partition("?")
    query: dict[str, str] = {}
    for pair in re.split(r"[&#;?]", rest if mark or server is not None else part):
        name, equals, value = pair.partition("=")
        if equals:
            query.setdefault(
                name.strip("\"'").lower(),
                unquote_plus(_NOT_OF_A_VALUE.split(value, 1)[0]),
            )
    given = query.get("state", "")
    fitting = [one for one in states if given.startswith(one)]
    state = max(fitting, key=len, default=given.rstrip(f"{_AROUND}."))
    return _Piece(
        server, path, query, query.get("code", "").rstrip(" \r\n\"'<>."), state
    )
