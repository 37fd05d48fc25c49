"""What the packaging tests share: sdist and wheel, made once."""

import fcntl
import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import PathDistribution
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ocarina_kit import __version__

ROOT, THIS = Path(__file__).parents[2], "{}.{}".format(*sys.version_info[:2])
PAGES = "https://host.example/o/ocarina-kit"


def must(
    *command: str | os.PathLike[str], code: int = 0, **how: Any
) -> tuple[str, str]:
    """Run to its end, with nothing to read, and compare the exit code.

    Returns output and errors.
    """
    done = subprocess.run(
        command, input="", capture_output=True, text=True, check=False, **how
    )
    assert done.returncode == code, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout, done.stderr


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
    """sdist and wheel, made in a checkout of its own.

    The first of all workers of pytest-xdist that needs them makes them.
    """
    tag, base = f"v{__version__}", tmp_path_factory.getbasetemp()
    pages = f"{PAGES}/blob/{tag}"
    command = [
        sys.executable,
        "tools/release.py",
        tag,
        "--pages",
        pages,
        "--no-conda",
        "--out",
    ]
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "built"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            leave = shutil.ignore_patterns(
                "__pycache__", ".*_cache", ".venv", ".hypothesis", ".git"
            )
            tree = shutil.copytree(ROOT, folder / "tree", ignore=leave)
            who = (
                "-c",
                "user.name=t",
                "-c",
                "user.email=t@localhost",
                "-c",
                "core.hooksPath=/dev/null",
            )
            for words in (
                ["init", "-q"],
                ["add", "."],
                ["commit", "-qm", "All"],
                ["tag", tag],
            ):
                must("git", *who, *words, cwd=tree)
            must(*command, folder / "dist", cwd=tree)
    sdist, wheel = next(folder.glob("dist/*.tar.gz")), next(folder.glob("dist/*.whl"))
    about = zipfile.Path(wheel, f"ocarina_kit-{__version__}.dist-info/")
    return Built(folder / "tree", command, sdist, wheel, PathDistribution(about))


class Installed(NamedTuple):
    """The kit in an environment of its own, for a new user."""

    prefix: Path
    home: Path

    def run(self, *args: str, code: int = 0) -> tuple[str, str]:
        env = {
            "HOME": str(self.home),
            "PATH": f"{self.prefix}/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
        }
        return must(
            self.prefix / "bin" / "ocarina-kit",
            *args,
            code=code,
            env=env,
            cwd=self.home,
        )
