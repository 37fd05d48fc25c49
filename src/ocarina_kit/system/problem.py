"""What a person is told when something is wrong: `Problem`, and the exit codes.

Every failure that is not a bug is a `Problem`. A function that cannot go on raises
`KitError` with it; the one error boundary is in `cli.app`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple


class Exit(IntEnum):
    """The exit codes of the process (docs/exit-codes.md)."""

    OK = 0
    PROBLEM = 1
    USAGE = 2
    BUG = 3
    LOGIN = 4
    UNKNOWN = 5
    INTERRUPTED = 130


_WORST_FIRST = (
    Exit.INTERRUPTED,
    Exit.BUG,
    Exit.USAGE,
    Exit.LOGIN,
    Exit.PROBLEM,
    Exit.UNKNOWN,
)


def worst(exits: Iterable[int]) -> Exit:
    """Return the exit code that counts if several apply, or `Exit.OK` for none."""
    codes = set(exits)
    for code in _WORST_FIRST:
        if code in codes:
            return code
    return Exit.OK


class Remedy(NamedTuple):
    """What fixes a problem: a sentence, and the commands in their order."""

    text: str = ""
    commands: tuple[str, ...] = ()


NO_REMEDY = Remedy()
_SEE_HELP = Remedy("See what its --help says.")
_NO_VALUES: Mapping[str, object] = MappingProxyType({})


class Problem(NamedTuple):
    """One thing that is wrong, in words for people. It never holds a secret."""

    id: str  # of the doctor's check where one fits, else of the kit's own
    message: str  # what happened; with `values`, a template for `str.format`
    why: str = ""
    remedy: Remedy = NO_REMEDY
    exit: Exit = Exit.PROBLEM
    values: Mapping[str, object] = _NO_VALUES  # what comes from outside

    @property
    def text(self) -> str:
        """The complete message, with its values."""
        if not self.values:
            return self.message
        return self.message.format_map(self.values)


class KitError(Exception):
    """Carries a `Problem` from where it is known to where it is shown."""

    def __init__(self, problem: Problem) -> None:
        """Take the message of the problem as that of the exception."""
        super().__init__(problem.text)
        self.problem = problem


def usage_error(
    message: str, *, id: str = "USE001", why: str = "", remedy: Remedy = _SEE_HELP
) -> KitError:
    """Make the error for wrong usage: exit 2."""
    return KitError(
        Problem(id=id, message=message, why=why, remedy=remedy, exit=Exit.USAGE)
    )


_AGAIN = Remedy("Run it again to continue.")


def interrupted(
    message: str = "Interrupted.",
    why: str = "It was stopped by Ctrl-C or a signal; nothing is half-done.",
    remedy: Remedy = _AGAIN,
) -> KitError:
    """Make the error ``INT001``, for Ctrl-C or a signal: exit 130."""
    return KitError(
        Problem(
            id="INT001",
            message=message,
            why=why,
            remedy=remedy,
            exit=Exit.INTERRUPTED,
        )
    )
