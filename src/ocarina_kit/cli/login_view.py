"""What a login looks like: its results, the list of purposes, and the JSON members."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ocarina_kit.cli.render import Ui, error_members
from ocarina_kit.cli.result import Result
from ocarina_kit.core.client.scopes import BUNDLES, PURPOSES, ScopeRequest, example, has_endpoint, resolve
from ocarina_kit.core.durations import in_words
from ocarina_kit.core.errors import Exit, KitError
from ocarina_kit.core.oauth.login_report import LoginReport, LoginResult, TokenOutcome, count_links, titles
from ocarina_kit.core.oauth.oauth_errors import CLOCK_TELLS_S
from ocarina_kit.edges.client.installed_client import InstalledClient

if TYPE_CHECKING:
    from ocarina_kit.flows.login import Login


@dataclass
class LoginView:
    """``ui`` is for the person; ``out`` is the command's own, where links that a script reads go."""

    ui: Ui
    out: Ui
    login: Login
    client: InstalledClient

    # --- on the way

    def announce(self, needed: Sequence[ScopeRequest], *, settled: int) -> None:
        """How many links follow, before the first of them."""
        if needed:
            self.ui.say()
            self.ui.say(count_links(needed))

    def print_links(self, requests: Sequence[ScopeRequest]) -> list[TokenOutcome]:
        """Links, each alone on a line of standard output."""
        from ocarina_kit.flows.login_grant import begin

        outcomes = []
        for request in requests:
            link = begin(self.login, request)
            self.ui.say(f"To {titles(request)}: open this link in any browser, and press Authorize.")
            if not self.out.json:
                self.out.raw_now(link.url)
            outcomes.append(TokenOutcome(request, LoginResult.LINK, url=link.url))
        if outcomes:
            self.ui.say("Then hand over the address that it leads to, within 60 seconds:")
            self.ui.command(self.login.setup.place.command("login", "--callback", "-"))
        return outcomes

    def with_fresh_link(self, outcome: TokenOutcome) -> TokenOutcome:
        """For a code that is dead: the next link, at once (CONTRACT.md, login)."""
        from ocarina_kit.flows.login_grant import begin

        return replace(outcome, url=begin(self.login, outcome.request).url)

    def show(self, outcome: TokenOutcome) -> None:
        """What became of one token, where that is good news or no error."""
        name = titles(outcome.request)
        words = {
            LoginResult.VALID: "the token is valid",
            LoginResult.REFRESHED: "the token had expired, and was refreshed with no browser. It is valid",
            LoginResult.LOGGED_IN: "logged in. The token is valid",
        }
        if outcome.result in words:
            self.ui.good(f"To {name}: {words[outcome.result]}{self._until(outcome)}.")
        elif outcome.result is LoginResult.NOT_BEGUN:
            self.ui.say(f"To {name}: not begun.")
        if outcome.note:
            self.ui.note(outcome.note)

    def _until(self, outcome: TokenOutcome) -> str:
        from datetime import datetime

        from ocarina_kit.core.tokens.status import moment

        now = self.login.system.clock.now()
        if outcome.expires_at is None:
            return ""
        when = moment(
            datetime.fromtimestamp(outcome.expires_at).astimezone(), datetime.fromtimestamp(now).astimezone()
        )
        return f" until {when} ({in_words(outcome.expires_at - now)})"

    # --- at the end

    def result(self, outcomes: Sequence[TokenOutcome], *, error: KitError | None = None) -> Result:
        """Say what the server says, what failed, and what to do with the tokens; and hand all of it back."""
        report = LoginReport(tuple(outcomes), self.login.skew)
        final = error or report.error
        ended = error is not None and error.exit is Exit.INTERRUPTED
        if not ended:
            self._say_verdicts(report)
            self._say_clock(report)
        for outcome in report.outcomes:
            if outcome.error is not None and outcome.error is not final:
                self.ui.error(outcome.error)
        commands = self._commands(report)
        if commands and not ended:
            self.ui.say()
            one = len(commands) == 1
            self.ui.say(f"Now this works (put your own value{'' if one else 's'} in place of the CAPITALS):")
            for command in commands:
                self.ui.command(command)
        data = self._members(report, commands)
        if final is None:
            return Result(data=data)
        fresh = [outcome for outcome in report.outcomes if outcome.url and outcome.error is not None]
        if fresh:
            self.ui.error(final)
            self._say_fresh(fresh)
        return Result.failed(final, data, shown=bool(fresh))

    def _say_fresh(self, outcomes: Sequence[TokenOutcome]) -> None:
        for outcome in outcomes:
            self.ui.say()
            self.ui.say(f"A fresh link to {titles(outcome.request)}:")
            self.ui.raw_now(outcome.url)
        self.ui.say()
        self.ui.say("Open it, press Authorize, and hand over the address that it leads to:")
        self.ui.command(self.login.setup.place.command("login", "--callback", "-"))

    def _say_verdicts(self, report: LoginReport) -> None:
        usable = report.usable
        asked = [outcome.verdict for outcome in usable if outcome.verdict is not None]
        if not asked:
            if usable and not self.login.verify:
                self.ui.note("The server was not asked whether it takes the token (--no-verify).")
            return
        wanted = next((v.wanted_version for v in asked if v.client_ok is False), None)
        refused = any(v.client_ok is False for v in asked)
        accepted = any(v.client_ok for v in asked) and not refused
        alive = sum(v.kind == "alive" for v in asked)
        version = self.client.version
        if alive and alive == len(usable):
            tokens = "the token" if alive == 1 else f"all {alive} tokens"
            self.ui.good(f"The server takes {tokens}{f', and ocarina {version}' if accepted else ''}.")
        elif alive:
            self.ui.note(f"The server takes {alive} of {len(usable)} tokens; it gave no answer to the rest.")
        for verdict in asked:
            if verdict.kind == "unusable":
                self.ui.warn(f"Whether the server takes the token could not be told: {verdict.detail}.")
            elif verdict.kind == "blank-user":
                self.ui.warn(f"The server was not asked: {verdict.detail}.")
        if refused:
            newer = f" It wants {wanted} or newer." if wanted else ""
            self.ui.warn(
                f"[ENV004] The server refuses ocarina {version}, the client here.{newer} Install a newer one:"
            )
            self.ui.command("ocarina-kit install-client")
        elif version is None:
            self.ui.warn("[ENV001] No ocarina client was found on this machine. Install one:")
            self.ui.command("ocarina-kit install-client")

    def _say_clock(self, report: LoginReport) -> None:
        if report.skew is not None and abs(report.skew) > CLOCK_TELLS_S:
            side = "behind" if report.skew > 0 else "ahead of"
            self.ui.warn(
                f"[ENV007] This machine's clock is {in_words(abs(report.skew))} {side} the server's: tokens seem to "
                "live longer or shorter than they do. Have it set right."
            )

    def _commands(self, report: LoginReport) -> list[str]:
        """A command of ocarina's for each purpose that has a token now."""
        place = self.login.setup.place
        found: dict[str, None] = {}
        for outcome in report.usable:
            for purpose in outcome.request.purposes:
                words = example(
                    purpose,
                    program=self.client.program,
                    profile=place.profile,
                    env=place.from_env,
                    table=self.client.table,
                )
                if words is not None:
                    found[self._prefix() + words] = None
        return list(found)

    def _prefix(self) -> str:
        import shlex

        place = self.login.setup.place
        if place.source != "option" or place.from_env:
            return ""
        return f"OCARINA_CONF_FILE={shlex.quote(str(place.config))} "

    def _members(self, report: LoginReport, commands: Sequence[str]) -> dict[str, Any]:
        verdicts = [outcome.verdict for outcome in report.outcomes if outcome.verdict is not None]
        accepted = next((v.client_ok for v in verdicts if v.client_ok is not None), None)
        data: dict[str, Any] = {
            "tokens": [_token_members(outcome) for outcome in report.outcomes],
            "client": {"version": self.client.version, "accepted": accepted},
            "commands": list(commands),
        }
        if report.urls:
            data["urls"] = list(report.urls)
        return data


