"""edges/cron/cron_daemon.py over made-up hosts: "no daemon" is said only where nothing can be hidden."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ocarina_kit.core.cron.schedule_facts import Daemon, DaemonFacts
from ocarina_kit.edges.cron.cron_daemon import cron_daemon
from ocarina_kit.edges.process import run
from ocarina_kit.edges.system import Completed, System


class Host:
    """A folder that stands for ``/``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.processes(p1="systemd", pself="python", p412="sshd")

    def processes(self, **names: str) -> Host:
        for pid, name in names.items():
            folder = self.root / "proc" / pid[1:]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "comm").write_text(name + "\n")
        return self

    def hide(self, pid: str) -> Host:
        (self.root / "proc" / pid / "comm").unlink()
        return self

    def file(self, path: str, text: str = "") -> Host:
        there = self.root / path
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_text(text)
        return self

    def look(self, **environ: str) -> DaemonFacts:
        system = System(environ=environ, home=self.root, user="lab", host="node1", run=run)
        return cron_daemon(system, self.root, "linux")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@pytest.mark.parametrize("name", ["cron", "crond", "fcron", "dcron", "bcron-sched"])
def test_a_daemon_is_known_by_its_name(host: Host, name: str) -> None:
    seen = host.processes(p77=name).look()
    assert (seen.state, seen.detail) == (Daemon.RUNS, f"{name}, process 77")


def test_busybox_is_one_as_crond(host: Host) -> None:
    host.processes(p77="busybox").file("proc/77/cmdline", "busybox\0crond\0-f\0")
    assert host.look().state is Daemon.RUNS
    host.file("proc/77/cmdline", "busybox\0ash\0")
    assert host.look().state is Daemon.ABSENT


def test_a_whole_host_without_one(host: Host) -> None:
    assert host.look().state is Daemon.ABSENT
    assert host.processes(p9="cronolog", p10="anacron").look().state is Daemon.ABSENT


def test_a_daemon_in_a_container_counts(host: Host) -> None:
    assert host.file(".dockerenv").processes(p1="tini", p9="cron").look().state is Daemon.RUNS


@pytest.mark.parametrize("mark", [".dockerenv", "run/.containerenv", "run/systemd/container"])
def test_a_container_tells_nothing(host: Host, mark: str) -> None:
    assert host.file(mark).look().state is Daemon.UNTOLD


@pytest.mark.parametrize("name", ["KUBERNETES_SERVICE_HOST", "container"])
def test_a_container_is_known_by_its_environment_too(host: Host, name: str) -> None:
    assert host.look(**{name: "x"}).state is Daemon.UNTOLD


@pytest.mark.parametrize("first", ["bash", "sleep", "tini", "python3", "docker-init"])
def test_a_first_process_that_is_no_init_tells_nothing(host: Host, first: str) -> None:
    assert host.processes(p1=first).look().state is Daemon.UNTOLD


def test_hidden_processes_tell_nothing(host: Host) -> None:
    assert host.hide("1").look().state is Daemon.UNTOLD


def test_no_proc_tells_nothing(tmp_path: Path) -> None:
    system = System(environ={}, home=tmp_path, user="lab", host="node1", run=run)
    assert cron_daemon(system, tmp_path, "linux").state is Daemon.UNTOLD


def test_timers_in_place_of_a_daemon_tell_nothing(host: Host) -> None:
    host.file("usr/lib/systemd/system-generators/systemd-crontab-generator")
    assert host.look().state is Daemon.UNTOLD


def test_a_pid_file_counts_where_its_process_is_there_and_hidden(host: Host) -> None:
    host.hide("1").file("run/crond.pid", f"{os.getpid()}\n")
    assert host.look().state is Daemon.RUNS


@pytest.mark.parametrize("text", ["", "x", "999999999\n", "99999999999999999999\n", "412\n"])
def test_a_stale_pid_file_does_not(host: Host, text: str) -> None:
    assert host.file("run/crond.pid", text).look().state is Daemon.ABSENT


@pytest.mark.parametrize(
    ("listed", "state"),
    [
        (b"/sbin/launchd\n/usr/sbin/cron\n", Daemon.RUNS),
        (b"/sbin/launchd\n", Daemon.UNTOLD),
        (b"", Daemon.UNTOLD),
    ],
)
def test_macos_asks_ps(tmp_path: Path, listed: bytes, state: Daemon) -> None:
    def ps(argv: object, **_: object) -> Completed:
        return Completed(("ps",), 0, listed)

    system = System(environ={}, home=tmp_path, user="lab", host="node1", run=ps)
    assert cron_daemon(system, tmp_path, "darwin").state is state
