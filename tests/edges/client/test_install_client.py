"""Installing a client: real virtual environments and pip, and stand-ins for conda that make the same."""

from __future__ import annotations

import base64
import hashlib
import http.server
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pip
import pytest

from ocarina_kit.core.client.resolution import Version
from ocarina_kit.core.errors import KitError, UsageError
from ocarina_kit.edges.client.find_client import find_client
from ocarina_kit.edges.client.install_client import InstalledClient, apply_install
from ocarina_kit.edges.client.plan_install import plan_install
from ocarina_kit.edges.process import run
from ocarina_kit.edges.system import System

if TYPE_CHECKING:
    from tests.conftest import Kit

CLIENT = """
import sys
ENDPOINTS = {{"api.artifact.biosample.get": {{"scope": "majora2.view_biosampleartifact"}}}}
def cli():
    if sys.argv[1:] == ["-v"]:
        print("ocarina v{version}")
        return 0
    return 64
"""

METADATA = "Metadata-Version: 2.1\nName: ocarina\nVersion: {version}\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
ENTRY_POINTS = "[console_scripts]\nocarina = ocarina.client:cli\n"


def write_wheel(
    folder: Path, version: str = "1.0.0", client: str | None = None, command: bool = True
) -> Path:
    """A wheel of a client that satisfies what the kit asks of one; built here, so that no index is needed."""
    info = f"ocarina-{version}.dist-info"
    members = {
        "ocarina/__init__.py": "",
        "ocarina/client.py": client if client is not None else CLIENT.format(version=version),
        f"{info}/METADATA": METADATA.format(version=version),
        f"{info}/WHEEL": WHEEL,
    }
    if command:
        members[f"{info}/entry_points.txt"] = ENTRY_POINTS
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},"
        f"{len(text.encode())}\n"
        for name, text in members.items()
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"ocarina-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
        archive.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")
    return path


BACKEND = """
import pathlib, shutil
def build_wheel(folder, config_settings=None, metadata_directory=None):
    wheel = next(pathlib.Path(__file__).parent.glob("*.whl"))
    shutil.copy(wheel, folder)
    return wheel.name
"""


def write_source(folder: Path, version: str = "1.0.0") -> Path:
    """A source folder whose build needs no index: its backend stands in it."""
    write_wheel(folder, version)
    (folder / "backend.py").write_text(BACKEND)
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    return folder


FAKE_CONDA = """#!/bin/sh
echo "$0 $*" >> "{log}"
case "$1" in
--version) echo "conda 24.1.0"; exit {version_code} ;;
info) {info} ;;
create)
  while [ $# -gt 0 ]; do
    [ "$1" = --prefix ] && prefix="$2"
    shift
  done
  {create}
  "{python}" -m venv --without-pip "$prefix" || exit
  for packages in "$prefix"/lib/python*/site-packages; do echo "{pip}" > "$packages/pip.pth"; done ;;
*) exit 9 ;;
esac
"""


@dataclass
class Desk:
    """A throwaway home, a PATH, and what was said."""

    home: Path
    path: list[Path] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    @property
    def system(self) -> System:
        path = os.pathsep.join(map(str, [*self.path, "/usr/bin", "/bin"]))
        environ = {"PATH": path, "HOME": str(self.home), "PIP_NO_INDEX": "1", **self.environ}
        return System(environ=environ, home=self.home, user="tester", host="here", run=run)

    def install(
        self, source: Path | str, *, env: str | None = None, prefix: str | None = None
    ) -> InstalledClient:
        system = self.system
        plan = plan_install(system, source=str(source), env=env, prefix=prefix)
        return apply_install(plan, system, self.said.append)

    def add_conda(
        self, kind: str = "conda", *, create: str = ":", info: str = "", version_code: int = 0
    ) -> Path:
        """A program that takes conda's arguments; returns the root of its installation."""
        root = self.home / "forge"
        program = root / "bin" / kind
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(
            FAKE_CONDA.format(
                log=self.home / "conda.log",
                python=sys.executable,
                # The running pip serves: unpacking one for each environment takes seconds.
                pip=Path(pip.__file__).parent.parent,
                create=create,
                info=info or f"""echo '{{"envs_dirs": ["/dev/null/envs", "{root}/envs"]}}'""",
                version_code=version_code,
            )
        )
        program.chmod(0o755)
        self.path = [program.parent]
        return root

    def everything(self) -> set[str]:
        """All that stands in the home, but for the kit's own state."""
        return {
            str(path.relative_to(self.home))
            for path in self.home.rglob("*")
            if ".local/state" not in str(path) and path.name not in (".local", "conda.log")
        }


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    home = tmp_path / "a home"
    home.mkdir()
    return Desk(home)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return write_wheel(tmp_path / "dist")


