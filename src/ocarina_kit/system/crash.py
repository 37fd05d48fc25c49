"""Writes the log of a bug, without secrets."""

from __future__ import annotations

import sys
import time


def write_crash_log(bug: BaseException) -> str:
    """Write a redacted traceback of ``bug`` to the state folder, 0600; returns its path, "" if it cannot be written.

    It has no values of variables; messages are masked, as they may quote what a person typed.
    """
    import traceback

    from ocarina_kit import __version__
    from ocarina_kit.system.files import make_private_folder, write_private
    from ocarina_kit.system.machine import this_machine
    from ocarina_kit.system.problem import KitError
    from ocarina_kit.system.secret import mask, mask_opaque
    from ocarina_kit.system.words import tilde

    where = (
        f"ocarina-kit {__version__}, Python {sys.version.split()[0]}, {sys.platform}\n"
    )
    text = where + mask_opaque(mask("".join(traceback.format_exception(bug))))
    try:
        machine = this_machine()
        path = make_private_folder(machine.state) / time.strftime(
            "crash-%Y%m%dT%H%M%SZ.log", time.gmtime()
        )
        write_private(
            path, tilde(text, machine.home).encode("utf-8", "backslashreplace")
        )
    except (KitError, OSError):
        return ""
    return str(path)
