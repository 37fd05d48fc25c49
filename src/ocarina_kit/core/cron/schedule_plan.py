"""What ``schedule`` would make of a crontab, and what a person should know of it before they agree. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from posixpath import join, normpath

from ocarina_kit.core.client.resolution import MINIMUM_VERSION, Candidate, Version
from ocarina_kit.core.cron.cronline import LineSpec, Runner, build_line
from ocarina_kit.core.cron.cronplan import Edit, EditKind, Outcome, SchedulePlan, plan_schedule
from ocarina_kit.core.cron.cronruns import Gap, longest_gap
from ocarina_kit.core.cron.crontab import Crontab, parse_job, values
from ocarina_kit.core.cron.crontime import Schedule
from ocarina_kit.core.cron.refreshjob import Kind, RefreshJob, refresh_jobs
from ocarina_kit.core.cron.schedule_facts import ScheduleFacts
from ocarina_kit.core.cron.schedule_repair import spans_a_life
from ocarina_kit.core.cron.schedule_wish import Wish
from ocarina_kit.core.errors import KitError, Remedy

READS_ALL = Version((0, 48, 0))
"""The first client to read ``OCARINA_CONF_FILE``, ``--profile`` and ``MAJORA_TOKENS_FILE`` (FACTS.md, The client)."""


@dataclass(frozen=True)
class Caution:
    """What is no reason to stop, but to be known. ``id`` is a check's where one fits."""

    id: str
    text: str
    remedy: Remedy = field(default_factory=lambda: Remedy(""))


@dataclass(frozen=True)
class Proposal:
    """The line that a set-up should have, and the way there.

    ``plan`` is what becomes of the crontab. ``line`` is the entry as it will stand, also where ``plan`` changes
    nothing since a person must act first. ``gap`` is the longest time between two of its runs. ``begins`` says that an
    entry comes to run on this host where none ran before: on a second host that is one too many.
    """

    spec: LineSpec
    plan: SchedulePlan
    line: str
    schedule: Schedule
    gap: Gap
    begins: bool
    cautions: tuple[Caution, ...] = ()

    @property
    def job(self) -> RefreshJob:
        """The entry as cron would see it: in its place in the new crontab, else alone."""
        spec = self.spec
        jobs = (
            *refresh_jobs(self.plan.after, "", spec.home),
            *refresh_jobs(Crontab.parse(f"{self.line}\n".encode("utf-8", "surrogateescape")), "", spec.home),
        )
        return next(job for job in jobs if job.active and job.line.text == self.line)


def propose(facts: ScheduleFacts, wish: Wish, client: Candidate, *, tokens_file: str) -> Proposal:
    """The entry for ``client``; a crontab that could not be read counts as empty, for the line's sake alone.

    A commented-out entry is switched on in the plan: whether a person agrees to that is asked by who carries it out.
    ``tokens_file`` is the set-up's, absolute.

    Raises:
        LineError: no line can be built.
        UnusableScheduleError: the times leave a gap of 10 h or more.
        KitError: ``SCH003``, the client alone cannot do this set-up's refresh.
    """
    ground = facts.ground
    spec = ground.line(client.path, runner=wish.runner, schedule=wish.times(ground))
    crontab = facts.parsed
    stray = [job.line.index for job in facts.misled if not job.other_work]
    plan = plan_schedule(
        crontab.remove(*stray) if stray else crontab,
        spec,
        ground.owner,
        keep_times=not wish.gives_times and not _too_rare(facts, wish.runner),
        switch_on=True,
        canonical=facts.canonical,
        gone_shells=facts.gone_shells,
    )
    line = plan.line
    if line is None:  # a line that does other work as well stands in the way
        line = build_line(spec, values(crontab.variables_at(len(crontab.lines))))
    job = parse_job(line)
    assert job is not None  # noqa: S101  # build_line makes jobs
    schedule = Schedule.parse(job.time)
    gap = longest_gap(schedule)
    assert gap is not None  # noqa: S101  # times that never run are refused
    starts = any(edit.kind in (EditKind.ADD, EditKind.SWITCH_ON) for edit in plan.edits)
    return Proposal(
        spec=spec,
        plan=_with_strays(plan, crontab, stray),
        line=line,
        schedule=schedule,
        gap=gap,
        begins=starts and not stray and not facts.entries.active,
        cautions=cautions(facts, client, plan=plan, spec=spec, schedule=schedule, tokens_file=tokens_file),
    )


def _with_strays(plan: SchedulePlan, crontab: Crontab, stray: list[int]) -> SchedulePlan:
    """The plan with the removal of the lines ``stray`` (indices), its edits numbered as in the crontab as it was."""
    if not stray:
        return plan
    edits = [Edit(EditKind.REMOVE, at + 1, crontab.lines[at].text, "") for at in stray]
    kept = [line.number for line in crontab.lines if line.index not in stray]
    for edit in plan.edits:
        edits.append(edit if edit.kind is EditKind.ADD else replace(edit, number=kept[edit.number - 1]))
    outcome = Outcome.CHANGED if plan.outcome is Outcome.UNCHANGED else plan.outcome
    return replace(plan, outcome=outcome, edits=tuple(sorted(edits, key=lambda edit: edit.number)))


