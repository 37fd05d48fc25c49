"""The console script's entry: answers ``--version`` before anything heavy is imported, then calls `cli.app`."""

from __future__ import annotations

import gc
import os
import sys

CANNOT_START = 126
"""What a shell gives for a program that cannot run: the crontab line runs the client instead."""


class Output:
    """A standard stream that never raises: what cannot be written is dropped, and ``failed`` says so.

    A full disk, a closed pipe or a terminal that is gone must not stop a command that is saving a token.
    """

    def __init__(self, stream: object) -> None:
        self._stream = stream
        self.failed = False

    def write(self, text: str) -> int:
        self._attempt("write", text)
        return len(text)

    def flush(self) -> None:
        self._attempt("flush")

    def _attempt(self, method: str, *values: str) -> None:
        try:
            if not self.failed:
                getattr(self._stream, method)(*values)
        except (OSError, ValueError):  # ValueError: closed
            self.failed = True

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def main() -> int:
    """Run the command line in ``sys.argv``; returns the exit code of CONTRACT.md, or 126.

    Ends the process itself once a command has run: a thread may still wait for a server, and taking the interpreter
    down around it can crash.
    """
    out = guard_output()
    if sys.argv[1:] == ["--version"]:
        from ocarina_kit import __version__

        print(f"ocarina-kit {__version__}", flush=True)
        return int(out.failed)
    # A run is short and makes hardly any cycles: looking for them would be a sixth of its time.
    gc.set_threshold(100_000, 50, 50)
    try:
        from ocarina_kit.cli.app import run

        code = run(sys.argv[1:])
    except ImportError as problem:
        print(f"error: ocarina-kit cannot start: {problem}", file=sys.stderr)
        print(
            "  Its installation is broken. Install it again, as you did the first time.",
            file=sys.stderr,
        )
        return CANNOT_START
    except KeyboardInterrupt:  # while modules are loading, or a second one
        return 130
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def guard_output() -> Output:
    """Put an `Output` in place of standard output and standard error; returns the first.

    With a stream closed (``>&-``), the next file that is opened would take its number, and what is printed.
    """
    for number, name, mode in (
        (0, "stdin", "r"),
        (1, "stdout", "w"),
        (2, "stderr", "w"),
    ):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # so that writing to it fails
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    out = Output(sys.stdout)
    sys.stdout, sys.stderr = out, Output(sys.stderr)
    return out


if __name__ == "__main__":
    sys.exit(main())
