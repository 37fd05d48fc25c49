"""core/oauth/keyboard.py: keys to text, however they are cut into pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.core.oauth.keyboard import LONGEST, Key, Keys, Typed

BEGIN, END = "\x1b[200~", "\x1b[201~"


def typed(*pieces: str, paste_is_whole: bool = True, keys: Keys | None = None) -> Typed:
    found = Typed(keys, paste_is_whole=paste_is_whole)
    for piece in pieces:
        assert found.feed(piece) is None
    return found


@pytest.mark.parametrize(
    ("keys", "text", "whole"),
    [
        ("", "", False),
        ("abc", "abc", False),
        ("abc\r", "abc\n", True),
        ("abc\n", "abc\n", True),
        ("abc\rdef", "abc\ndef", False),
        ("abc\rdef\r", "abc\ndef\n", True),
        ("\r\rabc\r", "abc\n", True),
        ("  \r", "  ", False),
        (f"{BEGIN}abc{END}", "abc", True),
        (f"{BEGIN}abc", "abc", False),
        (f"{BEGIN}abc\r", "abc\n", False),
        (f"{BEGIN}abc\rdef{END}", "abc\ndef", True),
        (f"{BEGIN}{END}", "", False),
        (f"{BEGIN} \r{END}", " ", False),
        (f"{BEGIN}a{END}b", "ab", False),
        (f"{BEGIN}a\x15\x17\x7f\x1ab{END}", "ab", True),
        (f"{BEGIN}a{END}{BEGIN}b{END}", "ab", True),
        ("abd\x7fc\r", "abc\n", True),
        ("abd\x08c\r", "abc\n", True),
        ("\x7f\x7fa", "a", False),
        ("one two\x17three", "one three", False),
        ("one  \x17", "", False),
        ("one\x15two", "two", False),
        ("a\x1b[Db\x1b[1;5Cc\x1bOAd\x1bxe", "abcde", False),
        ("a\x1b\x7fb", "b", False),
        ("a\x04", "a", True),
        ("a\x04b", "ab", False),
        ("a\tb", "a\tb", False),
        ("a\x00\x01\x0cb\u200b", "ab", False),
        ("é–ß\r", "é–ß\n", True),
    ],
)
def test_keys(keys: str, text: str, whole: bool) -> None:
    for pieces in ([keys], list(keys)):
        found = typed(*pieces)
        assert (found.text, found.whole) == (text, whole)


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ("\x03", Key.INTERRUPT),
        ("abc\x03def", Key.INTERRUPT),
        (f"{BEGIN}abc\x03", Key.INTERRUPT),
        ("\x1b\x03", Key.INTERRUPT),
        ("\x1b[\x03", Key.INTERRUPT),
        ("\x1c", Key.INTERRUPT),
        ("\x04", Key.END),
        (" \x04", Key.END),
        ("abc\x1a", Key.SUSPEND),
    ],
)
def test_keys_that_end_or_hold_up(keys: str, key: Key) -> None:
    assert Typed().feed(keys) is key


def test_a_secret_waits_for_enter() -> None:
    assert not typed(f"{BEGIN}abc{END}", paste_is_whole=False).whole
    assert typed(f"{BEGIN}abc{END}\r", paste_is_whole=False).whole
    assert typed(f"{BEGIN}abc\r{END}", paste_is_whole=False).whole


def test_a_lone_escape_swallows_nothing_that_is_typed_later() -> None:
    found = typed("a\x1b")
    found.pause()
    assert found.feed("b") is None
    assert found.text == "ab"


def test_an_end_mark_may_come_in_two_pieces_with_a_pause_between() -> None:
    found = typed(f"{BEGIN}abc\x1b[20")
    found.pause()
    assert not found.whole
    assert found.feed("1~") is None
    assert (found.text, found.whole) == ("abc", True)


def test_the_terminals_own_keys_are_obeyed() -> None:
    found = typed("abX#cX", keys=Keys(erase="X", kill="#", word=""))
    assert found.text == ""
    assert Typed(Keys(interrupt="!")).feed("a!") is Key.INTERRUPT


def test_the_length_leaves_line_breaks_at_the_end_aside() -> None:
    assert [len(typed(keys)) for keys in ("", "ab", "ab\r", "ab\rc\r\r")] == [0, 2, 2, 4]


def test_more_than_the_longest_is_dropped() -> None:
    assert len(typed(BEGIN + "x" * (LONGEST + 10) + END).text) == LONGEST


@given(st.lists(st.text(st.sampled_from("ab \r\n\x1b[200~1O\x7f\x15\x17\x04é\x00")), max_size=30))
def test_any_keys_in_any_pieces(pieces: list[str]) -> None:
    at_once, apart = Typed(), Typed()
    first = at_once.feed("".join(pieces))
    second = None
    for piece in pieces:
        second = apart.feed(piece)
        if second is not None:
            break
    assert first is second
    assert at_once.text == apart.text
    assert "\x1b" not in at_once.text
