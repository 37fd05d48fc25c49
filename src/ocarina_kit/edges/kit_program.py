"""How this very ocarina-kit is started by its whole path, for a crontab line."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def kit_program(prefix: str | None = None, executable: str | None = None) -> tuple[str, ...]:
    """The program and what goes before the subcommand: the ``ocarina-kit`` script of this process's environment where
    it is there, else its interpreter with ``-m ocarina_kit``.

    ``prefix`` and ``executable`` stand for :data:`sys.prefix` and :data:`sys.executable`.
    """
    python = Path(executable or sys.executable)
    # The script stands beside the interpreter; pipx and uv link it elsewhere, but the environment's own stands on.
    for folder in (Path(prefix or sys.prefix) / "bin", python.parent):
        script = folder / "ocarina-kit"
        if script.is_file() and os.access(script, os.X_OK):
            return (str(script),)
    return (str(python), "-m", "ocarina_kit")
