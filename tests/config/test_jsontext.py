"""Configuration text: a row for each repair and each refusal, edits that keep every other byte, excerpts."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocarina_kit.config import jsontext
from ocarina_kit.config.jsontext import Broken, Document, read
from ocarina_kit.system.change import masked

BOM, UTF16, UTF32, NOT_UTF8 = "byte-order mark", "UTF-16", "UTF-32", "not UTF-8"
SINGLE, CURLY, PYTHON, COMMENT = "single quotes", "curly quotes", "Python", "a comment"
EXTRA_COMMA, MISSING_COMMA, SEMICOLON, EQUALS = "extra comma", "missing comma", "a semicolon", "= in place"
NAME, INVISIBLE, CONTROL, LINE_BREAK = "name without quotes", "invisible", "control character", "line break"
BRACE, EXTRA_BRACE, FENCE = "missing brace", "extra brace", "```"

REPAIRED = [
    # bytes; words, line and column of each slip; the repaired text
    (b'\xef\xbb\xbf{"a": "b"}', [(BOM, 1, 1)], '{"a": "b"}'),
    ('{"a": "é"}'.encode("utf-16"), [(UTF16, 1, 1)], '{"a": "é"}'),
    ('{"a": "b"}'.encode("utf-16-le"), [(UTF16, 1, 1)], '{"a": "b"}'),
    ('{"a": "b"}'.encode("utf-16-be"), [(UTF16, 1, 1)], '{"a": "b"}'),
    ('{"a": "b"}'.encode("utf-32"), [(UTF32, 1, 1)], '{"a": "b"}'),
    ('{"a": "b"}'.encode("utf-32-be"), [(UTF32, 1, 1)], '{"a": "b"}'),
    ("{“a”: “b”}".encode("cp1252"), [(NOT_UTF8, 1, 2), (CURLY, 1, 2)], '{"a": "b"}'),
    (b"{'a': 'b'}", [(SINGLE, 1, 2)], '{"a": "b"}'),
    (b"{'a': 'say \"b\"'}", [(SINGLE, 1, 2)], '{"a": "say \\"b\\""}'),
    (b"{'a': 'it\\'s'}", [(SINGLE, 1, 2)], '{"a": "it\'s"}'),
    (b"{'a': \"it's\"}", [(SINGLE, 1, 2)], '{"a": "it\'s"}'),
    (b"{`a`: `b`}", [(SINGLE, 1, 2)], '{"a": "b"}'),
    ("{“a”: “b”}".encode(), [(CURLY, 1, 2)], '{"a": "b"}'),
    ("{‘a’: ‘b’}".encode(), [(CURLY, 1, 2)], '{"a": "b"}'),
    ("{„a“: »b«}".encode(), [(CURLY, 1, 2)], '{"a": "b"}'),
    ('{"a": “b", "c": "d”, "e": "f"}'.encode(), [(CURLY, 1, 7)], '{"a": "b", "c": "d", "e": "f"}'),
    ('{"a”: "b”,\n "c": "d"}'.encode(), [(CURLY, 1, 4)], '{"a": "b",\n "c": "d"}'),
    ("{“a”: “it’s”}".encode(), [(CURLY, 1, 2)], '{"a": "it’s"}'),
    (
        b"{'a': True, 'b': None, 'c': False}",
        [(SINGLE, 1, 2), (PYTHON, 1, 7)],
        '{"a": true, "b": null, "c": false}',
    ),
    (b'{"a": TRUE}', [(PYTHON, 1, 7)], '{"a": true}'),
    (b'{\n  "a": "b",\n}\n', [(EXTRA_COMMA, 2, 11)], '{\n  "a": "b"\n}\n'),
    (b'{"a": [1, 2,],}', [(EXTRA_COMMA, 1, 12)], '{"a": [1, 2]}'),
    (b'{"a": 1,, "b": 2}', [(EXTRA_COMMA, 1, 9)], '{"a": 1, "b": 2}'),
    (b'{"a": 1},\n', [(EXTRA_COMMA, 1, 9)], '{"a": 1}\n'),
    (b'{"a": 1};', [(EXTRA_COMMA, 1, 9)], '{"a": 1}'),
    (b'{\n  "a": "b"\n  "c": "d"\n}', [(MISSING_COMMA, 2, 11)], '{\n  "a": "b",\n  "c": "d"\n}'),
    (b'{"a": "b" "c": "d"}', [(MISSING_COMMA, 1, 10)], '{"a": "b", "c": "d"}'),
    (b'{"a": {"x": 1} "c": "d"}', [(MISSING_COMMA, 1, 15)], '{"a": {"x": 1}, "c": "d"}'),
    (b'{"a": "b"; "c": "d";}', [(SEMICOLON, 1, 10)], '{"a": "b", "c": "d"}'),
    (b'# mine\n{"a": "b"}', [(COMMENT, 1, 1)], '{"a": "b"}'),
    (b'{\n  "a": "b", # the user\n  "c": 1\n}', [(COMMENT, 2, 13)], '{\n  "a": "b",\n  "c": 1\n}'),
    (b'{\n  // "x": "y",\n  "a": "b"\n}', [(COMMENT, 2, 3)], '{\n  "a": "b"\n}'),
    (b'{"a": /* one */ "b"}', [(COMMENT, 1, 7)], '{"a": "b"}'),
    (
        b'{\n  "a": "b",\n  /* two\n lines */\n}',
        [(EXTRA_COMMA, 2, 11), (COMMENT, 3, 3)],
        '{\n  "a": "b"\n}',
    ),
    (b'{"a" = "b"}', [(EQUALS, 1, 6)], '{"a" : "b"}'),
    (b'{"a" => "b"}', [(EQUALS, 1, 6)], '{"a" : "b"}'),
    (b'{"a": "b", "c"="d"}', [(EQUALS, 1, 15)], '{"a": "b", "c":"d"}'),
    (b'{a: "b", $c-d: 1}', [(NAME, 1, 2)], '{"a": "b", "$c-d": 1}'),
    ('{\u00a0"a":\u2003"b"\u200b}'.encode(), [(INVISIBLE, 1, 2)], '{ "a": "b"}'),
    ('\ufeff\u200b{"a": "b"}'.encode(), [(BOM, 1, 1), (INVISIBLE, 1, 1)], '{"a": "b"}'),
    (b'{"a": "b\tc"}', [(CONTROL, 1, 9)], '{"a": "b\\u0009c"}'),
    (b'{"a": "b\x1bc"}', [(CONTROL, 1, 9)], '{"a": "b\\u001bc"}'),
    (b'{"a": "b\nc", "d": 1}', [(LINE_BREAK, 1, 9)], '{"a": "b\\nc", "d": 1}'),
    (b'{"a": "b\r\n  c"\r\n}', [(LINE_BREAK, 1, 9)], '{"a": "b\\r\\n  c"\r\n}'),
    (b'{"a": "b"', [(BRACE, 1, 10)], '{"a": "b"}'),
    (b'{\n  "a": "b"\n', [(BRACE, 2, 11)], '{\n  "a": "b"\n}\n'),
    (b'{\r\n  "a": "b"\r\n', [(BRACE, 2, 11)], '{\r\n  "a": "b"\r\n}\r\n'),
    (b'"a": "b"}', [(BRACE, 1, 1)], '{"a": "b"}'),
    (b'"a": "b", "c": 1', [(BRACE, 1, 1)], '{"a": "b", "c": 1}'),
    (b'{"a": "b"}}\n', [(EXTRA_BRACE, 1, 11)], '{"a": "b"}\n'),
    (b'```json\n{"a": "b"}\n```\n', [(FENCE, 1, 1)], '{"a": "b"}\n\n'),
]


BROKEN = [
    # bytes, words of the cause, line, column
    (b"", "is empty", 1, 1),
    (b" \n\t\n", "white space", 1, 1),
    (b"\xef\xbb\xbf", "white space", 1, 1),
    ("\u200b\u00a0".encode(), "white space", 1, 1),
    (b"\0" * 64, "zero bytes", 1, 1),
    (b'{"a": "b"}\0\0', "zero bytes", 1, 11),
    (b'{"a": "b",\0\0', "zero bytes", 1, 11),
    (b'{"a": "b"\0\0', "zero bytes", 1, 10),
    ('{"a": "é"}'.encode("latin-1"), "not UTF-8", 1, 8),
    ('{\n"a": "“b” é"}'.encode("cp1252"), "not UTF-8", 2, 7),
    ('{"a": "“b”"}'.encode("cp1252"), "not UTF-8", 1, 8),
    (b'{"a": "\xc3', "not UTF-8", 1, 8),
    ('{"a": "b"}'.encode("utf-16")[:-1], "UTF-16", 1, 10),
    (b"<!DOCTYPE html>\n<html>", "object", 1, 1),
    (b"{\\rtf1\\ansi\n\\f0 {\"a\": 1}}", "missing quote", 1, 2),
    (b"# my set-up\n\nMAJORA_DOMAIN=https://h.org/\n", "object", 3, 1),
    (b"[ocarina]\nMAJORA_DOMAIN = x\n", "without quotes", 1, 2),
    (b'["a", "b"]', "object", 1, 1),
    (b'\n "a"', "object", 2, 2),
    (b"null", "object", 1, 1),
    (b"42", "object", 1, 1),
    (b"what is this", "object", 1, 1),
    (b'{"a": 1}\n{"a": 2}', "two objects", 2, 1),
    (b'{"a": 1}{"a": 1}', "two objects", 1, 9),
    (b'{"a": 1} x', "text after", 1, 10),
    (b'{"a": 1}]', "text after", 1, 9),
    (b'{"a": {"b": 1}}}', "extra brace", 1, 16),
    (b'{"a": {"b": 1}', "brace", 1, 15),
    (b"{", "brace", 1, 2),
    (b'{"p": {"a": 1, "default": {"b": 2}}', "brace", 1, 36),
    (b'{"a": [1}', "bracket", 1, 9),
    (b'{"a": 1]', "bracket", 1, 8),
    (b'{{"a": 1}}', "bracket", 1, 2),
    (b'{"a": [1, 2', "cut off", 1, 12),
    (b'{"a": "b",', "cut off", 1, 11),
    (b'{"a": "b', "cut off", 1, 7),
    (b'{"a": ', "cut off", 1, 7),
    (b'{"a"', "cut off", 1, 5),
    (b'{"a" "b"}', "missing :", 1, 6),
    (b'{"a", "b": 1}', "missing :", 1, 5),
    (b'{"a": , "b": 1}', "missing value", 1, 7),
    (b'{"a": }', "missing value", 1, 7),
    (b'{\n "a": "b,\n "c": "d"\n}', "missing quote", 2, 10),
    (b'{"a: "b", "c": "d"}', "missing quote", 1, 7),
    (b'{a": "b"}', "missing quote", 1, 2),
    (b'{"a": "b\n}', "missing quote", 1, 9),
    (b'{"a\nb": "c"}', "missing quote", 1, 4),
    (b'{"a": b", "c": "d"}', "without quotes", 1, 7),
    (b'{"a": https://h.org/}', "without quotes", 1, 7),
    (b'{"a": undefined}', "without quotes", 1, 7),
    (b'{"a": "b"c"}', "text where", 1, 10),
    (b'{"a": ""b""}', "text where", 1, 9),
    (b"{'a': 'it's'}", "without quotes", 1, 7),
    (b'{"a": "C:\\new\\dir"}', "backslash", 1, 14),
    (b"{'a': '\\x41'}", "backslash", 1, 7),
    (b'{"a": 007}', "comma", 1, 8),
    (b'{"a": +1}', "number", 1, 7),
    (b'{"a": 1.}', "comma", 1, 8),
    (b'{"a": ' + b"9" * 5000 + b"}", "number", 1, 1),
    (b'{"a": 1 /* x }', "text where", 1, 9),
    (b'{"a": ' * (jsontext.DEPTH + 2) + b"1" + b"}" * (jsontext.DEPTH + 2), "too many objects", 1, 1),
    (b'{"a": ' * 100_000, "too many objects", 1, 1),
    (b'{"a": ' + b"[" * 100_000, "too many objects", 1, 1),
    (b'{"a": ' + b"[" * (jsontext.DEPTH + 9), "too many objects", 1, 1),
    (b" " * (jsontext.LIMIT + 1), "1.0 MiB", 1, 1),
]  # fmt: skip


@pytest.mark.parametrize(("data", "slips", "text"), REPAIRED)
def test_what_has_one_meaning_is_repaired(data: bytes, slips: list[tuple[str, int, int]], text: str) -> None:
    document = read(data)
    assert isinstance(document, Document), document
    assert document.text == text
    assert document.value == json.loads(text)
    assert [(s.line, s.column) for s in document.repairs] == [(line, column) for _, line, column in slips]
    assert all(words in slip.words for slip, (words, _, _) in zip(document.repairs, slips, strict=True))
    assert read(document.render()) == Document(text, document.value)


@pytest.mark.parametrize(("data", "words", "line", "column"), BROKEN, ids=lambda value: str(value)[:30])
def test_nothing_is_guessed(data: bytes, words: str, line: int, column: int) -> None:
    broken = read(data)
    assert isinstance(broken, Broken), broken
    assert (broken.line, broken.column) == (line, column)
    assert words in broken.words


def test_what_the_client_reads_is_not_repaired() -> None:
    odd = ('{"a": NaN, "b": -Infinity}', '{"a": "\\ud800 x\x7f\u2028“”"}', '{"a": "b // # /* */”, “c"}')
    for text in ("{}", ' {"a": 1}\n', *odd):
        document = document_of(text)
        assert (document.text, document.repairs) == (text, ())
        assert '"a"' not in repr(document)


def document_of(text: str) -> Document:
    document = read(text.encode())
    assert isinstance(document, Document)
    return document


def test_settings_given_twice() -> None:
    document = document_of('{"a": 1, "b": {"c": 1,\n "c": 2},\n"a": 2, "a": 3}')
    assert dict(document.twice) == {("a",): [1, 3, 3], ("b", "c"): [1, 2]}


def test_a_hostile_size_ends_soon() -> None:
    many = json.dumps({f"k{number}": number for number in range(300_000)}).encode()
    broken = read(many)
    assert isinstance(broken, Broken)
    assert "5.2 MiB" in broken.words
    assert isinstance(read(b'{"a": [' + b'"x", ' * 150_000), Broken)
    assert isinstance(read(b"{" + b"'a'" * 60_000), Broken)
    assert document_of(json.dumps({f"k{number}": number for number in range(50_000)})).twice == []


# --- what any text comes to ---------------------------------------------------------------------------------------

PIECES = [
    *("{", "}", "[", "]", ",", ":", ";", "=", '"', "'", "“", "”", "\\", "\\u00e9", "\n", "\r", " ", "\u00a0", "\0"),
    *("a", "key", "null", "True", "1", "-0.5e3", "#", "//", "/*", "*/", "```", "\ufeff", "é", "export ", "<html>"),
]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(), st.lists(st.sampled_from(PIECES), max_size=30).map("".join).map(str.encode)))
def test_any_bytes(data: bytes) -> None:
    found = read(data)
    try:
        standard = json.loads(data.decode())
    except ValueError:
        standard = None
    if isinstance(found, Broken):
        assert not isinstance(standard, dict)
        assert len(found.excerpt.splitlines()) in (0, 2)
        return
    assert bool(found.repairs) is not isinstance(standard, dict)
    again = read(found.text.encode("utf-8", "surrogatepass"))
    assert isinstance(again, Document)
    assert (again.text, again.repairs) == (found.text, ())


GOOD = {
    "MAJORA_USER": "smithj",
    "CLIENT_SECRET": "s3cr3t-of-the-lab",
    "n": 1,
    "p": {"CLIENT_SECRET": "s3cr3t-of-the-lab"},
}
CHANGES = st.sampled_from(["", '"', "'", "\n", ",", "}", "”", " ", ":", "{", "#"])


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([None, 2]), st.lists(st.tuples(st.integers(0, 200), CHANGES), min_size=1, max_size=2))
def test_after_a_slip_the_meaning_is_kept_or_not_guessed(
    indent: int | None, slips: list[tuple[int, str]]
) -> None:
    text = json.dumps(GOOD, indent=indent)
    for at, char in slips:
        text = text[:at] + char + text[at + 1 :]
    found = read(text.encode())
    excerpt = found.excerpt
    assert not any(part in excerpt + repr(found) for part in ("cr3t-of", "of-the", "the-lab"))
    if isinstance(found, Document) and found.repairs:
        assert set(found.value) <= {*GOOD, *map(str, json.loads(found.text))}


# --- edits -----------------------------------------------------------------------------------------------------------

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
    ('{"a":"b"}', ("c",), "d", '{"a":"b", "c":"d"}'),
    ('{"a" : "b" , "x" : 1}', ("c",), 2, '{"a" : "b" , "x" : 1, "c" : 2}'),
    ('{\n  "a": "b"\n}\n', ("c",), "d", '{\n  "a": "b",\n  "c": "d"\n}\n'),
    ('{\r\n\t"a": "b"\r\n}\r\n', ("c",), "d", '{\r\n\t"a": "b",\r\n\t"c": "d"\r\n}\r\n'),
    ('{\n  "a": "b"\n, "x": 1\n}', ("c",), 2, '{\n  "a": "b"\n, "x": 1,\n  "c": 2\n}'),
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
    ('{"a":1}', ("profile", "uk", "a"), [1, {}], '{"a":1, "profile":{"uk": {"a": [1, {}]}}}'),
    ('{"a": "é"}', ("b",), "ü", '{"a": "é", "b": "ü"}'),
    ('{"a": "e"}', ("b",), "ü", '{"a": "e", "b": "\\u00fc"}'),
    ('{"a": "é"}', ("b",), "\ud800", '{"a": "é", "b": "\\ud800"}'),
    ('{"x": 1e2, "y": "\\/", "z": -0.0, "a": 0}', ("a",), 1, '{"x": 1e2, "y": "\\/", "z": -0.0, "a": 1}'),
]


@pytest.mark.parametrize(("before", "path", "value", "after"), SETS)
def test_set(before: str, path: tuple[str, ...], value: object, after: str) -> None:
    changed = document_of(before).set(path, value)
    assert changed.render().decode() == after
    assert json.loads(after) == changed.value
    assert changed.set(path, value) == changed


def test_rename_and_find() -> None:
    for before, path, after, place in (
        ('{\n  "a" : "\\u0062"\n}', ("a",), '{\n  "b" : "\\u0062"\n}', (2, 9)),
        ('{"p": {"u": {"a": 1}}}', ("p", "u", "a"), '{"p": {"u": {"b": 1}}}', (1, 19)),
        ('{"a": 1, "a": {}}', ("a",), '{"a": 1, "b": {}}', (1, 10)),
    ):
        assert document_of(before).rename(path, "b").text == after
        assert document_of(before).find(path) == place
    document = document_of('{"a": 1, "b": "x", "profile": "uk"}')
    for path in (("profile", "uk", "a"), ("a", "b")):
        assert document.find(path) is None
        with pytest.raises(ValueError, match="is not an object"):
            document.set(path, 1)
    for path in ((), ("zz",), ("zz", "y")):
        assert document.find(path) is None
    assert document.rename(("zz",), "c") == document


def test_a_repaired_file_keeps_the_rest() -> None:
    document = read("\ufeff{\r\n\t'a': 'x', # mine\r\n\t\"b\":  1.50,\r\n}\r\n".encode())
    assert isinstance(document, Document)
    assert document.set(("c",), 2).render() == b'{\r\n\t"a": "x",\r\n\t"b":  1.50,\r\n\t"c": 2\r\n}\r\n'


NAMES = st.sampled_from(["a", "b", "MAJORA_USER", "profile", "é", "", '"', "\\", "\u2028"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5))
VALUES = st.recursive(
    SCALARS, lambda each: st.lists(each, max_size=2) | st.dictionaries(NAMES, each, max_size=3)
)
LAYOUTS = st.tuples(
    st.sampled_from([None, 0, 2, "\t"]),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,", " : ")]),
    st.booleans(),
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=4), LAYOUTS, st.lists(NAMES, min_size=1, max_size=3), VALUES)
def test_set_changes_one_setting_and_nothing_else(
    value: dict[str, object], layout: tuple[int | None, tuple[str, str], bool], names: list[str], new: object
) -> None:
    indent, separators, ascii_only = layout
    text = json.dumps(value, indent=indent, separators=separators, ensure_ascii=ascii_only)
    try:
        document = document_of(text)
        changed = document.set(tuple(names), new)
    except (ValueError, UnicodeEncodeError):
        return
    expected = inner = json.loads(text)
    for name in names[:-1]:
        inner = inner.setdefault(name, {})
    inner[names[-1]] = new
    assert json.dumps(json.loads(changed.text)) == json.dumps(expected)
    start = next((n for n, (x, y) in enumerate(zip(text, changed.text, strict=False)) if x != y), len(text))
    left = [line for line in text[:start].splitlines() if line.strip()]
    assert changed.text.splitlines()[: len(left) - 1] == text.splitlines()[: len(left) - 1]


# --- excerpts --------------------------------------------------------------------------------------------------------

SECRET = "s3cr3t" * 20


@pytest.mark.parametrize(
    ("text", "line", "caret"),
    [
        (f'{{"CLIENT_SECRET": "{SECRET}", }}', '{"CLIENT_SECRET": "**** (120 characters)", }', 41),
        (f'{{\n "CLIENT_SERCET": "{SECRET}";}}', ' "CLIENT_SERCET": "**** (120 characters)";}', 41),
        (f"{{'CLIENT_SECRET': '{SECRET}'}}", "{'CLIENT_SECRET': '**** (120 characters)'}", 1),
        (f'{{"CLIENT_ID": "{"a1" * 20}",,\n"b": 1}}', f'{{"CLIENT_ID": "{"a1" * 20}",,', 57),
        ('{"MAJORA_DOMAIN": "https://h.org/",}', '{"MAJORA_DOMAIN": "https://h.org/",}', 34),
        ('{"MAJORA_TOKEN": "OAUTH", "mine": true,}', '{"MAJORA_TOKEN": "OAUTH", "mine": true,}', 38),
        ('{"MAJORA_TOKEN": "0f8fad5b-d9cb-469f",}', '{"MAJORA_TOKEN": "**** (18 characters)",}', 39),
        (f'{{"CLIENT_SECRET": "{SECRET}\n', '{"CLIENT_SECRET": "**** (120 characters)', 40),
    ],
)  # fmt: skip
def test_excerpts_show_everything_but_secrets(text: str, line: str, caret: int) -> None:
    found = read(text.encode())
    excerpt = found.excerpt
    assert excerpt.split("\n") == [line, " " * caret + "^"]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (f'"CLIENT_SECRET": "{SECRET}", "n": 12', '"CLIENT_SECRET": "**** (120 characters)", "n": 12'),
        ('"CLIENT_SECRET": 12, "n": "x"', '"CLIENT_SECRET": **** (2 characters), "n": "x"'),
        ('"api_key": "x"', '"api_key": "**** (1 characters)"'),
        (f'"CLIENT_ID": "{"a1" * 20}"', f'"CLIENT_ID": "{"a1" * 20}"'),
        (f'"CLIENT_ID": "{SECRET}"', '"CLIENT_ID": "**** (120 characters)"'),
        (f'"mine": ["x", "{SECRET}"]', '"mine": ["x", "**** (120 characters)"]'),
        ('"MAJORA_TOKEN": "O-Auth"', '"MAJORA_TOKEN": "O-Auth"'),
        ('"MAJORA_TOKEN": "0f8fad5b"', '"MAJORA_TOKEN": "**** (8 characters)"'),
        ('"MAJORA_DOMAIN": "http://h.org:80"', '"MAJORA_DOMAIN": "http://h.org:80"'),
        ('"MAJORA_DOMAIN": "https://me:pa{s}s@h.org/"', '"MAJORA_DOMAIN": "https://****@h.org/"'),
    ],
)  # fmt: skip
def test_lines_of_a_good_file_show_everything_but_secrets(line: str, shown: str) -> None:
    assert masked([line]) == [shown]


@given(st.text(max_size=300), st.integers(1, 400))
def test_an_excerpt_is_plain_and_no_wider_than_a_terminal(line: str, column: int) -> None:
    text = line.replace("\n", " ").replace("\r", " ")
    shown, caret = jsontext.excerpt(text, column, lambda part: masked([part])[0]).split("\n")
    assert len(shown) <= jsontext.WIDTH
    assert len(caret) <= jsontext.WIDTH + 1
    assert shown.isprintable()
