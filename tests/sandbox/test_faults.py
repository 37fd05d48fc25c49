"""Faults over real HTTP: what arrives, and whether the request was processed."""

from typing import Any

import pytest
import requests

from ocarina_kit.sandbox.faults import digest

from .conftest import Person


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
def test_a_lost_answer(
    person: Person, kind: str, detail: dict[str, Any], problem: type[Exception]
) -> None:
    token = person.grant()["refresh_token"]
    person.majora.fault(kind, **detail)
    with pytest.raises(problem):
        person.refresh(token).json()
    spent = bool(detail.get("after")) or kind == "truncated"
    assert person.majora.token_state(token) == ("dead" if spent else "live")


def test_which_requests_a_fault_meets(person: Person) -> None:
    one, other = person.grant(), person.grant()
    person.majora.fault("status", token=one["refresh_token"], status=500)
    person.majora.fault("status", "api/*", status=501)
    person.majora.fault("status", grant_type="authorization_code", status=502)
    person.majora.fault("status", method="GET", status=503)
    assert person.refresh(one["refresh_token"]).status_code == 500
    assert person.ask(other["access_token"]).status_code == 501
    assert person.exchange("any").status_code == 502
    assert person.refresh(other["refresh_token"]).status_code == 200
    person.majora.clear_faults()
    assert person.refresh(one["refresh_token"]).status_code == 200
    for wrong in ({"kind": "explode"}, {"kind": "status", "colour": "red"}):
        with pytest.raises(ValueError, match=r"explode|colour"):
            person.majora.fault(**wrong)


def test_the_log_has_hashes_and_no_secret(person: Person) -> None:
    token = person.grant()
    person.ask(token["access_token"])
    person.refresh(token["refresh_token"])
    asked, posted = person.majora.requests
    assert (asked.scheme, asked.bearer) == ("Bearer", digest(token["access_token"]))
    assert (posted.path, posted.status) == ("/o/token/", 200)
    assert posted.refresh_token == digest(token["refresh_token"])
    for secret in (
        token["refresh_token"],
        token["access_token"],
        person.app.client_secret,
    ):
        assert secret not in repr((asked, posted))
