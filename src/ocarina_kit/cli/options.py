"""The options that every command shares, before or after its name, and what was given for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from typer.core import TyperOption


@dataclass
class Shared:
    """What was given for the shared options. ``config`` is a path as typed."""

    config: str | None = None
    profile: str | None = None
    env: bool = False


def shared(context: Any) -> Shared:
    """The shared options of the run that ``context`` belongs to."""
    found: Shared = context.find_root().ensure_object(Shared)
    return found


def _store(context: Any, param: Any, value: Any) -> None:
    if value is None or value is False:
        return
    setattr(shared(context), param.name, value)


def _version(context: Any, param: Any, value: bool) -> None:
    if value and not context.resilient_parsing:  # a shell that asks for completions parses too
        from ocarina_kit import __version__

        print(f"ocarina-kit {__version__}")
        context.exit()


def _option(*declared: str, **how: Any) -> TyperOption:
    return TyperOption(param_decls=list(declared), expose_value=False, **how)


# One object each, added to the root and to every command: a value given in either place is stored once.
CONFIG = _option(
    "--config",
    metavar="PATH",
    callback=_store,
    help="The configuration file (else $OCARINA_CONF_FILE, else ~/.ocarina).",
)
PROFILE = _option("--profile", metavar="NAME", callback=_store, help="The profile in that file.")
ENV = _option(
    "--env",
    is_flag=True,
    default=False,
    callback=_store,
    help="Take the set-up from the environment, as the client's --env does.",
)
VERSION = _option(
    "--version",
    is_flag=True,
    default=False,
    callback=_version,
    is_eager=True,
    help="Show the version and exit.",
)
ALL = (CONFIG, PROFILE, ENV, VERSION)
