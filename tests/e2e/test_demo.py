"""``ocarina-kit demo``: every step is true, and nothing is left.

A step that is not true is reported.
"""

import re
import signal
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from tests.conftest import Kit, processes_with, until
from tests.terminal import CTRL_C, Screen

from ocarina_kit.sandbox import demo

COMMANDS = [
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
# Whatever of the sandbox's secrets a demo could print: client secrets are 128
# characters long, codes and tokens 30.
LOOKS_SECRET = re.compile(r"\b(?:[A-Za-z0-9]{128}|code=[A-Za-z0-9]{30})\b")


@pytest.fixture
def tmp(kit: Kit, tmp_path: Path) -> Path:
    """The folder for temporary files: empty when a demo is over."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    kit.extra["TMPDIR"] = str(folder)
    return folder


def nothing_is_left(kit: Kit, tmp: Path) -> bool:
    """No file in the person's home or among the temporary ones, no process."""
    try:
        return not [
            *tmp.rglob("*"),
            *kit.home.rglob("*"),
            *processes_with(f"TMPDIR={tmp}"),
        ]
    except FileNotFoundError:  # it is being removed
        return False


def test_every_step_does_what_it_claims_and_nothing_is_left(
    kit: Kit, tmp: Path
) -> None:
    # What a person may have set must lead none of the commands astray, and their files
    # and crontab must stay.
    kit.extra |= {
        "OCARINA_CONF_FILE": str(kit.home / "elsewhere"),
        "MAJORA_DOMAIN": "https://majora.invalid/",
        "CLIENT_SECRET": "someone's",
        "XDG_STATE_HOME": str(kit.home / "state"),
        "HTTPS_PROXY": "http://proxy.invalid:3128",
        "http_proxy": "http://proxy.invalid:3128",
        "REQUESTS_CA_BUNDLE": str(kit.home / "no-such.pem"),
        "DISPLAY": ":0",
        "NO_COLOR": "1",
    }
    with Screen.of(kit, "demo", columns=40, rows=60) as screen:
        assert screen.wait() == 0
        text, raw = screen.text, screen.raw
    until(lambda: nothing_is_left(kit, tmp), "nothing is left")
    assert re.findall(r"^ *\$ \w[\w-]+ (\S+)", text, re.MULTILINE) == COMMANDS
    for seen in (
        "Everything works",
        "CFG003",
        "CFG007",
        "TOK004",
        "CRN004",
        "DEMO-0001",
    ):
        assert seen in text
    assert not LOOKS_SECRET.search("".join(text.split()))
    assert "\x1b[3" not in raw
    # No word is broken: a client id is 40 characters long, and the folder of this test
    # longer still.
    wide = [line for line in text.splitlines() if len(line) > 40 and "$ " not in line]
    assert [
        line
        for line in wide
        if len(line.removesuffix(" \\").split()) > 2 and "/" not in line
    ] == []


HANG_UP = pytest.param(signal.SIGHUP, 130, marks=pytest.mark.soak)


@pytest.mark.parametrize(
    ("ending", "code"), [(CTRL_C, 130), HANG_UP, (signal.SIGKILL, -9)]
)
def test_however_it_ends_it_leaves_nothing(
    kit: Kit, tmp: Path, ending: Any, code: int
) -> None:
    with Screen.of(kit, "demo") as screen:
        screen.expect("$ ocarina-kit login --print-url")
        screen.send(ending) if ending == CTRL_C else screen.signal(ending)
        assert screen.wait() == code
        # The command that was under way when it was killed comes to its end.
        until(lambda: nothing_is_left(kit, tmp), "nothing is left")


def test_a_step_that_is_not_true_is_said(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a client that does not ask the server, and prints what is secret."""
    install, seen = demo.install_standin, kit.home / "seen"

    def harmed(*args: Any, **options: Any) -> Path:
        client = install(*args, **options)
        client.rename(f"{client}.real")
        leaks = (
            f'echo DEMO-0001; cat "$HOME/.ocarina" "$HOME/.ocarina-tokens" | tee {seen}'
        )
        client.write_text(
            "#!/bin/sh\n"
            f'case "$*" in *get*) {leaks};; *) exec {client}.real "$@";; esac\n'
        )
        client.chmod(0o755)
        return client

    monkeypatch.setattr(demo, "install_standin", harmed)
    ui = MagicMock()
    error = demo.run_demo(ui, kit.env)
    assert error is not None
    assert (error.id, error.exit, "the server answered" in error.why) == (
        "DEM001",
        1,
        True,
    ), error
    said = str(ui.mock_calls)
    assert not LOOKS_SECRET.search(said)
    secrets = re.findall(r'_(?:SECRET|token)": "(\w+)"', seen.read_text())
    assert len(secrets) == 3
    assert not any(secret in said for secret in secrets)
