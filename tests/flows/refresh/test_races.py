"""Many at once: processes, a client that does not lock, kills and interrupts. None of them loses a token."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.flows.refresh.conftest import HOUR, PAGS, SCOPES, VIEW, Person, result_of
from tests.flows.refresh.test_faults import QuickClock, refreshed, setup_of, system_of

from ocarina_kit.core.tokens.refresh_report import ScopeResult
from ocarina_kit.edges.disk import locks
from ocarina_kit.sandbox import Sandbox, install_standin

KILLS = int(os.environ.get("OCARINA_KIT_KILLS", "40"))
"""Runs of the kill test here; 300 by the environment, as noted in the test."""


def _spent_once(majora: Sandbox) -> None:
    assert set(majora.stats()["spent"].values()) <= {1}


Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(person: Person) -> Iterator[Start]:
    """Starts the command and comes back at once; whatever still runs at the end of the test is killed."""
    started = []

    def begin(*args: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            person.kit.command(*args),
            env=person.kit.env,
            cwd=person.kit.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def test_20_processes_race_on_one_file(person: Person, start: Start) -> None:
    person.have(VIEW, PAGS, age=30 * HOUR)
    racers = [start("refresh", "--json") for _ in range(20)]
    results = []
    for racer in racers:
        out, err = racer.communicate(timeout=90)
        assert racer.returncode == 0, err.decode()
        results += [token["result"] for token in json.loads(out)["tokens"]]
    assert set(results) <= {"refreshed", "adopted"}
    stats = person.majora.stats()
    assert set(stats["sent"].values()) == {1}
    _spent_once(person.majora)
    assert stats["refused"] == 0
    assert stats["refreshes"] == results.count("refreshed")
    assert person.alive(VIEW)
    assert person.alive(PAGS)


class Looked(QuickClock):
    """A clock that tells when it was first asked for the time: the file has been looked at, the lock not yet had."""

    def __init__(self) -> None:
        super().__init__()
        self.at = threading.Event()

    def now(self) -> float:
        self.at.set()
        return super().now()


def test_what_another_process_refreshed_while_this_one_waited_is_adopted(person: Person) -> None:
    person.have(VIEW, age=30 * HOUR)
    clock = Looked()
    with ThreadPoolExecutor(1) as pool, locks.hold(person.kit.tokens):
        waiting = pool.submit(refreshed, person, clock)
        assert clock.at.wait(20)
        new = person.grant()
        person.kit.write_tokens({VIEW: new})
    report = waiting.result(30)
    assert report.tokens[0].result is ScopeResult.ADOPTED
    assert person.majora.stats()["token_posts"] == 0
    assert person.tokens[VIEW] == new
    assert "result=adopted" in person.log()[-1]


def _until(true: Callable[[], bool], limit: float = 20.0) -> None:
    end = time.monotonic() + limit
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


@pytest.fixture(scope="session")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install_standin(tmp_path_factory.mktemp("client"), version="1.0.0")


def test_a_client_that_does_not_lock_refreshed_it_first(person: Person) -> None:
    """The server says no to the old token, and the new one arrives in the file a moment later."""
    tokens = person.have(VIEW)
    new = person.grant()
    person.majora.revoke(tokens[VIEW])
    writer = threading.Timer(0.6, lambda: person.kit.tokens.write_text(json.dumps({VIEW: new})))
    writer.start()
    report = refreshed(person, _RealClock())
    writer.join()
    assert report.tokens[0].result is ScopeResult.ADOPTED
    assert person.tokens[VIEW] == new


class _RealClock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def test_what_a_client_writes_while_we_ask_is_kept(person: Person, start: Start) -> None:
    """Only our own scope is spliced into the file as it stands right before the write."""
    tokens = person.have(VIEW, PAGS)
    added = person.grant("majora2.can_read_dataview_via_api")
    person.majora.fault("slow", seconds=1.0, after=True, times=1)
    running = start("refresh", "--scope", VIEW)
    _until(lambda: person.majora.stats()["token_posts"] == 1)
    changed = {**tokens, PAGS: person.grant(PAGS), "majora2.can_read_dataview_via_api": added}
    person.kit.tokens.write_text(json.dumps(changed))
    assert running.wait(30) == 0
    running.communicate()
    after = person.tokens
    assert {scope: after[scope] for scope in after if scope != VIEW} == {
        scope: changed[scope] for scope in changed if scope != VIEW
    }
    assert person.alive(VIEW)


def test_a_half_written_file_before_the_write_is_set_aside_and_its_holes_filled(
    person: Person, start: Start
) -> None:
    tokens = person.have(VIEW, PAGS)
    person.majora.fault("slow", seconds=1.0, after=True, times=1)
    running = start("refresh", "--scope", VIEW)
    _until(lambda: person.majora.stats()["token_posts"] == 1)
    person.kit.tokens.write_bytes(person.kit.tokens.read_bytes()[:300])
    assert running.wait(30) == 0
    running.communicate()
    assert person.alive(VIEW)
    assert person.tokens[PAGS] == tokens[PAGS]
    names = [path.name for path in (person.kit.state / "backups").iterdir()]
    assert any(name.startswith("tokens-damaged") for name in names)


def test_the_stand_in_client_and_the_kit_refresh_in_any_order(person: Person, standin: Path) -> None:
    person.have(VIEW, PAGS)
    for who in ("kit", "client", "client", "kit", "kit", "client"):
        if who == "kit":
            assert person.kit.run("refresh").code == 0
        else:
            done = subprocess.run(
                [standin, "oauth", "refresh"], env=person.kit.env, capture_output=True, check=False
            )
            assert done.returncode == 0, done.stderr
        assert person.alive(VIEW)
        assert person.alive(PAGS)
    _spent_once(person.majora)


# --- kills and interrupts


def test_a_kill_at_any_instant_never_takes_both_tokens(person: Person, start: Start) -> None:
    """SIGKILL at random instants of a refresh. Measured with OCARINA_KIT_KILLS=300; fewer in a usual run."""
    person.have(VIEW, PAGS)
    chance = random.Random(20261124)  # noqa: S311  # instants, not secrets
    began = time.monotonic()
    assert person.kit.run("refresh").code == 0
    whole = time.monotonic() - began
    hit = rescued = lost = 0
    for number in range(KILLS):
        before = person.kit.tokens.read_bytes()
        running = start("refresh")
        # Most of a run is Python's start: the last two thirds hold the lock, the requests and the writes.
        time.sleep(chance.uniform(0.3, 1.1) * whole)
        running.send_signal(signal.SIGKILL)
        running.communicate()
        hit += running.returncode == -signal.SIGKILL
        tokens = person.tokens  # whole JSON at every instant
        assert set(tokens) == {VIEW, PAGS}
        dead = [scope for scope in tokens if not person.alive(scope)]
        if dead:
            # Killed between the server's yes and the rename. The next run has the answer, if it had arrived.
            for scope in dead:
                assert tokens[scope] == json.loads(before)[scope]
            ran = person.kit.run("refresh", "--json", "--within", "9h")
            gone = [scope for scope in dead if not person.alive(scope)]
            if gone:
                # Both are gone only where the answer itself was lost on the way, and then that is said.
                lost += 1
                ran = person.kit.run("refresh", "--json")
                assert ran.code == 4, (number, repr(ran))
                assert {result_of(ran, scope) for scope in gone} == {"lost"}
                assert "answer that held the new one was lost" in ran.json["error"]["what"]
                person.have(VIEW, PAGS)
            else:
                rescued += 1
                assert ran.code == 0, (number, repr(ran))
    _spent_once(person.majora)
    print(f"{KILLS} runs, {hit} killed midway; answers taken in by the next run: {rescued}, lost: {lost}")
    assert hit > KILLS // 3
    assert person.kit.run("refresh").code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_lets_the_answer_under_way_be_saved(
    person: Person, start: Start, number: signal.Signals
) -> None:
    person.have(*SCOPES[:3])
    person.majora.fault("slow", seconds=1.0, after=True)
    running = start("refresh")
    _until(lambda: person.majora.stats()["token_posts"] == 3)
    running.send_signal(number)
    out, err = running.communicate(timeout=30)
    # All were under way, so all are done: nothing was interrupted.
    assert running.returncode == 0, err.decode()
    assert b"Finishing what is under way" in out
    for scope in SCOPES[:3]:
        assert person.alive(scope)


def test_an_interrupt_between_attempts_stops_there(person: Person, start: Start) -> None:
    tokens = person.have(VIEW, PAGS)
    person.majora.fault(
        "status", status=429, token=tokens[VIEW]["refresh_token"], headers={"Retry-After": "40"}
    )
    running = start("refresh", "--json")
    _until(lambda: person.majora.stats()["refreshes"] == 1)
    time.sleep(0.3)
    running.send_signal(signal.SIGTERM)
    out, err = running.communicate(timeout=10)
    assert running.returncode == 130, err.decode()
    document = json.loads(out)
    assert document["error"]["id"] == "INT001"
    assert [token["result"] for token in document["tokens"]] == ["network", "refreshed"]
    assert person.alive(VIEW)
    assert person.alive(PAGS)


def test_an_interrupt_while_it_waits_for_the_lock_does_nothing(person: Person, start: Start) -> None:
    person.have(VIEW)
    before = person.kit.tokens.read_bytes()
    with locks.hold(person.kit.tokens):
        waiting = start("refresh")
        time.sleep(2)  # it has long started, and has nothing to do but wait
        waiting.send_signal(signal.SIGINT)
        waiting.communicate(timeout=10)
    assert waiting.returncode == 130
    assert person.kit.tokens.read_bytes() == before
    assert person.majora.requests == []


# --- where it cannot lock or write


def test_where_the_file_system_cannot_lock_nothing_is_spent(person: Person) -> None:
    person.have(VIEW)
    program = (
        "import errno, fcntl, runpy, sys\n"
        "def refuse(*_): raise OSError(errno.ENOLCK, 'No locks available')\n"
        "fcntl.flock = refuse\n"
        "sys.argv = ['ocarina-kit', 'refresh', '--json']\n"
        "runpy.run_module('ocarina_kit', run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=person.kit.env, capture_output=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["error"]["id"] == "LCK001"
    assert person.majora.requests == []


def test_a_lock_that_is_held_for_long_is_said(person: Person) -> None:
    from ocarina_kit.flows.refresh import refresh_tokens

    person.have(VIEW)
    with locks.hold(person.kit.tokens), pytest.raises(locks.LockTimeoutError):
        refresh_tokens(system_of(person), setup_of(person), lock_timeout=0.2)
    assert person.majora.requests == []
