"""Decides what happens to a crontab: one good line for an owner, everything else left as it is.

Pure: it returns the new crontab and what was done to which line. Doing it twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from enum import Enum
from posixpath import join, normpath

from ocarina_kit.core.cron.cronhazards import bad_shell
from ocarina_kit.core.cron.cronline import LineSpec, build_line
from ocarina_kit.core.cron.cronruns import longest_gap
from ocarina_kit.core.cron.cronspread import TOKEN_LIFE_MINUTES
from ocarina_kit.core.cron.crontab import Crontab, Line, encode, values
from ocarina_kit.core.cron.refreshcall import RefreshCall
from ocarina_kit.core.cron.refreshjob import RefreshJob, refresh_jobs


@dataclass(frozen=True)
class Owner:
    """Whose entry a line is: that of its configuration and profile, which together name the tokens file.

    ``home`` and ``config`` are absolute; ``profile`` is None for the file's own root members.
    """

    user: str
    home: str
    config: str
    profile: str | None = None


class EditKind(Enum):
    ADD = "add"
    REPLACE = "replace"
    REMOVE = "remove"
    SWITCH_ON = "switch-on"


@dataclass(frozen=True)
class Edit:
    """One change. ``number`` is the line's in the crontab as it was, from 1; for ``ADD`` where it comes to stand."""

    kind: EditKind
    number: int
    before: str
    after: str


class Outcome(Enum):
    UNCHANGED = "unchanged"
    CHANGED = "changed"
    SWITCHED_OFF = "switched-off"
    """The only entry is commented out, and nobody agreed to switch it on: nothing is changed."""
    MIXED = "mixed"
    """The only entry does other work as well: nothing is changed, a person must take the refresh out of it."""


@dataclass(frozen=True)
class SchedulePlan:
    """What becomes of the crontab.

    Attributes:
        after: the crontab to install; the one that came in where nothing changes.
        line: the entry as it will stand, or None.
        others: active refresh entries that belong to another config, profile or tokens file: left.
        mixed: this owner's lines that do other work as well: left, a person must take the refresh out of them.
        switched_off: this owner's commented-out entries.
        newline_added: the last line lacked its line break and gets one.
    """

    outcome: Outcome
    after: Crontab
    line: str | None = None
    edits: tuple[Edit, ...] = ()
    others: tuple[RefreshJob, ...] = ()
    mixed: tuple[RefreshJob, ...] = ()
    switched_off: tuple[RefreshJob, ...] = ()
    newline_added: bool = False


@dataclass(frozen=True)
class Entries:
    """The refresh lines of a crontab, sorted by what they are to one owner."""

    own: tuple[RefreshJob, ...] = ()
    mixed: tuple[RefreshJob, ...] = ()
    switched_off: tuple[RefreshJob, ...] = ()
    others: tuple[RefreshJob, ...] = ()

    @property
    def active(self) -> tuple[RefreshJob, ...]:
        """All lines of this owner that cron runs."""
        return tuple(sorted((*self.own, *self.mixed), key=lambda job: job.number))


def _same(path: str) -> str:
    return normpath(path)


def sort_entries(crontab: Crontab, owner: Owner, *, canonical: Callable[[str], str] = _same) -> Entries:
    """Sorts every refresh line: this owner's, or another's.

    ``canonical`` makes one path of several that mean the same file (``os.path.realpath`` at the edge).
    """
    own: list[RefreshJob] = []
    mixed: list[RefreshJob] = []
    switched_off: list[RefreshJob] = []
    others: list[RefreshJob] = []
    for job in refresh_jobs(crontab, owner.user, owner.home):
        mine = [belongs(job, call, owner, canonical) for call in job.calls]
        if not any(mine):
            if job.active:
                others.append(job)
        elif not job.active:
            switched_off.append(job)
        elif job.other_work or not all(mine):
            mixed.append(job)
        else:
            own.append(job)
    return Entries(tuple(own), tuple(mixed), tuple(switched_off), tuple(others))


def belongs(
    job: RefreshJob, call: RefreshCall, owner: Owner, canonical: Callable[[str], str] = _same
) -> bool:
    """Whether this refresh is of the owner's configuration and profile.

    A ``HOME=`` line of the crontab that leads away from the owner's home breaks an entry (CRN007); it does not
    make it another's. ``HOME=`` on the line itself does.
    """
    if call.config is None or call.profile != owner.profile:
        return False
    config = call.config
    stray_home = job.variables.get("HOME")
    if stray_home is not None and call.environment.get("HOME") == stray_home and not call.config_named:
        config = join(owner.home, ".ocarina")
    return canonical(config) == canonical(owner.config)


