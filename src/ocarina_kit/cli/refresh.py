"""``ocarina-kit refresh``: refresh the tokens now, expired ones too."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from ocarina_kit.cli import options
from ocarina_kit.cli.context import Context, start
from ocarina_kit.cli.ui import Result, Ui
from ocarina_kit.client.scopes import (
    given_scope,
    names_of,
    purposes_named,
    purposes_of,
    what_for,
)
from ocarina_kit.config.location import NO_TOKENS, Setup
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.problem import Exit, KitError, Problem
from ocarina_kit.system.words import parse_duration, span
from ocarina_kit.tokens.history import BY_CRON
from ocarina_kit.tokens.log import Event, Line, append, read_log, stamp
from ocarina_kit.tokens.outcome import Outcome, Report, TokenResult
from ocarina_kit.tokens.problems import clock_note
from ocarina_kit.tokens.refresh import BUDGET_S, refresh
from ocarina_kit.tokens.store import read_tokens

Data = dict[str, Any]

EPILOG = """Examples:
  ocarina-kit refresh --within 6h      only tokens that are valid for less than that
  ocarina-kit refresh --for lookup"""

_MAILED_AGAIN_S = 86_400.0
"""With `--cron` the same problem is printed once in that time."""
_LONGEST_MARK = 4_000  # characters
_WORDS = {
    TokenResult.REFRESHED: ("refreshed", ""),
    TokenResult.ADOPTED: ("refreshed", "; another process refreshed it"),
    TokenResult.FRESH: ("valid", "; not refreshed"),
    TokenResult.DUE: ("due", "; would be refreshed"),
}
"""What is said of each result without a problem."""


def command(
    ctx: typer.Context,
    *,
    purposes: options.Purposes = None,
    scope: options.Scopes = None,
    within: options.Within = None,
    cron: Annotated[
        bool,
        typer.Option(
            "--cron",
            help="For the crontab: say nothing, unless a person is needed; end with 0.",
        ),
    ] = False,
    dry_run: options.DryRun = False,
) -> Result:
    """Refresh the tokens now, expired ones too.

    Needs no browser. The crontab line runs this every few hours.
    """
    seconds = None if within is None else parse_duration(within)
    context = start(ctx, quiet=cron)
    # Whoever reads the mail has not the variables of the crontab line: its commands name the configuration.
    if cron and context.location.source == "environment":
        context = context._replace(location=context.location._replace(source="option"))
    finish = _end_for_cron if cron else end
    try:
        setup = context.setup()
        if setup.legacy_key is not None:
            context.ui.say(NO_TOKENS)
            return Result({"tokens": []})
        scopes = stored_scopes(context, setup, purposes or [], scope or [])
        with context.ui.waiting("Waiting for Majora", BUDGET_S) as say:
            report = refresh(
                context.machine,
                setup,
                scopes=scopes,
                within=seconds,
                by=BY_CRON if cron else "refresh",
                dry_run=dry_run,
                waiting=say,
            )
    except KitError as error:
        return finish(context, {"tokens": []}, [error.problem])
    tokens = [
        {
            "scope": each.scope,
            "purposes": list(names_of(each.scope)),
            "result": each.result,
            "expires_at": each.expires_at,
        }
        for each in report.outcomes
    ]
    _show(context.ui, report, context.machine.now())
    return finish(context, {"tokens": tokens}, report.problems(setup), report.outcomes)


def stored_scopes(
    context: Context, setup: Setup, names: Sequence[str], strings: Sequence[str]
) -> list[str] | None:
    """The keys of the tokens file that ``--for`` and ``--scope`` mean; None if neither was given."""
    if not names and not strings:
        return None
    keys = read_tokens(context.machine, setup.tokens_file)[1].entries
    found = [given_scope(string) for string in strings]
    for purpose in purposes_named(names):
        found += [key for key in keys if purpose in purposes_of(key)] or [purpose.scope]
    return list(dict.fromkeys(found))


def _show(ui: Ui, report: Report, now: float) -> None:
    """A line for each token without a problem; what failed is said as an error."""
    for each in report.outcomes:
        left = (each.expires_at or 0.0) - now
        if each.problem is None:
            word, more = _WORDS[each.result]
            valid = f"valid for {span(left + 30)}" if left > 0 else "expired"
            ui.status(word, f"{what_for(each.scope)}: {valid}{more}")
    if clock := clock_note(report.skew):
        ui.warn(f"[ENV007]{clock}")


def end(
    context: Context,
    data: Data,
    problems: Sequence[Problem],
    outcomes: Sequence[Outcome] = (),
) -> Result:
    """Show the problems. The first one is the worst, and decides the exit code."""
    for problem in problems:
        context.ui.error(problem)
    return Result(data, problems[0] if problems else None, shown=True)


def _end_for_cron(
    context: Context,
    data: Data,
    problems: Sequence[Problem],
    outcomes: Sequence[Outcome] = (),
) -> Result:
    """Print one line on standard error, which cron mails.

    It is about the worst problem that needs a person, and that was not mailed in the last
    24 hours, as refresh.log says. Wrong usage and an interrupt stay errors.
    """
    for problem in problems:
        if problem.exit not in (Exit.PROBLEM, Exit.LOGIN, Exit.UNKNOWN):
            return end(context, data, problems)
    mailed = _mailed_lately(context.machine)
    for problem in problems:
        marks = _mail_marks(context, problem, outcomes)
        if problem.exit == Exit.UNKNOWN or mailed.issuperset(marks):
            continue
        _note_mail(context.machine, marks)
        context.ui.error_line(problem)
        break
    return Result(data)


def _mailed_lately(machine: Machine) -> set[str]:
    now = machine.now()
    marks = set()
    for line in read_log(machine):
        if line.result == Event.MAILED and 0 <= now - line.time < _MAILED_AGAIN_S:
            marks.add(line.scope)
    return marks


def _mail_marks(
    context: Context, problem: Problem, outcomes: Sequence[Outcome]
) -> list[str]:
    """Name a problem as refresh.log does: this set-up, and each of these tokens."""
    about = context.location.command(problem.id)
    marks = []
    for outcome in outcomes:
        if outcome.problem is not None and outcome.problem.id == problem.id:
            marks.append(f"{about} {outcome.scope}"[:_LONGEST_MARK])
    return marks or [f"{about} "]


def _note_mail(machine: Machine, marks: Sequence[str]) -> None:
    now = stamp(machine.now())
    lines = [
        Line(now, machine.host, "refresh", Event.MAILED, scope=mark) for mark in marks
    ]
    # If that fails it is mailed again: better twice than never.
    with contextlib.suppress(KitError):
        append(machine, lines)
