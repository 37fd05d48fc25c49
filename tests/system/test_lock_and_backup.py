"""system/lock.py and system/backup.py."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.system.conftest import Clock

from ocarina_kit.system.backup import KEPT, backup, backups_folder
from ocarina_kit.system.errors import KitError
from ocarina_kit.system.lock import hold
from ocarina_kit.system.machine import Machine

COUNTER = """
import sys
from pathlib import Path
from ocarina_kit.system.files import write_private
from ocarina_kit.system.lock import hold
from ocarina_kit.system.machine import this_machine
machine, path = this_machine(), Path(sys.argv[1])
for _ in range(10):
    with hold(machine, path):
        write_private(path, b"%d" % (int(path.read_bytes()) + 1))
"""


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"0")
    writers = [subprocess.Popen([sys.executable, "-c", COUNTER, str(path)]) for _ in range(6)]
    assert [writer.wait(60) for writer in writers] == [0] * 6
    assert path.read_bytes() == b"60"


def test_all_names_of_a_file_share_a_lock_that_says_whose_it_is(machine: Machine, clock: Clock) -> None:
    (machine.home / "there").mkdir()
    (machine.home / "link").symlink_to("there/f")
    said: list[str] = []
    with hold(machine, machine.home / "there" / "f"):
        lock = machine.home / "there" / "f.lock"
        assert lock.stat().st_mode & 0o777 == 0o600
        before = clock.time
        with (
            pytest.raises(KitError) as caught,
            hold(machine, machine.home / "link", timeout=5, waiting=said.append),
        ):
            pass
    assert caught.value.id == "LCK002"
    assert "on login1 (pid " in caught.value.what
    assert [words.startswith("Waiting for ~/there/f: ocarina-kit on login1 (pid ") for words in said] == [
        True
    ]
    assert 5 <= clock.time - before < 6
    with hold(machine, machine.home / "link", timeout=0, waiting=said.append):
        assert len(said) == 1
    assert lock.exists()


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_that_cannot_lock(machine: Machine, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(KitError) as caught, hold(machine, machine.home / "f"):
        pass
    assert caught.value.id == "LCK001"


def test_what_is_in_the_locks_place(machine: Machine) -> None:
    (machine.home / "g.lock").symlink_to("elsewhere")
    for name, id in {"g": "FIL006", "none/f": "FIL004"}.items():
        with pytest.raises(KitError) as caught, hold(machine, machine.home / name):
            pass
        assert caught.value.id == id
    assert not (machine.home / "elsewhere").exists()


def test_a_lock_that_ends_in_time_is_taken(machine: Machine, clock: Clock) -> None:
    path = machine.home / "f"
    holder = os.open(machine.home / "f.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(holder, fcntl.LOCK_EX)

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if clock.slept == 3:
            os.close(holder)

    with hold(machine._replace(sleep=sleep), path):
        assert clock.slept == 3


def test_backups_are_private_dated_and_the_newest_20_of_each(machine: Machine, clock: Clock) -> None:
    first = backup(machine, "config", b"0", of="/a")
    assert first.name.startswith("config-")
    assert ".2026-11-24T16-00-00.000000Z." in first.name
    assert first.stat().st_mode & 0o777 == 0o600
    assert backup(machine, "config", b"0", of="/a") == first
    backup(machine, "config", b"other", of="/b")
    for number in range(1, 25):
        clock.time += 1.5
        backup(machine, "config", b"%d" % number, of="/a")
    kept = [path.read_bytes() for path in sorted(backups_folder(machine).iterdir())]
    assert sorted(kept) == sorted([b"other", *(b"%d" % number for number in range(5, 25))])
    clock.time -= 1e6
    assert backup(machine, "config", b"late", of="/a").read_bytes() == b"late"
    assert len(list(backups_folder(machine).iterdir())) == KEPT + 1
