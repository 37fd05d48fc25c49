"""Turn a code into a token on the disk.

In this order: lock; show that the new file can be written; back up; note the use; open
the journal; send the code; put the token on the disk; log; forget the pending login.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ocarina_kit.config.location import Setup
from ocarina_kit.majora import api
from ocarina_kit.majora.answers import Granted, RefusalCause, Refused
from ocarina_kit.majora.failures import NoAnswer
from ocarina_kit.majora.grant import Pending, use_pending
from ocarina_kit.system.change import Action, Change, apply_to_file
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.secret import Secret
from ocarina_kit.system.signals import held_off
from ocarina_kit.tokens import problems
from ocarina_kit.tokens.outcome import Outcome, Report, TokenResult
from ocarina_kit.tokens.refresh import ask_until_final
from ocarina_kit.tokens.store import Store, opened, read_tokens


def quarantine_damaged(
    machine: Machine, setup: Setup, waiting: Callable[[str], None] | None = None
) -> str:
    """Set a damaged tokens file aside, and keep what can be read of it.

    Returns:
        What was done, as a sentence; "" if the file is complete.

    Raises:
        KitError: If the file cannot be locked, backed up or written.
    """
    data, file = read_tokens(machine, setup.tokens_file)
    if data is None or file.damage is None:
        return ""
    after = file.render() if file.entries else None
    change = Change(Action.SET_ASIDE, setup.tokens_file, "tokens", data, after)
    backup = apply_to_file(machine, change, waiting)
    return (
        "[TOK002] The tokens file was damaged. "
        f"Tokens kept: {len(file.entries)}. Backup: {backup}"
    )


def prove_writable(
    machine: Machine, setup: Setup, waiting: Callable[[str], None] | None = None
) -> None:
    """Show that a token can be saved, before a person is sent to a browser.

    Raises:
        KitError: If the tokens file cannot be locked or written.
    """
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
    """Send a code, and put the token on the disk before anything else is done with it.

    Args:
        machine: Where the tokens are.
        setup: Whose login it is.
        pending: The login that the code belongs to.
        code: What Majora gave to the browser.
        login: The command for a new link, if it is not the usual one.
        waiting: Is told what is waited for.

    Returns:
        One outcome. It is interrupted if the person asked to end meanwhile.

    Raises:
        KitError: If nothing could be begun (lock, space, backup, log). The code is not
            used then, and the pending login stays.
    """
    server = api.Majora(machine, setup.domain, setup.client_id, setup.client_secret)
    with opened(machine, setup, "login", waiting) as store:
        store.prepare(1)
        with held_off() as stop:
            ask = partial(server.exchange, code, pending.verifier)
            answer, _ = ask_until_final(machine, ask, stop, resend=False)
            if isinstance(answer, Granted):
                outcome = _save(store, pending.scope, answer, login)
                use_pending(machine, pending)
            else:
                outcome = _failed(machine, setup, pending, answer, login)
            return Report((outcome,), answer.skew, interrupted=bool(stop))


def _save(store: Store, scope: str, answer: Granted, login: str) -> Outcome:
    token = store.new_token(scope, answer)
    (outcome,) = store.save([token], TokenResult.LOGGED_IN)
    store.restore()
    is_saved = outcome.problem is None
    logged = TokenResult.LOGGED_IN if is_saved else outcome.result
    store.write_log({outcome.scope: logged})
    if is_saved and outcome.scope != scope:
        problem = problems.other_scopes_granted(
            scope, outcome.scope, store.setup, login
        )
        outcome = outcome._replace(result=TokenResult.NARROWED, problem=problem)
    return outcome


def _failed(
    machine: Machine,
    setup: Setup,
    pending: Pending,
    answer: Refused | NoAnswer,
    login: str,
) -> Outcome:
    if isinstance(answer, Refused) and answer.cause is RefusalCause.GRANT:
        use_pending(machine, pending)  # no other code will come of that link
    link_age = machine.now() - pending.created
    problem = problems.login_failed(answer, setup, pending.scope, link_age, login)
    return Outcome(pending.scope, TokenResult.FAILED, problem=problem)
