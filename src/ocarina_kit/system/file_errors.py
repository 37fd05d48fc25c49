"""Finds out why a file cannot be written."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from ocarina_kit.system import problems
from ocarina_kit.system.problem import KitError
from ocarina_kit.system.problems import Obstacle, not_written

_LEAST_SPACE = 1 << 20
"""Bytes; a tokens file of a thousand scopes takes as many."""
_LEAST_INODES = 8


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the system says of a file, as it is written, into a `KitError`."""
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: NUL in a name
        obstacle = _obstacle_of(error, path)
        raise KitError(not_written(path, obstacle, words_of(error))) from error


def _obstacle_of(error: OSError | ValueError, path: Path) -> Obstacle:
    folder = path.parent
    match error:
        case PermissionError():
            if _is_foreign(path):
                return examine_folder(folder) or problems.file_of_another_user(path)
            return examine_folder(folder) or problems.maybe_immutable(path)
        case IsADirectoryError() | FileExistsError():
            return problems.something_in_the_way(path)
        case FileNotFoundError():
            return problems.no_such_folder(folder)
        case NotADirectoryError():
            return problems.not_a_folder(folder)
        case OSError():
            return _obstacle_by_code(error.errno, path)
    return problems.refused_by_system()


def _obstacle_by_code(code: int | None, path: Path) -> Obstacle:
    """Tell apart those errors that have no exception class of their own."""
    match code:
        case errno.EROFS:
            return problems.read_only_file_system(path.parent)
        case errno.ENOSPC:
            # Space, or inodes.
            return examine_folder(path.parent) or problems.full_file_system(path.parent)
        case errno.EDQUOT | errno.EFBIG:
            return problems.quota_used_up()
        case errno.ENAMETOOLONG:
            return problems.name_too_long()
        case errno.ELOOP:
            return problems.circle_of_links(path)
        case errno.ENXIO:
            return problems.special_file(path)
    return problems.refused_by_system()


def examine_folder(folder: Path) -> Obstacle | None:
    """Return why no file can be put into a folder, None if one can.

    Nothing is tried, as a doctor only reads; so a quota is not seen. Never raises.
    """
    try:
        if not folder.is_dir():
            return problems.not_a_folder(folder)
        space = os.statvfs(folder)
        is_own = folder.stat().st_uid == os.geteuid()
    except (OSError, ValueError):
        return problems.folder_of_another_user(folder)
    if space.f_flag & os.ST_RDONLY:
        return problems.read_only_file_system(folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        if is_own:
            return problems.write_protected_folder(folder)
        return problems.folder_of_another_user(folder)
    if space.f_bavail * space.f_frsize < _LEAST_SPACE:
        return problems.full_file_system(folder)
    # Some file systems (btrfs, some NFS servers) count no inodes and report 0 of 0.
    if space.f_files and space.f_favail < _LEAST_INODES:
        return problems.no_inodes(folder)
    return None


def _is_foreign(path: Path) -> bool:
    """Return whether another user's file is there, left by `sudo` for example."""
    try:
        return path.stat().st_uid != os.geteuid()
    except (OSError, ValueError):
        return False


def words_of(error: OSError | ValueError) -> str:
    """Return what the system said."""
    return getattr(error, "strerror", None) or str(error)
