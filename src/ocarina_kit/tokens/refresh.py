"""Refreshing tokens. In this order: look; lock; look again and adopt what others did; show that the new file can be
written; back up; note the use; open the journal; only then ask the server, each answer on the disk as it comes; log.

CONTRACT.md, refresh. ``login`` and ``doctor --fix`` use it too.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from ocarina_kit.config.location import Setup
from ocarina_kit.system.machine import Machine
from ocarina_kit.tokens import history, told
from ocarina_kit.tokens.file import Token, TokensFile
from ocarina_kit.tokens.outcome import Outcome, Report
from ocarina_kit.tokens.store import Store, guard, look, opened, read_journal

if TYPE_CHECKING:
    from ocarina_kit.majora.answers import Answer
    from ocarina_kit.majora.failures import NoAnswer

BUDGET_S = 60.0
"""Seconds for all attempts and waits of one token together (CONTRACT.md, refresh); a code is valid as long."""
_SHORTEST_S = 5.0
"""Seconds that an attempt must have: a shorter one would give up on an answer, and the new token in it, too soon."""
_QUICK_TRIES = 3
"""A connection that is refused or cut at once is tried this many times: the server may be back soon, or not."""
_LATE_S = 1.0
"""Seconds to wait after a "no": another program's answer to the same token may be on its way into the file."""
_UNLOGGED = (
    "fresh",
    "due",
    "no-token",
    "no-refresh-token",
    "unreadable",
    "other-server",
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
) -> Report:
    """Refresh the set-up's tokens: all, or those of ``scopes`` (keys of the tokens file), or those that are valid for
    less than ``within`` seconds. One that fails stops no other.

    ``by`` is the command's name for refresh.log. ``dry_run`` sends and writes nothing. ``waiting`` is told what is
    waited for.

    Raises KitError if nothing could be begun, with nothing sent: TOK001 (exit 4), TOK002, TOK003, LCK001, LCK002,
    FIL and ENV008 (the file, backup, log or journal cannot be written); KeyboardInterrupt before that.
    """
    from ocarina_kit.system.signals import held_off

    before = look(machine, setup.tokens_file)[1]
    if dry_run or not read_journal(machine, setup):
        found = _judge(machine, setup, before, None, scopes, within)
        if dry_run or all(each.result != "due" for each in found.values()):
            return Report(tuple(found.values()))
    with opened(machine, setup, by, waiting) as store:
        found = _judge(machine, setup, store.file, before, scopes, within)
        due = [
            token
            for token in store.file.tokens
            if token.key in found and found[token.key].result == "due"
        ]
        if due:
            store.prepare(len(due))
        with held_off() as ending:
            skew = _spend(store, due, found, ending) if due else None
            store.write_log(
                {
                    key: each.result
                    for key, each in found.items()
                    if each.result not in _UNLOGGED
                }
            )
            stopped = bool(ending) and any(each.problem for each in found.values())
            return Report(tuple(found.values()), skew, interrupted=stopped)


def _judge(
    machine: Machine,
    setup: Setup,
    file: TokensFile,
    before: TokensFile | None,
    scopes: Collection[str] | None,
    within: float | None,
) -> dict[str, Outcome]:
    """What is known of each token, by its key; ``due`` for those to refresh. ``before``: the file before the lock was
    had. Raises KitError (TOK001, TOK002; USE001 if no token can be valid for ``within``)."""
    if not told.undamaged(setup, file).entries:
        raise told.error("no-token", setup)
    if within is not None:
        chosen = [
            token for token in file.tokens if scopes is None or token.key in scopes
        ]
        told.check_within(chosen, within)
    refusal = guard(machine, setup)
    now = machine.now()
    found: dict[str, Outcome] = {}
    for token in file.tokens:
        if scopes is not None and token.key not in scopes:
            continue
        left = token.seconds_left(now)
        refused = refusal(token)
        result, problem = "due", None
        if not token.usable:
            result, problem = "unreadable", told.error("odd", setup)
        elif _newer(token, before, now) and left >= (within or 0.0) and refused is None:
            result = "adopted"
        elif within is not None and left >= within:
            result = "fresh"
        elif not token.can_refresh:
            result, problem = "no-refresh-token", told.error("no-refresh-token", setup)
        elif refused is not None:
            result, problem = "other-server", refused
        found[token.key] = Outcome(token.key, result, token.known_expiry(now), problem)
    for scope in scopes or ():
        if scope not in file.entries:
            found[scope] = Outcome(
                scope, "no-token", problem=told.error("no-token", setup)
            )
    return found


