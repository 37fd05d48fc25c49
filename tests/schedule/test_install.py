"""A crontab is changed: a stand-in command for every fault. No test here reaches a real crontab."""

from pathlib import Path

import pytest
from tests.client.stub import machine_at, program

from ocarina_kit.schedule.cron import Cron
from ocarina_kit.schedule.install import Edit, install
from ocarina_kit.system.files import backups_folder
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.problem import KitError

OLD, NEW = b"MAILTO=me\n# caf\xe9\n*/5 * * * * x % y \\% z\t\n", b"0 0 * * * new\n"
NUL = b"# a\0b\n"
PROGRAM = """#!/bin/sh
file="$KIT_TEST_CRONTAB"
[ -f "$file.broken" ] && { echo "I/O error" >&2; exit 1; }
[ "$1" = -l ] && { [ -f "$file" ] || { echo "no crontab for u" >&2; exit 1; }; cat "$file"; exit; }
[ "$1" = -r ] && { rm -f "$file"; exit; }
"""
PUT = 'cat > "$file"'


def machine(home: Path, write: str = PUT) -> Machine:
    """A machine with a ``crontab`` command that keeps ``spool``; ``write`` is what its ``crontab -`` does."""
    programs = program(home / "bin" / "crontab", f"{PROGRAM}{write}\n").parent
    return machine_at(home, programs, KIT_TEST_CRONTAB=str(home / "spool"))


def install_crontab(machine: Machine, edit: Edit) -> Path | None:
    return install(machine, Cron(machine), edit)


def new(content: bytes) -> bytes:
    """An edit that adds a line once, as a plan does."""
    return content if NEW in content else content + NEW


@pytest.mark.parametrize("before", [None, b"", OLD])
def test_installs_and_saves_what_was_before(
    tmp_path: Path, before: bytes | None
) -> None:
    # A warning where the crontab is in is no failure.
    here, file = (
        machine(tmp_path, f"{PUT}; echo 'cannot update mtime' >&2; exit 1"),
        tmp_path / "spool",
    )
    if before is not None:
        file.write_bytes(before)
    backup = install_crontab(here, new)
    assert file.read_bytes() == (before or b"") + NEW
    assert backup is None or (backup.read_bytes(), backup.stat().st_mode & 0o777) == (
        before,
        0o600,
    )
    assert bool(backup) is bool(before)
    assert install_crontab(here, new) is None
    install_crontab(here, lambda _: b"")
    assert file.read_bytes() == b""


ONCE = f'[ -f "$file.once" ] && {{ {PUT}; exit; }}; touch "$file.once"; '
WRITES: list[tuple[bytes | None, str, str, str, bytes | None]] = [
    # the crontab, what `crontab -` does, the id and words of the problem, the crontab afterwards
    (
        OLD,
        "cat >/dev/null; echo '\"-\":0: bad minute' >&2; exit 1",
        "SCH005",
        "bad minute",
        OLD,
    ),
    (OLD, "cat >/dev/null; exit 1", "SCH005", "exit code 1", OLD),
    (
        OLD,
        "cat >/dev/null; echo 'tmp.x: No space left on device' >&2; exit 1",
        "SCH004",
        "No space",
        OLD,
    ),
    (
        OLD,
        "echo 'You (u) are not allowed to use this program' >&2; exit 1",
        "CRN001",
        "not allowed",
        OLD,
    ),
    (OLD, "cat >/dev/null; echo 'cannot do it' >&2", "SCH005", "cannot do it", OLD),
    (OLD, "cat >/dev/null", "SCH006", "Another program", OLD),
    (OLD, f'{PUT}; touch "$file.broken"; exit 1', "SCH009", "I/O error", OLD + NEW),
    (OLD, 'head -c 3 > "$file"', "SCH007", "could not be put back", OLD[:3]),
    (OLD, f'{ONCE}head -c 3 > "$file"', "SCH007", "was put back", OLD),
    (OLD, f'{ONCE}head -c 0 > "$file"', "SCH007", "was put back", OLD),
    (None, f'{ONCE}head -c 3 > "$file"', "SCH007", "was put back", None),
    (NUL, PUT, "SCH002", "", NUL),
]


