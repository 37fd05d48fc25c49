"""A code that becomes a token, tokens that are given back, and how long each is valid."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from tests.tokens.conftest import (
    DOWN,
    GONE,
    NOW,
    OTHER,
    READ,
    SILENT,
    VIEW,
    entry,
    granted,
    log_lines,
    server,
    stored,
)

from ocarina_kit.config.place import Setup
from ocarina_kit.majora.api import NoAnswer, Refused
from ocarina_kit.majora.grant import Pending, new_pending, save_pending
from ocarina_kit.majora.grant import waiting as waiting_logins
from ocarina_kit.system.errors import KitError
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.secret import Secret
from ocarina_kit.tokens import log
from ocarina_kit.tokens.file import parse, read_token
from ocarina_kit.tokens.login import prove_writable, redeem, set_aside_damaged
from ocarina_kit.tokens.logout import logout
from ocarina_kit.tokens.refresh import refresh
from ocarina_kit.tokens.status import statuses
from ocarina_kit.tokens.store import plan_aside

Have = Callable[..., None]
CODE = Secret("the-code")


@pytest.fixture
def pending(machine: Machine, setup: Setup) -> Pending:
    made, _ = new_pending(machine, setup, VIEW)
    save_pending(machine, made)
    return made


def results(report: Any) -> dict[str, str]:
    return {each.scope: each.result for each in report.outcomes}


def test_a_code_becomes_a_token(machine: Machine, setup: Setup, pending: Pending) -> None:
    report = redeem(machine, setup, pending, CODE, majora=server(machine, {"the-code": [granted(1, VIEW)]}))
    assert results(report) == {VIEW: "logged-in"}
    assert stored(setup)[VIEW]["refresh_token"] == "new-refresh-1"
    assert log_lines(machine)[-1]["result"] == "logged-in"
    assert waiting_logins(machine) == []


EXCHANGES = [
    ([GONE], "LGN021", 1, 0),
    ([Refused("invalid_client", "", 401, "client")], "CRD001", 1, 1),
    ([SILENT], "LGN026", 1, 1),
    ([DOWN, DOWN, DOWN], "SRV002", 3, 1),
    ([NoAnswer("server-error", "it answered 502", True, 502)], "LGN026", 1, 1),
]


@pytest.mark.parametrize(("answers", "id", "requests", "left"), EXCHANGES)
def test_a_code_that_brings_none(
    machine: Machine,
    setup: Setup,
    have: Have,
    pending: Pending,
    answers: list[Any],
    id: str,
    requests: int,
    left: int,
) -> None:
    have()
    majora = server(machine, {"the-code": answers})
    (outcome,) = redeem(machine, setup, pending, CODE, majora=majora).outcomes
    assert outcome.result == "failed"
    assert outcome.problem is not None
    assert outcome.problem.id == id
    assert len(majora.spent) == requests
    assert len(waiting_logins(machine)) == left
    assert stored(setup) == {VIEW: entry(), READ: entry(READ)}


def test_a_connection_that_was_not_made_is_tried_again(
    machine: Machine, setup: Setup, pending: Pending
) -> None:
    report = redeem(machine, setup, pending, CODE, majora=server(machine, {"the-code": [DOWN, granted()]}))
    assert results(report) == {VIEW: "logged-in"}


def test_other_scopes_than_asked_for(machine: Machine, setup: Setup, pending: Pending) -> None:
    report = redeem(
        machine, setup, pending, CODE, majora=server(machine, {"the-code": [granted(1, "other")]})
    )
    assert results(report) == {"other": "narrowed"}
    assert list(stored(setup)) == ["other"]


def test_a_hang_up_during_the_exchange_loses_nothing(
    machine: Machine, setup: Setup, pending: Pending
) -> None:
    def hung_up() -> Any:
        os.kill(os.getpid(), signal.SIGHUP)
        return granted()

    before = signal.signal(signal.SIGHUP, signal.default_int_handler)
    try:
        report = redeem(machine, setup, pending, CODE, majora=server(machine, {"the-code": [hung_up]}))
    finally:
        signal.signal(signal.SIGHUP, before)
    assert report.interrupted
    assert stored(setup)[VIEW]["access_token"] == "new-access-1"


def test_a_login_at_another_server_leaves_the_old_tokens_their_own(
    machine: Machine, setup: Setup, have: Have, pending: Pending
) -> None:
    have(**{READ: entry(READ)})
    refresh(machine, setup, dry_run=True)
    redeem(machine, setup, pending, CODE, majora=server(machine))
    have(**{READ: entry(READ, refresh_token="of-the-client"), VIEW: stored(setup)[VIEW]})
    there = setup._replace(domain=OTHER)
    redeem(machine, there, pending, CODE, majora=server(machine))
    report = refresh(machine, there, majora=server(machine))
    assert results(report) == {READ: "other-server", VIEW: "refreshed"}


def test_a_login_that_cannot_be_saved_is_not_begun(machine: Machine, setup: Setup) -> None:
    prove_writable(machine, setup)
    assert not setup.tokens_file.exists()
    setup.tokens_file.mkdir()
    with pytest.raises(KitError):
        prove_writable(machine, setup)


def test_a_damaged_file_is_set_aside(machine: Machine, setup: Setup, have: Have) -> None:
    have()
    assert set_aside_damaged(machine, setup) == ""
    data = setup.tokens_file.read_bytes()
    setup.tokens_file.write_bytes(data[:-10])
    assert "Tokens kept: 2" in set_aside_damaged(machine, setup)
    assert set(stored(setup)) == {VIEW, READ}
    (backup,) = (machine.state / "backups").iterdir()
    assert backup.read_bytes() == data[:-10]


def test_init_sets_the_tokens_of_the_old_server_aside(machine: Machine, setup: Setup, have: Have) -> None:
    there = setup._replace(domain=OTHER)
    assert plan_aside(machine, there) is None
    have(**{VIEW: entry(), READ: entry(READ)})
    log.append(machine, [log.line(machine, there, "login", "logged-in", READ, read_token(READ, entry(READ)))])
    change = plan_aside(machine, there)
    assert change is not None
    assert change.before == setup.tokens_file.read_bytes()
    assert list(parse(change.after).entries) == [READ]
    log.note_use(machine, there, "init")
    have(**{VIEW: entry(refresh_token="of-the-client")})
    assert results(refresh(machine, setup, majora=server(machine))) == {VIEW: "other-server"}
    assert results(refresh(machine, there, majora=server(machine))) == {VIEW: "refreshed"}


# --- logout


def test_revoked_then_forgotten(machine: Machine, setup: Setup, have: Have) -> None:
    have()
    majora = server(machine)
    assert results(logout(machine, setup, scopes=[VIEW, "x"], majora=majora)) == {
        VIEW: "revoked",
        "x": "no-token",
    }
    assert majora.revoked == ["refresh-fact"]
    assert stored(setup) == {READ: entry(READ)}
    assert log_lines(machine)[-1]["result"] == "logged-out"
    assert results(logout(machine, setup, majora=majora)) == {READ: "revoked"}
    assert stored(setup) == {}


def test_what_the_server_did_not_confirm_is_kept(machine: Machine, setup: Setup, have: Have) -> None:
    have()
    report = logout(machine, setup, majora=server(machine, {"refresh-fact": [SILENT]}))
    assert results(report) == {VIEW: "kept", READ: "revoked"}
    assert report.exit == 5
    assert stored(setup) == {VIEW: entry()}
    local = logout(machine, setup, local=True)
    assert results(local) == {VIEW: "forgotten"}
    assert local.notes
    assert stored(setup) == {}


def test_a_token_of_another_server_is_neither_sent_nor_forgotten(
    machine: Machine, setup: Setup, have: Have
) -> None:
    have(**{VIEW: entry()})
    refresh(machine, setup, majora=server(machine))
    majora = server(machine)
    report = logout(machine, setup._replace(domain=OTHER), majora=majora)
    assert results(report) == {VIEW: "kept"}
    assert majora.revoked == []
    assert VIEW in stored(setup)


def test_dry_run_and_nothing_there(machine: Machine, setup: Setup, have: Have) -> None:
    assert logout(machine, setup).outcomes == ()
    have()
    assert results(logout(machine, setup, dry_run=True)) == {VIEW: "would-revoke", READ: "would-revoke"}
    assert set(results(logout(machine, setup, local=True, dry_run=True)).values()) == {"would-forget"}
    assert set(stored(setup)) == {VIEW, READ}
    setup.tokens_file.write_text("{")
    with pytest.raises(KitError, match="damaged"):
        logout(machine, setup)


# --- status

STATES = [
    ({}, 0.0, "ok"),
    ({}, 5000.0, "needs-refresh"),
    ({"expires_at": NOW - 5}, 0.0, "needs-refresh"),
    ({"expires_at": NOW - 5, "refresh_token": None}, 0.0, "needs-login"),
    ({"refresh_token": None}, 0.0, "ok"),
    ({"expires_at": "soon"}, 0.0, "needs-refresh"),
    ({"access_token": None}, 0.0, "needs-refresh"),
    ({"access_token": None, "refresh_token": None}, 0.0, "unreadable"),
]


@pytest.mark.parametrize(("changes", "within", "state"), STATES)
def test_states(
    machine: Machine, setup: Setup, have: Have, changes: dict[str, Any], within: float, state: str
) -> None:
    have(**{VIEW: entry(**changes)})
    (status,) = statuses(machine, setup.tokens_file, parse(setup.tokens_file.read_bytes()), within)
    assert status.state == state
    assert status.seconds_left >= 0


def test_the_host_of_the_last_refresh(machine: Machine, setup: Setup, have: Have) -> None:
    have(**{VIEW: entry()})
    refresh(machine, setup, majora=server(machine))
    (status,) = statuses(machine, setup.tokens_file, parse(setup.tokens_file.read_bytes()))
    assert (status.host, status.last_refresh, status.seconds_left) == ("login1", NOW, 36000)
