"""The tokens file in use: locked, read again, proven writable, backed up; and each new token saved before all else.

A new token's first place on the disk is the journal, and its only one if the file cannot be written: once an answer
has arrived the old refresh token is spent, so the new pair is the only one there is. A kill while the tokens file is
written loses nothing, as the next run takes it from there (CONTRACT.md, Files).
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ocarina_kit.config.location import Setup
from ocarina_kit.system.file_errors import explained
from ocarina_kit.system.files import (
    Reserved,
    backup,
    make_private_folder,
    prove_space,
    read_file,
    read_settled,
)
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.problem import KitError
from ocarina_kit.tokens import log, told
from ocarina_kit.tokens.file import (
    EXPIRED,
    Token,
    TokensFile,
    complete,
    foreign,
    parse,
    read_token,
)
from ocarina_kit.tokens.outcome import Outcome

if TYPE_CHECKING:
    from ocarina_kit.majora.answers import Granted
    from ocarina_kit.system.change import Change

_SPARE = 16 * 1024
"""Bytes that are reserved beyond the file as it is: longer tokens, and what another program adds meanwhile."""
_ROOM = 1024
"""Bytes that are reserved for each answer, in the file and in the journal."""


def look(machine: Machine, path: Path) -> tuple[bytes | None, TokensFile]:
    """The tokens file's bytes and what they say; no file, or a link to none, is an empty one.

    The client writes in place, so a half-written file is looked at again for a moment. Damage is the caller's to judge.
    Raises KitError (TOK002, TOK003) if it cannot be read or is another program's.
    """
    found = read_settled(machine, path, complete)
    if not found.replaceable:
        raise told.unreadable(found)
    file = parse(found.content)
    if what := foreign(path, found.content or b"", file):
        raise told.not_tokens(path, what)
    return found.content, file


def tokens_of(machine: Machine, setup: Setup, file: TokensFile) -> tuple[Token, ...]:
    """The tokens of the set-up's ``file``. One that a run was killed with, right after its refresh, has expired until
    the next refresh takes the new one from the journal."""
    spent = {each.spent for each in read_journal(machine, setup)} - {""}
    return tuple(
        each._replace(expires_at=EXPIRED) if each.digest in spent else each
        for each in file.tokens
    )


def stored_keys(machine: Machine, setup: Setup, file: TokensFile) -> list[str]:
    """The keys of the set-up's ``file``, and of what the journal will put into it."""
    return list(
        dict.fromkeys(
            [*file.entries, *(each.key for each in read_journal(machine, setup))]
        )
    )


def guard(machine: Machine, setup: Setup) -> Callable[[Token], KitError | None]:
    """Says why a token must not be sent to the set-up's server, None if it may. Whatever sends a token
    asks it first."""
    known = log.Origins(log.read_log(machine))
    mark = log.path_mark(machine, setup.tokens_file)

    def refusal(token: Token) -> KitError | None:
        owner = known.server(token, mark)
        if owner in ("", setup.domain):
            return None
        return told.error("of-another-server", setup, owner=owner)

    return refusal


def plan_aside(machine: Machine, setup: Setup) -> Change | None:
    """For ``init`` if it changes the domain to ``setup.domain``: set the tokens file aside, but for the tokens that
    refresh.log knows as the new server's. None if there is nothing to set aside. Raises KitError (TOK002, TOK003).

    Once it is done, :func:`~ocarina_kit.tokens.log.note_use` notes the file's new server.
    """
    from ocarina_kit.system.change import Change

    data, file = look(machine, setup.tokens_file)
    known = log.Origins(log.read_log(machine))
    others = [token.key for token in file.tokens if known.server(token) != setup.domain]
    if data is None or not (others or file.damage):
        return None
    kept = file.without(*others)
    after = kept.render() if kept.entries else None
    why = "keep the tokens of the other server apart"
    return Change("set aside", setup.tokens_file, "tokens", data, after, why=why)


# --- the journal --------------------------------------------------------------------------------------------


class NewToken(NamedTuple):
    """What the server granted. ``scope`` was asked for; ``key`` is where ``value`` goes in the tokens file.

    ``spent`` is the digest of the refresh token that it was given for, or takes the place of; "" if there is none.
    """

    scope: str
    key: str
    spent: str
    value: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"NewToken({self.key})"

    def is_in(self, file: TokensFile) -> bool:
        return file.get(self.key) == read_token(self.key, self.value)

    def takes_over(self, file: TokensFile) -> bool:
        """Whether its place in ``file`` is free, or has the token that was spent for it."""
        there = file.get(self.key)
        return there is None or there.digest == self.spent

    def put_into(self, file: TokensFile, now: float) -> TokensFile:
        """``file`` with it. If somebody has put another token in place of the spent one, the better one stays."""
        asked_for = file.get(self.scope)
        if (
            self.scope != self.key
            and asked_for is not None
            and asked_for.digest == self.spent
        ):
            file = file.without(self.scope)
        if self.takes_over(file):
            return file.with_entry(self.key, self.value)
        return file.with_better(self.key, self.value, now)


