"""The frame of the command line: help, usage errors, the one error boundary, output that fails, completion."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.conftest import Kit

import ocarina_kit
from ocarina_kit.cli.app import COMMANDS

TRIAL = '''
"""A command for tests: `trial --do WHAT`."""
from __future__ import annotations
from typing import Annotated
import typer
from ocarina_kit.cli import options
from ocarina_kit.cli.ui import Result, Ui
from ocarina_kit.system.errors import KitError, Remedy

EPILOG = """Examples:
  ocarina-kit trial --do  nothing   # as it is"""

Checks = Annotated[str | None, typer.Option("--check", autocompletion=options.checks_and_families)]

def command(
    context: typer.Context,
    do: str = "",
    purposes: options.Purposes = None,
    check: Checks = None,
    json: options.Json = False,
) -> Result:
    """Try something."""
    ui = context.find_object(Ui)
    if do == "bug":
        raise ValueError("client_secret=hush-hush-hush")
    if do == "refused":
        raise KitError("Majora refuses.", id="CRD001", why="It said no.", remedy=Remedy("Ask.", ("a b", "c d")))
    if do == "login":
        return Result({"tokens": []}, KitError("Log in.", id="TOK001", exit=4), shown=True)
    if do == "interrupt":
        raise KeyboardInterrupt
    if do == "processes":
        raise BlockingIOError(11, "Resource temporarily unavailable")
    if do == "quiet":
        ui.hush()
    for _ in range(20_000 if do == "much" else 1):
        ui.say("said")
    return Result({"meta": dict(context.meta)})
