"""One good line for a set-up, every other byte left; and what cron breaks in a line."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.schedule.test_entry import KIT, OCARINA, SPEC

from ocarina_kit.schedule.crontab import encode, split_lines
from ocarina_kit.schedule.entry import build_entry, read_entries
from ocarina_kit.schedule.plan import (
    Hazard,
    Plan,
    find_hazards,
    own_entries,
    plan_removal,
    plan_schedule,
)
from ocarina_kit.schedule.times import spread

GUIDE = f"0 0,6,12,18 * * * {OCARINA} oauth refresh"
TIMES = spread("u", "node1", "https://m.org/")
GOOD = build_entry(SPEC, TIMES)
TEST = build_entry(SPEC._replace(profile="test"), TIMES)
T = "0 0,6,12,18 * * * "


def plan(text: str, **options: Any) -> Plan:
    return plan_schedule(encode(text), SPEC, **options)


def after(text: str, **options: Any) -> str:
    made = plan(text, **options)
    again = plan_schedule(made.after, SPEC, **options)
    assert again.after == made.after
    assert again.outcome not in ("changed", "added")
    return made.after.decode()


REPAIRED = [
    ("an empty one", "", f"{GOOD}\n"),
    ("the guide's line", f"A=b\n{GUIDE}\n* * * * * x\n", f"A=b\n{GOOD}\n* * * * * x\n"),
    ("the guide's placeholder", f"{T}{{YOUR_OCARINA_PATH}} oauth refresh\n", f"{GOOD}\n"),
    ("a stale marked line", f"{GOOD.replace('conda3', 'old')}\n", f"{GOOD}\n"),
    ("times that cron refuses", f"61 * * * * {OCARINA} oauth refresh\n", f"{GOOD}\n"),
    ("doubles", f"{GUIDE}\n# x\n{GUIDE}\n{GUIDE} >> log\n", f"{GOOD}\n# x\n"),
    ("a double of the good line", f"{GUIDE}\n{GOOD}\n", f"{GOOD}\n"),
    ("the placeholder with a dollar", f"{T}${{YOUR_OCARINA_PATH}} oauth refresh\n", f"{GOOD}\n"),
    ("a path in the placeholder's braces", f"{T}{{~/bin/ocarina}} oauth refresh\n", f"{GOOD}\n"),
    ("the placeholder as a variable", f"{T}$YOUR_OCARINA_PATH oauth refresh\n", f"{GOOD}\n"),
    ("the placeholder in a path", f"{T}/{{YOUR_OCARINA_PATH}} oauth refresh\n", f"{GOOD}\n"),
    ("beside a commented one", f"# {GUIDE}\n{GUIDE}\n", f"# {GUIDE}\n{GOOD}\n"),
    ("no line break at the end", f"# x\n{GUIDE}", f"# x\n{GOOD}\n"),
    ("a good line without its line break", f"# x\n{GOOD}", f"# x\n{GOOD}\n"),
    ("added after a line without its break", "# x", f"# x\n{GOOD}\n"),
    ("another home's", f"{T}HOME=/data {OCARINA} oauth refresh\n", f"{T}HOME=/data {OCARINA} oauth refresh\n{GOOD}\n"),
    ("another profile's", f"{TEST}\n", f"{TEST}\n{GOOD}\n"),
    ("another's", f"{T}{OCARINA} --env oauth refresh\n", f"{T}{OCARINA} --env oauth refresh\n{GOOD}\n"),
    ("a quoted ~ beside", f'{T}OCARINA_CONF_FILE="~/.ocarina" {OCARINA} oauth refresh\n{GOOD}\n', f"{GOOD}\n"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "before", "expected"), REPAIRED, ids=[row[0] for row in REPAIRED]
)
def test_repairs_in_place(name: str, before: str, expected: str) -> None:
    assert after(before) == expected
    assert (plan(before).outcome == "added") is name.startswith(("an", "added"))


def test_own_times_of_a_marked_line_are_kept_unless_others_are_given() -> None:
    own = GOOD.replace(TIMES, "3 */2 * * *")
    assert after(own.replace("conda3", "old") + "\n") == own + "\n"
    assert after(own + "\n", times=TIMES) == GOOD + "\n"
    # Too rare, or no times at all: not kept.
    for times in ("3 3 * * *", "0 22-2 * * *"):
        assert after(GOOD.replace(TIMES, times) + "\n") == GOOD + "\n"
    # A person's own line is not the kit's: its minute 0 goes.
    assert after(f"0 */3 * * * {OCARINA} oauth refresh\n") == GOOD + "\n"


def test_runners_are_changed_into_each_other() -> None:
    client = build_entry(SPEC, TIMES, runner="client")
    assert after(GOOD + "\n", runner="client") == client + "\n"
    assert after(client + "\n") == GOOD + "\n"
    # Times that are too rare for the client are not kept for it.
    rare = GOOD.replace(TIMES, "5 0,8,16 * * *")
    assert after(rare + "\n") == rare + "\n"
    assert plan(rare + "\n", runner="client").line.startswith(TIMES)


def test_a_commented_out_entry_needs_a_yes() -> None:
    text = f"# x\n# {GUIDE}\n#{GUIDE}\n"
    made = plan(text)
    assert made.outcome == "switched off"
    assert (made.after.decode(), made.line) == (text, GOOD)
    assert [entry.number for entry in made.entries.off] == [2, 3]
    assert after(text, switch_on=True) == f"# x\n{GOOD}\n#{GUIDE}\n"
    assert plan(text, switch_on=True).outcome == "added"
    other = f"#{GUIDE} && /x/then\n"  # it does other work, so it stays as it is
    assert after(other, switch_on=True) == f"{other}{GOOD}\n"


# Two profiles in one line are two set-ups' work.
@pytest.mark.parametrize(
    "more", [" && /home/u/bin/upload.sh", f"; {OCARINA} --profile test oauth refresh"]
)
def test_an_entry_with_other_work_is_never_changed(more: str) -> None:
    text = f"{GUIDE}{more}\n"
    made = plan(text)
    assert (made.outcome, len(made.entries.mixed), made.line) == ("mixed", 1, GOOD)
    assert made.after == plan_removal(encode(text), SPEC) == encode(text)


def test_a_shell_that_reads_no_sh_is_avoided() -> None:
    text = f"MAILTO=me\nSHELL=/bin/csh\nA=b\n{GUIDE}\n* * * * * x\n"
    assert after(text) == f"MAILTO=me\n{GOOD}\nSHELL=/bin/csh\nA=b\n* * * * * x\n"
    assert (
        after("SHELL=/bin/bash\nSHELL=fish\n# x")
        == f"SHELL=/bin/bash\n{GOOD}\nSHELL=fish\n# x"
    )
    assert after("SHELL=/bin/csh\nSHELL=/bin/sh\n").endswith(f"SHELL=/bin/sh\n{GOOD}\n")
    gone = f"SHELL=/opt/gone/bash\n{GUIDE}\n"
    assert after(gone) == f"{GOOD}\nSHELL=/opt/gone/bash\n"


# A person's crontab: what follows is other people's, and must come out as it went in.
_FOREIGN = st.one_of(
    st.sampled_from([
        b"", b"\t ", b"# MAILTO=root", b"# see http://x/?a=b", b"FOO = bar", b"FOO=", b'MAILTO=""', b"HOME=/data",
        b"PATH=/x:/usr/bin:/bin", b"*/60 * * * * x", b"0 5 1-31 * 1 cat % a \\% b", b"0 22-2 * * * y", b"bad line",
        b"@reboot z", b"* * * * * echo ocarina oauth refresh", b"# note: ocarina oauth refresh", b"XDG_STATE_HOME=/s",
        b"0 0 * * * /x/ocarina --profile other oauth refresh", b"\xff\xfe", b"* * * * *\tcaf\xe9 ", b"PATH=/x",
        b"SHELL=/bin/bash", b"SHELL=/bin/fish", b"OCARINA_CONF_FILE=/other",
    ]),
    st.binary(max_size=20).map(lambda raw: b"# " + raw.replace(b"\n", b"").replace(b"\0", b"")),
)  # fmt: skip
_OWN = st.sampled_from([
    encode(GUIDE), encode(GOOD), encode(f"5 5 * * * cd / && {OCARINA} oauth refresh > /dev/null"),
    b"1 1 * * * OCARINA_CONF_FILE=/home/u/.ocarina ~/ocarina oauth refresh # ocarina-kit",
])  # fmt: skip


def test_an_unclear_line_is_left() -> None:
    line = f"{T}if true; then {OCARINA} oauth refresh; fi\n"
    made = plan(line)
    assert (made.outcome, len(made.entries.unclear)) == ("added", 1)
    assert after(line) == f"{line}{GOOD}\n"
    assert plan_removal(encode(line), SPEC) == encode(line)


@given(st.lists(st.one_of(_FOREIGN, _FOREIGN, _OWN), max_size=12), st.booleans())
@settings(max_examples=60)
def test_every_other_line_stays_to_the_byte(lines: list[bytes], ends: bool) -> None:
    raw = b"\n".join(lines) + (b"\n" if ends and lines else b"")
    own = {entry.number for entry in own_entries(raw, SPEC).own}
    foreign = [
        text.rstrip("\n")
        for at, text in enumerate(split_lines(raw), start=1)
        if at not in own
    ]
    installed = plan_schedule(raw, SPEC)
    (entry,) = own_entries(installed.after, SPEC).own
    now = [text.rstrip("\n") for text in split_lines(installed.after)]
    assert now[: entry.number - 1] + now[entry.number :] == foreign
    again = plan_schedule(installed.after, SPEC)
    assert (again.outcome, again.after) == ("unchanged", installed.after)
    assert list(find_hazards(entry, SPEC.home)) == []
    assert [
        text.rstrip("\n") for text in split_lines(plan_removal(installed.after, SPEC))
    ] == foreign


def found(text: str) -> list[Hazard]:
    (entry,) = read_entries(encode(text), "u", SPEC.home)
    return list(find_hazards(entry, SPEC.home))


HAZARDS = [
    # the crontab, the line that cron breaks (0: none), what is said of it
    (f"{GUIDE}\n", 0, ""),
    (f"{T}cd $HOME && {OCARINA} oauth refresh >> ~/log 2>&1\n", 0, ""),
    (
        rf"{T}{OCARINA} oauth refresh > \%\% >> log-$(date +\%F) # 100% good" + "\n",
        0,
        "",
    ),
    (f"{T}~/bin/ocarina oauth refresh\n", 0, ""),
    (f"PATH=/opt/bin:/usr/bin:/bin\n{T}ocarina oauth refresh\n", 0, ""),
    (
        f'SHELL=/bin/bash\nPATH=/opt/bin:/usr/bin:/bin\nHOME=/home/u/\nMAILTO=""\n{GUIDE}\n',
        0,
        "",
    ),
    (f"{GUIDE}\nSHELL=/bin/false\nHOME=/x\nPATH=/x\n", 0, ""),
    (f"HOME=/x\nHOME=/home/u\n{GUIDE}\n", 0, ""),
    (f"PATH=/opt\n{T}PATH=/usr/bin:/bin {OCARINA} oauth refresh\n", 0, ""),
    (
        f"{T}{OCARINA} oauth refresh >> log-$(date +%F)\n",
        1,
        "at the % in ' log-$(date +%F)'; write",
    ),
    (f"{T}'~/bin/ocarina' oauth refresh\n", 1, "~ is quoted"),
    (f"#\nSHELL=/bin/tcsh\n{GUIDE}\n", 2, "/bin/tcsh is not a shell"),
    (f"SHELL=bash\n{GUIDE}\n", 1, "bash"),
    (f"SHELL=/opt/gone/bash\n{GUIDE}\n", 1, "cannot be started"),
    (f"HOME=/data\n{GUIDE}\n", 1, "/data"),
    (f"{GUIDE} 'open\n", 1, "never closed"),
    (f"{T}bash -c '{OCARINA} oauth refresh \"open'\n", 1, "never closed"),
    (f"# x\n{GUIDE}", 2, "line break"),
    (f"{GUIDE}\r\n", 1, "carriage return"),
    (f"SHELL=/bin/dash\n{T}source ~/x; {OCARINA} oauth refresh\n", 2, "has no source"),
    (f"{T}{KIT} refresh --quiet\n", 1, "has no option --quiet"),
    (f"{T}{KIT} refresh --cron --profile=p --within 9h --for lookup\n", 0, ""),
    (f"{T}sleep $((RANDOM % 60)); {KIT} refresh\n", 1, "% 60"),
    (f"OCARINA_CONF_FILE=$HOME/.ocarina\n{T}{KIT} refresh\n", 2, "not expanded"),
]


@pytest.mark.parametrize(("text", "line", "words"), HAZARDS)
def test_what_cron_breaks(text: str, line: int, words: str) -> None:
    number, what = next(iter(found(text)), (0, ""))
    assert number == line
    assert words in what


def test_a_path_that_leads_to_no_interpreter(tmp_path: Path) -> None:
    for shebang, broken in (("#!/usr/bin/env python3\n", 1), ("#!/bin/sh\n", 0)):
        program = tmp_path / "ocarina"
        program.write_text(shebang)
        assert len(found(f"PATH=/opt\n{T}{program} oauth refresh\n")) == broken
