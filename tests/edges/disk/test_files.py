"""edges/disk/files.py: looking at files, without waiting and without raising."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.core.file_facts import FileKind
from ocarina_kit.edges.disk.file_errors import FileError, FileFault
from ocarina_kit.edges.disk.files import folder_facts, make_private_folder, read_file, read_settled


def test_a_plain_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"secret-content")
    path.chmod(0o640)
    facts = read_file(path)
    assert facts.kind is FileKind.FILE
    assert facts.content == b"secret-content"
    assert facts.mode == 0o640
    assert facts.owner == os.geteuid()
    assert facts.ours
    assert facts.size == 14
    assert facts.open_to_others
    assert facts.target is None
    assert facts.loose_folders == ()
    assert "secret-content" not in repr(facts)


@pytest.mark.parametrize(
    ("mode", "loose"), [(0o600, False), (0o400, False), (0o711, False), (0o604, True), (0o620, True)]
)
def test_who_else_can_read_or_write(tmp_path: Path, mode: int, loose: bool) -> None:
    (tmp_path / "f").touch()
    (tmp_path / "f").chmod(mode)
    assert read_file(tmp_path / "f").open_to_others is loose


def test_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "f", tmp_path / "no" / "f", tmp_path / "file" / "f"):
        facts = read_file(path)
        assert facts.kind is FileKind.MISSING
        assert not facts.exists
        assert facts.content is None


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    assert read_file(tmp_path).kind is FileKind.FOLDER


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "f")
    assert read_file(tmp_path / "f").kind is FileKind.SPECIAL


def test_links(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "f").write_bytes(b"x")
    (tmp_path / "two").symlink_to("there/f")
    (tmp_path / "one").symlink_to(tmp_path / "two")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "circle").symlink_to("circle")
    one = read_file(tmp_path / "one")
    assert (one.kind, one.content, one.target) == (FileKind.FILE, b"x", tmp_path / "there" / "f")
    dangling = read_file(tmp_path / "dangling")
    assert (dangling.kind, dangling.target) == (FileKind.DANGLING, tmp_path / "nowhere")
    assert read_file(tmp_path / "circle").kind is FileKind.DANGLING


def test_more_than_the_cap_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 100)
    assert read_file(tmp_path / "f", cap=100).kind is FileKind.FILE
    facts = read_file(tmp_path / "f", cap=99)
    assert (facts.kind, facts.content, facts.size) == (FileKind.TOO_LARGE, None, 100)


def test_a_file_without_a_size_of_its_own() -> None:
    facts = read_file(Path("/dev/null"))
    assert facts.kind is FileKind.SPECIAL


def test_another_users_file(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    assert read_file(tmp_path / "f", uid=os.geteuid() + 1).ours is False


@given(name=st.text(max_size=300))
def test_any_name_is_looked_at_without_raising(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    read_file(tmp_path_factory.getbasetemp() / "none" / name)


class TestLooseFolders:
    """CFG003: the folder lets others replace the file."""

    @pytest.mark.parametrize(
        ("mode", "loose"),
        [
            (0o700, False),
            (0o755, False),
            (0o777, True),
            (0o702, True),
            (0o1777, False),  # sticky, as /tmp is: only the owner of the file can replace it
        ],
    )
    def test_by_the_folders_mode(self, tmp_path: Path, mode: int, loose: bool) -> None:
        folder = tmp_path / "home"
        folder.mkdir()
        (folder / "f").touch()
        folder.chmod(mode)
        assert read_file(folder / "f").loose_folders == ((folder,) if loose else ())

    def test_the_folder_of_the_links_target_counts_too(self, tmp_path: Path) -> None:
        (tmp_path / "shared").mkdir()
        (tmp_path / "shared" / "f").touch()
        (tmp_path / "shared").chmod(0o777)
        (tmp_path / "f").symlink_to("shared/f")
        assert read_file(tmp_path / "f").loose_folders == (tmp_path / "shared",)

    def test_a_folder_above_that_all_may_write(self, tmp_path: Path) -> None:
        (tmp_path / "open" / "home").mkdir(parents=True)
        (tmp_path / "open" / "home" / "f").touch()
        (tmp_path / "open").chmod(0o777)
        assert read_file(tmp_path / "open" / "home" / "f").loose_folders == (tmp_path / "open",)

    def test_a_third_users_folder(self, tmp_path: Path) -> None:
        (tmp_path / "f").touch()
        stranger = os.geteuid() + 1
        if os.geteuid() == 0:  # what belongs to root is trusted by all: ask about a folder that does not
            os.chown(tmp_path, 12345, -1)
        else:
            stranger = 12345
        assert read_file(tmp_path / "f", uid=stranger).loose_folders == (tmp_path,)

    def test_a_group_that_others_are_in(self, tmp_path: Path) -> None:
        folder = tmp_path / "home"
        folder.mkdir()
        (folder / "f").touch()
        if os.geteuid() == 0:
            os.chown(folder, 0, 12345)
            folder.chmod(0o770)
            assert read_file(folder / "f").loose_folders == (folder,)
        # The user's own group, where it is private, is nobody else's.
        os.chown(folder, -1, os.getegid())
        folder.chmod(0o770)
        import grp
        import pwd

        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(os.getegid())
        private = group.gr_name == user.pw_name and user.pw_gid == group.gr_gid and not group.gr_mem
        assert read_file(folder / "f").loose_folders == (() if private else (folder,))


@dataclass
class Naps:
    """A clock that runs what should happen in each pause."""

    then: list[bytes]
    path: Path
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return 0.0

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if self.then:
            self.path.write_bytes(self.then.pop(0))


class TestSettled:
    def test_half_a_file_is_looked_at_again(self, tmp_path: Path) -> None:
        path = tmp_path / "f"
        path.write_bytes(b'{"a"')
        clock = Naps([b"", b'{"a": 1}'], path)
        facts = read_settled(path, lambda content: content.endswith(b"}"), clock=clock)
        assert facts.content == b'{"a": 1}'
        assert len(clock.slept) == 2

    def test_one_that_stays_broken_is_given_back_as_it_is(self, tmp_path: Path) -> None:
        path = tmp_path / "f"
        path.write_bytes(b'{"a"')
        clock = Naps([], path)
        judged: list[bytes] = []

        def whole(content: bytes) -> bool:
            judged.append(content)
            return False

        facts = read_settled(path, whole, clock=clock, tries=4)
        assert facts.content == b'{"a"'
        assert len(clock.slept) == 3
        assert len(judged) == 1

    def test_a_missing_file_is_not_waited_for(self, tmp_path: Path) -> None:
        clock = Naps([], tmp_path / "f")
        assert read_settled(tmp_path / "f", lambda _: False, clock=clock).kind is FileKind.MISSING
        assert clock.slept == []


class TestFolders:
    def test_one_with_room(self, tmp_path: Path) -> None:
        facts = folder_facts(tmp_path)
        assert facts.exists
        assert facts.writable
        assert facts.free_bytes is not None
        assert facts.free_bytes > 0

    def test_none(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        assert not folder_facts(tmp_path / "none").exists
        assert not folder_facts(tmp_path / "file").exists

    def test_made_private_with_all_above_it(self, tmp_path: Path) -> None:
        folder = tmp_path / ".local" / "state" / "ocarina-kit"
        assert make_private_folder(folder) == folder
        for each in (folder, folder.parent, folder.parent.parent):
            assert stat.S_IMODE(each.stat().st_mode) == 0o700

    def test_a_loose_one_is_closed(self, tmp_path: Path) -> None:
        (tmp_path / "s").mkdir(mode=0o755)
        make_private_folder(tmp_path / "s")
        assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o700

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
    def test_another_users_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "s").mkdir()
        os.chown(tmp_path / "s", 4321, 4321)
        with pytest.raises(FileError) as caught:
            make_private_folder(tmp_path / "s")
        assert caught.value.fault is FileFault.FOREIGN

    def test_a_file_in_the_way(self, tmp_path: Path) -> None:
        (tmp_path / "s").touch()
        with pytest.raises(FileError) as caught:
            make_private_folder(tmp_path / "s" / "t")
        assert caught.value.fault is FileFault.NO_FOLDER
        with pytest.raises(FileError):
            make_private_folder(tmp_path / "s")
