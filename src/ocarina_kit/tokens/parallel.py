"""Requests side by side: threads only ask, and the calling thread gets the answers as they come."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")

MOST = 100
"""Items that are asked about together, at most."""


def side_by_side(
    items: Sequence[Asked], ask: Callable[[Asked], Answered]
) -> Iterator[list[tuple[Asked, Answered]]]:
    """``ask`` of each item, all at once; yields whatever was answered since the last time.

    A bug in one ends no other: it is raised once all are answered. An item for which the system gives no thread is
    asked about by the calling thread.
    """
    answered: queue.SimpleQueue[tuple[Asked, Answered | BaseException]] = queue.SimpleQueue()

    def work(item: Asked) -> None:
        try:
            answered.put((item, ask(item)))
        except BaseException as bug:  # raised again by the calling thread
            answered.put((item, bug))

    late, left = [], len(items)
    for item in items:
        try:
            threading.Thread(target=work, args=(item,), daemon=True).start()
        except RuntimeError:
            late.append(item)
    bugs = []
    while left:
        if left == len(late):  # all others are answered, and saved by whoever gets the answers
            work(late.pop())
        batch = [answered.get()]
        while not answered.empty():
            batch.append(answered.get())
        left -= len(batch)
        bugs += [answer for _, answer in batch if isinstance(answer, BaseException)]
        yield [(item, answer) for item, answer in batch if not isinstance(answer, BaseException)]
    if bugs:
        raise bugs[0]
