"""Every problem of a schedule, in words for people."""

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


# --- the crontab command


_GIVE_LINE = Remedy(
    "Give the line to whoever can install it.", ("ocarina-kit schedule --print",)
)


def _quote(words: str) -> str:
    return f"crontab says: {one_line(words)}."


def no_crontab_program(host: str) -> Problem:
    """Describe a host without a crontab command."""
    return Problem(
        id="CRN001",
        message=f"There is no crontab command on {host}.",
        remedy=_GIVE_LINE,
    )


def crontab_not_allowed(host: str, words: str) -> Problem:
    """Describe a user who may not use crontab; `words` are the program's own."""
    return Problem(
        id="CRN001",
        message=f"You are not allowed to use crontab on {host}.",
        why=_quote(words),
        remedy=_GIVE_LINE,
    )


def crontab_unreadable(host: str, words: str) -> Problem:
    """Describe a crontab that could not be listed, for any other reason."""
    return Problem(
        id="CRN001",
        message=f"Your crontab on {host} could not be read.",
        why=f"{_quote(words)} That does not mean that it is empty, "
        "so nothing was written.",
        remedy=Remedy("See what it says.", ("crontab -l",)),
    )


def crontab_not_shown_as_it_is(host: str, doubt: str) -> Problem:
    """Describe a crontab that cannot be written back as it is.

    Args:
        host: Whose crontab.
        doubt: What is in it, for example ``a NUL byte``.
    """
    return Problem(
        id="SCH002",
        message=f"Your crontab on {host} holds {doubt}.",
        why="crontab -l does not show those as they are, "
        "so writing it back could change your lines.",
        remedy=Remedy(
            "Remove them, or add the line yourself.",
            ("ocarina-kit schedule --print", "crontab -e"),
        ),
    )


def no_space_for_crontab(host: str, words: str) -> Problem:
    """Describe a full disk where crontabs are kept."""
    return Problem(
        id="SCH004",
        message=f"There is no space for your crontab on {host}.",
        why=f"{_quote(words)} The old crontab is still in.",
        remedy=_GIVE_LINE,
    )


def crontab_refused(host: str, words: str) -> Problem:
    """Describe a new crontab that the program did not accept."""
    return Problem(
        id="SCH005",
        message=f"crontab on {host} refused the new crontab.",
        why=f"{_quote(words)} The old crontab is still in.",
        remedy=Remedy(
            "Another line of yours may be wrong: fix it, and run this again.",
            ("crontab -e",),
        ),
    )


def crontab_keeps_changing(host: str, saved: Path | None) -> Problem:
    """Describe a crontab that another program changes at each try."""
    problem = Problem(
        id="SCH006",
        message=f"Your crontab on {host} does not stay as it is written.",
        why="Another program changes it at the same time.",
        remedy=_GIVE_LINE,
    )
    return _with_backup(problem, saved)


def crontab_cut_short(host: str) -> Problem:
    """Describe a write that was cut short; the old crontab is back."""
    return Problem(
        id="SCH007",
        message=f"The crontab on {host} was cut short.",
        why="The old one was put back.",
        remedy=_GIVE_LINE,
    )


def crontab_cut_short_and_lost(host: str, saved: Path | None) -> Problem:
    """Describe a write that was cut short; the old crontab could not be put back."""
    problem = Problem(
        id="SCH007",
        message=f"The crontab on {host} was cut short.",
        why="The old one could not be put back.",
        remedy=_GIVE_LINE,
    )
    return _with_backup(problem, saved)


def crontab_state_unknown(host: str, words: str, saved: Path | None) -> Problem:
    """Describe a crontab that could not be read back."""
    problem = Problem(
        id="SCH009",
        message=f"It is unknown whether your crontab on {host} was changed: "
        "it could not be read back.",
        why=_quote(words),
        remedy=_GIVE_LINE,
    )
    return _with_backup(problem, saved)


def _with_backup(problem: Problem, saved: Path | None) -> Problem:
    """Name the crontab from before, which may be lost."""
    if saved is None:
        return problem
    return problem._replace(
        why=f"{problem.why} The crontab from before is in {saved}.",
        remedy=Remedy(
            "Look at it, and put the old one back if it is wrong.",
            ("crontab -l", f"crontab {quote(str(saved))}"),
        ),
    )
