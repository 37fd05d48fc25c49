"""edges/side_by_side.py: at once, in order, never beyond the limit."""

from __future__ import annotations

import threading
import time

import pytest

from ocarina_kit.edges.side_by_side import side_by_side
from ocarina_kit.edges.system import RealClock

CLOCK = RealClock()


def test_they_run_at_once_and_keep_their_order() -> None:
    together = threading.Barrier(4, timeout=5)
    calls = {name: lambda name=name: (together.wait(), name)[1] for name in "dbca"}  # type: ignore[misc]
    assert side_by_side(calls, clock=CLOCK, seconds=5) == {name: name for name in "dbca"}
    assert list(side_by_side(dict.fromkeys("ba", lambda: 1), clock=CLOCK, seconds=5)) == ["b", "a"]


def test_no_more_than_so_many_at_once() -> None:
    lock, running, most = threading.Lock(), [0], [0]

    def call() -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.01)
        with lock:
            running[0] -= 1

    side_by_side(dict.fromkeys(range(12), call), clock=CLOCK, seconds=5, at_once=3)
    assert most[0] == 3


def test_what_hangs_is_left_out() -> None:
    release = threading.Event()
    started = time.monotonic()
    found = side_by_side({"slow": release.wait, "quick": lambda: True}, clock=CLOCK, seconds=0.2)
    release.set()
    assert found == {"quick": True}
    assert time.monotonic() - started < 2


def test_what_had_no_turn_is_not_begun_any_more() -> None:
    begun: list[int] = []

    def call(number: int) -> int:
        begun.append(number)
        time.sleep(0.15)
        return number

    calls = {number: lambda number=number: call(number) for number in range(50)}  # type: ignore[misc]
    found = side_by_side(calls, clock=CLOCK, seconds=0.2, at_once=2)
    time.sleep(0.3)
    assert set(found) <= set(begun)
    assert len(begun) < 10


def test_an_exception_is_raised_here() -> None:
    def bug() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        side_by_side({"a": bug}, clock=CLOCK, seconds=5)


def test_nothing_to_do() -> None:
    assert side_by_side({}, clock=CLOCK, seconds=5) == {}
