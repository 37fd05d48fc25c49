"""``refresh.log`` in the state folder: what became of which token, at which server. JSON lines, no secret.

It is what tells which server a token belongs to (CONTRACT.md, Files): by a short digest of the token, else by the
tokens file that it is in.
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
from ocarina_kit.system.files import make_private_folder, read_file
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.problem import KitError
from ocarina_kit.system.secret import Secret
from ocarina_kit.system.words import tilde
from ocarina_kit.tokens.file import Token

ROTATE_AT = 1024 * 1024
"""Bytes. One older log is kept beside it, as ``refresh.log.1``."""
FRESH = ("refreshed", "logged-in", "adopted")
"""Results after which the token was valid, at the server of the line."""
_REFUSED = ("refused-token", "refused-client", "refused")
_SENT = (
    *FRESH,
    *_REFUSED,
    "in-journal",
    "lost",
    "maybe-lost",
    "unanswered",
    "network",
    "logged-out",
)
"""Results after which the tokens file counts as used with the server of the line."""
_UNSENT = ("unreached", "failed")
_NO_TOKEN = Token("")
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC


class Line(NamedTuple):
    """One line. ``stamp`` is ISO 8601 in UTC, ``server`` a MAJORA_DOMAIN, ``tokens`` the tokens file's mark
    (:func:`path_mark`), ``access`` and ``refresh`` digests of the new token, or of the one that it is about.

    ``result`` is an Outcome's, or ``logged-out``; ``used``: a command is about to use the tokens file, or this token,
    with the server; ``unreached``: nothing was sent after all; ``scheduled``, ``unscheduled``: the crontab entry;
    ``told``: the problem that ``scope`` names was mailed.
    """

    stamp: str
    host: str = ""
    by: str = ""
    result: str = ""
    server: str = ""
    tokens: str = ""
    scope: str = ""
    access: str = ""
    refresh: str = ""

    @property
    def time(self) -> float:
        """Epoch seconds; 0 if the line has no time."""
        from datetime import datetime

        try:
            return datetime.fromisoformat(self.stamp.replace("Z", "+00:00")).timestamp()
        except ValueError:
            return 0.0


def digest(secret: Secret | None) -> str:
    """12 hexadecimal digits of its BLAKE2b hash, "" of None: enough to know a token again, too little to use."""
    if secret is None:
        return ""
    try:
        from _blake2 import (
            blake2b,
        )  # hashlib, which has it from here, also loads all of OpenSSL
    except ImportError:
        from hashlib import blake2b
    return blake2b(
        secret.reveal().encode("utf-8", "surrogatepass"), digest_size=6
    ).hexdigest()


def path_mark(machine: Machine, path: Path) -> str:
    """How the log names a file: resolved, with ``~`` for the home, so that hosts that share a home agree."""
    return tilde(os.path.realpath(path), os.path.realpath(machine.home))


def stamp(now: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))


def line(
    machine: Machine,
    setup: Setup,
    by: str,
    result: str,
    scope: str = "",
    token: Token = _NO_TOKEN,
) -> Line:
    """A line about now. ``by`` is the command's name."""
    return Line(
        stamp(machine.now()),
        machine.host,
        by,
        result,
        setup.domain,
        path_mark(machine, setup.tokens_file),
        scope[:4_000],  # so that no line grows without bound
        digest(token.access_token),
        token.digest,
    )


def append(machine: Machine, lines: Iterable[Line]) -> None:
    """Write the lines at the end, in one piece. Raises KitError (FIL, ENV008) if the log cannot be written."""
    from ocarina_kit.system.lock import hold

    data = b""
    for each in lines:
        named = {name: value for name, value in each._asdict().items() if value}
        data += json.dumps({"time": named.pop("stamp"), **named}).encode() + b"\n"
    if not data:
        return
    path = make_private_folder(machine.state) / "refresh.log"
    with contextlib.ExitStack() as stack:
        # Over NFS, appends of two hosts overwrite each other without a lock; elsewhere O_APPEND is enough.
        with contextlib.suppress(KitError):
            stack.enter_context(hold(machine, path, timeout=5.0))
        stack.enter_context(explained(path))
        with contextlib.suppress(OSError):  # there is none yet, or it is another user's
            path.chmod(0o600)
        before = read_file(path, cap=max(0, ROTATE_AT - len(data)))
        if before.kind == "too large":
            path.replace(path.with_name(path.name + ".1"))
        elif before.content and not before.content.endswith(b"\n"):
            data = (
                b"\n" + data
            )  # a line that a crash cut off must not swallow the next one
        stack.enter_context(os.fdopen(os.open(path, _APPEND, 0o600), "wb")).write(data)


