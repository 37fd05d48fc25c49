"""Finding clients: real scripts on real interpreters, in throwaway homes."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.client.stub import PACKAGES, client, environment, machine_at, program

from ocarina_kit.client.find import (
    Candidate,
    Clients,
    examine,
    find_clients,
    judge,
    parse_table,
    parse_version,
    read_table,
    version_text,
)
from ocarina_kit.client.launch import Launch, read_launch
from ocarina_kit.client.scopes import NAMES, PURPOSES, example, requests_for
from ocarina_kit.config.place import Place
from ocarina_kit.system.machine import Completed


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def find(home: Path, *path: Path, named: str | None = None, first: bool = False, **environ: str) -> Clients:
    return find_clients(machine_at(home, *path, **environ), named, first=first, timeout=30.0)


def chosen(found: Clients) -> Candidate:
    assert found.chosen is not None, found.why
    return found.chosen


def list_conda(home: Path, *prefixes: Path) -> None:
    program(home / ".conda/environments.txt", "/gone/envs/x\n\n" + "".join(f"{each}\n" for each in prefixes))


# --- places ----------------------------------------------------------------------------------------------


def test_nothing_anywhere_says_where_it_looked(home: Path) -> None:
    found = find(home)
    assert (found.chosen, found.typed, found.all, found.why) == (None, None, (), "No ocarina was found.")
    looked = "\n".join(found.looked_in)
    places = "active environment,PATH,conda environments,pipx,uv,~/.local/bin,install-client"
    assert [place for place in places.split(",") if place not in looked] == []


def test_every_place_is_found_and_named_in_order(home: Path) -> None:
    places = {
        "the active environment": home / "venv",
        "on PATH": home / "onpath",
        "the conda environment covid": home / "miniconda/envs/covid",
        "pipx's": home / ".local/share/pipx/venvs/ocarina",
        "uv's": home / ".local/share/uv/tools/ocarina",
        "~/.local/bin": home / ".local",
        "install-client": home / ".local/share/ocarina-kit/envs/ocarina",
        "pyenv": home / ".pyenv/versions/3.10.13",
    }
    for prefix in places.values():
        client(prefix)
    environ = {"VIRTUAL_ENV": str(home / "venv"), "CONDA_EXE": str(home / "miniconda/bin/conda")}
    found = find(home, home / "onpath/bin", **environ)
    assert [each.path for each in found.all] == [f"{prefix}/bin/ocarina" for prefix in places.values()]
    for each, words in zip(found.all, places, strict=True):
        assert words in each.source
        assert each.works
        assert each.under_cron
    assert found.chosen is found.all[0]
    assert found.shell is found.typed is found.all[1]
    assert found.cron is None
    one = examine(machine_at(home), found.all[1].path, "the crontab", timeout=30.0)
    assert (one.described, one.source, one.version) == ("ocarina 1.0.0", "the crontab", (1, 0, 0))
    assert examine(machine_at(home), "/gone").state == "missing"


CONDAS: list[tuple[str, dict[str, str]]] = [
    # where the environment is, and what leads to it
    ("envs/covid", {"CONDA_EXE": "{root}/bin/conda"}),
    ("envs/covid", {"MAMBA_ROOT_PREFIX": "{root}"}),
    ("envs/covid", {"PATH": "{root}/condabin"}),
    ("envs/covid", {}),
    (".", {"CONDA_EXE": "{root}/bin/conda"}),
]


@pytest.mark.parametrize(("folder", "environ"), CONDAS)
def test_conda_environments(home: Path, folder: str, environ: dict[str, str]) -> None:
    root = home / "forge"
    (root / "envs").mkdir(parents=True)
    path = client(root / folder)
    program(root / "condabin" / "conda", "#!/bin/sh\n")
    if not environ:
        list_conda(home, root / folder)
    one = chosen(find(home, **{name: value.format(root=root) for name, value in environ.items()}))
    words = "covid" if "covid" in folder else "base"
    assert (one.path, one.source) == (str(path), f"the conda environment {words}")


def test_the_newest_of_several_conda_environments(home: Path) -> None:
    client(home / "forge/envs/a-old", "0.36.1")
    new = client(home / "forge/envs/b-new", "0.49.0")
    client(home / "forge/envs/c-old", "0.9.0")
    for first in (True, False):
        found = find(home, first=first, MAMBA_ROOT_PREFIX=str(home / "forge"))
        assert chosen(found).path == str(new)


def test_one_file_is_counted_once_and_its_link_is_kept(home: Path) -> None:
    target = client(home / ".local/share/pipx/venvs/ocarina")
    link = home / ".local/bin/ocarina"
    link.parent.mkdir(parents=True)
    link.symlink_to(target)
    found = find(home, link.parent)
    (one,) = found.all
    assert (one.path, one.real) == (str(link), os.path.realpath(target))
    assert found.shell is found.usable is one
    assert found.program == "ocarina"


@pytest.mark.parametrize("entry", ["", ".", "bin", "./bin"])
def test_nothing_is_run_from_the_current_folder(
    home: Path, monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    for folder in (home, home / "bin"):
        program(folder / "ocarina", f"#!/bin/sh\ntouch {home}/ran\n")
    monkeypatch.chdir(home)
    assert find(home / "x", PATH=f"{entry}:/usr/bin").all == ()
    assert not (home / "ran").exists()


def test_the_search_can_end_at_the_first_that_works(home: Path) -> None:
    first = client(home / "env")
    program(home / ".local/bin/ocarina", f"#!/bin/sh\ntouch {home}/ran\n")
    assert chosen(find(home, first.parent, first=True)).path == str(first)
    assert not (home / "ran").exists()
    find(home, first.parent)
    assert (home / "ran").exists()


# --- what a program is -----------------------------------------------------------------------------------

TRACEBACK = "Traceback (most recent call last):\n"
IMPORT = f"{TRACEBACK}  File \"x\"\nModuleNotFoundError: No module named 'ffurf'\n"


@pytest.mark.parametrize(
    ("run", "state", "problem"),
    [
        ((0, "ocarina v1.0.0\n", ""), "works", ""),
        ((0, "a warning\nocarina v1.1.0.dev3+g12\n", ""), "works", ""),
        ((0, "", "ocarina v0.20.0\n"), "works", ""),
        ((0, "ocarina 1.1.14\n", ""), "not the client", "it says: ocarina 1.1.14"),
        ((0, "the ocarina v1.0.0\n", ""), "not the client", "another program"),
        ((0, "\x1b[31mhello\n", ""), "not the client", "it says: [31mhello"),
        ((0, "", ""), "not the client", "another program"),
        ((64, "", "unknown option -v\n"), "not the client", "unknown option -v"),
        ((0, "other 1\n", "sh: x: not found\n"), "not the client", "other 1"),
        ((1, "", IMPORT), "does not run", "No module named 'ffurf'"),
        ((1, "", "pkg_resources.DistributionNotFound: The 'ffurf' distribution\n"), "does not run", "ffurf"),
        ((1, "", f"{TRACEBACK}SyntaxError: x\n"), "does not run", "SyntaxError: x"),
        ((-11, "", ""), "does not run", "signal 11"),
        ((127, "", "env: python3.7: No such file or directory\n"), "does not run", "python3.7"),
        ((126, "", ""), "does not run", "code 126"),
        ((1, "", "Fatal Python error: init_fs_encoding\n"), "does not run", "Fatal Python error"),
        ((1, "", "x: error while loading shared libraries: libpython3\n"), "does not run", "libpython3"),
        ((None, "", "timed out"), "no answer", "in time"),
        ((None, "", "not executable"), "not executable", "may not be run"),
        ((None, "", "bad interpreter"), "does not run", "/gone/python is gone"),
        ((None, "", "Argument list too long"), "does not run", "Argument list too long"),
    ],
)
def test_what_a_run_shows(run: tuple[int | None, str, str], state: str, problem: str) -> None:
    code, output, errors = run
    done = Completed((), code, output.encode(), errors.encode(), errors if code is None else "")
    found = judge(Candidate("/x/ocarina"), done, "/gone/python")
    assert found.state == state
    assert problem in found.problem
    assert found.works == (found.version is not None)


def test_versions() -> None:
    texts = ["0.9.0", "0.36.1", "v0.44.0", "0.44.2", " 1.0.0rc1", "10.0"]
    versions = [parse_version(text) for text in texts]
    assert versions == sorted(version for version in versions if version is not None)
    assert [version_text(version) for version in versions[2:5]] == ["0.44.0", "0.44.2", "1.0.0"]
    assert (parse_version("x1"), parse_version(""), version_text(None)) == (None, None, "")


@pytest.mark.parametrize("name", ["with a blank", "ünïcødé", "x" * 140])
def test_odd_paths(home: Path, name: str) -> None:
    path = client(home / name)
    one = chosen(find(home, path.parent))
    assert (one.path, one.interpreter, one.under_cron) == (str(path), f"{home}/{name}/bin/python", True)
    assert read_table(machine_at(home), one) == {
        "api.artifact.biosample.get": "majora2.view_biosampleartifact",
        "api.pag.qc.get": None,
    }


BROKEN = [
    # how the client is broken, its state, the problem
    ("rm $PYTHON", "does not run", "its interpreter {python} is gone"),
    ("ln -sf /gone/python3 $PYTHON", "does not run", "its interpreter {python} is gone"),
    ("echo import ffurf > $MODULE", "does not run", "No module named 'ffurf'"),
    ("chmod 644 $SCRIPT", "not executable", "no x bit"),
    ("echo '#!/usr/bin/env python9.9' > $SCRIPT", "does not run", "python9.9"),
    ("ln -sf /gone/ocarina $SCRIPT", "does not run", "leads nowhere"),
    (
        "rm $MODULE; echo 'print(\"ocarina v1.1.14\")' >> $SCRIPT; sed -i 2,4d $SCRIPT",
        "not the client",
        "unrelated",
    ),
    ("echo 'echo Ocarina of Time' > $SCRIPT", "not the client", "Ocarina of Time"),
]


@pytest.mark.parametrize(("how", "state", "problem"), BROKEN)
def test_a_client_that_does_not_work_is_passed_over(home: Path, how: str, state: str, problem: str) -> None:
    path, python = client(home / "env"), home / "env/bin/python"
    module = home / "env" / PACKAGES / "ocarina/client.py"
    names = {"SCRIPT": str(path), "PYTHON": str(python), "MODULE": str(module)}
    subprocess.run(["sh", "-c", how], env={**os.environ, **names}, check=True)
    good = client(home / "forge/envs/covid")
    found = find(home, path.parent, MAMBA_ROOT_PREFIX=str(home / "forge"))
    assert found.all[0].state == state
    assert problem.format(python=python) in found.all[0].problem
    assert chosen(found).path == str(good)
    assert f"Passed over: {path}: {found.all[0].described}" in found.why
    assert (found.usable, found.program) == (found.chosen, str(good))
    # A shell goes past what it may not run.
    assert found.shell == (None if state == "not executable" or "nowhere" in problem else found.all[0])


def test_one_that_hangs_costs_its_time_limit(home: Path) -> None:
    folders = [home / str(number) for number in range(3)]
    for folder in folders:
        program(folder / "ocarina", f"#!/bin/sh\n# {folder}\nexec sleep 300\n")
    found = find_clients(machine_at(home, *folders), timeout=0.6)
    assert [each.state for each in found.all] == ["no answer"] * 3


def test_the_unrelated_package_has_no_command_and_is_remarked(home: Path) -> None:
    prefix = environment(home / "env", {"railway.py": ""})
    found = find(home, VIRTUAL_ENV=str(prefix))
    assert found.all == ()
    assert "unrelated package" in "".join(found.remarks)


# --- wrappers, shims, and what works under cron ----------------------------------------------------------


@pytest.mark.parametrize("first_line", ["#!/bin/sh\n", ""])
def test_a_wrapper_works_and_is_found_first(home: Path, first_line: str) -> None:
    path = client(home / "env")
    wrapper = program(home / "w/ocarina", f'{first_line}exec {path} "$@"\n')
    found = find(home, wrapper.parent)
    assert (chosen(found).path, chosen(found).under_cron) == (str(wrapper), True)


def test_what_needs_this_shell_is_not_for_cron(home: Path) -> None:
    path = client(home / "forge/envs/covid")
    text = f'#!/bin/sh\n[ -n "$LMOD_DIR" ] || exit 1\nexec {path} "$@"\n'
    wrapper = program(home / "modules/bin/ocarina", text)
    alone = find(home, wrapper.parent, LMOD_DIR="/lmod")
    assert (chosen(alone).path, chosen(alone).under_cron) == (str(wrapper), False)
    assert "not in cron's environment" in alone.why
    both = find(home, wrapper.parent, LMOD_DIR="/lmod", MAMBA_ROOT_PREFIX=str(home / "forge"))
    assert chosen(both).path == str(path)
    assert f"Passed over: {wrapper}: it runs in this shell, but not in cron" in both.why


@pytest.mark.parametrize("how", ["conda run", "pyenv"])
def test_what_starts_a_client_by_other_means_gives_way_to_it(home: Path, how: str) -> None:
    root = home / "forge"
    path = client(root / "envs/covid" if how == "conda run" else home / ".pyenv/versions/3.10.13")
    text = 'exec conda run -n covid ocarina "$@"' if how == "conda run" else f'exec {path} "$@"'
    program(root / "condabin/conda", f'#!/bin/sh\nshift 4\nexec {path} "$@"\n')
    shim = program(home / ".pyenv/shims/ocarina", f"#!/bin/sh\n{text}\n")
    found = find(home, shim.parent, root / "condabin")
    assert found.shell is found.all[0]
    assert (found.all[0].path, found.all[0].works, found.all[0].under_cron) == (str(shim), True, False)
    assert chosen(found).path == str(path)


def test_no_secret_of_this_shell_reaches_the_program(home: Path) -> None:
    path = program(home / "p/ocarina", f"#!/bin/sh\nenv >> {home}/seen\nexit 1\n")
    secret = dict.fromkeys(("CLIENT_SECRET", "MAJORA_TOKEN", "https_proxy", "OCARINA_X"), "hush-hush")
    find(home, path.parent, HARMLESS="seen", **secret)
    seen = (home / "seen").read_text()
    assert "HARMLESS=seen" in seen
    assert "hush-hush" not in seen


def test_looking_writes_nothing(home: Path) -> None:
    path = client(home / "env")
    before = sorted(home.rglob("*"))
    read_table(machine_at(home), chosen(find(home, path.parent)))
    assert sorted(home.rglob("*")) == before


# --- --ocarina, and one program --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "named", ["{home}/env/bin/ocarina", "~/env/bin/ocarina", "env/bin/ocarina", "~/env", "ocarina"]
)
def test_a_client_may_be_named_in_many_ways(home: Path, monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    path = client(home / "env")
    other = client(home / "other")
    monkeypatch.chdir(home)
    found = find(home, other.parent, named=named.format(home=home), first=True)
    assert chosen(found).path == str(other if named == "ocarina" else path)
    assert found.why == "It was named with --ocarina."


@pytest.mark.parametrize(("text", "state"), [(None, "missing"), ("#!/bin/sh\necho no\n", "not the client")])
def test_what_was_named_is_never_replaced(home: Path, text: str | None, state: str) -> None:
    path = client(home / "env")
    named = home / "named"
    if text is not None:
        program(named, text)
    found = find(home, path.parent, named=str(named))
    assert (found.chosen, found.all[0].state) == (None, state)
    assert str(named) in found.why


# --- what others can replace ---------------------------------------------------------------


def give_away(path: Path) -> None:
    """Another user's, if we may; else open to everyone, which is as bad."""
    if os.geteuid() == 0:
        os.chown(path, 12345, 12345)
    else:
        path.chmod(0o777)


