"""Times of a crontab line: read as cron reads them, gaps, runs, and the times that the kit chooses."""

import subprocess
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from shutil import which
from zoneinfo import ZoneInfo

import pytest

from ocarina_kit.schedule import times
from ocarina_kit.system.problem import Exit, KitError

DOMAIN = "https://majora.example.org/"
LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("0 0,6,12,18 * * *", (0, 360, 720, 1080)),
        ("*/20 1-9/8 * * *", (60, 80, 100, 540, 560, 580)),
        ("5,4,5 3 * * *", (184, 185)),
        ("007 007 * * *", (427,)),
        ("*/60 */24 * * *", (0,)),
        ("0-59/100 3 * * *", (180,)),
        ("\t1 \t2\t*\t* *", (121,)),
        ("3-3/2 4 * * *", (243,)),
        ("@midnight", (0,)),
    ],
)
def test_minutes_of_the_day(text: str, runs: tuple[int, ...]) -> None:
    assert times.parse_times(text).runs == runs


REFUSALS = [
    ("60 * * * *", "minute field"),
    ("* * * 13 *", "month field"),
    ("0 22-2 * * *", "backwards"),
    ("0 0 * * sat-sun", "backwards"),
    ("0~59 * * * *", "minute field"),
    # cronsim's own inventions
    ("0 0 L * *", "day of month field"),
    ("0 0 * * 5#2", "day of week field"),
    ("0 0 0 * * *", "none for seconds"),
    ("0 0 12 * * ? *", "five fields"),
    ("0 0 ? * *", "no ?, which is in its day of month field"),
    ("H */3 * * *", "no H, which is in its minute field"),
    ("@every 3h", "cron has no @every: its words are @hourly"),
    ("@Daily", "cron has no @Daily"),
    ("", "five fields"),
    ("@daily 3", "five fields"),
    ("0 0 * * *\n* * * * * rm", "five fields"),
    ("9" * 5000 + " * * * *", "minute field"),
    # cron takes them, and never repeats them
    ("0 0 30 2 *", "never runs"),
    (" @reboot", "host starts"),
]


@pytest.mark.parametrize(("text", "words"), REFUSALS)
def test_refusals_name_the_field(text: str, words: str) -> None:
    with pytest.raises(KitError) as refused:
        times.parse_times(text)
    assert words in refused.value.problem.why
    assert (refused.value.problem.id, refused.value.problem.exit) == (
        "CRN005",
        Exit.USAGE,
    )


_CORPUS = [
    "* * * * *", "*/60 * * * *", "60 * * * *", "59-61 * * * *", "5/10 * * * *", "* * * jan *", "* * * January *",
    "* * * jan-mar *", "* * * * mon-fri", "* * * * fri-7", "* * 0 * *", "* * * 0 *", "* * * * 7", "* * * * 8",
    "1,,2 * * * *", ",1 * * * *", "1, * * * *", "1- * * * *", "*/0 * * * *", "*/-1 * * * *", "*,5 * * * *", "@daily",
    "@DAILY", "@every_minute", "-5 * * * *", "+5 * * * *", "007 * * * *", "mon * * * *", "* * * 1,feb *",
    "* * ? * *", "H * * * *", "3-3/2 * * * *", "* 24 * * *", "* * 32 * *", "1a-3 * * * *",
]  # fmt: skip


def test_accepts_what_the_real_crontab_accepts(tmp_path: Path) -> None:
    """``crontab -n`` only checks a file's syntax: it touches no crontab. Other crons lack the option."""
    program, file = (
        which("crontab", path="/usr/bin:/bin:/usr/local/bin"),
        tmp_path / "tab",
    )

    def accepts(text: str) -> bool:
        file.write_text(f"{text} true\n")
        # The guard of tests/guards lets crontab run only where a test has named a crontab of its own.
        environment = {"PATH": "/usr/bin:/bin", "KIT_TEST_CRONTAB": str(file)}
        done = subprocess.run(
            [program or "", "-n", file],
            capture_output=True,
            check=False,
            env=environment,
        )
        return done.returncode == 0

    def reads(text: str) -> bool:
        try:
            return bool(times.parse_times(text))
        except KitError:
            return False

    if program is None or not accepts("* * * * *"):
        pytest.skip("no crontab with -n here")
    assert [text for text in _CORPUS if reads(text) is not accepts(text)] == []


# The times, the longest gap by the clock (the end of summer time makes it an hour longer), where it is, whether one
# missed run lets a token expire, and whether they are refused.
GAPS = [
    ("0 0,6,12,18 * * *", 6 * 60, "between 18:00 and 00:00 the next day", True, False),
    ("0 0,9,18 * * *", 9 * 60, "between 00:00 and 09:00", True, True),
    ("17 1-23/3 * * *", 3 * 60, "between 22:17 and 01:17 the next day", False, False),
    ("0 */4 * * *", 4 * 60, "", False, False),
    ("0 */5 * * *", 5 * 60, "", True, False),
    ("@hourly", 60, "", False, False),
    (
        "0 4,8,12,16,20 * * *",
        8 * 60,
        "between 20:00 and 04:00 the next day",
        True,
        False,
    ),
    ("0 0-8,12,16,20 * * *", 4 * 60, "", False, False),
    ("@daily", 24 * 60, "between 00:00 and 00:00 the next day", True, True),
    ("0 5 1-31 * 1", 24 * 60, "", True, True),
    (
        "0 0-23/2 * * 1-5",
        50 * 60,
        "between 22:00 on Fri 02 Jan and 00:00 on Mon 05 Jan",
        True,
        True,
    ),
    (
        "0 */2 1-30 * *",
        26 * 60,
        "between 22:00 on Fri 30 Jan and 00:00 on Sun 01 Feb",
        True,
        True,
    ),
    (
        "0 0 29 2 *",
        4 * 366 * 24 * 60,
        "between 00:00 on Tue 29 Feb and 00:00 on Wed 03 Mar",
        True,
        True,
    ),
]


