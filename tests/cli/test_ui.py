"""What people see and are asked.

Columns, wrapping, colours, waiting, questions, and the JSON document.
"""

import io
import json
import re
import threading
from typing import Any

import pytest
from tests.conftest import until
from tests.terminal import WAIT

from ocarina_kit.cli.ui import GREEN, RED, Result, Ui, json_document
from ocarina_kit.system.problem import KitError, Problem, Remedy

COLOURS = {"TERM": "xterm-256color"}
LONG = "https://majora.example.org/o/authorize/?" + "x" * 60


class Wide:
    """A terminal of a width, which a person types ``answers`` at."""

    interactive = True

    def __init__(self, columns: int | None, *answers: str) -> None:
        self.columns = lambda stream: columns
        self.answers, self.prompts = list(answers), []

    def read_line(self, prompt: str) -> str:
        self.prompts.append(prompt)
        return self.answers.pop(0)


def ui_with(
    terminal: Any, environ: dict[str, str] | None = None
) -> tuple[Ui, io.StringIO]:
    out = io.StringIO()
    return Ui(out, out, terminal, environ or {}), out


PROBLEM = Problem(
    message="Majora does not accept this client id and secret.",
    id="CRD001",
    why="It answered invalid_client.",
    remedy=Remedy("Register again.", ("ocarina-kit init", "ocarina-kit login")),
)
ROWS = [
    ("look up samples", "valid for 9 h", "refreshed 14:37 on login1"),
    ("upload", "expired"),
]


@pytest.mark.parametrize(
    ("columns", "method", "args", "expected"),
    [
        (
            None,
            "status",
            ("wrote", "~/.ocarina " + "word " * 30),
            "wrote      ~/.ocarina" + " word" * 30,
        ),
        (
            30,
            "status",
            ("wrote", "one two three four five"),
            "wrote      one two three four\n           five",
        ),
        (40, "status", ("ok", "first\nsecond"), "ok         first\n           second"),
        (25, "status", ("scheduled", "every 3 hours"), "scheduled  every 3 hours"),
        (
            20,
            "status",
            ("scheduled", "every three hours"),
            "scheduled  every\n    three hours",
        ),
        (30, "say", ("the link is " + LONG,), f"the link is\n{LONG}"),
        (30, "raw", (f"open {LONG} now",), f"open {LONG} now"),
        (30, "command", (f"run {LONG}",), f"  run {LONG}"),
        (
            60,
            "next_step",
            ("ocarina-kit doctor", "fixes both"),
            "Next step: ocarina-kit doctor   (fixes both)",
        ),
        (
            30,
            "next_step",
            ("ocarina-kit doctor", "fixes both"),
            "Next step: ocarina-kit doctor\n  (fixes both)",
        ),
        (
            30,
            "say",
            ("  indented words go on below each",),
            "  indented words go on below\n  each",
        ),
        (None, "say", ("",), ""),
        (80, "say", ("a\x1b[2Jb\x9b\u202ec",), "a\\x1b[2Jb\\x9b\\u202ec"),
        (
            80,
            "table",
            (ROWS,),
            "  look up samples   valid for 9 h   refreshed 14:37 on login1\n"
            "  upload            expired",
        ),
        (
            40,
            "table",
            (ROWS,),
            "  look up samples\n    valid for 9 h\n    refreshed 14:37 on login1\n"
            "  upload\n    expired",
        ),
        (
            29,
            "table",
            ([("CFG007", "add the / to MAJORA_DOMAIN in it")],),
            "  CFG007   add the / to\n           MAJORA_DOMAIN in\n           it",
        ),
        (
            40,
            "error",
            (PROBLEM,),
            "error: Majora does not accept this\n  client id and secret. [CRD001]\n"
            "  It answered invalid_client. Register\n  again.\n"
            "  Try: ocarina-kit init\n       ocarina-kit login",
        ),
        (
            None,
            "error_line",
            (PROBLEM,),
            "ocarina-kit: Majora does not accept this client id and secret. It"
            " answered invalid_client. "
            "Register again. Try: ocarina-kit init [CRD001]",
        ),
    ],
)
def test_layout(
    columns: int | None, method: str, args: tuple[object, ...], expected: str
) -> None:
    ui, out = ui_with(Wide(columns))
    getattr(ui, method)(*args)
    assert out.getvalue() == expected + "\n"


