"""flows/login*.py in this process: any paste and any answer of a server, and nothing breaks or is lost."""

from __future__ import annotations

import json
import string
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocarina_kit.core.client.scopes import request_for
from ocarina_kit.core.errors import Exit, KitError
from ocarina_kit.core.oauth.answers import TokenAnswer, Unusable, judge_token_answer
from ocarina_kit.core.oauth.login_report import LoginResult, TokenOutcome
from ocarina_kit.core.oauth.network import HttpAnswer, NetFailure
from ocarina_kit.core.oauth.paste import PastedCode
from ocarina_kit.core.oauth.server_words import ClientProbe, TokenProbe
from ocarina_kit.core.secret import Secret
from ocarina_kit.core.setup import Place, Setup
from ocarina_kit.edges.disk import pending
from ocarina_kit.edges.system import Completed, System
from ocarina_kit.flows.login import Login
from ocarina_kit.flows.login_grant import Callback, Link, begin, match, redeem
from ocarina_kit.flows.login_person import PASTES, grant_all

DOMAIN = "https://majora.test/"
LOOKUP = request_for("majora2.view_biosampleartifact")
CODE = "c0de" * 8
OTHER = '"majora2.other":   {"access_token": "kept", "expires_at": 1.5e9}'


class StoppedClock:
    def __init__(self) -> None:
        self.time = time.time()  # what is swept goes by the files' own times

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


@dataclass
class Server:
    """Answers each exchange with the next of ``answers``, and again with the last one."""

    answers: list[TokenAnswer] = field(default_factory=list)
    exchanges: int = 0
    known: bool = True
    during: Callable[[], None] = lambda: None

    def exchange(self, code: Secret, verifier: Secret, *, redirect_uri: str) -> TokenAnswer:
        assert redirect_uri == f"{DOMAIN}o/callback/"
        self.exchanges += 1
        self.during()
        return self.answers[min(self.exchanges, len(self.answers)) - 1]

    def probe_token(self, *args: object, **more: object) -> TokenProbe:
        return TokenProbe("alive", "")

    def probe_client(self, **more: object) -> ClientProbe:
        return ClientProbe("known" if self.known else "unknown", "")


def granted(**more: Any) -> TokenAnswer:
    members = {
        "access_token": "new-access",
        "refresh_token": "new-refresh",
        "expires_in": 36000,
        "token_type": "Bearer",
        "scope": LOOKUP.scope,
        **more,
    }
    return judge_token_answer(
        HttpAnswer(200, {"content-type": "application/json"}, json.dumps(members).encode())
    )


def refused(error: str, description: str = "", status: int = 400) -> TokenAnswer:
    body = json.dumps({"error": error, "error_description": description}).encode()
    return judge_token_answer(HttpAnswer(status, {}, body))


@dataclass
class Lab:
    login: Login
    server: Server
    clock: StoppedClock
    said: list[str]

    @property
    def tokens(self) -> Path:
        return self.login.path

    def callback_text(self, link: Link, code: str = CODE) -> str:
        return f"{DOMAIN}o/callback/?code={code}&state={link.pending.state}"


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    clock = StoppedClock()

    def run(argv: object, **how: object) -> Completed:
        raise AssertionError("no process is to be started")

    system = System({"XDG_STATE_HOME": str(tmp_path / "state")}, tmp_path, "tester", "host", run, clock)
    place = Place(tmp_path / ".ocarina", from_env=True)
    setup = Setup(place, DOMAIN, "user", tmp_path / "tokens", "id" * 20, Secret("s" * 128))
    said: list[str] = []
    login = Login(system, setup, note=said.append, warn=said.append, terminal=True)
    server = Server()
    login.majora = server  # type: ignore[assignment]
    (tmp_path / "tokens").write_text("{" + OTHER + "}")
    return Lab(login, server, clock, said)


