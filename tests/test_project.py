"""The project's own rules that a program can see.

The order of the packages, words, unused code, lint, types.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "ocarina_kit"
MODULES = sorted(PACKAGE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text("utf-8")) for path in MODULES}


def name_of(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported anywhere below ``tree``, in functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


KNOWS = {
    "system": set(),
    "config": {"system"},
    "client": {"system", "config"},
    "majora": {"system", "config"},
    "tokens": {"system", "config", "client", "majora"},
    "schedule": {"system", "config", "client"},
    "doctor": {"system", "config", "client", "majora", "tokens", "schedule"},
    "sandbox": {"system", "client"},
    "cli": {
        "system",
        "config",
        "client",
        "majora",
        "tokens",
        "schedule",
        "doctor",
        "sandbox",
    },
}
"""Imports go down (ARCHITECTURE.md): each package, and those that it may import."""


@pytest.mark.parametrize("package", KNOWS)
def test_imports_go_down(package: str) -> None:
    wrong = []
    for path in (PACKAGE / package).rglob("*.py"):
        others = {
            name.split(".")[1]
            for name in imported(TREES[path])
            if name.startswith("ocarina_kit.")
        }
        wrong += [
            f"{name_of(path)} imports {other}"
            for other in others - KNOWS[package] - {package}
        ]
    assert wrong == []


EFFECTS = set(
    "os subprocess socket ssl requests requests_oauthlib time random secrets shutil"
    " tempfile threading queue fcntl"
    " signal termios select pwd webbrowser".split()
)
TOUCHES_THE_SYSTEM = set(
    "client/find.py client/install.py client/places.py doctor/environment.py"
    " doctor/world.py majora/adapter.py majora/failures.py majora/grant.py"
    " majora/http.py schedule/host.py tokens/journal.py tokens/log.py".split()
)
"""Beside system/, where effects belong, and cli/, which hands them in.

All other modules are pure, or use these.
"""


def test_only_files_named_for_it_touch_the_system() -> None:
    touching = set()
    for path, tree in TREES.items():
        if EFFECTS & {name.split(".")[0] for name in imported(tree)}:
            touching.add(name_of(path))
    free = ("system/", "cli/", "sandbox/", "__main__.py")
    assert {
        name for name in touching if not name.startswith(free)
    } == TOUCHES_THE_SYSTEM


HEAVY = set(
    "requests requests_oauthlib oauthlib crontab cronsim rich django trustme ssl"
    " email".split()
)


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    """At the top of a module, and not for types alone."""
    wrong = []
    late = {PACKAGE / "majora" / "adapter.py"}  # imported when a request is made
    for path in [module for module in MODULES if "sandbox" not in module.parts]:
        if path in late:
            continue
        for node in [
            statement
            for statement in TREES[path].body
            if isinstance(statement, ast.Import | ast.ImportFrom)
        ]:
            wrong += [
                f"{name_of(path)}: {name}"
                for name in imported(node)
                if name.split(".")[0] in HEAVY
            ]
    assert wrong == []


CALLED_FROM_OUTSIDE = {"command", "EPILOG", "main"}


def defined(path: Path) -> Iterator[str]:
    """The names that a module gives.

    Functions, classes, constants, and methods of classes without a foreign base.
    """
    tree = TREES[path]
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.decorator_list:
            yield node.name
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))
        if isinstance(node, ast.ClassDef) and all(
            "NamedTuple" in ast.unparse(base) for base in node.bases
        ):
            yield from (
                method.name
                for method in node.body
                if isinstance(method, ast.FunctionDef)
            )


def test_nothing_is_defined_that_nobody_uses() -> None:
    used: set[str] = set()
    for tree in TREES.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                used.add(node.id)
            elif isinstance(node, ast.Attribute):
                used.add(node.attr)
            elif isinstance(node, ast.alias):
                used.add(node.name.split(".")[-1])
            elif (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and node.value.isidentifier()
            ):
                used.add(node.value)  # getattr, __all__, Django's settings
    unused = []
    for path in [module for module in MODULES if "sandbox" not in module.parts]:
        names = [
            name
            for name in defined(path)
            if name not in used and not name.startswith("__")
        ]
        unused += [
            f"{name_of(path)}: {name}"
            for name in names
            if name not in CALLED_FROM_OUTSIDE
        ]
    assert unused == []


AVOIDED = re.compile(
    r"\b(?:mend(?:s|ed|ing)?|anew|heal(?:s|ed|ing|thier)?|stands(?! for)|rests on"
    r"|all the same|only else|torn|spliced|for your eyes|what needs no person"
    r"|nobody can be asked|shall I do|is in doubt|hand over|what lies ahead"
    r"|tokens? (?:lives?|dies|died|is dead|are dead)|dead tokens?|living tokens?)\b",
    re.IGNORECASE,
)
READ_BY_PEOPLE = [
    *MODULES,
    *sorted(PACKAGE.rglob("*.html")),
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.*")),
    *(
        path
        for kind in ("py", "toml", "md")
        for path in sorted((ROOT / "tests").rglob(f"*.{kind}"))
    ),
]


def test_the_words_are_those_of_the_glossary() -> None:
    found = []
    for path in [page for page in READ_BY_PEOPLE if page != Path(__file__)]:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            if word := AVOIDED.search(line.replace("_", " ")):
                found.append(f"{path.relative_to(ROOT)}:{number}: {word[0]}")
    assert found == []


@pytest.mark.parametrize(
    "command",
    [
        "ruff check --no-cache .",
        "ruff format --check --no-cache .",
        "mypy --no-incremental",
    ],
)
def test_lint_and_types(command: str) -> None:
    run = [sys.executable, "-m", *command.split()]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
