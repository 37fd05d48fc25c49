"""Questions side by side: threads only ask, and the calling thread gets the answers as they come."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")

_MOST = 100
"""Items that are asked about at the same time."""


def side_by_side(
    items: Sequence[Asked], ask: Callable[[Asked], Answered]
) -> Iterator[list[tuple[Asked, Answered]]]:
    """``ask`` of each item; yields whatever was answered since the last time.

    A bug in one ends no other: it is raised once all are answered. If the system gives no thread, the calling thread
    asks. The threads are daemons: one that hangs in a dead file system does not keep the kit from its end.
    """
    answered: queue.SimpleQueue[tuple[Asked, Answered | BaseException]] = (
        queue.SimpleQueue()
    )
    waiting = deque(items)
    asked = 0
    bugs = []

    def work(item: Asked) -> None:
        try:
            answered.put((item, ask(item)))
        except BaseException as bug:  # raised again by the calling thread
            answered.put((item, bug))

    while waiting or asked:
        while waiting and asked < _MOST and answered.empty():
            item = waiting.popleft()
            try:
                threading.Thread(target=work, args=(item,), daemon=True).start()
            except RuntimeError:
                work(item)
            asked += 1
        batch = [answered.get()]
        while not answered.empty():
            batch.append(answered.get())
        asked -= len(batch)
        bugs += [answer for _, answer in batch if isinstance(answer, BaseException)]
        yield [
            (item, answer)
            for item, answer in batch
            if not isinstance(answer, BaseException)
        ]
    if bugs:
        raise bugs[0]
