"""What init makes of a config: everything else in it stays."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.core.config.credentials import FILLER
from ocarina_kit.core.config.document import ConfigDocument, NoSuchPlaceError
from ocarina_kit.core.config.init_answers import Answers
from ocarina_kit.core.config.init_plan import bad_profile_name, hidden_values, inherited, planned
from ocarina_kit.core.config.layers import effective
from ocarina_kit.core.secret import Secret

ID = "abCD0123" * 5
SECRET = "xyZ98765" * 16
KEY = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
URL = "https://majora.example.ac.uk/"
ANSWERS = Answers(URL, "alice", ID, Secret(SECRET))
WRITTEN = {
    "MAJORA_DOMAIN": URL,
    "MAJORA_USER": "alice",
    "MAJORA_TOKEN": "OAUTH",
    "CLIENT_ID": ID,
    "CLIENT_SECRET": SECRET,
}
OTHERS = {**WRITTEN, "MAJORA_USER": "bob", "CLIENT_ID": "Z" * 40}


def document(value: object | str) -> ConfigDocument:
    text = value if isinstance(value, str) else json.dumps(value, indent=4) + "\n"
    found = ConfigDocument.parse(text.encode())
    assert isinstance(found, ConfigDocument)
    return found


def client_sees(content: ConfigDocument, profile: str | None = None) -> dict[str, object]:
    return {name: setting.value for name, setting in effective(content.value, profile).items()}


def test_a_new_file_is_written_as_the_guide_has_it() -> None:
    assert planned(None, None, ANSWERS).render() == (json.dumps(WRITTEN, indent=4) + "\n").encode()


def test_the_same_answers_change_nothing() -> None:
    for profile in (None, "uk"):
        once = planned(None, profile, ANSWERS)
        assert planned(once, profile, ANSWERS) is once


@pytest.mark.parametrize(
    "text",
    [
        '{"MAJORA_USER":"bob","mine":[1, 2.50,{"a":null}],"default":{},"profile":{"x":{"CLIENT_ID":"q"}}}',
        '{\r\n\t"extra": "\\u00e9",\r\n\t"MAJORA_USER": "bob"\r\n}',
        '{\n  "OCARINA_QUIET": 1,\n  "MAJORA_USER": "bob"\n}',
    ],
)
def test_what_is_not_answered_stays_to_the_letter(text: str) -> None:
    after = planned(document(text), None, ANSWERS)
    seen = client_sees(after)
    assert {name: seen[name] for name in WRITTEN} == WRITTEN
    rest = after.text.replace('"alice"', '"bob"')
    for piece in text.rstrip("\r\n}").split("\n"):
        assert piece.rstrip("\r") in rest
    assert ("\r\n" in text) is ("\r\n" in after.text)


def test_an_object_default_that_beats_the_top_level_is_where_it_is_set() -> None:
    before = document({"MAJORA_USER": "root", "default": {"MAJORA_USER": "bob"}})
    after = planned(before, None, ANSWERS)
    assert after.get(("default", "MAJORA_USER")) == "alice"
    assert after.get(("MAJORA_USER",)) == "root"
    assert client_sees(after)["MAJORA_USER"] == "alice"


def test_a_profile_gets_a_tokens_file_of_its_own() -> None:
    for before in (None, document(OTHERS), document({**OTHERS, "MAJORA_TOKENS_FILE": "~/shared"})):
        after = planned(before, "uk", ANSWERS)
        assert after.get(("profile", "uk")) == {**WRITTEN, "MAJORA_TOKENS_FILE": "~/.ocarina-tokens-uk"}
        if before is not None:
            assert client_sees(after) == client_sees(before)


def test_a_profile_keeps_the_tokens_file_that_it_has_and_inherits_what_is_right() -> None:
    before = document({**WRITTEN, "profile": {"uk": {"MAJORA_USER": "bob", "MAJORA_TOKENS_FILE": "~/mine"}}})
    after = planned(before, "uk", ANSWERS)
    assert after.get(("profile", "uk")) == {"MAJORA_USER": "alice", "MAJORA_TOKENS_FILE": "~/mine"}


def test_a_new_profile_takes_no_values_of_another_set_up() -> None:
    value = document({**OTHERS, "default": {"MAJORA_USER": "carol"}})
    assert set(inherited(value, "new")) == {"MAJORA_USER"}
    assert inherited(value, None)["CLIENT_ID"].text == "Z" * 40


def test_an_api_key_gets_fillers_where_newer_clients_demand_them() -> None:
    key = Answers(URL, "alice", api_key=Secret(KEY))
    assert planned(None, None, key).value == {
        **WRITTEN,
        "MAJORA_TOKEN": KEY,
        "CLIENT_ID": FILLER,
        "CLIENT_SECRET": FILLER,
    }
    kept = planned(document({**WRITTEN, "CLIENT_SECRET": " "}), None, key)
    assert kept.get(("CLIENT_ID",)) == ID
    assert kept.get(("CLIENT_SECRET",)) == FILLER
    assert planned(kept, None, ANSWERS).value == WRITTEN


@pytest.mark.parametrize(("value", "profile"), [({"profile": 3}, "uk"), ({"profile": {"uk": "x"}}, "uk")])
def test_what_stands_in_the_way_is_not_written_over(value: object, profile: str) -> None:
    with pytest.raises(NoSuchPlaceError):
        planned(document(value), profile, ANSWERS)


@pytest.mark.parametrize(
    "name", ["", "  ", "a/b", "..", ".", "a\nb", " a", "a ", "a" * 65, "a'b", "50%", "$x", "\\"]
)
def test_profile_names_that_no_file_could_have_are_refused(name: str) -> None:
    assert bad_profile_name(name)


@pytest.mark.parametrize("name", ["uk", "test-2", "CLIMB test", "é", "a", "a" * 64, "x.y"])
def test_others_are_taken(name: str) -> None:
    assert bad_profile_name(name) is None


def test_a_diff_hides_all_that_may_be_a_secret() -> None:
    value = {
        **WRITTEN,
        "note": "hunter22",
        "profile": {"x": {"client_secret": "neverShown1", "CLIENT_ID": SECRET[:-1], "MAJORA_TOKEN": KEY}},
        "list": [{"CLIENTSECRET": 'quo"ted secret'}],
        "environment": "prod",
    }
    hidden = {secret.reveal() for secret in hidden_values(value)}
    assert {
        SECRET,
        "hunter22",
        "neverShown1",
        SECRET[:-1],
        KEY,
        'quo"ted secret',
        'quo\\"ted secret',
    } <= hidden
    assert not hidden & {URL, "alice", "OAUTH", ID}


_TEXT = st.text(max_size=8)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(
    value=st.dictionaries(_TEXT | st.sampled_from([*WRITTEN, "default", "profile"]), _JSON, max_size=6),
    profile=st.none() | st.just("uk"),
    indent=st.sampled_from([None, 2, "\t"]),
)
def test_any_object_keeps_its_other_members_and_order(
    value: dict[str, object], profile: str | None, indent: int | str | None
) -> None:
    before = document(json.dumps(value, indent=indent))
    try:
        after = planned(before, profile, ANSWERS)
    except NoSuchPlaceError:
        return
    seen = client_sees(after, profile)
    assert {name: seen[name] for name in WRITTEN} == WRITTEN
    names = [name for name in before.value if name not in (*WRITTEN, "default", "profile")]
    assert [name for name in after.value if name in names] == names
    assert all(json.dumps(after.value[name]) == json.dumps(before.value[name]) for name in names)
    assert planned(after, profile, ANSWERS) is after
