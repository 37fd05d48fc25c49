"""``ocarina-kit install-client``: step 1 of the guide, the client in an environment of its own."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from ocarina_kit.cli import options
from ocarina_kit.cli.context import Context, start
from ocarina_kit.cli.options import Text, option
from ocarina_kit.cli.ui import Result
from ocarina_kit.client.find import Candidate
from ocarina_kit.client.install import (
    DEFAULT_SOURCE,
    PINNED_VERSION,
    TIMEOUT,
    Plan,
    install,
    plan_install,
)
from ocarina_kit.system.words import span

EPILOG = """Examples:
  ocarina-kit install-client --dry-run         # shows what it would fetch from where
  ocarina-kit install-client --name ocarina-1  # an environment of that name"""


def command(
    ctx: typer.Context,
    *,
    name: Annotated[
        Text, option("--name", "NAME", "The environment's name (default: ocarina).")
    ] = None,
    prefix: Annotated[
        Text, option("--prefix", "DIR", "The environment's folder, not its name.")
    ] = None,
    source: Annotated[
        Text,
        option(
            "--source",
            "SPEC",
            "What pip installs: https, git+https, git+ssh or a local path.",
        ),
    ] = None,
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
) -> Result:
    """Install ocarina, the client itself, into an environment of its own.

    With conda, mamba or micromamba if there is one, otherwise in a virtual environment. Checks that it runs and that
    the server accepts its version. If anything fails, nothing is left behind.
    """
    context = start(ctx)
    ui = context.ui
    plan = plan_client(context, name=name, prefix=prefix, source=source)
    if plan.already is None:
        ui.say("Changes:")
        ui.table(rows_of(plan))
        for _, argv in plan.steps if dry_run else ():
            ui.command(shlex.join(argv), indent=4)
        if dry_run or not context.agreed("Apply these changes?", yes=yes):
            ui.say("Nothing was changed.")
            return Result()
    install_client(context, plan)
    ui.say("To use it in a shell:")
    ui.command(plan.activate)
    ui.next_step("ocarina-kit init")
    return Result()


def plan_client(context: Context, **wanted: str | None) -> Plan:
    """What `client.install.plan_install` makes of it, which asks conda first. Raises KitError as that does."""
    with context.ui.waiting("Asking conda for its environments", 60.0):
        return plan_install(context.machine, **wanted)


def rows_of(plan: Plan) -> list[tuple[str, str]]:
    """The rows of "Changes:" for an installation: where it goes, and what is fetched from where."""
    what = f"ocarina {PINNED_VERSION}" if plan.source == DEFAULT_SOURCE else "ocarina"
    rows = [("install", f"{what} in {plan.prefix}")]
    rows += [("", f"links {plan.link} to it")] if plan.link is not None else []
    needs = "the packages that it needs from PyPI, unless pip has another index"
    return [
        *rows,
        ("", f"fetches the client from {plan.source}"),
        ("", f"fetches {needs}"),
    ]


def install_client(context: Context, plan: Plan) -> Candidate:
    """Carry it out and say so. Raises KitError as `client.install.install` does; nothing is left then."""
    with context.ui.waiting("Installing the client", TIMEOUT) as say:
        limit = f" ({span(TIMEOUT)} at most)"
        client = install(
            context.machine, plan, lambda words: say(words.removesuffix(" …") + limit)
        )
    if plan.already is None:
        context.ui.status("installed", f"{client.described} in {plan.client}")
    else:
        context.ui.say(f"{client.described} is installed already: {plan.client}")
    return client
