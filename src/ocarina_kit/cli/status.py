"""``ocarina-kit status``: how long each token is valid. Offline; reads only; a check before a long run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ocarina_kit.cli import options
from ocarina_kit.cli.ui import Result
from ocarina_kit.system.errors import Exit, KitError, Remedy
from ocarina_kit.system.words import clock, count, parse_duration, span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocarina_kit.config.place import Setup
    from ocarina_kit.tokens.file import Token

EPILOG = """Exit 0: each token is valid for DURATION or longer. 1: one needs a refresh. 4: one cannot be refreshed.

Before a long run:
  ocarina-kit status --within 6h || ocarina-kit refresh"""


def command(
    context: typer.Context,
    *,
    within: options.Within = None,
    verbose: options.Verbose = False,
    json: options.Json = False,
) -> Result:
    """Show how long each token is valid. Offline; reads only."""
    from ocarina_kit.cli.context import start
    from ocarina_kit.client.scopes import names_of, purposes_of, what_for
    from ocarina_kit.tokens import log
    from ocarina_kit.tokens.outcome import EMPTY, needs_login, undamaged
    from ocarina_kit.tokens.store import look, tokens_of

    seconds = 0.0 if within is None else parse_duration(within)
    run = start(context, json=json)
    setup, now = run.setup(), run.machine.now()
    if setup.legacy_key is not None:
        from ocarina_kit.tokens.refresh import LEGACY_NOTE

        run.ui.say(LEGACY_NOTE)
        return Result({"tokens": []})
    try:
        file = undamaged(setup, look(run.machine, setup.tokens_file)[1])
        if not file.entries:
            raise needs_login(setup, (), *EMPTY)
    except KitError as problem:
        return Result({"tokens": []}, problem)
    tokens = tokens_of(run.machine, setup.tokens_file, file)
    known = log.Origins(log.read_log(run.machine))
    data, rows = [], []
    for token in tokens:
        line, scope = known.maker(token), token.key
        host = "" if line is None else line.host
        data.append(
            {
                "scope": scope,
                "purposes": list(names_of(scope)),
                "expires_at": token.known_expiry(now),
                "seconds_left": _left(token, now),
                "refreshable": token.can_refresh,
                "last_refresh": token.last_refresh(now),
                "host": host,
            }
        )
        for words in [each.words for each in purposes_of(scope)] or [what_for(scope)]:
            rows.append((words, _validity(token, now), _source(token, now, host)))
    run.ui.table(rows, indent=0)
    for token in tokens if verbose else ():
        run.ui.say(f"{what_for(token.key)}: {token.key}")
    error = _error(setup, tokens, now, seconds)
    if error is not None:
        run.ui.next_step(error.remedy.commands[0])
    return Result({"tokens": data}, error, shown=True)


def _left(token: Token, now: float) -> float:
    return 0.0 if token.access_token is None else max(0.0, token.seconds_left(now))


def _validity(token: Token, now: float) -> str:
    if not token.usable:
        return "damaged"
    left, expired = _left(token, now), token.last_refresh(now) is not None
    if left > 0:
        return f"valid for {span(left)}"
    return f"expired {span(-token.seconds_left(now))} ago" if expired else "expired"


def _source(token: Token, now: float, host: str) -> str:
    able = "" if _left(token, now) > 0 else "can be refreshed"
    if not token.can_refresh:
        able = "cannot be refreshed" if token.usable else "ocarina cannot read it"
    last = token.last_refresh(now)
    refreshed = "" if last is None else f"refreshed {clock(last, now)}" + (f" on {host}" if host else "")
    return ", ".join(filter(None, (able, refreshed)))


def _error(setup: Setup, tokens: Sequence[Token], now: float, within: float) -> KitError | None:
    """What is to be done, None if each token is valid long enough: 4 comes before 1 (CONTRACT.md, status)."""
    from ocarina_kit.tokens.outcome import login_command

    odd = [token for token in tokens if not token.usable]
    short = [token for token in tokens if token.usable and not 0 < _left(token, now) >= within]
    lost = [token.key for token in short if not token.can_refresh]
    when = f"expire within {span(within)}" if within else "have expired"
    if lost:
        what = f"{count(len(lost), 'token')} of {len(tokens)} {when} and cannot be refreshed."
        remedy = Remedy("Log in again.", (login_command(setup, lost),))
        return KitError(what, id="TOK005", why="There is no refresh token.", remedy=remedy, exit=Exit.LOGIN)
    if odd:
        what = f"ocarina cannot read {count(len(odd), 'token')} of {len(tokens)}."
        remedy = Remedy("Set it aside, and keep the rest.", (setup.place.command("doctor", "--fix"),))
        return KitError(what, id="TOK002", why="It is not of the form that ocarina writes.", remedy=remedy)
    if short:
        what = f"{count(len(short), 'token')} of {len(tokens)} {when}."
        remedy = Remedy("Refresh now.", (setup.place.command("refresh"),))
        return KitError(what, id="TOK004", why="A refresh needs no browser.", remedy=remedy)
    return None
