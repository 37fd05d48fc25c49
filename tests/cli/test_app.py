"""The frame of the command line.

Help, usage errors, the one error boundary, output that fails, completion.
"""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import LOOKUP, Lab
from tests.conftest import Kit

import ocarina_kit
from ocarina_kit.cli.app import COMMANDS

TRIAL = '''
"""A command for tests: `trial --do WHAT`."""
from __future__ import annotations
from typing import Annotated
import typer
from ocarina_kit.cli import options
from ocarina_kit.cli.ui import Result
from ocarina_kit.system.problem import KitError, Problem, Remedy

Checks = Annotated[
    str | None, typer.Option("--check", autocompletion=options.checks_and_families)
]
RAISED = {
    "bug": ValueError("client_secret=hush-hush-hush"),
    "refused": KitError(
        Problem(
            "CRD001", "Majora refuses.", "It said no.", Remedy("Ask.", ("a b", "c d"))
        )
    ),
    "interrupt": KeyboardInterrupt(),
    "processes": BlockingIOError(11, "Resource temporarily unavailable"),
}

def command(
    context: typer.Context,
    do: str = "",
    purposes: options.Purposes = None,
    check: Checks = None,
):
    """Try something."""
    ui = context.obj
    if do in RAISED:
        raise RAISED[do]
    if do == "login":
        return Result({"tokens": []}, Problem("TOK001", "Log in.", exit=4), shown=True)
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
table = (
    ("trial", "trial", "Try something.", "Commands"),
    ("other", "trial", "Another.", "More"),
)
sys.exit(run(sys.argv[2:], table))
"""


class Trial(Kit):
    """The command line with the commands of this file."""

    def command(self, *args: str) -> list[str]:
        return [sys.executable, "-c", PROGRAM, str(self.home.parent), *args]

    def forks(self, environ: Mapping[str, str]) -> bool:
        return False


@pytest.fixture
def trial(kit: Kit) -> Trial:
    (kit.home.parent / "trial.py").write_text(TRIAL)
    return Trial(kit.home)


# --- help (its words: docs/commands.md), version, shared options


def test_help_fits_a_screen(kit: Kit) -> None:
    ran = kit.run()
    assert (ran.code, ran.err, ran.out) == (0, "", kit.run("-h").out)
    lines = ran.out.splitlines()
    assert (
        len(lines) < 24,
        max(map(len, lines)) <= 80,
        "ocarina-kit init" in lines[1],
    ) == (True, True, True)


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (
            ["--profile", "a", "trial", "--config", "c", "--env"],
            {"profile": "a", "config": "c", "env": True},
        ),
        (["--profile", "a", "trial", "--profile", "b"], {"profile": "b"}),
        (["--config", "trial", "trial"], {"config": "trial"}),
    ],
)
def test_shared_options_work_before_and_after_the_name(
    trial: Trial, args: list[str], expected: Any
) -> None:
    ran = trial.run(*args, "--json")
    assert trial.run("--json", *args).json == ran.json
    assert ran.json == {
        "schema": 1,
        "command": "trial",
        "ok": True,
        "exit": 0,
        "meta": expected,
    }
    assert ran.err == "said\n"
    assert (
        trial.run(*args, "--version").out == f"ocarina-kit {ocarina_kit.__version__}\n"
    )


# --- errors

LONG = "Zm9vYmFyc2VjcmV0MTIzNDU2Nzg5MGFiY2RlZmdoaWo"
CODE = "onlylettersonlylettersonlyletters"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["trail"], "No such command 'trail'. Did you mean 'trial'?"),
        (["--profil", "x"], "Did you mean --profile?"),
        (["trial", "--jsn"], "Did you mean --json?"),
        (["trial", "word"], "unexpected extra argument"),
        (["trial", "--profile", ""], "it is blank"),
        (["--env"], "Missing command."),
        (["--show-completion", "ksh"], "'ksh' is none of bash, zsh, fish"),
        ([LONG], "****"),
        (["trial", f"https://m/o/callback/?code={CODE}&state=x"], "****"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_usage_is_exit_2_and_repeats_no_secret(
    trial: Trial, args: list[str], words: str
) -> None:
    ran = trial.run(*args)
    assert (ran.code, ran.out, LONG in ran.err, CODE in ran.err) == (
        2,
        "",
        False,
        False,
    )
    first, *_, last = ran.err.splitlines()
    assert (
        first.startswith("error: "),
        first.endswith(" [USE001]"),
        words in first,
    ) == (True, True, True)
    path = "ocarina-kit trial" if args[0] == "trial" else "ocarina-kit"
    assert last == f"  Try: {path} --help"


def test_errors_in_json_and_in_words(trial: Trial) -> None:
    document = trial.run("trial", "--bogus", "--json").json
    assert (document["command"], document["ok"], document["exit"]) == (
        "trial",
        False,
        2,
    )
    remedy = {
        "text": "The help lists what there is.",
        "commands": ["ocarina-kit trial --help"],
    }
    error = {
        "id": "USE001",
        "what": "No such option: --bogus.",
        "why": "Nothing was done.",
        "remedy": remedy,
    }
    assert document["error"] == error
    shown = trial.run("trial", "--do", "login", "--json")
    assert (shown.code, shown.err, shown.json["error"]["id"], shown.json["tokens"]) == (
        4,
        "",
        "TOK001",
        [],
    )
    for do, code, said in (
        (
            "refused",
            1,
            "error: Majora refuses. [CRD001]\n  It said no. Ask.\n  Try: a b\n"
            "       c d\n",
        ),
        ("interrupt", 130, "error: Interrupted. [INT001]\n"),
        (
            "processes",
            1,
            "error: The system allows no more processes, open files or memory."
            " [SYS001]\n",
        ),
        ("bug", 3, "error: This is a bug in ocarina-kit: ValueError. [BUG001]\n"),
    ):
        assert not trial.state.exists()
        ran = trial.run("trial", "--do", do)
        assert (ran.code, ran.err.startswith(said)) == (code, True), ran
    log = Path(ran.err.split()[-1]).read_text()
    assert ("ValueError" in log, "hush-hush-hush" in log + ran.err) == (True, False)


def test_a_broken_installation_is_exit_126(kit: Kit) -> None:
    broken = kit.home / "typer.py"
    broken.write_text("raise ImportError('No module named annotated_doc')\n")
    ran = kit.run("status", env={"PYTHONPATH": f"{kit.env['PYTHONPATH']}:{kit.home}"})
    assert ran.code == 126
    assert ran.err.startswith(
        "error: ocarina-kit cannot start: No module named annotated_doc\n"
    )


# --- output that fails


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
def test_output_that_fails_is_exit_1_and_no_bug(
    trial: Trial, words: str, code: int, redirect: str
) -> None:
    program = (
        [sys.executable, "-m", "ocarina_kit"]
        if words == "--version"
        else trial.command()
    )
    done = sh(trial, f'"$@" {words} {redirect}', program)
    assert (done.returncode, trial.state.exists()) == (code, False)
    assert not re.search("Traceback|Exception ignored", done.stderr)


def test_a_reader_or_a_working_folder_that_goes_away_is_no_error(trial: Trial) -> None:
    for script in (
        '"$@" trial --do much | head -n 1',
        'mkdir x && cd x && rmdir ../x && "$@" trial',
    ):
        done = sh(trial, script, trial.command())
        assert (done.returncode, done.stdout, done.stderr) == (0, "said\n", "")


def sh(kit: Kit, script: str, program: list[str]) -> subprocess.CompletedProcess[str]:
    argv, how = ["sh", "-c", script, "sh", *program], {"env": kit.env, "cwd": kit.home}
    return subprocess.run(argv, capture_output=True, text=True, check=False, **how)


# --- completion (in real shells: tests/packaging), what is imported


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("", {"trial", "other"}),
        ("--prof", {"--profile"}),
        ("trial --js", {"--json"}),
        ("trial --for = li", {"libraries"}),
        ("trial --check crd", {"crd", "crd001"}),
        ("trial --profile ", {"lab", "test"}),
    ],
)
def test_completion_offers_commands_options_and_values(
    trial: Trial, words: str, offered: set[str]
) -> None:
    trial.write_config({"profile": {"lab": {}, "test": {}}})
    line = f"ocarina-kit {words}"
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    ran = trial.run(env={"_OCARINA_KIT_COMPLETE": "complete_bash", **asked})
    assert (ran.code, ran.err, set(ran.out.split())) == (0, "", offered)


def test_help_imports_no_command_and_nothing_heavy() -> None:
    program = (
        "import sys; from ocarina_kit.cli.app import run; run([]);"
        " print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(done.stderr.split())
    heavy = {
        "requests",
        "rich",
        "ssl",
        "crontab",
        "dataclasses",
        "http.client",
        "importlib.metadata",
        "json",
    }
    assert not loaded & (
        heavy | {f"ocarina_kit.cli{module}" for _, module, _, _ in COMMANDS}
    )


# --- a forked run is a started one, to the byte (tests/forkserver.py)

SAME = (
    "--version;-h;doctor --offline --skip CRN006;status;login --list;schedule"
    " --show;init --api-key-file -;trail"
)


@pytest.mark.parametrize("words", SAME.split(";"))
def test_the_same_as_a_started_run(words: str, lab: Lab) -> None:
    lab.give(LOOKUP, expires_at=4e9)
    env = {"COLUMNS": "90", "TZ": "Asia/Kathmandu", "FORCE_COLOR": "1"}
    runs = [
        lab.kit.run(*words.split(), stdin="é\n", env=env, fork=fork)
        for fork in (True, False)
    ]
    assert runs[0] == runs[1]


def test_a_forked_run_is_guarded(lab: Lab) -> None:
    lab.kit.write_config({**lab.config, "MAJORA_DOMAIN": "https://majora.example.org/"})
    with pytest.raises(AssertionError, match="a guard ended this run"):
        lab.kit.run("doctor", "--only", "SRV")
