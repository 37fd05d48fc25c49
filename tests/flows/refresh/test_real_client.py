"""The real client and the kit on one file, in any order. ``OCARINA_KIT_REAL_CLIENT=PATH`` names an ``ocarina``.

Run with 0.36.1 (Python 3.7) and 1.0.0 (Python 3.10). The real clients speak https alone.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import Kit
from tests.flows.refresh.conftest import HOUR, PAGS, VIEW, Person

from ocarina_kit.sandbox import Sandbox

_numbers = itertools.count(1)
CLIENT = os.environ.get("OCARINA_KIT_REAL_CLIENT", "")

pytestmark = [
    pytest.mark.real_client,
    pytest.mark.skipif(not CLIENT, reason="OCARINA_KIT_REAL_CLIENT names no real ocarina"),
]


@pytest.fixture(scope="module")
def over_tls() -> Iterator[Sandbox]:
    # 0.36.1 is below what the server takes: what counts here is its token.
    with Sandbox.start(tls=True, minimum_client="0.0.0", query_scope="") as majora:
        majora.add_sample("SAMPLE-1")
        yield majora


@pytest.fixture
def person(over_tls: Sandbox, kit: Kit) -> Person:
    user = over_tls.add_user(f"person{next(_numbers)}")
    found = Person(over_tls, user, over_tls.add_application(user), kit)
    kit.extra["REQUESTS_CA_BUNDLE"] = str(over_tls.ca_file)
    found.configure()
    return found


def client(person: Person, *args: str) -> subprocess.CompletedProcess[bytes]:
    # Without the guard: it is written for this Python, and the client has another.
    env = {name: value for name, value in person.kit.env.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [CLIENT, *args], env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
    )


def client_uses(person: Person) -> None:
    """A query with a token of the file, and no new grant for it."""
    person.majora.clear_requests()
    done = client(person, "--oauth", "get", "biosample", "--central-sample-id", "SAMPLE-1")
    seen = [line for line in person.majora.requests if line.path.startswith("/api/")]
    assert seen, done.stdout + done.stderr
    assert all(line.scheme == "Bearer" and line.status == 200 for line in seen), (seen, done.stderr)
    assert b"Traceback" not in done.stderr


def client_refreshes(person: Person) -> None:
    done = client(person, "oauth", "refresh")
    assert done.returncode == 0, done.stdout + done.stderr


def kit_refreshes(person: Person) -> None:
    ran = person.kit.run("refresh", "--json")
    assert ran.code == 0, repr(ran)
    assert {token["result"] for token in ran.json["tokens"]} == {"refreshed"}


def kit_reads(person: Person) -> None:
    ran = person.kit.run("status", "--within", "9h", "--json")
    assert ran.code == 0, repr(ran)
    assert len(ran.json["tokens"]) == 2


def test_a_token_that_expired_yesterday_is_healed_and_the_client_uses_it(person: Person) -> None:
    person.have(VIEW, PAGS, age=30 * HOUR)
    kit_refreshes(person)
    client_uses(person)


@pytest.mark.parametrize(
    "order",
    [*itertools.permutations(["client", "kit", "use"]), ("client", "kit", "client", "kit", "use")],
)
def test_client_and_kit_in_any_order(person: Person, order: tuple[str, ...]) -> None:
    person.have(VIEW, PAGS, age=1 * HOUR)
    steps = {"client": client_refreshes, "kit": kit_refreshes, "use": client_uses}
    for step in order:
        steps[step](person)
        assert person.alive(VIEW)
        assert person.alive(PAGS)
    client_uses(person)
    kit_reads(person)


def test_what_the_kit_writes_has_the_members_and_types_of_what_the_client_writes(person: Person) -> None:
    person.have(VIEW, PAGS)
    client_refreshes(person)
    clients = person.tokens
    kit_refreshes(person)
    ours = person.tokens
    for scope, token in clients.items():
        # Epoch seconds: an int by newer versions of the client's OAuth library, a float by older ones (FACTS.md).
        assert isinstance(token.pop("expires_at"), int | float)
        assert isinstance(ours[scope].pop("expires_at"), int | float)
        types = [{name: type(value) for name, value in each.items()} for each in (token, ours[scope])]
        assert types[0] == types[1]
        assert token["scope"] == ours[scope]["scope"]


def test_the_clients_own_refresh_works_on_a_file_that_the_kit_mended(person: Person, tmp_path: Path) -> None:
    """A file with other spacing and members of others: the client reads it and writes it anew."""
    tokens = person.have(VIEW, PAGS)
    person.kit.tokens.write_text(json.dumps({**tokens, VIEW: {**tokens[VIEW], "note": "mine"}}, indent=4))
    kit_refreshes(person)
    client_refreshes(person)
    kit_refreshes(person)
    assert person.alive(VIEW)
