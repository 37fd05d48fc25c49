"""The runner over checks that are literals: one fault, one failure; what is not selected; what came too late."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ocarina_kit.config.place import Place
from ocarina_kit.doctor.check import (
    Check,
    Choice,
    Finding,
    Late,
    Outcome,
    choose,
    does_not_apply,
    examine,
    exit_code,
    ok,
    problem,
)
from ocarina_kit.system.change import Change
from ocarina_kit.system.errors import KitError, Remedy

ALL = Choice()
OK, NONE = ok("fine"), does_not_apply("nothing to judge")
WARN, FAIL, UNKNOWN = (problem(status, "seen") for status in ("warn", "fail", "unknown"))


def a(id: str, outcome: Outcome, rests: str = "", **more: bool) -> Check:
    groups = tuple(tuple(group.split("|")) for group in rests.split())
    online, oauth = more.get("online", False), more.get("oauth", False)
    return Check(id, id, lambda world: outcome, "", "", Remedy(), groups, online, oauth)


def findings(*checks: Check, choice: Choice = ALL, api_key: bool = False) -> tuple[Finding, ...]:
    started: list[set[str]] = []
    place, machine = Place(Path("c"), profile="lab"), SimpleNamespace(monotonic=lambda: 0.0)
    facts: dict[str, Any] = {"machine": machine, "place": place, "took": {}, "start": started.append}
    return examine(SimpleNamespace(**facts, uses_api_key=api_key), choice, checks)  # type: ignore[arg-type]


def run(*checks: Check, choice: Choice = ALL, api_key: bool = False) -> dict[str, tuple[str, str | None]]:
    found = findings(*checks, choice=choice, api_key=api_key)
    return {each.check.id: (each.status, each.outcome.cause) for each in found}


def test_what_follows_from_a_fault_is_a_skip_with_the_first_cause() -> None:
    rests = {"A1": "", "A2": "A1", "A3": "A2", "A4": "", "A5": "A6", "A6": ""}
    checks = [a(id, FAIL if id in ("A1", "A6") else OK, rest) for id, rest in rests.items()]
    assert run(*checks) == {
        **{"A1": ("fail", None), "A2": ("skip", "A1"), "A3": ("skip", "A1")},
        **{"A4": ("ok", None), "A5": ("skip", "A6"), "A6": ("fail", None)},
    }


def test_the_usual_remedy_is_the_checks_own_or_doctor_fix() -> None:
    own = a("A1", FAIL)._replace(remedy=Remedy("Do it.", ("ocarina-kit schedule --test",)))
    fixable = own._replace(id="A2", judge=lambda world: FAIL._replace(fix=(Change("chmod"),)))
    remedies = [each.remedy for each in findings(own, fixable)]
    assert remedies == [
        ("Do it.", ("ocarina-kit schedule --test --profile lab",)),
        ("", ("ocarina-kit doctor --fix --profile lab",)),
    ]


@pytest.mark.parametrize(
    ("outcome", "then"),
    [(OK, "ok"), (WARN, "ok"), (NONE, "ok"), (FAIL, "skip"), (UNKNOWN, "skip")],
)
def test_what_lets_a_check_be_judged(outcome: Outcome, then: str) -> None:
    assert run(a("A1", outcome), a("A2", OK, "A1"))["A2"] == (then, "A1" if then == "skip" else None)


@pytest.mark.parametrize(
    ("one", "other", "then"),
    [(FAIL, OK, "ok"), (FAIL, FAIL, "skip"), (FAIL, NONE, "skip"), (NONE, NONE, "ok"), (UNKNOWN, WARN, "ok")],
)
def test_of_two_in_a_group_one_is_enough(one: Outcome, other: Outcome, then: str) -> None:
    assert run(a("A1", one), a("A2", other), a("A3", OK, "A1|A2"))["A3"][0] == then


def test_what_came_too_late_is_unknown() -> None:
    def late(world: Any) -> Outcome:
        raise Late("the crontab")

    check = a("A1", OK)._replace(judge=late)
    assert run(check, a("A2", OK, "A1")) == {"A1": ("unknown", None), "A2": ("skip", "A1")}


def test_offline_and_an_api_key() -> None:
    checks = (a("A1", FAIL, online=True), a("A2", OK, "A1", online=True), a("A3", OK, "A1"))
    assert run(*checks, choice=Choice(offline=True))["A2"] == ("skip", None)
    assert run(a("A1", FAIL, oauth=True), api_key=True) == {"A1": ("skip", None)}


def test_only_judges_what_a_check_depends_on_unseen() -> None:
    checks = (a("AAA001", FAIL), a("BBB001", OK, "AAA001"))
    found = run(*checks, choice=Choice(only=frozenset({"BBB"})))
    assert found == {"AAA001": ("skip", None), "BBB001": ("skip", "AAA001")}
    assert run(*checks, choice=Choice(skip=frozenset({"AAA001"})))["AAA001"] == ("skip", None)


def test_choosing() -> None:
    assert choose(["cfg001,TOK"], ["ENV"], offline=True) == Choice(
        frozenset({"CFG001", "TOK"}), frozenset({"ENV"}), offline=True
    )
    with pytest.raises(KitError) as raised:
        choose(["NOPE"], [], offline=False)
    assert raised.value.exit == 2


@pytest.mark.parametrize(
    ("outcomes", "exit"), [((OK, WARN, NONE), 0), ((OK, UNKNOWN), 5), ((UNKNOWN, FAIL), 1), ((), 0)]
)
def test_the_exit_code(outcomes: tuple[Outcome, ...], exit: int) -> None:
    assert exit_code(Finding(a("A1", each), each) for each in outcomes) == exit
