"""Majora's endpoints, against servers that do what no Majora should.

The tests of the commands have the sandbox.
"""

import json
import logging
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from tests.majora.conftest import Authority, Peer, Peers, answer, machine_with

from ocarina_kit.majora.api import Majora, tls_hint
from ocarina_kit.majora.failures import NoAnswer
from ocarina_kit.system.secret import Secret

TOKEN = {
    "access_token": "acc3ss",
    "token_type": "Bearer",
    "expires_in": 5,
    "refresh_token": "r3new",
}


def said(status: str, value: object, *headers: str) -> bytes:
    return answer(
        status, json.dumps(value).encode(), "Content-Type: application/json", *headers
    )


def majora(peer: Peer) -> Majora:
    return Majora(machine_with(now=1767225600.0), peer.url, "id", Secret("s3cret"))


def refresh(it: Majora) -> Any:
    return it.refresh(Secret("r3fresh"), 5)


def exchange(it: Majora) -> Any:
    return it.exchange(Secret("c0de"), Secret("v3rifier"), 5)


def test_a_code_is_sent_as_the_client_sends_it(peers: Peers) -> None:
    peer = peers.saying(answer("500 No"))
    exchange(majora(peer)._replace(client_secret=Secret("s&=é")))
    head, _, body = peer.seen[0].partition(b"\r\n\r\n")
    assert b"application/x-www-form-urlencoded" in head
    assert b"authorization" not in head.lower()
    assert parse_qs(body.decode()) == {
        "grant_type": ["authorization_code"],
        "code": ["c0de"],
        "redirect_uri": [f"{peer.url}o/callback/"],
        "code_verifier": ["v3rifier"],
        "client_id": ["id"],
        "client_secret": ["s&=é"],
    }


def test_no_secret_reaches_the_place_that_a_redirect_names(peers: Peers) -> None:
    evil = peers.saying(said("200 OK", TOKEN))
    for status in (301, 302, 303, 307, 308):
        it = majora(
            peers.saying(answer(f"{status} Go", b"", f"Location: {evil.url}o/token/"))
        )
        assert refresh(it).kind == exchange(it).kind == "other"
        assert it.probe_client().kind == "not-majora"
        assert it.probe_token(Secret("acc3ss"), "u", "1.0.0").kind == "no-answer"
        assert isinstance(it.revoke(Secret("r3fresh"), "refresh_token"), NoAnswer)
    assert evil.seen == []


def test_no_secret_is_logged_at_any_level(
    peers: Peers, caplog: pytest.LogCaptureFixture
) -> None:
    it = majora(peers.saying(said("200 OK", TOKEN)))
    with caplog.at_level(logging.DEBUG):
        refresh(it)
        exchange(it)
        it.probe_token(Secret("acc3ss"), "u", "1.0.0")
    assert "POST /o/token/" in caplog.text
    for secret in ("s3cret", "r3fresh", "acc3ss", "r3new", "c0de", "v3rifier"):
        assert secret not in caplog.text


def test_who_is_there_and_whether_it_accepts_a_token(peers: Peers) -> None:
    peer = peers.saying(
        said(
            "401 No", {"error": "invalid_client"}, "Date: Thu, 01 Jan 2026 00:00:10 GMT"
        )
    )
    who = majora(peer).identify(20)
    assert (who.kind, who.skew) == ("majora", 10.0)
    assert majora(peer).probe_client().kind == "unknown"
    assert [b"s3cret" in seen for seen in peer.seen] == [False, True]
    peer = peers.saying(
        said(
            "200 OK",
            {"errors": 1, "messages": ["your version number doesn't make sense"]},
        )
    )
    assert (
        majora(peer).probe_token(Secret("acc3ss\n"), "me", None).kind == "refused"
    )  # no header can hold it
    # Without a known client only the token is judged.
    for is_key, client in ((False, "0.36.1"), (True, None)):
        probe = majora(peer).probe_token(Secret("s3nt"), "me", client, is_key=is_key)
        assert (probe.kind, probe.client_ok) == ("accepted", None if is_key else False)
        head, _, body = peer.seen[-1].partition(b"\r\n\r\n")
        assert json.loads(body)["username"] == "me"
        assert (b"Authorization: Bearer s3nt" in head, b"s3nt" in body) == (
            not is_key,
            is_key,
        )


def test_a_ca_bundle_that_would_help_is_named(
    peers: Peers, authority: Authority, tmp_path: Path
) -> None:
    peer, right = (
        peers.saying(answer("404 No"), tls=authority.server("localhost")),
        authority.bundle,
    )
    wrong = Authority(tmp_path / "other.pem").bundle
    environ = {"REQUESTS_CA_BUNDLE": wrong, "SSL_CERT_FILE": right}
    assert tls_hint(machine_with(environ), peer.tls_url, 5) == (
        "REQUESTS_CA_BUNDLE",
        right,
        False,
    )
    assert tls_hint(machine_with({"SSL_CERT_FILE": right}), peer.tls_url, 5) == (
        "",
        right,
        False,
    )
    assert tls_hint(machine_with({"CURL_CA_BUNDLE": wrong}), peer.tls_url, 5) == (
        "CURL_CA_BUNDLE",
        "",
        False,
    )
