"""core/oauth/login_choice.py: what people answer to a numbered list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.core.client.scopes import PURPOSES
from ocarina_kit.core.errors import UsageError
from ocarina_kit.core.oauth.login_choice import chosen

BUNDLES = ("upload",)
NAMES = [purpose.name for purpose in PURPOSES]


@pytest.mark.parametrize(
    ("answer", "names"),
    [
        ("1", NAMES[:1]),
        (" 2 ", NAMES[1:2]),
        ("1 3", [NAMES[0], NAMES[2]]),
        ("1,3", [NAMES[0], NAMES[2]]),
        ("1, 3;5", [NAMES[0], NAMES[2], NAMES[4]]),
        ("3 1 3", [NAMES[2], NAMES[0]]),
        ("2-4", NAMES[1:4]),
        ("4 - 2", NAMES[1:4]),
        ("1.", NAMES[:1]),
        ("1. 2.", NAMES[:2]),
        ("lookup", ["lookup"]),
        ("Lookup, 2", NAMES[:2]),
        ("upload", ["add-samples", "update-samples", "libraries", "runs"]),
        ("16", ["upload"]),
        ("all", NAMES),
        ("ALL", NAMES),
    ],
)
def test_answers(answer: str, names: list[str]) -> None:
    assert list(chosen(answer, PURPOSES, BUNDLES)) == names


@pytest.mark.parametrize("answer", ["0", "17", "1-99", "0-2", "99999", "nothing", ",", "-", "-1", "1.5", "²"])
def test_what_is_none(answer: str) -> None:
    with pytest.raises(UsageError):
        chosen(answer, PURPOSES, BUNDLES)


def test_a_misspelt_name_gets_a_hint() -> None:
    with pytest.raises(UsageError, match="Did you mean lookup"):
        chosen("lokup", PURPOSES, BUNDLES)


@given(st.text())
def test_any_answer(answer: str) -> None:
    try:
        names = chosen(answer, PURPOSES, BUNDLES)
    except UsageError:
        return
    assert names
    assert set(names) <= {*NAMES, *BUNDLES}
