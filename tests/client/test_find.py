"""Finding clients: real scripts on real interpreters, in throwaway homes."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from tests.client.stub import PACKAGES, client, machine_at, program

from ocarina_kit.client.find import (
    Candidate,
    Clients,
    classify_run,
    examine,
    find_clients,
    read_table,
)
from ocarina_kit.client.places import Launch, read_launch
from ocarina_kit.client.scopes import NAMES, PURPOSES, example, scopes_for
from ocarina_kit.config.location import SetupLocation
from ocarina_kit.system.process import Completed


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def find(
    home: Path,
    *path: Path,
    named: str | None = None,
    first: bool = False,
    **environ: str,
) -> Clients:
    return find_clients(
        machine_at(home, *path, **environ), named, first=first, timeout=30.0
    )


def chosen(found: Clients) -> Candidate:
    assert found.chosen is not None, found.why
    return found.chosen


def list_conda(home: Path, *prefixes: Path) -> None:
    program(
        home / ".conda/environments.txt",
        "/gone/envs/x\n/\0\n\n" + "".join(f"{each}\n" for each in prefixes),
    )


PLACES = {
    # in their order: part of the words, and the environment
    "active environment": "venv",
    "PATH": "onpath",
    "conda": "miniconda/envs/covid",
    "pipx": ".local/share/pipx/venvs/ocarina",
    "uv": ".local/share/uv/tools/ocarina",
    "~/.local/bin": ".local",
    "install-client": ".local/share/ocarina-kit/envs/ocarina",
    "pyenv": ".pyenv/versions/3.10.13",
}


def test_every_place_is_found_and_named_in_order(home: Path) -> None:
    paths = [client(home / prefix) for prefix in PLACES.values()]
    environ = {
        "VIRTUAL_ENV": str(home / "venv"),
        "CONDA_EXE": str(home / "miniconda/bin/conda"),
    }
    list_conda(home, home / "onpath")  # it is found once
    found = find(home, home / "onpath/bin", **environ)
    assert [each.path for each in found.all] == list(map(str, paths))
    assert all(
        words in each.source for each, words in zip(found.all, PLACES, strict=True)
    )
    assert all(each.works and each.under_cron for each in found.all)
    assert found.chosen is found.all[0]
    assert found.shell is found.typed is found.all[1]
    assert found.cron is None
    one = examine(machine_at(home), paths[1], "the crontab", timeout=30.0)
    assert (one.described, one.source, one.version) == (
        "ocarina 1.0.0",
        "the crontab",
        (1, 0, 0),
    )
    assert examine(machine_at(home), "/gone").state == "missing"


CONDAS: list[tuple[str, dict[str, str]]] = [
    # where the environment is, and what leads to it
    ("envs/covid", {"CONDA_EXE": "{root}/bin/conda"}),
    # The system looks into no folder with such a name, as into none that one may not enter.
    (
        "envs/covid",
        {"MAMBA_ROOT_PREFIX": "{root}", "CONDA_EXE": f"/{'x' * 300}/bin/conda"},
    ),
    ("envs/covid", {"PATH": "{root}/condabin"}),
    ("envs/covid", {}),
    (".", {"CONDA_EXE": "{root}/bin/conda"}),
]


@pytest.mark.parametrize(("folder", "environ"), CONDAS)
def test_conda_environments(home: Path, folder: str, environ: dict[str, str]) -> None:
    root = home / "a forge"
    path = client(root / folder)
    program(root / "condabin" / "conda", "#!/bin/sh\n")
    if not environ:
        list_conda(home, root / folder)
    one = chosen(
        find(home, **{name: value.format(root=root) for name, value in environ.items()})
    )
    assert (one.path, one.source) == (str(path), "conda environments")


def test_the_newest_of_several_conda_environments(home: Path) -> None:
    for version in ("0.36.1", "0.49.0", "0.9.0"):
        client(home / "forge/envs" / version, version)
    assert chosen(find(home, MAMBA_ROOT_PREFIX=str(home / "forge"))).version == (
        0,
        49,
        0,
    )


def test_nothing_is_run_from_the_current_folder(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (home, home / "bin"):
        program(folder / "ocarina", f"#!/bin/sh\ntouch {home}/ran\n")
    monkeypatch.chdir(home)
    assert find(home / "x", PATH=":.:bin:./bin:/usr/bin").all == ()
    assert not (home / "ran").exists()


TRACEBACK = "Traceback (most recent call last):\n"


@pytest.mark.parametrize(
    ("code", "output", "errors", "state", "problem"),
    [
        (0, "ocarina v1.0.0\n", "", "works", ""),
        (0, "a warning\nocarina v1.1.0.dev3+g12\n", "", "works", ""),
        (0, "", "ocarina v0.20.0\n", "works", ""),
        (0, "ocarina 1.1.14\n", "", "not the client", "it says: ocarina 1.1.14"),
        (0, "the ocarina v1.0.0\n", "", "not the client", "another program"),
        (0, "\x1b[31mhello\n", "", "not the client", "it says: [31mhello"),
        (0, "", "", "not the client", "another program"),
        (
            0,
            "MAJORA_TOKEN=abcdef\n",
            "",
            "not the client",
            "it says: MAJORA_TOKEN=****",
        ),
        (
            127,
            "",
            "sh: + export CLIENT_SECRET=abcdef\n",
            "does not run",
            "CLIENT_SECRET=****",
        ),
        (64, "", "unknown option -v\n", "not the client", "unknown option -v"),
        (0, "other 1\n", "KeyError: x\n", "not the client", "other 1"),
        (
            1,
            "",
            f"{TRACEBACK}ModuleNotFoundError: No module named 'ffurf'\n",
            "does not run",
            "'ffurf'",
        ),
        (
            1,
            "",
            '  File "x", line 1\nSyntaxError: x\n',
            "does not run",
            "SyntaxError: x",
        ),
        (-11, "", "", "does not run", "signal 11"),
        (126, "", "", "does not run", "code 126"),
        (
            1,
            "",
            "x: error while loading shared libraries: libpython3\n",
            "does not run",
            "libpython3",
        ),
        (None, "", "timed out", "no answer", "in time"),
        (None, "", "printed more than 8 MiB", "does not run", "more than"),
    ],
)
def test_what_a_run_shows(
    code: int | None, output: str, errors: str, state: str, problem: str
) -> None:
    done = Completed(
        code, output.encode(), errors.encode(), errors if code is None else ""
    )
    found = classify_run(Candidate("/x/ocarina"), done)
    assert found.state == state
    assert problem in found.problem
    assert found.works == (found.version is not None)


@pytest.mark.parametrize("name", ["with a blank", "ünïcødé", "x" * 140])
def test_odd_paths_and_the_table_of_a_client(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = client(home / name)
    program(
        home / "ocarina/client.py",
        "ENDPOINTS = {'api.pag.qc.get': {'scope': 'trap'}}\n",
    )
    monkeypatch.chdir(home)
    one = chosen(find(home, path.parent))
    assert (one.path, one.interpreter, one.under_cron) == (
        str(path),
        f"{home}/{name}/bin/python",
        True,
    )
    before = sorted(home.rglob("*"))
    table = {
        "api.artifact.biosample.get": "majora2.view_biosampleartifact",
        "api.pag.qc.get": None,
    }
    assert read_table(machine_at(home), one) == table
    assert sorted(home.rglob("*")) == before, "looking writes nothing"


BROKEN = [
    # how the client is broken, its state, the problem
    ("rm {python}", "does not run", "its interpreter {python} is gone"),
    ("chmod 644 {script}", "not executable", "no x bit"),
    ("ln -sf /gone/ocarina {script}", "does not run", "leads nowhere"),
    ("rm {script}; mkfifo -m 755 {script}", "not executable", "not a file"),
    (
        "rm {module}; sed -i '2,$c print(\"ocarina v1\")' {script}",
        "not the client",
        "unrelated",
    ),
]


@pytest.mark.parametrize(("how", "state", "problem"), BROKEN)
def test_a_client_that_does_not_work_is_passed_over(
    home: Path, how: str, state: str, problem: str
) -> None:
    path, python = client(home / "env"), home / "env/bin/python"
    module = home / "env" / PACKAGES / "ocarina/client.py"
    subprocess.run(
        ["sh", "-c", how.format(script=path, python=python, module=module)], check=True
    )
    good = client(home / "forge/envs/covid")
    found = find(home, path.parent, MAMBA_ROOT_PREFIX=str(home / "forge"))
    assert found.all[0].state == state
    assert problem.format(python=python) in found.all[0].problem
    assert chosen(found).path == str(good)
    assert f"Passed over: {path}: {found.all[0].described}" in found.why
    # A shell goes past what it may not run.
    assert found.shell == (
        None if state == "not executable" or "nowhere" in problem else found.all[0]
    )


def test_what_needs_this_shell_is_not_for_cron(home: Path) -> None:
    path = client(home / "forge/envs/covid")
    # A shell runs a script without a first line, too.
    text = f'[ -n "$LMOD_DIR" ] || exit 1\nexec {path} "$@"\n'
    wrapper = program(home / "modules/bin/ocarina", text)
    alone = find(home, wrapper.parent, LMOD_DIR="/lmod")
    assert (chosen(alone).path, chosen(alone).under_cron) == (str(wrapper), False)
    assert "But it runs in this shell, but not in cron's environment" in alone.why
    both = find(
        home, wrapper.parent, LMOD_DIR="/lmod", MAMBA_ROOT_PREFIX=str(home / "forge")
    )
    assert chosen(both).path == str(path)
    assert f"Passed over: {wrapper}: it runs in this shell, but not in cron" in both.why


def test_a_shim_gives_way_to_what_it_starts(home: Path) -> None:
    path = client(home / ".pyenv/versions/3.10.13")
    shim = program(home / ".pyenv/shims/ocarina", f'#!/bin/sh\nexec {path} "$@"\n')
    found = find(home, shim.parent)
    assert found.shell is found.all[0]
    assert (found.all[0].path, found.all[0].works, found.all[0].under_cron) == (
        str(shim),
        True,
        False,
    )
    assert chosen(found).path == str(path)


def test_no_secret_of_this_shell_reaches_the_program(home: Path) -> None:
    path = program(home / "p/ocarina", f"#!/bin/sh\nenv >> {home}/seen\nexit 1\n")
    secret = dict.fromkeys(
        ("CLIENT_SECRET", "MAJORA_TOKEN", "https_proxy", "OCARINA_X"), "hush-hush"
    )
    find(home, path.parent, HARMLESS="seen", **secret)
    seen = (home / "seen").read_text()
    assert "HARMLESS=seen" in seen
    assert "hush-hush" not in seen


@pytest.mark.parametrize(
    "named",
    [
        "{home}/env/bin/ocarina",
        "~/env/bin/ocarina",
        "env/bin/ocarina",
        "~/env",
        "ocarina",
    ],
)
def test_a_client_may_be_named_in_many_ways(
    home: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    path = client(home / "env")
    other = client(home / "other")
    monkeypatch.chdir(home)
    found = find(home, other.parent, named=named.format(home=home), first=True)
    assert chosen(found).path == str(other if named == "ocarina" else path)
    assert found.why == "It was named with --ocarina."


def test_a_client_that_another_user_can_replace_is_said(home: Path) -> None:
    path, python = client(home / "env"), home / "env/bin/python"
    path.chmod(0o775)  # what the user's own group may write is no matter
    assert chosen(find(home, path.parent)).writable_by_others == ""
    path.chmod(0o777)
    assert f"But other users can replace {path}." in find(home, path.parent).why
    path.chmod(0o755)
    python.unlink()
    python.symlink_to(
        program(
            home / "other/python",
            f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n',
        )
    )
    (home / "other").chmod(0o777)
    assert (
        f"other users can replace {home}/other"
        in find(home, path.parent).all[0].writable_by_others
    )


@pytest.mark.parametrize("loose", ["env/bin/ocarina", "env/bin", "env", "."])
def test_what_everyone_could_have_put_there_is_not_run_unasked(
    home: Path, loose: str
) -> None:
    path = program(home / "shared/env/bin/ocarina", f"#!/bin/sh\ntouch {home}/ran\n")
    (home / "shared" / loose).chmod(0o777)
    list_conda(home, home / "shared/env")
    (one,) = find(home).all
    assert one.state == "does not run"
    assert "everyone can write to" in one.problem
    assert not (home / "ran").exists()
    find(home, named=str(path))
    assert (home / "ran").exists()


@pytest.mark.parametrize(
    ("text", "interpreter"),
    [
        ("#!/env/bin/python\nimport sys\n", "/env/bin/python"),
        ("#!/usr/bin/env python3\n", "python3"),
        ("#!/usr/bin/env -S PYTHONUTF8=1 python3\n", "python3"),
        ("#!/env/bin/python3.13t\n", "/env/bin/python3.13t"),
        ("#!/env/bin/pypy3\nPK\3\4\0", "/env/bin/pypy3"),
        (
            "#!/bin/sh\n'''exec' \"/long path/bin/python\" \"$0\" \"$@\"\n' '''\n",
            "/long path/bin/python",
        ),
        (
            "#!/bin/sh\n'''exec' /ünï/bin/python3.7 \"$0\" \"$@\"\n' '''\n",
            "/ünï/bin/python3.7",
        ),
        (
            '#!/bin/bash\n# ours\nexport A=1\nexec /e/bin/python -s -m ocarina "$@"\n',
            "/e/bin/python",
        ),
        ('#!/bin/sh\nexec /env/bin/ocarina "$@"\n', ""),
        ('#!/usr/bin/perl\nexec "/env/bin/python", "$@";\n', ""),
        ("\x7fELF\2\1\1\0\0\0", ""),
        ("#!\n", ""),
    ],
)
def test_the_interpreter_of_a_script(
    tmp_path: Path, text: str, interpreter: str
) -> None:
    assert (
        read_launch(str(program(tmp_path / "ocarina", text))).interpreter == interpreter
    )
    assert read_launch(str(tmp_path)) == Launch()


TABLES: list[tuple[str, dict[str, str | None] | None]] = [
    # the client's module, and the table
    ("raise SystemExit(3)", None),
    ("ENDPOINTS = 7", None),
    ("ENDPOINTS = {'x': {'scope': 'y'}}", None),
    ("print('noise'); ENDPOINTS = {'api.a': {'scope': 'a  b'}, 'api.b': {'scope': 'a b'}, 'api.c': '/x/'}",
     {"api.b": "a b", "api.c": None}),
]  # fmt: skip


@pytest.mark.parametrize(("module", "table"), TABLES)
def test_the_table_of_a_client(
    home: Path, module: str, table: dict[str, str | None] | None
) -> None:
    one = examine(machine_at(home), client(home / "env"))
    program(home / "env" / PACKAGES / "ocarina/client.py", f"{module}\n", 0o644)
    assert read_table(machine_at(home), one) == table


@pytest.mark.real_client
def test_the_real_client(home: Path) -> None:
    one = chosen(find(home, named=os.environ["OCARINA_KIT_REAL_CLIENT"]))
    assert one.version is not None
    table = read_table(machine_at(home), one)
    assert table is not None
    if one.version >= (1, 0, 0):
        assert scopes_for(NAMES, table) == scopes_for(NAMES)
    for scope in scopes_for([purpose.name for purpose in PURPOSES], table):
        for command in example(
            one.path, SetupLocation(home / ".ocarina"), scope, table
        ):
            done = subprocess.run(
                shlex.split(command),
                env={"HOME": str(home)},
                capture_output=True,
                text=True,
                check=False,
            )
            # Its parser takes the command (argparse ends with 2); it then misses its configuration.
            assert done.returncode != 2, done.stderr
