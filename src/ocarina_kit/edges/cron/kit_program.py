"""How this very ocarina-kit is started by its whole path, for a crontab line."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ocarina_kit.core.cron.crontab import cron_environment
from ocarina_kit.core.cron.own_program import OwnProgram, choose
from ocarina_kit.edges.system import System

NAME = "ocarina-kit"
_PROOF_SECONDS = 20.0


def kit_program(prefix: str | None = None, executable: str | None = None) -> tuple[str, ...]:
    """The program and what goes before the subcommand: the ``ocarina-kit`` script of this process's environment where
    it is there, else its interpreter with ``-m ocarina_kit``. Where this environment is thrown away soon (``uvx``,
    ``pipx run``), another ocarina-kit that was installed to stay, if there is one.

    ``prefix`` and ``executable`` stand for :data:`sys.prefix` and :data:`sys.executable`.
    """
    found = choose(tuple(_programs(prefix or sys.prefix, executable or sys.executable)))
    return found.words if found is not None else (executable or sys.executable, "-m", "ocarina_kit")


def own_program(words: tuple[str, ...]) -> OwnProgram:
    """What can be seen of a way to start ocarina-kit."""
    path = Path(words[0])
    return OwnProgram(words, os.path.realpath(path), path.is_file() and os.access(path, os.X_OK))


def _programs(prefix: str, executable: str) -> Iterator[OwnProgram]:
    # The script stands beside the interpreter; pipx and uv link it elsewhere, but the environment's own stands on.
    for folder in dict.fromkeys((Path(prefix) / "bin", Path(executable).parent)):
        yield own_program((str(folder / NAME),))
    yield own_program((executable, "-m", "ocarina_kit"))
    folders = os.environ.get("PATH", "").split(os.pathsep)
    for entry in dict.fromkeys((*folders, str(Path("~/.local/bin").expanduser()))):
        if entry.startswith("/"):
            yield own_program((str(Path(entry) / NAME),))


def temporary_folders() -> tuple[str, ...]:
    """Folders that the system empties."""
    return tuple(dict.fromkeys(("/tmp", "/var/tmp", tempfile.gettempdir())))  # noqa: S108  # only compared with


def why_not_started(system: System, words: tuple[str, ...]) -> str:
    """Why this ocarina-kit does not start in a cron job's bare environment; empty where it does, or where a slow
    machine gave no answer. It is asked for the help of ``refresh``: that imports what a refresh begins with."""
    done = system.run(
        [*words, "refresh", "--help"],
        env=cron_environment(system.user, str(system.home)),
        timeout=_PROOF_SECONDS,
        cwd=Path("/"),
    )
    if done.code == 0 or done.error == "timed out":
        return ""
    said = done.stderr.decode("utf-8", "backslashreplace").strip().splitlines()
    return done.error or (said[-1] if said else f"it ends with exit code {done.code}")
