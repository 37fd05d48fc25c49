"""``ocarina-kit demo``: all of it on this machine, with no account."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from ocarina_kit.cli.result import Result


def command(
    context: typer.Context,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document: how each step went.")
    ] = False,
) -> Result:
    """See all of it on this machine: set up, log in, schedule, break it, and let doctor find and mend it.

    Needs no account and no network, takes some seconds, and leaves nothing behind.
    """
    from ocarina_kit.cli.render import Ui
    from ocarina_kit.sandbox.handle import require_extra

    require_extra()
    from ocarina_kit.edges.person.signals import as_interrupts
    from ocarina_kit.sandbox.demo import run_demo

    ui = Ui.for_process(json=json)
    with as_interrupts():
        demo = run_demo(ui, os.environ)
    data = {"steps": [played.members() for played in demo.played], "seconds": round(demo.seconds, 1)}
    if demo.error is not None:
        return Result.failed(demo.error, data)
    ui.heading("That is all of it")
    ui.say(f"Every step did what it claims, in {demo.seconds:.0f} seconds, and nothing is left of it.")
    ui.say("For your own Majora:")
    ui.command("ocarina-kit init")
    return Result(data=data)
