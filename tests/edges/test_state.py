"""The state folder: backups, refresh.log and pending logins."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.core.oauth.pending import PendingLogin
from ocarina_kit.core.secret import Secret
from ocarina_kit.core.tokens.refresh_log import LogEntry, Result
from ocarina_kit.edges.disk import backups, pending, refresh_log, rescue
from ocarina_kit.edges.disk.file_errors import FileError, FileFault
from ocarina_kit.edges.disk.locks import hold
from ocarina_kit.edges.system import Completed, System

NOW = 1_795_500_000.0


@dataclass
class SetClock:
    time: float = NOW

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def no_process(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    timeout: float = 10.0,
    cwd: Path | None = None,
) -> Completed:
    raise AssertionError(f"nothing here starts a process: {argv}")


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def system(tmp_path: Path, clock: SetClock) -> System:
    return System(environ={}, home=tmp_path, user="tester", host="node1", run=no_process, clock=clock)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestBackups:
    def test_dated_and_private(self, system: System) -> None:
        path = backups.backup(system, "tokens", b"old", of="/home/x/.ocarina-tokens")
        assert path.read_bytes() == b"old"
        assert path.parent == system.state_dir / "backups"
        assert re.search(r"2026-11-24T\d\d-\d\d-\d\d", path.name)
        assert mode(path) == 0o600
        assert mode(path.parent) == mode(system.state_dir) == 0o700
        assert path.parent.parent.parent.parent.parent == system.home

    def test_the_newest_twenty_of_each_are_kept(self, system: System, clock: SetClock) -> None:
        other = backups.backup(system, "config", b"other")
        for n in range(30):
            clock.time += 60
            backups.backup(system, "tokens", b"%d" % n, of="a")
            backups.backup(system, "tokens", b"%d" % n, of="b")
        for of in ("a", "b"):
            kept = backups.backups_of(system, "tokens", of=of)
            assert [path.read_bytes() for path in kept] == [b"%d" % n for n in range(10, 30)]
        assert other.exists()
        assert len(list((system.state_dir / "backups").iterdir())) == 41

    def test_many_in_one_instant_are_all_kept(self, system: System) -> None:
        paths = {backups.backup(system, "crontab", b"%d" % n) for n in range(15)}
        assert len(paths) == 15
        assert {path.read_bytes() for path in paths} == {b"%d" % n for n in range(15)}

    def test_one_made_after_the_clock_went_back_is_not_the_one_to_go(
        self, system: System, clock: SetClock
    ) -> None:
        for n in range(25):
            clock.time += 60
            backups.backup(system, "config", b"%d" % n)
        clock.time -= 365 * 86_400
        assert backups.backup(system, "config", b"precious").read_bytes() == b"precious"

    def test_trying_again_crowds_none_out(self, system: System, clock: SetClock) -> None:
        first = backups.backup(system, "config", b"first")
        again = []
        for _ in range(30):
            clock.time += 60
            again.append(backups.backup(system, "config", b"second"))
        assert len(set(again)) == 1
        assert first.read_bytes() == b"first"
        clock.time += 60
        assert backups.backup(system, "config", b"first") != first

    @pytest.mark.parametrize("kind", ["", "../x", "a/b", "A", ".", "x" * 41])
    def test_a_kind_is_a_plain_word(self, system: System, kind: str) -> None:
        with pytest.raises(ValueError, match="kind"):
            backups.backup(system, kind, b"")

    def test_where_none_can_be_made_it_says_so(self, system: System) -> None:
        (system.home / ".local").write_bytes(b"a file in the way")
        with pytest.raises(FileError) as caught:
            backups.backup(system, "config", b"x")
        assert caught.value.fault is FileFault.NO_FOLDER

    def test_an_empty_file_has_a_backup_too(self, system: System) -> None:
        assert backups.backup(system, "config", b"").read_bytes() == b""


def logged(n: int, **changes: object) -> LogEntry:
    entry = LogEntry(NOW + n, "node1", "refresh", f"majora2.a majora2.{n}", Result.REFRESHED, "0123456789ab")
    return replace(entry, **changes)  # type: ignore[arg-type]  # a test's own literals


APPENDER = """
import sys
from pathlib import Path
from ocarina_kit.core.tokens.refresh_log import LogEntry
from ocarina_kit.edges.disk import refresh_log
from ocarina_kit.edges.system import System
system = System(environ={}, home=Path(sys.argv[1]), user="u", host=sys.argv[2], run=None)
for n in range(int(sys.argv[3])):
    problem = refresh_log.append(system, [LogEntry(n, sys.argv[2], "refresh", "s" * 3000, "refreshed", "")])
    assert problem is None, problem