def _too_rare(facts: ScheduleFacts, runner: Runner) -> bool:
    """Whether the entry's own times, good for the kit, would let the client miss a run too many."""
    own = next((job for job in facts.entries.own if job.marked), None)
    return (
        own is not None
        and runner is Runner.CLIENT
        and own.kind is not Kind.CLIENT
        and spans_a_life(own.schedule)
    )


def cautions(
    facts: ScheduleFacts,
    client: Candidate,
    *,
    plan: SchedulePlan,
    spec: LineSpec,
    schedule: Schedule,
    tokens_file: str,
) -> tuple[Caution, ...]:
    """What to say of the entry. Raises KitError where the line would run a client that cannot do the work."""
    found: list[Caution] = []
    alone = spec.runner is Runner.CLIENT
    found += _of_the_client(facts, spec, client, tokens_file, alone=alone)
    found += [
        Caution(
            "ENV006",
            f"{omission}.",
            Remedy("If cron needs it, set it at the top of the crontab yourself.", ("crontab -e",)),
        )
        for omission in facts.ground.carried.omissions
    ]
    if alone and spans_a_life(schedule):
        found.append(
            Caution(
                "CRN005",
                "One missed run lets the token expire, and the client alone never refreshes an expired one.",
                Remedy("Run it more often.", ("ocarina-kit schedule --runner client --every 3h",)),
            )
        )
    if plan.outcome is not Outcome.MIXED:
        found += [
            Caution(
                "CRN003",
                f"Line {job.number} of the crontab refreshes these tokens too, and does other work "
                f"({', '.join(job.other_work)}), so it was left.",
                Remedy("Take the refresh out of it.", ("crontab -e",)),
            )
            for job in plan.mixed
        ]
    return tuple(found)


def _of_the_client(
    facts: ScheduleFacts, spec: LineSpec, client: Candidate, tokens_file: str, *, alone: bool
) -> list[Caution]:
    found: list[Caution] = []
    install = Remedy("Install a newer client.", ("ocarina-kit install-client",))
    version = client.version
    if version is not None and version < MINIMUM_VERSION:
        found.append(
            Caution(
                "ENV004",
                f"The server refuses what ocarina {version} asks for, as it is older than {MINIMUM_VERSION}. "
                "Its refresh works all the same.",
                install,
            )
        )
    if version is not None and version < READS_ALL:
        home = facts.ground.home
        blind = [
            *([] if _is(spec.config, join(home, ".ocarina")) else ["the configuration"]),
            *([] if spec.profile is None else ["the profile"]),
            *([] if _is(tokens_file, join(home, ".ocarina-tokens")) else ["the tokens file"]),
        ]
        if blind and alone:
            raise KitError(
                f"ocarina {version} cannot refresh this set-up's tokens.",
                id="SCH003",
                why=f"It is older than {READS_ALL}, and takes no notice of {_and(blind)} of this set-up.",
                remedy=Remedy(
                    "Install a newer client, or leave the refresh to ocarina-kit.",
                    ("ocarina-kit install-client", "ocarina-kit schedule"),
                ),
            )
        if blind:
            found.append(
                Caution(
                    "SCH003",
                    f"ocarina {version} takes no notice of {_and(blind)} of this set-up, so it cannot step in for "
                    "ocarina-kit.",
                    install,
                )
            )
    if not client.stands_on:
        text = f"{client.path} {client.detail or 'may not run under cron'}"
        remedy = Remedy(
            "Name a client by its whole path.", ("ocarina-kit schedule --ocarina /path/to/bin/ocarina",)
        )
        if alone:
            raise KitError(
                f"{text}.", id="CRN004", why="A cron job has nothing of this shell.", remedy=remedy
            )
        found.append(Caution("CRN004", f"{text}, so it cannot step in for ocarina-kit.", remedy))
    return found


def _is(path: str, other: str) -> bool:
    return normpath(path) == normpath(other)


def _and(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if parts[1:] else parts)


def times_text(schedule: Schedule) -> str:
    """When it runs on a day, for people: ``02:17, 05:17 …``; many runs are counted."""
    runs = [f"{minute // 60:02}:{minute % 60:02}" for minute in schedule.minutes_of_day]
    if len(runs) <= _MANY:
        return ", ".join(runs)
    steps = {later - sooner for sooner, later in pairwise(schedule.minutes_of_day)}
    if len(steps) == 1:
        return f"every {steps.pop()} minutes, from {runs[0]}"
    return f"{len(runs)} times a day, from {runs[0]} to {runs[-1]}"


_MANY = 12


def gap_text(gap: Gap) -> str:
    """``3 h``; with the hour that the end of summer time adds in words of its own."""
    from ocarina_kit.core.cron.cronspread import duration_text

    plain = duration_text(gap.minutes - gap.summer_time_minutes)
    if not gap.summer_time_minutes:
        return plain
    return f"{plain} ({duration_text(gap.minutes)} when summer time ends)"


def as_diff(plan: SchedulePlan) -> str:
    """The change as a diff of just the lines that change: those of others are nobody's business, and a diff program
    can lose its way among thousands that are alike."""
    lines = ["--- crontab (now)", "+++ crontab (then)"]
    for edit in plan.edits:
        lines.append(f"@@ line {edit.number} @@")
        lines += [f"-{edit.before}"] if edit.kind is not EditKind.ADD else []
        lines += [f"+{edit.after}"] if edit.kind is not EditKind.REMOVE else []
    if plan.newline_added:
        lines.append("(The last line gets the line break that it lacked: cron needs it.)")
    return "\n".join(lines)
