"""Folders that let other users put a file of theirs in place of one of ours (CFG003)."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def loose_folders(path: Path) -> tuple[Path, ...]:
    """Nearest first: the folder of ``path``, and of what it leads to, if its group or all others may write there, or if
    it is a third user's; and any folder above that all others may write. ``path`` exists. Never raises."""
    found = []
    for entry in (Path(os.path.realpath(path.parent)) / path.name, Path(os.path.realpath(path))):
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
    return user.pw_gid == gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}
