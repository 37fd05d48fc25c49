"""What a red team broke, through the real command.

Terminals, slow servers, several at once, output (see also test_red_team_secrets.py).
"""

import fcntl
import json
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import LINK, LOOKUP, Lab
from tests.conftest import until
from tests.terminal import CTRL_C, Screen

soak = pytest.mark.soak


def asked(lab: Lab, grant_type: str = "refresh_token") -> int:
    """How often the token endpoint was asked for this."""
    return sum(seen.grant_type == grant_type for seen in lab.majora.requests)


def begin_slowly(lab: Lab, seconds: float, grant_type: str = "refresh_token") -> None:
    """The server takes the token at once, and answers ``seconds`` later."""
    lab.majora.clear_requests()
    lab.majora.fault("slow", seconds=seconds, after=True, grant_type=grant_type)


def is_saved(lab: Lab, before: dict[str, Any]) -> bool:
    """Whether the file holds a complete new pair that the server accepts."""
    try:
        entry = lab.kit.read_tokens()[LOOKUP]
    except (OSError, ValueError, KeyError):
        return False
    is_new = entry["refresh_token"] != before.get(LOOKUP, {}).get("refresh_token")
    return is_new and lab.majora.token_state(entry["refresh_token"]) == "live"


@pytest.mark.parametrize("command", ["refresh", "login"])
@pytest.mark.parametrize("signals", [[], [signal.SIGHUP, signal.SIGTERM]])
def test_a_terminal_that_closes(
    lab: Lab, command: str, signals: list[signal.Signals]
) -> None:
    refreshes = command == "refresh"
    before = lab.give(LOOKUP, age=3600) if refreshes else {}
    grant_type = "refresh_token" if refreshes else "authorization_code"
    begin_slowly(lab, 2, grant_type)
    with lab.screen(command, "--for", "lookup") as screen:
        if not refreshes:
            address = lab.authorize(screen.expect(LINK, regex=True))
            screen.expect("> ")
            screen.paste(address + "\n")
        until(lambda: asked(lab, grant_type), "the token is sent")
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
    with Screen(
        argv, env=lab.kit.env, cwd=lab.kit.home, secrets=lab.kit.secrets
    ) as screen:
        until(lambda: asked(lab), "the token is sent")
        screen.send(CTRL_C + CTRL_C)
        until(lambda: is_saved(lab, before), "the new token is saved")
        screen.wait()


@pytest.mark.parametrize(
    ("seconds", "stopped"),
    [(2, 3), pytest.param(50, 0, marks=soak), pytest.param(2, 70, marks=soak)],
)
def test_an_answer_under_way_is_waited_for_and_not_asked_for_twice(
    lab: Lab, seconds: int, stopped: int
) -> None:
    before = lab.give(LOOKUP, age=3600)
    begin_slowly(lab, seconds)
    with lab.screen("refresh") as screen:
        until(lambda: asked(lab), "the token is sent")
        if stopped:
            screen.signal(signal.SIGSTOP)
            time.sleep(stopped)
            screen.signal(signal.SIGCONT)
        screen.expect("Waiting for Majora")
        assert screen.wait() == 0
    assert is_saved(lab, before)
    assert asked(lab) == 1


@pytest.mark.parametrize("tries", [3, pytest.param(25, marks=soak)])
def test_two_schedules_at_once_are_both_in_the_crontab(lab: Lab, tries: int) -> None:
    kit, others = lab.kit, "# mine\n5 4 * * 1 /usr/bin/true\n"
    profiles = {
        name: {"MAJORA_TOKENS_FILE": f"~/tokens-{name}"} for name in ("one", "two")
    }
    kit.write_config({**lab.config, "profile": profiles})
    for _ in range(tries):
        kit.crontab = others
        with ThreadPoolExecutor(2) as pool:
            ran = list(
                pool.map(
                    lambda name: kit.run("schedule", "--yes", "--profile", name),
                    profiles,
                )
            )
        assert [outcome.code for outcome in ran] == [0, 0], ran
        crontab = kit.crontab or ""
        assert crontab.startswith(others)
        marks = sorted(
            line.rpartition("# ocarina-kit ")[2] for line in crontab.splitlines()[2:]
        )
        assert marks == ["one", "two"], crontab


@pytest.mark.parametrize("number", [6, pytest.param(16, marks=soak)])
def test_refreshes_at_once_spend_each_refresh_token_once(lab: Lab, number: int) -> None:
    scopes = (LOOKUP, "majora2.view_majoraartifact_info")
    before = lab.give(*scopes)
    lab.has_expired()
    known = lab.majora.stats()["spent"]
    with ThreadPoolExecutor(number) as pool:
        codes = list(
            pool.map(
                lambda _: lab.kit.run("refresh", "--within", "9h").code, range(number)
            )
        )
    assert codes == [0] * number
    spent = [
        times
        for token, times in lab.majora.stats()["spent"].items()
        if token not in known
    ]
    assert spent == [1, 1]
    after = lab.kit.read_tokens()
    for scope in scopes:
        assert after[scope]["refresh_token"] != before[scope]["refresh_token"]
        assert lab.state(scope) == "live"


@pytest.mark.parametrize("number", [6, pytest.param(50, marks=soak)])
def test_processes_that_write_the_configuration_at_once_lose_nothing(
    lab: Lab, number: int
) -> None:
    kit = lab.kit
    kit.write_config(
        {"mine": [1, 2, 3], "profile": {"there": {"MAJORA_USER": "before"}}}
    )
    given = ["--offline", "--domain", "https://majora.example.ac.uk/"]
    kit.extra |= {"CLIENT_ID": "i9" * 20, "CLIENT_SECRET": "s3" * 64}

    def init(index: int) -> int:
        return kit.run(
            "init", "--profile", f"p{index}", "--user", f"user{index}", *given
        ).code

    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(init, range(number))) == {0}
    written = kit.read_config()
    assert written["mine"] == [1, 2, 3]
    users = {
        name: profile["MAJORA_USER"] for name, profile in written["profile"].items()
    }
    assert users == {
        "there": "before",
        **{f"p{index}": f"user{index}" for index in range(number)},
    }


def test_waiting_for_a_lock_is_said(lab: Lab) -> None:
    lab.give(LOOKUP, age=3600)
    with (lab.kit.home / ".ocarina-tokens.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with lab.screen("refresh") as screen:
            screen.expect("Waiting for ~/.ocarina-tokens")
            fcntl.flock(lock, fcntl.LOCK_UN)
            screen.expect("refreshed look up samples")
            assert screen.wait() == 0


HOSTILE = {
    ".ocarina": lambda: json.dumps(
        {f"SETTING_{number}": "x" for number in range(300_000)}
    ),
    ".ocarina-tokens": lambda: json.dumps(
        {f"majora2.scope{number}": TOKEN for number in range(20_000)}
    ),
    "spool-crontab": lambda: f"0 * * * * ocarina oauth refresh {'x' * 100_000}\n",
}
TOKEN = {
    "access_token": "a" * 30,
    "refresh_token": "r" * 30,
    "expires_in": 36_000,
    "expires_at": 1e9,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_files_of_a_hostile_size_end_in_words(lab: Lab, name: str) -> None:
    lab.give(LOOKUP)
    (lab.kit.home / name).write_text(HOSTILE[name]())
    ran = lab.kit.run("doctor", "--offline", "--timeout", "60", "--json", timeout=120)
    assert ran.json["exit"] == ran.code in (0, 1, 4), ran.err
