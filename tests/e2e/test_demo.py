"""``ocarina-kit demo``: every step true, nothing left, and a step that is not true is said."""

from __future__ import annotations

import os
import re
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.conftest import Kit
from tests.terminal import CTRL_C, Screen

from ocarina_kit.sandbox.demo import STEPS, Demo, Step, run_demo
from ocarina_kit.sandbox.stage import Stage

NAMES = [step.name for step in STEPS]
# Whatever of the sandbox's secrets a demo could print: client secrets are 128 characters long, codes and tokens 30.
LOOKS_SECRET = re.compile(r"\b(?:[A-Za-z0-9]{128}|code=[A-Za-z0-9]{30})\b")


@pytest.fixture
def tmp(kit: Kit, tmp_path: Path) -> Path:
    """The folder for temporary files: empty when a demo is over."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    kit.extra["TMPDIR"] = str(folder)
    return folder


def is_left(kit: Kit, tmp: Path) -> list[str]:
    """What a demo left: files in the person's home or among the temporary ones, a crontab, processes."""
    walks = (os.walk(folder) for folder in (tmp, kit.home))  # which minds nothing that goes away meanwhile
    left = [f"{folder}/{name}" for walk in walks for folder, inner, files in walk for name in inner + files]
    mark = f"TMPDIR={tmp}\0".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            theirs = (process / "environ").read_bytes()
        except OSError:  # not ours, or gone
            continue
        if mark in theirs:
            left.append(f"{process}: {(process / 'cmdline').read_bytes()!r}")
    return left


def nothing_is_left(kit: Kit, tmp: Path, *, within: float = 0.0) -> bool:
    deadline = time.monotonic() + within
    while (left := is_left(kit, tmp)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []
    return True


def test_every_step_does_what_it_claims_and_nothing_is_left(kit: Kit, tmp: Path) -> None:
    # What a person may have set must lead none of the commands astray, and their files and crontab must stay.
    kit.extra |= {
        "OCARINA_CONF_FILE": str(kit.home / "elsewhere"),
        "MAJORA_DOMAIN": "https://majora.invalid/",
        "CLIENT_SECRET": "someone's",
        "XDG_STATE_HOME": str(kit.home / "state"),
        "HTTPS_PROXY": "http://proxy.invalid:3128",
        "http_proxy": "http://proxy.invalid:3128",
        "REQUESTS_CA_BUNDLE": str(kit.home / "no-such.pem"),
        "DISPLAY": ":0",
    }
    began = time.monotonic()
    ran = kit.run("demo", "--json")
    took = time.monotonic() - began
    assert ran.code == 0, repr(ran)
    assert nothing_is_left(kit, tmp)
    assert took < 30
    document = ran.json
    assert (document["command"], document["ok"], document["exit"]) == ("demo", True, 0)
    assert [step["name"] for step in document["steps"]] == NAMES
    assert {step["status"] for step in document["steps"]} == {"done"}
    commands = [command.split()[1] for step in document["steps"] for command in step["commands"]]
    assert commands == [
        "init",
        "login",
        "login",
        "schedule",
        "doctor",
        "doctor",
        "doctor",
        "doctor",
        "--oauth",
    ]
    for step in document["steps"]:
        for command in step["commands"]:
            assert f"    $ {command}\n" in ran.err
    for seen in ("All is well", "[CFG003]", "[CFG007]", "[TOK004]", "[CRN004]", "DEMO-0001"):
        assert seen in ran.err
    assert not LOOKS_SECRET.search(ran.all)
    assert "\x1b" not in ran.all


def test_it_can_be_read_in_a_narrow_terminal_without_colours(kit: Kit, tmp: Path) -> None:
    with Screen.of(kit, "demo", columns=40, rows=60, env={"NO_COLOR": "1"}) as screen:
        assert screen.wait(60) == 0
        assert "\x1b[" not in screen.raw
        wide = [line for line in screen.text.splitlines() if len(line) > 40]
        # No word is broken: a client id is 40 characters long, and the folder of this test longer still.
        assert [line for line in wide if len(line.removesuffix(" \\").split()) > 2] == []
        assert not LOOKS_SECRET.search("".join(screen.text.split()))
    assert nothing_is_left(kit, tmp)


def test_in_a_terminal_the_commands_have_their_colours_and_ctrl_c_leaves_nothing(kit: Kit, tmp: Path) -> None:
    with Screen.of(kit, "demo") as screen:
        screen.expect("$ ocarina-kit login --print-url")
        assert "    \x1b[32mok:\x1b[0m " in screen.raw
        screen.send(CTRL_C)
        screen.expect("Interrupted")
        assert screen.wait() == 130
    assert nothing_is_left(kit, tmp)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 130), (signal.SIGHUP, 130), (signal.SIGKILL, -9)]
)
def test_a_kill_leaves_nothing_either(kit: Kit, tmp: Path, number: signal.Signals, code: int) -> None:
    with Screen.of(kit, "demo") as screen:
        screen.expect("$ ocarina-kit login --callback -")
        screen.signal(number)
        assert screen.wait() == code
    assert nothing_is_left(
        kit, tmp, within=15
    )  # the command that was under way when it was killed comes to its end


