"""What became of each token, the same for refresh, login and logout; and of all of them together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ocarina_kit.config.place import Setup
from ocarina_kit.system.errors import Exit, KitError, Remedy, worst

if TYPE_CHECKING:
    from ocarina_kit.client.scopes import Table


class Outcome(NamedTuple):
    """What became of one token. ``scope`` is its key in the tokens file; ``expires_at`` epoch seconds as the file has
    it now, None where unknown. ``result``:

    refresh: ``refreshed``, ``adopted`` (another process had refreshed it), ``fresh`` (valid longer than was asked for),
    ``due`` (--dry-run), ``no-token``, ``no-refresh-token``, ``unreadable``, ``other-server``, ``refused-token``,
    ``lost`` (spent, and the new one never arrived), ``maybe-lost``, ``refused-client``, ``refused``, ``network`` (not
    spent), ``failed`` (this machine's fault), ``rescued`` (kept elsewhere).
    login: ``logged-in``, ``narrowed`` (other scopes were granted), ``rescued``, ``lost``, ``failed``.
    logout: ``revoked``, ``forgotten``, ``kept``, ``would-revoke``, ``would-forget``, ``no-token``.
    """

    scope: str
    result: str
    expires_at: float | None = None
    problem: KitError | None = None


class Report(NamedTuple):
    """Outcomes in the file's order. ``skew``: seconds by which the server's clock is ahead of this one."""

    outcomes: tuple[Outcome, ...]
    skew: float | None = None
    notes: tuple[str, ...] = ()
    interrupted: bool = False

    @property
    def exit(self) -> int:
        codes = [each.problem.exit for each in self.outcomes if each.problem is not None]
        return Exit.INTERRUPTED if self.interrupted else worst(codes)

    def errors(self, setup: Setup, table: Table | None = None) -> list[KitError]:
        """One error for all tokens that failed alike, all of them named; the worst first."""
        from ocarina_kit.tokens.problems import about

        groups: dict[tuple[str, str], tuple[KitError, list[str]]] = {}
        for each in self.outcomes:
            if each.problem is not None:
                alike = groups.setdefault((each.problem.id, each.problem.what), (each.problem, []))
                alike[1].append(each.scope)
        found = [about(problem, scopes, setup, table) for problem, scopes in groups.values()]
        return sorted(found, key=lambda error: (error.exit != Exit.LOGIN, error.exit))

    def error(self, setup: Setup, table: Table | None = None) -> KitError | None:
        """The worst of :meth:`errors`, or the interrupt; None where all went well."""
        if not self.interrupted:
            return next(iter(self.errors(setup, table)), None)
        done = sum(each.result in ("refreshed", "revoked", "forgotten") for each in self.outcomes)
        return KitError(
            "Interrupted; nothing is half-done.",
            id="INT001",
            why=f"{done} of {len(self.outcomes)} tokens were done, and that is saved.",
            remedy=Remedy("Run it again for the rest."),
            exit=Exit.INTERRUPTED,
        )
