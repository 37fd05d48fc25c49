"""Shell completion: ``ocarina-kit --show-completion [SHELL]`` prints the script that a shell reads.

Nothing is written into a shell's start-up files: they are the person's own. The script says which line to add.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from typer.core import TyperOption

PROGRAM = "ocarina-kit"
OPTION = "--show-completion"
VARIABLE = "_OCARINA_KIT_COMPLETE"
"""Set by the script when it asks for completions; the parser answers it and ends."""

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
SHELLS = tuple(_HOW)


def named(args: Sequence[str]) -> list[str]:
    """``args`` with the shell joined to the option: its value may be left out, which the parser knows no way to say."""
    if not args or args[0] != OPTION:
        return list(args)
    if len(args) > 1 and not args[1].startswith("-"):
        return [f"{OPTION}={args[1]}", *args[2:]]
    return [f"{OPTION}=", *args[1:]]


def prepare() -> None:
    """Make the parser ready to answer the script's questions."""
    if os.environ.get(VARIABLE):
        # A summary is one line: typer would fold it to this terminal's width, and fish reads each line as a candidate.
        os.environ["COLUMNS"] = "9999"
    # With typer's own options switched off (they would rewrite ~/.bashrc), this is left to us.
    from typer._completion_classes import completion_init

    completion_init()


def script(shell: str) -> str:
    """The script for ``shell``, one of :data:`SHELLS`."""
    from typer._completion_shared import get_completion_script

    text = get_completion_script(prog_name=PROGRAM, complete_var=VARIABLE, shell=shell)
    return f"{text}\n\n# {_HOW[shell]}"


def _show(context: Any, param: Any, value: str | None) -> None:
    """Print the script. Raises UsageError where no shell that the kit knows is named or set as this user's."""
    if value is None or context.resilient_parsing:
        return
    shell = value or Path(os.environ.get("SHELL", "")).name
    if shell not in SHELLS:
        from ocarina_kit.core.errors import Remedy, UsageError

        raise UsageError(
            f"There is no completion for the shell {shell!r}." if shell else "Completion for which shell?",
            why=f"The kit completes in {', '.join(SHELLS)}.",
            remedy=Remedy("Name the shell:", tuple(f"{PROGRAM} {OPTION} {known}" for known in SHELLS)),
        )
    print(script(shell))
    context.exit()


SHOW = TyperOption(
    param_decls=[OPTION],
    metavar="[bash|zsh|fish]",
    callback=_show,
    expose_value=False,
    is_eager=True,
    help="Print the completion script for a shell (else for $SHELL), and how to use it.",
)
