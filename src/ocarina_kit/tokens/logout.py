"""Logging out: revoke at the server, then forget here what it confirmed (CONTRACT.md, logout)."""

from __future__ import annotations

from collections.abc import Callable, Collection

from ocarina_kit.config.location import Setup
from ocarina_kit.system.machine import Machine
from ocarina_kit.tokens import log, told
from ocarina_kit.tokens.file import Token
from ocarina_kit.tokens.outcome import Outcome, Report
from ocarina_kit.tokens.store import guard, look, opened, stored_keys

COPIES_NOTE = (
    "The tokens are still valid at the server, and copies of them are in the backups. To end them, revoke them on "
    "Majora's page of authorized tokens (o/authorized_tokens/); or delete the backups of the tokens file."
)


def logout(
    machine: Machine,
    setup: Setup,
    scopes: Collection[str],
    *,
    local: bool = False,
    waiting: Callable[[str], None] | None = None,
) -> Report:
    """Revoke the set-up's tokens for ``scopes`` (keys of the tokens file) and forget what the server confirmed.

    ``local``: forget without asking the server. After the last token an empty object stays. A token of another server
    is neither sent nor, without ``local``, forgotten. Raises KitError if nothing could be begun: TOK002, TOK003,
    LCK001, LCK002, FIL and ENV008 ids.
    """
    from ocarina_kit.majora.api import Majora
    from ocarina_kit.system.parallel import side_by_side
    from ocarina_kit.system.signals import held_off

    server = Majora(machine, setup.domain, setup.client_id, setup.client_secret)
    refusal = guard(machine, setup)

    def revoke(token: Token) -> Outcome:
        secret = token.refresh_token or token.access_token
        if local or secret is None:
            return Outcome(token.key, "forgotten")
        if (other := refusal(token)) is not None:
            return Outcome(token.key, "kept", problem=other)
        answer = server.revoke(
            secret, "refresh_token" if token.can_refresh else "access_token"
        )
        if answer is None:
            return Outcome(token.key, "revoked")
        return Outcome(token.key, "kept", problem=told.not_revoked(answer, setup))

    file = told.undamaged(setup, look(machine, setup.tokens_file)[1])
    done = {key: Outcome(key, "no-token") for key in scopes}
    if done.keys().isdisjoint(stored_keys(machine, setup, file)):
        return Report(tuple(done.values()))
    with opened(machine, setup, "logout", waiting) as store:
        tokens = [token for token in store.file.tokens if token.key in scopes]
        # Shown before anything is revoked: a token that is revoked and cannot be forgotten only confuses.
        store.prepare()
        with held_off() as stop:
            for batch in side_by_side(tokens, revoke):
                done.update((token.key, outcome) for token, outcome in batch)
            gone = [
                each.scope
                for each in done.values()
                if each.result in ("revoked", "forgotten")
            ]
            store.forget(gone)  # what the client wrote meanwhile stays
            log.append(
                machine,
                [log.line(machine, setup, "logout", "logged-out", key) for key in gone],
            )
    interrupted = bool(stop) and len(gone) < len(tokens)
    return Report(tuple(done.values()), interrupted=interrupted)
