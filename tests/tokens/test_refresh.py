"""Refreshing: what is sent, what is saved, what is said of it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from tests.tokens.conftest import (
    DOMAIN,
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
from ocarina_kit.system.errors import KitError
from ocarina_kit.system.machine import Machine
from ocarina_kit.tokens.journal import journal_path, read_journal
from ocarina_kit.tokens.logout import logout
from ocarina_kit.tokens.refresh import next_wait, refresh, verdict

Have = Callable[..., None]


def results(report: Any) -> dict[str, str]:
    return {each.scope: each.result for each in report.outcomes}


def test_every_token_is_refreshed_and_saved(machine: Machine, setup: Setup, have: Have) -> None:
    have()
    report = refresh(machine, setup, majora=server(machine))
    assert results(report) == {VIEW: "refreshed", READ: "refreshed"}
    assert report.exit == 0
    assert list(stored(setup)) == [VIEW, READ]
    assert all(value["access_token"].startswith("new-") for value in stored(setup).values())
    assert all(value["expires_at"] == NOW + 36000 for value in stored(setup).values())
    assert setup.tokens_file.stat().st_mode & 0o777 == 0o600
    assert list((machine.state / "backups").iterdir())
    assert not journal_path(machine, setup.tokens_file).exists()


def test_the_log_names_the_new_tokens_and_no_secret(machine: Machine, setup: Setup, have: Have) -> None:
    have()
    refresh(machine, setup, majora=server(machine))
    made = [line for line in log_lines(machine) if line["result"] == "refreshed"]
    assert {line["scope"] for line in made} == {VIEW, READ}
    assert made[0]["server"] == DOMAIN
    assert made[0]["tokens"] == "~/.ocarina-tokens"
    assert made[0]["host"] == "login1"
    assert len(made[0]["access"]) == len(made[0]["refresh"]) == 12
    assert "new-" not in (machine.state / "refresh.log").read_text()


@pytest.mark.parametrize(
    ("content", "id", "code"), [(None, "TOK001", 4), ("{}", "TOK001", 4), ("{", "TOK002", 1)]
)
def test_nothing_to_refresh(machine: Machine, setup: Setup, content: str | None, id: str, code: int) -> None:
    if content is not None:
        setup.tokens_file.write_text(content)
    with pytest.raises(KitError) as raised:
        refresh(machine, setup, majora=server(machine))
    assert (raised.value.id, raised.value.exit) == (id, code)
    if content is not None:
        assert setup.tokens_file.read_text() == content


def test_only_what_is_asked_for(machine: Machine, setup: Setup, have: Have) -> None:
    have(**{VIEW: entry(expires_at=NOW + 9000), READ: entry(READ)})
    majora = server(machine)
    assert results(refresh(machine, setup, within=3600, majora=majora)) == {VIEW: "fresh", READ: "refreshed"}
    assert results(refresh(machine, setup, scopes=[VIEW, "x"], majora=majora)) == {
        VIEW: "refreshed",
        "x": "no-token",
    }
    assert majora.spent == ["refresh-_api", "refresh-fact"]


def test_dry_run_sends_and_writes_nothing(machine: Machine, setup: Setup, have: Have) -> None:
    have()
    majora = server(machine)
    assert results(refresh(machine, setup, dry_run=True, majora=majora)) == {VIEW: "due", READ: "due"}
    assert majora.spent == []
    assert not machine.state.exists()


def test_what_cannot_be_refreshed(machine: Machine, setup: Setup, have: Have) -> None:
    have(**{VIEW: entry(refresh_token=None), READ: 5})
    report = refresh(machine, setup, majora=server(machine))
    assert results(report) == {VIEW: "no-refresh-token", READ: "unreadable"}
    error = report.error(setup)
    assert error is not None
    assert (error.id, error.exit) == ("TOK005", 4)
    assert error.remedy.commands == ("ocarina-kit login --for lookup",)


# --- answers

TIMEOUT = NoAnswer("timeout", "it did not answer")
LATE = NoAnswer("server-error", "it answered 502", True, 502)
BUSY = NoAnswer("rate-limited", "it answered 429", False, 429)
PAGE = NoAnswer("html", "it answered with a web page", True, 200)
CLIENT = Refused("invalid_client", "", 401, "client")

ANSWERS: list[tuple[list[Any], str, int, int, bool]] = [
    # answers in their order, result, exit, requests, whether a later "no" means that an answer was lost
    ([GONE], "refused-token", 4, 1, False),
    ([CLIENT], "refused-client", 1, 1, False),
    ([Refused("server_error", "", 400)], "refused", 1, 1, False),
    ([SILENT], "maybe-lost", 5, 1, True),
    ([PAGE], "maybe-lost", 5, 1, True),
    ([DOWN, DOWN, DOWN], "network", 5, 3, False),
    ([NoAnswer("ca-bundle", "no CA bundle")], "failed", 1, 1, False),
    ([BUSY, granted()], "refreshed", 0, 2, False),
    ([TIMEOUT, granted()], "refreshed", 0, 2, False),
    ([LATE, granted()], "refreshed", 0, 2, False),
    ([LATE, GONE], "lost", 4, 2, False),
    ([LATE, DOWN, DOWN], "maybe-lost", 5, 3, True),
    ([LATE] * 9, "maybe-lost", 5, 7, True),
    ([NoAnswer("redirect", "it answered 302, a redirect", False, 302)], "network", 5, 1, False),
]


@pytest.mark.parametrize(("answers", "result", "code", "requests", "open_"), ANSWERS)
def test_what_an_answer_comes_to(
    machine: Machine,
    setup: Setup,
    have: Have,
    answers: list[Any],
    result: str,
    code: int,
    requests: int,
    open_: bool,
) -> None:
    have(**{VIEW: entry()})
    majora = server(machine, {"refresh-fact": list(answers)})
    report = refresh(machine, setup, majora=majora)
    assert results(report) == {VIEW: result}
    assert report.exit == code
    assert len(majora.spent) == requests
    if result != "refreshed":
        assert stored(setup) == {VIEW: entry()}
    assert bool(read_journal(machine, setup.tokens_file)[1]) == open_


def test_an_answer_that_was_lost_in_an_earlier_run_is_called_lost(
    machine: Machine, setup: Setup, have: Have
) -> None:
    have(**{VIEW: entry()})
    majora = server(machine, {"refresh-fact": [SILENT, GONE, GONE]})
    assert results(refresh(machine, setup, majora=majora)) == {VIEW: "maybe-lost"}
    assert results(refresh(machine, setup, majora=majora)) == {VIEW: "lost"}
    assert results(refresh(machine, setup, majora=majora)) == {VIEW: "refused-token"}


def test_one_that_fails_stops_no_other(machine: Machine, setup: Setup, have: Have) -> None:
    have()
    report = refresh(machine, setup, majora=server(machine, {"refresh-fact": [GONE]}))
    assert results(report) == {VIEW: "refused-token", READ: "refreshed"}


def test_one_error_names_all_tokens_that_failed_alike(machine: Machine, setup: Setup, have: Have) -> None:
    have()
    report = refresh(machine, setup, majora=server(machine, {"refresh-fact": [GONE], "refresh-_api": [GONE]}))
    (error,) = report.errors(setup)
    assert "look up samples and runs" in error.what
    assert "published" in error.what
    assert error.what.endswith(".")
    assert error.remedy.commands == ("ocarina-kit login --for lookup --for published",)


WAITS = [
    (1, BUSY, 0.0, 1.0),
    (2, BUSY, 1.0, 2.0),
    (9, LATE, 30.0, 16.0),
    (1, LATE, 50.0, 1.0),
    (1, LATE, 56.0, None),
    (1, BUSY._replace(retry_after=20.0), 0.0, 20.0),
    (1, BUSY._replace(retry_after=90.0), 0.0, None),
    (1, TIMEOUT, 10.0, 1.0),
    (1, SILENT, 10.0, None),
    (2, DOWN, 0.0, 2.0),
    (3, DOWN, 0.0, None),
    (1, PAGE, 0.0, None),
    (1, NoAnswer("tls-expired", "the certificate has expired"), 0.0, None),
]


@pytest.mark.parametrize(("attempt", "answer", "elapsed", "wait"), WAITS)
def test_when_it_is_tried_again(attempt: int, answer: NoAnswer, elapsed: float, wait: float | None) -> None:
    assert next_wait(attempt, answer, elapsed) == wait


def test_a_no_after_an_answer_that_was_lost_is_no_plain_refusal() -> None:
    assert verdict(GONE, resent=True) == "lost"
    assert verdict(Refused("invalid_scope", "", 400, "scope"), resent=True) == "refused-token"


# --- others


def test_what_another_process_refreshed_before_the_lock_is_adopted(
    machine: Machine, setup: Setup, have: Have, monkeypatch: pytest.MonkeyPatch
) -> None:
    have(**{VIEW: entry()})
    from ocarina_kit.system import lock

    real = lock.hold

    def slow(machine: Machine, path: Any, **more: Any) -> Any:
        if path == setup.tokens_file:
            have(**{VIEW: entry(access_token="theirs", refresh_token="theirs", expires_at=NOW + 36000)})
        return real(machine, path, **more)

    monkeypatch.setattr(lock, "hold", slow)
    majora = server(machine)
    assert results(refresh(machine, setup, majora=majora)) == {VIEW: "adopted"}
    assert majora.spent == []


def test_what_the_client_put_there_meanwhile_is_kept_where_it_is_newer(
    machine: Machine, setup: Setup, have: Have
) -> None:
    have()

    def meanwhile() -> Any:
        newer = entry(access_token="theirs", refresh_token="theirs", expires_at=NOW + 40000)
        setup.tokens_file.write_text(json.dumps({VIEW: newer, READ: entry(READ), "more": entry("more")}))
        return granted()

    report = refresh(machine, setup, scopes=[VIEW], majora=server(machine, {"refresh-fact": [meanwhile]}))
    assert results(report) == {VIEW: "adopted"}
    assert stored(setup)[VIEW]["access_token"] == "theirs"
    assert stored(setup)["more"] == entry("more")


def test_a_token_that_another_program_has_replaced_is_no_refusal(
    machine: Machine, setup: Setup, have: Have
) -> None:
    have(**{VIEW: entry()})

    def meanwhile() -> Any:
        have(**{VIEW: entry(access_token="theirs", refresh_token="theirs", expires_at=NOW + 36000)})
        return GONE

    report = refresh(machine, setup, majora=server(machine, {"refresh-fact": [meanwhile]}))
    assert results(report) == {VIEW: "adopted"}


def test_a_file_damaged_meanwhile_is_set_aside_and_its_tokens_kept(
    machine: Machine, setup: Setup, have: Have
) -> None:
    have()

    def meanwhile() -> Any:
        setup.tokens_file.write_text('{"broken')
        return granted()

    refresh(machine, setup, scopes=[VIEW], majora=server(machine, {"refresh-fact": [meanwhile]}))
    assert set(stored(setup)) == {VIEW, READ}
    assert any("damaged" in path.name for path in (machine.state / "backups").iterdir())


# --- a token goes only to its own server


def test_a_known_token_goes_to_its_server_whatever_file_it_is_in(
    machine: Machine, setup: Setup, have: Have
) -> None:
    have(**{VIEW: entry()})
    refresh(machine, setup, majora=server(machine))
    copy = machine.home / "copy"
    copy.write_bytes(setup.tokens_file.read_bytes())
    majora = server(machine)
    report = refresh(machine, setup._replace(domain=OTHER, tokens_file=copy), majora=majora)
    assert results(report) == {VIEW: "other-server"}
    assert report.exit == 1
    assert majora.spent == []


def test_an_unknown_token_goes_only_where_its_file_was_last_used(
    machine: Machine, setup: Setup, have: Have
) -> None:
    have(**{VIEW: entry()})
    refresh(machine, setup, majora=server(machine))
    have(**{VIEW: entry(refresh_token="of-the-client")})
    link = machine.home / "link"
    link.symlink_to(setup.tokens_file)
    majora = server(machine)
    report = refresh(machine, setup._replace(domain=OTHER, tokens_file=link), majora=majora)
    assert results(report) == {VIEW: "other-server"}
    assert results(refresh(machine, setup, majora=majora)) == {VIEW: "refreshed"}


def test_a_domain_with_a_slip_in_it_takes_no_token(machine: Machine, setup: Setup, have: Have) -> None:
    """Nothing was sent there, so the token is not that server's."""
    have(**{VIEW: entry()})
    gone = server(machine, {"refresh-fact": [NoAnswer("dns-none", "there is no such host")]})
    assert results(refresh(machine, setup._replace(domain="https://mjora.example/"), majora=gone)) == {
        VIEW: "network"
    }
    assert results(refresh(machine, setup, majora=server(machine))) == {VIEW: "refreshed"}


