"""Files: looking at them without waiting, and writing private ones so that a crash leaves the old or the new content.

A temporary file in the same folder, 0600 from its first byte, is written, flushed to the disk and renamed over the
target, then the folder is flushed (CONTRACT.md, Files). Links are followed: the target is replaced, never the link.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator
from glob import escape, glob
from pathlib import Path
from typing import NamedTuple

from ocarina_kit.system import problems
from ocarina_kit.system.file_errors import explained, words_of
from ocarina_kit.system.file_kind import FileKind
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.problem import KitError
from ocarina_kit.system.problems import not_written

READ_CAP = 16 * 1024 * 1024
"""Bytes; a tokens file of 1,000 scopes takes about one million."""
_STALE_AFTER = 600.0
"""Seconds. A write that goes on uses its temporary file for less: the longest, a refresh, ends within a minute."""
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class File(NamedTuple):
    """What was seen of a path, links followed."""

    path: Path
    kind: FileKind
    content: bytes | None = None
    mode: int | None = None  # permission bits; None if unknown
    ours: bool | None = None
    links: int = 1  # hard links, which a write would separate
    problem: str = ""
    """What the system said."""

    @property
    def replaceable(self) -> bool:
        """Whether a file can be put there: there is one, or nothing."""
        return self.kind in (FileKind.FILE, FileKind.MISSING, FileKind.DANGLING)

    @property
    def open_to_others(self) -> bool:
        """Whether others can read or write it, which the client warns of."""
        return self.mode is not None and bool(self.mode & 0o066)

    def __repr__(self) -> str:
        return f"File({self.path}, {self.kind.value})"


def read_file(path: Path, cap: int = READ_CAP) -> File:
    """Read what is at a path, links followed. Never raises, and never waits.

    Args:
        path: Where to look.
        cap: Bytes; a larger file is not read.
    """
    file = File(path, FileKind.MISSING)
    try:
        status = path.stat()
        file = file._replace(
            kind=_kind_of(status.st_mode),
            mode=stat.S_IMODE(status.st_mode),
            ours=status.st_uid == os.geteuid(),
            links=status.st_nlink,
        )
        if file.kind is not FileKind.FILE:
            return file
        # O_NONBLOCK: a pipe put there since then would wait for a writer.
        descriptor = os.open(
            path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        )
        with os.fdopen(descriptor, "rb") as stream:
            content = stream.read(cap + 1)
    except (OSError, ValueError) as error:
        return file._replace(kind=_why_unread(path, error), problem=words_of(error))
    if len(content) > cap:
        return file._replace(kind=FileKind.TOO_LARGE)
    return file._replace(content=content)


def _kind_of(mode: int) -> FileKind:
    if stat.S_ISREG(mode):
        return FileKind.FILE
    if stat.S_ISDIR(mode):
        return FileKind.FOLDER
    # Never opened: that can wait for ever.
    return FileKind.SPECIAL


def _why_unread(path: Path, error: OSError | ValueError) -> FileKind:
    is_missing = isinstance(error, FileNotFoundError | NotADirectoryError)
    is_circle = isinstance(error, OSError) and error.errno == errno.ELOOP
    if (is_missing or is_circle) and path.is_symlink():
        return FileKind.DANGLING
    return FileKind.MISSING if is_missing else FileKind.UNREADABLE


def loose_folders(path: Path) -> tuple[Path, ...]:
    """Those that let others put a file of theirs in place of ``path`` (CFG003), nearest first: its folder and that of
    what it leads to, if group or others may write there or it is a third user's; any above that all may write."""
    found = []
    for entry in (
        Path(os.path.realpath(path.parent)) / path.name,
        Path(os.path.realpath(path)),
    ):
        for folder, child in zip(entry.parents, (entry, *entry.parents), strict=False):
            if folder not in found and _loose(folder, child, nearest=child == entry):
                found.append(folder)
    return tuple(found)


