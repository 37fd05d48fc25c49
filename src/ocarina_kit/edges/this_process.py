"""The effects of the process that a person started: the one place that makes the real bundle."""

from __future__ import annotations

import os
import pwd
import socket
from pathlib import Path

from ocarina_kit.edges.process import run
from ocarina_kit.edges.system import System


def real_system() -> System:
    """The bundle for the process that a person started."""
    uid = os.geteuid()
    try:
        entry = pwd.getpwuid(uid)
        user, fallback_home = entry.pw_name, entry.pw_dir
    except KeyError:
        user, fallback_home = os.environ.get("LOGNAME", str(uid)), "/"
    home = Path(os.environ.get("HOME") or fallback_home)
    return System(environ=dict(os.environ), home=home, user=user, host=socket.gethostname(), run=run)
