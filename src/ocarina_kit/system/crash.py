"""Writes the log of a bug: where it happened, never with what values."""

from __future__ import annotations

import sys
from pathlib import Path

from ocarina_kit.system.machine import Machine


def write_crash_log(machine: Machine | None, bug: BaseException) -> str:
    """Write a redacted traceback of ``bug`` to the state folder, 0600; returns its path, or why there is none.

    Locals and source lines are never written; messages are masked, as they may quote what a person typed. ``machine``
    is None if the bug came before there was one.
    """
    import time

    from ocarina_kit.system.errors import KitError
    from ocarina_kit.system.files import make_private_folder, write_private
    from ocarina_kit.system.machine import this_machine

    try:
        folder = make_private_folder((machine or this_machine()).state)
        path = folder / time.strftime("crash-%Y%m%dT%H%M%SZ.log", time.gmtime())
        write_private(path, _report(bug).encode("utf-8", "backslashreplace"))
    except (KitError, OSError) as problem:
        return f"(the log could not be written: {problem})"
    return str(path)


def _report(bug: BaseException) -> str:
    """Versions, the chain of exceptions, and file, line and function of each frame."""
    import traceback

    from ocarina_kit import __version__
    from ocarina_kit.system.secret import mask, mask_opaque

    version = ".".join(map(str, sys.version_info[:3]))
    lines = [f"ocarina-kit {__version__}, Python {version}, {sys.platform}"]
    seen: BaseException | None = bug
    while seen is not None:
        lines.append(mask_opaque(mask(f"{type(seen).__module__}.{type(seen).__qualname__}: {seen}")))
        for frame in traceback.extract_tb(seen.__traceback__):
            parts = Path(frame.filename).parts  # the folders before the package may name the home
            name = "/".join(parts[parts.index("ocarina_kit") :]) if "ocarina_kit" in parts else parts[-1]
            lines.append(f"  {name}:{frame.lineno} in {frame.name}")
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return "\n".join(lines) + "\n"
