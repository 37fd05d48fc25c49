"""The crontab command: a stand-in for every word and fault. No test here reaches a real crontab."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.client.stub import machine_at, program

from ocarina_kit.cron.program import install_crontab, read_crontab, unreadable
from ocarina_kit.system.errors import KitError
from ocarina_kit.system.files import backups_folder
from ocarina_kit.system.machine import Completed, Machine

PROGRAMS = Path(__file__).parents[1] / "programs"
CONTENT = b"MAILTO=me\n# caf\xe9\n*/5 * * * * x % y \\% z\t\n"
_LIST = """[ "$1" = -l ] && { [ -f "$file" ] || { echo 'no crontab for u' >&2; exit 1; }; cat "$file"; exit; }
[ "$1" = -r ] && { rm -f "$file"; exit; }
"""


class Desk:
    """A home with a ``crontab`` command that keeps one file, ``$file`` in the scripts of stand-ins."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "spool"
        self.programs = PROGRAMS
        self.extra: dict[str, str] = {}

    def stand_in(self, script: str) -> None:
        made = program(self.folder / "bin" / "crontab", f"#!/bin/sh\nfile={self.file}\n{script}\n")
        self.programs = made.parent

    @property
    def machine(self) -> Machine:
        return machine_at(self.folder, self.programs, KIT_TEST_CRONTAB=str(self.file), **self.extra)

    @property
    def backups(self) -> list[bytes]:
        folder = backups_folder(self.machine)
        return [path.read_bytes() for path in sorted(folder.iterdir())] if folder.exists() else []

    def refused(self) -> KitError:
        with pytest.raises(KitError) as refused:
            install_crontab(self.machine, new)
        return refused.value


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def new(content: bytes) -> bytes:
    """An edit that adds a line once, as a plan does."""
    line = b"0 0 * * * new\n"
    return content if line in content else content + line


# exit code, standard output, standard error, state
LISTINGS = [
    (1, "", "no crontab for alice", "none yet"),
    (1, "", "crontab: no crontab for alice", "none yet"),
    (1, "", "/usr/bin/crontab: no crontab for alice@EXAMPLE.ORG", "none yet"),
    (1, "", "crontab: can't open 'alice': No such file or directory", "none yet"),
    (1, "", "crontab: can't open your crontab file.", "none yet"),
    (0, "", "no crontab for alice", "none yet"),
    (1, "", "You (a) are not allowed to use this program (crontab)\nSee crontab(1) for more", "not allowed"),
    (1, "", "The user alice cannot use this program (crontab)", "not allowed"),
    (1, "", "You (a) are not allowed to access to (crontab) because of pam configuration.", "not allowed"),
    (1, "", "/var/spool/cron/crontabs/alice: Permission denied", "not allowed"),
    (1, "", "crontab: /var/at/tabs/alice: Operation not permitted", "not allowed"),
    (1, "", "crontabs/alice/: fopen: Input/output error", "failed"),
    (1, "", "crontabs/alice/: fopen: Stale file handle\nno crontab for alice", "failed"),
    (1, "", "there is no crontab for you, said the cat", "failed"),
    (1, "", "aucun crontab pour alice", "failed"),
    (1, "", "", "failed"),
    (1, "* * * * * half", "no crontab for alice", "failed"),
    # An empty listing with words is not "no crontab yet".
    (0, "", "crontab: warning: the spool is slow", "failed"),
    (0, "", "Input/output error", "failed"),
    (0, "* * * * * x", "a warning", "read"),
    (0, "* * * * * tr -d '\\r'\n", "", "doubtful"),
    (0, "# a\0b\n", "", "doubtful"),
    (0, "# a\r\n* * * * * x\\r\r\n", "", "read"),
    (None, "", "not found", "no program"),
    (None, "", "not executable", "not allowed"),
    (None, "", "timed out", "failed"),
    (1, "", "\x1b[2Jboo http://u:hunter2@proxy:1", "failed"),
]


@pytest.mark.parametrize(("code", "out", "words", "state"), LISTINGS)
def test_listings_are_told_apart(desk: Desk, code: int | None, out: str, words: str, state: str) -> None:
    done = Completed(code, out.encode(), words.encode(), words if code is None else "")
    machine = desk.machine._replace(run=lambda *_, **__: done)
    read = read_crontab(machine)
    assert (read.state, read.content) == (state, out.encode() if state in ("read", "doubtful") else b"")
    assert read.writable is (state in ("read", "none yet"))
    assert read.readable is (read.writable or state == "doubtful")
    assert "\x1b" not in read.words
    assert "hunter2" not in read.words
    problem = unreadable(read, "node1")
    assert (problem is None) is read.writable
    if problem is not None:
        assert problem.id == ("SCH002" if read.readable else "CRN001")
        assert read.words
        assert problem.remedy.commands


def test_words_come_in_english_and_without_headers_and_secrets_stay_here(desk: Desk) -> None:
    desk.stand_in("env")
    desk.extra = {"LANG": "de_DE.UTF-8", "LANGUAGE": "de", "CRONTAB_NOHEADER": "N"}
    desk.extra |= dict.fromkeys(("CLIENT_SECRET", "MAJORA_TOKEN", "https_proxy"), "http://u:hunter2@proxy:1")
    listed = read_crontab(desk.machine).content
    assert b"LC_ALL=C\n" in listed
    assert not [name for name in (b"LANGUAGE", b"NOHEADER", b"hunter2") if name in listed]


