"""What all tests share.

The guards, and the real command as a process in a throwaway home.
"""

import json
import os
import pwd
import runpy
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from tests.forkserver import Server
from tests.terminal import WAIT

from ocarina_kit.sandbox import Sandbox

TESTS = Path(__file__).parent
REAL_HOME = pwd.getpwuid(os.geteuid()).pw_dir
os.environ["KIT_GUARD_HOME"] = REAL_HOME

# A busy machine may take its time.
settings.register_profile(
    "calm", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("calm")

GUARD_EXIT = runpy.run_path(str(TESTS / "guards" / "sitecustomize.py"))["EXIT"]


def _precious() -> tuple[bytes, bytes]:
    """What no test may change.

    The developer's own files and their crontab, or what is said where there is none.
    """
    command = ["sh", "-c", "cat .ocarina; cat .ocarina-tokens; /usr/bin/crontab -l"]
    done = subprocess.run(command, cwd=REAL_HOME, capture_output=True, check=False)
    return done.stdout, done.stderr


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Some tests are selected only where they are asked for.

    Nothing that can be had is skipped.
    """
    wanted = {
        "real_client": os.environ.get("OCARINA_KIT_REAL_CLIENT"),
        "systemd_cron": os.environ.get("OCARINA_KIT_SYSTEMD_CRON"),
        "soak": "soak" in config.option.markexpr,
    }
    off = [marker for marker in wanted if not wanted[marker]]
    without = [
        item for item in items if any(item.get_closest_marker(marker) for marker in off)
    ]
    config.hook.pytest_deselected(items=without)
    items[:] = [item for item in items if item not in without]
    for item in items:
        if item.get_closest_marker("soak"):
            item.add_marker(pytest.mark.timeout(4 * 3600))


def pytest_xdist_auto_num_workers() -> int:
    """With ``-n auto``: one more than processors, as some tests wait for a clock."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[
    None, pytest.TestReport, pytest.TestReport
]:
    """In CI nothing is skipped.

    A program that is missing there is a mistake of .ci/run.
    """
    report = yield
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


@pytest.fixture(scope="session", autouse=True)
def nothing_is_changed_or_left_behind(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """Check that the developer's own files and crontab stay as they are.

    No process of a test outlives the session.
    """
    before, base = _precious(), str(tmp_path_factory.getbasetemp())
    if sys.platform == "linux":  # macOS forks less safely
        Kit.server = Server({**START, "HOME": base})
    yield
    if Kit.server:
        Kit.server.close()
    assert _precious() == before, "a test changed the developer's own files or crontab"
    left = processes_with(base)
    assert left == [], f"still running: {left}"


def processes_with(text: str) -> list[str]:
    """The processes in whose environment ``text`` is (Linux).

    Those that a test has started in its folder.
    """
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if text.encode() in (
                folder / "environ"
            ).read_bytes() and folder.name != str(os.getpid()):
                command = (
                    (folder / "cmdline")
                    .read_bytes()
                    .replace(b"\0", b" ")
                    .decode(errors="replace")
                )
                found.append(f"{folder.name} {command}")
        except OSError:  # another user's, or gone
            continue
    return found


START = {
    "LANG": "C.UTF-8",
    "PYTHONPATH": str(TESTS / "guards"),
    "PYTHONWARNINGS": "error",
    "KIT_GUARD_HOME": REAL_HOME,
}
"""What the start of an interpreter depends on, as it usually is."""


@dataclass(frozen=True)
class Ran:
    """A finished run of the command."""

    args: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.out)

    @property
    def all(self) -> str:
        return self.out + self.err

    def __repr__(self) -> str:
        return (
            f"\n$ ocarina-kit {' '.join(self.args)}\n{self.out}--- stderr\n"
            f"{self.err}--- exit {self.code}"
        )


