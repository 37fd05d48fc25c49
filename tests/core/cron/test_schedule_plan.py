"""What ``schedule`` proposes, from facts alone: times, runner, cautions, and what a person must do first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timezone

import pytest

from ocarina_kit.core.client.resolution import Candidate, Place, State, Version
from ocarina_kit.core.cron.cronline import Carried, LineError, Omission, OmissionKind, Runner
from ocarina_kit.core.cron.cronplan import EditKind, Outcome
from ocarina_kit.core.cron.cronspread import Every, UnusableScheduleError
from ocarina_kit.core.cron.crontab_read import CrontabRead, ReadOutcome
from ocarina_kit.core.cron.crontime import Schedule
from ocarina_kit.core.cron.own_program import OwnProgram, choose, in_temporary_folder
from ocarina_kit.core.cron.schedule_facts import ScheduleFacts
from ocarina_kit.core.cron.schedule_plan import Proposal, as_diff, gap_text, propose, times_text
from ocarina_kit.core.cron.schedule_wish import Wish, read_wish
from ocarina_kit.core.cron.wanted_line import Ground
from ocarina_kit.core.errors import KitError, UsageError

HOME = "/home/u"
OCARINA = "/opt/o/bin/ocarina"
CLIENT = Candidate(OCARINA, OCARINA, Place.CONDA, "the conda environment o", State.MAJORA, Version((1, 0, 0)))
GROUND = Ground(
    "u", "node1", HOME, f"{HOME}/.ocarina", "https://majora.test/", (f"{HOME}/k/bin/ocarina-kit",)
)
GUIDE = f"0 0,6,12,18 * * * {OCARINA} oauth refresh\n"


def facts(crontab: str = "", ground: Ground = GROUND) -> ScheduleFacts:
    read = CrontabRead(ReadOutcome.CRONTAB, crontab.encode())
    return ScheduleFacts(now=1.8e9, zone=timezone.utc, ground=ground, crontab=read)


def proposed(
    crontab: str = "",
    wish: Wish | None = None,
    client: Candidate = CLIENT,
    *,
    ground: Ground = GROUND,
    tokens: str = f"{HOME}/.ocarina-tokens",
) -> Proposal:
    return propose(facts(crontab, ground), wish or Wish(), client, tokens_file=tokens)


def test_a_line_of_its_own_times() -> None:
    made = proposed("# x\n")
    assert made.plan.after.render().decode() == f"# x\n{made.line}\n"
    assert made.begins
    assert made.schedule.minutes[0] > 0
    assert made.gap.minutes == 240
    assert proposed("").line == made.line
    other_host = replace(GROUND, host="node2")
    assert proposed("", ground=other_host).schedule.text != made.schedule.text


def test_times_that_a_person_gave() -> None:
    own = proposed("", Wish(cron="5 */2 * * *")).line + "\n"
    assert own.startswith("5 */2 * * * ")
    # Kept by a later run without times, changed by one with them.
    assert proposed(own).plan.outcome is Outcome.UNCHANGED
    assert proposed(own, Wish(every=Every(180))).line == proposed("").line
    assert proposed(own, Wish(cron="6 */2 * * *")).line.startswith("6 */2 ")


def test_a_nine_hour_gap_is_refused_at_the_end_of_summer_time() -> None:
    with pytest.raises(UnusableScheduleError) as refused:
        proposed("", Wish(every=Every(540)))
    assert refused.value.id == "CRN005"
    assert "summer time" in refused.value.why


def test_times_too_rare_for_the_client_are_not_kept_for_it() -> None:
    rare = proposed("", Wish(cron="5 0,8,16 * * *")).line + "\n"
    assert proposed(rare).plan.outcome is Outcome.UNCHANGED
    made = proposed(rare, Wish(runner=Runner.CLIENT))
    assert made.schedule.text == proposed("").schedule.text
    assert not made.cautions
    # Asked for, they are taken, and a caution is said.
    (caution,) = proposed("", Wish(runner=Runner.CLIENT, cron="5 0,8,16 * * *")).cautions
    assert caution.id == "CRN005"


@pytest.mark.parametrize(
    ("crontab", "kinds", "begins"),
    [
        ("", [EditKind.ADD], True),
        (GUIDE, [EditKind.REPLACE], False),
        (GUIDE + GUIDE, [EditKind.REPLACE, EditKind.REMOVE], False),
        (f"# {GUIDE}", [EditKind.SWITCH_ON], True),
        # A config behind a quoted ~ is never read: it was meant as this one's (CRN007).
        (f'0 * * * * OCARINA_CONF_FILE="~/.ocarina" {OCARINA} oauth refresh\n', [EditKind.ADD, EditKind.REMOVE], False),
    ],
)  # fmt: skip
def test_what_is_changed(crontab: str, kinds: list[EditKind], begins: bool) -> None:
    made = proposed(crontab)
    assert sorted(edit.kind.value for edit in made.plan.edits) == sorted(kind.value for kind in kinds)
    assert made.begins is begins
    assert proposed(made.plan.after.render().decode()).plan.outcome is Outcome.UNCHANGED


def test_numbers_of_edits_are_those_of_the_crontab_as_it_was() -> None:
    stray = f'0 * * * * OCARINA_CONF_FILE="~/.ocarina" {OCARINA} oauth refresh\n'
    made = proposed(f"{stray}# x\n{GUIDE}")
    assert [(edit.kind, edit.number) for edit in made.plan.edits] == [
        (EditKind.REMOVE, 1),
        (EditKind.REPLACE, 3),
    ]
    assert made.plan.after.render().decode() == f"# x\n{made.line}\n"


def test_the_change_as_a_diff() -> None:
    made = proposed(f"# x\n{GUIDE}{GUIDE}* * * * * theirs\n")
    assert as_diff(made.plan).splitlines() == [
        "--- crontab (now)",
        "+++ crontab (then)",
        "@@ line 2 @@",
        f"-{GUIDE.strip()}",
        f"+{made.line}",
        "@@ line 3 @@",
        f"-{GUIDE.strip()}",
    ]
    assert "line break" in as_diff(proposed("# x").plan)


def test_a_line_with_other_work_is_a_persons() -> None:
    mixed = f"0 * * * * /opt/backup && {OCARINA} oauth refresh\n"
    made = proposed(mixed)
    assert made.plan.outcome is Outcome.MIXED
    assert made.line.endswith("# ocarina-kit")
    assert made.job.line.text == made.line
    (caution,) = proposed(GUIDE + mixed).cautions
    assert (caution.id, "Line 2" in caution.text) == ("CRN003", True)


def test_the_job_sees_the_variables_above_its_place() -> None:
    job = proposed("HTTPS_PROXY=http://p:1\nMAILTO=me\n").job
    assert job.variables == {"HTTPS_PROXY": "http://p:1", "MAILTO": "me"}
    assert job.number == 3


# --- cautions ----------------------------------------------------------------------------------------------


def test_an_old_client_is_named() -> None:
    old = replace(CLIENT, version=Version((0, 36, 1)))
    (caution,) = proposed("", client=old).cautions
    assert caution.id == "ENV004"
    assert caution.remedy.commands == ("ocarina-kit install-client",)
    assert not proposed("", client=replace(CLIENT, version=Version((0, 48, 0)))).cautions


@pytest.mark.parametrize(
    ("ground", "tokens", "words"),
    [
        (replace(GROUND, profile="test"), f"{HOME}/.ocarina-tokens", "the profile"),
        (replace(GROUND, config="/data/c"), f"{HOME}/.ocarina-tokens", "the configuration"),
        (GROUND, "/data/t", "the tokens file"),
        (replace(GROUND, config="/c", profile="x"), "/t", "the configuration, the profile and the tokens file"),
    ],
)  # fmt: skip
def test_a_client_that_reads_no_such_set_up(ground: Ground, tokens: str, words: str) -> None:
    old = replace(CLIENT, version=Version((0, 46, 0)))
    (caution,) = proposed("", client=old, ground=ground, tokens=tokens).cautions
    assert caution.id == "SCH003"
    assert f"no notice of {words} of" in caution.text
    with pytest.raises(KitError) as refused:
        proposed("", Wish(runner=Runner.CLIENT), old, ground=ground, tokens=tokens)
    assert refused.value.id == "SCH003"


def test_a_client_that_needs_this_shell() -> None:
    here = replace(CLIENT, stands_on=False, detail="runs in this shell's environment, but not in cron's")
    (caution,) = proposed("", client=here).cautions
    assert caution.id == "CRN004"
    with pytest.raises(KitError) as refused:
        proposed("", Wish(runner=Runner.CLIENT), here)
    assert refused.value.id == "CRN004"


def test_a_password_is_not_carried_and_that_is_said() -> None:
    carried = Carried({"NO_PROXY": "x"}, (Omission("HTTPS_PROXY", OmissionKind.PROXY_PASSWORD),))
    made = proposed("", ground=replace(GROUND, carried=carried))
    (caution,) = made.cautions
    assert (caution.id, "HTTPS_PROXY holds a password" in caution.text) == ("ENV006", True)
    assert "NO_PROXY=x" in made.line
    assert "HTTPS_PROXY" not in made.line


def test_a_line_that_cron_cannot_take() -> None:
    with pytest.raises(LineError):
        proposed("", ground=replace(GROUND, carried=Carried({"NO_PROXY": "x" * 1000})))


# --- the options -------------------------------------------------------------------------------------------


def test_the_options_as_typed() -> None:
    assert read_wish(every=None, cron=None, runner=None, ocarina=None) == Wish()
    wish = read_wish(every="2h", cron=None, runner="client", ocarina="o")
    assert wish == Wish(Every(120), None, Runner.CLIENT, "o")
    # Blanks in a row are one: other readers of crontabs stumble over them.
    assert read_wish(every=None, cron=" 5\t */2  * * * ", runner=None, ocarina=None).cron == "5 */2 * * *"


@pytest.mark.parametrize(
    ("options", "id"),
    [
        ({"every": "3h", "cron": "5 * * * *"}, "USE001"),
        ({"runner": "kit"}, "USE001"),
        ({"every": "90m"}, "USE001"),
        ({"every": "25h"}, "CRN005"),
        ({"cron": "61 * * * *"}, "CRN005"),
        ({"cron": "0 0 * * *"}, "CRN005"),
    ],
)
def test_options_that_are_refused(options: dict[str, str], id: str) -> None:
    given: dict[str, str | None] = {"every": None, "cron": None, "runner": None, "ocarina": None, **options}
    with pytest.raises(UsageError) as refused:
        read_wish(**given)
    assert refused.value.id == id


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        ("17 1,4 * * *", "01:17, 04:17"),
        ("5,35 * * * *", "every 30 minutes, from 00:05"),
        ("5,6 * * * *", "48 times a day, from 00:05 to 23:06"),
    ],
)
def test_times_in_words(schedule: str, text: str) -> None:
    assert times_text(Schedule.parse(schedule)) == text


def test_gaps_in_words() -> None:
    assert gap_text(proposed().gap) == "3 h (4 h when summer time ends)"
    assert gap_text(proposed("", Wish(cron="*/5 * * * *")).gap) == "5 min"


# --- the kit's own path ------------------------------------------------------------------------------------


def program(path: str, there: bool = True, real: str | None = None) -> OwnProgram:
    return OwnProgram((path,), real or path, there)


def test_the_kit_that_stays() -> None:
    own = program("/opt/k/bin/ocarina-kit")
    assert choose([own, program("/usr/bin/ocarina-kit")]) is own
    module = OwnProgram(("/opt/k/bin/python", "-m", "ocarina_kit"), "/usr/bin/python3.11")
    assert choose([program("/opt/k/bin/ocarina-kit", there=False), module]) is module


@pytest.mark.parametrize(
    "passing",
    [
        program("/home/u/.cache/uv/archive-v0/xyz/bin/ocarina-kit"),
        program("/home/u/.cache/uv/builds-v0/.tmp1/bin/ocarina-kit"),
        program("/home/u/.local/share/pipx/.cache/1a2b/bin/ocarina-kit"),
        program("/home/u/bin/ocarina-kit", real="/home/u/.cache/uv/archive-v0/xyz/bin/ocarina-kit"),
        program("/home/u/.pyenv/shims/ocarina-kit"),
        program("/tmp/pip-build-env-x1/overlay/bin/ocarina-kit"),
    ],
)
def test_a_kit_that_passes_is_not_named_where_another_stays(passing: OwnProgram) -> None:
    stays = program(
        "/home/u/.local/bin/ocarina-kit", real="/home/u/.local/share/uv/tools/ocarina-kit/bin/ocarina-kit"
    )
    assert not passing.stands_on
    assert choose([passing, stays]) is stays
    assert choose([passing]) is passing
    assert choose([]) is None


def test_temporary_folders() -> None:
    folders = ("/tmp", "/var/tmp")
    assert in_temporary_folder("/tmp/venv/bin/ocarina-kit", "/home/u", folders)
    assert not in_temporary_folder("/tmp/venv/bin/ocarina-kit", "/tmp/home", folders)
    assert not in_temporary_folder("/tmpfs/k", "/home/u", folders)
