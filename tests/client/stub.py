"""Small clients for these tests: an environment made by hand, with the modules that matter to the kit."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from ocarina_kit.system.machine import Machine
from ocarina_kit.system.process import run

BASE_PYTHON = Path(os.path.realpath(sys.executable))
PACKAGES = Path("lib", f"python{sys.version_info.major}.{sys.version_info.minor}", "site-packages")
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
    return Machine({"PATH": folders, "HOME": str(home), **environ}, home, "tester", "here", run)


def program(path: Path, text: str, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def environment(prefix: Path, package: Mapping[str, str] | None) -> Path:
    """What ``python -m venv --without-pip`` makes, in no time, with an ``ocarina`` of the given modules."""
    (prefix / "bin").mkdir(parents=True, exist_ok=True)
    (prefix / "bin" / "python").symlink_to(BASE_PYTHON)
    (prefix / "pyvenv.cfg").write_text(f"home = {BASE_PYTHON.parent}\n")
    (prefix / PACKAGES).mkdir(parents=True)
    if package is not None:
        for name, text in {"__init__.py": "", **package}.items():
            program(prefix / PACKAGES / "ocarina" / name, text, 0o644)
    return prefix


def client(prefix: Path, version: str = "1.0.0") -> Path:
    """A Majora client in an environment of its own; returns its script, which starts as pip would write it."""
    environment(prefix, {"client.py": CLIENT.format(version=version)})
    python = f"{prefix}/bin/python"
    first = f"#!{python}\n"
    if " " in python or len(python) > 120:
        first = f"#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n"
    return program(prefix / "bin" / "ocarina", first + SCRIPT)
