"""Options that several commands have: those of every command, and types for the signatures of those that share one."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperOption

from ocarina_kit.cli import completion

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Agree to the changes without being asked.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the changes, and make none.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show more.")]
Within = Annotated[
    str | None,
    typer.Option("--within", metavar="DURATION", help="How long a token must be valid: 90s, 30m, 2h, 1d."),
]
Purposes = Annotated[
    list[str] | None,
    typer.Option(
        "--for",
        metavar="NAME",
        help="What it is for (ocarina-kit login --list). Can be repeated.",
        autocompletion=completion.purposes,
    ),
]
Scopes = Annotated[
    list[str] | None, typer.Option("--scope", metavar="STRING", help="A scope string. Can be repeated.")
]


NAMES = ("config", "profile", "env")
"""What `context.meta` holds of the options that every command has."""


def _store(context: Any, param: Any, value: Any) -> None:
    """Keep a value for `context.start`. One that is left out after the command's name leaves the one before it."""
    if value:
        context.meta[param.name] = value


def _version(context: Any, param: Any, value: bool) -> None:
    if value and not context.resilient_parsing:  # a shell that asks for completions parses too
        from ocarina_kit import __version__

        print(f"ocarina-kit {__version__}")
        context.exit()


def _shared(*declared: str, **how: Any) -> TyperOption:
    return TyperOption(param_decls=list(declared), expose_value=False, **how)


# The same objects are in the root and in every command, so that a value given in either place is stored once.
SHARED = (
    _shared(
        "--config",
        metavar="PATH",
        callback=_store,
        help="The configuration file (default: ~/.ocarina).",
    ),
    _shared(
        "--profile",
        metavar="NAME",
        callback=_store,
        help="The profile in that file.",
        autocompletion=completion.profiles,
    ),
    _shared(
        "--env", is_flag=True, default=False, callback=_store, help="Take settings from the environment."
    ),
    _shared(
        "--version",
        is_flag=True,
        default=False,
        is_eager=True,
        callback=_version,
        help="Show the version and exit.",
    ),
)