@dataclass
class Kit:
    """The real ``ocarina-kit``, as a process, in a home of its own.

    It must never print one of ``secrets``.
    """

    home: Path
    extra: dict[str, str] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set, repr=False)
    server: ClassVar[Server | None] = None

    def __post_init__(self) -> None:
        self.config, self.tokens = self.home / ".ocarina", self.home / ".ocarina-tokens"
        self.state = self.home / ".local" / "state" / "ocarina-kit"
        self.crontab_file = self.home / "spool-crontab"

    @property
    def env(self) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "LOGNAME": "tester",
            "PATH": f"{TESTS / 'programs'}:/usr/bin:/bin",
            **START,
            "KIT_TEST_CRONTAB": str(self.crontab_file),
            **self.extra,
        }

    def command(self, *args: str) -> list[str]:
        return [sys.executable, "-m", "ocarina_kit", *args]

    def forks(self, environ: Mapping[str, str]) -> bool:
        """Whether a forked run is the same.

        Its interpreter would start in the usual way.
        """
        wanted = {
            name: environ[name]
            for name in environ
            if name in START or name[:3] in ("PYT", "LC_")
        }
        return self.server is not None and wanted == START

    def run(
        self,
        *args: str | os.PathLike[str],
        stdin: str | bytes | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 300,
        fork: bool = True,
    ) -> Ran:
        """Run to its end. Without ``stdin`` there is no input and no terminal.

        See forkserver.py for ``fork``.
        """
        words, environ = (
            tuple(os.fspath(word) for word in args),
            {**self.env, **(env or {})},
        )
        data = stdin.encode() if isinstance(stdin, str) else stdin or b""
        if fork and self.forks(environ):
            done = self.server.run(words, environ, self.home, data, timeout)
        else:
            how: dict[str, Any] = {
                "env": environ,
                "cwd": self.home,
                "timeout": timeout,
                "input": data,
            }
            done = subprocess.run(
                self.command(*words), capture_output=True, check=False, **how
            )
        out, err = (
            stream.decode("utf-8", "backslashreplace")
            for stream in (done.stdout, done.stderr)
        )
        ran = Ran(words, done.returncode, out, err)
        assert ran.code != GUARD_EXIT, f"a guard ended this run: {ran!r}"
        assert "Traceback (most recent call last)" not in ran.all, repr(ran)
        for secret in self.secrets:
            assert secret not in ran.all, f"a secret in the output of {words}"
        return ran

    def write_config(self, settings: Mapping[str, Any], mode: int = 0o600) -> None:
        self.config.write_text(json.dumps(settings, indent=4) + "\n")
        self.config.chmod(mode)

    def write_tokens(self, tokens: Mapping[str, Any]) -> Path:
        self.tokens.write_text(json.dumps(tokens))
        self.tokens.chmod(0o600)
        return self.tokens

    def set_up(self, majora: Any, name: str = "ann") -> tuple[Any, Any]:
        """A person at this Majora, with a configuration that works here.

        The user and the application.
        """
        user = majora.add_user(name)
        app = majora.add_application(user)
        self.secrets |= {app.client_secret, user.password}
        self.write_config(
            {
                "MAJORA_DOMAIN": majora.url,
                "MAJORA_USER": user.name,
                "MAJORA_TOKEN": "OAUTH",
                "CLIENT_ID": app.client_id,
                "CLIENT_SECRET": app.client_secret,
            }
        )
        return user, app

    def read_config(self) -> dict[str, Any]:
        return json.loads(self.config.read_bytes())

    def read_tokens(self) -> dict[str, Any]:
        return json.loads(self.tokens.read_bytes())

    @property
    def crontab(self) -> str | None:
        """The user's crontab; None if there is none yet."""
        return self.crontab_file.read_text() if self.crontab_file.exists() else None

    @crontab.setter
    def crontab(self, text: str) -> None:
        self.crontab_file.write_text(text)


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    """A Majora for all tests of this process.

    Each adds its own people, and puts back what it has changed.
    """
    with Sandbox.start() as majora:
        yield majora


def until(happened: Callable[[], object], what: str) -> None:
    """Wait for an event.

    Fails after the time that is far too long for it on an idle machine.
    """
    deadline = time.monotonic() + WAIT
    while not happened():
        assert time.monotonic() < deadline, f"waited {WAIT:g} s for this: {what}"
        time.sleep(0.02)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    home = tmp_path / "home"
    home.mkdir()
    return Kit(home)
