"""33 tokens at a server that never answers: logging out must end in time.

python tests/bench/limits.py             measures, prints, and exits 1 where the limit is not kept
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from refresh import Home, command, server

LOGOUT_S = 70.0


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, server(1000) as url:
        home = Home(Path(folder), url)
        home.have([f"majora2.scope_{each} majora2.other_{each}" for each in range(33)])
        took = home.timed(command("logout", "--yes"), code=None)
    print(f"logout: {took:.1f} s (at most {LOGOUT_S:.0f})")
    return 0 if took <= LOGOUT_S else 1


if __name__ == "__main__":
    raise SystemExit(main())
