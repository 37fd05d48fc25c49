"""Every fault that the sandbox can play: its own message, its own exit code, and no token lost to it.

In the test's own process, with a clock whose waits take no time; a few as a process.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.flows.refresh.conftest import INFO, PAGS, VIEW, Person, result_of

from ocarina_kit.core.errors import Exit, KitError
from ocarina_kit.core.secret import Secret
from ocarina_kit.core.setup import Place, Setup
from ocarina_kit.core.tokens.refresh_report import RefreshReport, ScopeResult
from ocarina_kit.edges.process import run
from ocarina_kit.edges.system import System
from ocarina_kit.flows.refresh import refresh_tokens


@dataclass
class QuickClock:
    """Real time, but waits take none: they only move it on."""

    waited: float = 0.0
    waits: list[float] = field(default_factory=list)

    def now(self) -> float:
        return time.time() + self.waited

    def monotonic(self) -> float:
        return time.monotonic() + self.waited

    def sleep(self, seconds: float) -> None:
        self.waited += seconds
        self.waits.append(seconds)


def system_of(person: Person, clock: Any = None, **environ: str) -> System:
    return System(
        environ=environ,
        home=person.kit.home,
        user="tester",
        host="node1",
        run=run,
        clock=clock or QuickClock(),
    )


def setup_of(person: Person, **more: Any) -> Setup:
    members: dict[str, Any] = {
        "place": Place(person.kit.config),
        "domain": person.majora.url,
        "user": person.user.name,
        "tokens_file": person.kit.tokens,
        "client_id": person.app.client_id,
        "client_secret": Secret(person.app.client_secret),
        **more,
    }
    return Setup(**members)


def refreshed(person: Person, clock: Any = None, **more: Any) -> RefreshReport:
    return refresh_tokens(system_of(person, clock), setup_of(person), **more)


def texts(error: KitError) -> str:
    return " ".join((error.what, error.why, error.remedy.text, *error.remedy.commands))


# kind, its detail: result, exit, id, words of the message, whether the server spent the token
Row = tuple[str, dict[str, Any], ScopeResult, Exit, str, str, bool]
UNUSABLE: list[Row] = [
    ("status", {"status": 500}, ScopeResult.MAYBE_LOST, Exit.UNKNOWN, "RFR004", "answered 500", False),
    ("status", {"status": 503}, ScopeResult.MAYBE_LOST, Exit.UNKNOWN, "RFR004", "answered 503", False),
    ("status", {"status": 429}, ScopeResult.NETWORK, Exit.UNKNOWN, "SRV004", "answered 429", False),
    ("status", {"status": 404}, ScopeResult.NETWORK, Exit.UNKNOWN, "SRV004", "answered 404", False),
    ("html", {"status": 200}, ScopeResult.MAYBE_LOST, Exit.UNKNOWN, "RFR004", "a page for people", False),
    ("html", {"status": 404}, ScopeResult.NETWORK, Exit.UNKNOWN, "SRV004", "404 with a page", False),
    (
        *("redirect", {"status": 307, "location": "https://elsewhere.invalid/o/token/"}),
        *(ScopeResult.NETWORK, Exit.UNKNOWN, "SRV004", "307, a redirect to elsewhere.invalid", False),
    ),
    (
        *("redirect", {"status": 302, "location": "http://plain.invalid/"}),
        *(ScopeResult.NETWORK, Exit.UNKNOWN, "SRV004", "302, a redirect to plain.invalid", False),
    ),
    ("not_json", {}, ScopeResult.MAYBE_LOST, Exit.UNKNOWN, "RFR004", "not the JSON of a token", False),
    ("empty", {}, ScopeResult.MAYBE_LOST, Exit.UNKNOWN, "RFR004", "not the JSON of a token", False),
    ("reset", {}, ScopeResult.MAYBE_LOST, Exit.UNKNOWN, "RFR004", "cut the connection", False),
    ("close", {}, ScopeResult.MAYBE_LOST, Exit.UNKNOWN, "RFR004", "cut the connection", False),
    ("flood", {}, ScopeResult.MAYBE_LOST, Exit.UNKNOWN, "RFR004", "larger than 1 MiB", False),
    ("bomb", {}, ScopeResult.MAYBE_LOST, Exit.UNKNOWN, "RFR004", "larger than 1 MiB", False),
    (
        "edit",
        {"remove": ["access_token"]},
        ScopeResult.MAYBE_LOST,
        Exit.UNKNOWN,
        "RFR004",
        "access token",
        True,
    ),
    (
        "edit",
        {"change": {"token_type": "mac"}},
        ScopeResult.MAYBE_LOST,
        Exit.UNKNOWN,
        "RFR004",
        "Bearer",
        True,
    ),
    ("truncated", {}, ScopeResult.MAYBE_LOST, Exit.UNKNOWN, "RFR004", "not the JSON", True),
    # The token was spent, and the next attempt hears "no": that is said as what it is.
    (
        "status",
        {"status": 502, "after": True, "times": 1},
        ScopeResult.LOST,
        Exit.LOGIN,
        "RFR002",
        "lost",
        True,
    ),
    ("reset", {"after": True, "times": 1}, ScopeResult.LOST, Exit.LOGIN, "RFR002", "lost", True),
    ("truncated", {"promise": True, "times": 1}, ScopeResult.LOST, Exit.LOGIN, "RFR002", "lost", True),
    # A "no" of the server's.
    (
        *("status", {"status": 400, "body": '{"error": "invalid_grant"}'}),
        *(ScopeResult.REFUSED_TOKEN, Exit.LOGIN, "RFR001", "no longer takes the refresh token", False),
    ),
    (
        *("status", {"status": 401, "body": '{"error": "invalid_client"}'}),
        *(ScopeResult.REFUSED_CLIENT, Exit.PROBLEM, "CRD001", "does not know this client", False),
    ),
    (
        *("status", {"status": 400, "body": '{"error": "invalid_request"}'}),
        *(ScopeResult.REFUSED, Exit.PROBLEM, "RFR003", "invalid_request", False),
    ),
    (
        *("status", {"status": 400, "body": '{"error": "unauthorized_client"}'}),
        *(ScopeResult.REFUSED_CLIENT, Exit.PROBLEM, "LGN027", "another grant type", False),
    ),
]


@pytest.mark.parametrize(
    "row", UNUSABLE, ids=[f"{row[0]}-{row[1].get('status', '')}-{row[4]}" for row in UNUSABLE]
)
def test_a_fault_is_told_for_what_it_is(person: Person, row: Row) -> None:
    kind, detail, result, exit, id, words, spent = row
    tokens = person.have(VIEW, PAGS)
    before = person.kit.tokens.read_bytes()
    person.majora.fault(kind, token=tokens[VIEW]["refresh_token"], **detail)
    report = refreshed(person)
    found = {token.scope: token for token in report.tokens}
    bad = found[VIEW]
    assert (bad.result, bad.exit) == (result, exit)
    assert bad.error is not None
    assert bad.error.id == id
    assert words in texts(bad.error), texts(bad.error)
    assert report.exit is exit
    # One that fails stops no other, and its own entry is kept.
    assert found[PAGS].result is ScopeResult.REFRESHED
    assert person.tokens[VIEW] == tokens[VIEW]
    assert person.kit.tokens.read_bytes() != before
    assert (person.majora.token_state(tokens[VIEW]["refresh_token"]) == "dead") is spent
    for secret in person.kit.secrets:
        assert secret not in texts(bad.error)
    if not spent:
        person.majora.clear_faults()
        again = refreshed(person, scopes=[VIEW])
        assert again.tokens[0].result is ScopeResult.REFRESHED


def test_faults_of_different_kinds_have_different_messages() -> None:
    said = {(row[4], row[5]) for row in UNUSABLE}
    assert len(said) >= 16


@pytest.mark.parametrize("detail", [{"status": 503}, {"status": 429}, {"status": 500}])
def test_it_tries_again_with_growing_waits_and_ends_within_60_s(
    person: Person, detail: dict[str, Any]
) -> None:
    person.have(VIEW)
    person.majora.fault("status", **detail)
    clock = QuickClock()
    began = clock.monotonic()
    refreshed(person, clock, jitter=lambda: 0.5)
    arrivals = person.majora.stats()["token_posts"]
    assert 5 <= arrivals <= 8
    assert clock.monotonic() - began <= 61
    assert clock.waited > 30


def test_it_succeeds_once_the_server_is_back(person: Person) -> None:
    person.have(VIEW)
    person.majora.fault("status", status=503, times=2)
    report = refreshed(person)
    assert report.tokens[0].result is ScopeResult.REFRESHED
    assert person.alive()


def test_retry_after_is_obeyed(person: Person) -> None:
    person.have(VIEW)
    person.majora.fault("status", status=429, times=1, headers={"Retry-After": "17"})
    clock = QuickClock()
    assert refreshed(person, clock).exit is Exit.OK
    assert clock.waited >= 16.9


def test_an_oauth_error_is_never_tried_again(person: Person) -> None:
    tokens = person.have(VIEW)
    person.majora.revoke(tokens[VIEW])
    assert refreshed(person).exit is Exit.LOGIN
    assert person.majora.stats()["token_posts"] == 1


def test_a_time_out_is_tried_again_and_a_lost_answer_is_said(person: Person) -> None:
    """20 s: the time that one attempt has."""
    tokens = person.have(VIEW, PAGS, INFO)
    person.majora.fault("slow", seconds=40, times=1, token=tokens[VIEW]["refresh_token"])
    person.majora.fault("drip", seconds=2, times=1, after=True, token=tokens[INFO]["refresh_token"])
    person.majora.fault("slow", seconds=40, times=1, after=True, token=tokens[PAGS]["refresh_token"])
    ran = person.kit.run("refresh", "--json")
    assert ran.code == 4
    assert result_of(ran, VIEW) == "refreshed"
    assert result_of(ran, PAGS) == result_of(ran, INFO) == "lost"
    assert ran.json["error"]["id"] == "RFR002"
    assert "spent" in ran.json["error"]["what"]
    assert "lost" in ran.json["error"]["what"]


def test_a_dead_server_is_not_asked_for_ever_about_a_thousand_tokens(person: Person) -> None:
    grant = person.grant()
    many = {
        f"majora2.scope_{number}": {**grant, "scope": [f"majora2.scope_{number}"]} for number in range(200)
    }
    person.kit.write_tokens(many)
    clock = QuickClock()
    began = clock.monotonic()
    person.majora.fault("status", status=429)
    report = refreshed(person, clock)
    assert {token.result for token in report.tokens} == {ScopeResult.NETWORK}
    assert report.exit is Exit.UNKNOWN
    assert clock.monotonic() - began < 90
    assert person.majora.stats()["token_posts"] < 200


def test_a_wrong_client_is_asked_about_once_not_for_each_token(person: Person) -> None:
    grant = person.grant()
    many = {
        f"majora2.scope_{number}": {**grant, "scope": [f"majora2.scope_{number}"]} for number in range(60)
    }
    person.kit.write_tokens(many)
    report = refresh_tokens(system_of(person), setup_of(person, client_secret=Secret("wrong" * 20)))
    assert {token.result for token in report.tokens} == {ScopeResult.REFUSED_CLIENT}
    assert (report.exit, len(report.tokens)) == (Exit.PROBLEM, 60)
    assert person.majora.stats()["token_posts"] <= 20
    (error,) = report.errors(Place(person.kit.config))
    assert error.id == "CRD001"


def test_nobody_there_no_such_host_and_a_closed_port_are_told_apart(person: Person) -> None:
    person.have(VIEW)
    said = {}
    for name, domain in (("host", "https://majora.invalid/"), ("port", "http://127.0.0.1:9/")):
        person.configure(MAJORA_DOMAIN=domain)
        report = refresh_tokens(system_of(person), setup_of(person, domain=domain))
        assert report.exit is Exit.UNKNOWN
        (error,) = report.errors(Place(person.kit.config))
        said[name] = error.id
    assert said == {"host": "SRV001", "port": "SRV002"}


def test_a_ca_bundle_that_is_not_there_is_this_machines_fault(person: Person) -> None:
    person.have(VIEW)
    person.configure(MAJORA_DOMAIN="https://127.0.0.1:9/")
    system = system_of(person, REQUESTS_CA_BUNDLE="/nowhere/ca.pem")
    report = refresh_tokens(system, setup_of(person, domain="https://127.0.0.1:9/"))
    assert report.exit is Exit.PROBLEM
    (error,) = report.errors(Place(person.kit.config))
    assert error.id == "SRV003"
    assert "REQUESTS_CA_BUNDLE" in error.what


# --- answers that are fine but unusual


@pytest.mark.parametrize(
    "detail",
    [
        {"reverse_scope": True},
        {"remove": ["scope"]},
        {"remove": ["expires_in"]},
        {"change": {"expires_in": "36000"}},
        {"change": {"extra": {"nested": [1, 2]}}},
    ],
    ids=str,
)
def test_what_rfc_6749_allows_is_taken_and_stored_as_the_client_can_read_it(
    person: Person, detail: dict[str, Any]
) -> None:
    scope = f"{VIEW} {PAGS}"
    person.have(scope)
    person.majora.fault("edit", **detail)
    report = refreshed(person)
    assert report.tokens[0].result is ScopeResult.REFRESHED
    token = person.tokens[scope]
    assert token["scope"] == scope.split(" ")
    assert type(token["expires_in"]) is int
    assert person.alive(scope)


def test_an_answer_without_a_new_refresh_token_keeps_the_old_one(person: Person) -> None:
    before = person.have(VIEW)[VIEW]
    person.majora.fault("edit", remove=["refresh_token"])
    assert refreshed(person).exit is Exit.OK
    after = person.tokens[VIEW]
    assert after["refresh_token"] == before["refresh_token"]
    assert after["access_token"] != before["access_token"]


def test_fewer_scopes_than_asked_for_are_said_and_stand_where_they_are_found(person: Person) -> None:
    scope = f"{VIEW} {PAGS}"
    person.have(scope)
    person.majora.fault("edit", change={"scope": VIEW})
    report = refreshed(person)
    assert PAGS in report.tokens[0].note
    assert list(person.tokens) == [VIEW]


# --- after a run that was cut off


def test_a_run_that_got_no_answer_leaves_word_for_the_next(person: Person) -> None:
    tokens = person.have(VIEW)
    # The server takes the token; its answer never comes; and then it is not to be reached.
    person.majora.fault("truncated", times=1)
    assert refreshed(person).exit is Exit.UNKNOWN
    assert person.majora.token_state(tokens[VIEW]["refresh_token"]) == "dead"
    report = refreshed(person)
    assert report.tokens[0].result is ScopeResult.LOST
    assert report.exit is Exit.LOGIN
    assert report.tokens[0].error is not None
    assert report.tokens[0].error.id == "RFR002"
    # Said once it is known; a login starts afresh.
    person.have(VIEW)
    assert refreshed(person).exit is Exit.OK


def test_no_fault_leaves_a_temporary_file(person: Person) -> None:
    person.have(VIEW)
    person.majora.fault("status", status=404)
    refreshed(person)
    names = {path.name for path in Path(person.kit.home).iterdir()}
    assert names == {".ocarina", ".ocarina-tokens", ".ocarina-tokens.lock", ".local"}
    assert re.search("result=network", person.log()[-1])
