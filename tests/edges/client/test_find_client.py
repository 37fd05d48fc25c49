"""Finding clients: real scripts on real interpreters, in throwaway homes."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ocarina_kit.core.client.resolution import Place, Resolution, State
from ocarina_kit.core.client.scopes import BY_NAME, PURPOSES, example, resolve
from ocarina_kit.edges.client.find_client import examine, find_client, read_scope_table
from ocarina_kit.edges.process import run
from ocarina_kit.edges.system import System

PYTHON_DIR = f"python{sys.version_info.major}.{sys.version_info.minor}"


def make_environment(prefix: Path, package: Mapping[str, str] | None) -> Path:
    """A virtual environment whose site-packages hold an ``ocarina`` of the given modules; returns the prefix."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", prefix], check=True)
    if package is not None:
        folder = prefix / "lib" / PYTHON_DIR / "site-packages" / "ocarina"
        folder.mkdir()
        for name, text in {"__init__.py": "", **package}.items():
            (folder / name).write_text(text)
    return prefix


def majora_package(version: str) -> dict[str, str]:
    return {
        "client.py": f"""
import sys
ENDPOINTS = {{
    "api.artifact.biosample.get": {{"endpoint": "/x/", "scope": "majora2.view_biosampleartifact"}},
    "api.pag.qc.get": "/y/",
}}
def cli():
    if sys.argv[1:] == ["-v"]:
        print("ocarina v{version}")
        sys.exit(0)
    sys.exit(64)
"""
    }


SCRIPT = "import sys\nfrom ocarina.client import cli\nsys.exit(cli())\n"


