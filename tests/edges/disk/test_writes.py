"""edges/disk/writes.py: old or new at every instant, 0600, through links."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ocarina_kit.edges.disk.file_errors import FileError, FileFault
from ocarina_kit.edges.disk.writes import (
    REAL,
    Syscalls,
    chmod_private,
    final_target,
    prove_writable,
    write_private,
)

HARNESS = Path(__file__).with_name("write_harness.py")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def harness(*args: str | Path | int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(HARNESS), *map(str, args)], capture_output=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr.decode()
    result: dict[str, Any] = json.loads(done.stdout)
    return result


class TestKills:
    def test_a_thousand_kills_leave_the_old_file_or_the_new_one(self, tmp_path: Path) -> None:
        result = harness("kills", tmp_path / "tokens", 1000, "atomic")
        assert result["torn"] == 0
        assert result["wrong"] == 0
        assert result["midway"] > 500, "most kills must land in the middle of a write, or this shows nothing"

    def test_the_harness_catches_a_writer_in_place(self, tmp_path: Path) -> None:
        assert harness("kills", tmp_path / "tokens", 100, "in-place")["torn"] > 10

    def test_fifty_processes_at_once_lose_nothing(self, tmp_path: Path) -> None:
        result = harness("counters", tmp_path / "tokens", 50, 3)
        assert result["failed"] == 0
        assert result["all"] == 150
        assert all(result[f"p{me}"] == 3 for me in range(50))

    def test_what_killed_writes_left_is_swept_by_a_later_write(self, tmp_path: Path) -> None:
        path = tmp_path / "tokens"
        harness("kills", path, 40, "atomic")
        left = [name for name in names(tmp_path) if name.endswith(".tmp")]
        assert left, "a kill in the middle of a write leaves its temporary file"
        assert all(mode(tmp_path / name) == 0o600 for name in left)
        write_private(path, b"fresh")
        assert set(left) <= set(names(tmp_path)), "a young one may belong to a write that is under way"
        for name in left:
            os.utime(tmp_path / name, (1e9, 1e9))
        write_private(path, b"new")
        assert names(tmp_path) == ["tokens"]


class TestMode:
    @pytest.mark.parametrize("before", [None, 0o644, 0o666, 0o600, 0o400, 0o000])
    @pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
    def test_0600_whatever_it_was(self, tmp_path: Path, before: int | None, umask: int) -> None:
        path = tmp_path / "tokens"
        if before is not None:
            path.write_bytes(b"old")
            path.chmod(before)
        kept = os.umask(umask)
        try:
            write_private(path, b"new")
        finally:
            os.umask(kept)
        assert path.read_bytes() == b"new"
        assert mode(path) == 0o600

    def test_never_looser_on_the_way(self, tmp_path: Path) -> None:
        seen = []

        def look(descriptor: int, data: memoryview) -> int:
            seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
            return os.write(descriptor, data[:3])  # short writes are allowed, too

        kept = os.umask(0)
        try:
            write_private(tmp_path / "f", b"0123456789", calls=replace(REAL, write=look))
        finally:
            os.umask(kept)
        assert seen == [0o600] * 4
        assert (tmp_path / "f").read_bytes() == b"0123456789"

    def test_chmod_private_follows_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "f").write_bytes(b"x")
        (tmp_path / "f").chmod(0o646)
        (tmp_path / "link").symlink_to("f")
        chmod_private(tmp_path / "link")
        assert mode(tmp_path / "f") == 0o600

    def test_chmod_private_of_nothing_says_so(self, tmp_path: Path) -> None:
        with pytest.raises(FileError):
            chmod_private(tmp_path / "nothing")


class TestLinks:
    def test_a_chain_of_links_keeps_standing(self, tmp_path: Path) -> None:
        dotfiles = tmp_path / "dot files"
        dotfiles.mkdir()
        (dotfiles / "ocarina").write_bytes(b"old")
        (tmp_path / "second").symlink_to("dot files/ocarina")
        (tmp_path / "first").symlink_to(tmp_path / "second")
        write_private(tmp_path / "first", b"new")
        assert (dotfiles / "ocarina").read_bytes() == b"new"
        assert (tmp_path / "first").is_symlink()
        assert (tmp_path / "second").readlink() == Path("dot files/ocarina")
        assert names(dotfiles) == ["ocarina"], "the temporary file stood beside the target"
        assert names(tmp_path) == ["dot files", "first", "second"]

    def test_a_dangling_link_makes_its_target(self, tmp_path: Path) -> None:
        (tmp_path / "there").mkdir()
        (tmp_path / "link").symlink_to("there/new")
        write_private(tmp_path / "link", b"x")
        assert (tmp_path / "there" / "new").read_bytes() == b"x"
        assert mode(tmp_path / "there" / "new") == 0o600

    def test_a_dangling_link_into_nowhere_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to("nowhere/new")
        with pytest.raises(FileError) as caught:
            write_private(tmp_path / "link", b"x")
        assert caught.value.fault is FileFault.NO_FOLDER
        assert caught.value.remedy.commands == (f"mkdir -p {tmp_path}/nowhere",)
        assert names(tmp_path) == ["link"]

    def test_a_circle_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "a").symlink_to("b")
        (tmp_path / "b").symlink_to("a")
        with pytest.raises(FileError) as caught:
            write_private(tmp_path / "a", b"x")
        assert caught.value.fault is FileFault.LOOP

    def test_all_names_have_one_target(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "alias").symlink_to("real")
        (tmp_path / "link").symlink_to("alias/f")
        assert (
            final_target(tmp_path / "link") == final_target(tmp_path / "alias" / "f") == tmp_path / "real/f"
        )


def refuse(code: int) -> Callable[..., Any]:
    def call(*_: object) -> Any:
        raise OSError(code, os.strerror(code))

    return call


FAULTS = {
    errno.ENOSPC: (FileFault.NO_SPACE, "ENV008", "full"),
    errno.EDQUOT: (FileFault.QUOTA, "ENV008", "quota"),
    errno.EROFS: (FileFault.READ_ONLY, "ENV008", "read-only"),
    errno.EACCES: (FileFault.PERMISSION, "ENV008", ""),
    errno.EPERM: (FileFault.PERMISSION, "ENV008", ""),
    errno.ENAMETOOLONG: (FileFault.NAME_TOO_LONG, "FIL005", "longer"),
    errno.EIO: (FileFault.OTHER, "FIL007", "Input/output error"),
    errno.ESTALE: (FileFault.OTHER, "FIL007", "tale"),
}


class TestRefusals:
    @pytest.mark.parametrize("step", ["open", "write", "sync", "close", "replace"])
    @pytest.mark.parametrize("code", FAULTS, ids=errno.errorcode.get)
    def test_each_refusal_at_each_step_changes_nothing(self, tmp_path: Path, step: str, code: int) -> None:
        path = tmp_path / "tokens"
        path.write_bytes(b"old")
        path.chmod(0o640)
        calls: Syscalls = replace(REAL, **{step: refuse(code)})
        with pytest.raises(FileError) as caught:
            write_private(path, b"new", calls=calls)
        fault, id, word = FAULTS[code]
        assert caught.value.fault is fault
        assert caught.value.id == id
        assert word in caught.value.why
        assert str(path) in caught.value.what
        assert caught.value.remedy.text
        assert path.read_bytes() == b"old"
        assert mode(path) == 0o640
        assert names(tmp_path) == ["tokens"]

    def test_a_folder_that_cannot_be_flushed_is_no_error(self, tmp_path: Path) -> None:
        def sync(descriptor: int) -> None:
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "Invalid argument")
            os.fsync(descriptor)

        write_private(tmp_path / "f", b"x", calls=replace(REAL, sync=sync))
        assert (tmp_path / "f").read_bytes() == b"x"

    def test_the_folder_is_flushed_after_the_rename(self, tmp_path: Path) -> None:
        order = []

        def sync(descriptor: int) -> None:
            order.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")

        def move(source: Path, target: Path) -> None:
            order.append("rename")
            source.replace(target)

        write_private(tmp_path / "f", b"x", calls=replace(REAL, sync=sync, replace=move))
        assert order == ["file", "rename", "folder"]

    def test_a_folder_in_its_place(self, tmp_path: Path) -> None:
        (tmp_path / "f").mkdir()
        with pytest.raises(FileError) as caught:
            write_private(tmp_path / "f", b"x")
        assert caught.value.fault is FileFault.FOLDER

    def test_a_pipe_in_its_place_is_kept(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "f")
        with pytest.raises(FileError) as caught:
            write_private(tmp_path / "f", b"x")
        assert caught.value.fault is FileFault.SPECIAL
        assert (tmp_path / "f").is_fifo()

    def test_a_file_where_the_folder_should_be(self, tmp_path: Path) -> None:
        (tmp_path / "f").write_bytes(b"")
        with pytest.raises(FileError) as caught:
            write_private(tmp_path / "f" / "g", b"x")
        assert caught.value.fault is FileFault.NO_FOLDER

    def test_a_name_as_long_as_they_come(self, tmp_path: Path) -> None:
        write_private(tmp_path / ("n" * 255), b"x")
        assert (tmp_path / ("n" * 255)).read_bytes() == b"x"
        with pytest.raises(FileError) as caught:
            write_private(tmp_path / ("n" * 256), b"x")
        assert caught.value.fault is FileFault.NAME_TOO_LONG
        assert names(tmp_path) == ["n" * 255]

    def test_a_nul_in_the_name(self, tmp_path: Path) -> None:
        with pytest.raises(FileError):
            write_private(tmp_path / "a\0b", b"x")

    def test_an_interrupt_leaves_no_temporary_file(self, tmp_path: Path) -> None:
        def interrupted(_: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            write_private(tmp_path / "f", b"x", calls=replace(REAL, sync=interrupted))
        assert names(tmp_path) == []


class TestHold:
    """prove_writable: what `refresh` asks for before it spends a refresh token."""

    def test_the_space_is_taken_and_the_old_file_stands(self, tmp_path: Path) -> None:
        path = tmp_path / "tokens"
        path.write_bytes(b"old")
        with prove_writable(path, 50_000) as held:
            (temporary,) = set(tmp_path.iterdir()) - {path}
            assert temporary.stat().st_size == 50_000
            assert temporary.stat().st_blocks * 512 >= 50_000, "really taken, not a hole"
            assert mode(temporary) == 0o600
            assert path.read_bytes() == b"old"
            held.commit(b"new")
        assert path.read_bytes() == b"new"
        assert names(tmp_path) == ["tokens"]

    @pytest.mark.parametrize("size", [0, 10, 100_000])
    def test_more_or_less_than_was_asked_for(self, tmp_path: Path, size: int) -> None:
        prove_writable(tmp_path / "f", size).commit(b"x" * 5_000)
        assert (tmp_path / "f").read_bytes() == b"x" * 5_000

    def test_discard_gives_it_back(self, tmp_path: Path) -> None:
        held = prove_writable(tmp_path / "f", 10)
        held.discard()
        held.discard()
        assert names(tmp_path) == []
        with pytest.raises(ValueError, match="committed or discarded"):
            held.commit(b"x")

    def test_leaving_by_an_exception_gives_it_back(self, tmp_path: Path) -> None:
        with pytest.raises(RuntimeError), prove_writable(tmp_path / "f", 10):
            raise RuntimeError
        assert names(tmp_path) == []

    def test_a_hold_that_was_swept_still_commits(self, tmp_path: Path) -> None:
        held = prove_writable(tmp_path / "f", 10)
        for left in tmp_path.iterdir():
            os.utime(left, (1e9, 1e9))
        write_private(tmp_path / "f", b"another")
        assert names(tmp_path) == ["f"], "the hold was taken for stale"
        held.commit(b"mine")
        assert (tmp_path / "f").read_bytes() == b"mine"
        assert names(tmp_path) == ["f"]

    def test_refused_before_not_after(self, tmp_path: Path) -> None:
        calls = replace(REAL, write=refuse(errno.ENOSPC))
        with pytest.raises(FileError) as caught:
            prove_writable(tmp_path / "f", 10, calls=calls)
        assert caught.value.fault is FileFault.NO_SPACE
        assert names(tmp_path) == []


ROOT = os.geteuid() == 0
IN_NAMESPACE = ["unshare", "-m"] if ROOT else ["unshare", "-Urm"]


def own_mounts_work() -> bool:
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return False
    return subprocess.run([*IN_NAMESPACE, "true"], capture_output=True, check=False).returncode == 0


needs_mounts = pytest.mark.skipif(
    not own_mounts_work(), reason="needs Linux and mounts of one's own (unshare)"
)

REPORT = """
import sys
from pathlib import Path
from ocarina_kit.edges.disk.file_errors import FileError
from ocarina_kit.edges.disk.writes import prove_writable, write_private
path = Path(sys.argv[1])
for name, act in (("write", lambda: write_private(path, b"n" * 300_000)),
                  ("prove", lambda: prove_writable(path, 300_000).discard())):
    try:
        act()
        print(name, "done")
    except FileError as problem:
        print(name, problem.fault.name)
