"""Runs ``ocarina-kit`` and kills it (SIGKILL) right before its N-th step.

A step changes a file or sends something.

kill_harness.py N ARGUMENTS…

With N 0 it is never killed. The number of steps is written to the file that $KIT_STEPS
names.
"""

import os
import signal
import sys
from pathlib import Path

from ocarina_kit.cli.app import run

CHANGES = {
    *("os.rename", "os.remove", "os.mkdir", "os.chmod", "os.truncate", "fcntl.flock"),
    *("socket.sendto", "socket.connect", "subprocess.Popen"),
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
steps = 0


def watch(event: str, arguments: tuple) -> None:
    global steps  # noqa: PLW0603  # a hook has no other place for it
    if event == "open":
        path, _, flags = arguments
        changes = (
            isinstance(flags, int)
            and flags & WRITING
            and "__pycache__" not in str(path)
        )
    else:
        changes = event in CHANGES
    steps += bool(changes)
    if changes and steps == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)


sys.addaudithook(watch)
code = run(sys.argv[2:])
Path(os.environ["KIT_STEPS"]).write_text(str(steps))
sys.exit(code)