def plan_schedule(
    crontab: Crontab,
    spec: LineSpec,
    owner: Owner,
    *,
    keep_times: bool = True,
    switch_on: bool = False,
    canonical: Callable[[str], str] = _same,
    gone_shells: Container[str] = (),
) -> SchedulePlan:
    """One good line for ``owner``: repaired in place where there is one, else added at the end.

    Args:
        crontab: as it was read.
        spec: the line to have.
        owner: whose it is; other owners' lines are left.
        keep_times: a marked line whose own times keep a token fresh keeps them; False where a person gave times.
        switch_on: a person agreed to switch a commented-out entry on again.
        canonical: see :func:`sort_entries`.
        gone_shells: values of ``SHELL`` that name no program of this host.

    Raises:
        LineError: the line cannot be built (see :func:`~ocarina_kit.core.cron.cronline.build_line`).
    """
    entries = sort_entries(crontab, owner, canonical=canonical)
    found = _Found(crontab, entries, gone_shells)
    if entries.own:
        keep = _survivor(entries.own)
        if keep_times and keep.marked and _keeps_fresh(keep):
            spec = replace(spec, schedule=keep.text.time)
        return found.settle(spec, keep.line, [job.line for job in entries.own if job is not keep])
    if entries.mixed:
        return found.unchanged(Outcome.MIXED)
    if entries.switched_off:
        if not switch_on:
            return found.unchanged(Outcome.SWITCHED_OFF)
        return found.settle(spec, _survivor(entries.switched_off).line, [], kind=EditKind.SWITCH_ON)
    return found.settle(spec, None, [])


def plan_removal(crontab: Crontab, owner: Owner, *, canonical: Callable[[str], str] = _same) -> SchedulePlan:
    """Takes out this owner's active entries; a line that does other work as well is left and named."""
    entries = sort_entries(crontab, owner, canonical=canonical)
    found = _Found(crontab, entries)
    if not entries.own:
        return found.unchanged(Outcome.UNCHANGED)
    edits = [Edit(EditKind.REMOVE, job.number, job.line.text, "") for job in entries.own]
    return found.plan(crontab.remove(*(job.line.index for job in entries.own)), None, edits)


def _survivor(jobs: tuple[RefreshJob, ...]) -> RefreshJob:
    """The line that is kept in place: the kit's own, else the first."""
    return next((job for job in jobs if job.marked), jobs[0])


def _keeps_fresh(job: RefreshJob) -> bool:
    if job.schedule is None or job.schedule.quirks:
        return False
    gap = longest_gap(job.schedule)
    return gap is not None and gap.minutes < TOKEN_LIFE_MINUTES


@dataclass(frozen=True)
class _Found:
    """A crontab under repair."""

    crontab: Crontab
    entries: Entries
    gone_shells: Container[str] = ()

    def unchanged(self, outcome: Outcome, line: str | None = None) -> SchedulePlan:
        return self._with(SchedulePlan(outcome, self.crontab, line))

    def plan(self, after: Crontab, line: str | None, edits: list[Edit]) -> SchedulePlan:
        added = not self.crontab.ends_in_newline and after.ends_in_newline and line is not None
        return self._with(SchedulePlan(Outcome.CHANGED, after, line, tuple(edits), newline_added=added))

    def _with(self, plan: SchedulePlan) -> SchedulePlan:
        entries = self.entries
        return replace(plan, others=entries.others, mixed=entries.mixed, switched_off=entries.switched_off)

    def settle(
        self, spec: LineSpec, keep: Line | None, drop: list[Line], *, kind: EditKind = EditKind.REPLACE
    ) -> SchedulePlan:
        """``keep`` becomes the good line, ``drop`` goes; with no ``keep`` the line is added."""
        crontab = self.crontab
        at = len(crontab.lines) if keep is None else keep.index
        place = _place(crontab, at, self.gone_shells)
        text = build_line(spec, values(crontab.variables_at(place)))
        if keep is not None and place == at and keep.text == text and not drop and self._is_whole(keep):
            return self.unchanged(Outcome.UNCHANGED, text)
        after = crontab.remove(*(line.index for line in drop))
        edits = [Edit(EditKind.REMOVE, line.number, line.text, "") for line in drop]
        place, at = (index - sum(line.index < index for line in drop) for index in (place, at))
        if keep is None:
            edits.append(Edit(EditKind.ADD, place + 1, "", text))
            after = after.insert(place, encode(text))
        elif place == at:
            if keep.text != text or not self._is_whole(keep):
                edits.append(Edit(kind, keep.number, keep.text, text))
            after = after.replace(at, encode(text))
            if not after.ends_in_newline and at == len(after.lines) - 1:
                after = Crontab((*after.pieces, b""))
        else:  # a SHELL line above it that no line can mend from below: it moves before that
            edits.append(Edit(kind, keep.number, keep.text, text))
            after = after.remove(at).insert(place, encode(text))
        return self.plan(after, text, sorted(edits, key=lambda edit: edit.number))

    def _is_whole(self, line: Line) -> bool:
        return self.crontab.ends_in_newline or line.index < len(self.crontab.lines) - 1


def _place(crontab: Crontab, index: int, gone_shells: Container[str]) -> int:
    """Where a line for ``index`` runs under a shell that can read it: before the SHELL lines that spoil it."""
    place = index
    for line in reversed(crontab.lines[:index]):
        variable = line.variable
        if variable is not None and variable.name == "SHELL":
            if not bad_shell(variable.value, gone_shells):
                break
            place = variable.index
    return place
