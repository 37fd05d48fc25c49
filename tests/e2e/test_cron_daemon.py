"""A real cron daemon runs the installed line at its time, and the tokens are fresh afterwards.

Debian's cron, with its clock set by libfaketime to just before the line's minute, in a mount namespace of its own: the
machine's crontabs, ``/etc/crontab`` and ``/run`` are not there. Its jobs have the real time. CRON-AND-CONDA.md has the
recipe. Needs root, the packages cron and libfaketime, and leave to make a namespace; in CI nothing is skipped.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.conftest import Kit

from ocarina_kit.core.cron.crontab import Crontab
from ocarina_kit.core.cron.refreshjob import Kind, RefreshJob, refresh_jobs
from ocarina_kit.sandbox import Sandbox, install_standin

pytestmark = pytest.mark.cron_daemon

VIEW = "majora2.view_biosampleartifact"
INFO = "majora2.view_majoraartifact_info"
SYSTEM_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
HOUR = 3600.0
WAIT = 40.0
"""Seconds that a job may take to start and do its work."""

# $1: the folder whose parts take the place of the machine's own.
_HIDE = """
mount --make-rprivate / &&
mount --bind "$1/spool" /var/spool/cron &&
mount --bind "$1/crontab" /etc/crontab &&
mount --bind "$1/cron.d" /etc/cron.d &&
mount -t tmpfs none /run &&
test -f /var/spool/cron/private && touch "$1/ready" && exec sleep 600
"""


def _missing() -> str:
    """What this machine lacks for these tests; empty where it lacks nothing."""
    if os.geteuid() != 0:
        return "needs root"
    for program in ("cron", "crontab", "unshare", "nsenter"):
        if shutil.which(program, path=SYSTEM_PATH) is None:
            return f"needs the program {program}"
    if _faketime() is None:
        return "needs libfaketime"
    tried = subprocess.run(
        ["unshare", "-m", "mount", "--make-rprivate", "/"], capture_output=True, text=True, check=False
    )
    return f"may make no mount namespace: {tried.stderr.strip()}" if tried.returncode else ""


def _faketime() -> Path | None:
    return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))), None)


@pytest.fixture(scope="module", autouse=True)
def all_that_is_needed() -> None:
    missing = _missing()
    if missing and os.environ.get("CI"):
        pytest.fail(f"In CI nothing is skipped, but this machine {missing}.")
    if missing:
        pytest.skip(missing)


@dataclass
class Room:
    """A mount namespace in which no crontab of the machine's is there; held by a sleeping process."""

    keeper: subprocess.Popen[bytes]
    folder: Path
    daemon: subprocess.Popen[bytes] | None = None
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.folder / "cron.log"

    @classmethod
    def make(cls, folder: Path) -> Room:
        crontabs = folder / "spool" / "crontabs"
        crontabs.mkdir(parents=True)
        crontabs.chmod(0o1730)
        shutil.chown(crontabs, group="crontab")
        (folder / "spool" / "private").touch()
        (folder / "crontab").touch()
        (folder / "cron.d").mkdir()
        keeper = subprocess.Popen(["unshare", "-m", "sh", "-c", _HIDE, "sh", folder])
        deadline = time.monotonic() + WAIT
        while not (folder / "ready").exists():
            assert keeper.poll() is None, "the namespace could not be made"
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return cls(keeper, folder)

    def run(
        self, *argv: str | os.PathLike[str], env: Mapping[str, str], stdin: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a program in here."""
        return subprocess.run(
            ["nsenter", "-m", "-t", str(self.keeper.pid), "--", *argv],
            env=dict(env), input=stdin, capture_output=True, timeout=60, check=False,
        )  # fmt: skip

    def start_cron(self, at: str) -> None:
        """Start the daemon with its clock at ``at`` (local time)."""
        library = _faketime()
        assert library is not None
        with self.log.open("wb") as log:
            self.daemon = subprocess.Popen(
                ["nsenter", "-m", "-t", str(self.keeper.pid), "--", "cron", "-f", "-L", "15"],
                env={"PATH": SYSTEM_PATH, "LD_PRELOAD": str(library), "FAKETIME": f"@{at}"},
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def close(self) -> None:
        for process in (self.daemon, self.keeper):
            if process is not None:
                process.kill()
                process.wait()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    (tmp_path / "room").mkdir()
    with contextlib.closing(Room.make(tmp_path / "room")) as made:
        yield made


@dataclass
class Person:
    """Somebody whose kit and client are each installed in an environment of their own."""

    kit: Kit
    majora: Sandbox
    room: Room
    prefix: Path
    client: Path

    @property
    def env(self) -> dict[str, str]:
        # The real crontab of this room, in place of the tests' program.
        return {**self.kit.env, "PATH": f"{self.client.parent}:/usr/bin:/bin"}

    def ocarina_kit(self, *args: str) -> str:
        done = self.room.run(self.prefix / "bin" / "ocarina-kit", *args, env=self.env)
        assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
        return done.stdout.decode()

    def crontab(self, *args: str, stdin: bytes = b"") -> bytes:
        done = self.room.run("crontab", *args, env=self.env, stdin=stdin)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    @property
    def job(self) -> RefreshJob:
        (job,) = refresh_jobs(Crontab.parse(self.crontab("-l")), "root", str(self.kit.home))
        return job

    def just_before(self) -> str:
        """Three seconds before the line is due."""
        schedule = self.job.schedule
        assert schedule is not None
        first = schedule.minutes_of_day[-1] - 1
        return f"2026-01-01 {first // 60:02}:{first % 60:02}:57"

    def fresh(self, *scopes: str) -> bool:
        try:
            tokens = self.kit.read_tokens()
        except ValueError:  # the client writes in place
            return False
        return all(tokens[scope]["expires_at"] > time.time() + 36000 - 120 for scope in scopes)

    def wait_until_fresh(self, *scopes: str) -> None:
        deadline = time.monotonic() + WAIT
        while not self.fresh(*scopes):
            assert time.monotonic() < deadline, (
                f"nothing was refreshed; cron says: {self.room.log.read_text()}"
            )
            time.sleep(0.1)


def _install_kit(prefix: Path) -> None:
    """This very ocarina-kit and what it needs, in an environment of its own: an interpreter and a console script."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--symlinks", prefix], check=True)
    packages = next(prefix.glob("lib/python3*/site-packages"))
    (packages / "kit.pth").write_text(f"import site; site.addsitedir({sysconfig.get_paths()['purelib']!r})\n")
    script = prefix / "bin" / "ocarina-kit"
    # As pip writes them: a first line cannot hold a blank, so sh finds the interpreter there.
    first = f"#!{prefix}/bin/python\n"
    if " " in str(prefix):
        first = f"#!/bin/sh\n'''exec' \"{prefix}/bin/python\" \"$0\" \"$@\"\n' '''\n"
    script.write_text(f"{first}import sys\nfrom ocarina_kit.__main__ import main\nsys.exit(main())\n")
    script.chmod(0o755)


