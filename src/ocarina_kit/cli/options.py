"""Options that several commands have, and completion: ``--show-completion SHELL`` prints the script that a shell reads.

Nothing is written into a shell's start-up files: they belong to the user. docs/install.md says which line to add.
"""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer
from typer.core import TyperOption

Text = str | None
Texts = list[str] | None
Values = list[tuple[str, str]]
"""What may be typed for an option, each with its summary."""


def flag(name: str, help: str) -> Any:
    """An option without a value, for `Annotated`."""
    return typer.Option(name, help=help)


def option(name: str, metavar: str | None, help: str, **how: Any) -> Any:
    """An option with a value."""
    return typer.Option(name, metavar=metavar, help=help, **how)


# --- the values of options: typer calls these by the names of their parameters ------------------------------------


def purposes() -> Values:
    """The names that ``--for`` takes."""
    from ocarina_kit.client.scopes import PURPOSES, UPLOAD_WORDS

    return [
        ("upload", UPLOAD_WORDS),
        *((purpose.name, purpose.words) for purpose in PURPOSES),
    ]


def checks_and_families(incomplete: str) -> Values:
    """The ids and families that ``--only`` and ``--skip`` take, in lower case if that is typed."""
    from ocarina_kit.doctor.check import FAMILIES, all_checks

    rows = [*FAMILIES.items(), *((check.id, check.title) for check in all_checks())]
    return [
        (id.lower() if incomplete[:1].islower() else id, title) for id, title in rows
    ]


def checks(incomplete: str) -> Values:
    """The ids that ``--explain`` takes."""
    return [(id, title) for id, title in checks_and_families(incomplete) if id[3:]]


def profiles(ctx: Any, args: list[str], incomplete: str) -> Values:
    """The profiles in the configuration that is named so far; none if it cannot be read."""
    from ocarina_kit.config.setup import location_of, profiles, read_config
    from ocarina_kit.system.machine import this_machine

    machine = this_machine()
    config = read_config(machine, location_of(machine, config=ctx.meta.get("config")))
    return [(name, "a profile") for name in profiles(config.document.value)]


# --- options of several commands ----------------------------------------------------------------------------------

Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="Agree to the changes without being asked.")
]
DryRun = Annotated[bool, flag("--dry-run", "Show the changes, and make none.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show more.")]
Within = Annotated[
    Text,
    option("--within", "DURATION", "How long a token must be valid: 90s, 30m, 2h, 1d."),
]
_FOR = "What it is for (ocarina-kit login --list). Can be repeated."
Purposes = Annotated[Texts, option("--for", "NAME", _FOR, autocompletion=purposes)]
Scopes = Annotated[
    Texts, option("--scope", "STRING", "A scope string. Can be repeated.")
]


def _store(ctx: Any, param: Any, value: Any) -> None:
    """Keep a value for `context.start`. One that is left out after the command's name leaves the one before it.

    Raises typer.BadParameter for a blank one, as an unset variable of a shell gives it.
    """
    if value == "" and not ctx.resilient_parsing:
        raise typer.BadParameter("it is blank", ctx, param)
    if value:
        ctx.meta[param.name] = value


def _version(ctx: Any, param: Any, value: bool) -> None:
    if (
        value and not ctx.resilient_parsing
    ):  # a shell that asks for completions parses too
        from ocarina_kit import __version__

        print(f"ocarina-kit {__version__}")
        ctx.exit()


_SHELLS = ("bash", "zsh", "fish")
_ASKED = "_OCARINA_KIT_COMPLETE"
"""The variable that the script sets when it asks for completions; typer answers it and ends."""


def _show_completion(ctx: Any, param: Any, shell: str | None) -> None:
    """Print the script. Raises typer.BadParameter for a shell that is not known."""
    if shell is None or ctx.resilient_parsing:
        return
    if shell not in _SHELLS:
        raise typer.BadParameter(
            f"{shell!r} is none of {', '.join(_SHELLS)}", ctx, param
        )
    from typer._completion_shared import get_completion_script

    print(
        get_completion_script(prog_name="ocarina-kit", complete_var=_ASKED, shell=shell)
    )
    ctx.exit()


def _shared(name: str, help: str, callback: Any = _store, **how: Any) -> TyperOption:
    return TyperOption(
        param_decls=[name], expose_value=False, callback=callback, help=help, **how
    )


_ON = {"is_flag": True, "default": False}
# The same objects are in the root and in every command, so that a value given in either place is stored once.
SHARED = (
    _shared(
        "--config", "The configuration file (default: ~/.ocarina).", metavar="PATH"
    ),
    _shared(
        "--profile",
        "The profile in that file.",
        metavar="NAME",
        autocompletion=profiles,
    ),
    _shared("--env", "Take settings from the environment.", **_ON),
    _shared("--version", "Show the version and exit.", _version, is_eager=True, **_ON),
)
JSON = _shared("--json", "Print one JSON document.", None, **_ON)
"""Every command takes it, also before its name; `app.run` looks for it itself: so wrong usage is JSON too."""
_SCRIPT = "Print the script for completion: bash, zsh, fish."
SHOW_COMPLETION = _shared(
    "--show-completion", _SCRIPT, _show_completion, metavar="SHELL", is_eager=True
)


def prepare_completion() -> None:
    """Make typer ready to answer the script's questions."""
    environ = os.environ
    if not environ.get(_ASKED):
        return
    # A summary is one line: typer would fold it to this terminal's width, and fish reads each line as a candidate.
    environ["COLUMNS"] = "9999"
    # bash takes --for=NAME apart into three words.
    words = environ.get("COMP_WORDS", "").split(" = ")
    environ["COMP_WORDS"] = " ".join(words)
    environ["COMP_CWORD"] = str(int(environ.get("COMP_CWORD", "0")) - len(words) + 1)
    from typer import _completion_classes as classes

    # It takes rich's markup out of the summaries, which have none: rich would be two thirds of what a Tab costs.
    classes._sanitize_help_text = lambda text: text
    # typer does this itself only with its own options, which would change ~/.bashrc.
    classes.completion_init()
