"""What the packaging tests share: the built wheel and sdist, a wheelhouse, and environments that they make.

Each is made once for a test session, also where several workers run it (pytest-xdist).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[2]
FLOOR = (3, 10)
LATEST = (3, 13)


def run(
    *command: str | os.PathLike[str], env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run to its end; the caller judges."""
    return subprocess.run(
        command,
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def must(
    *command: str | os.PathLike[str], env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> str:
    """Run to its end; it must succeed. Returns its output."""
    done = run(*command, env=env, cwd=cwd)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def pythons() -> dict[str, Path]:
    """The supported interpreters at hand, by version: on PATH, of pyenv, and always the running one."""
    found: dict[str, Path] = {}
    for minor in range(FLOOR[1], LATEST[1] + 1):
        version = f"3.{minor}"
        on_path = shutil.which(f"python{version}")
        of_pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
        for path in ([Path(on_path)] if on_path else []) + of_pyenv:
            # A shim of pyenv is on PATH also where the version behind it is switched off.
            asked = run(path, "-c", "import sys, venv; print('%d.%d' % sys.version_info[:2], sys.prefix)")
            if asked.returncode == 0 and asked.stdout.split()[0] == version:
                found[version] = path
                break
    found["{}.{}".format(*sys.version_info[:2])] = Path(sys.executable)
    return found


def floor_python() -> Path:
    """The oldest supported interpreter, where it is at hand; else the running one."""
    return pythons().get("{}.{}".format(*FLOOR), Path(sys.executable))


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """The folder ``name``, filled by ``make`` for the first who asks."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder = base / name
    with FileLock(base / f"{name}.lock"):
        if not (base / f"{name}.done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            (base / f"{name}.done").touch()
    return folder


@dataclass(frozen=True)
class Built:
    """What a release is made of. ``tree`` is the source that it was built from, ``from_sdist`` the sdist's wheel."""

    tree: Path
    sdist: Path
    wheel: Path
    from_sdist: Path


def copy_tree(to: Path) -> Path:
    """The project's source in ``to``: nothing is built in the checkout, nor from half of somebody's edit."""
    leave = shutil.ignore_patterns(
        "__pycache__", ".*_cache", ".hypothesis", ".git", "artefacts", "dist", "build"
    )
    shutil.copytree(ROOT, to, ignore=leave, symlinks=True)
    return to


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Wheel and sdist, built by ``build`` with the hatchling that is installed: no network."""

    def make(folder: Path) -> None:
        tree = copy_tree(folder / "tree")
        build = [sys.executable, "-m", "build", "--no-isolation"]
        must(*build, "--sdist", "--wheel", "--outdir", folder / "dist", tree)
        (sdist,) = (folder / "dist").glob("*.tar.gz")
        shutil.unpack_archive(sdist, folder / "unpacked", filter="data")
        (unpacked,) = (folder / "unpacked").iterdir()
        must(*build, "--wheel", "--outdir", folder / "again", unpacked)

    folder = once(tmp_path_factory, "built", make)
    (sdist,) = (folder / "dist").glob("*.tar.gz")
    (wheel,) = (folder / "dist").glob("*.whl")
    (from_sdist,) = (folder / "again").glob("*.whl")
    return Built(folder / "tree", sdist, wheel, from_sdist)


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory, built: Built) -> Path:
    """The real wheels of all that the kit, its build and pip need, as the oldest Python at hand takes them.

    Pure Python alone, so that one set serves every interpreter and the ``noarch`` channel. The one place in these
    tests that uses the network.
    """

    def make(folder: Path) -> None:
        pure = ["--only-binary=:all:", "--platform=any", "--implementation=py", "--abi=none"]
        wanted: Sequence[str] = ["pip", "hatchling", str(built.wheel)]
        pip = [sys.executable, "-m", "pip", "--python", str(floor_python()), "--quiet"]
        must(*pip, "download", *pure, "--dest", folder, *wanted)

    return once(tmp_path_factory, "wheelhouse", make)


@pytest.fixture(scope="session")
def install(
    tmp_path_factory: pytest.TempPathFactory, built: Built, wheelhouse: Path
) -> Callable[[Path], Path]:
    """Makes an empty environment of an interpreter and installs the wheel there; returns its folder of programs."""

    def installed(python: Path) -> Path:
        def make(folder: Path) -> None:
            must(python, "-m", "venv", "--without-pip", folder)
            pip = [sys.executable, "-m", "pip", "--python", str(folder), "--quiet"]
            must(*pip, "install", "--no-index", "--no-compile", "--find-links", wheelhouse, built.wheel)
            must(*pip, "check")

        name = "venv-" + must(python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])").strip()
        return once(tmp_path_factory, name, make) / "bin"

    return installed


def bare_environment(home: Path, programs: Path) -> dict[str, str]:
    """A new user's environment, with the installed kit first on PATH."""
    return {
        "HOME": str(home),
        "LOGNAME": "tester",
        "PATH": f"{programs}:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
    }