print(path.read_bytes() == b"old", sorted(p.name for p in path.parent.iterdir() if p.suffix == ".tmp"))
"""


HOLD = """
import sys
from pathlib import Path
from ocarina_kit.edges.disk.writes import prove_writable
path = Path(sys.argv[1])
held = prove_writable(path, 300_000)
try:
    with path.with_name("filler").open("wb", buffering=0) as filler:
        while filler.write(b"x" * 4096):
            pass
except OSError as full:
    print(full.strerror)
held.commit(b"n" * 300_000)
print(path.read_bytes() == b"n" * 300_000)
"""


def on_a_file_system(tmp_path: Path, options: str, *more: str, report: str = REPORT) -> list[str]:
    """Runs ``report`` with a file system of its own mounted at ``tmp_path``, unseen by the rest of the machine."""
    script = " && ".join(
        [
            f"mount -t tmpfs -o mode=700,{options} none {tmp_path}",
            f"printf old > {tmp_path}/f",
            *(line.format(folder=tmp_path) for line in more),
            f'"{sys.executable}" -c "$REPORT" {tmp_path}/f',
        ]
    )
    done = subprocess.run(
        [*IN_NAMESPACE, "sh", "-c", script],
        capture_output=True,
        check=False,
        env={**os.environ, "REPORT": report},
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().splitlines()


@needs_mounts
class TestRealFileSystems:
    def test_room_enough(self, tmp_path: Path) -> None:
        assert on_a_file_system(tmp_path, "size=4m")[:2] == ["write done", "prove done"]

    def test_a_full_disk(self, tmp_path: Path) -> None:
        got = on_a_file_system(tmp_path, "size=256k")
        assert got == ["write NO_SPACE", "prove NO_SPACE", "True []"]

    def test_the_space_that_is_held_outlives_a_disk_that_fills_up(self, tmp_path: Path) -> None:
        got = on_a_file_system(tmp_path, "size=1m", report=HOLD)
        assert got == ["No space left on device", "True"]

    def test_no_inodes_left(self, tmp_path: Path) -> None:
        got = on_a_file_system(tmp_path, "size=4m,nr_inodes=2")
        assert got == ["write NO_INODES", "prove NO_INODES", "True []"]

    def test_mounted_read_only(self, tmp_path: Path) -> None:
        got = on_a_file_system(tmp_path, "size=4m", "mount -o remount,ro {folder}")
        assert got == ["write READ_ONLY", "prove READ_ONLY", "True []"]


@pytest.mark.skipif(not ROOT, reason="only root can give a file away")
class TestForeignOwner:
    def test_a_file_of_another_user_is_left_to_them(self, tmp_path: Path) -> None:
        path = tmp_path / "f"
        path.write_bytes(b"old")
        os.chown(path, 12345, 12345)
        acts: list[Callable[[], None]] = [lambda: write_private(path, b"new"), lambda: chmod_private(path)]
        for act in acts:
            with pytest.raises(FileError) as caught:
                act()
            assert caught.value.fault is FileFault.FOREIGN
            assert "12345" in caught.value.why
            assert caught.value.remedy.commands == (f"sudo chown 0 {path}",)
        assert path.read_bytes() == b"old"
        assert path.stat().st_uid == 12345
        assert names(tmp_path) == ["f"]


def test_a_folder_that_may_not_be_written() -> None:
    with tempfile.TemporaryDirectory() as folder:  # tmp_path lies in a folder that only its owner may enter
        result = harness("denied", folder)
        assert result == {
            "fault": "PERMISSION",
            "id": "ENV008",
            "commands": [f"chmod u+wx {folder}"],
            "content": "old",
            "names": ["f"],
        }
