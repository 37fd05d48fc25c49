"""A real Slurm with scrontab in a folder: one controller, one node, nothing installed.

Debian 13 has the packages; its programs get their own loader and libraries, so they run
beside an older Debian. Jobs belong to this user, whose home is the test's: all programs
run in a mount namespace with a passwd file that says so. Needs root, apt-get, patchelf
and unshare.
"""

import fcntl
import os
import pwd
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.conftest import until

PACKAGES = ("slurmctld", "slurmd", "slurm-client")
DAEMONS = ("sbin/slurmctld-wlm", "sbin/slurmd-wlm", "sbin/slurmstepd-wlm")
COMMANDS = ("scrontab", "squeue", "sinfo", "scontrol", "scancel", "sbatch", "srun")
LIBRARIES = "usr/lib/x86_64-linux-gnu"

# The plugins keep it away from cgroups, which a container may not have.
CONFIGURATION = """
ClusterName=lab
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
AuthType=auth/none
CredType=cred/none
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/controller
SlurmdSpoolDir={folder}/node
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/node.pid
PluginDir={plugins}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
{scron}
ReturnToService=2
MailProg=/bin/true
NodeName={host} NodeAddr=127.0.0.1 CPUs={processors} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""

# Runs a program of Slurm where this user's home is the test's: each asks /etc/passwd.
WRAPPER = """#!/bin/sh
exec unshare -m sh -c '
  mount --make-rprivate / && mount --bind {passwd} /etc/passwd && exec "$0" "$@"
' {program} "$@"
"""


def missing_programs() -> list[str]:
    """What this machine lacks for a Slurm of its own."""
    programs = ("apt-get", "dpkg", "patchelf", "unshare")
    missing = [program for program in programs if not shutil.which(program)]
    return missing if os.geteuid() == 0 else ["root", *missing]


def unpack_packages(folder: Path) -> Path:
    """Unpack Debian's packages once for all tests of a run, and return their root."""
    folder.mkdir(exist_ok=True)
    root = folder / "root"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _download(folder)
            for package in (folder / "cache" / "archives").glob("*.deb"):
                subprocess.run(["dpkg", "-x", package, root], check=True)
            for program in (*DAEMONS, *(f"bin/{command}" for command in COMMANDS)):
                _give_libraries(root, root / "usr" / program)
            (folder / "complete").touch()
    return root


