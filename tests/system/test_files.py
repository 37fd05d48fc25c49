"""system/files.py.

Looking without waiting; old or new at every instant, 0600, through links.
"""

import errno
import os
import resource
import signal
from pathlib import Path

import pytest
from tests.conftest import mode_of

from ocarina_kit.system import files
from ocarina_kit.system.file_errors import examine_folder, explained
from ocarina_kit.system.file_kind import FileKind
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.problem import KitError, Problem
from ocarina_kit.system.problems import no_file


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def refusal(path: Path, data: bytes = b"new") -> Problem:
    with pytest.raises(KitError) as caught:
        files.write_private(path, data)
    assert caught.value.problem.text.endswith("Nothing was changed.")
    assert caught.value.problem.why
    assert caught.value.problem.remedy.text
    return caught.value.problem


def test_a_plain_file_through_links_and_the_cap(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"secret-content")
    path.chmod(0o640)
    os.link(path, tmp_path / "g")
    (tmp_path / "two").symlink_to("f")
    (tmp_path / "one").symlink_to(tmp_path / "two")
    seen = files.read_file(tmp_path / "one", cap=14)
    assert (seen.kind, seen.content, seen.mode) == ("file", b"secret-content", 0o640)
    assert (seen.ours, seen.links) == (True, 2)
    assert "secret-content" not in repr(seen)
    assert files.read_file(path, cap=13).kind == "too large"
    for bits, loose in {0o600: False, 0o711: False, 0o604: True, 0o620: True}.items():
        path.chmod(bits)
        assert files.read_file(path).open_to_others is loose


def test_what_is_not_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "gone").symlink_to("nowhere")
    (tmp_path / "circle").symlink_to("circle")
    kinds = {
        "none": "missing",
        "file/f": "missing",
        "no/f": "missing",
        "": "folder",
        "/dev/null": "special",
    }
    kinds |= {
        "fifo": "special",
        "gone": "dangling",
        "circle": "dangling",
        "x" * 300: "unreadable",
    }
    for name, kind in kinds.items():
        seen = files.read_file(tmp_path / name)
        assert (seen.kind, seen.content) == (kind, None), name
        assert seen.replaceable is (kind in ("missing", "dangling"))


def test_half_a_file_is_looked_at_again(tmp_path: Path, machine: Machine) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"{")
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            path.write_bytes(b"{}")

    patient = machine._replace(sleep=sleep)
    assert (
        files.read_settled(patient, path, lambda data: data == b"{}").content == b"{}"
    )
    assert files.read_settled(patient, path, lambda data: False).content == b"{}"
    assert len(waits) == 2 + 5


