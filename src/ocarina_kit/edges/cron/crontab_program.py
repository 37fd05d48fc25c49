"""The ``crontab`` command: reads and writes the user's crontab as bytes, and tells what came of it.

"No crontab yet" and "not allowed" are the same exit code, and differ only in words: so a crontab counts as empty
only where the words say that there is none. Everything else that is no listing is a failure, and a failure is
never written over.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from ocarina_kit.core.cron.crontab import Doubt, doubts
from ocarina_kit.core.cron.crontab_read import CrontabRead, ReadOutcome
from ocarina_kit.edges.system import Completed, System

_TIME_LIMIT = 20.0  # seconds: a spool on a network file system may be slow


class WriteOutcome(Enum):
    INSTALLED = "installed"
    CHANGED_MEANWHILE = "changed-meanwhile"
    """Somebody else wrote the crontab since it was read (theirs is ``found``): nothing was written."""
    NO_PROGRAM = "no-program"
    NOT_ALLOWED = "not-allowed"
    NO_SPACE = "no-space"
    REJECTED = "rejected"
    """crontab refused it, in ``words``; the old one stands."""
    FAILED = "failed"
    """It could not be read before or after, or gave no answer in time."""
    RESTORED = "restored"
    """What was read back was not what was written (it is ``found``): the old crontab was put back."""
    NOT_RESTORED = "not-restored"
    """The same, and the old one could not be put back."""


@dataclass(frozen=True)
class CrontabWrite:
    outcome: WriteOutcome
    words: str = ""
    found: bytes | None = None


# Debian's cron, cronie, macOS, dcron; BusyBox; Solaris. Each is a whole line of standard error.
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


def read_crontab(system: System) -> CrontabRead:
    """The crontab of the user who runs this, as bytes. Never raises for what the program does."""
    listed = _crontab(system, "-l")
    if listed.code is None:
        return _not_started(listed)
    words = _words(listed)
    if listed.code != 0:
        if not listed.stdout and words and all(_NONE_YET.fullmatch(line) for line in words.splitlines()):
            return CrontabRead(ReadOutcome.NONE_YET, words=words)
        outcome = ReadOutcome.NOT_ALLOWED if _NOT_ALLOWED.search(words) else ReadOutcome.FAILED
        return CrontabRead(
            outcome, words=words or f"crontab -l ended with exit code {listed.code} and no word"
        )
    if not listed.stdout and words and all(_NONE_YET.fullmatch(line) for line in words.splitlines()):
        return CrontabRead(ReadOutcome.NONE_YET, words=words)
    return _judge(system, listed.stdout)


def _judge(system: System, listing: bytes) -> CrontabRead:
    doubt = doubts(listing)
    if doubt is None:
        return CrontabRead(ReadOutcome.CRONTAB, listing)
    if doubt is Doubt.ESCAPES:
        exact = _exact(system, listing)
        if exact == listing:
            return CrontabRead(ReadOutcome.CRONTAB, listing)
        doubt = Doubt.ESCAPES if exact is None else Doubt.CONTROL
    return CrontabRead(ReadOutcome.DOUBTFUL, listing, doubt=doubt)


def _exact(system: System, listing: bytes) -> bytes | None:
    r"""The crontab's real bytes, where ``-l`` may have shown a carriage return as ``\r``; None where they don't tell.

    ``crontab -e`` hands the file itself to the editor. The editor here is ``cat``, which prints it and changes
    nothing, so that nothing is installed.
    """
    shown = _crontab(system, "-e", VISUAL="cat", EDITOR="cat")
    if shown.code != 0:
        return None
    if shown.stdout.replace(b"\r", b"\\r").replace(b"\b", b"\\b") != listing:
        return None
    return shown.stdout


def write_crontab(
    system: System,
    before: CrontabRead,
    content: bytes,
    *,
    keep: Callable[[bytes], object] = lambda found: None,
) -> CrontabWrite:
    """Installs ``content`` where the crontab still is ``before``, reads it back and compares.

    Args:
        system: the effects.
        before: as it was read when ``content`` was made from it; must be ``writable``.
        content: the whole new crontab.
        keep: called with what was read back in place of ``content``, before the old crontab is put back over it.

    Raises:
        ValueError: ``before`` was no crontab that may be written over.
    """
    if not before.writable:
        raise ValueError("a crontab that could not be read is never written")
    now = read_crontab(system)
    if not now.writable:
        return CrontabWrite(
            _WRITE_OF_READ.get(now.outcome, WriteOutcome.FAILED), now.words, now.content or None
        )
    if (now.outcome, now.content) != (before.outcome, before.content):
        return CrontabWrite(WriteOutcome.CHANGED_MEANWHILE, found=now.content)
    written = _crontab(system, "-", stdin=content)
    back = read_crontab(system)
    old_stands = (back.outcome, back.content) == (before.outcome, before.content)
    new_stands = back.outcome is ReadOutcome.CRONTAB and back.content == content
    if not content and back.outcome is ReadOutcome.NONE_YET:
        new_stands = True  # some crons drop an empty crontab
    if new_stands and (written.code == 0 or not old_stands):
        return CrontabWrite(WriteOutcome.INSTALLED)
    if old_stands:
        return _refused(written)
    if back.outcome in {ReadOutcome.CRONTAB, ReadOutcome.DOUBTFUL} and back.content != before.content:
        keep(back.content)
    return _restore(system, before, back, _words(written))


_WRITE_OF_READ = {
    ReadOutcome.NO_PROGRAM: WriteOutcome.NO_PROGRAM,
    ReadOutcome.NOT_ALLOWED: WriteOutcome.NOT_ALLOWED,
    ReadOutcome.DOUBTFUL: WriteOutcome.CHANGED_MEANWHILE,
}


def _refused(written: Completed) -> CrontabWrite:
    """The old crontab still stands: why the new one does not."""
    if written.code is None:
        read = _not_started(written)
        return CrontabWrite(_WRITE_OF_READ.get(read.outcome, WriteOutcome.FAILED), read.words)
    words = _words(written)
    if _NO_SPACE.search(words):
        return CrontabWrite(WriteOutcome.NO_SPACE, words)
    if _NOT_ALLOWED.search(words):
        return CrontabWrite(WriteOutcome.NOT_ALLOWED, words)
    if written.code == 0:
        return CrontabWrite(
            WriteOutcome.FAILED, words or "crontab said that all is well, and changed nothing"
        )
    return CrontabWrite(
        WriteOutcome.REJECTED, words or f"crontab ended with exit code {written.code} and no word"
    )


def _restore(system: System, before: CrontabRead, back: CrontabRead, words: str) -> CrontabWrite:
    found = back.content if back.outcome in {ReadOutcome.CRONTAB, ReadOutcome.DOUBTFUL} else None
    if before.outcome is ReadOutcome.NONE_YET:
        _crontab(system, "-r")
    else:
        _crontab(system, "-", stdin=before.content)
    again = read_crontab(system)
    stands = (again.outcome, again.content) == (before.outcome, before.content)
    outcome = WriteOutcome.RESTORED if stands else WriteOutcome.NOT_RESTORED
    return CrontabWrite(outcome, words or back.words or again.words, found)


_CREDENTIALS = ("MAJORA_", "CLIENT_", "OCARINA_")
"""What may hold a secret stays here, as do the proxies: crontab has no use for them."""


def _crontab(system: System, argument: str, *, stdin: bytes = b"", **variables: str) -> Completed:
    # The words are compared with known ones: they must come in English. CRONTAB_NOHEADER=N would add Debian's
    # own three header lines to what is listed.
    left_out = {"LANGUAGE", "CRONTAB_NOHEADER"}
    environment = {
        name: value
        for name, value in system.environ.items()
        if name not in left_out and not name.startswith(_CREDENTIALS) and not name.lower().endswith("_proxy")
    }
    environment.update(LC_ALL="C", **variables)
    return system.run(["crontab", argument], env=environment, stdin=stdin, timeout=_TIME_LIMIT)


def _not_started(completed: Completed) -> CrontabRead:
    if completed.error == "not found":
        return CrontabRead(ReadOutcome.NO_PROGRAM, words="there is no crontab command on this host")
    if completed.error == "not executable":
        return CrontabRead(
            ReadOutcome.NOT_ALLOWED, words="the crontab command may not be executed by this user"
        )
    return CrontabRead(ReadOutcome.FAILED, words=f"crontab: {completed.error}")


def _words(completed: Completed) -> str:
    """What it said on standard error, as text that is safe to show."""
    text = completed.stderr[:4000].decode("utf-8", "replace").strip()
    return "".join(char if char.isprintable() or char == "\n" else "?" for char in text)
