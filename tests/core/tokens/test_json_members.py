"""core/tokens/json_members.py: cut apart and put together again, to the letter."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.core.tokens.json_members import JsonFaultError, JsonMembers

SPACE = st.text(alphabet=" \t\n\r", max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def object_texts(draw: st.DrawFn) -> str:
    """Objects with white space in every place, doubles of a key, and numbers in every spelling."""
    parts = []
    for _ in range(draw(st.integers(0, 4))):
        key = json.dumps(draw(st.sampled_from(["a", "b", "c d", "é", '"'])), ensure_ascii=draw(st.booleans()))
        value = draw(st.sampled_from(["1e0", "1.50", "-0", "1E+2"]) | st.builds(json.dumps, JSON))
        parts.append(draw(SPACE) + key + draw(SPACE) + ":" + draw(SPACE) + value + draw(SPACE))
    inner = ",".join(parts) or draw(SPACE)
    return draw(SPACE) + "{" + inner + "}" + draw(SPACE)


def parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


@given(text=object_texts())
def test_put_together_again_to_the_letter(text: str) -> None:
    members = JsonMembers.parse(text)
    assert members.render() == text
    assert repr({member.key: member.value for member in members.distinct()}) == repr(json.loads(text))


@given(text=st.text(alphabet='{}[]",:\\ \n\t1ae.-u0\ufeff', max_size=30) | st.text(max_size=30))
def test_it_reads_what_json_reads_and_no_more(text: str) -> None:
    wanted = parsed(text)
    if isinstance(wanted, dict):
        assert JsonMembers.parse(text).render() == text
    else:
        with pytest.raises(JsonFaultError) as caught:
            JsonMembers.parse(text)
        assert 0 <= caught.value.position <= len(text)


@given(text=object_texts(), key=st.sampled_from(["a", "c d", "new"]), value=JSON)
def test_one_changes_and_the_others_keep_every_byte(text: str, key: str, value: object) -> None:
    before = JsonMembers.parse(text)
    after = before.with_value(key, json.dumps(value), value)
    wanted = {**json.loads(text), key: value}
    # Compared as text, as NaN is in there; where a key stood twice, its first place is gone.
    assert sorted(map(repr, json.loads(after.render()).items())) == sorted(map(repr, wanted.items()))
    assert [m.raw_key + m.raw_value for m in before.members if m.key != key] == [
        m.raw_key + m.raw_value for m in after.members if m.key != key
    ]
    assert (after.head, after.tail) == (before.head, before.tail)


@given(text=object_texts(), key=st.sampled_from(["a", "c d", "new"]))
def test_one_goes_and_the_others_keep_every_byte(text: str, key: str) -> None:
    before = JsonMembers.parse(text)
    after = before.without(key)
    wanted = json.loads(text)
    wanted.pop(key, None)
    assert repr(json.loads(after.render())) == repr(wanted)
    assert [m.raw_key + m.raw_value for m in before.members if m.key != key] == [
        m.raw_key + m.raw_value for m in after.members
    ]
    if all(m.key != key for m in before.members):
        assert after.render() == text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{}", '{"k": 1}'),
        ('{"a": 2}', '{"a": 2, "k": 1}'),
        ('{"a":2,"b":3}', '{"a":2,"b":3,"k": 1}'),
        ('{\n  "a": 2\n}\n', '{\n  "a": 2,\n  "k": 1\n}\n'),
        ('{\n  "a": 2,\n  "b": 3\n}', '{\n  "a": 2,\n  "b": 3,\n  "k": 1\n}'),
        ('{"k": 3, "a": 2, "k": 4}', '{"a": 2, "k": 1}'),
    ],
)
def test_a_new_one_is_laid_out_as_its_neighbours(text: str, wanted: str) -> None:
    assert JsonMembers.parse(text).with_value("k", "1", 1).render() == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('{"a": 2}', "{}"),
        ('{"a": 2, "b": 3}', '{"b": 3}'),
        ('{"b": 3, "a": 2}', '{"b": 3}'),
        ('{\n  "a": 2,\n  "b": 3\n}', '{\n  "b": 3\n}'),
        ('{\n  "b": 3,\n  "a": 2\n}', '{\n  "b": 3\n}'),
    ],
)
def test_one_that_goes_leaves_no_gap(text: str, wanted: str) -> None:
    assert JsonMembers.parse(text).without("a").render() == wanted


@pytest.mark.parametrize(
    ("text", "position"),
    [("", 0), ("[]", 0), ('{"a": 1', 7), ('{"a": 1,}', 8), ("{} {}", 3), ('{"a" 1}', 5), ("{" * 3, 1)],
)
def test_where_it_stops_being_an_object(text: str, position: int) -> None:
    with pytest.raises(JsonFaultError) as caught:
        JsonMembers.parse(text)
    assert caught.value.position == position


@pytest.mark.parametrize("value", ["[" * 100_000, '{"a":' * 100_000, "1" * 10_000])
def test_too_deep_or_too_long_is_a_fault_and_no_crash(value: str) -> None:
    with pytest.raises(JsonFaultError):
        JsonMembers.parse(f'{{"a": {value}}}')
