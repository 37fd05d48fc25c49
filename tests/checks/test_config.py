"""CFG001 to CFG014 over literals: which one fails, that no other does, and what its fix leaves."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.checks.configs import (
    GOOD,
    HOME,
    ID,
    KEY,
    PATH,
    SECRET,
    client,
    config_of,
    env_of,
    judged,
    text_of,
    with_file,
    wrong,
)

from ocarina_kit.checks.config import CHECKS
from ocarina_kit.checks.model import Need
from ocarina_kit.checks.usable import settle
from ocarina_kit.core.file_facts import FileKind
from ocarina_kit.core.plan import Chmod, WriteFile


def without(*names: str, **more: Any) -> dict[str, Any]:
    return {**{name: value for name, value in GOOD.items() if name not in names}, **more}


def test_the_rows_are_those_of_the_catalogue() -> None:
    assert [check.id for check in CHECKS] == [f"CFG{number:03}" for number in range(1, 15)]
    assert {check.id: check.rests_on for check in CHECKS if check.rests_on} == {
        "CFG002": (("CFG001",),),
        "CFG003": (("CFG001",),),
        "CFG004": (("CFG002",),),
        "CFG005": (("CFG004",),),
        "CFG006": (("CFG005",),),
        "CFG007": (("CFG006",),),
        "CFG008": (("CFG002",),),
        "CFG009": (("CFG005",), ("CFG008",)),
        "CFG010": (("CFG002",),),
        "CFG011": (("CFG002",),),
        "CFG012": (("CFG002",),),
        "CFG013": (("CFG002",),),
        "CFG014": (("CFG006",),),
    }
    assert all(Need.CONFIG in check.needs for check in CHECKS)


PROFILES: dict[str, Any] = {
    **GOOD,
    "profile": {
        "test": {"MAJORA_DOMAIN": "https://other.lab.test/", "MAJORA_TOKENS_FILE": "~/.ocarina-tokens-test"},
        "bare": {},
    },
}

HEALTHY: dict[str, Any] = {
    "the guide's": GOOD,
    "more members": {**GOOD, "OCARINA_QUIET": 1, "OCARINA_NO_BANNER": "1", "MINE": [1, {"a": None}]},
    "tokens elsewhere": {**GOOD, "MAJORA_TOKENS_FILE": "~/tokens/majora.json"},
    "default": {"default": dict(GOOD)},
    "profiles": PROFILES,
    "loopback": {**GOOD, "MAJORA_DOMAIN": "http://127.0.0.1:8000/"},
}


@pytest.mark.parametrize("members", HEALTHY.values(), ids=HEALTHY)
def test_healthy_ones_are_healthy(members: dict[str, Any]) -> None:
    assert wrong(config_of(members), client("1.0.0")) == {}


def test_a_profile_is_judged_over_its_layers() -> None:
    assert wrong(config_of(PROFILES, "test")) == {}
    assert wrong(config_of({"profile": {"p": dict(GOOD)}}, "p")) == {}


WRONG: list[tuple[str, Any, str]] = [
    ("empty", b"", "CFG002"),
    ("trailing comma", text_of(GOOD).replace(b'"\n}', b'",\n}'), "CFG002"),
    ("single quotes", text_of(GOOD).replace(b'"', b"'"), "CFG002"),
    ("byte-order mark", b"\xef\xbb\xbf" + text_of(GOOD), "CFG002"),
    ("array", b"[1, 2]", "CFG002"),
    ("two objects", text_of(GOOD) * 2, "CFG002"),
    ("missing", without("MAJORA_USER"), "CFG004"),
    ("blank", {**GOOD, "MAJORA_USER": "  "}, "CFG004"),
    ("null", {**GOOD, "CLIENT_ID": None}, "CFG004"),
    ("not a string", {**GOOD, "CLIENT_SECRET": 12}, "CFG004"),
    ("no token", without("MAJORA_TOKEN"), "CFG004"),
    ("blank token", {**GOOD, "MAJORA_TOKEN": ""}, "CFG004"),
    ("lower case", without("MAJORA_DOMAIN", majora_domain="https://majora.lab.test/"), "CFG004"),
    ("CLIENTID", without("CLIENT_ID", CLIENTID=ID), "CFG004"),
    ("your-username", {**GOOD, "MAJORA_USER": "your-username"}, "CFG005"),
    ("your-client-id", {**GOOD, "CLIENT_ID": "your-client-id"}, "CFG005"),
    ("example.org", {**GOOD, "MAJORA_DOMAIN": "https://example.org/"}, "CFG005"),
    ("dots", {**GOOD, "CLIENT_SECRET": "..."}, "CFG005"),
    ("a token's placeholder", {**GOOD, "MAJORA_TOKEN": "<token>"}, "CFG005"),
    ("http", {**GOOD, "MAJORA_DOMAIN": "http://majora.lab.test/"}, "CFG006"),
    ("page", {**GOOD, "MAJORA_DOMAIN": "https://majora.lab.test/o/callback/"}, "CFG006"),
    ("page and slash", {**GOOD, "MAJORA_DOMAIN": " https://majora.lab.test"}, "CFG006"),
    ("user info", {**GOOD, "MAJORA_DOMAIN": "https://me:pass@majora.lab.test/"}, "CFG006"),
    ("slash", {**GOOD, "MAJORA_DOMAIN": "https://majora.lab.test"}, "CFG007"),
    ("slashes", {**GOOD, "MAJORA_DOMAIN": "https://majora.lab.test///"}, "CFG007"),
    ("oauth", {**GOOD, "MAJORA_TOKEN": "oauth"}, "CFG008"),
    ("OAUTH and a blank", {**GOOD, "MAJORA_TOKEN": "OAUTH "}, "CFG008"),
    ("white space", {**GOOD, "CLIENT_SECRET": SECRET + "\n"}, "CFG009"),
    ("swapped", {**GOOD, "CLIENT_ID": SECRET, "CLIENT_SECRET": ID}, "CFG009"),
    ("hash", {**GOOD, "CLIENT_SECRET": "pbkdf2_sha256$600000$salt$" + "A" * 43 + "="}, "CFG009"),
    ("quiet", {**GOOD, "OCARINA_QUIET": "yes"}, "CFG010"),
    ("null optional", {**GOOD, "OCARINA_NO_BANNER": None}, "CFG010"),
    ("default is no object", {**GOOD, "default": 1}, "CFG010"),
    ("tokens blank", {**GOOD, "MAJORA_TOKENS_FILE": ""}, "CFG010"),
    (
        "shared tokens",
        {**GOOD, "profile": {"test": {"MAJORA_DOMAIN": "https://other.lab.test/"}}},
        "CFG013",
    ),
    (
        "shared by spelling",
        {
            "profile": {
                "a": {**GOOD, "MAJORA_TOKENS_FILE": "/home/lab/t"},
                "b": {**GOOD, "CLIENT_ID": ID[::-1], "MAJORA_TOKENS_FILE": "~/t"},
            },
            **GOOD,
        },
        "CFG013",
    ),
]


@pytest.mark.parametrize(("content", "id"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_one_fault_one_failure(content: Any, id: str) -> None:
    config = config_of(content)
    assert wrong(config, client("1.0.0")) == {id: "fail"}
    finding = judged(config)[id]
    assert finding.outcome.detail.startswith(str(PATH))
    assert finding.remedy.commands
    for secret in (SECRET, ID, "pass@", "pbkdf2_sha256$6"):
        assert secret not in finding.outcome.detail + finding.outcome.excerpt


@pytest.mark.parametrize(
    ("content", "id"),
    [
        ({**GOOD, "MAJORA_DOMAIN": "https://majora.lab.test/majora/"}, "CFG006"),
        ({**GOOD, "MAJORA_TOKEN": KEY}, "CFG008"),
        ({**GOOD, "CLIENT_ID": ID[:-1]}, "CFG009"),
        (text_of(GOOD).replace(b"{", b'{"CLIENT_ID": "old",', 1), "CFG012"),
        (
            {**GOOD, "MAJORA_DOMAIN": "https://majora.covid19.climb.ac.uk/", "MAJORA_USER": "test-me"},
            "CFG014",
        ),
        ({**GOOD, "MAJORA_DOMAIN": "https://majora-test.covid19.climb.ac.uk/"}, "CFG014"),
    ],
)
def test_what_only_warns(content: Any, id: str) -> None:
    assert wrong(config_of(content), client("1.0.0")) == {id: "warn"}


MENDED: list[tuple[str, Any, dict[str, Any]]] = [
    ("comma", text_of(GOOD).replace(b'"\n}', b'",\n}'), {}),
    ("names", without("MAJORA_DOMAIN", majora_domain="https://majora.lab.test/"), {"mine": 1}),
    ("url", {**GOOD, "MAJORA_DOMAIN": "<HTTPS://Majora.lab.test:443/o/token>"}, {}),
    ("oauth", {**GOOD, "MAJORA_TOKEN": "'OAuth'"}, {}),
    ("space", {**GOOD, "CLIENT_ID": f" {ID}", "CLIENT_SECRET": SECRET[:60] + "\n" + SECRET[60:]}, {}),
    ("swapped", {**GOOD, "CLIENT_ID": SECRET + " ", "CLIENT_SECRET": ID}, {}),
    ("all", {**GOOD, "MAJORA_DOMAIN": "https://majora.lab.test", "MAJORA_TOKEN": "oauth", "CLIENT_ID": SECRET,
             "CLIENT_SECRET": ID}, {}),
]  # fmt: skip


@pytest.mark.parametrize("content", [row[1] for row in MENDED], ids=[row[0] for row in MENDED])
def test_what_has_one_meaning_is_mended_and_the_rest_kept(content: Any) -> None:
    after, mends = settle(config_of(content))
    assert mends
    assert wrong(after) == {}
    assert after.file is not None
    assert after.file.content is not None
    assert json.loads(after.file.content) == GOOD
    again, none = settle(after)
    assert (again, none) == (after, ())


def test_integers_are_written_as_integers() -> None:
    after, mends = settle(config_of({**GOOD, "OCARINA_QUIET": "yes", "OCARINA_NO_BANNER": None}))
    assert [mend.check.id for mend in mends] == ["CFG010"]
    assert after.file is not None
    assert json.loads(after.file.content or b"") == {**GOOD, "OCARINA_QUIET": 1, "OCARINA_NO_BANNER": 0}


@pytest.mark.parametrize("profile", ["test", None])
def test_a_fix_is_made_where_the_client_reads(profile: str | None) -> None:
    slashless = "https://majora.lab.test"
    members = {**GOOD, "default": {"MAJORA_DOMAIN": slashless}}
    if profile:
        members["profile"] = {profile: {"MAJORA_DOMAIN": slashless, "MAJORA_TOKENS_FILE": "~/t"}}
    after, _ = settle(config_of(members, profile))
    assert after.file is not None
    found = json.loads(after.file.content or b"")
    if profile:
        assert found["profile"][profile]["MAJORA_DOMAIN"] == slashless + "/"
        assert found["default"]["MAJORA_DOMAIN"] == slashless
    else:
        assert found["default"]["MAJORA_DOMAIN"] == slashless + "/"
    assert found["MAJORA_DOMAIN"] == GOOD["MAJORA_DOMAIN"]


def test_a_profile_that_is_not_there_is_the_one_fault() -> None:
    for members in (PROFILES, {"profile": PROFILES["profile"]}):
        config = config_of(members, "gone")
        assert wrong(config) == {"CFG011": "fail"}
        finding = judged(config)["CFG011"]
        assert "test, bare" in finding.outcome.detail
        assert judged(config)["CFG004"].outcome.cause == "CFG011"


def test_an_incomplete_profile_is_the_one_fault() -> None:
    config = config_of({"profile": {"p": without("CLIENT_ID", "MAJORA_TOKEN")}}, "p")
    assert wrong(config) == {"CFG011": "fail"}
    assert "MAJORA_TOKEN, CLIENT_ID missing" in judged(config)["CFG011"].outcome.detail
    near = config_of({"profile": {"p": without("CLIENT_ID", client_id=ID)}}, "p")
    assert wrong(near) == {"CFG004": "fail"}
    assert wrong(settle(near)[0]) == {}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (FileKind.MISSING, "There is no configuration file"),
        (FileKind.FOLDER, "is a folder"),
        (FileKind.DANGLING, "leads nowhere"),
        (FileKind.UNREADABLE, "cannot be read"),
        (FileKind.SPECIAL, "a device"),
        (FileKind.TOO_LARGE, "far too large"),
    ],
)
def test_no_file_to_read(kind: FileKind, words: str) -> None:
    config = with_file(kind=kind, content=None, problem="Permission denied", target=HOME / "gone")
    assert wrong(config) == {"CFG001": "fail"}
    assert words in judged(config)["CFG001"].outcome.detail


def test_modes_owners_and_folders() -> None:
    open_ = with_file(mode=0o644)
    assert wrong(open_) == {"CFG003": "fail"}
    assert judged(open_)["CFG003"].outcome.fix.changes == (
        Chmod(PATH, 0o644, 0o600, "let nobody else read or write it"),
    )
    foreign = with_file(mode=0o644, ours=False)
    assert wrong(foreign) == {"CFG003": "fail"}
    assert not judged(foreign)["CFG003"].fixable
    assert wrong(with_file(loose_folders=(HOME,))) == {"CFG003": "warn"}
    assert wrong(with_file(mode=0o400)) == {}


def test_the_tokens_folder_must_be_there() -> None:
    members = {**GOOD, "MAJORA_TOKENS_FILE": "/home/lab/gone/tokens"}
    config = config_of(members, tokens_folder=False)
    assert wrong(config) == {"CFG010": "fail"}
    assert judged(config)["CFG010"].remedy.commands == ("mkdir -p -m 700 /home/lab/gone",)


def test_a_legacy_set_up_needs_fillers_with_newer_clients_alone() -> None:
    config = config_of({**GOOD, "MAJORA_TOKEN": KEY, "CLIENT_ID": "", "CLIENT_SECRET": ""})
    assert wrong(config) == wrong(config, client("0.36.1")) == {"CFG008": "warn"}
    assert wrong(config, client("1.0.0")) == {"CFG008": "fail"}
    (change,) = judged(config, client("1.0.0"))["CFG008"].outcome.fix.changes
    assert isinstance(change, WriteFile)
    assert wrong(config.with_content(change.after), client("1.0.0")) == {"CFG008": "warn"}


def test_a_place_is_shown_with_line_column_and_caret() -> None:
    finding = judged(config_of({**GOOD, "MAJORA_DOMAIN": "https://majora.lab.test"}))["CFG007"]
    assert finding.outcome.detail == f"{PATH}:2:22: MAJORA_DOMAIN does not end in /."
    line, caret = finding.outcome.excerpt.splitlines()
    assert line.startswith('    "MAJORA_DOMAIN": "')
    assert caret.index("^") == 21


ENV = {"MAJORA_DOMAIN": "https://majora.lab.test/", "MAJORA_USER": "u", "MAJORA_TOKEN": "OAUTH"}
PAIR = {"CLIENT_ID": ID, "CLIENT_SECRET": SECRET}


def test_with_env_the_files_checks_do_not_apply() -> None:
    found = judged(env_of({**ENV, **PAIR}))
    assert wrong(env_of({**ENV, **PAIR})) == {}
    assert sorted(id for id, finding in found.items() if finding.status.value == "skip") == [
        f"CFG0{number}" for number in ("01", "02", "03", "10", "11", "12", "13")
    ]
    older = {"MAJORA_CLIENT_ID": ID, "MAJORA_CLIENT_SECRET": SECRET}
    assert wrong(env_of({**ENV, **older})) == {}


@pytest.mark.parametrize(
    ("change", "id"),
    [
        ({"CLIENT_ID": ""}, "CFG004"),
        ({"MAJORA_USER": "your-username"}, "CFG005"),
        ({"MAJORA_DOMAIN": "majora.lab.test"}, "CFG006"),
        ({"MAJORA_DOMAIN": "https://majora.lab.test"}, "CFG007"),
        ({"MAJORA_TOKEN": "oauth"}, "CFG008"),
        ({"CLIENT_SECRET": f"{SECRET} "}, "CFG009"),
    ],
)
def test_with_env_nothing_is_fixable_and_the_remedy_is_a_variable(change: dict[str, str], id: str) -> None:
    config = env_of({**ENV, **PAIR, **change})
    assert wrong(config) == {id: "fail"}
    finding = judged(config)[id]
    assert not finding.fixable
    assert any(next(iter(change)) in command for command in finding.remedy.commands)