def read_log(machine: Machine) -> list[Line]:
    """All lines in the order in which they were written, which no wrong clock changes; those of the rotated log first.
    Damaged lines are left out. Never raises."""
    lines = []
    for name in ("refresh.log.1", "refresh.log"):
        for text in (read_file(machine.state / name).content or b"").splitlines():
            with contextlib.suppress(
                ValueError, RecursionError, AttributeError, TypeError
            ):
                found = json.loads(text)
                values = {**found, "stamp": found.get("time", "")}
                lines.append(
                    Line(*(str(values.get(name, "")) for name in Line._fields))
                )
    return lines


def lines_of(machine: Machine, tokens_file: Path, log: Iterable[Line]) -> list[Line]:
    """The lines about this tokens file, at any server."""
    mark = path_mark(machine, tokens_file)
    return [each for each in log if each.tokens == mark]


class Origins:
    """Where tokens come from. ``origin_of``: the line about the refresh or login of each token, by its digests.
    ``last_server``: the server that each tokens file (by its mark), and each token that no line made (by its digests),
    was last used with. A result ``used`` is logged before anything is sent: it counts until a later line tells what was
    sent, or that nothing was."""

    def __init__(self, log: Iterable[Line]) -> None:
        self.origin_of: dict[str, Line] = {}
        sent_to: dict[str, str] = {}
        about_to_use: dict[str, str] = {}
        for each in log:
            digests = filter(None, (each.access, each.refresh))
            for name in digests if each.result in FRESH else ():
                # Another process had made what was adopted: its own line tells where.
                if each.result != "adopted" or name not in self.origin_of:
                    self.origin_of[name] = each
            if each.result in _SENT:
                sent_to[each.tokens] = each.server
            for name in filter(None, (each.tokens, each.access, each.refresh)):
                if each.result == "used":
                    about_to_use[name] = each.server
                elif each.result in (*_SENT, *_UNSENT):
                    about_to_use.pop(name, None)
        self.last_server = sent_to | about_to_use

    def maker(self, token: Token) -> Line:
        """The line about what ``token`` comes from; a blank one if no line knows it."""
        lines = self.origin_of
        return (
            lines.get(token.digest) or lines.get(digest(token.access_token)) or Line("")
        )

    def server(self, token: Token, mark: str = "") -> str:
        """The one domain that a token may be sent to; "" if any will do. If no line knows it that depends on the
        tokens file ``mark`` that it is in."""
        names = (token.digest, digest(token.access_token), mark)
        used = (self.last_server[name] for name in names if name in self.last_server)
        return self.maker(token).server or next(used, "")


def note_use(
    machine: Machine, setup: Setup, by: str, tokens: Iterable[Token] = ()
) -> None:
    """Note that the set-up's tokens file is used with its server, before anything is sent.

    Those of ``tokens`` that no line knows are noted with the server that the file was used with until now: they stay
    that server's, also when the file is used with another one later. Raises KitError if the log cannot be written:
    nothing may be sent then.
    """
    known = Origins(read_log(machine))
    before = known.last_server.get(path_mark(machine, setup.tokens_file), setup.domain)
    unknown = [token for token in tokens if not known.server(token)][:1_000]
    # Not with the set-up's server, which line() notes: with the one before.
    lines = [
        line(machine, setup, by, "used", token.key, token)._replace(server=before)
        for token in unknown
    ]
    append(machine, [*lines, line(machine, setup, by, "used")])
