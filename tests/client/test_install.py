"""Installing a client: a real virtual environment and pip, and a stand-in for conda that makes the same. Offline."""

import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pip
import pytest
from tests.client.stub import CLIENT, client, machine_at, program
from tests.conftest import until

from ocarina_kit.client.install import (
    DEFAULT_SOURCE,
    Plan,
    install,
    parse_source,
    plan_install,
)
from ocarina_kit.system.lock import hold
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.problem import Exit, KitError, Problem


def wheel(folder: Path, version: str = "1.0.0") -> Path:
    """A wheel of a client; built here, so that no index is needed."""
    info = f"ocarina-{version}.dist-info"
    files = {
        "ocarina/__init__.py": "",
        "ocarina/client.py": CLIENT.format(version=version),
        f"{info}/entry_points.txt": "[console_scripts]\nocarina = ocarina.client:cli\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: ocarina\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(
        f"{name},,\n" for name in (*files, f"{info}/RECORD")
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"ocarina-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


FAKE_CONDA = """#!/bin/sh
[ $1 = info ] && {{ echo '{info}'; exit; }}
while [ $# -gt 0 ]; do
  [ "$1" = --prefix ] && prefix="$2"
  shift
done
{create}
mkdir -p "$prefix/conda-meta"
"{python}" -m venv --without-pip "$prefix" || exit
for packages in "$prefix"/lib/python*/site-packages; do echo "{pip}" > "$packages/pip.pth"; done
"""


def add_conda(
    home: Path, kind: str = "conda", create: str = ":", info: str = ""
) -> Path:
    """A program that takes conda's arguments; returns the folder that it is in."""
    info = info or f'{{"envs_dirs": ["/dev/null/envs", "{home}/forge/envs"]}}'
    # The running pip serves: unpacking one for each environment takes seconds.
    pips = Path(pip.__file__).parent.parent
    text = FAKE_CONDA.format(python=sys.executable, pip=pips, create=create, info=info)
    return program(home / "forge/bin" / kind, text).parent


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "a home").mkdir()
    return tmp_path / "a home"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return wheel(tmp_path / "dist")


def desk(home: Path, *path: Path, **environ: str) -> Machine:
    return machine_at(home, *path, PIP_NO_INDEX="1", **environ)


def refused(machine: Machine, **how: str) -> Problem:
    with pytest.raises(KitError) as caught:
        plan_install(machine, **how)
    return caught.value.problem


def failed(machine: Machine, plan: Plan) -> Problem:
    with pytest.raises(KitError) as caught:
        install(machine, plan, lambda text: None)
    return caught.value.problem


def everything(home: Path) -> set[str]:
    """All that is in the home, but for the kit's own state."""
    return {
        str(path)
        for path in home.rglob("*")
        if "state" not in path.parts and path.name != ".local"
    }


TAKEN = [
    (DEFAULT_SOURCE, DEFAULT_SOURCE),
    ("https://host/o.whl", "https://host/o.whl"),
    (" https://host:8443/a/b.git@v1#egg=x ", "git+https://host:8443/a/b.git@v1#egg=x"),
    ("git+ssh://git@github.com/a/b.git", "git+ssh://git@github.com/a/b.git"),
    ("ssh://git@github.com/a/b.git", "git+ssh://git@github.com/a/b.git"),
    ("git+file:///src/r", "git+file:///src/r"),
    ("{home}", "{home}"),
    ("~/../a home", "{home}"),
]
REFUSED = [
    *("", "  ", "--index-url=x", "-e .", "a\nb", "ocarina", "Ocarina==1.1.14", "ocarina2"),
    *("http://host/o.whl", "git+http://host/r", "git://host/r", "http://localhost/o.whl", "ftp://host/o.whl"),
    *("svn+https://host/r", "https:///o.whl", "https://[host/o.whl", "file://host/o.whl", "https://host/o .whl"),
    *("git+https://hush@host/r.git", "https://me:hush@host/o.whl", "https://host/o.whl?key=hush"),
    *("git+ssh://me:hush@host/r.git", "x @ git+https://hush@host/r.git", "ocarina @ https://host/o.whl"),
    *("https://host/o.whl ; python_version > '3'", "./o.whl;os_name=='posix'", "https://host/o.whl;x"),
]  # fmt: skip