@pytest.mark.parametrize(
    ("environ", "columns", "coloured"),
    [
        (COLOURS, 80, True),
        (COLOURS, None, False),
        (COLOURS | {"NO_COLOR": "1"}, 80, False),
        ({"TERM": "dumb"}, 80, False),
    ],
)
def test_colours_only_where_they_are_on(
    environ: dict[str, str], columns: int | None, coloured: bool
) -> None:
    ui, out = ui_with(Wide(columns), environ)
    ui.status("ok", "good")
    ui.diff("+a\n-b\n c")
    marked = (
        f"\x1b[{GREEN}mok\x1b[0m         good\n\x1b[{GREEN}m+a\x1b[0m\n"
        f"\x1b[{RED}m-b\x1b[0m\n c\n"
    )
    assert out.getvalue() == (marked if coloured else "ok         good\n+a\n-b\n c\n")


# --- waiting


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (COLOURS, r"\x1b\[\?25l[-|/\\] Waiting for Majora \(1 min at most\).*\x1b\[2K"),
        ({"TERM": "dumb"}, r"Waiting for Majora \(1 min at most\) \.\.\.\n"),
    ],
)
def test_a_long_wait_is_named_and_nothing_is_left_behind(
    environ: dict[str, str], expected: str
) -> None:
    before, (ui, out) = set(threading.enumerate()), ui_with(Wide(80), environ)
    with ui.waiting("Waiting for Majora", 60):
        until(out.getvalue, "what it waits for is said")
    ui.say("done")
    assert re.fullmatch(expected + "done\n", out.getvalue(), re.DOTALL), out.getvalue()
    for thread in set(threading.enumerate()) - before:
        thread.join(WAIT)
        assert not thread.is_alive()


@pytest.mark.parametrize(
    ("columns", "expected"), [(40, r".+the lock that.+ b.+\x1b\[2Kc\n"), (None, "c\n")]
)
def test_other_words_replace_it_at_once_and_a_pipe_gets_none(
    columns: int | None, expected: str
) -> None:
    ui, out = ui_with(Wide(columns), COLOURS)
    with (
        ui.waiting("Waiting for Majora", 60) as say,
        ui.waiting("an inner wait") as say_inner,
    ):
        say("Waiting for the lock that process 4711 on login1 holds")
        say_inner("b")
        ui.say("c")
    assert re.fullmatch(expected, out.getvalue(), re.DOTALL), out.getvalue()


# --- asking

MAJORAS = [("production",), ("test",), ("another address",)]


def test_a_question_has_help_and_a_default() -> None:
    terminal = Wide(80, "?", " hoot ", "", "", "")
    ui, out = ui_with(terminal)
    assert (
        ui.ask("Your Majora user name", help="An email from Majora names it.") == "hoot"
    )
    assert out.getvalue() == "An email from Majora names it.\n"
    answers = (
        ui.ask("Name", "hoot"),
        ui.ask_choice("Which?", MAJORAS, default=1),
        ui.confirm("Go on?"),
    )
    assert answers == ("hoot", 1, True)
    assert terminal.prompts[2:] == ["Name [hoot]: ", "[2] > ", "Go on? [Y/n] "]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (80, "Which Majora?   1 production   2 test   3 another address\n"),
        (40, "Which Majora?\n  1  production\n  2  test\n  3  another address\n"),
    ],
)
def test_a_choice_takes_its_numbers_alone(columns: int, expected: str) -> None:
    ui, out = ui_with(Wide(columns, "4", "production", "", "3"))
    assert ui.ask_choice("Which Majora?", MAJORAS) == 2
    assert out.getvalue() == expected + "Please enter a number from 1 to 3.\n" * 3


def test_a_yes_or_no_and_a_question_that_cannot_be_seen() -> None:
    ui, out = ui_with(Wide(80, "NO", "what", "Yes", "answer"))
    assert (ui.confirm("Apply?"), ui.confirm("Apply?", default=False)) == (False, True)
    out.failed = True  # as __main__.Output has it
    with pytest.raises(KitError, match="cannot be shown"):
        ui.ask("Name")


# --- JSON


def test_the_document_holds_no_character_that_drives_a_terminal() -> None:
    harm = "a\x7fb\x85c\x9bd\u202ee\u2066f\u200fgé\udce9\x1b[2J"
    document = json_document("status", Result({"text": harm}))
    assert document.isascii()
    assert not set(document) & set("\x7f\x1b")
    assert json.loads(document)["text"] == harm
