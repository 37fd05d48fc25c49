"""Reads files without waiting, and writes private ones.

A crash leaves the old or the new content: a temporary file in the same folder, 0600
from its first byte, is written, flushed to the disk and renamed over the target; then
the folder is flushed. Links are followed: the target is replaced, never the link.
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
_STALE_AFTER_S = 600.0
"""A running command is done with its temporary file long before this.

The longest, a refresh, ends within a minute.
"""
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


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
        """Leave out the content, which may be secret."""
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
    """List the folders in which others can replace a file by one of theirs.

    The nearest comes first. Links have two chains of folders: that of the link, and
    that of the file which it leads to. The nearest folder of each counts if its group
    or others may write there, or if it is a third user's; those above it count if all
    may write there.
    """
    link = Path(os.path.realpath(path.parent)) / path.name
    target = Path(os.path.realpath(path))
    loose: list[Path] = []
    for entry in (link, target):
        child = entry
        for folder in entry.parents:
            is_nearest = child == entry
            if folder not in loose and _is_loose(folder, child, nearest=is_nearest):
                loose.append(folder)
            child = folder
    return tuple(loose)


def _is_loose(folder: Path, child: Path, *, nearest: bool) -> bool:
    """Return whether others can replace `child` in its folder."""
    user = os.geteuid()
    try:
        status = folder.stat()
        is_foreign = status.st_uid not in (user, 0)
        # Under the sticky bit only an entry's owner can replace it (chmod(1)).
        if status.st_mode & stat.S_ISVTX and child.lstat().st_uid in (user, 0):
            return nearest and is_foreign
    except OSError:
        return False
    if status.st_mode & stat.S_IWOTH:
        return True
    if not nearest:
        return False
    group_writes = bool(status.st_mode & stat.S_IWGRP)
    return is_foreign or (group_writes and not _is_own_group(status.st_gid, user))


def _is_own_group(gid: int, uid: int) -> bool:
    """Return whether a group is a user's private one, with nobody else in it.

    Many Linux systems give each user such a group.
    """
    import grp
    import pwd

    try:
        user = pwd.getpwuid(uid)
        group = grp.getgrgid(gid)
    except KeyError:
        return False
    return (
        user.pw_gid == gid
        and group.gr_name == user.pw_name
        and set(group.gr_mem) <= {user.pw_name}
    )


def matching(folder: str | Path, pattern: str) -> list[str]:
    """List the paths below a folder that match a pattern, sorted."""
    if "\0" in str(folder):  # from a damaged file: no folder has such a name
        return []
    # Path.glob would raise at a folder that may not be entered.
    return sorted(glob(f"{escape(str(folder))}/{pattern}"))  # noqa: PTH207


def read_settled(
    machine: Machine, path: Path, complete: Callable[[bytes], bool]
) -> File:
    """Read a file that the client may be writing at this moment.

    The client writes its tokens in place, so a reader may see half a file. It is read
    again, up to 5 times in 0.25 s, until `complete` says that the content is.
    """
    file = read_file(path)
    for _ in range(5):
        if file.content is None or complete(file.content):
            break
        machine.sleep(0.05)
        file = read_file(path)
    return file


def make_private_folder(folder: Path) -> Path:
    """Make a folder and those above it that are missing, each 0700.

    That is the mode of the XDG base directory specification. A folder of this user
    that exists is closed to others.

    Raises:
        KitError: also for a folder of another user, who could take the files away.
    """
    for path in (*reversed(folder.parents), folder):
        with explained(path):
            path.mkdir(mode=0o700, exist_ok=True)
    with explained(folder):
        status = folder.stat()
        user = os.geteuid()
        if status.st_uid not in (user, 0):
            raise KitError(not_written(folder, problems.file_of_another_user(folder)))
        if status.st_uid == user and status.st_mode & 0o077:
            folder.chmod(0o700)
    return folder


def final_target(path: Path) -> Path:
    """Follow every link; return the absolute path, which need not exist.

    Raises:
        KitError: for a circle of links, or a relative path in a deleted folder.
    """
    with explained(path):
        target = Path(os.path.realpath(path))
        if target.is_symlink():  # realpath leaves a circle as it is
            raise KitError(not_written(path, problems.circle_of_links(path)))
    return target


def write_private(path: Path, data: bytes) -> None:
    """Write a file completely or not at all, 0600 whatever it was before.

    Raises:
        KitError: the file is as it was then, and no temporary file is left.
    """
    reserved = Reserved(path)
    reserved.fill(data)
    reserved.commit()


def prove_space(path: Path, size: int) -> Reserved:
    """Prove that bytes can be written at a path, by writing as many beside it.

    The space is kept until it is committed or discarded. So a refresh token is spent
    only if there is room for the next one.

    Raises:
        KitError: nothing has changed then.
    """
    reserved = Reserved(path)
    # A file system that compresses would reserve no space for zeros.
    reserved.fill(os.urandom(size))
    return reserved


class Reserved:
    """A file's new content, beside it: the space is taken, permission is proved.

    All methods but `discard` raise `KitError`. The file is as it was then, and nothing
    is left beside it.
    """

    def __init__(self, path: Path) -> None:
        """Create the temporary file beside the one that `path` leads to."""
        self._target = final_target(path)
        self._temporary = self._target.with_name(
            f"{_prefix(self._target)}{os.urandom(8).hex()}.tmp"
        )
        with explained(self._target):
            _refuse_what_is_not_ours(self._target)
            _refuse_a_mount(self._target)
            self._stream = os.fdopen(os.open(self._temporary, _CREATE, 0o600), "wb")
        with self._undone_if_it_fails():
            # A umask can have taken the owner's own bits.
            self._temporary.chmod(0o600)
            _sweep(self._target, self._temporary.stat().st_mtime)

    def fill(self, data: bytes) -> None:
        """Write the content to the disk, in place of an earlier one."""
        with self._undone_if_it_fails():
            self._stream.seek(0)
            self._stream.write(data)
            self._stream.truncate()
            os.fsync(self._stream.fileno())

    def commit(self) -> None:
        """Put the new content in place. To be called once only."""
        with self._undone_if_it_fails():
            # NFS reports a full disk or quota here at the latest.
            self._stream.close()
            self._temporary.replace(self._target)
        _sync_folder(self._target.parent)

    def discard(self) -> None:
        """Give the space back. Harmless after a commit, and when called twice."""
        # If something failed before, that is the failure to report.
        with contextlib.suppress(OSError):
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
    except PermissionError as error:
        # EACCES comes from the mode of the user's own file: it can be replaced anyway.
        # EPERM comes from the mark "immutable" or "append only".
        if error.errno == errno.EPERM:
            raise


def _refuse_a_mount(target: Path) -> None:
    """Refuse a file that is mounted by itself, as into a container.

    It cannot be replaced. The mounts are in mountinfo (proc(5)).
    """
    try:
        mounts = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
    except OSError:  # not Linux
        return
    points = [line.split(" ")[4] for line in mounts.splitlines()]
    if str(target).replace(" ", r"\040") in points:
        raise KitError(not_written(target, problems.mounted_file(target)))


def _prefix(target: Path) -> str:
    """Make a prefix so short that it fits wherever the target's own name does."""
    return f".ocarina-kit-{_short(target.name)}-"


