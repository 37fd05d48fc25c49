"""The config document: whatever is changed in it, every other byte stays."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ocarina_kit.core.config.document import ConfigDocument, NoSuchPlaceError
from ocarina_kit.core.config.lenient_json import Broken


def doc(text: str | bytes) -> ConfigDocument:
    document = ConfigDocument.parse(text if isinstance(text, bytes) else text.encode())
    assert isinstance(document, ConfigDocument)
    return document


SETS = [
    # the file, the path, the value, the file afterwards
    ('{"a": "b"}', ("a",), "c", '{"a": "c"}'),
    ('{"a": "b"}', ("a",), "b", '{"a": "b"}'),
    ('{"a": "\\u0062"}', ("a",), "b", '{"a": "\\u0062"}'),
    ('{"a": 1.0}', ("a",), 1, '{"a": 1}'),
    ('{"a": true}', ("a",), 1, '{"a": 1}'),
    ('{"a": "b"}', ("a",), None, '{"a": null}'),
    ('{"a": 1, "a": 2}', ("a",), 3, '{"a": 1, "a": 3}'),
    ('{"p": {"a": 1}, "p": {"a": 2}}', ("p", "a"), 3, '{"p": {"a": 1}, "p": {"a": 3}}'),
    ('{"a": "b"}\n', ("c",), "d", '{"a": "b", "c": "d"}\n'),
    ('{"a":"b"}', ("c",), "d", '{"a":"b","c":"d"}'),
    ('{"a" : "b" , "x" : 1}', ("c",), 2, '{"a" : "b" , "x" : 1 , "c" : 2}'),
    ('{\n  "a": "b"\n}\n', ("c",), "d", '{\n  "a": "b",\n  "c": "d"\n}\n'),
    ('{\r\n\t"a": "b"\r\n}\r\n', ("c",), "d", '{\r\n\t"a": "b",\r\n\t"c": "d"\r\n}\r\n'),
    ('{\n  "a": "b"\n, "x": 1\n}', ("c",), 2, '{\n  "a": "b"\n, "x": 1\n, "c": 2\n}'),
    # Where members stand apart in several ways, the most usual one is taken, of equals the first.
    (
        '{\n  "a": 1,\n\n  "b": 2,\n  "c": 3}',
        ("d",),
        4,
        '{\n  "a": 1,\n\n  "b": 2,\n  "c": 3,\n\n  "d": 4}',
    ),
    (
        '{\n  "a": 1,\n\n  "b": 2,\n  "c": 3,\n  "d": 4}',
        ("e",),
        5,
        '{\n  "a": 1,\n\n  "b": 2,\n  "c": 3,\n  "d": 4,\n  "e": 5}',
    ),
    ("{}", ("a",), "b", '{\n    "a": "b"\n}'),
    ("{ }\n", ("a",), "b", '{\n    "a": "b"\n}\n'),
    ("{\r\n}\r\n", ("a",), "b", '{\r\n    "a": "b"\r\n}\r\n'),
    ('{"p": {}}', ("p", "a"), 1, '{"p": {"a": 1}}'),
    ('{\n  "p": {}\n}', ("p", "a"), 1, '{\n  "p": {\n    "a": 1\n  }\n}'),
    (
        '{\n  "p": {\n    "a": 1\n  }\n}',
        ("p", "b"),
        2,
        '{\n  "p": {\n    "a": 1,\n    "b": 2\n  }\n}',
    ),
    (
        '{\n  "a": 1\n}\n',
        ("profile", "uk", "a"),
        2,
        '{\n  "a": 1,\n  "profile": {\n    "uk": {\n      "a": 2\n    }\n  }\n}\n',
    ),
    ('{"a": 1}', ("profile", "uk", "a"), 2, '{"a": 1, "profile": {"uk": {"a": 2}}}'),
    ('{"a":1}', ("profile", "uk", "a"), [1, {}], '{"a":1,"profile":{"uk":{"a":[1,{}]}}}'),
    ('{"a": "é"}', ("b",), "ü", '{"a": "é", "b": "ü"}'),
    ('{"a": "e"}', ("b",), "ü", '{"a": "e", "b": "\\u00fc"}'),
    ('{"a": "é"}', ("b",), "\ud800", '{"a": "é", "b": "\\ud800"}'),
    ('{"x": 1e2, "y": "\\/", "z": -0.0, "a": 0}', ("a",), 1, '{"x": 1e2, "y": "\\/", "z": -0.0, "a": 1}'),
]


@pytest.mark.parametrize(("before", "path", "value", "after"), SETS)
def test_set(before: str, path: tuple[str, ...], value: object, after: str) -> None:
    changed = doc(before).set(path, value)
    assert changed.render().decode() == after
    assert json.dumps(changed.get(path)) == json.dumps(value)
    assert changed.set(path, value) is changed


@pytest.mark.parametrize(
    ("before", "path", "name", "after"),
    [
        ('{"a": "b", "c": 1}', ("a",), "x", '{"x": "b", "c": 1}'),
        (
            '{\n  "majora_domain" : "\\u0062"\n}',
            ("majora_domain",),
            "MAJORA_DOMAIN",
            '{\n  "MAJORA_DOMAIN" : "\\u0062"\n}',
        ),
        ('{"p": {"u": {"a": 1}}}', ("p", "u", "a"), "b", '{"p": {"u": {"b": 1}}}'),
        ('{"a": 1, "a": 2}', ("a",), "b", '{"a": 1, "b": 2}'),
        ('{"a": 1}', ("a",), "a", '{"a": 1}'),
    ],
)
def test_rename(before: str, path: tuple[str, ...], name: str, after: str) -> None:
    assert doc(before).rename(path, name).render().decode() == after


def test_no_place() -> None:
    document = doc('{"a": 1, "b": "x", "profile": "uk"}')
    for change in (
        lambda: document.set(("profile", "uk", "a"), 1),
        lambda: document.set(("a", "b"), 1),
        lambda: document.set((), 1),
        lambda: document.rename(("a",), "b"),
        lambda: document.rename(("zz",), "b"),
        lambda: document.rename(("zz", "y"), "b"),
        lambda: document.rename((), "b"),
    ):
        with pytest.raises(NoSuchPlaceError):
            change()
    assert document.render() == b'{"a": 1, "b": "x", "profile": "uk"}'


def test_get() -> None:
    document = doc('{"a": {"b": null, "c": [1]}, "a2": 1}')
    assert document.get(("a", "b"), "?") is None
    assert document.get(("a", "x"), "?") == "?"
    assert document.get(("a2", "x"), "?") == "?"
    assert document.get(("a", "c")) == [1]


def test_a_new_file_is_in_the_guides_order() -> None:
    made = ConfigDocument.new(
        {
            "CLIENT_SECRET": "s",
            "mine": 1,
            "MAJORA_USER": "u",
            "MAJORA_DOMAIN": "https://h.org/",
            "CLIENT_ID": "i",
        }
        | {
            "MAJORA_TOKEN": "OAUTH",
            "profile": {"uk": {"MAJORA_USER": "v", "MAJORA_DOMAIN": "https://i.org/"}},
        }
    )
    assert made.render().decode() == (
        '{\n    "MAJORA_DOMAIN": "https://h.org/",\n    "MAJORA_USER": "u",\n    "MAJORA_TOKEN": "OAUTH",\n'
        '    "CLIENT_ID": "i",\n    "CLIENT_SECRET": "s",\n    "mine": 1,\n    "profile": {\n        "uk": {\n'
        '            "MAJORA_DOMAIN": "https://i.org/",\n            "MAJORA_USER": "v"\n        }\n    }\n}\n'
    )
    empty = ConfigDocument.new({})
    assert empty.set(("MAJORA_USER",), "u").render() == b'{\n    "MAJORA_USER": "u"\n}\n'


def test_a_mended_file_keeps_the_rest() -> None:
    document = doc("\ufeff{\r\n\t'a': 'x', # mine\r\n\t\"b\":  1.50,\r\n}\r\n".encode())
    assert document.render() == b'{\r\n\t"a": "x",\r\n\t"b":  1.50\r\n}\r\n'
    assert [mend.cause.value for mend in document.mends] == [
        *("byte-order-mark", "single-quotes", "comment", "extra-comma"),
    ]
    changed = document.set(("c",), 2)
    assert changed.render() == b'{\r\n\t"a": "x",\r\n\t"b":  1.50,\r\n\t"c": 2\r\n}\r\n'
    assert changed.mends == document.mends


def test_what_is_broken_is_handed_back() -> None:
    assert isinstance(ConfigDocument.parse(b'{"a": "b'), Broken)


def test_no_value_is_in_the_repr() -> None:
    assert "hunter2" not in repr(doc('{"CLIENT_SECRET": "hunter2"}'))


# --- properties ---

names = st.one_of(
    st.sampled_from(["a", "b", "MAJORA_USER", "profile", "default", "é", "", '"', "\\"]), st.text(max_size=5)
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=8,
)
blanks = st.sampled_from(["", " ", "\n", "\r\n\t", "  ", "\n\n"])


@st.composite
def written(draw: st.DrawFn, value: object, uniform: bool) -> str:
    """A JSON text of the value, in any style that JSON has: blanks anywhere, escapes, members given twice."""
    if uniform:
        indent = draw(st.sampled_from([None, 0, 2, 4, "\t"]))
        separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (",", ": "), (" , ", " : ")]))
        text = json.dumps(value, indent=indent, separators=separators, ensure_ascii=draw(st.booleans()))
        return text.replace("\n", draw(st.sampled_from(["\n", "\r\n"]))) if indent is not None else text

    def blank() -> str:
        return draw(blanks)

    def write(value: object) -> str:
        if isinstance(value, dict):
            members = [(name, inner) for name, inner in value.items()]
            if members and draw(st.booleans()):
                members.insert(0, (members[-1][0], 0))
            inner = ",".join(f"{blank()}{write(n)}{blank()}:{blank()}{write(v)}{blank()}" for n, v in members)
            return f"{{{inner or blank()}}}"
        if isinstance(value, list):
            return f"[{','.join(f'{blank()}{write(item)}{blank()}' for item in value) or blank()}]"
        if isinstance(value, str) and value and draw(st.booleans()):
            head = json.dumps(value[1:], ensure_ascii=draw(st.booleans()))[1:]
            return f'"\\u{ord(value[0]):04X}{head}' if ord(value[0]) < 0x10000 else json.dumps(value)
        return json.dumps(value)

    return f"{blank()}{write(value)}{blank()}"


documents = st.dictionaries(names, values, max_size=5)


@st.composite
def files(draw: st.DrawFn) -> bytes:
    text = draw(written(draw(documents), draw(st.booleans())))
    return text.encode("utf-8", "surrogatepass")


@settings(max_examples=150, deadline=None)
@given(files())
def test_round_trip(data: bytes) -> None:
    try:
        data.decode()
    except UnicodeDecodeError:
        assume(False)
    assert doc(data).render() == data


@st.composite
def paths(draw: st.DrawFn, value: dict[str, object]) -> tuple[str, ...]:
    path: list[str] = []
    node: object = value
    while isinstance(node, dict) and (not path or draw(st.booleans())):
        name = draw(st.one_of(st.sampled_from(sorted(node)), names)) if node else draw(names)
        path.append(name)
        if name not in node:
            path += draw(st.lists(names, max_size=2))
            break
        node = node[name]
    return tuple(path)


def with_set(value: object, path: tuple[str, ...], new: object) -> object:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else {}
    copy[path[0]] = with_set(copy.get(path[0]), path[1:], new)
    return copy


@settings(max_examples=250, deadline=None)
@given(files(), st.data(), values)
def test_set_then_get_and_nothing_else_changes(data: bytes, draw: st.DataObject, new: object) -> None:
    try:
        data.decode()
    except UnicodeDecodeError:
        assume(False)
    document = doc(data)
    path = draw.draw(paths(document.value))
    changed = document.set(path, new)
    assert json.dumps(changed.get(path)) == json.dumps(new)
    assert json.loads(changed.render()) == with_set(document.value, path, new)
    # One splice: what stands before it and behind it is as it was.
    before, after = document.render(), changed.render()
    start = next(
        (n for n, (x, y) in enumerate(zip(before, after, strict=False)) if x != y),
        min(len(before), len(after)),
    )
    tail = 0
    while tail < min(len(before), len(after)) - start and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    gone = before[start : len(before) - tail]
    member = document.member(path)
    if member is None:
        assert gone.strip() in (b"", b"{", b"}", b"{}")
    else:
        assert len(gone) <= len(document.text[member.value.start : member.value.end].encode())
    assert changed.set(path, new) is changed
    if member is not None:
        assert json.loads(changed.set(path, document.get(path)).render()) == document.value


@settings(max_examples=150, deadline=None)
@given(files(), st.data(), names)
def test_rename_keeps_all_the_rest(data: bytes, draw: st.DataObject, name: str) -> None:
    try:
        data.decode()
    except UnicodeDecodeError:
        assume(False)
    document = doc(data)
    assume(document.value)
    old = draw.draw(st.sampled_from(sorted(document.value)))
    assume(name not in document.value)
    renamed = document.rename((old,), name)
    assert renamed.get((name,)) == document.get((old,))
    assume(not document.duplicates)
    assert [name if k == old else k for k in document.value] == list(renamed.value)
    back = renamed.rename((name,), old)
    assert back.value == document.value
