"""``ocarina-kit status``: how long each token is valid. Offline; reads only; a check before a long run."""

from __future__ import annotations

import typer

from ocarina_kit.cli import options
from ocarina_kit.cli.context import start
from ocarina_kit.cli.ui import Result
from ocarina_kit.client.scopes import names_of, purposes_of, what_for
from ocarina_kit.config.place import NO_TOKENS
from ocarina_kit.system.errors import KitError
from ocarina_kit.system.words import clock, parse_duration, span
from ocarina_kit.tokens import log, told
from ocarina_kit.tokens.file import Token
from ocarina_kit.tokens.outcome import Outcome, Report
from ocarina_kit.tokens.store import look, tokens_of

EPILOG = """Exit 0: each token is valid for DURATION or longer. 1: one needs a refresh. 4: one cannot be refreshed.

Before a long run:
  ocarina-kit status --within 6h || ocarina-kit refresh"""


def command(
    context: typer.Context,
    *,
    within: options.Within = None,
    verbose: options.Verbose = False,
) -> Result:
    """Show how long each token is valid. Offline; reads only."""
    seconds = 0.0 if within is None else parse_duration(within)
    run = start(context)
    setup, now = run.setup(), run.machine.now()
    if setup.legacy_key is not None:
        run.ui.say(NO_TOKENS)
        return Result({"tokens": []})
    try:
        file = told.undamaged(setup, look(run.machine, setup.tokens_file)[1])
        if not file.entries:
            raise told.error("no-token", setup)
    except KitError as problem:
        return Result({"tokens": []}, problem)
    tokens = tokens_of(run.machine, setup.tokens_file, file)
    known = log.Origins(log.read_log(run.machine))
    data, rows, outcomes = [], [], []
    for token in tokens:
        line, scope, fault = known.maker(token), token.key, None
        host = "" if line is None else line.host
        if not token.usable:
            fault = told.error("odd", setup)
        elif _left(token, now) <= 0 or _left(token, now) < seconds:
            fault = told.error("short" if token.can_refresh else "no-refresh-token", setup)
        outcomes.append(Outcome(scope, "", problem=fault))
        data.append(
            {
                "scope": scope,
                "purposes": list(names_of(scope)),
                "expires_at": token.known_expiry(now),
                "seconds_left": _left(token, now),
                "refreshable": token.can_refresh,
                "last_refresh": token.last_refresh(now),
                "host": host or None,
            }
        )
        for words in [each.words for each in purposes_of(scope)] or [what_for(scope)]:
            rows.append((words, _validity(token, now), _source(token, now, host)))
    run.ui.table(rows, indent=0)
    for token in tokens if verbose else ():
        run.ui.say(f"{what_for(token.key)}: {token.key}")
    # The first of 4 and 1 decides (CONTRACT.md, status).
    errors = Report(tuple(outcomes)).errors(setup)
    if errors:
        run.ui.next_step(errors[0].remedy.commands[0])
    return Result({"tokens": data}, next(iter(errors), None), shown=True)


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
