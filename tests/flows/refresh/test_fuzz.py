"""Any bytes as a tokens file, any text as an answer: no traceback, and nothing written that clients cannot read."""

from __future__ import annotations

import json
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.flows.refresh.conftest import PAGS, VIEW
from tests.flows.refresh.test_faults import QuickClock

from ocarina_kit.core.errors import KitError
from ocarina_kit.core.oauth.answers import Granted, judge_token_answer
from ocarina_kit.core.oauth.network import HttpAnswer
from ocarina_kit.core.secret import Secret
from ocarina_kit.core.setup import Place, Setup
from ocarina_kit.core.tokens.status import status_error, status_members, statuses
from ocarina_kit.core.tokens.token_file import TokenFile
from ocarina_kit.edges.disk.token_store import Arrival, TokensReader, TokenStore
from ocarina_kit.edges.process import run
from ocarina_kit.edges.system import System
from ocarina_kit.flows.refresh import refresh_tokens

NOW = 1_795_500_000.0

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=12)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner)
)
members = st.fixed_dictionaries(
    {},
    optional={
        "access_token": st.text(max_size=12) | values,
        "refresh_token": st.text(max_size=12) | values,
        "expires_in": st.integers(0, 40_000) | values,
        "expires_at": st.floats(0, 4e12) | values,
        "scope": st.lists(st.sampled_from([*VIEW.split(), "a", "b"]), max_size=3) | values,
        "token_type": st.just("Bearer") | values,
        "more": values,
    },
)
keys = st.sampled_from([VIEW, PAGS, "a b", "b a"]) | st.text(max_size=10)
objects = st.dictionaries(keys, members | values, max_size=4)
texts = objects.map(lambda found: json.dumps(found).encode()) | st.text(max_size=80).map(str.encode)
files = (
    st.binary(max_size=80)
    | texts
    | st.tuples(texts, st.integers(0, 200)).map(lambda cut: cut[0][: cut[1]])
    | st.tuples(texts, texts).map(b"".join)
)
answers = st.dictionaries(
    st.sampled_from(["access_token", "refresh_token", "expires_in", "scope", "token_type", "error", "x"]),
    st.sampled_from(["Bearer", "abc", VIEW, "36000", 36_000, 0, -1, None, 1e400, ["a"]]) | values,
)
quick = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def system_in(home: Path) -> System:
    return System(environ={}, home=home, user="ann", host="node1", run=run, clock=QuickClock())


def client_reads(data: bytes, scope: str) -> dict[str, Any]:
    """As the clients do: json.load, the scope's own key, the time as a date."""
    tokens = json.loads(data)
    token: dict[str, Any] = tokens[scope]
    datetime.fromtimestamp(token["expires_at"])
    assert " ".join(token["scope"]) == scope
    assert isinstance(token["access_token"], str)
    assert isinstance(token["refresh_token"], str)
    return token


@quick
@given(content=files)
def test_a_new_token_can_be_read_whatever_stood_in_the_file(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tokens")
        path.write_bytes(content)
        reader = TokensReader(system_in(Path(folder)), path)
        before = reader.look()
        store = TokenStore(reader)
        store.prove(1, 1)
        granted = Granted(Secret("access"), Secret("refresh"), 36_000, (VIEW,))
        arrival = Arrival(VIEW, granted, NOW, before.get(VIEW), store.take_place())
        store.save(arrival)
        store.close()
        assert (arrival.done, arrival.problem) == (True, None)
        after = path.read_bytes()
        if not arrival.kept_other:
            token = client_reads(after, VIEW)
            assert (token["access_token"], token["refresh_token"]) == ("access", "refresh")
        # What could be read of the others is kept.
        kept = TokenFile.parse(after)
        for entry in before.entries:
            assert kept.get(entry.key) is not None
        assert [each.name for each in Path(folder).iterdir() if each.name.endswith(".tmp")] == []


@quick
@given(content=files)
def test_any_file_gives_a_verdict_and_no_traceback(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tokens")
        path.write_bytes(content)
        system = system_in(Path(folder))
        place = Place(Path(folder, ".ocarina"))
        setup = Setup(place, "http://127.0.0.1:9/", "ann", path, "c" * 40, Secret("s" * 128))
        verdict = ""
        try:
            report = refresh_tokens(system, setup, dry_run=True)
            report.error(place)
        except KitError as error:
            verdict = error.id
        assert verdict in ("", "TOK001", "TOK002")
        assert path.read_bytes() == content
        found = statuses(TokenFile.parse(content), [], mark="m", now=NOW, within=60)
        status_error(found, place, 60)
        json.dumps([status_members(token) for token in found])


@quick
@given(answer=answers, body=st.none() | st.binary(max_size=60))
def test_no_answer_of_a_server_is_stored_that_the_clients_cannot_read(
    answer: dict[str, Any], body: bytes | None
) -> None:
    came = HttpAnswer(200, {"content-type": "application/json"}, body or json.dumps(answer).encode())
    judged = judge_token_answer(came)
    if not isinstance(judged, Granted):
        return
    file = TokenFile.parse(b"{}").with_token(VIEW, judged.as_answer(), now=NOW)
    (key,) = json.loads(file.render())
    token = json.loads(file.render())[key]
    datetime.fromtimestamp(token["expires_at"])
    assert " ".join(token["scope"]) == key
