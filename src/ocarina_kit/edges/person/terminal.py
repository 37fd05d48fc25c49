"""The terminal: whether there is one, how wide it is, and what is typed or pasted into it.

A secret or a paste is read key by key, with the terminal's own line editing switched off: a line that it edits holds
4,095 characters, and loses the rest (PROTOTYPES.md, Long pastes). It is set back to what it was in the end, whatever
happens in between, and what is left of a paste that was given up is read and dropped, so that no shell runs it.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any, Protocol, TextIO

from ocarina_kit.core.oauth.keyboard import Key, Keys, Typed

_SILENCE = 0.1
"""Seconds without a character after which a paste has come to its end."""
_HABIT_S = 1.0
"""Seconds in which people press Enter behind a paste that needed none."""
_LONGEST_DRAIN = 3.0
"""Seconds for which what comes behind a paste that was given up is read and dropped, at most."""
_BRACKETS_ON, _BRACKETS_OFF = b"\x1b[?2004h", b"\x1b[?2004l"


class Terminal(Protocol):
    """What the kit needs of a terminal."""

    @property
    def interactive(self) -> bool:
        """Whether standard input is a terminal."""

    def columns(self, stream: TextIO) -> int | None:
        """The width of the terminal that ``stream`` writes to, in columns; None where it writes to none."""

    def speaking_on(self, stream: TextIO) -> Terminal:
        """The same terminal, its prompts on ``stream``."""

    def read_line(self, prompt: str) -> str:
        """One typed line, without its end. Raises KeyboardInterrupt on Ctrl-C or at the end of input."""

    def read_secret(self, prompt: str) -> str:
        """As :meth:`read_line`, unseen."""

    def read_paste(self, prompt: str, show: Callable[[], None] | None = None) -> str:
        """All that is pasted, line breaks inside it included, of any length. Raises as :meth:`read_line` does.

        ``show`` is called before the prompt is shown and when a paste can be taken already: it shows what a person
        is quick to answer.
        """


@dataclass
class _Habit:
    """When the last thing read was a paste that needed no Enter: most people press it all the same.

    Such an Enter is no answer to what is asked next, where it came before the question or right behind the paste.
    """

    since: float | None = None

    def enter_may_follow(self, stdin: TextIO) -> bool:
        since, self.since = self.since, None
        if since is None:
            return False
        return _waiting(stdin.fileno()) or time.monotonic() - since < _HABIT_S


# One for the process, as its terminal is: `init` goes on to `login` and `schedule`, each with an object of its own.
_HABIT = _Habit()


class RealTerminal:
    """The terminal on ``stdin``; prompts go to ``prompts``."""

    def __init__(
        self,
        stdin: TextIO | None,
        prompts: TextIO,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._stdin = stdin
        self._prompts = prompts
        self._environ = os.environ if environ is None else environ
        self._habit = _HABIT

    @property
    def interactive(self) -> bool:
        try:
            return self._stdin is not None and self._stdin.isatty()
        except ValueError:  # closed
            return False

    def columns(self, stream: TextIO) -> int | None:
        try:
            if not stream.isatty():
                return None
            width = os.get_terminal_size(stream.fileno()).columns
        except (OSError, ValueError):
            return None
        return width or 80

    def speaking_on(self, stream: TextIO) -> RealTerminal:
        return RealTerminal(self._stdin, stream, self._environ)

    def read_line(self, prompt: str) -> str:
        stdin = self._typing()
        by_habit = self._habit.enter_may_follow(stdin)
        self._say(prompt)
        line = stdin.readline()
        if by_habit and line == "\n":
            line = stdin.readline()
        if not line:
            raise KeyboardInterrupt
        return line.rstrip("\n")

    def read_secret(self, prompt: str) -> str:
        typed = self._read_keys(prompt, paste_is_whole=False, shows_count=False)
        self._habit.since = None
        return typed

    def read_paste(self, prompt: str, show: Callable[[], None] | None = None) -> str:
        return self._read_keys(prompt, paste_is_whole=True, shows_count=True, show=show)

    def _read_keys(
        self,
        prompt: str,
        *,
        paste_is_whole: bool,
        shows_count: bool,
        show: Callable[[], None] | None = None,
    ) -> str:
        descriptor = self._typing().fileno()
        keys = _keys_of(descriptor)
        typed = Typed(keys, paste_is_whole=paste_is_whole)
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        count = _Count(self._say if shows_count else None)
        with self._key_by_key(descriptor) as mode:
            if show is not None:
                show()
            self._say(prompt)
            while True:
                data = _read(descriptor)
                key = Key.INTERRUPT if not data else typed.feed(decoder.decode(data))
                if key is Key.SUSPEND:
                    self._say("\n")
                    mode.suspend()
                    self._say(prompt)
                    count.again(typed)
                elif key is not None:
                    raise KeyboardInterrupt
                if _waiting(descriptor, _SILENCE):
                    continue
                typed.pause()
                count.show(typed)
                if typed.whole:
                    break
            mode.nothing_is_left = True
        text = typed.text.rstrip("\n")
        self._habit.since = None if typed.text.endswith("\n") else time.monotonic()
        return text

    @contextlib.contextmanager
    def _key_by_key(self, descriptor: int) -> Iterator[_Mode]:
        mode = _Mode(descriptor, self._prompts.fileno() if self._understands_escapes() else None)
        with _restored_by_signals(mode):
            try:
                mode.on()  # before anything is shown: a quick paste would meet the terminal's own line else
                yield mode
            finally:
                try:
                    if not mode.nothing_is_left:
                        _drain(descriptor)
                finally:
                    mode.off()
                    with contextlib.suppress(OSError, ValueError):  # the terminal may be gone
                        self._say("\n")

    def _understands_escapes(self) -> bool:
        return self.columns(self._prompts) is not None and self._environ.get("TERM", "") not in ("", "dumb")

    def _typing(self) -> TextIO:
        if self._stdin is None:
            raise KeyboardInterrupt
        return self._stdin

    def _say(self, text: str) -> None:
        self._prompts.write(text)
        self._prompts.flush()


class _Mode:
    """A terminal set to single keys: on and off, and off for as long as the program is suspended."""

    def __init__(self, descriptor: int, shown_on: int | None) -> None:
        """``shown_on`` is the descriptor for escape sequences, None where they are not understood. They are written to
        it past all buffers: a signal may come amid a write of the stream."""
        import termios

        self._descriptor = descriptor
        self._shown_on = shown_on
        self._before = termios.tcgetattr(descriptor)
        self.nothing_is_left = False

    def on(self) -> None:
        import termios

        mode = list(self._before)
        # Without ISIG Ctrl-C and Ctrl-Z come as characters: what they do, they do when the terminal is set back.
        mode[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN)
        mode[6] = list(mode[6])
        mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
        # TCSADRAIN: a flush would drop what was typed ahead.
        termios.tcsetattr(self._descriptor, termios.TCSADRAIN, mode)
        if self._shown_on is not None:
            os.write(self._shown_on, _BRACKETS_ON)

    def off(self) -> None:
        import termios

        # The terminal may be gone; whatever ended the reading is the thing to report.
        with contextlib.suppress(OSError):
            if self._shown_on is not None:
                os.write(self._shown_on, _BRACKETS_OFF)
        with contextlib.suppress(OSError, termios.error):
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)

    def suspend(self) -> None:
        """What Ctrl-Z does, to all of this job, as the terminal would have; returns when it goes on."""
        self.off()
        os.kill(0, signal.SIGTSTP)
        self.on()


class _Count:
    """Says how many characters there are, on the prompt's own line, and no more than that of them."""

    def __init__(self, say: Callable[[str], None] | None) -> None:
        self._say = say
        self._shown = ""

    def show(self, typed: Typed) -> None:
        number = len(typed)
        text = f"{number:,} character{'' if number == 1 else 's'}" if number else ""
        if self._say is None or text == self._shown:
            return
        back = len(self._shown)
        rest = max(0, back - len(text))
        self._say("\b" * back + text + " " * rest + "\b" * rest)
        self._shown = text

    def again(self, typed: Typed) -> None:
        """After the prompt was shown anew."""
        self._shown = ""
        self.show(typed)


