"""Runs a crontab line now, the way cron would: its bare environment, its shell, the owner's home, no terminal."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ocarina_kit.core.cron.crontab import cron_command, cron_environment, encode
from ocarina_kit.edges.system import Completed, System

SECONDS = 120.0
"""How long a line may take. The kit gives up on a server after 60 s; the client alone never does (FACTS.md)."""


def run_as_cron(
    system: System, written: str, variables: Mapping[str, str], *, seconds: float = SECONDS
) -> Completed:
    """Run the command ``written`` as it stands in a crontab, percent signs and all; never raises for what it does.

    ``variables`` are those that the crontab sets above it. It is killed, with all that it started, after ``seconds``.
    """
    environment = cron_environment(system.user, str(system.home), variables)
    command = cron_command(written)
    shell, home = environment["SHELL"], Path(environment["HOME"])
    argv = (shell, "-c", command.command)
    if not home.is_dir():
        return Completed(argv, None, error=f"cron starts it in {home}, which is no folder")
    return system.run(argv, env=environment, stdin=encode(command.stdin), timeout=seconds, cwd=home)


def home_of_cron() -> str | None:
    """The home that cron gives this user's jobs: the one in the password database, whatever HOME says here."""
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return None
