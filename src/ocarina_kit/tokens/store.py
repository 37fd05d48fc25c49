"""Change the tokens file: locked, read again, proven writable, backed up.

Each new token is saved before anything else is done with it: first in the journal, then
in the file.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ocarina_kit.config.location import Setup
from ocarina_kit.system.files import Reserved, backup, prove_space, read_settled
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.problem import KitError
from ocarina_kit.tokens import log, problems
from ocarina_kit.tokens.file import (
    EXPIRED,
    Token,
    TokensFile,
    foreign_kind,
    is_complete,
    parse,
    read_token,
)
from ocarina_kit.tokens.journal import (
    ANSWER_SIZE,
    Journal,
    NewToken,
    journal_path,
    read_journal,
)
from ocarina_kit.tokens.outcome import Outcome, TokenResult
from ocarina_kit.tokens.owner import TokenOwners, note_use

if TYPE_CHECKING:
    from ocarina_kit.majora.answers import Granted
    from ocarina_kit.system.change import Change

_SPARE = 16 * 1024
"""Bytes that are reserved beyond the file as it is.

They are for longer tokens, and for what another program adds meanwhile.
"""
_WRITE_TRIES = 3  # while another program changes the file


def read_tokens(machine: Machine, path: Path) -> tuple[bytes | None, TokensFile]:
    """Read the tokens file: its bytes, and what they say.

    No file, or a link to none, is an empty one. The client writes in place, so a
    half-written file is read again for a moment. Damage is the caller's to judge.

    Raises:
        KitError: TOK002 or TOK003 if it cannot be read, or is another program's.
    """
    source = read_settled(machine, path, is_complete)
    if not source.replaceable:
        raise KitError(problems.unreadable_file(source))
    file = parse(source.content)
    kind = foreign_kind(path, source.content or b"", file)
    if kind:
        raise KitError(problems.not_a_tokens_file(path, kind))
    return source.content, file


def check_undamaged(setup: Setup, file: TokensFile) -> None:
    """Check that ocarina can read the tokens file.

    Raises:
        KitError: TOK002 if it is damaged.
    """
    if file.damage is not None:
        readable = sum(token.can_refresh for token in file.tokens)
        raise KitError(problems.damaged_file(setup, file.damage, readable))


def check_usable(setup: Setup, file: TokensFile) -> None:
    """Check that the tokens file is not damaged, and has a token.

    Raises:
        KitError: TOK001 or TOK002.
    """
    check_undamaged(setup, file)
    if not file.entries:
        raise KitError(problems.no_token(setup))


def waiting_tokens(
    machine: Machine, setup: Setup, file: TokensFile
) -> tuple[NewToken, ...]:
    """List the new tokens that wait in the journal, and are not in the file."""
    journal = read_journal(machine, setup)
    return tuple(token for token in journal if not token.is_in(file))


def adopt_waiting(
    machine: Machine,
    setup: Setup,
    by: str,
    waiting: Callable[[str], None] | None = None,
) -> None:
    """Put into the tokens file what an interrupted run left in the journal.

    Args:
        machine: Where the file is.
        setup: The set-up that it belongs to.
        by: The command's name, for refresh.log.
        waiting: Is told what is waited for.

    Raises:
        KitError: As `opened` does.
    """
    _, file = read_tokens(machine, setup.tokens_file)
    if waiting_tokens(machine, setup, file):
        with opened(machine, setup, by, waiting):
            pass  # opening the file takes the journal


def effective_tokens(
    machine: Machine, setup: Setup, file: TokensFile
) -> tuple[Token, ...]:
    """List the tokens of the set-up's file, as Majora knows them.

    A token that an interrupted run spent counts as expired, until the new one is taken
    from the journal.
    """
    spent = {token.spent for token in read_journal(machine, setup)} - {""}
    tokens = []
    for token in file.tokens:
        is_spent = token.digest in spent
        tokens.append(token._replace(expires_at=EXPIRED) if is_spent else token)
    return tuple(tokens)


def stored_keys(machine: Machine, setup: Setup, file: TokensFile) -> list[str]:
    """List the keys of the set-up's file, and of what the journal will put into it."""
    waiting = [token.key for token in read_journal(machine, setup)]
    return list(dict.fromkeys([*file.entries, *waiting]))


