"""A conda channel in a folder, and what conda-forge would do with it: build a recipe, install a package.

The channel holds real wheels, each repacked as a ``noarch: python`` package, and one shim: ``python`` links to an
interpreter of this machine. Formats: conda's package layout (``info/index.json``, ``info/paths.json``,
``info/link.json``, and ``site-packages/`` at the root of a noarch package); PyPA's wheels and entry points.

As a program, so that it can be run where there is no network (``unshare -n``):

    python local_channel.py build RECIPE CHANNEL OUTPUT
    python local_channel.py install CHANNEL… PREFIX
"""

from __future__ import annotations

import asyncio
import bz2
import configparser
import email
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

import rattler
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rattler.index import index_fs
from rattler_build import Stage0Recipe, ToolConfiguration
from rattler_build.progress import LogEvent, ProgressCallback

SUBDIR = str(rattler.Subdir.current())
KIT = "ocarina-kit"


@dataclass(frozen=True)
class Entry:
    """One file of a package: its path, and its content or, for a link, where it leads."""

    path: str
    content: bytes = b""
    link: str = ""

    def in_paths_json(self) -> dict[str, object]:
        kind = "softlink" if self.link else "hardlink"
        digest = hashlib.sha256(self.content).hexdigest()
        return {"_path": self.path, "path_type": kind, "sha256": digest, "size_in_bytes": len(self.content)}

    def in_tar(self) -> tarfile.TarInfo:
        info = tarfile.TarInfo(self.path)
        info.mode = 0o755 if self.path.startswith("bin/") else 0o644
        if self.link:
            info.type, info.linkname = tarfile.SYMTYPE, self.link
        else:
            info.size = len(self.content)
        return info


def make_channel(folder: Path, wheels: Iterable[Path], python: Path) -> Path:
    """Fill ``folder`` with a package for each of ``wheels`` and one for the interpreter ``python``; index it."""
    environment = _markers_of(python)
    for subdir in ("noarch", SUBDIR):
        (folder / subdir).mkdir(parents=True)
    _python_shim(folder, python, environment)
    for wheel in wheels:
        _repack(folder, wheel, environment)
    asyncio.run(index_fs(folder))
    return folder


def build(recipe: Path, channel: Path, output: Path) -> None:
    """Build ``recipe`` as conda-forge does, from ``channel`` alone, and run its tests. Raises where one fails."""
    results = Stage0Recipe.from_file(recipe).run_build(
        tool_config=ToolConfiguration(test_strategy="native"),
        output_dir=output,
        channels=[channel.as_uri()],
        progress_callback=_Log(),
    )
    for result in results:
        for package in result.packages:
            print(f"built {package}")


def install(channels: Iterable[Path], prefix: Path) -> None:
    """Solve for the kit and install it, and all that it needs, into the empty folder ``prefix``."""

    async def work() -> None:
        records = await rattler.solve(
            [channel.as_uri() for channel in channels],
            [KIT],
            platforms=[SUBDIR, "noarch"],
            virtual_packages=rattler.VirtualPackage.detect(),
            timestamp_policy="allow-missing",
        )
        await rattler.install(
            records, target_prefix=prefix, cache_dir=prefix.parent / "package-cache", show_progress=False
        )
        print("\n".join(sorted(f"{record.name.normalized} {record.version}" for record in records)))

    asyncio.run(work())


class _Log(ProgressCallback):
    """Prints the build's log as it is written: of a build that fails, nothing else would be left."""

    def on_log(self, event: LogEvent) -> None:
        print(event.message)


# --- packages --------------------------------------------------------------------------------------------


def _repack(folder: Path, wheel: Path, environment: Mapping[str, str]) -> None:
    with zipfile.ZipFile(wheel) as archive:
        contents = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    (about,) = {name.split("/")[0] for name in contents if name.split("/")[0].endswith(".dist-info")}
    assert not [name for name in contents if ".data/" in name], f"{wheel.name} installs outside site-packages"
    metadata = email.message_from_bytes(contents[f"{about}/METADATA"])
    # pip asks RECORD and INSTALLER whether a package is whole and whose it is.
    contents[f"{about}/INSTALLER"] = b"conda\n"
    _write(
        folder / "noarch",
        name=canonicalize_name(metadata["Name"]),
        version=metadata["Version"],
        depends=list(_depends(metadata, environment)),
        files=[Entry(f"site-packages/{name}", content) for name, content in contents.items()],
        # Without this package's `pip` script, `pip check` would run another environment's, and pass.
        noarch={"entry_points": list(_entry_points(contents.get(f"{about}/entry_points.txt", b"")))},
    )


