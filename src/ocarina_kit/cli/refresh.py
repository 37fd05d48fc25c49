"""``ocarina-kit refresh``: refresh the tokens now, expired ones too."""

from __future__ import annotations

from typing import Annotated

import typer

from ocarina_kit.cli.result import Result


def command(
    context: typer.Context,
    *,
    within: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION", help="Only those that live less than that: 90s, 30m, 2h, 1d, 1h30m."
        ),
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", metavar="STRING", help="Only the token of this scope; can be given again."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say which would be refreshed; send and write nothing.")
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet", "-q", help="Say nothing where it went well or the server was out of reach: for cron."
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> Result:
    """Refresh the tokens now, expired ones too.

    Needs no browser: a refresh token outlives its access token. A crontab entry runs this every few hours.
    """
    from ocarina_kit.cli.context import start
    from ocarina_kit.cli.refresh_view import report_data, show_errors, show_report
    from ocarina_kit.core.client.scopes import request_for
    from ocarina_kit.core.durations import parse_duration
    from ocarina_kit.core.errors import Exit, KitError
    from ocarina_kit.flows.refresh import RefreshInterruptedError, refresh_tokens

    seconds = None if within is None else parse_duration(within)
    scopes = None if not scope else [request_for(each).scope for each in scope]
    run = start(context, json=json, quiet=quiet)
    ui, now = run.ui, run.system.clock.now
    try:
        report = refresh_tokens(
            run.system,
            run.setup(),
            scopes=scopes,
            within=seconds,
            dry_run=dry_run,
            told=lambda: ui.say("Finishing what is under way, so that no token is lost (20 s at most)."),
        )
    except RefreshInterruptedError as stopped:
        show_report(ui, stopped.report, now=now())
        return Result.failed(stopped, report_data(stopped.report))
    except KitError as error:
        if error.exit not in (Exit.PROBLEM, Exit.LOGIN, Exit.UNKNOWN):
            raise
        if quiet and error.exit is not Exit.UNKNOWN:
            ui.error_line(error)
        return Result.failed(error, {"tokens": []}, shown=quiet)
    failure = report.error(run.place)
    show_report(ui, report, now=now())
    if failure is None:
        return Result(data=report_data(report))
    if not quiet:
        show_errors(ui, report, run.place)
    elif failure.exit is not Exit.UNKNOWN:
        ui.error_line(failure)
    return Result.failed(failure, report_data(report), shown=True)