def _loose(folder: Path, child: Path, *, nearest: bool) -> bool:
    me = os.geteuid()
    try:
        seen = folder.stat()
        foreign = seen.st_uid not in (me, 0)
        # Under the sticky bit only an entry's owner can replace it (chmod(1)).
        if seen.st_mode & stat.S_ISVTX and child.lstat().st_uid in (me, 0):
            return nearest and foreign
    except OSError:
        return False
    by_group = bool(seen.st_mode & 0o020) and not _own_group(seen.st_gid, me)
    return bool(seen.st_mode & 0o002) or (nearest and (foreign or by_group))


def _own_group(gid: int, me: int) -> bool:
    """Whether a group is the user's private one, as many Linux systems give each user: nobody else is in it."""
    import grp
    import pwd

    try:
        user, group = pwd.getpwuid(me), grp.getgrgid(gid)
    except KeyError:
        return False
    return (
        user.pw_gid == gid
        and group.gr_name == user.pw_name
        and set(group.gr_mem) <= {user.pw_name}
    )


def matching(folder: str | Path, pattern: str) -> list[str]:
    """The paths below ``folder`` that fit, sorted. Unlike Path.glob it passes over a folder that may not be entered."""
    if "\0" in str(folder):  # in a damaged file, and no folder
        return []
    return sorted(glob(f"{escape(str(folder))}/{pattern}"))  # noqa: PTH207


def read_settled(
    machine: Machine, path: Path, complete: Callable[[bytes], bool]
) -> File:
    """As :func:`read_file`, but looks again, up to 6 times in 0.25 s, if ``complete`` says that the content is not.

    The client writes its tokens in place (FACTS.md): a reader may see half a file for a moment.
    """
    file = read_file(path)
    for _ in range(5):
        if file.content is None or complete(file.content):
            break
        machine.sleep(0.05)
        file = read_file(path)
    return file


def make_private_folder(folder: Path) -> Path:
    """Make ``folder`` and what is missing above it, each 0700 (XDG base directory specification). One that is ours is
    closed to others. Raises KitError, also if it is another user's, who could take our files away."""
    for each in (*reversed(folder.parents), folder):
        with explained(each):
            each.mkdir(mode=0o700, exist_ok=True)
    with explained(folder):
        seen, me = folder.stat(), os.geteuid()
        if seen.st_uid not in (me, 0):
            raise KitError(not_written(folder, problems.file_of_another_user(folder)))
        if seen.st_uid == me and seen.st_mode & 0o077:
            folder.chmod(0o700)
    return folder


def final_target(path: Path) -> Path:
    """The absolute path that ``path`` leads to, every link followed; it need not exist. Raises KitError."""
    with explained(path):  # also: a relative path in a working folder that was deleted
        target = Path(os.path.realpath(path))
        if target.is_symlink():  # realpath gives up on a circle, and leaves it as it is
            raise KitError(not_written(path, problems.circle_of_links(path)))
    return target


