"""The verdict on a line that was run once, and who refreshed last: told by the tokens' own times."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePath

import pytest

from ocarina_kit.core.cron.crontab import Crontab
from ocarina_kit.core.cron.refreshjob import RefreshJob, refresh_jobs
from ocarina_kit.core.cron.schedule_trial import Ran, Verdict, judge, without_tracebacks
from ocarina_kit.core.errors import Exit
from ocarina_kit.core.setup import Place
from ocarina_kit.core.tokens.last_refresh import LastRefresh, newest_refresh
from ocarina_kit.core.tokens.refresh_log import LogEntry, Result
from ocarina_kit.core.tokens.token_file import TokenEntry, TokenFile

NOW = 1_800_000_000.4
KIT_FIRST = "0 * * * * /k/ocarina-kit refresh --quiet || /o/ocarina -q oauth refresh"
CLIENT = "0 * * * * /o/ocarina oauth refresh"
PLACE = Place(PurePath("/home/u/.ocarina"))
OURS = LogEntry(int(NOW) + 1, "node1", "refresh", "a", Result.REFRESHED, "m")


def job(line: str) -> RefreshJob:
    (found,) = refresh_jobs(Crontab.parse(f"{line}\n".encode()), "u", "/home/u")
    return found


def tokens(ages: Mapping[str, float], *, lost: str = "") -> tuple[TokenEntry, ...]:
    """Entries by scope; ``ages`` in seconds before the run began."""
    members = {
        scope: {
            "access_token": f"a{age}", "expires_in": 36000, "scope": [scope], "expires_at": NOW - age + 36000,
            **({} if scope == lost else {"refresh_token": f"r{age}"}),
        }
        for scope, age in ages.items()
    }  # fmt: skip
    return TokenFile.parse(json.dumps(members).encode()).entries


def verdict(
    line: str,
    before: Mapping[str, float],
    after: Mapping[str, float],
    *,
    code: int | None = 0,
    output: str = "",
    error: str = "",
    log: tuple[LogEntry, ...] = (OURS,),
    lost: str = "",
) -> Verdict:
    ran = Ran(code, error, output, NOW, NOW + 5)
    return judge(
        job(line), ran, before=tokens(before), after=tokens(after, lost=lost), log=log, host="node1", place=PLACE
    )  # fmt: skip


def test_all_are_fresh() -> None:
    found = verdict(KIT_FIRST, {"a": 40000, "b": 100}, {"a": -1, "b": -2})
    assert (found.fresh, found.stale, found.by, found.error) == (("a", "b"), (), "ocarina-kit", None)
    assert found.until == pytest.approx(NOW + 36001)
    assert not found.notes


def test_the_client_stepped_in() -> None:
    found = verdict(KIT_FIRST, {"a": 100}, {"a": -1}, log=())
    assert (found.by, found.error) == ("the client", None)
    assert "did not start" in found.notes[0]
    assert not verdict(CLIENT, {"a": 100}, {"a": -1}, log=()).notes


def test_fresh_tokens_count_for_more_than_an_exit_code() -> None:
    found = verdict(KIT_FIRST, {"a": 100}, {"a": -1}, code=1)
    assert found.error is None
    assert "exit code 1" in found.notes[0]


@pytest.mark.parametrize(
    ("line", "code", "output", "exit", "id"),
    [
        (KIT_FIRST, 0, "", Exit.PROBLEM, "CRN008"),
        (KIT_FIRST, 1, "ocarina-kit [CRD001]: no", Exit.PROBLEM, "CRD001"),
        (KIT_FIRST, 4, "ocarina-kit [TOK005]: no", Exit.LOGIN, "TOK005"),
        (KIT_FIRST, 5, "", Exit.UNKNOWN, "CRN008"),
        (CLIENT, 1, "EOFError", Exit.PROBLEM, "CRN008"),
        (CLIENT, 5, "", Exit.PROBLEM, "CRN008"),
        (CLIENT, 69, "", Exit.UNKNOWN, "CRN008"),
        (CLIENT, 75, "", Exit.UNKNOWN, "CRN008"),
        (KIT_FIRST, None, "", Exit.PROBLEM, "CRN008"),
    ],
)
def test_nothing_was_refreshed(line: str, code: int | None, output: str, exit: Exit, id: str) -> None:
    error = verdict(line, {"a": 100}, {"a": 100}, code=code, output=output, error="timed out").error
    assert error is not None
    assert (error.exit, error.id) == (exit, id)
    assert error.remedy.commands
    assert ("timed out" in error.why) is (code is None)


def test_some_were_not_refreshed() -> None:
    found = verdict(KIT_FIRST, {"a": 100, "b": 100}, {"a": -1, "b": 100}, code=1)
    assert (found.fresh, found.stale) == (("a",), ("b",))
    assert found.error is not None
    assert found.error.exit is Exit.PROBLEM
    # One that has no refresh token needs a person.
    alone = verdict(KIT_FIRST, {"a": 100, "b": 100}, {"a": -1, "b": 100}, code=1, lost="b").error
    assert alone is not None
    assert alone.exit is Exit.LOGIN


def test_a_line_for_some_tokens_only() -> None:
    line = "0 * * * * /k/ocarina-kit refresh --within 2h"
    found = verdict(line, {"a": 100}, {"a": 100})
    assert found.error is None
    assert "--within" in found.notes[0]


def test_an_expired_token_is_nothing_for_the_client_alone() -> None:
    error = verdict(CLIENT, {"a": 40000}, {"a": 40000}, code=1).error
    assert error is not None
    assert error.remedy.commands == ("ocarina-kit refresh", "ocarina-kit schedule")


def test_tracebacks_are_cut_to_what_they_say() -> None:
    text = 'hello\nTraceback (most recent call last):\n  File "x", line 1, in y\n    z()\nEOFError: end\nbye'
    assert without_tracebacks(text) == "hello\nEOFError: end  (the end of a Python traceback)\nbye"
    assert without_tracebacks("Traceback (most recent call last):\n") == "  (the end of a Python traceback)"
    assert without_tracebacks("all well\n") == "all well\n"


def test_no_token_at_all() -> None:
    error = verdict(CLIENT, {}, {}).error
    assert error is not None
    assert (error.id, error.exit) == ("TOK001", Exit.LOGIN)
    gone = verdict(KIT_FIRST, {"a": 100}, {}, code=4).error
    assert gone is not None
    assert "a" in gone.what


# --- the last refresh --------------------------------------------------------------------------------------


def test_the_last_refresh() -> None:
    log = [
        LogEntry(int(NOW - 7200), "node2", "refresh", "a", Result.REFRESHED, "m"),
        LogEntry(int(NOW - 3600), "node1", "login", "b", Result.LOGGED_IN, "m"),
    ]
    both = tokens({"a": 7200, "b": 3600})
    assert newest_refresh(both, log, mark="m", now=NOW) == LastRefresh(
        pytest.approx(NOW - 3600), "node1", "login"
    )
    # By the client: the log does not know it.
    assert newest_refresh(tokens({"a": 60}), log, mark="m", now=NOW) == LastRefresh(pytest.approx(NOW - 60))
    # Without a token only the log knows.
    assert newest_refresh((), log, mark="m", now=NOW) == LastRefresh(int(NOW - 3600), "node1", "login")
    assert newest_refresh((), [], mark="m", now=NOW) is None
