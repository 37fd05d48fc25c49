"""``ocarina-kit init``: from what was given to a configuration that works. The conversation is in init_guided.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from ocarina_kit.core.config.base_url import base_url
from ocarina_kit.core.config.credentials import Member
from ocarina_kit.core.config.domain import same_server
from ocarina_kit.core.config.init_answers import SWAPPED_WORDS, Answers, Given, Pair
from ocarina_kit.core.config.init_plan import bad_profile_name, inherited
from ocarina_kit.core.config.init_resolve import Resolved, gather, of_another_server, resolve, usage_error
from ocarina_kit.core.config.init_server import Verdict, Word, client_verdict, key_verdict
from ocarina_kit.core.config.layers import Setting
from ocarina_kit.core.errors import KitError, Remedy, UsageError
from ocarina_kit.core.setup import Place
from ocarina_kit.core.text import strip_ends
from ocarina_kit.core.tokens.refresh_log import LogEntry, Result, mark_for
from ocarina_kit.edges.disk import refresh_log
from ocarina_kit.edges.look.gather_config import tokens_path
from ocarina_kit.edges.system import System
from ocarina_kit.flows.init_write import Ground, change, diff, look, make_private, remaining, write


class InitUi(Protocol):
    """Who is spoken with. As :class:`ocarina_kit.cli.render.Ui` has it."""

    @property
    def interactive(self) -> bool: ...

    @property
    def width(self) -> int | None: ...

    def say(self, text: str = "") -> None: ...
    def heading(self, text: str) -> None: ...
    def good(self, text: str) -> None: ...
    def note(self, text: str) -> None: ...
    def warn(self, text: str) -> None: ...
    def bad(self, text: str) -> None: ...
    def raw(self, text: str) -> None: ...
    def diff(self, text: str) -> None: ...
    def pairs(self, rows: Sequence[tuple[str, str]]) -> None: ...
    def remedy(self, remedy: Remedy) -> None: ...
    def ask(self, question: str, default: str = "") -> str: ...
    def ask_secret(self, question: str) -> str: ...
    def confirm(self, question: str, *, default: bool = True) -> bool: ...


@dataclass(frozen=True)
class Request:
    """What was asked for. ``given``: the values that options hold, not judged yet."""

    given: Mapping[Member, Given]
    offline: bool = False
    force: bool = False
    yes: bool = False
    dry_run: bool = False
    warnings: tuple[str, ...] = ()
    """What was noticed as the options were read."""


@dataclass
class Report:
    """What came of it, filled in as it comes: also a failure says as much of it as is known."""

    place: Place
    answers: Answers | None = None
    changed: bool = False
    declined: bool = False
    backup: Path | None = None
    diff: str = ""
    changes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    server: Word = "not asked"
    missing: list[str] = field(default_factory=list)

    def as_data(self) -> dict[str, Any]:
        """The command's own JSON members. Holds no secret; of the client id the last four characters."""
        answers = self.answers
        legacy = answers is not None and answers.api_key is not None
        client_id = "" if answers is None or legacy else answers.client_id
        return {
            "config": str(self.place.config),
            "profile": self.place.profile,
            "changed": self.changed,
            "backup": None if self.backup is None else str(self.backup),
            "diff": self.diff,
            "changes": self.changes,
            "warnings": self.warnings,
            "server": self.server,
            "domain": None if answers is None else answers.domain,
            "user": None if answers is None else answers.user,
            "token": None if answers is None else "api-key" if legacy else "OAUTH",
            "client_id": client_id[-4:] or None,
            "missing": self.missing,
        }


