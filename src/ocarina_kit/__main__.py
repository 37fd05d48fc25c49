"""The console script's entry: answers ``--version`` before anything heavy is imported, then hands over."""

from __future__ import annotations

import gc
import sys

CANNOT_START = 126
"""What a shell gives for a program that cannot run: the crontab entry hands over to the client on it."""


def main() -> int:
    """Run the command line in ``sys.argv``; returns the exit code of CONTRACT.md."""
    if sys.argv[1:] == ["--version"]:
        from ocarina_kit import __version__

        print(f"ocarina-kit {__version__}")
        return 0
    # A run is short and leaves next to no cycles: looking for them, also once more at its end, is a tenth of its time.
    gc.set_threshold(100_000, 50, 50)
    try:
        from ocarina_kit.cli.boundary import run

        code = run(sys.argv[1:])
    except ImportError as problem:
        print(
            f"ocarina-kit cannot start: {problem}\n"
            "Its installation is broken; this mends it: pip install --force-reinstall ocarina-kit",
            file=sys.stderr,
        )
        return CANNOT_START
    except KeyboardInterrupt:  # while modules were loading: the boundary did not stand yet
        return 130
    gc.freeze()
    return code


if __name__ == "__main__":
    sys.exit(main())
