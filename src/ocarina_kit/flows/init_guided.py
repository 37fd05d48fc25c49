"""The conversation of ``init``: shows where the person is, says what to do, asks, and checks each answer at once.

Nothing is written here; Ctrl-C at any prompt leaves everything as it was.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from ocarina_kit.core.config import guide
from ocarina_kit.core.config.credentials import ID_LENGTH, Member, user_instance_mismatch
from ocarina_kit.core.config.domain import instance_of, same_server
from ocarina_kit.core.config.init_answers import (
    JUDGES,
    SWAPPED_WORDS,
    Answers,
    Judged,
    Source,
    judge_domain,
    judge_pair,
    judge_user,
)
from ocarina_kit.core.config.init_resolve import Resolved, Wanting, of_another_server, resolve, usage_error
from ocarina_kit.core.config.init_server import Verdict, identity_verdict
from ocarina_kit.core.secret import Secret
from ocarina_kit.edges.look.standing import look_around
from ocarina_kit.flows.init import Init, broken_words, refused
from ocarina_kit.flows.init_write import Ground

_IDENTIFY_SECONDS = 10.0


def converse(init: Init, ground: Ground, resolved: Resolved) -> Answers:
    """Everything that is asked, and the answers. Raises KeyboardInterrupt on Ctrl-C, KitError where it cannot go on."""
    return _Conversation(init, ground, resolved).hold()


@dataclass
class _Conversation:
    init: Init
    ground: Ground
    resolved: Resolved
    mends: list[str] = field(default_factory=list)
    last_id: str = ""
    silent_server: Verdict | None = None
    """What was said of a server that gave no usable answer: it is not asked again."""

    def hold(self) -> Answers:
        ui, init = self.init.ui, self.init
        self._open()
        if self.resolved.legacy and self.resolved.found[Member.TOKEN].source is Source.FILE:
            ui.note(
                "MAJORA_TOKEN holds a legacy API key now. What follows changes this to OAuth, whose tokens stay fresh "
                "by themselves. To go on with a key, use --api-key-file."
            )
            found = dict(self.resolved.found)
            del found[Member.TOKEN]
            self.resolved = resolve(found, of_another_server(found, init.current(self.ground)))
        init.say_given(replace(self.resolved, mends=self._mends_of_given()))
        domain = self._domain()
        user = self._user(domain)
        answers = self._key(domain, user) if self.resolved.legacy else self._client(domain, user)
        init.report.changes += self.mends
        return answers

    # --- before the first question

    def _open(self) -> None:
        ui, init = self.init.ui, self.init
        ui.heading("Setting ocarina up")
        ui.pairs(guide.standing_rows(look_around(init.system, init.place)))
        if self.ground.loses_something:
            ui.warn(f"[CFG002] {broken_words(self.ground)} Nothing of it can be taken over.")
        ui.heading("Before you start")
        ui.say("Three things must be there first, and some of them need other people:")
        for number, needed in enumerate(guide.NEEDED, 1):
            ui.say()
            self._item(f"{number}. ", f"{needed.title}. {needed.how}")
            if needed.letter:
                self._item("   ", f'Where it is missing, write to {needed.to_whom}: "{needed.letter}"')
        ui.say()
        ui.say("Ctrl-C ends this at any question, and leaves everything as it was.")

    def _item(self, mark: str, text: str) -> None:
        """A paragraph of a list, its lines under each other behind the mark."""
        ui = self.init.ui
        width = max(20, (ui.width or 80) - 1)
        ui.raw(textwrap.fill(text, width, initial_indent=mark, subsequent_indent=" " * len(mark)))

    def _mends_of_given(self) -> tuple[str, ...]:
        given = [member for member in self.resolved.values if self.resolved.is_given(member)]
        return tuple(
            mend
            for mend in self.resolved.mends
            if any(mend.startswith(f"{member.value}:") for member in given)
        )

    # --- which Majora, and who

    def _domain(self) -> str:
        ui = self.init.ui
        if self.resolved.is_given(Member.DOMAIN):
            return self._as_given(Member.DOMAIN)
        ui.heading("Which Majora?")
        ui.pairs(guide.instance_rows())
        ui.say(
            "Accounts, applications and tokens of one are unknown to the other. Any other Majora: type its address."
        )
        default = self._default(Member.DOMAIN)
        while True:
            text = ui.ask("1, 2 or an address", default)
            if not text:
                ui.say("None is assumed: please choose one.")
                continue
            judged = judge_domain(guide.chosen_domain(text))
            if not self._taken(Member.DOMAIN, judged):
                default = (
                    judged.problem.suggestion if judged.problem and judged.problem.suggestion else default
                )
                continue
            if self._answers_there(judged.text):
                return judged.text

    def _answers_there(self, domain: str) -> bool:
        """Whether a Majora answers at an address, or the person wants it all the same."""
        init = self.init
        self.silent_server = None
        if init.request.offline:
            return True
        from ocarina_kit.edges.net.http import Http
        from ocarina_kit.edges.net.majora import Majora

        http = Http(init.system.environ, now=init.system.clock.now)
        verdict = identity_verdict(Majora(http, domain).identify(seconds=_IDENTIFY_SECONDS), domain)
        if verdict.word != "unknown":
            init.ui.good(verdict.words)
            return True
        init.ui.warn(f"[{verdict.id}] {verdict.words}")
        self.silent_server = verdict
        return init.ui.confirm("Use this address all the same?", default=False)

    def _user(self, domain: str) -> str:
        ui = self.init.ui
        if self.resolved.is_given(Member.USER):
            return self._as_given(Member.USER)
        ui.say()
        if instance_of(domain) == "test":
            ui.say("On the test instance user names start with test-.")
        default = self._default(Member.USER)
        while True:
            text = ui.ask(f"Your user name at {_host(domain)}", default)
            if not text:
                continue
            judged = judge_user(text)
            if not self._taken(Member.USER, judged):
                continue
            mismatch = user_instance_mismatch(judged.text, domain)
            if mismatch is None:
                return judged.text
            ui.warn(f"[CFG014] {mismatch[:1].upper()}{mismatch[1:]}.")
            if ui.confirm("Use this name all the same?", default=False):
                return judged.text

    # --- the application

    def _client(self, domain: str, user: str) -> Answers:
        ui, init = self.init.ui, self.init
        answers = Answers(domain, user)
        kept = self._kept(domain)
        explained = False
        while True:
            if kept is not None:
                pair, kept = kept, None
            else:
                if not explained and not (
                    self.resolved.is_given(Member.ID) and self.resolved.is_given(Member.SECRET)
                ):
                    self._explain_application(domain, user)
                    explained = True
                pair = self._asked_pair()
            answers = replace(answers, client_id=pair[0], client_secret=pair[1])
            answers, verdict = (
                init.check(answers) if self.silent_server is None else (answers, self.silent_server)
            )
            if verdict.word != "refuses" or init.request.force:
                init.say_verdict(verdict)
                return answers
            ui.bad(f"[{verdict.id}] {verdict.words}")
            ui.say(verdict.remedy.text)
            if self.resolved.is_given(Member.ID) and self.resolved.is_given(Member.SECRET):
                raise refused(verdict)
            if not ui.confirm("Try again?"):
                raise refused(verdict)

    def _kept(self, domain: str) -> tuple[str, Secret] | None:
        """The current id and secret, where both can be used and the person wants to keep them."""
        values, found = self.resolved.values, self.resolved.found
        if Member.ID not in values or Member.SECRET not in values:
            return None
        pair = values[Member.ID].text, Secret(values[Member.SECRET].text)
        if all(map(self.resolved.is_given, (Member.ID, Member.SECRET))):
            return pair
        if Source.FILE not in (found[Member.ID].source, found[Member.SECRET].source):
            return None
        before = self.resolved.values.get(Member.DOMAIN)
        if before is not None and not same_server(before.text, domain):
            return None  # they were made for another Majora
        self.init.ui.say()
        keep = self.init.ui.confirm(f"Keep the current client id (ending in {pair[0][-4:]}) and secret?")
        return pair if keep else None

    def _explain_application(self, domain: str, user: str) -> None:
        ui = self.init.ui
        ui.heading("Register ocarina as an application")
        ui.say(
            "A confidential client with the authorization code grant: that is what ocarina is to Majora. Open this "
            'page, log in, and press "New application" (or open the one that you have):'
        )
        ui.raw(guide.application_link(domain))
        ui.say("Then fill in, exactly so:")
        ui.pairs(guide.application_fields(domain, user))
        ui.say(guide.COPY_BEFORE_SAVE)
        ui.say()

    def _asked_pair(self) -> tuple[str, Secret]:
        while True:
            client_id = self._asked_id()
            self.last_id = client_id if len(client_id) <= ID_LENGTH else ""  # a longer one may be the secret
            secret = self._asked_secret()
            pair = judge_pair(client_id, secret)
            if pair.problem is None:
                if pair.swapped:
                    self._mended(f"{SWAPPED_WORDS} (told by their lengths): put right")
                return pair.client_id, pair.client_secret
            self.init.ui.warn(f"[{pair.problem.id}] {pair.problem.words}.")
            if self.resolved.is_given(Member.ID) and self.resolved.is_given(Member.SECRET):
                raise usage_error([Wanting(Member.SECRET, pair.problem)])

    def _asked_id(self) -> str:
        if self.resolved.is_given(Member.ID):
            return self._as_given(Member.ID)
        return self._until_taken(Member.ID, lambda: self.init.ui.ask("Client id", self.last_id))

    def _asked_secret(self) -> str:
        if self.resolved.is_given(Member.SECRET):
            return self.resolved.values[Member.SECRET].text
        return self._until_taken(Member.SECRET, lambda: self.init.ui.ask_secret("Client secret"))

    def _key(self, domain: str, user: str) -> Answers:
        """A key that was given by option or variable: only the rest is asked for."""
        values = self.resolved.values
        if Member.TOKEN not in values:
            raise usage_error([each for each in self.resolved.wanting if each.member is Member.TOKEN])
        answers = Answers(
            domain,
            user,
            values[Member.ID].text if Member.ID in values else "",
            Secret(values[Member.SECRET].text if Member.SECRET in values else ""),
            Secret(values[Member.TOKEN].text),
        )
        answers, verdict = (
            self.init.check(answers) if self.silent_server is None else (answers, self.silent_server)
        )
        self.init.say_verdict(verdict)
        return answers

    # --- one answer

    def _until_taken(self, member: Member, ask: Callable[[], str]) -> str:
        while True:
            text = ask()
            if not text.strip():
                continue
            judged = JUDGES[member](text)
            if self._taken(member, judged):
                return judged.text

    def _taken(self, member: Member, judged: Judged) -> bool:
        """Says what was mended, or why a value is not taken."""
        ui = self.init.ui
        if judged.problem is not None:
            id = f"[{judged.problem.id}] " if judged.problem.id != "USE001" else ""
            ui.warn(f"{id}This cannot be {member.value}: {judged.problem.words}.")
            if judged.problem.suggestion:
                ui.say(f"Perhaps this is meant: {judged.problem.suggestion}")
            return False
        for mend in judged.mends:
            value = f": {judged.text}" if member is Member.DOMAIN else ""
            self._mended(f"{member.value}: {mend}{value}")
        for warning in judged.warnings:
            ui.warn(warning)
        return True

    def _mended(self, words: str) -> None:
        if words not in self.mends:
            self.mends.append(words)
        self.init.ui.note(words)

    def _default(self, member: Member) -> str:
        """The current value, where it can be used; says why where it cannot."""
        if member in self.resolved.values:
            return self.resolved.values[member].text
        bad = next((each for each in self.resolved.wanting if each.member is member and each.problem), None)
        if bad is not None and bad.problem is not None and bad.given is not None:
            self.init.ui.note(f"{member.value} from {bad.given.where} cannot be used: {bad.problem.words}.")
            return bad.problem.suggestion
        return ""

    def _as_given(self, member: Member) -> str:
        value = self.resolved.values[member].text
        shown = f"ends in {value[-4:]}" if member is Member.ID else value
        self.init.ui.note(
            f"{member.value} {'' if member is Member.ID else 'is '}{shown} (from {self._where(member)})."
        )
        return value

    def _where(self, member: Member) -> str:
        given = self.resolved.found[member]
        return given.where if given.source is Source.OPTION else f"the variable {given.where}"


def _host(domain: str) -> str:
    return urlsplit(domain).netloc
