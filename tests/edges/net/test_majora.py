"""Majora's endpoints: against the sandbox, and against servers that do what no Majora should."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ocarina_kit.core.oauth.answers import Granted, Refused, TokenAnswer, Unusable
from ocarina_kit.core.oauth.grant import authorization_url, new_pkce, new_state
from ocarina_kit.core.oauth.paste import PastedCode, PasteFault, read_paste
from ocarina_kit.core.secret import Secret
from ocarina_kit.core.tokens.retry import judge_refresh
from ocarina_kit.edges.net.http import Http
from ocarina_kit.edges.net.majora import Majora
from ocarina_kit.sandbox import Application, Sandbox, User

SCOPE = "majora2.view_biosampleartifact"
TWO = "majora2.can_read_dataview_via_api majora2.view_biosampleartifact"


@dataclass
class Set:
    sandbox: Sandbox
    user: User
    app: Application
    majora: Majora

    def grant(self, scope: str = SCOPE, age: float = 0.0) -> dict[str, Any]:
        return self.sandbox.grant(self.user, self.app, scope, age=age)

    def link(self, scope: str = SCOPE) -> tuple[str, str, Secret]:
        """An authorize link, its state and its verifier."""
        state, pkce = new_state(secrets.token_urlsafe), new_pkce(secrets.token_urlsafe)
        link = authorization_url(self.sandbox.url, self.app.client_id, scope, state, pkce.challenge)
        return link, state, pkce.verifier

    def with_client(self, client_id: str, client_secret: str) -> Majora:
        return Majora(self.majora.http, self.sandbox.url, client_id, Secret(client_secret))


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox.start() as sandbox:
        yield sandbox


@pytest.fixture
def here(running: Sandbox) -> Iterator[Set]:
    running.clear_faults()
    user = running.add_user("u" + secrets.token_hex(6))
    app = running.add_application(user)
    yield Set(running, user, app, Majora(Http({}), running.url, app.client_id, Secret(app.client_secret)))
    running.clear_faults()


def granted(answer: TokenAnswer) -> Granted:
    assert isinstance(answer, Granted), answer
    return answer


def refused(answer: TokenAnswer) -> Refused:
    assert isinstance(answer, Refused), answer
    return answer


def unusable(answer: TokenAnswer) -> Unusable:
    assert isinstance(answer, Unusable), answer
    return answer


# --- the whole way


def test_a_grant_from_link_to_token(here: Set) -> None:
    link, state, verifier = here.link(TWO)
    pasted = read_paste(here.sandbox.authorize(here.user, link), {state}, here.sandbox.url)
    assert isinstance(pasted, PastedCode)
    assert pasted.state == state
    token = granted(here.majora.exchange(pasted.code, verifier))
    assert token.scope == tuple(TWO.split())
    assert token.expires_in == 36000
    assert here.sandbox.token_state(token.access_token.reveal()) == "live"
    assert token.skew is not None
    assert abs(token.skew) < 3
    # A code is good once.
    assert refused(here.majora.exchange(pasted.code, verifier)).cause == "grant"


def test_cancel_and_missing_permission(here: Set) -> None:
    link, state, _ = here.link()
    denied = read_paste(here.sandbox.deny(here.user, link), {state}, here.sandbox.url)
    assert isinstance(denied, PasteFault)
    assert (denied.kind, denied.state) == ("denied", state)
    here.sandbox.set_permissions(here.user, [])
    unfit = read_paste(here.sandbox.authorize(here.user, link), {state}, here.sandbox.url)
    assert isinstance(unfit, PasteFault)
    assert (unfit.kind, unfit.state) == ("scope", state)


def test_exchanges_that_are_refused(here: Set) -> None:
    def code() -> tuple[Secret, Secret]:
        link, state, verifier = here.link()
        pasted = read_paste(here.sandbox.authorize(here.user, link), {state}, here.sandbox.url)
        assert isinstance(pasted, PastedCode)
        return pasted.code, verifier

    good, verifier = code()
    assert refused(here.majora.exchange(good, Secret("v" * 43))).cause in ("verifier", "grant")
    good, _ = code()
    assert refused(here.majora.exchange(good, None)).cause == "verifier"
    good, verifier = code()
    other = here.sandbox.url + "o/callback"
    assert refused(here.majora.exchange(good, verifier, redirect_uri=other)).cause == "redirect-uri"
    good, verifier = code()
    stranger = here.with_client(here.app.client_id, "wrong" * 25)
    assert refused(stranger.exchange(good, verifier)).cause == "client"
    good, verifier = code()
    here.sandbox.set_two_factor(here.user, enabled=False)
    assert refused(here.majora.exchange(good, verifier)).cause == "two-factor"


def test_a_refresh_rotates_and_heals(here: Set) -> None:
    old = here.grant(age=30 * 3600)
    token = granted(here.majora.refresh(Secret(old["refresh_token"])))
    assert token.refresh_token is not None
    assert token.refresh_token.reveal() != old["refresh_token"]
    assert token.scope == (SCOPE,)
    assert here.sandbox.token_state(token.access_token.reveal()) == "live"
    again = refused(here.majora.refresh(Secret(old["refresh_token"])))
    assert again.cause == "grant"
    assert judge_refresh([again]).result == "token-refused"


def test_a_refresh_is_one_request(here: Set) -> None:
    token = Secret(here.grant()["refresh_token"])
    here.sandbox.clear_requests()
    granted(here.majora.refresh(token))
    assert [(seen.method, seen.path) for seen in here.sandbox.requests] == [("POST", "/o/token/")]


def test_refreshes_side_by_side(here: Set) -> None:
    from concurrent.futures import ThreadPoolExecutor

    tokens = [here.grant() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda t: here.majora.refresh(Secret(t["refresh_token"])), tokens))
    assert all(isinstance(answer, Granted) for answer in answers)


def test_a_refresh_with_an_unknown_client(here: Set) -> None:
    old = here.grant()
    stranger = here.with_client(here.app.client_id, "wrong" * 25)
    assert refused(stranger.refresh(Secret(old["refresh_token"]))).cause == "client"
    granted(here.majora.refresh(Secret(old["refresh_token"])))


def test_revoke(here: Set) -> None:
    token = here.grant()
    assert here.majora.revoke(Secret(token["refresh_token"])).confirmed
    assert here.sandbox.token_state(token["access_token"]) in ("dead", "unknown")
    assert refused(here.majora.refresh(Secret(token["refresh_token"]))).cause == "grant"
    assert here.majora.revoke(Secret("never-was")).confirmed
    stranger = here.with_client(here.app.client_id, "wrong" * 25)
    answer = stranger.revoke(Secret(here.grant()["refresh_token"]))
    assert not answer.confirmed
    assert answer.refused is not None
    here.sandbox.fault("html", "o/revoke_token/", status=200)
    assert not here.majora.revoke(Secret("x")).confirmed


def test_over_tls_with_the_sandboxs_own_authority() -> None:
    with Sandbox.start(tls=True) as sandbox:
        user = sandbox.add_user("tls")
        app = sandbox.add_application(user)
        token = Secret(sandbox.grant(user, app, SCOPE)["refresh_token"])
        stranger = Majora(Http({}), sandbox.url, app.client_id, Secret(app.client_secret))
        answer = unusable(stranger.refresh(token))
        assert answer.net is not None
        assert (answer.net.kind, answer.may_have_spent) == ("tls-unknown-issuer", False)
        assert not [seen for seen in sandbox.requests if seen.path == "/o/token/"]
        http = Http({"REQUESTS_CA_BUNDLE": str(sandbox.ca_file)})
        granted(Majora(http, sandbox.url, app.client_id, Secret(app.client_secret)).refresh(token))


# --- probes


def test_who_is_there(here: Set) -> None:
    assert here.majora.identify().kind == "majora"
    assert here.majora.probe_client().kind == "known"
    assert here.with_client(here.app.client_id, "w" * 128).probe_client().kind == "unknown"
    assert here.with_client("nobody", here.app.client_secret).probe_client().kind == "unknown"
    # Swapped: the server tells.
    assert here.with_client(here.app.client_secret, here.app.client_id).probe_client().kind == "unknown"


def test_a_wrong_clock_is_noticed(here: Set) -> None:
    here.sandbox.shift_clock(600)
    try:
        who = here.majora.identify()
    finally:
        here.sandbox.shift_clock(-600)
    assert who.skew is not None
    assert 590 < who.skew < 610


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "status", "status": 429, "headers": {"Retry-After": "5"}}, "unusable"),
        ({"kind": "status", "status": 503}, "unusable"),
        ({"kind": "status", "status": 404}, "not-majora"),
        ({"kind": "html", "status": 200}, "not-majora"),
        ({"kind": "redirect", "status": 302, "location": "https://portal.test/"}, "not-majora"),
        ({"kind": "not_json"}, "not-majora"),
        ({"kind": "empty"}, "not-majora"),
        ({"kind": "reset"}, "unusable"),
        ({"kind": "drip", "seconds": 0.2}, "unusable"),
        ({"kind": "flood"}, "not-majora"),
        ({"kind": "bomb"}, "not-majora"),
    ],
)
def test_no_majora_and_no_answer(here: Set, fault: dict[str, Any], kind: str) -> None:
    here.sandbox.fault(fault.pop("kind"), **fault)
    start = time.monotonic()
    assert here.majora.identify(seconds=1.5).kind == kind
    assert here.majora.probe_client(seconds=1.5).kind == kind
    assert time.monotonic() - start < 5


def test_the_life_of_a_token(here: Set) -> None:
    token = here.grant()
    alive = Secret(token["access_token"])
    probe = here.majora.probe_token(alive, here.user.name, "1.0.0")
    assert (probe.kind, probe.client_ok) == ("alive", True)
    old = here.majora.probe_token(alive, here.user.name, "0.36.1")
    assert (old.kind, old.client_ok, old.wanted_version) == ("alive", False, "0.44.0")
    untold = here.majora.probe_token(alive, here.user.name, None)
    assert (untold.kind, untold.client_ok) == ("alive", None)
    odd = here.majora.probe_token(alive, here.user.name, "dev")
    assert (odd.kind, odd.client_ok) == ("alive", False)
    assert here.majora.probe_token(alive, "  ", "1.0.0").kind == "blank-user"
    assert here.majora.probe_token(Secret("dead"), here.user.name, "1.0.0").kind == "dead"
    here.sandbox.revoke(token)
    assert here.majora.probe_token(alive, here.user.name, "1.0.0").kind == "dead"
    here.sandbox.fault("status", "api/*", status=500)
    assert here.majora.probe_token(alive, here.user.name, "1.0.0").kind == "unusable"


def test_a_token_of_an_inactive_account_is_dead(here: Set) -> None:
    token = here.grant()
    here.sandbox.set_active(here.user, False)
    assert here.majora.probe_token(Secret(token["access_token"]), here.user.name, "1.0.0").kind == "dead"


def test_legacy_keys(here: Set) -> None:
    key = Secret(here.sandbox.add_legacy_key(here.user))
    assert here.majora.probe_legacy_key(key, here.user.name, "1.0.0").kind == "alive"
    assert here.majora.probe_legacy_key(key, here.user.name, "0.36.1").client_ok is False
    assert here.majora.probe_legacy_key(key, "somebody", "1.0.0").kind == "dead"
    assert here.majora.probe_legacy_key(Secret("wrong"), here.user.name, "1.0.0").kind == "dead"
    stale = Secret(here.sandbox.add_legacy_key(here.user, age=4 * 86400))
    assert here.majora.probe_legacy_key(stale, here.user.name, "1.0.0").kind == "dead"


# --- refreshes that go wrong on the way


@pytest.mark.parametrize(
    ("fault", "reason", "may_have_spent"),
    [
        ({"kind": "status", "status": 429, "headers": {"Retry-After": "5"}}, "rate-limited", False),
        ({"kind": "status", "status": 503}, "server-error", True),
        ({"kind": "html", "status": 200}, "html", True),
        ({"kind": "not_json"}, "not-json", True),
        ({"kind": "empty"}, "not-json", True),
        ({"kind": "redirect", "status": 307, "location": "https://evil.test/o/token/"}, "redirect", False),
        ({"kind": "slow", "seconds": 5, "after": True}, "network", True),
        ({"kind": "reset", "after": True}, "network", True),
        ({"kind": "close", "after": True}, "network", True),
        ({"kind": "drip", "seconds": 0.2, "after": True}, "network", True),
        ({"kind": "flood"}, "network", True),
        ({"kind": "bomb"}, "network", True),
        ({"kind": "truncated"}, "not-json", True),
        ({"kind": "truncated", "promise": True}, "network", True),
        ({"kind": "edit", "change": {"token_type": "mac"}}, "shape", True),
        ({"kind": "edit", "change": {"expires_in": "soon"}}, "shape", True),
        ({"kind": "edit", "remove": ["access_token"]}, "shape", True),
    ],
)
def test_a_lost_answer(here: Set, fault: dict[str, Any], reason: str, may_have_spent: bool) -> None:
    token = Secret(here.grant()["refresh_token"])
    here.sandbox.fault(fault["kind"], times=1, **{name: fault[name] for name in fault if name != "kind"})
    first = unusable(here.majora.refresh(token, seconds=1.0))
    assert (first.reason, first.may_have_spent) == (reason, may_have_spent)
    assert token.reveal() not in repr(first)
    # The same token once more tells whether it was spent.
    second = here.majora.refresh(token)
    if here.sandbox.token_state(token.reveal()) == "dead" and isinstance(second, Refused):
        assert judge_refresh([first, second]).result == "answer-lost"
    else:
        granted(second)


@pytest.mark.parametrize(
    "change", [{"remove": ["scope"]}, {"remove": ["refresh_token"]}, {"reverse_scope": True}]
)
def test_what_a_server_may_do_to_its_answer(here: Set, change: dict[str, Any]) -> None:
    old = here.grant(TWO)
    here.sandbox.fault("edit", times=1, **change)
    token = granted(here.majora.refresh(Secret(old["refresh_token"])))
    assert token.missing(TWO) == ()


def test_a_changed_scope_is_no_crash(here: Set) -> None:
    old = here.grant(TWO)
    here.sandbox.fault("edit", times=1, change={"scope": SCOPE})
    token = granted(here.majora.refresh(Secret(old["refresh_token"])))
    assert token.missing(TWO) == ("majora2.can_read_dataview_via_api",)


# --- no secret leaves


def test_no_secret_reaches_the_place_that_a_redirect_names(peers: Any) -> None:
    evil = peers.saying(b"HTTP/1.1 200 OK\r\n\r\n")
    for status in (301, 302, 303, 307, 308):
        peer = peers.saying(
            f"HTTP/1.1 {status} Go\r\nContent-Length: 0\r\nLocation: http://127.0.0.1:{evil.port}/o/token/\r\n\r\n".encode()
        )
        majora = Majora(Http({}), peer.url, "id", Secret("s3cret"))
        assert unusable(majora.refresh(Secret("r3fresh"))).reason == "redirect"
        assert unusable(majora.exchange(Secret("c0de"), Secret("v3rifier"))).reason == "redirect"
        assert majora.probe_client().kind == "not-majora"
        assert majora.probe_token(Secret("acc3ss"), "u", "1.0.0").kind == "unusable"
        assert not majora.revoke(Secret("r3fresh")).confirmed
    assert evil.connections == 0


def test_nothing_is_sent_over_plain_http() -> None:
    majora = Majora(Http({}), "http://majora.test/", "id", Secret("s3cret"))
    answer = unusable(majora.refresh(Secret("r3fresh")))
    assert answer.net is not None
    assert answer.net.kind == "insecure"


def test_no_secret_is_logged_at_any_level(peers: Any, caplog: pytest.LogCaptureFixture) -> None:
    body = b'{"access_token": "acc3ss", "token_type": "Bearer", "expires_in": 5, "refresh_token": "r3new"}'
    peer = peers.saying(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body), body)
    majora = Majora(Http({}), peer.url, "id", Secret("s3cret"))
    with caplog.at_level(logging.DEBUG):
        for name in ("oauthlib", "requests_oauthlib", "requests_oauthlib.oauth2_session", "urllib3"):
            caplog.set_level(logging.DEBUG, logger=name)
        granted(majora.refresh(Secret("r3fresh")))
        granted(majora.exchange(Secret("c0de"), Secret("v3rifier")))
        majora.probe_token(Secret("acc3ss"), "u", "1.0.0")
    assert b"client_secret=s3cret" in peer.seen[0]
    for secret in ("s3cret", "r3fresh", "acc3ss", "r3new", "c0de", "v3rifier"):
        assert secret not in caplog.text


def test_an_error_that_echoes_a_secret_is_masked(peers: Any) -> None:
    body = b'{"error": "invalid_request", "error_description": "bad token r3fresh of s3cret"}'
    peer = peers.saying(b"HTTP/1.1 400 No\r\nContent-Length: %d\r\n\r\n" % len(body), body)
    answer = refused(Majora(Http({}), peer.url, "id", Secret("s3cret")).refresh(Secret("r3fresh")))
    assert answer.description == "bad token **** of ****"


def test_the_request_is_what_the_client_sends(peers: Any) -> None:
    from urllib.parse import parse_qs

    peer = peers.saying(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
    majora = Majora(Http({}), peer.url, "id", Secret("s&=é"))
    majora.refresh(Secret("r"))
    majora.exchange(Secret("c"), Secret("v"))
    bodies = [parse_qs(seen.partition(b"\r\n\r\n")[2].decode()) for seen in peer.seen]
    assert bodies[0] == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["r"],
        "client_id": ["id"],
        "client_secret": ["s&=é"],
    }
    assert bodies[1] == {
        "grant_type": ["authorization_code"],
        "code": ["c"],
        "redirect_uri": [peer.url + "o/callback/"],
        "code_verifier": ["v"],
        "client_id": ["id"],
        "client_secret": ["s&=é"],
    }
    assert all(b"application/x-www-form-urlencoded" in seen for seen in peer.seen)
    assert all(b"authorization" not in seen.lower().partition(b"\r\n\r\n")[0] for seen in peer.seen)
