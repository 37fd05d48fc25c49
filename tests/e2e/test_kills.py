"""A command that is killed between any two of its steps leaves each file as it was or as it should be, and no lock.

By default before a few steps of each command; before every step, and at random instants, with ``-m soak``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.cli.conftest import LOOKUP, Lab
from tests.conftest import mode_of

HARNESS = Path(__file__).with_name("kill_harness.py")
OTHER = "majora2.of_another_scope"
OTHER_TOKEN = {"access_token": "of-another-scope", "expires_at": 1.5e9}
LINES = "# mine\n5 4 * * 1 /usr/bin/true\n"
KILLED = -9


class Case(NamedTuple):
    """A command that is killed. ``begin`` puts everything as it was, and gives its arguments and standard input."""

    begin: Callable[[Lab], tuple[list[str], str]]
    can_lose: bool = False
    """Whether a kill between sending and receiving can end with a token that the server has taken back."""


def old_tokens(lab: Lab, **entries: Any) -> None:
    lab.kit.write_tokens({OTHER: OTHER_TOKEN, **entries})


def begin_init(lab: Lab) -> tuple[list[str], str]:
    old_tokens(lab)
    lab.kit.write_config({**lab.config, "mine": [1, 2], "MAJORA_USER": "before"})
    given = ["--domain", lab.majora.url, "--user", lab.user.name, "--client-id", lab.app.client_id]
    return ["init", *given, "--client-secret-file", "-", "--offline", "--yes"], lab.app.client_secret


def begin_login(lab: Lab) -> tuple[list[str], str]:
    lab.kit.write_config(lab.config)
    old_tokens(lab)
    link = lab.kit.run("login", "--force", "--print-url").out.strip()
    return ["login", "--callback", "-", "--no-verify"], lab.authorize(link)


def begin_refresh(lab: Lab) -> tuple[list[str], str]:
    lab.kit.write_config(lab.config)
    old_tokens(lab, **{LOOKUP: lab.majora.grant(lab.user, lab.app, LOOKUP, age=3600)})
    return ["refresh", "--for", "lookup"], ""


def begin_schedule(lab: Lab) -> tuple[list[str], str]:
    lab.kit.write_config(lab.config)
    old_tokens(lab)
    lab.kit.crontab = LINES
    return ["schedule", "--yes"], ""


CASES = {
    "init": Case(begin_init),
    "login": Case(begin_login),
    "refresh": Case(begin_refresh, can_lose=True),
    "schedule": Case(begin_schedule),
}


def run(lab: Lab, name: str, step: int) -> dict[str, bytes]:
    """Run the command, killed before ``step``; gives what the files held before."""
    args, stdin = CASES[name].begin(lab)
    before = {path.name: path.read_bytes() for path in files(lab)}
    done = subprocess.run(
        [sys.executable, str(HARNESS), str(step), *args],
        input=stdin.encode(),
        capture_output=True,
        env={**lab.kit.env, "KIT_STEPS": str(lab.kit.home / "steps")},
        cwd=lab.kit.home,
        check=False,
    )
    assert done.returncode in (0, KILLED), done
    return before


def files(lab: Lab) -> list[Path]:
    return [path for path in (lab.kit.config, lab.kit.tokens, lab.kit.crontab_file) if path.exists()]


def check(lab: Lab, name: str, before: dict[str, bytes]) -> None:
    """Every file is complete: the old one, or one that has what was in the old one and the new part."""
    kit = lab.kit
    for path in files(lab):
        assert mode_of(path) == 0o600 or path == kit.crontab_file
    tokens = kit.read_tokens()
    assert tokens[OTHER] == OTHER_TOKEN
    if kit.config.read_bytes() != before[kit.config.name]:
        assert name == "init"
        assert kit.read_config() == {**lab.config, "mine": [1, 2]}, "not the new configuration"
    if LOOKUP in tokens and not CASES[name].can_lose:
        assert lab.majora.token_state(tokens[LOOKUP]["refresh_token"]) == "live"
    if kit.crontab:
        assert kit.crontab.startswith(LINES)
        assert kit.crontab.count("\n") in (2, 3)
    for left in kit.home.rglob("*"):  # what a kill left behind is private too
        assert (
            left.is_dir() or left in (kit.crontab_file, kit.home / "steps") or mode_of(left) in (0o600, 0o700)
        ), left


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("most", [3, pytest.param(10_000, marks=pytest.mark.soak)], ids=["few", "all"])
def test_a_kill_leaves_the_old_or_the_new(lab: Lab, name: str, most: int) -> None:
    run(lab, name, 0)
    steps = int((lab.kit.home / "steps").read_text())
    assert steps > 5, f"these are not the steps of {name}"
    # Spread over the run; its last steps change the files, so they are always among them.
    sample = (
        {round(steps * number / most) for number in range(1, most + 1)} if most < steps else set(range(steps))
    )
    for step in sorted(sample | {steps - 1} - {0}):
        before = run(lab, name, step)
        check(lab, name, before)
    # Nothing that was left behind is in the way of the next run.
    check(lab, name, run(lab, name, 0))


@pytest.mark.parametrize("number", [6, pytest.param(50, marks=pytest.mark.soak)])
def test_processes_that_write_the_configuration_at_once_lose_nothing(lab: Lab, number: int) -> None:
    kit = lab.kit
    kit.write_config({"mine": [1, 2, 3], "profile": {"there": {"MAJORA_USER": "before"}}})
    given = ["--offline", "--domain", "https://majora.example.ac.uk/"]
    kit.extra |= {"CLIENT_ID": "i9" * 20, "CLIENT_SECRET": "s3" * 64}

    def init(each: int) -> int:
        return kit.run("init", "--profile", f"p{each}", "--user", f"user{each}", *given).code

    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(init, range(number))) == {0}
    written = json.loads(kit.config.read_bytes())
    assert written["mine"] == [1, 2, 3]
    users = {name: profile["MAJORA_USER"] for name, profile in written["profile"].items()}
    assert users == {"there": "before", **{f"p{each}": f"user{each}" for each in range(number)}}
