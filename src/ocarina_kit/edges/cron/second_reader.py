"""A second reader for the one line that the kit writes: python-crontab must see the same times in it.

Only ever our own line: what python-crontab does to other people's is why it writes no crontab here.
"""

from __future__ import annotations

from ocarina_kit.core.cron.crontab import parse_job
from ocarina_kit.core.cron.crontime import BadScheduleError, Schedule
from ocarina_kit.core.errors import KitError, Remedy


def hold_against_second_reader(line: str) -> None:
    """Raises KitError (``SCH010``) where python-crontab reads other times in ``line`` than the kit, or none."""
    job = parse_job(line)
    ours = Schedule.parse(job.time) if job is not None else None
    why = _disagreement(line, ours)
    if why:
        raise KitError(
            "Two readers of crontab lines do not agree on the one to be written, so it was not.",
            id="SCH010",
            why=f"{why} Other crons may read it yet another way.",
            remedy=Remedy("Leave the times to ocarina-kit.", ("ocarina-kit schedule --every 3h",)),
        )


def _disagreement(line: str, ours: Schedule | None) -> str:
    import logging

    from crontab import CronTab

    logging.getLogger("crontab").setLevel(logging.CRITICAL)  # what it has to say is said below
    jobs = list(CronTab(tab=line + "\n"))
    if len(jobs) != 1 or ours is None:
        return "python-crontab takes it for no job."
    (job,) = jobs
    if not job.is_valid() or not job.is_enabled():
        return "python-crontab takes it for no job that runs."
    rendered = job.slices.render()
    try:
        theirs = Schedule.parse(rendered)
    except BadScheduleError:
        return f"python-crontab reads the times as {rendered!r}."
    if _meaning(theirs) != _meaning(ours):
        return f"python-crontab reads the times {ours.text!r} as {rendered!r}."
    return ""


def _meaning(schedule: Schedule) -> tuple[object, ...]:
    return (schedule.minutes, schedule.hours, schedule.days, schedule.months, schedule.weekdays)
