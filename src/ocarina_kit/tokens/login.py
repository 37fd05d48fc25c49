"""A code becomes a token on the disk (CONTRACT.md, login).

In this order: lock; show that the new file can be written; back up; note the use; open the journal; send the code; put
the token on the disk; log; forget the pending login.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ocarina_kit.config.location import Setup
from ocarina_kit.majora import api
from ocarina_kit.majora.answers import Granted, RefusalCause, Refused
from ocarina_kit.majora.grant import Pending, use_pending
from ocarina_kit.system.change import Change, apply_to_file
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.secret import Secret
from ocarina_kit.system.signals import held_off
from ocarina_kit.tokens import told
from ocarina_kit.tokens.outcome import Outcome, Report
from ocarina_kit.tokens.refresh import attempts
from ocarina_kit.tokens.store import look, opened


def set_aside_damaged(
    machine: Machine, setup: Setup, waiting: Callable[[str], None] | None = None
) -> str:
    """Set a damaged tokens file aside, and keep what can be read of it. What was done, in words; "" if it is
    complete. ``waiting`` is told what is waited for, here and below. Raises KitError if that cannot be."""
    data, file = look(machine, setup.tokens_file)
    if data is None or file.damage is None:
        return ""
    after = file.render() if file.entries else None
    change = Change("set aside", setup.tokens_file, "tokens", data, after)
    backup = apply_to_file(machine, change, waiting)
    return f"[TOK002] The tokens file was damaged. Tokens kept: {len(file.entries)}. Backup: {backup}"


def prove_writable(
    machine: Machine, setup: Setup, waiting: Callable[[str], None] | None = None
) -> None:
    """Show that the tokens file can be locked and written, before a person is sent to a browser. Raises KitError."""
    with opened(machine, setup, "login", waiting) as store:
        store.prepare(1)


def redeem(
    machine: Machine,
    setup: Setup,
    pending: Pending,
    code: Secret,
    login: str = "",
    waiting: Callable[[str], None] | None = None,
) -> Report:
    """Send the code, and put the token on the disk before anything else is done with it. The report has one outcome;
    ``interrupted``: the person has asked to end meanwhile. ``login``: the command for a new link, if not the usual one.

    Raises KitError if nothing could be begun (lock, space, backup, log): the code is not used then, and the pending
    login stays.
    """
    server = api.Majora(machine, setup.domain, setup.client_id, setup.client_secret)
    scope = pending.scope
    with opened(machine, setup, "login", waiting) as store:
        store.prepare(1)
        with held_off() as stop:
            ask = partial(server.exchange, code, pending.verifier)
            answer, _ = attempts(machine, ask, stop, resend=False)
            if isinstance(answer, Granted):
                (outcome,) = store.save([store.arrived(scope, answer)], "logged-in")
                store.restore()
                store.write_log(
                    {outcome.scope: outcome.result if outcome.problem else "logged-in"}
                )
                if outcome.problem is None and outcome.scope != scope:
                    said = (
                        " ".join(sorted({*scope.split()} - {*outcome.scope.split()}))
                        or "none"
                    )
                    error = told.error(
                        "narrowed",
                        setup,
                        (scope,),
                        said=said,
                        key=outcome.scope,
                        login=login,
                    )
                    outcome = outcome._replace(result="narrowed", problem=error)
                use_pending(machine, pending)
            else:
                error = told.no_login(
                    answer, setup, scope, machine.now() - pending.created, login
                )
                outcome = Outcome(scope, "failed", problem=error)
                if isinstance(answer, Refused) and answer.cause is RefusalCause.GRANT:
                    use_pending(
                        machine, pending
                    )  # no other code will come of that link
            return Report((outcome,), answer.skew, interrupted=bool(stop))
