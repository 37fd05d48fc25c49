"""The journal: where a new token is written first.

Once an answer has arrived the old refresh token is spent, so the new pair is the only one
there is. A kill while the tokens file is written loses nothing: the next run takes the
new token from the journal (docs/files.md, The journal).
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ocarina_kit.config.location import Setup
from ocarina_kit.system.file_errors import explained
from ocarina_kit.system.files import make_private_folder, read_file
from ocarina_kit.system.machine import Machine
from ocarina_kit.tokens.file import TokensFile, read_token

ANSWER_SIZE = 1024
"""Bytes that are reserved for each answer, in the tokens file and in the journal."""
_OPEN = os.O_RDWR | os.O_CREAT | os.O_TRUNC
_SAFELY = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class NewToken(NamedTuple):
    """What the server granted."""

    scope: str  # what was asked for
    key: str  # where the value goes in the tokens file
    spent: str
    """The digest of the refresh token that it takes the place of; "" for none."""
    value: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"NewToken({self.key})"

    def is_in(self, file: TokensFile) -> bool:
        """Return whether the file has exactly this token."""
        return file.get(self.key) == read_token(self.key, self.value)

    def replaces_what_is_in(self, file: TokensFile) -> bool:
        """Return whether its place is free, or holds the token that was spent for it."""
        present = file.get(self.key)
        return present is None or present.digest == self.spent

    def put_into(self, file: TokensFile, now: float) -> TokensFile:
        """Put it into a file.

        If somebody has put another token in place of the spent one, the better one stays.
        """
        if self.scope != self.key:
            asked_for = file.get(self.scope)
            if asked_for is not None and asked_for.digest == self.spent:
                file = file.without(self.scope)
        if self.replaces_what_is_in(file):
            return file.with_entry(self.key, self.value)
        return file.with_better(self.key, self.value, now)


class Journal:
    """A journal that is open for one run, under the tokens file's lock."""

    def __init__(self, path: Path, answers: int) -> None:
        """Open it, with space for a number of answers.

        Raises:
            KitError: FIL001 to FIL008 or ENV008. Nothing may be sent then.
        """
        make_private_folder(path.parent)
        self.path = path
        self._end = 0
        with explained(path):
            self._descriptor = os.open(path, _OPEN | _SAFELY, 0o600)
            os.fchmod(self._descriptor, 0o600)
            # Blank lines, which the answers are written over.
            self._write(b"\n" * ANSWER_SIZE * (answers + 1))

    def add(self, tokens: Sequence[NewToken]) -> bool:
        """Write new tokens, down to the disk.

        Never raises. Returns False if they may not be there.
        """
        lines = [json.dumps(token._asdict()).encode() for token in tokens]
        data = b"".join(line + b"\n" for line in lines)
        try:
            self._write(data)
        except OSError:
            return False
        self._end += len(data)
        return True

    def close(self, *, keep: bool) -> None:
        """Close it; delete it unless a token in it is nowhere else."""
        with contextlib.suppress(OSError):
            os.close(self._descriptor)
            if not keep:
                self.path.unlink()

    def _write(self, data: bytes) -> None:
        if os.pwrite(self._descriptor, data, self._end) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(self._descriptor)


def journal_path(machine: Machine, setup: Setup) -> Path:
    """Return where the journal of a tokens file and server is.

    What one server granted must not come into the file once it is used with another, so
    the name depends on both.
    """
    import zlib

    about = os.fsencode(f"{os.path.realpath(setup.tokens_file)} {setup.domain}")
    return machine.state / "journal" / f"tokens-{zlib.crc32(about):08x}.jsonl"


def read_journal(machine: Machine, setup: Setup) -> list[NewToken]:
    """List the new tokens that an earlier run could not write, in their order.

    Damaged lines, and a journal that others may have written, are ignored. Never raises.
    """
    file = read_file(journal_path(machine, setup))
    if file.content is None or not file.ours or file.open_to_others:
        return []
    tokens: list[NewToken] = []
    for text in file.content.splitlines():
        with contextlib.suppress(ValueError, TypeError, RecursionError):
            token = NewToken(**json.loads(text))
            is_named = isinstance(token.key, str)
            if is_named and read_token(token.key, token.value).is_usable:
                tokens.append(token)
    return tokens