# --- the good way ----------------------------------------------------------------------------------------


def test_a_virtual_environment_from_a_source_folder(desk: Desk, tmp_path: Path) -> None:
    installed = desk.install(write_source(tmp_path / "my src"))
    prefix = desk.home / ".local/share/ocarina-kit/envs/ocarina"
    assert (str(installed.plan.prefix), installed.plan.kind) == (str(prefix), "venv")
    assert (installed.candidate.works, str(installed.candidate.version)) == (True, "1.0.0")
    assert installed.link == desk.home / ".local/bin/ocarina"
    said = subprocess.run([installed.link, "-v"], capture_output=True, text=True, check=True)
    assert said.stdout == "ocarina v1.0.0\n"
    assert desk.said == [
        "Making a virtual environment …",
        "Installing the client …",
        "Checking that it runs …",
    ]
    # What was installed is found, by the link that was made for it too.
    found = find_client(desk.system, kit_prefix="/nowhere").chosen
    assert found is not None
    assert found.real_path == os.path.realpath(prefix / "bin/ocarina")


def test_twice_changes_nothing(desk: Desk, wheel: Path) -> None:
    desk.install(wheel)
    before = desk.everything()
    again = desk.install(wheel)
    assert again.already
    assert again.plan.steps == ()
    assert desk.everything() == before


@pytest.mark.parametrize("kind", ["conda", "mamba", "micromamba"])
def test_conda_environments(desk: Desk, wheel: Path, kind: str) -> None:
    root = desk.add_conda(kind)
    installed = desk.install(wheel, env="covid")
    assert str(installed.plan.prefix) == f"{root}/envs/covid"
    assert installed.plan.activate == f"{kind} activate covid"
    assert installed.link is None
    assert installed.candidate.stands_on
    created = [line for line in (desk.home / "conda.log").read_text().splitlines() if " create " in line]
    assert len(created) == 1
    assert created[0].startswith(f"{root}/bin/{kind} create --yes --quiet --prefix {root}/envs/covid")


def test_micromamba_names_its_folders_in_its_own_words(desk: Desk, wheel: Path) -> None:
    root = desk.home / "mm"
    desk.add_conda("micromamba", info=f"""echo '{{"envs directories": ["{root}/envs"]}}'""")
    assert str(plan_install(desk.system, source=str(wheel)).prefix) == f"{root}/envs/ocarina"


@pytest.mark.parametrize("info", ["exit 1", "echo not json", "echo '[]'", """echo '{"envs_dirs": 7}'"""])
def test_a_conda_that_does_not_say_where_its_environments_are(desk: Desk, wheel: Path, info: str) -> None:
    root = desk.add_conda(info=info)
    assert str(plan_install(desk.system, source=str(wheel)).prefix) == f"{root}/envs/ocarina"


def test_conda_is_found_by_its_variable_alone(desk: Desk, wheel: Path) -> None:
    root = desk.add_conda()
    desk.path = []
    desk.environ["CONDA_EXE"] = f"{root}/bin/conda"
    assert plan_install(desk.system, source=str(wheel)).kind == "conda"


def test_a_conda_that_does_not_run_is_passed_over(desk: Desk, wheel: Path) -> None:
    desk.add_conda(version_code=1)
    assert plan_install(desk.system, source=str(wheel)).kind == "venv"


