"""What a person asks ``schedule`` for: times and runner, held to what keeps a token fresh. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ocarina_kit.core.cron.cronline import Runner
from ocarina_kit.core.cron.cronspread import Every, derive, own_schedule, parse_every
from ocarina_kit.core.cron.wanted_line import Ground
from ocarina_kit.core.errors import Remedy, UsageError


@dataclass(frozen=True)
class Wish:
    """``every`` and ``cron`` (five fields) are None where nobody gave times; ``ocarina`` is a path as typed."""

    every: Every | None = None
    cron: str | None = None
    runner: Runner = Runner.KIT_FIRST
    ocarina: str | None = None

    @property
    def gives_times(self) -> bool:
        """Whether a person chose the times: a good entry's own are kept otherwise."""
        return self.every is not None or self.cron is not None

    def times(self, ground: Ground) -> str | None:
        """The five fields that were asked for; None where they are left to the kit.

        Raises :class:`~ocarina_kit.core.cron.cronspread.UnusableScheduleError`: it leaves a gap of 10 h or more.
        """
        if self.cron is not None:
            return self.cron
        if self.every is not None:
            return derive(ground.user, ground.host, ground.domain, self.every)
        return None


def read_wish(*, every: str | None, cron: str | None, runner: str | None, ocarina: str | None) -> Wish:
    """The options as typed. Raises UsageError for what they may not be, and for both kinds of times at once."""
    if every is not None and cron is not None:
        raise UsageError(
            "--every and --cron were both given.",
            why="Each says when the entry runs.",
            remedy=Remedy("Give one of them.", ("ocarina-kit schedule --every 3h",)),
        )
    kinds = {kind.value: kind for kind in Runner}
    if runner is not None and runner not in kinds:
        raise UsageError(
            f"--runner takes {' or '.join(kinds)}, not {runner!r}.",
            why="It says which program the line runs first.",
            remedy=Remedy(
                "Leave it out: kit-first heals an expired token, and falls back on the client.",
                ("ocarina-kit schedule",),
            ),
        )
    return Wish(
        every=None if every is None else parse_every(every),
        cron=None if cron is None else " ".join(own_schedule(cron).text.split()),
        runner=Runner.KIT_FIRST if runner is None else kinds[runner],
        ocarina=ocarina,
    )
