"""Notes which refresh tokens are on their way to the server, so that a run which was killed leaves word of it.

A later "no" of the server to a token that is noted here means that the answer with its successor was lost, which is
something else than a token that was revoked (CONTRACT.md, refresh). The note holds digests: nothing leads back.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zlib
from collections.abc import Iterable
from pathlib import Path

from ocarina_kit.core.secret import Secret
from ocarina_kit.edges.disk.files import Syscalls, make_private_folder, read_file, write_private
from ocarina_kit.edges.system import System

# A kill leaves the note; a power cut may not, and then a message is less exact. That is not worth a flush a run.
_UNFLUSHED = Syscalls(sync=lambda descriptor: None)


def digest(token: Secret) -> str:
    return hashlib.sha256(token.reveal().encode("utf-8", "surrogatepass")).hexdigest()


def _path(system: System, tokens: Path) -> Path:
    return system.state_dir / "sent" / f"tokens-{zlib.crc32(os.fsencode(tokens)):08x}.json"


def note(system: System, tokens: Path, digests: Iterable[str]) -> None:
    """Before the first request. Raises FileError: nothing is to be sent then."""
    path = _path(system, tokens)
    make_private_folder(make_private_folder(system.state_dir) / "sent")
    write_private(path, json.dumps(sorted(set(digests))).encode(), calls=_UNFLUSHED)


def noted(system: System, tokens: Path) -> frozenset[str]:
    """The digests of tokens that an earlier run sent and got no usable answer for. Never raises."""
    try:
        found = json.loads(read_file(_path(system, tokens)).content or b"[]")
    except (ValueError, RecursionError):
        return frozenset()
    return (
        frozenset(each for each in found if isinstance(each, str)) if isinstance(found, list) else frozenset()
    )


def settle(system: System, tokens: Path, open_ones: Iterable[str]) -> None:
    """After the last answer: only those stay noted that no usable answer came for. Never raises."""
    from ocarina_kit.core.errors import KitError

    left = list(open_ones)
    if left:
        with contextlib.suppress(KitError):  # what stands there names them too
            note(system, tokens, left)
        return
    with contextlib.suppress(OSError):
        _path(system, tokens).unlink(missing_ok=True)
