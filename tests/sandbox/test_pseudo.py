"""Programs that the demo shows: run in a terminal of their own, and never longer than they may."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from ocarina_kit.sandbox.pseudo import run_shown
from ocarina_kit.sandbox.stage import in_lines

ASKS = "import os, sys; print(sys.stdin.isatty(), sys.stdout.isatty(), sys.stderr.isatty());"


def python(
    code: str, tmp_path: Path, *, columns: int | None = None, stdin: bytes = b"", timeout: float = 30.0
) -> tuple[int | None, str]:
    argv = [sys.executable, "-c", code]
    return run_shown(argv, env=dict(os.environ), cwd=tmp_path, stdin=stdin, columns=columns, timeout=timeout)


def test_in_a_terminal_it_prints_as_in_life_and_can_ask_nobody(tmp_path: Path) -> None:
    code = f"{ASKS} print(os.get_terminal_size().columns); sys.exit(7)"
    assert python(code, tmp_path, columns=52) == (7, "False True True\n52\n")


def test_without_one_it_prints_to_a_pipe_both_streams_in_their_order(tmp_path: Path) -> None:
    code = (
        f"{ASKS} sys.stdout.flush(); print('to stderr', file=sys.stderr, flush=True); print(sys.stdin.read())"
    )
    assert python(code, tmp_path, stdin=b"typed") == (0, "False False False\nto stderr\ntyped\n")


def test_input_that_nobody_reads_is_no_matter(tmp_path: Path) -> None:
    assert python("pass", tmp_path, stdin=b"x" * 60_000) == (0, "")


@pytest.mark.parametrize("columns", [None, 80])
def test_what_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path, columns: int | None) -> None:
    # The program ends what it started when it is asked to, as the kit's commands do; this one lets a shell do it.
    code = "import subprocess; print('begun', flush=True); subprocess.run(['sleep', '600'])"
    began = time.monotonic()
    assert python(code, tmp_path, columns=columns, timeout=1.0)[0] is None
    assert time.monotonic() - began < 5
    asleep = [path for path in Path("/proc").glob("[0-9]*/cwd") if _is(path, tmp_path)]
    assert asleep == []


def test_what_does_not_obey_is_killed(tmp_path: Path) -> None:
    code = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(600)"
    began = time.monotonic()
    assert python(code, tmp_path, timeout=0.5) == (None, "")
    assert time.monotonic() - began < 8


def _is(link: Path, folder: Path) -> bool:
    try:
        return link.resolve() == folder.resolve()
    except OSError:
        return False


def test_a_long_command_is_broken_before_its_options_alone() -> None:
    typed = "ocarina-kit init --domain http://127.0.0.1:40001 --user alice --client-secret-file - --yes"
    assert in_lines(typed, None) == [f"$ {typed}"]
    assert in_lines(typed, 60) == [
        "$ ocarina-kit init --domain http://127.0.0.1:40001 \\",
        "  --user alice --client-secret-file - --yes",
    ]
    assert in_lines("ocarina-kit doctor", 40) == ["$ ocarina-kit doctor"]
    for columns in range(40, 120):
        joined = " ".join(line.removesuffix(" \\").strip() for line in in_lines(typed, columns))
        assert joined == f"$ {typed}"
