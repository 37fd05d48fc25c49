"""`python -m ocarina_kit.sandbox`: the server's own process.

`handle.Sandbox` controls it over a pipe. Django's settings are global to a process, so
each sandbox has one. It reads commands from standard input, and answers on standard
output. It ends, with its folder, when the input ends, even if its parent was killed.
"""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from ocarina_kit.sandbox.state import STATE


def main() -> int:
    """Serve until the pipe ends. Returns the exit code."""
    # Ctrl-C in a terminal goes to the complete group, as does the end of the terminal.
    # The parent is the one that answers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    pipe = sys.stdout.buffer
    # Nothing that Django or a library prints may come between the answers.
    sys.stdout = sys.stderr

    def answer(*message: Any) -> None:
        pickle.dump(message, pipe)
        pipe.flush()

    parent = os.getppid()
    # Both ends of the pipe are this package.
    options = pickle.load(sys.stdin.buffer)  # noqa: S301
    with tempfile.TemporaryDirectory(
        prefix="ocarina-sandbox-", ignore_cleanup_errors=True
    ) as name:
        folder = Path(name)
        try:
            server = _start(folder, **options)
        except Exception as problem:
            is_port = options["port"] and isinstance(problem, OSError)
            where = f"port {options['port']}: " if is_port else ""
            answer("error", f"{where}{getattr(problem, 'strerror', None) or problem}")
            return 1
        answer("ok", (server.url, folder))
        threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()
        _obey(server, answer)
        server.shutdown()
        server.server_close()
    if os.getppid() != parent or folder.exists():
        _clear_up_after_orphans(folder)
    return 0


def _start(
    folder: Path, *, port: int, tls: bool, certificate: str, **options: Any
) -> Any:
    """Make the server, bound and ready."""
    from django.utils import timezone

    # Django and the toolkit ask this for every lifetime. They import it by its name, so
    # it has to be set before.
    timezone.now = STATE.now
    from ocarina_kit.sandbox.majora2.settings import make_ready
    from ocarina_kit.sandbox.web import Server, tls_context

    server = Server(port, tls_context(folder, certificate) if tls else None)
    server.django = make_ready(folder, port=server.server_port, tls=tls)
    vars(STATE).update(options)
    return server


def _obey(server: Any, answer: Any) -> None:
    """Do what the parent asks, until the pipe ends."""
    from ocarina_kit.sandbox.control import Control

    control = Control(server)
    while True:
        try:
            message = pickle.load(sys.stdin.buffer)  # noqa: S301  # see main()
        except EOFError:
            return
        command, arguments, options = message
        try:
            with server.lock:
                answer("ok", getattr(control, command)(*arguments, **options))
        except Exception as problem:  # whatever it is belongs to the test that asked
            answer("error", f"{type(problem).__name__}: {problem}")


def _clear_up_after_orphans(folder: Path) -> None:
    """Remove the folder again, for some seconds.

    If the parent was killed, a program that it ran may go on, and write there.
    """
    for _ in range(100):
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