class Someone:
    """Pastes what ``texts`` say, each text a function of the link; interrupts when they run out."""

    def __init__(self, *texts: Callable[[Link], str], fresh: bool = True) -> None:
        self.texts = list(texts)
        self.fresh = fresh
        self.links: list[Link] = []
        self.errors: list[KitError] = []
        self.done: list[TokenOutcome] = []

    def _next(self) -> str:
        if not self.texts:
            raise KeyboardInterrupt
        return self.texts.pop(0)(self.links[-1])

    def paste(self, link: Link, *, number: int, count: int, fresh: bool) -> str:
        self.links.append(link)
        return self._next()

    def paste_again(self, error: KitError, hint: str) -> str:
        self.errors.append(error)
        assert hint
        return self._next()

    def granted(self, outcome: TokenOutcome) -> None:
        self.done.append(outcome)

    def wants_fresh_link(self, error: KitError) -> bool:
        self.errors.append(error)
        return self.fresh

    def fresh_link_follows(self, error: KitError) -> None:
        self.errors.append(error)


_SOME = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_PIECES = st.sampled_from(
    [
        *(
            DOMAIN,
            "https://evil.test/",
            "o/callback/",
            "o/authorize/",
            "account/login/",
            "?",
            "&",
            "=",
            "#",
            " ",
        ),
        *(
            "code",
            "state",
            "error",
            "access_denied",
            "invalid_scope",
            "STATE",
            CODE,
            "\n",
            "\r",
            "\x1b[200~",
            "%",
        ),
        *(
            "\0",
            "é",
            "\u202e",
            "\ud800",
            "Mismatching redirect URI",
            "response_type=code",
            '"',
            "<",
            ">",
            "[",
            "]",
        ),
    ]
)
_PASTES_OF_ALL_KINDS = st.one_of(st.text(), st.lists(_PIECES, max_size=14).map("".join))


@_SOME
@given(text=_PASTES_OF_ALL_KINDS)
def test_any_callback_text_is_a_callback_or_an_error_for_people(lab: Lab, text: str) -> None:
    state = begin(lab.login, LOOKUP).pending.state
    found: tuple[Callback, ...] = ()
    problem: KitError | None = None
    try:
        found = match(lab.login, text.replace("STATE", state), None)
    except KitError as error:
        problem = error
    assert all(callback.pending.state == callback.pasted.state for callback in found)
    assert found or (problem and problem.what and problem.exit is Exit.PROBLEM and problem.remedy.commands)
    assert lab.server.exchanges == 0
    assert lab.tokens.read_text() == "{" + OTHER + "}"


@_SOME
@given(texts=st.lists(_PASTES_OF_ALL_KINDS, max_size=8))
def test_any_pastes_at_the_prompt_end_in_a_token_an_error_or_an_interrupt(lab: Lab, texts: list[str]) -> None:
    lab.server.answers = [granted()]
    person = Someone(*(lambda link, text=text: text.replace("STATE", link.pending.state) for text in texts))
    done = grant_all(lab.login, [LOOKUP], person)
    (outcome,) = done.outcomes
    if done.interrupted:
        assert outcome.result is LoginResult.NOT_BEGUN
        assert done.waiting == 1
    else:
        assert outcome.result.usable or outcome.error is not None
    assert OTHER in lab.tokens.read_text()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
_MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "access_token": st.one_of(st.just("a"), _JSON),
        "refresh_token": st.one_of(st.just("r"), _JSON),
        "expires_in": st.one_of(st.just(36000), st.just("36000"), _JSON),
        "token_type": st.one_of(st.just("Bearer"), _JSON),
        "scope": st.one_of(st.just(LOOKUP.scope), st.just("majora2.x"), _JSON),
        "expires_at": _JSON,
        "error": st.one_of(st.sampled_from(["invalid_grant", "access_denied"]), _JSON),
        "error_description": _JSON,
        "more": _JSON,
    },
)
_BODIES = st.one_of(st.binary(), _MEMBERS.map(lambda members: json.dumps(members).encode()))
_ANSWERS = st.one_of(
    st.builds(
        HttpAnswer,
        st.sampled_from([200, 200, 200, 400, 401, 403, 302, 429, 500]),
        st.just({}),
        _BODIES,
    ),
    st.builds(
        NetFailure, st.sampled_from(["timeout", "reset", "refused", "dns-none"]), st.just("x"), st.booleans()
    ),
)


