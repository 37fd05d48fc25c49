"""Tells a tokens file, damaged or not, from a file of another kind that MAJORA_TOKENS_FILE names by mistake. Pure.

A damaged tokens file is set aside and written anew. Done to ``~/.bashrc``, or to the configuration itself, that would
destroy what a person needs: such a file is left alone, whatever the command.
"""

from __future__ import annotations

from pathlib import PurePath

from ocarina_kit.core.errors import KitError, Remedy
from ocarina_kit.core.tokens.token_file import TokenFile

_CONFIG_MEMBERS = frozenset(
    {"MAJORA_DOMAIN", "MAJORA_TOKEN", "CLIENT_ID", "CLIENT_SECRET", "MAJORA_TOKENS_FILE"}
)
"""No scope string has such a name: scopes are ``majora2.…``."""

_OUR_NAMES = ("token", "ocarina", "majora", "json")
"""A file with one of these in its name is meant to be what it is named; all of it may be rubble after a crash."""


def foreign(path: PurePath, data: bytes | None, file: TokenFile) -> str:
    """What ``data``, found at ``path``, is in place of a tokens file, in words; "" where it may well be one.

    ``file`` is ``data`` as it was parsed.
    """
    if not data:
        return ""
    members = {entry.key for entry in file.entries if entry.odd and not entry.can_refresh}
    if members & _CONFIG_MEMBERS or b"CLIENT_SECRET" in data[:65536]:
        return "a configuration, with the client secret in it"
    if file.damage is None or file.entries or any(word in path.name.lower() for word in _OUR_NAMES):
        return ""
    # NUL bytes: what a crash of the machine leaves of a file, and half of UTF-16.
    text = data.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if not text or text.startswith(b"{") or b"_token" in text:
        return ""
    return "another program's"


def foreign_error(path: PurePath, what: str) -> KitError:
    """TOK002: the file is not touched."""
    return KitError(
        f"{path} is no tokens file: it is {what}.",
        id="TOK002",
        why="MAJORA_TOKENS_FILE in the configuration names it. It was left as it is.",
        remedy=REMEDY,
    )


REMEDY = Remedy("Name another file as MAJORA_TOKENS_FILE in the configuration, or take that line out of it.")
