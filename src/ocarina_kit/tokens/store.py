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
from ocarina_kit.system.files import Reserved, prove_space, read_settled, write_private
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.secret import Secret
from ocarina_kit.tokens import log, problems
from ocarina_kit.tokens.file import Token, TokensFile, parse
from ocarina_kit.tokens.journal import Journal, NewToken, read_journal
from ocarina_kit.tokens.outcome import Outcome

if TYPE_CHECKING:
    from ocarina_kit.client.scopes import Table
    from ocarina_kit.majora.api import Granted
    from ocarina_kit.system.change import Change

_SPARE = 16 * 1024
"""Bytes that are reserved beyond the file as it is: longer tokens, and what another program adds meanwhile."""


class Store:
    """One tokens file, its lock held by the caller (:func:`opened`) for the life of the store.

    ``unsettled``: digests of refresh tokens that were sent, now or in an earlier run, with no usable answer.
    """

    def __init__(self, machine: Machine, setup: Setup, by: str) -> None:
        self.machine, self.setup, self.by = machine, setup, by
        self.path = setup.tokens_file
        self.data, self.file = look(machine, self.path)
        self.unsettled: set[str] = set()
        self._before = self.file
        self._saved: list[NewToken] = []
        self._reserved: Reserved | None = None
        self._journal: Journal | None = None
        self._keep_journal = False

    def look(self) -> TokensFile:
        """The file as it is now. Raises KitError (TOK002, TOK003) where it cannot be read."""
        self.data, self.file = look(self.machine, self.path)
        return self.file

    def prepare(self, due: Sequence[Token] = (), new: int = 0) -> None:
        """Show that the new file can be written, and keep its space; back the old one up; note the use in refresh.log;
        open the journal: for ``due`` tokens to be sent, and ``new`` ones that a login may bring.

        Raises KitError where any of it fails: nothing may be sent then.
        """
        self._before = problems.undamaged(self.setup, self.file)
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

    def arrived(self, scope: str, answer: Granted) -> NewToken:
        """What the server granted just now for ``scope``, in place of the token that was there at :meth:`prepare`."""
        key, entry = self._before.granted(scope, answer, self.machine.now())
        old = self._before.get(scope)
        spent = old.digest if old is not None else ""
        return NewToken(scope, key, spent, self.setup.domain, Secret(json.dumps(entry)))

    def save(self, new: Sequence[NewToken], result: str, table: Table | None = None) -> list[Outcome]:
        """Put new tokens on the disk: into the journal, then into the file, all in one write. When this returns each
        is there, or its outcome says what became of it; ``result`` where it is saved. Never raises KitError."""
        if not new:
            return []
        journal = self._journal if self._journal is not None and self._journal.add(new) else None
        before, self._keep_journal = self._keep_journal, True  # whatever comes below, a bug too
        try:
            put = self._put(new)
        except KitError as problem:
            where, word = (journal.path, "rescued") if journal is not None else (None, "lost")
            error = problems.not_saved(self.setup, [each.scope for each in new], where, problem, table)
            return [Outcome(each.scope, word, each.value["expires_at"], error) for each in new]
        self._keep_journal = before
        self._saved += put
        found = []
        for each in new:
            token, word = self.file.get(each.key), result if each in put else "adopted"
            found.append(Outcome(each.key, word, token and token.known_expiry(self.machine.now())))
        return found

    def restore(self) -> None:
        """Write again what a program that does not lock has overwritten with what it had read before."""
        with contextlib.suppress(KitError):
            file = self.look()
            if lost := [each for each in self._saved if each.takes_over(file, each.key)]:
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

        What somebody has put there since is kept.
        """
        rescued, sent = read_journal(self.machine, self.path)
        if not rescued or self.file.damage is not None:
            return
        file = self.file
        for each in rescued:
            file = each.put_into(file) if each.takes_over(file, each.scope) else file
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

    def _put(self, new: Sequence[NewToken]) -> list[NewToken]:
        """Write new tokens into the file; returns those that are in it now. Where somebody has put another one in place
        of the spent one since, the better one stays. Raises KitError."""
        reserved = self._reserve(len(new))
        for _ in range(3):
            file, put = self._complete_file(), []
            for each in new:
                better = file.with_better(each.key, each.value, self.machine.now()) is not file
                if better or each.takes_over(file, each.key):
                    file = each.put_into(file)
                    put.append(each)
            data = file.render()
            reserved.fill(data)
            # The client does not lock: a last look, right before the rename.
            if look(self.machine, self.path)[0] == self.data:
                break
        self._reserved = None
        reserved.commit()
        self.data, self.file = data, file
        return put

    def _complete_file(self) -> TokensFile:
        """The file as it is. One that another program has damaged since is set aside, and what this run has read of it
        fills the gaps."""
        before, file = self.file, self.look()
        if file.damage is not None:
            self.keep_backup("tokens-damaged")
            file = file._replace(damage=None)
            for key, value in before.entries.items():
                file = file.with_better(key, value, self.machine.now())
            self.file = file
        return file


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

    def calmly(words: str) -> None:  # output that fails must not stop what saves
        if waiting is not None:
            with contextlib.suppress(Exception):
                waiting(words)

    with as_interrupts(), hold(machine, setup.tokens_file, waiting=calmly):
        store = Store(machine, setup, by)
        try:
            store.take_rescued()
            yield store
        finally:
            store.close()


def look(machine: Machine, path: Path) -> tuple[bytes | None, TokensFile]:
    """The tokens file's bytes and what they say; no file, or a link to none, is an empty one.

    The client writes in place, so a half-written file is looked at again for a moment. Damage is the caller's to judge.
    Raises KitError (TOK002, TOK003) where it cannot be read or is another program's.
    """
    found = read_settled(machine, path, lambda data: parse(data).damage is None)
    if found.content is None and found.kind not in ("missing", "dangling"):
        raise problems.unreadable(found)
    file = parse(found.content)
    if found.content is not None:
        from ocarina_kit.tokens.salvage import foreign

        if what := foreign(path, found.content, file):
            raise problems.foreign(path, what)
    return found.content, file


def guard(machine: Machine, setup: Setup, table: Table | None = None) -> Callable[[Token], KitError | None]:
    """Says why a token must not be sent to the set-up's server, None where it may. Whatever sends a token
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