@pytest.mark.parametrize(("before", "write", "id", "words", "after"), WRITES)
def test_a_write_that_fails_says_what_is_in_the_crontab(
    tmp_path: Path,
    before: bytes | None,
    write: str,
    id: str,
    words: str,
    after: bytes | None,
) -> None:
    here, file = machine(tmp_path, write), tmp_path / "spool"
    if before is not None:
        file.write_bytes(before)
    with pytest.raises(KitError) as refused:
        install_crontab(here, new)
    problem = refused.value.problem
    assert (problem.id, words in problem.why) == (id, True)
    assert (file.read_bytes() if file.exists() else None) == after
    saved = list(backups_folder(here).glob("*"))
    assert [path.read_bytes() for path in saved] == ([OLD] if before == OLD else [])
    if id in ("SCH006", "SCH009") or after == OLD[:3]:
        assert problem.remedy.commands == ("crontab -l", f"crontab {saved[0]}")
    assert problem.remedy.commands


THEIRS = b"# theirs\n"
# What another program does right after the first write of ours, and what is in the crontab then; "": right before it.
OTHERS = [
    ("", THEIRS),
    ('echo "# theirs" > "$file"', THEIRS),
    ('echo "# theirs" >> "$file"', OLD + NEW + THEIRS),
]


@pytest.mark.parametrize(("write", "theirs"), OTHERS)
def test_another_programs_write_in_the_same_moment_is_kept(
    tmp_path: Path, write: str, theirs: bytes
) -> None:
    """The kit starts over from theirs, and never puts the old one back."""
    once = f'[ -f "$file.once" ] || {{ touch "$file.once"; {write or ":"}; }}'
    here, file = machine(tmp_path, f"{PUT}; {once}"), tmp_path / "spool"
    file.write_bytes(OLD)
    calls: list[bytes] = []

    def edit(content: bytes) -> bytes:
        if not calls and not write:
            file.write_bytes(theirs)
        calls.append(content)
        return new(content)

    assert install_crontab(here, edit) is not None
    assert (file.read_bytes(), calls) == (new(theirs), [OLD, theirs])


def test_a_header_that_crontab_writes_itself_does_not_pile_up(tmp_path: Path) -> None:
    header = b"# DO NOT EDIT THIS FILE - edit the master and reinstall.\n# (- installed on)\n# (Cron version)\n"
    here, file = machine(tmp_path, 'cat "$file.header" - > "$file"'), tmp_path / "spool"
    (tmp_path / "spool.header").write_bytes(header)
    file.write_bytes(header + OLD)
    backup = install_crontab(here, new)
    assert (backup and backup.read_bytes(), file.read_bytes()) == (
        header + OLD,
        header + OLD + NEW,
    )


def test_another_reader_looks_only_at_what_is_new(tmp_path: Path) -> None:
    """A last line without a line break, which the plan gives one, is not python-crontab's to refuse."""
    here, file = machine(tmp_path), tmp_path / "spool"
    file.write_bytes(b"*/60 * * * * theirs")
    install_crontab(here, lambda content: b"*/60 * * * * theirs\nA = b\n" + NEW)
    with pytest.raises(KitError) as refused:
        install_crontab(here, lambda content: content + b"*/60 * * * * ours\n")
    assert (refused.value.problem.id, file.read_bytes()) == (
        "SCH010",
        b"*/60 * * * * theirs\nA = b\n" + NEW,
    )


def test_no_backup_no_change(tmp_path: Path) -> None:
    here, file = machine(tmp_path), tmp_path / "spool"
    file.write_bytes(OLD)
    program(backups_folder(here), "not a folder")
    with pytest.raises(KitError):
        install_crontab(here, new)
    assert file.read_bytes() == OLD
