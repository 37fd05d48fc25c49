"""What was seen of the schedule on this host: facts for CRN, gathered by edges/look/gather_schedule.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from enum import Enum
from functools import cached_property
from posixpath import join, normpath

from ocarina_kit.core.cron.cronplan import Entries, sort_entries
from ocarina_kit.core.cron.crontab import Crontab
from ocarina_kit.core.cron.crontab_read import CrontabRead
from ocarina_kit.core.cron.refreshjob import RefreshJob
from ocarina_kit.core.cron.wanted_line import Ground
from ocarina_kit.core.tokens.refresh_log import LogEntry


class Daemon(Enum):
    """Whether a cron daemon runs on this host."""

    RUNS = "runs"
    ABSENT = "absent"
    """All processes can be seen, and none is a cron daemon."""
    UNTOLD = "untold"


@dataclass(frozen=True)
class DaemonFacts:
    state: Daemon
    detail: str
    """What was seen, or why nothing could be told."""


@dataclass(frozen=True)
class ProgramFacts:
    """A program that a refresh line starts: by its whole path, or by its name where PATH leads to it.

    ``real_path`` has its links followed.
    """

    path: str
    exists: bool
    executable: bool = False
    real_path: str = ""
    interpreter_missing: str = ""
    """The interpreter of its first line, where that is gone."""
    started_by_path: bool = False
    """Its first line is ``#!/usr/bin/env …``: PATH says what starts it."""


@dataclass(frozen=True)
class ScheduleFacts:
    """The crontab of the user who looks, and what it rests on, at ``now`` (epoch seconds).

    ``log`` are the entries of refresh.log about this set-up, of all hosts, oldest first. ``zone`` is the time zone that
    cron goes by here. ``stood_since`` is when the crontab was last changed, epoch seconds, where that can be told.
    """

    now: float
    zone: tzinfo
    ground: Ground
    crontab: CrontabRead
    programs: Mapping[str, ProgramFacts] = field(default_factory=dict)
    real_paths: Mapping[str, str] = field(default_factory=dict)
    """Of each configuration path that a line names, and of the set-up's own: the same, links followed."""
    gone_shells: frozenset[str] = frozenset()
    """Values of the crontab's ``SHELL`` lines that are no program of this host."""
    daemon: DaemonFacts = DaemonFacts(Daemon.UNTOLD, "")
    log: tuple[LogEntry, ...] = ()
    stood_since: float | None = None

    def canonical(self, path: str) -> str:
        """One path of several that lead to the same file."""
        return self.real_paths.get(path, normpath(path))

    @cached_property
    def parsed(self) -> Crontab:
        return Crontab.parse(self.crontab.content if self.crontab.readable else b"")

    @cached_property
    def entries(self) -> Entries:
        """The refresh lines, sorted by whose they are."""
        return sort_entries(self.parsed, self.ground.owner, canonical=self.canonical)

    @cached_property
    def misled(self) -> tuple[RefreshJob, ...]:
        """Lines that count as another set-up's, since a quoted ``~`` in the path of this one's configuration is never
        expanded (CRN007)."""
        config = self.canonical(self.ground.config)
        return tuple(
            job
            for job in self.entries.others
            if any(
                call.profile == self.ground.profile
                and call.config is not None
                and "/~/" in call.config
                and self.canonical(join(self.ground.home, call.config.rpartition("/~/")[2])) == config
                for call in job.calls
            )
        )

    @property
    def host(self) -> str:
        return self.ground.host

    def local(self, moment: float) -> datetime:
        """``moment`` (epoch seconds) in the zone that cron goes by."""
        return datetime.fromtimestamp(moment, self.zone)