'''
PROGRAM = """
import sys
from ocarina_kit.__main__ import guard_output
from ocarina_kit.cli.app import run
sys.path.insert(0, sys.argv[1])
guard_output()
table = (("trial", "trial", "Try something.", "Commands"), ("other", "trial", "Another.", "More"))
sys.exit(run(sys.argv[2:], table))
"""


class Trial(Kit):
    """The command line with the commands of this file."""

    def command(self, *args: str) -> list[str]:
        folder = self.home.parent
        return [sys.executable, str(folder / "program.py"), str(folder), *args]

    def forks(self, environ: Mapping[str, str]) -> bool:
        return False


@pytest.fixture
def trial(kit: Kit) -> Trial:
    (kit.home.parent / "trial.py").write_text(TRIAL)
    (kit.home.parent / "program.py").write_text(PROGRAM)
    return Trial(kit.home)


# --- help and version -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("args", [["--version"], ["--profile", "x", "trial", "--version"]])
def test_version_before_and_after_a_command(trial: Trial, args: list[str]) -> None:
    assert trial.run(*args).out == f"ocarina-kit {ocarina_kit.__version__}\n"


def test_help_begins_with_init_and_fits_a_screen(kit: Kit) -> None:
    ran = kit.run()
    assert (ran.code, ran.err, ran.out) == (0, "", kit.run("-h").out)
    lines = ran.out.splitlines()
    assert (len(lines) < 24, max(map(len, lines)) <= 80, "ocarina-kit init" in lines[1]) == (True, True, True)
    listed = [line.split()[0] for line in lines if line.startswith("  ") and not line.startswith("  -")]
    assert listed == [name for name, *_ in COMMANDS]


def test_help_of_a_command_ends_with_its_examples_as_they_are(trial: Trial) -> None:
    out = trial.run("trial", "--help").out
    assert out.endswith("\nExamples:\n  ocarina-kit trial --do  nothing   # as it is\n")
    assert "Also: --config PATH, --profile NAME, --env, --version (ocarina-kit --help)\n" in out


# --- shared options -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--profile", "a", "trial", "--config", "c", "--env"], {"profile": "a", "config": "c", "env": True}),
        (["--profile", "a", "trial", "--profile", "b"], {"profile": "b"}),
        (["--config", "trial", "trial"], {"config": "trial"}),
    ],
)
def test_shared_options_work_before_and_after_the_name(
    trial: Trial, args: list[str], expected: dict[str, object]
) -> None:
    ran = trial.run(*args, "--json")
    assert ran.json == {"schema": 1, "command": "trial", "ok": True, "exit": 0, "meta": expected}
    assert ran.err == "said\n"


# --- errors ---------------------------------------------------------------------------------------------------------

LONG = "Zm9vYmFyc2VjcmV0MTIzNDU2Nzg5MGFiY2RlZmdoaWo"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["trail"], "No such command 'trail'. Did you mean 'trial'?"),
        (["--profil", "x"], "Did you mean --profile?"),
        (["trial", "--jsn"], "Did you mean --json?"),
        (["trial", "word"], "unexpected extra argument"),
        (["--env"], "Missing command."),
        ([LONG], "****"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_usage_is_exit_2_and_repeats_no_secret(trial: Trial, args: list[str], words: str) -> None:
    ran = trial.run(*args)
    assert (ran.code, ran.out) == (2, "")
    first, *_, last = ran.err.splitlines()
    assert first.startswith("error: ")
    assert first.endswith(" [USE001]")
    assert words in first
    assert LONG not in ran.err
    path = "ocarina-kit trial" if args[0] == "trial" else "ocarina-kit"
    assert last == f"  Try: {path} --help"


def test_errors_in_json_and_in_words(trial: Trial) -> None:
    document = trial.run("trial", "--bogus", "--json").json
    assert (document["command"], document["ok"], document["exit"]) == ("trial", False, 2)
    remedy = {"text": "The help lists what there is.", "commands": ["ocarina-kit trial --help"]}
    error = {"id": "USE001", "what": "No such option: --bogus.", "why": "Nothing was done.", "remedy": remedy}
    assert document["error"] == error
    shown = trial.run("trial", "--do", "login", "--json")
    assert (shown.code, shown.err, shown.json["error"]["id"], shown.json["tokens"]) == (4, "", "TOK001", [])
    ran = trial.run("trial", "--do", "refused")
    said = "error: Majora refuses. [CRD001]\n  It said no. Ask.\n  Try: a b\n       c d\n"
    assert (ran.code, ran.err) == (1, said)
    ran = trial.run("trial", "--do", "interrupt")
    assert (ran.code, ran.err.splitlines()[0]) == (130, "error: Interrupted. [INT001]")


def test_a_bug_is_exit_3_with_a_log_that_holds_no_secret(trial: Trial) -> None:
    scarce = trial.run("trial", "--do", "processes")
    assert (scarce.code, "[SYS001]" in scarce.err, trial.state.exists()) == (1, True, False)
    ran = trial.run("trial", "--do", "bug")
    assert ran.code == 3
    assert ran.err.startswith("error: This is a bug in ocarina-kit: ValueError. [BUG001]\n")
    log = Path(ran.err.split()[-1]).read_text()
    assert ("ValueError" in log, "hush-hush-hush" in log + ran.err) == (True, False)


def test_a_broken_installation_is_exit_126(kit: Kit) -> None:
    broken = kit.home / "typer.py"
    broken.write_text("raise ImportError('No module named annotated_doc')\n")
    ran = kit.run("status", env={"PYTHONPATH": f"{kit.env['PYTHONPATH']}:{kit.home}"})
    assert ran.code == 126
    assert ran.err.startswith("error: ocarina-kit cannot start: No module named annotated_doc\n")


# --- output that fails ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code", "redirect"),
    [
        ("--version", 1, ">/dev/full"),
        ("--version", 1, ">&-"),
        ("--help", 1, ">/dev/full"),
        ("trial", 1, ">&-"),
        ("trial", 1, ">/dev/full 2>&1"),
        ("trial --json", 1, ">/dev/full"),
        ("trial --do login --json", 4, "<&- >&- 2>&-"),
        ("--bogus", 2, ">/dev/full 2>&1"),
        ("trial --do quiet", 0, ">/dev/full"),
    ],
)
def test_output_that_fails_is_exit_1_and_no_bug(trial: Trial, words: str, code: int, redirect: str) -> None:
    program = [sys.executable, "-m", "ocarina_kit"] if words == "--version" else trial.command()
    done = sh(trial, f'"$@" {words} {redirect}', program)
    assert (done.returncode, trial.state.exists()) == (code, False)
    assert not re.search("Traceback|Exception ignored", done.stderr)


def test_a_reader_or_a_working_folder_that_goes_away_is_no_error(trial: Trial) -> None:
    for script in ('"$@" trial --do much | head -n 1', 'mkdir x && cd x && rmdir ../x && "$@" trial'):
        done = sh(trial, script, trial.command())
        assert (done.returncode, done.stdout, done.stderr) == (0, "said\n", "")


def sh(kit: Kit, script: str, program: list[str]) -> subprocess.CompletedProcess[str]:
    argv, how = ["sh", "-c", script, "sh", *program], {"env": kit.env, "cwd": kit.home}
    return subprocess.run(argv, capture_output=True, text=True, check=False, **how)  # type: ignore[call-overload]


# --- completion -----------------------------------------------------------------------------------------------------


def completed(kit: Kit, *words: str) -> set[str]:
    """What bash offers for the last of ``words``."""
    asked = {
        "_OCARINA_KIT_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(["ocarina-kit", *words]),
        "COMP_CWORD": str(len(words)),
    }
    ran = kit.run(env=asked)
    assert (ran.code, ran.err) == (0, "")
    return set(ran.out.split())


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("",), {"trial", "other"}),
        (("--prof",), {"--profile"}),
        (("trial", "--js"), {"--json"}),
        (("trial", "--for", "li"), {"libraries"}),
        (("trial", "--for", "=", "li"), {"libraries"}),
        (("trial", "--check", "crd"), {"crd", "crd001"}),
        (("trial", "--profile", ""), {"lab", "test"}),
        (("trial", "--check", "CFG00"), {f"CFG00{number}" for number in range(1, 10)}),
    ],
)
def test_completion_offers_commands_options_and_values(
    trial: Trial, words: tuple[str, ...], offered: set[str]
) -> None:
    trial.write_config({"profile": {"lab": {}, "test": {}}})
    assert completed(trial, *words) == offered


# --- what is imported -----------------------------------------------------------------------------------------------


def test_help_imports_no_command_and_nothing_heavy() -> None:
    """Of the frame alone; what each command may import is its own test's."""
    program = (
        "import sys; from ocarina_kit.cli.app import run; run(['--help']); "
        "print(*sys.modules, file=sys.stderr, sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    heavy = {"requests", "rich", "ssl", "crontab", "dataclasses", "http.client", "importlib.metadata", "json"}
    assert not loaded & heavy
    assert not loaded & {f"ocarina_kit.cli{module}" for _, module, _, _ in COMMANDS}
