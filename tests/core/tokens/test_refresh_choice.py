"""core/tokens/refresh_choice.py, core/tokens/token_origin.py and core/tokens/refresh_report.py, over literals."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any

import pytest

from ocarina_kit.core.client.scopes import BY_NAME
from ocarina_kit.core.config.document import ConfigDocument
from ocarina_kit.core.errors import Exit, KitError, Remedy
from ocarina_kit.core.setup import Place
from ocarina_kit.core.tokens.refresh_choice import choose, newer
from ocarina_kit.core.tokens.refresh_log import LogEntry, Result, setup_mark
from ocarina_kit.core.tokens.refresh_report import RefreshReport, ScopeResult, TokenReport, login_command
from ocarina_kit.core.tokens.token_file import TokenFile
from ocarina_kit.core.tokens.token_origin import Origin, origin, sharers

NOW = 1_795_500_000.0
PLACE = Place(PurePath("/home/ann/.ocarina"))
A, B = "majora2.a", "majora2.b majora2.c"


def entry(scope: str = A, *, left: float = 3600, **more: Any) -> dict[str, Any]:
    members = {
        "access_token": "x",
        "expires_in": 36_000,
        "token_type": "Bearer",
        "scope": scope.split(" "),
        "refresh_token": "y",
        "expires_at": NOW + left,
        **more,
    }
    return {name: value for name, value in members.items() if value is not None}


def parsed(entries: dict[str, Any]) -> TokenFile:
    return TokenFile.parse(json.dumps(entries).encode())


def test_all_that_can_be_refreshed_are_due() -> None:
    choice = choose(parsed({A: entry(), B: entry(B, left=-5)}), place=PLACE, now=NOW)
    assert [each.key for each in choice.due] == [A, B]
    assert choice.settled == {}


def test_within_leaves_those_that_live_longer() -> None:
    choice = choose(parsed({A: entry(left=7200), B: entry(B, left=60)}), place=PLACE, now=NOW, within=3600)
    assert [each.key for each in choice.due] == [B]
    assert choice.settled[A].result is ScopeResult.FRESH
    assert [each.key for each in choice.waiting] == [A]


@pytest.mark.parametrize(
    ("value", "within", "result", "exit"),
    [
        (entry(refresh_token=None), None, ScopeResult.NO_REFRESH_TOKEN, Exit.LOGIN),
        (entry(refresh_token=""), None, ScopeResult.NO_REFRESH_TOKEN, Exit.LOGIN),
        (entry(refresh_token=None), 60, ScopeResult.FRESH, Exit.OK),
        (entry(refresh_token=None), 7200, ScopeResult.NO_REFRESH_TOKEN, Exit.LOGIN),
        (3, None, ScopeResult.UNREADABLE, Exit.PROBLEM),
        ({}, None, ScopeResult.UNREADABLE, Exit.PROBLEM),
        (None, 60, ScopeResult.UNREADABLE, Exit.PROBLEM),
    ],
)
def test_what_cannot_be_refreshed_is_known_before_anything_is_sent(
    value: Any, within: float | None, result: ScopeResult, exit: Exit
) -> None:
    choice = choose(parsed({A: value}), place=PLACE, now=NOW, within=within)
    assert choice.due == []
    assert (choice.settled[A].result, choice.settled[A].exit) == (result, exit)


def test_one_without_an_access_token_can_be_healed() -> None:
    choice = choose(parsed({A: entry(access_token=None)}), place=PLACE, now=NOW)
    assert [each.key for each in choice.due] == [A]


def test_a_misplaced_token_never_replaces_the_one_in_its_place() -> None:
    choice = choose(parsed({"elsewhere": entry(A), A: entry(A)}), place=PLACE, now=NOW)
    assert [each.key for each in choice.due] == [A]
    assert choice.settled["elsewhere"].result is ScopeResult.MISPLACED
    # Where nothing stands there, it is refreshed, and moves there.
    choice = choose(parsed({"elsewhere": entry(A)}), place=PLACE, now=NOW)
    assert [each.key for each in choice.due] == ["elsewhere"]


def test_scopes_in_another_order_are_not_misplaced() -> None:
    swapped = "majora2.c majora2.b"
    choice = choose(parsed({B: entry(swapped)}), place=PLACE, now=NOW)
    assert [each.key for each in choice.due] == [B]


@pytest.mark.parametrize(
    ("before", "now_there", "adopted"),
    [
        (entry(left=-5), entry(left=36_000, access_token="new", refresh_token="n"), True),
        (entry(left=-5), entry(left=-5), False),
        (entry(left=-5), entry(left=-1, refresh_token="n"), False),  # no use: it is expired
        (
            entry(left=3600),
            entry(left=60, refresh_token="n"),
            False,
        ),  # an older one: somebody put a copy back
        (None, entry(left=3600), True),
    ],
)
def test_a_newer_token_that_others_put_there_is_adopted(before: Any, now_there: Any, adopted: bool) -> None:
    earlier = parsed({A: before} if before else {})
    choice = choose(parsed({A: now_there}), place=PLACE, now=NOW, before=earlier)
    assert (A in choice.settled) is adopted
    if adopted:
        assert choice.settled[A].result is ScopeResult.ADOPTED


def test_what_does_not_live_long_enough_is_not_adopted() -> None:
    there = parsed({A: entry(left=60, refresh_token="n")}).get(A)
    assert there is not None
    assert newer(there, None, now=NOW)
    assert not newer(there, None, now=NOW, within=3600)


# --- whose token


MARK = setup_mark("~/.ocarina-tokens", "https://one.invalid/")
OTHER = setup_mark("~/.ocarina-tokens", "https://two.invalid/")
ELSEWHERE = setup_mark("~/.other-tokens", "https://two.invalid/")
BORN = NOW + 3600 - 36_000


@pytest.mark.parametrize(
    ("lines", "whose"),
    [
        ([], Origin.UNKNOWN),
        ([(BORN, A, Result.REFRESHED, MARK)], Origin.OURS),
        ([(BORN + 3, A, Result.LOGGED_IN, OTHER)], Origin.THEIRS),
        ([(BORN + 3, A, Result.LOGGED_IN, ELSEWHERE)], Origin.UNKNOWN),
        ([(BORN + 3, B, Result.LOGGED_IN, OTHER)], Origin.UNKNOWN),
        ([(BORN + 500, A, Result.LOGGED_IN, OTHER)], Origin.UNKNOWN),
        ([(BORN, A, Result.REFUSED_TOKEN, OTHER)], Origin.UNKNOWN),
        ([(BORN + 20, A, Result.REFRESHED, OTHER), (BORN, A, Result.REFRESHED, MARK)], Origin.OURS),
        ([(BORN, A, Result.REFRESHED, OTHER), (BORN + 20, A, Result.REFRESHED, MARK)], Origin.THEIRS),
    ],
)
def test_the_log_tells_who_granted_a_token(
    lines: list[tuple[float, str, Result, str]], whose: Origin
) -> None:
    log = [LogEntry(time, "h", "refresh", scope, result, mark) for time, scope, result, mark in lines]
    token = parsed({A: entry()}).get(A)
    assert token is not None
    assert origin(token, log, mark=MARK, now=NOW) is whose


def test_a_token_without_a_time_is_nobodys() -> None:
    token = parsed({A: entry(expires_at=None)}).get(A)
    assert token is not None
    assert origin(token, [LogEntry(BORN, "h", "r", A, Result.REFRESHED, OTHER)], mark=MARK, now=NOW) is (
        Origin.UNKNOWN
    )


def document(text: dict[str, Any]) -> ConfigDocument:
    found = ConfigDocument.parse(json.dumps(text).encode())
    assert isinstance(found, ConfigDocument)
    return found


def test_set_ups_that_share_a_tokens_file_with_another_server_are_named() -> None:
    config = {
        "MAJORA_DOMAIN": "https://one.invalid",
        "MAJORA_TOKEN": "OAUTH",
        "CLIENT_ID": "c",
        "profile": {
            "key": {"MAJORA_DOMAIN": "https://two.invalid/", "MAJORA_TOKEN": "a-legacy-key"},
            "unfinished": {"MAJORA_DOMAIN": "https://example.org/"},
            "test": {"MAJORA_DOMAIN": "https://two.invalid/"},
            "apart": {"MAJORA_DOMAIN": "https://two.invalid/", "MAJORA_TOKENS_FILE": "/elsewhere"},
            "same": {"MAJORA_USER": "another"},
        },
    }

    def locate(settings: Any) -> PurePath:
        return PurePath(settings["MAJORA_TOKENS_FILE"].text.replace("~", "/home/ann"))

    shared = PurePath("/home/ann/.ocarina-tokens")
    one = sharers(document(config), domain="https://one.invalid/", tokens=shared, locate=locate)
    assert one == ("profile test",)
    two = sharers(document(config), domain="https://two.invalid/", tokens=shared, locate=locate)
    assert two == ("the one without a profile", "profile same")
    assert sharers(None, domain="https://one.invalid/", tokens=shared, locate=locate) == ()


# --- the whole


def failed(scope: str, id: str, exit: Exit, result: ScopeResult = ScopeResult.REFUSED_TOKEN) -> TokenReport:
    error = KitError(f"It failed as {id}.", id=id, remedy=Remedy("Do it.", (f"mend {id}",)), exit=exit)
    return TokenReport(scope, result, error=error)


def test_the_exit_code_is_the_first_of_4_1_5() -> None:
    good = TokenReport(A, ScopeResult.REFRESHED)
    login, problem, unknown = (
        failed("s4", "RFR001", Exit.LOGIN),
        failed("s1", "CRD001", Exit.PROBLEM),
        failed("s5", "SRV002", Exit.UNKNOWN),
    )
    assert RefreshReport((good,)).exit is Exit.OK
    assert RefreshReport((good, unknown)).exit is Exit.UNKNOWN
    assert RefreshReport((unknown, problem)).exit is Exit.PROBLEM
    assert RefreshReport((unknown, problem, login)).exit is Exit.LOGIN
    error = RefreshReport((unknown, problem, login)).error(PLACE)
    assert error is not None
    assert (error.id, error.exit) == ("RFR001", Exit.LOGIN)
    assert "2 other tokens failed" in error.what


def test_those_that_failed_alike_are_told_of_together() -> None:
    report = RefreshReport((failed(A, "RFR001", Exit.LOGIN), failed(B, "RFR001", Exit.LOGIN)))
    (error,) = report.errors(PLACE)
    assert "all 2 tokens" in error.what
    assert error.remedy.commands == (f"ocarina-kit login --scope {A} --scope '{B}'",)


def test_a_long_scope_is_named_by_its_purpose() -> None:
    samples = BY_NAME["add-samples"].scope
    assert login_command(PLACE, [samples]) == "ocarina-kit login --for add-samples"
    lookup = BY_NAME["lookup"].scope
    assert login_command(PLACE, [lookup]) == f"ocarina-kit login --scope {lookup}"
