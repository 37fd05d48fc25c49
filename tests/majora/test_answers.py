"""What an answer of Majora means, over literals."""

import json
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.majora.answers import (
    Granted,
    Refused,
    read_answer,
    read_client,
    read_identity,
    read_query,
    read_revocation,
)
from ocarina_kit.majora.failures import NoAnswer, NoAnswerKind
from ocarina_kit.majora.http import Response
from ocarina_kit.system.secret import Secret

GOOD: dict[str, Any] = {
    "access_token": "acc3ss",
    "expires_in": 36000,
    "token_type": "Bearer",
    "scope": "majora2.b majora2.a",
    "refresh_token": "r3fresh",
}
HTML = b"<!DOCTYPE html><html></html>"
READS = (read_answer, read_identity, read_query, read_revocation)


def came(status: int, body: object = b"", **more: Any) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, more.pop("headers", {}), raw, **more)


def said(error: object, words: str = "") -> Response:
    return came(400, {"error": error, "error_description": words})


def test_a_grant() -> None:
    body = {**GOOD, "id_token": {"a": [1]}, "expires_at": "never"}
    pair, scope = (Secret("acc3ss"), Secret("r3fresh")), ("majora2.b", "majora2.a")
    assert read_answer(came(200, body)) == Granted(
        *pair, 36000, scope, extra={"id_token": {"a": [1]}}
    )
    # RFC 6749 lets the rest be left out.
    least = read_answer(came(200, {"access_token": "a", "token_type": "bearer"}))
    assert least == Granted(Secret("a"), None, 36000, None, "bearer")
    assert isinstance(read_answer(came(201, body)), Granted)


ODD_MEMBERS = [
    b"9" * 5000,
    b"[" * 2000 + b"]" * 2000,
    b'{"a": ' * 2000 + b"1" + b"}" * 2000,
    rb'"\ud800"',
    b"NaN",
    b'"\xff"',
]


@pytest.mark.parametrize("member", ODD_MEMBERS)
def test_a_member_that_python_refuses_loses_no_token(member: bytes) -> None:
    for template in (b'{"odd": %b, %b}', b'{%b, "odd": %b}'):
        pair = [member, json.dumps(GOOD)[1:-1].encode()]
        if template.startswith(b"{%b, "):
            pair.reverse()
        answer = read_answer(came(200, template % tuple(pair)))
        assert isinstance(answer, Granted)
        assert answer.refresh_token == Secret("r3fresh")
        json.dumps({**answer.extra}, ensure_ascii=False).encode()


def test_what_follows_an_object_is_ignored() -> None:
    body = json.dumps(GOOD).encode()
    for before, after in (
        (b"\xef\xbb\xbf", b""),
        (b" \n", b"\n\0"),
        (b"", b"{}garbage"),
    ):
        assert isinstance(read_answer(came(200, before + body + after)), Granted)


ODD = [
    # setting, values, and what is taken in their place; None: the answer is not taken
    ("expires_in", ("600",), 600),
    ("expires_in", ("soon", None, 0, -1, 10**400, "nan", 10 * 366 * 86400), 36000),
    ("scope", (5, None, "", ["a", 5]), ""),
    ("refresh_token", (None, ""), ""),
    ("access_token", (None, "", "a b", "é", "a" * 70000, 5), None),
    ("token_type", (None, ""), "Bearer"),
    ("token_type", ("BEARER",), "BEARER"),
    ("token_type", ("mac", 5), None),
    ("refresh_token", (5, "a b"), None),
]


@pytest.mark.parametrize(("name", "values", "taken"), ODD)
def test_odd_settings_of_a_grant(
    name: str, values: tuple[object, ...], taken: object
) -> None:
    for value in values:
        answer = read_answer(came(200, {**GOOD, name: value}))
        if taken is None:
            assert isinstance(answer, NoAnswer)
            assert (answer.kind, answer.sent) == ("other", True)
            assert "no token in its answer" in answer.message
        else:
            assert getattr(answer, name) == (taken or None)


