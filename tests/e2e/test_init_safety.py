"""``init`` under kills and side by side: the old file or the new one, and nothing of anybody's is lost.

1,000 kills of the write itself are in tests/edges/disk/test_writes.py; here it is the whole command.
"""

from __future__ import annotations

import json
import random
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from ocarina_kit.core.config.document import ConfigDocument

if TYPE_CHECKING:
    from tests.conftest import Kit

SECRET = "s3" * 64
VARIABLES = {"CLIENT_ID": "i9" * 20, "CLIENT_SECRET": SECRET}
GIVEN = ("--offline", "--domain", "https://majora.example.ac.uk/")


def test_50_processes_that_write_at_once_lose_nothing(kit: Kit) -> None:
    kit.write_config({"mine": [1, 2, 3], "profile": {"there": {"MAJORA_USER": "before"}}})
    kit.extra.update(VARIABLES)

    def init(number: int) -> int:
        return kit.run("init", "--profile", f"p{number}", "--user", f"user{number}", *GIVEN, timeout=110).code

    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(init, range(50))) == {0}
    written = kit.read_config()
    assert written["mine"] == [1, 2, 3]
    profiles = written["profile"]
    assert profiles.pop("there") == {"MAJORA_USER": "before"}
    assert {name: profile["MAJORA_USER"] for name, profile in profiles.items()} == {
        f"p{number}": f"user{number}" for number in range(50)
    }
    assert kit.config.stat().st_mode & 0o777 == 0o600


def test_a_kill_at_any_instant_leaves_the_old_file_or_the_new_one(kit: Kit) -> None:
    whole = {f"user{number}": b"" for number in range(2)}
    for user in whole:
        kit.run("init", "--user", user, *GIVEN, env=VARIABLES)
        whole[user] = kit.config.read_bytes()
    environ = {**kit.env, **VARIABLES}
    began = time.monotonic()
    kit.run("init", "--user", "user0", *GIVEN, env=VARIABLES)
    usual = time.monotonic() - began
    killed = finished = 0
    rng = random.Random(7)  # noqa: S311  # instants, no secrets
    while killed < 60:
        process = subprocess.Popen(
            kit.command("init", "--user", f"user{(killed + finished) % 2}", *GIVEN),
            env=environ,
            cwd=kit.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        # The write is in the last part of the run.
        time.sleep(usual * rng.uniform(0.4, 1.0))
        process.kill()
        if process.wait() == 0:
            finished += 1
        else:
            killed += 1
        assert kit.config.read_bytes() in whole.values()
        assert kit.config.stat().st_mode & 0o777 == 0o600
        assert finished < 400
    for left in kit.home.glob("*.tmp"):  # what a kill left behind is private too
        assert left.stat().st_mode & 0o777 == 0o600
    assert kit.run("init", "--user", "after", *GIVEN, env=VARIABLES).code == 0
    assert isinstance(ConfigDocument.parse(kit.config.read_bytes()), ConfigDocument)
    assert json.loads(kit.config.read_bytes())["MAJORA_USER"] == "after"
