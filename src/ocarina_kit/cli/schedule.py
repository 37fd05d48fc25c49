"""``ocarina-kit schedule``: keep tokens fresh by one crontab entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ocarina_kit.cli.result import Result
from ocarina_kit.core.errors import KitError, Remedy, UsageError

if TYPE_CHECKING:
    from ocarina_kit.cli.context import Run
    from ocarina_kit.core.setup import Setup


def command(
    context: typer.Context,
    *,
    every: Annotated[
        str | None, typer.Option("--every", metavar="INTERVAL", help="How often: 3h, 30m (else every 3 h).")
    ] = None,
    cron: Annotated[
        str | None,
        typer.Option(
            "--cron", metavar='"EXPR"', help="Or your own five fields: minute, hour, day, month, weekday."
        ),
    ] = None,
    ocarina: Annotated[
        str | None,
        typer.Option("--ocarina", metavar="PATH", help="The client for the entry (else it is looked for)."),
    ] = None,
    runner: Annotated[
        str | None,
        typer.Option(
            "--runner",
            metavar="[kit-first|client]",
            help="What refreshes: ocarina-kit and else the client (as usual), or the client alone.",
        ),
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Show the entry, and the next 24 hours.")] = False,
    test: Annotated[
        bool, typer.Option("--test", help="Run the line now, as cron would, and show what came of it.")
    ] = False,
    print_: Annotated[
        bool, typer.Option("--print", help="Print the line alone, and install nothing.")
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take the entry out.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the change, and make none.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Agree to the change.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> Result:
    """Keep tokens fresh: install or repair the crontab entry.

    One line, every 3 hours at a minute of your own. Every other byte of the crontab stays as it is. Run it again to
    repair the entry: a stale path, doubles, an interval that is too long.
    """
    from ocarina_kit.cli.context import start
    from ocarina_kit.core.cron.schedule_wish import read_wish

    _one_of({"--show": show, "--test": test, "--print": print_, "--remove": remove})
    wish = read_wish(every=every, cron=cron, runner=runner, ocarina=ocarina)
    line_options = {"--every": every, "--cron": cron, "--ocarina": ocarina, "--runner": runner}
    given = [name for name, value in line_options.items() if value is not None]
    if show or remove:
        _no_use("--show" if show else "--remove", given)
    if show or test or print_:
        mode = "--show" if show else "--test" if test else "--print"
        _no_use(mode, [name for name, value in {"--dry-run": dry_run, "--yes": yes}.items() if value])
    run = start(context, json=json)
    _no_env(run)
    if show:
        from ocarina_kit.cli.schedule_show import show_entry

        return show_entry(run)
    if remove:
        from ocarina_kit.cli.schedule_change import remove_entry

        return remove_entry(run, yes=yes, dry_run=dry_run)
    setup = _oauth_setup(run)
    if test:
        from ocarina_kit.cli.schedule_trial import try_entry

        return try_entry(run, setup, wish if given else None)
    if print_:
        from ocarina_kit.cli.schedule_change import print_line

        return print_line(run, setup, wish)
    from ocarina_kit.cli.schedule_change import install_entry

    return install_entry(run, setup, wish, yes=yes, dry_run=dry_run)


_HELP = Remedy("Give one of them; the help says what goes together.", ("ocarina-kit schedule --help",))


def _one_of(modes: dict[str, bool]) -> None:
    given = [name for name, on in modes.items() if on]
    if len(given) > 1:
        raise UsageError(
            f"{' and '.join(given)} were both given.", why="Each is a run of its own.", remedy=_HELP
        )


def _no_use(mode: str, options: list[str]) -> None:
    if options:
        raise UsageError(
            f"{', '.join(options)} can't go with {mode}.",
            why=f"{mode} changes no entry's line.",
            remedy=_HELP,
        )


def _no_env(run: Run) -> None:
    if run.place.from_env:
        raise UsageError(
            "A crontab entry cannot take its set-up from the environment (--env).",
            why="A cron job has none of this shell's variables, and secrets do not belong into a crontab.",
            remedy=Remedy(
                "Write the set-up to a configuration file.", ("ocarina-kit init", "ocarina-kit schedule")
            ),
        )


def _oauth_setup(run: Run) -> Setup:
    """The set-up. Raises KitError where it is not usable, or has an API key, for which nothing is to be refreshed."""
    setup = run.setup()
    if setup.legacy_key is not None:
        raise KitError(
            "There is nothing to schedule: this set-up uses an API key.",
            id="CFG008",
            why="MAJORA_TOKEN holds a legacy key. It expires after 3 days, and nothing can refresh it.",
            remedy=Remedy("Set up OAuth in its place.", (run.place.command("init"),)),
        )
    return setup