@pytest.mark.parametrize(
    ("body", "status", "kind", "sent"),
    [
        (b"\n\n  <HTML>Log in</html>", 200, "other", True),
        (b"\xff\xfe", 200, "other", True),
        (b"[" * 100_000, 200, "other", True),
        (b"{}", 200, "other", True),
        (b"", 204, "other", True),
        (b'{"error": "not_found"}', 404, "other", False),
        (b"<html>nginx</html>", 403, "other", False),
        (b'{"error": "slow_down"}', 429, "rate-limited", False),
        (b'{"error": "server_error"}', 500, "server-error", True),
        (b"<html>Bad Gateway</html>", 502, "server-error", True),
        (b"", 302, "other", False),
        (b'{"access_token": "evil", "token_type": "Bearer"}', 307, "other", False),
    ],
)
def test_what_is_not_an_answer(body: bytes, status: int, kind: str, sent: bool) -> None:
    headers = {"retry-after": "9", "date": "Thu, 01 Jan 1970 00:16:40 GMT"}
    answer = read_answer(came(status, body, headers=headers, received=400.0))
    assert isinstance(answer, NoAnswer)
    assert (answer.kind, answer.sent, answer.status) == (kind, sent, status)
    assert (answer.retry_after, answer.skew) == (9.0, 600.0)
    assert answer.message.startswith(("it answered", "there is no token"))
    assert ("a web page" in answer.message) == (
        b"<html>" in body.lower() and status < 500
    )
    assert ("redirect" in answer.message) == (300 <= status < 400)
    assert read_identity(came(status, body)).kind == (
        "not-majora" if kind == "other" else "no-answer"
    )
    said = read_query(came(status, body, headers=headers))
    if said.kind == "no-answer":
        assert ("not one to this query" in said.message) == (kind == "other")


@pytest.mark.parametrize(
    ("error", "description", "cause", "client"),
    [
        ("invalid_grant", "", "grant", "known"),
        ("invalid_client", "", "client", "unknown"),
        ("invalid_scope", "", "scope", "no-answer"),
        (
            "access_denied",
            "The requesting user has not enabled 2FA",
            "two-factor",
            "no-answer",
        ),
        ("invalid_request", "Mismatching redirect URI.", "redirect-uri", "known"),
        ("unauthorized_client", "", "grant-type", "other-grant"),
        ("unsupported_grant_type", "", "grant-type", "other-grant"),
        ("access_denied", "", "other", "no-answer"),
    ],
)
def test_refusals(error: str, description: str, cause: str, client: str) -> None:
    for status in (200, 400, 401, 403):
        answer = read_answer(
            came(status, {"error": error, "error_description": description})
        )
        assert isinstance(answer, Refused)
        assert (answer.error, answer.cause) == (error, cause)
        assert answer.sentence.startswith(f"Majora answered {error}")
    assert read_identity(said(error, description)).kind == "majora"
    assert read_client(said(error, description)).kind == client


# --- what servers echo

SECRET = "Wq7xN-zR_2pLmT~4vK8sY.bH3jD&6gF=9cA 1eUoI0iP5aS"
SECRETS = (Secret(SECRET),)


@pytest.mark.parametrize(
    "echo", [SECRET, SECRET[:20], SECRET[15:], SECRET.lower(), quote(SECRET, safe="")]
)
def test_what_a_server_echoes_is_masked_before_it_is_cut(echo: str) -> None:
    headers = {"location": f"https://{echo}.evil.test/?code={echo}"}
    for padding, status, read in product((0, 180, 190), (200, 302, 400, 500), READS):
        words = f"{'x' * padding} {echo} is wrong"
        body: dict[str, Any] = {"error": "invalid_request", "error_description": words}
        body |= {"errors": 1, "messages": [f"client version v1{words}"]}
        answer = repr(
            read(came(status, body, secrets=SECRETS, headers=headers))
        ).lower()
        assert not any(
            SECRET[at : at + 12].lower() in answer for at in range(len(SECRET) - 11)
        )


