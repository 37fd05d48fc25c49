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
    by KeyboardInterrupt, so that locks and temporary files are cleared away."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _handled(interrupt):
        yield


@contextlib.contextmanager
def held_off(told: Callable[[], None] = lambda: None) -> Iterator[threading.Event]:
    """Within the block no such signal cuts anything short: the event that is handed out is set in its place.

    ``told`` is called at each. Whoever runs the block looks at the event and brings things to an end.
    """
    asked = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        asked.set()
        told()

    with _handled(note):
        yield asked


@contextlib.contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread gets signals, and only it may say what they do
        return
    before: dict[signal.Signals, Any] = {}
    try:
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
