"""Real crons run the installed line at its time, and the tokens are fresh afterwards.

Debian's daemon, with its clock set by libfaketime to just before the line's minute, in
a mount namespace in which the machine's crontabs, ``/etc/crontab`` and ``/run`` are not
there; its jobs have the real time. And other crontab programs: BusyBox's with its
``crond`` (its ``ash`` is in tests/schedule/test_line.py), and systemd-cron's unpacked.
Needs root, the packages cron, busybox-static and libfaketime, and leave to make a
namespace.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import LOOKUP, Lab
from tests.client.stub import program
from tests.conftest import until

from ocarina_kit.schedule.entry import Entry, read_entries

pytestmark = pytest.mark.cron_daemon

INFO = "majora2.view_majoraartifact_info"
SYSTEM_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
HOUR = 3600.0

# $1: the folder whose parts take the place of the machine's own.
_HIDE = """
mount --make-rprivate / &&
mount --bind "$1/spool" /var/spool/cron &&
mount --bind "$1/crontab" /etc/crontab &&
mount --bind "$1/cron.d" /etc/cron.d &&
mount -t tmpfs none /run &&
test -f /var/spool/cron/private && touch "$1/ready" && exec sleep 600
"""


FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


@pytest.fixture(scope="module", autouse=True)
def all_that_is_needed() -> None:
    programs = ("cron", "crontab", "busybox", "unshare", "nsenter")
    missing = [
        program for program in programs if not shutil.which(program, path=SYSTEM_PATH)
    ]
    if missing or FAKETIME is None:
        pytest.skip(f"needs {' '.join(missing) or 'libfaketime'}")
    if subprocess.call(["unshare", "-m", "mount", "--make-rprivate", "/"]) != 0:
        pytest.skip("needs root, and leave to make a mount namespace")


class Apart:
    """A mount namespace in which no crontab of the machine's is there.

    Held by a sleeping process.
    """

    def __init__(self, folder: Path) -> None:
        crontabs = folder / "spool" / "crontabs"
        crontabs.mkdir(parents=True)
        crontabs.chmod(0o1730)
        shutil.chown(crontabs, group="crontab")
        (folder / "spool" / "private").touch()
        (folder / "crontab").touch()
        (folder / "cron.d").mkdir()
        self.log = folder / "cron.log"
        self.processes = [
            subprocess.Popen(["unshare", "-m", "sh", "-c", _HIDE, "sh", folder])
        ]
        until(
            lambda: (folder / "ready").exists() or self.processes[0].poll() is not None,
            "the namespace",
        )
        assert self.processes[0].poll() is None, "the namespace could not be made"
        self.enter = ["nsenter", "-m", "-t", str(self.processes[0].pid), "--"]

    def start_cron(self, entry: Entry) -> None:
        """Start the daemon with its clock three seconds before this entry is due."""
        minute, hours = entry.time.split()[:2]
        first = int(hours.split("-")[0]) * 60 + int(minute) - 1
        at = f"@2026-01-01 {first // 60:02}:{first % 60:02}:57"
        environ = {"PATH": SYSTEM_PATH, "LD_PRELOAD": str(FAKETIME), "FAKETIME": at}
        with self.log.open("wb") as log:
            command = [*self.enter, "cron", "-f", "-L", "15"]
            self.processes.append(
                subprocess.Popen(command, env=environ, stdout=log, stderr=log)
            )

    def stop_last(self) -> None:
        process = self.processes.pop()
        process.kill()
        process.wait()


class Person:
    """Somebody whose kit and client have environments of their own.

    ``enter`` comes before each command.
    """

    def __init__(
        self, lab: Lab, prefix: Path, enter: list[str], path: str, **environ: str
    ) -> None:
        self.kit, self.prefix, self.enter = lab.kit, prefix, enter
        self.env = {
            **lab.kit.env,
            "PATH": f"{prefix}/bin:{path}:{lab.client.parent}:/usr/bin:/bin",
            **environ,
        }
        install_kit(prefix)
        lab.give(LOOKUP, INFO, age=HOUR)

    def run(self, command: str, stdin: bytes = b"") -> bytes:
        argv: list[str] = [*self.enter, *command.split()]
        done = subprocess.run(
            argv,
            env=self.env,
            cwd=self.kit.home,
            input=stdin,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done
        return done.stdout

    @property
    def entry(self) -> Entry:
        (entry,) = read_entries(self.run("crontab -l"), "root", str(self.kit.home))
        return entry

    def is_fresh(self) -> bool:
        try:
            tokens = self.kit.read_tokens()
        except ValueError:  # the client writes in place
            return False
        return all(
            tokens[scope]["expires_at"] > time.time() + 36_000 - 300
            for scope in (LOOKUP, INFO)
        )


def install_kit(prefix: Path) -> None:
    """This very ocarina-kit and what it needs, in an environment of its own.

    An interpreter and a console script.
    """
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", "--symlinks", prefix],
        check=True,
    )
    packages = next(prefix.glob("lib/python3*/site-packages"))
    (packages / "kit.pth").write_text(
        f"import site; site.addsitedir({sysconfig.get_paths()['purelib']!r})\n"
    )
    # As pip writes them where there is a blank: a first line cannot hold one, so sh
    # finds the interpreter there.
    first = f"#!/bin/sh\n'''exec' \"{prefix}/bin/python\" \"$0\" \"$@\"\n' '''\n"
    text = (
        f"{first}import sys\nfrom ocarina_kit.__main__ import main\nsys.exit(main())\n"
    )
    program(prefix / "bin" / "ocarina-kit", text)


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Apart]:
    made = Apart(tmp_path / "apart")
    yield made
    while made.processes:
        made.stop_last()


def test_debians_daemon_runs_the_installed_line(
    lab: Lab, apart: Apart, tmp_path: Path
) -> None:
    """Through the kit, which refreshes what expired long ago too.

    Then without the kit's interpreter.
    """
    # The real crontab of this namespace, in place of the tests' program.
    person = Person(lab, tmp_path / "my 100% kit", apart.enter, "/usr/bin")
    # The daemon takes the home from the password database; the throwaway one is named
    # in the crontab.
    before = f"HOME={lab.kit.home}\n# of others: 100%\n".encode()
    person.run("crontab -", stdin=before)
    lab.has_expired()
    person.run("ocarina-kit schedule --yes")
    entry = person.entry
    assert entry.runner == "kit-first"
    assert person.run("crontab -l").startswith(before)
    apart.start_cron(entry)
    until(person.is_fresh, f"a refresh by cron, which says {apart.log.read_text()!r}")
    shown = json.loads(person.run("ocarina-kit schedule --show --json"))
    assert shown["line"] == entry.text
    assert shown["last_success"]

    apart.stop_last()
    python, log = person.prefix / "bin" / "python", lab.kit.state / "refresh.log"
    python.rename(tmp_path / "python")
    logged = log.read_bytes()
    lab.give(LOOKUP, INFO, age=HOUR)
    apart.start_cron(entry)
    until(
        person.is_fresh,
        f"a refresh by the client, of which cron says {apart.log.read_text()!r}",
    )
    assert log.read_bytes() == logged
    (tmp_path / "python").rename(python)
    person.run("ocarina-kit schedule --remove --yes")
    assert person.run("crontab -l") == before


# --- other crons

BUSYBOX = 'exec busybox crontab -c {folder} "$@"'
# systemd-cron's own program, with the folders that it has built in changed to those
# that it was unpacked in.
SYSTEMD_CRON = """
sed 's#/lib/systemd/#{unpacked}&#g; s#/var/spool/cron/crontabs#{folder}#g' \\
    {unpacked}/usr/bin/crontab >"$0.py"
