"""Options that several commands have: those of every command, and types for the signatures of those that share one."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperOption

from ocarina_kit.cli import completion

Text = str | None
Texts = list[str] | None


def flag(name: str, help: str) -> Any:
    """An option without a value, for `Annotated`."""
    return typer.Option(name, help=help)


def option(name: str, metavar: str | None, help: str, **how: Any) -> Any:
    """An option with a value."""
    return typer.Option(name, metavar=metavar, help=help, **how)


Json = Annotated[bool, flag("--json", "Print one JSON document.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Agree to the changes without being asked.")]
DryRun = Annotated[bool, flag("--dry-run", "Show the changes, and make none.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show more.")]
Within = Annotated[Text, option("--within", "DURATION", "How long a token must be valid: 90s, 30m, 2h, 1d.")]
_FOR = "What it is for (ocarina-kit login --list). Can be repeated."
Purposes = Annotated[Texts, option("--for", "NAME", _FOR, autocompletion=completion.purposes)]
Scopes = Annotated[Texts, option("--scope", "STRING", "A scope string. Can be repeated.")]

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


def _shared(name: str, help: str, callback: Any = _store, **how: Any) -> TyperOption:
    return TyperOption(param_decls=[name], expose_value=False, callback=callback, help=help, **how)


_ON = {"is_flag": True, "default": False}
# The same objects are in the root and in every command, so that a value given in either place is stored once.
SHARED = (
    _shared("--config", "The configuration file (default: ~/.ocarina).", metavar="PATH"),
    _shared("--profile", "The profile in that file.", metavar="NAME", autocompletion=completion.profiles),
    _shared("--env", "Take settings from the environment.", **_ON),
    _shared("--version", "Show the version and exit.", _version, is_eager=True, **_ON),
)
