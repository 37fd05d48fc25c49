"""The crontab line that a set-up should have on this host: what ``schedule`` installs and the doctor compares with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath

from ocarina_kit.core.config.domain import DomainOk, mend_domain
from ocarina_kit.core.cron.cronline import Carried, LineSpec, Runner, carried_environment
from ocarina_kit.core.cron.cronplan import Owner
from ocarina_kit.core.cron.cronspread import Every, derive
from ocarina_kit.core.setup import Place

EVERY = Every(180)
"""How often a token is refreshed where nobody says otherwise (CONTRACT.md, schedule)."""


@dataclass(frozen=True)
class Ground:
    """What a set-up's line rests on, but for the client that was found.

    ``home`` and ``config`` are absolute. ``kit`` is how cron starts ocarina-kit: its program, and what goes before the
    subcommand. ``domain`` is MAJORA_DOMAIN as mended: it only picks the times.
    """

    user: str
    host: str
    home: str
    config: str
    domain: str
    kit: tuple[str, ...]
    profile: str | None = None
    carried: Carried = field(default_factory=Carried)

    @property
    def owner(self) -> Owner:
        return Owner(user=self.user, home=self.home, config=self.config, profile=self.profile)

    def line(
        self, client: str, *, runner: Runner = Runner.KIT_FIRST, schedule: str | None = None
    ) -> LineSpec:
        """The line for ``client``, an absolute path. ``schedule``: other times than the set-up's own."""
        return LineSpec(
            schedule=derive(self.user, self.host, self.domain, EVERY) if schedule is None else schedule,
            runner=runner,
            client=client,
            config=self.config,
            home=self.home,
            kit=self.kit if runner is Runner.KIT_FIRST else (),
            profile=self.profile,
            variables=self.carried.variables,
        )


def ground(
    place: Place,
    *,
    user: str,
    host: str,
    home: PurePath,
    domain: str,
    environ: Mapping[str, str],
    cwd: PurePath,
    kit: tuple[str, ...],
) -> Ground:
    """The ground of a set-up. ``environ`` is the person's, ``cwd`` absolute; ``kit`` as in :class:`Ground`.

    What is carried is taken from the environment, but the configuration from ``place``: ``--config`` wins.
    """
    mended = mend_domain(domain)
    return Ground(
        user=user,
        host=host,
        home=str(home),
        config=str(place.config),
        domain=mended.url if isinstance(mended, DomainOk) else domain,
        kit=kit,
        profile=place.profile,
        carried=carried_environment(environ, home=str(home), config=str(place.config), cwd=str(cwd)),
    )
