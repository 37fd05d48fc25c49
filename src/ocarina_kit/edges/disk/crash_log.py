"""Writes the log of a bug: where it happened, never with what values."""

from __future__ import annotations

import platform
import sys
import time
import traceback
from pathlib import Path

from ocarina_kit import __version__
from ocarina_kit.core.redact import mask, mask_opaque


def write_crash_log(bug: BaseException) -> str:
    """Write a redacted traceback of ``bug`` to the state folder, 0600; returns its path, or why there is none.

    Locals and source values are never written; messages are masked, as they may quote what a person typed.
    """
    from ocarina_kit.core.errors import KitError
    from ocarina_kit.edges.disk.files import make_private_folder
    from ocarina_kit.edges.disk.writes import write_private
    from ocarina_kit.edges.this_process import real_system

    try:
        folder = make_private_folder(real_system().state_dir)
        path = folder / time.strftime("crash-%Y%m%dT%H%M%SZ.log", time.gmtime())
        write_private(path, crash_report(bug).encode("utf-8", "backslashreplace"))
    except (KitError, OSError) as problem:
        return f"(the log could not be written: {problem})"
    return str(path)


def crash_report(bug: BaseException) -> str:
    """The text of the log: versions, the chain of exceptions, and file, line and function of each frame."""
    lines = [f"ocarina-kit {__version__}, Python {platform.python_version()}, {sys.platform}"]
    seen: BaseException | None = bug
    while seen is not None:
        lines.append(mask_opaque(mask(f"{type(seen).__module__}.{type(seen).__qualname__}: {seen}")))
        for frame in traceback.extract_tb(seen.__traceback__):
            lines.append(f"  {_from_package(frame.filename)}:{frame.lineno} in {frame.name}")
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return "\n".join(lines) + "\n"


def _from_package(filename: str) -> str:
    """The path without the home folder it may lie in."""
    parts = Path(filename).parts
    for marker in ("site-packages", "src", "lib"):
        if marker in parts:
            return str(Path(*parts[len(parts) - parts[::-1].index(marker) :]))
    return Path(filename).name
