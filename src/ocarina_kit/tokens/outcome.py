"""What became of each token: the same for refresh, login, logout, the log and JSON."""

from __future__ import annotations

from typing import NamedTuple

from ocarina_kit.config.location import Setup
from ocarina_kit.system.problem import Exit, Problem, interrupted
from ocarina_kit.system.states import StrEnum
from ocarina_kit.tokens.problems import describe_tokens, login_command


class TokenResult(StrEnum):
    """What a command did with one token, or why it could not."""

    # without a problem
    REFRESHED = "refreshed"
    LOGGED_IN = "logged-in"
    ADOPTED = "adopted"  # another process refreshed it
    FRESH = "fresh"  # valid for longer than was asked for
    DUE = "due"  # a dry run would refresh it
    REVOKED = "revoked"
    FORGOTTEN = "forgotten"
    # not sent
    NO_TOKEN = "no-token"  # noqa: S105
    NO_REFRESH_TOKEN = "no-refresh-token"  # noqa: S105
    UNREADABLE = "unreadable"
    OTHER_SERVER = "other-server"
    UNREACHED = "unreached"
    # sent
    REFUSED_TOKEN = "refused-token"  # noqa: S105
    REFUSED_CLIENT = "refused-client"
    REFUSED = "refused"
    NETWORK = "network"  # not spent
    MAYBE_LOST = "maybe-lost"
    UNANSWERED = "unanswered"  # so in an earlier run, too
    LOST = "lost"  # spent, and the new one did not arrive
    # what became of a new token
    IN_JOURNAL = "in-journal"  # the tokens file cannot be written
    NARROWED = "narrowed"  # other scopes were granted
    # others
    KEPT = "kept"  # the server did not confirm that it is revoked
    FAILED = "failed"  # this machine's fault, or a login's


class Outcome(NamedTuple):
    """What became of one token."""

    scope: str
    """Its key in the tokens file."""
    result: TokenResult
    expires_at: float | None = None
    """Epoch seconds as the file has it now; None if unknown."""
    problem: Problem | None = None


class Report(NamedTuple):
    """What became of all tokens, in the file's order."""

    outcomes: tuple[Outcome, ...]
    skew: float | None = None
    """Seconds by which the server's clock is ahead of this one."""
    interrupted: bool = False

    def problems(self, setup: Setup) -> list[Problem]:
        """List the problems, the worst first.

        Tokens that failed alike are named in one problem, with one login for all. Of an
        interrupted run only that is told.
        """
        if self.interrupted:
            return [self._interruption()]
        alike: dict[tuple[str, str], list[str]] = {}
        first: dict[tuple[str, str], Problem] = {}
        for outcome in self.outcomes:
            if outcome.problem is not None:
                key = (outcome.problem.id, outcome.problem.text)
                first.setdefault(key, outcome.problem)
                alike.setdefault(key, []).append(outcome.scope)
        problems = [
            _about_all(first[key], setup, scopes) for key, scopes in alike.items()
        ]
        return sorted(problems, key=lambda one: (one.exit != Exit.LOGIN, one.exit))

    def _interruption(self) -> Problem:
        done = sum(outcome.problem is None for outcome in self.outcomes)
        why = f"{done} of {len(self.outcomes)} tokens were done, and that is saved."
        return interrupted("Interrupted; nothing is half-done.", why).problem


def _about_all(problem: Problem, setup: Setup, scopes: list[str]) -> Problem:
    """Name all tokens that have a problem; let one login bring them all."""
    message = f"{problem.text.rstrip('.')} ({describe_tokens(scopes)})."
    remedy = problem.remedy
    if problem.exit == Exit.LOGIN:
        remedy = remedy._replace(commands=(login_command(setup, scopes),))
    return problem._replace(message=message, remedy=remedy)
