"""Reads what is typed or pasted into the terminal.

A secret or a paste is read with the terminal's own line editing switched off: a line
that Linux edits holds 4,095 characters, and loses the rest. Neither is shown, as a
callback address holds a code.
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

_SILENCE_S = 0.1
"""After so long without a character, a paste has ended."""
_LONGEST_DRAIN_S = 3.0
_READ_SIZE = 1 << 16
_CTRL_D = b"\x04"
_BRACKETS_ON, _BRACKETS_OFF = "\x1b[?2004h", "\x1b[?2004l"
_PASTE_BEGINS, _PASTE_ENDS = b"\x1b[200~", b"\x1b[201~"
# ECMA-48: CSI sequences (5.4), SS3 and one character, or escape and one character (a
# key with Alt).
_SEQUENCE = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|[^\[O])?"


class Terminal:
    """The terminal on standard input."""

    def __init__(self, stdin: TextIO, out: TextIO) -> None:
        """Take the streams: prompts go to `out`, which may be standard error."""
        self._stdin = stdin
        self._out = out

    @property
    def interactive(self) -> bool:
        """Whether standard input is a terminal."""
        return self._stdin.isatty()

    def columns(self, stream: TextIO) -> int | None:
        """Return the width of the terminal of a stream, None if it has none."""
        try:
            if not stream.isatty():
                return None
            return os.get_terminal_size(stream.fileno()).columns or 80
        except (OSError, ValueError):
            return None

    def read_line(self, prompt: str) -> str:
        """Read a typed line, and return it without its end.

        Raises:
            KeyboardInterrupt: on Ctrl-C, and at the end of input.
        """
        # Not input(): readline can lose a Ctrl-C right after its prompt, and knows only
        # standard output.
        self._write(prompt)
        line = b""
        while not line.endswith(b"\n"):
            part = self._read()
            if not part and not line:
                raise KeyboardInterrupt
            line += part or b"\n"  # Ctrl-D passes on what there is
        return _apply_keys(line.rstrip(b"\n"))

    def read_secret(self, prompt: str) -> str:
        """Read a line of any length, unseen: only its number of characters is shown.

        Raises:
            KeyboardInterrupt: as `read_line`.
        """
        return self._read_unseen(prompt, paste=False)

    def read_paste(self, prompt: str) -> str:
        """Read a paste of any length, unseen, with the line breaks inside it.

        When the prompt is shown, a paste can be taken already; so even a quick answer
        to the prompt is not lost.

        Raises:
            KeyboardInterrupt: as `read_line`.
        """
        return self._read_unseen(prompt, paste=True)

    def drop_input(self) -> None:
        """Discard pending input: the rest of a paste that was not understood."""
        deadline = time.monotonic() + _LONGEST_DRAIN_S
        with self._key_by_key(""), contextlib.suppress(OSError):
            while time.monotonic() < deadline and self._has_input(_SILENCE_S):
                if not os.read(self._fd, _READ_SIZE):
                    return

    @property
    def _fd(self) -> int:
        return self._stdin.fileno()

    def _read_unseen(self, prompt: str, *, paste: bool) -> str:
        data = b""
        text = ""
        shown = ""
        with self._key_by_key(prompt):
            while not _is_complete(data, text, paste=paste):
                part = self._read()
                data += part
                if part and self._has_input(_SILENCE_S):
                    continue
                text = _apply_keys(data)
                is_given_up = part.endswith(_CTRL_D) and not text
                if not part or is_given_up:  # no part: the terminal is gone
                    raise KeyboardInterrupt
                shown = self._show_length(text, shown)
        return text.strip("\n")

    def _show_length(self, text: str, shown: str) -> str:
        """Show how many characters there are, over what was shown before."""
        length = len(text.strip("\n"))
        note = count(length, "character") if length else ""
        note = note.ljust(len(shown))
        self._write("\b" * len(shown) + note)
        return note

    @contextlib.contextmanager
    def _key_by_key(self, prompt: str) -> Iterator[None]:
        """Let the terminal pass on each key, unseen, until the end of the block.

        Ctrl-C and Ctrl-Z do what they always do.
        """
        import termios

        before = termios.tcgetattr(self._fd)
        mode = termios.tcgetattr(self._fd)
        mode[3] &= ~(termios.ICANON | termios.ECHO)
        mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
        begin = prompt
        end = "\n" if prompt else ""
        if prompt and self._understands_escapes():
            begin = _BRACKETS_ON + begin
            end = _BRACKETS_OFF + end
        try:
            # Before the prompt, as somebody may be quick. TCSADRAIN, as a flush would
            # drop what was typed ahead.
            termios.tcsetattr(self._fd, termios.TCSADRAIN, mode)
            self._write(begin)
            yield
        except BaseException:
            if prompt:
                # No shell is to get the rest of a paste that was given up.
                self.drop_input()
            raise
        finally:
            # The terminal may be gone.
            with contextlib.suppress(OSError, ValueError, termios.error):
                self._write(end)
                termios.tcsetattr(self._fd, termios.TCSADRAIN, before)

    def _understands_escapes(self) -> bool:
        is_dumb = os.environ.get("TERM", "") in ("", "dumb")
        return self.columns(self._out) is not None and not is_dumb

    def _read(self) -> bytes:
        """Read what is typed or pasted next; nothing if the terminal is gone."""
        # In steps: a read that blocks does not see a signal from right before it.
        while not self._has_input(0.2):
            pass
        try:
            return os.read(self._fd, _READ_SIZE)
        except OSError:  # EIO: it is gone, or is another process group's
            return b""

    def _has_input(self, timeout: float) -> bool:
        """Wait for input, some seconds at most. Returns whether there is any."""
        return bool(select.select([self._fd], [], [], timeout)[0])

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def _is_complete(data: bytes, text: str, *, paste: bool) -> bool:
    """Return whether the input is complete, if nothing more comes for a moment."""
    is_inside_paste = data.rfind(_PASTE_BEGINS) > data.rfind(_PASTE_ENDS)
    if is_inside_paste or (paste and not text.strip()):
        return False
    if paste and data.rstrip(b" ").endswith(_PASTE_ENDS):
        return True
    return data.endswith((b"\r", b"\n", _CTRL_D))


def _apply_keys(data: bytes) -> str:
    """Return the text after the keys that edit it: backspace, and Ctrl-U for all."""
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
