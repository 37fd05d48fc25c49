"""When a refresh is tried again, and what came of all its attempts together. Pure.

A refresh token can be spent once. An attempt whose answer was lost may have spent it, so a later "no" to the same
token means something else than a first "no". CONTRACT.md, refresh.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ocarina_kit.core.errors import Exit
from ocarina_kit.core.oauth.answers import Granted, Refused, TokenAnswer, Unusable

BUDGET_S = 60.0
"""Seconds for all attempts and waits of one refresh together (CONTRACT.md)."""
ATTEMPT_S = 20.0
"""Seconds for a single attempt, where the budget has as many left."""
SHORTEST_S = 5.0
"""Seconds that an attempt must have: a shorter one would give up on an answer, and the new token in it, too soon."""
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 16.0
_CUT_ATTEMPTS = 3
"""A cut connection is tried again only so often: it tells little about when the server will be back."""


def attempt_seconds(elapsed: float) -> float:
    """The deadline of the next attempt, seconds, ``elapsed`` seconds after the first one started; 0: make none."""
    left = min(ATTEMPT_S, BUDGET_S - elapsed)
    return left if left >= SHORTEST_S else 0.0


def next_wait(attempt: int, answer: TokenAnswer, elapsed: float, *, jitter: float = 0.5) -> float | None:
    """Seconds to wait before the next attempt, None where there is to be none.

    ``attempt`` is how many were made (1 after the first), ``elapsed`` seconds since the first one started, and
    ``jitter`` a random number in [0, 1) that keeps many users' waits apart. Tried again are time-outs, 429 and 5xx,
    and a few times a connection that was cut; never an OAuth error, nor an answer that arrived and was unusable.

    The same refresh token is sent again even where the first attempt may have spent it: a server that never saw it
    answers with the new pair, and one that did answers ``invalid_grant``, which :func:`judge_refresh` tells apart
    from a plain refusal.
    """
    if not isinstance(answer, Unusable) or not _worth_another(attempt, answer):
        return None
    growing = min(_FIRST_WAIT_S * 2 ** (attempt - 1), _LONGEST_WAIT_S) * (0.75 + jitter / 2)
    wait = max(growing, answer.retry_after or 0.0)
    # An attempt must still fit behind the wait.
    return wait if elapsed + wait <= BUDGET_S - SHORTEST_S else None


def _worth_another(attempt: int, answer: Unusable) -> bool:
    if answer.reason in ("rate-limited", "server-error"):
        return True
    if answer.net is None:
        return False
    if answer.net.kind in ("timeout", "dns-silent"):
        return True
    return answer.net.kind in ("reset", "truncated") and attempt < _CUT_ATTEMPTS


RefreshResult = Literal[
    "refreshed",
    "token-refused",  # the server no longer takes the refresh token
    "answer-lost",  # it took it, and the answer with the new pair never arrived whole
    "client-refused",  # it does not know the client id and secret
    "server-refused",  # it says no for another reason
    "maybe-spent",  # no usable answer, and the refresh token may be spent
    "no-answer",  # no usable answer, and the refresh token is as good as before
    "kit-refused",  # something of this machine stood in the way: a CA bundle or proxy setting
]


@dataclass(frozen=True)
class RefreshOutcome:
    """What came of one token's refresh. ``answer`` is the last one; ``attempts`` says how many were made."""

    result: RefreshResult
    exit: Exit
    answer: TokenAnswer
    attempts: int

    @property
    def token(self) -> Granted | None:
        return self.answer if isinstance(self.answer, Granted) else None


def judge_refresh(answers: Sequence[TokenAnswer]) -> RefreshOutcome:
    """The verdict over all attempts of one refresh, in order; at least one. Exit codes as CONTRACT.md has them."""
    last, count = answers[-1], len(answers)
    spent_before = any(isinstance(a, Unusable) and a.may_have_spent for a in answers[:-1])
    if isinstance(last, Granted):
        return RefreshOutcome("refreshed", Exit.OK, last, count)
    if isinstance(last, Refused):
        if last.cause in ("client", "grant-type"):
            return RefreshOutcome("client-refused", Exit.PROBLEM, last, count)
        if last.cause in ("other", "redirect-uri", "verifier"):
            return RefreshOutcome("server-refused", Exit.PROBLEM, last, count)
        if last.cause == "grant" and spent_before:
            return RefreshOutcome("answer-lost", Exit.LOGIN, last, count)
        return RefreshOutcome("token-refused", Exit.LOGIN, last, count)
    if (
        last.net is not None
        and last.net.kind in ("ca-bundle", "proxy-unusable", "insecure")
        and not spent_before
    ):
        return RefreshOutcome("kit-refused", Exit.PROBLEM, last, count)
    if spent_before or last.may_have_spent:
        return RefreshOutcome("maybe-spent", Exit.UNKNOWN, last, count)
    return RefreshOutcome("no-answer", Exit.UNKNOWN, last, count)
