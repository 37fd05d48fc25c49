"""Logging out: revoke at the server, then forget here what it confirmed (CONTRACT.md, logout)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from ocarina_kit.config.place import Setup
from ocarina_kit.system.errors import Exit, KitError, Remedy
from ocarina_kit.system.machine import Machine
from ocarina_kit.tokens import log
from ocarina_kit.tokens.file import Token
from ocarina_kit.tokens.outcome import Outcome, Report, few_enough, undamaged
from ocarina_kit.tokens.store import guard, look, opened

if TYPE_CHECKING:
    from ocarina_kit.majora.api import NoAnswer, Refused

_SECONDS = 20.0
COPIES_NOTE = (
    "The tokens are still valid at the server, and copies of them are in the backups. To end them, revoke them on "
    "Majora's page of authorized tokens (o/authorized_tokens/); or delete the backups of the tokens file."
)


def logout(
    machine: Machine,
    setup: Setup,
    *,
    scopes: Collection[str] | None = None,
    local: bool = False,
    waiting: Callable[[str], None] | None = None,
) -> Report:
    """Revoke the set-up's tokens (those of ``scopes``, or all) and forget what the server confirmed.

    ``local``: forget without asking the server. After the last token an empty object stays. A token of another server
    is neither sent nor, without ``local``, forgotten. Raises KitError where nothing could be begun: TOK002, TOK003,
    LCK001, LCK002, RFR008, FIL and ENV008 ids.
    """
    from ocarina_kit.system.signals import held_off
    from ocarina_kit.tokens.parallel import side_by_side

    file = undamaged(setup, look(machine, setup.tokens_file)[1])
    asked = file.entries if scopes is None else scopes
    done = {key: Outcome(key, "no-token") for key in asked}
    if not any(key in file.entries for key in asked):
        return Report(tuple(done.values()))
    with opened(machine, setup, "logout", waiting) as store:
        tokens = [token for token in store.file.tokens if token.key in asked]
        few_enough(setup, () if local else tokens)
        # Shown before anything is revoked: a token that is revoked and cannot be forgotten only confuses.
        store.prepare()
        with held_off() as stop:
            if local:
                done.update((token.key, Outcome(token.key, "forgotten")) for token in tokens)
            else:
                for batch in side_by_side(tokens, _revoker(machine, setup)):
                    done.update((token.key, outcome) for token, outcome in batch)
            gone = [each.scope for each in done.values() if each.result in ("revoked", "forgotten")]
            store.forget(gone)  # what the client wrote meanwhile stays
            log.append(machine, [log.line(machine, setup, "logout", "logged-out", key) for key in gone])
    interrupted = bool(stop) and len(gone) < len(tokens)
    return Report(tuple(done.values()), notes=(COPIES_NOTE,) if local else (), interrupted=interrupted)


def _revoker(machine: Machine, setup: Setup) -> Callable[[Token], Outcome]:
    """What a thread does with one token."""
    from ocarina_kit.majora.api import Majora, Revoked

    server = Majora(machine, setup.domain, setup.client_id, setup.client_secret)
    refusal = guard(machine, setup)

    def revoke(token: Token) -> Outcome:
        other, secret = refusal(token), token.refresh_token or token.access_token
        if other is not None:
            return Outcome(token.key, "kept", problem=other)
        if secret is None:
            return Outcome(token.key, "forgotten")
        answer = server.revoke(secret, "refresh_token" if token.can_refresh else "access_token", _SECONDS)
        if isinstance(answer, Revoked):
            return Outcome(token.key, "revoked")
        return Outcome(token.key, "kept", problem=_not_revoked(setup, answer))

    return revoke


def _not_revoked(setup: Setup, answer: Refused | NoAnswer) -> KitError:
    """Exit 5, but 1 for a client that the server does not know, and for what is set wrong on this machine."""
    from ocarina_kit.majora.api import NoAnswer
    from ocarina_kit.majora.messages import client_error, net_error

    if isinstance(answer, NoAnswer):
        error = net_error(answer, domain=setup.domain)
    elif answer.cause == "client":
        return client_error(answer.said, domain=setup.domain)
    else:
        error = KitError(f"Majora did not revoke the token. {answer.said}", id="LGO001", exit=Exit.UNKNOWN)
    commands = (setup.place.command("logout"), setup.place.command("logout", "--local"))
    remedy = Remedy("Try again later; or forget it here only, which leaves it valid at the server.", commands)
    why = "What the server did not confirm is kept: it may still be valid, and is yours to revoke."
    return KitError(error.what, id=error.id, why=why, remedy=remedy, exit=error.exit)
