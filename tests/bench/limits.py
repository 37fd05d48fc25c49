"""What must end in time, whatever it meets: 33 tokens at a server that never answers, and files of a hostile size.

python tests/bench/limits.py             measures, prints, and exits 1 where a limit is not kept
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from harness import command
from refresh import Home, made_up, server

LOGOUT_S, HOSTILE_S = 70.0, 20.0


def many_settings(home: Home) -> None:
    settings = {f"SETTING_{number}": "x" for number in range(300_000)}
    (home.folder / ".ocarina").write_text(json.dumps(settings))


def many_tokens(home: Home) -> None:
    home.have(made_up(20_000))


def long_line(home: Home) -> None:
    line = f"0 * * * * ocarina oauth refresh {'x' * 100_000}"
    program = home.folder / "bin" / "crontab"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncat {home.folder}/line\n")
    program.chmod(0o755)
    (home.folder / "line").write_text(f"{line}\n")


def seconds(home: Home, *args: str) -> float:
    env = {**home.env, "PATH": f"{home.folder}/bin:/usr/bin:/bin"}
    began = time.perf_counter()
    subprocess.run(command(*args), env=env, cwd=home.folder, capture_output=True, check=False)
    return time.perf_counter() - began


def held(what: str, took: float, limit: float) -> bool:
    print(f"{what:<42} {took:6.1f} s (at most {limit:.0f})", flush=True)
    return took <= limit


def main() -> int:
    kept = True
    harms: tuple[Callable[[Home], None], ...] = (many_settings, many_tokens, long_line)
    for harm in harms:
        for args in (("status",), ("refresh", "--dry-run"), ("doctor", "--offline")):
            with tempfile.TemporaryDirectory() as folder:
                home = Home(Path(folder), "http://127.0.0.1:9/")
                home.have(made_up(1))
                harm(home)
                kept = held(f"{harm.__name__}: {' '.join(args)}", seconds(home, *args), HOSTILE_S) and kept
    with tempfile.TemporaryDirectory() as folder, server(1000) as url:
        home = Home(Path(folder), url)
        home.have(made_up(33))
        kept = (
            held("logout of 33 tokens, a silent server", seconds(home, "logout", "--yes"), LOGOUT_S) and kept
        )
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
