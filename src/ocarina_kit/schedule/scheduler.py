"""What the kit needs of a program that keeps a user's schedule and starts its entries.

Each such program is a subclass of `Scheduler` in a module of its own (`cron`). How a
schedule is changed is the same for all of them (`install`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

from ocarina_kit.client.find import environment_without
from ocarina_kit.schedule import problems
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.problem import Problem
from ocarina_kit.system.process import Completed
from ocarina_kit.system.secret import mask
from ocarina_kit.system.states import StrEnum, assert_never
from ocarina_kit.system.words import printable

# A spool on a network file system may be slow.
_SECONDS = 20.0


class ListingState(StrEnum):
    """What came of the question for a schedule."""

    READ = "read"
    NONE_YET = "none yet"
    NO_PROGRAM = "no program"
    NOT_ALLOWED = "not allowed"
    DOUBTFUL = "doubtful"  # the bytes that were listed may not be those that are kept
    FAILED = "failed"


class Listing(NamedTuple):
    """A schedule as its program listed it."""

    state: ListingState
    content: bytes = b""
    message: str = ""
    """What the program said, or for a doubtful listing what is doubtful in it."""

    @property
    def is_readable(self) -> bool:
        """Return whether it is known what is in the schedule."""
        return self.is_writable or self.state is ListingState.DOUBTFUL

    @property
    def is_writable(self) -> bool:
        """Return whether a schedule made from the content may be installed."""
        return self.state in (ListingState.READ, ListingState.NONE_YET)


class Written(NamedTuple):
    """What the program said to a new schedule."""

    message: str
    problem: Problem | None
    """What is wrong if the old schedule is still in. None: the program was content."""


class Scheduler(ABC):
    """A program that keeps this user's schedule."""

    name: ClassVar[str]
    """The program's command. It also names the backups."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.host = machine.host

    @abstractmethod
    def list_entries(self) -> Listing:
        """List the schedule. Never raises for what the program does."""

    @abstractmethod
    def write(self, content: bytes) -> Written:
        """Give the program a new schedule. Only a new listing shows what came of it."""

    @abstractmethod
    def remove(self) -> None:
        """Remove the schedule, so that there is none, as before the first one."""

    @abstractmethod
    def doubled_header(self, content: bytes) -> int:
        """Count the bytes of headers that the program put before what it was given."""

    def locate(self, number: int) -> str:
        """Say where an entry is, for people. Line numbers start at 1."""
        return f"line {number} of your {self.name}"

    def find_problem(self, listing: Listing) -> Problem | None:
        """Find the problem that forbids writing over what was listed."""
        match listing.state:
            case ListingState.READ | ListingState.NONE_YET:
                return None
            case ListingState.NO_PROGRAM:
                return problems.no_program(self.name, self.host)
            case ListingState.NOT_ALLOWED:
                return problems.not_allowed(self.name, self.host, listing.message)
            case ListingState.DOUBTFUL:
                return problems.not_shown_as_it_is(
                    self.name, self.host, listing.message
                )
            case ListingState.FAILED:
                return problems.unreadable_schedule(
                    self.name, self.host, listing.message
                )
            case state:
                assert_never(state)

    def _run(self, argument: str, stdin: bytes = b"") -> Completed:
        # Its messages are compared with known ones, so they must come in English.
        # Debian's crontab would list three header lines of its own with
        # CRONTAB_NOHEADER=N. It has no use for secrets.
        environment = environment_without(
            self._machine, r"LANGUAGE|CRONTAB_NOHEADER|\w*_(?:proxy|PROXY)"
        )
        environment["LC_ALL"] = "C"
        return self._machine.run(
            [self.name, argument], env=environment, stdin=stdin, timeout=_SECONDS
        )


def message_of(completed: Completed) -> str:
    """Read what a program said on standard error, or why it did not start.

    The text is safe to show.
    """
    text = completed.stderr[:4000].decode("utf-8", "replace").strip()
    return mask(printable(text or completed.error)).rstrip(".")
