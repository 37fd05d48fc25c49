"""A code becomes a token on the disk (CONTRACT.md, login).

In this order: lock; show that the new file can be written; back up; note the use; open the journal; send the code; put
the token on the disk; log; forget the pending login.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

from ocarina_kit.config.place import Setup
from ocarina_kit.system.errors import KitError, Remedy
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.secret import Secret
from ocarina_kit.tokens import problems
from ocarina_kit.tokens.outcome import Outcome, Report
from ocarina_kit.tokens.store import Arrival, look, opened

if TYPE_CHECKING:
    from ocarina_kit.client.scopes import Table
    from ocarina_kit.majora.api import Granted, Majora, NoAnswer, Refused
    from ocarina_kit.majora.grant import Pending
    from ocarina_kit.majora.messages import Ways

BUDGET_S = 60.0
"""Seconds for all attempts of an exchange together: a code is valid as long (FACTS.md)."""
_LONGEST_WAIT_S = 10.0
_TRIES = 3


def set_aside_damaged(machine: Machine, setup: Setup) -> str:
    """Set a damaged tokens file aside, and keep what can be read of it. What was done, in words; "" where it is
    complete. Raises KitError where that cannot be."""
    damage = look(machine, setup.tokens_file)[1].damage
    if damage is None:
        return ""
    with opened(machine, setup, "login") as store:
        if store.file.damage is None:
            return ""
        backup = store.keep_backup("tokens-damaged")
        store.replace(lambda file: file.readable_only())
        kept = len(store.file.entries)
    return f"[TOK002] The tokens file was damaged: {damage.cause}. Tokens kept: {kept}. Backup: {backup}"


def prove_writable(machine: Machine, setup: Setup) -> None:
    """Show that the tokens file can be locked and written, before a person is sent to a browser. Raises KitError."""
    with opened(machine, setup, "login") as store:
        store.prepare(new=1)


def redeem(
    machine: Machine,
    setup: Setup,
    pending: Pending,
    code: Secret,
    *,
    waiting: Callable[[str], None] | None = None,
    ways: Ways | None = None,
    majora: Majora | None = None,
    table: Table | None = None,
) -> Report:
    """Send the code, and put the token on the disk before anything else is done with it. The report has one outcome;
    ``interrupted``: the person has asked to end meanwhile.

    Raises KitError where nothing could be begun (lock, space, backup, log): the code is not used then, and the pending
    login stays.
    """
    from ocarina_kit.majora.api import Granted, Majora, Refused
    from ocarina_kit.majora.grant import use_pending
    from ocarina_kit.majora.messages import login_error
    from ocarina_kit.system.signals import held_off

    known = ways or problems.ways(setup, pending.scope, table)
    server = majora or Majora(machine, setup.domain, setup.client_id, setup.client_secret)
    with opened(machine, setup, "login", waiting) as store:
        store.prepare(new=1)
        with held_off() as stop:
            answer = _exchange(machine, server, pending, code, stop.is_set)
            if not isinstance(answer, Granted):
                if isinstance(answer, Refused) and answer.cause == "grant":
                    use_pending(machine, pending)
                age = machine.now() - pending.created
                error = login_error(answer, domain=setup.domain, link_age=age, ways=known)
                outcome = Outcome(pending.scope, "failed", problem=error)
                return Report((outcome,), answer.skew, interrupted=stop.is_set())
            arrival = Arrival(
                pending.scope, answer, machine.now(), store.file.get(pending.scope), spent=False
            )
            store.save([arrival])
            store.rewrite_lost([arrival])
            outcome = _saved(setup, arrival, known, table)
            notes = store.write_log({arrival.key: "logged-in"})
            use_pending(machine, pending)
            return Report((outcome,), answer.skew, notes, stop.is_set())


def _exchange(
    machine: Machine, majora: Majora, pending: Pending, code: Secret, stopped: Callable[[], bool]
) -> Granted | Refused | NoAnswer:
    """Tried again only where the code cannot have been used: nothing was sent, or the server asked to wait."""
    from ocarina_kit.majora.api import NoAnswer

    began = machine.monotonic()
    for attempt in itertools.count(1):
        left = BUDGET_S - (machine.monotonic() - began)
        answer = majora.exchange(code, pending.verifier, pending.redirect_uri, left)
        if not isinstance(answer, NoAnswer) or answer.sent or attempt == _TRIES or stopped():
            break
        wait = float(attempt) if answer.retry_after is None else answer.retry_after
        again = answer.kind in ("dns-silent", "refused", "timeout", "reset", "rate-limited")
        if not again or wait > min(_LONGEST_WAIT_S, BUDGET_S - 5.0 - (machine.monotonic() - began)):
            break
        machine.sleep(wait)
    return answer


def _saved(setup: Setup, arrival: Arrival, ways: Ways, table: Table | None) -> Outcome:
    outcome = arrival.outcome(setup, table, "logged-in")
    if outcome.problem is not None or arrival.key == arrival.scope:
        return outcome
    missing = " ".join(arrival.granted.missing(arrival.scope))
    error = KitError(
        "Majora granted other scopes than were asked for.",
        id="LGN028",
        why=f"Missing: {missing or 'none'}. It is stored under {arrival.key}, where ocarina does not look.",
        remedy=Remedy(
            "Ask your Majora administrator for the missing permissions, then log in again.", (ways.fresh,)
        ),
    )
    return outcome._replace(result="narrowed", problem=error)
