"""All that people see and are asked, and the JSON document. WORDS.md says how the kit speaks.

Text for people goes to standard output, or to standard error if standard output belongs to a JSON document or a link.
Without a terminal nothing is wrapped, coloured or asked. Nothing depends on a colour: each mark is a word.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from ocarina_kit.system.problem import Exit, KitError, Problem
from ocarina_kit.system.words import printable, span, tilde

if TYPE_CHECKING:
    from rich.status import Status

    from ocarina_kit.system.terminal import Terminal

# Numbers of the 256 colours whose contrast is 3.9 and more on black and on white.
GREEN, ORANGE, RED = "38;5;28", "38;5;130", "1;38;5;160"
BOLD = "1"
_COLOURS = {
    **dict.fromkeys(
        ("ok", "valid", "fixed", "wrote", "installed", "logged in", "scheduled"), GREEN
    ),
    **dict.fromkeys(("refreshed", "revoked", "removed"), GREEN),
    **dict.fromkeys(("warning", "unknown"), ORANGE),
    **dict.fromkeys(("error", "failed", "expired"), RED),
}
_NARROW = 18
"""Columns that text needs beside a word or a name; with fewer it goes below."""


class Result(NamedTuple):
    """A finished command."""

    data: Mapping[str, Any] = {}  # its own part of the JSON document
    problem: Problem | None = None  # is there if the exit code is not 0
    shown: bool = False  # people have seen the problem in the command's own view
    printed: bool = False  # the JSON document is out already

    @property
    def exit(self) -> int:
        return Exit.OK if self.problem is None else self.problem.exit


def json_document(command: str, result: Result) -> str:
    """The one document of a ``--json`` run (CONTRACT.md, Every command).

    ASCII alone: so a reader's terminal meets no C1 control and no direction mark, whatever a file or a server said.
    """
    import json

    ok = result.exit == Exit.OK
    document = {
        "schema": 1,
        "command": command,
        "ok": ok,
        "exit": result.exit,
        **result.data,
    }
    if result.problem is not None:
        document["error"] = problem_data(result.problem)
    return json.dumps(document, indent=2).replace("\x7f", "\\u007f") + "\n"


def problem_data(problem: Problem) -> dict[str, Any]:
    """Return a problem as it is in JSON."""
    return {
        "id": problem.id,
        "what": problem.text,
        "why": problem.why,
        "remedy": problem.remedy._asdict(),
    }


def labelled(label: str, commands: Sequence[str]) -> list[str]:
    """Commands below each other, the first one after ``label``."""
    return [
        f"{label if at == 0 else ' ' * len(label)}{command}"
        for at, command in enumerate(commands)
    ]


class Ui:
    """Speaks with the person: text on ``out``, errors and warnings on ``err``, questions at ``terminal``.

    Methods that ask raise KeyboardInterrupt at Ctrl-C and at the end of input.
    """

    def __init__(
        self,
        out: TextIO,
        err: TextIO,
        terminal: Terminal,
        environ: Mapping[str, str],
        *,
        json: bool = False,
    ) -> None:
        self.out = out
        self.err = err
        self.terminal = terminal
        self.json = json
        self.quiet = False
        self._home = environ.get("HOME", "")
        self._moves = environ.get("TERM", "") not in ("", "dumb")
        self._colours = self._moves and not environ.get("NO_COLOR")
        self._lock = threading.RLock()
        self._awaited = False
        self._spinner: Status | None = None

    @classmethod
    def for_process(cls, *, json: bool = False) -> Ui:
        """For the streams of this process."""
        from ocarina_kit.system.terminal import Terminal

        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(
                    errors="backslashreplace"
                )  # a C locale must not stop at a user's name
        out = sys.stderr if json else sys.stdout
        prompts = out if out.isatty() else sys.stderr
        return cls(out, sys.stderr, Terminal(sys.stdin, prompts), os.environ, json=json)

    def to_stderr(self) -> None:
        """From now on people's text goes to standard error: standard output is for a link or a line alone."""
        self.out = self.err

    def hush(self) -> None:
        """From now on nothing is said but errors."""
        self.quiet = True
        self.out = io.StringIO()

    # --- saying -----------------------------------------------------------------------------------------------------

    def say(self, text: str = "", *, indent: int = 0) -> None:
        """A paragraph."""
        self._block(self.out, " " * indent, text)

    def heading(self, text: str) -> None:
        self.raw(text, style=BOLD)

    def status(self, word: str, text: str, *, column: int = 9, indent: int = 0) -> None:
        """A line that begins with a status word in a column of that width, what is wrapped indented under the text."""
        self._block(
            self.out,
            f"{' ' * indent}{word:<{column}}  ",
            text,
            style=_COLOURS.get(word, ""),
        )

    def warn(self, text: str) -> None:
        """A warning beside the command's own output."""
        if not self.quiet:
            self._block(self.err, "warning: ", text, margin=2, style=ORANGE)

    def caution(self, problem: Problem, step: str = "") -> None:
        """Show a problem that does not end the command, and what is done about it."""
        sentences = " ".join(filter(None, (problem.text, problem.why, step)))
        self.warn(f"{sentences} [{problem.id}]")

    def raw(self, text: str, *, indent: int = 0, style: str = "") -> None:
        """What a person copies or compares column by column (a link, a crontab line, an excerpt): never wrapped."""
        for line in text.split("\n"):
            self._line(self.out, f"{' ' * indent}{line}", style)

    def command(self, text: str, *, indent: int = 2) -> None:
        """A command to run."""
        self.raw(text, indent=indent, style=BOLD)

    def next_step(self, command: str, note: str = "") -> None:
        """The last line of a long output. ``note``: such as ``fixes both``; below it, if a terminal would break it."""
        beside = f"   ({note})" if note else ""
        if self.width is not None and len(f"Next step: {command}{beside}") > self.width:
            beside = beside.replace("   (", "\n  (")
        self.raw(f"Next step: {command}{beside}")

    def diff(self, text: str) -> None:
        """A unified diff, its secrets masked by whoever made it."""
        for line in text.splitlines():
            self._line(self.out, line, {"+": GREEN, "-": RED}.get(line[:1], ""))

    def table(self, rows: Sequence[Sequence[str]], *, indent: int = 2) -> None:
        """Rows of cells in columns. In a narrow terminal a row's later cells go below its first one."""
        rows = [[tilde(cell, self._home) for cell in row] for row in rows]
        columns = max(map(len, rows), default=1) - 1
        widths = [
            max(len(row[at]) for row in rows if at < len(row)) for at in range(columns)
        ]
        narrow = (
            self.width is not None
            and self.width - indent - sum(widths) - 3 * columns < _NARROW
        )
        for row in rows:
            if narrow:
                self.say(row[0], indent=indent)
                for cell in filter(None, row[1:]):
                    self.say(cell, indent=indent + 2)
                continue
            cells = [
                f"{cell:<{width}}   " for cell, width in zip(row, widths, strict=False)
            ]
            self._block(
                self.out,
                " " * indent + printable("".join(cells)),
                "".join(row[columns:]),
            )

    def error(self, problem: Problem) -> None:
        """Show what happened, why, and what fixes it."""
        message = f"{problem.text} [{problem.id}]"
        self._block(self.err, "error: ", message, margin=2, style=RED)
        reason = " ".join(filter(None, (problem.why, problem.remedy.text)))
        if reason:
            self._block(self.err, "  ", reason)
        for line in labelled("  Try: ", problem.remedy.commands):
            self._line(self.err, line)

    def error_line(self, problem: Problem) -> None:
        """Show a problem on one line, for the mail that cron sends."""
        sentences = " ".join((problem.text, problem.why, problem.remedy.text))
        parts = [tilde(sentences, self._home)]
        # Other commands follow the first one, or replace it.
        parts += [f"Try: {command}" for command in problem.remedy.commands[:1]]
        message = " ".join(" ".join(parts).split())
        self._line(self.err, f"ocarina-kit: {message} [{problem.id}]")

    @contextlib.contextmanager
    def waiting(
        self, words: str, limit: float | None = None
    ) -> Iterator[Callable[[str], None]]:
        """Says at a terminal, once the block has taken 1 s, what it waits for, and for how many seconds at most.

        The line is gone afterwards. The function that is handed out replaces its words at once. Never raises.
        """
        if self.width is None or self._awaited:
            yield self._await
            return
        text = f"{words} ({span(limit)} at most)" if limit else words
        timer = threading.Timer(1.0, self._await, [text])
        timer.daemon = self._awaited = True
        try:
            with contextlib.suppress(RuntimeError):  # the system allows no more threads
                timer.start()
            yield self._await
        finally:
            timer.cancel()
            with self._lock:
                self._awaited = False
                self._clear()

    # --- asking -----------------------------------------------------------------------------------------------------

    @property
    def interactive(self) -> bool:
        """Whether a person can be asked: there is a terminal on standard input."""
        return self.terminal.interactive

    def ask(self, question: str, default: str = "", *, help: str = "") -> str:
        """One line, stripped; ``default`` if nothing is typed. ``help`` answers ``?``, here and below."""
        prompt = f"{question} [{default}]: " if default else f"{question}: "
        return self._answer(self.terminal.read_line, prompt, help).strip() or default

    def ask_choice(
        self,
        question: str,
        options: Sequence[Sequence[str]],
        *,
        default: int | None = None,
        help: str = "",
    ) -> int:
        """The index of the chosen option. An option is its words and, if need be, a note beside them."""
        numbers = [str(number) for number in range(1, len(options) + 1)]
        line = "   ".join(
            [
                question,
                *(f"{at} {each[0]}" for at, each in zip(numbers, options, strict=True)),
            ]
        )
        if max(map(len, options)) == 1 and len(line) <= (self.width or 80):
            self.say(line)
        else:
            self.say(question)
            self.table(
                [
                    (f"{at}  {each[0]}", *each[1:])
                    for at, each in zip(numbers, options, strict=True)
                ]
            )
        prompt = "> " if default is None else f"[{default + 1}] > "
        while True:
            answer = self._answer(self.terminal.read_line, prompt, help).strip()
            if not answer and default is not None:
                return default
            if answer in numbers:
                return numbers.index(answer)
            self.say(f"Please enter a number from 1 to {len(options)}.")

    def ask_secret(self, question: str, *, help: str = "") -> str:
        """What is typed or pasted is not shown, but how many characters arrived."""
        return self._answer(self.terminal.read_secret, f"{question} (hidden):  ", help)

    def ask_paste(self, question: str = "> ", *, help: str = "") -> str:
        """Whatever is pasted, of any length and over several lines. ``question`` is the complete prompt."""
        return self._answer(self.terminal.read_paste, question, help)

    def confirm(self, question: str, *, default: bool = True, help: str = "") -> bool:
        """Yes or no. Without a terminal: no."""
        answers = {"": default, "y": True, "yes": True, "n": False, "no": False}
        prompt = f"{question} [{'Y/n' if default else 'y/N'}] "
        while self.interactive:
            answer = self._answer(self.terminal.read_line, prompt, help).strip().lower()
            if answer in answers:
                return answers[answer]
            self.say("Please answer y or n.")
        return False

    def _answer(self, read: Callable[[str], str], prompt: str, help: str) -> str:
        while True:
            if self.failed:
                raise KitError(
                    Problem(
                        message="The question cannot be shown.",
                        id="OUT001",
                        why="Its output failed.",
                    )
                )
            with self._lock:
                self._clear()
            text = read(printable(prompt))
            if text.strip() != "?":
                return text
            self.say(help or "There is no more to say about this question.")

    # --- how --------------------------------------------------------------------------------------------------------

    @property
    def width(self) -> int | None:
        """The terminal's columns; None if people's text goes to no terminal."""
        return self.terminal.columns(self.out)

    @property
    def failed(self) -> bool:
        """Whether something could not be written (`__main__.Output`)."""
        return any(
            getattr(stream, "failed", False)
            for stream in (sys.stdout, self.out, self.err)
        )

    def flush(self) -> None:
        for stream in (self.out, self.err, sys.stdout):
            stream.flush()

    def end_line(self) -> None:
        """After ``^C`` at a terminal: what follows begins on a line of its own."""
        if self.interactive:
            self.err.write("\n")

    def _block(
        self,
        stream: TextIO,
        first: str,
        text: str,
        *,
        margin: int | None = None,
        style: str = "",
    ) -> None:
        """``text`` after ``first``, which is coloured; what follows the first line is ``margin`` columns in, by
        default as far as ``first`` is wide. Wrapped at blanks alone: a longer URL or path stays as it is, but for the
        home as ``~``."""
        width, margin = (
            self.terminal.columns(stream),
            len(first) if margin is None else margin,
        )
        if width is not None and width - margin < _NARROW:
            margin = min(margin, 4)
        start, lines = first, []
        for line in printable(tilde(text, self._home)).split("\n"):
            words = line.lstrip(" ")
            own = " " * (len(line) - len(words))
            wrapper = textwrap.TextWrapper(
                width or sys.maxsize, start + own, " " * margin + own
            )
            wrapper.break_long_words = wrapper.break_on_hyphens = False
            lines += wrapper.wrap(words) or [start]
            start = " " * margin
        with self._lock:
            self._line(stream, lines[0].rstrip(), style, first.strip())
            for line in lines[1:]:
                self._line(stream, line.rstrip())

    def _line(self, stream: TextIO, text: str, style: str = "", word: str = "") -> None:
        """A line as it is, ``word`` or all of it in colour."""
        text = printable(text)
        if style and self._colours and self.terminal.columns(stream) is not None:
            text = text.replace(word or text, f"\x1b[{style}m{word or text}\x1b[0m", 1)
        with self._lock:
            self._clear()
            stream.write(f"{text}\n")
            stream.flush()

    def _await(self, words: str) -> None:
        """Show what is waited for, if anything is. Called by the timer's thread too."""
        with (
            self._lock,
            contextlib.suppress(RuntimeError),
        ):  # the system allows no more threads
            if not self._awaited:
                return
            self._clear()
            if not self._moves:
                self.say(f"{words} ...")
                return
            # Only here: rich takes as long to import as a short command takes in all.
            from rich.console import Console
            from rich.text import Text

            console = Console(
                file=self.out, width=self.width, force_terminal=True, color_system=None
            )
            self._spinner = console.status(
                Text(printable(tilde(words, self._home))), spinner="line"
            )
            self._spinner.start()

    def _clear(self) -> None:
        """Take what `_await` shows off the terminal."""
        if self._spinner is not None:
            self._spinner.stop()
            self._spinner = None