class Journal:
    """Open for one run, under the tokens file's lock, with space for ``answers``.

    Raises KitError (FIL, ENV008) if there can be none: nothing may be sent then.
    """

    def __init__(self, path: Path, answers: int) -> None:
        make_private_folder(path.parent)
        flags = (
            os.O_RDWR
            | os.O_CREAT
            | os.O_TRUNC
            | os.O_NOFOLLOW
            | os.O_NONBLOCK
            | os.O_CLOEXEC
        )
        self.path, self._end = path, 0
        with explained(path):
            self._descriptor = os.open(path, flags, 0o600)
            os.fchmod(self._descriptor, 0o600)
            self._write(
                b"\n" * _ROOM * (answers + 1)
            )  # blank lines, which the answers are written over

    def add(self, new: Sequence[NewToken]) -> bool:
        """Write new tokens, down to the disk. Never raises: False if they may not be there."""
        data = b"".join(json.dumps(each._asdict()).encode() + b"\n" for each in new)
        try:
            self._write(data)
        except OSError:
            return False
        self._end += len(data)
        return True

    def close(self, *, keep: bool) -> None:
        """End it. ``keep``: there is a token in it that is nowhere else."""
        with contextlib.suppress(OSError):
            os.close(self._descriptor)
            if not keep:
                self.path.unlink()

    def _write(self, data: bytes) -> None:
        if os.pwrite(self._descriptor, data, self._end) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(self._descriptor)


def journal_path(machine: Machine, setup: Setup) -> Path:
    """In the state folder, by the tokens file's resolved path and the server: what one server granted must not come
    into the file once it is used with another."""
    import zlib

    about = os.fsencode(f"{os.path.realpath(setup.tokens_file)} {setup.domain}")
    return machine.state / "journal" / f"tokens-{zlib.crc32(about):08x}.jsonl"


def read_journal(machine: Machine, setup: Setup) -> list[NewToken]:
    """The new tokens that an earlier run could not write, or was killed with, in the order in which they came. Never
    raises; damaged lines, and a journal that others may have written, are ignored."""
    file = read_file(journal_path(machine, setup))
    found: list[NewToken] = []
    if file.content is None or not file.ours or file.open_to_others:
        return found
    for text in file.content.splitlines():
        with contextlib.suppress(ValueError, TypeError, RecursionError):
            new = NewToken(**json.loads(text))
            if isinstance(new.key, str) and read_token(new.key, new.value).usable:
                found.append(new)
    return found


# --- the file, locked ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def opened(
    machine: Machine,
    setup: Setup,
    by: str,
    waiting: Callable[[str], None] | None = None,
) -> Iterator[Store]:
    """The tokens file of ``setup``, locked, read, and with what an earlier run left put in.

    ``by`` is the command's name for refresh.log; ``waiting`` is told what is waited for.
    Raises KitError: LCK001, LCK002, TOK002, TOK003, FIL ids, with nothing changed or sent.
    """
    from ocarina_kit.system.lock import hold

    with (
        hold(machine, setup.tokens_file, waiting=waiting),
        contextlib.closing(Store(machine, setup, by)) as store,
    ):
        store.take_journal()
        yield store