def _python_shim(folder: Path, python: Path, environment: Mapping[str, str]) -> None:
    """A ``python`` that is a link to ``python``, and a prefix of its own by way of ``pyvenv.cfg`` (PEP 405)."""
    real = Path(environment["base"])
    version = environment["python_full_version"]
    short = environment["python_version"]
    settings = f"home = {real.parent}\ninclude-system-site-packages = false\nversion = {version}\n"
    _write(
        folder / SUBDIR,
        name="python",
        version=version,
        depends=[],
        files=[
            *(Entry(f"bin/{name}", link=str(real)) for name in ("python", "python3", f"python{short}")),
            Entry("pyvenv.cfg", settings.encode()),
            Entry(f"lib/python{short}/site-packages/README.txt", b"Packages are installed here.\n"),
        ],
    )


def _write(
    subdir: Path,
    *,
    name: str,
    version: str,
    depends: list[str],
    files: list[Entry],
    noarch: Mapping[str, Any] | None = None,
) -> None:
    index: dict[str, Any] = {
        "name": name,
        "version": version,
        "build": "local_0",
        "build_number": 0,
        "depends": depends,
        "subdir": subdir.name,
        "timestamp": 1_700_000_000_000,
    }
    about = {"paths_version": 1, "paths": [entry.in_paths_json() for entry in files]}
    info: dict[str, Any] = {"info/index.json": index, "info/paths.json": about}
    if noarch is not None:
        index["noarch"] = "python"
        info["info/link.json"] = {
            "noarch": {"type": "python", **noarch},
            "package_metadata_version": 1,
        }
    written = [Entry(path, json.dumps(members).encode()) for path, members in info.items()]
    with (
        bz2.open(subdir / f"{name}-{version}-local_0.tar.bz2", "wb", compresslevel=1) as compressed,
        tarfile.open(fileobj=compressed, mode="w") as archive,
    ):
        for entry in (*written, *files):
            archive.addfile(entry.in_tar(), io.BytesIO(entry.content))


def _markers_of(python: Path) -> dict[str, str]:
    """The marker environment of the interpreter ``python`` (PEP 508), and under ``base`` its program itself."""
    program = (
        "import json, os, platform, sys; print(json.dumps(dict("
        "python_full_version=platform.python_version(), python_version='%d.%d' % sys.version_info[:2],"
        "implementation_name=sys.implementation.name, os_name=os.name, sys_platform=sys.platform,"
        "platform_system=platform.system(), platform_machine=platform.machine(),"
        "platform_python_implementation=platform.python_implementation(),"
        "base=os.path.realpath(getattr(sys, '_base_executable', sys.executable)))))"
    )
    asked = subprocess.run([python, "-c", program], capture_output=True, check=True)
    found: dict[str, str] = json.loads(asked.stdout)
    return found


def _depends(metadata: Message, environment: Mapping[str, str]) -> Iterator[str]:
    yield f"python {metadata['Requires-Python']}" if metadata["Requires-Python"] else "python"
    for text in metadata.get_all("Requires-Dist", []):
        wanted = Requirement(text)
        if wanted.marker is None or wanted.marker.evaluate({**environment, "extra": ""}):
            yield f"{canonicalize_name(wanted.name)} {wanted.specifier}".strip()


class _AsWritten(configparser.ConfigParser):
    """Names keep their case, as PyPA's entry point specification asks."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def _entry_points(text: bytes) -> Iterator[str]:
    parser = _AsWritten(delimiters=("=",))
    parser.read_string(text.decode())
    if parser.has_section("console_scripts"):
        yield from (f"{name} = {target}" for name, target in parser.items("console_scripts"))


def main(argv: list[str]) -> int:
    action, *paths = argv
    places = [Path(path).absolute() for path in paths]
    if action == "build":
        recipe, channel, output = places
        build(recipe, channel, output)
    else:
        *channels, prefix = places
        install(channels, prefix)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
