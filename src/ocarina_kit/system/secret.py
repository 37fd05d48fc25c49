"""Keeps secrets from being shown.

`Secret` is a text that does not print itself; `mask` hides secrets in other texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ocarina_kit.system.words import printable

MASK = "****"


class Secret:
    """A client secret, token, code or API key.

    `str` and `repr` are masked; `reveal` is the one way out.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Keep a text that is not to be shown."""
        self._text = text

    def reveal(self) -> str:
        """Return the text, for a request or a private file."""
        return self._text

    def __repr__(self) -> str:
        """Return stars of a fixed number."""
        return MASK

    def __len__(self) -> int:
        """Return the number of characters, which may be shown."""
        return len(self._text)

    def __eq__(self, other: object) -> bool:
        """Return whether the other is a secret of the same text."""
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        """Return the hash of the text, so that equal secrets have equal hashes."""
        return hash(self._text)


def hidden(text: str | Secret) -> str:
    """Show a secret in a diff or an excerpt: `**** (128 characters)`."""
    return f"{MASK} ({len(text)} characters)"


_QUOTE = "\\\\?[\"'`“”‘’]"
_NAMES = (
    r"client[_ -]?secret|majora[_ -]?token|(?:access|refresh|id)[_ -]?token"
    r"|code[_ -]?verifier|api[_ -]?key|authorization|passw(?:or)?d|passphrase"
)
_ENDINGS = r"secret|token|[_-]pwd|[_-]pass"
# The patterns are compiled where they are used (`re` keeps them), as most commands mask
# nothing.
# A setting with a secret's name, then its value: quoted (over several lines, if the end
# quote is found), or one word.
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
# MAJORA_TOKEN may be OAUTH, in any spelling.
_NOT_SECRET = ("", "oauth", "oauth2", "null", "none", "true", "false")
_QUERY = (
    r"(?i)(?<![\w-])(?P<head>(?:code|access_token|refresh_token|token|client_secret"
    r"|code_verifier)=)(?P<value>[^&#\s\"'<>]+)"
)
_URL = r"(?i)\b[a-z][a-z0-9+.-]{0,20}://(?:\\.|[^\s<>])+"
# Up to the last @ before a host and port; after a colon that begins no port; or before
# the path. A password may hold @ and /, and a path an @ too (`…/ocarina@v1.0.0`).
_USER_INFO = (
    r"^([^:]*://)(?:.*@(?=[\w.-]+:\d+(?!\w))"
    r"|[^/?#:@\[]*:(?!\d*(?:[/?#]|$)).*@|[^/?#]*@)"
)
# user:password@host without a scheme, as proxy settings allow it. The password may hold
# @ and /.
_BARE_USER = r"(?<![\w/.])[\w.+%\\-]{1,64}:(?!//)[^\s\"'`][^\s]{0,511}@(?=[\w\[])"
_SCHEME = r"(?i)(?P<head>\b(?:bearer|basic)\s+)(?P<value>[A-Za-z0-9._~+/=-]{8,})"
# The last part could be a token. The parts before it are shown although they are long:
# scopes, the client id, the user, addresses, a path.
_OPAQUE = r"""(?xi)majora2\.[a-z0-9_]+
    | (?:MAJORA_)?(?:CLIENT_ID|USER)["']?\s*[:=]\s*["']?[^"'\s]{1,64}(?![^"'\s,}])
    | MAJORA_(?:DOMAIN|TOKENS_FILE)["']?\s*[:=]\s*["'](?=[^"'\n]*[./])[^"'\n]*
    | (?<![a-z0-9])(?P<run>[a-z0-9_~+=-]{24,})(?![a-z0-9])"""
_MASKED = r"\*{4}(?: \(\d+ characters\))?"
_SHORTEST = 4
"""Characters; a shorter text would hide half of all others."""
_PIECE = 10
"""Characters of a known secret that give it away.

So one that was cut, wrapped or put in lower case is masked, too.
"""


def mask(
    text: str, secrets: Iterable[Secret | str] = (), *, lengths: bool = False
) -> str:
    """Hide every secret in a text that is shown.

    Known secrets are hidden, and pieces of them. So is all that is where secrets are:
    values of settings with a secret's name, in any quoting; codes and tokens in URLs;
    user info in URLs, and in proxies without a scheme; Bearer and Basic credentials.
    Line breaks stay. Never raises. A text is masked first and cut after.

    Args:
        text: The text.
        secrets: Known secrets.
        lengths: Show their numbers of characters.
    """

    def mask_user(url: re.Match[str]) -> str:
        return re.sub(_USER_INFO, rf"\1{MASK}@", url[0])

    def mask_setting(setting: re.Match[str]) -> str:
        return f"{setting['head']}{_mask_value(setting['value'], lengths)}"

    text = _mask_known(text, secrets, lengths)
    text = re.sub(_URL, mask_user, text)
    text = re.sub(_BARE_USER, f"{MASK}@", text)
    for pattern in (_SETTING, _QUERY, _SCHEME):
        text = re.sub(pattern, mask_setting, text)
    return text


def mask_opaque(text: str, *, lengths: bool = False) -> str:
    """Hide each long run of letters and digits, as it could be a token.

    This is for logs that leave the machine.
    """

    def mask_run(match: re.Match[str]) -> str:
        could_be_token = re.search(r"\d", match["run"] or "")
        return _stars(match[0], lengths) if could_be_token else str(match[0])

    return re.sub(_OPAQUE, mask_run, text)


def masked(
    text: str, kind: str = "config", secrets: Iterable[Secret | str] = ()
) -> str:
    """Show the text of a file, secrets as `**** (128 characters)`.

    Its lines stay lines.

    Args:
        text: The text.
        kind: What the file is: config, tokens or crontab.
        secrets: Known secrets.
    """
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
    covered = bytearray(len(text))
    lowered = text.replace("İ", "I").lower()  # the one letter that becomes two
    for piece in _pieces_of(secrets):
        start = lowered.find(piece)
        while start >= 0:
            covered[start : start + len(piece)] = b"x" * len(piece)
            start = lowered.find(piece, start + 1)
    runs = list(re.finditer(b"x+", covered))
    for run in reversed(runs):
        start, end = run.span()
        text = text[:start] + _stars(text[start:end], lengths) + text[end:]
    return text


def _pieces_of(secrets: Iterable[Secret | str]) -> set[str]:
    """List the pieces of secrets that give them away, in lower case."""
    from urllib.parse import quote

    pieces: set[str] = set()
    for secret in secrets:
        plain = secret.reveal() if isinstance(secret, Secret) else secret
        if len(plain) < _SHORTEST:
            continue
        for form in (plain.lower(), quote(plain, safe="").lower()):
            for start in range(max(1, len(form) - _PIECE + 1)):
                pieces.add(form[start : start + _PIECE])
    return pieces


def _mask_value(value: str, lengths: bool) -> str:
    """Hide a value, but not the quotes around it, nor what is no secret."""
    parts = re.findall(rf"(?s)\A({_QUOTE}|)(.*?)([,\]]*(?:{_QUOTE}|))\Z", value)
    before, secret, after = map(str, parts[0])
    bare = re.sub(r"[\W_]", "", secret.lower())
    if bare in _NOT_SECRET or re.fullmatch(_MASKED, secret):
        return value
    return before + _stars(secret, lengths) + after


def _stars(secret: str, lengths: bool) -> str:
    stars = hidden(secret) if lengths else MASK
    return stars + "\n" * secret.count("\n")