def _download(folder: Path) -> None:
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    source = f"deb [signed-by={KEYRING}] {_mirror()} trixie main\n"
    (folder / "sources.list").write_text(source)
    settings = {
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "root",
        "APT::Install-Recommends": "false",
    }
    options = [f"-o{name}={value}" for name, value in settings.items()]
    download = ["install", "-y", "--download-only", *PACKAGES]
    for arguments in (["update"], download):
        command = ["apt-get", "-qq", *options, *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def _mirror() -> str:
    """The Debian mirror that this machine uses."""
    folder = Path("/etc/apt")
    sources = [folder / "sources.list", *(folder / "sources.list.d").glob("*")]
    for source in sources:
        if source.is_file():
            mirror = re.search(r"https?://\S+/debian/?(?=\s)", source.read_text())
            if mirror:
                return mirror[0]
    raise AssertionError(f"no Debian mirror in {folder}")


def _give_libraries(root: Path, program: Path) -> None:
    libraries = root / LIBRARIES
    command = [
        "patchelf",
        "--set-interpreter",
        root / "usr/lib64/ld-linux-x86-64.so.2",
        "--force-rpath",
        "--set-rpath",
        f"{libraries}:{libraries}/slurm-wlm",
        program,
    ]
    subprocess.run(command, check=True)


class Slurm:
    """A cluster of this machine alone. Make one with `start_slurm`."""

    def __init__(self, folder: Path, packages: Path, home: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.programs = folder / "bin"
        self.programs.mkdir()
        (folder / "own").mkdir()
        for program in (*DAEMONS, *(f"bin/{command}" for command in COMMANDS)):
            self._add_program(packages / "usr" / program)
        self.configuration = folder / "slurm.conf"
        self.plugins = packages / LIBRARIES / "slurm-wlm"
        self.ports = (_free_port(), _free_port())
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        self._write_passwd(home)
        self.configure()

    def _add_program(self, program: Path) -> None:
        # By its own name: with another one, Slurm's plugins refuse to load.
        own = self.folder / "own" / program.name.removesuffix("-wlm")
        own.symlink_to(program)
        wrapper = self.programs / own.name
        passwd = self.folder / "passwd"
        wrapper.write_text(WRAPPER.format(passwd=passwd, program=own))
        wrapper.chmod(0o755)

    def _write_passwd(self, home: Path) -> None:
        me = pwd.getpwuid(os.geteuid())
        lines = Path("/etc/passwd").read_text().splitlines()
        others = [line for line in lines if not line.startswith(f"{me.pw_name}:")]
        mine = ":".join(
            [me.pw_name, "x", str(me.pw_uid), str(me.pw_gid), "", str(home), "/bin/sh"]
        )
        (self.folder / "passwd").write_text("\n".join([mine, *others]) + "\n")

    def configure(self, *, scron: bool = True) -> None:
        """Write its configuration: a site may leave scrontab off."""
        text = CONFIGURATION.format(
            host=socket.gethostname(),
            controller_port=self.ports[0],
            node_port=self.ports[1],
            folder=self.folder,
            plugins=self.plugins,
            processors=os.cpu_count(),
            scron="ScronParameters=enable" if scron else "",
        )
        self.configuration.write_text(text)

    @property
    def environ(self) -> dict[str, str]:
        """What a shell needs that uses it; the programs are in `programs`."""
        return {"SLURM_CONF": str(self.configuration)}

    def run(
        self, *command: str, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        """Run one of its programs as a person does."""
        program, *arguments = command
        return subprocess.run(
            [self.programs / program, *arguments],
            env={**os.environ, **self.environ},
            input=stdin,
            capture_output=True,
            check=False,
        )

    @property
    def scrontab(self) -> bytes | None:
        """This user's scrontab; None for none."""
        listed = self.run("scrontab", "-l")
        return listed.stdout if listed.returncode == 0 else None

    @scrontab.setter
    def scrontab(self, content: bytes) -> None:
        written = self.run("scrontab", "-", stdin=content)
        assert written.returncode == 0, written

    def jobs(self) -> list[list[str]]:
        """Id, name, state, next begin and reason of each job."""
        listed = self.run("squeue", "--me", "-h", "-o", "%i|%j|%T|%S|%r")
        assert listed.returncode == 0, listed
        return [line.split("|") for line in listed.stdout.decode().splitlines()]

    def start_controller(self) -> None:
        self._start("controller", "slurmctld", "-D")
        until(lambda: self.run("scontrol", "ping").returncode == 0, "the controller")

    def start_node(self) -> None:
        stepd = self.folder / "own" / "slurmstepd"
        self._start("node", "slurmd", "-D", "-d", str(stepd))
        until(lambda: b"idle" in self.run("sinfo", "-h", "-o", "%T").stdout, "the node")

    def _start(self, name: str, program: str, *arguments: str) -> None:
        log: IO[bytes] = (self.folder / f"{name}.log").open("ab")
        with log:
            self._daemons[name] = subprocess.Popen(
                [self.programs / program, *arguments],
                env={**os.environ, **self.environ},
                stdout=log,
                stderr=log,
            )

    def stop(self, name: str) -> None:
        """Stop the `controller` or the `node`."""
        daemon = self._daemons.pop(name)
        daemon.terminate()
        daemon.wait(30)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def start_slurm(folder: Path, packages: Path, home: Path) -> Iterator[Slurm]:
    """Start a cluster whose jobs run in `home`; it stops at the end."""
    slurm = Slurm(folder, packages, home)
    try:
        slurm.start_controller()
        slurm.start_node()
        yield slurm
    finally:
        for name in list(slurm._daemons):
            slurm.stop(name)
