"""What ``init`` does around the configuration: the client, the login, the crontab line and its first run.

Each step is planned before anybody agrees, and complete when it is done: an interrupt loses nothing, and init goes on
from there. One that fails is shown, and stops no other that can go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ocarina_kit.cli import install_client
from ocarina_kit.cli.login_choice import Client, client_of, installed_client, show_end
from ocarina_kit.cli.login_steps import Done, log_in
from ocarina_kit.cli.schedule_line import Planned, install_entry, plan_entry
from ocarina_kit.cli.schedule_trial import try_line
from ocarina_kit.cli.ui import Result
from ocarina_kit.client.find import MINIMUM_VERSION, parse_version
from ocarina_kit.client.scopes import Request, example, request_for
from ocarina_kit.system.errors import Exit, KitError
from ocarina_kit.system.secret import mask
from ocarina_kit.system.words import listed
from ocarina_kit.tokens.store import look, tokens_of

if TYPE_CHECKING:
    from ocarina_kit.cli.context import Run
    from ocarina_kit.client.install import Plan
    from ocarina_kit.config.place import Setup

_IN_PLACE = ("unchanged", "mixed")
"""Outcomes of a plan for the crontab that leave nothing to do."""


class Tokens(NamedTuple):
    """The scope strings that there are tokens for, and those whose token is not valid."""

    all: tuple[str, ...] = ()
    due: tuple[str, ...] = ()


class Steps:
    """``plan`` and ``entry``: what is to be installed and scheduled, None where nothing is. ``problems`` were shown."""

    def __init__(self, run: Run) -> None:
        self.run, self.ui = run, run.ui
        self.client = Client()
        self.plan: Plan | None = None
        self.entry: Planned | None = None
        self.problems: list[KitError] = []
        self._switch_on = False

    # --- what there is

    def find_client(self) -> None:
        self.client = installed_client(self.run)

    @property
    def has_client(self) -> bool:
        """Whether there is one that Majora accepts."""
        return (parse_version(self.client.version) or (0,)) >= MINIMUM_VERSION

    def tokens(self, setup: Setup) -> Tokens:
        """Raises KitError (TOK003) where their file cannot be read."""
        machine, path = self.run.machine, setup.tokens_file
        found = tokens_of(machine, path, look(machine, path)[1])
        due = tuple(each.key for each in found if each.odd or each.seconds_left(machine.now()) <= 0)
        return Tokens(tuple(each.key for each in found), due)

    def standing(self, setup: Setup) -> str:
        """How far the set-up is, in words."""
        tokens = self.tokens(setup)
        missing = [] if self.has_client else ["the client"]
        missing += ["a login"] if tokens.due or not tokens.all else []
        try:
            scheduled = self._plan_entry(setup, prove=False).plan.outcome in _IN_PLACE
        except KitError:
            scheduled = False
        missing += [] if scheduled else ["the crontab line"]
        return f". Still to do: {listed(missing)}" if missing else ", logged in, refreshed by cron"

    # --- what is to be done

    def plan_all(self, setup: Setup) -> list[tuple[str, str]]:
        """Plan the client and the crontab line; returns their rows for "Changes:"."""
        rows: list[tuple[str, str]] = []
        if not self.has_client:
            try:
                self.plan = install_client.plan_client(self.run)
                rows += install_client.rows_of(self.run, self.plan)[:1]
            except KitError as problem:
                self._failed(problem)
        try:
            self.entry = self._wanted_entry(setup)
        except KitError as problem:
            self._failed(problem)
        if self.entry is not None:
            rows.append(("crontab", f"one line: refresh {self.entry.words}"))
        return rows

    def _plan_entry(self, setup: Setup, *, prove: bool) -> Planned:
        return plan_entry(self.run, setup, self.client.candidate, switch_on=self._switch_on, prove=prove)

    def _wanted_entry(self, setup: Setup) -> Planned | None:
        """The crontab line that is to be written; asks where it would be a second one, or was disabled."""
        entry = self._plan_entry(setup, prove=True)
        if entry.plan.outcome in _IN_PLACE:
            return None
        if entry.unwritable is not None:
            self._failed(entry.unwritable, entry.plan.line)
            return None
        if entry.second_host and not self.ui.confirm(f"{entry.second_host} Refresh here too?", default=False):
            return None
        if entry.plan.outcome == "switched off":
            if not self.ui.confirm("The crontab line is commented out. Use it again?"):
                return None
            self._switch_on = True
            entry = self._plan_entry(setup, prove=False)
        for caution in entry.cautions:
            if self.plan is None or caution.id[:3] != "ENV":  # of the client, which is installed first
                self.ui.warn(f"{caution.what} [{caution.id}]")
        return entry

    def _failed(self, problem: KitError, line: str = "") -> None:
        self.ui.error(problem)
        self.problems.append(problem)
        if line:
            self.ui.say("The line, for whoever can add it to your crontab:")
            self.ui.raw(mask(line), indent=2)

    # --- doing it

    def install(self) -> None:
        if self.plan is None:
            return
        try:
            client = install_client.install_client(self.run, self.plan)
            self.client = client_of(self.run, client, client.path)
        except KitError as problem:
            self._failed(problem)

    def schedule(self, setup: Setup) -> None:
        if self.entry is None:
            return
        try:
            entry = self._plan_entry(setup, prove=False)  # again: there may be a client for it now
            install_entry(self.run, setup, entry)
        except KitError as problem:
            self._failed(problem, self.entry.plan.line)
            return
        with self.ui.waiting("Running the line once, as cron does", 120.0):
            trial = try_line(self.run, setup, entry.plan.line)
        done = "failed" if trial.error else trial.refreshed
        self.ui.status("scheduled", f"{entry.when}; a test run {done}")
        if trial.error is not None:
            self._failed(trial.error)

    def connect(self, setup: Setup, requests: Sequence[Request]) -> Result:
        """All of it, to "Ready". A login that fails ends it, as there would be nothing to refresh."""
        self.install()
        done = log_in(self.run, setup, requests, self.client) if requests else Done(())
        again = self.run.place.command("init")
        if done.error is not None and (done.error.exit == Exit.INTERRUPTED or not done.usable):
            if done.error.exit != Exit.INTERRUPTED:
                self.ui.next_step(again, "goes on from here")
            return Result(error=done.error, shown=True)
        self.schedule(setup)
        problem = done.error or next(iter(self.problems), None)
        if problem is not None:
            self.ui.next_step(again, "goes on from here")
            return Result(error=problem, shown=True)
        table = self.client.table
        tried = tuple(requests) or tuple(request_for(scope, table) for scope in self.tokens(setup).all)
        command = "".join(f"{example(self.client.program, setup.place, each, table)}\n" for each in tried)
        if done.client_ok is False or not self.has_client:
            show_end(self.ui, setup.place, self.client, requests, done)
        elif command.strip():
            self.ui.say("\nReady. Try it:")
            self.ui.command(command.strip().partition("\n")[0])
        return Result()
