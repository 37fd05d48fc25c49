"""The doctor's findings as data: what comes first, in what words, and the members of its JSON document. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ocarina_kit.checks.model import Check, Finding, Status
from ocarina_kit.core.errors import Exit, KitError, Remedy

MARKS = {
    Status.OK: "ok",
    Status.WARN: "warning",
    Status.FAIL: "failed",
    Status.UNKNOWN: "unknown",
    Status.SKIP: "skipped",
}
"""Each status as a word: no sign, no colour alone."""


def summary(findings: Iterable[Finding]) -> dict[str, int]:
    counts = {status.value: 0 for status in Status}
    for finding in findings:
        counts[finding.status.value] += 1
    return counts


def members(finding: Finding) -> dict[str, Any]:
    """A finding's members in the JSON document (CONTRACT.md, doctor)."""
    wrong = finding.status in (Status.FAIL, Status.WARN, Status.UNKNOWN)
    remedy = finding.remedy if wrong else Remedy("")
    return {
        "id": finding.check.id,
        "family": finding.check.family,
        "title": finding.check.title,
        "status": finding.status.value,
        "detail": finding.outcome.detail,
        "cause": finding.outcome.cause,
        "consequence": finding.consequence if wrong else "",
        "remedy": {"text": remedy.text, "commands": list(remedy.commands)},
        "fixable": finding.fixable,
        "fixed": finding.fixed,
        "ms": finding.ms,
    }


def first(findings: Sequence[Finding]) -> Finding | None:
    """What to see to first: a failure, else what could not be told, else a warning; None where all is well."""
    for status in (Status.FAIL, Status.UNKNOWN, Status.WARN):
        for finding in findings:
            if finding.status is status:
                return finding
    return None


def error_of(findings: Sequence[Finding], exit: Exit) -> KitError | None:
    """The first finding that makes the exit code what it is, as an error."""
    finding = first(findings)
    if exit is Exit.OK or finding is None:
        return None
    return KitError(
        finding.outcome.detail,
        id=finding.check.id,
        why=finding.consequence if finding.status is Status.FAIL else "",
        remedy=finding.remedy,
        exit=exit,
    )


def first_line(findings: Sequence[Finding]) -> str:
    """The first thing to do, or that all is well."""
    finding = first(findings)
    if finding is None:
        judged = sum(each.status is Status.OK for each in findings)
        return f"All is well: {judged} checks, nothing to do." if judged else "Nothing was checked."
    doing = finding.remedy.commands[0] if finding.remedy.commands else finding.remedy.text
    if finding.status is Status.WARN:
        return f"Healthy, with a word of warning. When there is time: {doing}"
    if finding.status is Status.UNKNOWN:
        return f"Could not tell everything. First: {doing or 'try again later'}"
    return f"First: {doing}"


def row(check: Check) -> dict[str, Any]:
    """A check for ``--list``."""
    return {
        "id": check.id,
        "family": check.family,
        "title": check.title,
        "rests_on": [list(ids) for ids in check.rests_on],
        "online": check.online,
    }


def rests_words(check: Check) -> str:
    return ", ".join(" or ".join(ids) for ids in check.rests_on)