exec /usr/bin/python3 -I "$0.py" "$@"
"""


@pytest.fixture
def other(lab: Lab, tmp_path: Path, request: pytest.FixtureRequest) -> Person:
    """A person on a machine with another crontab program.

    Its crontabs are in ``tmp_path / "crontabs"``.
    """
    (tmp_path / "crontabs").mkdir()
    unpacked = os.environ.get("OCARINA_KIT_SYSTEMD_CRON")
    text = request.param.format(folder=tmp_path / "crontabs", unpacked=unpacked)
    path = program(tmp_path / "programs" / "crontab", f"#!/bin/sh\n{text}\n").parent
    return Person(lab, tmp_path / "kit", [], str(path), USER="root", LOGNAME="root")


CRONTABS = [BUSYBOX, pytest.param(SYSTEMD_CRON, marks=pytest.mark.systemd_cron)]


@pytest.mark.parametrize(
    "other", CRONTABS, indirect=True, ids=["busybox", "systemd-cron"]
)
def test_another_crontab_program(other: Person) -> None:
    other.run("ocarina-kit schedule --yes")  # no crontab yet, in that program's words
    line = other.entry.text
    assert line.endswith("# ocarina-kit")
    other.run("crontab -", stdin=f"# mine 100%\n{line}\n{line}\n".encode())
    other.run("ocarina-kit schedule --yes")
    assert other.run("crontab -l") == f"# mine 100%\n{line}\n".encode()
    other.run("ocarina-kit schedule --remove --yes")
    assert other.run("crontab -l") == b"# mine 100%\n"


@pytest.mark.parametrize("other", [BUSYBOX], indirect=True, ids=["busybox"])
def test_busyboxs_daemon_runs_the_line(other: Person, tmp_path: Path) -> None:
    """Its clock cannot be set, so that the line is due at the next minute."""
    other.run("ocarina-kit schedule --yes")
    command = other.entry.command
    other.run(
        "crontab -",
        stdin=f"* * * * * export HOME={other.kit.home}; {command}\n".encode(),
    )
    daemon = ["busybox", "crond", "-f", "-c", str(tmp_path / "crontabs")]
    with subprocess.Popen(
        daemon, env={"PATH": SYSTEM_PATH, "HOME": str(other.kit.home)}
    ) as running:
        try:
            until(other.is_fresh, "a refresh by crond")
        finally:
            running.kill()