def test_folders_that_let_others_replace_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    (folder / "home").mkdir(parents=True)
    (tmp_path / "link").symlink_to("shared/f")
    paths = (folder / "f", folder / "home" / "f", tmp_path / "link")
    for path in paths[:2]:
        path.touch()
    for bits, loose in {
        0o700: (),
        0o755: (),
        0o777: (folder,),
        0o702: (folder,),
        0o1777: (),
    }.items():
        folder.chmod(bits)
        assert [files.loose_folders(path) for path in paths] == [loose] * 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_another_users_folder_and_group(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    os.chown(tmp_path / "f", 12345, -1)
    with pytest.raises(KitError) as caught, explained(tmp_path / "f"):
        raise PermissionError(errno.EACCES, "")
    assert caught.value.problem.id == "FIL001"
    assert (
        no_file(FileKind.UNREADABLE, tmp_path / "f", is_foreign=True)[1]
        == caught.value.problem.remedy.commands
    )
    (tmp_path / "f").rename(tmp_path / ".ocarina-kit")
    assert examine_folder(tmp_path) is None
    (tmp_path / ".ocarina-kit").rename(tmp_path / "f")
    os.chown(tmp_path / "f", 0, -1)
    os.chown(tmp_path, 0, 12345)
    tmp_path.chmod(0o770)
    assert files.loose_folders(tmp_path / "f") == (tmp_path,)
    os.chown(tmp_path, 12345, -1)
    assert files.loose_folders(tmp_path / "f") == (tmp_path,)
    with pytest.raises(KitError) as caught:
        files.make_private_folder(tmp_path)
    assert caught.value.problem.id == "FIL001"
    os.chown(tmp_path / "f", 12345, -1)
    assert refusal(tmp_path / "f").id == "FIL001"
    assert names(tmp_path) == ["f"]


def test_0600_whatever_it_was(tmp_path: Path) -> None:
    for number, (before, umask) in enumerate(
        [(None, 0), (None, 0o777), (0o644, 0o777), (0, 0)]
    ):
        path = tmp_path / f"tokens{number}"
        if before is not None:
            path.write_bytes(b"old")
            path.chmod(before)
        kept = os.umask(umask)
        try:
            files.write_private(path, b"new")
        finally:
            os.umask(kept)
        assert (path.read_bytes(), mode_of(path)) == (b"new", 0o600)


def test_links_stay_and_their_target_is_written(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "f").write_bytes(b"old")
    (tmp_path / "second").symlink_to("there/f")
    (tmp_path / "first").symlink_to(tmp_path / "second")
    (tmp_path / "new").symlink_to("there/new")
    files.write_private(tmp_path / "first", b"1")
    files.write_private(tmp_path / "new", b"2")
    assert (tmp_path / "there" / "f").read_bytes() == b"1"
    assert mode_of(tmp_path / "there" / "new") == 0o600
    assert names(tmp_path) == ["first", "new", "second", "there"]
    assert files.final_target(tmp_path / "first") == tmp_path / "there" / "f"
    files.chmod_private(tmp_path / "first")
    files.remove(tmp_path / "first")
    files.remove(tmp_path / "first")
    assert names(tmp_path / "there") == ["new"]


def test_what_cannot_be_written_says_why(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    ids = {
        "folder": "FIL002",
        "fifo": "FIL003",
        "no/f": "FIL004",
        "file/f": "FIL004",
        "a": "FIL006",
    }
    ids |= {"x" * 300: "FIL005", "nul\0": "FIL007"}
    for name, id in ids.items():
        assert refusal(tmp_path / name).id == id, name
    assert refusal(tmp_path / "no" / "f").remedy.commands == (
        f"mkdir -p {tmp_path}/no",
    )
    assert names(tmp_path) == ["a", "b", "fifo", "file", "folder"]
    for path in (tmp_path / "file", tmp_path / "file" / "b"):
        with pytest.raises(KitError) as caught:
            files.make_private_folder(path)
        assert caught.value.problem.id == "FIL002"


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (errno.EROFS, "read-only"),
        (errno.ENOSPC, "full"),
        (errno.EDQUOT, "quota"),
        (errno.EPERM, "marked"),
    ],
)
def test_the_systems_refusals_in_words(tmp_path: Path, code: int, word: str) -> None:
    with pytest.raises(KitError) as caught, explained(tmp_path / "it's"):
        raise OSError(code, os.strerror(code))
    assert (caught.value.problem.id, word in caught.value.problem.why) == (
        "ENV008",
        True,
    )


def test_a_write_that_fails_midway_leaves_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        assert "quota" in refusal(path, b"x" * 2000).why
        with pytest.raises(KitError):
            files.prove_space(path, 2000)
        reserved = files.prove_space(path, 10)
        with pytest.raises(KitError):
            reserved.fill(b"x" * 2000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert (path.read_bytes(), names(tmp_path)) == (b"old", ["f"])


def test_what_killed_writes_left_is_removed_once_it_is_old(tmp_path: Path) -> None:
    reserved = [files.prove_space(tmp_path / name, 10) for name in ("f", "g")]
    for entry in list(tmp_path.iterdir()):
        os.utime(entry, (1e9, 1e9))
    reserved.append(files.prove_space(tmp_path / "f", 10))
    assert len(names(tmp_path)) == 2, "the old one of f is gone"
    for reservation in reserved:
        reservation.discard()
    assert names(tmp_path) == []


def test_private_folders(tmp_path: Path) -> None:
    folder = files.make_private_folder(tmp_path / "a" / "b")
    assert (mode_of(folder), mode_of(folder.parent)) == (0o700, 0o700)
    folder.chmod(0o755)
    assert mode_of(files.make_private_folder(folder)) == 0o700
