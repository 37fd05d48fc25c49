"""The one place that renders: what people read, what they are asked, and the JSON document.

People's text goes to standard output, or to standard error where standard output belongs to a document or a link.
Without a terminal nothing is wrapped, coloured or asked. Every mark is a word, so that a screen reader says it.
"""

from __future__ import annotations

import json as json_module
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from ocarina_kit.cli.result import Result
from ocarina_kit.core.errors import Exit, KitError, Remedy
from ocarina_kit.edges.person.terminal import RealTerminal, Terminal

if TYPE_CHECKING:
    from rich.console import Console

SCHEMA = 1
_NARROW = 30
"""Columns for values below which two columns are not worth it."""
_COLOURS = re.compile(r"(\x1b\[[0-9;:]*m)")
"""Select Graphic Rendition (ECMA-48, 8.3.117): colours and weights, and nothing that moves the cursor."""


def json_document(command: str, result: Result) -> str:
    """The one JSON document of a ``--json`` run (CONTRACT.md, Every command)."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "command": command,
        "ok": result.exit is Exit.OK,
        "exit": int(result.exit),
    }
    document.update(result.data)
    if result.error is not None:
        document["error"] = error_members(result.error)
    return json_module.dumps(document, indent=2, ensure_ascii=False) + "\n"


def error_members(error: KitError) -> dict[str, Any]:
    return {
        "id": error.id,
        "what": error.what,
        "why": error.why,
        "remedy": remedy_members(error.remedy),
    }


def remedy_members(remedy: Remedy) -> dict[str, Any]:
    return {"text": remedy.text, "commands": list(remedy.commands)}


@dataclass
class Ui:
    """Speaks with the person. ``out`` takes their text, ``err`` their errors."""

    out: TextIO
    err: TextIO
    terminal: Terminal
    environ: Mapping[str, str]
    json: bool = False
    quiet: bool = False
    """Says nothing but errors (``refresh --quiet``)."""
    _out_console: Console | None = None
    _err_console: Console | None = None

    @classmethod
    def for_process(cls, *, json: bool = False) -> Ui:
        """For this process's own streams."""
        for stream in (sys.stdout, sys.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:
                # A C locale must not turn a user's name into a UnicodeEncodeError.
                reconfigure(errors="backslashreplace")
        return cls(
            out=sys.stderr if json else sys.stdout,
            err=sys.stderr,
            terminal=RealTerminal(sys.stdin, sys.stderr if json else sys.stdout),
            environ=os.environ,
            json=json,
        )

    def to_stderr(self) -> Ui:
        """The same, with people's text on standard error: standard output is for a link or a line alone."""
        return Ui(
            self.err, self.err, self.terminal.speaking_on(self.err), self.environ, self.json, self.quiet
        )

    # --- saying ---------------------------------------------------------------------------------------

    def say(self, text: str = "", *, style: str = "") -> None:
        """A paragraph, wrapped to the terminal's width where there is one."""
        if not self.quiet:
            self._print(self.out, text, style, wrap=True)

    def heading(self, text: str) -> None:
        self.say()
        self.say(text, style="bold")

    def good(self, text: str) -> None:
        self._marked("ok", "green", text)

    def note(self, text: str) -> None:
        self._marked("note", "cyan", text)

    def warn(self, text: str) -> None:
        self._marked("warning", "yellow", text)

    def bad(self, text: str) -> None:
        self._marked("failed", "bold red", text)

    def marked(self, mark: str, style: str, text: str) -> None:
        """A line that starts with another word than those above (doctor's statuses), the word in ``style``."""
        self._marked(mark, style, text)

    def raw(self, text: str) -> None:
        """A line that a person copies (a link, a crontab line): whole, alone on its line, never wrapped by the kit."""
        if not self.quiet:
            self._print(self.out, text, "", wrap=False)

    def exact(self, line: bytes) -> None:
        """A line for another program (``--print``): its bytes as they are, whatever they are."""
        if self.quiet:
            return
        self.out.flush()
        buffer = getattr(self.out, "buffer", None)
        if buffer is None:
            self.out.write(line.decode("utf-8", "backslashreplace") + "\n")
        else:
            buffer.write(line + b"\n")
            buffer.flush()

    def raw_now(self, text: str) -> None:
        """As :meth:`raw`, and flushed: for what is read while the command goes on."""
        self.raw(text)
        self.out.flush()

    def command(self, text: str) -> None:
        """A command to run, indented and never wrapped by the kit."""
        if not self.quiet:
            self._print(self.out, f"    {text}", "bold", wrap=False)

    def remedy(self, remedy: Remedy) -> None:
        if remedy.text:
            self.say(remedy.text)
        for command in remedy.commands:
            self.command(command)

    def output(self, text: str, indent: int = 0) -> None:
        """What another program printed, ``indent`` columns in: its colours pass, no other escape does.

        Where there is a terminal, what is longer than its line goes on in the next one, ``indent`` columns in too.
        """
        if self.quiet:
            return
        width = self.width
        if width is None:
            for line in _COLOURS.sub("", text).splitlines():
                self.raw(f"{' ' * indent}{line}" if line else "")
            return
        from rich.text import Text

        room = max(width - indent, 20)
        for line in text.splitlines():
            parts = _COLOURS.split(line)
            safe = "".join(part if index % 2 else printable(part) for index, part in enumerate(parts))
            shown = Text.from_ansi(safe, end="")
            for piece in shown.divide(range(room, len(shown), room)):
                self._console(self.out).print(Text(" " * indent if line else "") + piece, soft_wrap=True)

    def diff(self, text: str) -> None:
        """A unified diff, its secrets masked by whoever made it (core/plan.py)."""
        for line in text.splitlines():
            style = "green" if line.startswith("+") else "red" if line.startswith("-") else ""
            if not self.quiet:
                self._print(self.out, line, style, wrap=False)

    def pairs(self, rows: Sequence[tuple[str, str]]) -> None:
        """Names with their values, in two columns; a value that does not fit beside its name stands below it."""
        if not rows or self.quiet:
            return
        column = max(len(name) for name, _ in rows)
        room = None if self.width is None else self.width - column - 5
        if room is not None and room < _NARROW:
            column, room = 0, 0
        for name, value in rows:
            if room is None or len(value) <= room:
                self.raw(f"  {name:<{column}}  {value}")
            else:
                self.raw(f"  {name}")
                self.raw(f"    {value}")

    def error(self, error: KitError) -> None:
        """An error, whole: what happened, why, and what mends it."""
        self._print(self.err, f"error [{error.id}]: {error.what}", "bold red", wrap=True)
        if error.why:
            self._print(self.err, error.why, "", wrap=True)
        if error.remedy.text:
            self._print(self.err, error.remedy.text, "", wrap=True)
        for command in error.remedy.commands:
            self._print(self.err, f"    {command}", "bold", wrap=False)

    def error_line(self, error: KitError) -> None:
        """An error in one line, for cron's mail (``--quiet``)."""
        remedy = " ".join(part for part in (error.remedy.text, " && ".join(error.remedy.commands)) if part)
        text = " ".join(part for part in (error.what, error.why, remedy) if part)
        self._print(self.err, f"ocarina-kit [{error.id}]: {' '.join(text.split())}", "", wrap=False)

    def end_line(self) -> None:
        """After ``^C``: what follows starts on a line of its own."""
        if self.terminal.interactive:
            self.err.write("\n")

    # --- asking ---------------------------------------------------------------------------------------

    @property
    def interactive(self) -> bool:
        """Whether somebody can be asked: a terminal on standard input."""
        return self.terminal.interactive

    def ask(self, question: str, default: str = "") -> str:
        """One line, stripped; ``default`` where nothing is typed. Only with a terminal.

        Raises KeyboardInterrupt on Ctrl-C and at the end of input.
        """
        shown = f"{question} [{default}]: " if default else f"{question}: "
        return self.terminal.read_line(shown).strip() or default

    def ask_secret(self, question: str) -> str:
        """As :meth:`ask`, but what is typed is not shown; says how many characters arrived."""
        text = self.terminal.read_secret(f"{question} (not shown as you type): ")
        self.say(f"  {len(text.strip())} characters arrived.")
        return text

    def ask_paste(self, question: str, show: Callable[[], None] | None = None) -> str:
        """Whatever is pasted, of any length and over several lines.

        ``show`` says what it is about, at a time when a quick paste is whole already.
        """
        return self.terminal.read_paste(f"{question}: ", show)

    def confirm(self, question: str, *, default: bool = True) -> bool:
        """Yes or no; Enter takes the default. Without a terminal: False."""
        if not self.interactive:
            return False
        hint = "Y/n" if default else "y/N"
        while True:
            answer = self.terminal.read_line(f"{question} [{hint}] ").strip().lower()
            if not answer:
                return default
            if answer in ("y", "yes"):
                return True
            if answer in ("n", "no"):
                return False
            self.say("Please answer y or n.")

    # --- how ------------------------------------------------------------------------------------------

    @property
    def width(self) -> int | None:
        """The terminal's columns; None where people's text goes to no terminal."""
        return self.terminal.columns(self.out)

    @property
    def _styled(self) -> bool:
        return not self.environ.get("NO_COLOR") and self.environ.get("TERM") not in ("dumb", "", None)

    def _marked(self, mark: str, style: str, text: str) -> None:
        if self.quiet:
            return
        self._print(self.out, f"{mark}: {text}", style, wrap=True, styled_prefix=len(mark) + 1)

    def _print(
        self, stream: TextIO, text: str, style: str, *, wrap: bool, styled_prefix: int | None = None
    ) -> None:
        text = printable(text)
        width = self.terminal.columns(stream)
        if width is None:
            stream.write(text + "\n")
            return
        from rich.text import Text

        shown = Text(wrapped(text, width) if wrap else text)
        if style and self._styled:
            shown.stylize(style, 0, styled_prefix)
        self._console(stream).print(shown, soft_wrap=True)

    def _console(self, stream: TextIO) -> Console:
        from rich.console import Console

        is_err = stream is self.err
        console = self._err_console if is_err else self._out_console
        if console is None:
            console = Console(
                file=stream,
                highlight=False,
                markup=False,
                emoji=False,
                no_color=not self._styled,
                width=self.terminal.columns(stream),
            )
            if is_err:
                self._err_console = console
            else:
                self._out_console = console
        return console


def printable(text: str) -> str:
    """``text`` with control characters made visible: no file name or server answer drives the terminal."""
    return "".join(
        char if char in "\n\t" or char.isprintable() else char.encode("unicode_escape").decode()
        for char in text
    )


def wrapped(text: str, width: int) -> str:
    """``text`` in lines of ``width`` columns, broken at blanks alone: a URL or a path that is longer stays whole.

    A line's indentation goes on in the lines that it is broken into.
    """
    from textwrap import wrap

    lines: list[str] = []
    for line in text.split("\n"):
        indent = line[: len(line) - len(line.lstrip(" "))]
        lines += wrap(
            line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        ) or [""]
    return "\n".join(lines)
