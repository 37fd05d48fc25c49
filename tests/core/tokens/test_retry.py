"""Back-off, and the verdict over several attempts."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.core.errors import Exit
from ocarina_kit.core.oauth.answers import Granted, Refused, TokenAnswer, Unusable
from ocarina_kit.core.oauth.network import NetFailure, NetKind
from ocarina_kit.core.secret import Secret
from ocarina_kit.core.tokens.retry import BUDGET_S, RefreshResult, attempt_seconds, judge_refresh, next_wait

GRANTED = Granted(Secret("a"), Secret("r"), 36000, None)
BUSY = Unusable("rate-limited", "429", may_have_spent=False, status=429)
BROKEN = Unusable("server-error", "502", may_have_spent=True, status=502)
HTML = Unusable("html", "HTML", may_have_spent=True, status=200)
DEAD = Refused("invalid_grant")
STRANGER = Refused("invalid_client", status=401)


def net(kind: NetKind, sent: bool = False) -> Unusable:
    return Unusable("network", kind, may_have_spent=sent, net=NetFailure(kind, kind, sent))


@pytest.mark.parametrize(
    "answer", [BUSY, BROKEN, net("timeout"), net("timeout", True), net("dns-silent"), net("reset", True)]
)
def test_tried_again(answer: TokenAnswer) -> None:
    assert next_wait(1, answer, 0.1) is not None


@pytest.mark.parametrize(
    "answer",
    [
        GRANTED,
        DEAD,
        STRANGER,
        Refused("invalid_scope"),
        HTML,
        net("refused"),
        net("dns-none"),
        net("tls-expired"),
        net("proxy-auth"),
        net("ca-bundle"),
        net("too-large", True),
        Unusable("redirect", "307", may_have_spent=False),
    ],
)
def test_not_tried_again(answer: TokenAnswer) -> None:
    assert next_wait(1, answer, 0.1) is None


def test_a_cut_connection_is_tried_again_only_so_often() -> None:
    assert next_wait(2, net("reset", True), 5) is not None
    assert next_wait(3, net("reset", True), 5) is None


def test_waits_grow_and_the_whole_ends_within_the_budget() -> None:
    elapsed, waits = 0.0, []
    for attempt in range(1, 100):
        wait = next_wait(attempt, BUSY, elapsed)
        if wait is None:
            break
        waits.append(wait)
        elapsed += wait
    assert elapsed < BUDGET_S
    assert len(waits) >= 4
    assert all(later >= earlier for earlier, later in pairwise(waits))


def test_retry_after_is_honoured_where_it_fits() -> None:
    slow = Unusable("rate-limited", "429", may_have_spent=False, retry_after=30.0)
    assert next_wait(1, slow, 1) == 30.0
    assert next_wait(1, slow, 31) is None
    assert next_wait(1, Unusable("server-error", "503", may_have_spent=True, retry_after=3600.0), 0) is None


@given(
    st.integers(1, 1000), st.floats(0, 100), st.floats(0, 1, exclude_max=True), st.floats(0, 1e9) | st.none()
)
def test_a_wait_never_leaves_the_budget(
    attempt: int, elapsed: float, jitter: float, retry_after: float | None
) -> None:
    answer = Unusable("rate-limited", "429", may_have_spent=False, retry_after=retry_after)
    wait = next_wait(attempt, answer, elapsed, jitter=jitter)
    assert wait is None or (wait >= (retry_after or 0) and elapsed + wait < BUDGET_S)
    assert 0 <= attempt_seconds(elapsed) <= BUDGET_S
    assert elapsed + attempt_seconds(elapsed) <= max(BUDGET_S, elapsed)


@pytest.mark.parametrize(
    ("answers", "result", "code"),
    [
        ([GRANTED], "refreshed", Exit.OK),
        ([net("timeout", True), BROKEN, GRANTED], "refreshed", Exit.OK),
        ([DEAD], "token-refused", Exit.LOGIN),
        ([BUSY, DEAD], "token-refused", Exit.LOGIN),
        ([net("timeout"), DEAD], "token-refused", Exit.LOGIN),
        ([net("timeout", True), DEAD], "answer-lost", Exit.LOGIN),
        ([BROKEN, BUSY, DEAD], "answer-lost", Exit.LOGIN),
        ([Refused("invalid_scope")], "token-refused", Exit.LOGIN),
        ([Refused("access_denied", "The requesting user has not enabled 2FA")], "token-refused", Exit.LOGIN),
        ([STRANGER], "client-refused", Exit.PROBLEM),
        ([BROKEN, STRANGER], "client-refused", Exit.PROBLEM),
        ([Refused("unauthorized_client")], "client-refused", Exit.PROBLEM),
        ([Refused("invalid_request")], "server-refused", Exit.PROBLEM),
        ([net("refused")], "no-answer", Exit.UNKNOWN),
        ([BUSY, BUSY], "no-answer", Exit.UNKNOWN),
        ([net("timeout"), net("timeout", True)], "maybe-spent", Exit.UNKNOWN),
        ([net("timeout", True), net("refused")], "maybe-spent", Exit.UNKNOWN),
        ([HTML], "maybe-spent", Exit.UNKNOWN),
        ([BROKEN], "maybe-spent", Exit.UNKNOWN),
        ([net("tls-expired")], "no-answer", Exit.UNKNOWN),
        ([net("ca-bundle")], "kit-refused", Exit.PROBLEM),
        ([net("proxy-unusable")], "kit-refused", Exit.PROBLEM),
    ],
)
def test_the_verdict(answers: list[TokenAnswer], result: RefreshResult, code: Exit) -> None:
    outcome = judge_refresh(answers)
    assert (outcome.result, outcome.exit, outcome.attempts) == (result, code, len(answers))
    assert (outcome.token is GRANTED) is (result == "refreshed")
