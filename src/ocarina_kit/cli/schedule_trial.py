"""A crontab entry that is run once, now, as cron would: what came of it, told by the tokens' own times."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ocarina_kit.client.places import cron_environment
from ocarina_kit.client.scopes import what_for
from ocarina_kit.cron.crontab import cron_command, encode
from ocarina_kit.cron.line import Entry
from ocarina_kit.system.errors import Exit, KitError, Remedy, worst
from ocarina_kit.system.machine import Completed, Machine
from ocarina_kit.system.secret import Secret, mask
from ocarina_kit.system.words import count, listed, span
from ocarina_kit.tokens.log import FRESH

if TYPE_CHECKING:
    from ocarina_kit.cli.context import Run
    from ocarina_kit.config.place import Setup
    from ocarina_kit.tokens.file import Token

SECONDS = 120.0
"""The kit gives up on a server after 60 s; the client alone never does (FACTS.md)."""
_LONGEST = 20_000
_TRACEBACK = re.compile(
    r"^(?P<in>[ \t]*)Traceback \(most recent call last\):\n(?:(?P=in)[ \t]+.*\n|[ \t]*\n)*(?P<last>.*)",
    re.MULTILINE,
)
_EXITS = {"refused-token": Exit.LOGIN, "lost": Exit.LOGIN, "network": Exit.UNKNOWN, "unreached": Exit.UNKNOWN}
"""What the words of refresh.log mean; others are a problem."""


class Trial(NamedTuple):
    """``tokens`` are those of now, ``fresh`` those of them that the entry refreshed. ``by_kit``: ocarina-kit ran.
    ``ended``: how and after how long the entry ended. ``output`` is masked."""

    tokens: Sequence[Token]
    fresh: Sequence[Token]
    by_kit: bool
    ended: str
    output: str
    error: KitError | None = None

    @property
    def refreshed(self) -> str:
        return f"refreshed {count(len(self.fresh), 'token')}"


def run_command(
    machine: Machine, written: str, variables: Mapping[str, str], seconds: float = SECONDS
) -> Completed:
    """Run the command ``written`` as it is in a crontab, as cron does: with its bare environment and shell, in the
    owner's home, without a terminal. ``variables`` are those set above it. Never raises.

    It is ended, with all that it started, after ``seconds``.
    """
    environ, command = cron_environment(machine.user, str(machine.home), variables), cron_command(written)
    argv, home = [environ["SHELL"], "-c", command.text], Path(environ["HOME"])
    if not home.is_dir():
        return Completed(None, error=f"cron starts it in {home}, which is not a folder")
    return machine.run(argv, env=environ, stdin=encode(command.stdin), timeout=seconds, cwd=home)


def shown(done: Completed, secrets: Sequence[Secret] = ()) -> str:
    """What it wrote, masked. Of tracebacks of other programs only the last line."""
    output = (done.stdout + done.stderr).decode("utf-8", "backslashreplace").strip()
    output = _TRACEBACK.sub(lambda cut: f"{cut['last']}  (the end of a Python traceback)", output)
    output = mask(output, secrets)
    return output if len(output) <= _LONGEST else f"{output[:_LONGEST]}\n… (cut)"


def try_line(run: Run, setup: Setup, entry: Entry) -> Trial:
    """Run the entry in cron's bare environment, with the crontab's own variables above it. It refreshes tokens."""
    from ocarina_kit.doctor.world import World

    machine = run.machine
    before, started = World(machine, run.place).tokens, machine.now()
    old = {token.key: token.access_token for token in before.file.tokens}
    pairs = ((token.access_token, token.refresh_token) for token in before.file.tokens)
    secrets = [*setup.secrets, *(secret for pair in pairs for secret in pair if secret is not None)]
    with run.ui.waiting("Running the crontab entry as cron does", SECONDS):
        done = run_command(machine, entry.command, entry.values)
    after = World(machine, run.place).tokens
    fresh = [each for each in after.usable if each.access_token != old.get(each.key)]
    # ocarina-kit writes its refreshes to refresh.log, the client does not.
    new = [each for each in after.log[len(before.log) :] if (each.host, each.by) == (machine.host, "refresh")]
    exits = [_EXITS.get(each.result, Exit.PROBLEM) for each in new if each.result not in (*FRESH, "used")]
    exits += [] if done.code == 0 else [Exit.PROBLEM]
    how = f"it was ended: {done.error}" if done.code is None else f"exit code {done.code}"
    ended = f"{how}, after {span(after.now - started)}"
    trial = Trial(after.usable, fresh, bool(new), ended, shown(done, secrets))
    return trial._replace(error=_error(run, entry, trial, exits))


def _error(run: Run, entry: Entry, trial: Trial, exits: list[int]) -> KitError | None:
    """Why the entry did not do its work; None if it did, or left tokens alone as its options say."""
    from ocarina_kit.doctor.entry import refreshes_all

    stale = [each for each in trial.tokens if each not in trial.fresh]
    if trial.tokens and (not stale or not (exits or refreshes_all(entry))):
        return None
    if not stale or not all(each.can_refresh for each in stale):
        exits = [Exit.LOGIN]
    exit = worst(exits or [Exit.PROBLEM])
    names = listed(list(dict.fromkeys(what_for(each.key) for each in stale)))
    what = (
        f"The crontab entry did not refresh the token to {names}."
        if stale
        else "There is no token to refresh."
    )
    text, command = ("Log in again.", "login") if exit == Exit.LOGIN else ("See what is broken.", "doctor")
    return KitError(
        what,
        id="CRN008" if stale else "TOK001",
        why=f"The entry ended with {trial.ended}.",
        remedy=Remedy(text, (run.place.command(command),)),
        exit=exit,
    )
