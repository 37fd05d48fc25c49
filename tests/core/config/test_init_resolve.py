"""Where values come from, and what is said to be missing."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ocarina_kit.core.config.credentials import FILLER, Member
from ocarina_kit.core.config.init_answers import Given, Source
from ocarina_kit.core.config.init_resolve import (
    Resolved,
    from_environment,
    gather,
    of_another_server,
    resolve,
    usage_error,
)
from ocarina_kit.core.config.layers import effective
from ocarina_kit.core.errors import Exit

ID = "abCD0123" * 5
SECRET = "xyZ98765" * 16
KEY = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
URL = "https://majora.example.ac.uk/"
FILE = {
    "MAJORA_DOMAIN": URL,
    "MAJORA_USER": "file-user",
    "MAJORA_TOKEN": "OAUTH",
    "CLIENT_ID": ID,
    "CLIENT_SECRET": SECRET,
}


def option(text: str, name: str = "--option") -> Given:
    return Given(text, Source.OPTION, name)


def known(
    options: Mapping[Member, Given] | None = None,
    environ: Mapping[str, str] | None = None,
    file: Mapping[str, object] | None = None,
) -> Resolved:
    settings = effective(file or {})
    found = gather(options or {}, environ or {}, settings)
    return resolve(found, of_another_server(found, settings))


def test_option_beats_environment_beats_file() -> None:
    environ = {"MAJORA_USER": "env-user"}
    for options, variables, taken, source in (
        ({Member.USER: option("option-user")}, environ, "option-user", Source.OPTION),
        ({}, environ, "env-user", Source.ENVIRONMENT),
        ({}, {"MAJORA_USER": "  "}, "file-user", Source.FILE),
    ):
        resolved = known(options, variables, FILE)
        assert resolved.answers.user == taken
        assert resolved.found[Member.USER].source is source
        assert not resolved.wanting


@pytest.mark.parametrize(
    ("environ", "id", "secret"),
    [
        ({"CLIENT_ID": "a", "CLIENT_SECRET": "b"}, "a", "b"),
        ({"MAJORA_CLIENT_ID": "a", "MAJORA_CLIENT_SECRET": "b"}, "a", "b"),
        (
            {"CLIENT_ID": "a", "MAJORA_CLIENT_ID": "z", "CLIENT_SECRET": "b", "MAJORA_CLIENT_SECRET": "y"},
            "a",
            "b",
        ),
        ({"MAJORA_CLIENT_ID": "a", "CLIENT_SECRET": "y", "MAJORA_CLIENT_SECRET": "b"}, "a", "b"),
        ({"CLIENT_ID": "a", "MAJORA_CLIENT_SECRET": "b"}, "a", "b"),
        ({"MAJORA_CLIENT_ID": "a", "CLIENT_SECRET": "b"}, "a", "b"),
    ],
)
def test_both_names_of_id_and_secret_count(environ: dict[str, str], id: str, secret: str) -> None:
    for member, wanted in ((Member.ID, id), (Member.SECRET, secret)):
        found = from_environment(environ, member)
        assert found is not None
        assert found.text == wanted


@pytest.mark.parametrize(
    ("options", "environ", "file_token", "legacy"),
    [
        ({}, {}, "OAUTH", False),
        ({}, {}, KEY, True),
        ({}, {"MAJORA_TOKEN": KEY}, "OAUTH", True),
        ({}, {"MAJORA_TOKEN": "OAUTH"}, KEY, False),
        ({}, {"MAJORA_TOKEN": "oauth "}, KEY, False),
        ({}, {"CLIENT_ID": ID, "CLIENT_SECRET": SECRET}, KEY, False),
        ({Member.ID: option(ID)}, {"MAJORA_TOKEN": KEY}, KEY, False),
        ({Member.TOKEN: option(KEY)}, {"MAJORA_TOKEN": "OAUTH"}, "OAUTH", True),
        ({}, {}, "your-token", False),
    ],
)
def test_whether_an_api_key_is_meant(
    options: dict[Member, Given], environ: dict[str, str], file_token: str, legacy: bool
) -> None:
    resolved = known(options, environ, {**FILE, "MAJORA_TOKEN": file_token})
    assert resolved.legacy is legacy
    assert (resolved.answers.api_key is not None) is legacy


def test_with_an_api_key_neither_id_nor_secret_is_missing() -> None:
    resolved = known({Member.TOKEN: option(KEY), Member.DOMAIN: option(URL), Member.USER: option("alice")})
    assert not resolved.wanting


def test_back_from_an_api_key_the_fillers_count_as_missing() -> None:
    file = {**FILE, "MAJORA_TOKEN": KEY, "CLIENT_ID": FILLER, "CLIENT_SECRET": FILLER}
    resolved = known({Member.ID: option(ID)}, {}, file)
    assert [each.member for each in resolved.wanting] == [Member.SECRET]


def test_all_that_is_missing_is_named_at_once_with_its_options_and_variables() -> None:
    error = usage_error(known().wanting)
    assert error.exit is Exit.USAGE
    for words in (
        *(
            "--instance prod|test",
            "--domain URL",
            "--user NAME",
            "--client-id ID",
            "--client-secret-file FILE",
        ),
        *("MAJORA_DOMAIN", "MAJORA_USER", "MAJORA_CLIENT_ID", "MAJORA_CLIENT_SECRET"),
    ):
        assert words in error.what


def test_what_is_wrong_is_named_beside_what_is_missing() -> None:
    error = usage_error(known({Member.DOMAIN: option("ftp://x.org", "--domain")}).wanting)
    assert error.id == "CFG006"
    assert "MAJORA_DOMAIN (from --domain) cannot be used: its scheme is not https" in error.what
    assert "--client-id ID" in error.what


def test_a_placeholder_in_the_file_counts_as_missing_and_is_named_as_such() -> None:
    resolved = known({}, {}, {**FILE, "MAJORA_USER": "your-username"})
    assert "MAJORA_USER (from top level) cannot be used: it is a placeholder" in resolved.wanting[0].line


def test_the_secrets_of_one_majora_are_not_taken_for_another() -> None:
    resolved = known({Member.DOMAIN: option("https://other.example.ac.uk/")}, {}, FILE)
    assert [each.member for each in resolved.wanting] == [Member.ID, Member.SECRET]
    for same in (URL, "https://MAJORA.example.ac.uk:443", f"{URL}o/applications/"):
        assert not known({Member.DOMAIN: option(same)}, {}, FILE).wanting
    # Where the file's own address is none, they belong to the one that is given now.
    assert not known({Member.DOMAIN: option(URL)}, {}, {**FILE, "MAJORA_DOMAIN": "majora"}).wanting


def test_swapped_values_are_put_right_and_said() -> None:
    resolved = known(
        {}, {"CLIENT_ID": SECRET, "CLIENT_SECRET": ID}, {**FILE, "CLIENT_ID": "", "CLIENT_SECRET": ""}
    )
    assert resolved.answers.client_id == ID
    assert resolved.answers.client_secret.reveal() == SECRET
    assert any("each other's place" in mend for mend in resolved.mends)


def test_no_value_stands_in_a_repr() -> None:
    resolved = known({Member.SECRET: option(SECRET)}, {"MAJORA_TOKEN": KEY}, FILE)
    assert SECRET not in repr(resolved) + repr(resolved.answers)
    assert KEY not in repr(resolved)
