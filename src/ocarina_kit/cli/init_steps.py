"""What ``init`` does: the configuration, and at a terminal the client, the login and the crontab line as well.

Each step asks what is missing, or takes what was given. All is planned before anybody agrees, and each step is complete
when it is done: an interrupt loses nothing, and init goes on from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ocarina_kit.cli import init_settings as know
from ocarina_kit.cli import install_client
from ocarina_kit.cli.init_settings import ASK, PAIR, uses_key
from ocarina_kit.cli.login_choice import choose_purposes, client_of, examples, installed_client
from ocarina_kit.cli.login_steps import log_in
from ocarina_kit.cli.schedule_line import Planned, install_entry, plan_entry
from ocarina_kit.cli.schedule_trial import try_line
from ocarina_kit.cli.ui import Result
from ocarina_kit.client.scopes import Request, request_for, requests_for
from ocarina_kit.config import jsontext
from ocarina_kit.config.findings import findings
from ocarina_kit.config.setup import settled, usable
from ocarina_kit.config.url import INSTANCES, endpoint, instance_of
from ocarina_kit.config.values import judge
from ocarina_kit.majora.api import Majora
from ocarina_kit.system.change import difference
from ocarina_kit.system.errors import Exit, KitError, Remedy, usage_error
from ocarina_kit.system.secret import mask
from ocarina_kit.system.words import listed, tilde
from ocarina_kit.tokens.status import Status, statuses
from ocarina_kit.tokens.store import look

if TYPE_CHECKING:
    from ocarina_kit.cli.context import Run
    from ocarina_kit.cli.init_settings import Known, Wish
    from ocarina_kit.client.install import Plan
    from ocarina_kit.config.place import Setup
    from ocarina_kit.config.setup import Config

_IDENTIFY_S = 10.0
_IN_PLACE = ("unchanged", "mixed")
"""Outcomes of a plan for the crontab that leave nothing to do."""
_HELP_CHANGES = (
    "Nothing else is changed. Files and the crontab are backed up in ~/.local/state/ocarina-kit/backups. The crontab "
    "line refreshes the tokens, so that you log in only once. With n nothing is changed."
)
_HELP_KEPT = (
    "y asks for Majora, user name, client id and secret again, with the current ones as defaults. n keeps them, and "
    "goes on with what is missing."
)


def set_up(run: Run, given: Mapping[str, str], wish: Wish) -> Result:
    """All of it; ``given``: what options say. Raises KitError: without a terminal all that is missing is named at once
    (exit 2)."""
    try:
        return _Init(run, given, wish).lead()
    except KitError as problem:
        if problem.id != "FIX001" or run.ui.interactive:
            raise
    return set_up(
        run, given, wish
    )  # another process wrote the file meanwhile: its settings stay, ours are added


class _Init:
    """One run. ``steps`` are those around the configuration, None where it alone is written."""

    def __init__(self, run: Run, given: Mapping[str, str], wish: Wish) -> None:
        self.run, self.ui, self.given, self.wish = run, run.ui, given, wish
        self.asks = run.ui.interactive
        self.ask_server = not wish.offline
        self.steps: _Steps | None = None

    def lead(self) -> Result:
        config = know.look(self.run, self.wish)
        known = know.gather(self.run, self.given, self.wish)
        wrong = [each for name, each in known.missing.items() if not self.asks or name in self.given]
        document = config.document
        lost = isinstance(document, jsontext.Broken) and not document.blank
        if lost and not (self.asks or self.wish.yes or self.wish.dry_run):
            found = next(each for each in findings(config) if each.check == "CFG002")
            text = f"{found.words.text}. To write it again, with a backup of the old one: --yes"
            wrong.append(("CFG002", text))
        if wrong:
            lines = [words for _, words in wrong]
            what = "\n".join(["Settings are missing or wrong:", *lines] if len(lines) > 1 else lines)
            id = next((id for id, _ in wrong if id), "USE001")
            remedy = Remedy("Give all of it, or run init at a terminal.", ("ocarina-kit init --help",))
            raise usage_error(what, id=id, why="Nothing was written.", remedy=remedy)
        if self.asks and not (self.wish.config_only or self.wish.offline):
            self.steps = _Steps(self.run)
        kept = self.asks and self._is_kept(config, known)
        values = dict(known.values) if kept else self._values(known, lost=lost)
        return self._agree_and_do(config, values)

    def _is_kept(self, config: Config, known: Known) -> bool:
        """Whether there is a set-up, and the person keeps it: one line and one question."""
        now = settled(config)[0]
        if known.missing or any(known.values[name] != now.text(name) for name in known.given):
            return False
        try:
            setup = usable(self.run.machine, config)
        except KitError:
            return False
        rest = ", with a legacy API key" if setup.legacy_key is not None else ""
        if self.steps is not None and not rest:
            rest = self.steps.progress(setup)
        self.ui.say(f"Set up: {setup.user} at {instance_of(setup.domain)}{rest}.")
        return self.wish.yes or not self.ui.confirm("Change that?", default=False, help=_HELP_KEPT)

    def _agree_and_do(self, config: Config, values: Mapping[str, str]) -> Result:
        """One list of changes, one question, and then all of it."""
        run, ui, wish = self.run, self.ui, self.wish
        changes, setup = know.plan(run, config, values)
        rows = [(each.what.replace("chmod", "write"), know.described(run, each)) for each in changes]
        steps = None if uses_key(values) else self.steps
        requests: Sequence[Request] = ()
        if steps is not None:
            requests = steps.requests(setup, fresh=any(each.what == "set aside" for each in changes))
            rows += steps.plan(setup)
        if rows:
            if self.asks or wish.dry_run:
                ui.say("\nChanges:")
                ui.table(rows)
            if wish.dry_run or any(each.before for each in changes):
                ui.diff(difference(changes, run.machine, (values.get("CLIENT_SECRET", ""),)))
            if wish.dry_run:
                ui.say("Nothing was changed (--dry-run).")
                return Result()
            fetches = "; ".join(steps.client_plan.fetches) if steps and steps.client_plan else ""
            help = _HELP_CHANGES + (f" To install the client it fetches {fetches}." if fetches else "")
            if self.asks and not (wish.yes or ui.confirm("Apply these changes?", help=help)):
                ui.say("Nothing was changed.")
                return Result()
        know.write(run, changes)
        if steps is not None:
            return steps.do(run.setup(), requests) if rows or requests else Result()
        if not changes:
            ui.say(
                f"Nothing to change: {tilde(run.place.config, run.machine.home)} has these settings already."
            )
        if uses_key(values):
            ui.say("A legacy API key expires after 3 days, and nothing refreshes it.")
        else:
            ui.next_step(run.place.command("login"))
        return Result()

    # --- the settings: asked for, or taken

    def _values(self, known: Known, *, lost: bool) -> dict[str, str]:
        """The settings, each good by itself, and accepted by Majora. Raises KitError for its "no" to what is given."""
        values = dict(known.values)
        if self.asks and "MAJORA_TOKEN" not in known.given:  # a legacy key in the file becomes OAuth
            values["MAJORA_TOKEN"] = "OAUTH"  # noqa: S105  # the client's word for it
        wanted = ("MAJORA_DOMAIN", "MAJORA_USER", *(() if uses_key(values) else PAIR))
        asked = [name for name in wanted if self.asks and name not in known.given]
        if asked:
            self._open(lost=lost)
        for words in known.said:
            self.ui.say(words)
        if "MAJORA_DOMAIN" in asked:
            values["MAJORA_DOMAIN"] = self._ask_domain(values.get("MAJORA_DOMAIN", ""))
        if "MAJORA_USER" in asked:
            hint = " (it starts with test-)" if instance_of(values["MAJORA_DOMAIN"]) == "test" else ""
            values["MAJORA_USER"] = self._ask_value("MAJORA_USER", values.get("MAJORA_USER", ""), hint)
        pair = [name for name in PAIR if name in asked]
        if pair:
            self._explain(values["MAJORA_DOMAIN"])
        for name in pair:
            # Those in the file are another Majora's where the domain was changed.
            same = values["MAJORA_DOMAIN"] == known.values.get("MAJORA_DOMAIN")
            values[name] = self._ask_value(name, values.get(name, "") if same else "")
        while (problem := know.refusal(self.run, values, self.wish, ask=self.ask_server)) is not None:
            if not pair:
                raise problem
            self.ui.warn(f"{problem.what} {problem.why} [{problem.id}]")
            self._ask_again(values)
        return values

    def _open(self, *, lost: bool) -> None:
        file = tilde(self.run.place.config, self.run.machine.home)
        what = file if self.steps is None else f"the client, {file}, a login, a refresh every 3 hours"
        self.ui.say(
            f"This sets up ocarina: {what}.\nYou need an approved Majora account with two-factor authentication.\n"
            "Enter ? at any question for help. Nothing is written before you agree."
        )
        if lost:
            self.ui.warn(f"{file} cannot be understood; it is written again, with a backup. [CFG002]")
        self.ui.say()

    def _ask_domain(self, now: str) -> str:
        """One at which a Majora answers, or that the person wants anyway: then it is not asked about the rest."""
        rows, known = [*INSTANCES, "another address"], instance_of(now)
        default = rows.index(known) if known in INSTANCES else len(INSTANCES) if now else None
        help = ASK["MAJORA_DOMAIN"].help
        while True:
            choice = self.ui.ask_choice("Which Majora?", [(row,) for row in rows], default=default, help=help)
            domain = INSTANCES.get(rows[choice]) or self._ask_value(
                "MAJORA_DOMAIN", now if choice == default else ""
            )
            if self.wish.offline:
                return domain
            with self.ui.waiting(f"Asking {domain}", _IDENTIFY_S):
                probe = Majora(self.run.machine, domain).identify(_IDENTIFY_S)
            self.ask_server = probe.kind == "majora"
            if self.ask_server:
                return domain
            know.warn(self.run, know.no_majora(domain, probe))
            if self.ui.confirm("Use this address anyway?", default=False, help=help):
                return domain

    def _ask_value(
        self, name: str, now: str = "", hint: str = "", *, unseen: bool = False, optional: bool = False
    ) -> str:
        """One setting, asked until it is good by itself; says what was repaired in it. Enter alone gives ``now``, or ""
        where it is optional. ``unseen``: nothing that is typed is shown, as ever for the secret."""
        _, question, help = ASK[name]
        unseen = unseen or name == "CLIENT_SECRET"
        if unseen and now:
            question += ", Enter keeps the current one"
        while True:
            if unseen:
                text = self.ui.ask_secret(question, help=help).strip() or now
            else:
                text = self.ui.ask(question + hint, now, help=help)
            value = judge(name, text)
            if not text and optional:
                return ""
            if value.fault is None:
                for words in know.notes(value):
                    self.ui.say(words)
                return value.text
            if text:
                id = f" [{value.fault.check}]" if value.fault.check else ""
                self.ui.warn(f"This {value.fault.words}.{id}")

    def _explain(self, domain: str) -> None:
        self.ui.say("\nRegister ocarina as an application:")
        self.ui.raw(endpoint(domain, "register"), indent=2)
        fields = (
            ("Name", "ocarina"),
            ("Client type", "Confidential"),
            ("Authorization grant type", "Authorization code"),
            ("Redirect uris", endpoint(domain, "callback")),
        )
        self.ui.table(fields, indent=4)
        self.ui.say("Copy id and secret before you press Save: the secret is shown only once.\n")

    def _ask_again(self, values: dict[str, str]) -> None:
        """After a refusal. A secret may be pasted at any question now, so none is shown."""
        self.ui.say("Enter the secret again. Enter alone goes back to the client id.")
        secret = self._ask_value("CLIENT_SECRET", optional=True)
        if not secret:
            values["CLIENT_ID"] = self._ask_value("CLIENT_ID", values["CLIENT_ID"], unseen=True)
            secret = self._ask_value("CLIENT_SECRET")
        values["CLIENT_SECRET"] = secret


class _Steps:
    """The client, the login and the crontab line. ``client_plan`` and ``entry``: what is to be installed and scheduled,
    None where nothing is. ``problems`` were shown; one stops no other step that can go on."""

    def __init__(self, run: Run) -> None:
        self.run, self.ui = run, run.ui
        self.client = installed_client(run)
        self.client_plan: Plan | None = None
        self.entry: Planned | None = None
        self.problems: list[KitError] = []
        self._switch_on = False

    # --- what there is, and what is to be done

    def progress(self, setup: Setup) -> str:
        """How far the set-up is, in words."""
        tokens = self._tokens(setup)
        missing = [] if self.client.accepted else ["the client"]
        missing += [] if tokens and all(each.state == "ok" for each in tokens) else ["a login"]
        try:
            scheduled = self._plan_entry(setup, prove=False).plan.outcome in _IN_PLACE
        except KitError:
            scheduled = False
        missing += [] if scheduled else ["the crontab line"]
        return f". Still to do: {listed(missing)}" if missing else ", logged in, refreshed by cron"

    def _tokens(self, setup: Setup) -> list[Status]:
        """Raises KitError (TOK003) where their file cannot be read."""
        return statuses(self.run.machine, setup.tokens_file, look(self.run.machine, setup.tokens_file)[1])

    def requests(self, setup: Setup, *, fresh: bool) -> tuple[Request, ...]:
        """What to log in for: the tokens that are not valid; without any the person is asked. ``fresh``: those that
        there are do not count."""
        table = self.client.table
        if not fresh and (tokens := self._tokens(setup)):
            return tuple(request_for(each.scope, table) for each in tokens if each.state != "ok")
        self.ui.say()
        return requests_for(choose_purposes(self.ui, table), table)

    def plan(self, setup: Setup) -> list[tuple[str, str]]:
        """Plan the client and the crontab line; returns their rows for "Changes:"."""
        rows: list[tuple[str, str]] = []
        try:
            if not self.client.accepted:
                self.client_plan = install_client.plan_client(self.run)
                rows += install_client.rows_of(self.run, self.client_plan)[:1]
        except KitError as problem:
            self._failed(problem)
        try:
            entry = self._plan_entry(setup, prove=True)
            if self._is_wanted(entry):
                self.entry = entry
                rows.append(("crontab", f"one line: refresh {entry.words}"))
        except KitError as problem:
            self._failed(problem)
        return rows

    def _plan_entry(self, setup: Setup, *, prove: bool) -> Planned:
        client = self.client.candidate
        return plan_entry(self.run, setup, client, switch_on=self._switch_on, prove=prove)

    def _is_wanted(self, entry: Planned) -> bool:
        """Whether this crontab line is to be written; asks if it would be a second one, or was disabled."""
        if entry.plan.outcome in _IN_PLACE:
            return False
        if entry.unwritable is not None:
            self._failed(entry.unwritable, entry.plan.line)
            return False
        if entry.second_host and not self.ui.confirm(f"{entry.second_host} Refresh here too?", default=False):
            return False
        self._switch_on = entry.plan.outcome == "switched off"
        if self._switch_on and not self.ui.confirm("The crontab line is commented out. Use it again?"):
            return False
        for caution in entry.cautions:
            if self.client_plan is None or caution.id[:3] != "ENV":  # of the client, which is installed first
                self.ui.warn(f"{caution.what} [{caution.id}]")
        return True

    def _failed(self, problem: KitError, line: str = "") -> None:
        self.ui.error(problem)
        self.problems.append(problem)
        if line:
            self.ui.say("The line, for whoever can add it to your crontab:")
            self.ui.raw(mask(line), indent=2)

    # --- doing it

    def do(self, setup: Setup, requests: Sequence[Request]) -> Result:
        """All of it, to "Ready". If no login works there is nothing to refresh, and so nothing to schedule."""
        self._install()
        login = log_in(self.run, setup, requests, self.client)
        problem = login.error
        interrupted = problem is not None and problem.exit == Exit.INTERRUPTED
        if problem is None or (login.usable and not interrupted):
            self._schedule(setup)
        problem = problem or next(iter(self.problems), None)
        if problem is not None:
            if not interrupted:
                self.ui.next_step(self.run.place.command("init"), "goes on from here")
            return Result(error=problem, shown=True)
        if login.client_ok is False:
            login.show_end(requests)
            return Result()
        table = self.client.table
        tried = requests or [request_for(each.scope, table) for each in self._tokens(setup)]
        if commands := examples(self.client, setup.place, tried):
            self.ui.say("\nReady. Try it:")
            self.ui.command(commands[0])
        return Result()

    def _install(self) -> None:
        if self.client_plan is None:
            return
        try:
            client = install_client.install_client(self.run, self.client_plan)
            self.client = client_of(self.run, client, client.path)
        except KitError as problem:
            self._failed(problem)

    def _schedule(self, setup: Setup) -> None:
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
