"""Two faults at once: each is named, or skipped with the other as its cause; --fix mends both.

The flow itself is run, in this process, over a sample of 200 pairs of the scenarios that is the same each time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.scenarios.world import Scenario, Stage, World, scenarios

from ocarina_kit.checks.runner import Choice
from ocarina_kit.edges.look.gather_config import place_of
from ocarina_kit.edges.process import run
from ocarina_kit.edges.system import System
from ocarina_kit.flows.doctor import Examined, examine, mend

SAMPLE = 200
_TABLES = ("config", "environment", "files")
_LISTS = (
    "config_without",
    "config_null",
    "config_replace",
    "tokens_replace",
    "faults",
    "log",
    "line_without",
)
_NOT_TOGETHER = (
    # What stands in the whole text of a file, or another place for it, leaves the other's change no place.
    {"config_text", "config_hex", "config_encoding", "config_at", "args", "tokens_at", "profile"},
    {
        "config",
        "config_text",
        "config_hex",
        "config_encoding",
        "config_without",
        "config_null",
        "config_replace",
    },
    {"tokens", "tokens_text", "tokens_is", "tokens_replace", "tokens_at"},
    # refresh.log speaks of one server and tokens file; with --env no file is read and nothing scheduled.
    {
        "log",
        "config",
        "config_is",
        "config_text",
        "config_hex",
        "config_without",
        "config_null",
        "config_replace",
    },
    {"args", "config", "config_is", "config_without", "config_null", "config_replace", "crontab", "log"},
)


def fits(one: Scenario, other: Scenario) -> bool:
    """Whether the two can be in one home, and mean there what they mean alone."""
    a, b = set(one.keys), set(other.keys)
    shared = (a & b) - {"about", "fail", "warn", "unknown", "fix", "fix_warn", "may_warn", "fail_or_unknown"}
    if any(key not in _LISTS and key not in _TABLES for key in shared) or {"server", "doctor"} & (a | b):
        return False
    if any(set(one.get(table, {})) & set(other.get(table, {})) for table in _TABLES):
        return False
    return not any((a & group and b & group) for group in _NOT_TOGETHER)


def together(one: Scenario, other: Scenario) -> Scenario:
    keys: dict[str, Any] = {**one.keys, **other.keys}
    for key in one.keys.keys() & other.keys.keys():
        first, second = one.get(key), other.get(key)
        if isinstance(first, Mapping):
            keys[key] = {**first, **second}
        elif isinstance(first, list):
            keys[key] = [*first, *second]
    return replace(one, keys=keys)


def pairs() -> list[tuple[Scenario, Scenario]]:
    families = ("env", "cfg", "srv", "crd", "tok", "api", "crn")
    single = [scenario for family in families for scenario in scenarios(family) if scenario.expected]
    single = [
        each
        for each in single
        if "fail_or_unknown" not in each.keys and "hangs" not in each.get("client", "")
    ]
    every = [(a, b) for i, a in enumerate(single) for b in single[i + 1 :] if fits(a, b)]
    # By a hash of their names: a sample that is spread, and the same in every process.
    return sorted(every, key=lambda pair: hashlib.sha256(f"{pair[0].name}+{pair[1].name}".encode()).digest())[
        :SAMPLE
    ]


def system_of(world: World) -> System:
    kit = world.kit
    return System(
        environ=kit.env, home=kit.home, user=world.words["login"], host=world.words["node"], run=run
    )


def wrong(look: Examined) -> dict[str, str]:
    return {
        each.check.id: each.status.value for each in look.findings if each.status.value not in ("ok", "skip")
    }


@pytest.mark.parametrize("pair", pairs(), ids=lambda pair: f"{pair[0].name}+{pair[1].name}")
def test_pair(
    pair: tuple[Scenario, Scenario], stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = together(*pair)
    with stage.world(both, tmp_path / "home") as world:
        monkeypatch.chdir(world.kit.home)
        system = system_of(world)
        args = world.args
        place = place_of(
            system,
            config=args[args.index("--config") + 1] if "--config" in args else None,
            profile=args[args.index("--profile") + 1] if "--profile" in args else None,
            env="--env" in args,
        )
        look = examine(system, place, Choice(), seconds=10)
        ids = {id for each in pair for id in each.expected}
        allowed = ids | set(both.get("may_warn", [])) | follows(pair)
        assert set(wrong(look)) <= allowed, wrong(look)
        by_id = {finding.check.id: finding for finding in look.findings}
        for id in ids:
            if id not in wrong(look):
                assert by_id[id].outcome.cause in ids, f"{id} is {by_id[id].status.value}"
        if all("fix" in each.keys for each in pair):
            mended = mend(system, place, Choice(), seconds=10, agree=lambda plan, look: True)
            left = {id for id, status in wrong(mended.last).items() if status == "fail"}
            assert not left, [(each.change.why, each.problem) for each in mended.applied]


def follows(pair: tuple[Scenario, Scenario]) -> set[str]:
    """Warnings that two faults bring about together, and neither alone."""
    found: set[str] = set()
    ids = {id for each in pair for id in each.expected}
    if ids & {"CRN005", "CRN008", "CRN003", "TOK004"}:
        found.add("TOK004")  # how long a token lives against when the next run is
    return found