def test_a_servers_words() -> None:
    assert came(200).show("a\x1b[31m\r\nb\0") == "a [31m b"
    assert len(came(200).show("x y" * 9999)) == 200
    echoed = {"error": "invalid_request", "error_description": "we gave n3w-token-1"}
    answer = read_answer(came(400, {**echoed, "access_token": "n3w-token-1"}))
    assert answer == Refused("invalid_request", "we gave ****")
    places = {
        "https://portal.test:8/?t=s3cret": "redirect to portal.test",
        "//[": "redirect",
    }
    for location, end in places.items():
        moved = read_answer(came(307, headers={"location": location}))
        assert isinstance(moved, NoAnswer)
        assert moved.message == f"it answered 307, a {end}"


# --- who answers, and whether it accepts a token

ANSWERS: list[tuple[Response | NoAnswer, str, type, str]] = [
    # an answer, who gives it, what it says of a revocation, and to the validity query
    (came(200), "not-majora", type(None), "no-answer"),
    (came(200, GOOD), "not-majora", type(None), "no-answer"),
    (came(200, HTML), "not-majora", NoAnswer, "no-answer"),
    (came(400, HTML), "not-majora", NoAnswer, "no-answer"),
    (
        came(400, headers={"content-type": "text/html"}),
        "not-majora",
        NoAnswer,
        "refused",
    ),
    (came(403), "not-majora", NoAnswer, "refused"),
    (said("Bad Request"), "not-majora", NoAnswer, "refused"),
    (said(["invalid_client"]), "not-majora", NoAnswer, "refused"),
    (came(200, {"error": "unsupported_token_type"}), "majora", Refused, "no-answer"),
    (came(401, {"error": "invalid_client"}), "majora", Refused, "refused"),
    (NoAnswer(NoAnswerKind.TIMEOUT, "t", True), "no-answer", NoAnswer, "no-answer"),
    (
        NoAnswer(NoAnswerKind.OTHER, "not HTTP", True),
        "not-majora",
        NoAnswer,
        "no-answer",
    ),
    (NoAnswer(NoAnswerKind.OTHER, "odd"), "no-answer", NoAnswer, "no-answer"),
]


@pytest.mark.parametrize(("answer", "who", "revoked", "token"), ANSWERS)
def test_what_else_an_answer_says(
    answer: Response | NoAnswer, who: str, revoked: type, token: str
) -> None:
    assert read_identity(answer).kind == who
    assert who == "majora" or read_client(answer).kind == who
    assert isinstance(read_revocation(answer), revoked)
    probe = read_query(answer)
    assert (probe.kind, probe.client_ok, probe.wanted_version) == (token, None, "")
    assert probe.message


VERSIONS = [
    # what the validity query says of the client, and the version that it wants
    ([], True, ""),
    (["Update your 'ocarina' client to version v0.44.0"], False, "0.44.0"),
    (
        [
            "Your token is valid but does not have all of the scopes to perform this"
            " action."
        ],
        None,
        "",
    ),
    (["Using 'ocarina', but your version number doesn't make sense"], False, ""),
    ([{"odd": 1}], True, ""),
]


@pytest.mark.parametrize(("messages", "client_ok", "wanted"), VERSIONS)
def test_an_accepted_token(
    messages: list[object], client_ok: bool | None, wanted: str
) -> None:
    probe = read_query(came(200, {"errors": len(messages), "messages": messages}))
    assert (probe.kind, probe.client_ok, probe.wanted_version) == (
        "accepted",
        client_ok,
        wanted,
    )


VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.lists(st.text(), max_size=2)
)
NAMES = st.sampled_from([*GOOD, "error", "error_description", "errors", "messages"])


@given(st.integers(100, 599), st.binary() | st.dictionaries(NAMES, VALUES))
def test_never_raises(status: int, body: object) -> None:
    for read in READS:
        read(came(status, body, secrets=SECRETS))
