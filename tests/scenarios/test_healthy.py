"""Healthy set-ups, all different: none of them raises a failure."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.scenarios.world import Scenario, Stage, scenarios


@pytest.mark.parametrize("scenario", scenarios("healthy"), ids=lambda scenario: scenario.name)
def test_healthy(scenario: Scenario, stage: Stage, tmp_path: Path) -> None:
    with stage.world(scenario, tmp_path / "home") as world:
        ran = world.kit.run(*world.args, "doctor", "--json")
        seen = {check["id"]: check["status"] for check in ran.json["checks"]}
        wrong = {id: status for id, status in seen.items() if status not in ("ok", "skip")}
        assert wrong == scenario.expected, ran
        assert ran.code == 0, ran
