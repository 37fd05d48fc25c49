"""One good line for an owner, every other byte left."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocarina_kit.core.cron.cronhazards import HazardKind, cron_hazards
from ocarina_kit.core.cron.cronline import LineSpec, Runner, build_line
from ocarina_kit.core.cron.cronplan import (
    EditKind,
    Outcome,
    Owner,
    SchedulePlan,
    plan_removal,
    plan_schedule,
    sort_entries,
)
from ocarina_kit.core.cron.crontab import Crontab, encode
from ocarina_kit.core.cron.refreshjob import refresh_jobs

HOME = "/home/u"
OCARINA = "/opt/envs/ocarina/bin/ocarina"
GUIDE = f"0 0,6,12,18 * * * {OCARINA} oauth refresh"
TIMES = "17 1,4,7,10,13,16,19,22 * * *"
SPEC = LineSpec(
    TIMES, Runner.KIT_FIRST, OCARINA, f"{HOME}/.ocarina", HOME, ("/home/u/.local/bin/ocarina-kit",)
)
GOOD = build_line(SPEC)
OWNER = Owner("u", HOME, f"{HOME}/.ocarina")
TEST_OWNER = replace(OWNER, profile="test")


def plan(text: str, spec: LineSpec = SPEC, owner: Owner = OWNER, **options: bool) -> SchedulePlan:
    return plan_schedule(Crontab.parse(encode(text)), spec, owner, **options)


def after(text: str, spec: LineSpec = SPEC, owner: Owner = OWNER, **options: bool) -> str:
    made = plan(text, spec, owner, **options)
    again = plan_schedule(made.after, spec, owner, **options)
    assert again.after == made.after
    assert again.outcome is not Outcome.CHANGED
    return made.after.render().decode()


def test_an_empty_crontab_gets_the_line() -> None:
    assert after("") == GOOD + "\n"
    (edit,) = plan("").edits
    assert (edit.kind, edit.number, edit.before, edit.after) == (EditKind.ADD, 1, "", GOOD)


def test_a_good_line_is_left() -> None:
    text = f"# mine\n{GOOD}\n\t\n"
    made = plan(text)
    assert made.outcome is Outcome.UNCHANGED
    assert made.after.render().decode() == text
    assert made.line == GOOD
    assert not made.edits


REPAIRED = [
    ("the guide's line", f"A=b\n{GUIDE}\n* * * * * x\n", f"A=b\n{GOOD}\n* * * * * x\n"),
    ("a stale path", f"{GUIDE.replace('/opt', '/old')}\n", f"{GOOD}\n"),
    ("a stale marked line", f"{GOOD.replace('/opt', '/old')}\n", f"{GOOD}\n"),
    ("once a day", f"0 9 * * * {OCARINA} oauth refresh\n", f"{GOOD}\n"),
    ("times that cron refuses", f"61 * * * * {OCARINA} oauth refresh\n", f"{GOOD}\n"),
    ("doubles", f"{GUIDE}\n# x\n{GUIDE}\n{GUIDE} >> log\n", f"{GOOD}\n# x\n"),
    ("a double of the good line", f"{GUIDE}\n{GOOD}\n", f"{GOOD}\n"),
    ("with a shell around", "0 */6 * * * bash -lc 'ocarina oauth refresh' >> log\n", f"{GOOD}\n"),
    ("with conda", "@daily cd ~ && conda run -n o ocarina oauth refresh || echo no | mail me\n", f"{GOOD}\n"),
    ("a bare percent", f"{GUIDE} >> $(date +%F)\n", f"{GOOD}\n"),
    ("beside a commented one", f"# {GUIDE}\n{GUIDE}\n", f"# {GUIDE}\n{GOOD}\n"),
    ("no line break at the end", f"# x\n{GUIDE}", f"# x\n{GOOD}\n"),
    ("added after a line without its break", "# x", f"# x\n{GOOD}\n"),
    ("another's", f"0 0 * * * {OCARINA} --env oauth refresh\n", f"0 0 * * * {OCARINA} --env oauth refresh\n{GOOD}\n"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "before", "expected"), REPAIRED, ids=[row[0] for row in REPAIRED])
def test_repairs_in_place(name: str, before: str, expected: str) -> None:
    assert after(before) == expected


def test_own_times_of_a_marked_line_are_kept_unless_others_are_given() -> None:
    mine = GOOD.replace(TIMES, "3 */2 * * *")
    assert after(mine + "\n") == mine + "\n"
    assert after(mine.replace("/opt", "/old") + "\n") == mine + "\n"
    assert after(mine + "\n", keep_times=False) == GOOD + "\n"
    # Too rare, or no times at all: not kept.
    assert after(GOOD.replace(TIMES, "3 3 * * *") + "\n") == GOOD + "\n"
    assert after(GOOD.replace(TIMES, "0 22-2 * * *") + "\n") == GOOD + "\n"
    # A person's own line is not the kit's: its minute 0 goes.
    assert after(f"0 */3 * * * {OCARINA} oauth refresh\n") == GOOD + "\n"


def test_runners_are_changed_into_each_other() -> None:
    client = replace(SPEC, runner=Runner.CLIENT)
    assert after(GOOD + "\n", client) == build_line(client) + "\n"
    assert after(build_line(client) + "\n") == GOOD + "\n"


def test_a_commented_out_entry_needs_a_yes() -> None:
    text = f"# x\n# {GUIDE}\n#{GUIDE}\n"
    made = plan(text)
    assert made.outcome is Outcome.SWITCHED_OFF
    assert made.after.render().decode() == text
    assert [job.number for job in made.switched_off] == [2, 3]
    assert after(text, switch_on=True) == f"# x\n{GOOD}\n#{GUIDE}\n"
    assert plan(text, switch_on=True).edits[0].kind is EditKind.SWITCH_ON


def test_each_profile_and_config_has_a_line_of_its_own() -> None:
    test = replace(SPEC, profile="test")
    both = after(after("# x\n"), test, TEST_OWNER)
    assert both == f"# x\n{GOOD}\n{build_line(test)}\n"
    assert [job.profile for entry in plan(both).others for job in entry.calls] == ["test", "test"]
    other = f"5 */2 * * * OCARINA_CONF_FILE=/data/c.json {OCARINA} oauth refresh\n"
    assert after(other) == f"{other}{GOOD}\n"
    assert len(plan(other).others) == 1
    removed = plan_removal(Crontab.parse(encode(both)), TEST_OWNER)
    assert removed.after.render().decode() == f"# x\n{GOOD}\n"


def test_paths_that_mean_one_file_are_one_owner() -> None:
    text = f"0 */3 * * * OCARINA_CONF_FILE=/home/u/dotfiles/ocarina {OCARINA} oauth refresh\n"
    crontab = Crontab.parse(encode(text))
    assert sort_entries(crontab, OWNER).others
    linked = sort_entries(
        crontab, OWNER, canonical=lambda path: path.replace("/.ocarina", "/dotfiles/ocarina")
    )
    assert linked.own


def test_a_line_with_work_of_its_own_is_never_taken_apart() -> None:
    text = f"0 */6 * * * {OCARINA} oauth refresh && /home/u/bin/upload.sh\n"
    made = plan(text)
    assert made.outcome is Outcome.MIXED
    assert made.after.render().decode() == text
    assert made.mixed[0].other_work == ("/home/u/bin/upload.sh",)
    # Two profiles in one line are two owners' work.
    text = f"0 */6 * * * {OCARINA} oauth refresh; {OCARINA} --profile test oauth refresh\n"
    assert plan(text).outcome is Outcome.MIXED
    assert plan_removal(Crontab.parse(encode(text)), OWNER).outcome is Outcome.UNCHANGED


def test_a_shell_that_reads_no_sh_is_gone_round() -> None:
    text = f"MAILTO=me\nSHELL=/bin/csh\nA=b\n{GUIDE}\n* * * * * x\n"
    assert after(text) == f"MAILTO=me\n{GOOD}\nSHELL=/bin/csh\nA=b\n* * * * * x\n"
    assert after("SHELL=/bin/csh\n") == f"{GOOD}\nSHELL=/bin/csh\n"
    assert after("SHELL=/bin/bash\nSHELL=fish\n# x") == f"SHELL=/bin/bash\n{GOOD}\nSHELL=fish\n# x"
    assert after("SHELL=/bin/csh\nSHELL=/bin/sh\n").endswith(f"SHELL=/bin/sh\n{GOOD}\n")


def test_a_shell_that_this_host_lacks_is_gone_round() -> None:
    gone = frozenset({"/opt/gone/bash"})
    text = f"SHELL=/opt/gone/bash\n{GUIDE}\n"
    made = plan(text, gone_shells=gone)
    assert made.after.render().decode() == f"{GOOD}\nSHELL=/opt/gone/bash\n"
    assert plan(made.after.render().decode(), gone_shells=gone).outcome is Outcome.UNCHANGED
    (job,) = refresh_jobs(Crontab.parse(encode(text)), "u", HOME)
    (hazard,) = cron_hazards(Crontab.parse(encode(text)), job, home=HOME, gone_shells=gone)
    assert (hazard.kind, hazard.line) == (HazardKind.SHELL_LINE, 1)
    assert not cron_hazards(Crontab.parse(encode(text)), job, home=HOME)


def test_a_home_line_is_set_right_within_the_line() -> None:
    made = plan(f"HOME=/data\n{GUIDE}\n")
    assert made.line == build_line(SPEC, {"HOME": "/data"})
    assert after(f"HOME=/data\n{GUIDE}\n").startswith("HOME=/data\n17 1,")
    (job,) = refresh_jobs(made.after, "u", HOME)
    assert not cron_hazards(made.after, job, home=HOME)
    # HOME on the line itself means another's set-up.
    assert len(plan(f"0 0 * * * HOME=/data {OCARINA} oauth refresh\n").others) == 1


def test_removal() -> None:
    text = f"# x\n{GUIDE}\n\n{GOOD}\n# {GUIDE}\nlast"
    made = plan_removal(Crontab.parse(encode(text)), OWNER)
    assert made.after.render().decode() == f"# x\n\n# {GUIDE}\nlast"
    assert [edit.number for edit in made.edits] == [2, 4]
    assert plan_removal(made.after, OWNER).outcome is Outcome.UNCHANGED


# A person's crontab: what follows is other people's, and must come out as it went in.
_FOREIGN = st.one_of(
    st.sampled_from([
        b"", b"\t ", b"# MAILTO=root", b"# see http://x/?a=b", b"FOO = bar", b"FOO=", b"MAILTO=\"\"",
        b"PATH=/x:/usr/bin:/bin", b"*/60 * * * * x", b"0 5 1-31 * 1 cat % a \\% b", b"0 22-2 * * * y",
        b"@reboot z", b"* * * * * echo ocarina oauth refresh", b"# note: ocarina oauth refresh",
        b"0 0 * * * /x/ocarina --profile other oauth refresh", b"\xff\xfe", b"* * * * *\tcaf\xe9 ",
        b"SHELL=/bin/bash", b"HOME=/data", b"SHELL=/bin/fish", b"OCARINA_CONF_FILE=/other", b"bad line",
        b"XDG_STATE_HOME=/s"
    ]),
    st.binary(max_size=20).map(lambda raw: b"# " + raw.replace(b"\n", b"").replace(b"\0", b"")),
)  # fmt: skip
_OWN = st.sampled_from([
    encode(GUIDE), encode(GOOD), encode(f"5 5 * * * cd / && {OCARINA} oauth refresh > /dev/null"),
    b"1 1 * * * OCARINA_CONF_FILE=/home/u/.ocarina ~/ocarina oauth refresh # ocarina-kit",
])  # fmt: skip
_LINES = st.lists(st.one_of(_FOREIGN, _FOREIGN, _OWN), max_size=12)


@given(_LINES, st.booleans(), st.booleans())
@settings(max_examples=300, deadline=None)
def test_every_other_line_stays_to_the_byte(lines: list[bytes], ends: bool, keep_times: bool) -> None:
    raw = b"\n".join(lines) + (b"\n" if ends and lines else b"")
    crontab = Crontab.parse(raw)
    own = {job.line.index for job in sort_entries(crontab, OWNER).own}
    foreign = [line.raw for line in crontab.lines if line.index not in own]
    installed = plan_schedule(crontab, SPEC, OWNER, keep_times=keep_times)
    entries = sort_entries(installed.after, OWNER).own
    assert len(entries) == 1
    assert [line.raw for line in installed.after.lines if line.index != entries[0].line.index] == foreign
    again = plan_schedule(installed.after, SPEC, OWNER, keep_times=keep_times)
    assert (again.outcome, again.after) == (Outcome.UNCHANGED, installed.after)
    assert not [
        hazard
        for hazard in cron_hazards(installed.after, entries[0], home=HOME)
        if hazard.kind.value != "no-newline"
    ]
    changed = plan_schedule(installed.after, replace(SPEC, schedule="9 */2 * * *"), OWNER, keep_times=False)
    assert len(sort_entries(changed.after, OWNER).own) == 1
    removed = plan_removal(changed.after, OWNER)
    assert [line.raw for line in removed.after.lines] == foreign
    assert plan_removal(removed.after, OWNER).outcome is Outcome.UNCHANGED


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_keep_their_lines(raw: bytes) -> None:
    crontab = Crontab.parse(raw)
    made = plan_schedule(crontab, SPEC, OWNER)
    assert made.after.render().replace(encode(made.line or "") + b"\n", b"").rstrip(b"\n") == raw.rstrip(
        b"\n"
    )


def test_ten_thousand_lines_within_2_seconds() -> None:
    text = f"A=b\n*/5 * * * * /usr/bin/true {'x' * 60}\n# ocarina oauth refresh\n" * 3_333 + f"{GUIDE}\n"
    started = time.process_time()
    made = plan(text)
    assert made.outcome is Outcome.CHANGED
    assert made.after.render().decode() == text.replace(GUIDE, GOOD)
    assert time.process_time() - started < 2
    doubles = f"{GUIDE}\n" * 10_000
    started = time.process_time()
    assert plan(doubles).after.render().decode() == GOOD + "\n"
    assert time.process_time() - started < 2
