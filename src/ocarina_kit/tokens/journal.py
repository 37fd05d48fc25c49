"""A new token's first place on the disk, before its own file is written, and its only one where that fails.

Once an answer has arrived the old refresh token is spent, so the new pair is the only one there is. It is written here
at once: a kill while the tokens file is written loses nothing, as the next run takes it from here (CONTRACT.md, Files).
The journal also names what was sent, by digest: a later "no" to such a token means that its answer was lost.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from ocarina_kit.system.machine import Machine
from ocarina_kit.system.secret import Secret
from ocarina_kit.tokens.file import TokensFile

_ROOM = 1024
"""Bytes that are reserved for each answer."""


class NewToken(NamedTuple):
    """What the server granted. ``scope`` was asked for; ``key`` is where ``entry``, as JSON, goes in the tokens file.

    ``spent`` is the digest of the refresh token that it was given for, or takes the place of; "" where there is none.
    ``server`` is the domain that gave it.
    """

    scope: str
    key: str
    spent: str
    server: str
    entry: Secret

    @property
    def value(self) -> Any:
        return json.loads(self.entry.reveal())

    def takes_over(self, file: TokensFile, key: str) -> bool:
        """Whether ``file`` has under ``key`` the token that was spent for it, or none."""
        there = file.get(key)
        return there is None or there.digest == self.spent

    def put_into(self, file: TokensFile) -> TokensFile:
        file = file if self.key == self.scope else file.without(self.scope)
        return file.with_entry(self.key, self.value)


class Journal:
    """Open for one run, under the tokens file's lock. ``sent``: digests of what is about to be sent, or was before.

    Raises KitError (FIL, ENV008) where there can be none: nothing may be sent then.
    """

    def __init__(self, machine: Machine, tokens: Path, answers: int, sent: Iterable[str]) -> None:
        from ocarina_kit.system.file_errors import explained
        from ocarina_kit.system.files import make_private_folder

        self.path = journal_path(machine, tokens)
        make_private_folder(self.path.parent)
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        self._end = 0
        with explained(self.path):
            self._descriptor = os.open(self.path, flags, 0o600)
            os.fchmod(self._descriptor, 0o600)
            # Blank lines keep the space that the answers are written over.
            self._write(b"\n" * _ROOM * (answers + 1))
            self._end = 0
            self._write(_line({"sent": sorted(sent)}))

    def add(self, arrived: Iterable[NewToken]) -> bool:
        """Write new tokens, down to the disk. Never raises: False where they may not be there."""
        try:
            self._write(b"".join(_line({**each._asdict(), "entry": each.entry.reveal()}) for each in arrived))
        except OSError:
            return False
        return True

    def close(self, *, keep: bool, sent: Iterable[str]) -> None:
        """End it. ``keep``: there is a token in it that is nowhere else, so all of it stays for the next run; else only
        ``sent`` does, the digests that no usable answer came for."""
        still_sent = sorted(sent)
        with contextlib.suppress(OSError):
            if not keep and still_sent:
                os.ftruncate(self._descriptor, 0)
                self._end = 0
                self._write(_line({"sent": still_sent}))
            elif not keep:
                self.path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def _write(self, data: bytes) -> None:
        if os.pwrite(self._descriptor, data, self._end) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(self._descriptor)
        self._end += len(data)


def read_journal(machine: Machine, tokens: Path) -> tuple[tuple[NewToken, ...], frozenset[str]]:
    """What an earlier run left: new tokens in the order in which they came, and digests of refresh tokens that were
    sent and got no usable answer. Never raises; a journal that others may have written is ignored."""
    from ocarina_kit.system.files import read_file

    file = read_file(journal_path(machine, tokens))
    found: list[NewToken] = []
    sent: set[str] = set()
    if file.content and file.ours and not file.open_to_others:
        for text in file.content.splitlines():
            with contextlib.suppress(ValueError, TypeError, AttributeError, KeyError, RecursionError):
                record = json.loads(text)
                sent.update(record.pop("sent", ()))
                if record:
                    found.append(NewToken(**{**record, "entry": Secret(record["entry"])}))
    return tuple(found), frozenset(sent) - {each.spent for each in found}


def journal_path(machine: Machine, tokens: Path) -> Path:
    """In the state folder, by the tokens file's resolved path."""
    import zlib

    real = os.fsencode(os.path.realpath(tokens))
    return machine.state / "rescue" / f"tokens-{zlib.crc32(real):08x}.jsonl"


def _line(record: object) -> bytes:
    return json.dumps(record).encode() + b"\n"
