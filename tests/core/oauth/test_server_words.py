"""What probes bring, over literals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.core.oauth.network import HttpAnswer, NetFailure
from ocarina_kit.core.oauth.server_words import client_probe, identity, revocation, token_probe


def came(status: int, body: object = b"", kind: str = "application/json", **more: Any) -> HttpAnswer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpAnswer(status, {"content-type": kind}, raw, **more)


HTML = b"<!DOCTYPE html><html></html>"


@pytest.mark.parametrize(
    ("answer", "who", "client"),
    [
        (came(400, {"error": "unsupported_grant_type"}), "majora", "other-grant"),
        (came(401, {"error": "invalid_client"}), "majora", "unknown"),
        (came(400, {"error": "invalid_grant"}), "majora", "known"),
        (
            came(400, {"error": "invalid_request", "error_description": "Mismatching redirect URI."}),
            "majora",
            "known",
        ),
        (came(400, {"error": "unauthorized_client"}), "majora", "other-grant"),
        (came(400, {"error": "server_is_odd"}), "majora", "unusable"),
        (came(400, {"error": "Bad Request"}), "not-majora", "unusable"),
        (came(404, {"error": "not_found"}), "not-majora", "not-majora"),
        (came(404, HTML, "text/html"), "not-majora", "not-majora"),
        (came(200, HTML, "text/html"), "not-majora", "not-majora"),
        (
            came(200, {"access_token": "a", "token_type": "Bearer", "expires_in": 5}),
            "not-majora",
            "not-majora",
        ),
        (came(302), "not-majora", "not-majora"),
        (came(429), "unusable", "unusable"),
        (came(503, HTML), "unusable", "unusable"),
        (NetFailure("timeout", "t"), "unusable", "unusable"),
        (NetFailure("reset", "t", True), "unusable", "unusable"),
        (NetFailure("other", "not HTTP", True), "not-majora", "not-majora"),
        (NetFailure("too-large", "big", True), "not-majora", "not-majora"),
    ],
)
def test_who_answers_and_whether_it_knows_the_client(
    answer: HttpAnswer | NetFailure, who: str, client: str
) -> None:
    assert identity(answer).kind == who
    assert client_probe(answer).kind == client


def test_the_clock_is_handed_on() -> None:
    answer = came(401, {"error": "invalid_client"}, date=160.0, received=100.0)
    assert identity(answer).skew == 60.0
    assert client_probe(answer).skew == 60.0


UPDATE = "Update your 'ocarina' client to version v0.44.0"
LACKS = "Your token is valid but does not have all of the scopes to perform this action. Required scopes: majora2.x"


@pytest.mark.parametrize(
    ("answer", "kind", "client_ok", "wanted"),
    [
        (came(200, {"errors": 0, "messages": [], "success": True}), "alive", True, None),
        (came(200, {"errors": 1, "messages": [UPDATE]}), "alive", False, "0.44.0"),
        (came(200, {"errors": 1, "messages": [LACKS]}), "alive", None, None),
        (
            came(
                200,
                {"errors": 1, "messages": ["Using 'ocarina', but your version number doesn't make sense"]},
            ),
            "alive",
            False,
            None,
        ),
        (came(200, {"errors": 1, "messages": [{"odd": 1}]}), "alive", True, None),
        # Django names an empty answer text/html.
        (came(400, b"", "text/html; charset=utf-8"), "dead", None, None),
        (came(401, {"error": "invalid_token"}), "dead", None, None),
        (came(400, HTML, "text/html"), "unusable", None, None),
        (came(404, HTML, "text/html"), "unusable", None, None),
        (came(302), "unusable", None, None),
        (came(500), "unusable", None, None),
        (came(429), "unusable", None, None),
        (came(200, HTML, "text/html"), "unusable", None, None),
        (came(200, b"[]"), "unusable", None, None),
        (came(200, {"hello": 1}), "unusable", None, None),
        (NetFailure("timeout", "t"), "unusable", None, None),
    ],
)
def test_tokens(
    answer: HttpAnswer | NetFailure, kind: str, client_ok: bool | None, wanted: str | None
) -> None:
    probe = token_probe(answer)
    assert (probe.kind, probe.client_ok, probe.wanted_version) == (kind, client_ok, wanted)
    assert probe.detail


def test_a_token_that_lacks_scopes_lives() -> None:
    assert token_probe(came(200, {"errors": 1, "messages": [LACKS]})).lacks_scopes == "majora2.x"


@pytest.mark.parametrize(
    ("answer", "confirmed"),
    [
        (came(200), True),
        (came(200, b"", "text/html"), True),
        (came(200, HTML, "text/html"), False),
        (came(401, {"error": "invalid_client"}), False),
        (came(503), False),
        (came(302), False),
        (NetFailure("timeout", "t", True), False),
    ],
)
def test_revocations(answer: HttpAnswer | NetFailure, confirmed: bool) -> None:
    said = revocation(answer)
    assert said.confirmed is confirmed
    assert bool(said.detail) is not confirmed


@given(
    st.integers(100, 599),
    st.binary() | st.builds(lambda t: json.dumps({"errors": 1, "messages": [t]}).encode(), st.text()),
)
def test_never_raises(status: int, body: bytes) -> None:
    answer = came(status, body)
    identity(answer)
    client_probe(answer)
    token_probe(answer)
    revocation(answer)
