"""Refresh tokens.

In this order: read; lock; read again and adopt what others did; show that the new file can
be written; back up; note the use; open the journal; only then ask the server, each answer
on the disk as it comes; log. `login` and `doctor --fix` use it too.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from ocarina_kit.config.location import Setup
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.problem import KitError, Problem
from ocarina_kit.tokens import history, problems
from ocarina_kit.tokens.file import Token, TokensFile
from ocarina_kit.tokens.journal import read_journal
from ocarina_kit.tokens.outcome import Outcome, Report, TokenResult
from ocarina_kit.tokens.owner import owner_check
from ocarina_kit.tokens.store import Store, check_usable, opened, read_tokens

if TYPE_CHECKING:
    from ocarina_kit.majora.answers import Answer, Refused
    from ocarina_kit.majora.failures import NoAnswer

BUDGET_S = 60.0
"""Seconds for all attempts and waits of one token together; a code is valid as long."""
_SHORTEST_TRY_S = 5.0
"""A shorter attempt would give up too soon on an answer, and the new token in it."""
_QUICK_TRIES = 3
"""A connection that is refused or cut at once is tried this many times.

The server may be back soon, or not.
"""
_OTHER_PROGRAM_S = 1.0
"""Seconds to wait after a "no".

Another program's answer to the same token may be on its way into the file.
"""
_NOT_LOGGED = frozenset(
    {
        TokenResult.FRESH,
        TokenResult.DUE,
        TokenResult.NO_TOKEN,
        TokenResult.NO_REFRESH_TOKEN,
        TokenResult.UNREADABLE,
        TokenResult.OTHER_SERVER,
        TokenResult.NARROWED,
    }
)
_GATEWAY_STATUSES = (502, 503, 504)
"""A gateway's answer for a server that is down: a login would fail too."""


def refresh(
    machine: Machine,
    setup: Setup,
    *,
    scopes: Collection[str] | None = None,
    within: float | None = None,
    by: str = "refresh",
    dry_run: bool = False,
    waiting: Callable[[str], None] | None = None,
) -> Report:
    """Refresh the set-up's tokens. One that fails stops no other.

    Args:
        machine: Where the tokens are.
        setup: Whose tokens.
        scopes: Keys of the tokens file; None for all.
        within: Refresh only tokens that are valid for less than so many seconds.
        by: The command's name, for refresh.log.
        dry_run: Send and write nothing.
        waiting: Is told what is waited for.

    Raises:
        KitError: If nothing could be begun, with nothing sent: TOK001 to TOK003, LCK001,
            LCK002, USE001, FIL001 to FIL008 and ENV008.
        KeyboardInterrupt: Before anything is sent.
    """
    from ocarina_kit.system.signals import held_off

    _, before = read_tokens(machine, setup.tokens_file)
    if dry_run or not read_journal(machine, setup):
        outcomes = _judge_all(machine, setup, before, None, scopes, within)
        if dry_run or not _due(before.tokens, outcomes):
            return Report(tuple(outcomes.values()))
    with opened(machine, setup, by, waiting) as store:
        outcomes = _judge_all(machine, setup, store.file, before, scopes, within)
        due = _due(store.file.tokens, outcomes)
        if due:
            store.prepare(len(due))
        with held_off() as ending:
            skew = _Spending(store, due, outcomes, ending).run() if due else None
            results = {}
            for key, outcome in outcomes.items():
                if outcome.result not in _NOT_LOGGED:
                    results[key] = outcome.result
            store.write_log(results)
            failed = any(outcome.problem for outcome in outcomes.values())
            return Report(
                tuple(outcomes.values()), skew, interrupted=bool(ending) and failed
            )


def _due(tokens: Iterable[Token], outcomes: dict[str, Outcome]) -> list[Token]:
    due = []
    for token in tokens:
        outcome = outcomes.get(token.key)
        if outcome is not None and outcome.result is TokenResult.DUE:
            due.append(token)
    return due


