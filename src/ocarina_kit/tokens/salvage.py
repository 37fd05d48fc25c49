"""What is wrong with a damaged tokens file, and what can still be read of it.

The client writes the file in place with no lock (FACTS.md), so a crash cuts it off, and two writers mix their texts.
"""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

from ocarina_kit.tokens.file import Damage, TokensFile, read_token

# An entry's key, and its settings up to the next brace; one setting. Both in linear time, whatever the text is.
_ENTRY = r'"([^"\\]{1,4000})"\s{0,100}:\s{0,100}\{(?=([^{}]*\}?))'
_SETTING = (
    r'"([^"\\]*)"\s{0,100}:\s{0,100}("[^"\\]*"|\[[^][]*\]|(?:true|false|null|[-+.\deE]+)(?=\s{0,100}[,}]))'
)
_CONFIG_SETTINGS = {"MAJORA_DOMAIN", "MAJORA_TOKEN", "CLIENT_ID", "CLIENT_SECRET", "MAJORA_TOKENS_FILE"}
_OUR_NAMES = ("token", "ocarina", "majora", "json")
_FUTURE = 1e15  # epoch seconds: seen from there no real time is too far ahead


def salvage(data: bytes, problem: Exception) -> TokensFile:
    """The tokens of ``data`` that can be read, and its damage; ``problem`` is what reading it raised. Never raises."""
    text = data.decode(json.detect_encoding(data), "replace")
    file = TokensFile({}, _damage(problem))
    for key, body in re.findall(_ENTRY, text):
        value = {}
        for name, said in re.findall(_SETTING, body):
            with contextlib.suppress(ValueError):
                value[name] = json.loads(said)
        token = read_token(key, value)
        # Bytes that were no text spoil their entry. Of two texts mixed, the token that expires later is the newer.
        if "\ufffd" not in key + body and (token.can_refresh or (token.access_token and token.expires_at)):
            file = file.with_better(key, value, _FUTURE)
    return file


def foreign(path: Path, data: bytes, file: TokensFile) -> str:
    """What ``data``, found at ``path``, is in place of a tokens file, in words; "" where it may well be one.

    MAJORA_TOKENS_FILE may name a file of another kind by mistake (``~/.bashrc``, the configuration itself): setting it
    aside would destroy what a person needs, so such a file is left alone, whatever the command.
    """
    if _CONFIG_SETTINGS & file.entries.keys() or b"CLIENT_SECRET" in data[:65536]:
        return "a configuration, with the client secret in it"
    if file.damage is None or file.entries or any(word in path.name.lower() for word in _OUR_NAMES):
        return ""
    # NUL bytes: what a crash of the machine leaves of a file, and half of UTF-16.
    text = data.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return "" if not text or text.startswith(b"{") or b"_token" in text else "another program's"


def _damage(problem: Exception) -> Damage:
    if not isinstance(problem, json.JSONDecodeError):
        return Damage("it is not UTF-8" if isinstance(problem, UnicodeDecodeError) else "it is not JSON")
    said, text = problem.msg, problem.doc
    cause = "it is not JSON"
    if not text.strip():
        cause = "it is empty"
    elif said.startswith("Unexpected UTF-8 BOM"):
        cause = "it begins with a byte-order mark"
    elif said == "Extra data":
        cause = "there is something after its end"
    # A string that was never closed is reported where it begins.
    elif problem.pos >= len(text.rstrip()) or said.startswith("Unterminated string"):
        cause = "it ends in the middle"
    return Damage(cause, problem.lineno, problem.colno)
