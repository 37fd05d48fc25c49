"""The tokens file as it is used under its lock: read settled, spliced, written whole, and never without a place.

Answers that arrive while one is being written are written together, so that ten answers cost two or three writes.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

from ocarina_kit.core.errors import KitError
from ocarina_kit.core.file_facts import FileKind
from ocarina_kit.core.oauth.answers import Granted
from ocarina_kit.core.secret import Secret
from ocarina_kit.core.tokens.foreign import foreign, foreign_error
from ocarina_kit.core.tokens.token_errors import unreadable
from ocarina_kit.core.tokens.token_file import TokenEntry, TokenFile, better, same_tokens, stored_key
from ocarina_kit.edges.disk import rescue
from ocarina_kit.edges.disk.backups import backup
from ocarina_kit.edges.disk.files import Held, Syscalls, prove_writable, read_settled, write_private
from ocarina_kit.edges.disk.writes import REAL
from ocarina_kit.edges.system import System

BACKUP_KIND = "tokens"

_SPARE = 16 * 1024
"""Bytes that a place is larger than the file is now: longer tokens, and what another program adds meanwhile."""


class TokensReader:
    """Reads one tokens file, over and over; parses it only where its bytes have changed. Safe between threads."""

    def __init__(self, system: System, path: Path) -> None:
        self.system = system
        self.path = path
        self._lock = threading.RLock()
        self._data: bytes | None = None
        self._file = TokenFile.parse(None)

    def look(self) -> TokenFile:
        """The file as it stands now; the client writes in place, so a half-written one is looked at again for a moment.

        No file, or a link to none: an empty one. Raises KitError where it cannot be read, or is no tokens file but
        another's; damage is the caller's.
        """
        return self.look_whole()[1]

    def look_whole(self) -> tuple[bytes | None, TokenFile]:
        """:meth:`look`, and the bytes; None where there is no file."""
        with self._lock:
            facts = read_settled(self.path, self._is_whole, clock=self.system.clock)
            if facts.content is None:
                if facts.kind not in (FileKind.MISSING, FileKind.DANGLING):
                    raise unreadable(facts)
                return None, TokenFile.parse(None)
            file = self._parse(facts.content)
            if what := foreign(self.path, facts.content, file):
                raise foreign_error(self.path, what)
            return facts.content, file

    def _is_whole(self, data: bytes) -> bool:
        return self._parse(data).damage is None

    def _parse(self, data: bytes) -> TokenFile:
        if data != self._data:
            self._file = TokenFile.parse(data)
            self._data = data
        return self._file

    def knows(self, data: bytes, file: TokenFile) -> None:
        """What was just written need not be parsed again; but for a file that was damaged, and is whole now."""
        with self._lock:
            self._data = data
            self._file = file if file.damage is None else TokenFile.parse(data)


@dataclass
class Arrival:
    """A new token and what becomes of it. ``old`` is the entry whose refresh token was spent, None at a login."""

    scope: str
    granted: Granted
    now: float
    old: TokenEntry | None = None
    place: Held | None = None
    key: str = ""
    """Where it stands in the file, once it does."""
    kept_other: bool = False
    """A newer token stood there already, and stayed."""
    journaled: bool = False
    """It stands in the journal, from where the next run takes it."""
    rescued: Path | None = None
    """Where it is instead, where the file could not be written."""
    problem: KitError | None = None
    """Why the file could not be written."""
    done: bool = field(default=False)

    @property
    def secrets(self) -> tuple[Secret, ...]:
        found = (self.granted.access_token, self.granted.refresh_token)
        return tuple(secret for secret in found if secret is not None)


class TokenStore:
    """One tokens file, its lock held by the caller for the life of the store."""

    def __init__(self, reader: TokensReader, *, calls: Syscalls = REAL) -> None:
        self.reader = reader
        self.system = reader.system
        self.path = reader.path
        self._calls = calls
        self._places: list[Held] = []
        self._journal: rescue.Journal | None = None
        self._keep_journal = False
        self._waiting: list[Arrival] = []
        self._queue = threading.Lock()
        self._writing = threading.Lock()
        self._size = 0
        self._last_whole = TokenFile.parse(None)

    # --- places

    def prove(self, count: int, due: int) -> int:
        """Take up to ``count`` places for the file as it will be with ``due`` new tokens; returns how many there are.

        At least one, else FileError: nothing may be sent then.
        """
        data, self._last_whole = self.reader.look_whole()
        self._size = len(data or b"") + _SPARE + 512 * due
        for number in range(count):
            try:
                self._places.append(self._prove_one())
            except KitError:
                if number == 0:
                    raise
                break  # the answers are then written one after another, each into the place before it
        return len(self._places)

    def keep_backup(self) -> Path | None:
        """The file as it is, into the backups, before it is changed. Raises FileError."""
        data, _ = self.reader.look_whole()
        return None if data is None else backup(self.system, BACKUP_KIND, data, of=str(self.path))

    def begin_journal(self, journal: rescue.Journal | None = None) -> None:
        """Raises FileError where there can be none: nothing may be sent then."""
        self._journal = journal or rescue.begin(self.system, self.path)

    def take_place(self) -> Held:
        """A place for one answer: to be had before its request is sent. Raises FileError where there is none."""
        with self._queue:
            if self._places:
                return self._places.pop()
        return self._prove_one()

    def give_back(self, place: Held) -> None:
        with self._queue:
            self._places.append(place)

    def close(self) -> None:
        """Give all space back. The journal goes, unless something stands there alone."""
        if self._journal is not None:
            self._journal.end(keep=self._keep_journal)
            self._journal = None
        with self._queue:
            places, self._places = self._places, []
        for place in places:
            place.discard()

    def _prove_one(self) -> Held:
        return prove_writable(self.path, self._size, calls=self._calls)

    # --- writing

    def save(self, arrival: Arrival) -> None:
        """Put a new token on the disk; when this returns it is there, or ``arrival`` says where it is instead.

        Never raises for what a file system does.
        """
        if self._journal is not None:
            arrival.journaled = self._journal.add(_spliced(TokenFile.parse(None), arrival))
        with self._queue:
            self._waiting.append(arrival)
        with self._writing:
            with self._queue:
                batch, self._waiting = self._waiting, []
            if batch:
                self._write(batch)

    def _write(self, batch: list[Arrival]) -> None:
        problem: KitError | None = None
        try:
            self._put(batch)
        except KitError as failed:
            problem = failed
        except Exception:  # a bug, but the tokens come first
            self._rescue(batch, None)
            raise
        finally:
            self._spare_places(batch)
        if problem is not None:
            self._rescue(batch, problem)
        for arrival in batch:
            arrival.done = True

    def _put(self, batch: list[Arrival]) -> None:
        file = self._whole_file()
        for arrival in batch:
            file = _spliced(file, arrival)
        data = file.render()
        self._commit(data, batch)
        self._last_whole = file
        self.reader.knows(data, file)

    def _whole_file(self) -> TokenFile:
        """The file as it is right before the write. One that another program has left damaged is set aside, and what
        this run has read of it fills the holes."""
        data, file = self.reader.look_whole()
        if file.damage is None:
            return file
        if data:
            backup(self.system, f"{BACKUP_KIND}-damaged", data, of=str(self.path))
        now = self.system.clock.now()
        for entry in self._last_whole.entries:
            there = file.get(entry.key)
            if there is None or better(there, entry, now=now) is not there:
                file = file.with_entry_of(self._last_whole, entry.key)
        return file

    def _commit(self, data: bytes, batch: list[Arrival]) -> None:
        """Try every place that this batch holds; then a new one."""
        for arrival in batch:
            if arrival.place is None:
                continue
            place, arrival.place = arrival.place, None
            try:
                place.commit(data)
            except KitError:
                continue
            return
        write_private(self.path, data, calls=self._calls)

    def _spare_places(self, batch: list[Arrival]) -> None:
        for arrival in batch:
            if arrival.place is not None:
                self.give_back(arrival.place)
                arrival.place = None

    def _rescue(self, batch: list[Arrival], problem: KitError | None) -> None:
        for arrival in batch:
            arrival.problem = problem
        if self._journal is not None and all(each.journaled for each in batch) and self._journal.flush():
            self._keep_journal = True
            where: Path | None = self._journal.path
        else:
            saved = TokenFile.parse(None)
            for arrival in batch:
                saved = _spliced(saved, arrival)
            where = rescue.save_elsewhere(saved)
        for arrival in batch:
            arrival.rescued = where

    def mend_overwritten(self, arrivals: list[Arrival]) -> bool:
        """Write again what a program that does not lock has overwritten with what it had read before.

        Whether anything was. To be called once all is written.
        """
        file = self.reader.look()
        lost = [each for each in arrivals if each.key and _went_back(file, each)]
        if lost:
            with self._writing:
                self._write(lost)
        return bool(lost)

    def take_rescued(self) -> tuple[str, ...]:
        """Put tokens back that an earlier run could not write; their scopes. Raises FileError."""
        saved = rescue.read(self.system, self.path)
        if saved is None:
            return ()
        file = self.reader.look()
        if file.damage is not None:
            return ()
        now = self.system.clock.now()
        taken = []
        for entry in saved.entries:
            there = file.get(entry.key)
            if there is None or better(there, entry, now=now) is not there:
                file = file.with_entry_of(saved, entry.key)
                taken.append(entry.key)
        if taken:
            self.keep_backup()
            self.replace(file)
        rescue.drop(self.system, self.path)
        return tuple(taken)

    def replace(self, file: TokenFile) -> None:
        """Write the whole file, the lock held. Raises FileError."""
        data = file.render()
        write_private(self.path, data, calls=self._calls)
        self.reader.knows(data, file)


def _spliced(file: TokenFile, arrival: Arrival) -> TokenFile:
    answer = arrival.granted.as_answer()
    key = stored_key(arrival.scope, answer, arrival.old)
    there = file.get(key)
    new = file.with_token(arrival.scope, answer, now=arrival.now, old=arrival.old)
    arrival.key = key
    # Somebody logged in, or refreshed, while our answer was on its way: the one that lives longer stays.
    if there is not None and not same_tokens(there, arrival.old):
        mine = new.get(key)
        arrival.kept_other = mine is not None and better(mine, there, now=arrival.now) is there
        if arrival.kept_other:
            return file
    return new


def _went_back(file: TokenFile, arrival: Arrival) -> bool:
    """The entry is again what it was before: the one whose refresh token was spent, or none at all."""
    return not arrival.kept_other and same_tokens(file.get(arrival.key), arrival.old)
