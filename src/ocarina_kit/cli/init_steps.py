"""What ``init`` does: the configuration, and at a terminal the client, the login and the crontab line as well.

Each step asks what is missing, or takes what was given. All is planned before anybody agrees, and each step is complete
when it is done: an interrupt loses nothing, and init goes on from there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence

from ocarina_kit.cli import init_settings as know
from ocarina_kit.cli import install_client
from ocarina_kit.cli.context import Context
from ocarina_kit.cli.init_settings import (
    ASK,
    REFUSED_BY_MAJORA,
    Known,
    Wish,
    ask,
    settings_of,
    without_secret,
)
from ocarina_kit.cli.login import SEARCH_S, choose_purposes, find_client
from ocarina_kit.cli.login_steps import Login, warn_of_the_shell
from ocarina_kit.cli.schedule_line import (
    PLAN_S,
    Planned,
    install_entry,
    plan_entry,
    try_line,
)
from ocarina_kit.cli.ui import Result
from ocarina_kit.client.find import Clients, read_table
from ocarina_kit.client.install import Plan
from ocarina_kit.client.scopes import scopes_for
from ocarina_kit.config.location import NO_TOKENS, Setup
from ocarina_kit.config.names import PAIR
from ocarina_kit.config.url import INSTANCES, endpoint, instance_of
from ocarina_kit.config.values import is_api_key
from ocarina_kit.doctor.setup import usable
from ocarina_kit.doctor.world import World
from ocarina_kit.majora.answers import ProbeKind
from ocarina_kit.majora.api import Majora
from ocarina_kit.schedule.plan import PlanOutcome
from ocarina_kit.system.change import Action, Change, difference
from ocarina_kit.system.problem import Exit, KitError, Problem, Remedy, usage_error
from ocarina_kit.system.words import listed
from ocarina_kit.tokens.file import Token
from ocarina_kit.tokens.store import effective_tokens, read_tokens

Rows = list[tuple[str, str]]
_IDENTIFY_S = 10.0
_FORM = (
    ("Name", "ocarina"),
    ("Client type", "Confidential"),
    ("Authorization grant type", "Authorization code"),
)
_HELP_CHANGES = (
    "Nothing else is changed. Files and the crontab are backed up in ~/.local/state/ocarina-kit/backups. The crontab "
    "line refreshes the tokens, so that you log in only once. What is fetched for the client, and from where: "
    "ocarina-kit install-client --dry-run. With n nothing is changed."
)
_HELP_KEPT = (
    "y asks for Majora, user name, client id and secret again, with the current ones as defaults. n keeps them, and "
    "goes on with what is missing."
)


def set_up(
    context: Context, given: Mapping[str, str], wish: Wish, tries: int = 50
) -> Result:
    """All of it; ``given``: what options say. Raises KitError: without a terminal it names all that is missing (2)."""
    try:
        return _Init(context, given, wish).lead()
    except KitError as error:
        if error.problem.id != "FIX001" or context.ui.interactive or tries == 1:
            raise
    # Another process wrote the file meanwhile: its settings stay, ours are added. Dozens may do so at once.
    return set_up(context, given, wish, tries - 1)


class _Init:
    """One run. ``lost``: nobody understands the text of the file. ``complete``: the steps around the configuration,
    too. ``client_plan`` and ``entry``: what is to be installed and scheduled, None if nothing is. ``problems`` were
    shown; one stops no other step that can go on."""

    def __init__(self, context: Context, given: Mapping[str, str], wish: Wish) -> None:
        self.context, self.ui, self.given, self.wish = context, context.ui, given, wish
        self.config, self.corrected = know.look(context, wish)
        broken = self.config.broken
        self.lost = (
            self.config.readable is None and broken is not None and not broken.blank
        )
        self.asks = context.ui.interactive
        self.complete = self.asks and not (wish.config_only or wish.offline)
        self.clients, self.table = (
            find_client(context) if self.complete else (Clients(), None)
        )
        self.client_plan: Plan | None = None
        self.entry: Planned | None = None
        self.problems: list[Problem] = []

    def lead(self) -> Result:
        wish = self.wish
        known = know.gather(self.context, self.config, self.given, wish)
        wrong = [
            each
            for name, each in known.missing.items()
            if not self.asks or name in self.given
        ]
        if self.lost and not (self.asks or wish.yes or wish.dry_run):
            said = World.of(self.config).config_findings["CFG002"].said
            wrong.append(
                (
                    "CFG002",
                    f"{said}. To write it again, with a backup of the old one: --yes",
                )
            )
        if wrong:
            what = "\n".join(
                ["Settings are missing or wrong:", *(words for _, words in wrong)]
            )
            id = next((id for id, _ in wrong if id), "USE001")
            remedy = Remedy(
                "Give all of it, or run init at a terminal.",
                ("ocarina-kit init --help",),
            )
            raise usage_error(what, id=id, why="Nothing was written.", remedy=remedy)
        setup = self._current(known) if self.asks else None
        if setup is not None and not wish.offline:
            settings = settings_of(setup)
            probe = know.probe_server(self.context, settings)
            problem = know.problem_of(self.context, settings, probe)
            if problem is not None:
                place = f"{setup.user} at {instance_of(setup.domain)}"
                self.ui.say(f"Set up: {place}, but it does not work.")
                self.ui.caution(problem, problem.remedy.text)
            if problem is not None and problem.id in REFUSED_BY_MAJORA:
                return self._agree_and_do(self._values(without_secret(known)))
            if know.is_wrong_address(probe):
                return self._agree_and_do(self._values(known))
        if setup is None:
            return self._agree_and_do(self._values(known))
        rows: Rows = []
        to_do: list[str] = []
        rest = ", with a legacy API key" if setup.legacy_key is not None else ""
        if self.complete and not rest:
            rows = self._plan(setup)
            to_do = self._to_do(setup)
            rest = (
                f". Still to do: {listed(to_do)}"
                if to_do
                else ", logged in, refreshed by cron"
            )
        self.ui.say(f"Set up: {setup.user} at {instance_of(setup.domain)}{rest}.")
        if wish.yes or not self.ui.confirm(
            "Change that?", default=False, help=_HELP_KEPT
        ):
            return self._agree_and_do({}, rows, due=bool(to_do))
        return self._agree_and_do(self._values(known))

    def _current(self, known: Known) -> Setup | None:
        """The set-up that there is; None if it lacks something, or something else is asked for."""
        other = any(
            self.config.text(name) != known.values[name] for name in known.given
        )
        if not other and not known.missing:
            with contextlib.suppress(KitError):
                return usable(World.of(self.config))
        return None

    def _agree_and_do(
        self,
        values: Mapping[str, str],
        planned: Rows | None = None,
        *,
        due: bool = True,
    ) -> Result:
        """One list of changes, one question, and then all of it. ``values``: the settings to write; without any those
        in the file stay. ``planned``: the rows beside the configuration, if known. ``due``: also if nothing changes."""
        context, ui, wish = self.context, self.ui, self.wish
        changes, setup = know.plan(context, self.config, self.corrected, values)
        rows = [
            (each.action.value.replace("chmod", "write"), know.described(each))
            for each in changes
        ]
        complete = self.complete and setup.legacy_key is None
        wanted: Sequence[str] = ()
        if complete:
            moved = any(each.action is Action.SET_ASIDE for each in changes)
            wanted = self._wanted([] if moved else self._tokens(setup))
            rows += self._plan(setup) if planned is None else planned
            for caution in self.entry.cautions if self.entry is not None else ():
                # Those of the client are not said if one is installed first.
                if self.client_plan is None or caution.id not in (
                    "ENV001",
                    "ENV005",
                    "SCH003",
                ):
                    ui.caution(caution)
        if rows and (self.asks or wish.dry_run):
            ui.say("\nChanges:")
            ui.table(rows)
        shown = list(changes)
        if wish.dry_run and self.entry is not None:
            before, plan = self.entry.world.listing.content, self.entry.plan
            shown.append(
                Change(Action.CRONTAB, kind="crontab", before=before, after=plan.after)
            )
        if wish.dry_run or any(each.before for each in changes):
            ui.diff(
                difference(
                    shown, context.machine, (setup.legacy_key or setup.client_secret,)
                )
            )
        asks = rows and self.asks and not wish.yes
        if wish.dry_run or (
            asks and not ui.confirm("Apply these changes?", help=_HELP_CHANGES)
        ):
            ui.say("Nothing was changed.")
            return Result()
        if asks:
            ui.say()
        know.write(context, self.config, changes)
        if complete and (rows or due):
            return self._do(context.setup(), wanted)
        if not changes:
            ui.say(
                f"Nothing to change: {context.location.config} has these settings already."
            )
        warn_of_the_shell(ui, self.clients)
        if setup.legacy_key is not None:
            ui.say(NO_TOKENS)
        elif not complete:
            self._name_the_next_step(setup)
        return Result()

    def _name_the_next_step(self, setup: Setup) -> None:
        """Name what is to be done once the configuration is there."""
        now = self.context.machine.now()
        with contextlib.suppress(KitError):
            tokens = self._tokens(setup)
            if any(
                token.can_refresh or token.seconds_left(now) > 0 for token in tokens
            ):
                if not self.context.world().entries.active:
                    self.ui.next_step(self.context.location.command("schedule"))
                return
        self.ui.next_step(self.context.location.command("login"))

    # --- the settings: asked for, or taken

    def _values(self, known: Known) -> dict[str, str]:
        """The settings, each good by itself, and accepted by Majora. Raises KitError for its "no" to what is given."""
        values = dict(known.values)
        if (
            self.asks and "MAJORA_TOKEN" not in known.given
        ):  # a legacy key in the file becomes OAuth
            values["MAJORA_TOKEN"] = "OAUTH"  # noqa: S105  # the client's word for it
        wanted = (
            "MAJORA_DOMAIN",
            "MAJORA_USER",
            *(() if is_api_key(values["MAJORA_TOKEN"]) else PAIR),
        )
        asked = [name for name in wanted if self.asks and name not in known.given]
        if asked:
            self._open()
        for words in known.said:
            self.ui.say(words)
        if "MAJORA_DOMAIN" in asked:
            values["MAJORA_DOMAIN"] = self._ask_domain(values.get("MAJORA_DOMAIN", ""))
        if "MAJORA_USER" in asked:
            values["MAJORA_USER"] = ask(
                self.ui, "MAJORA_USER", values.get("MAJORA_USER", "")
            )
        pair, domain = [name for name in PAIR if name in asked], values["MAJORA_DOMAIN"]
        if pair:
            self.ui.say("\nRegister ocarina as an application:")
            self.ui.raw(endpoint(domain, "register"), indent=2)
            self.ui.table(
                [*_FORM, ("Redirect uris", endpoint(domain, "callback"))], indent=4
            )
            self.ui.say(
                "Copy id and secret before you press Save: the secret is shown only once.\n"
            )
        # Those in the file are another Majora's if the domain was changed.
        now = {} if know.moves(self.config, domain) else values
        for name in pair:
            values[name] = ask(self.ui, name, now.get(name, ""))
        while (problem := know.refusal(self.context, values, self.wish)) is not None:
            if not pair:
                raise KitError(problem)
            self.ui.caution(problem)
            # A secret may be pasted at any question now, so none is shown.
            self.ui.say(
                "Enter the secret again. Enter alone goes back to the client id."
            )
            secret = ask(self.ui, "CLIENT_SECRET", optional=True)
            if not secret:
                values["CLIENT_ID"] = ask(
                    self.ui, "CLIENT_ID", values["CLIENT_ID"], unseen=True
                )
            values["CLIENT_SECRET"] = secret or ask(self.ui, "CLIENT_SECRET")
        return values

    def _open(self) -> None:
        file = self.context.location.config
        what = (
            f"the client, {file}, a login, a refresh every 3 hours"
            if self.complete
            else str(file)
        )
        self.ui.say(
            f"This sets up ocarina: {what}.\nYou need an approved Majora account with two-factor authentication.\n"
            "Enter ? at any question for help. Nothing is written before you agree."
        )
        if self.lost:
            self.ui.warn(
                f"{file} cannot be understood; it is written again, with a backup. [CFG002]"
            )
        self.ui.say()

    def _ask_domain(self, now: str) -> str:
        """One at which a Majora answers, or that the person wants anyway: then it is not asked about the rest."""
        domains, help = [*INSTANCES.values(), now], ASK["MAJORA_DOMAIN"].help
        default = domains.index(now) if now else None
        rows = [(name,) for name in (*INSTANCES, "another address")]
        while True:
            choice = self.ui.ask_choice(
                "Which Majora?", rows, default=default, help=help
            )
            domain = domains[choice]
            if choice == len(INSTANCES):
                domain = ask(self.ui, "MAJORA_DOMAIN", now if choice == default else "")
            if self.wish.offline:
                return domain
            with self.ui.waiting(f"Asking {domain}", _IDENTIFY_S):
                probe = Majora(self.context.machine, domain).identify(_IDENTIFY_S)
            if probe.kind is ProbeKind.MAJORA:
                return domain
            problem = know.no_majora(self.context, domain, probe)
            self.ui.caution(problem, problem.remedy.text)
            if self.ui.confirm("Use this address anyway?", default=False, help=help):
                self.wish = self.wish._replace(offline=True)
                return domain

    # --- the client, the login, the crontab line: what is missing

    def _to_do(self, setup: Setup) -> list[str]:
        """What there is still to do once that is planned, in words."""
        tokens, now = self._tokens(setup), self.context.machine.now()
        logged_in = tokens and all(
            each.seconds_left(now) > 0 and not each.malformed for each in tokens
        )
        steps = {
            "the client": self.client_plan is not None,
            "a login": not logged_in,
            "the crontab line": self.entry is not None,
        }
        return [words for words, due in steps.items() if due]

    def _tokens(self, setup: Setup) -> tuple[Token, ...]:
        """Raises KitError (TOK003) if their file cannot be read."""
        machine = self.context.machine
        return effective_tokens(
            machine, setup, read_tokens(machine, setup.tokens_file)[1]
        )

    def _wanted(self, tokens: Sequence[Token]) -> list[str]:
        """What to log in for: the tokens that there are; without any the person is asked."""
        if tokens:
            return [each.key for each in tokens]
        self.ui.say()
        return scopes_for(choose_purposes(self.ui, self.table), self.table)

    def _plan(self, setup: Setup) -> Rows:
        """Plan the client and the crontab line; returns their rows for "Changes:"."""
        rows: Rows = []
        self.client_plan = self.entry = None
        self.problems = []
        with self._step():
            chosen = self.clients.chosen
            if chosen is None or not chosen.accepted:
                self.client_plan = install_client.plan_client(self.context)
                rows += install_client.rows_of(self.client_plan)[:1]
        with self._step():
            with self.ui.waiting("Planning the crontab line", PLAN_S):
                entry = plan_entry(self.context, setup, self.clients.chosen)
            # A client that is installed first comes into the line that there is, too.
            unchanged = (
                entry.plan.outcome is PlanOutcome.UNCHANGED and self.client_plan is None
            )
            if unchanged or entry.plan.outcome is PlanOutcome.MIXED:
                return rows
            if entry.problem is not None:
                raise KitError(entry.problem)
            if entry.left:
                # Only schedule adds a second one, or uses one again that somebody has disabled.
                self.ui.say(
                    f"{entry.left} To have one here anyway: {self.context.location.command('schedule')}"
                )
                return rows
            self.entry = entry
            rows.append(("crontab", f"one line: refresh {entry.entry.when}"))
        return rows

    @contextlib.contextmanager
    def _step(self) -> Iterator[None]:
        """One that fails is shown, and stops no other."""
        try:
            yield
        except KitError as error:
            self.ui.error(error.problem)
            self.problems.append(error.problem)

    # --- doing it

    def _do(self, setup: Setup, wanted: Sequence[str]) -> Result:
        """All of it, to "Ready". If no login works there is nothing to refresh, and so nothing to schedule."""
        context, ui = self.context, self.ui
        with self._step():
            if self.client_plan is not None:
                client = install_client.install_client(context, self.client_plan)
                self.clients = Clients((client,), chosen=client)
                self.table = read_table(context.machine, client, timeout=SEARCH_S)
        login = Login(context, setup, self.clients, self.table)
        login.get(wanted)
        failure = login.problem
        interrupted = failure is not None and failure.exit == Exit.INTERRUPTED
        if self.entry is not None and any(login.settled.values()) and not interrupted:
            with self._step():
                # Planned again: there may be a client now.
                with ui.waiting("Planning the crontab line", PLAN_S):
                    entry = plan_entry(context, setup, self.clients.chosen, prove=False)
                install_entry(context, setup, entry.edit)
                trial = try_line(context, setup, entry.entry)
                done = "failed" if trial.error else trial.refreshed
                ui.status("scheduled", f"{entry.when}; a test run {done}")
                if trial.error is not None:
                    raise KitError(trial.error)
        problem = failure or next(iter(self.problems), None)
        if problem is None:
            login.show_end("\nReady. Try it:", most=1)
        elif not interrupted:
            self._say_what_is_missing(setup)
            ui.next_step(context.location.command("init"), "goes on from here")
        return Result(problem=problem, shown=True)

    def _say_what_is_missing(self, setup: Setup) -> None:
        client = self.clients.chosen
        has_client = client is not None and client.accepted
        missing = [] if has_client else ["the client"]
        now = self.context.machine.now()
        if not any(token.seconds_left(now) > 0 for token in self._tokens(setup)):
            missing.append("a login")
        if not self.context.world().entries.active:
            missing.append("the crontab line")
        if missing:
            self.ui.say(f"Still missing: {listed(missing)}.")
        if not has_client:
            self.ui.say(
                "Without the client no ocarina command works. ocarina-kit refreshes "
                "the tokens meanwhile."
            )
