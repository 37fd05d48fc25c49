"""The conda recipe, the way conda-forge goes: built and tested from a channel, installed into an empty prefix.

Only pip's download of the dependencies' wheels (``wheelhouse``) uses the network. All else runs where there is none.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rattler_build import Stage0Recipe

import ocarina_kit

from .conftest import ROOT, Built, bare_environment, floor_python, must, once, run
from .local_channel import make_channel

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LOCAL_CHANNEL = Path(__file__).parent / "local_channel.py"
RECIPE = ROOT / "recipe" / "recipe.yaml"

# As root, a network namespace needs no user namespace, which some systems forbid.
OFFLINE = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]


def _can_cut_the_network() -> bool:
    return shutil.which("unshare") is not None and run(*OFFLINE, "true").returncode == 0


cuts_the_network = pytest.mark.skipif(
    not _can_cut_the_network(),
    reason="needs unshare (util-linux), and the right to use it, to cut the network",
)


# --- the recipe says what pyproject.toml says ------------------------------------------------------------


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return project


@pytest.fixture(scope="module")
def recipe() -> dict[str, Any]:
    (variant,) = Stage0Recipe.from_file(RECIPE).render()
    return variant.recipe.to_dict()


def _by_name(requirements: list[str]) -> dict[str, str]:
    """Requirements as ``name -> version``: names and specifiers in one spelling, conda's and PyPI's alike."""
    parsed = [Requirement(text) for text in requirements]
    return {canonicalize_name(wanted.name): str(wanted.specifier) for wanted in parsed}


def test_name_and_version_are_the_packages(recipe: dict[str, Any], project: dict[str, Any]) -> None:
    assert recipe["package"] == {"name": project["project"]["name"], "version": ocarina_kit.__version__}


def test_run_dependencies_and_python_floor_are_the_projects(
    recipe: dict[str, Any], project: dict[str, Any]
) -> None:
    wanted = _by_name(project["project"]["dependencies"])
    wanted["python"] = project["project"]["requires-python"]
    assert _by_name(recipe["requirements"]["run"]) == wanted


def test_host_dependencies_are_the_build_systems(recipe: dict[str, Any], project: dict[str, Any]) -> None:
    floor = project["project"]["requires-python"].removeprefix(">=")
    python, *others = recipe["requirements"]["host"]
    assert python == f"python {floor}.*"
    assert _by_name(others) == _by_name([*project["build-system"]["requires"], "pip"])


def test_entry_points_licence_and_summary_are_the_projects(
    recipe: dict[str, Any], project: dict[str, Any]
) -> None:
    scripts = project["project"]["scripts"].items()
    assert recipe["build"]["python"]["entry_points"] == [f"{name} = {target}" for name, target in scripts]
    assert recipe["about"]["license"] == project["project"]["license"]
    assert recipe["about"]["license_file"] == project["project"]["license-files"]
    assert recipe["about"]["summary"] == project["project"]["description"]


def test_it_is_what_conda_forge_takes(recipe: dict[str, Any]) -> None:
    text = RECIPE.read_text()
    assert recipe["schema_version"] == 1
    assert recipe["build"]["noarch"] == "python"
    assert "pip_check: true" in text
    assert text.count("python ${{ python_min }}.*") == 2  # host, and the script's test
    assert "python >=${{ python_min }}" in text


# --- and it works ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory, wheelhouse: Path) -> Path:
    """The dependencies as a conda channel: their real wheels, and a ``python`` of this machine."""

    def make(folder: Path) -> None:
        wheels = [
            wheel for wheel in sorted(wheelhouse.glob("*.whl")) if not wheel.name.startswith("ocarina_kit")
        ]
        make_channel(folder / "channel", wheels, floor_python())

    return once(tmp_path_factory, "channel", make) / "channel"


def _offline(*words: str | os.PathLike[str], home: Path) -> subprocess.CompletedProcess[str]:
    """Run a step of local_channel.py with no network, and nothing of this user's."""
    env = bare_environment(home, Path(sys.executable).parent) | {"RATTLER_CACHE_DIR": str(home / "cache")}
    return run(*OFFLINE, sys.executable, LOCAL_CHANNEL, *words, env=env, cwd=home)


