"""Keep ``refresh.log`` in the state folder: what became of which token, at which server.

It has JSON lines and no secret (docs/files.md, The log of refreshes).
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ocarina_kit.config.location import Setup
from ocarina_kit.system.file_errors import explained
from ocarina_kit.system.file_kind import FileKind
from ocarina_kit.system.files import make_private_folder, read_file
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.problem import KitError
from ocarina_kit.system.states import StrEnum
from ocarina_kit.system.words import tilde
from ocarina_kit.tokens.file import Token, digest
from ocarina_kit.tokens.outcome import TokenResult

ROTATE_AT = 1024 * 1024
"""Bytes. One older log is kept beside it, as ``refresh.log.1``."""
_LONGEST_SCOPE = 4_000  # characters, so that no line grows without bound
_NO_TOKEN = Token("")
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC


class Event(StrEnum):
    """What a line of the log tells, where it is not the `TokenResult` of a token."""

    USED = "used"
    """A command is about to use the tokens file, or this token, with the server."""
    LOGGED_OUT = "logged-out"
    REFUSED_ACCESS = "refused-access"
    """The API refused a token as soon as it was granted."""
    SCHEDULED = "scheduled"
    UNSCHEDULED = "unscheduled"
    MAILED = "told"
    """The problem that `scope` names was printed for cron to mail."""


VALID_RESULTS = frozenset(
    {TokenResult.REFRESHED, TokenResult.LOGGED_IN, TokenResult.ADOPTED}
)
"""Results after which the token was valid, at the server of the line."""


class Line(NamedTuple):
    """One line of the log. It is a record of the past, so its result is plain text."""

    stamp: str  # ISO 8601 in UTC
    host: str = ""
    by: str = ""  # the command's name
    result: str = ""  # a TokenResult or an Event
    server: str = ""  # a MAJORA_DOMAIN
    tokens: str = ""  # the tokens file, as `path_mark` names it
    scope: str = ""
    access: str = ""  # digests of the new token, or of the one that the line is about
    refresh: str = ""

    @property
    def time(self) -> float:
        """Epoch seconds; 0 if the line has no time."""
        from datetime import datetime

        try:
            return datetime.fromisoformat(self.stamp.replace("Z", "+00:00")).timestamp()
        except ValueError:
            return 0.0


def path_mark(machine: Machine, path: Path) -> str:
    """Return the log's name for a file: resolved, with ``~`` for the home.

    Hosts that share a home agree on it.
    """
    return tilde(os.path.realpath(path), os.path.realpath(machine.home))


def stamp(now: float) -> str:
    """Write epoch seconds as the log does."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))


def make_line(
    machine: Machine,
    setup: Setup,
    by: str,
    result: TokenResult | Event,
    scope: str = "",
    token: Token = _NO_TOKEN,
) -> Line:
    """Make a line about now; `by` is the command's name."""
    return Line(
        stamp=stamp(machine.now()),
        host=machine.host,
        by=by,
        result=result,
        server=setup.domain,
        tokens=path_mark(machine, setup.tokens_file),
        scope=scope[:_LONGEST_SCOPE],
        access=digest(token.access_token),
        refresh=token.digest,
    )


def append(machine: Machine, lines: Iterable[Line]) -> None:
    """Write lines at the end, in one piece.

    Raises:
        KitError: FIL001 to FIL008 or ENV008 if the log cannot be written.
    """
    from ocarina_kit.system.lock import hold

    data = b"".join(_render(line) for line in lines)
    if not data:
        return
    path = make_private_folder(machine.state) / "refresh.log"
    with contextlib.ExitStack() as stack:
        # Over NFS, appends of two hosts overwrite each other without a lock. Elsewhere
        # O_APPEND is enough.
        with contextlib.suppress(KitError):
            stack.enter_context(hold(machine, path, timeout=5.0))
        stack.enter_context(explained(path))
        with contextlib.suppress(OSError):  # there is none yet, or it is another user's
            path.chmod(0o600)
        before = read_file(path, cap=max(0, ROTATE_AT - len(data)))
        if before.kind is FileKind.TOO_LARGE:
            path.replace(path.with_name(f"{path.name}.1"))
        elif before.content and not before.content.endswith(b"\n"):
            # A line that a crash cut off must not swallow the next one.
            data = b"\n" + data
        log = stack.enter_context(os.fdopen(os.open(path, _APPEND, 0o600), "wb"))
        log.write(data)


def _render(line: Line) -> bytes:
    members = {"time": line.stamp}
    for name, value in line._asdict().items():
        if value and name != "stamp":
            members[name] = value
    return json.dumps(members).encode() + b"\n"


def read_log(machine: Machine) -> list[Line]:
    """Read all lines in the order in which they were written.

    No wrong clock changes that order. Damaged lines are left out. Never raises.
    """
    lines = []
    for name in ("refresh.log.1", "refresh.log"):
        content = read_file(machine.state / name).content or b""
        for text in content.splitlines():
            line = _read_line(text)
            if line is not None:
                lines.append(line)
    return lines


def _read_line(text: bytes) -> Line | None:
    try:
        members = json.loads(text)
        members["stamp"] = members.get("time", "")
        return Line(*(str(members.get(name, "")) for name in Line._fields))
    except (ValueError, RecursionError, AttributeError, TypeError):
        return None


def lines_about(machine: Machine, tokens_file: Path, log: Iterable[Line]) -> list[Line]:
    """List the lines about a tokens file, at any server."""
    mark = path_mark(machine, tokens_file)
    return [line for line in log if line.tokens == mark]
