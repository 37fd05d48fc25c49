"""Writes the pages that come from the code: commands.md, checks.md and the man page, ocarina-kit.1.

    python docs/make.py [--check]

``--check`` writes nothing, and ends with 1 if a committed page is not what the code gives. Pictures and screens.md come
from real runs: docs/make_pictures.py.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

import typer  # noqa: E402

from ocarina_kit import __version__  # noqa: E402
from ocarina_kit.cli import doctor, options  # noqa: E402
from ocarina_kit.cli.app import COMMANDS, root  # noqa: E402
from ocarina_kit.doctor.check import FAMILIES, Check, all_checks  # noqa: E402
from ocarina_kit.system.problem import Remedy  # noqa: E402

DOCS = ROOT / "docs"
GENERATED = "Written by docs/make.py from the code. Change the code, and run that."
_ID = re.compile(r"[A-Z]{3}[0-9]{3}")
# Values that are always the same, so far.
_PLACEHOLDERS = {"scheduler": "crontab"}


# --- commands.md --------------------------------------------------------------------------------------------------


def command_of(name: str) -> tuple[Any, typer.Context]:
    """A command and a context for its help, 80 columns wide; "" is the root."""
    group = root()
    command = group.get_command(None, name) if name else group
    settings = {"max_content_width": 80, **group.context_settings}
    context = typer.Context(
        command, info_name=f"ocarina-kit {name}".strip(), **settings
    )
    context.terminal_width = 80
    return command, context


def help_of(name: str) -> str:
    """What ``--help`` prints in a terminal of 80 columns."""
    command, context = command_of(name)
    return "\n".join(
        line.rstrip() for line in command.get_help(context).strip().splitlines()
    )


def commands_page() -> str:
    names = [row[0] for row in COMMANDS]
    parts = [
        f"<!-- {GENERATED} -->",
        "# Commands",
        "Each command's own `--help`, as it is.",
    ]
    parts += [
        " · ".join(f"[{name}](#{name})" for name in names),
        f"```\n{help_of('')}\n```",
    ]
    for name in names:
        parts += [f"## {name}", f"```\n{help_of(name)}\n```"]
    return "\n\n".join(parts) + "\n"


# --- checks.md ----------------------------------------------------------------------------------------------------


def checks_page() -> str:
    parts = [
        f"<!-- {GENERATED} -->",
        "# Checks and errors",
        "What `ocarina-kit doctor` checks, in the order in which it shows it; then the ids of errors that are no "
        "checks. `ocarina-kit doctor --explain ID` says the same in a terminal.",
        "A check that depends on one that failed is skipped: one fault, one failure. *Online* checks ask the server; "
        "`--offline` skips them.",
    ]
    for family, heading in FAMILIES.items():
        parts.append(f"## {family}: {heading}")
        for check in all_checks():
            if check.family == family:
                parts += _check(check)
    return "\n\n".join([*parts, "## Errors that are no checks", *_errors()]) + "\n"


def _check(check: Check) -> Iterator[str]:
    yield f"### {check.id}"
    online = " *Online.*" if check.online else ""
    yield f"**{_prose(check.title)}.**{online} {_prose(check.explain)}"
    lines = [
        f"- If it fails: {_prose(check.impact)}",
        f"- What to do: {_remedy(check.remedy)}",
    ]
    if check.needs:
        needs = ", ".join(
            " or ".join(f"[{id}](#{id.lower()})" for id in group)
            for group in check.needs
        )
        lines.append(f"- It depends on {needs}.")
    yield "\n".join(lines)


def _remedy(remedy: Remedy) -> str:
    return " ".join(
        filter(
            None,
            (_prose(remedy.text), *(f"`{command}`" for command in remedy.commands)),
        )
    )


def _prose(text: str) -> str:
    """Text of a terminal as Markdown: what is code there is set as code, and marks are escaped."""
    text = re.sub(r"(?<![`\w])(--[a-z][\w-]*|~/[\w./-]+|\w+(?:_\w+)+)", r"`\1`", text)
    return re.sub(r"(?<!\\)([*<|])", r"\\\1", text)


def _errors() -> Iterator[str]:
    """By family: what it is about, then each id with the words that its errors begin with."""
    messages = own_messages()
    for family in sorted({id[:3] for id in messages}):
        shared = doctor._ERRORS.get(family, "")
        yield f"### {family}" + (f"\n\n{_prose(shared)}" if shared else "")
        lines = []
        for id in sorted(id for id in messages if id.startswith(family)):
            own = [_prose(doctor._ERRORS[id])] if id in doctor._ERRORS else []
            own += [f"*{_prose(message)}*" for message in sorted(messages[id])]
            lines.append(
                f"- **{id}** {' '.join(own) or 'The message says what happened.'}"
            )
        yield "\n".join(lines)


def own_messages() -> dict[str, set[str]]:
    """Each id in the code that is no check's, with what its errors say; ``…`` is what differs each time."""
    found: dict[str, set[str]] = {
        id: set() for id in doctor._ERRORS if _ID.fullmatch(id)
    }
    for node, names in _nodes():
        values = node.args if isinstance(node, ast.Call) else getattr(node, "elts", [])
        if isinstance(node, ast.Tuple) and len(values) < 3:  # an id with a remedy
            continue
        ids = [text for each in values if _ID.fullmatch(text := _text(each))]
        ids += [
            _text(word.value)
            for word in getattr(node, "keywords", ())
            if word.arg == "id"
        ]
        at = 1 + max(
            (at for at, each in enumerate(values) if _text(each) in ids), default=-1
        )
        texts = [
            word.value
            for word in getattr(node, "keywords", ())
            if word.arg == "message"
        ] or values[at : at + 1]
        said = _text(texts[0], names).removesuffix(" …") if texts else ""
        is_sentence = said.endswith(".") and re.search(r"\w", said) and "……" not in said
        for id in filter(_ID.fullmatch, ids):
            found.setdefault(id, set()).update([said] if is_sentence else [])
    checks = {check.id for check in all_checks()}
    return {id: said for id, said in found.items() if id not in checks}


