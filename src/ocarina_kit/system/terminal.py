"""The terminal: whether there is one, how wide it is, and what is typed or pasted into it.

A secret or a paste is read with the terminal's own line editing switched off: a line that it edits holds 4,095
characters, and loses the rest (PROTOTYPES.md, Long pastes). Neither is shown: a callback address holds a code.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import time
from collections.abc import Iterator
from typing import TextIO

from ocarina_kit.system.words import count

_SILENCE = 0.1
"""Seconds without a character after which a paste has ended."""
_LONGEST_DRAIN = 3.0
_BRACKETS_ON, _BRACKETS_OFF = "\x1b[?2004h", "\x1b[?2004l"
_PASTE_BEGINS, _PASTE_ENDS = b"\x1b[200~", b"\x1b[201~"
# ECMA-48: CSI sequences (5.4), SS3 and one character, or escape and one character (a key with Alt).
_SEQUENCE = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|[^\[O])?"


class Terminal:
    """The terminal on ``stdin``; prompts go to ``out``, which may be standard error."""

    def __init__(self, stdin: TextIO, out: TextIO) -> None:
        self._stdin = stdin
        self._out = out

    @property
    def interactive(self) -> bool:
        """Whether standard input is a terminal."""
        return self._stdin.isatty()

    def columns(self, stream: TextIO) -> int | None:
        """The width of the terminal that ``stream`` writes to, in columns; None if it writes to none."""
        try:
            return (
                (os.get_terminal_size(stream.fileno()).columns or 80)
                if stream.isatty()
                else None
            )
        except (OSError, ValueError):
            return None

    def read_line(self, prompt: str) -> str:
        """One typed line, without its end. Raises KeyboardInterrupt on Ctrl-C and at the end of input."""
        # Not readline under input(): a Ctrl-C right after its prompt can be lost; it knows only standard output.
        self._say(prompt)
        line = b""
        while not line.endswith(b"\n"):  # Ctrl-D passes on what there is
            got = self._read()
            if not got and not line:
                raise KeyboardInterrupt
            line += got or b"\n"
        return _typed(line.rstrip(b"\n"))

    def read_secret(self, prompt: str) -> str:
        """As :meth:`read_line`, unseen and of any length; how many characters there are is shown. Enter ends it."""
        return self._read_unseen(prompt, paste=False)

    def read_paste(self, prompt: str) -> str:
        """All that is pasted, line breaks inside it included, of any length, unseen. Raises as :meth:`read_line` does.

        The prompt is shown when a paste can be taken already: put into it what a person is quick to answer.
        """
        return self._read_unseen(prompt, paste=True)

    def drop_input(self) -> None:
        """Read and drop what comes until it is silent for a moment: the rest of a paste that was not understood."""
        deadline = time.monotonic() + _LONGEST_DRAIN
        with self._key_by_key(""), contextlib.suppress(OSError):
            while (
                time.monotonic() < deadline
                and self._waiting(_SILENCE)
                and os.read(self._fd, 1 << 16)
            ):
                pass

    @property
    def _fd(self) -> int:
        return self._stdin.fileno()

    def _read_unseen(self, prompt: str, *, paste: bool) -> str:
        data, text, shown = b"", "", ""
        with self._key_by_key(prompt):
            while not _complete(data, text, paste=paste):
                got = self._read()
                data += got
                if got and self._waiting(_SILENCE):
                    continue
                text = _typed(data)
                if not got or (
                    got.endswith(b"\x04") and not text
                ):  # the terminal is gone, or Ctrl-D
                    raise KeyboardInterrupt
                before, number = len(shown), len(text.strip("\n"))
                shown = (count(number, "character") if number else "").ljust(before)
                self._say("\b" * before + shown)
        return text.strip("\n")

    @contextlib.contextmanager
    def _key_by_key(self, prompt: str) -> Iterator[None]:
        """The terminal passes on each key, unseen, until the end of the block. Ctrl-C and Ctrl-Z do what they do."""
        import termios

        before = termios.tcgetattr(self._fd)
        mode = termios.tcgetattr(self._fd)
        mode[3] &= ~(termios.ICANON | termios.ECHO)
        mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
        understands_escapes = self.columns(self._out) and os.environ.get(
            "TERM", ""
        ) not in ("", "dumb")
        brackets = bool(prompt and understands_escapes)
        try:
            # TCSADRAIN: a flush would drop what was typed ahead. Before the prompt: somebody may be quick.
            termios.tcsetattr(self._fd, termios.TCSADRAIN, mode)
            self._say((_BRACKETS_ON if brackets else "") + prompt)
            yield
        except BaseException:
            if prompt:
                self.drop_input()  # of a paste that was given up, no shell gets the rest
            raise
        finally:
            with contextlib.suppress(
                OSError, ValueError, termios.error
            ):  # the terminal may be gone
                self._say(
                    (_BRACKETS_OFF if brackets else "") + ("\n" if prompt else "")
                )
                termios.tcsetattr(self._fd, termios.TCSADRAIN, before)

    def _read(self) -> bytes:
        """What is typed or pasted next. In steps: a read that blocks does not see a signal from right before it."""
        while not self._waiting(0.2):
            pass
        with contextlib.suppress(
            OSError
        ):  # EIO: the terminal is gone, or another process group's
            return os.read(self._fd, 1 << 16)
        return b""

    def _waiting(self, seconds: float) -> bool:
        return bool(select.select([self._fd], [], [], seconds)[0])

    def _say(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def _complete(data: bytes, text: str, *, paste: bool) -> bool:
    """Whether it is finished, given that nothing more comes for a moment; never inside a bracketed paste."""
    if data.rfind(_PASTE_BEGINS) > data.rfind(_PASTE_ENDS) or (
        paste and not text.strip()
    ):
        return False
    return data.endswith((b"\r", b"\n", b"\x04")) or (
        paste and data.rstrip(b" ").endswith(_PASTE_ENDS)
    )


def _typed(data: bytes) -> str:
    """The text, once the keys that edit a line are carried out: backspace and Ctrl-U (all)."""
    chars: list[str] = []
    for char in re.sub(_SEQUENCE, "", data.decode("utf-8", "replace")):
        if char in "\x7f\x08":
            del chars[-1:]
        elif char == "\x15":
            chars.clear()
        elif char in "\r\n":
            chars.append("\n")
        elif char == "\t" or char.isprintable():
            chars.append(char)
    return "".join(chars)
