"""system/process.py, system/signals.py and system/crash.py, with real processes."""

import os
import signal
from pathlib import Path

import pytest
from tests.client.stub import program
from tests.conftest import processes_with, until

from ocarina_kit.system.process import run
from ocarina_kit.system.signals import as_interrupts, held_off


def test_input_output_and_code() -> None:
    big = b"x" * 1_000_000
    done = run(["sh", "-c", "cat; echo bad >&2; exit 3"], stdin=big, timeout=60)
    assert (done.code, done.stdout, done.stderr, done.error) == (3, big, b"bad\n", "")
    assert run(["true"], stdin=big, timeout=60).code == 0
    assert (
        run(["sh", "-c", 'echo "$A"; pwd'], env={"A": "b"}, cwd=Path("/")).stdout
        == b"b\n/\n"
    )
    assert run(["sh", "-c", "kill -9 $$"]).code == -9


def test_what_does_not_start_says_why(tmp_path: Path) -> None:
    reasons = {
        str(tmp_path / "none"): "not found",
        str(program(tmp_path / "plain", "x", 0o644)): "not executable",
        str(program(tmp_path / "bad", "#!/no/such/python\n")): "bad interpreter",
        str(program(tmp_path / "garbage", "garbage")): "bad interpreter",
        "a\0b": "embedded null byte",
    }
    for path, reason in reasons.items():
        assert run([path]) == (None, b"", b"", reason)


def test_a_program_that_takes_too_long_is_ended_with_all_it_started(
    tmp_path: Path,
) -> None:
    env = {"PATH": "/usr/bin:/bin", "FOLDER": str(tmp_path)}
    done = run(["sh", "-c", "sleep 600 & echo out; wait"], env=env, timeout=0.5)
    assert (done.code, done.stdout, done.error) == (None, b"out\n", "timed out")
    until(lambda: not processes_with(str(tmp_path)), "the end of sleep")


def test_a_program_that_never_stops_printing_is_ended() -> None:
    done = run(["sh", "-c", "yes >&2"], timeout=60)
    assert (done.code, done.error) == (None, "printed more than 16 MiB")


def test_signals_end_the_run_as_ctrl_c_does_or_are_held_off() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), as_interrupts():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before
    with as_interrupts(), held_off() as asked:
        for _ in range(3):
            signal.raise_signal(signal.SIGHUP)
        assert asked
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with as_interrupts(), held_off() as asked:
            signal.raise_signal(signal.SIGHUP)
        assert not asked, "what is ignored stays ignored"
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_signal_while_a_program_starts_reaches_who_holds_signals_off() -> None:
    with held_off() as asked:
        assert run(["sh", "-c", f"kill -TERM {os.getpid()}"]).code == 0
        until(lambda: asked, "the signal")


def test_an_interrupt_ends_the_program_too(tmp_path: Path) -> None:
    env = {"PATH": "/usr/bin:/bin", "FOLDER": str(tmp_path)}
    with pytest.raises(KeyboardInterrupt):
        run(
            ["sh", "-c", f"kill -INT {os.getpid()}; exec sleep 600"],
            env=env,
            timeout=100,
        )
    assert processes_with(str(tmp_path)) == []