def _nodes() -> Iterator[tuple[Any, list[tuple[str, int, str]]]]:
    """All nodes of the code that may hold an error, each with the names around it: name, line and text."""
    for path in sorted((ROOT / "src").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = [
            node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
        ]
        plain = [
            node
            for node in tree.body
            if not isinstance(node, ast.FunctionDef | ast.ClassDef)
        ]
        outer = [each for node in plain for each in _assigned(node)]
        for scope in (*functions, *plain):
            names = [*outer, *_assigned(scope)]
            yield from ((node, names) for node in ast.walk(scope))


def _assigned(scope: ast.AST) -> list[tuple[str, int, str]]:
    found = []
    for node in (node for node in ast.walk(scope) if isinstance(node, ast.Assign)):
        pairs = zip(
            *(getattr(each, "elts", [each]) for each in (node.targets[0], node.value)),
            strict=False,
        )
        found += [
            (ast.unparse(target), node.lineno, _text(value)) for target, value in pairs
        ]
    return sorted(found)


def _part_text(part: ast.expr) -> str:
    """The text of a part of an f-string; … for a value that differs each time."""
    if isinstance(part, ast.FormattedValue):
        return _PLACEHOLDERS.get(ast.unparse(part.value), "…")
    return _text(part)


def _text(node: ast.expr, names: Sequence[tuple[str, int, str]] = ()) -> str:
    """The text of an expression; of a name, what it was last set to."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"\{\w+\}", "…", node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_part_text, node.values))
    if isinstance(node, ast.IfExp):
        return _text(node.body)
    if isinstance(node, ast.Name):
        return next(
            (
                text
                for name, line, text in reversed(names)
                if name == node.id and line < node.lineno
            ),
            "",
        )
    return ""


# --- ocarina-kit.1 ------------------------------------------------------------------------------------------------

_ENVIRONMENT = (
    ("OCARINA_CONF_FILE", "The configuration file, if --config is not given."),
    (
        "XDG_STATE_HOME",
        "Where the folder ocarina-kit with backups and logs is (default: ~/.local/state).",
    ),
    (
        "REQUESTS_CA_BUNDLE, HTTPS_PROXY, NO_PROXY",
        "Obeyed, and carried into the crontab line.",
    ),
    ("NO_COLOR", "No colours."),
)
_FILES = (
    ("~/.ocarina", "The configuration, as ocarina reads it."),
    ("~/.ocarina-tokens", "The tokens, as ocarina reads them."),
    ("~/.local/state/ocarina-kit/", "Backups, refresh.log, logins under way."),
)


def man_page() -> str:
    """ocarina-kit(1), in man(7) macros that groff and mandoc read."""
    released = re.search(
        r"^## \[\d.*\] - (\S+)$",
        (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    date = released[1] if released else ""
    lines = [
        f'.\\" {GENERATED}',
        f'.TH OCARINA\\-KIT 1 "{date}" "ocarina\\-kit {__version__}" "User Commands"',
    ]
    lines += [
        ".SH NAME",
        _roff(
            "ocarina-kit - set up ocarina, the client of Majora, and keep its tokens fresh"
        ),
    ]
    lines += [".SH SYNOPSIS", ".B ocarina\\-kit", ".I COMMAND", _roff("[OPTIONS]")]
    lines += [".SH DESCRIPTION", _roff(_ABOUT), ".SH COMMANDS"]
    for name, *_ in COMMANDS:
        command, context = command_of(name)
        lines.append(f".SS {_roff(name)}")
        paragraphs = (command.help or "").strip().split("\n\n")
        lines += "\n.PP\n".join(
            _roff(" ".join(paragraph.split())) for paragraph in paragraphs
        ).splitlines()
        lines += _entries(
            param.get_help_record(context)
            for param in command.params
            if param not in options.SHARED
        )
        if command.epilog:
            lines += [
                ".PP",
                ".nf",
                *map(_roff, command.epilog.strip().splitlines()),
                ".fi",
            ]
    lines += [".SH OPTIONS", "Before or after any command:"]
    context = command_of("")[1]
    lines += _entries(
        param.get_help_record(context) for param in context.command.get_params(context)
    )
    codes = re.findall(
        r"^\| `(\d+)` \| ([^|]+) \|",
        (DOCS / "exit-codes.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    for heading, entries in (
        ("EXIT STATUS", codes),
        ("ENVIRONMENT", _ENVIRONMENT),
        ("FILES", _FILES),
    ):
        lines += [f".SH {heading}", *_entries(entries)]
    lines += [".SH SEE ALSO", ".BR crontab (1),", ".BR crontab (5)"]
    return "\n".join(line.rstrip() for line in lines) + "\n"


_ABOUT = (
    "ocarina-kit leads from nothing to a scheduled, tested refresh (init), finds what is broken and fixes it (doctor "
    "--fix), and changes nothing without asking. Each error has an id; doctor --explain ID says more about it."
)


def _entries(records: Any) -> Iterator[str]:
    for record in records:
        if record is not None:
            yield from (
                ".TP",
                f".B {_roff(record[0])}",
                _roff(" ".join(record[1].split())),
            )


def _roff(text: str) -> str:
    """Text for roff: backslashes and dashes as they are typed, and no line that could be a request."""
    text = (
        text.replace("\\", "\\e")
        .replace("-", "\\-")
        .replace("'", "\\(aq")
        .replace("…", "...")
    )
    return f"\\&{text}" if text.startswith(".") else text


PAGES = {
    "commands.md": commands_page,
    "checks.md": checks_page,
    "ocarina-kit.1": man_page,
}
"""Each page's file name in docs/, and what makes it."""


def main() -> int:
    stale = 0
    for name, page in PAGES.items():
        path, text = DOCS / name, page()
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        if "--check" in sys.argv[1:]:
            print(f"docs/{name} is not what the code gives. Run: python docs/make.py")
        else:
            path.write_text(text, encoding="utf-8")
            print(f"docs/{name}")
    return 1 if stale and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
