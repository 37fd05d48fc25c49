"""The one list of checks: in the catalogue's order, whole, and ready for every view."""

from __future__ import annotations

from collections import Counter

from ocarina_kit.checks.registry import FAMILIES, REGISTRY
from ocarina_kit.checks.runner import Choice, needed
from ocarina_kit.core.explain import explain

# The last number of each family in CHECKS.md. Further checks go on from there, and need no change here.
CATALOGUE = {"ENV": 8, "CFG": 14, "SRV": 4, "CRD": 1, "TOK": 8, "API": 2, "CRN": 10}


def test_it_holds_the_catalogue_in_its_order() -> None:
    last = Counter(check.family for check in REGISTRY)
    ids = [f"{family}{number:03}" for family in CATALOGUE for number in range(1, last[family] + 1)]
    assert [check.id for check in REGISTRY] == ids
    assert all(last[family] >= number for family, number in CATALOGUE.items())
    assert list(FAMILIES) == list(CATALOGUE)


def test_what_a_check_rests_on_exists_and_goes_in_no_circle() -> None:
    by_id = {check.id: check for check in REGISTRY}

    def walk(id: str, above: tuple[str, ...]) -> None:
        assert id not in above, f"a circle: {above}"
        for ids in by_id[id].rests_on:
            for rest in ids:
                walk(rest, (*above, id))

    for check in REGISTRY:
        walk(check.id, ())


def test_every_check_says_what_it_leads_to_and_what_mends_it() -> None:
    for check in REGISTRY:
        assert check.title
        assert not check.title.endswith(".")
        assert check.consequence.endswith(".")
        assert check.explain.endswith(".")
        assert check.remedy.text
        assert check.needs


def test_what_offline_leaves_out() -> None:
    online = {check.id for check in REGISTRY if check.online}
    families = {check.id for check in REGISTRY if check.family in ("SRV", "CRD", "API")}
    assert online == families | {"ENV004", "ENV007"}
    assert {need.value for need in needed(REGISTRY, Choice(offline=True))}.isdisjoint(
        {"network", "credentials", "api"}
    )


def test_what_an_api_key_makes_needless() -> None:
    needless = {check.id for check in REGISTRY if check.oauth_only}
    assert needless == {check.id for check in REGISTRY if check.family in ("TOK", "CRN")} | {
        "API001",
        "CRD001",
    }


def test_the_kits_own_ids_are_explained() -> None:
    for id in ("LCK001", "LGN012", "RFR006", "FIL001", "FIX001", "BUG001", "SBX001", "INS002"):
        assert explain(id)
    assert explain("XYZ001") is None
    assert explain("LGN") is None
