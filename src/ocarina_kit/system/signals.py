"""Signals that ask the kit to end, while it does what must not be cut short."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

_ASK_TO_END = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def as_interrupts() -> Iterator[None]:
    """Within the block SIGTERM (a batch system, a shutdown) and SIGHUP (a lost connection) end the run as Ctrl-C does:
    by KeyboardInterrupt, so that locks and temporary files are removed."""
    with _handled(signal.default_int_handler):
        yield


@contextlib.contextmanager
def held_off() -> Iterator[list[int]]:
    """Within the block no such signal cuts anything short: those that came are in the list that is handed out.

    The handler does nothing else: one that prints can fail, or wait for a lock of the stream. Whoever runs the block
    looks at the list and brings things to an end.
    """
    came: list[int] = []
    with _handled(lambda number, _: came.append(number)):
        yield came


@contextlib.contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before: dict[signal.Signals, Any] = {}
    try:
        if (
            threading.current_thread() is threading.main_thread()
        ):  # only it may set handlers
            for number in _ASK_TO_END:
                known = signal.getsignal(number)
                # Ignored by whoever started us (nohup, a background job of sh): stays so. None: set by C code.
                if known not in (signal.SIG_IGN, None):
                    before[number] = known
                    signal.signal(number, handler)
        yield
    finally:
        for number, known in before.items():
            signal.signal(number, known)
