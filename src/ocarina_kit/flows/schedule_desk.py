"""What a run about the schedule has before it: one look at this host's crontab, the tokens and refresh.log."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ocarina_kit.core.cron.refreshjob import RefreshJob
from ocarina_kit.core.cron.schedule_facts import ScheduleFacts
from ocarina_kit.core.errors import KitError
from ocarina_kit.core.setup import Place, Setup
from ocarina_kit.core.tokens.last_refresh import LastRefresh, newest_refresh
from ocarina_kit.core.tokens.refresh_history import Elsewhere, other_hosts, refreshed_elsewhere
from ocarina_kit.core.tokens.token_file import TokenFile
from ocarina_kit.edges.disk.files import read_settled
from ocarina_kit.edges.look.gather_config import config_facts
from ocarina_kit.edges.look.gather_schedule import schedule_facts
from ocarina_kit.edges.look.gather_tokens import setup_mark_of
from ocarina_kit.edges.system import System

if TYPE_CHECKING:
    from ocarina_kit.edges.cron.crontab_install import Ways


@dataclass(frozen=True)
class Desk:
    """What a run about the schedule has before it. ``setup`` is None where the configuration is not usable."""

    system: System
    place: Place
    setup: Setup | None
    facts: ScheduleFacts
    mark: str
    """The set-up's mark in refresh.log."""

    @property
    def ways(self) -> Ways:
        """Commands for remedies."""
        from ocarina_kit.edges.cron.crontab_install import Ways

        command = self.place.command
        return Ways(again=(command("schedule"),), line=(command("schedule", "--print"),))

    @property
    def unwritable(self) -> KitError | None:
        """Why this host's crontab can't be changed; None where it can."""
        if self.facts.crontab.writable:
            return None
        from ocarina_kit.edges.cron.crontab_install import unreadable

        return unreadable(self.facts.crontab, host=self.system.host, ways=self.ways)

    def tokens(self) -> TokenFile:
        """The tokens as they are now."""
        if self.setup is None:
            return TokenFile.parse(None)
        path, clock = Path(self.setup.tokens_file), self.system.clock
        return TokenFile.parse(
            read_settled(path, lambda content: TokenFile.parse(content).damage is None, clock=clock).content
        )

    @cached_property
    def elsewhere(self) -> Elsewhere | None:
        """The newest refresh in the last 10 h that no entry of this host did."""
        facts = self.facts
        return refreshed_elsewhere(facts.log, self.tokens().entries, host=facts.host, now=facts.now)

    @property
    def other_hosts(self) -> tuple[str, ...]:
        """Hosts that have an entry of their own for this set-up, as far as refresh.log knows."""
        return other_hosts(self.facts.log, host=self.facts.host)


def look(system: System, place: Place, setup: Setup | None) -> Desk:
    """One look at this host's crontab and at what this set-up's entry rests on. Never raises for what it finds."""
    config = config_facts(system, place)
    return Desk(system, place, setup, schedule_facts(system, config), setup_mark_of(system, config))


def installed_job(desk: Desk) -> RefreshJob | None:
    """The entry that cron runs for this set-up: the kit's own where there are several."""
    own = desk.facts.entries.own
    return next((job for job in own if job.marked), next(iter(own), None))


def last_refresh(desk: Desk) -> LastRefresh | None:
    """When this set-up's tokens were last made fresh."""
    return newest_refresh(desk.tokens().entries, desk.facts.log, mark=desk.mark, now=desk.facts.now)
