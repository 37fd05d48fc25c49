"""What an answer of Majora means, over literals."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.majora.answers import (
    Answer,
    Granted,
    Refused,
    Revoked,
    read_answer,
    read_client,
    read_identity,
    read_query,
    read_revocation,
)
from ocarina_kit.majora.http import NoAnswer, Response
from ocarina_kit.system.secret import Secret

GOOD: dict[str, Any] = {
    "access_token": "acc3ss",
    "expires_in": 36000,
    "token_type": "Bearer",
    "scope": "majora2.b majora2.a",
    "refresh_token": "r3fresh",
}
HTML = b"<!DOCTYPE html><html></html>"


def came(status: int, body: object = b"", kind: str = "application/json", **more: Any) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {"content-type": kind, **more.pop("headers", {})}, raw, **more)


def granted(body: dict[str, Any]) -> Granted:
    answer = read_answer(came(200, body))
    assert isinstance(answer, Granted), answer
    return answer


def no_answer(answer: Answer | Revoked) -> NoAnswer:
    assert isinstance(answer, NoAnswer), answer
    assert answer.words
    return answer


def test_a_grant() -> None:
    answer = granted({**GOOD, "id_token": {"a": [1]}, "expires_at": "never"})
    assert answer.access_token.reveal() == "acc3ss"
    assert answer.refresh_token == Secret("r3fresh")
    assert answer.scope == ("majora2.b", "majora2.a")
    assert answer.extra == {"id_token": {"a": [1]}}
    assert answer.missing("majora2.a majora2.c") == ("majora2.c",)
    assert "acc3ss" not in repr(answer)


def test_what_rfc_6749_lets_an_answer_leave_out() -> None:
    answer = granted({"access_token": "a", "token_type": "bearer"})
    assert (answer.expires_in, answer.scope, answer.refresh_token) == (36000, None, None)
    assert answer.missing("x y") == ()
    assert granted({**GOOD, "refresh_token": None, "expires_in": "600"}).expires_in == 600


@pytest.mark.parametrize(
    "change",
    [
        {"access_token": None},
        {"access_token": ""},
        {"access_token": "a b"},
        {"access_token": "é"},
        {"access_token": "a" * 70000},
        {"token_type": None},
        {"token_type": "mac"},
        {"refresh_token": 5},
        {"refresh_token": "a b"},
    ],
)
def test_what_the_client_could_not_read_is_not_taken(change: dict[str, Any]) -> None:
    answer = no_answer(read_answer(came(200, {**GOOD, **change})))
    assert (answer.kind, answer.sent) == ("shape", True)
    assert "acc3ss" not in repr(answer)


def test_no_token_is_lost_for_a_life_or_scope_that_cannot_be_read() -> None:
    for life in ("soon", None, 0, -1, 10**400, "nan"):
        assert granted({**GOOD, "expires_in": life}).expires_in == 36000
    for scope in (5, None, "", ["a", 5]):
        assert granted({**GOOD, "scope": scope}).scope is None


@pytest.mark.parametrize(
    ("body", "status", "kind", "sent"),
    [
        (b"<!DOCTYPE html><html>Log in</html>", 200, "html", True),
        (b"\n\n  <HTML>", 200, "html", True),
        (b"", 200, "not-json", True),
        (b'{"access_token": "a"', 200, "not-json", True),
        (b"\xff\xfe", 200, "not-json", True),
        (b"[" * 100_000, 200, "not-json", True),
        (b"null", 200, "not-json", True),
        (b"{}", 200, "shape", True),
        (b'{"error": {"code": 5}}', 200, "shape", True),
        (b'{"error": "Not Found"}', 404, "status", False),
        (b"", 400, "status", False),
        (b"<html>nginx</html>", 403, "html", False),
        (b"", 204, "status", False),
        (b'{"error": "slow_down"}', 429, "rate-limited", False),
        (b'{"error": "server_error"}', 500, "server-error", True),
        (b"<html>Bad Gateway</html>", 502, "server-error", True),
        (b"", 302, "redirect", False),
        (b'{"access_token": "evil", "token_type": "Bearer"}', 307, "redirect", False),
    ],
)
def test_what_is_not_an_answer(body: bytes, status: int, kind: str, sent: bool) -> None:
    answer = no_answer(read_answer(came(status, body)))
    assert (answer.kind, answer.sent, answer.status) == (kind, sent, status)


def test_waits_and_clocks_are_handed_on() -> None:
    answer = no_answer(
        read_answer(
            came(429, headers={"retry-after": "9", "date": "Thu, 01 Jan 1970 00:16:40 GMT"}, received=400.0)
        )
    )
    assert (answer.retry_after, answer.skew) == (9.0, 600.0)


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
def test_refusals(error: str, description: str, cause: str) -> None:
    answer = read_answer(came(400, {"error": error, "error_description": description}))
    assert isinstance(answer, Refused)
    assert (answer.error, answer.cause) == (error, cause)


# --- what servers echo

SECRET = "Wq7xN-zR_2pLmT~4vK8sY.bH3jD&6gF=9cA 1eUoI0iP5aS"
SECRETS = (Secret(SECRET),)
ECHOES = [SECRET, SECRET[:20], SECRET[15:], SECRET.lower(), quote(SECRET, safe="")]


def leaks(text: str) -> bool:
    """Whether 12 characters in a row of any form of the secret are in the text."""
    plain = text.lower()
    runs = (form[at : at + 12].lower() for form in (SECRET, quote(SECRET)) for at in range(len(form) - 11))
    return any(run in plain for run in runs)


@pytest.mark.parametrize("echo", ECHOES, ids=["all", "start", "end", "lower", "url"])
def test_what_a_server_echoes_is_masked_before_it_is_cut(echo: str) -> None:
    for padding in ("", "x" * 30 + " ", "x" * 180 + " ", "x" * 190 + " "):
        words = f"{padding}{echo} is wrong"
        body = {
            "error": "odd",
            "error_description": words,
            "errors": 1,
            "messages": [f"client version v1{words}"],
        }
        for status in (200, 400, 401, 500):
            echoing = came(status, body, secrets=SECRETS)
            for read in (read_answer, read_identity, read_client, read_query, read_revocation):
                assert not leaks(repr(read(echoing)))
        answer = read_answer(came(400, body, secrets=SECRETS))
        assert isinstance(answer, Refused)
        assert not leaks(answer.said)
        moved = came(302, headers={"location": f"https://{echo}.evil.test/?code={echo}"}, secrets=SECRETS)
        assert not leaks(repr(read_answer(moved)))


def test_a_token_in_the_answer_is_masked_too() -> None:
    body = {
        "error": "odd",
        "error_description": "we gave n3w-access-token",
        "access_token": "n3w-access-token",
    }
    answer = read_answer(came(400, body))
    assert isinstance(answer, Refused)
    assert answer.words == "we gave ****"


def test_a_servers_words_fit_on_a_line() -> None:
    assert came(200).shown("a\x1b[31m\r\nb\0") == "a [31m b"
    assert len(came(200).shown("x y" * 9999)) == 200


def test_a_redirect_shows_its_host_and_no_more() -> None:
    answer = no_answer(
        read_answer(came(307, headers={"location": "https://portal.test:8/login?token=s3cret"}))
    )
    assert answer.words == "it answered 307, a redirect to portal.test"
    assert no_answer(read_answer(came(307, headers={"location": "http://[bad"}))).words.endswith("a redirect")


# --- probes


@pytest.mark.parametrize(
    ("answer", "who", "client"),
    [
        (came(400, {"error": "unsupported_grant_type"}), "majora", "other-grant"),
        (came(401, {"error": "invalid_client"}), "majora", "unknown"),
        (came(400, {"error": "invalid_grant"}), "majora", "known"),
        (came(400, {"error": "invalid_request", "error_description": "redirect URI"}), "majora", "known"),
        (came(400, {"error": "unauthorized_client"}), "majora", "other-grant"),
        (came(400, {"error": "server_is_odd"}), "majora", "no-answer"),
        (came(400, {"error": "Bad Request"}), "not-majora", "not-majora"),
        (came(404, {"error": "not_found"}), "not-majora", "not-majora"),
        (came(404, HTML, "text/html"), "not-majora", "not-majora"),
        (came(200, HTML, "text/html"), "not-majora", "not-majora"),
        (came(200, GOOD), "not-majora", "not-majora"),
        (came(302), "not-majora", "not-majora"),
        (came(429), "no-answer", "no-answer"),
        (came(503, HTML), "no-answer", "no-answer"),
        (NoAnswer("timeout", "t"), "no-answer", "no-answer"),
        (NoAnswer("reset", "t", True), "no-answer", "no-answer"),
        (NoAnswer("other", "not HTTP", True), "not-majora", "not-majora"),
        (NoAnswer("too-large", "big", True), "not-majora", "not-majora"),
    ],
)
def test_who_answers_and_whether_it_knows_the_client(
    answer: Response | NoAnswer, who: str, client: str
) -> None:
    assert read_identity(answer).kind == who
    assert read_client(answer).kind == client


UPDATE = "Update your 'ocarina' client to version v0.44.0"
LACKS = "Your token is valid but does not have all of the scopes to perform this action. Required scopes: majora2.x"
NO_SENSE = "Using 'ocarina', but your version number doesn't make sense"


@pytest.mark.parametrize(
    ("answer", "kind", "client_ok", "wanted"),
    [
        (came(200, {"errors": 0, "messages": [], "success": True}), "accepted", True, ""),
        (came(200, {"errors": 1, "messages": [UPDATE]}), "accepted", False, "0.44.0"),
        (came(200, {"errors": 1, "messages": [LACKS]}), "accepted", None, ""),
        (came(200, {"errors": 1, "messages": [NO_SENSE]}), "accepted", False, ""),
        (came(200, {"errors": 1, "messages": [{"odd": 1}]}), "accepted", True, ""),
        # Django calls an empty answer text/html.
        (came(400, b"", "text/html; charset=utf-8"), "refused", None, ""),
        (came(401, {"error": "invalid_token"}), "refused", None, ""),
        (came(400, HTML, "text/html"), "no-answer", None, ""),
        (came(302), "no-answer", None, ""),
        (came(500), "no-answer", None, ""),
        (came(429), "no-answer", None, ""),
        (came(200, b"[]"), "no-answer", None, ""),
        (came(200, {"hello": 1}), "no-answer", None, ""),
        (NoAnswer("timeout", "t"), "no-answer", None, ""),
    ],
)
def test_tokens(answer: Response | NoAnswer, kind: str, client_ok: bool | None, wanted: str) -> None:
    probe = read_query(answer)
    assert (probe.kind, probe.client_ok, probe.wanted_version) == (kind, client_ok, wanted)
    assert probe.words


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (came(200), Revoked),
        (came(200, b"", "text/html"), Revoked),
        (came(200, HTML, "text/html"), NoAnswer),
        (came(200, {"error": "unsupported_token_type"}), Refused),
        (came(200, GOOD), Revoked),
        (came(401, {"error": "invalid_client"}), Refused),
        (came(503), NoAnswer),
        (came(302), NoAnswer),
        (NoAnswer("timeout", "t", True), NoAnswer),
    ],
)
def test_revocations(answer: Response | NoAnswer, kind: type) -> None:
    assert isinstance(read_revocation(answer), kind)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.integers(100, 599),
    st.binary()
    | st.dictionaries(st.sampled_from([*GOOD, "error", "error_description", "errors", "messages"]), JSON).map(
        lambda value: json.dumps(value).encode()
    ),
)
def test_never_raises(status: int, body: bytes) -> None:
    for read in (read_answer, read_identity, read_client, read_query, read_revocation):
        read(came(status, body, secrets=SECRETS))
