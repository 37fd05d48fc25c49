"""A login, from what is there already to what the server says of it.

First what needs no browser: a token that lives, and one that has expired and can be refreshed. Only for the rest a
grant: flows/login_grant.py. CONTRACT.md, login.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ocarina_kit.core.client.scopes import ScopeRequest
from ocarina_kit.core.errors import Exit, KitError
from ocarina_kit.core.oauth.login_errors import refused_at_once, set_aside_words, ways
from ocarina_kit.core.oauth.login_report import LoginResult, TokenOutcome
from ocarina_kit.core.setup import Setup
from ocarina_kit.core.tokens.refresh_report import ScopeResult, TokenReport
from ocarina_kit.core.tokens.token_file import TokenEntry, TokenFile
from ocarina_kit.edges.disk import locks
from ocarina_kit.edges.disk.backups import backup
from ocarina_kit.edges.disk.files import Syscalls
from ocarina_kit.edges.disk.token_store import TokensReader, TokenStore
from ocarina_kit.edges.disk.writes import REAL
from ocarina_kit.edges.net.http import Http
from ocarina_kit.edges.net.majora import Majora
from ocarina_kit.edges.person import signals
from ocarina_kit.edges.system import System
from ocarina_kit.flows.refresh import refresh_tokens

LEAST_LIFE_S = 60.0
"""Seconds: a token that lives less than that is refreshed, as it would die under its user's hands."""
_PROBE_S = 10.0
"""Seconds for the harmless query: a login is not to wait long for it."""

Tell = Callable[[str], None]