def test_sources(home: Path) -> None:
    for given, taken in TAKEN:
        assert parse_source(desk(home), given.format(home=home)) == taken.format(
            home=home
        )
    for given in REFUSED:
        error = refused(desk(home), source=given)
        assert (error.exit, "hush" in f"{error.text}{error.why}{error.remedy}") == (
            Exit.USAGE,
            False,
        ), given
    gone = refused(desk(home), source="/gone/o.whl")
    assert (gone.id, gone.exit) == ("INS003", Exit.PROBLEM)


KITS, FORGE = "{home}/.local/share/ocarina-kit/envs/ocarina", "{home}/forge/envs/covid"
CONDAS = [
    # what conda says of itself, or what else is asked for; where the environment goes, and how it is activated
    ("conda", "not json", {}, KITS, ". '{it}/bin/activate'"),
    ("conda", "[]", {}, KITS, ". '{it}/bin/activate'"),
    ("conda", "{{}}", {}, KITS, "conda activate '{it}'"),
    ("conda", '{{"envs_dirs": ["{home}/e"]}}', {"prefix": "~/x"}, "{home}/x", "conda activate '{it}'"),
    ("mamba", "", {"name": "covid"}, FORGE, "mamba activate covid"),
    ("micromamba", '{{"envs directories": ["{home}/e"]}}', {}, "{home}/e/ocarina", "micromamba activate ocarina"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "info", "how", "prefix", "activate"), CONDAS)
def test_where_conda_has_its_environments(
    home: Path, kind: str, info: str, how: dict[str, str], prefix: str, activate: str
) -> None:
    plan = plan_install(
        desk(home, add_conda(home, kind, info=info.format(home=home))), **how
    )
    assert str(plan.prefix) == prefix.format(home=home)
    assert plan.activate == activate.format(it=plan.prefix)
    made = [
        f"{home}/forge/bin/{kind}",
        "create",
        "--yes",
        "--quiet",
        "--prefix",
        str(plan.prefix),
    ]
    channel = ["--channel", "conda-forge"] if kind == "micromamba" else []
    assert activate[0] == "." or list(plan.steps[0][1]) == [
        *made,
        *channel,
        "python=3.12",
        "pip",
    ]


def test_a_conda_environment(home: Path, source: Path) -> None:
    machine = desk(home, add_conda(home), CONDA_EXE="/gone/conda")
    plan = plan_install(machine, source=str(source), name="covid")
    assert (
        install(machine, plan, lambda text: None).path
        == f"{home}/forge/envs/covid/bin/ocarina"
    )
    again = plan_install(machine, name="covid")
    assert (again.already is None, again.prefix, again.activate) == (
        False,
        plan.prefix,
        plan.activate,
    )
    assert again.activate == "conda activate covid"


def test_git_comes_with_conda_or_must_exist(home: Path) -> None:
    conda = add_conda(home)
    with_conda = plan_install(desk(home, PATH="/nowhere", CONDA_EXE=f"{conda}/conda"))
    assert with_conda.steps[0][1][-1] == "git"
    assert refused(desk(home, PATH="/nowhere")).id == "INS002"


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ("fatal: unable to access: Could not resolve host: github.com", "has a proxy"),
        ("SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", "CA bundle"),
        ("OSError: Tunnel connection failed: 403 Forbidden", "proxy did not let"),
        ("ensurepip is not available", "install python3-venv"),
        ("OSError: [Errno 28] No space left on device", "no space left"),
        ("ERROR: something new", "Fix what these lines say"),
    ],
)
def test_the_installers_last_lines_are_said_once_with_their_meaning(
    home: Path, words: str, meaning: str
) -> None:
    pip = f"echo '{words}' >&2; echo '  {words}'; exit 1"
    python = program(
        home / "forge/bin/conda",
        f'#!/bin/sh\n[ $1 = info ] && exec echo \'{{"envs_dirs": ["{home}/envs"]}}\'\n{pip}\n',
    )
    machine = desk(home, CONDA_EXE=str(python))
    error = failed(machine, plan_install(machine))
    assert (error.id, error.why.count(words)) == ("INS003", 1)
    assert meaning in error.remedy.text


