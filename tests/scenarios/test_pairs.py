"""Two faults at once.

Each is named, or skipped with the other as its cause; --fix fixes both.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.scenarios.test_faults import FAMILIES, wrong
from tests.scenarios.world import Scenario, Stage, scenarios

KNOWN = {
    scenario.name: scenario for family in FAMILIES for scenario in scenarios(family)
}
PAIRS = """
tok/008_text crn/001_fails_otherwise
cfg/007_through_a_link tok/002_nothing_to_read
env/003_no_run_bit srv/002_refused
tok/001_empty_file crn/002_another_host_stopped
env/007_seven_minutes_ahead cfg/002_shell
srv/004_connection_closed tok/008_far_ahead
tok/008_missing crn/005_daily
cfg/006_backslashes srv/004_empty_answers
cfg/009_line_break_in_the_secret api/001_access_token_alone
env/003_crashes tok/002_array
env/002_unrelated_package crn/005_at_reboot
""".strip().splitlines()


def together(one: Scenario, other: Scenario) -> Scenario:
    keys: dict[str, Any] = {**one.keys, **other.keys}
    for key in one.keys.keys() & other.keys.keys():
        first, second = one.get(key), other.get(key)
        if isinstance(first, Mapping):
            keys[key] = {**first, **second}
        elif isinstance(first, list):
            keys[key] = [*first, *second]
    return replace(one, keys=keys)


@pytest.mark.parametrize("pair", PAIRS)
def test_pair(pair: str, stage: Stage, tmp_path: Path) -> None:
    one, other = (KNOWN[name] for name in pair.split())
    both = together(one, other)
    with stage.world(both, tmp_path / "home") as world:
        options = [*world.args, "doctor", "--json", "--timeout", "60"]
        ran = world.kit.run(*options)
        ids = one.expected.keys() | other.expected.keys()
        # A warning that two faults bring about together: how long a token is valid, and
        # the next run.
        both_bring = (
            {"TOK004"} if ids & {"CRN005", "CRN008", "CRN003", "TOK004"} else set()
        )
        assert wrong(ran).keys() <= ids | {*both.get("may_warn", []), *both_bring}, ran
        cause = {check["id"]: check["cause"] for check in ran.json["checks"]}
        assert {cause[id] for id in ids - wrong(ran).keys()} <= ids, ran
        if "fix" in one.keys and "fix" in other.keys:
            fixed = world.kit.run(*options, "--fix", "--yes")
            assert "fail" not in wrong(fixed).values(), fixed
