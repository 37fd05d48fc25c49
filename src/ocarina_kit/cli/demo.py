"""``ocarina-kit demo``: all of it on this machine, with no account."""

from __future__ import annotations

import os

import typer

from ocarina_kit.cli.ui import Result


def command(ctx: typer.Context) -> Result:
    """Watch everything on this machine: set up, log in, schedule, break it, and let doctor find and fix it.

    Needs no account and no network, takes some seconds, and leaves nothing behind.
    """
    from ocarina_kit.sandbox.demo import run_demo

    problem = run_demo(ctx.obj, os.environ)
    if problem is None:
        ctx.obj.say(
            "\nEvery step worked, and nothing of it is left. For your own Majora:"
        )
        ctx.obj.command("ocarina-kit init")
    return Result({}, problem)