def test_a_folder_of_one_s_own(desk: Desk, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.add_conda()
    monkeypatch.chdir(desk.home)
    installed = desk.install(wheel, prefix="new/client")
    assert str(installed.plan.prefix) == f"{desk.home}/new/client"
    assert installed.link is None
    (desk.home / "empty").mkdir()
    assert desk.install(wheel, prefix="~/empty").candidate.works


def test_a_dry_run_makes_nothing(desk: Desk, wheel: Path) -> None:
    before = desk.everything()
    plan = plan_install(desk.system, source=str(wheel))
    shown = plan.show().splitlines()
    assert len(shown) == 3
    assert shown[0].startswith(sys.executable)
    assert shown[1].endswith(str(wheel))
    assert shown[2].startswith("ln -s ")
    assert desk.everything() == before


def test_what_would_lead_astray_is_not_handed_on(desk: Desk, wheel: Path) -> None:
    desk.environ |= {
        "PIP_USER": "1",
        "PIP_TARGET": str(desk.home / "target"),
        "PYTHONPATH": str(desk.home / "trap"),
        "PYTHONHOME": "/gone",
        "PIP_REQUIRE_VIRTUALENV": "1",
    }
    assert desk.install(wheel).candidate.works
    assert not (desk.home / "target").exists()


# --- what is there already -------------------------------------------------------------------------------


def test_the_guide_s_old_environment_is_left_and_a_new_name_taken(desk: Desk, tmp_path: Path) -> None:
    """The guide's ``ocarina`` environment holds a client that the server refuses: the plain command still helps."""
    root = desk.add_conda()
    old = write_wheel(tmp_path / "old", "0.36.1")
    new = write_wheel(tmp_path / "new", "1.0.0")
    system = desk.system
    apply_install(plan_install(system, source=str(old)), system, desk.said.append, minimum=Version((0, 1, 0)))
    plan = plan_install(system, source=str(new))
    assert str(plan.prefix) == f"{root}/envs/ocarina-2"
    assert "ocarina 0.36.1, which the server refuses" in plan.notes[0]
    apply_install(plan, system, desk.said.append)
    chosen = find_client(system, kit_prefix="/nowhere").chosen
    assert chosen is not None
    assert chosen.path == f"{root}/envs/ocarina-2/bin/ocarina"


@pytest.mark.parametrize("how", ["env", "prefix"])
def test_a_folder_that_exists_is_never_touched(desk: Desk, wheel: Path, how: str) -> None:
    folder = desk.home / ".local/share/ocarina-kit/envs/mine"
    folder.mkdir(parents=True)
    (folder / "thesis.txt").write_text("years of work")
    where = {"env": "mine", "prefix": str(folder)}
    with pytest.raises(KitError) as caught:
        desk.install(
            wheel,
            env=where.get(how) if how == "env" else None,
            prefix=where[how] if how == "prefix" else None,
        )
    assert caught.value.id == "INS001"
    (command,) = caught.value.remedy.commands
    assert command.endswith("mine-2")
    assert (folder / "thesis.txt").read_text() == "years of work"


def test_a_folder_that_is_filled_between_plan_and_work(desk: Desk, wheel: Path) -> None:
    system = desk.system
    plan = plan_install(system, source=str(wheel))
    prefix = Path(plan.prefix)
    prefix.mkdir(parents=True)
    (prefix / "thesis.txt").write_text("years of work")
    with pytest.raises(KitError) as caught:
        apply_install(plan, system, desk.said.append)
    assert caught.value.id == "INS001"
    assert (prefix / "thesis.txt").read_text() == "years of work"


def test_a_command_that_is_there_is_not_replaced(desk: Desk, wheel: Path) -> None:
    link = desk.home / ".local/bin/ocarina"
    link.parent.mkdir(parents=True)
    link.write_text("mine")
    installed = desk.install(wheel)
    assert installed.link is None
    assert link.read_text() == "mine"


# --- failure ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "id"),
    [
        ("no such source", "INS003"),
        ("too old", "ENV004"),
        ("no command", "ENV001"),
        ("another program", "ENV002"),
        ("import error", "ENV003"),
    ],
)
def test_nothing_is_left_of_a_failure(desk: Desk, tmp_path: Path, fault: str, id: str) -> None:
    desk.add_conda()
    source = {
        "no such source": lambda: tmp_path / "gone.whl",
        "too old": lambda: write_wheel(tmp_path / "s", "0.43.9"),
        "no command": lambda: write_wheel(tmp_path / "s", command=False),
        "another program": lambda: write_wheel(tmp_path / "s", client="def cli(): print('hello')\n"),
        "import error": lambda: write_wheel(tmp_path / "s", client="import ffurf\ndef cli(): pass\n"),
    }[fault]()
    before = desk.everything()
    with pytest.raises(KitError) as caught:
        desk.install(source, prefix=str(desk.home / "deep" / "er" / "client"))
    assert caught.value.id == id
    assert caught.value.remedy.text
    assert desk.everything() == before