def test_names_that_are_refused(home: Path) -> None:
    for name in ("base", "a/b", "a b", "-x", ".x", "a:b", "ü", "a\n", ""):
        assert refused(desk(home), name=name).exit == Exit.USAGE


def test_a_folder_that_exists_is_never_touched(home: Path) -> None:
    path = client(home / "forge/envs/mine", "0.36.1")
    for how in ({"name": "mine"}, {"prefix": "~/forge/envs/mine"}):
        error = refused(desk(home, add_conda(home)), **how)
        assert (error.id, "mine-2" in error.remedy.commands[0]) == ("INS001", True)
        assert "ocarina 0.36.1" in error.why
    assert path.exists()


def test_the_guides_old_environment_is_left_and_a_new_name_taken(home: Path) -> None:
    both = f'{{"envs_dirs": ["{home}/new", "{home}/forge/envs"]}}'
    machine = desk(home, add_conda(home, info=both))
    client(home / "forge/envs/ocarina", "0.36.1")
    (home / "new/ocarina-2").mkdir(parents=True)  # it is empty
    assert plan_install(machine).prefix == home / "new/ocarina-2"
    # Of two folders the one that has it counts: conda activates that.
    client(home / "forge/envs/ocarina-2")
    (home / "new/ocarina-2").rmdir()
    found = plan_install(machine)
    assert (found.already is None, str(found.prefix)) == (
        False,
        f"{home}/forge/envs/ocarina-2",
    )


def test_what_happens_between_plan_and_work(home: Path, source: Path) -> None:
    machine = desk(home)
    plan = plan_install(machine, source=str(source))
    machine.state.mkdir(parents=True)
    with hold(machine, machine.state / "install-client"):
        assert (failed(machine, plan).id, plan.prefix.exists()) == ("LCK002", False)
    thesis = program(plan.prefix / "thesis.txt", "years of work")
    assert (failed(machine, plan).id, thesis.exists()) == ("INS001", True)


def test_a_command_that_exists_is_not_replaced(home: Path) -> None:
    program(home / ".local/bin/ocarina", "mine")
    assert plan_install(desk(home)).link is None


def test_nothing_is_left_of_a_failure(home: Path, tmp_path: Path) -> None:
    machine, old = desk(home, add_conda(home)), wheel(tmp_path / "old", "0.43.9")
    (home / "empty").mkdir()  # it is taken, and stays
    before = everything(home)
    error = failed(
        machine, plan_install(machine, source=str(old), prefix=str(home / "empty"))
    )
    assert (error.id, bool(error.why), bool(error.remedy.text)) == (
        "ENV004",
        True,
        True,
    )
    assert everything(home) == before


def test_the_last_lines_of_the_installer_are_shown_masked(
    home: Path, source: Path
) -> None:
    said = "CondaHTTPError: no route to https://me:hush-hush@host/"
    machine = desk(
        home,
        add_conda(
            home, create=f'mkdir -p "$prefix/conda-meta"; echo "{said}" >&2; exit 1'
        ),
    )
    before = everything(home)
    error = failed(
        machine, plan_install(machine, source=str(source), prefix=str(home / "deep/er"))
    )
    assert (error.id, "CondaHTTPError: no route" in error.why) == ("INS003", True)
    assert "hush-hush" not in error.why
    assert everything(home) == before


def test_nothing_is_left_of_an_interruption(home: Path, source: Path) -> None:
    half = home / "forge/envs/ocarina/conda-meta"
    environ = desk(
        home, add_conda(home, create='mkdir -p "$prefix/conda-meta"; sleep 300')
    ).environ
    before = everything(home)
    argv = [
        sys.executable,
        "-m",
        "ocarina_kit",
        "install-client",
        "--yes",
        "--source",
        str(source),
    ]
    with subprocess.Popen(
        argv, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        until(
            lambda: half.exists() or process.poll() is not None, "half an environment"
        )
        process.send_signal(signal.SIGHUP)
        assert process.wait(60) == 130
    assert everything(home) == before
