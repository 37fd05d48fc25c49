"""What a red team broke, through the real command: terminals, slow servers, output, races (see also
test_red_team_secrets.py)."""

from __future__ import annotations

import fcntl
import json
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import LINK, LOOKUP, Lab
from tests.conftest import Kit
from tests.e2e.conftest import until
from tests.terminal import CTRL_C, Screen

soak = pytest.mark.soak


def asked(lab: Lab, grant_type: str) -> int:
    """How often the token endpoint was asked for this."""
    return sum(seen.grant_type == grant_type for seen in lab.majora.requests)


def begin_slowly(lab: Lab, seconds: float, grant_type: str = "refresh_token") -> None:
    """The server takes the token at once, and answers ``seconds`` later."""
    lab.majora.clear_requests()
    lab.majora.fault("slow", seconds=seconds, after=True, grant_type=grant_type)


def is_saved(lab: Lab, before: dict[str, Any] | None = None) -> bool:
    """Whether the file holds a complete pair that the server still takes, and that is not the one from ``before``."""
    try:
        entry = lab.kit.read_tokens()[LOOKUP]
    except (OSError, ValueError, KeyError):
        return False
    is_new = before is None or entry["refresh_token"] != before[LOOKUP]["refresh_token"]
    return is_new and lab.majora.token_state(entry["refresh_token"]) == "live"


# --- 13.1: closing the terminal loses no token ------------------------------------------------------------------------


@pytest.mark.parametrize("signals", [[], [signal.SIGHUP, signal.SIGTERM]])
def test_a_terminal_that_closes_during_a_refresh(lab: Lab, signals: list[signal.Signals]) -> None:
    before = lab.give(LOOKUP, age=3600)
    begin_slowly(lab, 2)
    with lab.screen("refresh") as screen:
        until(lambda: asked(lab, "refresh_token"), "the token is sent")
        screen.hang_up()
        for number in signals:
            screen.signal(number)
        assert screen.wait() in (0, 1, 130)
    assert is_saved(lab, before)
    assert lab.kit.run("refresh", "--dry-run").code == 0


def test_ctrl_c_twice_with_the_output_in_a_pipe(lab: Lab, tmp_path: Path) -> None:
    before = lab.give(LOOKUP, age=3600)
    begin_slowly(lab, 2)
    line = f'"$@" --json 2>&1 | tee {tmp_path}/log'
    argv = ["bash", "-c", line, "bash", *lab.kit.command("refresh")]
    with Screen(argv, env=lab.kit.env, cwd=lab.kit.home, secrets=lab.kit.secrets) as screen:
        until(lambda: asked(lab, "refresh_token"), "the token is sent")
        screen.send(CTRL_C)
        screen.send(CTRL_C)
        until(lambda: is_saved(lab, before), "the new token is saved")
        screen.wait()


def test_a_terminal_that_closes_during_a_login(lab: Lab) -> None:
    begin_slowly(lab, 2, "authorization_code")
    with lab.screen("login", "--for", "lookup") as screen:
        address = lab.authorize(screen.expect(LINK, regex=True))
        screen.expect("> ")
        screen.paste(address + "\n")
        until(lambda: asked(lab, "authorization_code"), "the code is sent")
        screen.hang_up()
        assert screen.wait() in (0, 1, 130)
    assert is_saved(lab)


# --- 13.2: a slow server costs nothing --------------------------------------------------------------------------------

SLOW = [
    pytest.param(2, 3, id="2 s, stopped for 3 s"),
    pytest.param(50, 0, id="50 s", marks=soak),
    pytest.param(2, 70, id="2 s, stopped for 70 s", marks=soak),
]


@pytest.mark.parametrize(("seconds", "stopped"), SLOW)
def test_an_answer_under_way_is_waited_for_and_not_asked_for_twice(
    lab: Lab, seconds: int, stopped: int
) -> None:
    before = lab.give(LOOKUP, age=3600)
    begin_slowly(lab, seconds)
    with lab.screen("refresh") as screen:
        until(lambda: asked(lab, "refresh_token"), "the token is sent")
        if stopped:
            screen.signal(signal.SIGSTOP)
            time.sleep(stopped)
            screen.signal(signal.SIGCONT)
        screen.expect("Waiting for Majora")
        assert screen.wait() == 0
    assert is_saved(lab, before)
    assert asked(lab, "refresh_token") == 1


# --- 13.3: two schedules at once --------------------------------------------------------------------------------------


@pytest.mark.parametrize("tries", [3, pytest.param(25, marks=soak)])
def test_two_schedules_at_once_are_both_in_the_crontab(lab: Lab, tries: int) -> None:
    kit, others = lab.kit, "# mine\n5 4 * * 1 /usr/bin/true\n"
    profiles = {name: {"MAJORA_TOKENS_FILE": f"~/tokens-{name}"} for name in ("one", "two")}
    kit.write_config({**lab.config, "profile": profiles})
    for _ in range(tries):
        kit.crontab = others
        with ThreadPoolExecutor(2) as pool:
            ran = list(pool.map(lambda name: kit.run("schedule", "--yes", "--profile", name), profiles))
        assert [each.code for each in ran] == [0, 0], ran
        crontab = kit.crontab or ""
        assert crontab.startswith(others)
        marks = sorted(line.rpartition("# ocarina-kit ")[2] for line in crontab.splitlines()[2:])
        assert marks == ["one", "two"], crontab


# --- 13.5: output that fails ------------------------------------------------------------------------------------------


def test_a_refresh_saves_although_its_output_fails(lab: Lab) -> None:
    before = lab.give(LOOKUP, age=3600)
    argv = ["sh", "-c", '"$@" >/dev/full 2>&1', "sh", *lab.kit.command("refresh", "--json")]
    assert subprocess.run(argv, env=lab.kit.env, cwd=lab.kit.home, check=False).returncode == 1
    assert is_saved(lab, before)


# --- 13.10: limits ----------------------------------------------------------------------------------------------------


def test_waiting_for_a_lock_is_said(lab: Lab) -> None:
    lab.give(LOOKUP, age=3600)
    with (lab.kit.home / ".ocarina-tokens.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with lab.screen("refresh") as screen:
            screen.expect("Waiting for ~/.ocarina-tokens")
            fcntl.flock(lock, fcntl.LOCK_UN)
            screen.expect("refreshed look up samples")
            assert screen.wait() == 0


def many_settings(kit: Kit) -> None:
    kit.config.write_text(json.dumps({f"SETTING_{number}": "x" for number in range(300_000)}))


def many_tokens(kit: Kit) -> None:
    token = {"access_token": "a" * 30, "refresh_token": "r" * 30, "expires_in": 36_000, "expires_at": 1e9}
    scopes = [f"majora2.scope{number}" for number in range(20_000)]
    kit.write_tokens({scope: {**token, "scope": [scope]} for scope in scopes})


def long_line(kit: Kit) -> None:
    kit.crontab = f"0 * * * * ocarina oauth refresh {'x' * 100_000}\n"


@pytest.mark.parametrize("harm", [many_settings, many_tokens, long_line])
def test_files_of_a_hostile_size_end_in_words(lab: Lab, harm: Any) -> None:
    lab.give(LOOKUP)
    harm(lab.kit)
    ran = lab.kit.run("doctor", "--offline", "--timeout", "60", "--json", timeout=120)
    assert ran.code in (0, 1, 4), ran.err
    assert ran.json["exit"] == ran.code