@pytest.mark.parametrize(("text", "minutes", "where", "expires", "refused"), GAPS)
def test_the_longest_gap(
    text: str, minutes: int, where: str, expires: bool, refused: bool
) -> None:
    parsed = times.parse_times(text)
    found = times.longest_gap(parsed)
    assert found == (minutes, where or found[1])
    assert refused or times.one_miss_expires(parsed) is expires
    problem = times.gap_problem(parsed)
    assert (bool(problem), found[1] in problem) == (refused, refused)
    summer = "for 10 h between 00:00 and 09:00, on the night when summer time ends"
    assert problem.endswith(summer) is (minutes == 9 * 60)


# zone, times, after (UTC), the next runs (UTC)
RUNS = [
    (
        "UTC",
        "17 2-23/3 * * *",
        "2026-06-01 02:17",
        ["2026-06-01 05:17", "2026-06-01 08:17"],
    ),
    # The hour from 1 to 2 is left out: a job at fixed times runs right after the change, one with * not at all.
    (
        "Europe/London",
        "30 1,5 * * *",
        "2026-03-29 00:00",
        ["2026-03-29 01:00", "2026-03-29 04:30"],
    ),
    (
        "Europe/London",
        "30 */1 * * *",
        "2026-03-29 00:00",
        ["2026-03-29 00:30", "2026-03-29 01:30"],
    ),
    # The hour from 1 to 2 comes twice: a job at fixed times runs once, one with * twice.
    (
        "Europe/London",
        "30 1,5 * * *",
        "2026-10-24 23:00",
        ["2026-10-25 00:30", "2026-10-25 05:30"],
    ),
    (
        "Europe/London",
        "30 1,5 * * *",
        "2026-10-25 01:10",
        ["2026-10-25 05:30", "2026-10-26 01:30"],
    ),
    (
        "Europe/London",
        "30 * * * *",
        "2026-10-24 23:40",
        ["2026-10-25 00:30", "2026-10-25 01:30"],
    ),
    (
        "America/Havana",
        "15 0 * * *",
        "2026-10-31 12:00",
        ["2026-11-01 04:15", "2026-11-02 05:15"],
    ),
]


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


@pytest.mark.parametrize(("zone", "text", "after", "expected"), RUNS)
def test_next_runs(zone: str, text: str, after: str, expected: list[str]) -> None:
    found = islice(
        times.runs(times.parse_times(text), _utc(after).astimezone(ZoneInfo(zone))), 2
    )
    assert [run.astimezone(timezone.utc) for run in found] == [
        _utc(each) for each in expected
    ]


def test_the_last_run() -> None:
    for before, run in (
        ("2026-06-01 04:17", "2026-06-01 01:17"),
        ("2026-06-01 00:00", "2026-05-31 22:17"),
    ):
        assert times.last_run(
            times.parse_times("17 1-22/3 * * *"), _utc(before)
        ) == _utc(run)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("37 2-23/3 * * *", "every 3 hours at :37"),
        ("5 * * * *", "every hour at :05"),
        ("*/30 * * * *", "every 30 minutes"),
        ("17 1,4 * * *", "at 01:17 and 04:17"),
        ("0 9 * * *", "at 09:00"),
        ("5,6 * * * *", "48 times a day"),
        ("20 */3 * * 1-5", "every 3 hours at :20, on some days only"),
    ],
)
def test_times_in_words(text: str, words: str) -> None:
    assert times.in_words(times.parse_times(text)) == words


def test_intervals() -> None:
    for text, minutes in (
        ("180m", 180),
        (" 30 min ", 30),
        ("2 hours", 120),
        ("8H", 480),
    ):
        assert times.parse_every(text) == minutes
    for text in ("90m", "45m", "1m", "25h", "0h", "", "3", "-3h", "\u0663h", "3 days"):
        with pytest.raises(KitError) as refused:
            times.parse_every(text)
        assert (refused.value.problem.id, refused.value.problem.exit) == (
            "USE001",
            Exit.USAGE,
        )


@pytest.mark.parametrize(
    "every", ["2m", "15m", "30m", "1h", "2h", "3h", "4h", "5h", "6h", "7h", "8h"]
)
def test_every_interval_keeps_a_token_valid_and_never_runs_at_minute_0(
    every: str,
) -> None:
    minutes = times.parse_every(every)
    for user in range(10):
        parsed = times.parse_times(
            times.spread(f"user{user}", "node1", DOMAIN, minutes)
        )
        assert times.longest_gap(parsed)[0] == minutes
        assert all(run % 60 for run in parsed.runs)


def test_derived_times_are_stable() -> None:
    """Fixed values: a new release must not move the entries of every user."""
    assert times.spread("alice", "node1", DOMAIN) == "2 0-23/3 * * *"
    assert times.spread("alice", "node1", DOMAIN, 60).endswith(" * * * *")
    assert times.spread("alice", "node1", DOMAIN, 30).split()[1:] == [
        "*",
        "*",
        "*",
        "*",
    ]
    assert (
        len(
            {
                times.spread(user, host, domain)
                for user in "ab"
                for host in "cd"
                for domain in "ef"
            }
        )
        == 8
    )
    assert times.spread("ab", "c", "d") != times.spread(
        "a", "bc", "d"
    )  # parts do not run together
