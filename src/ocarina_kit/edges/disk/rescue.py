"""A new token's first place on the disk, before its own file is written, and its only one where that fails.

When an answer has arrived the old refresh token is spent, so the new pair is the only one there is. It is appended here
with one system call, at once: a kill while the tokens file is written and flushed then loses nothing, as the next run
takes it from here (CONTRACT.md, Files).
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
import zlib
from pathlib import Path

from ocarina_kit.core.errors import KitError
from ocarina_kit.core.tokens.token_file import TokenFile, better
from ocarina_kit.edges.disk.files import is_ours, make_private_folder, read_file, write_private
from ocarina_kit.edges.system import System


def rescue_path(system: System, tokens: Path) -> Path:
    """Where the next run looks: in the state folder, by the tokens file's path. A tokens file on each line."""
    name = f"tokens-{zlib.crc32(os.fsencode(tokens)):08x}.jsonl"
    return system.state_dir / "rescue" / name


class Journal:
    """New tokens as they arrive. Made by :func:`begin` before the first request, under the tokens file's lock."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    def add(self, arrived: TokenFile) -> bool:
        """Append one token; whether it is there, whole. Never raises: its own file is written next, come what may."""
        line = b" ".join(arrived.render().splitlines()) + b"\n"
        try:
            return os.write(self._descriptor, line) == len(line)
        except OSError:
            return False

    def flush(self) -> bool:
        """Put it on the disk itself: where the tokens file could not be written, this is the only place."""
        try:
            os.fsync(self._descriptor)
        except OSError:
            return False
        return True

    def end(self, *, keep: bool) -> None:
        """All is in its own file, so this goes; unless ``keep``: the next run takes it from here."""
        os.close(self._descriptor)
        if not keep:
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)


def begin(system: System, tokens: Path) -> Journal:
    """Raises :class:`~ocarina_kit.edges.disk.file_errors.FileError`: nothing is to be sent then."""
    from ocarina_kit.edges.disk.file_errors import FileFault, from_os, of

    path = rescue_path(system, tokens)
    make_private_folder(make_private_folder(system.state_dir) / "rescue")
    # O_NONBLOCK: a pipe in its place would wait for a reader.
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise of(FileFault.SPECIAL, path)
        os.fchmod(descriptor, 0o600)
    except OSError as problem:
        if problem.errno == errno.ENXIO:
            raise of(FileFault.SPECIAL, path) from problem
        raise from_os(path, problem) from problem
    return Journal(path, descriptor)


def read(system: System, tokens: Path) -> TokenFile | None:
    """What arrived in an earlier run and is not known to be in its own file; None where there is nothing."""
    path = rescue_path(system, tokens)
    content = read_file(path).content
    if not content or not _trusted(path.parent):
        return None
    found, now = TokenFile.parse(None), system.clock.now()
    for line in content.splitlines():
        one = TokenFile.parse(line)
        for entry in one.entries:
            there = found.get(entry.key)
            if there is None or better(entry, there, now=now) is entry:
                found = found.with_entry_of(one, entry.key)
    return found if found.entries else None


def _trusted(folder: Path) -> bool:
    """Whether nobody else can have put it there: another's tokens would become ours."""
    try:
        return is_ours(folder) and is_ours(folder.parent)
    except OSError:
        return False


def drop(system: System, tokens: Path) -> None:
    """Forget it: it is in its own file now."""
    with contextlib.suppress(OSError):
        rescue_path(system, tokens).unlink(missing_ok=True)


def save_elsewhere(rescued: TokenFile) -> Path | None:
    """The last resort: a folder of its own (0700) where temporary files go; None where even that cannot be written."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="ocarina-kit-"))
        write_private(folder / "tokens.json", rescued.render())
    except (KitError, OSError):
        return None
    return folder / "tokens.json"
