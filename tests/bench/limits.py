"""What must end in time, whatever it meets: 33 tokens at a server that never answers, and files of a hostile size.

python tests/bench/limits.py             measures, prints, and exits 1 where a limit is not kept
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from refresh import Home, command, server

LOGOUT_S, HOSTILE_S = 70.0, 20.0


def made_up(number: int) -> list[str]:
    return [f"majora2.scope_{each} majora2.other_{each}" for each in range(number)]


def many_settings(home: Home) -> None:
    home.write(".ocarina", {f"SETTING_{number}": "x" for number in range(300_000)})


def many_tokens(home: Home) -> None:
    home.have(made_up(20_000))


def long_line(home: Home) -> None:
    program = home.folder / "bin" / "crontab"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho '0 * * * * ocarina oauth refresh {'x' * 100_000}'\n")
    program.chmod(0o755)


def held(home: Home, what: str, limit: float, *args: str) -> bool:
    took = home.timed(command(*args), code=None)
    print(f"{what}: {' '.join(args):<20} {took:6.1f} s (at most {limit:.0f})", flush=True)
    return took <= limit


def main() -> int:
    kept = []
    for harm in (many_settings, many_tokens, long_line):
        for args in (("status",), ("refresh", "--dry-run"), ("doctor", "--offline")):
            with tempfile.TemporaryDirectory() as folder:
                home = Home(Path(folder), "http://127.0.0.1:9/")
                home.have(made_up(1))
                harm(home)
                kept.append(held(home, harm.__name__, HOSTILE_S, *args))
    with tempfile.TemporaryDirectory() as folder, server(1000) as url:
        home = Home(Path(folder), url)
        home.have(made_up(33))
        kept.append(held(home, "33 tokens, a silent server", LOGOUT_S, "logout", "--yes"))
    return 0 if all(kept) else 1


if __name__ == "__main__":
    raise SystemExit(main())
