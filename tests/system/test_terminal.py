"""system/terminal.py in a real pseudo-terminal.

What arrives, what is shown, and what a shell is left with.
"""

import json
import signal
import sys
import time
from pathlib import Path

import pytest
from tests.terminal import BACKSPACE, CTRL_C, CTRL_D, CTRL_U, Screen

# Reads what the arguments say, one after another, and keeps each as JSON. Standard
# output may be a file.
PROGRAM = """
import json, sys
from ocarina_kit.system.signals import as_interrupts
from ocarina_kit.system.terminal import Terminal
where, *kinds = sys.argv[1:]
if where == "piped":
    sys.stdout = open("/dev/null", "w")
out = sys.stderr if where == "piped" else sys.stdout
terminal = Terminal(sys.stdin, out)
try:
    with as_interrupts():
        for kind in kinds:
            got = getattr(terminal, "read_" + kind)(kind + "> ")
            with open("results", "a") as file:
                file.write(json.dumps(got) + "\\n")
            print("GOT", len(got), file=out, flush=True)
except KeyboardInterrupt:
    print("INTERRUPTED", file=out)
    sys.exit(130)
print("END", file=out)
"""
LONG = "https://majora.test/o/callback/?code=" + "c0De" * 3000 + "&state=" + "s" * 43


def start(
    folder: Path, *kinds: str, term: str = "xterm-256color", where: str = "shown"
) -> Screen:
    env = {"PATH": "/usr/bin:/bin", "TERM": term, "PYTHONWARNINGS": "error"}
    screen = Screen([sys.executable, "-c", PROGRAM, where, *kinds], env=env, cwd=folder)
    screen.expect(f"{kinds[0]}> ")
    return screen


def got(folder: Path) -> list[str]:
    results = folder / "results"
    return (
        [json.loads(line) for line in results.read_text().splitlines()]
        if results.exists()
        else []
    )


@pytest.mark.parametrize(
    ("term", "ending", "where"),
    [
        ("xterm-256color", "", "shown"),
        ("xterm-256color", "\n", "piped"),
        ("dumb", "", "shown"),
    ],
)
def test_a_paste_of_12_000_characters(
    tmp_path: Path, term: str, ending: str, where: str
) -> None:
    with start(tmp_path, "paste", term=term, where=where) as screen:
        assert screen.takes_bracketed_pastes is (term != "dumb")
        screen.paste(LONG + ending)
        if term == "dumb":
            screen.expect(f"{len(LONG):,} characters")
            screen.line()
        screen.expect("END")
        assert got(tmp_path) == [LONG]
        assert screen.wait() == 0
        assert "c0De" not in screen.raw
        assert screen.left_in_the_terminal() == b""


def test_line_breaks_in_a_paste_are_not_its_end(tmp_path: Path) -> None:
    broken = f"{LONG[:4000]}\n{LONG[4000:]}"
    with start(tmp_path, "paste", "paste", term="dumb") as screen:
        screen.paste(f"\n{broken}\n")
        screen.expect("GOT")
        for piece in (
            "\x1b[200~https://majora.test/o/\r",
            "callback/?code=x",
            "\x1b[20",
            "1~",
        ):
            assert len(got(tmp_path)) == 1
            screen.send(piece)
            time.sleep(0.2)
        screen.expect("END")
    assert got(tmp_path) == [broken, "https://majora.test/o/\ncallback/?code=x"]


def test_a_secret_is_unseen_and_its_length_is_shown(tmp_path: Path) -> None:
    secret = "hush" * 1500
    with start(tmp_path, "secret", "secret", "line", where="piped") as screen:
        screen.paste(secret)
        screen.expect("6,000 characters")
        assert got(tmp_path) == []
        screen.line()
        screen.expect("GOT 6000")
        screen.expect(
            "secret> "
        )  # from here on the keys are the kit's, not the terminal's
        screen.send(
            "wrong" + CTRL_U + "hush twoo" + BACKSPACE + " é" + BACKSPACE + "\x1b[D"
        )
        screen.line()
        screen.expect("line> ")
        screen.wait_until("echoes")
        screen.line("after\x1b[D")
        screen.expect("END")
        assert "hush" not in screen.raw
    assert got(tmp_path) == [secret, "hush two ", "after"]


@pytest.mark.parametrize(
    ("kind", "key"),
    [("paste", CTRL_C), ("secret", CTRL_D), ("line", CTRL_C), ("paste", signal.SIGHUP)],
)
def test_an_interrupt_sets_the_terminal_back(
    tmp_path: Path, kind: str, key: str | signal.Signals
) -> None:
    with start(tmp_path, kind) as screen:
        screen.wait_until("by_lines" if kind == "line" else "not by_lines")
        if isinstance(key, str):
            screen.send(key)
            screen.expect("INTERRUPTED")
        else:
            screen.send("half a paste")
            screen.signal(key)
        assert screen.wait() == 130
        assert (screen.echoes, screen.by_lines, screen.takes_bracketed_pastes) == (
            True,
            True,
            False,
        )


def test_nothing_after_an_interrupt_is_left_for_a_shell(tmp_path: Path) -> None:
    with start(tmp_path, "paste") as screen:
        screen.wait_until("not by_lines")
        screen.send(
            "\x1b[200~https://majora.test/" + CTRL_C + "touch /tmp/nobody-wants-this\r"
        )
        for _ in range(5):
            time.sleep(0.05)
            screen.send("rm -rf everything\r")
        screen.expect("INTERRUPTED")
        assert screen.wait() == 130
        assert screen.left_in_the_terminal() == b""


def test_what_is_typed_ahead_is_not_lost(tmp_path: Path) -> None:
    with start(tmp_path, "line", "paste", "line") as screen:
        screen.send("one\rtwo\r")
        screen.expect("GOT 3")
        screen.expect("GOT 3")
        screen.line("three")
        screen.expect("END")
    assert got(tmp_path) == ["one", "two", "three"]
