"""Writes docs/commands.md and docs/checks.md from the code: `python docs/make_reference.py`.

`tests/test_docs.py` holds that the committed pages are what the code gives.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src")]

from ocarina_kit.checks.model import Check  # noqa: E402
from ocarina_kit.checks.registry import FAMILIES, REGISTRY  # noqa: E402
from ocarina_kit.checks.view import rests_words  # noqa: E402
from ocarina_kit.cli.commands import COMMANDS  # noqa: E402
from ocarina_kit.core.errors import Remedy  # noqa: E402
from ocarina_kit.core.explain import explain  # noqa: E402

DOCS = ROOT / "docs"
GENERATED = "<!-- Written by docs/make_reference.py from the code. Change the code, and run that. -->"
_ID = re.compile(r"[A-Z]{3}[0-9]{3}")


def help_of(*command: str) -> str:
    """What ``--help`` prints, 80 columns wide."""
    env = {**os.environ, "COLUMNS": "80", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-m", "ocarina_kit", *command, "--help"],
        env=env,
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
    )
    return "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())


def commands_page() -> str:
    """docs/commands.md"""
    parts = [GENERATED, "# Commands", "Each command's own `--help`, as it is."]
    parts.append(" · ".join(f"[{name}](#{name})" for name, _, _ in COMMANDS))
    parts.append(_block(help_of()))
    for name, _, summary in COMMANDS:
        parts += [f"## {name}", summary, _block(help_of(name))]
    return "\n\n".join(parts) + "\n"


def checks_page() -> str:
    """docs/checks.md"""
    parts = [
        GENERATED,
        "# Checks and errors",
        "What `ocarina-kit doctor` checks, in the order in which it shows it; after that, the ids of the errors that "
        "are no check's. `ocarina-kit doctor --explain ID` says the same in a terminal.",
        "A check is judged only where those that it rests on are in order: one fault, one failure. "
        "*Online* checks ask the server; `--offline` leaves them out.",
    ]
    for family, heading in FAMILIES.items():
        parts.append(f"## {family}: {heading}")
        for check in REGISTRY:
            if check.family == family:
                parts += _check(check)
    parts += ["## Errors that are no check's", *_errors()]
    return "\n\n".join(parts) + "\n"


def _check(check: Check) -> Iterator[str]:
    yield f"### {check.id}"
    online = " *Online.*" if check.online else ""
    yield f"**{_prose(check.title)}.**{online} {_prose(check.explain)}"
    lines = [f"- Where it fails: {_prose(check.consequence)}", f"- What mends it: {_remedy(check.remedy)}"]
    if check.rests_on:
        lines.append(f"- Rests on: {_linked(rests_words(check))}")
    yield "\n".join(lines)


def _remedy(remedy: Remedy) -> str:
    return " ".join((_prose(remedy.text), *(f"`{command}`" for command in remedy.commands)))


def _linked(ids: str) -> str:
    return _ID.sub(lambda found: f"[{found[0]}](#{found[0].lower()})", ids)


def _prose(text: str) -> str:
    """Text of a terminal as Markdown: what would be read as markup there is set as code or escaped."""
    text = re.sub(r"(?<![`\w])(--[a-z][\w-]*|~/[\w./-]+|\w+(?:_\w+)+)", r"`\1`", text)
    return re.sub(r"(?<!\\)([*<|])", r"\\\1", text)


def _errors() -> Iterator[str]:
    """By family: what its ids share is said once, then each id with its own words or with what it tells people."""
    messages = _messages()
    ids = own_ids()
    for family in sorted({id[:3] for id in ids}):
        members = [id for id in ids if id.startswith(family)]
        said = {id: explain(id) or "" for id in members}
        shared = next((words for words in said.values() if list(said.values()).count(words) > 1), "")
        yield f"### {family}" + (f"\n\n{_prose(shared)}" if shared else "")
        lines, bare = [], []
        for id in members:
            own = "" if said[id] == shared else f" {_prose(said[id])}"
            told = "".join(f" *{_prose(message)}*" for message in messages.get(id, ()))
            if own or told:
                lines.append(f"- **{id}**{own}{told}")
            else:
                bare.append(id)
        if bare:
            lines.append(f"- {', '.join(bare)}: the message itself says what it is.")
        yield "\n".join(lines)


def _messages() -> dict[str, list[str]]:
    """What errors say happened, by id, where the code has it in one place; ``…`` for what differs each time."""
    found: dict[str, set[str]] = {}
    for call in (node for tree in _modules() for node in ast.walk(tree) if isinstance(node, ast.Call)):
        ids = [
            word.value.value
            for word in call.keywords
            if word.arg == "id" and isinstance(word.value, ast.Constant)
        ]
        text = _text(call.args[0]) if call.args else None
        if text and text.endswith((".", ":")) and "……" not in text and text != "….":
            for id in ids:
                found.setdefault(str(id), set()).add(text)
    return {id: sorted(texts) for id, texts in found.items()}


def _text(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return None


def own_ids() -> list[str]:
    """Each id in the code that is no check's, in alphabetical order."""
    checks = {check.id for check in REGISTRY}
    strings = (node.value for tree in _modules() for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return sorted({text for text in strings if isinstance(text, str) and _ID.fullmatch(text)} - checks)


@cache
def _modules() -> tuple[ast.Module, ...]:
    return tuple(ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "src").rglob("*.py")))


def _block(text: str) -> str:
    return f"```\n{text}\n```"


PAGES = {"commands.md": commands_page, "checks.md": checks_page}
"""Each page's file name in docs/, and what makes it."""


def main() -> int:
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
        print(f"docs/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
