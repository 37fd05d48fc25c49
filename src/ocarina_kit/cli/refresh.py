"""``ocarina-kit refresh``: refresh the tokens now, expired ones too."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ocarina_kit.cli import options
from ocarina_kit.cli.ui import Result
from ocarina_kit.system.errors import Exit, KitError
from ocarina_kit.system.words import parse_duration, span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocarina_kit.cli.context import Run
    from ocarina_kit.cli.ui import Ui
    from ocarina_kit.config.place import Setup
    from ocarina_kit.tokens.outcome import Report

EPILOG = """Examples:
  ocarina-kit refresh --within 6h      only tokens that are valid for less than that
  ocarina-kit refresh --for lookup"""

_TOLD_AGAIN_S = 86_400.0
"""With ``--cron`` the same problem is said once in that time (CONTRACT.md, refresh)."""


def command(
    context: typer.Context,
    *,
    purposes: options.Purposes = None,
    scope: options.Scopes = None,
    within: options.Within = None,
    cron: Annotated[
        bool,
        typer.Option("--cron", help="For the crontab: say nothing, unless a person is needed; end with 0."),
    ] = False,
    dry_run: options.DryRun = False,
    json: options.Json = False,
) -> Result:
    """Refresh the tokens now, expired ones too.

    Needs no browser. The crontab line runs this every few hours.
    """
    from ocarina_kit.cli.context import start
    from ocarina_kit.client.scopes import names_of
    from ocarina_kit.tokens.refresh import BUDGET_S, refresh

    seconds = None if within is None else parse_duration(within)
    run = start(context, json=json, quiet=cron)
    data: dict[str, Any] = {"tokens": []}
    try:
        setup = run.setup()
        scopes = stored_scopes(run, setup, purposes or [], scope or [])
        with run.ui.waiting("Waiting for Majora", BUDGET_S) as say:
            report = refresh(run.machine, setup, scopes=scopes, within=seconds, dry_run=dry_run, waiting=say)
    except KitError as problem:
        if cron and problem.exit in (Exit.PROBLEM, Exit.LOGIN, Exit.UNKNOWN):
            _tell_once(run, [(problem, ())])
            return Result(data)
        return Result(data, problem)
    data["tokens"] = [
        {
            "scope": each.scope,
            "purposes": list(names_of(each.scope)),
            "result": each.result,
            "expires_at": each.expires_at,
        }
        for each in report.outcomes
    ]
    _show(run.ui, report, run.machine.now())
    errors = report.errors(setup)
    if cron and not report.interrupted:
        failed = tuple(each.scope for each in report.outcomes if each.problem is not None)
        _tell_once(run, [(error, failed) for error in errors])
        return Result(data)
    for error in errors:
        run.ui.error(error)
    return Result(data, next(iter(errors), None), shown=True)


def stored_scopes(run: Run, setup: Setup, names: Sequence[str], strings: Sequence[str]) -> list[str] | None:
    """The keys of the tokens file that ``--for`` and ``--scope`` mean; None if neither was given."""
    if not names and not strings:
        return None
    from ocarina_kit.client.scopes import purposes_of, request_for, requests_for
    from ocarina_kit.tokens.store import look

    keys = look(run.machine, setup.tokens_file)[1].entries
    found = [request_for(string).scope for string in strings]
    for purpose in (each for request in requests_for(names) for each in request.purposes):
        found += [key for key in keys if purpose in purposes_of(key)] or [purpose.scope]
    return list(dict.fromkeys(found))


def _show(ui: Ui, report: Report, now: float) -> None:
    """A line for each token without a problem; what failed is said as an error."""
    from ocarina_kit.client.scopes import what_for
    from ocarina_kit.tokens.told import clock_note

    for each in report.outcomes:
        left = (each.expires_at or 0.0) - now
        valid = f"valid for {span(left + 30)}" if left > 0 else "expired"
        rows = {
            "refreshed": ("refreshed", valid),
            "adopted": ("refreshed", f"{valid}; another process refreshed it"),
            "fresh": ("valid", f"{valid}; not refreshed"),
            "due": ("due", f"{valid}; would be refreshed"),
        }
        if each.problem is None:
            word, words = rows[each.result]
            ui.status(word, f"{what_for(each.scope)}: {words}")
    for note in report.notes:
        ui.warn(note)
    if clock := clock_note(report.skew):
        ui.warn(f"[ENV007]{clock}")


# --- for the crontab


def _tell_once(run: Run, errors: Sequence[tuple[KitError, Sequence[str]]]) -> None:
    """One line on standard error, which cron mails: the worst problem that needs a person and was not told today."""
    for error, scopes in errors:
        if error.exit in (Exit.PROBLEM, Exit.LOGIN) and not _told_before(run, error, scopes):
            run.ui.error_line(error)
            return


def _told_before(run: Run, error: KitError, scopes: Sequence[str]) -> bool:
    """Whether refresh.log says that this problem of this set-up was told in the last 24 h; it notes that it is told
    now if it was not. If that cannot be noted, it is told again: better twice than never."""
    from ocarina_kit.tokens.log import Line, append, read_log, stamp

    machine, now = run.machine, run.machine.now()
    key = " ".join([run.place.command(), error.id, *sorted(scopes)])[:4_000]
    told = [now - each.time for each in read_log(machine) if each.result == "told" and each.scope == key]
    if any(0 <= ago < _TOLD_AGAIN_S for ago in told):
        return True
    with contextlib.suppress(KitError):
        append(machine, [Line(stamp(now), machine.host, "refresh", "told", scope=key)])
    return False
