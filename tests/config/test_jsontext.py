"""Configuration text: a row for each repair and each refusal, edits that keep every other byte, excerpts."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocarina_kit.config import jsontext
from ocarina_kit.config.jsontext import Document, Spot, read
from ocarina_kit.system.secret import masked

AB = '{"a": "b"}'
REPAIRED: dict[str, list[tuple[str | bytes, int, int, str]]] = {
    # words of what is said: what was given, line and column of the first slip, the repaired text
    "a byte-order mark at the start (saved as 'UTF-8 with BOM')": [
        ("\ufeff" + AB, 1, 1, AB)
    ],
    "'UTF-8 with BOM') and an invisible": [('\ufeff\u200b{"a": "b"}', 1, 1, AB)],
    "the encoding UTF-": [
        *(
            ('{"a": "é"}'.encode(code), 1, 1, '{"a": "é"}')
            for code in ("utf-16", "utf-16-le", "utf-32-be")
        ),
    ],
    "characters that are not UTF-8 and curly quotes": [
        ("{“a”: ‘b’}".encode("cp1252"), 1, 2, AB)
    ],
    "single quotes": [
        ("{'a': 'say \"b\"'}", 1, 2, '{"a": "say \\"b\\""}'),
        ("{'a': 'it\\'s'}", 1, 2, '{"a": "it\'s"}'),
        ("{'a': 'b\tc'}", 1, 2, '{"a": "b\\u0009c"}'),
        ("{`a`: `b`}", 1, 2, AB),
    ],
    "curly quotes and a missing comma": [
        ("{“a”: “b”\n“c”: 1}", 1, 2, '{"a": "b",\n"c": 1}')
    ],
    "curly quotes": [
        *((text, 1, 2, AB) for text in ("{“a”: “b”}", "{‘a’: ‘b’}", "{„a“: »b«}")),
        ('{"a": “b", "c": "d”, "e": "f"}', 1, 7, '{"a": "b", "c": "d", "e": "f"}'),
        ('{"a”: "b”,\n "c": "d"}', 1, 2, '{"a": "b",\n "c": "d"}'),
        ("{“a”: “it’s”}", 1, 2, '{"a": "it’s"}'),
    ],
    "True, False or None": [
        (
            "{'a': TRUE, 'b': None, 'c': False}",
            1,
            2,
            '{"a": true, "b": null, "c": false}',
        ),
    ],
    "an extra comma": [
        ('{"a": [1, 2,],}', 1, 12, '{"a": [1, 2]}'),
        ('{"a": 1,, "b": 2}', 1, 8, '{"a": 1, "b": 2}'),
        ('{"a": "say “b”, c",}', 1, 19, '{"a": "say “b”, c"}'),
        ('{"a": "b"},\n', 1, 11, '{"a": "b"}\n'),
        ('{"a": "b"};', 1, 11, AB),
        ('{, "a": "b"}', 1, 2, '{ "a": "b"}'),
    ],
    "a missing comma": [
        ('{\n  "a": "b"\n  "c": "d"\n}', 2, 11, '{\n  "a": "b",\n  "c": "d"\n}'),
        ('{"a": {"x": 1} "c": "d"}', 1, 15, '{"a": {"x": 1}, "c": "d"}'),
        ('{"a": "b," "c": "d"}', 1, 11, '{"a": "b", "c": "d"}'),
    ],
    "a semicolon": [('{"a": "b"; "c": "d";}', 1, 10, '{"a": "b", "c": "d"}')],
    "a comment": [
        ('# mine\n{"a": "b"}', 1, 1, AB),
        (
            '{\n  "a": "b", # the user\n  "c": 1\n}',
            2,
            12,
            '{\n  "a": "b",\n  "c": 1\n}',
        ),
        ('{\n  // "x": "y",\n  "a": "b"\n}', 2, 1, '{\n  "a": "b"\n}'),
        ('{\n  "a": "b",\n  /* two\n lines */\n}', 2, 11, '{\n  "a": "b"\n}'),
    ],
    "```": [
        ('```json\n{"a": "b"}\n```\n', 1, 1, '{"a": "b"}\n\n'),
        ("# my own\n```\n{}\n```", 1, 1, "{}\n"),
    ],
    "= in place of :": [
        ('{"a" = "b"}', 1, 6, '{"a" : "b"}'),
        ('{"a" => "b"}', 1, 6, '{"a" : "b"}'),
    ],
    "a name without quotes": [('{a: "b", $c-d: 1}', 1, 2, '{"a": "b", "$c-d": 1}')],
    "an invisible character or a space": [
        ('{\u00a0"a":\u2003"b"\u200b}', 1, 2, '{ "a": "b"}')
    ],
    "a tab, a line break or a control character in a string": [
        ('{"a": "b\tc"}', 1, 7, '{"a": "b\\u0009c"}'),
        ('{"a": "b\nc", "d": 1}', 1, 7, '{"a": "b\\nc", "d": 1}'),
        ('{"a": "b\r\n  c"\r\n}', 1, 7, '{"a": "b\\r\\n  c"\r\n}'),
    ],
    "a missing brace": [
        ('{\n  "a": "b"\n', 2, 11, '{\n  "a": "b"\n}\n'),
        ('{\r\n  "a": "b"\r\n', 2, 11, '{\r\n  "a": "b"\r\n}\r\n'),
        ('"a": "b"}', 1, 1, AB),
        ('"a": "b", "c": 1', 1, 1, '{"a": "b", "c": 1}'),
    ],
    "an extra brace": [('{"a": "b"}}\n', 1, 11, '{"a": "b"}\n')],
}
BROKEN: dict[str, list[tuple[str | bytes, int, int]]] = {
    # words of the cause: what was given, line and column
    "empty, or holds": [("", 1, 1), ("\ufeff", 1, 1), ("\u200b\u00a0\n", 1, 1)],
    "far larger": [(" " * (jsontext.LIMIT + 1), 1, 1)],
    "not UTF-8": [
        (b'{\n"a": "\x93b\x94 \xe9"}', 2, 7), (b'{"a": "\x93b\x94"}', 1, 8), (b'{"a": "\xc3', 1, 8),
        ('{"a": "b"}'.encode("utf-16")[:-1], 1, 10),
    ],
    "does not hold a JSON object": [
        ("<!DOCTYPE html>\n<html>", 1, 1), ("# my set-up\n\nMAJORA_DOMAIN=https://h.org/\n", 3, 1), ('\n "a"', 2, 2),
        ('["a"]', 1, 1), (", 1", 1, 1),
    ],
    "two objects": [('{"a": 1}\n{"a": 2}', 2, 1)],
    "text after the end": [('{"a": 1} x', 1, 10), ('{"a": {"b": 1}}}', 1, 16)],
    "zero bytes": [("\0" * 63, 1, 1), ('{"a": "b"}\0\0', 1, 11), ('{"a": "b",\0\0', 1, 11), ('{"a": "b"\0\0', 1, 10)],
    "it was cut off, or a brace is missing": [
        ('{"a": {"b": 1}', 1, 15), ("{", 1, 2), ('{"p": {"a": 1, "default": {"b": 2}}', 1, 36), ('{"a": [1, 2', 1, 12),
        ('{"a": "b",', 1, 11), ('{"a": "b', 1, 7), ('{"a": ', 1, 7), ('{"a"', 1, 5),
    ],
    "a bracket": [('{"a": [1}', 1, 9), ('{{"a": 1}}', 1, 2), ('{\\rtf1 {"a": 1}}', 1, 2)],
    "a missing :": [('{"a" "b"}', 1, 6), ('{"a", "b": 1}', 1, 5), ('{"a: "b", "c": "d"}', 1, 7)],
    "a missing quote": [('{\n "a": "b,\n "c": "d"\n}', 2, 10), ('{a": "b"}', 1, 2), ('{"a\nb": "c"}', 1, 4)],
    "a missing value, one without quotes": [
        ('{"a": , "b": 1}', 1, 7), ('{"a": https://h.org/}', 1, 7), ("{'a': 'it's'}", 1, 7), ('{"a": +1}', 1, 7),
    ],
    "a stray quote": [
        ('{"a": "b"c"}', 1, 10), ('{"a": 007}', 1, 8), ('{"a": 1 /* x }', 1, 9), ('{"a": "x""b": 1}', 1, 10),
    ],
    "a backslash": [('{"a": "C:\\new\\dir"}', 1, 14), ("{'a': '\\x41'}", 1, 8)],
    "a number that is too long": [('{"a": ' + "9" * 5000 + "}", 1, 1)],
    "too many objects": [
        ('{"a": ' * (jsontext.DEPTH + 2) + "1" + "}" * (jsontext.DEPTH + 2), 1, 1), ('{"a": ' * 100_000, 1, 1),
        ('{"a": ' + "[" * jsontext.DEPTH, 1, 1),
    ],
}  # fmt: skip


def of(text: str | bytes) -> tuple[Document | None, Spot | None]:
    return read(text if isinstance(text, bytes) else text.encode())


def document_of(text: str | bytes) -> Document:
    document, _ = of(text)
    assert document is not None
    return document


@pytest.mark.parametrize("words", REPAIRED)
def test_what_has_one_meaning_is_repaired(words: str) -> None:
    for before, line, column, text in REPAIRED[words]:
        document, slip = of(before)
        assert (document, document and document.value) == (
            Document(text),
            json.loads(text),
        ), before
        assert slip is not None
        assert (slip[:2], words in slip.words) == ((line, column), True), before
        assert read(document.render()) == (document, None)


@pytest.mark.parametrize("words", BROKEN)
def test_nothing_is_guessed(words: str) -> None:
    for text, line, column in BROKEN[words]:
        document, slip = of(text)
        assert slip is not None
        assert (document, slip[:2], words in slip.words) == (
            None,
            (line, column),
            True,
        ), text


def test_what_the_client_reads_is_not_repaired() -> None:
    odd = (
        '{"a": NaN, "b": -Infinity}',
        '{"a": "\\ud800 x\x7f\u2028“”"}',
        '{"a": "b // # /* */”, “c"}',
    )
    for text in ("{}", ' {"a": 1}\n', *odd):
        document, slip = of(text)
        assert (document and document.text, slip) == (text, None)


def test_a_hostile_size_ends_soon() -> None:
    for text in (
        '{"a": [' + '"x", ' * 40_000,
        "{" + "'a'" * 9_000,
        "{" + "/*" * 14_000,
        "{" + "‘" * 9_000,
    ):
        assert of(text)[0] is None
    assert (
        document_of(
            json.dumps({f"k{number}": number for number in range(20_000)})
        ).twice
        == []
    )


PIECES = [
    *("{", "}", "[", "]", ",", ":", ";", "=", '"', "'", "“", "”", "\\", "\\u00e9", "\n", "\r", " ", "\u00a0", "\0"),
    *("a", "key", "null", "True", "1", "-0.5e3", "#", "//", "/*", "*/", "```", "\ufeff", "é", "export ", "<html>"),
]  # fmt: skip


@settings(max_examples=200)
@given(
    st.one_of(
        st.binary(),
        st.lists(st.sampled_from(PIECES), max_size=30).map("".join).map(str.encode),
    )
)
def test_any_bytes(data: bytes) -> None:
    document, slip = read(data)
    try:
        standard = json.loads(data.decode())
    except ValueError:
        standard = None
    assert (slip is None) is isinstance(standard, dict)
    assert slip is None or len(slip.excerpt.splitlines()) in (0, 2)
    if document is not None:
        again, slip = read(document.text.encode("utf-8", "surrogatepass"))
        assert (again and again.text, slip) == (document.text, None)


SETS = [
    # the file, the path, the value, the file afterwards
    ('{"a": "b"}', ("a",), "c", '{"a": "c"}'),
    ('{"a": 1.0}', ("a",), 1, '{"a": 1}'),
    ('{"a": 1, "a": 2}', ("a",), 3, '{"a": 1, "a": 3}'),
    ('{"p": {"a": 1}, "p": {"a": 2}}', ("p", "a"), 3, '{"p": {"a": 1}, "p": {"a": 3}}'),
    ('{"a":"b"}', ("c",), "d", '{"a":"b", "c":"d"}'),
    ('{"a" : "b" , "x" : 1}', ("c",), 2, '{"a" : "b" , "x" : 1, "c" : 2}'),
    ('{\n  "a": "b"\n}\n', ("c",), "d", '{\n  "a": "b",\n  "c": "d"\n}\n'),
    (
        '{\r\n\t"a": "b"\r\n}\r\n',
        ("c",),
        "d",
        '{\r\n\t"a": "b",\r\n\t"c": "d"\r\n}\r\n',
    ),
    ('{\n  "a": "b"\n, "x": 1\n}', ("c",), 2, '{\n  "a": "b"\n, "x": 1,\n  "c": 2\n}'),
    ("{}", ("a",), "b", '{\n    "a": "b"\n}'),
    (
        '{"p": {\n    "a": 1\n  }\n}',
        ("p", "b"),
        2,
        '{"p": {\n    "a": 1,\n    "b": 2\n  }\n}',
    ),
    ('{"p": {}}', ("p", "a"), 1, '{"p": {"a": 1}}'),
    (
        '{\n "a": 1\n}',
        ("p", "u", "a"),
        2,
        '{\n "a": 1,\n "p": {\n  "u": {\n   "a": 2\n  }\n }\n}',
    ),
    (
        '{"a":1}',
        ("profile", "uk", "a"),
        [1, {}],
        '{"a":1, "profile":{"uk": {"a": [1, {}]}}}',
    ),
    ('{"a": "e"}', ("b",), "ü", '{"a": "e", "b": "\\u00fc"}'),
    ('{"a": "é"}', ("b",), "\ud800", '{"a": "é", "b": "\\ud800"}'),
    (
        '{"x": 1e2, "y": "\\/", "z": -0.0, "a": 0}',
        ("a",),
        1,
        '{"x": 1e2, "y": "\\/", "z": -0.0, "a": 1}',
    ),
]


@pytest.mark.parametrize(("before", "path", "value", "after"), SETS)
def test_set(before: str, path: tuple[str, ...], value: object, after: str) -> None:
    changed = document_of(before).set(path, value)
    assert changed.render().decode() == after
    assert json.loads(after) == changed.value
    assert changed.set(path, value) == changed


def test_rename_and_find() -> None:
    twice = document_of('{"a": 1, "b": {"c": 1,\n "c": 2},\n"a": 2, "a": 3}').twice
    assert twice == [("a",), ("b", "c")]
    for before, path, after, location in (
        ('{\n  "a" : "\\u0062"\n}', ("a",), '{\n  "b" : "\\u0062"\n}', (2, 9)),
        ('{"p": {"u": {"a": 1}}}', ("p", "u", "a"), '{"p": {"u": {"b": 1}}}', (1, 19)),
        ('{"a": 1, "a": {}}', ("a",), '{"a": 1, "b": {}}', (1, 15)),
    ):
        document = document_of(before)
        assert document.rename(path, "b").text == after
        spot = document.find(path)
        assert spot is not None
        assert (spot.line, spot.column) == location
    document = document_of('{"a": 1, "b": "x", "profile": "uk"}')
    for path in (("profile", "uk", "a"), ("a", "b")):
        assert (document.find(path), document.rename(path, "c")) == (None, document)
        with pytest.raises(ValueError, match="is not an object"):
            document.set(path, 1)
    assert [document.find(path) for path in ((), ("zz",), ("zz", "y"))] == [None] * 3


SECRET = "s3cr3t" * 20


def test_excerpts_show_everything_but_secrets() -> None:
    hidden, id = "**** (120 characters)", "a1" * 20
    for text, line, caret in (
        (
            f'{{"CLIENT_SECRET": "{SECRET}", }}',
            f'{{"CLIENT_SECRET": "{hidden}", }}',
            41,
        ),
        (
            f'{{\n "CLIENT_SERCET": "{SECRET}";}}',
            f' "CLIENT_SERCET": "{hidden}";}}',
            41,
        ),
        (f"{{'CLIENT_SECRET': '{SECRET}'}}", f"{{'CLIENT_SECRET': '{hidden}'}}", 1),
        (f'{{"CLIENT_SECRET": "{SECRET}\n', f'{{"CLIENT_SECRET": "{hidden}', 40),
        (f'{{"CLIENT_ID": "{id}",,\n"b": 1}}', f'{{"CLIENT_ID": "{id}",,', 56),
        (
            '{"MAJORA_DOMAIN": "https://h.org/",}',
            '{"MAJORA_DOMAIN": "https://h.org/",}',
            34,
        ),
        (
            '{"MAJORA_TOKEN": "OAUTH", "mine": true,}',
            '{"MAJORA_TOKEN": "OAUTH", "mine": true,}',
            38,
        ),
        (
            '{"MAJORA_TOKEN": "0f8fad5b-d9cb-469f",}',
            '{"MAJORA_TOKEN": "**** (18 characters)",}',
            39,
        ),
    ):
        _, slip = of(text)
        assert slip is not None
        assert slip.excerpt.split("\n") == [line, " " * caret + "^"]


@given(st.text(max_size=300), st.integers(1, 400))
def test_an_excerpt_is_plain_and_no_wider_than_a_terminal(
    line: str, column: int
) -> None:
    text = line.replace("\n", " ").replace("\r", " ")
    shown, caret = jsontext.excerpt(text, column, masked).split("\n")
    assert len(shown) <= jsontext.WIDTH
    assert len(caret) <= jsontext.WIDTH + 1
    assert shown.isprintable()