def test_an_empty_folder_is_empty_again_after_a_failure(desk: Desk, tmp_path: Path) -> None:
    desk.add_conda()
    target = desk.home / "deep" / "client"
    target.mkdir(parents=True)
    before = desk.everything()
    with pytest.raises(KitError) as caught:
        desk.install(tmp_path / "gone.whl", prefix=str(target))
    assert caught.value.id == "INS003"
    assert desk.everything() == before


def test_a_conda_that_fails_half_way(desk: Desk, wheel: Path) -> None:
    desk.add_conda(create='mkdir -p "$prefix/conda-meta"; echo "CondaHTTPError: no route" >&2; exit 1')
    before = desk.everything()
    with pytest.raises(KitError) as caught:
        desk.install(wheel)
    assert caught.value.id == "INS003"
    assert "CondaHTTPError" in caught.value.why
    assert "HTTPS_PROXY" in caught.value.remedy.text
    assert desk.everything() == before


def test_git_that_is_missing_is_noticed_before_anything_is_made(desk: Desk) -> None:
    system = desk.system
    bare = System(
        environ={**system.environ, "PATH": "/nowhere"}, home=desk.home, user="u", host="h", run=system.run
    )
    with pytest.raises(KitError) as caught:
        plan_install(bare)
    assert caught.value.id == "INS002"


def test_arguments_that_exclude_each_other(desk: Desk) -> None:
    with pytest.raises(UsageError):
        plan_install(desk.system, env="a", prefix="b")


