"""Wheel and sdist.

What is in them, and that the wheel installs and runs on each Python that is found.
"""

import json
import re
import runpy
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest
from tests.packaging.conftest import PAGES, ROOT, THIS, Built, Installed, must


def pythons() -> dict[str, str]:
    """The supported interpreters on PATH and of pyenv, by version.

    Always the one that runs the tests.
    """
    found = {THIS: sys.executable}
    for version in (f"3.{minor}" for minor in range(10, 15)):
        of_pyenv = map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
        for path in filter(None, (shutil.which(f"python{version}"), *of_pyenv)):
            # A shim of pyenv is on PATH for a version that is switched off, too;
            # Debian's may have no venv.
            if (
                subprocess.call(
                    [path, "-c", "import ensurepip"], stderr=subprocess.DEVNULL
                )
                == 0
            ):
                found.setdefault(version, path)
    return dict(sorted(found.items()))


PYTHONS = pythons()


def test_wheel_and_sdist_hold_what_they_should(built: Built) -> None:
    files = [
        path
        for path in (ROOT / "src").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    ]
    with zipfile.ZipFile(built.wheel) as wheel:
        names = set(wheel.namelist())
    about = f"ocarina_kit-{built.about.version}"
    assert {name.split("/")[0] for name in names} == {
        "ocarina_kit",
        f"{about}.dist-info",
        f"{about}.data",
    }
    package = {str(path.relative_to(ROOT / "src")) for path in files}
    assert {name for name in names if name.startswith("ocarina_kit/")} == package
    with tarfile.open(built.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "README.md",
        "LICENSE",
        "recipe/recipe.yaml",
        "tests/conftest.py",
        "docs/make.py",
    } <= names
    assert [
        name for name in names if "__pycache__" in name or name.startswith(".")
    ] == [".gitignore"]


def test_a_release_has_its_recipe_and_links_and_is_the_same_each_time(
    built: Built, tmp_path: Path
) -> None:
    said, _ = must(*built.command, tmp_path / "again", cwd=built.tree)
    files = [built.sdist, built.wheel, built.sdist.with_name("recipe.yaml")]
    digests = {path: sha256(path.read_bytes()).hexdigest() for path in files}
    assert said.splitlines() == [
        f"{digest}  {path.name}" for path, digest in sorted(digests.items())
    ]
    assert (
        f"\n  path: {built.sdist.name}\n  sha256: {digests[built.sdist]}\n"
        in files[-1].read_text()
    )
    # A link into the checkout leads nowhere on the page of a package index.
    links = re.findall(r"\]\(([^)#][^)]*)\)", str(built.about.metadata.get_payload()))
    base = f"{PAGES}/blob/v{built.about.version}"
    picture = f"{base.replace('/blob/', '/raw/')}/docs/pictures/doctor.svg"
    assert {f"{base}/docs/index.md", picture} <= set(links)
    assert [link for link in links if not link.startswith("https:")] == []


def test_what_a_release_refuses(built: Built, tmp_path: Path) -> None:
    release, log = (
        runpy.run_path(str(ROOT / "tools" / "release.py")),
        tmp_path / "CHANGELOG.md",
    )
    tag, changes = f"v{built.about.version}", (ROOT / "CHANGELOG.md").read_text()
    for name in ("src", "recipe"):
        (tmp_path / name).symlink_to(ROOT / name)
    for words, version, text in (
        ("the tag is", "v9.9.9", changes),
        (
            "text under Unreleased",
            tag,
            changes.replace("[Unreleased]\n", "[Unreleased]\n\n- More.\n"),
        ),
        ("no dated section", tag, re.sub(r"\] - 2.*", "]", changes)),
    ):
        log.write_text(text)
        with pytest.raises(SystemExit, match=words):
            release["checked"](tmp_path, version)


def installed(built: Built, folder: Path, version: str, *how: str) -> Installed:
    """The wheel, installed by pip into an empty environment."""
    kit = Installed(folder / "prefix", folder / "home")
    kit.home.mkdir()
    must(PYTHONS[version], "-m", "venv", "--without-pip", kit.prefix)
    pip = (sys.executable, "-m", "pip", "--quiet", "--python", kit.prefix, "install")
    must(*pip, *how, f"{built.wheel}[sandbox]")
    return kit


@pytest.mark.parametrize("version", PYTHONS)
def test_it_installs_and_runs(version: str, built: Built, tmp_path: Path) -> None:
    kit = installed(
        built,
        tmp_path,
        version,
        "--isolated",
        "--no-index",
        "--no-deps",
        "--no-compile",
    )
    packages = kit.prefix / f"lib/python{version}/site-packages"
    assert (packages / "ocarina_kit/py.typed").is_file()
    # What it needs is borrowed from the tests: a folder that is named here comes after
    # the environment's own.
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    manual = kit.prefix / "share/man/man1/ocarina-kit.1"
    assert manual.read_bytes() == (ROOT / "docs" / "ocarina-kit.1").read_bytes()
    assert kit.run("--version") == (f"ocarina-kit {built.about.version}\n", "")
    checks = json.loads(kit.run("doctor", "--offline", "--json", code=1)[0])["checks"]
    assert "CFG001" in {
        check["id"] for check in checks if check["status"] == "fail"
    }  # an empty home
    assert list(kit.home.iterdir()) == []


@pytest.mark.soak
@pytest.mark.parametrize("version", PYTHONS)
def test_the_demo_runs_from_the_wheel(
    version: str, built: Built, tmp_path: Path
) -> None:
    """With what pip downloads for it."""
    kit = installed(built, tmp_path, version)
    out, said = kit.run("demo", "--json")
    assert json.loads(out)["ok"] is True
    assert f"{kit.prefix}/bin/ocarina-kit refresh" in said
    assert list(kit.home.iterdir()) == []
