"""What a check is: data, and one pure probe from facts to an outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING

from ocarina_kit.core.errors import Remedy
from ocarina_kit.core.plan import Plan

if TYPE_CHECKING:
    from ocarina_kit.core.facts import Facts


class Status(str, Enum):
    """CONTRACT.md, doctor: could-not-tell is neither fine nor broken."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"
    SKIP = "skip"


class Need(str, Enum):
    """A group of facts. Only the groups that the chosen checks need are gathered."""

    ENVIRONMENT = "environment"
    CONFIG = "config"
    TOKENS = "tokens"
    CLIENT = "client"
    SCHEDULE = "schedule"
    NETWORK = "network"
    """DNS, TCP, TLS and who answers there."""
    CREDENTIALS = "credentials"
    """The server's word on the client id and secret."""
    API = "api"
    """The server's word on a token or a legacy key, and on the client's version."""
    TABLE = "table"
    """The installed client's own table of endpoints and scope strings."""
    NAMED = "named"
    """The clients that the crontab's entry names and no search found."""


@dataclass(frozen=True)
class Outcome:
    """What a probe found.

    ``consequence`` and ``remedy`` replace the check's own where this outcome needs others. ``cause`` is the id of
    the check that failed, for a ``skip`` that rests on it. ``fix`` is what ``--fix`` would do about it.
    """

    status: Status
    detail: str
    consequence: str | None = None
    remedy: Remedy | None = None
    cause: str | None = None
    fix: Plan = field(default_factory=Plan)
    excerpt: str = ""
    """The line of a file with a caret under the place, secrets masked; shown to people below ``detail``."""
    switched_off: bool = False
    """A skip that stands for a check not judged (--offline, --only, --skip), not for one that does not apply."""


def ok(detail: str) -> Outcome:
    return Outcome(Status.OK, detail)


def warn(
    detail: str,
    *,
    consequence: str | None = None,
    remedy: Remedy | None = None,
    fix: Plan | None = None,
    excerpt: str = "",
) -> Outcome:
    return Outcome(Status.WARN, detail, consequence, remedy, fix=fix or Plan(), excerpt=excerpt)


def fail(
    detail: str,
    *,
    consequence: str | None = None,
    remedy: Remedy | None = None,
    fix: Plan | None = None,
    excerpt: str = "",
) -> Outcome:
    return Outcome(Status.FAIL, detail, consequence, remedy, fix=fix or Plan(), excerpt=excerpt)


def unknown(detail: str, *, remedy: Remedy | None = None) -> Outcome:
    return Outcome(Status.UNKNOWN, detail, remedy=remedy)


def not_applicable(detail: str) -> Outcome:
    """A skip because there is nothing to judge here; what rests on this check is judged all the same."""
    return Outcome(Status.SKIP, detail)


Rests = tuple[tuple[str, ...], ...]
"""Ids this check rests on, all of them; where one place may be held by either of several, they stand together."""


@dataclass(frozen=True)
class Check:
    """One row of CHECKS.md.

    ``probe`` is pure: facts in, outcome out. It is called only where everything in ``rests_on`` came out ``ok``
    or ``warn`` (or did not apply), so it may rely on what those checks have shown.
    """

    id: str
    title: str
    probe: Callable[[Facts], Outcome]
    consequence: str
    remedy: Remedy
    explain: str
    rests_on: Rests = ()
    needs: frozenset[Need] = frozenset()
    uses: frozenset[Need] = frozenset()
    """Gathered too, but the probe does without where it did not come in time."""
    online: bool = False
    """Needs the server: ``skip`` with --offline."""
    oauth_only: bool = False
    """``skip`` with a legacy API key as MAJORA_TOKEN."""

    @property
    def family(self) -> str:
        """The id's letters: ``CFG`` of ``CFG002``."""
        return self.id.rstrip("0123456789")


@dataclass(frozen=True)
class Finding:
    """A judged check, as it is shown."""

    check: Check
    outcome: Outcome
    fixed: bool = False
    ms: int = 0

    @property
    def status(self) -> Status:
        return self.outcome.status

    @property
    def fixable(self) -> bool:
        return bool(self.outcome.fix)

    @property
    def consequence(self) -> str:
        return self.check.consequence if self.outcome.consequence is None else self.outcome.consequence

    @property
    def remedy(self) -> Remedy:
        return self.check.remedy if self.outcome.remedy is None else self.outcome.remedy

    def as_fixed(self) -> Finding:
        return replace(self, fixed=True)
