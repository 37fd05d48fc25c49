"""What an answer of the token endpoint means, over literals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.core.oauth.answers import (
    Granted,
    RefusalCause,
    Refused,
    TokenAnswer,
    Unusable,
    UnusableReason,
    judge_token_answer,
)
from ocarina_kit.core.oauth.network import HttpAnswer, NetFailure
from ocarina_kit.core.secret import Secret
from ocarina_kit.core.tokens.token_file import TokenFile

GOOD: dict[str, Any] = {
    "access_token": "acc3ss",
    "expires_in": 36000,
    "token_type": "Bearer",
    "scope": "majora2.b majora2.a",
    "refresh_token": "r3fresh",
}


def judged(body: object, status: int = 200, **more: Any) -> TokenAnswer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": "application/json", **more.pop("headers", {})}
    return judge_token_answer(HttpAnswer(status, headers, raw, **more))


def granted(body: dict[str, Any]) -> Granted:
    answer = judged(body)
    assert isinstance(answer, Granted), answer
    return answer


def stored(answer: Granted, scope: str, now: float) -> dict[str, Any]:
    """The member of the tokens file that the answer becomes."""
    document = json.loads(TokenFile.parse(None).with_token(scope, answer.as_answer(), now=now).render())
    (entry,) = document.values()
    assert isinstance(entry, dict)
    return entry


def test_a_grant() -> None:
    answer = granted(GOOD)
    assert answer.access_token.reveal() == "acc3ss"
    assert answer.refresh_token == Secret("r3fresh")
    assert answer.scope == ("majora2.b", "majora2.a")
    assert "acc3ss" not in repr(answer)
    assert "r3fresh" not in repr(answer)


def test_what_is_stored_is_what_the_clients_write() -> None:
    assert stored(granted(GOOD), "majora2.b majora2.a", now=1000.5) == {
        "access_token": "acc3ss",
        "expires_in": 36000,
        "token_type": "Bearer",
        "scope": ["majora2.b", "majora2.a"],
        "refresh_token": "r3fresh",
        "expires_at": 37000.5,
    }


def test_a_narrower_scope_is_told() -> None:
    answer = granted({**GOOD, "scope": "majora2.a"})
    assert answer.missing("majora2.a majora2.b") == ("majora2.b",)
    assert granted(GOOD).missing("majora2.a majora2.b") == ()


def test_what_rfc_6749_lets_an_answer_leave_out() -> None:
    answer = granted({"access_token": "a", "token_type": "bearer"})
    assert answer.as_answer() == {"access_token": "a", "token_type": "bearer", "expires_in": 36000}
    assert answer.missing("x y") == ()
    assert granted({**GOOD, "refresh_token": None}).refresh_token is None


def test_unknown_members_are_kept_and_a_strangers_expires_at_is_not() -> None:
    entry = stored(granted({**GOOD, "id_token": {"a": [1]}, "expires_at": "never"}), "x", now=0)
    assert entry["id_token"] == {"a": [1]}
    assert entry["expires_at"] == 36000


def test_numeric_text_as_lifetime() -> None:
    assert granted({**GOOD, "expires_in": "36000"}).expires_in == 36000


@pytest.mark.parametrize(
    "change",
    [
        {"access_token": None},
        {"access_token": ""},
        {"access_token": 5},
        {"access_token": "a b"},
        {"access_token": "a\nb"},
        {"access_token": "é"},
        {"access_token": "a" * 70000},
        {"token_type": None},
        {"token_type": "mac"},
        {"token_type": ["Bearer"]},
        {"refresh_token": 5},
        {"refresh_token": "a b"},
        {"expires_in": "soon"},
        {"expires_in": True},
        {"expires_in": 0},
        {"expires_in": -5},
        {"expires_in": 10**12},
        {"expires_in": 10**400},
        {"expires_in": [36000]},
        {"expires_in": "١٢"},
        {"scope": 5},
        {"scope": ["a", 5]},
        {"scope": 'a"b'},
        {"scope": ["a b"]},
    ],
)
def test_what_the_clients_could_not_read_is_never_taken(change: dict[str, Any]) -> None:
    answer = judged({**GOOD, **change})
    assert isinstance(answer, Unusable)
    assert (answer.reason, answer.may_have_spent) == ("shape", True)
    assert "acc3ss" not in repr(answer)


@pytest.mark.parametrize(
    ("body", "status", "reason", "spent"),
    [
        (b"<!DOCTYPE html><html>Log in</html>", 200, "html", True),
        (b"\n\n  <HTML>", 200, "html", True),
        (b"", 200, "not-json", True),
        (b"oops", 200, "not-json", True),
        (b'{"access_token": "a"', 200, "not-json", True),
        (b"\xff\xfe", 200, "not-json", True),
        (b"[" * 100_000, 200, "not-json", True),
        (b'{"access_token": "a", "token_type": "Bearer", "expires_in": NaN}', 200, "not-json", True),
        (b"[1]", 200, "not-json", True),
        (b"null", 200, "not-json", True),
        (b"{}", 200, "shape", True),
        (b'{"error": {"code": 5}}', 200, "shape", True),
        (b'{"error": "Not Found"}', 404, "status", False),
        (b"<html>Not Found</html>", 404, "status", False),
        (b"", 400, "status", False),
        (b"<html>nginx</html>", 403, "status", False),
        (b"", 204, "status", False),
        (b"", 429, "rate-limited", False),
        (b'{"error": "slow_down"}', 429, "rate-limited", False),
        (b'{"error": "server_error"}', 500, "server-error", True),
        (b"<html>Bad Gateway</html>", 502, "server-error", True),
        (b"", 302, "redirect", False),
        (b'{"access_token": "evil", "token_type": "Bearer"}', 307, "redirect", False),
    ],
)
def test_unusable(body: bytes, status: int, reason: UnusableReason, spent: bool) -> None:
    answer = judged(body, status)
    assert isinstance(answer, Unusable), answer
    assert (answer.reason, answer.may_have_spent) == (reason, spent)
    assert answer.why


def test_a_redirect_says_where_to_and_no_more() -> None:
    answer = judged(b"", 307, headers={"location": "https://portal.test/login?token=s3cret"})
    assert isinstance(answer, Unusable)
    assert "portal.test" in answer.why
    assert "s3cret" not in answer.why


def test_retry_after_and_skew_are_handed_on() -> None:
    answer = judged(b"", 429, retry_after=9.0, date=1000.0, received=400.0)
    assert isinstance(answer, Unusable)
    assert (answer.retry_after, answer.skew) == (9.0, 600.0)


def test_a_network_failure_says_whether_it_was_sent() -> None:
    for sent in (True, False):
        answer = judge_token_answer(NetFailure("timeout", "no answer", sent))
        assert isinstance(answer, Unusable)
        assert (answer.reason, answer.may_have_spent) == ("network", sent)


@pytest.mark.parametrize(
    ("error", "description", "cause"),
    [
        ("invalid_grant", "", "grant"),
        ("invalid_client", "", "client"),
        ("invalid_scope", "", "scope"),
        ("access_denied", "The requesting user has not enabled 2FA", "two-factor"),
        ("invalid_request", "Mismatching redirect URI.", "redirect-uri"),
        ("invalid_request", "Code verifier required.", "verifier"),
        ("invalid_grant", "Code verifier mismatch", "verifier"),
        ("unauthorized_client", "", "grant-type"),
        ("unsupported_grant_type", "", "grant-type"),
        ("access_denied", "", "other"),
        ("made_up", "", "other"),
    ],
)
def test_refusals(error: str, description: str, cause: RefusalCause) -> None:
    answer = judged({"error": error, "error_description": description}, 401 if cause == "client" else 400)
    assert isinstance(answer, Refused)
    assert (answer.error, answer.cause) == (error, cause)


def test_a_refusals_words_are_made_fit_to_show() -> None:
    answer = judged({"error": "invalid\x1b[31m", "error_description": "a\nb" + "x" * 999}, 400)
    assert isinstance(answer, Refused)
    assert "\x1b" not in answer.error
    assert "\n" not in answer.description
    assert len(answer.description) == 200
    assert isinstance(judged({"error": "x", "error_description": [1]}, 400), Refused)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.dictionaries(st.sampled_from([*GOOD, "error", "error_description", "x"]), JSON | st.just("Bearer")),
    st.integers(100, 599),
)
def test_whatever_comes_only_what_the_clients_can_read_is_a_grant(body: dict[str, Any], status: int) -> None:
    answer = judged(body, status)
    if isinstance(answer, Granted):
        entry = stored(answer, "a", now=1.8e9)
        assert status == 200
        assert isinstance(entry["access_token"], str)
        assert all(isinstance(name, str) for name in entry["scope"])
        assert entry["expires_at"] > 1.8e9


@given(st.binary(), st.integers(100, 599))
def test_any_bytes(body: bytes, status: int) -> None:
    judged(body, status)
