"""Two faults at once: each is named, or skipped with the other as its cause; --fix fixes both.

A sample of the pairs of scenarios that can be in one home, the same each time; a larger one with ``-m soak``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.scenarios.test_faults import FAMILIES, wrong
from tests.scenarios.world import Scenario, Stage, scenarios

SAMPLE, SOAK = 12, 200
_TABLES = ("config", "environment", "files")
_LISTS = (
    *("config_without", "config_null", "config_replace", "tokens_replace", "faults", "log", "line_without"),
)
_CONFIG_PARTS = {"config", "config_without", "config_null", "config_replace"}
_CONFIG_TEXTS = {"config_text", "config_hex", "config_encoding"}
_NOT_TOGETHER = (
    # What is the whole text of a file, or another place for it, leaves the other's change no place.
    {*_CONFIG_TEXTS, "config_at", "args", "tokens_at", "profile"},
    _CONFIG_PARTS | _CONFIG_TEXTS,
    {"tokens", "tokens_text", "tokens_is", "tokens_replace", "tokens_at"},
    # refresh.log speaks of one server and tokens file; with --env no file is read and nothing scheduled.
    {"log", "config_is", "config_text", "config_hex"} | _CONFIG_PARTS,
    {"args", "config_is", "crontab", "log"} | _CONFIG_PARTS,
)
_ABOUT_THE_TEST = {"about", "fail", "warn", "unknown", "fix", "fix_warn", "may_warn", "fail_or_unknown"}


def fits(one: Scenario, other: Scenario) -> bool:
    """Whether the two can be in one home, and mean there what they mean alone."""
    a, b = set(one.keys), set(other.keys)
    if any(key not in _LISTS and key not in _TABLES for key in (a & b) - _ABOUT_THE_TEST):
        return False
    if {"server", "doctor"} & (a | b):
        return False
    if any(set(one.get(table, {})) & set(other.get(table, {})) for table in _TABLES):
        return False
    return not any(a & group and b & group for group in _NOT_TOGETHER)


def together(one: Scenario, other: Scenario) -> Scenario:
    keys: dict[str, Any] = {**one.keys, **other.keys}
    for key in one.keys.keys() & other.keys.keys():
        first, second = one.get(key), other.get(key)
        if isinstance(first, Mapping):
            keys[key] = {**first, **second}
        elif isinstance(first, list):
            keys[key] = [*first, *second]
    return replace(one, keys=keys)


def pairs() -> Iterator[Any]:
    single = [
        each
        for family in FAMILIES
        for each in scenarios(family)
        if each.expected and "fail_or_unknown" not in each.keys and "hangs" not in each.get("client", "")
    ]
    every = [(a, b) for i, a in enumerate(single) for b in single[i + 1 :] if fits(a, b)]
    # By a hash of their names: a sample that is spread, and the same in every process.
    every.sort(key=lambda pair: hashlib.sha256(f"{pair[0].name}+{pair[1].name}".encode()).digest())
    for number, (one, other) in enumerate(every[:SOAK]):
        marks = [pytest.mark.soak] if number >= SAMPLE else []
        yield pytest.param(one, other, id=f"{one.name}+{other.name}", marks=marks)


@pytest.mark.parametrize(("one", "other"), list(pairs()))
def test_pair(one: Scenario, other: Scenario, stage: Stage, tmp_path: Path) -> None:
    both = together(one, other)
    with stage.world(both, tmp_path / "home") as world:
        ran = world.kit.run(*world.args, "doctor", "--json", "--timeout", "60")
        ids = one.expected.keys() | other.expected.keys()
        assert wrong(ran).keys() <= ids | set(both.get("may_warn", [])) | follow_from(ids), ran
        by_id = {check["id"]: check for check in ran.json["checks"]}
        for id in ids - wrong(ran).keys():
            assert by_id[id]["cause"] in ids, (id, ran)
        if "fix" in one.keys and "fix" in other.keys:
            fixed = world.kit.run(*world.args, "doctor", "--fix", "--yes", "--json", "--timeout", "60")
            assert "fail" not in wrong(fixed).values(), fixed


def follow_from(ids: set[str]) -> set[str]:
    """Warnings that two faults bring about together, and neither alone: how long a token is valid, and the next run."""
    return {"TOK004"} if ids & {"CRN005", "CRN008", "CRN003", "TOK004"} else set()
