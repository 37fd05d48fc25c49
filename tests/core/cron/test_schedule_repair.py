"""schedule_repair.py: how long a client line may be missed; refresh_history.py: whose refresh it was."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.core.cron.cronruns import longest_gap
from ocarina_kit.core.cron.crontime import Schedule
from ocarina_kit.core.cron.schedule_repair import spans_a_life
from ocarina_kit.core.tokens.refresh_history import judge_run, other_hosts, refreshed_elsewhere
from ocarina_kit.core.tokens.refresh_log import LogEntry, Result
from ocarina_kit.core.tokens.token_file import TokenEntry, TokenFile

NOW = 1_800_000_000.0
H = 3600.0


@pytest.mark.parametrize(
    ("times", "spans"),
    [
        ("0 */3 * * *", False),
        ("0 */4 * * *", False),
        ("0 */5 * * *", True),
        ("0 0,6,12,18 * * *", True),
        ("0 3 * * *", True),
        ("0 0,12 * * *", True),
        ("0 */3 * * 1-5", True),
        ("*/30 * * * *", False),
        ("@hourly", False),
        ("@reboot", True),
        ("0 0-8,12,16,20 * * *", False),
    ],
)
def test_two_gaps_and_the_end_of_summer_time(times: str, spans: bool) -> None:
    assert spans_a_life(Schedule.parse(times)) is spans


def test_what_cron_refuses_spans_everything() -> None:
    assert spans_a_life(None)


@given(hours=st.sets(st.integers(0, 23), min_size=1), minute=st.integers(0, 59))
def test_two_gaps_are_never_shorter_than_the_longest_and_never_longer_than_twice_it(
    hours: set[int], minute: int
) -> None:
    times = Schedule.parse(f"{minute} {','.join(map(str, sorted(hours)))} * * *")
    gap = longest_gap(times)
    assert gap is not None
    if gap.minutes >= 600:
        assert spans_a_life(times)
    if 2 * (gap.minutes - gap.summer_time_minutes) + 60 < 600:
        assert not spans_a_life(times)


def entry(
    result: Result, hours: float, host: str = "node1", by: str = "refresh", scope: str = "s"
) -> LogEntry:
    return LogEntry(NOW - hours * H, host, by, scope, result, "mark")


def tokens(**born_hours_ago: float) -> tuple[TokenEntry, ...]:
    members = {
        scope: {
            "access_token": "a",
            "refresh_token": "r",
            "expires_in": 36000,
            "expires_at": NOW - hours * H + 36000,
            "scope": [scope],
        }
        for scope, hours in born_hours_ago.items()
    }
    return TokenFile.parse(json.dumps(members).encode()).entries


def test_a_named_host_tells_more_than_a_time() -> None:
    log = [entry(Result.REFRESHED, 20), entry(Result.REFRESHED, 3, "node2")]
    found = refreshed_elsewhere(log, tokens(s=1), host="node1", now=NOW)
    assert found is not None
    assert (found.host, found.when) == ("node2", NOW - 3 * H)


def test_a_clock_that_runs_ahead_elsewhere_is_no_refresh_of_the_future() -> None:
    log = [entry(Result.REFRESHED, 20)]
    assert refreshed_elsewhere(log, tokens(s=-5), host="node1", now=NOW) is None


def test_hosts_that_have_an_entry() -> None:
    log = [
        entry(Result.REFRESHED, 500, "a"),
        entry(Result.LOGGED_IN, 400, "b", by="login"),
        entry(Result.SCHEDULED, 300, "c", by="schedule", scope=""),
        entry(Result.SCHEDULED, 200, "d", by="schedule", scope=""),
        entry(Result.UNSCHEDULED, 100, "d", by="schedule", scope=""),
        entry(Result.REFRESHED, 1, "here"),
    ]
    assert other_hosts(log, host="here") == ("a", "c")


def test_a_run_is_judged_by_what_is_fresh_since() -> None:
    due = NOW - 2 * H
    happened = judge_run(due, [], tokens(s=1.9), host="node1", now=NOW)
    assert (happened.happened, happened.failed) == (True, ())
    nothing = judge_run(due, [], tokens(s=5), host="node1", now=NOW)
    assert (nothing.happened, nothing.failed) == (False, ())
    failed = judge_run(due, [entry(Result.NETWORK, 1.9)], tokens(s=5), host="node1", now=NOW)
    assert (failed.happened, failed.failed) == (True, (("s", "network"),))
    halfway = judge_run(due, [], tokens(s=1.9, t=5), host="node1", now=NOW)
    assert (halfway.happened, halfway.failed) == (True, (("t", ""),))


def test_without_a_token_that_can_be_refreshed_no_run_is_missed() -> None:
    assert judge_run(NOW - 2 * H, [], (), host="node1", now=NOW).happened


def test_what_was_logged_out_is_not_missed() -> None:
    log = [entry(Result.REFUSED_TOKEN, 1.9, scope="gone"), entry(Result.LOGGED_OUT, 1, scope="gone")]
    assert judge_run(NOW - 2 * H, log, tokens(s=1.9), host="node1", now=NOW).failed == ()
