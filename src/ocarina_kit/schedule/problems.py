"""Every problem of a schedule, in words for people.

`scheduler` is always the command that keeps the schedule: ``crontab``.
"""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from ocarina_kit.system.problem import KitError, Problem, Remedy, usage_error
from ocarina_kit.system.words import one_line

EVERY_3H = ("ocarina-kit schedule --every 3h",)


def no_repeated_time(text: str, why: str) -> KitError:
    """Make CRN005 for fields that cron does not accept, or does not repeat."""
    return usage_error(
        f"{shortened(text)} is not a time that cron runs again and again.",
        id="CRN005",
        why=f"{why}.",
        remedy=Remedy(
            "Five fields: minute, hour, day of month, month, day of week.", EVERY_3H
        ),
    )


def too_rare(text: str, gap: str) -> KitError:
    """Make CRN005 for times between which a token expires. `gap` says where."""
    return usage_error(
        f"{shortened(text)} runs too rarely.",
        id="CRN005",
        why=f"{gap[0].upper()}{gap[1:]}.",
        remedy=Remedy(
            "Choose times less than 9 hours apart: the end of summer time adds one.",
            EVERY_3H,
        ),
    )


def no_interval(text: str) -> KitError:
    """Make the usage error for an interval that cron cannot express."""
    return usage_error(
        f"{shortened(text)} is not an interval that cron can run.",
        why="It is a number of full hours, as in 3h, or 2, 3, 4, 5, 6, 10, 12, 15, 20"
        " or 30 minutes, as in 30m.",
        remedy=Remedy("Give another interval, or leave it out.", EVERY_3H),
    )


def readers_disagree() -> KitError:
    """Make SCH010, for times that python-crontab reads in another way."""
    return usage_error(
        "Two readers of crontabs do not agree on the times, so nothing was written.",
        id="SCH010",
        why="Other crons may read them in yet another way.",
        remedy=Remedy("Leave the times to ocarina-kit.", EVERY_3H),
    )


def shortened(text: str) -> str:
    """Quote at most 24 characters of what a person gave to an option."""
    return repr(text) if len(text) <= 24 else f"{text[:24]!r}…"


# --- the program that keeps the schedule

_GIVE_LINE = Remedy(
    "Give the line to whoever can install it.", ("ocarina-kit schedule --print",)
)


def _quote(scheduler: str, answer: str) -> str:
    return f"{scheduler} says: {one_line(answer)}."


def no_program(scheduler: str, host: str) -> Problem:
    """Describe a host that lacks the command."""
    return Problem(
        id="CRN001",
        message=f"There is no {scheduler} command on {host}.",
        remedy=_GIVE_LINE,
    )


def not_allowed(scheduler: str, host: str, answer: str) -> Problem:
    """Describe a user who may not use the command. `answer` is what it said."""
    return Problem(
        id="CRN001",
        message=f"You are not allowed to use {scheduler} on {host}.",
        why=_quote(scheduler, answer),
        remedy=_GIVE_LINE,
    )


def unreadable_schedule(scheduler: str, host: str, answer: str) -> Problem:
    """Describe a schedule that could not be listed, for any other reason."""
    return Problem(
        id="CRN001",
        message=f"Your {scheduler} on {host} could not be read.",
        why=f"{_quote(scheduler, answer)} That does not mean that it is empty, "
        "so nothing was written.",
        remedy=Remedy("See what it says.", (f"{scheduler} -l",)),
    )


def not_shown_as_it_is(scheduler: str, host: str, doubt: str) -> Problem:
    """Describe a schedule that cannot be written back as it is.

    Args:
        scheduler: the command.
        host: where it is.
        doubt: what is in it: ``a NUL byte``.
    """
    return Problem(
        id="SCH002",
        message=f"Your {scheduler} on {host} holds {doubt}.",
        why=f"{scheduler} -l does not show those as they are, "
        "so writing it back could change your lines.",
        remedy=Remedy(
            "Remove them, or add the line yourself.",
            ("ocarina-kit schedule --print", f"{scheduler} -e"),
        ),
    )


def no_space(scheduler: str, host: str, answer: str) -> Problem:
    """Describe a full disk where schedules are kept."""
    return Problem(
        id="SCH004",
        message=f"There is no space for your {scheduler} on {host}.",
        why=f"{_quote(scheduler, answer)} The old {scheduler} is still in.",
        remedy=_GIVE_LINE,
    )


def refused_schedule(scheduler: str, host: str, answer: str) -> Problem:
    """Describe a new schedule that the program did not accept."""
    return Problem(
        id="SCH005",
        message=f"{scheduler} on {host} refused the new {scheduler}.",
        why=f"{_quote(scheduler, answer)} The old {scheduler} is still in.",
        remedy=Remedy(
            "Another line of yours may be wrong: fix it, and run this again.",
            (f"{scheduler} -e",),
        ),
    )


def always_changing(scheduler: str, host: str, saved: Path | None) -> Problem:
    """Describe a schedule that another program changes at each try."""
    problem = Problem(
        id="SCH006",
        message=f"Your {scheduler} on {host} does not stay as it is written.",
        why="Another program changes it at the same time.",
        remedy=_GIVE_LINE,
    )
    return _with_backup(problem, scheduler, saved)


def cut_short(scheduler: str, host: str) -> Problem:
    """Describe a write that was cut short. The old schedule is back."""
    return Problem(
        id="SCH007",
        message=f"The {scheduler} on {host} was cut short.",
        why="The old one was put back.",
        remedy=_GIVE_LINE,
    )


def cut_short_and_lost(scheduler: str, host: str, saved: Path | None) -> Problem:
    """Describe a write that was cut short. The old schedule is not back."""
    problem = Problem(
        id="SCH007",
        message=f"The {scheduler} on {host} was cut short.",
        why="The old one could not be put back.",
        remedy=_GIVE_LINE,
    )
    return _with_backup(problem, scheduler, saved)


def unknown_content(
    scheduler: str, host: str, answer: str, saved: Path | None
) -> Problem:
    """Describe a schedule that could not be read back."""
    problem = Problem(
        id="SCH009",
        message=f"It is unknown whether your {scheduler} on {host} was changed: "
        "it could not be read back.",
        why=_quote(scheduler, answer),
        remedy=_GIVE_LINE,
    )
    return _with_backup(problem, scheduler, saved)


def _with_backup(problem: Problem, scheduler: str, saved: Path | None) -> Problem:
    """Name the schedule from before, which may be lost."""
    if saved is None:
        return problem
    return problem._replace(
        why=f"{problem.why} The {scheduler} from before is in {saved}.",
        remedy=Remedy(
            "Look at it, and put the old one back if it is wrong.",
            (f"{scheduler} -l", f"{scheduler} {quote(str(saved))}"),
        ),
    )


def no_entry_possible(line: str, most_bytes: int) -> Problem:
    """Describe an entry that no crontab can hold."""
    return Problem(
        id="CRN007",
        message=f"No crontab can hold the entry: {line[:200]!r} …",
        why=f"cron takes {most_bytes} characters, and no control character.",
        remedy=Remedy("Use shorter and plainer paths: a symbolic link will do."),
    )