class Store:
    """One tokens file, its lock held by the caller (:func:`opened`) for the life of the store."""

    def __init__(self, machine: Machine, setup: Setup, by: str) -> None:
        self.machine, self.setup, self.by = machine, setup, by
        self.path = setup.tokens_file
        self.look()
        self._before = self.file
        self._unsaved: list[NewToken] = []
        self._saved: list[NewToken] = []
        self._reserved: Reserved | None = None
        self._journal: Journal | None = None

    def look(self) -> TokensFile:
        """The file as it is now. Raises KitError (TOK002, TOK003) if it cannot be read."""
        self.data, self.file = look(self.machine, self.path)
        return self.file

    def prepare(self, answers: int = 0) -> None:
        """Show that the new file can be written, and keep its space; back the old one up; note the use in refresh.log;
        open the journal. Raises KitError if any of it fails: nothing may be sent then."""
        self._before = told.undamaged(self.setup, self.file)
        self._reserve(answers)
        self._backup()
        log.note_use(self.machine, self.setup, self.by, self.file.tokens)
        self._journal = Journal(journal_path(self.machine, self.setup), answers)

    def arrived(self, scope: str, answer: Granted) -> NewToken:
        """What the server granted just now for ``scope``, in place of the token that was there at :meth:`prepare`."""
        key, value = self._before.granted(scope, answer, self.machine.now())
        old = self._before.get(scope)
        return NewToken(scope, key, "" if old is None else old.digest, value)

    def save(self, new: Sequence[NewToken], result: str) -> list[Outcome]:
        """Put new tokens on the disk: into the journal, then into the file, all in one write. When this returns each
        is there, or its outcome says what became of it; ``result`` if it is saved. Never raises KitError."""
        if not new:
            return []
        journaled = self._journal is not None and self._journal.add(new)
        self._unsaved += (
            new  # whatever comes below, a bug too: what is unsaved stays in the journal
        )
        try:
            self._put(new)
        except KitError as problem:
            result, fault = "lost", "nowhere"
            if journaled:
                result = fault = "in-journal"
            where = journal_path(self.machine, self.setup)
            error = told.error(
                fault, self.setup, said=f"{problem.what} {problem.why}", journal=where
            )
            return [
                Outcome(each.scope, result, each.value["expires_at"], error)
                for each in new
            ]
        del self._unsaved[-len(new) :]
        self._saved += new
        outcomes = []
        now = self.machine.now()
        for each in new:
            stored = read_token(each.key, self.file.entries[each.key])
            found = result if each.is_in(self.file) else "adopted"
            outcomes.append(Outcome(each.key, found, stored.known_expiry(now)))
        return outcomes

    def restore(self) -> None:
        """Write again what a program that does not lock has overwritten with what it had read before."""
        with contextlib.suppress(KitError):
            file = self.look()
            if any(each.takes_over(file) for each in self._saved):
                self._put(self._saved)

    def forget(self, keys: Sequence[str]) -> None:
        """Take entries out of the file as it is now. Raises KitError, also if it is damaged now."""
        self._put((), keys)

    def write_log(self, results: Mapping[str, str]) -> None:
        """Note what became of tokens, by their keys. If that fails the tokens are safe nevertheless."""
        with contextlib.suppress(KitError):
            log.append(self.machine, self._lines(results))

    def take_journal(self) -> None:
        """Put in what an earlier run left in the journal, unless somebody has put a better token there since.
        refresh.log learns whose they are. Raises KitError."""
        left = read_journal(self.machine, self.setup)
        if not left or self.file.damage is not None:
            return
        if not all(each.is_in(self.file) for each in left):
            self._backup()
            self._put(left)
        saved = {each.key: "refreshed" for each in left if each.is_in(self.file)}
        log.append(self.machine, self._lines(saved))
        with contextlib.suppress(OSError):
            journal_path(self.machine, self.setup).unlink()

    def close(self) -> None:
        """Give all space back. The journal goes, unless the next run needs what is in it."""
        if self._journal is not None:
            self._journal.close(keep=bool(self._unsaved))
        if self._reserved is not None:
            self._reserved.discard()

    def _lines(self, results: Mapping[str, str]) -> list[log.Line]:
        tokens = {token.key: token for token in self.file.tokens}
        about = (self.machine, self.setup, self.by)
        return [
            log.line(*about, result, key, tokens.get(key, Token(key)))
            for key, result in results.items()
        ]

    def _backup(self) -> None:
        if self.data is not None:
            backup(self.machine, "tokens", self.data, of=str(self.path))

    def _reserve(self, answers: int) -> Reserved:
        if self._reserved is None:
            self._reserved = prove_space(
                self.path, len(self.data or b"") + _SPARE + _ROOM * answers
            )
        return self._reserved

    def _put(self, new: Sequence[NewToken], gone: Sequence[str] = ()) -> None:
        """Write the file as it is now, with new tokens, without those under the keys ``gone``. Raises KitError, also if
        it is damaged now."""
        reserved = self._reserve(len(new))
        for _ in range(3):
            file = self.look()
            if self._before.entries and self.data is not None and not self.data.strip():
                file = file._replace(
                    damage=(1, 1)
                )  # another program is writing it, or has failed to
            file = told.undamaged(self.setup, file).without(*gone)
            for each in new:
                file = each.put_into(file, self.machine.now())
            data = file.render()
            reserved.fill(data)
            # The client does not lock: a last look, right before the rename. A file that changes all the time is
            # overwritten after the third.
            if look(self.machine, self.path)[0] == self.data:
                break
        self._reserved = None
        reserved.commit()
        self.data, self.file = data, file
