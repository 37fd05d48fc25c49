"""edges/person/terminal.py in a real terminal: keys that edit, and what a shell is left with."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.terminal import BACKSPACE, CTRL_C, CTRL_D, CTRL_U, CTRL_W, CTRL_Z, Screen

# Reads what the arguments say, one after another, and prints each as JSON, so that nothing of it is lost on the way.
PROGRAM = """
import json, sys
from ocarina_kit.edges.person.terminal import RealTerminal
for kind in sys.argv[2:]:
    terminal = RealTerminal(sys.stdin, sys.stdout)  # a new one each time, as init, login and schedule have
    try:
        got = getattr(terminal, "read_" + kind)(kind + "> ")
    except KeyboardInterrupt:
        print("INTERRUPTED")
        sys.exit(130)
    with open(sys.argv[1], "a") as file:
        file.write(json.dumps(got) + "\\n")
    print("GOT", len(got))
print("END")
"""
LONG = "https://majora.test/o/callback/?code=" + "c0De" * 3000 + "&state=" + "s" * 43


class Reader:
    def __init__(self, screen: Screen, results: Path) -> None:
        self.screen = screen
        self._results = results

    @property
    def got(self) -> list[str]:
        return (
            [json.loads(line) for line in self._results.read_text().splitlines()]
            if self._results.exists()
            else []
        )


@pytest.fixture
def start(tmp_path: Path) -> Iterator[object]:
    screens: list[Screen] = []

    def start(*kinds: str, term: str = "xterm-256color", columns: int = 80) -> Reader:
        results = tmp_path / f"results{len(screens)}"
        argv = [sys.executable, "-c", PROGRAM, str(results), *kinds]
        screen = Screen(
            argv, env={"PATH": "/usr/bin:/bin", "TERM": term, "PYTHONWARNINGS": "error"}, columns=columns
        )
        screens.append(screen)
        screen.expect(f"{kinds[0]}> ")
        return Reader(screen, results)

    yield start
    for screen in screens:
        screen.close()


@pytest.mark.parametrize("bracketed", [True, False], ids=["bracketed", "bare"])
@pytest.mark.parametrize("ending", ["", "\n"], ids=["no line break", "line break"])
def test_a_paste_of_12_000_characters_arrives_whole(start, bracketed: bool, ending: str) -> None:
    reader = start("paste", term="xterm-256color" if bracketed else "dumb")
    assert reader.screen.takes_bracketed_pastes is bracketed
    reader.screen.paste(LONG + ending)
    if not bracketed and not ending:
        reader.screen.expect(f"{len(LONG):,} characters")
        reader.screen.line()
    reader.screen.expect("END")
    assert reader.got == [LONG]
    assert reader.screen.wait() == 0


@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_a_paste_broken_over_lines_is_one_paste(start, term: str) -> None:
    reader = start("paste", term=term)
    broken = "\n".join(LONG[start : start + 76] for start in range(0, len(LONG), 76))
    reader.screen.paste(broken + "\n")
    reader.screen.expect("END")
    assert reader.got == [broken]


def test_a_line_break_inside_a_slow_bracketed_paste_is_not_its_end(start) -> None:
    reader = start("paste")
    reader.screen.send("\x1b[200~https://majora.test/o/\r")
    time.sleep(0.4)
    assert reader.got == []
    for piece in ("callback/?code=x", "\x1b[20", "1~"):
        reader.screen.send(piece)
        time.sleep(0.15)
    reader.screen.expect("END")
    assert reader.got == ["https://majora.test/o/\ncallback/?code=x"]


def test_nothing_of_a_paste_is_shown_but_its_length(start) -> None:
    reader = start("paste")
    reader.screen.paste("secretcode" * 3)
    reader.screen.expect("30 characters")
    reader.screen.expect("END")
    assert "secretcode" not in reader.screen.raw


def test_a_secret_is_read_unseen_beyond_the_length_of_a_line(start) -> None:
    reader = start("secret", "line")
    secret = "hush" * 1500
    reader.screen.paste(secret + "\n")
    reader.screen.expect("GOT 6000")
    reader.screen.expect("line> ")
    reader.screen.line("after")
    reader.screen.expect("END")
    assert reader.got == [secret, "after"]
    assert "hush" not in reader.screen.raw
    assert "character" not in reader.screen.text


def test_a_pasted_secret_waits_for_enter(start) -> None:
    reader = start("secret")
    reader.screen.paste("abc", bracketed=True)
    time.sleep(0.3)
    assert reader.got == []
    reader.screen.line()
    reader.screen.expect("END")
    assert reader.got == ["abc"]


@pytest.mark.parametrize("kind", ["paste", "secret"])
def test_keys_that_edit(start, kind: str) -> None:
    reader = start(kind)
    reader.screen.send(
        "wrong" + CTRL_U + "one twoo" + BACKSPACE + " three" + CTRL_W + "four é" + BACKSPACE + "\x1b[D"
    )
    reader.screen.line()
    reader.screen.expect("END")
    assert reader.got == ["one two four "]


def test_enter_alone_is_no_paste(start) -> None:
    reader = start("paste")
    reader.screen.line()
    reader.screen.line("  ")
    time.sleep(0.3)
    assert reader.got == []
    reader.screen.line("x")
    reader.screen.expect("END")
    assert [text.strip() for text in reader.got] == ["x"]


@pytest.mark.parametrize("kind", ["paste", "secret"])
@pytest.mark.parametrize("key", [CTRL_C, CTRL_D], ids=["Ctrl-C", "Ctrl-D"])
def test_an_interrupt_sets_the_terminal_back(start, kind: str, key: str) -> None:
    reader = start(kind)
    assert not reader.screen.echoes
    reader.screen.send(key)
    reader.screen.expect("INTERRUPTED")
    assert reader.screen.wait() == 130
    assert reader.screen.echoes
    assert reader.screen.by_lines
    assert not reader.screen.takes_bracketed_pastes


def test_ctrl_d_behind_text_ends_it(start) -> None:
    reader = start("paste")
    reader.screen.send("text" + CTRL_D)
    reader.screen.expect("END")
    assert reader.got == ["text"]


@pytest.mark.parametrize("bracketed", [True, False], ids=["bracketed", "bare"])
def test_nothing_behind_an_interrupt_is_left_for_a_shell(start, bracketed: bool) -> None:
    reader = start("paste")
    begin = "\x1b[200~" if bracketed else ""
    reader.screen.send(begin + "https://majora.test/" + CTRL_C + "touch /tmp/nobody-wants-this\r")
    for _ in range(5):
        time.sleep(0.05)
        reader.screen.send("rm -rf everything\r")
    reader.screen.expect("INTERRUPTED")
    assert reader.screen.wait() == 130
    assert reader.screen.left_in_the_terminal() == b""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_sets_the_terminal_back(start, number: signal.Signals) -> None:
    reader = start("paste")
    reader.screen.send("half a paste")
    reader.screen.signal(number)
    assert reader.screen.wait() == (130 if number is signal.SIGINT else -number)
    assert reader.screen.echoes
    assert reader.screen.by_lines
    assert not reader.screen.takes_bracketed_pastes


def test_an_enter_by_habit_behind_a_paste_answers_nothing(start) -> None:
    reader = start("paste", "line")
    reader.screen.paste("text")
    reader.screen.expect("GOT 4")
    reader.screen.line()
    reader.screen.expect("line> ")
    reader.screen.line("answer")
    reader.screen.expect("END")
    assert reader.got == ["text", "answer"]


def test_what_is_typed_ahead_is_not_lost(start) -> None:
    reader = start("line", "paste", "line")
    reader.screen.send("one\rtwo\r")
    reader.screen.expect("GOT 3")
    reader.screen.expect("GOT 3")
    reader.screen.line("three")
    reader.screen.expect("END")
    assert reader.got == ["one", "two", "three"]


def test_one_megabyte_is_read_quickly_and_cut(start) -> None:
    reader = start("paste")
    began = time.monotonic()
    reader.screen.paste("x" * 1_100_000 + "\n", bracketed=True)
    reader.screen.expect("END", timeout=30)
    assert [len(text) for text in reader.got] == [1 << 20]
    assert time.monotonic() - began < 20


def test_ctrl_z_hands_the_terminal_back_and_goes_on_where_it_was(tmp_path: Path) -> None:
    results = tmp_path / "results"
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    env = {"PATH": "/usr/bin:/bin", "PS1": "shell$ ", "HISTFILE": "/dev/null", "HOME": str(tmp_path)}
    with Screen(["bash", "--norc", "--noprofile", "-i"], env=env) as screen:
        screen.expect("shell$ ")
        screen.line(f"{sys.executable} {program} {results} paste")
        screen.expect("paste> ")
        screen.send("before ")
        screen.expect("7 characters")
        screen.send(CTRL_Z)
        screen.expect("Stopped")
        screen.expect("shell$ ")
        screen.line("echo still a $((1+1)) shell")
        screen.expect("still a 2 shell")
        screen.line("fg")
        screen.expect("paste> ")
        screen.expect("7 characters")
        screen.send("after\r")
        screen.expect("GOT 12")
        screen.line("exit")
        screen.wait()
    assert json.loads(results.read_text()) == "before after"


def test_without_a_terminal_nobody_is_asked() -> None:
    program = (
        "import sys; from ocarina_kit.edges.person.terminal import RealTerminal; "
        "print(RealTerminal(sys.stdin, sys.stdout).interactive)"
    )
    for stdin in (subprocess.DEVNULL, subprocess.PIPE):
        done = subprocess.run(
            [sys.executable, "-c", program], stdin=stdin, capture_output=True, check=True, text=True
        )
        assert done.stdout == "False\n"
