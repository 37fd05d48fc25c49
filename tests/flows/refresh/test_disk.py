"""A full disk, a quota, a closed folder: before the request nothing is spent, after it nothing is lost."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from tests.conftest import mode_of
from tests.flows.refresh.conftest import PAGS, SCOPES, VIEW, Person
from tests.flows.refresh.test_faults import refreshed, system_of

from ocarina_kit.core.errors import Exit
from ocarina_kit.core.oauth.answers import Granted
from ocarina_kit.core.secret import Secret
from ocarina_kit.core.tokens.refresh_report import ScopeResult
from ocarina_kit.core.tokens.token_file import TokenFile
from ocarina_kit.edges.disk import rescue
from ocarina_kit.edges.disk.file_errors import FileError
from ocarina_kit.edges.disk.token_store import Arrival, TokensReader, TokenStore
from ocarina_kit.edges.disk.writes import Syscalls


class Full:
    """A file system that is full once ``after`` writes were made on it, and says so as ``code``."""

    def __init__(self, after: int = 0, code: int = errno.ENOSPC) -> None:
        self.left = after
        self.code = code

    def write(self, descriptor: int, data: memoryview) -> int:
        if self.left <= 0:
            raise OSError(self.code, os.strerror(self.code))
        self.left -= 1
        return os.write(descriptor, data)

    @property
    def calls(self) -> Syscalls:
        return Syscalls(write=self.write)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
def test_no_place_for_the_new_file_means_no_request(person: Person, code: int) -> None:
    person.have(VIEW)
    before = person.kit.tokens.read_bytes()
    with pytest.raises(FileError) as caught:
        refreshed(person, calls=Full(code=code).calls)
    assert caught.value.id == "ENV008"
    assert caught.value.exit is Exit.PROBLEM
    assert person.majora.requests == []
    assert person.kit.tokens.read_bytes() == before
    assert not list(person.kit.home.glob(".ocarina-kit-*"))


def test_a_full_disk_means_no_request(person: Person) -> None:
    """A real one: 64 KiB, filled to the last byte, in a mount namespace of its own."""
    person.have(VIEW)
    place = person.kit.home / "small"
    place.mkdir()
    person.configure(MAJORA_TOKENS_FILE="~/small/tokens")
    script = (
        'mount -t tmpfs -o size=64k tmpfs "$1" && cp "$2" "$1/tokens" && shift 2 || exit 77\n'
        'dd if=/dev/zero of="$HOME/small/ballast" bs=4096 2>/dev/null\n'
        '"$@"; code=$?; cat "$HOME/small/tokens" >&2; exit $code\n'
    )
    done = subprocess.run(
        [
            *("unshare", "-m", "sh", "-c", script, "sh", place, person.kit.tokens),
            *person.kit.command("refresh", "--json"),
        ],
        env=person.kit.env,
        capture_output=True,
        check=False,
    )
    if done.returncode in (1, 77) and not done.stdout:
        pytest.skip("this machine gives no mount namespace")
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["error"]["id"] == "ENV008"
    assert person.kit.tokens.read_bytes() in done.stderr
    assert person.majora.requests == []


def test_a_quota_means_no_request(person: Person) -> None:
    """A real limit on the size of files, smaller than the place that is proven."""
    person.have(VIEW)
    limit = 8 * 1024
    done = subprocess.run(
        person.kit.command("refresh", "--json"),
        env={**person.kit.env, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["error"]["id"] == "ENV008"
    assert person.majora.requests == []


def test_a_state_folder_that_cannot_be_written_means_no_request(person: Person) -> None:
    person.have(VIEW)
    person.kit.state.parent.mkdir(parents=True)
    person.kit.state.write_text("a file stands in its place")
    ran = person.kit.run("refresh", "--json")
    assert ran.code == 1
    assert ran.json["error"]["id"].startswith("FIL")
    assert person.majora.requests == []


def test_room_for_three_answers_at_a_time_still_refreshes_ten(person: Person) -> None:
    """Fewer places than tokens: the answers are written one after another, each into the place before it."""
    person.have(*SCOPES[:10])

    class Narrow(Full):
        opened = 0

        def open(self, path: Path, flags: int, mode: int) -> int:
            if len(list(person.kit.home.glob(".ocarina-kit-*.tmp"))) >= 3:
                raise OSError(errno.ENOSPC, "No space left on device")
            return os.open(path, flags, mode)

    report = refreshed(person, calls=Syscalls(open=Narrow().open))
    assert {token.result for token in report.tokens} == {ScopeResult.REFRESHED}
    assert all(person.alive(scope) for scope in SCOPES[:10])


def test_a_disk_that_fills_up_after_the_request_loses_no_token(person: Person) -> None:
    person.have(VIEW, PAGS)
    # Two places are proven; every write after that fails.
    report = refreshed(person, calls=Full(after=2).calls)
    assert {token.result for token in report.tokens} == {ScopeResult.RESCUED}
    assert report.exit is Exit.PROBLEM
    error = report.tokens[0].error
    assert error is not None
    assert error.id == "RFR005"
    assert "The file system" in error.why
    kept = person.kit.state / "rescue"
    (journal,) = kept.iterdir()
    assert str(journal) in error.what
    assert mode_of(journal) == 0o600
    assert mode_of(kept) == 0o700
    assert "ocarina-kit refresh" in error.remedy.commands
    # The file still holds the spent ones; the next run puts the new ones in their place, and goes on from them.
    assert not person.alive(VIEW)
    ran = person.kit.run("refresh", "--json", "--within", "1h")
    assert ran.code == 0, repr(ran)
    assert person.alive(VIEW)
    assert person.alive(PAGS)
    assert list(kept.iterdir()) == []


def test_a_token_that_can_go_nowhere_else_goes_where_temporary_files_go(
    person: Person, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    token = person.have(VIEW)[VIEW]
    system = system_of(person)
    reader = TokensReader(system, person.kit.tokens)
    old = reader.look().get(VIEW)
    store = TokenStore(reader, calls=Full(after=1).calls)
    store.prove(1, 1)
    store.begin_journal(rescue.Journal(tmp_path / "journal", os.open("/dev/full", os.O_WRONLY)))
    granted = Granted(Secret("new-access-token"), Secret("new-refresh-token"), 36_000, (VIEW,))
    arrival = Arrival(VIEW, granted, system.clock.now(), old, store.take_place())
    store.save(arrival)
    store.close()
    assert arrival.rescued is not None
    assert arrival.rescued.is_relative_to(tmp_path)
    assert mode_of(arrival.rescued) == 0o600
    saved = TokenFile.parse(arrival.rescued.read_bytes()).get(VIEW)
    assert saved is not None
    assert saved.refresh_token == Secret("new-refresh-token")
    assert person.tokens[VIEW] == token


def test_a_run_killed_between_answer_and_write_is_made_good_by_the_next(person: Person) -> None:
    """The journal of a run that ended there, as a kill would leave it."""
    person.have(VIEW)
    program = (
        "import os, sys\n"
        "from ocarina_kit.edges.disk import rescue\n"
        "add = rescue.Journal.add\n"
        "def die(self, arrived):\n"
        "    add(self, arrived)\n"
        "    os.kill(os.getpid(), 9)\n"
        "rescue.Journal.add = die\n"
        "from ocarina_kit.__main__ import main\n"
        "sys.argv = ['ocarina-kit', 'refresh']\n"
        "sys.exit(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], env=person.kit.env, check=False)
    assert done.returncode == -9
    assert not person.alive(VIEW)
    ran = person.kit.run("status", "--json")
    assert (ran.code, ran.json["tokens"][0]["state"]) == (1, "needs-refresh")
    ran = person.kit.run("refresh", "--json", "--within", "1h")
    assert ran.code == 0, repr(ran)
    assert "cut off" in ran.err
    assert person.alive(VIEW)
    assert person.majora.stats()["refreshes"] == 1
