"""The demo runs from the installed wheel: the sandbox's pages and programs are in it, with what they need."""

from __future__ import annotations

import json
import sys
import sysconfig
from pathlib import Path

from .conftest import Built, bare_environment, must, run


def test_the_demo_runs_from_the_wheel(built: Built, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    environment = tmp_path / "venv"
    must(sys.executable, "-m", "venv", "--without-pip", environment)
    pip = (sys.executable, "-m", "pip", "--python", environment, "--quiet")
    must(*pip, "install", "--no-index", "--no-deps", "--no-compile", built.wheel)
    # What the extra brings is the tests' own; a folder that a .pth file names comes after the environment's.
    packages = next(environment.glob("lib/python3*/site-packages"))
    (packages / "of-the-tests.pth").write_text(sysconfig.get_path("purelib") + "\n")
    programs = environment / "bin"
    env = bare_environment(home, programs)
    used = must(programs / "python", "-c", "import ocarina_kit; print(ocarina_kit.__file__)", env=env)
    assert Path(used.strip()).is_relative_to(packages)

    ran = run(programs / "ocarina-kit", "demo", "--json", env=env, cwd=home)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert {step["status"] for step in json.loads(ran.stdout)["steps"]} == {"done"}
    assert f"{programs / 'ocarina-kit'} refresh --quiet" in ran.stderr
    assert list(home.iterdir()) == []
