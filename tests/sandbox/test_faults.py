"""Every fault, over real HTTP: what arrives, whether the request was processed, and when it is over."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import requests

from ocarina_kit.sandbox import Sandbox
from ocarina_kit.sandbox.faults import KINDS, digest

from .conftest import Client, new_client


def state(client: Client, token: str) -> str:
    return client.majora.token_state(token)


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_status_with_its_headers_and_nothing_spent(client: Client, status: int) -> None:
    token = client.grant()["refresh_token"]
    client.majora.fault("status", status=status, headers={"Retry-After": "7"}, times=2)
    for _ in range(2):
        response = client.refresh(token)
        assert (response.status_code, response.headers["Retry-After"]) == (status, "7")
    assert state(client, token) == "live"
    assert client.refresh(token).status_code == 200


def test_a_status_with_a_body_of_its_own(client: Client) -> None:
    client.majora.fault(
        "status", status=400, body='{"error": "slow_down"}', headers={"Content-Type": "application/json"}
    )
    response = client.refresh("any")
    assert response.headers["Content-Type"] == "application/json"
    assert response.json() == {"error": "slow_down"}


def test_a_status_after_the_request_was_processed(client: Client) -> None:
    token = client.grant()["refresh_token"]
    client.majora.fault("status", status=502, after=True)
    assert client.refresh(token).status_code == 502
    assert state(client, token) == "dead"
    seen = client.majora.requests[-1]
    assert (seen.status, seen.processed) == (502, 200)


def test_an_html_page(client: Client) -> None:
    client.majora.fault("html", status=200)
    response = client.refresh(client.grant()["refresh_token"])
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/html")
    assert "<form" in response.text


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect(client: Client, status: int) -> None:
    client.majora.fault("redirect", status=status, location="https://elsewhere.invalid/o/token/")
    response = client.refresh(client.grant()["refresh_token"])
    assert response.status_code == status
    assert response.headers["Location"] == "https://elsewhere.invalid/o/token/"


@pytest.mark.parametrize(("kind", "body"), [("not_json", "everything is fine"), ("empty", "")])
def test_what_is_no_json(client: Client, kind: str, body: str) -> None:
    client.majora.fault(kind)
    response = client.refresh(client.grant()["refresh_token"])
    assert (response.status_code, response.text) == (200, body)


@pytest.mark.parametrize(("after", "then"), [(False, "live"), (True, "dead")])
@pytest.mark.parametrize("kind", ["reset", "close"])
def test_a_lost_connection(client: Client, kind: str, after: bool, then: str) -> None:
    token = client.grant()["refresh_token"]
    client.majora.fault(kind, after=after)
    with pytest.raises(requests.exceptions.ConnectionError) as caught:
        client.refresh(token)
    assert ("reset by peer" in str(caught.value)) is (kind == "reset")
    assert state(client, token) == then
    assert client.majora.requests[-1].status == 0


def test_a_lost_connection_over_tls(tls_client: Client) -> None:
    token = tls_client.grant()["refresh_token"]
    tls_client.majora.fault("reset", after=True)
    with pytest.raises(requests.exceptions.ConnectionError):
        tls_client.refresh(token)
    assert state(tls_client, token) == "dead"


def test_a_slow_answer_comes_all_the_same(client: Client) -> None:
    client.majora.fault("slow", seconds=0.3)
    began = time.monotonic()
    assert client.refresh(client.grant()["refresh_token"]).status_code == 200
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize(("after", "then"), [(False, "live"), (True, "dead")])
def test_a_client_that_gives_up_on_a_slow_answer(client: Client, after: bool, then: str) -> None:
    token = client.grant()["refresh_token"]
    client.majora.fault("slow", seconds=0.6, after=after)
    with pytest.raises(requests.exceptions.ReadTimeout):
        client.refresh(token, timeout=0.2)
    time.sleep(0.8)
    assert state(client, token) == then


def test_slow_answers_run_side_by_side(client: Client) -> None:
    from concurrent.futures import ThreadPoolExecutor

    tokens = [client.grant()["refresh_token"] for _ in range(10)]
    client.majora.fault("slow", seconds=0.5)
    began = time.monotonic()
    with ThreadPoolExecutor(10) as pool:
        assert {answer.status_code for answer in pool.map(client.refresh, tokens)} == {200}
    assert time.monotonic() - began < 2.5


def test_a_dripping_answer_is_never_timed_out_by_a_read_timeout(client: Client) -> None:
    token = client.grant()["refresh_token"]
    client.majora.fault("drip", seconds=0.002)
    began = time.monotonic()
    response = client.refresh(token, timeout=0.5)
    assert response.json()["token_type"] == "Bearer"
    assert time.monotonic() - began > 0.5


def test_a_flood_does_not_end(client: Client) -> None:
    client.majora.fault("flood")
    with client.session.post(client.majora.url + "o/token/", data={}, stream=True, timeout=20) as response:
        read = 0
        for piece in response.iter_content(65_536):
            read += len(piece)
            if read > 20_000_000:
                break
    assert read > 20_000_000


def test_a_bomb_is_small_on_the_wire(client: Client) -> None:
    client.majora.fault("bomb", size=8 * 1024 * 1024)
    response = client.refresh("any")
    assert int(response.headers["Content-Length"]) < 100_000
    assert len(response.content) == 8 * 1024 * 1024


def test_truncated_json_spends_the_token(client: Client) -> None:
    token = client.grant()["refresh_token"]
    client.majora.fault("truncated")
    response = client.refresh(token)
    assert response.status_code == 200
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        response.json()
    assert state(client, token) == "dead"


def test_truncated_below_the_promised_length(client: Client) -> None:
    client.majora.fault("truncated", promise=True)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        client.refresh(client.grant()["refresh_token"])


def test_edited_answers(client: Client) -> None:
    majora = client.majora
    scope = "majora2.view_biosampleartifact majora2.can_read_dataview_via_api"
    majora.fault("edit", remove=["refresh_token", "scope"], times=1)
    majora.fault("edit", reverse_scope=True, times=1)
    majora.fault("edit", change={"expires_in": "soon"}, times=1)
    first, second, third = (client.refresh(client.grant(scope)["refresh_token"]).json() for _ in range(3))
    assert set(first) == {"access_token", "expires_in", "token_type"}
    assert second["scope"] == " ".join(reversed(scope.split()))
    assert third["expires_in"] == "soon"


def test_an_edit_leaves_a_refusal_alone(client: Client) -> None:
    client.majora.fault("edit", change={"access_token": "forged"})
    assert client.refresh("bogus").json()["error"] == "invalid_grant"


# Which requests a fault meets


def test_a_fault_can_be_bound_to_one_token(client: Client) -> None:
    one, other = client.grant()["refresh_token"], client.grant()["refresh_token"]
    client.majora.fault("status", status=503, token=one)
    assert client.refresh(one).status_code == 503
    assert client.refresh(other).status_code == 200


def test_a_fault_can_be_bound_to_a_path_method_and_grant_type(client: Client) -> None:
    majora = client.majora
    majora.fault("status", "api/*", status=500)
    majora.fault("status", status=503, grant_type="refresh_token")
    majora.fault("status", status=504, method="GET")
    assert client.ask(client.grant()["access_token"]).status_code == 500
    assert client.refresh("any").status_code == 503
    assert client.exchange("any").status_code == 400
    assert client.session.get(majora.url + "o/token/", timeout=20).status_code == 504


def test_cleared_faults_are_over(client: Client) -> None:
    client.majora.fault("status")
    client.majora.clear_faults()
    assert client.refresh(client.grant()["refresh_token"]).status_code == 200


@pytest.mark.parametrize("wrong", [{"kind": "explode"}, {"kind": "status", "colour": "red"}])
def test_a_fault_that_is_none_fails_at_once(majora: Sandbox, wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"explode|colour"):
        majora.fault(**wrong)


def test_every_kind_is_played_by_a_test_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert not [kind for kind in KINDS if f'"{kind}"' not in text]


# The log


def test_the_log_holds_hashes_and_no_secret(client: Client) -> None:
    token = client.grant()
    client.refresh(token["refresh_token"])
    client.ask(token["access_token"])
    posted, asked = client.majora.requests
    assert (posted.method, posted.path, posted.status) == ("POST", "/o/token/", 200)
    assert posted.grant_type == "refresh_token"
    assert posted.refresh_token == digest(token["refresh_token"])
    assert posted.client_secret == digest(client.app.client_secret)
    assert posted.client == client.app.client_id[-4:]
    assert (asked.scheme, asked.bearer) == ("Bearer", digest(token["access_token"]))
    text = repr(client.majora.requests)
    for secret in (token["refresh_token"], token["access_token"], client.app.client_secret):
        assert secret not in text


def test_stats_count(majora: Sandbox) -> None:
    client = new_client(majora)
    code = client.code()
    majora.clear_requests()
    new = client.exchange(code).json()
    client.refresh(new["refresh_token"])
    client.refresh(new["refresh_token"])
    stats = majora.stats()
    assert (stats["token_posts"], stats["grants"], stats["refreshes"], stats["refused"]) == (3, 1, 1, 1)
    assert stats["sent"] == {digest(new["refresh_token"]): 2}
    assert stats["spent"] == {digest(new["refresh_token"]): 1}
