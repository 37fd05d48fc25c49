"""Asks many questions at the same time, each in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")
_Item = TypeVar("_Item")

_MOST_AT_ONCE = 100


def side_by_side(
    items: Sequence[Asked], ask: Callable[[Asked], Answered]
) -> Iterator[list[tuple[Asked, Answered]]]:
    """Call `ask` with each item; yield the answers in batches, as they come.

    Threads only ask: whatever is done with an answer is done by the calling thread. An
    exception in one call ends no other: it is raised once all have come to an end.
    """
    # Not concurrent.futures: at its exit Python waits for the threads of a pool. These
    # are daemons, so one that hangs in a dead file system does not keep the kit alive.
    results: queue.SimpleQueue[tuple[Asked, Answered | BaseException]] = (
        queue.SimpleQueue()
    )
    waiting = deque(items)
    running = 0
    bugs: list[BaseException] = []

    def work(item: Asked) -> None:
        try:
            results.put((item, ask(item)))
        except BaseException as bug:  # raised again by the calling thread
            results.put((item, bug))

    while waiting or running:
        while waiting and running < _MOST_AT_ONCE and results.empty():
            _start(work, waiting.popleft())
            running += 1
        answers = []
        for item, answer in _take_all(results):
            running -= 1
            if isinstance(answer, BaseException):
                bugs.append(answer)
            else:
                answers.append((item, answer))
        yield answers
    if bugs:
        raise bugs[0]


def _start(work: Callable[[_Item], None], item: _Item) -> None:
    """Work on an item in a new thread; in this one if the system gives no other."""
    try:
        threading.Thread(target=work, args=(item,), daemon=True).start()
    except RuntimeError:
        work(item)


def _take_all(results: queue.SimpleQueue[_Item]) -> list[_Item]:
    """Wait for a result, and take all that have come by then."""
    batch = [results.get()]
    while not results.empty():
        batch.append(results.get())
    return batch
