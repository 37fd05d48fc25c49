"""``ocarina-kit sandbox``: a practice Majora on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from ocarina_kit.cli.ui import Result

EPILOG = (
    "Examples:\n  ocarina-kit sandbox\n  ocarina-kit sandbox --port 8000 --user hoot"
)


def command(
    ctx: typer.Context,
    *,
    port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="0: a free one.")
    ] = 0,
    tls: Annotated[
        bool, typer.Option("--tls", help="https, with a throwaway authority.")
    ] = False,
    user: Annotated[
        str, typer.Option(metavar="NAME", help="The account that it starts with.")
    ] = "sandbox",
    two_factor: Annotated[
        bool,
        typer.Option(
            "--two-factor/--no-two-factor", help="Whether the account has two-factor."
        ),
    ] = True,
    client: Annotated[
        bool,
        typer.Option(
            "--client/--no-client", help="Install a stand-in for the client beside it."
        ),
    ] = True,
) -> Result:
    """Run a practice Majora on this machine, until Ctrl-C.

    It has the real pages and rules: log in, register an application, authorize, get tokens. Nothing is kept.
    """
    from ocarina_kit.sandbox.command import run_sandbox

    json = ctx.obj.json
    say = (lambda line: print(line, flush=True)) if json else ctx.obj.raw
    run_sandbox(
        say=say,
        port=port,
        tls=tls,
        user=user,
        two_factor=two_factor,
        client=client,
        as_json=json,
    )
    return Result(printed=json)