@_SOME
@given(came=_ANSWERS)
def test_any_answer_leaves_a_file_that_the_client_reads(lab: Lab, came: HttpAnswer | NetFailure) -> None:
    lab.tokens.write_text("{" + OTHER + "}")
    lab.server.answers, lab.server.exchanges = [judge_token_answer(came)], 0
    link = begin(lab.login, LOOKUP)
    outcome = redeem(lab.login, Callback(LOOKUP, link.pending, PastedCode(Secret(CODE), link.pending.state)))
    text = lab.tokens.read_text()
    assert OTHER in text
    entries = json.loads(text)
    if outcome.key:
        entry = entries[outcome.key]
        assert isinstance(entry["access_token"], str)
        assert isinstance(entry["expires_at"], int | float)
        assert " ".join(entry["scope"]) == outcome.key
    else:
        assert outcome.error is not None
        assert list(entries) == ["majora2.other"]


def code(link: Link) -> str:
    return f"{DOMAIN}o/callback/?code={CODE}&state={link.pending.state}"


class TestThePerson:
    def test_dead_codes_bring_a_few_fresh_links_and_then_an_error(self, lab: Lab) -> None:
        lab.server.answers = [refused("invalid_grant")]
        person = Someone(*[code] * 10)
        done = grant_all(lab.login, [LOOKUP], person)
        assert len(person.links) == 4
        assert len({link.pending.state for link in person.links}) == 4
        assert done.outcomes[0].error is not None
        assert done.outcomes[0].error.id == "LGN021"

    def test_a_client_that_is_refused_ends_all(self, lab: Lab) -> None:
        lab.server.answers = [refused("invalid_client", status=401)]
        person = Someone(code, code)
        done = grant_all(lab.login, [LOOKUP, request_for("majora2.x")], person)
        assert [outcome.result for outcome in done.outcomes] == [LoginResult.FAILED, LoginResult.NOT_BEGUN]
        assert len(person.links) == 1

    def test_a_lost_answer_is_tried_again_only_where_the_person_wants(self, lab: Lab) -> None:
        lab.server.answers = [judge_token_answer(HttpAnswer(503)), granted()]
        assert grant_all(lab.login, [LOOKUP], Someone(code, fresh=False)).outcomes[0].exit is Exit.UNKNOWN
        lab.server.exchanges = 0
        assert grant_all(lab.login, [LOOKUP], Someone(code, code)).outcomes[0].result is LoginResult.LOGGED_IN

    def test_a_server_that_was_not_reached_is_asked_again(self, lab: Lab) -> None:
        away = judge_token_answer(NetFailure("refused", "nothing listens there"))
        lab.server.answers = [away, away, granted()]
        assert grant_all(lab.login, [LOOKUP], Someone(code)).outcomes[0].result is LoginResult.LOGGED_IN
        assert lab.server.exchanges == 3

    def test_a_code_that_may_be_used_up_is_never_sent_twice(self, lab: Lab) -> None:
        lost = judge_token_answer(NetFailure("timeout", "no answer", sent=True))
        lab.server.answers = [lost, granted()]
        outcome = grant_all(lab.login, [LOOKUP], Someone(code, fresh=False)).outcomes[0]
        assert isinstance(lost, Unusable)
        assert lab.server.exchanges == 1
        assert outcome.error is not None
        assert outcome.error.id == "LGN026"

    def test_it_gives_up_after_some_pastes(self, lab: Lab) -> None:
        person = Someone(*[lambda link: "nonsense"] * 20)
        done = grant_all(lab.login, [LOOKUP], person)
        assert len(person.errors) == PASTES - 1
        assert done.outcomes[0].error is not None
        assert done.outcomes[0].error.id == "LGN002"

    def test_a_client_that_the_server_does_not_know_is_found_out(self, lab: Lab) -> None:
        lab.server.known = False
        done = grant_all(lab.login, [LOOKUP], Someone(lambda link: link.url))
        assert done.outcomes[0].error is not None
        assert done.outcomes[0].error.id == "CRD001"

    def test_an_earlier_link_that_waits_does_not_count_here(self, lab: Lab) -> None:
        earlier = begin(lab.login, LOOKUP)
        person = Someone(lambda link: code(earlier))
        assert grant_all(lab.login, [LOOKUP], person).interrupted
        assert [error.id for error in person.errors] == ["LGN006"]


