"""The tokens file in use: locked, read again, proven writable, backed up; and each new token saved before all else."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ocarina_kit.config.place import Setup
from ocarina_kit.system.backup import backup
from ocarina_kit.system.errors import KitError
from ocarina_kit.system.file_errors import from_os
from ocarina_kit.system.files import Reserved, prove_space, read_settled, write_private
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.secret import Secret
from ocarina_kit.tokens import log, problems
from ocarina_kit.tokens.file import Token, TokensFile, better, parse, same_tokens, stored_key
from ocarina_kit.tokens.journal import Journal, Rescued, read_journal
from ocarina_kit.tokens.outcome import Outcome

if TYPE_CHECKING:
    from ocarina_kit.client.scopes import Table
    from ocarina_kit.majora.answers import Granted
    from ocarina_kit.system.change import Change

_SPARE = 16 * 1024
"""Bytes that are reserved beyond the file as it is: longer tokens, and what another program adds meanwhile."""


class Arrival:
    """A new token and what becomes of it. ``old`` is the token in its place; ``spent``: that one was given for it.

    ``kept_other``: a newer one was there already, and stayed. ``problem``: the file could not be written, and the token
    is in the journal, ``where``, or lost. ``expires_at`` is epoch seconds.
    """

    def __init__(
        self, scope: str, granted: Granted, now: float, old: Token | None, *, spent: bool = True
    ) -> None:
        self.scope, self.granted, self.now, self.old = scope, granted, now, old
        self.spent = old.digest if spent and old is not None else ""
        self.key = stored_key(scope, granted, old)
        self.expires_at = now + granted.expires_in
        self.kept_other = False
        self.where: Path | None = None
        self.problem: KitError | None = None

    def put_into(self, file: TokensFile) -> TokensFile:
        """The file with the token in it; where somebody has put another one there since, with the better one."""
        new = file.with_granted(self.scope, self.granted, self.now, self.old)
        there, mine = file.get(self.key), new.get(self.key)
        self.kept_other = False
        if there is not None and mine is not None and not same_tokens(there, self.old):
            self.kept_other = better(mine, there, self.now) is there
        return file if self.kept_other else new

    def outcome(self, setup: Setup, table: Table | None, result: str) -> Outcome:
        """What became of it; ``result`` where it is saved."""
        if self.problem is None:
            return Outcome(self.key, "adopted" if self.kept_other else result, self.expires_at)
        error = problems.not_saved(setup, self.scope, self.where, self.problem, table)
        return Outcome(self.scope, "rescued" if self.where else "lost", self.expires_at, error)


class Store:
    """One tokens file, its lock held by the caller (:func:`opened`) for the life of the store."""

    def __init__(self, machine: Machine, setup: Setup, by: str) -> None:
        self.machine, self.setup, self.by = machine, setup, by
        self.path = setup.tokens_file
        self.data, self.file = look(machine, self.path)
        self.unsettled: set[str] = set()
        """Digests of refresh tokens that were sent, now or in an earlier run, with no usable answer."""
        self._reserved: Reserved | None = None
        self._journal: Journal | None = None
        self._keep_journal = False

    def look(self) -> TokensFile:
        """The file as it is now. Raises KitError (TOK002, TOK003) where it cannot be read."""
        self.data, self.file = look(self.machine, self.path, self.data, self.file)
        return self.file

    def prepare(self, due: Sequence[Token] = (), new: int = 0) -> None:
        """Show that the new file can be written, and keep its space; back the old one up; note the use in refresh.log;
        open the journal: for ``due`` tokens to be sent, and ``new`` ones that a login may bring.

        Raises KitError where any of it fails: nothing may be sent then.
        """
        problems.undamaged(self.setup, self.file)
        self._reserve(len(due) + new)
        self.keep_backup()
        log.note_use(self.machine, self.setup, self.by, self.file.tokens)
        here = {token.digest for token in self.file.tokens}
        self.unsettled = set(read_journal(self.machine, self.path)[1] & here)
        sent = self.unsettled | {token.digest for token in due}
        self._journal = Journal(self.machine, self.path, len(due) + new, sent)

    def keep_backup(self, kind: str = "tokens") -> Path | None:
        """The file as it is, into the backups. Raises KitError."""
        return None if self.data is None else backup(self.machine, kind, self.data, of=str(self.path))

    def save(self, arrivals: Sequence[Arrival]) -> None:
        """Put new tokens on the disk: into the journal, then into the file, all in one write. When this returns each
        is there, or says what became of it. Never raises for what a file system does."""
        if not arrivals:
            return
        records = [self._record(arrival) for arrival in arrivals]
        journal = self._journal if self._journal is not None and self._journal.add(records) else None
        before, self._keep_journal = self._keep_journal, True  # whatever comes below, a bug too
        try:
            self._put(arrivals)
        except KitError as problem:
            for arrival in arrivals:
                arrival.problem = problem
                arrival.where = journal.path if journal is not None else None
        else:
            self._keep_journal = before

    def rewrite_lost(self, arrivals: Sequence[Arrival]) -> None:
        """Write again what a program that does not lock has overwritten with what it had read before."""
        with contextlib.suppress(KitError):
            file = self.look()
            saved = [each for each in arrivals if each.problem is None and not each.kept_other]
            lost = [each for each in saved if same_tokens(file.get(each.key), each.old)]
            if lost:
                self._put(lost)

    def replace(self, change: Callable[[TokensFile], TokensFile]) -> None:
        """Change the file as it is now. Raises KitError."""
        file = change(self.look())
        write_private(self.path, file.render())
        self.look()

    def write_log(self, results: Mapping[str, str]) -> tuple[str, ...]:
        """Note what became of tokens, by their keys. A note for people where that failed: the tokens are safe then."""
        lines = [
            log.line(self.machine, self.setup, self.by, result, key, self.file.get(key))
            for key, result in results.items()
        ]
        try:
            log.append(self.machine, lines)
        except KitError as problem:
            return (f"[{problem.id}] refresh.log was not written: {problem.what}",)
        return ()

    def close(self) -> None:
        """Give all space back. The journal goes, unless the next run needs what is in it."""
        if self._journal is not None:
            self._journal.close(keep=self._keep_journal, sent=self.unsettled)
        if self._reserved is not None:
            self._reserved.discard()

    def take_rescued(self) -> None:
        """Put in the tokens that an earlier run could not write, or was killed with. Raises KitError.

        A token is taken where the file still has the one that was spent for it, or none: what somebody has put there
        since is kept (issue 13.7).
        """
        rescued, sent = read_journal(self.machine, self.path)
        if not rescued or self.file.damage is not None:
            return
        file = self.file
        for each in rescued:
            there = file.get(each.scope)
            if there is None or (each.spent and there.digest == each.spent):
                file = file if each.key == each.scope else file.without(each.scope)
                file = file.with_entry(each.key, json.loads(each.entry.reveal()))
        if file != self.file:
            self.keep_backup()
            self.replace(lambda _: file)
        known = log.servers(log.read_log(self.machine))
        for each in rescued:
            token = file.get(each.key)
            if token is not None and not log.token_server(known, token):
                line = log.line(self.machine, self.setup, self.by, "refreshed", each.key, token)
                log.append(self.machine, [line._replace(server=each.server)])
        Journal(self.machine, self.path, 0, sent).close(keep=False, sent=sent)

    def _reserve(self, new: int) -> Reserved:
        if self._reserved is None:
            self._reserved = prove_space(self.path, len(self.data or b"") + _SPARE + 512 * new)
        return self._reserved

    def _put(self, arrivals: Sequence[Arrival]) -> None:
        reserved = self._reserve(len(arrivals))
        for _ in range(3):
            file = self._complete_file()
            for arrival in arrivals:
                file = arrival.put_into(file)
            data = file.render()
            try:
                reserved.fill(data)
            except OSError as problem:
                raise from_os(self.path, problem) from problem
            # The client does not lock: a last look, right before the rename (issue 13.8).
            if look(self.machine, self.path, self.data, self.file)[0] == self.data:
                break
        self._reserved = None
        reserved.commit(data)
        self.data, self.file = data, file

    def _complete_file(self) -> TokensFile:
        """The file as it is. One that another program has damaged since is set aside, and what this run has read of it
        fills the gaps."""
        before, file = self.file, self.look()
        if file.damage is None:
            return file
        self.keep_backup("tokens-damaged")
        for token in before.tokens:
            there = file.get(token.key)
            if there is None or better(there, token, self.machine.now()) is token:
                file = file.with_entry(token.key, before.entries[token.key])
        self.file = file = file._replace(damage=None)
        return file

    def _record(self, arrival: Arrival) -> Rescued:
        file = self.file.with_granted(arrival.scope, arrival.granted, arrival.now, arrival.old)
        entry = Secret(json.dumps(file.entries[arrival.key]))
        return Rescued(arrival.scope, arrival.key, arrival.spent, self.setup.domain, entry)


@contextlib.contextmanager
def opened(
    machine: Machine, setup: Setup, by: str, waiting: Callable[[str], None] | None = None
) -> Iterator[Store]:
    """The tokens file of ``setup``, locked, read, and with what an earlier run left put in.

    ``by`` is the command's name for refresh.log; ``waiting`` is told what is waited for, and may fail.
    Raises KitError: LCK001, LCK002, TOK002, TOK003, FIL ids, with nothing changed or sent.
    """
    from ocarina_kit.system.lock import hold
    from ocarina_kit.system.signals import as_interrupts

    with as_interrupts(), hold(machine, setup.tokens_file, waiting=problems.calmly(waiting)):
        store = Store(machine, setup, by)
        try:
            store.take_rescued()
            yield store
        finally:
            store.close()


def look(
    machine: Machine, path: Path, known: bytes | None = None, file: TokensFile | None = None
) -> tuple[bytes | None, TokensFile]:
    """The tokens file's bytes and what they say; no file, or a link to none, is an empty one. ``known`` and ``file``
    are an earlier look: bytes that have not changed are not parsed again.

    The client writes in place, so a half-written file is looked at again for a moment. Damage is the caller's to judge.
    Raises KitError (TOK002, TOK003) where it cannot be read or is another program's.
    """
    from ocarina_kit.tokens.salvage import foreign

    found = read_settled(machine, path, lambda data: data == known or parse(data).damage is None)
    if found.content is None:
        if found.kind not in ("missing", "dangling"):
            raise problems.unreadable(found)
        return None, parse(None)
    if file is not None and found.content == known:
        return known, file
    new = parse(found.content)
    if what := foreign(path, found.content, new):
        raise problems.foreign(path, what)
    return found.content, new


def guard(machine: Machine, setup: Setup, table: Table | None = None) -> Callable[[Token], KitError | None]:
    """Says why a token must not be sent to the set-up's server, None where it may (issue 13.4). Whatever sends a token
    asks it first."""
    known = log.servers(log.read_log(machine))
    mark = log.path_mark(machine, setup.tokens_file)

    def refusal(token: Token) -> KitError | None:
        owner = log.server_of(known, token, mark)
        return None if owner in ("", setup.domain) else problems.other_server(setup, token.key, owner, table)

    return refusal


def plan_aside(machine: Machine, setup: Setup) -> Change | None:
    """For ``init`` where it changes the domain to ``setup.domain``: set the tokens file aside, but for the tokens that
    refresh.log knows as the new server's. None where there is nothing to set aside. Raises KitError (TOK002, TOK003).

    Once it is done, :func:`~ocarina_kit.tokens.log.note_use` notes the file's new server.
    """
    from ocarina_kit.system.change import set_aside

    data, file = look(machine, setup.tokens_file)
    known = log.servers(log.read_log(machine))
    others = [token.key for token in file.tokens if log.token_server(known, token) != setup.domain]
    if data is None or not (others or file.damage):
        return None
    kept = file.without(*others)
    why = "keep the tokens of the other server apart"
    return set_aside(setup.tokens_file, "tokens", data, kept.render() if kept.entries else None, why)
