"""How people see what the doctor found: the first thing to do, then by family, quiet about what is fine."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from ocarina_kit.checks.model import Finding, Status
from ocarina_kit.checks.registry import FAMILIES
from ocarina_kit.checks.view import MARKS, first_line, summary
from ocarina_kit.cli.render import Ui
from ocarina_kit.core.plan import Plan
from ocarina_kit.core.shown_plan import shown
from ocarina_kit.edges.apply import Applied

_STYLES = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "bold red", Status.UNKNOWN: "magenta"}


def show_findings(ui: Ui, findings: Sequence[Finding], *, verbose: bool) -> None:
    """The whole view."""
    ui.raw(first_line(findings))
    for family, heading in FAMILIES.items():
        shown_here = [
            finding for finding in findings if finding.check.family == family and _is_shown(finding, verbose)
        ]
        if not shown_here:
            continue
        ui.heading(heading)
        for finding in shown_here:
            _show_one(ui, finding)
    if not verbose:
        _show_skipped(ui, findings)
    ui.say()
    ui.say(_totals(findings))


def _totals(findings: Sequence[Finding]) -> str:
    counts = summary(findings)
    warnings = "warning" if counts["warn"] == 1 else "warnings"
    words = {"ok": "ok", "warn": warnings, "fail": "failed", "unknown": "unknown", "skip": "not judged"}
    return ", ".join(f"{counts[name]} {word}" for name, word in words.items() if counts[name]) + "."


def _show_skipped(ui: Ui, findings: Sequence[Finding]) -> None:
    """What rests on a failure is named, as its own faults are not seen yet; what was switched off is not."""
    resting: dict[str, list[str]] = {}
    for finding in findings:
        if finding.outcome.cause is not None:
            resting.setdefault(finding.outcome.cause, []).append(finding.check.id)
    if resting:
        ui.say()
        ui.say("Not judged yet:")
    for cause, ids in resting.items():
        _indented(ui, f"{', '.join(ids)} (each rests on {cause})", 2)


def _is_shown(finding: Finding, verbose: bool) -> bool:
    if verbose or finding.fixed:
        return True
    return finding.status in (Status.WARN, Status.FAIL, Status.UNKNOWN)


def _show_one(ui: Ui, finding: Finding) -> None:
    mark = "mended" if finding.fixed else MARKS[finding.status]
    wrong = finding.status in (Status.WARN, Status.FAIL, Status.UNKNOWN)
    ui.marked(mark, _STYLES.get(finding.status, ""), f"[{finding.check.id}] {finding.outcome.detail}")
    if not wrong:
        return
    for line in finding.outcome.excerpt.splitlines():
        ui.raw(f"      {line}")
    if finding.status is not Status.UNKNOWN:
        _indented(ui, finding.consequence, 4)
    _indented(ui, finding.remedy.text, 4)
    for command in finding.remedy.commands:
        ui.command(f"  {command}")


def _indented(ui: Ui, text: str, by: int) -> None:
    """A paragraph, indented as a whole, wrapped where there is a terminal to wrap it for. Long words stay whole."""
    if not text:
        return
    if ui.width is None or ui.width <= by + 20:
        ui.raw(" " * by + text)
        return
    for line in textwrap.wrap(
        text,
        ui.width - 1,
        initial_indent=" " * by,
        subsequent_indent=" " * by,
        break_long_words=False,
        break_on_hyphens=False,
    ):
        ui.raw(line)


def show_plan(ui: Ui, plan: Plan, words: str) -> str:
    """The changes, for a person to agree to; returns the diff."""
    text = shown(plan)
    ui.say(words)
    for change in plan.changes:
        _indented(ui, f"- {change.why}", 2)
    ui.diff(text)
    ui.say()
    return text


def show_applied(ui: Ui, applied: Sequence[Applied], *, declined: bool) -> None:
    if declined:
        ui.say("Nothing was changed." if not applied else "The rest was left as it is.")
    for each in applied:
        if each.problem is None:
            kept = f" (what it was: {each.kept})" if each.kept is not None else ""
            ui.good(f"{each.change.why}{kept}")
        else:
            ui.bad(f"{each.change.why}: {each.problem.what}")
            if each.problem.why:
                _indented(ui, each.problem.why, 4)
            _indented(ui, each.problem.remedy.text, 4)
            for command in each.problem.remedy.commands:
                ui.command(f"  {command}")
    if applied:
        ui.say()