def plan_other_server(machine: Machine, setup: Setup) -> Change | None:
    """Plan to set the tokens file aside, as the domain is changed to `setup.domain`.

    Tokens that refresh.log knows as the new server's stay. Once it is done, `note_use`
    notes the file's new server.

    Returns:
        The change; None if there is nothing to set aside.

    Raises:
        KitError: TOK002 or TOK003 if the file cannot be read.
    """
    from ocarina_kit.system.change import Action, Change

    data, file = read_tokens(machine, setup.tokens_file)
    owners = TokenOwners(log.read_log(machine))
    others = []
    for token in file.tokens:
        if owners.server(token) != setup.domain:
            others.append(token.key)
    if data is None or not (others or file.damage):
        return None
    kept = file.without(*others)
    return Change(
        Action.SET_ASIDE,
        setup.tokens_file,
        "tokens",
        before=data,
        after=kept.render() if kept.entries else None,
        why="keep the tokens of the other server apart",
    )


@contextlib.contextmanager
def opened(
    machine: Machine,
    setup: Setup,
    by: str,
    waiting: Callable[[str], None] | None = None,
) -> Iterator[Store]:
    """Lock and read the tokens file, and put in what an earlier run left.

    Args:
        machine: Where the file is.
        setup: The set-up that it belongs to.
        by: The command's name, for refresh.log.
        waiting: Is told what is waited for.

    Raises:
        KitError: LCK001, LCK002, TOK002, TOK003, FIL001 to FIL008. Nothing was changed
            or sent then.
    """
    from ocarina_kit.system.lock import hold

    with (
        hold(machine, setup.tokens_file, waiting=waiting),
        contextlib.closing(Store(machine, setup, by)) as store,
    ):
        store.take_journal()
        yield store


