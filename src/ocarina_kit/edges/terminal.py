"""The terminal: whether there is one, how wide it is, and what is typed or pasted into it."""

from __future__ import annotations

import os
from typing import Protocol, TextIO


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

    def read_paste(self, prompt: str) -> str:
        """All that is pasted, line breaks included, of any length."""


class RealTerminal:
    """The terminal on ``stdin``; prompts go to ``prompts``."""

    def __init__(self, stdin: TextIO | None, prompts: TextIO) -> None:
        self._stdin = stdin
        self._prompts = prompts

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
        return RealTerminal(self._stdin, stream)

    def read_line(self, prompt: str) -> str:
        stdin = self._typing()
        self._ask(prompt)
        line = stdin.readline()
        if not line:
            raise KeyboardInterrupt
        return line.rstrip("\n")

    def read_secret(self, prompt: str) -> str:
        import termios

        stdin = self._typing()
        descriptor = stdin.fileno()
        before = termios.tcgetattr(descriptor)
        unseen = termios.tcgetattr(descriptor)
        unseen[3] &= ~termios.ECHO
        self._ask(prompt)
        try:
            # TCSADRAIN: a flush would drop what was typed ahead (PROTOTYPES.md, Long pastes).
            termios.tcsetattr(descriptor, termios.TCSADRAIN, unseen)
            line = stdin.readline()
        finally:
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
            self._prompts.write("\n")
            self._prompts.flush()
        if not line:
            raise KeyboardInterrupt
        return line.rstrip("\n")

    def read_paste(self, prompt: str) -> str:
        return self.read_line(prompt)

    def _typing(self) -> TextIO:
        if self._stdin is None:
            raise KeyboardInterrupt
        return self._stdin

    def _ask(self, prompt: str) -> None:
        self._prompts.write(prompt)
        self._prompts.flush()
