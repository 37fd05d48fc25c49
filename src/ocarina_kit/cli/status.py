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

    from ocarina_kit.cli.context import Run
    from ocarina_kit.config.place import Setup
    from ocarina_kit.tokens.status import Status

EPILOG = """Exit 0: each token is valid for DURATION or longer. 1: one needs a refresh. 4: one cannot be refreshed.

Before a long run:
  ocarina-kit status --within 6h || ocarina-kit refresh"""

_MEMBERS = ("scope", "purposes", "expires_at", "seconds_left", "refreshable", "last_refresh", "host")
"""Of a token in the JSON document (CONTRACT.md, status)."""


def command(
    context: typer.Context,
    *,
    within: options.Within = None,
    verbose: options.Verbose = False,
    json: options.Json = False,
) -> Result:
    """Show how long each token is valid. Offline; reads only."""
    from ocarina_kit.cli.context import start
    from ocarina_kit.client.scopes import names_of
    from ocarina_kit.tokens import problems, status
    from ocarina_kit.tokens.store import look

    seconds = 0.0 if within is None else parse_duration(within)
    run = start(context, json=json)
    setup = run.setup()
    if setup.legacy_key is not None:
        from ocarina_kit.tokens.refresh import LEGACY_NOTE

        run.ui.say(LEGACY_NOTE)
        return Result({"tokens": []})
    try:
        file = problems.undamaged(setup, look(run.machine, setup.tokens_file)[1])
        if not file.entries:
            raise problems.needs_login(setup, (), None, *problems.EMPTY)
    except KitError as problem:
        return Result({"tokens": []}, problem)
    tokens = status.statuses(run.machine, setup.tokens_file, file, seconds)
    error = _error(setup, tokens, seconds)
    _show(run, tokens, error, verbose)
    rows = [{**each._asdict(), "purposes": list(names_of(each.scope))} for each in tokens]
    return Result({"tokens": [{name: row[name] for name in _MEMBERS} for row in rows]}, error, shown=True)


def _show(run: Run, tokens: Sequence[Status], error: KitError | None, verbose: bool) -> None:
    """A row for each purpose, then the next step."""
    from ocarina_kit.client.scopes import purposes_of, what_for

    now = run.machine.now()
    rows = []
    for token in tokens:
        for words in [each.words for each in purposes_of(token.scope)] or [what_for(token.scope)]:
            rows.append((words, _validity(token, now), _source(token, now)))
    run.ui.table(rows, indent=0)
    for token in tokens if verbose else ():
        run.ui.say(f"{what_for(token.scope)}: {token.scope}")
    if error is not None:
        run.ui.next_step(error.remedy.commands[0])


def _validity(token: Status, now: float) -> str:
    if token.state == "unreadable":
        return "damaged"
    if token.seconds_left > 0:
        return f"valid for {span(token.seconds_left)}"
    # A journal may say that it was spent, whatever its own time says; 1 is what TOK008 writes for an unknown time.
    if token.expires_at is None or not 1 < token.expires_at <= now:
        return "expired"
    return f"expired {span(now - token.expires_at)} ago"


def _source(token: Status, now: float) -> str:
    last = "" if token.last_refresh is None else f"refreshed {clock(token.last_refresh, now)}"
    if last and token.host:
        last += f" on {token.host}"
    if token.state == "ok":
        return last if token.refreshable else ", ".join(filter(None, (last, "cannot be refreshed")))
    able = {"needs-refresh": "can be refreshed", "needs-login": "cannot be refreshed"}
    return ", ".join(filter(None, (able.get(token.state, "ocarina cannot read it"), last)))


def _error(setup: Setup, tokens: Sequence[Status], within: float) -> KitError | None:
    """What is to be done, None if each token is valid long enough: 4 comes before 1 (CONTRACT.md, status)."""
    from ocarina_kit.tokens.problems import login_command

    scopes: dict[str, list[str]] = {}
    for token in tokens:
        scopes.setdefault(token.state, []).append(token.scope)
    when = f"expire within {span(within)}" if within else "have expired"
    if lost := scopes.get("needs-login"):
        what = f"{count(len(lost), 'token')} of {len(tokens)} {when} and cannot be refreshed."
        remedy = Remedy("Log in again.", (login_command(setup, lost),))
        return KitError(what, id="TOK005", why="There is no refresh token.", remedy=remedy, exit=Exit.LOGIN)
    if odd := scopes.get("unreadable"):
        what = f"ocarina cannot read {count(len(odd), 'token')} of {len(tokens)}."
        remedy = Remedy("Set it aside, and keep the rest.", (setup.place.command("doctor", "--fix"),))
        return KitError(what, id="TOK002", why="It is not of the form that ocarina writes.", remedy=remedy)
    if due := scopes.get("needs-refresh"):
        what = f"{count(len(due), 'token')} of {len(tokens)} {when}."
        remedy = Remedy("Refresh now.", (setup.place.command("refresh"),))
        return KitError(what, id="TOK004", why="A refresh needs no browser.", remedy=remedy)
    return None
