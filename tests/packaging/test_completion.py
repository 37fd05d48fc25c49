"""Completion, asked of real shells: the script that the installed command prints, sourced and used."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocarina_kit.cli.commands import COMMANDS

from .conftest import bare_environment, must, run

NAMES = {name for name, _, _ in COMMANDS}
WITH_S = {name for name in NAMES if name.startswith("s")}

needs_bash = pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
needs_zsh = pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
needs_fish = pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")


@pytest.fixture
def env(install: Callable[[Path], Path], tmp_path: Path) -> dict[str, str]:
    return bare_environment(tmp_path, install(Path(sys.executable)))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_printed_for_the_named_shell_or_the_users_own(shell: str, env: dict[str, str]) -> None:
    named = must("ocarina-kit", "--show-completion", shell, env=env)
    assert f"--show-completion {shell}" in named  # how to use it
    assert must("ocarina-kit", f"--show-completion={shell}", env=env) == named
    assert must("ocarina-kit", "--show-completion", env=env | {"SHELL": f"/usr/bin/{shell}"}) == named


@pytest.mark.parametrize(("args", "shell"), [(["tcsh"], "/bin/bash"), ([], "/bin/tcsh"), ([], "")])
def test_another_shell_is_told_which_there_are(args: list[str], shell: str, env: dict[str, str]) -> None:
    ran = run("ocarina-kit", "--show-completion", *args, env=env | {"SHELL": shell})
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "ocarina-kit --show-completion zsh" in ran.stderr


@needs_bash
def test_bash_completes(env: dict[str, str]) -> None:
    program = """
        set -eu
        eval "$(ocarina-kit --show-completion bash)"
        read -ra bound <<<"$(complete -p ocarina-kit)"
        ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); "${bound[4]}" ocarina-kit; echo "${COMPREPLY[@]}"; }
        ask ocarina-kit ''
        ask ocarina-kit s
        ask ocarina-kit --prof
        ask ocarina-kit sandbox --two
        ask ocarina-kit --profile lab sandbox --po
        ask ocarina-kit --version s
    """
    lines = must("bash", "--norc", "-c", program, env=env).splitlines()
    assert [set(line.split()) for line in lines] == [
        NAMES,
        WITH_S,
        {"--profile"},
        {"--two-factor"},
        {"--port"},
        WITH_S,
    ]


@needs_fish
def test_fish_completes_with_one_line_for_each(env: dict[str, str]) -> None:
    program = """
        ocarina-kit --show-completion fish | source
        complete -C "$argv"
    """

    def ask(typed: str) -> dict[str, str]:
        out = must("fish", "--no-config", "-c", program, typed, env=env)
        rows = (line.partition("\t") for line in out.splitlines())
        return {word: summary for word, _, summary in rows}

    assert ask("ocarina-kit ") == {name: summary for name, _, summary in COMMANDS}
    assert set(ask("ocarina-kit s")) == WITH_S
    for name in sorted(NAMES):
        options = ask(f"ocarina-kit {name} --")
        assert {"--config", "--profile", "--help"} <= set(options)
        assert all(word.startswith("--") and summary for word, summary in options.items())


@needs_zsh
def test_zsh_reads_every_answer(env: dict[str, str]) -> None:
    program = """
        autoload -Uz compinit && compinit -u -D
        eval "$(ocarina-kit --show-completion zsh)"
        _arguments() { print -r -- "$*" }
        words=(ocarina-kit "$@"); CURRENT=$#words
        ${_comps[ocarina-kit]}
    """

    def ask(*typed: str) -> str:
        return must("zsh", "-f", "-c", program, "zsh", *typed, env=env)

    listed = ask("")
    for name, _, summary in COMMANDS:
        assert f'"{name}":' in listed
        assert summary.split(":")[0] in listed
        assert "--config" in ask(name, "--")


class Typed:
    """A shell in a terminal, typed into."""

    def __init__(self, *shell: str, env: dict[str, str]) -> None:
        spawn = "import pty, sys; pty.spawn(sys.argv[1:])"
        self._process = subprocess.Popen(
            [sys.executable, "-c", spawn, *shell],
            env=env,
            cwd=env["HOME"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
        )
        self._seen = b""

    def type(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode())

    def wait_for(self, text: str, seconds: float = 30) -> None:
        """Read until ``text`` is on the terminal, after what was waited for before."""
        assert self._process.stdout is not None
        stream = self._process.stdout.fileno()
        end = time.monotonic() + seconds
        while text.encode() not in self._seen:
            left = end - time.monotonic()
            ready = select.select([stream], [], [], max(0, left))[0]
            data = os.read(stream, 65536) if ready else b""
            assert data, f"no {text!r} on the terminal, but: {self._seen.decode(errors='replace')}"
            self._seen += data
        self._seen = self._seen.partition(text.encode())[2]

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.type("\x03exit\n")
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def typed(*shell: str, env: dict[str, str]) -> Iterator[Typed]:
    terminal = Typed(*shell, env=env)
    try:
        yield terminal
    finally:
        terminal.close()


@pytest.mark.parametrize(
    ("shell", "start"),
    [
        pytest.param(["bash", "--norc", "-i"], "", id="bash", marks=needs_bash),
        pytest.param(
            ["zsh", "-f", "-i"], "autoload -Uz compinit && compinit -u -D; ", id="zsh", marks=needs_zsh
        ),
    ],
)
def test_a_tab_completes_in_a_terminal(shell: list[str], start: str, env: dict[str, str]) -> None:
    with typed(*shell, env=env) as terminal:
        terminal.type(f'{start}eval "$(ocarina-kit --show-completion {shell[0]})"; echo re"ad"y\n')
        terminal.wait_for("ready")
        terminal.type("ocarina-kit sched\t")
        terminal.wait_for("schedule ")
        terminal.type("\x15ocarina-kit sandbox --two\t")
        terminal.wait_for("--two-factor ")
