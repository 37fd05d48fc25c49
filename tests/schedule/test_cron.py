"""What a crontab command may answer. No test here reaches a real crontab."""

from pathlib import Path

import pytest
from tests.client.stub import machine_at, program

from ocarina_kit.schedule.cron import Cron
from ocarina_kit.system.process import Completed

# exit code, standard output, standard error, state
LISTINGS = [
    (1, "", "no crontab for alice", "none yet"),
    (1, "", "/usr/bin/crontab: no crontab for alice@EXAMPLE.ORG", "none yet"),
    (1, "", "crontab: can't open 'alice': No such file or directory", "none yet"),
    (1, "", "crontab: can't open your crontab file.", "none yet"),
    (0, "", "no crontab for alice", "none yet"),
    (
        1,
        "",
        "You (a) are not allowed to use this program (crontab)\nSee crontab(1) for more",
        "not allowed",
    ),
    (1, "", "The user alice cannot use this program (crontab)", "not allowed"),
    (
        1,
        "",
        "You (a) are not allowed to access to (crontab) because of pam configuration.",
        "not allowed",
    ),
    (1, "", "/var/spool/cron/crontabs/alice: Permission denied", "not allowed"),
    (1, "", "crontab: /var/at/tabs/alice: Operation not permitted", "not allowed"),
    (
        1,
        "",
        "crontabs/alice/: fopen: Stale file handle\nno crontab for alice",
        "failed",
    ),
    (1, "", "there is no crontab for you, said the cat", "failed"),
    (1, "", "", "failed"),
    (1, "* * * * * half", "no crontab for alice", "failed"),
    # An empty listing with words is not "no crontab yet".
    (0, "", "crontab: warning: the spool is slow", "failed"),
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
def test_listings(
    tmp_path: Path, code: int | None, out: str, words: str, state: str
) -> None:
    done = Completed(code, out.encode(), words.encode(), words if code is None else "")
    cron = Cron(machine_at(tmp_path)._replace(run=lambda *_, **__: done, host="node1"))
    read = cron.list_entries()
    assert (read.state.value, read.content) == (
        state,
        out.encode() if state in ("read", "doubtful") else b"",
    )
    assert read.is_writable is (state in ("read", "none yet"))
    assert read.is_readable is (read.is_writable or state == "doubtful")
    assert "\x1b" not in read.message
    assert "hunter2" not in read.message
    problem = cron.find_problem(read)
    assert (problem is None) is read.is_writable
    if problem is not None:
        assert problem.id == ("SCH002" if read.is_readable else "CRN001")
        assert read.message
        assert problem.remedy.commands


def test_words_come_in_english_and_without_headers_and_secrets_stay_here(
    tmp_path: Path,
) -> None:
    programs = program(tmp_path / "bin" / "crontab", "#!/bin/sh\nenv\n").parent
    environ = {"LANG": "de_DE.UTF-8", "LANGUAGE": "de", "CRONTAB_NOHEADER": "N"}
    environ |= dict.fromkeys(
        ("CLIENT_SECRET", "MAJORA_TOKEN", "https_proxy"), "http://u:hunter2@proxy:1"
    )
    listed = Cron(machine_at(tmp_path, programs, **environ)).list_entries().content
    assert b"LC_ALL=C\n" in listed
    assert not [
        name for name in (b"LANGUAGE", b"NOHEADER", b"hunter2") if name in listed
    ]