@pytest.mark.parametrize("loose", ["bin/ocarina", "bin", ".", "bin/python"])
def test_a_client_that_another_user_can_replace_is_said(home: Path, loose: str) -> None:
    path = client(home / "env")
    assert chosen(find(home, path.parent)).writable_by_others == ""
    if loose == "bin/python":
        (home / "env" / loose).unlink()
        program(home / "other/python", f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
        (home / "env" / loose).symlink_to(home / "other/python")
        loose = "../other"
    give_away(home / "env" / loose)
    found = find(home, path.parent)
    assert "other users can replace" in found.all[0].writable_by_others
    if found.chosen is not None:
        assert "But other users can replace" in found.why


def test_what_the_users_own_group_may_write_is_no_matter(home: Path) -> None:
    path = client(home / "env")
    path.chmod(0o775)
    assert chosen(find(home, path.parent)).writable_by_others == ""


@pytest.mark.parametrize("loose", ["env/bin/ocarina", "env/bin", "env", "."])
def test_what_everyone_could_have_put_there_is_not_run_unasked(home: Path, loose: str) -> None:
    path = program(home / "shared/env/bin/ocarina", f"#!/bin/sh\ntouch {home}/ran\n")
    (home / "shared" / loose).chmod(0o777)
    list_conda(home, home / "shared/env")
    (one,) = find(home).all
    assert one.state == "not tried"
    assert "everyone can write to" in one.problem
    assert not (home / "ran").exists()
    find(home, named=str(path))
    assert (home / "ran").exists()


# --- launchers and tables --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "interpreter"),
    [
        ("#!/env/bin/python\nimport sys\n", "/env/bin/python"),
        ("#! /env/bin/python3.10 -sE\n", "/env/bin/python3.10"),
        ("#!/usr/bin/env python3\n", "python3"),
        ("#!/usr/bin/env -S python3 -s\n", "python3"),
        ("#!/usr/bin/env -S PYTHONUTF8=1 python3\n", "python3"),
        ("#!/env/bin/python3.13t\n", "/env/bin/python3.13t"),
        ("#!/env/bin/pypy3\n", "/env/bin/pypy3"),
        ("#!/bin/sh\n'''exec' \"/long path/bin/python\" \"$0\" \"$@\"\n' '''\n", "/long path/bin/python"),
        ("#!/bin/sh\n'''exec' /ünï/bin/python3.7 \"$0\" \"$@\"\n' '''\n", "/ünï/bin/python3.7"),
        ('#!/bin/bash\n# ours\nexport A=1\nexec /e/bin/python -s -m ocarina "$@"\n', "/e/bin/python"),
        ('#!/bin/sh\nexec /env/bin/ocarina "$@"\n', ""),
        ('#!/usr/bin/perl\nexec "/env/bin/python", "$@";\n', ""),
        ("", ""),
        ("#!\n", ""),
    ],
)
def test_the_interpreter_of_a_script(text: str, interpreter: str) -> None:
    found = read_launch(text.encode())
    assert (found.interpreter, found.text) == (interpreter, True)


