"""The steps of a login, for ``login`` and ``init``: what needs no browser, then a link and a paste for the rest.

A code becomes a token on the disk in tokens/login.py. Nothing that was pasted is ever shown, and no question is asked
between a failed paste and the next one.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Mapping, Sequence
from posixpath import dirname
from shlex import quote

from ocarina_kit.cli.context import Context
from ocarina_kit.cli.ui import Ui
from ocarina_kit.client import scopes
from ocarina_kit.client.find import Clients, version_text
from ocarina_kit.config.location import Setup
from ocarina_kit.majora.answers import ProbeKind
from ocarina_kit.majora.api import Majora
from ocarina_kit.majora.grant import Pending, new_pending, save_pending
from ocarina_kit.majora.paste import Code, PasteProblem, read_paste
from ocarina_kit.system.problem import (
    Exit,
    KitError,
    Problem,
    Remedy,
    interrupted,
    usage_error,
    worst,
)
from ocarina_kit.system.secret import Secret
from ocarina_kit.system.words import clock, count, span
from ocarina_kit.tokens import log, problems
from ocarina_kit.tokens import login as tokens_login
from ocarina_kit.tokens.file import Token
from ocarina_kit.tokens.history import refused
from ocarina_kit.tokens.owner import owner_check
from ocarina_kit.tokens.refresh import BUDGET_S, refresh
from ocarina_kit.tokens.store import adopt_waiting, read_tokens

_TRY = "Try it (replace what is in capitals):"
# A token that is valid for fewer seconds is refreshed: it would expire while its user works.
LEAST_S = 60.0
_PROBE_S = 10.0

# Errors after which a new link is shown at once: cancelled, or the code is too old, was used, or may be used up.
NEW_LINK_HELPS = ("LGN011", "LGN021", "LGN026")
# Errors after which another link may still work. All others are about the client, the account or the network.
_OF_ONE_TOKEN = (*NEW_LINK_HELPS, "LGN012", "LGN013", "LGN025", "LGN028", "API001")
# Kinds of `PasteProblem` that are the server's answer: no other paste can follow for the same link.
FINAL_PASTES = ("denied", "scope", "error", "redirect-uri", "client", "two-factor")

_PASTE_HELP = (
    "The link opens Majora in a browser, on any machine. Log in there and press "
    "Authorize. The page that opens has an address with code= and state= in it: copy "
    "all of it and paste it here. Only its length is shown. If the browser shows an "
    "error, paste the words of that page."
)


def warn_of_the_shell(ui: Ui, clients: Clients) -> None:
    """Say that a person who types ocarina gets a client that Majora refuses."""
    shell, chosen = clients.shell, clients.chosen
    if shell is None or chosen is None or shell.accepted or not chosen.accepted:
        return
    ui.warn(f"[ENV004] Your shell runs {shell.path}: {shell.drawback}.")
    ui.say("Put the folder of the other client first on PATH:")
    ui.command(f"export PATH={quote(dirname(chosen.path))}:$PATH")


class Login:
    """One run, for tokens that are named by their scope strings. ``settled``: whether ocarina finds a usable token now;
    ``links``: those that were shown and wait. ``verify``: ask the server whether it accepts the tokens. ``force``: a
    link for each, even if its token is valid.

    What comes of each token is shown, errors too.
    """

    def __init__(
        self,
        context: Context,
        setup: Setup,
        clients: Clients,
        table: scopes.Table | None,
        *,
        verify: bool = True,
        force: bool = False,
    ) -> None:
        self.context = context
        self.machine = context.machine
        self.ui = context.ui
        self.setup = setup
        self.table = table
        self.majora = Majora(
            context.machine, setup.domain, setup.client_id, setup.client_secret
        )
        self.settled: dict[str, bool] = {}
        self.links: dict[str, str] = {}
        client = clients.chosen
        self._program = (
            "ocarina" if client is None or client is clients.shell else client.path
        )
        self._version = version_text(client.version) if client is not None else ""
        self._clients = clients
        self._client_ok = client is not None and client.accepted
        self._problems: list[Problem] = []
        self._verify = verify
        self._force = force
        self._skew: float | None = None

    @property
    def problem(self) -> Problem | None:
        """The worst of what failed and was shown; None if all went well."""
        code = worst(problem.exit for problem in self._problems)
        for problem in self._problems:
            if problem.exit == code:
                return problem
        return None

    def get(self, wanted: Sequence[str], browser: bool | None = None) -> None:
        """Get a token for each scope string: one that is valid stays, an expired one is refreshed, a person opens a
        link for the rest.

        ``browser``: open the links in one; None: if it can be seen. Ctrl-C at a paste is the error INT001 (exit 130).
        Raises KitError if nothing could be begun: the tokens file cannot be read, locked or written.
        """
        needed = self.settle(wanted)
        if needed and self.ui.interactive:
            self._ask_for(
                needed, is_visible(self.machine.environ) if browser is None else browser
            )
        elif needed:
            many = count(len(needed), "token")
            what = f"A person must log in in a browser for {many}; there is no terminal to ask in."
            why = (
                ""
                if self._force
                else "No token was found that is valid or can be refreshed."
            )
            text = "Print the link, open it, then paste the address of the page that opens."
            remedy = Remedy(text, (self.login_command(*needed), self.paste_command))
            self.fail(usage_error(what, id="LGN015", why=why, remedy=remedy).problem)

    # --- what needs no browser

    def settle(self, wanted: Sequence[str]) -> list[str]:
        """Do what needs no browser; returns those that need one. Raises KitError for the tokens file."""
        with self.ui.waiting("Looking at the tokens file", 90.0) as say:
            aside = tokens_login.quarantine_damaged(self.machine, self.setup, say)
            adopt_waiting(self.machine, self.setup, "login", say)
        if aside:
            self.ui.warn(aside)
        check_owner = owner_check(self.machine, self.setup)
        lines = log.read_log(self.machine)
        hopeless = refused(log.lines_about(self.machine, self.setup.tokens_file, lines))
        due = []
        for scope in wanted:
            token = self._token(scope)
            if self._force or token is None:
                continue
            other = check_owner(token)
            if other is not None:
                self.ui.say(f"{other.text} A new login replaces it.")
                continue
            valid = (
                not token.malformed and token.seconds_left(self.machine.now()) > LEAST_S
            )
            if valid and not self._is_refused(token):
                self._got(scope, "valid")
            elif token.can_refresh and token.digest not in hopeless:
                due.append(scope)
        if due:
            self._refresh(due)
        return [scope for scope in wanted if scope not in self.settled]

    def _refresh(self, due: Sequence[str]) -> None:
        with self.ui.waiting(
            "Waiting for Majora to refresh the tokens", BUDGET_S
        ) as say:
            report = refresh(
                self.machine, self.setup, scopes=due, by="login", waiting=say
            )
        self._skew = report.skew
        if report.interrupted:
            raise KeyboardInterrupt
        for each in report.outcomes:
            problem = each.problem or self._got(each.scope, "refreshed")
            if problem is not None and problem.exit == Exit.LOGIN:
                self.ui.say(f"{problem.text} A new login is needed.")
            elif problem is not None:
                self.fail(problem, each.scope)

    # --- a link and a paste

    def _ask_for(self, needed: Sequence[str], browser: bool) -> None:
        """One link after another, at a terminal. One that is refused for its own reasons stops no other.

        Raises KitError if the tokens file cannot be locked or written, before anybody opens a browser.
        """
        with self.ui.waiting("Looking at the tokens file", 90.0) as say:
            tokens_login.prove_writable(self.machine, self.setup, say)
        several = len(needed) > 1
        self.ui.say(
            f"{count(len(needed), 'link')} to open{', one after another' if several else ''}."
        )
        for number, scope in enumerate(needed, start=1):
            which = (
                f"Link {number} of {len(needed)}, to {self.words(scope)}:"
                if several
                else ""
            )
            try:
                self._grant(scope, which, browser)
            except KeyboardInterrupt:
                left = [each for each in needed if each not in self.settled]
                if not left:  # the last token is saved
                    raise
                self._interrupted(left)
                return
            except KitError as error:
                self.fail(error.problem, scope)
                self.ui.terminal.drop_input()
                if error.problem.id not in _OF_ONE_TOKEN:
                    return

    def _grant(self, scope: str, which: str, browser: bool) -> None:
        """Links, until one brings the token. Raises KitError, if a new link does not help."""
        while True:
            pending = self.begin(scope)
            self.ui.say()
            if which:
                self.ui.heading(which)
            start = "Open this link, press"
            if browser:
                start = "Your browser opens this link. Press"
                open_link(self.links[scope])
            self.ui.say(
                f"{start} Authorize, and paste the address of the page that opens "
                "within 60 seconds:\n"
            )
            try:
                self.redeem(pending, self._ask(pending))
            except KitError as error:
                if error.problem.id not in NEW_LINK_HELPS:
                    raise
                self.ui.caution(error.problem)
            else:
                return
            which = f"A new link, to {self.words(scope)}:"

    def begin(self, scope: str) -> Pending:
        """A new link, in ``links``; it may be shown once this returns. Raises KitError."""
        pending, self.links[scope] = new_pending(self.machine, self.setup, scope)
        save_pending(self.machine, pending)
        return pending

    def _ask(self, pending: Pending) -> Secret:
        """Show the link, and take pastes until one holds its code. Raises KitError for an error of the server's."""
        # The link is in the prompt: when it is shown, a paste can be taken already.
        error_page = "Or paste the words of an error page."
        prompt = f"{self.links[pending.scope]}\n\n{error_page}\n> "
        while True:
            found = read_paste(
                self.ui.ask_paste(prompt, help=_PASTE_HELP),
                self.setup.domain,
                (pending.state,),
            )
            if isinstance(found, Code):
                return found.code
            problem = self.paste_problem(found, pending.scope)
            if found.kind in FINAL_PASTES:
                raise KitError(problem)
            if found.kind == "authorize-link":
                self.check_client()
            step = (
                "Use the link above."
                if found.kind == "wrong-state"
                else problem.remedy.text
            )
            self.ui.caution(problem, step)
            prompt = "> "

    def check_client(self) -> None:
        """Ask Majora whether it knows the client at all.

        Whoever pastes the link back may have met the server's error page.

        Raises:
            KitError: CRD001 if it does not.
        """
        with self.ui.waiting("Asking Majora whether it knows the client", _PROBE_S):
            client = self.majora.probe_client(_PROBE_S)
        if client.kind is ProbeKind.UNKNOWN:
            unknown = "It does not know this client id."
            raise KitError(problems.unknown_client(unknown, self.setup))

    def redeem_paste(self, pending: Pending, paste: Code | PasteProblem) -> None:
        """Exchange the code of a paste.

        Raises:
            KitError: If there is no code in it, or no token that ocarina can use then.
        """
        if isinstance(paste, PasteProblem):
            raise KitError(self.paste_problem(paste, pending.scope))
        self.redeem(pending, paste.code)

    def redeem(self, pending: Pending, code: Secret) -> None:
        """Exchange a code, unless that was done before. Raises KitError if there is no token that ocarina can use then,
        and KeyboardInterrupt if the person asked to end, once what came of it is saved."""
        scope, now = pending.scope, self.machine.now()
        login = self.login_command(scope)
        if not pending.sent:
            with self.ui.waiting(
                "Waiting for Majora to give the token", BUDGET_S
            ) as say:
                report = tokens_login.redeem(
                    self.machine, self.setup, pending, code, login, waiting=say
                )
            self._skew = report.skew
            problem = report.outcomes[0].problem or self._got(scope, "logged in")
            if problem is not None and problem.id == "LGN021":
                self.links.pop(scope, None)  # it is not open any more
            if report.interrupted:
                raise KeyboardInterrupt
            if problem is None:
                return
        else:
            used = now - pending.sent
            problem = problems.code_used(used, self.setup, (scope,), login)
        # Another login, or the earlier use of this code, may have brought the token since the link was shown.
        token = self._token(scope) or Token(scope)
        is_new = (
            token.last_refresh(now) or 0.0
        ) >= pending.created and token.seconds_left(now) > LEAST_S
        if problem.id != "LGN021" or not is_new:
            raise KitError(problem)
        self.ui.caution(problem, "No new link is needed.")
        self._got(scope, "valid")

    def _interrupted(self, left: Sequence[str]) -> None:
        """Say how to continue: every link that is still open, those that would have followed included."""
        self.ui.end_line()
        self.ui.say("Still open, for an hour:")
        for scope in left:
            if scope not in self.links:
                self.begin(scope)
            self.ui.say(f"{self.words(scope)}:")
            self.ui.raw(self.links[scope])
        text = "Open each link above and paste the addresses here; or start again."
        remedy = Remedy(text, (self.paste_command, self.login_command(*left)))
        what = f"Interrupted; {count(len(left), 'login')} not finished."
        self.fail(interrupted(what, "What was done is saved.", remedy).problem)

    # --- what comes of it

    def fail(self, problem: Problem, scope: str | None = None) -> None:
        """Show a problem; with a scope it ends the login for that."""
        if scope is not None:
            self.settled[scope] = False
        self._problems.append(problem)
        self.ui.error(problem)

    def words(self, scope: str) -> str:
        return scopes.what_for(scope, self.table)

    def login_command(self, *wanted: str) -> str:
        """The command for a new link; without a terminal it is printed."""
        options = ["--force"] if self._force else []
        if not self.ui.interactive:
            options.append("--print-url")
        return problems.login_command(self.setup, wanted, *options, table=self.table)

    @property
    def paste_command(self) -> str:
        return self.setup.location.command("login", "--callback", "-")

    def paste_problem(self, found: PasteProblem, *wanted: str) -> Problem:
        """Describe a paste without a code."""
        login = self.login_command(*wanted)
        return problems.unusable_paste(found, self.setup, wanted, login)

    def show_end(self, title: str = _TRY, most: int | None = None) -> None:
        """Commands to try (``most``: only so many), if the server accepts the client; otherwise how to get one that it
        accepts."""
        if note := problems.clock_note(self._skew):
            self.ui.warn(f"[ENV007]{note}")
        location = self.setup.location
        done = [scope for scope, usable in self.settled.items() if usable]
        if not done or (
            self.problem is not None and self.problem.exit == Exit.INTERRUPTED
        ):
            return
        if self._client_ok:
            examples = [
                scopes.example(self._program, location, scope, self.table)
                for scope in done
            ]
            lines = dict.fromkeys(line for example in examples for line in example)
            if lines:
                self.ui.say(title)
                self.ui.command("\n".join(list(lines)[:most]))
            warn_of_the_shell(self.ui, self._clients)
            return
        old = f"[ENV004] Majora does not accept ocarina {self._version}."
        self.ui.warn(
            old
            if self._version
            else "[ENV001] No ocarina client was found on this machine."
        )
        self.ui.next_step(location.command("install-client"))

    def _got(self, scope: str, word: str) -> Problem | None:
        """Show a token that is in the file, once Majora has accepted it; returns why it did not."""
        token = self._token(scope) or Token(scope)
        self.settled[scope] = True  # before the server is asked: Ctrl-C may end that
        if word != "valid" and self._is_refused(token):
            refusal = log.make_line(
                self.machine,
                self.setup,
                "login",
                log.Event.REFUSED_ACCESS,
                scope,
                token,
            )
            with contextlib.suppress(KitError):
                log.append(self.machine, [refusal])
            return problems.inactive_account(self.setup)
        now = self.machine.now()
        left = f"for {span(token.seconds_left(now) + 30)}"
        valid = (
            f"until {clock(token.expiry(now), now)}, {left}"
            if word == "valid"
            else f"valid {left}"
        )
        self.ui.status(word, f"{self.words(scope)}: {valid}")
        return None

    def _is_refused(self, token: Token) -> bool:
        """Whether the server refuses a token (a harmless query), as far as it was asked and answered."""
        if not self._verify or token.access_token is None:
            return False
        version = self._version or None
        with self.ui.waiting("Asking Majora whether it accepts the token", _PROBE_S):
            probe = self.majora.probe_token(
                token.access_token, self.setup.user, version, _PROBE_S
            )
        self._skew = probe.skew
        if probe.kind is ProbeKind.NO_ANSWER:
            self._verify = False
            self.ui.warn(
                f"Majora was not asked whether it accepts the tokens: {probe.message}."
            )
        if probe.client_ok is not None:
            self._client_ok = probe.client_ok
        return probe.kind is ProbeKind.REFUSED

    def _token(self, scope: str) -> Token | None:
        return read_tokens(self.machine, self.setup.tokens_file)[1].get(scope)


# --- the browser


def is_visible(environ: Mapping[str, str]) -> bool:
    """Whether a browser that is started here would be seen: not over SSH, not without a display."""
    if any(environ.get(name) for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")):
        return False
    return sys.platform == "darwin" or bool(
        environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")
    )


def open_link(link: str) -> None:
    """Open ``link``, which holds no secret: it becomes an argument of the browser. Never raises, and never waits."""
    import webbrowser

    def work() -> None:
        # Whatever a desktop's settings do: the link is on the screen too.
        with contextlib.suppress(Exception):
            webbrowser.open(link)

    with contextlib.suppress(RuntimeError):  # the system allows no more threads
        threading.Thread(target=work, daemon=True).start()
