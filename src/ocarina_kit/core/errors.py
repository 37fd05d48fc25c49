"""The one base error, the exit codes, and remedies. Every failure that a person sees is one of these."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of CONTRACT.md."""

    OK = 0
    PROBLEM = 1
    USAGE = 2
    BUG = 3
    LOGIN = 4
    UNKNOWN = 5
    INTERRUPTED = 130


def worst(exits: Iterable[Exit]) -> Exit:
    """The exit code where several apply: the first of 4, 1, 5; ``Exit.OK`` where none does."""
    seen = set(exits)
    for code in (Exit.INTERRUPTED, Exit.BUG, Exit.USAGE, Exit.LOGIN, Exit.PROBLEM, Exit.UNKNOWN):
        if code in seen:
            return code
    return Exit.OK


@dataclass(frozen=True)
class Remedy:
    """What mends a fault: a sentence for a person, and the exact commands, if any, in order."""

    text: str
    commands: tuple[str, ...] = ()


class KitError(Exception):
    """A failure that is not a bug: what happened, why, and what mends it.

    ``id`` is a check's id where one fits (``CRD001``), else one of the kit's own (``USE001``): a stable,
    upper-case word that people can search for. ``exit`` is the process's exit code. No text of an error
    ever holds a secret.
    """

    def __init__(
        self,
        what: str,
        *,
        id: str,
        why: str = "",
        remedy: Remedy | None = None,
        exit: Exit = Exit.PROBLEM,
    ) -> None:
        super().__init__(what)
        self.id = id
        self.what = what
        self.why = why
        self.remedy = remedy if remedy is not None else Remedy("")
        self.exit = exit


class UsageError(KitError):
    """Wrong usage: exit 2."""

    def __init__(self, what: str, *, id: str = "USE001", why: str = "", remedy: Remedy | None = None) -> None:
        super().__init__(what, id=id, why=why, remedy=remedy, exit=Exit.USAGE)
