"""core/plan.py: a change as a diff."""

from __future__ import annotations

import difflib

from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.core.plan import unified

LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d\n"]), max_size=30).map("".join)


def test_one_line_among_thousands_that_are_alike_is_the_whole_diff() -> None:
    alike = b"0 1 * * * /usr/bin/true\n" * 5000
    before = alike + b"5 */9 * * * old\n" + alike
    after = alike + b"5 */3 * * * new\n" + alike
    same = " 0 1 * * * /usr/bin/true"
    assert unified(before, after, "crontab").splitlines() == [
        "--- crontab (now)",
        "+++ crontab (then)",
        "@@ -4999,5 +4999,5 @@",
        *(same, same),
        "-5 */9 * * * old",
        "+5 */3 * * * new",
        *(same, same),
    ]


@given(LINES, LINES)
def test_it_is_a_diff_that_leads_from_one_to_the_other(before: str, after: str) -> None:
    shown = unified(before.encode(), after.encode(), "f").splitlines()[2:]
    old, new, at = before.splitlines(), after.splitlines(), 0
    made: list[str] = []
    for line in shown:
        if line.startswith("@@ "):
            start, _, count = line.split()[1][1:].partition(",")
            first = int(start) - (count != "0")
            made += old[at:first]
            at = first
        elif line[0] in "- ":
            assert old[at] == line[1:]
            at += 1
            made += [line[1:]] if line[0] == " " else []
        else:
            made.append(line[1:])
    assert made + old[at:] == new


def test_a_small_change_is_shown_as_it_always_was() -> None:
    before, after = "1\n2\n3\n4\n5\n6\n", "1\n2\n3\nx\n5\n6\n"
    old, new = before.splitlines(), after.splitlines()
    usual = difflib.unified_diff(old, new, fromfile="f (now)", tofile="f (then)", n=2, lineterm="")
    assert unified(before.encode(), after.encode(), "f").splitlines() == list(usual)
