"""What a red team broke, through the real command: terminals, slow servers, output, races (see also
test_red_team_secrets.py)."""

from __future__ import annotations

import fcntl
import json
import os
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

PUBLISHED = "majora2.temp_can_read_pags_via_api"
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


@pytest.mark.parametrize(
    "signals", [[], [signal.SIGHUP], [signal.SIGHUP] * 2, [signal.SIGHUP, signal.SIGTERM]]
)
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
    pytest.param(2, 0, id="2 s"),
    pytest.param(2, 3, id="2 s, stopped for 3 s"),
    pytest.param(22, 0, id="22 s", marks=soak),
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


# --- 13.5: output that fails, a deleted working folder, no more processes ---------------------------------------------

OUTPUTS = {
    "a full disk": (">/dev/full", {1}),
    "both on a full disk": (">/dev/full 2>&1", {1}),
    "standard output closed": (">&-", {1}),
    "standard error closed": ("2>&-", {0, 1}),
    "a pipe that nobody reads": ("| true", {0}),
}


@pytest.mark.parametrize("words", ["status", "status --json", "--version", "--help", "status --help"])
@pytest.mark.parametrize("how", OUTPUTS)
def test_output_that_fails(lab: Lab, words: str, how: str) -> None:
    lab.give(LOOKUP)
    redirect, codes = OUTPUTS[how]
    line = f'cd "$HOME"; "$@" {words} {redirect}'
    argv = ["bash", "-c", line, "bash", *lab.kit.command()]
    ran = subprocess.run(argv, env=lab.kit.env, capture_output=True, text=True, check=False)
    assert ran.returncode in codes, ran
    assert "Traceback" not in ran.stdout + ran.stderr
    assert list(lab.kit.home.rglob("*crash*")) == []


def test_a_refresh_saves_although_its_output_fails(lab: Lab) -> None:
    before = lab.give(LOOKUP, age=3600)
    argv = ["sh", "-c", '"$@" >/dev/full 2>&1', "sh", *lab.kit.command("refresh", "--json")]
    assert subprocess.run(argv, env=lab.kit.env, cwd=lab.kit.home, check=False).returncode == 1
    assert is_saved(lab, before)


@pytest.mark.parametrize(
    "words", [["status"], ["refresh"], ["schedule", "--print"], ["doctor", "--offline"]], ids=" ".join
)
def test_a_working_folder_that_was_deleted(lab: Lab, words: list[str]) -> None:
    lab.give(LOOKUP, age=3600)
    line = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"'
    argv = ["sh", "-c", line, "sh", *lab.kit.command(*words)]
    ran = subprocess.run(argv, env=lab.kit.env, cwd=lab.kit.home, capture_output=True, text=True, check=False)
    assert "Traceback" not in ran.stderr
    assert ran.returncode in ((0, 1) if words[0] == "doctor" else (0,)), ran


@pytest.mark.skipif(
    os.geteuid() != 0, reason="needs root: the limit does not hold for one's own processes here"
)
def test_no_more_processes_is_said(lab: Lab) -> None:
    before = lab.give(LOOKUP, age=3600)
    for path in (lab.kit.home, lab.kit.config, lab.kit.tokens):
        os.chown(path, 54_321, 54_321)
    # Root is exempt from the limit; another user may read the interpreter only with this capability.
    may_read = "-all,+dac_override,+dac_read_search"
    argv = [
        *("setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"),
        *(f"--inh-caps={may_read}", f"--ambient-caps={may_read}"),
        *("prlimit", "--nproc=1", *lab.kit.command("refresh")),
    ]
    ran = subprocess.run(argv, env=lab.kit.env, cwd=lab.kit.home, capture_output=True, text=True, check=False)
    assert ran.returncode == 1, ran
    assert ran.stderr.startswith("error: "), ran
    assert "limit" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert lab.majora.token_state(before[LOOKUP]["refresh_token"]) == "live", "nothing was sent"


# --- 13.7 and 13.8: a token that could not be written; a write of the client meanwhile --------------------------------


def refresh_while(lab: Lab, act: Any) -> Any:
    """Run ``refresh --json``, and ``act`` while its answer is under way."""
    begin_slowly(lab, 2)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(lab.kit.run, "refresh", "--json")
        until(lambda: asked(lab, "refresh_token"), "the token is sent")
        act()
        return running.result()


@pytest.fixture
def rescued(lab: Lab) -> dict[str, Any]:
    """A refresh whose new token could not be written: a folder was in the file's place. Gives the old tokens."""
    before = lab.give(LOOKUP, age=3600)

    def block() -> None:
        lab.kit.tokens.unlink()
        (lab.kit.tokens / "x").mkdir(parents=True)

    ran = refresh_while(lab, block)
    assert ran.code == 1, ran
    assert ran.json["tokens"][0]["result"] == "rescued", ran
    (lab.kit.tokens / "x").rmdir()
    lab.kit.tokens.rmdir()
    return before


def test_a_rescued_token_replaces_the_one_that_was_spent_for_it(lab: Lab, rescued: dict[str, Any]) -> None:
    rescued[LOOKUP]["expires_at"] = time.time() + 365 * 86_400  # later than that of the rescued one
    lab.kit.write_tokens(rescued)
    assert lab.kit.run("refresh", "--within", "1s").code == 0
    assert is_saved(lab, rescued)


def test_a_rescued_token_replaces_no_other(lab: Lab, rescued: dict[str, Any]) -> None:
    other = lab.give(
        LOOKUP, age=18_000
    )  # expires earlier than the rescued one, but somebody has put it there
    assert lab.kit.run("refresh", "--within", "1s").code == 0
    assert lab.kit.read_tokens() == other


def test_a_write_of_the_client_during_a_refresh_stays(lab: Lab) -> None:
    before = lab.give(LOOKUP, age=3600)
    added = lab.majora.grant(lab.user, lab.app, PUBLISHED)
    ran = refresh_while(lab, lambda: lab.kit.tokens.write_text(json.dumps({**before, PUBLISHED: added})))
    assert ran.code == 0, ran
    assert is_saved(lab, before)
    assert lab.kit.read_tokens()[PUBLISHED] == added


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
@pytest.mark.parametrize("words", [["status"], ["doctor", "--offline", "--timeout", "60"]], ids=" ".join)
def test_files_of_a_hostile_size_end_in_words(lab: Lab, harm: Any, words: list[str]) -> None:
    """How long it takes is measured by tests/bench/limits.py."""
    lab.give(LOOKUP)
    harm(lab.kit)
    ran = lab.kit.run(*words, "--json")
    assert ran.code in (0, 1, 4), ran.err
    assert ran.json["exit"] == ran.code
