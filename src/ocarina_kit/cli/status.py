"""``ocarina-kit status``: how long each token is valid. Offline; reads only; a check before a long run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import typer

from ocarina_kit.cli import options
from ocarina_kit.cli.context import Context, start
from ocarina_kit.cli.ui import Result
from ocarina_kit.client.scopes import names_of, purposes_of, what_for
from ocarina_kit.config.location import NO_TOKENS, Setup
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.problem import KitError, Problem
from ocarina_kit.system.words import clock, parse_duration, span
from ocarina_kit.tokens import history, log, problems
from ocarina_kit.tokens.file import Token
from ocarina_kit.tokens.journal import NewToken
from ocarina_kit.tokens.outcome import Outcome, Report, TokenResult
from ocarina_kit.tokens.owner import TokenOwners
from ocarina_kit.tokens.refresh import check_within
from ocarina_kit.tokens.store import (
    check_usable,
    effective_tokens,
    read_tokens,
    waiting_tokens,
)

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
    try:
        setup = context.setup()
        if setup.legacy_key is not None:
            context.ui.say(NO_TOKENS)
            return Result({"tokens": []})
        tokens, waiting = _read(context.machine, setup, seconds)
    except KitError as error:
        return Result({"tokens": []}, error.problem)
    states = _judge_all(context.machine, setup, tokens, seconds)
    _show(context, states, verbose=verbose)
    # The first problem is the worst, and decides the exit code.
    problems_found = Report(tuple(state.outcome for state in states)).problems(setup)
    worst = problems_found[0] if problems_found else None
    if worst is not None:
        context.ui.next_step(worst.remedy.commands[0])
    elif waiting:
        context.ui.next_step(context.location.command("refresh"))
    return Result({"tokens": [state.data for state in states]}, worst, shown=True)


class _State(NamedTuple):
    """One token as it is shown."""

    token: Token
    data: dict[str, Any]  # its part of the JSON document
    validity: str
    source: str
    outcome: Outcome


def _read(
    machine: Machine, setup: Setup, seconds: float
) -> tuple[Sequence[Token], Sequence[NewToken]]:
    """Read the tokens, and those that wait in the journal.

    Raises:
        KitError: TOK001 to TOK003, TOK009; USE001 if no token can be valid for so long.
    """
    _, file = read_tokens(machine, setup.tokens_file)
    waiting = waiting_tokens(machine, setup, file)
    if waiting and not file.entries:
        keys = [token.key for token in waiting]
        raise KitError(problems.new_token_waits(setup, keys))
    check_usable(setup, file)
    tokens = effective_tokens(machine, setup, file)
    check_within(tokens, seconds)
    return tokens, waiting


def _judge_all(
    machine: Machine, setup: Setup, tokens: Sequence[Token], seconds: float
) -> list[_State]:
    """Say of each token how it is, and whether it is valid for some seconds."""
    now = machine.now()
    lines = log.read_log(machine)
    owners = TokenOwners(lines)
    refused = history.refused(log.lines_about(machine, setup.tokens_file, lines))
    states = []
    for token in tokens:
        host = owners.maker(token).host
        left = max(0.0, token.seconds_left(now))
        obstacle = _obstacle(setup, token, refused)
        is_stuck = obstacle is not None
        problem = None
        if not token.is_usable or left == 0 or left < seconds:
            problem = obstacle or problems.expires_too_soon(setup)
        result = TokenResult.FAILED if problem else TokenResult.FRESH
        data = {
            "scope": token.key,
            "purposes": list(names_of(token.key)),
            "expires_at": token.known_expiry(now),
            "seconds_left": left,
            "refreshable": not is_stuck,
            "last_refresh": token.last_refresh(now),
            "host": host or None,
        }
        state = _State(
            token=token,
            data=data,
            validity=_validity(token, now),
            source=_source(token, now, host, is_stuck=is_stuck),
            outcome=Outcome(token.key, result, problem=problem),
        )
        states.append(state)
    return states


def _show(context: Context, states: Sequence[_State], *, verbose: bool) -> None:
    """Show a row for each purpose; the scope strings below with --verbose."""
    rows = []
    for state in states:
        served = [purpose.words for purpose in purposes_of(state.token.key)]
        for name in served or [what_for(state.token.key)]:
            rows.append((name, state.validity, state.source))
    context.ui.table(rows, indent=0)
    if verbose:
        for state in states:
            key = state.token.key
            context.ui.say(f"{what_for(key)}: {key}")


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
