"""How long a refresh takes: ten scopes side by side, beside one scope and beside the client's way.

    python tests/bench/refresh.py            measures, prints, and exits 1 if the budget is not kept

Each number is the least of several runs of the whole command, each in a process of its own, taken in turn.
"""

from __future__ import annotations

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

from ocarina_kit.client.scopes import PURPOSES
from ocarina_kit.sandbox import install_standin

ROUND_TRIP = 0.2
"""Seconds that the server takes to answer."""
TEN_WITHIN = 1.5
"""Round trips of one request that ten scopes may take: half a one more than one scope."""
ROUNDS = 7


def command(*args: str) -> list[str]:
    """The kit as it is installed beside this interpreter: its console script, else ``python -m``."""
    script = Path(sys.executable).with_name("ocarina-kit")
    return [str(script), *args] if script.exists() else [sys.executable, "-m", "ocarina_kit", *args]


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
        self.env = {"HOME": str(folder), "PATH": f"{folder}/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
        who = {"MAJORA_DOMAIN": url, "MAJORA_USER": "bench", "MAJORA_TOKEN": "OAUTH"}
        self.write(".ocarina", {**who, "CLIENT_ID": "c" * 40, "CLIENT_SECRET": "s" * 128})

    def write(self, name: str, data: object) -> None:
        (self.folder / name).write_text(json.dumps(data))
        (self.folder / name).chmod(0o600)

    def have(self, scopes: list[str], left: float = 60) -> None:
        """Tokens for these scopes, valid for so many seconds."""
        self.write(".ocarina-tokens", {scope: _token(scope, left) for scope in scopes})

    def timed(self, argv: list[str], code: int | None = 0) -> float:
        """Seconds of one run; ``code`` None: however it ends."""
        began = time.perf_counter()
        done = subprocess.run(
            argv, env=self.env, cwd=self.folder, input=b"", capture_output=True, check=False
        )
        took = time.perf_counter() - began
        if code not in (None, done.returncode):
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


def main() -> int:
    scopes = [purpose.scope for purpose in PURPOSES[:10]]
    with tempfile.TemporaryDirectory() as folder, server(ROUND_TRIP) as url:
        home, refresh = Home(Path(folder), url), command("refresh")
        client = [str(install_standin(Path(folder, "client"))), "oauth", "refresh"]
        cases = {
            "one scope": (scopes[:1], refresh),
            "ten": (scopes, refresh),
            "the client's ten": (scopes, client),
        }
        least = dict.fromkeys(cases, float("inf"))
        for _ in range(ROUNDS):
            for name, (due, argv) in cases.items():
                home.have(due)
                least[name] = min(least[name], home.timed(argv))
    trips = 1 + (least["ten"] - least["one scope"]) / ROUND_TRIP
    print(", ".join(f"{name}: {seconds:.3f} s" for name, seconds in least.items()))
    print(f"{trips:.2f} round trips of {ROUND_TRIP * 1000:.0f} ms for ten scopes (at most {TEN_WITHIN})")
    return 0 if trips <= TEN_WITHIN else 1


if __name__ == "__main__":
    raise SystemExit(main())
