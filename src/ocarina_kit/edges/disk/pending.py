"""Pending logins on disk: one private file each in ``pending/`` of the state folder, found by its ``state``."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ocarina_kit.core.oauth import pending as shape
from ocarina_kit.core.oauth.pending import PendingLogin
from ocarina_kit.edges.disk.files import make_private_folder, read_file
from ocarina_kit.edges.disk.writes import write_private
from ocarina_kit.edges.system import System

_CAP = 64 * 1024
_NAME = re.compile(r"[0-9a-f]{32}\.json")


def save(system: System, pending: PendingLogin) -> None:
    """Keep a login before its link is shown; forgets expired ones.

    Raises :class:`~ocarina_kit.edges.disk.file_errors.FileError`; the link must not be shown then.
    """
    folder = make_private_folder(make_private_folder(system.state_dir) / "pending")
    _sweep(system)
    write_private(folder / _name(pending.state), shape.write(pending))


def find(system: System, state: str) -> PendingLogin | None:
    """The login that ``state`` belongs to, unless it is expired. Never raises."""
    pending = _read(_folder(system) / _name(state))
    if pending is None or pending.state != state or pending.expired(system.clock.now()):
        return None
    return pending


def waiting(system: System) -> list[PendingLogin]:
    """All logins that are not expired, newest first; forgets the others. Never raises."""
    _sweep(system)
    found = (_read(path) for path in _files(system))
    return sorted(
        (each for each in found if each is not None and not each.expired(system.clock.now())),
        key=lambda each: -each.created,
    )


def forget(system: System, state: str) -> None:
    """Remove a login that was finished or given up. Harmless where there is none."""
    with contextlib.suppress(OSError):
        (_folder(system) / _name(state)).unlink(missing_ok=True)


@dataclass(frozen=True)
class Used:
    """A login whose code was sent to the server. ``created`` and ``sent`` are epoch seconds."""

    scope: str
    created: float
    sent: float


def use(system: System, pending: PendingLogin) -> None:
    """Forget a login whose code was sent, but for what tells later that a code was used before. Never raises.

    What is kept holds neither the state nor the verifier.
    """
    from ocarina_kit.core.errors import KitError

    members = {"scope": pending.scope, "created": pending.created, "sent": system.clock.now()}
    with contextlib.suppress(KitError):
        write_private(_used_path(system, pending.state), json.dumps(members).encode())
    forget(system, pending.state)


def used(system: System, states: Iterable[str]) -> Used | None:
    """The first of ``states`` whose code was sent to the server in the last hour. Never raises."""
    for state in states:
        content = read_file(_used_path(system, state), cap=_CAP).content
        try:
            members = json.loads(content or b"")
            found = Used(str(members["scope"]), float(members["created"]), float(members["sent"]))
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
        if 0 <= system.clock.now() - found.sent < shape.LIFETIME:
            return found
    return None


def _used_path(system: System, state: str) -> Path:
    return (_folder(system) / _name(state)).with_suffix(".used")


def _folder(system: System) -> Path:
    return system.state_dir / "pending"


def _name(state: str) -> str:
    """A state comes from a pasted URL, so it never is a file name itself."""
    import hashlib

    return hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()[:32] + ".json"


def _files(system: System) -> list[Path]:
    try:
        return [path for path in _folder(system).iterdir() if _NAME.fullmatch(path.name)]
    except OSError:
        return []


def _read(path: Path) -> PendingLogin | None:
    content = read_file(path, cap=_CAP).content
    return None if content is None else shape.read(content)


def _sweep(system: System) -> None:
    """Expired logins hold a verifier that nobody needs any more; what is no login at all goes when it is as old."""
    now = system.clock.now()
    for path in _files(system):
        pending = _read(path)
        if pending is None:
            try:
                old = now - path.lstat().st_mtime > shape.LIFETIME
            except OSError:
                continue
        else:
            old = pending.expired(now)
        if old:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        for path in _folder(system).glob("*.used"):
            if now - path.lstat().st_mtime > shape.LIFETIME:
                path.unlink(missing_ok=True)
