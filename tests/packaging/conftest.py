"""What the packaging tests share, made once for all workers: sdist and wheel, and environments with the wheel."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from importlib.metadata import PathDistribution
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ocarina_kit import __version__

ROOT, THIS = Path(__file__).parents[2], "{}.{}".format(*sys.version_info[:2])
PAGES = "https://host.example/o/ocarina-kit"


def must(*command: str | os.PathLike[str], code: int = 0, **how: Any) -> tuple[str, str]:
    """Run to its end, with nothing to read, and compare the exit code. Returns output and errors."""
    done = subprocess.run(command, input="", capture_output=True, text=True, check=False, **how)
    assert done.returncode == code, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout, done.stderr


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """The folder ``name``, filled by ``make`` for the first who asks, of all workers of pytest-xdist."""
    base = factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (base / f"{name}.done").exists():
            shutil.rmtree(base / name, ignore_errors=True)
            (base / name).mkdir()
            make(base / name)
            (base / f"{name}.done").touch()
    return base / name


class Built(NamedTuple):
    """A release from a tag, as docs/release.md makes it."""

    tree: Path
    command: list[str]
    """What made it, in the checkout ``tree``; to be completed by a folder."""
    sdist: Path
    wheel: Path
    about: PathDistribution


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """sdist and wheel, made in a checkout of its own."""
    tag = f"v{__version__}"
    command = [
        sys.executable,
        "tools/release.py",
        tag,
        "--pages",
        f"{PAGES}/blob/{tag}",
        "--no-conda",
        "--out",
    ]

    def make(folder: Path) -> None:
        leave = shutil.ignore_patterns("__pycache__", ".*_cache", ".venv", ".hypothesis", ".git")
        tree = shutil.copytree(ROOT, folder / "tree", ignore=leave)
        who = ("-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "core.hooksPath=/dev/null")
        for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "All"], ["tag", tag]):
            must("git", *who, *words, cwd=tree)
        must(*command, folder / "dist", cwd=tree)

    folder = once(tmp_path_factory, "built", make)
    sdist, wheel = next(folder.glob("dist/*.tar.gz")), next(folder.glob("dist/*.whl"))
    about = zipfile.Path(wheel, f"ocarina_kit-{__version__}.dist-info/")
    return Built(folder / "tree", command, sdist, wheel, PathDistribution(about))


class Kit(NamedTuple):
    """The kit in an environment of its own, for a new user."""

    prefix: Path
    home: Path

    def run(self, *args: str, code: int = 0) -> tuple[str, str]:
        env = {"HOME": str(self.home), "PATH": f"{self.prefix}/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
        return must(self.prefix / "bin" / "ocarina-kit", *args, code=code, env=env, cwd=self.home)


@pytest.fixture(scope="session")
def install(tmp_path_factory: pytest.TempPathFactory, built: Built) -> Callable[..., Kit]:
    """Installs the wheel by pip into an empty environment, which borrows the rest from the tests', or downloads it."""

    def installed(python: str, *, online: bool = False) -> Kit:
        def make(folder: Path) -> None:
            (folder / "home").mkdir()
            must(python, "-m", "venv", "--without-pip", folder / "prefix")
            how = () if online else ("--isolated", "--no-index", "--no-deps", "--no-compile")
            pip = (sys.executable, "-m", "pip", "--quiet", "--python", folder / "prefix", "install")
            must(*pip, *how, f"{built.wheel}[sandbox]")
            for packages in folder.glob("prefix/lib/python3*/site-packages") if not online else ():
                # A folder that is named here comes after the environment's own.
                (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")

        version = must(python, "-c", "import sys; print(sys.version_info[1])")[0].strip()
        folder = once(tmp_path_factory, f"python3.{version}{'-online' * online}", make)
        return Kit(folder / "prefix", folder / "home")

    return installed
