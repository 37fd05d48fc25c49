"""Other programs, run for real: what they print is bounded, and no interrupt leaves one behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ocarina_kit.edges import process
from ocarina_kit.edges.process import run


def test_both_streams_the_code_and_standard_input_come_through() -> None:
    done = run(["/bin/sh", "-c", "cat; echo err >&2; exit 3"], stdin=b"x" * 1_000_000)
    assert (done.code, len(done.stdout), done.stderr, done.error) == (3, 1_000_000, b"err\n", "")


def test_a_program_that_reads_nothing_is_no_failure() -> None:
    assert run(["/bin/sh", "-c", "exec <&-; sleep 0.2"], stdin=b"x" * 1_000_000).code == 0


def test_a_program_that_prints_without_end_is_ended_before_it_fills_the_memory() -> None:
    began = time.monotonic()
    done = run(["/bin/sh", "-c", "yes"], timeout=30.0)
    assert (done.code, done.error) == (None, "printed more than 16 MiB")
    assert len(done.stdout) < process.OUTPUT_CAP + 1_000_000
    assert time.monotonic() - began < 10


def test_one_that_hangs_or_drips_is_ended_in_time_and_what_it_printed_is_kept() -> None:
    for program in ("echo begun; exec sleep 600", "while echo begun; do sleep 0.05; done"):
        began = time.monotonic()
        done = run(["/bin/sh", "-c", program], timeout=0.5)
        assert (done.code, done.error) == (None, "timed out")
        assert done.stdout.startswith(b"begun\n")
        assert time.monotonic() - began < 5


def test_what_leaves_the_group_and_holds_the_pipe_does_not_hold_us(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    program = (
        "import os, sys, time\n"
        "if os.fork() == 0:\n"
        " os.setsid()\n"
        f" open({str(note)!r}, 'w').write(str(os.getpid()))\n"
        " time.sleep(30)\n"
    )
    began = time.monotonic()
    done = run([sys.executable, "-c", program], timeout=1.0)
    assert done.error == "timed out"
    assert time.monotonic() - began < 5
    os.kill(int(note.read_text()), signal.SIGKILL)


class _Slow(subprocess.Popen[bytes]):
    """A Popen in whose middle, with the child begun, an interrupt arrives."""

    child = 0

    def __init__(self, *args: object, **more: object) -> None:
        super().__init__(*args, **more)  # type: ignore[call-overload]  # what the kit hands over
        type(self).child = self.pid
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)


def test_an_interrupt_while_it_starts_leaves_no_process_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    assert threading.current_thread() is threading.main_thread()
    monkeypatch.setattr(subprocess, "Popen", _Slow)
    with pytest.raises(KeyboardInterrupt):
        run(["sleep", "600"])
    with pytest.raises(ProcessLookupError):
        os.kill(_Slow.child, 0)
