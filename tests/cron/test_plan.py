"""One good line for a set-up, every other byte left; and what cron breaks in a line."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocarina_kit.cron.crontab import Crontab, encode
from ocarina_kit.cron.line import Ground, build_line, entries
from ocarina_kit.cron.plan import Plan, hazards, mine, plan_removal, plan_schedule
from ocarina_kit.cron.times import spread
from ocarina_kit.system.errors import KitError

HOME = "/home/u"
OCARINA = "/opt/envs/ocarina/bin/ocarina"
KIT = "/home/u/.local/bin/ocarina-kit"
GUIDE = f"0 0,6,12,18 * * * {OCARINA} oauth refresh"
GROUND = Ground("u", "node1", HOME, f"{HOME}/.ocarina", "https://m.org/", (KIT,), client=OCARINA)
TEST = GROUND._replace(profile="test")
TIMES = spread("u", "node1", "https://m.org/")
GOOD = build_line(GROUND, TIMES)
T = "0 0,6,12,18 * * * "


def plan(text: str, ground: Ground = GROUND, **options: Any) -> Plan:
    return plan_schedule(Crontab.parse(encode(text)), ground, **options)


def after(text: str, ground: Ground = GROUND, **options: Any) -> str:
    made = plan(text, ground, **options)
    again = plan_schedule(made.after, ground, **options)
    assert again.after == made.after
    assert again.outcome != "changed"
    return made.after.render().decode()


def test_an_empty_crontab_gets_the_line_and_a_good_one_is_left() -> None:
    made = plan("")
    assert (after(""), made.line, made.begins) == (GOOD + "\n", GOOD, True)
    assert made.edits == (("add", 1, "", GOOD),)
    text = f"# mine\n{GOOD}\n\t\n"
    made = plan(text)
    assert (made.outcome, made.line, made.edits) == ("unchanged", GOOD, ())
    assert made.after.render().decode() == text


KIT_320 = (
    f"e=$({KIT} refresh --quiet 2>&1); r=$?; case $r:$e in 126:*|127:*|1:*'recent call last'*|1:*'No module named'*"
    f"|1:*'Fatal Python'*) exec {OCARINA} -q oauth refresh;; esac; "
    r"""[ -z "$e" ] || printf '\%s\n' "$e" >&2; exit $r # ocarina-kit"""
)
LISTED_TIMES = (
    f"{TIMES.split()[0]} {','.join(map(str, range(int(TIMES.split()[1].split('-')[0]), 24, 3)))} * * *"
)

REPAIRED = [
    ("the guide's line", f"A=b\n{GUIDE}\n* * * * * x\n", f"A=b\n{GOOD}\n* * * * * x\n"),
    ("the guide's placeholder", f"{T}{{YOUR_OCARINA_PATH}} oauth refresh\n", f"{GOOD}\n"),
    ("what earlier versions wrote", f"# a\n{LISTED_TIMES} {KIT_320}\n# b\n", f"# a\n{GOOD}\n# b\n"),
    ("--quiet", f"{LISTED_TIMES} {KIT} refresh --quiet # ocarina-kit\n", f"{GOOD}\n"),
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
    ("a good line without its line break", f"# x\n{GOOD}", f"# x\n{GOOD}\n"),
    ("added after a line without its break", "# x", f"# x\n{GOOD}\n"),
    ("another's", f"{T}{OCARINA} --env oauth refresh\n", f"{T}{OCARINA} --env oauth refresh\n{GOOD}\n"),
    ("a quoted ~", f'{T}OCARINA_CONF_FILE="~/.ocarina" {OCARINA} oauth refresh\n# x', f"{GOOD}\n# x"),
    ("a quoted ~ beside", f'{T}OCARINA_CONF_FILE="~/.ocarina" {OCARINA} oauth refresh\n{GOOD}\n', f"{GOOD}\n"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "before", "expected"), REPAIRED, ids=[row[0] for row in REPAIRED])
def test_repairs_in_place(name: str, before: str, expected: str) -> None:
    assert after(before) == expected
    assert plan(before).begins is (name in ("another's", "added after a line without its break"))


def test_own_times_of_a_marked_line_are_kept_unless_others_are_given() -> None:
    own = GOOD.replace(TIMES, "3 */2 * * *")
    assert after(own + "\n") == own + "\n"
    assert after(own.replace("/opt", "/old") + "\n") == own + "\n"
    assert after(own + "\n", times=TIMES) == GOOD + "\n"
    # Too rare, or no times at all: not kept.
    assert after(GOOD.replace(TIMES, "3 3 * * *") + "\n") == GOOD + "\n"
    assert after(GOOD.replace(TIMES, "0 22-2 * * *") + "\n") == GOOD + "\n"
    # A person's own line is not the kit's: its minute 0 goes.
    assert after(f"0 */3 * * * {OCARINA} oauth refresh\n") == GOOD + "\n"


