"""``Ui.output``: what another program printed passes with its colours, and with nothing else that drives a terminal."""

from __future__ import annotations

import io
from typing import TextIO, cast

import pytest

from ocarina_kit.cli.render import Ui
from ocarina_kit.edges.person.terminal import Terminal

RED = "\x1b[31mfailed:\x1b[0m"


class Wide:
    """A terminal of a width; nothing is typed at it."""

    interactive = False

    def __init__(self, columns: int | None) -> None:
        self._columns = columns

    def columns(self, stream: TextIO) -> int | None:
        return self._columns


def shown(text: str, indent: int = 0, *, columns: int | None, no_color: bool = False) -> str:
    out = io.StringIO()
    environ = {"TERM": "xterm-256color", **({"NO_COLOR": "1"} if no_color else {})}
    Ui(out, out, cast("Terminal", Wide(columns)), environ).output(text, indent)
    return out.getvalue()


def test_without_a_terminal_it_is_plain_indented_and_never_broken() -> None:
    assert shown(f"{RED} it\n\n{'x' * 100}\n", 4, columns=None) == f"    failed: it\n\n    {'x' * 100}\n"


def test_in_a_terminal_long_lines_go_on_in_the_same_column() -> None:
    assert shown("a" * 50, 4, columns=40, no_color=True) == f"    {'a' * 36}\n    {'a' * 14}\n"
    assert shown("\nb", 4, columns=40) == "\n    b\n"


@pytest.mark.parametrize("columns", [None, 80])
def test_nothing_but_colours_reaches_the_terminal(columns: int | None) -> None:
    harm = "\x1b[2Jx\x1b]0;title\x07y\x1b[3Az\x9b1mw\rv\x08"
    assert not set(shown(harm, columns=columns)) & set("\x1b\x07\x9b\r\x08")
