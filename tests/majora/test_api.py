"""Majora's endpoints, against servers that do what no Majora should; the tests of the commands have the sandbox."""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import parse_qs

import pytest
from tests.majora.conftest import Authority, Peer, Peers, answer, machine_with

from ocarina_kit.majora.api import Majora, tls_hint
from ocarina_kit.majora.http import NoAnswer
from ocarina_kit.system.secret import Secret

TOKEN = {"access_token": "acc3ss", "token_type": "Bearer", "expires_in": 5, "refresh_token": "r3new"}


def said(status: str, value: object, *headers: str) -> bytes:
    return answer(status, json.dumps(value).encode(), "Content-Type: application/json", *headers)


def majora(peer: Peer) -> Majora:
    return Majora(machine_with(now=1767225600.0), peer.url, "id", Secret("s3cret"))


def refresh(it: Majora) -> Any:
    return it.refresh(Secret("r3fresh"), 5)


def exchange(it: Majora) -> Any:
    return it.exchange(Secret("c0de"), Secret("v3rifier"), f"{it.domain}o/callback/", 5)


def test_the_requests_are_what_the_client_sends(peers: Peers) -> None:
    peer = peers.saying(answer("500 No"))
    it = majora(peer)._replace(client_secret=Secret("s&=é"))
    refresh(it)
    exchange(it)
    it.revoke(Secret("r"))
    bodies = [parse_qs(seen.partition(b"\r\n\r\n")[2].decode()) for seen in peer.seen]
    client = {"client_id": ["id"], "client_secret": ["s&=é"]}
    assert bodies[0] == {"grant_type": ["refresh_token"], "refresh_token": ["r3fresh"], **client}
    assert bodies[1] == {
        "grant_type": ["authorization_code"],
        "code": ["c0de"],
        "redirect_uri": [peer.url + "o/callback/"],
        "code_verifier": ["v3rifier"],
        **client,
    }
    assert bodies[2] == {"token": ["r"], "token_type_hint": ["refresh_token"], **client}
    assert all(b"application/x-www-form-urlencoded" in seen for seen in peer.seen)
    assert all(b"authorization" not in seen.lower().partition(b"\r\n\r\n")[0] for seen in peer.seen)


def test_no_secret_reaches_the_place_that_a_redirect_names(peers: Peers) -> None:
    evil = peers.saying(said("200 OK", TOKEN))
    for status in (301, 302, 303, 307, 308):
        it = majora(peers.saying(answer(f"{status} Go", b"", f"Location: {evil.url}o/token/")))
        assert refresh(it).kind == exchange(it).kind == "other"
        assert it.probe_client().kind == "not-majora"
        assert it.probe_token(Secret("acc3ss"), "u", "1.0.0").kind == "no-answer"
        assert isinstance(it.revoke(Secret("r3fresh")), NoAnswer)
    assert evil.connections == 0


def test_no_secret_is_logged_at_any_level(peers: Peers, caplog: pytest.LogCaptureFixture) -> None:
    peer = peers.saying(said("200 OK", TOKEN))
    with caplog.at_level(logging.DEBUG):
        for name in ("oauthlib", "requests_oauthlib", "requests_oauthlib.oauth2_session", "urllib3"):
            caplog.set_level(logging.DEBUG, logger=name)
        for ask in (refresh, exchange, lambda it: it.probe_token(Secret("acc3ss"), "u", "1.0.0")):
            ask(majora(peer))
    assert b"client_secret=s3cret" in peer.seen[0]
    for secret in ("s3cret", "r3fresh", "acc3ss", "r3new", "c0de", "v3rifier"):
        assert secret not in caplog.text


def test_who_is_there_and_whether_it_accepts_a_token(peers: Peers) -> None:
    peer = peers.saying(said("401 No", {"error": "invalid_client"}, "Date: Thu, 01 Jan 2026 00:00:10 GMT"))
    who = majora(peer).identify()
    assert (who.kind, who.skew) == ("majora", 10.0)
    assert b"s3cret" not in peer.seen[0]
    assert majora(peer).probe_client().kind == "unknown"
    assert b"s3cret" in peer.seen[1]
    update = {"errors": 1, "messages": ["Update your 'ocarina' client to version v0.44.0"]}
    peer = peers.saying(said("200 OK", update))
    old = majora(peer).probe_token(Secret("acc3ss"), "me", "0.36.1")
    assert (old.kind, old.client_ok, old.wanted_version) == ("accepted", False, "0.44.0")
    head, _, body = peer.seen[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /api/v2/artifact/biosample/query/validity/ ")
    assert b"Authorization: Bearer acc3ss" in head
    asked = json.loads(body)
    assert (asked["username"], asked["token"], asked["client_version"]) == ("me", "OAUTH", "0.36.1")
    # Without a known client only the token is judged.
    unknown = majora(peer).probe_token(Secret("k3y"), "me", None, is_key=True)
    assert (unknown.kind, unknown.client_ok, unknown.wanted_version) == ("accepted", None, "")
    assert json.loads(peer.seen[1].partition(b"\r\n\r\n")[2])["token"] == "k3y"
    assert b"authorization" not in peer.seen[1].lower()


def test_a_ca_bundle_that_would_help_is_named(
    peers: Peers, authority: Authority, other_authority: Authority
) -> None:
    peer = peers.saying(answer("404 No"), tls=authority.server("localhost"))
    wrong, right = str(other_authority.bundle), str(authority.bundle)
    environ = {"REQUESTS_CA_BUNDLE": wrong, "SSL_CERT_FILE": right}
    assert tls_hint(machine_with(environ), peer.tls_url, 5) == ("REQUESTS_CA_BUNDLE", right, False)
    assert tls_hint(machine_with({"SSL_CERT_FILE": right}), peer.tls_url, 5)[0] == ""
    assert tls_hint(machine_with({"CURL_CA_BUNDLE": wrong}), peer.tls_url, 5)[1] == ""
