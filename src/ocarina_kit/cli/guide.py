"""The guided conversation of ``init`` at a terminal: from nothing to Ready, or on with what is missing.

Nothing is written before the one list of changes is agreed to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ocarina_kit.cli import init_config as know
from ocarina_kit.cli.guide_steps import Steps, Tokens
from ocarina_kit.cli.init import missing_error
from ocarina_kit.cli.login_choice import choose_purposes
from ocarina_kit.cli.ui import Result
from ocarina_kit.client.scopes import Request, request_for, requests_for
from ocarina_kit.config.setup import Config, settled, usable
from ocarina_kit.config.url import INSTANCES, endpoint, instance_of
from ocarina_kit.config.values import are_swapped, judge
from ocarina_kit.majora.api import Majora
from ocarina_kit.system.errors import Exit, KitError, Remedy
from ocarina_kit.system.words import tilde

if TYPE_CHECKING:
    from ocarina_kit.cli.context import Run
    from ocarina_kit.cli.init_config import Known, Wish

_IDENTIFY_S = 10.0

_HELP = {
    "MAJORA_DOMAIN": "Production has the real data, test is for trying things out. Accounts and tokens of one are "
    "unknown to the other. The address is the one that you open in a browser to log in to Majora. If you do not know, "
    'ask the lead of your site: "Which Majora do I use, and at which address?"',
    "MAJORA_USER": "The name with which you log in to Majora in a browser; on the test Majora it starts with test-. If "
    "you have none, register there, turn on two-factor authentication in your profile, and write to the lead of your "
    'site: "I have registered for Majora as NAME. Could you please approve my account?"',
    "CLIENT_ID": "It is in the form of the page above, 40 letters and digits; of an application that you have already, "
    "on its page at o/applications/ of your Majora. If you may not open that page, write to the lead of your site: "
    '"Could you please allow my Majora account NAME to register an application?"',
    "CLIENT_SECRET": "It is below the client id in the form, 128 letters and digits. Some servers show it only before "
    "Save, and then a hash that starts with pbkdf2_: register the application again in that case. What you paste is "
    "not shown.",
    "changes": "Nothing else is changed. Files and the crontab are backed up in ~/.local/state/ocarina-kit/backups. "
    "The crontab line refreshes the tokens, so that you log in only once. With n nothing is changed.",
    "standing": "y asks for Majora, user name, client id and secret again, with the current ones as defaults. n keeps "
    "them, and goes on with what is missing.",
}
"""What ? says at each question: where the answer comes from, whom to write to, and what to write."""


def guided(run: Run, given: Mapping[str, str], wish: Wish) -> Result:
    """Ask, agree, do. ``given``: what options say. Raises KitError; Ctrl-C is INT001 with how to go on (exit 130)."""
    try:
        return _Guide(run, given, wish).lead()
    except KeyboardInterrupt:
        run.ui.end_line()
        raise KitError(
            "Interrupted.",
            id="INT001",
            why="Nothing is half-done.",
            remedy=Remedy("To go on, run it again.", (run.place.command("init"),)),
            exit=Exit.INTERRUPTED,
        ) from None


class _Guide:
    """One conversation. ``silent``: the server gave no usable answer, or is not to be asked."""

    def __init__(self, run: Run, given: Mapping[str, str], wish: Wish) -> None:
        self.run, self.ui, self.given, self.wish = run, run.ui, given, wish
        self.only_config = wish.config_only or wish.offline
        self.steps = Steps(run)
        self.silent = wish.offline

    def lead(self) -> Result:
        config = know.look(self.run, self.wish)
        known = know.gather(self.run, self.given, self.wish)
        bad = {name: fault for name, fault in known.missing.items() if name in self.given}
        if bad:
            raise missing_error(config, known._replace(missing=bad))
        if not self.only_config:
            self.steps.find_client()
        values = dict(known.values)
        if not self._is_kept(config, known):
            values = self._ask_values(config, known)
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
        if not rest and not self.only_config:
            rest = self.steps.standing(setup)
        self.ui.say(f"Set up: {setup.user} at {instance_of(setup.domain)}{rest}.")
        return self.wish.yes or not self.ui.confirm("Change that?", default=False, help=_HELP["standing"])

    def _agree_and_do(self, config: Config, values: dict[str, str]) -> Result:
        """One list of changes, one question, and then all of it."""
        run, ui, steps = self.run, self.ui, self.steps
        changes, after = know.plan(run, config, values)
        only_config = self.only_config or know.uses_key(values)
        rows: list[tuple[str, str]] = []
        requests: tuple[Request, ...] = ()
        fresh = any(change.what == "set aside" for change in changes)
        for change in changes:
            note = ": tokens of the other Majora, with a backup" if change.what == "set aside" else ""
            what = change.what.replace("chmod", "write")
            rows.append((what, f"{tilde(change.path, run.machine.home)}{note}"))
        if not only_config:
            setup = usable(run.machine, after)
            tokens = Tokens() if fresh else steps.tokens(setup)
            if tokens.all:
                requests = tuple(request_for(scope, steps.client.table) for scope in tokens.due)
            else:
                ui.say()
                requests = requests_for(choose_purposes(ui, steps.client.table), steps.client.table)
            rows += steps.plan_all(setup)
        if rows:
            ui.say("\nChanges:")
            ui.table(rows)
            if self.wish.dry_run or any(change.before for change in changes):
                know.show(run, changes, values)
            if not self._agreed():
                return Result()
        know.write(run, changes)
        if only_config:
            know.say_end(run, values, changed=bool(changes))
            return Result()
        return steps.connect(run.setup(), requests) if rows or requests else Result()

    def _agreed(self) -> bool:
        if self.wish.dry_run:
            self.ui.say("Nothing was changed (--dry-run).")
            return False
        plan = self.steps.plan
        fetches = f" To install the client it fetches {'; '.join(plan.fetches)}." if plan is not None else ""
        if self.wish.yes or self.ui.confirm("Apply these changes?", help=_HELP["changes"] + fetches):
            self.ui.say()
            return True
        self.ui.say("Nothing was changed. To start again:")
        self.ui.command(self.run.place.command("init"))
        return False

    # --- what a person is asked

    def _ask_values(self, config: Config, known: Known) -> dict[str, str]:
        """The settings, each good by itself and id and secret accepted by Majora."""
        if "MAJORA_TOKEN" not in known.given:  # a legacy key in the file becomes OAuth
            known = know.gather(self.run, self.given, self.wish, without_key=True)
        if not {"MAJORA_DOMAIN", "MAJORA_USER", "CLIENT_ID", "CLIENT_SECRET"} <= known.given:
            self._open(config)
        for words in known.said:
            self.ui.say(f"{words}.")
        values = dict(known.values)
        values["MAJORA_DOMAIN"] = self._ask_domain(known)
        values["MAJORA_USER"] = self._ask_user(known, values["MAJORA_DOMAIN"])
        if not know.uses_key(values):
            return self._ask_application(known, values)
        know.say_verdict(self.run, know.ask_server(self.run, values, self.wish), self.wish)
        return values

    def _open(self, config: Config) -> None:
        file = tilde(self.run.place.config, self.run.machine.home)
        what = file if self.only_config else f"the client, {file}, a login, a refresh every 3 hours"
        self.ui.say(
            f"This sets up ocarina: {what}.\nYou need an approved Majora account with two-factor authentication.\n"
            "Enter ? at any question for help. Nothing is written before you agree."
        )
        if know.is_lost(config):
            self.ui.warn(f"{file} cannot be understood; it is written again, with a backup. [CFG002]")
        self.ui.say()

    def _ask_domain(self, known: Known) -> str:
        now = known.values.get("MAJORA_DOMAIN", "")
        if "MAJORA_DOMAIN" in known.given:
            return now
        names = [*INSTANCES, "another address"]
        default = None
        if now:
            default = names.index(instance_of(now)) if instance_of(now) in INSTANCES else len(INSTANCES)
        while True:
            rows = [(name,) for name in names]
            choice = self.ui.ask_choice("Which Majora?", rows, default=default, help=_HELP["MAJORA_DOMAIN"])
            domain = INSTANCES.get(names[choice], "")
            if not domain:
                domain = self._ask_value("MAJORA_DOMAIN", "Its address", now if choice == default else "")
            if self._is_majora(domain):
                return domain

    def _is_majora(self, domain: str) -> bool:
        """Whether a Majora answers, or the person wants the address anyway."""
        if self.wish.offline:
            return True
        with self.ui.waiting(f"Asking {domain}", _IDENTIFY_S):
            probe = Majora(self.run.machine, domain).identify(_IDENTIFY_S)
        self.silent = probe.kind != "majora"
        if not self.silent:
            return True
        know.say_verdict(self.run, know.no_majora(domain, probe), self.wish)
        return self.ui.confirm("Use this address anyway?", default=False, help=_HELP["MAJORA_DOMAIN"])

    def _ask_user(self, known: Known, domain: str) -> str:
        now = known.values.get("MAJORA_USER", "")
        if "MAJORA_USER" in known.given:
            return now
        hint = " (it starts with test-)" if instance_of(domain) == "test" else ""
        return self._ask_value("MAJORA_USER", f"Your Majora user name{hint}", now)

    def _ask_value(self, name: str, question: str, default: str = "", *, unseen: bool = False) -> str:
        """One setting, asked until it is good by itself; says what was repaired in it. With ``unseen`` nothing that is
        typed is shown, and Enter alone gives ``default``."""
        while True:
            if unseen:
                text = self.ui.ask_secret(question, help=_HELP[name])
            else:
                text = self.ui.ask(question, default, help=_HELP[name])
            if not text.strip():
                if unseen:
                    return default
                continue
            value = judge(name, text)
            if value.fault is None:
                for repair in value.repairs:
                    self.ui.say(f"{name} {repair}.")
                return value.text
            id = f" [{value.fault.check}]" if value.fault.check else ""
            self.ui.warn(f"This {value.fault.words}.{id}")

    # --- the application

    def _ask_application(self, known: Known, values: dict[str, str]) -> dict[str, str]:
        """Client id and secret that Majora accepts. Raises KitError for a "no" where options gave both."""
        domain = values["MAJORA_DOMAIN"]
        asked = [name for name in ("CLIENT_ID", "CLIENT_SECRET") if name not in known.given]
        # Those in the file are another Majora's where the domain was changed.
        now = known.values if known.values.get("MAJORA_DOMAIN") == domain else {}
        if asked:
            self._explain(domain)
        if "CLIENT_ID" in asked:
            values["CLIENT_ID"] = self._ask_value("CLIENT_ID", "Client id", now.get("CLIENT_ID", ""))
        if "CLIENT_SECRET" in asked:
            values["CLIENT_SECRET"] = self._ask_secret(now.get("CLIENT_SECRET", ""))
        while (problem := self._refusal(values)) is not None:
            if not asked:
                raise problem
            self.ui.warn(f"{problem.what} {problem.why} [{problem.id}]")
            self._ask_again(values)
        return values

    def _explain(self, domain: str) -> None:
        fields = (
            ("Name", "ocarina"),
            ("Client type", "Confidential"),
            ("Authorization grant type", "Authorization code"),
            ("Redirect uris", endpoint(domain, "callback")),
        )
        self.ui.say("\nRegister ocarina as an application:")
        self.ui.raw(endpoint(domain, "register"), indent=2)
        self.ui.table(fields, indent=4)
        self.ui.say("Copy id and secret before you press Save: the secret is shown only once.\n")

    def _ask_secret(self, now: str = "") -> str:
        question = "Client secret, Enter keeps the current one" if now else "Client secret"
        while not (secret := self._ask_value("CLIENT_SECRET", question, now, unseen=True)):
            pass
        return secret

    def _ask_again(self, values: dict[str, str]) -> None:
        """After a refusal. A secret may be pasted at any question now, so none is shown."""
        self.ui.say("Enter the secret again. Enter alone goes back to the client id.")
        secret = self._ask_value("CLIENT_SECRET", "Client secret", unseen=True)
        if not secret:
            values["CLIENT_ID"] = self._ask_value("CLIENT_ID", "Client id", values["CLIENT_ID"], unseen=True)
            secret = self._ask_secret()
        values["CLIENT_SECRET"] = secret

    def _refusal(self, values: dict[str, str]) -> KitError | None:
        """Why id and secret are not taken; swaps them back where they were swapped."""
        if values["CLIENT_ID"] == values["CLIENT_SECRET"]:
            return KitError(f"The client secret {know.SAME}.", id="CFG009")
        if are_swapped(values["CLIENT_ID"], values["CLIENT_SECRET"]):
            self.ui.say(f"{know.swap(values)}.")
        if self.silent:
            return None
        verdict = know.ask_server(self.run, values, self.wish)
        if verdict.word == "refused" and not self.wish.force:
            return verdict.error
        know.say_verdict(self.run, verdict, self.wish)
        return None
