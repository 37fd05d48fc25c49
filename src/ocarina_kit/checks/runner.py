"""Judges the checks in the registry's order: one fault, one failure; what follows from it is a skip."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ocarina_kit.checks.model import Check, Finding, Need, Outcome, Status
from ocarina_kit.core.errors import Exit, Remedy, UsageError

if TYPE_CHECKING:
    from ocarina_kit.core.facts import Facts

_PASSES = (Status.OK, Status.WARN)


@dataclass(frozen=True)
class Choice:
    """Which checks a person asked for. ``only`` and ``skip`` hold ids and families in upper case."""

    only: frozenset[str] = frozenset()
    skip: frozenset[str] = frozenset()
    offline: bool = False

    def why_off(self, check: Check) -> str | None:
        """Why ``check`` is switched off, or None."""
        if check.id in self.skip or check.family in self.skip:
            return "switched off by --skip"
        if self.only and not {check.id, check.family} & self.only:
            return "switched off by --only"
        if self.offline and check.online:
            return "switched off by --offline"
        return None


def choose(registry: Sequence[Check], only: Iterable[str], skip: Iterable[str], *, offline: bool) -> Choice:
    """Read ``--only`` and ``--skip``. Raises UsageError for a name that is neither an id nor a family."""
    known = {check.id for check in registry} | {check.family for check in registry}
    read: list[frozenset[str]] = []
    for option, values in (("--only", only), ("--skip", skip)):
        names = frozenset(part for value in values for part in value.upper().replace(",", " ").split())
        if strangers := sorted(names - known):
            raise UsageError(
                f"{option}: there is no check or family {', '.join(strangers)}.",
                why=f"Families: {', '.join(sorted({check.family for check in registry}))}.",
                remedy=Remedy("Each is described in the list.", ("ocarina-kit doctor --list",)),
            )
        read.append(names)
    return Choice(read[0], read[1], offline)


def needed(registry: Sequence[Check], choice: Choice) -> frozenset[Need]:
    """The facts that the chosen checks need, and those that the checks they rest on need."""
    by_id = {check.id: check for check in registry}
    wanted: set[str] = set()

    def want(check: Check) -> None:
        if check.id in wanted or (choice.offline and check.online):
            return
        wanted.add(check.id)
        for ids in check.rests_on:
            for rest in ids:
                want(by_id[rest])

    for check in registry:
        if choice.why_off(check) is None:
            want(check)
    return frozenset(need for id in wanted for need in by_id[id].needs | by_id[id].uses)


def judge(
    registry: Sequence[Check],
    facts: Facts,
    choice: Choice,
    *,
    stopwatch: Callable[[], float],
) -> tuple[Finding, ...]:
    """Judge every check of ``registry``, each after those that it rests on; findings stand in the registry's order.

    A check that is switched off is judged unseen where a chosen one rests on it, and shown as ``skip``.
    ``stopwatch`` gives seconds; a finding's ``ms`` is the time of its facts and its judgement.
    """
    by_id = {check.id: check for check in registry}
    seen: dict[str, tuple[Outcome, int]] = {}

    def outcome(check: Check) -> Outcome:
        if check.id not in seen:
            started = stopwatch()
            found = _judge_one(check, facts, choice, lambda id: outcome(by_id[id]))
            seen[check.id] = (found, round((stopwatch() - started) * 1000))
        return seen[check.id][0]

    findings: list[Finding] = []
    for check in registry:
        if why := choice.why_off(check):
            findings.append(Finding(check, Outcome(Status.SKIP, why, switched_off=True)))
            continue
        found = outcome(check)
        measured = facts.milliseconds.get(check.id, 0)
        findings.append(Finding(check, found, ms=seen[check.id][1] + measured))
    return tuple(findings)


def _judge_one(check: Check, facts: Facts, choice: Choice, ask: Callable[[str], Outcome]) -> Outcome:
    if check.oauth_only and facts.uses_api_key:
        return Outcome(Status.SKIP, "not needed with an API key")
    if choice.offline and check.online:
        return Outcome(Status.SKIP, "switched off by --offline", switched_off=True)
    for ids in check.rests_on:
        seen = {id: ask(id) for id in ids}
        # Of several that may each hold a place, those that do not apply here hold none.
        applying = {id: outcome for id, outcome in seen.items() if not _does_not_apply(outcome)} or seen
        blocked = [_blocker(id, outcome) for id, outcome in applying.items()]
        if all(blocked):
            cause = next((id for id in blocked if id), ids[0])
            return Outcome(Status.SKIP, f"rests on {cause}", cause=cause)
    if late := sorted(need.value for need in check.needs if need.value in facts.late):
        return Outcome(Status.UNKNOWN, f"Time ran out before this was seen: {', '.join(late)}.")
    return check.probe(facts)


def _does_not_apply(outcome: Outcome) -> bool:
    return outcome.status is Status.SKIP and outcome.cause is None and not outcome.switched_off


def _blocker(id: str, outcome: Outcome) -> str | None:
    """The id of what keeps a check that rests on ``id`` from being judged; None where nothing does."""
    if outcome.status in _PASSES:
        return None
    if outcome.status is Status.SKIP:
        if outcome.cause is not None:
            return outcome.cause
        return id if outcome.switched_off else None
    return id


def exit_code(findings: Iterable[Finding]) -> Exit:
    """1 with any ``fail``; else 5 with any ``unknown``; else 0; never 4 (CONTRACT.md, doctor)."""
    statuses = {finding.status for finding in findings}
    if Status.FAIL in statuses:
        return Exit.PROBLEM
    return Exit.UNKNOWN if Status.UNKNOWN in statuses else Exit.OK
