"""Keeps what a file or a crontab was before the kit changes it (CONTRACT.md, Files: state)."""

from __future__ import annotations

import re
import secrets
import zlib
from datetime import datetime, timezone
from pathlib import Path

from ocarina_kit.edges.disk.files import make_private_folder, read_file
from ocarina_kit.edges.disk.writes import write_private
from ocarina_kit.edges.system import System

KEPT = 20
"""Backups of each file that are kept, the newest ones."""

_KIND = re.compile(r"[a-z][a-z0-9-]{0,39}")
_STAMP = r"\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}\.\d{6}Z\.[0-9a-f]{8}"


def backup(system: System, kind: str, data: bytes, *, of: str = "") -> Path:
    """Keep ``data``, 0600 in ``backups/`` of the state folder, before what it came from is changed; returns where.

    ``kind`` names it for people (``config``, ``tokens``, ``crontab``: small letters, digits, hyphens); ``of`` tells one
    of a kind from another (a path, a host), so that each has its own newest :data:`KEPT`. The name holds the date, UTC.
    Where the newest backup holds the same already, that one is given back: trying again crowds none out.

    Raises :class:`~ocarina_kit.edges.disk.file_errors.FileError`; what was to be changed must then be left alone.
    """
    if _KIND.fullmatch(kind) is None:
        raise ValueError(f"not a kind of backup: {kind!r}")
    name = f"{kind}-{zlib.crc32(of.encode('utf-8', 'surrogateescape')):08x}" if of else kind
    folder = make_private_folder(make_private_folder(system.state_dir) / "backups")
    earlier = _of_name(folder, name)
    if earlier and read_file(earlier[-1], cap=len(data)).content == data:
        return earlier[-1]
    now = datetime.fromtimestamp(system.clock.now(), timezone.utc)
    path = folder / f"{name}.{now:%Y-%m-%dT%H-%M-%S.%f}Z.{secrets.token_hex(4)}"
    write_private(path, data)
    # The new one always stays, also where the clock went back and it sorts as old.
    for old in earlier[: max(0, len(earlier) + 1 - KEPT)]:
        try:
            old.unlink(missing_ok=True)
        except OSError:
            break  # it is only one too many
    return path


def backups_of(system: System, kind: str, *, of: str = "") -> list[Path]:
    """The backups of one file, oldest first."""
    name = f"{kind}-{zlib.crc32(of.encode('utf-8', 'surrogateescape')):08x}" if of else kind
    return _of_name(system.state_dir / "backups", name)


def _of_name(folder: Path, name: str) -> list[Path]:
    wanted = re.compile(re.escape(name) + r"\." + _STAMP)
    try:
        return sorted(entry for entry in folder.iterdir() if wanted.fullmatch(entry.name))
    except OSError:
        return []