class TestSaving:
    def redeem(self, lab: Lab, link: Link) -> TokenOutcome:
        return redeem(lab.login, Callback(LOOKUP, link.pending, PastedCode(Secret(CODE), link.pending.state)))

    def test_what_another_program_wrote_meanwhile_stays(self, lab: Lab) -> None:
        def during() -> None:
            entries = json.loads(lab.tokens.read_text())
            lab.tokens.write_text(json.dumps({**entries, "majora2.late": {"access_token": "late"}}))

        lab.server.answers, lab.server.during = [granted()], during
        assert self.redeem(lab, begin(lab.login, LOOKUP)).result is LoginResult.LOGGED_IN
        assert sorted(json.loads(lab.tokens.read_text())) == ["majora2.late", "majora2.other", LOOKUP.scope]

    def test_a_new_token_replaces_one_that_claims_to_live_longer(self, lab: Lab) -> None:
        old = {"access_token": "old", "refresh_token": "old", "expires_in": 36000, "scope": [LOOKUP.scope]}
        lab.tokens.write_text(json.dumps({LOOKUP.scope: {**old, "expires_at": lab.clock.time + 90_000}}))
        lab.server.answers = [granted()]
        self.redeem(lab, begin(lab.login, LOOKUP))
        assert json.loads(lab.tokens.read_text())[LOOKUP.scope]["access_token"] == "new-access"

    def test_a_token_that_its_file_can_not_take_is_kept_elsewhere(self, lab: Lab) -> None:
        def during() -> None:
            lab.tokens.unlink()
            lab.tokens.mkdir()

        lab.server.answers, lab.server.during = [granted()], during
        outcome = self.redeem(lab, begin(lab.login, LOOKUP))
        assert outcome.error is not None
        assert outcome.error.id == "RFR005"
        (rescued,) = (lab.login.system.state_dir / "rescue").iterdir()
        assert "new-access" in rescued.read_text()
        lab.tokens.rmdir()
        lab.server.during = lambda: None
        # The next login puts it back.
        self.redeem(lab, begin(lab.login, LOOKUP))
        assert not list((lab.login.system.state_dir / "rescue").iterdir())

    def test_a_code_is_known_to_be_used(self, lab: Lab) -> None:
        lab.server.answers = [granted()]
        link = begin(lab.login, LOOKUP)
        self.redeem(lab, link)
        lab.clock.sleep(30)
        with pytest.raises(KitError, match="used before, 30 s ago"):
            match(lab.login, code(link), None)
        assert pending.find(lab.login.system, link.pending.state) is None


def test_the_link_is_what_the_server_wants(lab: Lab) -> None:
    link = begin(lab.login, LOOKUP)
    query = parse_qs(urlsplit(link.url).query)
    assert query["redirect_uri"] == [f"{DOMAIN}o/callback/"]
    assert query["client_id"] == ["id" * 20]
    assert set(link.pending.verifier.reveal()) <= set(string.ascii_letters + string.digits + "-._~")
    assert link.pending.verifier.reveal() not in link.url
    assert lab.login.setup.client_secret.reveal() not in link.url
