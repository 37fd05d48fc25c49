"""Lenient JSON: a row for each cause, the meaning never guessed, no secret in an excerpt, and any bytes taken."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ocarina_kit.core.config import lenient_json
from ocarina_kit.core.config.json_causes import WORDS, Cause
from ocarina_kit.core.config.json_tree import DEPTH, Position
from ocarina_kit.core.config.lenient_json import Broken, Parsed, excerpt, parse_json

C = Cause

MENDED = [
    # bytes, causes with their positions, what the mended text is
    (b'\xef\xbb\xbf{"a": "b"}', [(C.BYTE_ORDER_MARK, 1, 1)], '{"a": "b"}'),
    ('{"a": "é"}'.encode("utf-16"), [(C.UTF_16, 1, 1)], '{"a": "é"}'),
    ('{"a": "b"}'.encode("utf-16-le"), [(C.UTF_16, 1, 1)], '{"a": "b"}'),
    ('{"a": "b"}'.encode("utf-16-be"), [(C.UTF_16, 1, 1)], '{"a": "b"}'),
    ('{"a": "b"}'.encode("utf-32"), [(C.UTF_32, 1, 1)], '{"a": "b"}'),
    ('{"a": "b"}'.encode("utf-32-be"), [(C.UTF_32, 1, 1)], '{"a": "b"}'),
    ("{“a”: “b”}".encode("cp1252"), [(C.NOT_UTF_8, 1, 2), (C.CURLY_QUOTES, 1, 2)], '{"a": "b"}'),
    (b"{'a': 'b'}", [(C.SINGLE_QUOTES, 1, 2)], '{"a": "b"}'),
    (b"{'a': 'say \"b\"'}", [(C.SINGLE_QUOTES, 1, 2)], '{"a": "say \\"b\\""}'),
    (b"{'a': 'it\\'s'}", [(C.SINGLE_QUOTES, 1, 2)], '{"a": "it\'s"}'),
    (b"{'a': \"it's\"}", [(C.SINGLE_QUOTES, 1, 2)], '{"a": "it\'s"}'),
    (b"{`a`: `b`}", [(C.SINGLE_QUOTES, 1, 2)], '{"a": "b"}'),
    ("{“a”: “b”}".encode(), [(C.CURLY_QUOTES, 1, 2)], '{"a": "b"}'),
    ("{‘a’: ‘b’}".encode(), [(C.CURLY_QUOTES, 1, 2)], '{"a": "b"}'),
    ("{„a“: »b«}".encode(), [(C.CURLY_QUOTES, 1, 2)], '{"a": "b"}'),
    ('{"a": “b", "c": "d”, "e": "f"}'.encode(), [(C.CURLY_QUOTES, 1, 7)], '{"a": "b", "c": "d", "e": "f"}'),
    ('{"a”: "b”,\n "c": "d"}'.encode(), [(C.CURLY_QUOTES, 1, 4)], '{"a": "b",\n "c": "d"}'),
    ("{“a”: “it’s”}".encode(), [(C.CURLY_QUOTES, 1, 2)], '{"a": "it’s"}'),
    (
        b"{'a': True, 'b': None, 'c': False}",
        [(C.SINGLE_QUOTES, 1, 2), (C.PYTHON_WORD, 1, 7)],
        '{"a": true, "b": null, "c": false}',
    ),
    (b'{"a": TRUE}', [(C.PYTHON_WORD, 1, 7)], '{"a": true}'),
    (b'{\n  "a": "b",\n}\n', [(C.EXTRA_COMMA, 2, 11)], '{\n  "a": "b"\n}\n'),
    (b'{"a": [1, 2,],}', [(C.EXTRA_COMMA, 1, 12)], '{"a": [1, 2]}'),
    (b'{"a": 1,, "b": 2}', [(C.EXTRA_COMMA, 1, 9)], '{"a": 1, "b": 2}'),
    (b'{"a": 1},\n', [(C.EXTRA_COMMA, 1, 9)], '{"a": 1}\n'),
    (b'{"a": 1};', [(C.EXTRA_COMMA, 1, 9)], '{"a": 1}'),
    (b'{\n  "a": "b"\n  "c": "d"\n}', [(C.MISSING_COMMA, 2, 11)], '{\n  "a": "b",\n  "c": "d"\n}'),
    (b'{"a": "b" "c": "d"}', [(C.MISSING_COMMA, 1, 10)], '{"a": "b", "c": "d"}'),
    (b'{"a": {"x": 1} "c": "d"}', [(C.MISSING_COMMA, 1, 15)], '{"a": {"x": 1}, "c": "d"}'),
    (b'{"a": "b"; "c": "d";}', [(C.WRONG_COMMA, 1, 10)], '{"a": "b", "c": "d"}'),
    (b'# mine\n{"a": "b"}', [(C.COMMENT, 1, 1)], '{"a": "b"}'),
    (b'{\n  "a": "b", # the user\n  "c": 1\n}', [(C.COMMENT, 2, 13)], '{\n  "a": "b",\n  "c": 1\n}'),
    (b'{\n  // "x": "y",\n  "a": "b"\n}', [(C.COMMENT, 2, 3)], '{\n  "a": "b"\n}'),
    (b'{"a": /* one */ "b"}', [(C.COMMENT, 1, 7)], '{"a": "b"}'),
    (
        b'{\n  "a": "b",\n  /* two\n lines */\n}',
        [(C.EXTRA_COMMA, 2, 11), (C.COMMENT, 3, 3)],
        '{\n  "a": "b"\n}',
    ),
    (b'{"a" = "b"}', [(C.EQUALS, 1, 6)], '{"a" : "b"}'),
    (b'{"a" => "b"}', [(C.EQUALS, 1, 6)], '{"a" : "b"}'),
    (b'{"a": "b", "c"="d"}', [(C.EQUALS, 1, 15)], '{"a": "b", "c":"d"}'),
    (b'{a: "b", $c-d: 1}', [(C.UNQUOTED_NAME, 1, 2)], '{"a": "b", "$c-d": 1}'),
    ('{\u00a0"a":\u2003"b"\u200b}'.encode(), [(C.ODD_SPACE, 1, 2)], '{ "a": "b"}'),
    ('\ufeff\u200b{"a": "b"}'.encode(), [(C.BYTE_ORDER_MARK, 1, 1), (C.ODD_SPACE, 1, 1)], '{"a": "b"}'),
    (b'{"a": "b\tc"}', [(C.CONTROL_CHARACTER, 1, 9)], '{"a": "b\\u0009c"}'),
    (b'{"a": "b\x1bc"}', [(C.CONTROL_CHARACTER, 1, 9)], '{"a": "b\\u001bc"}'),
    (b'{"a": "b\nc", "d": 1}', [(C.LINE_BREAK, 1, 9)], '{"a": "b\\nc", "d": 1}'),
    (b'{"a": "b\r\n  c"\r\n}', [(C.LINE_BREAK, 1, 9)], '{"a": "b\\r\\n  c"\r\n}'),
    (b'{"a": "b"', [(C.MISSING_BRACE, 1, 10)], '{"a": "b"}'),
    (b'{\n  "a": "b"\n', [(C.MISSING_BRACE, 2, 11)], '{\n  "a": "b"\n}\n'),
    (b'{\r\n  "a": "b"\r\n', [(C.MISSING_BRACE, 2, 11)], '{\r\n  "a": "b"\r\n}\r\n'),
    (b'"a": "b"}', [(C.MISSING_BRACE, 1, 1)], '{"a": "b"}'),
    (b'"a": "b", "c": 1', [(C.MISSING_BRACE, 1, 1)], '{"a": "b", "c": 1}'),
    (b'{"a": "b"}}\n', [(C.EXTRA_BRACE, 1, 11)], '{"a": "b"}\n'),
    (b'```json\n{"a": "b"}\n```\n', [(C.CODE_FENCE, 1, 1)], '{"a": "b"}\n\n'),
]

BROKEN = [
    # bytes, cause, line, column
    (b"", C.EMPTY, 1, 1),
    (b" \n\t\n", C.BLANK, 1, 1),
    (b"\xef\xbb\xbf", C.BLANK, 1, 1),
    ("\u200b\u00a0".encode(), C.BLANK, 1, 1),
    (b"\0" * 64, C.NULS, 1, 1),
    (b'{"a": "b"}\0\0', C.NULS, 1, 11),
    (b'{"a": "b",\0\0', C.NULS, 1, 11),
    (b'{"a": "b"\0\0', C.NULS, 1, 10),
    ('{"a": "é"}'.encode("latin-1"), C.NOT_UTF_8, 1, 8),
    ('{\n"a": "“b” é"}'.encode("cp1252"), C.NOT_UTF_8, 2, 7),
    ('{"a": "“b”"}'.encode("cp1252"), C.NOT_UTF_8, 1, 8),
    (b'{"a": "\xc3', C.NOT_UTF_8, 1, 8),
    ('{"a": "b"}'.encode("utf-16")[:-1], C.UTF_16, 1, 10),
    (b"<!DOCTYPE html>\n<html>", C.HTML, 1, 1),
    (b"{\\rtf1\\ansi\n\\f0 {\"a\": 1}}", C.RICH_TEXT, 1, 2),
    (b"export MAJORA_DOMAIN=https://h.org/\n", C.SHELL, 1, 1),
    (b"# my set-up\n\nMAJORA_DOMAIN=https://h.org/\n", C.SHELL, 3, 1),
    (b"[ocarina]\nMAJORA_DOMAIN = x\n", C.INI, 1, 1),
    (b'MAJORA_DOMAIN = "x"\n', C.INI, 1, 1),
    (b'config = {"a": 1}\n', C.INI, 1, 1),
    (b"MAJORA_DOMAIN: x\nMAJORA_USER: y\n", C.YAML, 1, 1),
    (b"---\nMAJORA_DOMAIN: x\n", C.YAML, 1, 1),
    (b'["a", "b"]', C.NOT_OBJECT, 1, 1),
    (b'\n "a"', C.NOT_OBJECT, 2, 2),
    (b"null", C.NOT_OBJECT, 1, 1),
    (b"42", C.NOT_OBJECT, 1, 1),
    (b"what is this", C.NOT_OBJECT, 1, 1),
    (b'{"a": 1}\n{"a": 2}', C.TWO_OBJECTS, 2, 1),
    (b'{"a": 1}{"a": 1}', C.TWO_OBJECTS, 1, 9),
    (b'{"a": 1} x', C.STRAY_TEXT, 1, 10),
    (b'{"a": 1}]', C.WRONG_BRACKET, 1, 9),
    (b'{"a": {"b": 1}}}', C.EXTRA_BRACE, 1, 16),
    (b'{"a": {"b": 1}', C.MISSING_BRACE, 1, 15),
    (b"{", C.MISSING_BRACE, 1, 2),
    (b'{"p": {"a": 1, "default": {"b": 2}}', C.MISSING_BRACE, 1, 36),
    (b'{"a": [1}', C.WRONG_BRACKET, 1, 9),
    (b'{"a": 1]', C.WRONG_BRACKET, 1, 8),
    (b'{{"a": 1}}', C.WRONG_BRACKET, 1, 2),
    (b'{"a": [1, 2', C.CUT_OFF, 1, 12),
    (b'{"a": "b",', C.CUT_OFF, 1, 11),
    (b'{"a": "b', C.CUT_OFF, 1, 7),
    (b'{"a": ', C.CUT_OFF, 1, 7),
    (b'{"a"', C.CUT_OFF, 1, 5),
    (b'{"a" "b"}', C.MISSING_COLON, 1, 6),
    (b'{"a", "b": 1}', C.MISSING_COLON, 1, 5),
    (b'{"a": , "b": 1}', C.MISSING_VALUE, 1, 7),
    (b'{"a": }', C.MISSING_VALUE, 1, 7),
    (b'{\n "a": "b,\n "c": "d"\n}', C.MISSING_QUOTE, 2, 7),
    (b'{"a: "b", "c": "d"}', C.MISSING_QUOTE, 1, 2),
    (b'{a": "b"}', C.MISSING_QUOTE, 1, 2),
    (b'{"a": "b\n}', C.MISSING_QUOTE, 1, 7),
    (b'{"a\nb": "c"}', C.LINE_BREAK, 1, 2),
    (b'{"a": b", "c": "d"}', C.UNQUOTED_VALUE, 1, 7),
    (b'{"a": https://h.org/}', C.UNQUOTED_VALUE, 1, 7),
    (b'{"a": undefined}', C.UNQUOTED_VALUE, 1, 7),
    (b'{"a": "b"c"}', C.STRAY_TEXT, 1, 10),
    (b'{"a": ""b""}', C.STRAY_TEXT, 1, 9),
    (b"{'a': 'it's'}", C.STRAY_TEXT, 1, 11),
    (b'{"a": "C:\\new\\dir"}', C.BAD_ESCAPE, 1, 14),
    (b"{'a': '\\x41'}", C.BAD_ESCAPE, 1, 8),
    (b'{"a": 007}', C.BAD_NUMBER, 1, 7),
    (b'{"a": +1}', C.BAD_NUMBER, 1, 7),
    (b'{"a": 1.}', C.BAD_NUMBER, 1, 7),
    (b'{"a": ' + b"9" * 5000 + b"}", C.BAD_NUMBER, 1, 7),
    (b'{"a": 1 /* x }', C.COMMENT, 1, 9),
    (b'{"a": ' * (DEPTH + 2) + b"1" + b"}" * (DEPTH + 2), C.TOO_DEEP, 1, 607),
    (b'{"a": ' * 100_000, C.TOO_DEEP, 1, 1),
    (b'{"a": ' + b"[" * 100_000, C.TOO_DEEP, 1, 1),
    (b'{"a": ' + b"[" * (DEPTH + 9), C.TOO_DEEP, 1, 107),
    (b" " * (lenient_json.MAX_BYTES + 1), C.TOO_LARGE, 1, 1),
]  # fmt: skip


@pytest.mark.parametrize(("data", "causes", "text"), MENDED)
def test_mended(data: bytes, causes: list[tuple[Cause, int, int]], text: str) -> None:
    parsed = parse_json(data)
    assert isinstance(parsed, Parsed), parsed
    assert parsed.text == text
    assert parsed.value == json.loads(text)
    assert [(m.cause, m.position.line, m.position.column) for m in parsed.mends] == causes
    assert not parsed.valid
    again = parse_json(parsed.text.encode())
    assert isinstance(again, Parsed)
    assert again.valid


@pytest.mark.parametrize(("data", "cause", "line", "column"), BROKEN, ids=lambda v: str(v)[:30])
def test_broken(data: bytes, cause: Cause, line: int, column: int) -> None:
    broken = parse_json(data)
    assert isinstance(broken, Broken), broken
    assert (broken.cause, broken.line, broken.column) == (cause, line, column)
    assert broken.words == WORDS[cause]


def test_each_cause_has_words_and_a_row() -> None:
    assert set(WORDS) == set(Cause)
    rows = {cause for _, causes, _ in MENDED for cause, _, _ in causes} | {row[1] for row in BROKEN}
    assert rows == set(Cause)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        ' {"a": 1}\n',
        '{"a": NaN, "b": -Infinity}',
        '{"a": "\\ud800"}',
        '{"a": "x\x7f\u2028“”"}',
        '{"a": 1e999, "b": [1, [2, {"c": null}]]}',
        '{"a": "b // no comment # none /* */"}',
        '{"a": "b”, “c"}',
    ],
)
def test_what_the_standard_parser_takes_is_valid(text: str) -> None:
    parsed = parse_json(text.encode())
    assert isinstance(parsed, Parsed)
    assert parsed.valid
    assert parsed.text == text
    assert repr(parsed.value) == repr(json.loads(text))


def test_members_given_twice_are_listed() -> None:
    parsed = parse_json(b'{"a": 1, "b": {"c": 1,\n "c": 2},\n"a": 2, "d": [{"e": 1, "e": 1}], "a": 3}')
    assert isinstance(parsed, Parsed)
    assert parsed.valid
    assert parsed.value["a"] == 3
    assert {d.path: d.positions for d in parsed.duplicates} == {
        ("a",): (Position(1, 2), Position(3, 1), Position(3, 34)),
        ("b", "c"): (Position(1, 16), Position(2, 2)),
        ("d", "0", "e"): (Position(3, 16), Position(3, 24)),
    }


CONFIG = {
    "MAJORA_DOMAIN": "https://majora.covid19.climb.ac.uk/",
    "MAJORA_USER": "smithj",
    "MAJORA_TOKEN": "OAUTH",
    "CLIENT_ID": "a1B2c3D4",
    "OCARINA_QUIET": 0,
    "mine": [True, None, -1.5],
    "profile": {"uk": {"CLIENT_SECRET": "s3cr3t-of-the-lab", "MAJORA_TOKENS_FILE": "~/t"}, "x": {}},
    "default": {"MAJORA_USER": "other"},
}
LAYOUTS = [
    json.dumps(CONFIG),
    json.dumps(CONFIG, indent=4) + "\n",
    json.dumps(CONFIG, indent="\t", separators=(",", ":")),
]
FLAT = {k: v for k, v in CONFIG.items() if isinstance(v, (str, int))}


def slips(text: str) -> Iterator[str]:
    """The text with one slip at each place that is structure."""
    structure = [m.start() for m in re.finditer(r'(?<!\w)"|"(?=\s*[:,}\n])|[{}\[\],]|(?<="):', text)]
    for at in structure:
        char = text[at]
        yield text[:at] + text[at + 1 :]
        yield text[:at] + char + text[at:]
        for other in {'"': "“”‘'", ":": "=;", ",": ";:", "{": "[(", "}": "])"}.get(char, ""):
            yield text[:at] + other + text[at + 1 :]
        for extra in (",", "# note\n", "/* note */", "\u00a0", "}", "{", '"', ";", "\n"):
            yield text[:at] + extra + text[at:]
            yield text[: at + 1] + extra + text[at + 1 :]
    for at in range(len(text)):
        yield text[:at]


@pytest.mark.parametrize("text", [*LAYOUTS, json.dumps(FLAT), json.dumps(FLAT, indent=2)])
def test_after_any_one_slip_the_meaning_is_kept_or_not_guessed(text: str) -> None:
    """Every slip ends in the same object, or in "broken"; never in another one."""
    mended = broken = 0
    value = json.loads(text)
    for slip in slips(text):
        parsed = parse_json(slip.encode())
        if isinstance(parsed, Broken):
            broken += 1
            assert "s3cr3t" not in parsed.excerpt
            assert "smithj" not in parsed.excerpt
        elif not parsed.valid:
            mended += 1
            same = parsed.value == value
            # A text cut off behind a whole member says no more than that; a line break inside a string is kept.
            cut = text.startswith(slip) and all(value.get(k) == v for k, v in parsed.value.items())
            spaced = json.loads(json.dumps(parsed.value).replace("\\n", "")) == value
            assert same or cut or spaced, (slip, parsed.value)
            assert "s3cr3t" not in parsed.excerpt
    assert mended > 100
    assert broken > 100


PIECES = (
    *(
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        ";",
        "=",
        '"',
        "'",
        "“",
        "”",
        "\\",
        "\\u00e9",
        "\n",
        "\r",
        "\t",
        " ",
        "\u00a0",
        "\0",
    ),
    *(
        "a",
        "key",
        "null",
        "True",
        "1",
        "-0.5e3",
        "NaN",
        "#",
        "//",
        "/*",
        "*/",
        "```",
        "\ufeff",
        "é",
        "export ",
        "<html>",
    ),
)
pieces = st.lists(
    st.sampled_from(PIECES),
    max_size=30,
).map("".join)


@settings(max_examples=1500, deadline=None)
@given(
    st.one_of(
        st.binary(), st.text().map(lambda t: t.encode("utf-8", "surrogatepass")), pieces.map(str.encode)
    )
)
@example(b"\xff\xfe\x00")
@example(b"\x00\x00\xfe\xff\x00")
@example(b'{"a"')
def test_any_bytes(data: bytes) -> None:
    parsed = parse_json(data)
    try:
        standard = json.loads(data.decode())
    except ValueError:
        standard = None
    if isinstance(parsed, Broken):
        assert not isinstance(standard, dict)
        assert parsed.line >= 1
        assert parsed.column >= 1
        assert len(parsed.excerpt.splitlines()) in (0, 2)
        return
    assert json.loads(parsed.text) == parsed.value or "NaN" in parsed.text
    assert parsed.valid is isinstance(standard, dict)
    again = parse_json(parsed.text.encode("utf-8", "surrogatepass"))
    assert isinstance(again, Parsed)
    assert again.valid
    assert again.text == parsed.text


secret = st.text("abcdefghijkXYZ0123456789", min_size=6, max_size=30)


@settings(max_examples=400, deadline=None)
@given(secret, st.data())
def test_no_excerpt_shows_a_value(value: str, data: st.DataObject) -> None:
    text = json.dumps(
        {"MAJORA_USER": "u", "CLIENT_SECRET": value, "k": {"z": value}},
        indent=data.draw(st.sampled_from([None, 2])),
    )
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        text = (
            text[:at]
            + data.draw(st.sampled_from(["", '"', "'", "\n", ",", "}", "”", " "]))
            + text[at + data.draw(st.integers(0, 1)) :]
        )
    parsed = parse_json(text.encode())
    hidden = {value[at : at + 6] for at in range(len(value) - 5)}
    assert not any(part in parsed.excerpt or part in repr(parsed) for part in hidden)


@pytest.mark.parametrize(
    ("line", "column", "shown"),
    [
        ('  "CLIENT_SECRET": "abc",', 20, '  "CLIENT_SECRET": "***",\n                   ^'),
        ('  "CLIENT_SECRET": “abc”,', 20, '  "CLIENT_SECRET": “***”,\n                   ^'),
        ("  'MAJORA_TOKEN': 'OAUTH'", 3, "  'MAJORA_TOKEN': 'OAUTH'\n  ^"),
        ('\t"a": "b"', 9, ' "***": "***"\n            ^'),
        ('{"a":\u00a0"\u200bx"}', 6, '{"***":<U+00A0>"***"}\n       ^'),
        ('{"MAJORA_USER": x\x1b[31m', 17, '{"MAJORA_USER": ***[***\n                ^'),
        ("", 1, "\n^"),
        ('{"profile": {', 14, '{"profile": {\n             ^'),
    ],
)
def test_excerpts(line: str, column: int, shown: str) -> None:
    assert excerpt(line, column) == shown


@given(st.text(max_size=300), st.integers(1, 400))
def test_an_excerpt_is_plain_and_no_wider_than_a_terminal(line: str, column: int) -> None:
    shown, caret = excerpt(line, column).split("\n")
    assert len(shown) <= lenient_json.WIDTH
    assert len(caret) <= lenient_json.WIDTH + 1
    assert "\x1b" not in shown
    assert "\r" not in shown


def test_a_long_line_is_cut_around_the_caret() -> None:
    line = json.dumps({f"k{n}": n for n in range(200)})
    text = line[:1000] + '"' + line[1000:]
    shown, caret = excerpt(text, 1001).split("\n")
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert len(caret) <= len(shown)


def test_a_large_broken_file_is_quick_and_said() -> None:
    data = b'{"a": [' + b'"x", ' * 200_000
    broken = parse_json(data)
    assert isinstance(broken, Broken)
