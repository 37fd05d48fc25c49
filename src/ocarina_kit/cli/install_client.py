"""``ocarina-kit install-client``: step 1 of the guide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ocarina_kit.cli.result import Result

if TYPE_CHECKING:
    from ocarina_kit.cli.render import Ui
    from ocarina_kit.core.client.install_plan import InstallPlan
    from ocarina_kit.edges.client.install_client import InstalledClient
    from ocarina_kit.edges.system import System


def command(
    *,
    env: Annotated[
        str | None, typer.Option("--env", metavar="NAME", help="The new environment's name (else ocarina).")
    ] = None,
    prefix: Annotated[
        str | None,
        typer.Option("--prefix", metavar="DIR", help="The new environment's folder, not its name."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--source", metavar="SPEC", help="What pip installs: a URL, git+URL or folder (else the guide's)."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Agree to what is shown.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> Result:
    """Install the ocarina client into an environment of its own.

    With conda, mamba or micromamba where there is one, else in a virtual environment. Shows that the client runs and
    that the server will accept its version; where anything fails, nothing is left behind.
    """
    from ocarina_kit.cli.render import Ui
    from ocarina_kit.core.errors import Remedy, UsageError
    from ocarina_kit.edges.client.install_client import apply_install
    from ocarina_kit.edges.client.plan_install import plan_install
    from ocarina_kit.edges.this_process import real_system

    system = real_system()
    ui = Ui.for_process(json=json)
    plan = plan_install(system, env=env, prefix=prefix, source=source)
    for note in plan.notes:
        ui.note(note)
    if plan.already is None:
        ui.say("This would be done:" if dry_run else "This will be done:")
        for line in plan.show().splitlines():
            ui.command(line)
        if dry_run:
            return Result(data=_members(plan, None))
        if not yes and not ui.interactive:
            raise UsageError(
                "Nobody can be asked here whether this shall be done: --yes is missing.",
                why="There is no terminal on standard input. Nothing was changed.",
                remedy=Remedy("Agree beforehand.", ("ocarina-kit install-client --yes",)),
            )
        if not yes and not ui.confirm("Do it?"):
            ui.say("Nothing was changed.")
            return Result(data=_members(plan, None))
    installed = apply_install(plan, system, ui.say)
    _tell(ui, system, installed)
    return Result(data=_members(plan, installed))


def _tell(ui: Ui, system: System, installed: InstalledClient) -> None:
    candidate = installed.candidate
    state = "is there already; nothing was changed" if installed.already else "is installed and runs"
    ui.good(f"{candidate.described} {state}: {candidate.path}")
    if installed.link is not None and str(installed.link.parent) in system.environ.get("PATH", "").split(":"):
        ui.say("It is on your PATH as ocarina.")
    else:
        ui.say("To have it on PATH in a shell:")
        ui.command(installed.plan.activate)
    ui.say("Next, set it up:")
    ui.command("ocarina-kit init")


def _members(plan: InstallPlan, installed: InstalledClient | None) -> dict[str, Any]:
    """The command's own JSON members."""
    candidate = installed.candidate if installed is not None else plan.already
    return {
        "kind": plan.kind,
        "prefix": str(plan.prefix),
        "source": plan.source.spec,
        "client": candidate.path if candidate is not None else None,
        "version": str(candidate.version) if candidate is not None else None,
        "changed": installed is not None and not installed.already,
        "steps": plan.show().splitlines(),
    }
