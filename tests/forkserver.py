"""Runs of the command without the start of an interpreter: a process that has imported everything forks for each.

As a program, with the number of its socket, this file is that process. A run gets an environment, a working folder and
standard streams of its own, and is what ``python -m ocarina_kit`` is from there on.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

_LATE = "requests_oauthlib idna encodings.idna crontab cronsim rich.console rich.status rich.live zoneinfo"
_NUMBER, _LENGTH = struct.Struct("i"), struct.Struct("Q")


class Server:
    """The process that forks. ``environ`` is what an interpreter reads at its start: ``PYTHON…``, the language."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._control, theirs = socket.socketpair()
        self._lock = threading.Lock()
        with theirs:
            command, number = [sys.executable, __file__, str(theirs.fileno())], [theirs.fileno()]
            self._process = subprocess.Popen(command, env=environ, pass_fds=number, start_new_session=True)

    def start(
        self,
        args: Sequence[str],
        environ: Mapping[str, str],
        cwd: Path,
        files: Sequence[int] = (),
        tty: str = "",
    ) -> Run:
        """Start a run with these standard streams, or with that terminal as its own."""
        answers, theirs = socket.socketpair()
        job = json.dumps([args, dict(environ), str(cwd), tty]).encode()
        with self._lock, theirs:
            socket.send_fds(self._control, [_LENGTH.pack(len(job))], [theirs.fileno(), *files])
            self._control.sendall(job)
        return Run(args, answers)

    def run(
        self, args: Sequence[str], environ: Mapping[str, str], cwd: Path, data: bytes, timeout: float
    ) -> subprocess.CompletedProcess[bytes]:
        """As `subprocess.run`: everything through pipes."""
        (stdin, feed), (out, stdout), (err, stderr) = os.pipe(), os.pipe(), os.pipe()
        run = self.start(args, environ, cwd, (stdin, stdout, stderr))
        for number in (stdin, stdout, stderr):
            os.close(number)
        with ThreadPoolExecutor(3) as pool:
            read = [pool.submit(_all_of, number) for number in (out, err)]
            pool.submit(_write, feed, data)
            try:
                run.wait(timeout)
            finally:
                run.send_signal(signal.SIGKILL)
                code = run.wait()
        return subprocess.CompletedProcess(args, code, read[0].result(), read[1].result())

    def close(self) -> None:
        self._control.close()
        self._process.wait()


class Run:
    """A forked run, with what is used of `subprocess.Popen`."""

    def __init__(self, args: Sequence[str], answers: socket.socket) -> None:
        self.args, self._answers = args, answers
        self.pid, self.returncode = self._read(), None

    def _read(self) -> int:
        data = self._answers.recv(_NUMBER.size)
        assert data, "the process that forks has ended"
        return int(_NUMBER.unpack(data)[0])

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._answers], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = self._read()
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


def _all_of(number: int) -> bytes:
    with open(number, "rb") as stream:
        return stream.read()


def _write(number: int, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), open(number, "wb", buffering=0) as stream:
        stream.write(data)


# --- the process that forks -------------------------------------------------------------------------------------------


def _serve(control: socket.socket) -> None:
    """Fork for each job and tell of each end, until the tests' process has gone. Returns in each fork."""
    ended, wake = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    running: dict[int, socket.socket] = {}
    while True:
        ready = select.select([control, ended], [], [])[0]
        if ended in ready:
            ended.recv(1000)
            for pid in [*running]:
                if (done := os.waitpid(pid, os.WNOHANG))[0]:
                    _tell(running.pop(pid), os.waitstatus_to_exitcode(done[1]), close=True)
        if control in ready:
            head, files, _, _ = socket.recv_fds(control, _LENGTH.size, 4)
            if not head:
                os._exit(0)
            data = control.recv(_LENGTH.unpack(head)[0], socket.MSG_WAITALL)
            answers = socket.socket(fileno=files[0])
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                for each in (ended, wake, control, answers, *running.values()):
                    each.close()
                return _become(*json.loads(data), files[1:])
            running[pid] = answers
            _tell(answers, pid)
            for number in files[1:]:
                os.close(number)


def _tell(answers: socket.socket, number: int, *, close: bool = False) -> None:
    with contextlib.suppress(BrokenPipeError):  # nobody waits for it any more
        answers.send(_NUMBER.pack(number))
    if close:
        answers.close()


def _become(args: list[str], environ: dict[str, str], cwd: str, tty: str, files: list[int]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
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
        stream = open(number, "w" if number else "r", encoding=was.encoding, errors=was.errors, closefd=False)  # noqa: SIM115
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
