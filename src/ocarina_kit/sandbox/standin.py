"""Installs a stand-in client for tests and the demo: a real environment, with its own interpreter in the shebang."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

from ocarina_kit.core.errors import KitError, Remedy

_LONGEST_SHEBANG = 127
"""Bytes of a first line that every kernel reads (execve(2))."""

_SCRIPT = """\
# -*- coding: utf-8 -*-
import re
import sys
from ocarina.client import cli
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])
    sys.exit(cli())
"""

_IMPOSTOR = """\
import sys
print("ocarina: acceptance tests for web sites")
sys.exit(0 if "-v" in sys.argv or "--version" in sys.argv else 2)
"""


def install_standin(prefix: Path, version: str = "1.0.0", python: Path | None = None) -> Path:
    """Make ``prefix`` an environment that holds the stand-in client, and return ``prefix/bin/ocarina``.

    ``version``: what it calls itself and behaves as: ``0.36.1`` reads no profiles and is refused by the
    server; from ``0.48.0`` on it checks its settings. ``python``: the interpreter to build on, this one by
    default. An environment that is there already gets the client of this version.

    Raises :class:`~ocarina_kit.core.errors.KitError` ``SBX003`` where no environment can be made.
    """
    if any(not part.isdigit() for part in version.split(".")):
        raise ValueError(f"not a version of numbers and dots: {version!r}")
    packages = _environment(prefix, python)
    module = packages / "ocarina"
    module.mkdir(exist_ok=True)
    for source in sorted((Path(__file__).parent / "standin_client").glob("*.py")):
        text = source.read_text(encoding="utf-8")
        if source.name == "version.py":
            text = text.replace('__version__ = "1.0.0"', f'__version__ = "{version}"')
        (module / source.name).write_text(text, encoding="utf-8")
    return _script(prefix, _SCRIPT)


def install_impostor(prefix: Path, python: Path | None = None) -> Path:
    """The same, with another program of that name, as ``pip install ocarina`` gets it: no ``ocarina.client``."""
    module = _environment(prefix, python) / "ocarina"
    module.mkdir(exist_ok=True)
    (module / "__init__.py").write_text("", encoding="utf-8")
    return _script(prefix, _IMPOSTOR)


def break_interpreter(script: Path) -> Path:
    """Take the environment's interpreters away, as an upgrade of Python does; answers the one its shebang names.

    Only files in the script's own folder are removed.
    """
    for link in script.parent.glob("python*"):
        link.unlink()
    return script.parent / "python"


def _environment(prefix: Path, python: Path | None) -> Path:
    """A virtual environment with no pip; answers the folder for its packages."""
    interpreter = str(python) if python else getattr(sys, "_base_executable", sys.executable)
    made = subprocess.run(
        [interpreter, "-m", "venv", "--symlinks", "--without-pip", str(prefix)],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="backslashreplace",
        start_new_session=True,  # Ctrl-C is answered by us
    )
    if made.returncode != 0:
        said = (made.stderr or made.stdout).strip().splitlines()
        raise KitError(
            "the stand-in client could not be installed",
            id="SBX003",
            why=f"{interpreter} -m venv says: {said[-1] if said else f'exit code {made.returncode}, and no word'}",
            remedy=Remedy(
                "Make sure that this Python has its venv module (on Debian: the package python3-venv)."
            ),
        )
    found = sorted(prefix.glob("lib/python3*/site-packages"))
    return found[-1]


def _script(prefix: Path, body: str) -> Path:
    """A console script as pip writes it: the interpreter in the first line, by way of sh where that cannot be."""
    interpreter = str(prefix.absolute() / "bin" / "python")
    first = f"#!{interpreter}\n"
    if " " in interpreter or len(first.encode()) > _LONGEST_SHEBANG:
        first = f"#!/bin/sh\n'''exec' {shlex.quote(interpreter)} \"$0\" \"$@\"\n' '''\n"
    script = prefix / "bin" / "ocarina"
    script.write_text(first + body, encoding="utf-8")
    script.chmod(0o755)
    return script
