"""A person at a terminal, for tests.

A real pseudo-terminal, what was typed into it and what it showed.

Everything has a time limit, and a failure shows the whole screen.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.conftest import Kit

WAIT = 120.0
"""Seconds that a test waits at most for what a person would see at once.

The machine may be busy.
"""

ENTER, TAB, BACKSPACE = "\r", "\t", "\x7f"
CTRL_C, CTRL_D, CTRL_U = "\x03", "\x04", "\x15"

# The child makes the terminal its own before it becomes the program: a session leader
# that opens one, gets it.
_LAUNCHER = """import os, sys
tty = os.open(sys.argv[1], os.O_RDWR)
[os.dup2(tty, number) for number in (0, 1, 2)]
os.execvp(sys.argv[2], sys.argv[2:])
"""
_ESCAPES = re.compile(
    r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|\x1b[()][A-Z0-9]|\x1b[=>]"
)
_END = b"\x00end of the output\x00"


def _start(
    argv: Sequence[str], env: Mapping[str, str], cwd: Path, tty: str
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-S", "-c", _LAUNCHER, tty, *argv]
    return subprocess.Popen(command, env=env, cwd=cwd, start_new_session=True)


class Screen:
    """A program in a terminal of ``columns`` by ``rows``.

    What it writes is read when the test asks for something.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        columns: int = 80,
        rows: int = 24,
        secrets: Set[str] = frozenset(),
        start: Callable[..., Any] = _start,
    ) -> None:
        self._secrets = secrets
        # The program's side is held open: what the terminal is set to can be asked when
        # the program has ended.
        self._master, self._slave = os.openpty()
        self._open = [self._master]
        os.set_blocking(self._master, False)
        fcntl.ioctl(
            self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0)
        )
        self._raw = b""
        self._seen = 0
        self._settled = False
        tty = os.ttyname(self._slave)
        self._process = start(argv, {"TERM": "xterm-256color", **env}, cwd, tty)

    @classmethod
    def of(
        cls, kit: Kit, *args: str, env: Mapping[str, str] | None = None, **size: int
    ) -> Screen:
        """The real ``ocarina-kit`` in a terminal, in the throwaway home.

        Its secrets must never be shown.
        """
        how: dict[str, Any] = {
            "env": {**kit.env, **(env or {})},
            "cwd": kit.home,
            "secrets": kit.secrets,
        }
        if kit.forks(how["env"]):
            return cls(args, start=kit.server.start, **how, **size)
        return cls(kit.command(*args), **how, **size)

    @property
    def raw(self) -> str:
        """All that was written to the terminal, escape sequences included."""
        self._read(0)
        return self._raw.decode("utf-8", "backslashreplace")

    @property
    def text(self) -> str:
        """All that a person saw go by.

        Without escape sequences, lines ended by ``\\n``.
        """
        return _ESCAPES.sub("", self.raw).replace("\r\n", "\n")

    def expect(self, wanted: str, *, regex: bool = False) -> str:
        """Wait until ``wanted`` is in what is new; returns it as it was shown.

        What came before it is passed.

        White space in plain words matches any, so that the line breaks of a narrow
        terminal do not matter.
        """
        pattern = re.compile(
            wanted if regex else r"\s+".join(map(re.escape, wanted.split()))
        )
        found = None

        def is_shown() -> bool:
            nonlocal found
            ended = self._has_ended()
            text = self.text
            found = pattern.search(text, self._seen)
            assert found or not ended, (
                f"the program has ended without {wanted!r}; the screen:\n{text}"
            )
            # A pattern such as \S+ that meets the end of what was shown may have met
            # half of a word.
            return found is not None and (not regex or ended or found.end() < len(text))

        self._until(is_shown, wanted)
        self._seen = found.end()
        return found[0]

    def send(self, keys: str) -> None:
        """Press keys (see the constants of this module)."""
        data = keys.encode("utf-8", "surrogateescape")
        while data:
            self._read(0)  # what is echoed would fill the terminal
            if select.select([], [self._master], [], 0.1)[1]:
                data = data[os.write(self._master, data) :]

    def line(self, text: str = "") -> None:
        """Type a line, and Enter."""
        self.send(text + ENTER)

    def paste(self, text: str) -> None:
        """Paste from the clipboard, as terminals do.

        Line breaks become Enter, and the paste is marked as one if the program asked
        for that (``ESC[?2004h``).
        """
        body = text.replace("\n", "\r")
        self.send(f"\x1b[200~{body}\x1b[201~" if self.takes_bracketed_pastes else body)

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def hang_up(self) -> None:
        """Close the terminal, as a person does who closes its window.

        The kernel sends SIGHUP, and output fails.
        """
        self._open.clear()
        os.close(self._master)
        os.close(self._slave)

    @property
    def takes_bracketed_pastes(self) -> bool:
        raw = self.raw
        return raw.rfind("\x1b[?2004h") > raw.rfind("\x1b[?2004l")

    @property
    def echoes(self) -> bool:
        """Whether the terminal shows what is typed."""
        return bool(termios.tcgetattr(self._slave)[3] & termios.ECHO)

    @property
    def by_lines(self) -> bool:
        """Whether the terminal hands over whole lines (its usual state)."""
        return bool(termios.tcgetattr(self._slave)[3] & termios.ICANON)

    def wait_until(self, true: str) -> None:
        """Wait until the attribute named ``true`` (``echoes``, ``by_lines``…) is.

        After ``not ``, until it is not.
        """
        name = true.removeprefix("not ")
        self._until(lambda: getattr(self, name) is (name == true), true)

    def left_in_the_terminal(self) -> bytes:
        """What was typed and nobody has read: what a shell would get."""
        raw = termios.tcgetattr(self._slave)
        raw[3] &= ~(termios.ICANON | termios.ECHO)
        raw[6][termios.VMIN], raw[6][termios.VTIME] = 0, 1
        termios.tcsetattr(self._slave, termios.TCSANOW, raw)
        return os.read(self._slave, 1 << 16)

    def wait(self) -> int:
        """The exit code, once it has ended (negative: the signal that ended it).

        All output is there then.
        """
        self._until(self._has_ended, "its end")
        assert "Traceback (most recent call last)" not in self.text, self.text
        shown = "".join(self.text.split())
        assert not any(secret in shown for secret in self._secrets), (
            "a secret on the screen"
        )
        return int(self._process.returncode)

    def close(self) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self.wait()
        if self._open:
            self.hang_up()

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, kind: object, problem: object, trace: object) -> None:
        self.close()

    def _until(self, true: Callable[[], bool], wanted: str) -> None:
        deadline = time.monotonic() + WAIT
        while not true():
            assert time.monotonic() < deadline, (
                f"{WAIT:g} s without {wanted!r}; the screen:\n{self.text}"
            )
            self._read(0.01)

    def _read(self, seconds: float) -> None:
        """What is written, waiting for it so long at most."""
        while select.select(self._open, [], [], seconds)[0]:
            self._raw += os.read(self._master, 1 << 16)
            seconds = 0

    def _has_ended(self) -> bool:
        """Whether it has; then all of its output is read.

        The terminal may hold some of it when the program ends.
        """
        if self._process.poll() is None:
            return False
        if self._open and not self._settled:
            self._settled = True
            self._read(0)
            os.write(self._slave, _END)
            while _END not in self._raw:
                self._read(WAIT)
            self._raw = self._raw.replace(_END, b"")
        return True
