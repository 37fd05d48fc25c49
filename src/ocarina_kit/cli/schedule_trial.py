"""``schedule --test``: run the line now, as cron would, and say what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocarina_kit.cli.result import Result
from ocarina_kit.core.durations import in_words
from ocarina_kit.flows import schedule_trial
from ocarina_kit.flows.schedule_desk import look

if TYPE_CHECKING:
    from ocarina_kit.cli.context import Run
    from ocarina_kit.core.cron.schedule_wish import Wish
    from ocarina_kit.core.setup import Setup


def try_entry(run: Run, setup: Setup, wish: Wish | None) -> Result:
    """``wish`` is None where the installed line is meant; without one, the line that would be installed is tried."""
    ui = run.ui
    desk = look(run.system, run.place, setup)
    job, installed = schedule_trial.job_to_try(desk, wish)
    whose = f"line {job.number} of your crontab" if installed else "the line that schedule would install"
    ui.say(
        f"Running {whose} as cron does: bare environment, from home, no terminal ({schedule_trial.LIMIT})."
    )
    ui.raw(schedule_trial.shown(desk, job))
    trial = schedule_trial.run_now(desk, job)
    ran, verdict = trial.ran, trial.verdict
    ui.say()
    if ran.output:
        ui.say("It wrote (cron would mail it):")
        for line in ran.output.splitlines():
            ui.raw(f"    {line}")
    else:
        ui.say("It wrote nothing, so cron would mail nothing.")
    ended = f"exit code {ran.code}" if ran.code is not None else f"did not end by itself: {ran.error}"
    ui.say(f"It took {in_words(ran.ended - ran.started)}; {ended}.")
    for note in verdict.notes:
        ui.warn(note)
    if verdict.fresh and verdict.until is not None:
        count = f"{len(verdict.fresh)} token{'s' if len(verdict.fresh) > 1 else ''}"
        until = desk.facts.local(verdict.until).strftime("%a %H:%M")
        by = f" by {verdict.by}" if verdict.by else ""
        ui.good(f"{count} refreshed{by}, by their own times; usable until {until}.")
    data = {
        "line": schedule_trial.shown(desk, job),
        "installed": installed,
        "exit_code": ran.code,
        "ended": ran.error or "by itself",
        "seconds": round(ran.ended - ran.started, 1),
        "output": ran.output,
        "by": verdict.by or None,
        "refreshed": list(verdict.fresh),
        "not_refreshed": list(verdict.stale),
        "warnings": list(verdict.notes),
    }
    if verdict.error is not None:
        return Result.failed(verdict.error, data)
    return Result(data=data)
