"""The time fields, as cron reads them."""

from __future__ import annotations

import subprocess
from datetime import date
from pathlib import Path
from shutil import which

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocarina_kit.core.cron.crontime import BadScheduleError, QuirkKind, Schedule


@pytest.mark.parametrize(
    ("text", "minutes", "hours"),
    [
        ("0 0,6,12,18 * * *", (0,), (0, 6, 12, 18)),
        ("*/20 1-9/3 * * *", (0, 20, 40), (1, 4, 7)),
        ("5,4,5 * * * *", (4, 5), tuple(range(24))),
        ("007 007 * * *", (7,), (7,)),
        ("*/60 * * * *", (0,), tuple(range(24))),
        ("0 */24 * * *", (0,), (0,)),
        ("0-59/100 3 * * *", (0,), (3,)),
        ("\t1 \t2\t*\t* *", (1,), (2,)),
        ("@hourly", (0,), tuple(range(24))),
        ("@midnight", (0,), (0,)),
    ],
)
def test_minutes_and_hours(text: str, minutes: tuple[int, ...], hours: tuple[int, ...]) -> None:
    schedule = Schedule.parse(text)
    assert (schedule.minutes, schedule.hours) == (minutes, hours)
    assert not schedule.quirks


def test_months_and_weekdays_go_by_name_and_number() -> None:
    named = Schedule.parse("0 0 * jan,MAR-apr mon-Wed,sun")
    assert named.months == {1, 3, 4}
    assert named.weekdays == {0, 1, 2, 3}
    assert Schedule.parse("0 0 * * 7").weekdays == Schedule.parse("0 0 * * 0").weekdays == {0}
    assert Schedule.parse("0 0 * * fri-7").weekdays == {5, 6, 0}


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        ("60 * * * *", "minute", "not between 0 and 59"),
        ("* 24 * * *", "hour", "not between 0 and 23"),
        ("* * 0 * *", "day of month", "not between 1 and 31"),
        ("* * * 13 *", "month", "not between"),
        ("* * * * 8", "day of week", "not between"),
        ("* * * January *", "month", "three letters"),
        ("mon * * * *", "minute", "no number"),
        ("5/10 * * * *", "minute", "a step stands after"),
        ("*/0 * * * *", "minute", "step of 0"),
        ("*/x * * * *", "minute", "a step is a number"),
        ("1- * * * *", "minute", "no end"),
        ("1, * * * *", "minute", "ends in a comma"),
        (",1 * * * *", "minute", "cannot stand here"),
        ("1,,2 * * * *", "minute", "cannot stand here"),
        ("~ * * * *", "minute", "cannot stand here"),
        ("* * ? * *", "day of month", "other schedulers"),
        ("* * * *", "", "4 fields"),
        ("* * * * * *", "", "6 fields"),
        ("", "", "empty"),
        ("@never", "", "cron knows"),
        ("@DAILY", "", "cron knows"),
        ("@daily 3", "", "stands alone"),
        ("9" * 5000 + " * * * *", "minute", "not between"),
    ],
)
def test_refusals_name_the_field_and_the_reason(text: str, field: str, words: str) -> None:
    with pytest.raises(BadScheduleError) as refused:
        Schedule.parse(text)
    assert refused.value.field == field
    assert words in refused.value.reason
    assert len(refused.value.reason) < 200


@pytest.mark.parametrize(
    ("text", "kind", "part"),
    [
        ("0 22-2 * * *", QuirkKind.REVERSED, "22-2"),
        ("0 0 * * sat-sun", QuirkKind.REVERSED, "sat-sun"),
        ("5;30 * * * *", QuirkKind.IGNORED, ";30"),
        ("*-5 * * * *", QuirkKind.IGNORED, "-5"),
        ("1-5-7 * * * *", QuirkKind.IGNORED, "-7"),
        ("0~59 * * * *", QuirkKind.RANDOM, "0~59"),
    ],
)
def test_what_cron_takes_and_hardly_anybody_means(text: str, kind: QuirkKind, part: str) -> None:
    (quirk,) = Schedule.parse(text).quirks
    assert (quirk.kind, quirk.part) == (kind, part)
    assert part in str(quirk)