"""


class TestRefreshLog:
    def test_written_and_read_again(self, system: System) -> None:
        entries = [logged(1), logged(2, host="other host", by="login", result=Result.LOGGED_IN)]
        assert refresh_log.append(system, entries[:1]) is None
        assert refresh_log.append(system, entries[1:]) is None
        assert refresh_log.read(system) == entries
        path = refresh_log.log_path(system)
        assert mode(path) == 0o600
        assert path.read_text().splitlines()[0] == (
            "2026-11-24T06:00:01Z host=node1 by=refresh result=refreshed setup=0123456789ab "
            'scope="majora2.a majora2.1"'
        )

    def test_none_yet(self, system: System) -> None:
        assert refresh_log.read(system) == []
        assert refresh_log.append(system, []) is None
        assert not system.state_dir.exists()

    def test_damaged_lines_are_passed_over(self, system: System) -> None:
        refresh_log.append(system, [logged(1)])
        path = refresh_log.log_path(system)
        path.write_bytes(path.read_bytes() + b"\x00\xff\n\nnonsense\n" + path.read_bytes()[:60])
        refresh_log.append(system, [logged(2)])
        assert refresh_log.read(system) == [logged(1), logged(2)]

    def test_a_loose_one_is_closed(self, system: System) -> None:
        refresh_log.append(system, [logged(1)])
        refresh_log.log_path(system).chmod(0o644)
        refresh_log.append(system, [logged(2)])
        assert mode(refresh_log.log_path(system)) == 0o600

    def test_rotated_at_one_mebibyte(self, system: System) -> None:
        path = refresh_log.log_path(system)
        for n in range(50):
            assert refresh_log.append(system, [logged(n, scope="s" * 3900)] * 20) is None
            assert path.stat().st_size <= 1024 * 1024
        assert sorted(each.name for each in system.state_dir.iterdir()) == [
            "refresh.log",
            "refresh.log.1",
            "refresh.log.lock",
        ]
        entries = refresh_log.read(system)
        assert entries[-1].time == NOW + 49
        assert len(entries) > 250
        assert mode(path.with_name("refresh.log.1")) == 0o600

    def test_many_processes_at_once_lose_no_line(self, system: System) -> None:
        processes = [
            subprocess.Popen([sys.executable, "-c", APPENDER, str(system.home), f"n{n}", "30"])
            for n in range(8)
        ]
        assert [process.wait(60) for process in processes] == [0] * 8
        entries = refresh_log.read(system)
        assert len(entries) == 240
        for n in range(8):
            assert sorted(e.time for e in entries if e.host == f"n{n}") == list(range(30))

    def test_a_lock_held_elsewhere_costs_no_line(self, system: System) -> None:
        refresh_log.append(system, [logged(1)])
        with hold(refresh_log.log_path(system)):
            assert refresh_log.append(system, [logged(2)], lock_timeout=0.1) is None
        assert refresh_log.read(system) == [logged(1), logged(2)]

    def test_where_it_cannot_be_written_the_problem_is_given_back(self, system: System) -> None:
        system.state_dir.mkdir(parents=True)
        refresh_log.log_path(system).mkdir()
        problem = refresh_log.append(system, [logged(1)])
        assert isinstance(problem, FileError)
        assert problem.fault is FileFault.FOLDER
        assert refresh_log.read(system) == []


def login(state: str = "state-1", created: float = NOW) -> PendingLogin:
    return PendingLogin(
        state=state,
        verifier=Secret("verifier-1"),
        scope="a b",
        redirect_uri="https://majora.invalid/o/callback/",
        domain="https://majora.invalid/",
        config="/home/x/.ocarina",
        profile=None,
        created=created,
    )


class TestPending:
    def test_saved_found_and_forgotten(self, system: System) -> None:
        pending.save(system, login())
        assert pending.find(system, "state-1") == login()
        assert pending.find(system, "state-2") is None
        (path,) = (system.state_dir / "pending").iterdir()
        assert mode(path) == 0o600
        assert mode(path.parent) == 0o700
        pending.forget(system, "state-1")
        pending.forget(system, "state-1")
        assert pending.find(system, "state-1") is None
        assert list((system.state_dir / "pending").iterdir()) == []

    def test_several_at_once_newest_first(self, system: System, clock: SetClock) -> None:
        for n in range(3):
            pending.save(system, login(f"s{n}", NOW + n))
        clock.time += 10
        assert [each.state for each in pending.waiting(system)] == ["s2", "s1", "s0"]

    def test_an_hour_later_it_is_gone(self, system: System, clock: SetClock) -> None:
        pending.save(system, login())
        clock.time = NOW + 3599
        assert pending.find(system, "state-1") is not None
        clock.time = NOW + 3600
        assert pending.find(system, "state-1") is None
        assert pending.waiting(system) == []
        assert list((system.state_dir / "pending").iterdir()) == [], "an expired verifier is not kept"

    def test_saving_another_forgets_the_expired(self, system: System, clock: SetClock) -> None:
        pending.save(system, login("old"))
        clock.time += 4000
        pending.save(system, login("new", clock.time))
        assert len(list((system.state_dir / "pending").iterdir())) == 1

    @pytest.mark.parametrize("state", ["../../../etc/passwd", "a/b", "", "\0", "x" * 5000, "\ud800"])
    def test_a_state_is_no_path(self, system: System, state: str) -> None:
        assert pending.find(system, state) is None
        pending.forget(system, state)
        if state:
            pending.save(system, login(state))
            assert pending.find(system, state) == login(state)
            assert len(list((system.state_dir / "pending").iterdir())) == 1

    def test_a_file_of_another_state_is_not_taken(self, system: System) -> None:
        pending.save(system, login("one"))
        (path,) = (system.state_dir / "pending").iterdir()
        pending.save(system, login("two"))
        (other,) = set((system.state_dir / "pending").iterdir()) - {path}
        other.write_bytes(path.read_bytes())
        assert pending.find(system, "two") is None

    @pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"{}", b'{"state": 1}', b"x" * 100_000])
    def test_garbage_is_passed_over_and_goes_with_time(
        self, system: System, clock: SetClock, content: bytes
    ) -> None:
        pending.save(system, login())
        (path,) = (system.state_dir / "pending").iterdir()
        path.write_bytes(content)
        clock.time = path.stat().st_mtime
        assert pending.find(system, "state-1") is None
        assert pending.waiting(system) == []
        assert path.exists(), "it may be a newer version's"
        clock.time += 3601
        assert pending.waiting(system) == []
        assert not path.exists()

    def test_no_state_folder_is_no_login(self, system: System) -> None:
        assert pending.waiting(system) == []
        assert pending.find(system, "x") is None
        assert not system.state_dir.exists()


@given(data=st.binary(max_size=300))
def test_any_bytes_as_a_log_are_read(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    home = tmp_path_factory.getbasetemp() / "log-home"
    system = System(environ={}, home=home, user="u", host="h", run=no_process)
    refresh_log.log_path(system).parent.mkdir(parents=True, exist_ok=True)
    refresh_log.log_path(system).write_bytes(data)
    refresh_log.read(system)


class TestJournal:
    """edges/disk/rescue.py: new tokens, before they are in their own file."""

    def test_what_stands_in_its_place_is_refused_and_not_waited_for(self, system: System) -> None:
        tokens = system.home / ".ocarina-tokens"
        path = rescue.rescue_path(system, tokens)
        path.parent.mkdir(parents=True)
        os.mkfifo(path)
        with pytest.raises(FileError) as caught:
            rescue.begin(system, tokens)
        assert caught.value.fault is FileFault.SPECIAL

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
    def test_tokens_that_another_user_put_there_are_not_taken(self, system: System) -> None:
        tokens = system.home / ".ocarina-tokens"
        path = rescue.rescue_path(system, tokens)
        path.parent.mkdir(parents=True)
        path.write_text(
            '{"s": {"access_token": "a", "refresh_token": "r", "expires_at": 1, "scope": ["s"]}}\n'
        )
        assert rescue.read(system, tokens) is not None
        os.chown(path.parent, 4321, 4321)
        assert rescue.read(system, tokens) is None