def test_runners_are_changed_into_each_other() -> None:
    client = build_line(GROUND, TIMES, runner="client")
    assert after(GOOD + "\n", runner="client") == client + "\n"
    assert after(client + "\n") == GOOD + "\n"
    # Times that are too rare for the client are not kept for it.
    rare = GOOD.replace(TIMES, "5 0,8,16 * * *")
    assert after(rare + "\n") == rare + "\n"
    assert plan(rare + "\n", runner="client").line.startswith(TIMES)


def test_without_a_client_the_kit_runs_alone() -> None:
    ground = GROUND._replace(client=None)
    assert after(GUIDE + "\n", ground) == f"{TIMES} {KIT} refresh --cron # ocarina-kit\n"


def test_a_commented_out_entry_needs_a_yes() -> None:
    text = f"# x\n# {GUIDE}\n#{GUIDE}\n"
    made = plan(text)
    assert made.outcome == "switched off"
    assert made.after.render().decode() == text
    assert made.line == GOOD
    assert [entry.number for entry in made.entries.off] == [2, 3]
    assert after(text, switch_on=True) == f"# x\n{GOOD}\n#{GUIDE}\n"
    assert plan(text, switch_on=True).edits[0].what == "switch on"
    assert plan(text, switch_on=True).begins


def test_each_profile_and_config_has_a_line_of_its_own() -> None:
    both = after(after("# x\n"), TEST)
    assert both == f"# x\n{GOOD}\n{build_line(TEST, TIMES)}\n"
    assert [call.profile for entry in plan(both).entries.others for call in entry.calls] == ["test", "test"]
    other = f"5 */2 * * * OCARINA_CONF_FILE=/data/c.json {OCARINA} oauth refresh\n"
    assert after(other) == f"{other}{GOOD}\n"
    removed = plan_removal(Crontab.parse(encode(both)), TEST)
    assert removed.after.render().decode() == f"# x\n{GOOD}\n"


def test_paths_that_mean_one_file_are_one_set_up() -> None:
    text = f"0 */3 * * * OCARINA_CONF_FILE=/home/u/dotfiles/ocarina {OCARINA} oauth refresh\n"
    found = entries(Crontab.parse(encode(text)), "u", HOME)
    assert mine(found, GROUND).others
    assert mine(found, GROUND, lambda path: path.replace("/.ocarina", "/dotfiles/ocarina")).own


@pytest.mark.parametrize(
    "text",
    [
        f"0 */6 * * * {OCARINA} oauth refresh && /home/u/bin/upload.sh\n",
        # Two profiles in one line are two set-ups' work.
        f"0 */6 * * * {OCARINA} oauth refresh; {OCARINA} --profile test oauth refresh\n",
    ],
)
def test_a_line_with_work_of_its_own_is_never_changed(text: str) -> None:
    made = plan(text)
    assert (made.outcome, len(made.entries.mixed), made.line) == ("mixed", 1, GOOD)
    assert made.after.render().decode() == text
    assert plan_removal(Crontab.parse(encode(text)), GROUND).outcome == "mixed"


def test_a_shell_that_reads_no_sh_is_avoided() -> None:
    text = f"MAILTO=me\nSHELL=/bin/csh\nA=b\n{GUIDE}\n* * * * * x\n"
    assert after(text) == f"MAILTO=me\n{GOOD}\nSHELL=/bin/csh\nA=b\n* * * * * x\n"
    assert after("SHELL=/bin/csh\n") == f"{GOOD}\nSHELL=/bin/csh\n"
    assert after("SHELL=/bin/bash\nSHELL=fish\n# x") == f"SHELL=/bin/bash\n{GOOD}\nSHELL=fish\n# x"
    assert after("SHELL=/bin/csh\nSHELL=/bin/sh\n").endswith(f"SHELL=/bin/sh\n{GOOD}\n")
    gone = f"SHELL=/opt/gone/bash\n{GUIDE}\n"
    assert after(gone, gone_shells={"/opt/gone/bash"}) == f"{GOOD}\nSHELL=/opt/gone/bash\n"


def test_a_home_line_is_corrected_within_the_line() -> None:
    made = plan(f"HOME=/data\n{GUIDE}\n")
    assert made.line == build_line(GROUND, TIMES, {"HOME": "/data"})
    (entry,) = entries(made.after, "u", HOME)
    assert not hazards(made.after, entry, HOME)
    # HOME on the line itself means another's set-up.
    assert len(plan(f"0 0 * * * HOME=/data {OCARINA} oauth refresh\n").entries.others) == 1


def test_removal() -> None:
    text = f"# x\n{GUIDE}\n\n{GOOD}\n# {GUIDE}\nlast"
    made = plan_removal(Crontab.parse(encode(text)), GROUND)
    assert made.after.render().decode() == f"# x\n\n# {GUIDE}\nlast"
    assert [(edit.what, edit.number) for edit in made.edits] == [("remove", 2), ("remove", 4)]
    assert plan_removal(made.after, GROUND).outcome == "unchanged"


def test_edits_are_numbered_as_in_the_crontab_as_it_was() -> None:
    made = plan(f"{GUIDE}\n# x\n{GOOD.replace('/opt', '/old')}\n{GUIDE}\n")
    assert [(edit.what, edit.number) for edit in made.edits] == [("remove", 1), ("replace", 3), ("remove", 4)]
    assert made.after.render().decode() == f"# x\n{GOOD}\n"


