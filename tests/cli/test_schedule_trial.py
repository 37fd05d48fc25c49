"""``schedule --test``: the line, run as cron runs it, against a real server; judged by the tokens' own times."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Kit, Ran

from ocarina_kit.sandbox import Application, Sandbox, User, install_standin

VIEW = "majora2.view_biosampleartifact"
INFO = "majora2.view_majoraartifact_info"
HOUR = 3600.0
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox.start() as majora:
        yield majora


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install_standin(tmp_path_factory.mktemp("client"), version="1.0.0")


@dataclass
class Lab:
    kit: Kit
    majora: Sandbox
    user: User
    app: Application
    client: Path

    def schedule(self, *args: str, **how: Any) -> Ran:
        ran = self.kit.run("schedule", *args, **how)
        if self.kit.tokens.exists():
            for entry in json.loads(self.kit.tokens.read_bytes()).values():
                self.kit.secrets |= {entry["access_token"], entry["refresh_token"]}
        for secret in self.kit.secrets:
            assert secret not in ran.all
        return ran

    def have(self, *scopes: str, age: float = HOUR) -> dict[str, Any]:
        tokens = {scope: self.majora.grant(self.user, self.app, scope, age) for scope in scopes}
        for token in tokens.values():
            self.kit.secrets |= {token["access_token"], token["refresh_token"]}
        self.kit.write_tokens(tokens)
        return tokens

    def is_fresh(self, scope: str = VIEW) -> bool:
        return bool(self.kit.read_tokens()[scope]["expires_at"] > time.time() + 36000 - 120)


@pytest.fixture
def lab(kit: Kit, running: Sandbox, client: Path) -> Iterator[Lab]:
    user = running.add_user(f"trial{next(_numbers)}", permissions="all")
    app = running.add_application(user)
    kit.extra["PATH"] = f"{client.parent}:{kit.env['PATH']}"
    kit.secrets.add(app.client_secret)
    kit.write_config({
        "MAJORA_DOMAIN": running.url, "MAJORA_USER": user.name, "MAJORA_TOKEN": "OAUTH",
        "CLIENT_ID": app.client_id, "CLIENT_SECRET": app.client_secret,
    })  # fmt: skip
    yield Lab(kit, running, user, app, client)
    running.clear_faults()


def test_it_heals_what_expired_long_ago(lab: Lab) -> None:
    lab.have(VIEW, INFO, age=30 * HOUR)
    assert lab.schedule("--yes").code == 0
    ran = lab.schedule("--test")
    assert ran.code == 0, ran
    assert "2 tokens refreshed by ocarina-kit" in ran.out
    assert "It wrote nothing" in ran.out
    assert lab.is_fresh(VIEW)
    assert lab.is_fresh(INFO)
    # What the doctor and --show read of it.
    assert lab.schedule("--show", "--json").json["last_success"]["by"] == "refresh"


def test_the_line_that_would_be_installed(lab: Lab) -> None:
    lab.have(VIEW)
    data = lab.schedule("--test", "--json").json
    assert (data["exit"], data["installed"], data["by"]) == (0, False, "ocarina-kit")
    assert lab.kit.crontab is None
    lab.schedule("--yes")
    assert lab.schedule("--test", "--json").json["installed"] is True
    other = lab.schedule("--test", "--runner", "client", "--json").json
    assert (other["exit"], other["installed"], other["by"]) == (0, False, "the client")


def test_the_client_steps_in_where_the_kit_is_gone(lab: Lab) -> None:
    lab.have(VIEW)
    lab.schedule("--yes")
    assert lab.kit.crontab is not None
    lab.kit.crontab = lab.kit.crontab.replace("ocarina-kit refresh", "gone/ocarina-kit refresh", 1)
    data = lab.schedule("--test", "--json").json
    assert (data["exit"], data["by"], data["refreshed"]) == (0, "the client", [VIEW])
    assert "did not start" in data["warnings"][0]
    assert lab.is_fresh()


def test_a_deleted_client_does_not_stop_the_refresh(lab: Lab) -> None:
    lab.have(VIEW)
    lab.schedule("--yes")
    assert lab.kit.crontab is not None
    lab.kit.crontab = lab.kit.crontab.replace(str(lab.client), "/gone/bin/ocarina")
    data = lab.schedule("--test", "--json").json
    assert (data["exit"], data["by"]) == (0, "ocarina-kit")


def test_a_token_that_the_server_refuses_needs_a_login(lab: Lab) -> None:
    lab.have(VIEW)
    lab.schedule("--yes")
    lab.majora.grant(lab.user, lab.app, VIEW, 0)
    tokens = lab.kit.read_tokens()
    tokens[VIEW]["refresh_token"] = "spent-long-ago-0123456789"
    lab.kit.write_tokens(tokens)
    ran = lab.schedule("--test")
    assert ran.code == 4, ran
    assert "ocarina-kit [" in ran.out
    assert "ocarina-kit login" in ran.err
    # The client was not asked: it would have died asking for a login.
    assert "EOFError" not in ran.all


def test_a_server_that_is_down_is_no_fault_of_the_line(lab: Lab) -> None:
    lab.have(VIEW)
    members = lab.kit.read_config()
    lab.kit.write_config({**members, "MAJORA_DOMAIN": "http://127.0.0.1:9/"})
    lab.schedule("--yes")
    ran = lab.schedule("--test", timeout=150)
    assert ran.code == 5, ran
    assert not lab.is_fresh()


def test_no_token_yet(lab: Lab) -> None:
    lab.schedule("--yes")
    ran = lab.schedule("--test")
    assert ran.code == 4
    assert "TOK001" in ran.err


def test_a_line_that_does_nothing_is_found_out(lab: Lab) -> None:
    lab.have(VIEW)
    lab.kit.crontab = f"0 */3 * * * true || {lab.client} oauth refresh\n"
    data = lab.schedule("--test", "--json").json
    assert (data["exit"], data["exit_code"], data["error"]["id"]) == (1, 0, "CRN008")
    assert "as old as before" in data["error"]["why"]


def test_what_works_in_a_shell_and_not_in_cron_is_shown(lab: Lab) -> None:
    lab.have(VIEW)
    lab.kit.crontab = "0 */3 * * * ocarina oauth refresh\n"
    ran = lab.schedule("--test")
    assert ran.code == 1
    assert "not found" in ran.out


def test_the_clients_own_expired_token(lab: Lab) -> None:
    """The client alone asks for a login, and nobody answers: exit 1, with the words that cron would mail."""
    lab.have(VIEW, age=30 * HOUR)
    lab.schedule("--yes", "--runner", "client")
    ran = lab.schedule("--test")
    assert ran.code == 1
    assert "EOFError" in ran.out


def test_other_work_on_the_line_is_not_run(lab: Lab) -> None:
    lab.have(VIEW)
    lab.kit.crontab = f"0 */3 * * * touch {lab.kit.home}/ran && /opt/other; {lab.client} oauth refresh\n"
    data = lab.schedule("--test", "--json").json
    assert (data["exit"], data["error"]["id"]) == (1, "SCH001")
    assert not (lab.kit.home / "ran").exists()


def test_secrets_in_the_output_are_masked(lab: Lab) -> None:
    lab.have(VIEW)
    lab.kit.crontab = f"0 */3 * * * {lab.client} oauth refresh; cat .ocarina-tokens .ocarina\n"
    ran = lab.schedule("--test")
    assert ran.code == 0
    assert "****" in ran.out
    assert lab.app.client_id in ran.out
