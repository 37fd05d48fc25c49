"""The runner over checks that are literals: one fault, one failure; switches; exit codes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ocarina_kit.checks.model import (
    Check,
    Need,
    Outcome,
    Rests,
    fail,
    not_applicable,
    ok,
    unknown,
    warn,
)
from ocarina_kit.checks.runner import Choice, choose, exit_code, judge, needed
from ocarina_kit.core.errors import Exit, Remedy, UsageError


def a_check(id: str, outcome: Outcome, rests_on: Rests = (), **more: Any) -> Check:
    return Check(
        id=id,
        title=id,
        probe=lambda facts: outcome,
        consequence="",
        remedy=Remedy(""),
        explain="",
        rests_on=rests_on,
        **more,
    )


def run(
    *checks: Check, choice: Choice | None = None, api_key: bool = False, late: frozenset[str] = frozenset()
) -> dict[str, tuple[str, str | None]]:
    facts: Any = SimpleNamespace(uses_api_key=api_key, milliseconds={}, late=late)
    found = judge(checks, facts, choice or Choice(), stopwatch=lambda: 0.0)
    return {finding.check.id: (finding.status.value, finding.outcome.cause) for finding in found}


def test_what_follows_from_a_fault_is_a_skip_with_the_first_cause() -> None:
    assert run(
        a_check("AAA001", fail("broken")),
        a_check("AAA002", ok(""), (("AAA001",),)),
        a_check("AAA003", ok(""), (("AAA002",),)),
        a_check("AAA004", ok("")),
    ) == {
        "AAA001": ("fail", None),
        "AAA002": ("skip", "AAA001"),
        "AAA003": ("skip", "AAA001"),
        "AAA004": ("ok", None),
    }


@pytest.mark.parametrize(
    ("outcome", "then"),
    [
        (ok(""), ("ok", None)),
        (warn("w"), ("ok", None)),
        (not_applicable("n"), ("ok", None)),
        (fail("f"), ("skip", "AAA001")),
        (unknown("u"), ("skip", "AAA001")),
    ],
)
def test_a_check_is_judged_only_on_ok_and_warn_and_where_there_was_nothing_to_judge(
    outcome: Outcome, then: tuple[str, str | None]
) -> None:
    assert run(a_check("AAA001", outcome), a_check("AAA002", ok(""), (("AAA001",),)))["AAA002"] == then


def test_either_of_two_is_enough_where_they_stand_together() -> None:
    either: Rests = (("AAA001", "AAA002"),)
    assert run(a_check("AAA001", fail("")), a_check("AAA002", ok("")), a_check("AAA003", ok(""), either))[
        "AAA003"
    ] == ("ok", None)
    assert run(a_check("AAA001", fail("")), a_check("AAA002", fail("")), a_check("AAA003", ok(""), either))[
        "AAA003"
    ] == ("skip", "AAA001")


def test_of_two_that_stand_together_the_one_that_does_not_apply_holds_nothing() -> None:
    either: Rests = (("AAA001", "AAA002"),)
    one, other = a_check("AAA001", fail("")), a_check("AAA002", not_applicable(""))
    assert run(one, other, a_check("AAA003", ok(""), either))["AAA003"] == ("skip", "AAA001")
    assert run(other, a_check("AAA001", not_applicable("")), a_check("AAA003", ok(""), either))["AAA003"] == (
        "ok",
        None,
    )


def test_what_came_too_late_is_unknown_but_not_where_it_can_be_done_without() -> None:
    late = frozenset({"client"})
    client = frozenset({Need.CLIENT})
    assert run(
        a_check("AAA001", ok(""), needs=client),
        a_check("AAA002", ok(""), uses=client),
        a_check("AAA003", ok(""), (("AAA001",),), needs=client),
        late=late,
    ) == {"AAA001": ("unknown", None), "AAA002": ("ok", None), "AAA003": ("skip", "AAA001")}


def test_a_check_may_stand_before_what_it_rests_on() -> None:
    assert run(a_check("AAA001", ok(""), (("AAA002",),)), a_check("AAA002", fail("")))["AAA001"] == (
        "skip",
        "AAA002",
    )


def test_offline_and_the_api_key_switch_off() -> None:
    online = a_check("SRV001", ok(""), online=True)
    rests = a_check("CRD001", ok(""), (("SRV001",),), online=True)
    assert run(online, rests, choice=Choice(offline=True)) == {
        "SRV001": ("skip", None),
        "CRD001": ("skip", None),
    }
    assert run(a_check("TOK001", fail(""), oauth_only=True), api_key=True) == {"TOK001": ("skip", None)}


def test_only_judges_what_it_rests_on_unseen() -> None:
    checks = (a_check("AAA001", fail("")), a_check("BBB001", ok(""), (("AAA001",),)))
    assert run(*checks, choice=Choice(only=frozenset({"BBB"}))) == {
        "AAA001": ("skip", None),
        "BBB001": ("skip", "AAA001"),
    }


def test_only_the_needed_facts_are_gathered() -> None:
    checks = (
        a_check("AAA001", ok(""), needs=frozenset({Need.CONFIG})),
        a_check("BBB001", ok(""), (("AAA001",),), needs=frozenset({Need.NETWORK}), online=True),
        a_check("CCC001", ok(""), needs=frozenset({Need.CLIENT})),
    )
    assert needed(checks, Choice(only=frozenset({"BBB001"}))) == {Need.CONFIG, Need.NETWORK}
    assert needed(checks, Choice(offline=True)) == {Need.CONFIG, Need.CLIENT}


def test_a_stranger_after_only_is_wrong_usage() -> None:
    checks = (a_check("AAA001", ok("")),)
    assert choose(checks, ["aaa001"], ["AAA"], offline=False) == Choice(
        frozenset({"AAA001"}), frozenset({"AAA"})
    )
    with pytest.raises(UsageError, match="ZZZ"):
        choose(checks, ["ZZZ"], [], offline=False)


@pytest.mark.parametrize(
    ("outcomes", "exit"),
    [
        ([ok(""), warn("")], Exit.OK),
        ([ok(""), unknown("")], Exit.UNKNOWN),
        ([unknown(""), fail("")], Exit.PROBLEM),
        ([], Exit.OK),
    ],
)
def test_the_exit_code(outcomes: list[Outcome], exit: Exit) -> None:
    facts: Any = SimpleNamespace(uses_api_key=False, milliseconds={}, late=frozenset())
    checks = [a_check(f"AAA00{number}", outcome) for number, outcome in enumerate(outcomes)]
    assert exit_code(judge(checks, facts, Choice(), stopwatch=lambda: 0.0)) is exit
