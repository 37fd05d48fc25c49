"""The server's own process: Django over SQLite in a folder of its own, ruled over a pipe by :class:`.handle.Sandbox`.

Django's settings are global to a process, so each sandbox has one. It reads commands as JSON lines from standard
input, answers on standard output, and ends, with its folder, when the input ends: also when its parent was killed.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, TextIO

from ocarina_kit.sandbox.clock import SERVER_CLOCK

_ORPHANS_LIVE, _QUIET = 60.0, 5.0
"""Seconds for which what a killed parent left behind is waited for, and after which nothing more is expected."""
_NO_PORT = {errno.EADDRINUSE, errno.EACCES}


def main() -> int:
    # Ctrl-C in the terminal goes to the whole group, as does the terminal's end; the parent is the one that answers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    # Nothing that Django or a library prints may stand between the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    parent = os.getppid()
    options = json.loads(sys.stdin.readline())
    with tempfile.TemporaryDirectory(prefix="ocarina-sandbox-", ignore_cleanup_errors=True) as folder:
        try:
            server, ready = _start(Path(folder), options)
        except OSError as problem:
            where = f"port {options['port']}: " if problem.errno in _NO_PORT else ""
            _say(answers, {"error": where + (problem.strerror or str(problem))})
            return 1
        _say(answers, {"ok": ready})
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        _obey(server, sys.stdin, answers)
        server.shutdown()
        server.server_close()
    if os.getppid() != parent or Path(folder).exists():
        _clear_up_after_orphans(Path(folder))
    return 0


def _clear_up_after_orphans(folder: Path) -> None:
    """Where the parent was killed, a program that it ran in the folder may go on for some seconds, and write there."""
    quiet_since = time.monotonic()
    give_up = quiet_since + _ORPHANS_LIVE
    while time.monotonic() < min(give_up, quiet_since + _QUIET):
        if folder.exists():
            shutil.rmtree(folder, ignore_errors=True)
            quiet_since = time.monotonic()
        time.sleep(0.1)


def _start(folder: Path, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    SERVER_CLOCK.rule_django()
    from ocarina_kit.sandbox.web import Server, tls_context

    context, ca_file = None, None
    if options["tls"]:
        context, ca_file = tls_context(folder, options["certificate"])
    server = Server(options["port"], context=context, fold_slashes=options["fold_slashes"])
    import django
    from django.conf import settings as django_settings
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    from ocarina_kit.sandbox.majora.options import OPTIONS
    from ocarina_kit.sandbox.majora.settings import settings

    django_settings.configure(**settings(folder, port=server.server_port, tls=bool(context)))
    django.setup(set_prefix=False)
    call_command("migrate", run_syncdb=True, verbosity=0, interactive=False, skip_checks=True)
    OPTIONS.minimum_client = options["minimum_client"]
    OPTIONS.query_scope = options["query_scope"]
    OPTIONS.shows_codes = options["shows_codes"]
    server.set_app(get_wsgi_application())
    scheme = "https" if context else "http"
    return server, {
        "url": f"{scheme}://127.0.0.1:{server.server_port}/",
        "ca_file": ca_file,
        "folder": str(folder),
    }


def _obey(server: Any, commands: TextIO, answers: TextIO) -> None:
    from ocarina_kit.sandbox.control import Control

    control = Control(server)
    for line in commands:
        request = json.loads(line)
        if request["do"] == "stop":
            break
        try:
            answer = {"ok": control.do(request["do"], request["with"])}
        except Exception as problem:  # whatever it is belongs to the test that asked
            answer = {"error": f"{type(problem).__name__}: {problem}"}
        _say(answers, answer)


def _say(answers: TextIO, message: dict[str, Any]) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()
