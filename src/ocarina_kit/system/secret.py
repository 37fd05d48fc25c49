"""Secrets: a text that does not print itself, and `mask`, which hides secrets in a text that is shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

MASK = "****"


class Secret:
    """A client secret, token, code or API key. ``str`` and ``repr`` are masked; :meth:`reveal` is the one way out."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __len__(self) -> int:
        return len(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


def hidden(text: str | Secret) -> str:
    """How a secret is shown in a diff or an excerpt: ``**** (128 characters)`` (WORDS.md)."""
    return f"{MASK} ({len(text)} characters)"


_QUOTE = "\\\\?[\"'`“”‘’]"
_NAMES = (
    r"client[_ -]?secret|majora[_ -]?token|(?:access|refresh|id)[_ -]?token|code[_ -]?verifier|api[_ -]?key"
    r"|authorization|passw(?:or)?d|passphrase"
)
_ENDINGS = r"secret|token|[_-]pwd|[_-]pass"
# The patterns are compiled where they are used (``re`` keeps them): most commands mask nothing.
# A setting with a secret's name, then its value: quoted (over several lines, if the end quote is found), or one word.
_SETTING = rf"""(?isx)(?P<head>
      (?: (?:{_NAMES})\d*(?:{_QUOTE})?\s*[:=]\s*
        | (?:{_ENDINGS})\d*(?:=|{_QUOTE}\s*[:=]\s*)
        | --[a-z-]*(?:{_NAMES}|{_ENDINGS})\s+
        | (?<!\S)(?:-u|--user|-U|--proxy-user)[ =]?[\w.+-]+:
      )(?:(?:bearer|basic)\s+)?)
    (?P<value>
        \\"(?:.*?)\\"
      | "(?:\\.|[^"\\])*"
      | '(?:\\.|[^'\\])*'
      | [“”‘’][^“”‘’"'\n]*[“”‘’"']?
      | ["'][^\n]*
      | [^\s"'`“”‘’;&}}{{<>|] (?:\\.|"[^"\n]*"|'[^'\n]*'|[^\s"'`“”‘’;&}}<>|])*
    )"""
_NOT_SECRET = ("", "oauth", "oauth2", "null", "none", "true", "false")  # MAJORA_TOKEN: OAUTH, in any spelling
_QUERY = (
    r"(?i)(?<![\w-])(?P<head>(?:code|access_token|refresh_token|token|client_secret|code_verifier)=)"
    r"(?P<value>[^&#\s\"'<>]+)"
)
_URL = r"(?i)(?P<head>\b[a-z][a-z0-9+.-]{0,20}://)(?P<rest>(?:\\.|[^\s<>])+)"
_HOST = r"(?i)(?:\[[0-9a-f:.]*\]|[^:@\[\]]*)(?::\d*)?"
_PROXY_HOST = r"[\w.-]+:\d+(?!\w)"
# user:password@host without a scheme, as proxy settings allow it; the password may hold @ and /.
_BARE_USER = r"(?<![\w/.])[\w.+%\\-]{1,64}:(?!//)[^\s\"'`][^\s]{0,511}@(?=[\w\[])"
_SCHEME = r"(?i)(?P<head>\b(?:bearer|basic)\s+)(?P<value>[A-Za-z0-9._~+/=-]{8,})"
_OPAQUE = r"majora2\.[a-z0-9_]+|(?<![A-Za-z0-9])(?P<run>[A-Za-z0-9_~+=-]{24,})(?![A-Za-z0-9])"
_MASKED = r"\*{4}(?: \(\d+ characters\))?"
_PIECE = 10
"""Characters of a known secret that give it away: also one that was cut, wrapped or put in lower case is masked."""


def mask(text: str, secrets: Iterable[Secret | str] = (), *, sizes: bool = False) -> str:
    """``text`` with every known secret, and everything that is where secrets are, replaced by ``****``.

    Known secrets are those handed in, also pieces of them. Beyond these: the values of settings with a secret's name,
    in any quoting; codes and tokens in URLs; user info in URLs and in proxies without a scheme; Bearer and Basic
    credentials. With ``sizes`` as ``**** (128 characters)``. Line breaks stay. Never raises. Mask first, cut after.
    """
    hide = _sized if sizes else _plain
    text = _mask_known(text, {_text_of(secret) for secret in secrets}, hide)
    text = re.sub(_URL, _mask_user_info, text)
    text = re.sub(_BARE_USER, f"{MASK}@", text)
    for pattern in (_SETTING, _QUERY, _SCHEME):
        text = re.sub(pattern, lambda found: found["head"] + _mask_value(found["value"], hide), text)
    return text


def mask_opaque(text: str, *, sizes: bool = False) -> str:
    """Masks any long run of letters and digits that could be a token: for logs that leave the machine."""
    hide = _sized if sizes else _plain
    return re.sub(_OPAQUE, lambda run: hide(run[0]) if re.search(r"\d", run["run"] or "") else run[0], text)


def _text_of(secret: Secret | str) -> str:
    return secret.reveal() if isinstance(secret, Secret) else secret


def _plain(value: str) -> str:
    return MASK + "\n" * value.count("\n")


def _sized(value: str) -> str:
    return hidden(value) + "\n" * value.count("\n")


def _mask_known(text: str, known: set[str], hide: Callable[[str], str]) -> str:
    for value in known:
        if 4 <= len(value) < _PIECE:
            text = text.replace(value, hide(value))
    from urllib.parse import quote

    forms = known | {form.lower() for value in known for form in (value, quote(value, safe=""))}
    pieces = {form[at : at + _PIECE] for form in forms for at in range(len(form) - _PIECE + 1)}
    lowered = text.lower()
    if len(lowered) != len(text):  # as of İ
        lowered = text
    covered = bytearray(len(text))
    for at in range(len(text) - _PIECE + 1 if pieces else 0):
        if lowered[at : at + _PIECE] in pieces:
            covered[at : at + _PIECE] = b"x" * _PIECE
    for run in reversed(list(re.finditer(b"x+", covered))):
        text = text[: run.start()] + hide(text[run.start() : run.end()]) + text[run.end() :]
    return text


def _mask_value(value: str, hide: Callable[[str], str]) -> str:
    """A value in its quotes, if it has any; what is no secret stays."""
    parts = re.fullmatch(rf"({_QUOTE})?(.*?)([,\]]*)({_QUOTE})?", value, re.DOTALL)
    if (
        parts is None
        or re.fullmatch(_MASKED, parts[2])
        or re.sub(r"[\W_]", "", parts[2].lower()) in _NOT_SECRET
    ):
        return value
    return (parts[1] or "") + hide(parts[2]) + parts[3] + (parts[4] or "")


def _mask_user_info(found: re.Match[str]) -> str:
    """Up to the last @: a password may hold @ and /. A path that holds one (``…/ocarina@v1.0.0``) stays."""
    rest = found["rest"]
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    user, _, host = authority.rstrip("\"',;)}").rpartition("@")
    last = rest.rfind("@")
    if re.fullmatch(_HOST, host) and ":" not in user:
        if user:
            last = len(user)
        elif last < 0 or not re.match(_PROXY_HOST, rest[last + 1 :]):
            return found[0]
    return found["head"] + MASK + (rest[last:] if last >= 0 else rest[len(authority) :])