class Init:
    """One run of ``init``. ``place`` is where is written; with ``from_env`` the file's values are no defaults."""

    def __init__(self, system: System, ui: InitUi, place: Place, request: Request) -> None:
        self.system = system
        self.ui = ui
        self.request = request
        self.only_environment = place.from_env
        self.place = replace(place, from_env=False)
        self.report = Report(self.place)
        self._shown: set[str] = set()

    def run(self, converse: Callable[[Init, Ground, Resolved], Answers]) -> Report:
        """All of it; ``converse`` asks a person for what is not given. Raises KitError; the file is then as it was."""
        profile = self.place.profile
        if profile is not None and (why := bad_profile_name(profile)) is not None:
            raise UsageError(
                "--profile: a profile cannot have this name.",
                why=f"{why[:1].upper()}{why[1:]}.",
                remedy=Remedy("Take another name.", ("ocarina-kit init --profile test",)),
            )
        for warning in self.request.warnings:
            self.warn(warning)
        ground = look(self.system, self.place)
        resolved = self.resolve(ground)
        if resolved.bad_options and self.ui.interactive:
            raise usage_error(resolved.bad_options)
        everything_given = not resolved.wanting and all(map(resolved.is_given, resolved.values))
        if self.ui.interactive and not everything_given:
            answers = converse(self, ground, resolved)
        else:
            answers = self._unasked(ground, resolved)
        self.report.answers = replace(answers, tokens_file=self._tokens_file())
        self._put(ground, self.report.answers)
        return self.report

    # --- what is known

    def current(self, ground: Ground) -> Mapping[str, Setting]:
        """The values that stand in the file, where these count."""
        return {} if self.only_environment else inherited(ground.document, self.place.profile)

    def resolve(self, ground: Ground) -> Resolved:
        settings = self.current(ground)
        found = gather(self.request.given, self.system.environ, settings)
        return resolve(found, of_another_server(found, settings))

    def _tokens_file(self) -> str:
        """With ``--env`` the whole set-up comes from the environment, and this is part of it."""
        if not self.only_environment:
            return ""
        return strip_ends(self.system.environ.get("MAJORA_TOKENS_FILE", ""))

    def _unasked(self, ground: Ground, resolved: Resolved) -> Answers:
        """The answers, where nobody is asked for one: all that is missing is named at once."""
        consent = ""
        if ground.loses_something and not (self.request.yes or self.ui.interactive or self.request.dry_run):
            consent = f"{broken_words(ground)} Writing it anew needs --yes; the old file is kept as a backup."
        if resolved.wanting or consent:
            self.report.missing = [each.member.value for each in resolved.wanting]
            agree = self.place.command("init", "--yes")
            raise usage_error(
                resolved.wanting, consent=consent, excerpt=_excerpt(ground) if consent else "", agree=agree
            )
        self.say_given(resolved)
        answers, verdict = self.check(resolved.answers)
        self.say_verdict(verdict)
        return answers

    def say_given(self, resolved: Resolved) -> None:
        """What was mended in the values of this run."""
        for mend in resolved.mends:
            self.changed_value(mend)
        for warning in resolved.warnings:
            self.warn(warning)

    def changed_value(self, words: str) -> None:
        self.report.changes.append(words)
        self.ui.note(words)

    def warn(self, words: str) -> None:
        if words not in self.report.warnings:
            self.report.warnings.append(words)
            self.ui.warn(words)

    # --- the server's word

    def check(self, answers: Answers) -> tuple[Answers, Verdict]:
        """Ask the server whether it takes id and secret (or the key); swaps the two where it takes them swapped."""
        if self.request.offline:
            return answers, Verdict("not asked")
        from ocarina_kit.edges.net.http import Http
        from ocarina_kit.edges.net.majora import Majora

        http = Http(self.system.environ, now=self.system.clock.now)
        if answers.api_key is not None:
            majora = Majora(http, answers.domain)
            probe = majora.probe_legacy_key(answers.api_key, answers.user, None)
            return answers, key_verdict(probe, answers.domain, answers.user)

        def ask(pair: Pair) -> Verdict:
            majora = Majora(http, answers.domain, pair.client_id, pair.client_secret)
            return client_verdict(majora.probe_client(), answers.domain)

        pair = Pair(answers.client_id, answers.client_secret)
        verdict = ask(pair)
        if verdict.word == "refuses" and pair.may_be_swapped:
            other = pair.other_way()
            second = ask(other)
            if second.word == "accepts":
                self.changed_value(f"{SWAPPED_WORDS} (the server takes them the other way round): put right")
                answers = replace(answers, client_id=other.client_id, client_secret=other.client_secret)
                verdict = second
        return answers, verdict

    def say_verdict(self, verdict: Verdict) -> None:
        """Says what the server said. Raises KitError for a "no", unless it was forced."""
        self.report.server = verdict.word
        if verdict.word == "refuses":
            if not self.request.force:
                raise refused(verdict)
            self.warn(f"[{verdict.id}] {verdict.words} It is written all the same (--force).")
        elif verdict.id:
            self.warn(f"[{verdict.id}] {verdict.words}")
        elif verdict.words:
            self.ui.good(verdict.words)

    # --- the file

    def _put(self, ground: Ground, answers: Answers) -> None:
        while True:
            after = change(ground, self.place.profile, answers)
            self._say_mends(ground)
            for finding in remaining(self.system, ground, after):
                self.warn(f"[{finding.check.id}] {finding.outcome.detail}")
            if after == ground.content:
                self._keep(ground)
                return
            if not self._agreed(ground, after, answers):
                return
            written = write(self.system, ground, after, lambda now: self._again(now, answers))
            if written.changed_meanwhile is None:
                break
            ground = written.changed_meanwhile
            self.ui.warn(
                "Another program changed the file meanwhile. This is the change for what stands there now:"
            )
        self.report.changed = True
        self.report.backup = written.kept
        self._note_server(ground, answers.domain)
        self.ui.good(f"Wrote {self.place.config}, for your eyes alone (mode 0600).")
        if written.kept is not None:
            self.ui.say(f"The old one is kept: {written.kept}")

    def _note_server(self, ground: Ground, domain: str) -> None:
        """Where the set-up has another server now: the tokens that are there are the old one's (flows/guard.py)."""
        settings = ground.facts.settings
        before = base_url(ground.facts)
        if before is None or same_server(before, domain):
            return
        file = tokens_path(self.system, settings)
        refresh_log.append(
            self.system,
            [
                LogEntry(self.system.clock.now(), self.system.host, "init", "", result, mark)
                for result, mark in (
                    (Result.SERVER_LEFT, mark_for(file, self.system.home, before)),
                    (Result.SERVER_TAKEN, mark_for(file, self.system.home, domain)),
                )
            ],
        )

    def _say_mends(self, ground: Ground) -> None:
        """What was wrong in the file and has one meaning: each once, also where the change is made anew."""
        for mend in ground.mends:
            words = f"[{mend.check.id}] {mend.outcome.detail}"
            if words not in self._shown:
                self._shown.add(words)
                self.changed_value(f"{words} Mended.")

    def _keep(self, ground: Ground) -> None:
        if ground.open_to_others and not self.request.dry_run:
            make_private(ground)
            self.report.changed = True
            self.changed_value(f"{self.place.config} could be read by others: its mode is 0600 now.")
            self.ui.good("Nothing else to change: what it says is right.")
        else:
            self.ui.good(f"Nothing to change: {self.place.config} says all of this already.")

    def _agreed(self, ground: Ground, after: bytes, answers: Answers) -> bool:
        self.report.diff = diff(ground, after, answers.secrets)
        if ground.broken is not None and ground.loses_something:
            self.ui.bad(f"[CFG002] {broken_words(ground)}")
            for line in _excerpt(ground).splitlines():
                self.ui.raw(line)
            self.ui.say("All that stands there would be replaced; the old file is kept as a backup.")
        self.ui.say("This would be written:" if self.request.dry_run else "This is the change:")
        self.ui.diff(self.report.diff)
        if self.request.dry_run:
            self.ui.say("Nothing was changed (--dry-run).")
            return False
        if self.request.yes or not self.ui.interactive:
            return True
        if self.ui.confirm(f"Write it to {self.place.config}?", default=not ground.loses_something):
            return True
        self.ui.say("Nothing was changed.")
        self.report.declined = True
        return False

    def _again(self, now: Ground, answers: Answers) -> bytes | None:
        """The change for a file that another process changed meanwhile; None where a person must see it first."""
        if self.ui.interactive and not self.request.yes:
            return None
        resolved = self.resolve(now)
        same = not resolved.wanting and replace(resolved.answers, tokens_file=answers.tokens_file) == answers
        given = all(map(resolved.is_given, resolved.values))
        if now.loses_something or not (same or given):
            raise KitError(
                f"{self.place.config} was changed by another program meanwhile. It was left alone.",
                id="FIX001",
                why="What was asked for rests on values that stood in it before.",
                remedy=Remedy("Run the command again.", (self.place.command("init"),)),
            )
        return change(now, self.place.profile, answers)


def broken_words(ground: Ground) -> str:
    """What is wrong with a file that makes no sense, and where."""
    broken = ground.broken
    assert broken is not None  # noqa: S101  # for mypy: the callers have looked
    return f"{ground.facts.place.config}:{broken.line}:{broken.column}: {broken.words}."


def _excerpt(ground: Ground) -> str:
    """Its place in the file, values masked, indented for people."""
    lines = ground.broken.excerpt.splitlines() if ground.broken is not None else ()
    return "\n".join(f"  {line}" for line in lines)


def refused(verdict: Verdict) -> KitError:
    """The server's "no" as an error: nothing was written."""
    return KitError(verdict.words, id=verdict.id, why="Nothing was written.", remedy=verdict.remedy)