@pytest.mark.parametrize("options", [{"times": "0 0\n"}, {"ground": GROUND._replace(client="ocarina")}])
def test_no_line_no_plan(options: dict[str, Any]) -> None:
    with pytest.raises(KitError) as refused:
        plan("", **options)
    assert refused.value.id == "CRN007"


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
    encode(f"1 1 * * * {KIT_320}"),
])  # fmt: skip


@given(st.lists(st.one_of(_FOREIGN, _FOREIGN, _OWN), max_size=12), st.booleans())
@settings(max_examples=60, deadline=None)
def test_every_other_line_stays_to_the_byte(lines: list[bytes], ends: bool) -> None:
    raw = b"\n".join(lines) + (b"\n" if ends and lines else b"")
    crontab = Crontab.parse(raw)
    own = {entry.line.at for entry in mine(entries(crontab, "u", HOME), GROUND).own}
    foreign = [line.raw for line in crontab.lines if line.at not in own]
    installed = plan_schedule(crontab, GROUND)
    (entry,) = mine(entries(installed.after, "u", HOME), GROUND).own
    assert [line.raw for line in installed.after.lines if line.at != entry.line.at] == foreign
    again = plan_schedule(installed.after, GROUND)
    assert (again.outcome, again.after) == ("unchanged", installed.after)
    assert hazards(installed.after, entry, HOME, by_path=False) == []
    removed = plan_removal(installed.after, GROUND)
    assert [line.raw for line in removed.after.lines] == foreign


def test_thousands_of_lines() -> None:
    text = f"A=b\n*/5 * * * * /usr/bin/true {'x' * 60}\n# ocarina oauth refresh\n" * 1_000 + f"{GUIDE}\n"
    assert plan(text).after.render().decode() == text.replace(GUIDE, GOOD)
    assert plan(f"{GUIDE}\n" * 1_000).after.render().decode() == GOOD + "\n"


# --- hazards -----------------------------------------------------------------------------------------------


def found(text: str) -> list[tuple[int, str]]:
    crontab = Crontab.parse(encode(text))
    (entry,) = entries(crontab, "u", HOME)
    return hazards(crontab, entry, HOME, ("/opt/gone/bash",))


@pytest.mark.parametrize(
    "text",
    [
        GUIDE,
        f"{T}cd $HOME && {OCARINA} oauth refresh >> ~/log 2>&1",
        rf"{T}{OCARINA} oauth refresh >> log-$(date +\%F)",
        f"{T}{OCARINA} oauth refresh # 100% good",
        rf"{T}{OCARINA} oauth refresh > \%\% # 100% good",
        f"{T}~/bin/ocarina oauth refresh",
        f"PATH=/opt/bin:/usr/bin:/bin\n{T}ocarina oauth refresh",
        f'SHELL=/bin/bash\nPATH=/opt/bin:/usr/bin:/bin\nHOME=/home/u/\nMAILTO=""\n{GUIDE}',
        f"{GUIDE}\nSHELL=/bin/false\nHOME=/x\nPATH=/x",
        f"HOME=/x\nHOME=/home/u\n{GUIDE}",
        f"PATH=/opt\n{T}PATH=/usr/bin:/bin {OCARINA} oauth refresh",
    ],
)
def test_lines_that_cron_runs(text: str) -> None:
    assert found(text + "\n") == []


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (f"{T}{OCARINA} oauth refresh >> log-$(date +%F)\n", 1, "%F"),
        (f"{T}'~/bin/ocarina' oauth refresh\n", 1, "'~/bin/ocarina'"),
        (f"#\nSHELL=/bin/tcsh\n{GUIDE}\n", 2, "/bin/tcsh is not a shell"),
        (f"SHELL=bash\n{GUIDE}\n", 1, "bash"),
        (f"SHELL=/opt/gone/bash\n{GUIDE}\n", 1, "does not exist"),
        (f"HOME=/data\n{GUIDE}\n", 1, "/data"),
        (f"HOME=~\n{GUIDE}\n", 1, "~"),
        (f"PATH=/opt\n{GUIDE}\n", 1, "/usr/bin"),
        (f"{GUIDE} 'open\n", 1, "never closed"),
        (f"{GUIDE} # {'x' * 1000}\n", 1, "998"),
        (f"# x\n{GUIDE}", 2, "line break"),
    ],
)
def test_lines_that_cron_breaks(text: str, line: int, words: str) -> None:
    ((number, what),) = found(text)
    assert number == line
    assert words in what


@pytest.mark.parametrize("runner", ["kit-first", "client"])
@pytest.mark.parametrize(
    "above", ["", "HOME=/data\n", "PATH=/x\n", "OCARINA_CONF_FILE=/y\n", "XDG_STATE_HOME=/z\n"]
)
def test_a_built_line_has_none_whatever_is_above_it(runner: str, above: str) -> None:
    ground = GROUND._replace(client="/o/100% 'é'/ocarina", profile="a%b")
    assert found(plan(above, ground, runner=runner).after.render().decode()) == []