# --- a step that does not do what it claims -----------------------------------------------------------------


@dataclass
class Listener:
    """Hears a demo that is played in this process."""

    said: list[str] = field(default_factory=list)
    width: int | None = None

    def say(self, text: str = "") -> None:
        self.said.append(text)

    heading = good = bad = command = say

    def output(self, text: str, indent: int = 0) -> None:
        self.said.append(text)

    def pairs(self, rows: list[tuple[str, str]]) -> None:
        self.said.extend(": ".join(row) for row in rows)

    @property
    def text(self) -> str:
        return "\n".join(self.said)


def play(kit: Kit, steps: tuple[Step, ...]) -> tuple[Demo, str]:
    listener = Listener()
    return run_demo(listener, kit.env, steps=steps), listener.text


@pytest.mark.parametrize(
    ("left_out", "fails", "says"),
    [
        ("init", "login", "exit code"),
        ("login", "healthy", "exit code 1, not 0"),
        ("schedule", "healthy", "exit code 1, not 0"),
        ("break", "find", "exit code 0, not 1"),
        ("fix", "healthy-again", "exit code 1, not 0"),
    ],
)
def test_a_step_that_is_left_out_makes_a_later_one_untrue(
    kit: Kit, left_out: str, fails: str, says: str
) -> None:
    demo, text = play(kit, tuple(step for step in STEPS if step.name != left_out))
    failed = [one for one in demo.played if one.ok is False]
    assert [one.step.name for one in failed] == [fails]
    assert says in failed[0].seen
    later = demo.played[demo.played.index(failed[0]) + 1 :]
    assert {one.ok for one in later} <= {None}
    assert demo.error is not None
    assert demo.error.exit == 1
    assert repr(failed[0].step.title) in demo.error.what
    assert failed[0].seen in text
    assert demo.left_behind == ""


def sabotage(name: str, harm: str) -> tuple[Step, ...]:
    """The steps up to ``name``; before it, ``harm`` is put in the place of the client."""

    def play_it(stage: Stage) -> str:
        stage.client.write_text(f"#!/bin/sh\n{harm}\n")
        return "harmed"

    at = NAMES.index(name)
    return (*STEPS[:at], Step("harm", "Harm", "", play_it), STEPS[at])


def test_a_client_that_does_not_ask_the_server_is_found_out(kit: Kit) -> None:
    steps = sabotage("use", "echo DEMO-0001")
    demo, _ = play(kit, (*steps[:3], *steps[-2:]))
    assert demo.played[-1].ok is False
    assert "the server answered [] to the token, not 200" in demo.played[-1].seen


def test_a_secret_that_a_command_prints_is_not_shown_and_fails_the_step(kit: Kit) -> None:
    steps = sabotage("use", "cat ~/.ocarina")
    demo, text = play(kit, (STEPS[0], *steps[-2:]))
    assert demo.played[-1].ok is False
    assert "printed a secret" in demo.played[-1].seen
    assert not LOOKS_SECRET.search(text)
