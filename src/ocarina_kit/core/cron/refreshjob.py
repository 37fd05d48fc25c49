"""Recognises the crontab lines that refresh a token, whatever their shape, and whose token it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from ocarina_kit.core.cron.crontab import Crontab, JobText, Line, cron_environment
from ocarina_kit.core.cron.crontime import BadScheduleError, Schedule
from ocarina_kit.core.cron.refreshcall import Findings, Program, RefreshCall, Tool, extra_words, refreshes_in
from ocarina_kit.core.cron.shell import read_script

MARK = "ocarina-kit"
"""``# ocarina-kit`` ends each line that the kit writes; with a profile ``# ocarina-kit profile=NAME``."""

_MARK = re.compile(r"#\s*ocarina-kit(?:\s+profile=(?P<profile>.*))?")


class Kind(Enum):
    CLIENT = "client"
    KIT = "kit"
    KIT_FIRST = "kit-first"


@dataclass(frozen=True)
class RefreshJob:
    """A line that refreshes a token. ``active`` is False where it is commented out.

    ``calls`` are its refreshes in order; a ``kit-first`` line has the kit's and then the client's. ``other_work``
    names programs on the line that are neither a refresh nor its stage: such a line is a person's own.
    """

    line: Line
    active: bool
    text: JobText
    findings: Findings
    variables: Mapping[str, str]

    @property
    def number(self) -> int:
        """The line's number, from 1."""
        return self.line.number

    @property
    def calls(self) -> tuple[RefreshCall, ...]:
        return self.findings.calls

    @property
    def other_work(self) -> tuple[str, ...]:
        return self.findings.other_work

    @property
    def kind(self) -> Kind:
        tools = [call.tool for call in self.calls]
        if Tool.KIT not in tools:
            return Kind.CLIENT
        return Kind.KIT_FIRST if Tool.CLIENT in tools[tools.index(Tool.KIT) :] else Kind.KIT

    @property
    def client(self) -> Program | None:
        """The ocarina client, where the line runs it."""
        return next((call.program for call in self.calls if call.tool is Tool.CLIENT), None)

    @property
    def kit(self) -> Program | None:
        """ocarina-kit, where the line runs it."""
        return next((call.program for call in self.calls if call.tool is Tool.KIT), None)

    @cached_property
    def schedule(self) -> Schedule | None:
        """When it runs; None where cron does not accept the times (then :attr:`schedule_error` says why)."""
        try:
            return Schedule.parse(self.text.time)
        except BadScheduleError:
            return None

    @property
    def schedule_error(self) -> BadScheduleError | None:
        try:
            Schedule.parse(self.text.time)
        except BadScheduleError as problem:
            return problem
        return None

    @cached_property
    def comment(self) -> str:
        """What stands behind the command's ``#``, the ``#`` included; empty where nothing does."""
        return (read_script(self.text.command, {}).comment or "").rstrip()

    @property
    def marked(self) -> bool:
        """Whether ocarina-kit wrote it."""
        return _MARK.fullmatch(self.comment) is not None

    @property
    def marked_profile(self) -> str | None:
        match = _MARK.fullmatch(self.comment)
        return None if match is None else match["profile"]


def refresh_jobs(crontab: Crontab, user: str, home: str) -> tuple[RefreshJob, ...]:
    """All lines of a crontab that refresh a token, commented-out ones included, in order.

    ``user`` and ``home`` are those of the crontab's owner: a job's ``~`` and ``$HOME`` are theirs, unless the
    crontab sets HOME above the line. Never raises; linear in the crontab's length.
    """
    found: list[RefreshJob] = []
    variables: dict[str, str] = {}
    for line in crontab.lines:
        raw = line.raw
        if b"=" in raw and (variable := line.variable) is not None:
            variables[variable.name] = variable.value
            continue
        folded = raw.lower()
        if b"ocarina" not in folded and b"oauth" not in folded and b"refresh" not in folded:
            continue
        job = _recognise(line, cron_environment(user, home, variables), variables)
        if job is not None:
            found.append(job)
    return tuple(found)


def _recognise(line: Line, environment: Mapping[str, str], variables: Mapping[str, str]) -> RefreshJob | None:
    text = line.job or line.commented_job
    if text is None:
        return None
    active = line.job is not None
    findings = refreshes_in(_intended(text.command), environment)
    if not findings.calls:
        return None
    job = RefreshJob(line, active, text, findings, dict(variables))
    if not active and (
        job.schedule is None or findings.other_work or any(extra_words(call) for call in findings.calls)
    ):
        return None  # prose that quotes a command
    return job


def _intended(command: str) -> str:
    """The command as its author meant it: percent signs as they are, no options of cronie before it."""
    command = re.sub(r"\A(?:-[nqs]+[ \t]+)+", "", command)
    return command.replace("\\%", "%")
