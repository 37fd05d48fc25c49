"""Secrets: a text that does not print itself, and `mask`, which hides secrets in a text that is shown."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ocarina_kit.system.words import printable

MASK = "****"


class Secret:
    """A client secret, token, code or API key. ``str`` and ``repr`` are masked; :meth:`reveal` is the one way out."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return MASK

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
_NOT_SECRET = (
    "",
    "oauth",
    "oauth2",
    "null",
    "none",
    "true",
    "false",
)  # MAJORA_TOKEN: OAUTH, in any spelling
_QUERY = (
    r"(?i)(?<![\w-])(?P<head>(?:code|access_token|refresh_token|token|client_secret|code_verifier)=)"
    r"(?P<value>[^&#\s\"'<>]+)"
)
_URL = r"(?i)\b[a-z][a-z0-9+.-]{0,20}://(?:\\.|[^\s<>])+"
# Up to the last @ before a host and port; after a colon that begins no port; or before the path. A password may hold @
# and /, and a path an @ too (``…/ocarina@v1.0.0``).
_USER_INFO = r"^([^:]*://)(?:.*@(?=[\w.-]+:\d+(?!\w))|[^/?#:@\[]*:(?!\d*(?:[/?#]|$)).*@|[^/?#]*@)"
# user:password@host without a scheme, as proxy settings allow it; the password may hold @ and /.
_BARE_USER = r"(?<![\w/.])[\w.+%\\-]{1,64}:(?!//)[^\s\"'`][^\s]{0,511}@(?=[\w\[])"
_SCHEME = r"(?i)(?P<head>\b(?:bearer|basic)\s+)(?P<value>[A-Za-z0-9._~+/=-]{8,})"
# What could be a token; before it, what is shown although long: scopes, the client id, the user, addresses, a path.
_OPAQUE = r"""(?xi)majora2\.[a-z0-9_]+
    | (?:MAJORA_)?(?:CLIENT_ID|USER)["']?\s*[:=]\s*["']?[^"'\s]{1,64}(?![^"'\s,}])
    | MAJORA_(?:DOMAIN|TOKENS_FILE)["']?\s*[:=]\s*["'](?=[^"'\n]*[./])[^"'\n]*
    | (?<![a-z0-9])(?P<run>[a-z0-9_~+=-]{24,})(?![a-z0-9])"""
_MASKED = r"\*{4}(?: \(\d+ characters\))?"
_PIECE = 10
"""Characters of a known secret that give it away: also one that was cut, wrapped or put in lower case is masked."""


def mask(
    text: str, secrets: Iterable[Secret | str] = (), *, lengths: bool = False
) -> str:
    """``text`` with every known secret, and everything that is where secrets are, replaced by ``****``.

    Known secrets are those handed in, also pieces of them. Beyond these: the values of settings with a secret's name,
    in any quoting; codes and tokens in URLs; user info in URLs and in proxies without a scheme; Bearer and Basic
    credentials. ``lengths``: with their numbers of characters. Line breaks stay. Never raises. Mask first, cut after.
    """
    text = _mask_known(text, secrets, lengths)
    text = re.sub(_URL, lambda found: re.sub(_USER_INFO, rf"\1{MASK}@", found[0]), text)
    text = re.sub(_BARE_USER, f"{MASK}@", text)
    for pattern in (_SETTING, _QUERY, _SCHEME):
        text = re.sub(
            pattern,
            lambda found: found["head"] + _mask_value(found["value"], lengths),
            text,
        )
    return text


def mask_opaque(text: str, *, lengths: bool = False) -> str:
    """Masks any long run of letters and digits that could be a token: for logs that leave the machine."""
    return re.sub(
        _OPAQUE,
        lambda run: (
            _stars(run[0], lengths) if re.search(r"\d", run["run"] or "") else run[0]
        ),
        text,
    )


def masked(
    text: str, kind: str = "config", secrets: Iterable[Secret | str] = ()
) -> str:
    """A file's text as it is shown, secrets as ``**** (128 characters)``. Its lines stay lines."""
    if kind == "crontab":  # in which long paths are usual
        return printable(mask(mask_variables(text), secrets, lengths=True))
    return printable(mask_opaque(mask(text, secrets, lengths=True), lengths=True))


# What may be shown of a crontab: the variables that the kit itself writes, and SHELL,
# which says what runs the command.
CRONTAB_VARIABLES = frozenset(
    {
        "ALL_PROXY",
        "CURL_CA_BUNDLE",
        "HOME",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "NO_PROXY",
        "OCARINA_CONF_FILE",
        "PATH",
        "REQUESTS_CA_BUNDLE",
        "SHELL",
        "XDG_STATE_HOME",
        "all_proxy",
        "http_proxy",
        "https_proxy",
        "no_proxy",
    }
)
# A line that only sets a variable; cron takes blanks around the equals sign.
_VARIABLE_LINE = r"""(?m)^(?P<head>[ \t#]*["']?(?P<name>\w+)["']?[ \t]*=[ \t]*)
    (?P<value>[^\n]+)$"""
# An assignment within a command: its value is quoted, or ends where the word ends.
_ASSIGNMENT = r"""(?<![^\s;&|(`"'])(?P<head>(?P<name>[A-Za-z_]\w*)=)
    (?P<value>(?:\$\([^()\n]*\)|`[^`\n]*`?|'[^'\n]*'?
    |"(?:\\.|[^"\\\n])*"?|\\.|[^\s;&|()<>`'"\\])+)"""


def mask_variables(text: str) -> str:
    """Hide the values of variables in lines of a crontab, but for those listed."""
    for pattern in (_VARIABLE_LINE, _ASSIGNMENT):
        text = re.sub(pattern, _mask_variable, text, flags=re.X)
    return text


def _mask_variable(setting: re.Match[str]) -> str:
    if setting["name"] in CRONTAB_VARIABLES:
        return setting[0]
    return f"{setting['head']}{MASK}"


def _mask_known(text: str, secrets: Iterable[Secret | str], lengths: bool) -> str:
    from urllib.parse import quote

    known = {
        secret.reveal() if isinstance(secret, Secret) else secret for secret in secrets
    }
    forms = {
        form.lower()
        for value in known
        for form in (value, quote(value, safe=""))
        if len(value) >= 4
    }
    pieces = {
        form[at : at + _PIECE]
        for form in forms
        for at in range(max(1, len(form) - _PIECE + 1))
    }
    lowered = text.replace("İ", "I").lower()  # the one letter that becomes two
    covered = bytearray(len(text))
    for piece in pieces:
        at = lowered.find(piece)
        while at >= 0:
            covered[at : at + len(piece)] = b"x" * len(piece)
            at = lowered.find(piece, at + 1)
    for run in reversed(list(re.finditer(b"x+", covered))):
        start, end = run.span()
        text = text[:start] + _stars(text[start:end], lengths) + text[end:]
    return text


def _mask_value(value: str, lengths: bool) -> str:
    """A value in its quotes, if it has any; what is no secret stays."""
    before, secret, after = re.findall(
        rf"(?s)\A({_QUOTE}|)(.*?)([,\]]*(?:{_QUOTE}|))\Z", value
    )[0]
    is_none = re.sub(r"[\W_]", "", secret.lower()) in _NOT_SECRET
    return (
        value
        if is_none or re.fullmatch(_MASKED, secret)
        else before + _stars(secret, lengths) + after
    )


def _stars(secret: str, lengths: bool) -> str:
    return (hidden(secret) if lengths else MASK) + "\n" * secret.count("\n")
