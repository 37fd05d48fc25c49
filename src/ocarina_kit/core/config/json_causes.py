"""Why a file is not the JSON object that it should be: each cause, and its words (the likely cause of CFG002)."""

from __future__ import annotations

from enum import Enum


class Cause(str, Enum):
    """Why a file is not the JSON object that it should be."""

    # How its bytes stand.
    EMPTY = "empty"
    BLANK = "blank"
    TOO_LARGE = "too-large"
    NULS = "nuls"
    BYTE_ORDER_MARK = "byte-order-mark"
    UTF_16 = "utf-16"
    UTF_32 = "utf-32"
    NOT_UTF_8 = "not-utf-8"
    # Another kind of file.
    HTML = "html"
    RICH_TEXT = "rich-text"
    SHELL = "shell"
    INI = "ini"
    YAML = "yaml"
    NOT_OBJECT = "not-object"
    TWO_OBJECTS = "two-objects"
    CODE_FENCE = "code-fence"
    # Slips.
    SINGLE_QUOTES = "single-quotes"
    CURLY_QUOTES = "curly-quotes"
    PYTHON_WORD = "python-word"
    EXTRA_COMMA = "extra-comma"
    MISSING_COMMA = "missing-comma"
    WRONG_COMMA = "wrong-comma"
    COMMENT = "comment"
    EQUALS = "equals"
    UNQUOTED_NAME = "unquoted-name"
    ODD_SPACE = "odd-space"
    CONTROL_CHARACTER = "control-character"
    LINE_BREAK = "line-break"
    MISSING_BRACE = "missing-brace"
    EXTRA_BRACE = "extra-brace"
    WRONG_BRACKET = "wrong-bracket"
    MISSING_COLON = "missing-colon"
    MISSING_VALUE = "missing-value"
    MISSING_QUOTE = "missing-quote"
    UNQUOTED_VALUE = "unquoted-value"
    BAD_ESCAPE = "bad-escape"
    BAD_NUMBER = "bad-number"
    STRAY_TEXT = "stray-text"
    CUT_OFF = "cut-off"
    TOO_DEEP = "too-deep"


WORDS: dict[Cause, str] = {
    Cause.EMPTY: "the file is empty",
    Cause.BLANK: "the file holds nothing but white space",
    Cause.TOO_LARGE: "the file is far too large: it is something else",
    Cause.NULS: "the file holds zero bytes, as a crash or a full disk leaves them",
    Cause.BYTE_ORDER_MARK: "the file starts with a byte-order mark (saved as 'UTF-8 with BOM')",
    Cause.UTF_16: "the file is encoded in UTF-16 (saved as 'Unicode'), not in UTF-8",
    Cause.UTF_32: "the file is encoded in UTF-32, not in UTF-8",
    Cause.NOT_UTF_8: "the file is not encoded in UTF-8",
    Cause.HTML: "the file is a web page",
    Cause.RICH_TEXT: "the file is rich text (RTF), not plain text",
    Cause.SHELL: "the file is written for a shell (NAME=value), not as JSON",
    Cause.INI: "the file is written as INI or TOML (NAME = value), not as JSON",
    Cause.YAML: "the file is written as YAML (NAME: value), not as JSON",
    Cause.NOT_OBJECT: "the file does not hold an object, from { to }",
    Cause.TWO_OBJECTS: "the file holds two objects, one after the other",
    Cause.CODE_FENCE: "there are ``` around the JSON, from a page that it was copied from",
    Cause.SINGLE_QUOTES: "there are single quotes where JSON wants double ones",
    Cause.CURLY_QUOTES: "there are curly quotes where JSON wants straight ones",
    Cause.PYTHON_WORD: "there is True, False or None, as Python writes them, where JSON wants true, false or null",
    Cause.EXTRA_COMMA: "there is a comma too many",
    Cause.MISSING_COMMA: "there is a comma missing before this member",
    Cause.WRONG_COMMA: "there is a ; where JSON wants a comma",
    Cause.COMMENT: "there is a comment, which JSON does not have",
    Cause.EQUALS: "there is a = where JSON wants a :",
    Cause.UNQUOTED_NAME: "there is a member's name without quotes",
    Cause.ODD_SPACE: "there is an invisible character or a blank that JSON does not take, copied from a page",
    Cause.CONTROL_CHARACTER: "there is a tab or another control character inside a string",
    Cause.LINE_BREAK: "there is a line break inside a string",
    Cause.MISSING_BRACE: "there is a brace missing",
    Cause.EXTRA_BRACE: "there is a brace too many",
    Cause.WRONG_BRACKET: "there is a bracket that closes or opens nothing here",
    Cause.MISSING_COLON: "there is a : missing behind this name",
    Cause.MISSING_VALUE: "there is a value missing",
    Cause.MISSING_QUOTE: "there is a quote missing around this text",
    Cause.UNQUOTED_VALUE: "there is a value without quotes",
    Cause.BAD_ESCAPE: "there is a backslash that JSON does not take (write \\\\ for one)",
    Cause.BAD_NUMBER: "there is a number that JSON does not take",
    Cause.STRAY_TEXT: "there is text behind a value: a stray quote, or a comma that is missing",
    Cause.CUT_OFF: "the file ends in the middle: it was cut off, or a brace or a quote is missing",
    Cause.TOO_DEEP: "there are too many objects inside each other",
}
"""Each cause in words, as the likely cause of CFG002."""