def write_private(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path`` or what it leads to, 0600 whatever it was before; complete or not at all, at every
    instant. Raises KitError; the file is then as it was, and no temporary file is left."""
    new = Reserved(path)
    new.fill(data)
    new.commit()


def prove_space(path: Path, size: int) -> Reserved:
    """Show that ``size`` bytes can be written at ``path``, by writing them beside it, and keep that space: before a
    refresh token is spent. To be committed or discarded. Raises KitError; nothing has changed then."""
    new = Reserved(path)
    new.fill(
        os.urandom(size)
    )  # a file system that compresses would reserve no space for zeros
    return new


class Reserved:
    """A file's new content beside it: space taken, permission shown. All but :meth:`discard` raise KitError; the file
    is as it was then, and nothing is left beside it."""

    def __init__(self, path: Path) -> None:
        self._target = final_target(path)
        self._temporary = self._target.with_name(
            f"{_prefix(self._target)}{os.urandom(8).hex()}.tmp"
        )
        with explained(self._target):
            _refuse_what_is_not_ours(self._target)
            _refuse_a_mount(self._target)
            self._stream = os.fdopen(os.open(self._temporary, _NEW, 0o600), "wb")
        with self._undone_if_it_fails():
            self._temporary.chmod(0o600)  # a umask can have taken the owner's own bits
            _sweep(self._target, self._temporary.stat().st_mtime)

    def fill(self, data: bytes) -> None:
        """Write ``data`` and flush it to the disk, in place of what was filled in before."""
        with self._undone_if_it_fails():
            self._stream.seek(0)
            self._stream.write(data)
            self._stream.truncate()
            os.fsync(self._stream.fileno())

    def commit(self) -> None:
        """Put it in place. Once only."""
        with self._undone_if_it_fails():
            self._stream.close()  # NFS reports a full disk or quota here at the latest
            self._temporary.replace(self._target)
        _sync_folder(self._target.parent)

    def discard(self) -> None:
        """Give the space back. Harmless after a commit and when called twice."""
        with contextlib.suppress(
            OSError
        ):  # the failure that led here is the one to report
            self._stream.close()
        with contextlib.suppress(OSError):
            self._temporary.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _undone_if_it_fails(self) -> Iterator[None]:
        try:
            with explained(self._target):
                yield
        except BaseException:
            self.discard()
            raise


def _refuse_what_is_not_ours(target: Path) -> None:
    if not target.exists():
        return
    if not target.is_file():
        if target.is_dir():
            raise KitError(not_written(target, problems.something_in_the_way(target)))
        raise KitError(not_written(target, problems.special_file(target)))
    if target.stat().st_uid != os.geteuid():
        raise KitError(not_written(target, problems.file_of_another_user(target)))
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except PermissionError as problem:
        # EACCES is our own file's mode, and no bar to a rename; EPERM is the mark "immutable" or "append only".
        if problem.errno == errno.EPERM:
            raise


def _refuse_a_mount(target: Path) -> None:
    """A file that is mounted by itself, as into a container, cannot be replaced (proc(5), mountinfo)."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
    except OSError:  # not Linux
        return
    if str(target).replace(" ", r"\040") in [
        line.split(" ")[4] for line in mounts.splitlines()
    ]:
        raise KitError(not_written(target, problems.mounted_file(target)))


def _prefix(target: Path) -> str:
    """Short, so that it fits wherever the target's own name does."""
    return f".ocarina-kit-{_short(target.name)}-"


def _short(name: str) -> str:
    import zlib

    return f"{zlib.crc32(os.fsencode(name)):08x}"


def _sweep(target: Path, now: float) -> None:
    """Remove what killed runs left of writes of this file; ``now`` is by the folder's own clock."""
    with contextlib.suppress(OSError):
        for entry in target.parent.glob(f"{_prefix(target)}*.tmp"):
            if now - entry.lstat().st_mtime > _STALE_AFTER:
                entry.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """So that the rename outlives a power cut. The new content is in place already, so nothing here is an error."""
    with contextlib.suppress(
        OSError
    ):  # it may not be readable, and some file systems cannot flush a folder
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def chmod_private(path: Path) -> None:
    """Make the file that ``path`` leads to 0600. Raises KitError."""
    target = final_target(path)
    with explained(target):
        _refuse_what_is_not_ours(target)
        target.chmod(0o600)


def remove(path: Path) -> None:
    """Delete the file that ``path`` leads to, if it exists. Raises KitError."""
    target = final_target(path)
    with explained(target):
        target.unlink(missing_ok=True)


# --- backups ---------------------------------------------------------------------------------------------------------

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
    from datetime import datetime, timezone

    name = f"{kind}-{_short(of)}"
    folder = make_private_folder(backups_folder(machine))
    earlier = sorted(folder.glob(f"{name}.*"))
    if earlier and read_file(earlier[-1], cap=len(data)).content == data:
        return earlier[-1]
    stamp = datetime.fromtimestamp(machine.now(), timezone.utc).strftime(
        "%Y-%m-%dT%H-%M-%S.%fZ"
    )
    path = folder / f"{name}.{stamp}.{os.urandom(4).hex()}"
    write_private(path, data)
    # The new one always stays, also if the clock went back and it sorts as old.
    with contextlib.suppress(OSError):
        for old in earlier[: max(0, len(earlier) + 1 - KEPT)]:
            old.unlink(missing_ok=True)
    return path
