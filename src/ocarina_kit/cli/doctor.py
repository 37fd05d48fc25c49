"""``ocarina-kit doctor``: finds what is broken and, with ``--fix``, fixes what can be fixed automatically."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ocarina_kit.cli import options
from ocarina_kit.cli.options import Text, Texts, flag, option
from ocarina_kit.cli.ui import Result, Ui, labelled
from ocarina_kit.system.problem import Exit, Problem, Remedy, usage_error
from ocarina_kit.system.words import count, listed

if TYPE_CHECKING:
    from ocarina_kit.cli.context import Context
    from ocarina_kit.doctor.check import Check, Choice, Outcome
    from ocarina_kit.doctor.fix import Applied
    from ocarina_kit.doctor.world import World
    from ocarina_kit.system.change import Change

    Look = tuple[World, tuple[Outcome, ...]]

EPILOG = """Exit 0: healthy, warnings included. 1: a check failed. 5: something could not be checked, nothing failed.

Examples:
  ocarina-kit doctor --fix
  ocarina-kit doctor --only CFG --only TOK
  ocarina-kit doctor --explain CFG007
  ocarina-kit doctor --report -          to paste into a help channel"""

_ROUNDS = 6
"""Fixing one thing can show another: a file that can be read again, the tokens behind it, the entry behind those."""
_WORDS = {
    "ok": "ok",
    "warn": "warning",
    "fail": "failed",
    "unknown": "unknown",
    "skip": "skipped",
}
_checks = partial(
    option, metavar="ID|FAMILY", autocompletion=options.checks_and_families
)


def command(
    ctx: typer.Context,
    *,
    fix: Annotated[bool, flag("--fix", "Fix what can be fixed automatically.")] = False,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    offline: Annotated[bool, flag("--offline", "Do not ask the server.")] = False,
    only: Annotated[
        Texts, _checks("--only", help="Only these checks. Can be repeated.")
    ] = None,
    skip: Annotated[
        Texts, _checks("--skip", help="All but these checks. Can be repeated.")
    ] = None,
    verbose: options.Verbose = False,
    report: Annotated[
        Text, option("--report", "FILE|-", "Write a report without secrets and names.")
    ] = None,
    list_: Annotated[bool, flag("--list", "List all checks, and run none.")] = False,
    explain: Annotated[
        Text,
        option(
            "--explain", "ID", "Say more about a check.", autocompletion=options.checks
        ),
    ] = None,
    timeout: Annotated[
        float,
        option("--timeout", "SECONDS", "For all checks together.", min=0.1, max=3600),
    ] = 10.0,
) -> Result:
    """Find what is broken, and fix it with --fix. Without --fix it only reads."""
    from ocarina_kit.cli.context import start
    from ocarina_kit.doctor.check import choose, examine, summary
    from ocarina_kit.doctor.fix import remember_refused_access
    from ocarina_kit.doctor.world import World

    if ctx.obj.json and report == "-":
        remedy = Remedy(
            "Name a file for the report.", ("ocarina-kit doctor --json --report FILE",)
        )
        raise usage_error(
            "--json and --report - both need standard output.", remedy=remedy
        )
    context = start(ctx)
    if math.isnan(timeout):  # which passes for any range
        raise usage_error("--timeout nan is not a number of seconds.")
    if report not in (None, "-") and context.machine.expand(report).is_dir():
        raise usage_error(
            "--report names a folder, or is blank.", remedy=Remedy("Name a file.")
        )
    if list_:
        return _list(context.ui)
    if explain is not None:
        return _explain(context.ui, explain.strip().strip("[]").upper())
    if report == "-":
        context.ui.to_stderr()
    choice = choose(only or (), skip or (), offline=offline)

    def look() -> Look:
        with context.ui.waiting("Checking", timeout):
            world = World(context.machine, context.location, seconds=timeout)
            return world, examine(world, choice)

    if fix or dry_run:
        world, findings, backups = _fix(context, choice, look, yes=yes, dry_run=dry_run)
        if not dry_run:
            remember_refused_access(context.machine, world, findings)
    else:
        world, findings, backups = *look(), ""
    if report is not None:
        _write_report(context, world, findings, report)
    if report != "-":  # a person copies what the terminal shows
        _show(context, findings, verbose=verbose, backups=backups)
    data = {
        "summary": summary(findings),
        "checks": [_members(each) for each in findings],
    }
    return Result(data, _error(findings), shown=True)


def _members(finding: Outcome) -> dict[str, Any]:
    """A finding in the JSON document (CONTRACT.md, doctor)."""
    seen = {
        "status": finding.status,
        "detail": finding.said,
        "cause": finding.cause or None,
    }
    done = {"fixable": bool(finding.fix), "fixed": finding.fixed, "ms": finding.ms}
    return {**_row(finding, seen), **done}


def _row(of: Check | Outcome, seen: dict[str, Any]) -> dict[str, Any]:
    told = {"consequence": of.impact, "remedy": of.remedy._asdict()}
    return {"id": of.id, "family": of.family, "title": of.title, **seen, **told}


def _error(findings: Sequence[Outcome]) -> Problem | None:
    """The first failure (exit 1); else the first check that could not tell (5); else None (CONTRACT.md, doctor)."""
    for status, code in (("fail", Exit.PROBLEM), ("unknown", Exit.UNKNOWN)):
        for each in findings:
            if each.status == status:
                return Problem(
                    message=each.said,
                    id=each.id,
                    why=each.impact,
                    remedy=each.remedy,
                    exit=code,
                )
    return None


# --- what was found ---------------------------------------------------------------------------------------------


def _show(
    context: Context, findings: Sequence[Outcome], *, verbose: bool, backups: str
) -> None:
    """By family, then how many of what, then the next step. Quiet about what is fine."""
    from ocarina_kit.doctor.check import FAMILIES, PROBLEMS

    ui, seen = context.ui, [each for each in findings if not each.off]
    problems = [each for each in seen if each.status in PROBLEMS]
    skipped = [each for each in seen if each.status == "skip"]
    shown = seen if verbose else problems
    for family, heading in FAMILIES.items():
        rows = [each for each in shown if each.family == family]
        if rows:
            ui.heading(heading)
        for each in rows:
            _show_one(ui, each)
    if shown:
        ui.say()
    if problems or any(each.cause for each in skipped):
        if backups:
            ui.say(backups)
        ui.say(_totals(seen, problems, skipped))
        ui.next_step(*_next_step(context, problems))
        return
    ui.say(f"{_healthy(context, seen, skipped)} {backups}".strip())


def _healthy(
    context: Context, seen: Sequence[Outcome], skipped: Sequence[Outcome]
) -> str:
    """Say in one sentence what works, and what nobody could tell."""
    if not seen:
        return "Nothing was checked."
    works = sum(finding.status == "ok" for finding in seen)
    sentence = f"Everything works: {count(works, 'check')}"
    if skipped:
        sentence += f", {len(skipped)} skipped"
    unclear = [finding.id for finding in skipped if finding.unclear]
    if unclear:
        show = context.location.command("schedule", "--show")
        sentence += (
            f"; whether cron runs here is unknown ({', '.join(unclear)}): see "
            f"{show} after the next run"
        )
    return f"{sentence}."


def _show_one(ui: Ui, finding: Outcome) -> None:
    ui.status(
        _WORDS[finding.status], f"{finding.id}  {finding.said}", column=7, indent=2
    )
    excerpt = textwrap.dedent(finding.excerpt).splitlines()
    fits = ui.width is None or max(map(len, excerpt), default=0) + 13 <= ui.width
    for line in excerpt:
        if (
            fits or line.strip() != "^"
        ):  # below a line that the terminal breaks it would point at nothing
            ui.raw(line, indent=13)
    for text in filter(None, (finding.impact, finding.remedy.text)):
        ui.say(text, indent=11)
    for line in labelled("Fix: ", finding.remedy.commands):
        ui.raw(line, indent=11)


def _totals(
    seen: Sequence[Outcome], problems: Sequence[Outcome], skipped: Sequence[Outcome]
) -> str:
    """``34 ok, 2 failed, 9 skipped (they depend on these), 2 more skipped``."""
    from ocarina_kit.doctor.check import summary

    counts, causes = summary(seen), [each.cause for each in skipped if each.cause]
    parts = [
        f"{counts[each]} {_WORDS[each]}"
        for each in ("ok", "fail", "unknown")
        if counts[each]
    ]
    parts += [count(counts["warn"], "warning")] if counts["warn"] else []
    if causes:
        unseen = sorted(set(causes) - {each.id for each in problems})
        these = (
            f"{listed(unseen)}, not selected"
            if unseen
            else "this"
            if len(problems) == 1
            else "these"
        )
        they = "it depends" if len(causes) == 1 else "they depend"
        parts.append(f"{len(causes)} skipped ({they} on {these})")
    if others := len(skipped) - len(causes):
        parts.append(f"{others} {'more ' if causes else ''}skipped")
    return ", ".join(parts)


def _next_step(context: Context, problems: Sequence[Outcome]) -> tuple[str, str]:
    """What to do about the worst problems, and how many of all that fixes: of several commands the one that fixes most.

    The server's come first: nothing is refreshed while it is out.
    """
    from ocarina_kit.doctor.check import PROBLEMS
    from ocarina_kit.doctor.fix import SERVER, server_is_out

    if not problems:
        return context.location.command("doctor"), ""
    steps = [each.remedy.commands[0] for each in problems if each.remedy.commands]

    def fixes(each: Outcome) -> int:
        return sum(step in each.remedy.commands[:1] for step in steps)

    out, number = server_is_out(problems), len(problems)
    urgent = [each for each in problems if each.family in SERVER or not out]
    first = min(urgent, key=lambda each: (PROBLEMS.index(each.status), -fixes(each)))
    if not first.remedy.commands:
        return first.remedy.text, ""
    fixed, words = (
        fixes(first),
        {1: "", 2: "fixes both"}.get(number, f"fixes all {number}"),
    )
    return first.remedy.commands[
        0
    ], words if fixed == number else f"fixes {fixed} of {number}"


# --- --fix ------------------------------------------------------------------------------------------------------


def _fix(
    context: Context,
    choice: Choice,
    look: Callable[[], Look],
    *,
    yes: bool,
    dry_run: bool,
) -> tuple[World, tuple[Outcome, ...], str]:
    """Plan, show, ask, apply and look again, until nothing is left that can be fixed automatically. Returns the last
    look, what is right now marked as fixed, and where the backups are, in words, if one was made."""
    from ocarina_kit.doctor.fix import carry_out, plan, with_failures
    from ocarina_kit.system.change import difference
    from ocarina_kit.system.files import backups_folder

    world, findings = look()
    agreed: dict[
        str, tuple[str, str]
    ] = {}  # what each check had found, and its fix in words
    tried: list[Change] = []
    applied: list[Applied] = []
    for _ in range(_ROUNDS):
        planned = plan(world, choice, findings, tried)
        if planned.changes:
            context.ui.say("Changes:")
            for check, why in planned.rows.items():
                context.ui.status(check, why, column=6, indent=2)
            context.ui.diff(
                difference(planned.changes, context.machine, world.setup.secrets)
            )
        elif not applied:
            wrong = any(each.status in ("fail", "warn") for each in findings)
            context.ui.say(
                f"There is nothing {'that can be fixed automatically' if wrong else 'to fix'}."
            )
        if dry_run or not planned.changes:
            break
        if not context.agreed("Apply these changes?", yes=yes):
            context.ui.say(
                "The rest was left as it is." if applied else "Nothing was changed."
            )
            break
        for each in findings:
            tried += each.fix
            if each.id in planned.rows:
                agreed.setdefault(each.id, (each.status, planned.rows[each.id]))
        with context.ui.waiting("Applying the changes", 90.0) as waiting:
            applied += carry_out(context.machine, world, planned.changes, waiting)
        world, findings = look()
    after = []
    failed = any(problem is not None for _, problem, _ in applied)
    for each in findings:
        before, words = agreed.get(each.id, ("", ""))
        better = each.status == "ok" or (each.status, before) == ("warn", "fail")
        # What was wrong is no longer there: a tokens file that was set aside.
        gone = each.status == "skip" and not failed
        after.append(
            with_failures(
                each._replace(fixed=bool(before) and (better or gone)), applied
            )
        )
        if after[-1].fixed:
            context.ui.status(
                "fixed", f"{each.id}  {words if gone else each.said}", column=5
            )
    for change, problem, _ in applied:
        if problem is not None:
            text = f"{change.why}: {problem.text} {problem.why} [{problem.id}]"
            context.ui.status("failed", text, column=5)
    backups = f"Backups are in {backups_folder(context.machine)}"
    return world, tuple(after), backups if any(each.backup for each in applied) else ""


def _write_report(
    context: Context, world: World, findings: Sequence[Outcome], where: str
) -> None:
    from ocarina_kit.doctor.report import report

    text = report(world, findings)
    if where == "-":
        print(text, end="")
        return
    from ocarina_kit.system.files import write_private

    path = context.machine.expand(where)
    write_private(path, text.encode())
    context.ui.say(
        f"The report is in {path}: no secret, path, user name or host name is in it."
    )


# --- --list and --explain -----------------------------------------------------------------------------------------

_ERRORS = {
    "USE001": "The command was given something that it cannot use, or lacks something. Its --help says what it takes.",
    "INT001": "You interrupted the command. Each file is complete: a write is done, or has not begun.",
    "BUG001": "A bug in ocarina-kit. The log that it names holds no secret; please send it.",
    "SYS001": "The system allows no more processes, open files or memory.",
    "OUT001": "A question could not be shown, because the output failed.",
    "FIX001": "Another program changed a file between the look and the fix, so it was left alone. Run it again.",
    "LCK001": "The file system cannot lock. Without a lock two processes could spend one refresh token, so nothing is "
    "sent. Keep the tokens file elsewhere (MAJORA_TOKENS_FILE), or have locks enabled.",
    "LCK002": "Another process kept the lock of the file; on a shared home it may run on another host. A lock ends "
    "with its process: do not delete the lock file.",
    "FIL": "A file could not be written; it is as it was.",
    "LGN": "login says it about what was pasted, or about what the server answered. Its message names the next step.",
    "RFR": "refresh says it about one token: the server refused it or the client, or gave no usable answer.",
    "LGO": "logout says it: the server did not confirm that a token is revoked.",
    "SCH": "schedule says it about the crontab, or about the line to put there.",
    "INS": "install-client says it: nothing half-made was left.",
    "DEM": "The demo says it about one of its own steps. Your own set-up is not touched by it.",
    "SBX": "The sandbox, the practice Majora on this machine, says it.",
}
"""What the ids and families of errors are about that are no checks."""


def _list(ui: Ui) -> Result:
    from ocarina_kit.doctor.check import FAMILIES, all_checks

    for family, heading in FAMILIES.items():
        ui.heading(f"{heading} ({family})")
        for check in all_checks():
            if check.family == family:
                ui.status(check.id, check.title, column=6, indent=2)
    return Result(
        {"checks": [_row(check, {"detail": check.explain}) for check in all_checks()]}
    )


def _explain(ui: Ui, id: str) -> Result:
    """All that is to be said of a check, or of an error's id. Raises KitError (usage) for what is neither."""
    from ocarina_kit.doctor.check import REGISTRY, all_checks

    all_checks()
    check = REGISTRY.get(id)
    if check is None:
        words = _ERRORS.get(id) or _ERRORS.get(id[:3] if id[3:].isdigit() else "")
        if words is None:
            remedy = Remedy("List the checks.", ("ocarina-kit doctor --list",))
            raise usage_error(f"There is no check and no error {id!r}.", remedy=remedy)
        ui.say(f"{id}: {words}")
        return Result({"checks": [{"id": id, "family": id[:3], "detail": words}]})
    ui.heading(f"{check.id}: {check.title}")
    depends = (
        f"It depends on {', '.join(map(' or '.join, check.needs))}."
        if check.needs
        else ""
    )
    online = "It asks the server; --offline skips it." if check.online else ""
    parts = (
        check.explain,
        f"If it fails: {check.impact}",
        depends,
        online,
        check.remedy.text,
    )
    ui.say("\n".join(filter(None, parts)))
    for line in labelled("Fix: ", check.remedy.commands):
        ui.raw(line)
    return Result({"checks": [_row(check, {"detail": check.explain})]})
