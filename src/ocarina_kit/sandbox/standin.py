"""Installs a stand-in client for tests and the demo.

It is a real environment, with its own interpreter in the first line of the script.
"""

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
    """Make an environment that holds the stand-in client.

    An environment that exists already gets the client of this version.

    Args:
        prefix: The folder of the environment.
        version: What the client calls itself; the server refuses `0.36.1`.

    Returns:
        The path of `bin/ocarina` in it.

    Raises:
        KitError: SBX003 if no environment can be made.
    """
    path = Path(__file__).parent / "standin_client" / "client.py"
    source = path.read_text(encoding="utf-8")
    source = source.replace('__version__ = "1.0.0"', f'__version__ = "{version}"')
    modules = {
        "__init__.py": "",
        "client.py": source,
        "endpoints.json": json.dumps(_endpoints(version)),
    }
    return _install(prefix, modules, _SCRIPT)


def install_impostor(prefix: Path) -> Path:
    """Make an environment with another program of that name.

    It has no `ocarina.client`, as what `pip install ocarina` gets.
    """
    return _install(prefix, {"__init__.py": ""}, _IMPOSTOR)


def break_interpreter(script: Path) -> Path:
    """Remove the environment's interpreters, as an upgrade of Python does.

    Only files in the script's own folder are removed.

    Returns:
        The interpreter that the script names.
    """
    for link in script.parent.glob("python*"):
        link.unlink()
    return script.parent / "python"


def _endpoints(version: str) -> dict[str, Any]:
    """Make the client's table of endpoints, by what the kit knows of it."""
    found: dict[str, Any] = {"api.majora.task.stream": "/api/v2/majora/task/stream/"}
    for purpose in PURPOSES:
        for name in purpose.endpoints:
            path = f"/api/v2/{name.removeprefix('api.').replace('.', '/')}/"
            found[name] = {"endpoint": path, "scope": purpose.scope}
    if [int(part) for part in version.split(".")] < [0, 44]:
        # There the sample query has no scope of its own.
        query = found["api.artifact.biosample.get"]
        found["api.artifact.biosample.get"] = query["endpoint"]
    return found


def _install(prefix: Path, modules: dict[str, str], body: str) -> Path:
    """Make an environment without pip, with a package `ocarina` and its script."""
    from ocarina_kit.system.process import run

    interpreter = getattr(sys, "_base_executable", sys.executable)
    made = run(
        [interpreter, "-m", "venv", "--symlinks", "--without-pip", str(prefix)],
        timeout=60,
    )
    if made.code != 0:
        output = (made.stderr or made.stdout).decode("utf-8", "backslashreplace")
        last_line = output.strip().rpartition("\n")[2]
        reason = last_line or made.error or f"exit code {made.code}"
        raise KitError(
            Problem(
                message="The stand-in client could not be installed.",
                id="SBX003",
                why=f"{interpreter} -m venv says: {reason}",
                remedy=Remedy(
                    "Install the venv module of this Python (on Debian: the package"
                    " python3-venv)."
                ),
            )
        )
    package = sorted(prefix.glob("lib/python3*/site-packages"))[-1] / "ocarina"
    package.mkdir(exist_ok=True)
    for name, text in modules.items():
        (package / name).write_text(text, encoding="utf-8")
    # A console script as pip writes it: the interpreter in its first line, through sh
    # where that cannot be.
    own = str(prefix.absolute() / "bin" / "python")
    first = f"#!{own}\n"
    # Every kernel reads 127 bytes of it (execve(2)).
    if " " in own or len(first.encode()) > 127:
        first = f"#!/bin/sh\n'''exec' {shlex.quote(own)} \"$0\" \"$@\"\n' '''\n"
    script = prefix / "bin" / "ocarina"
    script.write_text(first + body, encoding="utf-8")
    script.chmod(0o755)
    return script
