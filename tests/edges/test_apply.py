"""Applying plans: kept before, written under the lock, and left alone where it is not what was planned upon."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import TESTS, mode_of

from ocarina_kit.core.errors import Exit, KitError
from ocarina_kit.core.plan import Change, Chmod, Plan, RefreshTokens, SetAside, SetCrontab, WriteFile
from ocarina_kit.edges.apply import Doers, apply
from ocarina_kit.edges.process import run
from ocarina_kit.edges.system import System


@pytest.fixture
def system(tmp_path: Path) -> System:
    home = tmp_path / "home"
    home.mkdir()
    environ = {"PATH": f"{TESTS / 'programs'}:/usr/bin:/bin", "KIT_TEST_CRONTAB": str(home / "crontab")}
    return System(environ=environ, home=home, user="lab", host="node", run=run)


def none(change: object) -> None:
    pass


DOERS = Doers(none, lambda change: None)


def test_a_file_is_kept_and_then_written_0600(system: System) -> None:
    path = system.home / "config"
    path.write_bytes(b"old")
    path.chmod(0o644)
    (done,) = apply(system, Plan((WriteFile(path, "config", b"old", b"new", "why"),)), DOERS)
    assert done.problem is None
    assert path.read_bytes() == b"new"
    assert mode_of(path) == 0o600
    assert done.kept is not None
    assert done.kept.read_bytes() == b"old"
    assert mode_of(done.kept) == 0o600


def test_a_new_file_needs_no_backup(system: System) -> None:
    path = system.home / "config"
    (done,) = apply(system, Plan((WriteFile(path, "config", None, b"new", "why"),)), DOERS)
    assert (done.problem, done.kept, path.read_bytes()) == (None, None, b"new")


@pytest.mark.parametrize(
    "change",
    [
        lambda path: WriteFile(path, "config", b"planned upon", b"new", "why"),
        lambda path: WriteFile(path, "config", None, b"new", "why"),
        lambda path: SetAside(path, "tokens", b"planned upon", None, "why"),
        lambda path: Chmod(path, 0o644, 0o600, "why"),
    ],
)
def test_what_was_changed_meanwhile_is_left_alone(system: System, change: object) -> None:
    path = system.home / "file"
    path.write_bytes(b"theirs")
    path.chmod(0o640)
    made: Change = change(path)  # type: ignore[operator]
    (done,) = apply(system, Plan((made,)), DOERS)
    assert done.problem is not None
    assert done.problem.id == "FIX001"
    assert (path.read_bytes(), mode_of(path)) == (b"theirs", 0o640)
    assert not system.state_dir.exists()


@pytest.mark.parametrize("after", [None, b"{}"])
def test_a_damaged_file_is_set_aside(system: System, after: bytes | None) -> None:
    path = system.home / "tokens"
    path.write_bytes(b"damaged")
    (done,) = apply(system, Plan((SetAside(path, "tokens", b"damaged", after, "why"),)), DOERS)
    assert done.kept is not None
    assert done.kept.read_bytes() == b"damaged"
    assert (path.read_bytes() if path.exists() else None) == after


def test_through_a_link_to_its_target(system: System) -> None:
    target, link = system.home / "dotfiles", system.home / ".ocarina"
    target.write_bytes(b"old")
    target.chmod(0o664)
    link.symlink_to(target)
    changes = (WriteFile(link, "config", b"old", b"new", "w"), Chmod(link, 0o600, 0o600, "m"))
    assert [done.problem for done in apply(system, Plan(changes), DOERS)] == [None, None]
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_one_that_fails_stops_no_other(system: System) -> None:
    path = system.home / "file"
    path.write_bytes(b"old")

    def refuse(change: RefreshTokens) -> None:
        raise KitError("refused", id="RFR001", exit=Exit.LOGIN)

    changes = (RefreshTokens((), "r"), WriteFile(path, "config", b"old", b"new", "w"))
    first, second = apply(system, Plan(changes), Doers(refuse, lambda change: None))
    assert first.problem is not None
    assert second.problem is None


def test_the_lock_is_held_while_a_file_changes(system: System) -> None:
    path = system.home / "file"
    path.write_bytes(b"old")
    seen: list[bytes] = []

    @contextlib.contextmanager
    def lock(of: Path) -> Iterator[None]:
        seen.append(of.read_bytes())
        yield
        seen.append(of.read_bytes())

    apply(system, Plan((WriteFile(path, "config", b"old", b"new", "w"),)), DOERS, lock=lock)
    assert seen == [b"old", b"new"]


def test_the_crontab_is_its_doers_to_install(system: System) -> None:
    change = SetCrontab(b"old\n", b"new\n", "w")
    (done,) = apply(system, Plan((change,)), Doers(none, lambda change: system.home / "kept"))
    assert (done.problem, done.kept) == (None, system.home / "kept")
