"""One line of ``refresh.log``: written by the kit, read by people, by ``status`` and by the doctor.

::

    2026-11-24T05:13:07Z host=node1 by=refresh result=refreshed setup=1f3a9c0b7d21.77ab02c9e4d5 scope="m.a m.b"

The time is UTC; then ``name=value`` pairs. A value with anything but plain characters is a JSON string, so a line has
no line breaks, and whoever reads it needs no more than ``json``. It holds no secret.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from pathlib import PurePath

LONGEST = 4_000
"""Characters of a scope string that are kept, so that no line grows without bound."""


class Result(str, Enum):
    """What became of a scope."""

    REFRESHED = "refreshed"
    LOGGED_IN = "logged-in"
    SCHEDULED = "scheduled"
    """Of no scope: ``schedule`` put, changed or first saw the crontab entry of this set-up on this host."""
    UNSCHEDULED = "unscheduled"
    """Of no scope: ``schedule --remove`` took it out."""
    SERVER_LEFT = "server-left"
    """Of no scope: ``init`` gave the set-up of this tokens file another server; the mark is that of the one left."""
    SERVER_TAKEN = "server-taken"
    """Of no scope: the same, with the mark of the new one."""
    ADOPTED = "adopted"
    """Another process or host had refreshed it; its token was taken."""
    REFUSED_TOKEN = "refused-token"  # noqa: S105  # a name, not a secret
    REFUSED_CLIENT = "refused-client"
    NETWORK = "network"
    """No usable answer; the refresh token was not spent."""
    LOST = "lost"
    """The answer may have spent the refresh token but could not be used."""
    FAILED = "failed"
    """Anything else, a full disk for one."""
    LOGGED_OUT = "logged-out"
    """The token was revoked, or forgotten here with ``logout --local``."""

    @property
    def fresh(self) -> bool:
        """Whether the token was fresh afterwards."""
        return self in (Result.REFRESHED, Result.LOGGED_IN, Result.ADOPTED)


@dataclass(frozen=True)
class LogEntry:
    """``time`` is epoch seconds, whole ones; ``by`` the command that did it (``refresh``, ``login``, ``doctor``).

    ``setup`` is :func:`setup_mark` of what it was done for. ``result`` is a :class:`Result`, or the text of one that a
    newer version wrote.
    """

    time: float
    host: str
    by: str
    scope: str
    result: Result | str
    setup: str = ""

    @property
    def fresh(self) -> bool:
        return isinstance(self.result, Result) and self.result.fresh


def setup_mark(tokens_file: str, domain: str = "") -> str:
    """A short stable mark for the tokens file and server that an entry is about; it tells nobody the path.

    Give the path as the set-up names it, with the home as ``~`` where it lies there, so that hosts that share a home
    under different paths agree. Two parts, so that :func:`same_file` can tell one file used with two servers.
    """
    return f"{_digest(tokens_file)}.{_digest(domain)}"


def mark_for(tokens_file: PurePath, home: PurePath, domain: str) -> str:
    """:func:`setup_mark` of a set-up: its tokens file, below ``~`` where it lies in ``home``, and MAJORA_DOMAIN as
    mended. What writes the log and what reads it make the mark in this one way."""
    shown = f"~/{tokens_file.relative_to(home)}" if tokens_file.is_relative_to(home) else str(tokens_file)
    return setup_mark(shown, domain)


def same_file(one: str, other: str) -> bool:
    """Whether two marks are about the same tokens file, be it with the same server or not."""
    return one.partition(".")[0] == other.partition(".")[0]


def _digest(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def write_line(entry: LogEntry) -> str:
    """The entry's line, its end included."""
    stamp = datetime.fromtimestamp(int(entry.time), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    result = entry.result.value if isinstance(entry.result, Result) else entry.result
    pairs = [("host", entry.host), ("by", entry.by), ("result", result)]
    if entry.setup:
        pairs.append(("setup", entry.setup))
    pairs.append(("scope", entry.scope[:LONGEST]))
    return " ".join([stamp, *(f"{name}={_spell(value)}" for name, value in pairs)]) + "\n"


def read_line(line: str) -> LogEntry | None:
    """The entry of a line; None where it is damaged. Pairs that this version does not know are passed over."""
    found = _LINE.fullmatch(line.strip())
    if found is None:
        return None
    try:
        time = datetime.strptime(found[1], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()
        pairs = {name: _read(value) for name, value in _PAIR.findall(found[2])}
        return LogEntry(
            time=time,
            host=pairs["host"],
            by=pairs["by"],
            scope=pairs["scope"],
            result=_result(pairs["result"]),
            setup=pairs.get("setup", ""),
        )
    except (KeyError, ValueError, OverflowError):
        return None


_PLAIN = re.compile(r"[A-Za-z0-9._:/+-]+", re.ASCII)
_VALUE = r'(?:[A-Za-z0-9._:/+-]+|"(?:[^"\\\x00-\x1f]|\\.)*")'
_PAIR = re.compile(rf"([a-z_]+)=({_VALUE})", re.ASCII)
_LINE = re.compile(rf"(\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ)((?: [a-z_]+={_VALUE})+)", re.ASCII)


def _spell(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else json.dumps(value)


def _read(value: str) -> str:
    return str(json.loads(value)) if value.startswith('"') else value


def _result(word: str) -> Result | str:
    try:
        return Result(word)
    except ValueError:
        return word
