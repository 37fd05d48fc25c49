"""How long a refresh takes: ten scopes side by side, beside the client's way; and a file of a hundred scopes.

    python tests/bench/refresh.py            measures, prints, and exits 1 where a budget is not kept

Each number is the least of several runs of the whole command, each in a process of its own, taken in turn.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness import command

from ocarina_kit.client.scopes import PURPOSES
from ocarina_kit.sandbox import install_standin

ROUND_TRIP = 0.2
"""Seconds that the server takes to answer."""
TEN_WITHIN = 1.5
"""Round trips of one request that ten scopes may take: half a one more than one scope."""
HUNDRED_WITHIN = 2.0
"""Refreshing one due scope of a hundred, beside a file that holds just that one."""
LINEAR_WITHIN = 1.25
"""How much more than twice as long twice as many scopes may take."""


@contextmanager
def server(seconds: float) -> Iterator[str]:
    script = Path(__file__).with_name("token_server.py")
    process = subprocess.Popen([sys.executable, script, str(seconds)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


class Home:
    """A home with a set-up for ``url``."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        members = {
            "MAJORA_DOMAIN": url,
            "MAJORA_USER": "bench",
            "MAJORA_TOKEN": "OAUTH",
            "CLIENT_ID": "c" * 40,
            "CLIENT_SECRET": "s" * 128,
        }
        (folder / ".ocarina").write_text(json.dumps(members))
        (folder / ".ocarina").chmod(0o600)

    @property
    def env(self) -> dict[str, str]:
        return {"HOME": str(self.folder), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}

    def have(self, scopes: list[str], *, due: int | None = None) -> None:
        """Tokens for these scopes; the first ``due`` of them expire in a minute, the others in nine hours."""
        tokens = {
            scope: _token(scope, 60 if due is None or number < due else 9 * 3600)
            for number, scope in enumerate(scopes)
        }
        (self.folder / ".ocarina-tokens").write_text(json.dumps(tokens))
        (self.folder / ".ocarina-tokens").chmod(0o600)

    def timed(self, argv: list[str]) -> float:
        began = time.perf_counter()
        done = subprocess.run(
            argv, env=self.env, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        took = time.perf_counter() - began
        if done.returncode != 0:
            raise RuntimeError(f"{argv}: exit {done.returncode}\n{done.stderr.decode()}")
        return took


def _token(scope: str, left: float) -> dict[str, Any]:
    return {
        "access_token": os.urandom(15).hex(),
        "expires_in": 36_000,
        "token_type": "Bearer",
        "scope": scope.split(" "),
        "refresh_token": f"{scope.encode().hex()}.{os.urandom(15).hex()}",
        "expires_at": time.time() + left,
    }


def made_up(number: int) -> list[str]:
    return [f"majora2.scope_{each} majora2.other_{each}" for each in range(number)]


def ten(folder: Path, rounds: int) -> bool:
    scopes = [purpose.scope for purpose in PURPOSES[:10]]
    client = install_standin(folder / "client", version="1.0.0")
    one = all_ten = clients = float("inf")
    with server(ROUND_TRIP) as url:
        home = Home(folder, url)
        for number in range(rounds):
            home.have(scopes[:1])
            one = min(one, home.timed(command("refresh")))
            home.have(scopes)
            all_ten = min(all_ten, home.timed(command("refresh")))
            if number < 2:
                home.have(scopes)
                clients = min(clients, home.timed([str(client), "oauth", "refresh"]))
    trips = 1 + (all_ten - one) / ROUND_TRIP
    print(f"one scope at {ROUND_TRIP * 1000:.0f} ms:        {one:.3f} s, the whole command")
    print(f"ten scopes:                 {all_ten:.3f} s, so {trips:.2f} round trips (at most {TEN_WITHIN})")
    print(f"ten scopes, client's way:   {clients:.3f} s")
    return trips <= TEN_WITHIN


def hundred(folder: Path, rounds: int) -> bool:
    sizes = (1, 100)
    least = dict.fromkeys(sizes, float("inf"))
    with server(0.0) as url:
        home = Home(folder, url)
        for _ in range(rounds):
            for size in sizes:
                home.have(made_up(size), due=1)
                took = home.timed(command("refresh", "--within", "1h"))
                least[size] = min(least[size], took)
    ratio = least[100] / least[1]
    print(f"one due scope of one:       {least[1]:.3f} s")
    print(f"one due scope of a hundred: {least[100]:.3f} s, {ratio:.2f} times (at most {HUNDRED_WITHIN})")
    return ratio <= HUNDRED_WITHIN


def growth(folder: Path, most: int, rounds: int = 1) -> bool:
    sizes = (most // 4, most // 2, most)
    least = dict.fromkeys(sizes, float("inf"))
    with server(ROUND_TRIP) as url:
        home = Home(folder, url)
        for _ in range(rounds):
            for size in sizes:
                home.have(made_up(size))
                least[size] = min(least[size], home.timed(command("refresh")))
    for size in sizes:
        print(f"{size:4d} scopes, all due:      {least[size]:.2f} s")
    return all(least[2 * size] <= 2 * LINEAR_WITHIN * least[size] for size in sizes[:-1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--most", type=int, default=100, help="scopes in the largest file that is refreshed completely"
    )
    given = parser.parse_args()
    kept = True
    for measure, number in ((ten, given.rounds), (hundred, given.rounds), (growth, given.most)):
        with tempfile.TemporaryDirectory() as folder:
            kept = measure(Path(folder), number) and kept
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