def test_a_reversed_range_sets_nothing_as_debians_daemon_was_seen_to_do() -> None:
    assert Schedule.parse("0 22-2 * * *").minutes_of_day == ()
    assert Schedule.parse("0 0 * * sat-sun").weekdays == frozenset()


@pytest.mark.parametrize(
    ("text", "day", "runs"),
    [
        # Both restricted: either matches (crontab(5)).
        ("0 0 1 * 1", date(2026, 1, 1), True),
        ("0 0 1 * 1", date(2026, 1, 5), True),
        ("0 0 1 * 1", date(2026, 1, 6), False),
        # One starts with a star, a step behind it or not: both must match.
        ("0 0 */2 * 1", date(2026, 1, 5), True),
        ("0 0 */2 * 1", date(2026, 1, 12), False),
        ("0 0 1 * *", date(2026, 1, 5), False),
        # A range of all days is no star.
        ("0 5 1-31 * 1", date(2026, 1, 6), True),
        ("0 0 29 2 *", date(2028, 2, 29), True),
    ],
)
def test_vixies_day_rule(text: str, day: date, runs: bool) -> None:
    assert Schedule.parse(text).runs_on(day) is runs


_field_text = st.text("0123456789*/-,~;. amonfrijbsu", max_size=8)


@given(st.one_of(st.lists(_field_text, min_size=5, max_size=5).map(" ".join), st.text(max_size=20)))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        schedule = Schedule.parse(text)
    except BadScheduleError:
        return
    assert all(0 <= minute < 1440 for minute in schedule.minutes_of_day)


_CORPUS = [
    "* * * * *", "*/60 * * * *", "0 22-2 * * *", "60 * * * *", "59-61 * * * *", "61-2 * * * *", "5/10 * * * *",
    "5;7 * * * *", "5foo * * * *", "* * * jan *", "* * * January *", "* * * jan-mar *", "* * * * mon-fri",
    "* * * * sat-sun", "* * * * fri-7", "* * 0 * *", "* * * 0 *", "* * * * 7", "* * * * 8", "1,,2 * * * *",
    ",1 * * * *", "1, * * * *", "1- * * * *", "*/0 * * * *", "*/-1 * * * *", "*-5 * * * *", "**/2 * * * *",
    "*,5 * * * *", "5,* * * * *", "@daily", "@DAILY", "@every_minute", "@reboot", "~ * * * *", "0~59 * * * *",
    "-5 * * * *", "+5 * * * *", "007 * * * *", "1" * 20 + " * * * *", "1-5-7 * * * *", "1/2/3 * * * *",
    "*/2/3 * * * *", "mon * * * *", "* * * 1,feb *", "* * ? * *", "H * * * *", "5.5 * * * *", "3-1 * * * *",
    "* 24 * * *", "* * 32 * *", "* * 13-5 * *", "* * * 13-1 *", "*5 * * * *", "*a * * * *", "1a-3 * * * *",
]  # fmt: skip


def test_accepts_what_the_real_crontab_accepts(tmp_path: Path) -> None:
    """``crontab -n`` only checks a file's syntax: it touches no crontab. Other crons lack the option."""
    program = which("crontab", path="/usr/bin:/bin:/usr/local/bin")
    if program is None or not _accepts(program, tmp_path, "* * * * *"):
        pytest.skip("no crontab with -n here")
    for text in _CORPUS:
        try:
            Schedule.parse(text)
            reads = True
        except BadScheduleError:
            reads = False
        assert reads is _accepts(program, tmp_path, text), text


def _accepts(program: str, folder: Path, text: str) -> bool:
    file = folder / "tab"
    file.write_text(f"{text} true\n")
    # The guard of tests/guards lets crontab run only where a test has named a crontab of its own.
    environment = {"PATH": "/usr/bin:/bin", "KIT_TEST_CRONTAB": str(file)}
    done = subprocess.run([program, "-n", file], capture_output=True, check=False, env=environment)
    return done.returncode == 0
