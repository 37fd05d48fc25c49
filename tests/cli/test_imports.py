"""The start-up budget as imports: what each command may load, and what it never loads (tests/bench/startup.py)."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ocarina_kit.cli.commands import COMMANDS

if TYPE_CHECKING:
    from tests.conftest import Kit

# What costs: from 2 ms (http.client) to 90 ms (requests_oauthlib) each, beside a bare interpreter's 8 ms.
HEAVY = {
    "asyncio",
    "crontab",
    "cryptography",
    "django",
    "filelock",
    "http.client",
    "importlib.metadata",
    "oauthlib",
    "pydantic",
    "requests",
    "requests_oauthlib",
    "rich",
    "ssl",
    "trustme",
    "typer",
    "urllib3",
}
OFFLINE = {"typer", "filelock"}  # a lock is taken where something is written

# The last word of each row: what of HEAVY this run may load. Output goes to no terminal, so rich is never needed.
ALLOWED: list[tuple[tuple[str, ...], set[str]]] = [
    (("--version",), set()),
    (("--help",), {"typer"}),
    ((), {"typer"}),
    (("--bogus",), {"typer"}),
    (("--show-completion", "bash"), {"typer"}),
    *(((name, "--help"), {"typer"}) for name, _, _ in COMMANDS),
    *(((name, "--bogus"), {"typer"}) for name, _, _ in COMMANDS),
    (("status",), OFFLINE),
    (("status", "--json"), OFFLINE),
    (("schedule", "--show"), OFFLINE),
    (("schedule", "--print"), OFFLINE),
    (("doctor", "--list"), OFFLINE),
    (("doctor", "--explain", "CFG001"), OFFLINE),
    (("doctor", "--offline"), OFFLINE),
    (("doctor", "--offline", "--json"), OFFLINE),
    (("init", "--offline", "--instance", "test"), OFFLINE),
    (("login", "--list"), OFFLINE),
    (("refresh",), OFFLINE | {"ssl"}),  # nothing is set up: it could not have asked a server
    (("logout", "--local", "--yes"), OFFLINE),
    (("install-client", "--dry-run"), OFFLINE),
]

LOADED = """
import json, sys
from ocarina_kit.__main__ import main
sys.argv = ["ocarina-kit", *sys.argv[1:]]
code = main()
print("\\n" + json.dumps([code, sorted(sys.modules)]))
"""


def _exists(args: tuple[str, ...]) -> bool:
    module = next((module for name, module, _ in COMMANDS if args and name == args[0]), None)
    return module is None or importlib.util.find_spec(f"ocarina_kit.cli.{module}") is not None


def loaded(kit: Kit, *args: str) -> set[str]:
    """The modules that a run of the command has loaded at its end."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *args],
        env=kit.env,
        cwd=kit.home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code in (0, 1, 2, 4), done.stderr
    return set(modules)


@pytest.mark.parametrize(
    ("args", "allowed"),
    [row for row in ALLOWED if _exists(row[0])],
    ids=lambda value: " ".join(value) or "nothing" if isinstance(value, tuple) else "",
)
def test_a_command_loads_nothing_heavy_that_it_does_not_need(
    kit: Kit, args: tuple[str, ...], allowed: set[str]
) -> None:
    assert loaded(kit, *args) & HEAVY <= allowed


def test_help_builds_no_command(kit: Kit) -> None:
    modules = {module for _, module, _ in COMMANDS}
    assert not loaded(kit, "--help") & {f"ocarina_kit.cli.{module}" for module in modules}


def test_the_answer_to_version_is_ours_alone(kit: Kit) -> None:
    ours = {name for name in loaded(kit, "--version") if name.startswith("ocarina_kit")}
    assert ours == {"ocarina_kit", "ocarina_kit.__main__"}
