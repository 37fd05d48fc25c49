"""Makes a release from a tag: sdist, wheel and conda package, each checked. Publishes nothing (docs/release.md).

python tools/release.py v0.1.0 [--out DIR] [--pages URL] [--channel CHANNEL]... [--no-conda]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Make a release from a tag. Publishes nothing."
    )
    parser.add_argument("tag", help="such as v0.1.0")
    parser.add_argument(
        "--out",
        type=Path,
        default=ROOT / "dist",
        help="an empty or new folder (default: dist)",
    )
    parser.add_argument(
        "--pages",
        default="",
        help="address of the files at that tag, for the README's links",
    )
    parser.add_argument(
        "--url", default="", help="where the sdist will be, for the recipe"
    )
    parser.add_argument(
        "--channel",
        action="append",
        help="conda channel to build from (default: conda-forge)",
    )
    parser.add_argument("--no-conda", action="store_true", help="make no conda package")
    asked = parser.parse_args()
    out: Path = asked.out.absolute()
    if out.exists() and any(out.iterdir()):
        raise SystemExit(f"release: {out} is not empty.")
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        _export(asked.tag, tree)
        version = checked(tree, asked.tag)
        _build(tree, out, asked.tag, asked.pages)
        recipe = out / "recipe.yaml"
        sdist = out / f"ocarina_kit-{version}.tar.gz"
        recipe.write_text(
            final_recipe(
                (tree / "recipe" / "recipe.yaml").read_text(), sdist, asked.url
            )
        )
        if not asked.no_conda:
            conda_package(
                recipe, out, asked.channel or ["conda-forge"], Path(folder, "conda")
            )
    for path in sorted(out.iterdir()):
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}")
    return 0


def checked(tree: Path, tag: str) -> str:
    """The version, if package, tag, changelog, recipe and generated pages agree. Raises SystemExit."""
    source = (tree / "src" / "ocarina_kit" / "__init__.py").read_text()
    found = re.search(
        r'^__version__ = "(\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?)"$', source, re.MULTILINE
    )
    version = found[1] if found else ""
    if tag != f"v{version}":
        raise SystemExit(
            f"release: the tag is {tag}, and the package's version {version or 'cannot be read'}."
        )
    if f'version: "{version}"' not in (tree / "recipe" / "recipe.yaml").read_text():
        raise SystemExit(
            f"release: recipe/recipe.yaml has another version than {version}."
        )
    log = (tree / "CHANGELOG.md").read_text()
    sections = {
        head: body.strip()
        for head, body in re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", log, re.MULTILINE)
    }
    if not any(
        re.fullmatch(rf"\[{version}\] - \d{{4}}-\d\d-\d\d", head) and sections[head]
        for head in sections
    ):
        raise SystemExit(
            f"release: CHANGELOG.md has no dated section with text for {version}."
        )
    if sections.get("[Unreleased]"):
        raise SystemExit(
            "release: CHANGELOG.md has text under Unreleased. Move it into the section of this version."
        )
    _run(sys.executable, "docs/make.py", "--check", cwd=tree)
    return version


def final_recipe(recipe: str, sdist: Path, url: str) -> str:
    """The recipe with the sdist as its source, and the sdist's hash. Without ``url`` the file is beside the recipe."""
    where = f"url: {url.rstrip('/')}/{sdist.name}" if url else f"path: {sdist.name}"
    digest = hashlib.sha256(sdist.read_bytes()).hexdigest()
    changed = recipe.replace(
        "\nsource:\n  path: ..\n", f"\nsource:\n  {where}\n  sha256: {digest}\n"
    )
    if changed == recipe:
        raise SystemExit(
            "release: recipe/recipe.yaml has no 'source: path: ..' to replace."
        )
    return changed


def conda_package(recipe: Path, out: Path, channels: Sequence[str], work: Path) -> None:
    """Build the recipe, run its tests, and put the package into ``out``. Raises SystemExit with the build's log."""
    from rattler_build import RattlerBuildError, Stage0Recipe, ToolConfiguration
    from rattler_build.progress import LogEvent, ProgressCallback

    log: list[str] = []

    class Log(ProgressCallback):
        def on_log(self, event: LogEvent) -> None:
            log.append(event.message)

    try:
        Stage0Recipe.from_file(recipe).run_build(
            tool_config=ToolConfiguration(test_strategy="native"),
            output_dir=work,
            channels=list(channels),
            progress_callback=Log(),
            no_include_recipe=True,  # it takes all that is beside the recipe: sdist and wheel
        )
    except RattlerBuildError as problem:
        raise SystemExit(
            "\n".join(["release: the conda package failed:", *log, str(problem)])
        ) from problem
    for package in work.glob("noarch/*.conda"):
        shutil.copyfile(package, out / package.name)


def _export(tag: str, tree: Path) -> None:
    """The files of the tag, as they are committed."""
    archive = subprocess.run(
        ["git", "archive", f"refs/tags/{tag}"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if archive.returncode != 0:
        raise SystemExit(f"release: there is no tag {tag}.")
    tree.mkdir()
    subprocess.run(["tar", "-x", "-C", tree], input=archive.stdout, check=True)


def _build(tree: Path, out: Path, tag: str, pages: str) -> None:
    """sdist, and from that the wheel; the same bytes each time."""
    date = subprocess.run(
        ["git", "log", "-1", "--format=%ct", tag],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    env = {
        **os.environ,
        "SOURCE_DATE_EPOCH": date.stdout.strip(),
        "OCARINA_KIT_PAGES": pages,
    }
    _run(
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        "--outdir",
        str(out),
        ".",
        cwd=tree,
        env=env,
    )
    _run(
        sys.executable,
        "-m",
        "twine",
        "check",
        "--strict",
        *(str(path) for path in sorted(out.iterdir())),
        cwd=tree,
    )


def _run(*command: str, cwd: Path, env: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(
            f"release: {' '.join(command[1:])} failed:\n{done.stdout}{done.stderr}"
        )


if __name__ == "__main__":
    sys.exit(main())
