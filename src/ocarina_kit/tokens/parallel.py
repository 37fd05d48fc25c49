"""Requests side by side: workers only ask, and the calling thread gets the answers as they come."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from ocarina_kit.system.errors import KitError, Remedy

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


def side_by_side(
    items: Sequence[Asked], ask: Callable[[Asked], Answered], at_once: int
) -> Iterator[list[tuple[Asked, Answered]]]:
    """``ask`` of each item, at most ``at_once`` together; yields whatever was answered since the last time.

    A bug in one ends no other: it is raised once all are answered. KitError (USE002), with nothing asked, where the
    system gives no thread. Not ``concurrent.futures``: its pool may still ask what it has reported as not begun.
    """
    waiting: queue.SimpleQueue[Asked] = queue.SimpleQueue()
    answered: queue.SimpleQueue[tuple[Asked, Answered | BaseException]] = queue.SimpleQueue()
    for item in items:
        waiting.put(item)

    def work() -> None:
        while True:
            try:
                item = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                answered.put((item, ask(item)))
            except BaseException as bug:  # raised again by the calling thread
                answered.put((item, bug))

    workers: list[threading.Thread] = []
    try:
        for _ in range(min(at_once, len(items))):
            worker = threading.Thread(target=work, daemon=True)
            worker.start()
            workers.append(worker)
    except RuntimeError as problem:  # with fewer threads it only takes longer
        if not workers:
            raise KitError(
                "This machine allows no further thread, so nothing was sent.",
                id="USE002",
                why="The limit of processes for your user is reached (ulimit -u).",
                remedy=Remedy("End other programs of yours, then try again."),
            ) from problem
    bugs: list[BaseException] = []
    left = len(items)
    while left:
        batch = [answered.get()]
        while not answered.empty():
            batch.append(answered.get())
        left -= len(batch)
        bugs += [answer for _, answer in batch if isinstance(answer, BaseException)]
        yield [(item, answer) for item, answer in batch if not isinstance(answer, BaseException)]
    for worker in workers:
        worker.join()
    if bugs:
        raise bugs[0]
