"""Every problem of a schedule, in words for people."""

from __future__ import annotations

from ocarina_kit.system.problem import KitError, Remedy, usage_error

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
