"""The steps of a login, for ``login`` and ``init``: what needs no browser, then a link and a paste for the rest.

A code becomes a token on the disk in tokens/login.py. Nothing that was pasted is ever shown, and no question is asked
between a failed paste and the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ocarina_kit.cli.browser import is_visible, open_link
from ocarina_kit.cli.context import Run
from ocarina_kit.client import scopes
from ocarina_kit.config.place import Setup
from ocarina_kit.majora.api import Majora
from ocarina_kit.majora.grant import Pending, new_pending, save_pending
from ocarina_kit.majora.messages import Ways, client_error, clock_note, paste_error
from ocarina_kit.majora.paste import Code, read_paste
from ocarina_kit.system.errors import Exit, KitError, Remedy, usage_error, worst
from ocarina_kit.system.words import clock, count, span
from ocarina_kit.tokens import login as grants
from ocarina_kit.tokens import outcome as told
from ocarina_kit.tokens.outcome import Outcome, Report
from ocarina_kit.tokens.refresh import BUDGET_S, refresh
from ocarina_kit.tokens.store import look

if TYPE_CHECKING:
    from ocarina_kit.cli.login_choice import Client
    from ocarina_kit.client.scopes import Request
    from ocarina_kit.system.secret import Secret
    from ocarina_kit.tokens.file import Token

LEAST_S = 60.0
"""A token that is valid for fewer seconds is refreshed: it would expire while its user works."""
_PROBE_S = 10.0
_LINKS = 4
"""Links that are shown for one token; after that something else is wrong."""
_PASTES = 6
"""Pastes without a code, after which a prompt gives up."""

NEW_LINK_HELPS = ("LGN011", "LGN021", "LGN026")
"""Errors after which a new link is shown at once: cancelled, or the code is too old, was used, or may be used up."""
_OF_ONE_TOKEN = (*NEW_LINK_HELPS, "LGN012", "LGN013", "LGN025", "LGN028", "API001")
"""Errors after which another link may still work. All others are about the client, the account or the network."""
_FINAL_PASTES = ("denied", "scope", "error", "redirect-page", "client-page")

_PASTE_HELP = (
    "The link opens Majora in a browser, on any machine. Log in there and press Authorize. The page that opens has an "
    "address with code= and state= in it: copy all of it and paste it here. Only its length is shown."
)


class Done(NamedTuple):
    """What came of it: an outcome for each request, in their order. ``errors`` have been shown.

    ``client_ok``: whether the server accepts the installed client, None if unknown; ``wanted``: the version it wants.
    """

    outcomes: tuple[Outcome, ...]
    errors: tuple[KitError, ...] = ()
    client_ok: bool | None = None
    wanted: str = ""

    @property
    def error(self) -> KitError | None:
        """The worst, None where all went well."""
        code = worst(error.exit for error in self.errors)
        return next((error for error in self.errors if error.exit == code), None)

    @property
    def usable(self) -> tuple[str, ...]:
        """The scope strings for which ocarina finds a token now."""
        done = (each for each in self.outcomes if each.problem is None and each.result != "not-begun")
        return tuple(each.scope for each in done)


def log_in(
    run: Run,
    setup: Setup,
    requests: Sequence[Request],
    client: Client,
    *,
    force: bool = False,
    verify: bool = True,
    browser: bool | None = None,
) -> Done:
    """Get a token for each request: one that is valid stays, an expired one is refreshed, a person opens a link for
    the rest. What comes of each is shown, errors too.

    ``force``: a link for each. ``verify``: ask the server whether it accepts the tokens. ``browser``: open the links
    in one; None: where it can be seen. Ctrl-C at a paste is the error INT001 (exit 130) of the result.

    Raises KitError where nothing could be begun: the tokens file cannot be read, locked or written.
    """
    login = Login(run, setup, client, verify=verify, browser=browser)
    needed = login.settle(requests, force=force)
    if needed and run.ui.interactive:
        login.ask_for(needed)
    elif needed:
        login.fail(login.no_terminal(needed), *(each.scope for each in needed), result="needed")
    return login.done(requests)


class Login:
    """One run. ``outcomes`` are by the requests' scope strings; ``links`` those that were shown and wait."""

    def __init__(
        self, run: Run, setup: Setup, client: Client, *, verify: bool = True, browser: bool | None = None
    ) -> None:
        self.run, self.machine, self.ui = run, run.machine, run.ui
        self.setup, self.client = setup, client
        self.majora = Majora(run.machine, setup.domain, setup.client_id, setup.client_secret)
        self.outcomes: dict[str, Outcome] = {}
        self.links: dict[str, str] = {}
        self._errors: list[KitError] = []
        self._verify = verify
        self._browser = browser
        self._client_ok: bool | None = None
        self._wanted = ""
        self._skew: float | None = None

    # --- what needs no browser

    def settle(self, requests: Sequence[Request], *, force: bool = False) -> list[Request]:
        """Do what needs no browser; returns the requests that need one. Raises KitError for the tokens file."""
        if aside := grants.set_aside_damaged(self.machine, self.setup):
            self.ui.warn(aside)
        stored = [each.scope for each in requests if self._token(each.scope) is not None]
        due = self._not_valid(stored) if stored and not force else []
        if due:
            self._refresh(due)
        return [each for each in requests if each.scope not in self.outcomes]

    def _not_valid(self, stored: Sequence[str]) -> list[str]:
        """Report the tokens that are valid; returns the others that can be refreshed."""
        due = []
        for each in self._refreshed(stored, dry_run=True).outcomes:
            token = self._token(each.scope)
            if each.result == "other-server" and each.problem is not None:
                self.ui.say(f"{each.problem.what} A new login replaces it.")
            elif token is not None and each.result in ("due", "no-refresh-token"):
                valid = not token.odd and token.seconds_left(self.machine.now()) > LEAST_S
                # One that cannot be refreshed is not sent: whose it is was not looked into.
                if valid and not (token.can_refresh and self._accepts(token) is False):
                    self._report(each.scope, each._replace(result="valid", problem=None))
                elif each.result == "due":
                    due.append(each.scope)
        return due

    def _refresh(self, due: Sequence[str]) -> None:
        with self.ui.waiting("Waiting for Majora to refresh the tokens", BUDGET_S) as say:
            report = self._refreshed(due, waiting=say)
        self._learn(report.skew, report.notes)
        if report.interrupted:
            raise KeyboardInterrupt
        for each in report.outcomes:
            problem = each.problem
            if problem is None:
                problem = self._report(each.scope, each._replace(result="refreshed"))
            elif problem.exit == Exit.LOGIN:
                self.ui.say(f"{problem.what} A new login is needed.")
                continue
            if problem is not None:
                self.fail(problem, each.scope)

    def _refreshed(self, due: Sequence[str], **how: Any) -> Report:
        return refresh(self.machine, self.setup, scopes=due, by="login", **how)

    # --- a link and a paste

    def ask_for(self, needed: Sequence[Request]) -> None:
        """One link after another, at a terminal. One that is refused for its own reasons stops no other.

        Raises KitError where the tokens file cannot be locked or written, before anybody opens a browser.
        """
        grants.prove_writable(self.machine, self.setup)
        links = count(len(needed), "link")
        self.ui.say(f"{links} to open." if len(needed) == 1 else f"{links} to open, one after another.")
        for number, request in enumerate(needed, start=1):
            which = f"Link {number} of {len(needed)}, to {self.words(request.scope)}"
            try:
                error = self._grant(request.scope, which if len(needed) > 1 else "")
            except KeyboardInterrupt:
                left = [each.scope for each in needed if each.scope not in self.outcomes]
                if not left:  # the last token is saved
                    raise
                self._interrupted(left)
                return
            except KitError as problem:
                error = problem
            if error is not None:
                self.fail(error, request.scope)
                self.ui.terminal.drop_input()
                if error.id not in _OF_ONE_TOKEN:
                    return

    def _grant(self, scope: str, which: str) -> KitError | None:
        """Links, until one brings the token or an error that a new link does not help with."""
        for left in reversed(range(_LINKS)):
            found = self._ask(self.begin(scope), which)
            error = found if isinstance(found, KitError) else self.redeem(*found)
            if error is None or error.id not in NEW_LINK_HELPS or not left:
                break
            self.ui.warn(f"{error.what} {error.why} [{error.id}]")
            which = f"A new link, to {self.words(scope)}"
        return error

    def begin(self, scope: str) -> Pending:
        """A new link, in ``links``; it may be shown once this returns. Raises KitError."""
        pending, url = new_pending(self.machine, self.setup, scope)
        save_pending(self.machine, pending)
        self.links[scope] = url
        return pending

    def _ask(self, pending: Pending, which: str) -> tuple[Pending, Secret] | KitError:
        """Show the link, and take pastes until one holds its code, or an error of the server's."""
        ways, domain = self.ways(pending.scope), self.setup.domain
        # The link is in the prompt: when it is shown, a paste can be taken already.
        prompt = f"{self._introduced(self.links[pending.scope], which)}\n\n> "
        for left in reversed(range(_PASTES)):
            found = read_paste(self.ui.ask_paste(prompt, help=_PASTE_HELP), domain, (pending.state,))
            if isinstance(found, Code):
                return pending, found.code
            error = paste_error(found, domain=domain, ways=ways)
            if found.kind in _FINAL_PASTES or not left:
                break
            # Whoever pastes the link may have met the server's error page: does it know this client at all?
            if found.kind == "authorize-link" and self.majora.probe_client(_PROBE_S).kind == "unknown":
                return client_error("It does not know this client id.", domain=domain, ways=ways)
            step = "Use the link above." if found.kind == "wrong-state" else error.remedy.text
            self.ui.warn(f"{error.what} {error.why} {step} [{error.id}]")
            prompt = "> "
        return error

    def _introduced(self, url: str, which: str) -> str:
        """The link, once what comes before it is said and it was opened, if it can be."""
        self.ui.say()
        if which:
            self.ui.heading(f"{which}:")
        wanted = is_visible(self.machine.environ) if self._browser is None else self._browser
        opened = wanted and open_link(url)
        start = "This link was opened in your browser. Press" if opened else "Open this link, press"
        self.ui.say(f"{start} Authorize, and paste the address of the page that opens within 60 seconds:\n")
        return url

    def redeem(self, pending: Pending, code: Secret) -> KitError | None:
        """Exchange a code; returns why there is no token that ocarina can use, None if there is one.

        Raises KeyboardInterrupt where the person asked to end, once what came of it is saved.
        """
        ways = self.ways(pending.scope)
        with self.ui.waiting("Waiting for Majora to give the token", BUDGET_S) as say:
            report = grants.redeem(self.machine, self.setup, pending, code, ways, waiting=say)
        self._learn(report.skew, report.notes)
        outcome = report.outcomes[0]
        error = outcome.problem if outcome.result == "failed" else self._report(pending.scope, outcome)
        if report.interrupted:
            raise KeyboardInterrupt
        return error

    def _interrupted(self, left: Sequence[str]) -> None:
        """Say how to continue: every link that is still open, those that would have followed included."""
        self.ui.end_line()
        self.ui.say("Still open, for an hour:")
        for scope in left:
            if scope not in self.links:
                self.begin(scope)
            self.ui.say(f"{self.words(scope)}:")
            self.ui.raw(self.links[scope])
        error = KitError(
            f"Interrupted; {count(len(left), 'login')} not finished.",
            id="INT001",
            why="What was done is saved.",
            remedy=Remedy(
                "Open each link above and paste the addresses here; or start again.",
                (self.setup.place.command("login", "--callback", "-"), self.ways(*left).fresh),
            ),
            exit=Exit.INTERRUPTED,
        )
        self.fail(error, *left, result="not-begun")

    # --- what comes of it

    def fail(self, error: KitError, *scopes: str, result: str = "failed") -> None:
        """Show an error that the logins for these scope strings ended with."""
        for scope in scopes:
            self.outcomes.setdefault(scope, Outcome(scope, result, problem=error))
        self._errors.append(error)
        self.ui.error(error)

    def done(self, requests: Sequence[Request]) -> Done:
        if clock_says := clock_note(self._skew):
            self.ui.warn(f"[ENV007]{clock_says}")
        found = [self.outcomes.get(each.scope) or Outcome(each.scope, "not-begun") for each in requests]
        return Done(tuple(found), tuple(self._errors), self._client_ok, self._wanted)

    def no_terminal(self, needed: Sequence[Request]) -> KitError:
        """LGN015: a link needs a browser and a paste, and there is no terminal to paste into."""
        steps = (self.ways(*(each.scope for each in needed)).fresh, self.ways().paste)
        return usage_error(
            f"A person must log in in a browser for {count(len(needed), 'token')}; there is no terminal to ask in.",
            id="LGN015",
            why="No token was found that is valid or can be refreshed.",
            remedy=Remedy("Print the link, open it, then paste the address of the page that opens.", steps),
        )

    def words(self, scope: str) -> str:
        return scopes.what_for(scope, self.client.table)

    def ways(self, *wanted: str) -> Ways:
        """The commands that go on from here; without a terminal a new link is printed."""
        ways = told.ways(self.setup, " ".join(wanted), self.client.table)
        options = scopes.options_for(wanted, self.client.table)
        if not self.ui.interactive:
            options = (*options, "--print-url")
        return ways._replace(fresh=self.setup.place.command("login", *options))

    def _report(self, scope: str, outcome: Outcome) -> KitError | None:
        """Keep and show an outcome, once the server has said whether it accepts a new token; returns its problem."""
        token, now = self._token(scope), self.machine.now()
        if outcome.problem is None and outcome.result != "valid" and token and self._accepts(token) is False:
            error = KitError(
                "The token is saved, but Majora refuses it.",
                id="API001",
                why="It was granted just now: the account may be inactive, or another server answers.",
                remedy=Remedy("See what doctor finds.", (self.setup.place.command("doctor"),)),
            )
            outcome = outcome._replace(result="failed", problem=error)
        self.outcomes[scope] = outcome
        if outcome.problem is not None:
            return outcome.problem
        left = span((outcome.expires_at or now) - now + 30)
        if outcome.result == "valid":
            until = clock(outcome.expires_at or now, now)
            self.ui.status("valid", f"{self.words(scope)}: until {until}, for {left}")
        else:
            word = "refreshed" if outcome.result == "refreshed" else "logged in"
            self.ui.status(word, f"{self.words(scope)}: valid for {left}")
        if token is not None and not token.can_refresh:
            self.ui.warn("It has no refresh token: once it expires, a new login is needed.")
        return None

    def _accepts(self, token: Token) -> bool | None:
        """Whether the server accepts a token (a harmless query); None if it was not asked or gave no answer."""
        if not self._verify or token.access_token is None:
            return None
        with self.ui.waiting("Asking Majora whether it accepts the token", _PROBE_S):
            version = self.client.version or None
            probe = self.majora.probe_token(token.access_token, self.setup.user, version, _PROBE_S)
        self._learn(probe.skew)
        if probe.kind == "no-answer":
            self._verify = False
            self.ui.warn(f"Majora was not asked whether it accepts the tokens: {probe.words}.")
        if probe.client_ok is not None and self._client_ok is not False:
            self._client_ok, self._wanted = probe.client_ok, probe.wanted_version
        return {"accepted": True, "refused": False}.get(probe.kind)

    def _token(self, scope: str) -> Token | None:
        return look(self.machine, self.setup.tokens_file)[1].get(scope)

    def _learn(self, skew: float | None, notes: Sequence[str] = ()) -> None:
        self._skew = self._skew if skew is None else skew
        for note in notes:
            self.ui.warn(note)
