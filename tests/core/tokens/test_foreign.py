"""A file of another kind is told from a tokens file, however damaged that is."""

from __future__ import annotations

import json
from pathlib import PurePath

import pytest

from ocarina_kit.core.tokens.foreign import foreign
from ocarina_kit.core.tokens.token_file import TokenFile

TOKENS = PurePath("/home/a/.ocarina-tokens")
BASHRC = PurePath("/home/a/.bashrc")
ENTRY = {"access_token": "a" * 30, "refresh_token": "r" * 30, "expires_at": 1.0, "scope": ["s"]}
WHOLE = json.dumps({"majora2.can": ENTRY}).encode()
CONFIG = json.dumps({"MAJORA_DOMAIN": "https://m.example/", "CLIENT_SECRET": "x"}).encode()


@pytest.mark.parametrize(
    ("path", "data"),
    [
        (TOKENS, None),
        (TOKENS, b""),
        (TOKENS, WHOLE),
        (TOKENS, b"not json at all\n"),
        (TOKENS, b"\0" * 500),
        (BASHRC, WHOLE),
        (BASHRC, WHOLE[:40]),
        (BASHRC, WHOLE + WHOLE[20:]),
        (BASHRC, WHOLE.decode().encode("utf-16")),
        (BASHRC, b"\0" * 500),
        (BASHRC, b'"refresh_token": "rr", "expires_at": 1}}'),
        (PurePath("/data/tokens.json"), b"<html>"),
        (BASHRC, b'{"odd": 1}'),
    ],
)
def test_what_may_be_a_tokens_file(path: PurePath, data: bytes | None) -> None:
    assert foreign(path, data, TokenFile.parse(data)) == ""


@pytest.mark.parametrize(
    ("path", "data"),
    [
        (BASHRC, b"export PATH=/opt/bin:$PATH\n"),
        (PurePath("/home/a/.ssh/id_ed25519"), b"-----BEGIN OPENSSH PRIVATE KEY-----\n"),
        (PurePath("/home/a/.ocarina"), CONFIG),
        (PurePath("/home/a/.ocarina"), CONFIG[:-1] + b",}"),
        (TOKENS, CONFIG),
    ],
)
def test_what_is_none(path: PurePath, data: bytes) -> None:
    assert foreign(path, data, TokenFile.parse(data))