def check_within(tokens: Iterable[Token], seconds: float) -> None:
    """Check that a new token could be valid for a length of time.

    Args:
        tokens: The tokens that are asked about.
        seconds: The value of --within.

    Raises:
        KitError: USE001 if every new token expires sooner.
    """
    longest = max((token.lifetime for token in tokens), default=seconds)
    if seconds > longest:
        raise KitError(problems.within_too_long(seconds, longest))


# --- what is known before anything is sent


def _judge_all(
    machine: Machine,
    setup: Setup,
    file: TokensFile,
    before: TokensFile | None,
    scopes: Collection[str] | None,
    within: float | None,
) -> dict[str, Outcome]:
    """Say of each token what is known, by its key; `DUE` for those to refresh.

    Args:
        machine: Where the tokens are.
        setup: Whose tokens.
        file: The tokens file as it is now.
        before: The file before its lock was taken; None if it is not locked.
        scopes: The keys that were asked for; None for all.
        within: The value of --within, in seconds.

    Raises:
        KitError: TOK001, TOK002; USE001 if no token can be valid for `within`.
    """
    check_usable(setup, file)
    chosen = [token for token in file.tokens if scopes is None or token.key in scopes]
    if within is not None:
        check_within(chosen, within)
    check_owner = owner_check(machine, setup)
    now = machine.now()
    outcomes: dict[str, Outcome] = {}
    for token in chosen:
        is_new = before is not None and _is_newer(token, before, now)
        result, problem = _judge(
            token, setup, now, check_owner(token), is_new=is_new, within=within
        )
        expiry = token.known_expiry(now)
        outcomes[token.key] = Outcome(token.key, result, expiry, problem)
    for scope in scopes or ():
        if scope not in file.entries:
            problem = problems.no_token(setup)
            outcomes[scope] = Outcome(scope, TokenResult.NO_TOKEN, problem=problem)
    return outcomes


def _judge(
    token: Token,
    setup: Setup,
    now: float,
    of_another: Problem | None,
    *,
    is_new: bool,
    within: float | None,
) -> tuple[TokenResult, Problem | None]:
    left = token.seconds_left(now)
    if not token.is_usable:
        return TokenResult.UNREADABLE, problems.malformed_token(setup)
    if is_new and of_another is None and left >= (within or 0.0):
        return TokenResult.ADOPTED, None
    if within is not None and left >= within:
        return TokenResult.FRESH, None
    if not token.can_refresh:
        problem = problems.no_refresh_token(setup, token.key)
        return TokenResult.NO_REFRESH_TOKEN, problem
    if of_another is not None:
        return TokenResult.OTHER_SERVER, of_another
    return TokenResult.DUE, None


def _is_newer(token: Token, before: TokensFile, now: float) -> bool:
    """Return whether another program has refreshed a token, and it is valid."""
    if token.seconds_left(now) <= 0:
        return False
    old = before.get(token.key)
    return old is None or token.expiry(now) > old.expiry(now)


# --- asking


