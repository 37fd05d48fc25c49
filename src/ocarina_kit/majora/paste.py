"""Reads what a person pastes after pressing Authorize: a code with its state, or not.

People paste through terminals, mail and chat programs: the address comes with quotes
and brackets around it, broken over lines, encoded twice, with words behind it. The
state of the pending login, random and long, tells when a reading is right, so several
readings are tried, the most literal one first. Nothing of a paste is kept to be shown,
but for a host name and an OAuth error code that look like nothing else. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Literal, NamedTuple
from urllib.parse import unquote, unquote_plus

from ocarina_kit.config.url import server_of
from ocarina_kit.system.secret import Secret

# Characters of a paste that are looked at.
LONGEST = 1 << 20


class Code(NamedTuple):
    """A code, and the state of the pending login that it belongs to."""

    code: Secret
    state: str


PasteKind = Literal[
    "empty",
    "authorize-link",
    "log-in-page",
    "other-server",
    "wrong-state",  # of an earlier attempt, or of somebody else's login
    "denied",  # Cancel was pressed
    "scope",  # invalid_scope
    "error",
    "no-code",
    "no-state",  # or the paste ends inside the state
    # Words of an error page:
    "redirect-uri",
    "client",
    "two-factor",
]


class PasteProblem(NamedTuple):
    """What was pasted instead of an address with a code."""

    kind: PasteKind
    detail: str = ""  # which host it is of, or what the server says, as a sentence
    state: str = ""  # the one in it, of a pending login or not


class _Piece(NamedTuple):
    """One candidate."""

    server: str | None  # None for a bare query, "" for an unreadable host
    path: str  # all before the question mark
    query: dict[str, str]
    code: str
    # A pending one if there is one: as it is random and long, what was pasted behind it
    # does not matter.
    state: str


def read_paste(text: str, domain: str, states: Collection[str]) -> Code | PasteProblem:
    """Read a paste. Never raises, whatever the text.

    A code counts only with the state of a pending login beside it (RFC 6749, 10.12).

    Args:
        text: What was pasted.
        domain: The server of the set-up.
        states: Those of the logins that wait there.
    """
    cleaned = _clean(text[:LONGEST])
    if not cleaned.strip(" \r\n\"'<>"):
        return PasteProblem("empty")
    home = server_of(domain.replace("http:", "https:", 1))
    pieces: list[_Piece] = []
    for words in _readings(cleaned):
        pieces += _pieces(words, states)
        own = [piece for piece in pieces if piece.server in (None, home)]
        code = _newest_code(own, states)
        if code is not None:
            return code
    known, codes = _bare_values(cleaned, states)
    if len(known) == len(codes) == 1:
        return Code(Secret(codes.pop()), known.pop())
    servers = [piece.server for piece in pieces if piece.server is not None]
    if servers and home not in servers:
        return PasteProblem("other-server", _host_to_show(servers[0]))
    code_alone = bool(codes) and not servers
    return _problem_of(cleaned, own, states, code_alone=code_alone)


def _pieces(words: list[str], states: Collection[str]) -> list[_Piece]:
    candidates = [word for word in words if "=" in word or "/" in word]
    return [_piece(word, states) for word in candidates]


def _newest_code(own: list[_Piece], states: Collection[str]) -> Code | None:
    """Find a code with a pending state; of several, the last one is the newest."""
    for piece in reversed(own):
        if piece.code and piece.state in states:
            return Code(Secret(piece.code), piece.state)
    return None


def _bare_values(text: str, states: Collection[str]) -> tuple[set[str], set[str]]:
    """Find pending states, and what may be codes, that stand alone.

    The callback page shows code and state apart, each with a Copy button: both, in any
    order, are as good as the address.
    """
    values = set()
    for word in text.split():
        value = word.strip("\"'<>,;“”‘’")
        values.add(re.sub(r"(?i)^(?:code|state)[=:]", "", value))
    known = values.intersection(states)
    codes = set()
    for value in values - known:
        if re.fullmatch(r"[A-Za-z0-9._~-]{16,512}", value):
            codes.add(value)
    return known, codes


def _host_to_show(server: str) -> str:
    """Name the host of another server, unless it may be a code.

    A broken paste may have its code where a host belongs: no label of a host name is
    as long.
    """
    host = server.partition("://")[2]
    label = "[a-z0-9-]{1,24}"
    is_name = re.fullmatch(rf"(?:{label}\.){{0,3}}{label}(?::\d+)?", host)
    return host if is_name else "an unreadable host"


def _problem_of(
    text: str, own: list[_Piece], states: Collection[str], *, code_alone: bool
) -> PasteProblem:
    """Tell what a paste of this server without a code is.

    Args:
        text: The paste, cleaned.
        own: Its pieces that are of this server.
        states: Those of the logins that wait.
        code_alone: There is a word that may be a code.
    """
    refusal = _refusal(own, states)
    if refusal is not None:
        return refusal
    pending = [piece.state for piece in own if piece.state in states]
    state = pending[0] if pending else ""
    page = _page(own)
    if page is not None:
        return PasteProblem(page, state=state)
    given = [piece.state for piece in own if piece.code or "error" in piece.query]
    if any(given):
        return _of_another_login(given, states)
    error_page = _error_page(text)
    if error_page is not None:
        return error_page
    lacks_state = given or (code_alone and not state)
    return PasteProblem("no-state" if lacks_state else "no-code", state=state)


def _error_page(text: str) -> PasteProblem | None:
    shown = " ".join(text.lower().split())
    for words, kind in _ERROR_PAGES:
        if words.lower() in shown:
            return PasteProblem(kind, f"The browser shows: {words}.")
    return None


def _page(own: list[_Piece]) -> PasteKind | None:
    """Recognise the address of a page that comes before the one with the code."""
    for piece in own:
        if piece.path.endswith("/o/authorize/") or "response_type" in piece.query:
            return "authorize-link"
    for piece in own:
        if re.search(r"/accounts?(/|$)", piece.path):
            return "log-in-page"
    return None


def _refusal(own: list[_Piece], states: Collection[str]) -> PasteProblem | None:
    """Find the error that the server sent back (RFC 6749, 4.1.2.1).

    One with the state of a pending login counts before one without a state.
    """
    pending = [piece for piece in own if piece.state in states]
    stateless = [piece for piece in own if not piece.state]
    for piece in (*pending, *stateless):
        if piece.query.get("error"):
            return _refusal_in(piece)
    return None


def _refusal_in(piece: _Piece) -> PasteProblem:
    given = piece.query["error"].strip(_AROUND)
    code = re.match(r"[a-z]{1,20}(?:_[a-z]{1,20}){0,3}\b", given)
    error = code[0] if code else "an unknown error"
    kinds: dict[str, PasteKind] = {"access_denied": "denied", "invalid_scope": "scope"}
    return PasteProblem(
        kinds.get(error, "error"), f"Majora answered {error}.", piece.state
    )


def _of_another_login(given: list[str], states: Collection[str]) -> PasteProblem:
    """Tell a state that was cut off from that of another login."""
    for state in states:
        for value in given:
            if len(value) >= 4 and state.startswith(value):
                return PasteProblem("no-state", state=state)
    return PasteProblem("wrong-state", state=max(given, key=len))


# --- readings

_URL_START = re.compile(r"(?=https?://)", re.IGNORECASE)
# Servers percent-encode all other characters (RFC 6749, appendix B).
_NOT_OF_A_VALUE = re.compile(r"[^A-Za-z0-9._~+/=%-]")
_AROUND = "\"'<>()[]{}“”‘’«»„‚`,"
_ERROR_PAGES: tuple[tuple[str, PasteKind], ...] = (
    ("Mismatching redirect URI", "redirect-uri"),
    ("Invalid client_id parameter value", "client"),
    ("enforces users to verify using two-factor authentication", "two-factor"),
    ("Two-factor authentication is not enabled for your account", "two-factor"),
    ("has not enabled 2FA", "two-factor"),
)
"""Words of Majora's pages that a person may copy from the browser, and their kind."""


def _clean(text: str) -> str:
    """Take away what terminals, mail and shells add.

    That is escapes, invisible characters, and the quoting of HTML and shells.
    """
    text = re.sub(r"(?:\x1b|\^\[)?\[20[01]~|\x1b\[[0-9;?]*[ -/]*[@-~]", "", text)
    text = "".join(
        char for char in text if char.isspace() or (char.isprintable() and char != "\\")
    )
    text = re.sub(r"[^\S\r\n]+", " ", text)  # so that no pattern meets a long run
    return re.sub(r"(?i)&(?:amp|#38|#x26);", "&", text)


def _readings(text: str) -> Iterator[list[str]]:
    """Yield the words of the text in several readings, the most literal one first.

    As it is, with lines joined, without white space; then the same with
    percent-encoding undone, twice. A URL begins a word.
    """
    for _ in range(3):
        joined = re.sub(r" *[\r\n][ \r\n]*(?:>[> ]*)?", "", text.strip())
        for reading in (text, joined, joined.replace(" ", "")):
            parts: list[str] = []
            for word in reading.split():
                parts += _URL_START.split(word)
            yield [part for part in parts if part]
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
