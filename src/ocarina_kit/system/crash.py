"""Writes the log of a bug: where it happened, never with what values."""

from __future__ import annotations

import sys
import time
from pathlib import Path


def write_crash_log(bug: BaseException) -> str:
    """Write a redacted traceback of ``bug`` to the state folder, 0600; returns its path, "" if it cannot be written.

    Locals and source lines are never written; messages are masked, as they may quote what a person typed.
    """
    from ocarina_kit.system.errors import KitError
    from ocarina_kit.system.files import make_private_folder, write_private
    from ocarina_kit.system.machine import this_machine

    try:
        folder = make_private_folder(this_machine().state)
        path = folder / time.strftime("crash-%Y%m%dT%H%M%SZ.log", time.gmtime())
        write_private(path, _report(bug).encode("utf-8", "backslashreplace"))
    except (KitError, OSError):
        return ""
    return str(path)


def _report(bug: BaseException) -> str:
    """Versions, the chain of exceptions, and file, line and function of each frame."""
    import traceback

    from ocarina_kit import __version__
    from ocarina_kit.system.secret import mask, mask_opaque

    lines = [f"ocarina-kit {__version__}, Python {sys.version.split()[0]}, {sys.platform}"]
    seen: BaseException | None = bug
    while seen is not None:
        lines.append(mask_opaque(mask(f"{type(seen).__module__}.{type(seen).__qualname__}: {seen}")))
        for frame in traceback.extract_tb(seen.__traceback__):
            name = "/".join(Path(frame.filename).parts[-2:])  # the folders above may name the home
            lines.append(f"  {name}:{frame.lineno} in {frame.name}")
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return "\n".join(lines) + "\n"