class _Spending:
    """Send the refresh tokens that are due, and save each answer as it comes.

    Threads only ask. This thread alone writes: each batch of answers into the journal,
    then into the file.
    """

    def __init__(
        self,
        store: Store,
        due: Sequence[Token],
        outcomes: dict[str, Outcome],
        ending: list[int],
    ) -> None:
        from ocarina_kit.majora.api import Majora
        from ocarina_kit.tokens.log import read_log

        self._store = store
        self._due = due
        self._outcomes = outcomes  # is filled in, by the token's key
        self._ending = ending  # signals that ask to end
        self._machine = store.machine
        self._setup = store.setup
        self._server = Majora(
            self._machine,
            self._setup.domain,
            self._setup.client_id,
            self._setup.client_secret,
        )
        self._unanswered = history.unanswered(read_log(self._machine))
        self._refused: set[str] = set()
        self._skew: float | None = None

    def run(self) -> float | None:
        """Refresh all. Returns the skew of the server's clock, in seconds."""
        from ocarina_kit.system.parallel import side_by_side

        at_start = self._store.file
        for batch in side_by_side(self._due, self._ask):
            self._take(batch)
        if self._refused:
            self._machine.sleep(_OTHER_PROGRAM_S)
        self._store.restore()
        self._adopt_others(at_start)
        return self._skew

    def _ask(self, token: Token) -> tuple[Answer, bool]:
        secret = token.refresh_token
        assert secret is not None  # noqa: S101  # for mypy: only such tokens are due
        return ask_until_final(
            self._machine,
            lambda seconds: self._server.refresh(secret, seconds),
            self._ending,
        )

    def _take(self, batch: Iterable[tuple[Token, tuple[Answer, bool]]]) -> None:
        """Save the new tokens of a batch; note what became of the others."""
        from ocarina_kit.majora.answers import Granted, Refused

        new = []
        for token, (answer, was_resent) in batch:
            if answer.skew is not None:
                self._skew = answer.skew
            if isinstance(answer, Granted):
                new.append(self._store.new_token(token.key, answer))
                continue
            if isinstance(answer, Refused):
                self._refused.add(token.key)
            result, problem = judge_failure(
                answer,
                self._setup,
                token.key,
                was_resent=was_resent,
                unanswered_before=token.digest in self._unanswered,
            )
            old = self._outcomes[token.key]
            self._outcomes[token.key] = old._replace(result=result, problem=problem)
        outcomes = self._store.save(new, TokenResult.REFRESHED)
        for new_token, outcome in zip(new, outcomes, strict=True):
            scope = new_token.scope
            self._outcomes[scope] = outcome
            if outcome.problem is None and outcome.scope != scope:
                self._note_other_scopes(scope, outcome)

    def _note_other_scopes(self, scope: str, outcome: Outcome) -> None:
        """Note a token that is for other scopes than were asked for.

        It was refreshed, under its own key. The one that was asked for is gone.
        """
        problem = problems.other_scopes_granted(scope, outcome.scope, self._setup)
        self._outcomes[outcome.scope] = outcome
        self._outcomes[scope] = Outcome(scope, TokenResult.NARROWED, problem=problem)

    def _adopt_others(self, at_start: TokensFile) -> None:
        """Adopt the tokens of another program that spent a refused one first."""
        now = self._machine.now()
        for token in self._store.file.tokens:
            if token.key in self._refused and _is_newer(token, at_start, now):
                expiry = token.known_expiry(now)
                adopted = Outcome(token.key, TokenResult.ADOPTED, expiry)
                self._outcomes[token.key] = adopted


def judge_failure(
    answer: Refused | NoAnswer,
    setup: Setup,
    scope: str,
    *,
    was_resent: bool,
    unanswered_before: bool,
) -> tuple[TokenResult, Problem]:
    """Say what a refresh without a new token comes to.

    The exit code is 4 if it is the token, 1 the client, 5 the network.

    Args:
        answer: The last answer of the server.
        setup: The set-up.
        scope: The token's key.
        was_resent: An earlier attempt of this run may have spent the token.
        unanswered_before: An attempt of an earlier run may have.
    """
    from ocarina_kit.majora.failures import NoAnswer

    maybe_spent = was_resent or unanswered_before
    if not isinstance(answer, NoAnswer):
        return _judge_refusal(answer, setup, scope, maybe_spent=maybe_spent)
    if not answer.sent and not maybe_spent:
        return _not_spent(answer, setup)
    why = answer.sentence + problems.clock_note(answer.skew)
    server_is_up = answer.sent and answer.status not in _GATEWAY_STATUSES
    if unanswered_before and server_is_up:
        problem = problems.unanswered_twice(setup, scope, why)
        return TokenResult.UNANSWERED, problem
    return TokenResult.MAYBE_LOST, problems.maybe_spent(setup, why)