class Store:
    """One tokens file. Whoever made it (`opened`) holds the file's lock."""

    def __init__(self, machine: Machine, setup: Setup, by: str) -> None:
        self.machine = machine
        self.setup = setup
        self.by = by
        self.path = setup.tokens_file
        self.read()
        self._before = self.file
        self._unsaved: list[NewToken] = []
        self._saved: list[NewToken] = []
        self._reserved: Reserved | None = None
        self._journal: Journal | None = None

    def read(self) -> None:
        """Read the file as it is now.

        Raises:
            KitError: TOK002 or TOK003 if it cannot be read.
        """
        self.data, self.file = read_tokens(self.machine, self.path)

    def prepare(self, answers: int = 0) -> None:
        """Do all that must work before anything is sent.

        Keep space for the new file and the answers; back the old file up; note the use in
        refresh.log; open the journal.

        Raises:
            KitError: If any of it fails. Nothing may be sent then.
        """
        check_undamaged(self.setup, self.file)
        self._before = self.file
        self._reserve(answers)
        self._backup()
        note_use(self.machine, self.setup, self.by, self.file.tokens)
        self._journal = Journal(journal_path(self.machine, self.setup), answers)

    def new_token(self, scope: str, answer: Granted) -> NewToken:
        """Make the entry for what the server granted just now.

        It takes the place of the token that was there at `prepare`.
        """
        key, value = self._before.granted(scope, answer, self.machine.now())
        old = self._before.get(scope)
        return NewToken(scope, key, "" if old is None else old.digest, value)

    def save(self, tokens: Sequence[NewToken], result: TokenResult) -> list[Outcome]:
        """Write new tokens to the disk: into the journal, then into the file.

        When this returns each of them is there, or its outcome says what became of it.
        Never raises KitError.

        Args:
            tokens: The new tokens.
            result: The result of each that is saved.
        """
        if not tokens:
            return []
        is_journaled = self._journal is not None and self._journal.add(tokens)
        # Whatever comes below, a bug too: what is unsaved stays in the journal.
        self._unsaved += tokens
        try:
            self._write(tokens)
        except KitError as error:
            return [self._not_saved(token, error, is_journaled) for token in tokens]
        del self._unsaved[-len(tokens) :]
        self._saved += tokens
        return [self._saved_outcome(token, result) for token in tokens]

    def _not_saved(
        self, token: NewToken, error: KitError, is_journaled: bool
    ) -> Outcome:
        why = f"{error.problem.text} {error.problem.why}"
        if is_journaled:
            journal = journal_path(self.machine, self.setup)
            result = TokenResult.IN_JOURNAL
            problem = problems.kept_in_journal(self.setup, journal, why)
        else:
            result = TokenResult.LOST
            problem = problems.saved_nowhere(self.setup, token.scope, why)
        return Outcome(token.scope, result, token.value["expires_at"], problem)

    def _saved_outcome(self, token: NewToken, result: TokenResult) -> Outcome:
        stored = read_token(token.key, self.file.entries[token.key])
        if not token.is_in(self.file):
            result = TokenResult.ADOPTED
        return Outcome(token.key, result, stored.known_expiry(self.machine.now()))

    def restore(self) -> None:
        """Write again what a program without a lock has overwritten with older tokens."""
        with contextlib.suppress(KitError):
            self.read()
            if any(token.replaces_what_is_in(self.file) for token in self._saved):
                self._write(self._saved)

    def forget(self, keys: Sequence[str]) -> None:
        """Take entries out of the file as it is now.

        Raises:
            KitError: If the file cannot be written, or is damaged now.
        """
        self._write((), without=keys)

    def write_log(self, results: Mapping[str, TokenResult]) -> None:
        """Note what became of tokens, by their keys.

        If that fails the tokens are safe nevertheless, so nothing is raised.
        """
        with contextlib.suppress(KitError):
            log.append(self.machine, self._log_lines(results))

    def take_journal(self) -> None:
        """Put in what an earlier run left in the journal, and note whose it is.

        A better token that somebody has put there since stays.

        Raises:
            KitError: If the file or the log cannot be written. The journal stays then.
        """
        left = read_journal(self.machine, self.setup)
        if not left or self.file.damage is not None:
            return
        if not all(token.is_in(self.file) for token in left):
            self._backup()
            self._write(left)
        results = {}
        for token in left:
            if token.is_in(self.file):
                results[token.key] = TokenResult.REFRESHED
        log.append(self.machine, self._log_lines(results))
        with contextlib.suppress(OSError):
            journal_path(self.machine, self.setup).unlink()

    def close(self) -> None:
        """Give all space back. Keep the journal if the next run needs what is in it."""
        if self._journal is not None:
            self._journal.close(keep=bool(self._unsaved))
        if self._reserved is not None:
            self._reserved.discard()

    def _log_lines(self, results: Mapping[str, TokenResult]) -> list[log.Line]:
        lines = []
        for key, result in results.items():
            token = self.file.get(key) or Token(key)
            line = log.make_line(self.machine, self.setup, self.by, result, key, token)
            lines.append(line)
        return lines

    def _backup(self) -> None:
        if self.data is not None:
            backup(self.machine, "tokens", self.data, of=str(self.path))

    def _reserve(self, answers: int) -> Reserved:
        if self._reserved is None:
            size = len(self.data or b"") + _SPARE + ANSWER_SIZE * answers
            self._reserved = prove_space(self.path, size)
        return self._reserved

    def _write(self, tokens: Sequence[NewToken], without: Sequence[str] = ()) -> None:
        """Write the file as it is now, with new tokens and without some keys.

        Raises:
            KitError: If it cannot be written, or is damaged now.
        """
        reserved = self._reserve(len(tokens))
        for _ in range(_WRITE_TRIES):
            self.read()
            file = self._readable_file().without(*without)
            for token in tokens:
                file = token.put_into(file, self.machine.now())
            data = file.render()
            reserved.fill(data)
            # The client does not lock: compare once more, right before the rename. A file
            # that changes all the time is overwritten after the last try.
            if read_tokens(self.machine, self.path)[0] == self.data:
                break
        self._reserved = None
        reserved.commit()
        self.data = data
        self.file = file

    def _readable_file(self) -> TokensFile:
        """Return the file that was read.

        Raises:
            KitError: TOK002 if it is damaged, or was emptied meanwhile: another program
                is writing it, or has failed to.
        """
        file = self.file
        if self._before.entries and self.data is not None and not self.data.strip():
            file = file._replace(damage=(1, 1))
        check_undamaged(self.setup, file)
        return file
