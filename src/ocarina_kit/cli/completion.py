"""Shell completion: ``--show-completion [SHELL]`` prints the script that a shell reads, and values are offered too.

Nothing is written into a shell's start-up files: they belong to the user. The script says which line to add.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from typer.core import TyperOption

from ocarina_kit.system.errors import Remedy, usage_error

PROGRAM = "ocarina-kit"
OPTION = "--show-completion"
VARIABLE = "_OCARINA_KIT_COMPLETE"
"""Set by the script when it asks for completions; typer answers it and ends."""

_HOW = {
    "bash": 'To have it in every bash, add this line to ~/.bashrc:\n# eval "$(ocarina-kit --show-completion bash)"',
    "zsh": (
        "To have it in every zsh, add these lines to ~/.zshrc:\n# autoload -Uz compinit && compinit\n"
        '# eval "$(ocarina-kit --show-completion zsh)"'
    ),
    "fish": (
        "To have it in every fish, run once:\n"
        "# ocarina-kit --show-completion fish > ~/.config/fish/completions/ocarina-kit.fish"
    ),
}

Values = list[tuple[str, str]]
"""What may be typed, each with its summary."""


# --- the values of options: typer calls these by the names of their parameters ------------------------------------


def purposes(ctx: Any, args: list[str], incomplete: str) -> Values:
    """The names that ``--for`` takes."""
    from ocarina_kit.client.scopes import PURPOSES, UPLOAD_WORDS

    return [("upload", UPLOAD_WORDS), *((purpose.name, purpose.words) for purpose in PURPOSES)]


def checks(ctx: Any, args: list[str], incomplete: str) -> Values:
    """The ids that ``--explain`` takes."""
    from ocarina_kit.doctor.check import all_checks

    return [(check.id, check.title) for check in all_checks()]


def checks_and_families(ctx: Any, args: list[str], incomplete: str) -> Values:
    """The ids and families that ``--only`` and ``--skip`` take."""
    from ocarina_kit.doctor.check import FAMILIES

    return [*FAMILIES.items(), *checks(ctx, args, incomplete)]


def profiles(ctx: Any, args: list[str], incomplete: str) -> Values:
    """The profiles in the configuration that is named so far; none if it cannot be read."""
    from ocarina_kit.config.setup import place_of, profiles, read_config
    from ocarina_kit.system.machine import this_machine

    machine = this_machine()
    document = read_config(machine, place_of(machine, config=ctx.meta.get("config"))).readable
    return [] if document is None else [(name, "a profile") for name in profiles(document.value)]


# --- the script -----------------------------------------------------------------------------------------------------


def prepare() -> None:
    """Make typer ready to answer the script's questions."""
    if not os.environ.get(VARIABLE):
        return
    # A summary is one line: typer would fold it to this terminal's width, and fish reads each line as a candidate.
    os.environ["COLUMNS"] = "9999"
    from typer import _completion_classes as classes

    # It takes rich's markup out of the summaries, which have none: rich would be two thirds of what a Tab costs.
    classes._sanitize_help_text = lambda text: text
    # typer does this itself only with its own options, which would change ~/.bashrc.
    classes.completion_init()


def with_shell_joined(args: Sequence[str]) -> list[str]:
    """``args`` with the shell joined to the option: the parser has no option whose value may be left out."""
    if not args or args[0] != OPTION:
        return list(args)
    if len(args) > 1 and not args[1].startswith("-"):
        return [f"{OPTION}={args[1]}", *args[2:]]
    return [f"{OPTION}=", *args[1:]]


def _show(context: Any, param: Any, value: str | None) -> None:
    """Print the script. Raises KitError (usage) if no known shell is named or is this user's."""
    if value is None or context.resilient_parsing:
        return
    shell = value or os.environ.get("SHELL", "").rpartition("/")[2]
    if shell not in _HOW:
        raise usage_error(
            f"There is no completion for the shell {shell!r}." if shell else "Completion for which shell?",
            why=f"Completion works in {', '.join(_HOW)}.",
            remedy=Remedy("Name the shell.", tuple(f"{PROGRAM} {OPTION} {known}" for known in _HOW)),
        )
    from typer._completion_shared import get_completion_script

    text = get_completion_script(prog_name=PROGRAM, complete_var=VARIABLE, shell=shell)
    print(f"{text}\n\n# {_HOW[shell]}")
    context.exit()


SHOW = TyperOption(
    param_decls=[OPTION],
    metavar="SHELL",
    callback=_show,
    expose_value=False,
    is_eager=True,
    help="Print the script for completion: bash, zsh, fish.",
)
