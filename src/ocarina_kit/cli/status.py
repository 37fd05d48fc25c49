"""``ocarina-kit status``: how long each token is valid. Offline; reads only; a check before a long run."""

from __future__ import annotations

import typer

from ocarina_kit.cli import options
from ocarina_kit.cli.context import start
from ocarina_kit.cli.ui import Result
from ocarina_kit.client.scopes import names_of, purposes_of, what_for
from ocarina_kit.config.location import NO_TOKENS, Setup
from ocarina_kit.system.problem import KitError, Problem
from ocarina_kit.system.words import clock, parse_duration, span
from ocarina_kit.tokens import history, log, problems
from ocarina_kit.tokens.file import Token
from ocarina_kit.tokens.outcome import Outcome, Report, TokenResult
from ocarina_kit.tokens.owner import TokenOwners
from ocarina_kit.tokens.refresh import check_within
from ocarina_kit.tokens.store import check_usable, effective_tokens, read_tokens

EPILOG = """Exit 0: each token is valid for DURATION or longer. 1: one needs a refresh. 4: one cannot be refreshed.

Before a long run:
  ocarina-kit status --within 6h || ocarina-kit refresh"""


def command(
    ctx: typer.Context,
    *,
    within: options.Within = None,
    verbose: options.Verbose = False,
) -> Result:
    """Show how long each token is valid. Offline; reads only."""
    seconds = 0.0 if within is None else parse_duration(within)
    context = start(ctx)
    now = context.machine.now()
    try:
        setup = context.setup()
        if setup.legacy_key is not None:
            context.ui.say(NO_TOKENS)
            return Result({"tokens": []})
        _, file = read_tokens(context.machine, setup.tokens_file)
        check_usable(setup, file)
        tokens = effective_tokens(context.machine, setup, file)
        check_within(tokens, seconds)
    except KitError as error:
        return Result({"tokens": []}, error.problem)
    lines = log.read_log(context.machine)
    known = TokenOwners(lines)
    refused = history.refused(
        log.lines_about(context.machine, setup.tokens_file, lines)
    )
    data, rows, outcomes = [], [], []
    for token in tokens:
        host = known.maker(token).host
        left = max(0.0, token.seconds_left(now))
        obstacle = _obstacle(setup, token, refused)
        problem = None
        if not token.is_usable or left == 0 or left < seconds:
            problem = obstacle or problems.expires_too_soon(setup)
        result = TokenResult.FAILED if problem else TokenResult.FRESH
        outcomes.append(Outcome(token.key, result, problem=problem))
        data.append(
            {
                "scope": token.key,
                "purposes": list(names_of(token.key)),
                "expires_at": token.known_expiry(now),
                "seconds_left": left,
                "refreshable": obstacle is None,
                "last_refresh": token.last_refresh(now),
                "host": host or None,
            }
        )
        for words in [each.words for each in purposes_of(token.key)] or [
            what_for(token.key)
        ]:
            rows.append(
                (
                    words,
                    _validity(token, now),
                    _source(token, now, host, is_stuck=obstacle is not None),
                )
            )
    context.ui.table(rows, indent=0)
    for token in tokens if verbose else ():
        context.ui.say(f"{what_for(token.key)}: {token.key}")
    # The first of 4 and 1 decides (CONTRACT.md, status).
    worst = next(iter(Report(tuple(outcomes)).problems(setup)), None)
    if worst is not None:
        context.ui.next_step(worst.remedy.commands[0])
    return Result({"tokens": data}, worst, shown=True)


def _obstacle(setup: Setup, token: Token, refused: set[str]) -> Problem | None:
    """Return the problem that no refresh can fix, if there is one.

    Args:
        setup: The set-up.
        token: The token.
        refused: The refresh tokens that Majora refused, by their digests.
    """
    if not token.is_usable:
        return problems.malformed_token(setup)
    if not token.can_refresh:
        return problems.no_refresh_token(setup, token.key)
    if token.digest in refused:
        why = "A refresh showed that."
        return problems.refresh_token_refused(setup, token.key, why)
    return None


def _validity(token: Token, now: float) -> str:
    if not token.is_usable:
        return "damaged"
    left = token.seconds_left(now)
    if left > 0:
        return f"valid for {span(left)}"
    return (
        "expired" if token.last_refresh(now) is None else f"expired {span(-left)} ago"
    )


def _source(token: Token, now: float, host: str, *, is_stuck: bool) -> str:
    """What can be done, if that matters, and when and where the last refresh was."""
    parts = []
    if is_stuck or token.seconds_left(now) <= 0:
        parts.append("cannot be refreshed" if is_stuck else "can be refreshed")
    last = token.last_refresh(now)
    if last is not None:
        parts.append(f"refreshed {clock(last, now)}" + (f" on {host}" if host else ""))
    return ", ".join(parts)