def test_where_the_log_cannot_be_written_nothing_is_sent(machine: Machine, setup: Setup, have: Have) -> None:
    have()
    (machine.state / "refresh.log").mkdir(parents=True)
    majora = server(machine)
    with pytest.raises(KitError):
        refresh(machine, setup, majora=majora)
    assert majora.spent == []


# --- the disk, and signals


def test_where_the_new_file_cannot_be_written_nothing_is_sent(machine: Machine, setup: Setup) -> None:
    folder = machine.home / "folder"
    folder.mkdir()
    (folder / "tokens").write_text(json.dumps({VIEW: entry()}))
    majora = server(machine)
    (folder / "tokens.lock").mkdir()
    with pytest.raises(KitError):
        refresh(machine, setup._replace(tokens_file=folder / "tokens"), majora=majora)
    assert majora.spent == []


def test_a_token_that_cannot_be_written_is_kept_and_put_back_by_the_next_run(
    machine: Machine, setup: Setup, have: Have
) -> None:
    have()

    def meanwhile() -> Any:
        setup.tokens_file.unlink()
        setup.tokens_file.mkdir()
        return granted(7)

    report = refresh(machine, setup, scopes=[VIEW], majora=server(machine, {"refresh-fact": [meanwhile]}))
    assert results(report) == {VIEW: "rescued"}
    error = report.error(setup)
    assert error is not None
    assert error.id == "RFR005"
    setup.tokens_file.rmdir()
    have()
    majora = server(machine)
    assert results(refresh(machine, setup, scopes=[VIEW], majora=majora)) == {VIEW: "adopted"}
    assert majora.spent == []
    assert stored(setup)[VIEW]["refresh_token"] == "new-refresh-7"
    assert not journal_path(machine, setup.tokens_file).exists()


