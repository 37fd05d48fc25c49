"""``ocarina-kit doctor``: finds what is broken, and mends what needs no person."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ocarina_kit.cli.context import Run, start
from ocarina_kit.cli.result import Result
from ocarina_kit.core.errors import Exit, Remedy, UsageError

SECONDS = 10.0


def command(
    context: typer.Context,
    *,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what needs no person, after asking.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Agree to what --fix would change.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what --fix would change, and change nothing.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no server.")] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="ID|FAMILY", help="These checks alone; can be given several times."),
    ] = None,
    skip: Annotated[
        list[str] | None,
        typer.Option(metavar="ID|FAMILY", help="Leave these out; can be given several times."),
    ] = None,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show what is fine, too.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    report: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|-", help="Write a report to paste into a help channel: no secret, no name."
        ),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List all checks, and run none.")] = False,
    explain: Annotated[str | None, typer.Option(metavar="ID", help="Say more about a check.")] = None,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, max=3600, help="For all checks together.")
    ] = SECONDS,
) -> Result:
    """Find what is broken, name its cause, and say what mends it."""
    if json and report == "-":
        raise UsageError(
            "--json and --report - were both given.",
            why="Both want standard output.",
            remedy=Remedy("Give the report a file.", ("ocarina-kit doctor --json --report FILE",)),
        )
    run = start(context, json=json)
    if list_ or explain is not None:
        from ocarina_kit.cli.doctor_help import explain_one, list_all

        return list_all(run.ui) if explain is None else explain_one(run.ui, explain)
    if report == "-":
        run = Run(run.system, run.ui.to_stderr(), run.place)
    return _doctor(
        run,
        fix=fix,
        yes=yes,
        dry_run=dry_run,
        offline=offline,
        only=only or [],
        skip=skip or [],
        verbose=verbose,
        report=report,
        seconds=timeout,
    )


def _doctor(
    run: Run,
    *,
    fix: bool,
    yes: bool,
    dry_run: bool,
    offline: bool,
    only: list[str],
    skip: list[str],
    verbose: bool,
    report: str | None,
    seconds: float,
) -> Result:
    from ocarina_kit.checks.registry import REGISTRY
    from ocarina_kit.checks.runner import choose, exit_code
    from ocarina_kit.checks.view import error_of, members, summary
    from ocarina_kit.cli.doctor_view import show_applied, show_findings, show_plan
    from ocarina_kit.flows.doctor import Examined, Mended, examine, mend

    choice = choose(REGISTRY, only, skip, offline=offline)
    data: dict[str, Any] = {}
    mended: Mended | None = None
    if fix or dry_run:

        def agree(plan: Any, look: Examined) -> bool:
            tense = "is" if yes else "would be"
            show_plan(run.ui, plan, f"To mend what needs no person, this {tense} changed:")
            if yes:
                return True
            if not run.ui.interactive:
                raise UsageError(
                    "Nobody can be asked whether to change this. Missing: --yes.",
                    why="There is no terminal on standard input. Nothing was changed.",
                    remedy=Remedy(
                        "Agree beforehand, or look at the changes alone.",
                        (
                            run.place.command("doctor", "--fix", "--yes"),
                            run.place.command("doctor", "--fix", "--dry-run"),
                        ),
                    ),
                )
            return run.ui.confirm("Shall I do this?")

        mended = mend(run.system, run.place, choice, seconds=seconds, agree=agree, dry_run=dry_run)
        look = mended.last
        if dry_run:
            data["plan"] = (
                show_plan(run.ui, mended.planned, "--fix would change this first:") if mended.planned else ""
            )
            if not mended.planned:
                run.ui.say("There is nothing that --fix would change.")
        show_applied(run.ui, mended.applied, declined=mended.declined)
    else:
        look = examine(run.system, run.place, choice, seconds=seconds)
    findings = look.findings
    show_findings(run.ui, findings, verbose=verbose)
    if report is not None:
        _write_report(run, look, report)
    exit = exit_code(findings)
    data |= {"summary": summary(findings), "checks": [members(finding) for finding in findings]}
    error = error_of(findings, exit)
    return Result(data=data) if exit is Exit.OK or error is None else Result.failed(error, data, shown=True)


def _write_report(run: Run, look: Any, where: str) -> None:
    import platform
    import sys
    from pathlib import Path

    from ocarina_kit import __version__
    from ocarina_kit.checks.report import About, report

    config = look.facts.config
    client = look.facts.client.resolution.judged if look.facts.client is not None else None
    home = run.system.home
    about = About(
        kit=__version__,
        python=platform.python_version(),
        system=platform.system(),
        client=f"ocarina {client.version}"
        if client is not None and client.works and client.version
        else "none that works"
        if look.facts.client is not None
        else "not looked for",
        domain=config.text("MAJORA_DOMAIN"),
        client_id=config.text("CLIENT_ID"),
        host=run.system.host,
        names=(
            run.system.user,
            run.system.host,
            str(home),
            config.text("MAJORA_USER"),
            *map(str, home.parts),
        ),
    )
    text = report(about, look.findings, str(run.place.config))
    if where == "-":
        sys.stdout.write(text)
        return
    from ocarina_kit.edges.disk.files import write_private

    path = Path.cwd() / run.system.expand(where)
    write_private(path, text.encode())
    run.ui.say(f"The report is in {path}: no secret, no path of yours, no user or host name is in it.")