@pytest.fixture
def person(kit: Kit, room: Room, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Person]:
    prefix: str = getattr(request, "param", "kit")
    with Sandbox.start() as majora:
        user = majora.add_user("cron", permissions="all")
        app = majora.add_application(user)
        kit.write_config({
            "MAJORA_DOMAIN": majora.url, "MAJORA_USER": user.name, "MAJORA_TOKEN": "OAUTH",
            "CLIENT_ID": app.client_id, "CLIENT_SECRET": app.client_secret,
        })  # fmt: skip
        kit.write_tokens({scope: majora.grant(user, app, scope, HOUR) for scope in (VIEW, INFO)})
        _install_kit(tmp_path / prefix)
        client = install_standin(tmp_path / "client")
        made = Person(kit, majora, room, tmp_path / prefix, client)
        # The daemon takes the home from the password database; the throwaway one is named in the crontab.
        made.crontab("-", stdin=f"HOME={kit.home}\n# of others: 100%\n".encode())
        yield made


@pytest.mark.parametrize("person", ["my 100% kit"], indirect=True)
def test_the_installed_line_runs_at_its_time(person: Person) -> None:
    """Through the kit, which heals what expired long ago too."""
    user_tokens = person.kit.read_tokens()
    for token in user_tokens.values():
        token["expires_at"] = time.time() - 30 * HOUR
    person.kit.write_tokens(user_tokens)
    before = person.crontab("-l")
    person.ocarina_kit("schedule", "--yes")
    assert person.job.kind is Kind.KIT_FIRST
    assert person.crontab("-l").startswith(before)
    assert not person.fresh(VIEW)
    person.room.start_cron(person.just_before())
    person.wait_until_fresh(VIEW, INFO)
    log = (person.kit.state / "refresh.log").read_text()
    assert log.count("by=refresh result=refreshed") == 2
    shown = json.loads(person.ocarina_kit("schedule", "--show", "--json"))
    assert (shown["line"], shown["last_success"]["by"]) == (person.job.line.text, "refresh")
    person.ocarina_kit("schedule", "--remove", "--yes")
    assert person.crontab("-l") == before


@pytest.mark.parametrize("person", ["kit", "my 100% kit"], indirect=True)
def test_the_client_takes_over_where_the_kits_interpreter_is_gone(person: Person) -> None:
    person.ocarina_kit("schedule", "--yes")
    for link in (person.prefix / "bin").glob("python*"):
        link.unlink()
    person.room.start_cron(person.just_before())
    person.wait_until_fresh(VIEW, INFO)
    log = person.kit.state / "refresh.log"
    assert "result=refreshed" not in log.read_text()
