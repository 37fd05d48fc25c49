"""Refreshing tokens. In this order: look; lock; look again and adopt what others did; show that the new file can be
written; back up; note the use; open the journal; only then ask the server, each answer on the disk as it comes; log.

CONTRACT.md, refresh. ``login`` and ``doctor --fix`` use it too.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from ocarina_kit.config.place import Setup
from ocarina_kit.system.errors import KitError
from ocarina_kit.system.machine import Machine
from ocarina_kit.tokens import problems
from ocarina_kit.tokens.file import Token, TokensFile
from ocarina_kit.tokens.journal import read_journal
from ocarina_kit.tokens.outcome import Outcome, Report
from ocarina_kit.tokens.store import Store, guard, look, opened

if TYPE_CHECKING:
    from ocarina_kit.client.scopes import Table
    from ocarina_kit.majora.api import Granted, Majora, NoAnswer, Refused
    from ocarina_kit.system.signals import Asked

    Answer = Granted | Refused | NoAnswer

BUDGET_S = 60.0
"""Seconds for all attempts and waits of one token together (CONTRACT.md, refresh); a code is valid as long."""
_SHORTEST_S = 5.0
"""Seconds that an attempt must have: a shorter one would give up on an answer, and the new token in it, too soon."""
_QUICK_TRIES = 3
"""A connection that is refused or cut at once is tried this many times: the server may be back soon, or not."""
_LOOKS, _LOOK_EVERY_S = 6, 0.25
"""After a "no", another program's answer to the same token may be on its way into the file."""
_UNLOGGED = ("fresh", "due", "no-token", "no-refresh-token", "unreadable")

LEGACY_NOTE = (
    "MAJORA_TOKEN is a legacy API key, so there are no tokens to refresh. A key is valid for 3 days; "
    "a new one is at keys/list/ on Majora."
)


def refresh(
    machine: Machine,
    setup: Setup,
    *,
    scopes: Collection[str] | None = None,
    within: float | None = None,
    by: str = "refresh",
    dry_run: bool = False,
    waiting: Callable[[str], None] | None = None,
    majora: Majora | None = None,
    table: Table | None = None,
) -> Report:
    """Refresh the set-up's tokens: all, or those of ``scopes`` (keys of the tokens file), or those that are valid for
    less than ``within`` seconds. One that fails stops no other.

    ``by`` is the command's name for refresh.log. ``dry_run`` sends and writes nothing. ``waiting`` is told what is
    waited for; it may fail.

    Raises KitError where nothing could be begun, with nothing sent: TOK001 (exit 4), TOK002, TOK003, LCK001, LCK002,
    RFR008, FIL and ENV008 (the file, backup, log or journal cannot be written); KeyboardInterrupt before that.
    """
    from ocarina_kit.system.signals import held_off

    if setup.legacy_key is not None:
        return Report((), notes=(LEGACY_NOTE,))
    before = look(machine, setup.tokens_file)[1]
    run = _Run(machine, setup, table)
    if dry_run or not read_journal(machine, setup.tokens_file)[0]:
        due = run.choose(before, None, scopes, within)
        if dry_run or not due:
            return run.report()
    with opened(machine, setup, by, waiting) as store:
        due = run.choose(store.file, before, scopes, within)
        if due:
            problems.few_enough(setup, due)
            store.prepare(due)
        with held_off() as ending:
            run.ask_all(store, due, majora, ending)
            report = run.report()
            logged = {each.scope: each.result for each in report.outcomes if each.result not in _UNLOGGED}
            notes = store.write_log(logged | dict.fromkeys(run.unreached, "unreached"))
            ended = ending.is_set() and any(each.problem for each in report.outcomes)
            return report._replace(notes=notes, interrupted=ended)


