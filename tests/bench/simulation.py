"""Simulates how long a token stays usable under each crontab line.

It also shows how evenly users are spread.

    python tests/bench/simulation.py [--years N]

An access token is valid for 10 h. The client alone never refreshes an expired one, so
somebody has to notice (16 h later on average) and log in; ocarina-kit refreshes it at
the next run that does not fail. The times are those that the guide and ``ocarina-kit
schedule`` write. The same seed gives the same numbers.
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ocarina_kit.schedule.times import TOKEN_LIFE, Times, parse_times, spread

MINUTES_A_DAY = 1440
GUIDE = parse_times("0 0,6,12,18 * * *")
DOMAIN = "https://majora.test/"
NOTICED_MINUTES = 16 * 60
"""How much later, on average, somebody notices an expired token, and logs in."""
RATES = (0.001, 0.01, 0.05, 0.2)
"""Shares of the runs that fail."""
DAYS_A_YEAR = 365.25


def ours(hours: int = 3, user: str = "tester") -> Times:
    """The times that ``schedule --every`` writes for a user."""
    return parse_times(spread(user, "login1", DOMAIN, hours * 60))


class Way(NamedTuple):
    """A crontab line: when it runs, and whether a run refreshes an expired token."""

    name: str
    schedule: Times
    renews: bool


WAYS = (
    Way("guide's line, every 6 h", GUIDE, renews=False),
    Way("--runner client, every 3 h", ours(3), renews=False),
    Way("kit-first, every 6 h", ours(6), renews=True),
    Way("kit-first, every 3 h", ours(3), renews=True),
)


class Result(NamedTuple):
    """The share of time with a usable token, and the logins that it took a year."""

    usable: float
    logins: float


def simulated(way: Way, failing: float, *, years: float, seed: int = 1) -> Result:
    """Simulate ``years`` under ``way``; the share ``failing`` of the runs fails."""
    chance = random.Random(seed)  # noqa: S311  # a simulation keeps no secret
    end = years * DAYS_A_YEAR * MINUTES_A_DAY
    since, until = 0.0, float(TOKEN_LIFE)  # logged in at the start
    bare, logins = 0.0, 0
    days = range(int(end // MINUTES_A_DAY))
    for run in (
        day * MINUTES_A_DAY + minute for day in days for minute in way.schedule.runs
    ):
        while not way.renews and until <= run:
            # Every run fails from now on, until somebody notices and logs in.
            since = until + chance.expovariate(1 / NOTICED_MINUTES)
            bare += min(since, end) - until
            logins += 1
            until = since + TOKEN_LIFE
        if run >= since and chance.random() >= failing:
            bare += max(0.0, run - until)
            until = run + TOKEN_LIFE
    return Result(1 - bare / end, logins / years)


def busiest(schedules: Iterator[Times]) -> float:
    """The load of the day's busiest minute, as a multiple of the mean."""
    hits = Counter(minute for schedule in schedules for minute in schedule.runs)
    return max(hits.values()) / (sum(hits.values()) / MINUTES_A_DAY)


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Simulate how long a token stays usable."
    )
    parser.add_argument("--years", type=float, default=200.0)
    asked = parser.parse_args(words)

    print(
        f"Share of {asked.years:g} years with a usable token (log-ins by hand a year)\n"
    )
    print("| failed runs | " + " | ".join(way.name for way in WAYS) + " |")
    print("| --- " * (len(WAYS) + 1) + "|")
    for rate in RATES:
        results = [simulated(way, rate, years=asked.years) for way in WAYS]
        cells = [
            f"{result.usable * 100:.2f} % ({result.logins:.3g})" for result in results
        ]
        print(f"| {rate * 100:g} % | " + " | ".join(cells) + " |")

    spread = busiest(ours(3, f"user{number}") for number in range(10_000))
    guide = busiest(GUIDE for _ in range(10_000))
    print(
        "\nThe busiest minute of the day, 10,000 users on one host, as a multiple of"
        " the mean:"
    )
    print(f"ocarina-kit schedule {spread:.2f}, the guide's line {guide:.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