def test_a_compiled_program() -> None:
    assert read_launch(b"\x7fELF\x02\x01\x01\0\0\0") == Launch(text=False)
    assert read_launch(b"#!/env/bin/python\nPK\x03\x04\0\0").interpreter == "/env/bin/python"


@given(st.binary(max_size=300))
def test_any_bytes(head: bytes) -> None:
    read_launch(head)
    read_launch(b"#!/bin/sh\nexec /" + head)


@pytest.mark.parametrize("raw", ["", "{", "[1]", "{}", '{"x": "y"}', "7"])
def test_what_is_not_a_table(raw: str) -> None:
    assert parse_table(f"noise\nocarina-kit-table:{raw}\nnoise") is None
    assert parse_table(raw) is None


def test_what_is_not_a_scope_is_left_out_of_a_table() -> None:
    raw = {
        "api.pag.qc.get": 7,
        "api.meta.qc.add": "a  b",
        "api.meta.tag.add": "a b",
        "api.x": None,
        "api.y": "",
    }
    text = f"a banner\nocarina-kit-table:{json.dumps(raw)}\n"
    assert parse_table(text) == {"api.meta.tag.add": "a b", "api.x": None, "api.y": ""}


@pytest.mark.parametrize(
    "body", ["raise SystemExit(3)", "import time; time.sleep(300)", "ENDPOINTS = 7", "x ="]
)
def test_a_table_that_cannot_be_read(home: Path, body: str) -> None:
    one = chosen(find(home, client(home / "env").parent))
    program(home / "env" / PACKAGES / "ocarina/client.py", f"{body}\n", 0o644)
    assert read_table(machine_at(home), one, timeout=1.0 if "sleep" in body else 30.0) is None


def test_the_table_is_not_read_from_the_current_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(home / "ocarina/__init__.py", "")
    program(home / "ocarina/client.py", "ENDPOINTS = {'api.pag.qc.get': {'scope': 'trap'}}\n")
    monkeypatch.chdir(home)
    one = chosen(find(home, client(home / "env").parent))
    assert "trap" not in (read_table(machine_at(home), one) or {}).values()


# --- the real client -------------------------------------------------------------------------------------


@pytest.mark.real_client
def test_the_real_client(home: Path) -> None:
    one = chosen(find(home, named=os.environ["OCARINA_KIT_REAL_CLIENT"]))
    assert one.version is not None
    table = read_table(machine_at(home), one)
    assert table is not None
    if one.version >= (1, 0, 0):
        assert requests_for(NAMES, table) == requests_for(NAMES)
    for request in requests_for([purpose.name for purpose in PURPOSES], table):
        for command in example(one.path, Place(home / ".ocarina"), request, table).splitlines():
            done = subprocess.run(
                shlex.split(command), env={"HOME": str(home)}, capture_output=True, text=True, check=False
            )
            # Its parser takes the command (argparse ends with 2); it then misses its configuration.
            assert done.returncode != 2, done.stderr
