"""Runs of the command without the start of an interpreter.

A process that has imported everything forks for each.

As a program, with the number of its socket, this file is that process. A run gets an
environment, a working folder and standard streams of its own, and is what ``python -m
ocarina_kit`` is from there on. Linux only.
"""

from __future__ import annotations

import gc
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

_LATE = (
    "requests_oauthlib idna encodings.idna crontab cronsim rich.console"
    " rich.status rich.live zoneinfo"
)


class Server:
    """The process that forks.

    ``environ`` is what an interpreter reads at its start: ``PYTHON…``, the language.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._control, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        with theirs:
            command, number = (
                [sys.executable, __file__, str(theirs.fileno())],
                [theirs.fileno()],
            )
            self._process = subprocess.Popen(
                command, env=environ, pass_fds=number, start_new_session=True
            )

    def start(
        self,
        args: Sequence[str],
        environ: Mapping[str, str],
        cwd: Path,
        tty: str = "",
        *files: IO[bytes],
    ) -> Run:
        """Start a run with a terminal of its own, or with files as its streams."""
        answers, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        job = json.dumps([args, dict(environ), str(cwd), tty]).encode()
        with theirs:
            numbers = [theirs.fileno(), *(file.fileno() for file in files)]
            socket.send_fds(self._control, [job], numbers)
        return Run(args, answers)

    def run(
        self,
        args: Sequence[str],
        environ: Mapping[str, str],
        cwd: Path,
        data: bytes,
        timeout: float,
    ) -> subprocess.CompletedProcess[bytes]:
        """As `subprocess.run`, with files in place of pipes."""
        with TemporaryFile() as stdin, TemporaryFile() as out, TemporaryFile() as err:
            stdin.write(data)
            stdin.seek(0)
            run = self.start(args, environ, cwd, "", stdin, out, err)
            try:
                run.wait(timeout)
            finally:
                run.send_signal(signal.SIGKILL)
                code = run.wait()
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(args, code, out.read(), err.read())

    def close(self) -> None:
        self._control.close()
        self._process.wait()


class Run:
    """A forked run, with what is used of `subprocess.Popen`."""

    def __init__(self, args: Sequence[str], answers: socket.socket) -> None:
        self.args, self._answers = args, answers
        self.pid, self.returncode = self._read(), None

    def _read(self) -> int:
        data = self._answers.recv(99)
        assert data, "the process that forks has ended"
        return int(data)

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._answers], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = self._read()
            self._answers.recv(1)  # until its watcher has ended too
            self._answers.close()
        return self.returncode

    def poll(self) -> int | None:
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


# --- the process that forks


def _serve(control: socket.socket) -> None:
    """Fork a watcher for each job, until the tests' process has gone.

    Returns in each run.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the watchers
    while True:
        job, files, _, _ = socket.recv_fds(control, 1 << 20, 4)
        if not job:
            os._exit(0)
        if os.fork() == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            pid = os.fork()
            if pid == 0:
                return _become(*json.loads(job), files[1:])
            _watch(pid, socket.socket(fileno=files[0]))
        for number in files:
            os.close(number)


def _watch(pid: int, answers: socket.socket) -> None:
    """Tell the run's number, and its exit code when it has ended."""
    try:
        answers.send(b"%d" % pid)
        answers.send(b"%d" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    finally:  # nobody may wait for it any more
        os._exit(0)


def _become(
    args: list[str], environ: dict[str, str], cwd: str, tty: str, files: list[int]
) -> None:
    if tty:
        os.setsid()  # the leader of a session that opens a terminal, gets it
        files = [os.open(tty, os.O_RDWR)] * 3
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.closerange(3, 256)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    os.chdir(cwd)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        was = getattr(sys, name)
        stream = open(  # noqa: SIM115
            number,
            "w" if number else "r",
            encoding=was.encoding,
            errors=was.errors,
            closefd=False,
        )
        setattr(sys, name, stream)
    sys.stderr.reconfigure(line_buffering=True)
    sys.path.insert(0, cwd)
    sys.argv = ["-m", *args]


if __name__ == "__main__":
    import ocarina_kit

    sys.path.pop(0)

    for module in pkgutil.walk_packages(ocarina_kit.__path__, "ocarina_kit."):
        if "sandbox" not in module.name and "__main__" not in module.name:
            import_module(module.name)
    for name in _LATE.split():
        import_module(name)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.freeze()
    _serve(socket.socket(fileno=int(sys.argv[1])))
    runpy.run_module("ocarina_kit", run_name="__main__", alter_sys=True)
