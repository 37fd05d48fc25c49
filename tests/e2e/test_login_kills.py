"""A login that is killed between any two of its steps leaves the old tokens file or the new one, and no lock."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import Kit

from ocarina_kit.sandbox import Sandbox

HARNESS = Path(__file__).with_name("kill_harness.py")
LOOKUP = "majora2.view_biosampleartifact"
OTHER = '"majora2.other" : {"access_token":"of-another-scope", "expires_at": 1.5e9}'
SIGKILLED = -9


@pytest.fixture(scope="module")
def majora() -> Iterator[Sandbox]:
    with Sandbox.start() as running:
        yield running


def test_a_kill_before_any_step_leaves_the_old_file_or_the_new_one(kit: Kit, majora: Sandbox) -> None:
    user = majora.add_user("kill")
    app = majora.add_application(user)
    kit.secrets.add(app.client_secret)
    kit.write_config(
        {
            "MAJORA_DOMAIN": majora.url,
            "MAJORA_USER": user.name,
            "MAJORA_TOKEN": "OAUTH",
            "CLIENT_ID": app.client_id,
            "CLIENT_SECRET": app.client_secret,
        }
    )
    counted = kit.home / "steps"
    old = "{\n  " + OTHER + "\n}\n"

    def run(step: int) -> int:
        kit.tokens.write_text(old)
        kit.tokens.chmod(0o600)
        link = kit.run("login", "--force", "--print-url").out.strip()
        done = subprocess.run(
            [sys.executable, str(HARNESS), str(step), "login", "--callback", "-", "--no-verify"],
            input=majora.authorize(user, link).encode(),
            capture_output=True,
            env={**kit.env, "KIT_STEPS": str(counted)},
            cwd=kit.home,
            check=False,
            timeout=60,
        )
        assert done.returncode in (0, SIGKILLED), done.stderr.decode()
        return done.returncode

    assert run(0) == 0
    steps = int(counted.read_text())
    assert steps > 15, "these are not the steps of a login"
    outcomes = set()
    for step in range(1, steps + 1):
        if run(step) == 0:  # the number of steps may vary by one or two: a request more or less
            continue
        text = kit.tokens.read_text()
        assert OTHER in text
        entry = json.loads(text).get(LOOKUP)
        outcomes.add(entry is not None)
        if entry is None:
            assert text == old
        else:
            assert majora.token_state(entry["access_token"]) == "live"
    assert outcomes == {True, False}
    # Nothing that was left behind stands in the way of the next one.
    link = kit.run("login", "--print-url", "--force").out.strip()
    assert kit.run("login", "--callback", "-", stdin=majora.authorize(user, link)).code == 0