RESCUES = [
    # what is in the file now, whether the rescued token is taken
    ({VIEW: entry()}, True),
    ({VIEW: entry(expires_at=NOW + 99999)}, True),
    ({VIEW: entry(refresh_token="another", expires_at=NOW + 5)}, False),
    ({}, True),
]


@pytest.mark.parametrize(("now", "taken"), RESCUES)
def test_a_rescued_token_is_taken_by_the_token_that_was_spent(
    machine: Machine, setup: Setup, have: Have, now: dict[str, Any], taken: bool
) -> None:
    have(**{VIEW: entry(), READ: entry(READ)})

    def meanwhile() -> Any:
        setup.tokens_file.unlink()
        setup.tokens_file.mkdir()
        return granted(7)

    refresh(machine, setup, scopes=[VIEW], majora=server(machine, {"refresh-fact": [meanwhile]}))
    setup.tokens_file.rmdir()
    have(**{READ: entry(READ), **now})
    refresh(machine, setup, scopes=[READ], majora=server(machine))
    assert (stored(setup).get(VIEW, {}).get("refresh_token") == "new-refresh-7") == taken


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_signals_while_an_answer_is_under_way_lose_nothing(
    machine: Machine, setup: Setup, have: Have, number: signal.Signals
) -> None:
    have(**{VIEW: entry(), READ: entry(READ)})

    def hung_up() -> Any:
        for _ in range(3):
            os.kill(os.getpid(), number)
        return granted(3)

    def broken(words: str) -> None:
        raise BrokenPipeError

    script = {"refresh-fact": [hung_up]}
    before = signal.signal(number, signal.default_int_handler)
    try:
        report = refresh(machine, setup, majora=server(machine, script), waiting=broken)
    finally:
        signal.signal(number, before)
    assert results(report)[VIEW] == "refreshed"
    assert stored(setup)[VIEW]["refresh_token"] == "new-refresh-3"


