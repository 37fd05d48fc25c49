"""Gathering: side by side, only what is wanted, and done in time whatever hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ocarina_kit.checks.model import Need
from ocarina_kit.core.client.resolution import Resolution
from ocarina_kit.core.facts import ClientFacts, ConfigFacts, Facts
from ocarina_kit.core.setup import Place
from ocarina_kit.edges.look.gather import Board, gather
from ocarina_kit.edges.process import run
from ocarina_kit.edges.system import System

PLACE = Place(Path("/nowhere/.ocarina"))
NONE = ClientFacts(Resolution(None, ""))


def system(home: Path) -> System:
    return System(environ={"PATH": "/usr/bin:/bin"}, home=home, user="lab", host="node", run=run)


def gathered(
    home: Path,
    gatherers: Mapping[Need, Callable[[Board], Any]],
    *,
    seconds: float = 5.0,
    wanted: frozenset[Need] | None = None,
) -> tuple[Facts, float]:
    table = {Need.CONFIG: lambda board: ConfigFacts(board.place), **gatherers}
    started = time.monotonic()
    found = gather(
        system(home), PLACE, frozenset(table) if wanted is None else wanted, seconds=seconds, gatherers=table
    )
    return found, time.monotonic() - started


def test_groups_are_gathered_at_the_same_time(tmp_path: Path) -> None:
    both = threading.Barrier(2, timeout=3)

    def one(board: Board) -> Any:
        both.wait()
        return NONE

    found, _ = gathered(tmp_path, {Need.CLIENT: one, Need.ENVIRONMENT: one})
    assert found.client is NONE
    assert found.late == frozenset()
    assert found.milliseconds.keys() == {"ENV001", "ENV008", "CFG001"}


def test_only_what_is_wanted_and_what_that_rests_on(tmp_path: Path) -> None:
    asked: list[str] = []

    def named(name: str, *rests: Need) -> Callable[[Board], Any]:
        def one(board: Board) -> Any:
            for need in rests:
                board.of(need)
            asked.append(name)
            return NONE

        return one

    gatherers = {
        Need.CLIENT: named("client"),
        Need.API: named("api", Need.CLIENT),
        Need.SCHEDULE: named("schedule"),
    }
    found, _ = gathered(tmp_path, gatherers, wanted=frozenset({Need.API}))
    assert asked == ["client", "api"]
    assert found.schedule is None


def test_what_hangs_is_late_and_what_waits_for_it_too(tmp_path: Path) -> None:
    def hangs(board: Board) -> Any:
        time.sleep(30)

    def rests(board: Board) -> Any:
        return board.of(Need.CLIENT)

    found, took = gathered(
        tmp_path, {Need.CLIENT: hangs, Need.API: rests, Need.ENVIRONMENT: lambda board: NONE}, seconds=0.6
    )
    assert took < 1.0
    assert found.late == {"client", "api"}
    assert found.environment is not None


def test_a_home_that_stalls_leaves_everything_late(tmp_path: Path) -> None:
    def hangs(board: Board) -> Any:
        time.sleep(30)

    found, took = gathered(
        tmp_path, {Need.CONFIG: hangs, Need.CLIENT: lambda board: board.config}, seconds=0.5
    )
    assert took < 0.9
    assert found.late == {"config", "client"}
    assert found.config.place == PLACE


def test_no_process_outlives_the_time(tmp_path: Path) -> None:
    def sleeps(board: Board) -> Any:
        done = board.system.run(["sleep", "30"], timeout=20)
        assert done.error == "timed out"
        return NONE

    found, took = gathered(tmp_path, {Need.CLIENT: sleeps}, seconds=0.9)
    assert took < 1.2
    assert found.client is NONE


def test_a_bug_in_a_gatherer_is_a_bug_here(tmp_path: Path) -> None:
    def bug(board: Board) -> Any:
        raise ZeroDivisionError("x")

    with pytest.raises(ZeroDivisionError):
        gathered(tmp_path, {Need.CLIENT: bug, Need.API: lambda board: board.of(Need.CLIENT)})
