"""The house rules that a program can hold: lint, types, pure core, no stray names."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "ocarina_kit"

# What the pure rooms may not import: effects come in through edges/ and are handed on.
EFFECTS = {
    "os",
    "subprocess",
    "socket",
    "requests",
    "time",
    "random",
    "secrets",
    "shutil",
    "tempfile",
    "threading",
}
PURE_ROOMS = ("core", "checks")
HEAVY = {
    "requests",
    "requests_oauthlib",
    "oauthlib",
    "crontab",
    "rich",
    "django",
    "trustme",
    "filelock",
    "typer",
}

# These build on classes of heavy packages, so they are heavy themselves: only functions import them.
LAZY = {"edges/net/http_adapter.py", "edges/net/oauth_session.py"}


def _imports(tree: ast.AST, *, top_level_only: bool) -> set[str]:
    nodes = tree.body if top_level_only and isinstance(tree, ast.Module) else ast.walk(tree)
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def _modules(*rooms: str) -> list[Path]:
    return sorted(path for room in rooms for path in (PACKAGE / room).rglob("*.py"))


@pytest.mark.parametrize("module", _modules(*PURE_ROOMS), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_core_imports_no_effect(module: Path) -> None:
    imported = _imports(ast.parse(module.read_text()), top_level_only=False)
    assert not {name.split(".")[0] for name in imported} & EFFECTS


# From the ground up (ARCHITECTURE.md, The rooms). The sandbox stands beside the flows; only cli/ shows the way to it.
FLOORS = {"core": 0, "checks": 1, "edges": 2, "flows": 3, "sandbox": 3, "cli": 4}


@pytest.mark.parametrize("module", _modules(*FLOORS), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_knows_only_the_rooms_below_it(module: Path) -> None:
    own = module.relative_to(PACKAGE).parts[0]
    known = {
        name.split(".")[1]
        for name in _imports(ast.parse(module.read_text()), top_level_only=False)
        if name.startswith("ocarina_kit.")
    }
    assert not {room for room in known & FLOORS.keys() if room != own and FLOORS[room] >= FLOORS[own]}


@pytest.mark.parametrize(
    "module", _modules("core", "checks", "edges"), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_nothing_heavy_is_imported_before_it_is_needed(module: Path) -> None:
    imported = _imports(ast.parse(module.read_text()), top_level_only=True)
    assert not imported & {"ocarina_kit." + name.removesuffix(".py").replace("/", ".") for name in LAZY}
    if str(module.relative_to(PACKAGE)) not in LAZY:
        assert not {name.split(".")[0] for name in imported} & HEAVY


def _run(*command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_ruff_is_clean() -> None:
    _run("ruff", "check", "--no-cache", ".")
    _run("ruff", "format", "--check", "--no-cache", ".")


def test_types_are_right() -> None:
    _run("mypy", "--no-incremental")
