"""Small clients for these tests: an environment made by hand, with the modules that matter to the kit."""

import os
import sys
from pathlib import Path

from ocarina_kit.system.machine import Machine
from ocarina_kit.system.process import run

BASE_PYTHON = Path(os.path.realpath(sys.executable))
PACKAGES = Path(
    "lib", f"python{sys.version_info.major}.{sys.version_info.minor}", "site-packages"
)
SCRIPT = "import sys\nfrom ocarina.client import cli\nsys.exit(cli())\n"
CLIENT = """
import sys
ENDPOINTS = {{
    "api.artifact.biosample.get": {{"endpoint": "/x/", "scope": "majora2.view_biosampleartifact"}},
    "api.pag.qc.get": "/y/",
}}
def cli():
    if sys.argv[1:] == ["-v"]:
        print("ocarina v{version}")
        return 0
    return 64
"""


def machine_at(home: Path, *path: Path, **environ: str) -> Machine:
    """A machine whose home is ``home``, with these folders first on PATH. ``environ`` may replace what is set."""
    home.mkdir(parents=True, exist_ok=True)
    folders = os.pathsep.join(map(str, [*path, "/usr/bin", "/bin"]))
    return Machine(
        {"PATH": folders, "HOME": str(home), **environ}, home, "tester", "here", run
    )


def program(path: Path, text: str, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def client(prefix: Path, version: str = "1.0.0") -> Path:
    """A Majora client in what ``python -m venv --without-pip`` makes, in no time; returns its script, which starts as
    pip would write it."""
    program(prefix / PACKAGES / "ocarina/__init__.py", "", 0o644)
    program(
        prefix / PACKAGES / "ocarina/client.py", CLIENT.format(version=version), 0o644
    )
    program(prefix / "pyvenv.cfg", f"home = {BASE_PYTHON.parent}\n", 0o644)
    python = f"{prefix}/bin/python"
    first = f"#!{python}\n"
    if " " in python or len(python) > 120:
        first = f"#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n"
    script = program(prefix / "bin" / "ocarina", first + SCRIPT)
    Path(python).symlink_to(BASE_PYTHON)
    return script
