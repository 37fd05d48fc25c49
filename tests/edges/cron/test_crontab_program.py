"""The crontab command: a stand-in for every word and fault, and the real one in a namespace of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ocarina_kit.core.cron.crontab import Doubt
from ocarina_kit.core.cron.crontab_read import CrontabRead, ReadOutcome
from ocarina_kit.edges.cron.crontab_program import WriteOutcome, read_crontab, write_crontab
from ocarina_kit.edges.process import run
from ocarina_kit.edges.system import System

PROGRAMS = Path(__file__).parents[2] / "programs"
CONTENT = b"MAILTO=me\n# caf\xe9\n*/5 * * * * x % y \\% z\t\n"


class Desk:
    """A folder with a ``crontab`` command that keeps one file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "spool"
        self.path = f"{PROGRAMS}:/usr/bin:/bin"
        self.extra: dict[str, str] = {}

    def stand_in(self, script: str) -> None:
        """Another ``crontab``, whose ``$file`` is the spool file."""
        folder = self.folder / "bin"
        folder.mkdir(exist_ok=True)
        program = folder / "crontab"
        program.write_text(f"#!/bin/sh\nfile={self.file}\n{script}\n")
        program.chmod(0o755)
        self.path = f"{folder}:/usr/bin:/bin"

    @property
    def system(self) -> System:
        environ = {
            "PATH": self.path,
            "HOME": str(self.folder),
            "KIT_TEST_CRONTAB": str(self.file),
            **self.extra,
        }
        return System(environ=environ, home=self.folder, user="u", host="h", run=run)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_reads_what_is_there_to_the_byte(desk: Desk) -> None:
    desk.file.write_bytes(CONTENT)
    read = read_crontab(desk.system)
    assert (read.outcome, read.content, read.writable) == (ReadOutcome.CRONTAB, CONTENT, True)


def test_no_crontab_yet(desk: Desk) -> None:
    read = read_crontab(desk.system)
    assert (read.outcome, read.content, read.writable) == (ReadOutcome.NONE_YET, b"", True)


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        ("no crontab for alice", ReadOutcome.NONE_YET),
        ("crontab: no crontab for alice", ReadOutcome.NONE_YET),
        ("/usr/bin/crontab: no crontab for alice@EXAMPLE.ORG", ReadOutcome.NONE_YET),
        ("crontab: can't open 'alice': No such file or directory", ReadOutcome.NONE_YET),
        ("crontab: can't open your crontab file.", ReadOutcome.NONE_YET),
        ("You (a) are not allowed to use this program (crontab)\nSee crontab(1) for more", ReadOutcome.NOT_ALLOWED),
        ("The user alice cannot use this program (crontab)", ReadOutcome.NOT_ALLOWED),
        ("You (a) are not allowed to access to (crontab) because of pam configuration.", ReadOutcome.NOT_ALLOWED),
        ("/var/spool/cron/crontabs/alice: Permission denied", ReadOutcome.NOT_ALLOWED),
        ("crontab: /var/at/tabs/alice: Operation not permitted", ReadOutcome.NOT_ALLOWED),
        ("crontabs/alice/: fopen: Input/output error", ReadOutcome.FAILED),
        ("crontabs/alice/: fopen: Stale file handle\nno crontab for alice", ReadOutcome.FAILED),
        ("there is no crontab for you, said the cat", ReadOutcome.FAILED),
        ("aucun crontab pour alice", ReadOutcome.FAILED),
        ("", ReadOutcome.FAILED),
    ],
)  # fmt: skip
def test_failures_are_told_apart_by_their_words(desk: Desk, words: str, outcome: ReadOutcome) -> None:
    said = words.replace("'", "'\\''")
    desk.stand_in(f"[ -z '{said}' ] || printf '%s\\n' '{said}' >&2; exit 1")
    read = read_crontab(desk.system)
    assert (read.outcome, read.content) == (outcome, b"")
    if outcome is not ReadOutcome.NONE_YET:
        assert read.words
        assert not read.writable
        with pytest.raises(ValueError, match="never written"):
            write_crontab(desk.system, read, b"x\n")


def test_words_come_in_english_and_without_headers(desk: Desk) -> None:
    desk.stand_in('echo "# $LC_ALL $LANGUAGE $CRONTAB_NOHEADER"')
    desk.extra = {"LANG": "de_DE.UTF-8", "LANGUAGE": "de", "CRONTAB_NOHEADER": "N"}
    assert read_crontab(desk.system).content == b"# C  \n"


