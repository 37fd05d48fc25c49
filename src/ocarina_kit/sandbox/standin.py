"""Installs a stand-in client for tests and the demo: a real environment, with its own interpreter in the shebang."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

from ocarina_kit.client.scopes import PURPOSES
from ocarina_kit.system.problem import KitError, Problem, Remedy

_SCRIPT = """\
import sys
from ocarina.client import cli
if __name__ == '__main__':
    sys.exit(cli())
"""

_IMPOSTOR = """\
import sys
print("ocarina: acceptance tests for web sites")
sys.exit(0 if "-v" in sys.argv or "--version" in sys.argv else 2)
"""


def install_standin(prefix: Path, version: str = "1.0.0") -> Path:
    """Make ``prefix`` an environment that holds the stand-in client, and return ``prefix/bin/ocarina``.

    ``version``: what it calls itself; ``0.36.1`` is refused by the server. An environment that exists already gets
    the client of this version.

    Raises :class:`~ocarina_kit.system.problem.KitError` ``SBX003`` if no environment can be made.
    """
    source = (Path(__file__).parent / "standin_client" / "client.py").read_text(
        encoding="utf-8"
    )
    source = source.replace('__version__ = "1.0.0"', f'__version__ = "{version}"')
    modules = {
        "__init__.py": "",
        "client.py": source,
        "endpoints.json": json.dumps(_endpoints(version)),
    }
    return _install(prefix, modules, _SCRIPT)


def install_impostor(prefix: Path) -> Path:
    """The same, with another program of that name, as ``pip install ocarina`` gets it: no ``ocarina.client``."""
    return _install(prefix, {"__init__.py": ""}, _IMPOSTOR)


def break_interpreter(script: Path) -> Path:
    """Take the environment's interpreters away, as an upgrade of Python does; answers the one its shebang names.

    Only files in the script's own folder are removed.
    """
    for link in script.parent.glob("python*"):
        link.unlink()
    return script.parent / "python"


def _endpoints(version: str) -> dict[str, Any]:
    """The client's table, by what the kit knows of it (FACTS.md, Scopes by client)."""
    found: dict[str, Any] = {"api.majora.task.stream": "/api/v2/majora/task/stream/"}
    for purpose in PURPOSES:
        for name in purpose.endpoints:
            path = f"/api/v2/{name.removeprefix('api.').replace('.', '/')}/"
            found[name] = {"endpoint": path, "scope": purpose.scope}
    if [int(part) for part in version.split(".")] < [
        0,
        44,
    ]:  # there the sample query has no scope of its own
        found["api.artifact.biosample.get"] = found["api.artifact.biosample.get"][
            "endpoint"
        ]
    return found


def _install(prefix: Path, modules: dict[str, str], body: str) -> Path:
    """A virtual environment with no pip, the package ``ocarina`` in it, and its console script."""
    from ocarina_kit.system.process import run

    interpreter = getattr(sys, "_base_executable", sys.executable)
    made = run(
        [interpreter, "-m", "venv", "--symlinks", "--without-pip", str(prefix)],
        timeout=60,
    )
    if made.code != 0:
        said = (
            (made.stderr or made.stdout)
            .decode("utf-8", "backslashreplace")
            .strip()
            .rpartition("\n")[2]
        )
        raise KitError(
            Problem(
                message="The stand-in client could not be installed.",
                id="SBX003",
                why=f"{interpreter} -m venv says: {said or made.error or f'exit code {made.code}'}",
                remedy=Remedy(
                    "Install the venv module of this Python (on Debian: the package python3-venv)."
                ),
            )
        )
    package = sorted(prefix.glob("lib/python3*/site-packages"))[-1] / "ocarina"
    package.mkdir(exist_ok=True)
    for name, text in modules.items():
        (package / name).write_text(text, encoding="utf-8")
    # A console script as pip writes it: the interpreter in its first line, through sh where that cannot be.
    own = str(prefix.absolute() / "bin" / "python")
    first = f"#!{own}\n"
    if (
        " " in own or len(first.encode()) > 127
    ):  # what every kernel reads of it (execve(2))
        first = f"#!/bin/sh\n'''exec' {shlex.quote(own)} \"$0\" \"$@\"\n' '''\n"
    script = prefix / "bin" / "ocarina"
    script.write_text(first + body, encoding="utf-8")
    script.chmod(0o755)
    return script
