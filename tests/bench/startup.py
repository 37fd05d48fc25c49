"""What start-up costs: the CPU time of whole commands as a ratio to a bare interpreter's, held to a budget.

    python tests/bench/startup.py [--rounds N]

Exit 1 where a command is over its budget. For comparison, the client's own ``-v`` is 18 (CRON-AND-CONDA.md, What
start-up costs). Client and crontab are shell scripts here: what they cost is not the kit's.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import harness

BUDGET: dict[tuple[str, ...], float] = {
    ("--version",): 2,
    ("--help",): 6,
    ("status",): 7,
    ("schedule", "--show"): 10,
    ("schedule", "--print"): 12,
    ("doctor", "--offline"): 13,
}


def set_up(home: Path) -> dict[str, str]:
    """A set-up that works, in ``home``; returns the environment of its user."""
    programs = home / ".local" / "bin"
    programs.mkdir(parents=True)
    client, crontab = programs / "ocarina", programs / "crontab"
    client.write_text("#!/bin/sh\necho ocarina v1.0.0\n")
    crontab.write_text(f'#!/bin/sh\necho "7 */3 * * * {client} oauth refresh"\n')
    client.chmod(0o755)
    crontab.chmod(0o755)
    config = {
        "MAJORA_DOMAIN": "https://majora.test/",
        "MAJORA_USER": "bench",
        "MAJORA_TOKEN": "OAUTH",
        "CLIENT_ID": "i" * 40,
        "CLIENT_SECRET": "s" * 128,
    }
    scope = "majora2.view_biosampleartifact"
    token = {
        "access_token": "a" * 30,
        "refresh_token": "r" * 30,
        "expires_in": 36000,
        "token_type": "Bearer",
        "scope": [scope],
        "expires_at": time.time() + 35000,
    }
    for name, members in ((".ocarina", config), (".ocarina-tokens", {scope: token})):
        path = home / name
        path.write_text(json.dumps(members))
        path.chmod(0o600)
    return {
        "HOME": str(home),
        "LOGNAME": "bench",
        "PATH": f"{programs}:/usr/bin:/bin",
        "LANG": "C.UTF-8",
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure start-up against its budget.")
    parser.add_argument("--rounds", type=int, default=15, help="Most runs of each command.")
    rounds: int = parser.parse_args().rounds

    bare = harness.bare()
    # 1: doctor may find something to say of this machine.
    commands = {
        args: harness.Measured(" ".join(args), harness.command(*args), frozenset({0, 1})) for args in BUDGET
    }

    def over() -> list[str]:
        return [item.name for args, item in commands.items() if item.seconds > BUDGET[args] * bare.seconds]

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        env = set_up(home)
        for done in range(rounds):
            harness.one_round([bare, *commands.values()], env=env, cwd=home)
            # Least times only fall. A first round also writes byte code, so it never counts alone.
            if done >= min(4, rounds - 1) and not over():
                break

    print(f"bare interpreter: {bare.seconds * 1000:.1f} ms of CPU")
    for args, item in commands.items():
        mark = "OVER" if item.name in over() else "ok"
        print(f"{item.name:<20} {item.seconds / bare.seconds:5.2f}  at most {BUDGET[args]:g}  {mark}")
    return 1 if over() else 0


if __name__ == "__main__":
    sys.exit(main())
