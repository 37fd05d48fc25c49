"""A person at a terminal, for tests: a real pseudo-terminal, what was typed into it and what it showed.

::

    from tests.terminal import Screen

    with Screen.of(kit, "login", columns=40) as screen:
        link = screen.expect(r"https?://\\S+", regex=True)
        screen.expect("Paste the address")
        screen.paste(callback)          # as a terminal does it: bracketed if the program asked for that
        screen.expect("logged in")
        assert screen.wait() == 0

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
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.conftest import Kit

WAIT = 120.0
"""Seconds that a test waits at most for what a person would see at once: the machine may be busy."""

ENTER, TAB, BACKSPACE = "\r", "\t", "\x7f"
CTRL_C, CTRL_D, CTRL_U, CTRL_W, CTRL_Z = "\x03", "\x04", "\x15", "\x17", "\x1a"

# The child makes the terminal its own before it becomes the program: a session leader that opens one, gets it.
_LAUNCHER = (
    "import os, sys\n"
    "tty = os.open(sys.argv[1], os.O_RDWR)\n"
    "[os.dup2(tty, number) for number in (0, 1, 2)]\n"
    "os.closerange(3, 64)\n"
    "os.execvp(sys.argv[2], sys.argv[2:])\n"
)
_ESCAPES = re.compile(
    r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][A-Z0-9]|\x1b[=>]"
)


_END = b"\x00end of the output\x00"


def _start(
    argv: Sequence[str], env: Mapping[str, str], cwd: Path | None, tty: str
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-S", "-c", _LAUNCHER, tty, *argv]
    none = subprocess.DEVNULL
    return subprocess.Popen(
        command, stdin=none, stdout=none, stderr=none, env=env, cwd=cwd, start_new_session=True
    )


class Screen:
    """A program in a terminal of ``columns`` by ``rows``."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        columns: int = 80,
        rows: int = 24,
        secrets: set[str] | None = None,
        start: Callable[..., Any] | None = None,
    ) -> None:
        self._secrets = secrets if secrets is not None else set()
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._tty = os.ttyname(slave)
        self._raw = bytearray()
        self._seen = 0
        self._changed = threading.Condition()
        self._ended = False
        self._closing = False
        start = start or _start
        self._process = start(argv, {"TERM": "xterm-256color", **env}, cwd, tty=self._tty)
        # Held open, so that what the terminal is set to can be asked when the program has ended.
        self._slave = slave
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @classmethod
    def of(
        cls,
        kit: Kit,
        *args: str,
        columns: int = 80,
        rows: int = 24,
        env: Mapping[str, str] | None = None,
    ) -> Screen:
        """The real ``ocarina-kit`` in a terminal, in the throwaway home; its secrets must never be shown."""
        environ = {**kit.env, **(env or {})}
        forks = kit.forks(environ)
        return cls(
            args if forks else kit.command(*args),
            start=kit.server.start if forks else None,
            env=environ,
            cwd=kit.home,
            columns=columns,
            rows=rows,
            secrets=kit.secrets,
        )

    # --- what it shows

    @property
    def raw(self) -> str:
        """All that was written to the terminal, escape sequences included."""
        with self._changed:
            return self._raw.decode("utf-8", "backslashreplace")

    @property
    def text(self) -> str:
        """All that a person saw go by: without escape sequences, lines ended by ``\\n``."""
        return self._plain(self.raw)

    def expect(self, wanted: str, *, regex: bool = False) -> str:
        """Wait until ``wanted`` is in what is new; returns it as it was shown. What came before it is passed.

        White space in plain words matches any, so that a narrow terminal's line breaks do not matter.
        """
        pattern = re.compile(wanted if regex else r"\s+".join(map(re.escape, wanted.split())))
        deadline = time.monotonic() + WAIT
        while True:
            if self._process.poll() is not None and not self._ended:
                self._settle()
            with self._changed:
                text = self._plain(self._raw.decode("utf-8", "backslashreplace"))
                found = pattern.search(text, self._seen)
                # A pattern such as \S+ that meets the end of what was shown may have met half of a word.
                if found is not None and (not regex or self._ended or found.end() < len(text)):
                    self._seen = found.end()
                    return found[0]
                left = deadline - time.monotonic()
                if left <= 0 or (self._ended and found is None):
                    state = "the program has ended" if self._ended else f"{WAIT:g} s have passed"
                    raise AssertionError(f"{state} without {wanted!r}; the screen:\n{self.text}")
                self._changed.wait(min(left, 0.5))

    # --- what a person does

    def send(self, keys: str) -> None:
        """Press keys (see the constants of this module)."""
        data = keys.encode("utf-8", "surrogateescape")
        while data:
            data = data[os.write(self._master, data) :]

    def line(self, text: str = "") -> None:
        """Type a line, and Enter."""
        self.send(text + ENTER)

    def paste(self, text: str) -> None:
        """Paste from the clipboard, as terminals do: line breaks become Enter, and the paste is marked as one if the
        program asked for that (``ESC[?2004h``)."""
        body = text.replace("\n", "\r")
        self.send(f"\x1b[200~{body}\x1b[201~" if self.takes_bracketed_pastes else body)

    @property
    def takes_bracketed_pastes(self) -> bool:
        raw = self.raw
        return raw.rfind("\x1b[?2004h") > raw.rfind("\x1b[?2004l")

    # --- the state it is in

    @property
    def echoes(self) -> bool:
        """Whether the terminal shows what is typed."""
        return bool(termios.tcgetattr(self._slave)[3] & termios.ECHO)

    @property
    def by_lines(self) -> bool:
        """Whether the terminal hands over whole lines (its usual state)."""
        return bool(termios.tcgetattr(self._slave)[3] & termios.ICANON)

    def wait_until(self, true: str) -> None:
        """Wait until the attribute named ``true`` (``echoes``, ``by_lines``…) is; after ``not ``, until it is not."""
        name = true.removeprefix("not ")
        wanted = name == true
        deadline = time.monotonic() + WAIT
        while bool(getattr(self, name)) is not wanted:
            assert time.monotonic() < deadline, f"{true} did not come to be; the screen:\n{self.text}"
            time.sleep(0.01)

    def left_in_the_terminal(self) -> bytes:
        """What was typed and nobody has read: what a shell would get."""
        before = termios.tcgetattr(self._slave)
        raw = termios.tcgetattr(self._slave)
        raw[3] &= ~(termios.ICANON | termios.ECHO)
        raw[6][termios.VMIN], raw[6][termios.VTIME] = 0, 1
        try:
            termios.tcsetattr(self._slave, termios.TCSANOW, raw)
            return os.read(self._slave, 1 << 16)
        finally:
            termios.tcsetattr(self._slave, termios.TCSANOW, before)

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def hang_up(self) -> None:
        """Close the terminal, as a person does who closes its window: the kernel sends SIGHUP, and output fails."""
        self._stop_reading()

    def wait(self) -> int:
        """The exit code, once it has ended (negative: the signal that ended it). All output is there then."""
        try:
            code = self._process.wait(WAIT)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {WAIT:g} s; the screen:\n{self.text}") from None
        if self._slave >= 0:
            self._settle()
        assert "Traceback (most recent call last)" not in self.text, self.text
        self._hide_nothing()
        return code

    def close(self) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if self._slave >= 0:
            self._stop_reading()

    def __enter__(self) -> Screen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if kind is None:
            self._hide_nothing()

    # --- inside

    def _read(self) -> None:
        data = b"first"
        while data:
            if not select.select([self._master], [], [], 0.1)[0] and not self._closing:
                continue
            try:
                data = b"" if self._closing else os.read(self._master, 1 << 16)
            except OSError:  # Linux: every slave is closed
                data = b""
            with self._changed:
                self._raw += data
                self._ended = self._ended or not data
                self._changed.notify_all()

    def _settle(self) -> None:
        """Until all of the output is read: the program has ended, but the terminal may hold some of it yet."""
        os.write(self._slave, _END)
        with self._changed:
            self._changed.wait_for(lambda: _END in self._raw, WAIT)
            self._raw = bytearray(self._raw.replace(_END, b""))
            self._ended = True

    def _stop_reading(self) -> None:
        self._closing = True
        self._reader.join()
        os.close(self._master)
        os.close(self._slave)
        self._master = self._slave = -1

    def _hide_nothing(self) -> None:
        shown = "".join(self.text.split())
        for secret in self._secrets:
            assert secret not in shown, "a secret on the screen"

    @staticmethod
    def _plain(raw: str) -> str:
        return _ESCAPES.sub("", raw).replace("\r\n", "\n")
