"""What became of each token, the same for refresh, login, logout, the log and JSON."""

from __future__ import annotations

from typing import NamedTuple

from ocarina_kit.config.location import Setup
from ocarina_kit.system.problem import Exit, KitError, Problem, interrupted
from ocarina_kit.tokens.told import login_command, named


class Outcome(NamedTuple):
    """What became of one token. ``scope`` is its key in the tokens file; ``expires_at`` epoch seconds as the file has
    it now, None if unknown. ``result``:

    refresh: ``refreshed``, ``adopted`` (another process had refreshed it), ``fresh`` (valid longer than was asked for),
    ``due`` (--dry-run), ``no-token``, ``no-refresh-token``, ``unreadable``, ``other-server``, ``refused-token``,
    ``lost`` (spent, and the new one never arrived), ``maybe-lost``,
    ``unanswered`` (so in an earlier run, too), ``refused-client``, ``refused``, ``network`` (not
    spent), ``unreached`` (not sent), ``failed`` (this machine's fault), ``in-journal`` (the file cannot be written).
    login: ``logged-in``, ``adopted``, ``narrowed`` (other scopes were granted), ``in-journal``, ``lost``, ``failed``.
    logout: ``revoked``, ``forgotten``, ``kept``, ``no-token``.
    """

    scope: str
    result: str
    expires_at: float | None = None
    problem: KitError | None = None


class Report(NamedTuple):
    """Outcomes in the file's order. ``skew``: seconds by which the server's clock is ahead of this one."""

    outcomes: tuple[Outcome, ...]
    skew: float | None = None
    interrupted: bool = False

    def errors(self, setup: Setup) -> list[KitError]:
        """One error for all tokens that failed alike, all of them named, with one login for all; the worst first. Of an
        interrupted run only that it was."""
        if self.interrupted:
            done = sum(each.problem is None for each in self.outcomes)
            why = f"{done} of {len(self.outcomes)} tokens were done, and that is saved."
            return [interrupted("Interrupted; nothing is half-done.", why)]
        alike: dict[tuple[str, str], tuple[KitError, list[str]]] = {}
        for each in self.outcomes:
            if (problem := each.problem) is not None:
                alike.setdefault((problem.id, problem.what), (problem, []))[1].append(
                    each.scope
                )
        found = []
        for problem, scopes in alike.values():
            what, remedy = (
                f"{problem.what.rstrip('.')} ({named(scopes)}).",
                problem.remedy,
            )
            if problem.exit == Exit.LOGIN:
                remedy = remedy._replace(commands=(login_command(setup, scopes),))
            found.append(
                KitError(
                    Problem(
                        message=what,
                        id=problem.id,
                        why=problem.why,
                        remedy=remedy,
                        exit=problem.exit,
                    )
                )
            )
        return sorted(found, key=lambda error: (error.exit != Exit.LOGIN, error.exit))
