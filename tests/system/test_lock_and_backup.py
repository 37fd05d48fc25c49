"""system/lock.py, and backups. Writers at once are in tests/e2e."""

import errno
import fcntl

import pytest

from ocarina_kit.system.files import KEPT, backup, backups_folder
from ocarina_kit.system.lock import hold
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.problem import KitError


def test_all_names_of_a_file_share_a_lock_that_says_whose_it_is(
    machine: Machine,
) -> None:
    (machine.home / "there").mkdir()
    (machine.home / "link").symlink_to("there/f")
    said: list[str] = []
    with hold(machine, machine.home / "there" / "f"):
        lock = machine.home / "there" / "f.lock"
        assert lock.stat().st_mode & 0o777 == 0o600
        before, other = (
            machine.now(),
            hold(machine, machine.home / "link", timeout=5, waiting=said.append),
        )
        with pytest.raises(KitError) as caught, other:
            pass
    assert caught.value.problem.id == "LCK002"
    assert "on login1 (pid " in caught.value.problem.text
    (words,) = said
    assert words.startswith(
        f"Waiting for {machine.home}/there/f: ocarina-kit on login1 (pid "
    )
    assert 5 <= machine.now() - before < 6
    with hold(machine, machine.home / "link", timeout=0, waiting=said.append):
        assert len(said) == 1
    assert lock.exists()


def test_where_nothing_can_be_locked(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (machine.home / "g.lock").symlink_to("elsewhere")

    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", refuse)
    for name, id in {"f": "LCK001", "g": "FIL006", "none/f": "FIL004"}.items():
        with pytest.raises(KitError) as caught, hold(machine, machine.home / name):
            pass
        assert caught.value.problem.id == id
    assert not (machine.home / "elsewhere").exists()


def test_backups_are_private_dated_and_the_newest_20_of_each(machine: Machine) -> None:
    first = backup(machine, "config", b"0", of="/a")
    assert first.name.startswith("config-")
    assert ".2026-11-24T16-00-00.000000Z." in first.name
    assert first.stat().st_mode & 0o777 == 0o600
    assert backup(machine, "config", b"0", of="/a") == first
    backup(machine, "config", b"other", of="/b")
    for number in range(1, 25):
        machine.sleep(1.5)
        backup(machine, "config", b"%d" % number, of="/a")
    kept = sorted(path.read_bytes() for path in backups_folder(machine).iterdir())
    assert kept == sorted([b"other", *(b"%d" % number for number in range(5, 25))])
    machine.sleep(-1e6)
    assert backup(machine, "config", b"late", of="/a").read_bytes() == b"late"
    assert len(list(backups_folder(machine).iterdir())) == KEPT + 1
