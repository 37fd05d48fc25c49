"""The ``crontab`` command: reads and writes the user's crontab as bytes, and says what came of it.

"No crontab yet" and "not allowed" are the same exit code and differ only in words, so a crontab counts as empty only
if the words say that there is none. Whatever else is not a listing is a failure, and never written over.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from shlex import quote
from typing import NamedTuple

from ocarina_kit.client.find import environment_without
from ocarina_kit.cron.crontab import job, lines_of
from ocarina_kit.cron.line import second_reading
from ocarina_kit.system.errors import KitError, Remedy
from ocarina_kit.system.files import backup, make_private_folder
from ocarina_kit.system.lock import hold
from ocarina_kit.system.machine import Completed, Machine
from ocarina_kit.system.secret import mask
from ocarina_kit.system.words import one_line

_SECONDS = 20.0
"""A spool on a network file system may be slow."""
_TRIES = 5

# Debian's cron, cronie, macOS, dcron; BusyBox; Solaris. Each is a complete line of standard error.
_NONE_YET = re.compile(
    r"(?:\S*crontab: )?no crontab for .+"
    r"|\S*crontab: can't open '[^']*': No such file or directory"
    r"|\S*crontab: can't open your crontab file\.?",
    re.I,
)
_NOT_ALLOWED = re.compile(
    r"not allowed|cannot use this program|not authori[sz]ed|permission denied|operation not permitted"
    r"|because of pam configuration|must be (?:privileged|suid|setuid)",
    re.I,
)
_NO_SPACE = re.compile(r"no space left on device|disk quota exceeded|file system full", re.I)

_GIVE = Remedy("Give the line to whoever can install it.", ("ocarina-kit schedule --print",))
_LOOK = Remedy("See what it says.", ("crontab -l",))
_REMOVE = Remedy("Remove them, or add the line yourself.", ("ocarina-kit schedule --print", "crontab -e"))
_FIX = Remedy("Another line of yours may be wrong: fix it, and run this again.", ("crontab -e",))
_HIDES = "crontab -l does not show those as they are, so writing it back could change your lines."
_NOT_EMPTY = "{says} That does not mean that it is empty, so nothing was written."
_OLD = "{says} The old crontab is still in."
_UNKNOWN = "It is unknown whether your crontab on {host} was changed: it could not be read back."
_CHANGING = "Your crontab on {host} does not stay as it is written."

# What goes wrong: its id, what happened, why, and what to do.
_FAULTS = {
    "no program": ("CRN001", "There is no crontab command on {host}.", "", _GIVE),
    "not allowed": ("CRN001", "You are not allowed to use crontab on {host}.", "{says}", _GIVE),
    "failed": ("CRN001", "Your crontab on {host} could not be read.", _NOT_EMPTY, _LOOK),
    "doubtful": ("SCH002", "Your crontab on {host} holds {words}.", _HIDES, _REMOVE),
    "no space": ("SCH004", "There is no space for your crontab on {host}.", _OLD, _GIVE),
    "refused": ("SCH005", "crontab on {host} refused the new crontab.", _OLD, _FIX),
    "changing": ("SCH006", _CHANGING, "Another program changes it at the same time.", _GIVE),
    "cut short": (
        "SCH007",
        "The new crontab on {host} was cut short.",
        "The old one {words} put back.",
        _GIVE,
    ),
    "unknown": ("SCH009", _UNKNOWN, "{says}", _GIVE),
}


class Listing(NamedTuple):
    """What ``crontab -l`` came to. ``state``: ``read``, ``none yet``, ``no program``, ``not allowed``, ``doubtful``
    (what was listed may not be the crontab itself: ``words`` say why) or ``failed``."""

    state: str
    content: bytes = b""
    words: str = ""

    @property
    def readable(self) -> bool:
        """Whether it is known what is in it."""
        return self.writable or self.state == "doubtful"

    @property
    def writable(self) -> bool:
        """Whether a crontab made from ``content`` may be installed."""
        return self.state in ("read", "none yet")


def read_crontab(machine: Machine) -> Listing:
    """The crontab of this user. Never raises for what the program does."""
    listed = _crontab(machine, "-l")
    words = _words(listed)
    if listed.code is None:
        states = {"not found": "no program", "not executable": "not allowed"}
        return Listing(states.get(listed.error, "failed"), words=words)
    if not listed.stdout and words and all(map(_NONE_YET.fullmatch, words.splitlines())):
        return Listing("none yet", words=words)
    if listed.code != 0 or (words and not listed.stdout):
        words = words or f"crontab -l ended with exit code {listed.code} and no word"
        return Listing("not allowed" if _NOT_ALLOWED.search(words) else "failed", words=words)
    why = _doubt(listed.stdout)
    return Listing("doubtful" if why else "read", listed.stdout, why)


def _doubt(listing: bytes) -> str:
    r"""Why the output of ``crontab -l`` may not be the crontab itself, in words; empty if nothing is unclear.

    Debian's shows a carriage return and a backspace as two characters each, so ``\r`` may be either (FACTS.md). A
    listing that holds the bytes themselves comes from a crontab that shows everything as it is.
    """
    if b"\0" in listing:
        return "a NUL byte"
    if not re.search(rb"[\r\b]", listing) and re.search(rb"\\[rb]", listing):
        return r"the characters \r or \b, which may stand for a carriage return or a backspace"
    return ""


def unreadable(listing: Listing, host: str) -> KitError | None:
    """Why a crontab that was listed may not be written over; None if it may."""
    return None if listing.writable else _fault(listing.state, host, listing.words)


def _fault(kind: str, host: str, words: str = "", saved: Path | None = None) -> KitError:
    """A row of the table. ``words``: what crontab said. ``saved``: the crontab from before, which may be lost."""
    id, what, why, remedy = _FAULTS[kind]
    values = {"host": host, "words": words, "says": f"crontab says: {one_line(words)}."}
    why = why.format(**values)
    if saved is not None:
        why = f"{why} The crontab from before is in {saved}."
        put_back = ("crontab -l", f"crontab {quote(str(saved))}")
        remedy = Remedy("Look at it, and put the old one back if it is wrong.", put_back)
    return KitError(what.format(**values), id=id, why=why, remedy=remedy)


def install_crontab(
    machine: Machine, edit: Callable[[bytes], bytes], waiting: Callable[[str], None] | None = None
) -> Path | None:
    """Make ``edit`` of this user's crontab their crontab: saved, written, read back, compared. Returns the backup, None
    if nothing was changed, or there was no crontab.

    One lock of the kit is held around it all. Another program may still write in between: then it starts over from
    what is in it now, and never writes back what somebody else may have changed. ``edit`` may be called
    several times; python-crontab reads the jobs that it adds, too.

    Raises KitError: CRN001 (no command, not allowed, not readable), SCH002 (cannot be written back as it is), SCH004
    (no space), SCH005 (refused), SCH006 (another program changes it each time), SCH007 (cut short), SCH009 (unknown
    what is in it now), SCH010 (python-crontab disagrees); and what ``edit`` and the backup raise.
    """
    host = machine.host
    guarded = make_private_folder(machine.state) / f"crontab-{host}-{machine.user}".replace("/", "_")
    with hold(machine, guarded, waiting=waiting):
        saved: Path | None = None
        for _ in range(_TRIES):
            before = read_crontab(machine)
            if (problem := unreadable(before, host)) is not None:
                raise problem
            after = edit(before.content)
            if after == before.content:
                return saved
            # A last line to which a line break was added is no new one.
            known, now = ({line.rstrip("\n") for line in lines_of(each)} for each in (before.content, after))
            for line in filter(job, now - known):
                second_reading(line)
            if before.content:
                saved = backup(machine, "crontab", before.content, of=host)
            if read_crontab(machine) != before:
                continue
            written = _crontab(machine, "-", stdin=after)
            words, back = _words(written), read_crontab(machine)
            if back.writable and back.content == after:
                return saved
            if not back.readable:
                raise _fault("unknown", host, words or back.words, saved)
            if back == before and (written.code != 0 or words):
                kind = "not allowed" if _NOT_ALLOWED.search(words) else "refused"
                kind = "no space" if _NO_SPACE.search(words) else kind
                raise _fault(kind, host, words or f"it ended with exit code {written.code} and no word")
            if back != before and after.startswith(back.content):  # only our own write can have left that
                _crontab(machine, *(("-r",) if before.state == "none yet" else ("-", before.content)))
                if read_crontab(machine)[:2] != before[:2]:
                    raise _fault("cut short", host, "could not be", saved)
                raise _fault("cut short", host, "was")
    raise _fault("changing", host, saved=saved)


def _crontab(machine: Machine, argument: str, stdin: bytes = b"") -> Completed:
    # The words are compared with known ones: they must come in English. CRONTAB_NOHEADER=N would add Debian's own
    # three header lines to the listing. Secrets stay here: crontab has no use for them.
    environ = environment_without(machine, r"LANGUAGE|CRONTAB_NOHEADER|\w*_(?:proxy|PROXY)")
    return machine.run(["crontab", argument], env={**environ, "LC_ALL": "C"}, stdin=stdin, timeout=_SECONDS)


def _words(completed: Completed) -> str:
    """What it said on standard error, or why it did not start, safe to show."""
    text = completed.stderr[:4000].decode("utf-8", "replace").strip() or completed.error
    return mask("".join(char if char.isprintable() or char == "\n" else "?" for char in text)).rstrip(".")