@dataclass
class Login:
    """One run of ``login``. ``client_version`` is the installed client's, None where none was found.

    ``note`` and ``warn`` tell the person of what happens on the way.
    """

    system: System
    setup: Setup
    note: Tell
    warn: Tell
    client_version: str | None = None
    verify: bool = True
    terminal: bool = False
    """Whether the person can be asked: what remedies name depends on it."""
    calls: Syscalls = REAL
    lock_timeout: float = 90.0
    majora: Majora = field(init=False)
    reader: TokensReader = field(init=False)
    skew: float | None = None
    """Seconds by which the server's clock is ahead of this one, where an answer told."""
    interrupted: bool = False
    """The person asked to end while a code was on its way; what came of it is safe."""
    _server_answers: bool = True

    def __post_init__(self) -> None:
        http = Http(self.system.environ, now=self.system.clock.now)
        setup = self.setup
        self.majora = Majora(http, setup.domain, setup.client_id, setup.client_secret)
        self.reader = TokensReader(self.system, self.path)

    @property
    def path(self) -> Path:
        return Path(self.setup.tokens_file)

    def learn(self, skew: float | None) -> None:
        if skew is not None:
            self.skew = skew

    # --- what needs no browser

    def settle(self, requests: Sequence[ScopeRequest], *, force: bool = False) -> dict[str, TokenOutcome]:
        """What becomes of each request without a browser, by scope string; those that are not in it need a grant.

        ``force`` leaves all to a grant. Raises KitError where the tokens file stands in the way.
        """
        self.mend_damaged()
        file = self.reader.look()
        outcomes: dict[str, TokenOutcome] = {}
        heal: list[ScopeRequest] = []
        if force:
            return outcomes
        judged = self._judged(file, requests)
        for request in requests:
            entry, report = file.get(request.scope), judged.get(request.scope)
            if entry is None or report is None:
                continue
            if report.result is ScopeResult.OTHER_SERVER:
                self._of_another_server(request, entry, report, outcomes)
            elif report.result not in (ScopeResult.DUE, ScopeResult.NO_REFRESH_TOKEN):
                continue
            elif self._lives(entry) and (outcome := self._valid(request, entry)) is not None:
                outcomes[request.scope] = outcome
            elif report.result is ScopeResult.DUE:
                heal.append(request)
        outcomes.update(self._healed(file, heal))
        return outcomes

    def _judged(self, file: TokenFile, requests: Sequence[ScopeRequest]) -> Mapping[str, TokenReport]:
        """What a refresh would do with each token, and whether it may be sent to this server at all."""
        there = [request.scope for request in requests if file.get(request.scope) is not None]
        if not there:
            return {}
        plan = refresh_tokens(self.system, self.setup, scopes=there, by="login", dry_run=True)
        return {report.scope: report for report in plan.tokens}

    def _of_another_server(
        self,
        request: ScopeRequest,
        entry: TokenEntry,
        report: TokenReport,
        outcomes: dict[str, TokenOutcome],
    ) -> None:
        """Never sent. Where it is only unclear whose it is (CFG013), a living one counts as ours."""
        assert report.error is not None  # noqa: S101  # for mypy: such a report has one
        if report.error.id == "CFG013" and self._lives(entry):
            self.warn(f"[CFG013] {report.error.what} {report.error.why}")
            outcomes[request.scope] = self._outcome(request, LoginResult.VALID, entry)
        elif report.error.id == "CFG013":
            self.warn(f"[CFG013] {report.error.why}")
        else:
            self.note(f"{report.error.what}: a new login replaces it.")

    def _lives(self, entry: TokenEntry) -> bool:
        return not entry.odd and entry.life_left(self.system.clock.now(), self.skew or 0.0) > LEAST_LIFE_S

    def _valid(self, request: ScopeRequest, entry: TokenEntry) -> TokenOutcome | None:
        """A token that lives by its times; None where the server says that it is dead all the same."""
        outcome = self._outcome(request, LoginResult.VALID, entry)
        if not entry.can_refresh:
            # Not sent: whose it is was not looked into, as nothing can be refreshed with it.
            return replace(outcome, note="It has no refresh token: once it expires, a new login is needed.")
        outcome = self.verified(outcome)
        if outcome.verdict is not None and outcome.verdict.kind == "dead":
            self.note("The token should still live, but the server refuses it.")
            return None
        return outcome

    def _healed(self, file: TokenFile, requests: Sequence[ScopeRequest]) -> dict[str, TokenOutcome]:
        if not requests:
            return {}
        report = refresh_tokens(
            self.system,
            self.setup,
            scopes=[request.scope for request in requests],
            by="login",
            seen=file,
            told=lambda: self.note("Finishing what is under way, so that no token is lost (20 s at most)."),
            calls=self.calls,
            lock_timeout=self.lock_timeout,
        )
        self.learn(report.skew)
        for note in report.notes:
            if not note.startswith("[ENV007]"):  # said once, at the end
                self.note(note)
        found = {token.scope: token for token in report.tokens}
        outcomes = {}
        for request in requests:
            token = found[request.scope]
            if token.result in (ScopeResult.REFRESHED, ScopeResult.ADOPTED, ScopeResult.FRESH):
                entry = self.reader.look().get(request.scope)
                done = self._outcome(request, LoginResult.REFRESHED, entry)
                outcomes[request.scope] = replace(
                    self.verified(done), expires_at=token.expires_at, note=token.note
                )
            elif token.exit is Exit.LOGIN or token.result is ScopeResult.OTHER_SERVER:
                if token.error is not None:
                    self.note(f"{token.error.what} A new login is needed.")
            else:
                outcomes[request.scope] = TokenOutcome(
                    request, LoginResult.FAILED, request.scope, token.expires_at, token.error
                )
        return outcomes

    def _outcome(self, request: ScopeRequest, result: LoginResult, entry: TokenEntry | None) -> TokenOutcome:
        now = self.system.clock.now()
        return TokenOutcome(request, result, request.scope, None if entry is None else entry.expiry(now))

    # --- the tokens file

    def mend_damaged(self) -> None:
        """Set a damaged tokens file aside, and keep what can be read of it. Raises KitError where that cannot be."""
        if self.reader.look().damage is None:
            return
        with signals.as_interrupts(), locks.hold(self.path, timeout=self.lock_timeout):
            data, file = self.reader.look_whole()
            if file.damage is None or data is None:
                return
            kept = file.only_readable()
            where = backup(self.system, "tokens-damaged", data, of=str(self.path))
            TokenStore(self.reader, calls=self.calls).replace(kept)
        self.warn("[TOK002] " + set_aside_words(self.path, file.damage, len(kept.entries), where))

    # --- what the server says of a token

    def verified(self, outcome: TokenOutcome) -> TokenOutcome:
        """With the server's word on the token and the client, where it is wanted and to be had (FACTS.md)."""
        if not self.verify or not self._server_answers or not outcome.result.usable:
            return outcome
        entry = self.reader.look().get(outcome.key)
        if entry is None or entry.access_token is None:
            return outcome
        verdict = self.majora.probe_token(
            entry.access_token, self.setup.user, self.client_version, seconds=_PROBE_S
        )
        self.learn(verdict.skew)
        self._server_answers = verdict.kind != "unusable"
        outcome = replace(outcome, verdict=verdict)
        if verdict.kind == "dead" and outcome.result is not LoginResult.VALID:
            known = ways(self.setup.place, outcome.request, terminal=self.terminal)
            return replace(outcome, error=refused_at_once(known))
        return outcome


def not_begun(request: ScopeRequest) -> TokenOutcome:
    return TokenOutcome(request, LoginResult.NOT_BEGUN)


def failed(request: ScopeRequest, error: KitError) -> TokenOutcome:
    return TokenOutcome(request, LoginResult.FAILED, error=error)
