"""Handles the signals that ask the kit to end."""

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
    """Let all signals that ask to end do so by KeyboardInterrupt, as Ctrl-C does.

    SIGTERM comes from a batch system or a shutdown, SIGHUP from a lost connection. So
    locks and temporary files are removed.
    """
    with _handled(signal.default_int_handler):
        yield


@contextlib.contextmanager
def held_off() -> Iterator[list[int]]:
    """Only note the signals that come within the block, in the list that it gets.

    The block looks at the list, and brings its work to an end. The handler does nothing
    else: one that prints can fail, or wait for the lock of a stream.
    """
    received: list[int] = []
    with _handled(lambda number, _: received.append(number)):
        yield received


@contextlib.contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before: dict[signal.Signals, Any] = {}
    try:
        # Only the main thread may set handlers.
        if threading.current_thread() is threading.main_thread():
            for number in _ASK_TO_END:
                earlier = signal.getsignal(number)
                # What is ignored stays so: nohup, or a background job of sh, set it.
                # None means that C code has set the handler.
                if earlier not in (signal.SIG_IGN, None):
                    before[number] = earlier
                    signal.signal(number, handler)
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
