"""The wheel and the sdist: what they hold, and that the wheel runs on each supported Python that is at hand."""

from __future__ import annotations

import email
import os
import tarfile
import zipfile
from collections.abc import Callable
from email.message import Message
from pathlib import Path

import pytest

import ocarina_kit
from ocarina_kit.cli.commands import COMMANDS

from .conftest import Built, bare_environment, pythons, run


@pytest.fixture(scope="module")
def metadata(built: Built) -> Message:
    with zipfile.ZipFile(built.wheel) as wheel:
        return email.message_from_bytes(wheel.read(f"{_dist_info()}/METADATA"))


def _dist_info() -> str:
    return f"ocarina_kit-{ocarina_kit.__version__}.dist-info"


def _contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_holds_the_package_and_nothing_else(built: Built) -> None:
    source = built.tree / "src"
    package = {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()}
    assert {"ocarina_kit/py.typed", "ocarina_kit/sandbox/majora/templates/majora/authorize.html"} <= package
    about = {f"{_dist_info()}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt")}
    assert set(_contents(built.wheel)) == package | about | {f"{_dist_info()}/licenses/LICENSE"}


def test_the_sdist_builds_the_same_wheel(built: Built) -> None:
    assert built.wheel.name == built.from_sdist.name
    assert _contents(built.wheel) == _contents(built.from_sdist)


def test_the_sdist_holds_what_a_packager_needs(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {"pyproject.toml", "README.md", "LICENSE", "PKG-INFO", "recipe/recipe.yaml"} <= names
    assert {"tests/conftest.py", "tests/packaging/test_wheel.py", "src/ocarina_kit/__main__.py"} <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith((".git/", ".mypy"))]


def test_the_metadata_says_who_may_install_it(metadata: Message) -> None:
    assert metadata["Name"] == "ocarina-kit"
    assert metadata["Version"] == ocarina_kit.__version__
    assert metadata["Requires-Python"] == ">=3.10"
    assert metadata["License-Expression"] == "MIT"
    assert "sandbox" in metadata.get_all("Provides-Extra", [])


@pytest.mark.parametrize("version", sorted(pythons(), key=lambda version: int(version.split(".")[1])))
def test_it_installs_and_runs(version: str, install: Callable[[Path], Path], tmp_path: Path) -> None:
    programs = install(pythons()[version])
    env = bare_environment(tmp_path, programs) | {"PYTHONWARNINGS": "error", "PYTHONDONTWRITEBYTECODE": "1"}

    told = run(programs / "python", "-c", "import sys; print('%d.%d' % sys.version_info[:2])", env=env)
    assert told.stdout.strip() == version

    answered = run("ocarina-kit", "--version", env=env, cwd=tmp_path)
    assert (answered.returncode, answered.stdout) == (0, f"ocarina-kit {ocarina_kit.__version__}\n")

    helped = run("ocarina-kit", "--help", env=env, cwd=tmp_path)
    assert (helped.returncode, helped.stderr) == (0, "")
    for name, _, _ in COMMANDS:
        assert name in helped.stdout
        one = run("ocarina-kit", name, "--help", env=env, cwd=tmp_path)
        assert one.returncode == 0, one.stderr
        assert "Usage: ocarina-kit" in one.stdout

    for name in ("sandbox", "demo"):
        without = run("ocarina-kit", name, env=env, cwd=tmp_path)
        assert without.returncode == 1
        assert "[SBX001]" in without.stderr
        assert "pip install 'ocarina-kit[sandbox]'" in without.stderr

    module = run("python", "-m", "ocarina_kit", "--version", env=env, cwd=tmp_path)
    assert module.stdout == answered.stdout
    assert not os.listdir(tmp_path)  # noqa: PTH208  # a look at a version writes nothing into a home
