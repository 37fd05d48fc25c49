"""The reader of shell lines, by itself: words, variables, structure."""

from __future__ import annotations

import shlex
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocarina_kit.core.cron.shell import read_script

ENVIRONMENT = {"HOME": "/home/u", "PATH": "/usr/bin:/bin"}


def commands(text: str) -> list[list[str]]:
    return [[word.text for word in command.words] for command in read_script(text, ENVIRONMENT).commands]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b", [["a", "b"]]),
        ("a;b&&c||d|e&f", [["a"], ["b"], ["c"], ["d"], ["e"], ["f"]]),
        ("a 'b c' \"d $HOME\" e\\ f", [["a", "b c", "d /home/u", "e f"]]),
        ("a > b 2>&1 < c >>d &>e", [["a"]]),
        ("a>b c", [["a", "c"]]),
        ("a <<<b c", [["a", "c"]]),
        ("(a; b) | { c; }", [["a"], ["b"], ["c"]]),
        ("if a; then b; elif c; then d; else e; fi", [["a"], ["b"], ["c"], ["d"], ["e"]]),
        ("for x in a b; do c $x; done", [["c", "$x"]]),
        ("while ! a; do b; done", [["a"], ["b"]]),
        ("case $x in (a|b) c;; 'd e') f;& *) esac; g", [["c"], ["f"], ["g"]]),
        ("[[ -f a && -g b ]] && c", [["c"]]),
        ("a#b #c", [["a#b"]]),
        ("~ ~/x '~'/y a~ ~v", [["/home/u", "/home/u/x", "~/y", "a~", "~v"]]),
        ("${HOME}x ${NO:-yes} ${NO} $NO $? $$", [["/home/ux", "yes", "${NO}", "$NO", "$?", "$$"]]),
        (
            "X=1; a $X; X=2 b $X; export Y=3; a $Y",
            [[], ["a", "1"], ["b", "1"], ["export", "Y=3"], ["a", "3"]],
        ),
        ("a $(b \"$(c ')')\") `d`", [["a", "$(b \"$(c ')')\")", "`d`"]]),
        ("$'a' $\"b\" ''", [["a", "b", ""]]),
        ("a\\\nb", [["ab"]]),
    ],
)
def test_commands_and_words(text: str, expected: list[list[str]]) -> None:
    assert commands(text) == expected


def test_what_a_command_sees() -> None:
    script = read_script("A=~/x b; C=1; export D=$NO; cd /data; e", ENVIRONMENT)
    first, *_, last = script.commands
    assert first.environment["A"] == "/home/u/x"
    assert "A" not in last.environment
    assert "C" not in last.environment
    assert last.environment["D"] == "$NO"
    assert last.uncertain == {"D"}
    assert last.directory == "/data"


@pytest.mark.parametrize("text", ["a 'b", 'a "b', "a $(b", "a `b", "a ${b", "a $((1"])
def test_what_is_never_closed(text: str) -> None:
    assert not read_script(text, ENVIRONMENT).whole


def test_comments_are_kept_apart() -> None:
    script = read_script("a 'x # y' # z 'open", ENVIRONMENT)
    assert (script.comment, script.comment_at, script.whole) == ("# z 'open", 10, True)


def test_a_tilde_in_quotes_is_noticed() -> None:
    (command,) = read_script("'~/a' \"~/b\" \\~/c ~/d x~", ENVIRONMENT).commands
    assert [word.quoted_tilde for word in command.words] == [True, True, True, False, False]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=10), min_size=1, max_size=5))
@settings(deadline=None)
def test_quoted_words_come_back(words: list[str]) -> None:
    text = "x " + " ".join(shlex.quote(word) for word in words)
    assert commands(text) == [["x", *words]]


@given(st.text("'\"\\$`(){}[];&|<>#~! =abc\n", max_size=60))
@settings(max_examples=500, deadline=None)
def test_any_text_is_read(text: str) -> None:
    read_script(text, ENVIRONMENT)


def test_long_and_hostile_texts_take_no_longer() -> None:
    started = time.process_time()
    for part in ("$(", "a;", '"$a\\', "${", "`", "case x in ", "(", "for ", "a;;", '"$(', "'", "<<", "\\"):
        read_script(part * 10_000, ENVIRONMENT)
    assert time.process_time() - started < 3