def _edited(built: Built, to: Path, *edits: tuple[str, str]) -> Path:
    """The recipe in a source tree of its own (the unpacked sdist), with ``edits`` made; each must change something."""
    shutil.unpack_archive(built.sdist, to, filter="data")
    (tree,) = to.iterdir()
    recipe = tree / "recipe" / "recipe.yaml"
    text = recipe.read_text()
    floor = must(floor_python(), "-c", "import sys; print('%d.%d' % sys.version_info[:2])").strip()
    if floor != "3.10":  # the recipe's own floor is not at hand: what is there takes its place in this copy
        edits = (*edits, ('python_min: "3.10"', f'python_min: "{floor}"'))
    for before, after in edits:
        changed = text.replace(before, after)
        assert changed != text, f"{before!r} is not in the recipe"
        text = changed
    recipe.write_text(text)
    return recipe


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory, built: Built, channel: Path) -> Path:
    """The channel that the recipe was built into, its tests passed. ``build.log`` in it is the log."""

    def make(folder: Path) -> None:
        recipe = _edited(built, folder / "source")
        done = _offline("build", recipe, channel, folder / "output", home=folder)
        assert done.returncode == 0, done.stdout + done.stderr
        (folder / "output" / "build.log").write_text(done.stdout)

    return once(tmp_path_factory, "conda-package", make) / "output"


@cuts_the_network
def test_the_recipe_builds_and_its_tests_pass(package: Path) -> None:
    (built,) = (package / "noarch").glob("ocarina-kit-*.conda")
    assert built.name.startswith(f"ocarina-kit-{ocarina_kit.__version__}-pyh")
    log = (package / "build.log").read_text()
    assert "python imports test passed!" in log
    assert "pip check passed!" in log
    assert "all tests passed!" in log


@cuts_the_network
def test_it_installs_into_an_empty_prefix_and_runs(package: Path, channel: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    installed = _offline("install", channel, package, prefix, home=tmp_path)
    assert installed.returncode == 0, installed.stdout + installed.stderr

    home = tmp_path / "home"
    home.mkdir()
    env = bare_environment(home, prefix / "bin")

    def kit(*args: str) -> subprocess.CompletedProcess[str]:
        return run(*OFFLINE, prefix / "bin" / "ocarina-kit", *args, env=env, cwd=home)

    script = (prefix / "bin" / "ocarina-kit").read_text()
    assert str(prefix / "bin" / "python") in script.splitlines()[0]
    where = must(prefix / "bin" / "python", "-c", "import ocarina_kit; print(ocarina_kit.__file__)", env=env)
    assert where.startswith(str(prefix))

    assert kit("--version").stdout == f"ocarina-kit {ocarina_kit.__version__}\n"
    helped = kit("--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert "install-client" in helped.stdout
    if importlib.util.find_spec("ocarina_kit.cli.doctor"):
        examined = kit("doctor", "--offline", "--json")
        document = json.loads(examined.stdout)
        assert examined.returncode == document["exit"] == 1  # nothing is set up in this home
        assert "CFG001" in [check["id"] for check in document["checks"] if check["status"] == "fail"]


# --- controls: what must make it fail --------------------------------------------------------------------


@cuts_the_network
@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (("    - requests-oauthlib >=2.0\n", ""), r"requests-oauthlib, which is not installed"),
        (("ocarina_kit.__main__:main", "ocarina_kit.__main__:mane"), r"cannot import name 'mane'"),
        (("- ocarina_kit.cli.app", "- ocarina_kit.cli.apple"), r"No module named 'ocarina_kit.cli.apple'"),
    ],
    ids=["a dropped run dependency", "a wrong entry point", "a missing module"],
)
def test_a_wrong_recipe_fails(
    edit: tuple[str, str], why: str, built: Built, channel: Path, tmp_path: Path
) -> None:
    recipe = _edited(built, tmp_path / "source", edit)
    done = _offline("build", recipe, channel, tmp_path / "output", home=tmp_path)
    assert done.returncode != 0
    assert re.search(why, done.stdout + done.stderr), done.stdout + done.stderr
    assert not list((tmp_path / "output" / "noarch").glob("*.conda"))