def _short(name: str) -> str:
    import zlib

    return f"{zlib.crc32(os.fsencode(name)):08x}"


def _sweep(target: Path, now: float) -> None:
    """Remove the temporary files of this file that killed runs have left.

    Args:
        target: The file.
        now: Epoch seconds, by the clock of the file system.
    """
    with contextlib.suppress(OSError):
        for entry in target.parent.glob(f"{_prefix(target)}*.tmp"):
            if now - entry.lstat().st_mtime > _STALE_AFTER_S:
                entry.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Flush a folder to the disk, so that a rename in it outlives a power cut.

    The new content is in place already, so no failure counts here: the folder may not
    be readable, and some file systems cannot flush one.
    """
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def chmod_private(path: Path) -> None:
    """Set the mode of the file that a path leads to, to 0600. Raises KitError."""
    target = final_target(path)
    with explained(target):
        _refuse_what_is_not_ours(target)
        target.chmod(0o600)


def remove(path: Path) -> None:
    """Delete the file that a path leads to, if it exists. Raises KitError."""
    target = final_target(path)
    with explained(target):
        target.unlink(missing_ok=True)


# --- backups

KEPT = 20
"""Backups of each file that are kept, the newest ones."""


def backups_folder(machine: Machine) -> Path:
    """Return the folder of the backups, which need not exist yet."""
    return machine.state / "backups"


def backup(machine: Machine, kind: str, data: bytes, of: str) -> Path:
    """Keep content in the backups folder, before its original is changed.

    If the newest backup holds the same already, no other is made: trying again crowds
    none out.

    Args:
        machine: The machine.
        kind: The name for people: `config`, `tokens`, `crontab`.
        data: The content.
        of: Tells originals of one kind apart: a path, a host.

    Returns:
        The path of the backup.

    Raises:
        KitError: the original must be left alone then.
    """
    from datetime import datetime, timezone

    name = f"{kind}-{_short(of)}"
    folder = make_private_folder(backups_folder(machine))
    earlier = sorted(folder.glob(f"{name}.*"))
    if earlier and read_file(earlier[-1], cap=len(data)).content == data:
        return earlier[-1]
    now = datetime.fromtimestamp(machine.now(), timezone.utc)
    stamp = now.strftime("%Y-%m-%dT%H-%M-%S.%fZ")
    path = folder / f"{name}.{stamp}.{os.urandom(4).hex()}"
    write_private(path, data)
    # The new one always stays, also if the clock went back and it sorts as old.
    with contextlib.suppress(OSError):
        for old in earlier[: max(0, len(earlier) + 1 - KEPT)]:
            old.unlink(missing_ok=True)
    return path