def write_program(path: Path, text: str, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def make_client(prefix: Path, version: str = "1.0.0") -> Path:
    """A Majora client in an environment of its own; returns its script, which starts as pip would write it."""
    make_environment(prefix, majora_package(version))
    python = f"{prefix}/bin/python"
    first = f"#!{python}\n"
    if " " in python or len(python) > 120:
        first = f"#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n"
    return write_program(prefix / "bin" / "ocarina", first + SCRIPT)


@dataclass
class Machine:
    """A throwaway home and an environment to look at it from."""

    home: Path
    path: list[Path] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def system(self) -> System:
        path = os.pathsep.join(map(str, [*self.path, "/usr/bin", "/bin"]))
        return System(
            environ={"PATH": path, "HOME": str(self.home), **self.environ},
            home=self.home,
            user="tester",
            host="here",
            run=run,
        )

    def find(
        self, option: str | None = None, *, stop_at_first: bool = False, timeout: float = 20.0
    ) -> Resolution:
        return find_client(
            self.system,
            option,
            stop_at_first=stop_at_first,
            timeout=timeout,
            kit_prefix=str(self.home / "kit"),
            cron_path=str(self.home / "cron-bin"),
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    home = tmp_path / "home"
    home.mkdir()
    return Machine(home)


def only(resolution: Resolution) -> State:
    (candidate,) = resolution.candidates
    return candidate.state


# --- places ----------------------------------------------------------------------------------------------


def test_nothing_anywhere_says_where_it_looked(machine: Machine) -> None:
    resolution = machine.find()
    assert resolution.chosen is None
    assert resolution.candidates == ()
    looked = "\n".join(resolution.looked)
    for place in ("active environment", "PATH", "conda environments", "pipx", "uv", "~/.local/bin"):
        assert place in looked


def test_every_place_is_found_and_named(machine: Machine) -> None:
    home = machine.home
    conda = home / "miniconda"
    places = {
        Place.ACTIVE: home / "venv",
        Place.PATH: home / "onpath",
        Place.CONDA: conda / "envs" / "covid",
        Place.PIPX: home / ".local/share/pipx/venvs/ocarina",
        Place.UV_TOOL: home / ".local/share/uv/tools/ocarina",
        Place.USER_BIN: home / ".local",
        Place.KIT: home / ".local/share/ocarina-kit/envs/ocarina",
        Place.BESIDE_KIT: home / "kit",
    }
    for prefix in places.values():
        make_client(prefix)
    cron = write_program(home / "cron-bin/ocarina", f'#!/bin/sh\nexec {home}/onpath/bin/ocarina "$@"\n')
    machine.path = [home / "onpath/bin"]
    machine.environ = {"VIRTUAL_ENV": str(home / "venv"), "CONDA_EXE": str(conda / "bin/conda")}
    resolution = machine.find()
    found = {c.place: c.path for c in resolution.candidates}
    assert found == {place: f"{prefix}/bin/ocarina" for place, prefix in places.items()} | {
        Place.CRON_PATH: str(cron)
    }
    assert [c.place for c in resolution.candidates] == [*places, Place.CRON_PATH]
    assert all(c.works and c.stands_on for c in resolution.candidates)
    assert resolution.chosen is resolution.candidates[0]
    assert resolution.shell is resolution.candidates[1]
    assert resolution.cron is resolution.candidates[-1]
    conda_one = resolution.candidates[2]
    assert conda_one.where == "the conda environment covid"


@pytest.mark.parametrize(
    "how", ["environments.txt", "CONDA_EXE", "MAMBA_ROOT_PREFIX", "conda on PATH", "base"]
)
def test_conda_environments(machine: Machine, how: str) -> None:
    root = machine.home / "forge"
    prefix = root if how == "base" else root / "envs" / "covid"
    client = make_client(prefix)
    if how == "environments.txt":
        listed = machine.home / ".conda" / "environments.txt"
        listed.parent.mkdir()
        listed.write_text(f"/gone/envs/x\n\n{prefix}\n")
    elif how == "MAMBA_ROOT_PREFIX":
        machine.environ["MAMBA_ROOT_PREFIX"] = str(root)
    elif how == "conda on PATH":
        write_program(root / "condabin" / "conda", "#!/bin/sh\n")
        machine.path = [root / "condabin"]
    else:
        machine.environ["CONDA_EXE"] = str(root / "bin" / "conda")
    chosen = machine.find().chosen
    assert chosen is not None
    assert (chosen.path, chosen.place) == (str(client), Place.CONDA)
    assert chosen.where == f"the conda environment {'base' if how == 'base' else 'covid'}"


@pytest.mark.parametrize("loose", ["the program", "its folder", "the environment", "the folder above"])
def test_what_everybody_could_have_put_there_is_not_run_unasked(machine: Machine, loose: str) -> None:
    prefix = machine.home / "shared" / "covid"
    ran = machine.home / "ran"
    client = write_program(prefix / "bin" / "ocarina", f"#!/bin/sh\ntouch {ran}\n")
    folders = {"the program": client, "its folder": client.parent, "the environment": prefix}
    folders.get(loose, prefix.parent).chmod(0o777)
    listed = machine.home / ".conda" / "environments.txt"
    listed.parent.mkdir()
    listed.write_text(f"{prefix}\n")
    (found,) = machine.find().candidates
    assert found.state is State.NOT_EXECUTABLE
    assert found.detail.startswith("everybody on this machine can write ")
    assert not ran.exists()
    machine.find(str(client))
    assert ran.exists()


def test_the_newest_of_several_conda_environments(machine: Machine) -> None:
    root = machine.home / "forge"
    make_client(root / "envs" / "a-old", "0.36.1")
    new = make_client(root / "envs" / "b-new", "1.0.0")
    machine.environ["MAMBA_ROOT_PREFIX"] = str(root)
    for stop in (True, False):
        chosen = machine.find(stop_at_first=stop).chosen
        assert chosen is not None
        assert chosen.path == str(new)


def test_an_active_conda_environment_goes_by_its_name(machine: Machine) -> None:
    client = make_client(machine.home / "forge/envs/covid")
    machine.path = [client.parent]
    machine.environ = {"CONDA_PREFIX": str(client.parent.parent), "CONDA_DEFAULT_ENV": "covid"}
    resolution = machine.find()
    assert len(resolution.candidates) == 1
    assert resolution.why == "It is in the active environment covid."
    assert resolution.shell is resolution.chosen


def test_a_link_is_kept_and_its_file_counted_once(machine: Machine) -> None:
    target = make_client(machine.home / ".local/share/pipx/venvs/ocarina")
    link = machine.home / ".local/bin/ocarina"
    link.parent.mkdir(parents=True)
    link.symlink_to(target)
    machine.path = [link.parent]
    resolution = machine.find()
    (one,) = resolution.candidates
    assert (one.path, one.real_path, one.also) == (str(link), os.path.realpath(target), (str(target),))


@pytest.mark.parametrize("entry", ["", ".", "bin", "./bin"])
def test_nothing_is_run_from_the_current_folder(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    for folder in (machine.home, machine.home / "bin"):
        write_program(folder / "ocarina", f"#!/bin/sh\ntouch {machine.home}/ran\n")
    monkeypatch.chdir(machine.home)
    system = machine.system
    system = System(
        environ={"PATH": f"{entry}:/usr/bin"}, home=machine.home / "x", user="u", host="h", run=system.run
    )
    assert find_client(system, kit_prefix="/nowhere").candidates == ()
    assert not (machine.home / "ran").exists()


# --- what a program is -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["with a blank", "ünïcødé", "x" * 140, "quote'\"d"])
def test_odd_paths(machine: Machine, name: str) -> None:
    if "quote" in name:
        client = make_client(machine.home / "plain")
        odd = write_program(machine.home / name / "ocarina", f'#!/bin/sh\nexec {client} "$@"\n')
        machine.path = [odd.parent]
    else:
        machine.path = [make_client(machine.home / name).parent]
    chosen = machine.find().chosen
    assert chosen is not None
    assert chosen.path == str(machine.path[0] / "ocarina")
    assert chosen.stands_on
    table = read_scope_table(machine.system, chosen)
    assert table == {"api.artifact.biosample.get": "majora2.view_biosampleartifact", "api.pag.qc.get": None}


def test_an_interpreter_that_is_gone(machine: Machine) -> None:
    client = make_client(machine.home / "env")
    for python in (machine.home / "env/bin").glob("python*"):
        python.unlink()
    machine.path = [client.parent]
    (dead,) = machine.find().candidates
    assert dead.state is State.DEAD
    assert dead.detail == f"{machine.home}/env/bin/python is gone"


def test_a_virtual_environment_whose_base_python_is_gone(machine: Machine) -> None:
    client = make_client(machine.home / "env")
    python = machine.home / "env/bin/python"
    python.unlink()
    python.symlink_to("/gone/python3")
    machine.path = [client.parent]
    (dead,) = machine.find().candidates
    assert (dead.state, dead.detail) == (State.DEAD, f"{python} is gone")


def test_env_that_finds_no_python(machine: Machine) -> None:
    machine.path = [write_program(machine.home / "p/ocarina", "#!/usr/bin/env python9.9\n").parent]
    (dead,) = machine.find().candidates
    assert dead.state is State.DEAD
    assert "python9.9" in dead.detail


def test_a_link_that_leads_nowhere(machine: Machine) -> None:
    folder = machine.home / "p"
    folder.mkdir()
    (folder / "ocarina").symlink_to("/gone/ocarina")
    machine.path = [folder]
    resolution = machine.find()
    assert only(resolution) is State.DEAD
    assert resolution.shell is None


def test_an_import_error(machine: Machine) -> None:
    client = make_client(machine.home / "env")
    module = next((machine.home / "env").glob("lib/*/site-packages/ocarina/client.py"))
    module.write_text("import ffurf\n" + module.read_text())
    machine.path = [client.parent]
    (broken,) = machine.find().candidates
    assert broken.state is State.IMPORT_ERROR
    assert "No module named 'ffurf'" in broken.detail


def test_no_run_bit(machine: Machine) -> None:
    client = make_client(machine.home / "env")
    client.chmod(0o644)
    machine.path = [client.parent]
    (broken,) = machine.find().candidates
    assert (broken.state, broken.detail) == (State.NOT_EXECUTABLE, "no run bit")


def test_one_that_hangs_costs_the_time_limit_and_no_more(machine: Machine) -> None:
    machine.path = [machine.home / str(number) for number in range(4)]
    for folder in machine.path:
        write_program(folder / "ocarina", "#!/bin/sh\n# a different file each\nexec sleep 30\n")
    started = time.monotonic()
    resolution = machine.find(timeout=1.0)
    assert time.monotonic() - started < 3.0
    assert {c.state for c in resolution.candidates} == {State.TIMED_OUT}
    assert len(resolution.candidates) == 4


@pytest.mark.parametrize(
    ("script", "state"),
    [
        ("print('ocarina 1.1.14')", State.UNRELATED),
        # Saying what the Majora client says does not make it one.
        ("print('ocarina v1.1.14')", State.UNRELATED),
        ("import sys; sys.exit('usage: ocarina [--igor]')", State.UNRELATED),
    ],
)
def test_the_unrelated_package(machine: Machine, script: str, state: State) -> None:
    prefix = make_environment(machine.home / "env", {"railway.py": ""})
    write_program(prefix / "bin/ocarina", f"#!{prefix}/bin/python\n{script}\n")
    machine.path = [prefix / "bin"]
    assert only(machine.find()) is state


def test_the_unrelated_package_without_a_command_is_remarked(machine: Machine) -> None:
    prefix = make_environment(machine.home / "env", {"railway.py": ""})
    machine.environ["VIRTUAL_ENV"] = str(prefix)
    resolution = machine.find()
    assert resolution.candidates == ()
    assert "unrelated PyPI package" in "".join(resolution.remarks)


def test_another_program(machine: Machine) -> None:
    machine.path = [write_program(machine.home / "p/ocarina", "#!/bin/sh\necho Ocarina of Time\n").parent]
    resolution = machine.find()
    assert only(resolution) is State.OTHER
    assert "Ocarina of Time" in resolution.why


def test_a_program_that_passes_over_an_unrelated_one(machine: Machine) -> None:
    other = write_program(machine.home / "p/ocarina", "#!/bin/sh\necho hello\n")
    good = make_client(machine.home / "forge/envs/covid")
    machine.path = [other.parent]
    machine.environ["CONDA_EXE"] = str(machine.home / "forge/bin/conda")
    resolution = machine.find()
    assert resolution.chosen is not None
    assert resolution.chosen.path == str(good)
    assert str(other) in resolution.why
    assert resolution.shell is not None
    assert resolution.shell.state is State.OTHER


# --- wrappers, shims and what stands on ------------------------------------------------------------------


def test_a_conda_run_wrapper_does_not_stand_on_but_the_environment_behind_it_does(machine: Machine) -> None:
    root = machine.home / "forge"
    client = make_client(root / "envs/covid")
    write_program(root / "condabin/conda", f'#!/bin/sh\nshift 3\nshift\nexec {client} "$@"\n')
    wrapper = write_program(machine.home / "w/ocarina", '#!/bin/sh\nexec conda run -n covid ocarina "$@"\n')
    machine.path = [wrapper.parent, root / "condabin"]
    resolution = machine.find()
    first, second = resolution.candidates
    assert (first.path, first.works, first.stands_on) == (str(wrapper), True, False)
    assert first.interpreter == str(root / "envs/covid/bin/python")
    assert resolution.chosen is second
    assert second.path == str(client)
    assert "also runs under cron" in resolution.why


def test_a_wrapper_with_no_first_line_and_one_behind_another(machine: Machine) -> None:
    client = make_client(machine.home / "env")
    inner = write_program(machine.home / "a/ocarina", f'#!/bin/sh\nexec {client} "$@"\n')
    outer = write_program(machine.home / "b/ocarina", f'exec {inner} "$@"\n')
    machine.path = [outer.parent]
    chosen = machine.find().chosen
    assert chosen is not None
    assert (chosen.path, chosen.interpreter) == (str(outer), f"{machine.home}/env/bin/python")
    assert read_scope_table(machine.system, chosen) is not None


def test_a_wrapper_that_starts_itself_ends(machine: Machine) -> None:
    loop = machine.home / "p/ocarina"
    write_program(loop, f'#!/bin/sh\n[ -n "$SEEN" ] && exit 3\nSEEN=1 exec {loop} "$@"\n')
    machine.path = [loop.parent]
    assert only(machine.find()) is State.OTHER


def test_what_is_behind_a_pyenv_shim_is_used(machine: Machine) -> None:
    root = machine.home / ".pyenv"
    client = make_client(root / "versions/3.10.13")
    shim = write_program(root / "shims/ocarina", f'#!/bin/sh\nexec {client} "$@"\n')
    write_program(root / "bin/pyenv", f'#!/bin/sh\n[ "$1 $2" = "which ocarina" ] && echo {client}\n')
    machine.path = [shim.parent]
    resolution = machine.find()
    (one,) = resolution.candidates
    assert (one.path, one.stands_on, one.also) == (str(client), True, (str(shim),))
    assert resolution.shell is one


def test_a_shim_that_cannot_be_followed_does_not_stand_on(machine: Machine) -> None:
    client = make_client(machine.home / "env")
    machine.path = [
        write_program(machine.home / "x/shims/ocarina", f'#!/bin/sh\nexec {client} "$@"\n').parent
    ]
    chosen = machine.find().chosen
    assert chosen is not None
    assert not chosen.stands_on


def test_a_module_system_s_client_that_needs_this_shell(machine: Machine) -> None:
    client = make_client(machine.home / "env")
    text = f'#!/bin/sh\n[ -n "$LMOD_DIR" ] || exit 1\nexec {client} "$@"\n'
    machine.path = [write_program(machine.home / "modules/ocarina/1.0.0/bin/ocarina", text).parent]
    machine.environ["LMOD_DIR"] = "/lmod"
    resolution = machine.find()
    assert resolution.chosen is not None
    assert not resolution.chosen.stands_on
    assert "not in cron's" in resolution.why


def test_no_secret_of_this_shell_reaches_the_program(machine: Machine) -> None:
    text = f"#!/bin/sh\nenv >> {machine.home}/seen\nexit 1\n"
    machine.path = [write_program(machine.home / "p/ocarina", text).parent]
    names = ("CLIENT_SECRET", "MAJORA_TOKEN", "MAJORA_CLIENT_SECRET")
    machine.environ |= dict.fromkeys(names, "hush-hush")
    machine.environ["HARMLESS"] = "seen"
    machine.find()
    seen = (machine.home / "seen").read_text()
    assert "HARMLESS=seen" in seen
    assert "hush-hush" not in seen


# --- --ocarina -------------------------------------------------------------------------------------------


def test_the_option_names_a_file_an_environment_or_a_command(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make_client(machine.home / "env")
    on_path = make_client(machine.home / "other")
    machine.path = [on_path.parent]
    monkeypatch.chdir(machine.home)
    for option in (str(client), "~/env/bin/ocarina", "env/bin/ocarina", str(machine.home / "env"), "~/env"):
        resolution = machine.find(option)
        assert resolution.chosen is not None, option
        assert resolution.chosen.path == str(client)
        assert resolution.why == "It was named with --ocarina."
    named = machine.find("ocarina", stop_at_first=True)
    assert named.chosen is not None
    assert named.chosen.path == str(on_path)


def test_an_option_that_is_wrong_is_not_replaced(machine: Machine) -> None:
    machine.path = [make_client(machine.home / "env").parent]
    other = write_program(machine.home / "other", "#!/bin/sh\necho no\n")
    for option, state in (("/gone/ocarina", State.MISSING), (str(other), State.OTHER)):
        resolution = machine.find(option)
        assert resolution.chosen is None
        assert resolution.candidates[0].state is state
        assert option in resolution.why


# --- speed, and the rest ---------------------------------------------------------------------------------


def test_stopping_at_the_first_runs_no_later_place(machine: Machine) -> None:
    first = make_client(machine.home / "env")
    write_program(machine.home / ".local/bin/ocarina", f"#!/bin/sh\ntouch {machine.home}/ran\n")
    machine.path = [first.parent]
    resolution = machine.find(stop_at_first=True)
    assert resolution.chosen is not None
    assert not resolution.complete
    assert not (machine.home / "ran").exists()
    assert machine.find().complete
    assert (machine.home / "ran").exists()


def test_looking_writes_nothing(machine: Machine) -> None:
    machine.path = [make_client(machine.home / "env").parent]
    before = sorted(machine.home.rglob("*"))
    chosen = machine.find().chosen
    assert chosen is not None
    read_scope_table(machine.system, chosen)
    assert sorted(machine.home.rglob("*")) == before


def test_examine_one_program(machine: Machine) -> None:
    client = make_client(machine.home / "env", "0.36.1")
    found = examine(machine.system, client, "the crontab entry")
    assert (found.works, str(found.version), found.where) == (True, "0.36.1", "the crontab entry")
    assert examine(machine.system, Path("/gone"), "x").state is State.MISSING


@pytest.mark.parametrize(
    "body", ["raise SystemExit(3)", "import time; time.sleep(30)", "ENDPOINTS = 7", "x ="]
)
def test_a_table_that_cannot_be_read(machine: Machine, body: str) -> None:
    machine.path = [make_client(machine.home / "env").parent]
    chosen = machine.find().chosen
    assert chosen is not None
    next((machine.home / "env").glob("lib/*/site-packages/ocarina/client.py")).write_text(body + "\n")
    assert read_scope_table(machine.system, chosen, timeout=1.0) is None


def test_the_table_is_not_read_from_a_folder_of_that_name(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.path = [make_client(machine.home / "env").parent]
    trap = machine.home / "ocarina"
    trap.mkdir()
    for name in ("__init__.py", "client.py"):
        (trap / name).write_text("ENDPOINTS = {'api.pag.qc.get': {'scope': 'trap'}}\n")
    monkeypatch.chdir(machine.home)
    chosen = machine.find().chosen
    assert chosen is not None
    assert "trap" not in (read_scope_table(machine.system, chosen) or {}).values()


# --- the real client -------------------------------------------------------------------------------------


@pytest.mark.real_client
def test_the_real_client(machine: Machine) -> None:
    real = os.environ.get("OCARINA_KIT_REAL_CLIENT")
    if not real:
        pytest.skip("OCARINA_KIT_REAL_CLIENT names no real ocarina")
    resolution = machine.find(real)
    assert resolution.chosen is not None, resolution.why
    version = resolution.chosen.version
    assert version is not None
    table = read_scope_table(machine.system, resolution.chosen)
    assert table is not None
    if version.numbers >= (1, 0, 0):
        # The carried strings are this client's, to the letter.
        carried = [(r.scope, r.purposes) for r in resolve(BY_NAME)]
        assert [(r.scope, r.purposes) for r in resolve(BY_NAME, table)] == carried
    for purpose in PURPOSES:
        command = example(purpose, program=resolution.chosen.path, table=table)
        if command is None:
            continue
        done = subprocess.run(
            shlex.split(command), env={"HOME": str(machine.home)}, capture_output=True, text=True, check=False
        )
        # Its parser takes the command (argparse ends with 2); it then misses its configuration.
        assert done.returncode != 2, done.stderr
        assert done.returncode == 78 or ".ocarina" in done.stderr + done.stdout, done