def _token_members(outcome: TokenOutcome) -> dict[str, Any]:
    members: dict[str, Any] = {
        "scope": outcome.request.scope,
        "purposes": [purpose.name for purpose in outcome.request.purposes],
        "result": outcome.result.value,
        "expires_at": outcome.expires_at,
        "verified": {"alive": True, "dead": False}.get(outcome.verdict.kind) if outcome.verdict else None,
    }
    if outcome.key and outcome.key != outcome.request.scope:
        members["stored_under"] = outcome.key
    if outcome.url:
        members["url"] = outcome.url
    if outcome.note:
        members["note"] = outcome.note
    if outcome.error is not None:
        members["error"] = error_members(outcome.error)
    return members


def list_of_purposes(ui: Ui, client: InstalledClient) -> Result:
    """``login --list``."""
    members = []
    for purpose in PURPOSES:
        scopes = [request.scope for request in resolve([purpose.name], client.table)]
        available = has_endpoint(purpose, client.table)
        members.append(
            {
                "name": purpose.name,
                "title": purpose.title,
                "description": purpose.description,
                "scopes": scopes,
                "available": available,
            }
        )
        ui.say(purpose.name, style="bold")
        ui.say(f"  {purpose.description}" + ("" if available else " The installed client cannot do it."))
    for name, names in BUNDLES.items():
        ui.say(name, style="bold")
        ui.say(f"  {', '.join(names[:-1])} and {names[-1]} together.")
    ui.say()
    if client.table is not None:
        ui.say(f"Scope strings are taken from ocarina {client.version}.")
    ui.say("Log in for some of them, for example:")
    ui.command("ocarina-kit login --for lookup --for upload")
    return Result(
        data={
            "purposes": members,
            "bundles": {name: list(names) for name, names in BUNDLES.items()},
            "client": client.version if client.table is not None else None,
        }
    )
