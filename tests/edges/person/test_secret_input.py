"""Secrets from files and standard input."""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path

import pytest

from ocarina_kit.core.errors import UsageError
from ocarina_kit.edges.person.secret_input import read_secret
from ocarina_kit.edges.system import Completed, System

SECRET = "xyZ98765" * 16


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System(
        environ={}, home=tmp_path, user="u", host="h", run=lambda *a, **k: Completed(tuple(a[0]), None)
    )


def stored(folder: Path, data: bytes, mode: int = 0o600) -> str:
    path = folder / "secret"
    path.write_bytes(data)
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize(
    "data",
    [
        SECRET.encode(),
        f"{SECRET}\n".encode(),
        f"{SECRET}\r\n\r\n".encode(),
        f"\ufeff{SECRET}\n".encode(),
        f"\ufeff{SECRET}\r\n".encode("utf-16-le"),
        b"\xfe\xff" + SECRET.encode("utf-16-be"),
    ],
)
def test_a_file_as_editors_write_it(system: System, tmp_path: Path, data: bytes) -> None:
    read = read_secret(system, "--client-secret-file", stored(tmp_path, data))
    assert read.text.reveal() == SECRET
    assert not read.warning
    assert SECRET not in repr(read)


@pytest.mark.parametrize("data", [f"{SECRET[:70]}\n{SECRET[70:]}\n", f"{SECRET}\n{SECRET}\n"])
def test_one_value_over_several_lines_is_left_to_the_judge(system: System, tmp_path: Path, data: str) -> None:
    read = read_secret(system, "--client-secret-file", stored(tmp_path, data.encode()))
    assert read.text.reveal() == data.strip()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (f"CLIENT_ID\n{SECRET}\n".encode(), "2 lines"),
        (f"{SECRET}\n{'a' * 40}\n".encode(), "2 lines"),
        (b"\xff" * 40, "no text"),
        (b"x" * ((1 << 20) + 1), "larger than 1 MiB"),
    ],
)
def test_what_is_no_single_value_is_refused(system: System, tmp_path: Path, data: bytes, said: str) -> None:
    with pytest.raises(UsageError) as error:
        read_secret(system, "--client-secret-file", stored(tmp_path, data))
    assert said in error.value.what
    assert SECRET not in error.value.what


def test_a_file_that_others_can_read_is_warned_of(system: System, tmp_path: Path) -> None:
    assert "chmod 600" in read_secret(system, "--x", stored(tmp_path, b"x", 0o644)).warning


def test_missing_files_and_folders_are_told_apart_from_secrets(system: System, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as missing:
        read_secret(system, "--client-secret-file", str(tmp_path / "nowhere"))
    assert "nowhere cannot be read (No such file or directory)" in missing.value.what
    with pytest.raises(UsageError) as folder:
        read_secret(system, "--client-secret-file", str(tmp_path))
    assert "Is a directory" in folder.value.what
    with pytest.raises(UsageError) as secret:
        read_secret(system, "--client-secret-file", SECRET)
    assert SECRET not in secret.value.what + secret.value.why
    assert "history" in secret.value.why


def test_standard_input_and_pipes(system: System, tmp_path: Path) -> None:
    read = read_secret(system, "--client-secret-file", "-", io.BytesIO(f"{SECRET}\n".encode()))
    assert read.text.reveal() == SECRET
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["sh", "-c", f"echo {SECRET} > {pipe}"]):
        assert read_secret(system, "--client-secret-file", str(pipe)).text.reveal() == SECRET


def test_a_tilde_is_home(system: System, tmp_path: Path) -> None:
    stored(tmp_path, b"x")
    assert read_secret(system, "--x", "~/secret").text.reveal() == "x"
