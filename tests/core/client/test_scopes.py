"""The purposes and their scope strings, over literals."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ocarina_kit.core.client import scopes
from ocarina_kit.core.client.scopes import BY_NAME, FALLBACK_SCOPE, NAMES, PURPOSES, parse_table, resolve
from ocarina_kit.core.errors import Exit, UsageError

# ocarina 0.36.1's table, as FACTS.md has it where it differs from 1.0.0's: three endpoints without a scope.
OLD_CLIENT: dict[str, str | None] = {
    "api.artifact.biosample.get": None,
    "api.artifact.biosample.query.validity": None,
    "api.process.sequencing.get": None,
    "api.pag.qc.get": None,
    "api.artifact.biosample.add": BY_NAME["add-samples"].scope,
    "api.artifact.biosample.update": BY_NAME["update-samples"].older[0],
}


def test_the_names_are_those_of_the_contract() -> None:
    promised = (
        "lookup published dataviews info add-samples update-samples empty-samples libraries runs files tags "
        "metrics qc accessions suppress upload"
    )
    assert promised.split() == list(NAMES)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["lookup"], ["majora2.view_biosampleartifact"]),
        (["lookup", "lookup"], ["majora2.view_biosampleartifact"]),
        (["qc", "lookup"], [BY_NAME["qc"].scope, BY_NAME["lookup"].scope]),
        (["upload"], [BY_NAME[n].scope for n in ("add-samples", "update-samples", "libraries", "runs")]),
        (
            ["runs", "upload"],
            [BY_NAME[n].scope for n in ("runs", "add-samples", "update-samples", "libraries")],
        ),
        ([" Add_Samples "], [BY_NAME["add-samples"].scope]),
    ],
)
def test_names_to_scope_strings(names: list[str], expected: list[str]) -> None:
    assert [request.scope for request in resolve(names)] == expected


def test_two_purposes_with_one_scope_string_take_one_link() -> None:
    requests = resolve(["lookup", "published"], OLD_CLIENT)
    assert [(r.scope, [p.name for p in r.purposes]) for r in requests] == [
        (FALLBACK_SCOPE, ["lookup", "published"])
    ]
    assert requests[0].from_client


def test_the_client_s_own_string_wins_and_the_carried_one_fills_gaps() -> None:
    requests = resolve(["update-samples", "dataviews"], OLD_CLIENT)
    assert [(r.scope, r.from_client) for r in requests] == [
        (BY_NAME["update-samples"].older[0], True),
        (BY_NAME["dataviews"].scope, False),
    ]


def test_endpoints_of_one_purpose_that_differ_take_a_link_each() -> None:
    table = {"api.artifact.biosample.get": None, "api.artifact.biosample.query.validity": "majora2.x"}
    assert [r.scope for r in resolve(["lookup"], table)] == [FALLBACK_SCOPE, "majora2.x"]


def test_a_blank_scope_in_the_client_is_not_asked_for() -> None:
    table = {"api.meta.tag.add": ""}
    assert [r.scope for r in resolve(["tags"], table)] == [BY_NAME["tags"].scope]


@pytest.mark.parametrize("name", ["", "look up", "uploads", "majora2.view_biosampleartifact"])
def test_an_unknown_name(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve([name])
    assert caught.value.exit is Exit.USAGE
    assert "add-samples" in caught.value.why


def test_an_unknown_name_that_is_near_one() -> None:
    with pytest.raises(UsageError, match="Did you mean add-samples"):
        resolve(["add-sample"])


@pytest.mark.parametrize("given", ["a b", "  a\n b ", "a\tb"])
def test_a_scope_given_by_hand_is_folded(given: str) -> None:
    assert scopes.request_for(given).scope == "a b"


@pytest.mark.parametrize("given", ["", "  ", 'a"b', "a\\b", "ü", "a\x00b"])
def test_a_scope_that_is_none(given: str) -> None:
    with pytest.raises(UsageError):
        scopes.request_for(given)


def test_purposes_of_a_stored_token() -> None:
    for purpose in PURPOSES:
        assert purpose in scopes.purposes_for(purpose.scope)
    assert [p.name for p in scopes.purposes_for(FALLBACK_SCOPE, OLD_CLIENT)] == ["lookup", "published"]
    assert [p.name for p in scopes.purposes_for(BY_NAME["update-samples"].older[0])] == ["update-samples"]
    assert scopes.purposes_for("majora2.view_biosampleartifact majora2.other") == ()


def test_no_two_purposes_share_a_carried_string() -> None:
    assert len({purpose.scope for purpose in PURPOSES}) == len(PURPOSES)


def test_the_table_program_prints_what_parse_table_reads(tmp_path: Path) -> None:
    import subprocess
    import sys

    package = tmp_path / "ocarina"
    package.mkdir()
    (package / "__init__.py").write_text("print('a banner')\n")
    endpoints = {"api.artifact.biosample.get": {"scope": "a b"}, "api.pag.qc.get": "/api/x/", "other": {}}
    (package / "client.py").write_text(f"ENDPOINTS = {endpoints!r}\n")
    done = subprocess.run(
        [sys.executable, "-c", scopes.TABLE_PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert parse_table(done.stdout) == {
        "api.artifact.biosample.get": "a b",
        "api.pag.qc.get": None,
        "other": None,
    }


def _printed(value: object) -> str:
    return f"noise\nocarina-kit-table:{json.dumps(value)}\nnoise"


@pytest.mark.parametrize(
    "output",
    [
        "",
        "noise",
        "ocarina-kit-table:",
        "ocarina-kit-table:{",
        _printed([1]),
        _printed({}),
        _printed({"x": "y"}),
    ],
)
def test_what_is_no_table(output: str) -> None:
    assert parse_table(output) is None


def test_members_of_a_table_that_are_no_scopes_are_left_out() -> None:
    output = _printed({"api.pag.qc.get": 7, "api.meta.qc.add": "a  b", "api.meta.tag.add": "a b"})
    assert parse_table(output) == {"api.meta.tag.add": "a b"}


def test_examples_name_oauth_and_the_profile() -> None:
    lookup = BY_NAME["lookup"]
    assert scopes.example(lookup) == "ocarina --oauth get biosample --central-sample-id SAMPLE_ID"
    shown = scopes.example(lookup, program="/a b/ocarina", profile="test site")
    assert shown == "'/a b/ocarina' --oauth --profile 'test site' get biosample --central-sample-id SAMPLE_ID"
    assert (scopes.example(lookup, env=True) or "").startswith("ocarina --oauth --env ")
    assert scopes.example(BY_NAME["info"], table=OLD_CLIENT) is None
    assert " patch biosample " in (scopes.example(BY_NAME["update-samples"], table=OLD_CLIENT) or "")


def test_the_permission_to_ask_for_is_in_words() -> None:
    text = scopes.permission_request(BY_NAME["runs"].scope)
    assert "add sequencing runs" in text
    assert "majora2.add_dnasequencingprocess (add DNA sequencing process)" in text
    for purpose in PURPOSES:
        for name, words in scopes.permissions(purpose.scope):
            assert re.fullmatch(r"majora2\.[a-z0-9_]+", name)
            assert words, name
    assert "majora2.made_up" in scopes.permission_request("majora2.made_up")
