"""edges/disk/locks.py: one holder at a time over processes, no lock that only looks like one."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import filelock
import pytest

from ocarina_kit.edges.disk.file_errors import FileError, FileFault
from ocarina_kit.edges.disk.locks import LockTimeoutError, LockUnsupportedError, hold, lock_path

HOLDER = """
import sys, time
from pathlib import Path
from ocarina_kit.edges.disk.locks import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(path: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_another_process_waits_and_is_told_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    other = holder(path)
    try:
        started = time.monotonic()
        with pytest.raises(LockTimeoutError) as caught, hold(path, timeout=0.3):
            pytest.fail("two holders at once")
        assert 0.25 < time.monotonic() - started < 3
        assert caught.value.id == "LCK002"
        assert caught.value.remedy.commands == (f"fuser -v {path}.lock",)
    finally:
        end(other)


def test_a_killed_holder_holds_no_more(tmp_path: Path) -> None:
    other = holder(tmp_path / "tokens")
    os.kill(other.pid, signal.SIGKILL)
    with hold(tmp_path / "tokens", timeout=5):
        pass
    end(other)


def test_a_stopped_holder_is_not_judged_by_its_pid(tmp_path: Path) -> None:
    """A lock file that names a pid that is gone, or nothing, says nothing about who holds the lock."""
    other = holder(tmp_path / "tokens")
    try:
        (tmp_path / "tokens.lock").write_text("999999\n")
        with pytest.raises(LockTimeoutError), hold(tmp_path / "tokens", timeout=0.2):
            pytest.fail("two holders at once")
    finally:
        end(other)
    (tmp_path / "tokens.lock").write_text(f"{os.getpid()}\nanother-host\n")
    with hold(tmp_path / "tokens", timeout=1):
        pass


def test_it_is_the_kernels_lock(tmp_path: Path) -> None:
    """What flock(1) sees, and other hosts over NFS."""
    path = tmp_path / "tokens"

    def free() -> bool:
        with (tmp_path / "tokens.lock").open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

    with hold(path):
        assert not free()
    assert free()


def test_threads_exclude_each_other(tmp_path: Path) -> None:
    inside, most = 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(5):
            with hold(tmp_path / "f"):
                inside += 1
                most = max(most, inside)
                time.sleep(0.002)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_the_lock_file_is_private_and_stays(tmp_path: Path) -> None:
    kept = os.umask(0)
    try:
        with hold(tmp_path / "f"):
            pass
    finally:
        os.umask(kept)
    assert [entry.name for entry in tmp_path.iterdir()] == ["f.lock"]
    assert stat.S_IMODE((tmp_path / "f.lock").stat().st_mode) == 0o600


def test_all_names_of_a_file_share_a_lock(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "alias").symlink_to("dotfiles")
    (tmp_path / ".ocarina").symlink_to("alias/ocarina")
    assert lock_path(tmp_path / ".ocarina") == tmp_path / "dotfiles" / "ocarina.lock"
    assert lock_path(tmp_path / "dotfiles" / "ocarina") == tmp_path / "dotfiles" / "ocarina.lock"


def test_an_error_inside_gives_it_up(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), hold(tmp_path / "f"):
        raise RuntimeError
    with hold(tmp_path / "f", timeout=0.5):
        pass


@pytest.mark.parametrize(
    "code", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.EIO], ids=errno.errorcode.get
)
def test_a_file_system_that_cannot_lock_is_refused_at_once(tmp_path: Path, code: int) -> None:
    def flock(_: int, __: int) -> None:
        raise OSError(code, os.strerror(code))

    started = time.monotonic()
    with pytest.raises(LockUnsupportedError) as caught, hold(tmp_path / "f", timeout=30, flock=flock):
        pytest.fail("no lock, and yet inside")
    assert time.monotonic() - started < 5
    assert caught.value.id == "LCK001"
    assert "MAJORA_TOKENS_FILE" in caught.value.remedy.text


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP], ids=errno.errorcode.get)
def test_one_that_stops_locking_between_the_try_and_the_lock(
    tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever filelock makes of it (its versions differ), nobody comes in."""

    def flock(_: int, __: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", flock)  # what filelock calls; ours is handed in
    with (
        pytest.raises((LockUnsupportedError, LockTimeoutError)),
        hold(tmp_path / "f", timeout=0.2, flock=lambda _, __: None),
    ):
        pytest.fail("no lock, and yet inside")


def test_a_lock_that_filelock_turned_soft_is_refused(tmp_path: Path) -> None:
    from ocarina_kit.edges.disk.locks import _refuse_soft

    with pytest.raises(LockUnsupportedError):
        _refuse_soft(filelock.SoftFileLock(tmp_path / "f.lock"), tmp_path / "f.lock")


def test_no_folder_is_made_for_a_lock(tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught, hold(tmp_path / "missing" / "f"):
        pytest.fail("no folder, and yet inside")
    assert caught.value.fault is FileFault.NO_FOLDER
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("elsewhere")])
def test_something_else_in_the_locks_place(tmp_path: Path, make: object) -> None:
    make(tmp_path / "f.lock")  # type: ignore[operator]  # three makers of different types
    with pytest.raises((FileError, LockUnsupportedError)), hold(tmp_path / "f", timeout=1):
        pytest.fail("not a lock file, and yet inside")
    assert not (tmp_path / "elsewhere").exists()