def test_a_bug_while_the_file_is_written_loses_nothing(
    machine: Machine, setup: Setup, have: Have, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a kill at that moment does: the answer is in the journal."""
    from ocarina_kit.tokens.store import Store

    have(**{VIEW: entry()})
    with monkeypatch.context() as patched:
        patched.setattr(Store, "_put", lambda self, arrivals: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            refresh(machine, setup, majora=server(machine, {"refresh-fact": [granted(5)]}))
    assert stored(setup) == {VIEW: entry()}
    majora = server(machine)
    assert results(refresh(machine, setup, majora=majora)) == {VIEW: "adopted"}
    assert stored(setup)[VIEW]["refresh_token"] == "new-refresh-5"
    # The log learns of it, so that the token stays its server's.
    assert results(refresh(machine, setup._replace(domain=OTHER), majora=majora)) == {VIEW: "other-server"}


def test_twenty_runs_at_once_spend_each_refresh_token_once(
    machine: Machine, setup: Setup, have: Have
) -> None:
    import threading
    import time

    have(**{f"s{n}": entry(f"s{n}", refresh_token=f"r{n}", expires_at=NOW - 5) for n in range(5)})
    busy = machine._replace(sleep=time.sleep, monotonic=time.monotonic)
    majora, reports = server(machine), []

    def run() -> None:
        reports.append(refresh(busy, setup, within=3600, majora=majora))

    threads = [threading.Thread(target=run) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(majora.spent) == ["r0", "r1", "r2", "r3", "r4"]
    assert all(report.exit == 0 for report in reports)
    assert len(reports) == 20


def test_more_tokens_than_can_be_sent_in_time_are_refused(machine: Machine, setup: Setup, have: Have) -> None:
    have(**{f"s{n}": entry(f"s{n}", expires_at=NOW - 5) for n in range(101)})
    majora = server(machine)
    for command in (refresh, logout):
        with pytest.raises(KitError, match="101 tokens") as raised:
            command(machine, setup, majora=majora)
        assert raised.value.id == "RFR008"
    assert majora.spent == majora.revoked == []
    assert results(refresh(machine, setup, scopes=["s5"], majora=majora)) == {"s5": "refreshed"}
