"""Faults over real HTTP: what arrives, and whether the request was processed."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from ocarina_kit.sandbox.faults import digest

from .conftest import Client


@pytest.mark.parametrize(
    ("kind", "detail", "problem"),
    [
        ("reset", {}, requests.exceptions.ConnectionError),
        ("close", {}, requests.exceptions.ConnectionError),
        ("reset", {"after": True}, requests.exceptions.ConnectionError),
        ("truncated", {"promise": True}, requests.exceptions.ChunkedEncodingError),
        ("truncated", {}, requests.exceptions.JSONDecodeError),
        ("status", {"after": True}, requests.exceptions.JSONDecodeError),
    ],
)
def test_a_lost_answer(client: Client, kind: str, detail: dict[str, Any], problem: type[Exception]) -> None:
    token = client.grant()["refresh_token"]
    client.majora.fault(kind, **detail)
    with pytest.raises(problem):
        client.refresh(token).json()
    spent = bool(detail.get("after")) or kind == "truncated"
    assert client.majora.token_state(token) == ("dead" if spent else "live")


def test_which_requests_a_fault_meets(client: Client) -> None:
    one, other = client.grant(), client.grant()
    client.majora.fault("status", token=one["refresh_token"], status=500)
    client.majora.fault("status", "api/*", status=501)
    client.majora.fault("status", grant_type="authorization_code", status=502)
    client.majora.fault("status", method="GET", status=503)
    assert client.refresh(one["refresh_token"]).status_code == 500
    assert client.ask(other["access_token"]).status_code == 501
    assert client.exchange("any").status_code == 502
    assert client.refresh(other["refresh_token"]).status_code == 200
    client.majora.clear_faults()
    assert client.refresh(one["refresh_token"]).status_code == 200
    for wrong in ({"kind": "explode"}, {"kind": "status", "colour": "red"}):
        with pytest.raises(ValueError, match=r"explode|colour"):
            client.majora.fault(**wrong)


def test_the_log_has_hashes_and_no_secret(client: Client) -> None:
    token = client.grant()
    client.ask(token["access_token"])
    client.refresh(token["refresh_token"])
    asked, posted = client.majora.requests
    assert (asked.scheme, asked.bearer) == ("Bearer", digest(token["access_token"]))
    assert (posted.path, posted.status, posted.refresh_token) == (
        "/o/token/",
        200,
        digest(token["refresh_token"]),
    )
    for secret in (token["refresh_token"], token["access_token"], client.app.client_secret):
        assert secret not in repr(client.majora.requests)
