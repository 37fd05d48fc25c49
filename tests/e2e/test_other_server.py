"""No command sends a token to another domain than the one that granted it, also a token that the client wrote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ocarina_kit.sandbox import Sandbox

if TYPE_CHECKING:
    from tests.conftest import Kit

VIEW = "majora2.view_biosampleartifact"


@pytest.fixture
def two(kit: Kit) -> Iterator[tuple[Sandbox, Sandbox]]:
    """Two Majoras; the set-up is the first one's, and the client has logged in there an hour ago."""
    with Sandbox.start() as one, Sandbox.start() as other:
        for majora in (one, other):
            user = majora.add_user("ann")
            app = majora.add_application(user)
            secret = kit.home / f"secret-{majora.url.rsplit(':', 1)[1].rstrip('/')}"
            secret.write_text(app.client_secret)
            secret.chmod(0o600)
            kit.secrets.add(app.client_secret)
            if majora is one:
                token = one.grant(user, app, VIEW, age=3600)
            kit.extra["ID_" + secret.name] = app.client_id
        assert init(kit, one).code == 0
        kit.write_tokens({VIEW: token})
        yield one, other


def init(kit: Kit, majora: Sandbox) -> object:
    name = "secret-" + majora.url.rsplit(":", 1)[1].rstrip("/")
    secret: Path = kit.home / name
    return kit.run(
        *("init", "--domain", majora.url, "--user", "ann", "--client-id", kit.extra["ID_" + name]),
        *("--client-secret-file", secret, "--yes"),
    )


def token_of(kit: Kit) -> str:
    token: str = kit.read_tokens()[VIEW]["refresh_token"]
    return token


@pytest.mark.parametrize(
    "command", [["refresh"], ["doctor"], ["doctor", "--fix", "--yes"], ["logout", "--yes"]]
)
def test_a_token_of_the_server_that_init_left_is_sent_nowhere(
    kit: Kit, two: tuple[Sandbox, Sandbox], command: list[str]
) -> None:
    one, other = two
    before = token_of(kit)
    assert init(kit, other).code == 0
    other.clear_requests()
    kit.run(*command)
    assert token_of(kit) == before
    assert not [
        seen for seen in other.requests if seen.grant_type == "refresh_token" or "revoke" in seen.path
    ]
    assert other.stats()["sent"].keys() <= set()
    assert one.token_state(before) == "live"


def test_a_domain_that_was_edited_by_hand_is_noticed_where_the_kit_knew_the_old_one(
    kit: Kit, two: tuple[Sandbox, Sandbox]
) -> None:
    one, other = two
    assert kit.run("refresh").code == 0
    user = one.add_user("bob")
    app = one.add_application(user)
    tokens = kit.read_tokens()
    tokens["majora2.temp_can_read_pags_via_api"] = one.grant(
        user, app, "majora2.temp_can_read_pags_via_api", age=60
    )
    kit.write_tokens(tokens)
    config = kit.read_config()
    config["MAJORA_DOMAIN"] = other.url
    kit.write_config(config)
    ran = kit.run("refresh", "--json")
    assert ran.code in (1, 4)
    assert {token["result"] for token in ran.json["tokens"]} == {"other-server"}
    assert not [seen for seen in other.requests if seen.grant_type == "refresh_token"]


def test_a_login_at_the_new_server_is_the_new_servers(kit: Kit, two: tuple[Sandbox, Sandbox]) -> None:
    _, other = two
    assert init(kit, other).code == 0
    user = other.add_user("eve")
    link = kit.run("login", "--print-url", "--force").out.strip()
    assert kit.run("login", "--callback", "-", stdin=other.authorize(user, link)).code == 0
    assert kit.run("refresh").code == 0
