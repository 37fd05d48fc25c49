"""The conda recipe, as conda-forge uses it.

Built and tested from a channel, and installed into an empty prefix.
"""

import asyncio
import runpy
import shutil
import sys
from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
import rattler
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rattler.index import index_fs
from rattler_build import FileEntry, Package, Stage0Recipe, assemble_package
from tests.packaging.conftest import ROOT, THIS, Built, Installed

RECIPE, PLATFORM = ROOT / "recipe" / "recipe.yaml", str(rattler.Subdir.current())


def without_extras(requirements: Iterable[str] | None) -> dict[str, str]:
    """Name and versions of each that pip installs here."""
    wanted = [Requirement(text) for text in requirements or ()]
    own = [
        requirement
        for requirement in wanted
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    ]
    return {
        canonicalize_name(requirement.name): str(requirement.specifier)
        for requirement in own
    }


def test_recipe_and_wheel_say_the_same(built: Built) -> None:
    recipe, told = (
        Stage0Recipe.from_file(RECIPE).render()[0].recipe.to_dict(),
        built.about.metadata,
    )
    assert recipe["package"] == {"name": told["Name"], "version": told["Version"]}
    wanted = without_extras(built.about.requires) | {"python": told["Requires-Python"]}
    assert without_extras(recipe["requirements"]["run"]) == wanted
    host = [
        requirement.replace(" ", "") for requirement in recipe["requirements"]["host"]
    ]
    assert host[0] == f"python{told['Requires-Python'].replace('>=', '')}.*"
    assert f'requires = ["{host[1]}"]' in (ROOT / "pyproject.toml").read_text()
    assert recipe["about"]["summary"] == told["Summary"]


@pytest.fixture
def channel(built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder with the real dependencies, as they are installed here.

    The ``python`` in it is a link.
    """
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RATTLER_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "channel"

    def package(
        name: str,
        version: str,
        inside: dict[str, Path],
        depends: list[str],
        noarch: Any,
    ) -> None:
        where = folder / ("noarch" if noarch else PLATFORM)
        where.mkdir(parents=True, exist_ok=True)
        how: dict[str, Any] = {
            "depends": depends,
            "noarch": noarch,
            "compression_level": 0,
        }
        how["files"] = [FileEntry.from_paths(path, to) for to, path in inside.items()]
        assemble_package(name, version, where.name, "local_0", where, **how)

    python, settings, pip = (
        tmp_path / "python",
        tmp_path / "pyvenv.cfg",
        tmp_path / "pip",
    )
    python.symlink_to(Path(getattr(sys, "_base_executable", sys.executable)).resolve())
    settings.write_text(f"home = {python.readlink().parent}\n")
    programs = {
        "bin/python": python,
        f"bin/python{THIS}": python,
        "pyvenv.cfg": settings,
    }
    package("python", sys.version.split()[0], programs, [], None)
    pip.write_text(
        "#!/usr/bin/env python\nimport runpy\n"
        "runpy.run_module('pip', run_name='__main__')\n"
    )
    pip.chmod(0o755)
    names = ["hatchling", "pip", *without_extras(built.about.requires)]
    for name in names:  # grows
        of, needs = distribution(name), without_extras(distribution(name).requires)
        names += needs.keys() - set(names)
        own = [
            path
            for path in of.files or ()
            if ".." not in path.parts and path.suffix != ".pyc"
        ]
        inside = {
            f"site-packages/{path}": Path(str(of.locate_file(path))) for path in own
        }
        if (
            name == "pip"
        ):  # without its program, `pip check` is another environment's, and passes
            inside["python-scripts/pip"] = pip
        depends = [
            "python",
            *(f"{name} {versions}".strip() for name, versions in needs.items()),
        ]
        package(name, of.version, inside, depends, "python")
    asyncio.run(index_fs(folder))
    return folder.as_uri()


def test_the_package_is_built_tested_and_installed(
    built: Built, channel: str, tmp_path: Path
) -> None:
    """As tools/release.py makes it from what it made before."""
    out = shutil.copytree(built.sdist.parent, tmp_path / "out")
    # The channel has the Python of the tests alone.
    recipe = (out / "recipe.yaml").read_text().replace('"3.10"', f'"{THIS}"')
    (out / "recipe.yaml").write_text(recipe)
    release = runpy.run_path(str(ROOT / "tools" / "release.py"))
    release["conda_package"](out / "recipe.yaml", out, [channel], tmp_path / "output")
    package = Package.from_file(next(out.glob("*.conda")))
    assert {
        "site-packages/ocarina_kit/py.typed",
        "share/man/man1/ocarina-kit.1",
    } <= set(package.files)
    assert {name.split("/")[0] for name in package.files} == {"site-packages", "share"}

    async def install(prefix: Path) -> None:
        channels = [channel, (tmp_path / "output").as_uri()]
        records = await rattler.solve(
            channels, ["ocarina-kit"], platforms=[PLATFORM, "noarch"]
        )
        await rattler.install(
            records, prefix, cache_dir=tmp_path / "cache", show_progress=False
        )

    kit = Installed(tmp_path / "prefix", tmp_path / "home")
    kit.home.mkdir()
    asyncio.run(install(kit.prefix))
    assert kit.run("--version") == (f"ocarina-kit {built.about.version}\n", "")
    assert "CFG001" in kit.run("doctor", "--offline", code=1)[0]
    assert "pip install 'ocarina-kit[sandbox]'" in kit.run("demo", code=1)[1]