def _keys_of(descriptor: int) -> Keys:
    """The keys as the terminal has them set; Ctrl-C and both erase keys in any case."""
    import termios

    controls = termios.tcgetattr(descriptor)[6]

    def key(*names: int) -> str:
        found = (controls[name] for name in names)
        # A key that is switched off stands there as NUL (Linux) or 255 (macOS).
        return "".join(
            each.decode("ascii") for each in found if isinstance(each, bytes) and b"\0" < each < b"\x80"
        )

    return Keys(
        interrupt="\x03" + key(termios.VINTR, termios.VQUIT),
        end=key(termios.VEOF),
        suspend=key(termios.VSUSP),
        erase="\x7f\x08" + key(termios.VERASE),
        kill=key(termios.VKILL),
        word=key(termios.VWERASE),
    )


def _read(descriptor: int) -> bytes:
    """What was typed; b"" where the terminal is gone."""
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:
        return b""


def _waiting(descriptor: int, seconds: float = 0.0) -> bool:
    """Whether something is there to be read, now or within ``seconds``."""
    return bool(select.select([descriptor], [], [], seconds)[0])


def _drain(descriptor: int) -> None:
    """Read and drop what comes, until it is silent for a moment."""
    deadline = time.monotonic() + _LONGEST_DRAIN
    with contextlib.suppress(OSError, ValueError):
        while time.monotonic() < deadline and _waiting(descriptor, _SILENCE):
            if not os.read(descriptor, 1 << 16):
                return


@contextlib.contextmanager
def _restored_by_signals(mode: _Mode) -> Iterator[None]:
    """A polite kill, and a closed terminal, leave the terminal as it was too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def restore(number: int, frame: FrameType | None) -> None:
        mode.off()
        signal.signal(number, before[number])
        signal.raise_signal(number)

    before: dict[int, Any] = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number in before:
        signal.signal(number, restore)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
