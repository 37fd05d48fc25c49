"""Runs ``ocarina-kit`` and kills it (SIGKILL) right before its N-th step that changes a file or sends something.

kill_harness.py N ARGUMENTS…    N 0: never; the number of steps is written to the file that $KIT_STEPS names
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

_CHANGES = {
    *("os.rename", "os.remove", "os.mkdir", "os.chmod", "os.truncate", "fcntl.flock"),
    *("socket.sendto", "socket.connect", "subprocess.Popen"),
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def main() -> int:
    last = int(sys.argv[1])
    steps = 0

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal steps
        if event == "open":
            path, _, flags = arguments
            if not isinstance(flags, int) or not flags & _WRITING or "__pycache__" in str(path):
                return
        elif event not in _CHANGES:
            return
        steps += 1
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)

    from ocarina_kit.cli.app import run

    sys.addaudithook(watch)
    code = run(sys.argv[2:])
    if name := os.environ.get("KIT_STEPS"):
        Path(name).write_text(str(steps))
    return code


if __name__ == "__main__":
    sys.exit(main())
