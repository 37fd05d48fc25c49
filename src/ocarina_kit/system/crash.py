"""Writes the log of a bug, without secrets."""

from __future__ import annotations

import sys
import time


def write_crash_log(bug: BaseException) -> str:
    """Write a traceback without secrets to the state folder, 0600.

    It has no values of variables. Messages are masked, as they may quote what a person
    typed.

    Returns:
        The path of the log; empty if it cannot be written.
    """
    import traceback

    from ocarina_kit import __version__
    from ocarina_kit.system.files import make_private_folder, write_private
    from ocarina_kit.system.machine import this_machine
    from ocarina_kit.system.problem import KitError
    from ocarina_kit.system.secret import mask, mask_opaque
    from ocarina_kit.system.words import tilde

    python = sys.version.split()[0]
    head = f"ocarina-kit {__version__}, Python {python}, {sys.platform}\n"
    trace = "".join(traceback.format_exception(bug))
    text = head + mask_opaque(mask(trace))
    try:
        machine = this_machine()
        name = time.strftime("crash-%Y%m%dT%H%M%SZ.log", time.gmtime())
        path = make_private_folder(machine.state) / name
        shown = tilde(text, machine.home)
        write_private(path, shown.encode("utf-8", "backslashreplace"))
    except (KitError, OSError):
        return ""
    return str(path)
