"""The one error, its remedy, and the exit codes of CONTRACT.md. Every failure that a person sees is a `KitError`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Exit:
    """The exit codes (CONTRACT.md, Every command)."""

    OK = 0
    PROBLEM = 1
    USAGE = 2
    BUG = 3
    LOGIN = 4
    UNKNOWN = 5
    INTERRUPTED = 130


_FIRST = (
    Exit.INTERRUPTED,
    Exit.BUG,
    Exit.USAGE,
    Exit.LOGIN,
    Exit.PROBLEM,
    Exit.UNKNOWN,
)


def worst(exits: Iterable[int]) -> int:
    """The exit code if several apply: the first of 130, 3, 2, 4, 1, 5; 0 if none does."""
    seen = set(exits)
    return next((code for code in _FIRST if code in seen), Exit.OK)


class Remedy(NamedTuple):
    """What fixes a problem: a sentence for a person, and the exact commands in order, if there are any."""

    text: str = ""
    commands: tuple[str, ...] = ()


_NO_REMEDY = Remedy()
_SEE_HELP = Remedy("See what its --help says.")


class KitError(Exception):
    """A failure that is not a bug: what happened, why, and what fixes it. Its texts never hold a secret.

    ``id`` is a check's id if one fits (``CRD001``), else one of the kit's own (``USE001``). ``exit`` is the
    exit code of the process.
    """

    def __init__(
        self,
        what: str,
        *,
        id: str,
        why: str = "",
        remedy: Remedy = _NO_REMEDY,
        exit: int = Exit.PROBLEM,
    ) -> None:
        super().__init__(what)
        self.what, self.id, self.why, self.remedy, self.exit = (
            what,
            id,
            why,
            remedy,
            exit,
        )


def usage_error(
    what: str, *, id: str = "USE001", why: str = "", remedy: Remedy = _SEE_HELP
) -> KitError:
    """Wrong usage: exit 2."""
    return KitError(what, id=id, why=why, remedy=remedy, exit=Exit.USAGE)


def interrupted(
    what: str = "Interrupted.",
    why: str = "It was stopped by Ctrl-C or a signal; nothing is half-done.",
    remedy: Remedy = Remedy("Run it again to continue."),  # noqa: B008  # a NamedTuple of constants
) -> KitError:
    """``INT001``: exit 130."""
    return KitError(what, id="INT001", why=why, remedy=remedy, exit=Exit.INTERRUPTED)