SCRIPT = """
import sys
from pathlib import Path
from ocarina_kit.edges.client.install_client import apply_install
from ocarina_kit.edges.client.plan_install import plan_install
from ocarina_kit.edges.this_process import real_system
system = real_system()
apply_install(plan_install(system, source=sys.argv[1]), system, lambda text: print(text, flush=True))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_of_an_interruption(desk: Desk, wheel: Path, number: signal.Signals) -> None:
    root = desk.add_conda(
        create='mkdir -p "$prefix/conda-meta"; echo made > "$prefix/conda-meta/x"; sleep 60'
    )
    before = desk.everything()
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(wheel)],
        env=dict(desk.system.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    half = root / "envs/ocarina/conda-meta/x"
    deadline = time.monotonic() + 30
    while not half.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number if half.exists() else signal.SIGKILL)
    _, err = process.communicate(timeout=30)
    assert b"KeyboardInterrupt" in err
    assert desk.everything() == before


def test_two_at_once(desk: Desk, wheel: Path) -> None:
    from ocarina_kit.edges.disk.locks import hold

    system = desk.system
    plan = plan_install(system, source=str(wheel))
    system.state_dir.mkdir(parents=True)
    with hold(system.state_dir / "install-client"), pytest.raises(KitError) as caught:
        apply_install(plan, system, desk.said.append)
    assert caught.value.id == "INS005"
    assert not Path(plan.prefix).exists()


# --- private sources -------------------------------------------------------------------------------------

TOKEN = "tok-hush-hush"


@dataclass
class PrivateServer:
    """Serves a folder to whoever knows the token (HTTP Basic), on loopback."""

    url: str
    asked: list[str]


@pytest.fixture
def private(tmp_path: Path) -> Iterator[PrivateServer]:
    folder = tmp_path / "served"
    folder.mkdir()
    asked: list[str] = []
    accepted = {
        "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        for user, password in ((TOKEN, ""), ("me", TOKEN))
    }

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(folder))  # type: ignore[arg-type]

        def do_GET(self) -> None:
            if self.headers.get("Authorization") not in accepted:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="x"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            asked.append(self.path)
            super().do_GET()

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield PrivateServer(f"127.0.0.1:{server.server_port}", asked)
    server.shutdown()
    server.server_close()
    thread.join()


def _watch_arguments(found: list[str], stop: threading.Event) -> None:
    """Every argument list that shows on this machine while the watch lasts, as another user would see it."""
    while not stop.is_set():
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = entry.read_bytes()
            except OSError:
                continue
            if TOKEN.encode() in words:
                found.append(words.decode(errors="replace"))
        time.sleep(0.005)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="argument lists are read from /proc")
@pytest.mark.parametrize("kind", ["wheel", "git"])
def test_a_private_source_whose_token_no_argument_list_shows(
    desk: Desk, tmp_path: Path, private: PrivateServer, kind: str
) -> None:
    served = tmp_path / "served"
    if kind == "wheel":
        desk.add_conda()
        source = f"http://me:{TOKEN}@{private.url}/{write_wheel(served).name}"
    else:
        repository = write_source(tmp_path / "work")
        for words in (
            ["init", "-q"],
            ["add", "."],
            ["-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-q", "-m", "x"],
            ["clone", "-q", "--bare", str(repository), str(served / "r.git")],
            [f"--git-dir={served}/r.git", "update-server-info"],
        ):
            subprocess.run(["git", *words], cwd=repository, check=True, capture_output=True)
        source = f"git+http://{TOKEN}@{private.url}/r.git"
    seen: list[str] = []
    stop = threading.Event()
    watch = threading.Thread(target=_watch_arguments, args=(seen, stop))
    watch.start()
    try:
        installed = desk.install(source)
    finally:
        stop.set()
        watch.join()
    assert installed.candidate.works
    assert private.asked
    assert seen == []
    for path in desk.home.rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert TOKEN.encode() not in path.read_bytes(), path


def test_a_wrong_token_is_masked_in_what_pip_says(desk: Desk, private: PrivateServer) -> None:
    desk.add_conda()
    with pytest.raises(KitError) as caught:
        desk.install(f"http://me:wrong-{TOKEN}@{private.url}/o-1-py3-none-any.whl")
    error = caught.value
    assert error.id == "INS003"
    assert TOKEN not in error.what + error.why + error.remedy.text
    assert "401" in error.why


# --- the command, as a process ---------------------------------------------------------------------------


def test_the_command_installs_says_how_to_use_it_and_is_done_the_second_time(kit: Kit, wheel: Path) -> None:
    kit.extra["PIP_NO_INDEX"] = "1"
    client = kit.home / "c/bin/ocarina"
    ran = kit.run("install-client", "--prefix", "~/c", "--source", wheel, "--yes")
    assert ran.code == 0, ran
    assert f"ocarina 1.0.0 is installed and runs: {client}" in ran.out
    assert f". {kit.home}/c/bin/activate" in ran.out
    again = kit.run("install-client", "--prefix", "~/c", "--source", wheel, "--json")
    assert again.code == 0, again
    assert again.json["changed"] is False
    assert again.json["client"] == str(client)
    assert again.json["version"] == "1.0.0"


def test_the_command_makes_nothing_unasked(kit: Kit, wheel: Path) -> None:
    before = sorted(kit.home.rglob("*"))
    dry = kit.run("install-client", "--source", wheel, "--dry-run")
    assert dry.code == 0, dry
    assert "-m venv" in dry.out
    assert str(wheel) in dry.out
    for args in ((), ("--json",)):
        unasked = kit.run("install-client", "--source", wheel, *args)
        assert unasked.code == 2, unasked
        assert "--yes" in unasked.err
    assert sorted(kit.home.rglob("*")) == before


def test_the_command_s_failures_have_ids_and_remedies(kit: Kit, tmp_path: Path) -> None:
    kit.extra["PIP_NO_INDEX"] = "1"
    ran = kit.run("install-client", "--source", tmp_path / "gone.whl", "--yes", "--json")
    assert ran.code == 1, ran
    assert ran.json["error"]["id"] == "INS003"
    assert not (kit.home / ".local/share/ocarina-kit").exists()
    assert kit.run("install-client", "--env", "base").code == 2
    assert kit.run("install-client", "--env", "a", "--prefix", "b").code == 2
    secret = "hush-hush-hush"
    kit.secrets.add(secret)
    shown = kit.run("install-client", "--source", f"git+https://{secret}@host.example/r.git", "--dry-run")
    assert shown.code == 0, shown
    assert "git+https://host.example/r.git" in shown.out