def test_what_cannot_be_written_back_is_left(desk: Desk) -> None:
    desk.file.write_bytes(b"# a\0b\n")
    assert desk.refused().id == "SCH002"
    assert desk.file.read_bytes() == b"# a\0b\n"


@pytest.mark.parametrize("before", [None, b"", CONTENT])
def test_installs_and_saves_what_was_before(desk: Desk, before: bytes | None) -> None:
    if before is not None:
        desk.file.write_bytes(before)
    backup = install_crontab(desk.machine, new)
    assert desk.file.read_bytes() == (before or b"") + b"0 0 * * * new\n"
    assert desk.backups == ([before] if before else [])
    assert backup is None or backup.stat().st_mode & 0o777 == 0o600
    assert bool(backup) is bool(before)
    assert install_crontab(desk.machine, new) is None
    install_crontab(desk.machine, lambda _: b"")
    assert desk.file.read_bytes() == b""


REFUSED = [
    ("cat >/dev/null; echo '\"-\":0: bad minute' >&2; exit 1", "SCH005", "bad minute"),
    ("cat >/dev/null; exit 1", "SCH005", "exit code 1"),
    ("cat >/dev/null; echo 'tmp.x: No space left on device' >&2; exit 1", "SCH004", "No space"),
    ("cat >/dev/null; echo 'Disk quota exceeded' >&2; exit 1", "SCH004", "quota"),
    ("echo 'You (u) are not allowed to use this program' >&2; exit 1", "CRN001", "not allowed"),
    ("cat >/dev/null; echo 'cannot do it' >&2", "SCH005", "cannot do it"),
    ("cat >/dev/null", "SCH006", "Another program"),
    ('head -c 3 > "$file"', "SCH007", "could not be put back"),
]


@pytest.mark.parametrize(("write", "id", "words"), REFUSED)
def test_a_refused_write_leaves_the_old_one(desk: Desk, write: str, id: str, words: str) -> None:
    desk.stand_in(_LIST + write)
    desk.file.write_bytes(CONTENT)
    problem = desk.refused()
    assert problem.id == id
    assert words in problem.why
    assert problem.remedy.commands
    assert desk.backups == [CONTENT]
    assert desk.file.read_bytes() == (CONTENT[:3] if id == "SCH007" else CONTENT)
    saved = problem.remedy.commands[-1].removeprefix("crontab ")
    assert id != "SCH007" or Path(saved).read_bytes() == CONTENT


def test_a_warning_with_a_crontab_that_is_in_is_no_failure(desk: Desk) -> None:
    desk.stand_in(_LIST + 'cat > "$file"; echo "crontab: can\'t update mtime on spooldir" >&2; exit 1')
    install_crontab(desk.machine, new)
    assert desk.file.read_bytes() == b"0 0 * * * new\n"


def test_not_changed_is_only_said_after_looking(desk: Desk) -> None:
    desk.stand_in(
        '[ "$1" = -l ] && { [ -f "$file.written" ] && { echo I/O error >&2; exit 1; }; cat "$file"; exit; }\n'
        'cat > "$file"; touch "$file.written"; exit 1'
    )
    desk.file.write_bytes(CONTENT)
    problem = desk.refused()
    assert problem.id == "SCH009"
    assert "unknown whether" in problem.what
    assert "not changed" not in problem.what + problem.why
    assert problem.remedy.commands[0] == "crontab -l"
    assert str(backups_folder(desk.machine)) in problem.remedy.commands[1]


@pytest.mark.parametrize("when", ["before ours", "after ours"])
def test_another_programs_write_in_the_same_moment_is_kept(desk: Desk, when: str) -> None:
    """It writes once: the kit starts over from theirs, and never puts the old one back."""
    write = 'cat > "$file"; [ -f "$file.once" ] || { touch "$file.once"; echo "# theirs" > "$file"; }'
    desk.stand_in(_LIST + (write if when == "after ours" else 'cat > "$file"'))
    desk.file.write_bytes(CONTENT)
    calls: list[bytes] = []

    def edit(content: bytes) -> bytes:
        if not calls and when == "before ours":
            desk.file.write_bytes(b"# theirs\n")
        calls.append(content)
        return new(content)

    install_crontab(desk.machine, edit)
    assert desk.file.read_bytes() == b"# theirs\n0 0 * * * new\n"
    assert len(calls) == 2


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("length", [0, 3])
def test_a_write_that_was_cut_short_is_taken_back(desk: Desk, exists: bool, length: int) -> None:
    write = f'touch "$file.once"; head -c {length} > "$file"'
    desk.stand_in(f'{_LIST}if [ -f "$file.once" ]; then cat > "$file"; else {write}; fi')
    if exists:
        desk.file.write_bytes(CONTENT)
    problem = desk.refused()
    assert (problem.id, "was put back" in problem.why) == ("SCH007", True)
    assert (desk.file.read_bytes() if desk.file.exists() else None) == (CONTENT if exists else None)


def test_no_backup_no_change(desk: Desk) -> None:
    desk.file.write_bytes(CONTENT)
    desk.machine.state.mkdir(parents=True)
    (desk.machine.state / "backups").write_text("not a folder")
    assert desk.refused().id != "SCH009"
    assert desk.file.read_bytes() == CONTENT
