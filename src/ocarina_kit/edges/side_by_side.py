"""Several calls at once, none of which is waited for beyond a limit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

from ocarina_kit.edges.system import Clock

Key = TypeVar("Key")
Found = TypeVar("Found")


def side_by_side(
    calls: Mapping[Key, Callable[[], Found]], *, clock: Clock, seconds: float, at_once: int = 8
) -> dict[Key, Found]:
    """What each call returned, in the order of ``calls``; those that were not done in ``seconds`` are left out.

    The threads are daemons: one that hangs keeps nobody. An exception of a call is raised here.
    """
    until = clock.monotonic() + seconds
    waiting = list(calls.items())
    found: dict[Key, Found] = {}
    problems: list[BaseException] = []
    change = threading.Condition()
    busy = 0

    def work() -> None:
        nonlocal busy
        while True:
            with change:
                if not waiting or clock.monotonic() >= until:
                    busy -= 1
                    change.notify_all()
                    return
                key, call = waiting.pop(0)
            try:
                result = call()
            except BaseException as problem:
                with change:
                    problems.append(problem)
                    busy -= 1
                    change.notify_all()
                return
            with change:
                found[key] = result
                change.notify_all()

    with change:
        busy = min(at_once, len(waiting))
        for _ in range(busy):
            threading.Thread(target=work, daemon=True).start()
        while busy and not problems:
            left = until - clock.monotonic()
            if left <= 0:
                break
            change.wait(left)
        if problems:
            raise problems[0]
        return {key: found[key] for key in calls if key in found}