def _not_spent(answer: NoAnswer, setup: Setup) -> tuple[TokenResult, Problem]:
    from ocarina_kit.majora.problems import OF_THIS_MACHINE, no_answer

    result = TokenResult.NETWORK
    if answer.kind in OF_THIS_MACHINE:
        result = TokenResult.FAILED
    elif answer.status is None:
        result = TokenResult.UNREACHED
    return result, no_answer(answer, setup)


def _judge_refusal(
    answer: Refused, setup: Setup, scope: str, *, maybe_spent: bool
) -> tuple[TokenResult, Problem]:
    from ocarina_kit.majora.answers import RefusalCause

    why = answer.sentence + problems.clock_note(answer.skew)
    match answer.cause:
        case RefusalCause.CLIENT:
            return TokenResult.REFUSED_CLIENT, problems.unknown_client(why, setup)
        case RefusalCause.GRANT_TYPE:
            problem = problems.wrong_grant_type(why, setup, (scope,))
            return TokenResult.REFUSED_CLIENT, problem
        case RefusalCause.OTHER | RefusalCause.REDIRECT_URI:
            return TokenResult.REFUSED, problems.refresh_refused(setup, why)
        case RefusalCause.GRANT if maybe_spent:
            return TokenResult.LOST, problems.new_token_lost(setup, scope)
        case RefusalCause.GRANT | RefusalCause.SCOPE | RefusalCause.TWO_FACTOR:
            problem = problems.refresh_token_refused(setup, scope, why)
            return TokenResult.REFUSED_TOKEN, problem


def ask_until_final(
    machine: Machine,
    ask: Callable[[float], Answer],
    ending: list[int],
    *,
    resend: bool = True,
) -> tuple[Answer, bool]:
    """Ask the server until another attempt would be of no use.

    Args:
        machine: For the clock.
        ask: Is called with the seconds that are left.
        ending: Signals that ask to end.
        resend: Send again what may have been spent.

    Returns:
        The last answer, and whether an earlier attempt may have spent the token.
    """
    from ocarina_kit.majora.failures import NoAnswer

    began = machine.monotonic()
    was_resent = False
    for attempt in itertools.count(1):
        answer = ask(BUDGET_S - (machine.monotonic() - began))
        if not isinstance(answer, NoAnswer) or (answer.sent and not resend):
            break
        wait = next_wait(attempt, answer, machine.monotonic() - began)
        if wait is None:
            break
        end = machine.monotonic() + wait
        while not ending and machine.monotonic() < end:
            machine.sleep(0.1)
        if ending:
            break
        was_resent = was_resent or answer.sent
    return answer, was_resent


def next_wait(attempt: int, answer: NoAnswer, elapsed: float) -> float | None:
    """Return the seconds to wait before the next attempt; None if there is to be none.

    Tried again are 429, 5xx, and what was never sent. An answer that may be on its way is
    not asked for a second time.

    Args:
        attempt: The number of the attempt that failed, from 1.
        answer: How it failed.
        elapsed: Seconds since the first attempt began.
    """
    if not _can_pass(attempt, answer):
        return None
    growing = min(2.0 ** (attempt - 1), 16.0)
    wait = max(growing, answer.retry_after or 0.0)
    return wait if elapsed + wait <= BUDGET_S - _SHORTEST_TRY_S else None


def _can_pass(attempt: int, answer: NoAnswer) -> bool:
    from ocarina_kit.majora.failures import NoAnswerKind

    match answer.kind:
        case NoAnswerKind.RATE_LIMITED | NoAnswerKind.SERVER_ERROR:
            return True
        case NoAnswerKind.TIMEOUT | NoAnswerKind.DNS_SILENT:
            return not answer.sent
        case NoAnswerKind.REFUSED | NoAnswerKind.RESET:
            return not answer.sent and attempt < _QUICK_TRIES
    return False