class _Run:
    """One refresh. ``outcomes`` are by the keys that the tokens had before; of the ``unreached`` nothing was sent."""

    def __init__(self, machine: Machine, setup: Setup, table: Table | None) -> None:
        self.machine, self.setup, self.table = machine, setup, table
        self.outcomes: dict[str, Outcome] = {}
        self.unreached: set[str] = set()
        self.skew: float | None = None

    def settle(self, token: Token, result: str, problem: KitError | None = None) -> None:
        expiry = token.known_expiry(self.machine.now())
        self.outcomes[token.key] = Outcome(token.key, result, expiry, problem)

    def report(self) -> Report:
        return Report(tuple(self.outcomes.values()), self.skew)

    def choose(
        self,
        file: TokensFile,
        before: TokensFile | None,
        scopes: Collection[str] | None,
        within: float | None,
    ) -> list[Token]:
        """The tokens to refresh; ``outcomes`` are "due" for them, and say what is known of the others. ``before`` is
        the file as it was seen before the lock was had. Raises KitError (TOK001, TOK002)."""
        setup, table = self.setup, self.table
        if not problems.undamaged(setup, file).entries:
            raise problems.needs_login(setup, (), None, *problems.EMPTY)
        refusal = guard(self.machine, setup, table)
        self.outcomes, due = {}, []
        for token in file.tokens:
            if scopes is not None and token.key not in scopes:
                continue
            left = token.seconds_left(self.machine.now())
            if not token.usable:
                self.settle(token, "unreadable", problems.odd(setup, token.odd))
            elif before is not None and self._newer(token, before.get(token.key)) and left >= (within or 0.0):
                self.settle(token, "adopted")
            elif within is not None and left >= within:
                self.settle(token, "fresh")
            elif not token.can_refresh:
                problem = problems.needs_login(setup, (token.key,), table, *problems.NO_REFRESH)
                self.settle(token, "no-refresh-token", problem)
            elif (other := refusal(token)) is not None:
                self.settle(token, "other-server", other)
            else:
                self.settle(token, "due")
                due.append(token)
        for scope in (each for each in scopes or () if each not in file.entries):
            problem = problems.needs_login(setup, (scope,), table, *problems.NO_TOKEN)
            self.outcomes[scope] = Outcome(scope, "no-token", problem=problem)
        return due

    def _newer(self, token: Token, than: Token | None) -> bool:
        """Whether somebody else has refreshed meanwhile, and what they put there is valid, and longer."""
        now = self.machine.now()
        changed = than is None or token.access_token != than.access_token or token.digest != than.digest
        if not changed or token.access_token is None or token.seconds_left(now) <= 0:
            return False
        return than is None or token.expiry(now) > than.expiry(now)

    def ask_all(self, store: Store, due: Sequence[Token], majora: Majora | None, ending: Asked) -> None:
        """Spend the tokens that are due. Threads only ask; this one alone writes: each batch of answers into the
        journal, then into the file."""
        if not due:
            return
        from ocarina_kit.majora.api import Granted, Majora, Refused
        from ocarina_kit.tokens.parallel import side_by_side

        setup, machine = self.setup, self.machine
        server = majora or Majora(machine, setup.domain, setup.client_id, setup.client_secret)
        earlier, refused = frozenset(store.unsettled), []

        def ask(token: Token) -> tuple[Answer, bool]:
            secret = token.refresh_token
            assert secret is not None  # noqa: S101  # for mypy: only such tokens are due
            return attempts(machine, lambda seconds: server.refresh(secret, seconds), ending)

        for batch in side_by_side(due, ask):
            new = []
            for token, (answer, resent) in batch:
                self.skew = self.skew if answer.skew is None else answer.skew
                if isinstance(answer, Granted):
                    new.append(store.arrived(token.key, answer))
                else:
                    self._not_granted(store, token, answer, resent or token.digest in earlier)
                    refused += [token] if isinstance(answer, Refused) else []
            saved = store.save(new, "refreshed", self.table)
            self.outcomes.update(zip((each.scope for each in new), saved, strict=True))
        store.restore()
        self._adopt(store, refused)

    def _not_granted(self, store: Store, token: Token, answer: Refused | NoAnswer, resent: bool) -> None:
        from ocarina_kit.majora.api import verdict
        from ocarina_kit.majora.messages import refresh_error

        result = verdict(answer, resent)
        if result == "maybe-lost":
            store.unsettled.add(token.digest)
        elif result != "network":
            store.unsettled.discard(token.digest)
        elif answer.status is None:
            self.unreached.add(token.key)
        ways = problems.ways(self.setup, token.key, self.table)
        error = refresh_error(answer, domain=self.setup.domain, spent_before=resent, ways=ways)
        self.settle(token, result, error)

    def _adopt(self, store: Store, refused: Sequence[Token]) -> None:
        """A token that was refused may be one that another program, which does not lock, has spent and replaced."""
        left = {token.key: token for token in refused}
        for _ in range(_LOOKS if left else 0):
            with contextlib.suppress(KitError):
                store.look()
            for token in store.file.tokens:
                if token.key in left and self._newer(token, left[token.key]):
                    del left[token.key]
                    self.settle(token, "adopted")
            if not left:
                return
            self.machine.sleep(_LOOK_EVERY_S)


def attempts(
    machine: Machine, ask: Callable[[float], Answer], ending: Asked, *, resend: bool = True
) -> tuple[Answer, bool]:
    """Ask, with the seconds that are left, until trying again is of no use: the last answer, and whether an earlier
    attempt may have spent the token. Without ``resend`` what may have been spent is not sent again."""
    from ocarina_kit.majora.api import NoAnswer

    began, resent = machine.monotonic(), False
    for attempt in itertools.count(1):
        answer = ask(BUDGET_S - (machine.monotonic() - began))
        if not isinstance(answer, NoAnswer) or (answer.sent and not resend):
            break
        wait = next_wait(attempt, answer, machine.monotonic() - began)
        end = machine.monotonic() + (wait or 0.0)
        while not ending.is_set() and machine.monotonic() < end:
            machine.sleep(0.1)
        if wait is None or ending.is_set():
            break
        resent = resent or answer.sent
    return answer, resent


def next_wait(attempt: int, answer: NoAnswer, elapsed: float) -> float | None:
    """Seconds to wait before the next attempt for a token, None where there is to be none.

    ``attempt`` counts from 1; ``elapsed`` is in seconds since the first began. Tried again are 429, 5xx, and what was
    never sent: an answer that may be on its way is not asked for a second time.
    """
    busy = answer.kind in ("rate-limited", "server-error")
    slow = answer.kind in ("timeout", "dns-silent")
    quick = answer.kind in ("refused", "reset") and attempt < _QUICK_TRIES
    if not busy and (answer.sent or not (slow or quick)):
        return None
    wait = max(min(2.0 ** (attempt - 1), 16.0), answer.retry_after or 0.0)
    return wait if elapsed + wait <= BUDGET_S - _SHORTEST_S else None
