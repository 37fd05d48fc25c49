"""Keeps what a file or a crontab was before the kit changes it (CONTRACT.md, Files: state)."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from ocarina_kit.system.files import make_private_folder, read_file, write_private
from ocarina_kit.system.machine import Machine

KEPT = 20
"""Backups of each file that are kept, the newest ones."""


def backups_folder(machine: Machine) -> Path:
    """Where the backups are; it need not exist yet."""
    return machine.state / "backups"


def backup(machine: Machine, kind: str, data: bytes, of: str) -> Path:
    """Keep ``data``, 0600 in the backups folder, before what it came from is changed; returns where.

    ``kind`` names it for people (``config``, ``tokens``, ``crontab``); ``of`` tells one of a kind from another (a path,
    a host). If the newest one holds the same already, that one is returned: trying again crowds none out. Raises
    KitError; what was to be changed must be left alone then.
    """
    import zlib
    from datetime import datetime, timezone

    name = f"{kind}-{zlib.crc32(of.encode('utf-8', 'surrogateescape')):08x}"
    folder = make_private_folder(backups_folder(machine))
    earlier = sorted(folder.glob(f"{name}.*"))
    if earlier and read_file(earlier[-1], cap=len(data)).content == data:
        return earlier[-1]
    stamp = datetime.fromtimestamp(machine.now(), timezone.utc).strftime("%Y-%m-%dT%H-%M-%S.%fZ")
    path = folder / f"{name}.{stamp}.{os.urandom(4).hex()}"
    write_private(path, data)
    # The new one always stays, also if the clock went back and it sorts as old.
    with contextlib.suppress(OSError):
        for old in earlier[: max(0, len(earlier) + 1 - KEPT)]:
            old.unlink(missing_ok=True)
    return path
