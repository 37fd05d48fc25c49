"""``ocarina-kit sandbox``: a practice Majora on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from ocarina_kit.cli.result import Result


def command(
    port: Annotated[int, typer.Option(metavar="PORT", min=0, max=65535, help="0 takes a free one.")] = 0,
    tls: Annotated[bool, typer.Option("--tls", help="https, with a throwaway authority.")] = False,
    user: Annotated[str, typer.Option(metavar="NAME", help="The account that it starts with.")] = "sandbox",
    two_factor: Annotated[
        bool, typer.Option("--two-factor/--no-two-factor", help="Whether the account has a second factor.")
    ] = True,
    client: Annotated[
        bool, typer.Option("--client/--no-client", help="Install a stand-in for the client beside it.")
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document when it is ready.")] = False,
) -> Result:
    """Run a practice Majora on this machine, until Ctrl-C.

    Real where it counts: log in, register an application, authorize, get tokens. Nothing of it is kept.
    """
    from ocarina_kit.cli.render import Ui
    from ocarina_kit.sandbox.handle import require_extra

    require_extra()
    from ocarina_kit.sandbox.command import run_sandbox

    ui = Ui.for_process()
    exit = run_sandbox(
        say=ui.raw_now, port=port, tls=tls, user=user, two_factor=two_factor, client=client, as_json=json
    )
    return Result(exit, printed=json)
