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
from ocarina_kit.system.problem import Exit, KitError
from ocarina_kit.system.words import parse_duration, span
from ocarina_kit.tokens.history import BY_CRON
from ocarina_kit.tokens.log import Line, append, read_log, stamp
from ocarina_kit.tokens.outcome import Outcome, Report
from ocarina_kit.tokens.refresh import BUDGET_S, refresh
from ocarina_kit.tokens.store import look
from ocarina_kit.tokens.told import clock_note

Data = dict[str, Any]

EPILOG = """Examples:
  ocarina-kit refresh --within 6h      only tokens that are valid for less than that
  ocarina-kit refresh --for lookup"""

_TOLD_AGAIN_S = 86_400.0
"""With ``--cron`` the same problem is said once in that time (CONTRACT.md, refresh)."""
_WORDS = {
    "refreshed": ("refreshed", ""),
    "adopted": ("refreshed", "; another process refreshed it"),
    "fresh": ("valid", "; not refreshed"),
    "due": ("due", "; would be refreshed"),
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
    except KitError as problem:
        return finish(context, {"tokens": []}, [problem])
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
    return finish(context, {"tokens": tokens}, report.errors(setup), report.outcomes)


def stored_scopes(
    context: Context, setup: Setup, names: Sequence[str], strings: Sequence[str]
) -> list[str] | None:
    """The keys of the tokens file that ``--for`` and ``--scope`` mean; None if neither was given."""
    if not names and not strings:
        return None
    keys = look(context.machine, setup.tokens_file)[1].entries
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
    errors: Sequence[KitError],
    outcomes: Sequence[Outcome] = (),
) -> Result:
    """Show the errors, the worst first: it decides the exit code."""
    for error in errors:
        context.ui.error(error)
    return Result(data, next(iter(errors), None), shown=True)


def _end_for_cron(
    context: Context,
    data: Data,
    errors: Sequence[KitError],
    outcomes: Sequence[Outcome] = (),
) -> Result:
    """One line on standard error, which cron mails: the worst problem that needs a person and was not told in the last
    24 h, of this set-up and these tokens, as refresh.log says. Wrong usage and an interrupt stay errors."""
    if any(
        error.exit not in (Exit.PROBLEM, Exit.LOGIN, Exit.UNKNOWN) for error in errors
    ):
        return end(context, data, errors)
    machine = context.machine
    now = machine.now()
    lately = [
        each for each in read_log(machine) if 0 <= now - each.time < _TOLD_AGAIN_S
    ]
    told = {each.scope for each in lately if each.result == "told"}
    for error in errors:
        about = context.location.command(error.id)
        scopes = [
            each.scope
            for each in outcomes
            if each.problem and each.problem.id == error.id
        ]
        keys = [f"{about} {scope}"[:4_000] for scope in scopes or [""]]
        if error.exit == Exit.UNKNOWN or told.issuperset(keys):
            continue
        with contextlib.suppress(
            KitError
        ):  # then it is told again: better twice than never
            append(
                machine,
                [
                    Line(stamp(now), machine.host, "refresh", "told", scope=key)
                    for key in keys
                ],
            )
        context.ui.error_line(error)
        break
    return Result(data)
