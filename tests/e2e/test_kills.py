"""A command that is killed between two steps leaves each file complete, and no lock.

Each file is as it was, or as it should be. By default a command is killed before a few
of its steps; with ``-m soak`` before every step, and at random instants.
"""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import LOOKUP, Lab
from tests.conftest import mode_of

HARNESS = Path(__file__).with_name("kill_harness.py")
OTHER = "majora2.of_another_scope"
OTHER_TOKEN = {"access_token": "of-another-scope", "expires_at": 1.5e9}
LINES = "# mine\n5 4 * * 1 /usr/bin/true\n"


def begin(lab: Lab, command: str) -> tuple[list[str], str]:
    """Put everything as it was before the command.

    Gives that one's arguments and standard input.
    """
    kit, others = lab.kit, {OTHER: OTHER_TOKEN}
    kit.write_config(lab.config)
    kit.write_tokens(others)
    match command:
        case "init":
            kit.write_config({**lab.config, "mine": [1, 2], "MAJORA_USER": "before"})
            given = [
                "--domain",
                lab.majora.url,
                "--user",
                lab.user.name,
                "--client-id",
                lab.app.client_id,
            ]
            return [
                "init",
                *given,
                "--client-secret-file",
                "-",
                "--offline",
                "--yes",
            ], lab.app.client_secret
        case "login":
            link = kit.run("login", "--force", "--print-url").out.strip()
            return ["login", "--callback", "-", "--no-verify"], lab.authorize(link)
        case "refresh":
            kit.write_tokens(
                {
                    **others,
                    LOOKUP: lab.majora.grant(lab.user, lab.app, LOOKUP, age=3600),
                }
            )
            return ["refresh", "--for", "lookup"], ""
        case _:
            kit.crontab = LINES
            return ["schedule", "--yes"], ""


def run(lab: Lab, command: str, step: int) -> None:
    """Run the command, killed before ``step``, and check what the files hold.

    Step 0 means that it is not killed.
    """
    kit = lab.kit
    args, stdin = begin(lab, command)
    before = kit.config.read_bytes()
    done = subprocess.run(
        [sys.executable, str(HARNESS), str(step), *args],
        input=stdin.encode(),
        capture_output=True,
        env={**kit.env, "KIT_STEPS": str(kit.home / "steps")},
        cwd=kit.home,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done
    # Every file is complete: the old one, or one that has what was in the old one and
    # the new part.
    if kit.config.read_bytes() != before:
        assert command == "init"
        assert kit.read_config() == {**lab.config, "mine": [1, 2]}, (
            "not the new configuration"
        )
    tokens = kit.read_tokens()
    assert tokens[OTHER] == OTHER_TOKEN
    # A kill between sending and receiving can end with a token that the server has
    # taken back.
    if LOOKUP in tokens and command != "refresh":
        assert lab.majora.token_state(tokens[LOOKUP]["refresh_token"]) == "live"
    if kit.crontab:
        assert kit.crontab.startswith(LINES)
        assert kit.crontab.count("\n") in (2, 3)
    # What a kill left behind is private too.
    others = {
        kit.crontab_file,
        kit.home / "steps",
        *(path for path in kit.home.rglob("*") if path.is_dir()),
    }
    assert {mode_of(path) for path in {*kit.home.rglob("*")} - others} <= {0o600, 0o700}


@pytest.mark.parametrize("command", ["init", "login", "refresh", "schedule"])
@pytest.mark.parametrize(
    "most", [3, pytest.param(10_000, marks=pytest.mark.soak)], ids=["few", "all"]
)
def test_a_kill_leaves_the_old_or_the_new(lab: Lab, command: str, most: int) -> None:
    run(lab, command, 0)
    steps = int((lab.kit.home / "steps").read_text())
    assert steps > 5, f"these are not the steps of {command}"
    # Spread over the run; its last steps change the files, so the last one is always
    # among them.
    every = max(steps // most, 1)
    for step in sorted({*range(every, steps, every), steps - 1}):
        run(lab, command, step)
    run(lab, command, 0)  # nothing that was left behind is in the way of the next run
