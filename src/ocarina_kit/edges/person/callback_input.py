"""A callback that comes in a file or on standard input."""

from __future__ import annotations

import sys
from typing import BinaryIO

from ocarina_kit.core.oauth.login_errors import unreadable_callback
from ocarina_kit.edges.system import System

CAP = 1 << 20
"""Bytes: more is no callback."""


def read_callback(system: System, source: str, stdin: BinaryIO | None = None) -> str:
    """The text in the file ``source``, or on standard input for ``-``; what is not UTF-8 is replaced, for what reads
    it passes over far more than that. A pipe will do. Raises UsageError where nothing can be read."""
    try:
        if source == "-":
            data = (sys.stdin.buffer if stdin is None else stdin).read(CAP + 1)
        else:
            with system.expand(source).open("rb") as file:
                data = file.read(CAP + 1)
    except (OSError, ValueError) as problem:
        raise unreadable_callback(source, getattr(problem, "strerror", None) or str(problem)) from problem
    if len(data) > CAP:
        raise unreadable_callback(source, "it is larger than 1 MiB")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):  # Notepad's "Unicode"
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "replace")
