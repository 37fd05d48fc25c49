"""Log out: revoke tokens at the server, then forget here what it confirmed."""

from __future__ import annotations

from collections.abc import Callable, Collection

from ocarina_kit.config.location import Setup
from ocarina_kit.system.machine import Machine
from ocarina_kit.tokens import log, problems
from ocarina_kit.tokens.file import Token
from ocarina_kit.tokens.outcome import Outcome, Report, TokenResult
from ocarina_kit.tokens.owner import owner_check
from ocarina_kit.tokens.store import (
    Store,
    check_undamaged,
    opened,
    read_tokens,
    stored_keys,
)

COPIES_NOTE = (
    "The tokens are still valid at the server, and copies of them are in the backups. "
    "To end them, revoke them on Majora's page of authorized tokens "
    "(o/authorized_tokens/); or delete the backups of the tokens file."
)
_GONE = (TokenResult.REVOKED, TokenResult.FORGOTTEN)


def logout(
    machine: Machine,
    setup: Setup,
    scopes: Collection[str],
    *,
    local: bool = False,
    waiting: Callable[[str], None] | None = None,
) -> Report:
    """Revoke tokens, and forget what the server confirmed.

    After the last token an empty object stays. A token of another server is neither sent
    nor, without `local`, forgotten.

    Args:
        machine: Where the tokens are.
        setup: Whose tokens.
        scopes: Keys of the tokens file.
        local: Forget without asking the server.
        waiting: Is told what is waited for.

    Raises:
        KitError: TOK002, TOK003, LCK001, LCK002, ENV008, FIL001 to FIL008 if nothing
            could be begun.
    """
    _, file = read_tokens(machine, setup.tokens_file)
    check_undamaged(setup, file)
    if set(scopes).isdisjoint(stored_keys(machine, setup, file)):
        return Report(tuple(Outcome(key, TokenResult.NO_TOKEN) for key in scopes))
    revoke = _forget if local else _revoker(machine, setup)
    with opened(machine, setup, "logout", waiting) as store:
        return _revoke_all(store, scopes, revoke)


def _revoke_all(
    store: Store, scopes: Collection[str], revoke: Callable[[Token], Outcome]
) -> Report:
    from ocarina_kit.system.parallel import side_by_side
    from ocarina_kit.system.signals import held_off

    tokens = [token for token in store.file.tokens if token.key in scopes]
    outcomes = {key: Outcome(key, TokenResult.NO_TOKEN) for key in scopes}
    # Shown before anything is revoked: a token that is revoked, but cannot be forgotten
    # here, only confuses.
    store.prepare()
    with held_off() as stop:
        for batch in side_by_side(tokens, revoke):
            for token, outcome in batch:
                outcomes[token.key] = outcome
        gone = [key for key, outcome in outcomes.items() if outcome.result in _GONE]
        store.forget(gone)  # what the client wrote meanwhile stays
        lines = []
        for key in gone:
            event = log.Event.LOGGED_OUT
            lines.append(
                log.make_line(store.machine, store.setup, "logout", event, key)
            )
        log.append(store.machine, lines)
    interrupted = bool(stop) and len(gone) < len(tokens)
    return Report(tuple(outcomes.values()), interrupted=interrupted)


def _forget(token: Token) -> Outcome:
    return Outcome(token.key, TokenResult.FORGOTTEN)


def _revoker(machine: Machine, setup: Setup) -> Callable[[Token], Outcome]:
    from ocarina_kit.majora.api import Majora

    server = Majora(machine, setup.domain, setup.client_id, setup.client_secret)
    check_owner = owner_check(machine, setup)

    def revoke(token: Token) -> Outcome:
        secret = token.refresh_token or token.access_token
        if secret is None:
            return _forget(token)
        problem = check_owner(token)
        if problem is None:
            hint = "refresh_token" if token.can_refresh else "access_token"
            answer = server.revoke(secret, hint)
            if answer is None:
                return Outcome(token.key, TokenResult.REVOKED)
            problem = problems.not_revoked(answer, setup)
        return Outcome(token.key, TokenResult.KEPT, problem=problem)

    return revoke
