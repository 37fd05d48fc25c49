"""One fault a file.

Doctor names it and nothing else, and --fix fixes what can be fixed automatically.

One form of each fault by default, all of them with ``-m soak``. In the healthy set-ups
nothing fails.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests.conftest import TESTS, Ran
from tests.scenarios.world import KEPT, MY_LINES, Scenario, Stage, World, scenarios

FAMILIES = ("env", "cfg", "srv", "crd", "tok", "api", "crn")
SCHEMA = json.loads((TESTS.parent / "docs" / "doctor.schema.json").read_text())


def faults() -> Iterator[Any]:
    seen = Counter[str]()
    for scenario in chain.from_iterable(map(scenarios, FAMILIES)):
        check = scenario.name.partition("_")[0]
        seen[check] += 1
        marks = [pytest.mark.soak] if seen[check] > 1 else []
        yield pytest.param(scenario, id=scenario.name, marks=marks)
    yield from (
        pytest.param(scenario, id=scenario.name) for scenario in scenarios("healthy")
    )


def wrong(ran: Ran) -> dict[str, str]:
    return {
        check["id"]: check["status"]
        for check in ran.json["checks"]
        if check["status"] not in ("ok", "skip")
    }


@pytest.mark.parametrize("scenario", list(faults()))
def test_fault(scenario: Scenario, stage: Stage, tmp_path: Path) -> None:
    with stage.world(scenario, tmp_path / "home") as world:
        options = scenario.get("doctor", [])
        before = everything(world)
        report = tmp_path / "report.md"
        ran = world.kit.run(
            *world.args, "doctor", "--json", "--report", report, *options
        )
        seen = wrong(ran)
        assert seen == expected(scenario, seen), ran
        jsonschema.validate(ran.json, SCHEMA)
        assert ran.code == (
            1 if "fail" in seen.values() else 5 if "unknown" in seen.values() else 0
        ), ran
        if ran.code:
            assert set(ran.json) == set(SCHEMA["properties"])
            error = ran.json["error"]
            assert error["id"] in scenario.expected or error["id"] in scenario.get(
                "fail_or_unknown", []
            )
            assert error["remedy"]["text"] or error["remedy"]["commands"]
        assert everything(world) == before, "doctor without --fix wrote something"
        check_report(world, report.read_text())
        if "fix" in scenario.keys:
            check_fix(world, options)


def expected(scenario: Scenario, seen: dict[str, str]) -> dict[str, str]:
    unclear = dict.fromkeys(scenario.get("fail_or_unknown", []), ("fail", "unknown"))
    unclear |= dict.fromkeys(scenario.get("may_warn", []), ("warn",))
    return {
        **scenario.expected,
        **{id: seen[id] for id in unclear if seen.get(id) in unclear[id]},
    }


def everything(world: World) -> dict[str, Any]:
    """Every file of the home, with its mode and content."""
    found: dict[str, Any] = {}
    for path in sorted(world.kit.home.rglob("*")):
        seen = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_fifo() else None
        found[str(path)] = (seen.st_mode, content)
    return found


def check_report(world: World, text: str) -> None:
    """The report says what is wrong, and neither a secret nor a name."""
    assert text.startswith("# ocarina-kit doctor")
    for id in world.scenario.expected:
        assert f"| {id} | " in text
    for secret in world.secrets:
        assert secret not in text, f"{secret} is in the report"
    for name in world.names:
        # As a word: a host can be called vm, and these two letters end many a client
        # id.
        assert not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text), (
            f"{name} is in the report"
        )


def check_fix(world: World, options: list[str]) -> None:
    """--fix ends healthy, says what it fixed, and keeps everything else.

    It has nothing to do a second time.
    """
    scenario, kit = world.scenario, world.kit
    broken = set(scenario.get("fail", [])) | set(scenario.get("warn", []))
    fixed = kit.run(*world.args, "doctor", "--fix", "--yes", "--json", *options)
    assert wrong(fixed) == dict.fromkeys(scenario.get("fix_warn", []), "warn"), fixed
    assert fixed.code == 0, fixed
    assert broken <= {
        check["id"] for check in fixed.json["checks"] if check["fixed"]
    }, fixed
    if scenario.get("config_is") == "link":
        assert kit.config.is_symlink()
    if "config_text" not in scenario.keys and scenario.get("config_is", "file") in (
        "file",
        "link",
    ):
        config = Path(world.fill(scenario.get("config_at", str(kit.config))))
        assert json.loads(config.read_bytes())["MINE"] == KEPT
    if "{mine}" in scenario.get("crontab", "{mine}"):
        assert (kit.crontab or "").startswith(MY_LINES)
    after = everything(world)
    again = kit.run(*world.args, "doctor", "--fix", "--yes", "--json", *options)
    assert again.code == 0, again
    assert not any(check["fixed"] for check in again.json["checks"]), again
    assert everything(world) == after, "fixing a second time changed something"
