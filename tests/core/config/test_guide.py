"""What a person is told to do."""

from __future__ import annotations

from ocarina_kit.core.config.guide import (
    NEEDED,
    Standing,
    application_fields,
    application_link,
    chosen_domain,
    standing_rows,
)

URL = "https://majora.example.ac.uk/"


def test_each_field_of_the_form_has_its_exact_value() -> None:
    assert dict(application_fields(URL, "alice")) == {
        "Name": "alice-ocarina",
        "Client id": "leave it as it is",
        "Client secret": "leave it as it is",
        "Client type": "Confidential",
        "Authorization grant type": "Authorization code",
        "Redirect uris": f"{URL}o/callback/",
    }
    assert application_link(URL) == f"{URL}o/applications/"


def test_an_instance_is_chosen_by_number_or_name_and_any_other_by_address() -> None:
    for answer in ("1", "prod", " Production "):
        assert chosen_domain(answer) == "https://majora.covid19.climb.ac.uk/"
    for answer in ("2", "TEST", "magenta"):
        assert chosen_domain(answer) == "https://majora-test.covid19.climb.ac.uk/"
    assert chosen_domain(URL) == URL
    assert chosen_domain("3") == "3"


def test_what_needs_other_people_says_who_and_what_to_write() -> None:
    assert [bool(needed.letter) for needed in NEEDED] == [True, False, True]
    assert all(needed.to_whom for needed in NEEDED if needed.letter)


def test_the_rows_tell_how_far_a_set_up_has_come() -> None:
    nothing = dict(standing_rows(Standing(config="not yet")))
    assert nothing["application"] == nothing["log-in"] == nothing["schedule"] == "not yet"
    assert "install-client" in nothing["client"]
    done = dict(
        standing_rows(
            Standing("alice", "ocarina 1.0.0 at /x", "", "ARRL", "/home/a/.ocarina", 3, 1, scheduled=True)
        )
    )
    assert done["log-in"] == "tokens for 3 purposes, 1 of them dead"
    assert done["application"].endswith("ARRL")
    assert dict(standing_rows(Standing(scheduled=None)))["schedule"] == "could not be told"