def test_an_output_that_ends_in_failure_is_no_crontab(desk: Desk) -> None:
    desk.stand_in("echo '* * * * * half'; echo 'no crontab for alice' >&2; exit 1")
    assert read_crontab(desk.system).outcome is ReadOutcome.FAILED


def test_no_crontab_program(desk: Desk) -> None:
    desk.path = str(desk.folder)
    read = read_crontab(desk.system)
    assert read.outcome is ReadOutcome.NO_PROGRAM
    none = CrontabRead(ReadOutcome.NONE_YET)
    assert write_crontab(desk.system, none, b"x\n").outcome is WriteOutcome.NO_PROGRAM


def test_a_program_that_may_not_be_run_or_is_none(desk: Desk) -> None:
    desk.stand_in("exit 0")
    program = desk.folder / "bin" / "crontab"
    program.write_text("#!/nowhere/sh\n")
    desk.path = str(program.parent)
    read = read_crontab(desk.system)
    assert not read.writable
    assert read.words
    program.chmod(0o644)
    assert read_crontab(desk.system).outcome is ReadOutcome.NOT_ALLOWED


@pytest.mark.parametrize(
    ("listing", "outcome", "doubt"),
    [
        (b"* * * * * tr -d '\\r'\n", ReadOutcome.DOUBTFUL, Doubt.ESCAPES),
        (b"# a\0b\n", ReadOutcome.DOUBTFUL, Doubt.NUL),
        (b"# a\r\n* * * * * x\\r\r\n", ReadOutcome.CRONTAB, None),
    ],
)
def test_what_cannot_be_written_back_is_doubtful(
    desk: Desk, listing: bytes, outcome: ReadOutcome, doubt: Doubt | None
) -> None:
    desk.file.write_bytes(listing)
    read = read_crontab(desk.system)
    assert (read.outcome, read.doubt, read.content) == (outcome, doubt, listing)


def test_the_real_bytes_settle_the_doubt(desk: Desk) -> None:
    """A crontab that, like Debian's, lists ``\\r`` for a carriage return, but hands the file itself to an editor."""
    desk.stand_in(
        "case $1 in -l) sed 's/\\r/\\\\r/g' \"$file\";; -e) $VISUAL \"$file\"; echo 'No modification made' >&2;; esac"
    )
    desk.file.write_bytes(b"* * * * * tr -d '\\r'\n")
    read = read_crontab(desk.system)
    assert (read.outcome, read.content) == (ReadOutcome.CRONTAB, b"* * * * * tr -d '\\r'\n")
    desk.file.write_bytes(b"* * * * * x\r\n")
    read = read_crontab(desk.system)
    assert (read.outcome, read.doubt) == (ReadOutcome.DOUBTFUL, Doubt.CONTROL)


@pytest.mark.parametrize("before", [None, b"", CONTENT])
@pytest.mark.parametrize("content", [b"", CONTENT + b"0 0 * * * new\n"])
def test_writes_and_reads_back(desk: Desk, before: bytes | None, content: bytes) -> None:
    if before is not None:
        desk.file.write_bytes(before)
    written = write_crontab(desk.system, read_crontab(desk.system), content)
    assert written.outcome is WriteOutcome.INSTALLED
    assert desk.file.read_bytes() == content


def test_a_change_since_the_read_is_noticed_and_left(desk: Desk) -> None:
    desk.file.write_bytes(CONTENT)
    read = read_crontab(desk.system)
    desk.file.write_bytes(b"# theirs\n")
    written = write_crontab(desk.system, read, CONTENT + b"# mine\n")
    assert (written.outcome, written.found) == (WriteOutcome.CHANGED_MEANWHILE, b"# theirs\n")
    assert desk.file.read_bytes() == b"# theirs\n"
    desk.file.unlink()
    written = write_crontab(desk.system, read, CONTENT + b"# mine\n")
    assert (written.outcome, written.found) == (WriteOutcome.CHANGED_MEANWHILE, b"")
    assert not desk.file.exists()


_LIST = """[ "$1" = -l ] && { [ -f "$file" ] || { echo 'no crontab for u' >&2; exit 1; }; cat "$file"; exit; }
[ "$1" = -r ] && { rm -f "$file"; exit; }
"""