def _newer(token: Token, before: TokensFile | None, now: float) -> bool:
    """Whether somebody else has refreshed since ``before``, and what they put there is valid, and longer."""
    if before is None or token.seconds_left(now) <= 0:
        return False
    than = before.get(token.key)
    return than is None or token.expiry(now) > than.expiry(now)


def _spend(
    store: Store, due: Sequence[Token], found: dict[str, Outcome], ending: list[int]
) -> float | None:
    """Threads only ask; this one alone writes: each batch of answers into the journal, then into the file. What became
    of each token goes into ``found``. Returns the skew of the server's clock."""
    from ocarina_kit.majora.answers import Granted, Refused
    from ocarina_kit.majora.api import Majora
    from ocarina_kit.system.parallel import side_by_side
    from ocarina_kit.tokens.log import read_log

    machine, setup = store.machine, store.setup
    skew = None
    server = Majora(machine, setup.domain, setup.client_id, setup.client_secret)
    unanswered = history.unanswered(read_log(machine))
    at_start = store.file
    refused: set[str] = set()

    def ask(token: Token) -> tuple[Answer, bool]:
        secret = token.refresh_token
        assert secret is not None  # noqa: S101  # for mypy: only such tokens are due
        return attempts(
            machine, lambda seconds: server.refresh(secret, seconds), ending
        )

    for batch in side_by_side(due, ask):
        new = []
        for token, (answer, resent) in batch:
            skew = answer.skew or skew
            if isinstance(answer, Granted):
                new.append(store.arrived(token.key, answer))
                continue
            if isinstance(answer, Refused):
                refused.add(token.key)
            result, error = told.no_refresh(
                answer,
                setup,
                token.key,
                resent=resent,
                unanswered_before=token.digest in unanswered,
            )
            found[token.key] = found[token.key]._replace(result=result, problem=error)
        for each, outcome in zip(new, store.save(new, "refreshed"), strict=True):
            found[each.scope] = outcome
    if refused:
        machine.sleep(_LATE_S)
    store.restore()
    now = machine.now()
    for token in (
        store.file.tokens
    ):  # another program, which does not lock, may have spent and replaced it
        if token.key in refused and _newer(token, at_start, now):
            found[token.key] = Outcome(token.key, "adopted", token.known_expiry(now))
    return skew


def attempts(
    machine: Machine,
    ask: Callable[[float], Answer],
    ending: list[int],
    *,
    resend: bool = True,
) -> tuple[Answer, bool]:
    """Ask, with the seconds that are left, until trying again is of no use: the last answer, and whether an earlier
    attempt may have spent the token. Without ``resend`` what may have been spent is not sent again."""
    from ocarina_kit.majora.failures import NoAnswer

    began = machine.monotonic()
    resent = False
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
        resent = resent or answer.sent
    return answer, resent


def next_wait(attempt: int, answer: NoAnswer, elapsed: float) -> float | None:
    """Seconds to wait before the next attempt for a token, None if there is to be none.

    ``attempt`` counts from 1; ``elapsed`` is in seconds since the first began. Tried again are 429, 5xx, and what was
    never sent: an answer that may be on its way is not asked for a second time.
    """
    from ocarina_kit.majora.failures import NoAnswerKind

    busy = answer.kind in (NoAnswerKind.RATE_LIMITED, NoAnswerKind.SERVER_ERROR)
    slow = answer.kind in (NoAnswerKind.TIMEOUT, NoAnswerKind.DNS_SILENT)
    quick = (
        answer.kind in (NoAnswerKind.REFUSED, NoAnswerKind.RESET)
        and attempt < _QUICK_TRIES
    )
    if not busy and (answer.sent or not (slow or quick)):
        return None
    wait = max(min(2.0 ** (attempt - 1), 16.0), answer.retry_after or 0.0)
    return wait if elapsed + wait <= BUDGET_S - _SHORTEST_S else None
