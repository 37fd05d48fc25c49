"""The purposes and their scope strings, over literals."""

from pathlib import Path
from typing import Any

import pytest

from ocarina_kit.client import scopes
from ocarina_kit.client.scopes import BY_NAME, FALLBACK_SCOPE, PURPOSES, scopes_for
from ocarina_kit.config.location import SetupLocation
from ocarina_kit.system.problem import Exit, KitError

LOOKUP = "majora2.view_biosampleartifact"
PLACE = SetupLocation(Path("/home/u/.ocarina"))
# ocarina 0.36.1's table, as FACTS.md has it where it differs from 1.0.0's: endpoints without a scope.
OLDER_UPDATE = "majora2.change_biosampleartifact majora2.change_biosamplesource"
OLD_CLIENT: dict[str, str | None] = {
    "api.artifact.biosample.get": None,
    "api.artifact.biosample.query.validity": None,
    "api.process.sequencing.get": None,
    "api.pag.qc.get": None,
    "api.artifact.biosample.update": OLDER_UPDATE,
}
TWO_SCOPES: dict[str, str | None] = {
    "api.artifact.biosample.get": None,
    "api.artifact.biosample.query.validity": "majora2.x",
}


def test_the_scope_strings_are_those_of_facts() -> None:
    add = "add_biosampleartifact change_biosampleartifact"
    source = "add_biosamplesource change_biosamplesource"
    sampling = "add_biosourcesamplingprocess change_biosourcesamplingprocess"
    library = "add_libraryartifact change_libraryartifact"
    expected = {
        "lookup": "view_biosampleartifact",
        "published": "temp_can_read_pags_via_api",
        "dataviews": "can_read_dataview_via_api",
        "info": "view_majoraartifact_info",
        "add-samples": f"{add} {source} {sampling}",
        "update-samples": f"change_biosampleartifact {source} change_biosourcesamplingprocess",
        "empty-samples": f"force_add_biosampleartifact {add} {sampling}",
        "libraries": f"{add} {library} add_librarypoolingprocess change_librarypoolingprocess",
        "runs": "change_libraryartifact add_dnasequencingprocess change_dnasequencingprocess",
        "files": "add_digitalresourceartifact change_digitalresourceartifact",
        "tags": "add_majorametarecord change_majorametarecord",
        "metrics": "add_temporarymajoraartifactmetric change_temporarymajoraartifactmetric",
        "qc": "add_pagqualityreport change_pagqualityreport",
        "accessions": "add_temporaryaccessionrecord change_temporaryaccessionrecord",
        "suppress": "can_suppress_pags_via_api",
    }
    written = {
        name: [f"majora2.{word}" for word in words.split()]
        for name, words in expected.items()
    }
    assert {purpose.name: purpose.scope.split(" ") for purpose in PURPOSES} == written
    assert (*expected, "upload") == scopes.NAMES


WANTED: list[tuple[list[str], dict[str, str | None] | None, list[str]]] = [
    # names, the client's table, scope strings
    (["qc", "lookup", "lookup"], None, [BY_NAME["qc"].scope, LOOKUP]),
    (["upload"], None, [BY_NAME[name].scope for name in scopes.UPLOAD]),
    ([" Add_Samples "], None, [BY_NAME["add-samples"].scope]),
    (["lookup", "published"], OLD_CLIENT, [FALLBACK_SCOPE]),
    (["update-samples"], OLD_CLIENT, [OLDER_UPDATE]),
    (["dataviews"], OLD_CLIENT, [BY_NAME["dataviews"].scope]),
    (["tags"], {"api.meta.tag.add": ""}, [BY_NAME["tags"].scope]),
    (["lookup"], TWO_SCOPES, [FALLBACK_SCOPE, "majora2.x"]),
]


@pytest.mark.parametrize(("names", "table", "expected"), WANTED)
def test_names_to_scope_strings(
    names: list[str], table: Any, expected: list[str]
) -> None:
    assert scopes_for(names, table) == expected


def test_what_is_not_a_scope() -> None:
    for given in ("", "  ", 'a"b', "a\\b", "ü", "a\x00b", "\x7f"):
        with pytest.raises(KitError) as caught:
            scopes.given_scope(given)
        assert caught.value.problem.exit == Exit.USAGE
    assert scopes.given_scope("  a\n\tb! #[]~ ") == "a b! #[]~"


@pytest.mark.parametrize(
    ("scope", "table", "names", "words"),
    [
        (LOOKUP, None, ("lookup",), "look up samples and runs"),
        (OLDER_UPDATE, OLD_CLIENT, ("update-samples",), "update samples"),
        (LOOKUP, OLD_CLIENT, ("lookup",), "look up samples and runs"),
        (FALLBACK_SCOPE, OLD_CLIENT, ("lookup", "published"), "look up samples and runs, read published groups"),
        (f"{LOOKUP} majora2.x", None, (), f"{LOOKUP} majora2.x"),
        ("x" * 90 + "\x1b", None, (), "x" * 59 + "…"),
        (" ", None, (), "(no scope)"),
    ],
)  # fmt: skip
def test_what_a_token_is_for(
    scope: str, table: Any, names: tuple[str, ...], words: str
) -> None:
    assert scopes.names_of(scope, table) == names
    assert scopes.what_for(scope, table) == words


def test_the_options_that_ask_for_scopes_again() -> None:
    uploads = [BY_NAME[name].scope for name in scopes.UPLOAD]
    assert scopes.options_for([LOOKUP, "x y", LOOKUP]) == (
        "--for",
        "lookup",
        "--scope",
        "x y",
    )
    assert scopes.options_for([LOOKUP, *uploads]) == (
        "--for",
        "upload",
        "--for",
        "lookup",
    )
    assert scopes.options_for(uploads[:1]) == ("--for", "add-samples")


def test_examples() -> None:
    env, conf = (
        PLACE._replace(from_env=True, profile="p"),
        SetupLocation(Path("/a b"), source="option"),
    )
    for program, location, start in (
        ("ocarina", PLACE, "ocarina --oauth get"),
        (
            "/a b/o",
            PLACE._replace(profile="test site"),
            "'/a b/o' --oauth --profile 'test site' get",
        ),
        ("ocarina", env._replace(source="option"), "ocarina --oauth --env get"),
        ("o", conf, "OCARINA_CONF_FILE='/a b' o --oauth get"),
    ):
        shown = scopes.example(program, location, LOOKUP)
        assert shown == [f"{start} biosample --central-sample-id YOUR_SAMPLE"]
    assert len(scopes.example("ocarina", PLACE, FALLBACK_SCOPE, OLD_CLIENT)) == 2
    assert scopes.example("ocarina", PLACE, BY_NAME["info"].scope, OLD_CLIENT) == []
    assert all(scopes.example("ocarina", PLACE, purpose.scope) for purpose in PURPOSES)