@pytest.mark.parametrize(
    ("write", "outcome", "words"),
    [
        ("cat >/dev/null; echo '\"-\":0: bad minute' >&2; exit 1", WriteOutcome.REJECTED, "bad minute"),
        ("cat >/dev/null; exit 1", WriteOutcome.REJECTED, "exit code 1"),
        (
            "cat >/dev/null; echo 'tmp.x: No space left on device' >&2; exit 1",
            WriteOutcome.NO_SPACE,
            "No space",
        ),
        ("cat >/dev/null; echo 'Disk quota exceeded' >&2; exit 1", WriteOutcome.NO_SPACE, "quota"),
        (
            "echo 'You (u) are not allowed to use this program' >&2; exit 1",
            WriteOutcome.NOT_ALLOWED,
            "not allowed",
        ),
        ("cat >/dev/null", WriteOutcome.FAILED, "changed nothing"),
    ],
)
def test_a_refused_write_leaves_the_old_one(
    desk: Desk, write: str, outcome: WriteOutcome, words: str
) -> None:
    desk.stand_in(_LIST + write)
    desk.file.write_bytes(CONTENT)
    written = write_crontab(desk.system, read_crontab(desk.system), b"# new\n")
    assert written.outcome is outcome
    assert words in written.words
    assert desk.file.read_bytes() == CONTENT


@pytest.mark.parametrize("exists", [True, False])
def test_a_write_that_went_wrong_is_taken_back(desk: Desk, exists: bool) -> None:
    """The first write is mangled, as by a full disk or by another program's write just after it."""
    desk.stand_in(
        _LIST + 'if [ -f "$file.once" ]; then cat > "$file"; else touch "$file.once"; head -c 3 > "$file"; fi'
    )
    if exists:
        desk.file.write_bytes(CONTENT)
    written = write_crontab(desk.system, read_crontab(desk.system), b"# new\n")
    assert (written.outcome, written.found) == (WriteOutcome.RESTORED, b"# n")
    assert (desk.file.read_bytes() if desk.file.exists() else None) == (CONTENT if exists else None)


def test_another_programs_write_just_after_ours_is_noticed(desk: Desk) -> None:
    theirs = desk.folder / "theirs"
    theirs.write_bytes(b"# theirs\n")
    desk.file.write_bytes(CONTENT)
    desk.extra = {"KIT_TEST_CRONTAB_CHANGES": str(theirs)}
    written = write_crontab(desk.system, read_crontab(desk.system), CONTENT + b"# new\n")
    # It goes on writing after each write, so nothing can be put back: that is said, with what stands there.
    assert (written.outcome, written.found) == (WriteOutcome.NOT_RESTORED, b"# theirs\n")


def test_a_warning_with_a_crontab_that_stands_is_no_failure(desk: Desk) -> None:
    desk.stand_in(_LIST + 'cat > "$file"; echo "crontab: can\'t update mtime on spooldir" >&2; exit 1')
    written = write_crontab(desk.system, read_crontab(desk.system), CONTENT)
    assert written.outcome is WriteOutcome.INSTALLED


def test_strange_words_are_made_safe_to_show(desk: Desk) -> None:
    desk.stand_in("printf '\\033[2Jboo\\377\\n' >&2; exit 1")
    assert "\x1b" not in read_crontab(desk.system).words


def _can_hide_the_spool() -> bool:
    """Root, a real crontab (Debian's package cron), and leave to make a mount namespace."""
    if os.geteuid() != 0 or not shutil.which("crontab", path="/usr/bin:/bin") or not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not _can_hide_the_spool(), reason="needs root, unshare and a real crontab")
def test_the_real_crontab_in_a_namespace_of_its_own(tmp_path: Path) -> None:
    """Property test: see real_crontab.py, which runs where a private folder hides the machine's spool."""
    spool = tmp_path / "spool"
    (spool / "crontabs").mkdir(parents=True)
    (spool / "crontabs").chmod(0o1730)
    shutil.chown(spool / "crontabs", group="crontab")
    denied = tmp_path / "deny"
    denied.write_text("nobody\n")
    script = Path(__file__).with_name("real_crontab.py")
    marker = spool / "private"
    marker.touch()
    done = subprocess.run(
        [
            "unshare", "-m", "sh", "-c",
            'mount --make-rprivate / && mount --bind "$1" /var/spool/cron && test -f /var/spool/cron/private'
            ' && exec "$2" "$3"', "sh", spool, sys.executable, script,
        ],
        capture_output=True, text=True, check=False, timeout=110,
        env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(tmp_path), "KIT_REAL_CRONTAB": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "examples" in done.stdout


def test_the_program_gets_no_secret_of_this_shell(desk: Desk) -> None:
    desk.extra = {
        "CLIENT_SECRET": "secret-in-the-shell",
        "MAJORA_TOKEN": "secret-in-the-shell",
        "https_proxy": "http://u:secret-in-the-shell@proxy.example:3128",
        "TZ": "UTC",
    }
    desk.stand_in("env")
    listed = read_crontab(desk.system).content
    assert b"TZ=UTC" in listed
    assert b"secret-in-the-shell" not in listed
