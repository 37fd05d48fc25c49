"""The runner over checks that are literals.

One fault, one failure; what is not selected; what a report shows.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ocarina_kit.config.location import SetupLocation
from ocarina_kit.doctor.check import Check, Choice, Outcome, examine, ok, problem, skip
from ocarina_kit.doctor.report import HIDDEN, host_mark, safe
from ocarina_kit.system.change import Action, Change
from ocarina_kit.system.problem import Remedy

OK, NONE = ok("fine"), skip("nothing to judge")
WARN, FAIL, UNKNOWN = (
    problem(status, "seen") for status in ("warn", "fail", "unknown")
)


def a(id: str, outcome: Outcome, needs: str = "", **more: bool) -> Check:
    groups = tuple(tuple(group.split("|")) for group in needs.split())
    return Check(
        id, id, lambda world: outcome, groups, Remedy(), "It hurts.", "", **more
    )


def findings(
    *checks: Check, api_key: bool = False, **choice: Any
) -> tuple[Outcome, ...]:
    facts: dict[str, Any] = {
        "location": SetupLocation(Path("c"), profile="lab"),
        "start": lambda checks: None,
    }
    config, machine = (
        SimpleNamespace(uses_api_key=api_key),
        SimpleNamespace(monotonic=lambda: 0.0),
    )
    world: Any = SimpleNamespace(config=config, machine=machine, **facts)
    return examine(world, Choice(**choice), checks)


def run(*checks: Check, **more: Any) -> str:
    return ", ".join(
        f"{finding.id} {finding.status} {finding.cause}".strip()
        for finding in findings(*checks, **more)
    )


def test_the_usual_remedy_is_the_checks_own_or_doctor_fix() -> None:
    own = a("A1", FAIL)._replace(
        remedy=Remedy("Do it.", ("ocarina-kit schedule --test",))
    )
    fixable = own._replace(
        id="A2", judge=lambda world: FAIL._replace(fix=(Change(Action.CHMOD),))
    )
    fine = own._replace(id="A3", judge=lambda world: OK)
    assert [
        (finding.impact, finding.remedy) for finding in findings(own, fixable, fine)
    ] == [
        ("It hurts.", ("Do it.", ("ocarina-kit schedule --test --profile lab",))),
        ("It hurts.", ("", ("ocarina-kit doctor --fix --profile lab",))),
        ("", ("", ())),
    ]


@pytest.mark.parametrize(
    ("one", "other", "needs", "then"),
    [
        (WARN, OK, "A1", "ok"),
        (NONE, OK, "A1", "ok"),
        (FAIL, OK, "A1", "skip A1"),
        (UNKNOWN, OK, "A1", "skip A1"),
        (FAIL, OK, "A1|A2", "ok"),
        (FAIL, FAIL, "A1|A2", "skip A1"),
        (FAIL, NONE, "A1|A2", "skip A1"),
        (NONE, NONE, "A1|A2", "ok"),
        (UNKNOWN, WARN, "A1|A2", "ok"),
        (OK, FAIL, "A1 A2", "skip A2"),
    ],
)
def test_what_lets_a_check_be_judged(
    one: Outcome, other: Outcome, needs: str, then: str
) -> None:
    assert run(a("A1", one), a("A2", other), a("A3", OK, needs)).endswith(
        f", A3 {then}"
    )


def test_what_is_not_selected_is_judged_unseen_if_a_check_depends_on_it() -> None:
    online = (
        a("A1", FAIL, online=True),
        a("A2", OK, "A1", online=True),
        a("A3", OK, "A1"),
    )
    assert run(*online, offline=True) == "A1 skip, A2 skip, A3 skip A1"
    assert run(a("A1", FAIL, oauth=True), api_key=True) == "A1 skip"
    checks = (a("AAA001", FAIL), a("BBB001", OK, "AAA001"))
    assert run(*checks, only=frozenset({"BBB"})) == "AAA001 skip, BBB001 skip AAA001"
    assert run(*checks, skip=frozenset({"AAA001"})) == "AAA001 skip, BBB001 skip AAA001"


# Of the values a report has only those that tell nothing.
SHOWN = (
    "line=12 count=3 mode=0644 check=CFG001 variable=CLIENT_ID variable=no_proxy"
    " version=1.0.0 time=02:37"
)
NOT_SHOWN = (
    "file=/ann host=login1 line=x check=ann1 variable=ANN variable=ann_b"
    " span=ann version=1.0.0-ann"
)


@pytest.mark.parametrize(
    "pair", [*SHOWN.split(), *NOT_SHOWN.split(), "span=2 days ann"]
)
def test_what_is_shown(pair: str) -> None:
    name, value = pair.split("=")
    shown = value if pair in SHOWN.split() else HIDDEN
    assert (
        safe(Outcome("fail", f"It|is {{{name}}}.", {name: value})) == f"It/is {shown}."
    )


def test_hosts_can_be_told_apart() -> None:
    assert host_mark("login1") == host_mark("login1") != host_mark("login2")
