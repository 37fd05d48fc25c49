"""``ocarina-kit doctor``: finds what is broken and, with ``--fix``, fixes what can be fixed automatically."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ocarina_kit.cli import completion, options
from ocarina_kit.cli.options import Text, Texts, flag, option
from ocarina_kit.cli.ui import Result, Ui, labelled, remedy_data
from ocarina_kit.system.errors import Exit, KitError, Remedy, usage_error
from ocarina_kit.system.words import count, listed, tilde

if TYPE_CHECKING:
    from ocarina_kit.cli.context import Run
    from ocarina_kit.doctor.check import Check, Finding
    from ocarina_kit.doctor.fix import Fixed, Planned
    from ocarina_kit.doctor.world import World

EPILOG = """Exit 0: healthy, warnings included. 1: a check failed. 5: something could not be checked, nothing failed.

Examples:
  ocarina-kit doctor --fix
  ocarina-kit doctor --only CFG --only TOK
  ocarina-kit doctor --explain CFG007
  ocarina-kit doctor --report -          to paste into a help channel"""


def _checks(name: str, help: str) -> Any:
    """An option that takes ids and families."""
    complete = completion.checks_and_families
    return option(name, "ID|FAMILY", f"{help} Can be repeated.", autocompletion=complete)


_WORDS = {"ok": "ok", "warn": "warning", "fail": "failed", "unknown": "unknown", "skip": "skipped"}


def command(
    context: typer.Context,
    *,
    fix: Annotated[bool, flag("--fix", "Fix what can be fixed automatically.")] = False,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    offline: Annotated[bool, flag("--offline", "Do not ask the server.")] = False,
    only: Annotated[Texts, _checks("--only", "Only these checks.")] = None,
    skip: Annotated[Texts, _checks("--skip", "All but these checks.")] = None,
    verbose: options.Verbose = False,
    json: options.Json = False,
    report: Annotated[Text, option("--report", "FILE|-", "Write a report without secrets and names.")] = None,
    list_: Annotated[bool, flag("--list", "List all checks, and run none.")] = False,
    explain: Annotated[
        Text, option("--explain", "ID", "Say more about a check.", autocompletion=completion.checks)
    ] = None,
    timeout: Annotated[
        float, option("--timeout", "SECONDS", "For all checks together.", min=0.1, max=3600)
    ] = 10.0,
) -> Result:
    """Find what is broken, and fix it with --fix. Without --fix it only reads."""
    from ocarina_kit.cli.context import start
    from ocarina_kit.doctor.check import choose, examine, exit_code, summary
    from ocarina_kit.doctor.world import World

    if json and report == "-":
        remedy = Remedy("Name a file for the report.", ("ocarina-kit doctor --json --report FILE",))
        raise usage_error("--json and --report - both need standard output.", remedy=remedy)
    run = start(context, json=json)
    if list_:
        return _list(run.ui)
    if explain is not None:
        return _explain(run.ui, explain.strip().strip("[]").upper())
    if report == "-":
        run.ui.to_stderr()
    choice = choose(only or (), skip or (), offline=offline)

    def look() -> tuple[World, tuple[Finding, ...]]:
        with run.ui.waiting("Checking", timeout):
            world = World(run.machine, run.place, seconds=timeout)
            return world, examine(world, choice)

    def agree(planned: Planned, world: World) -> bool:
        _show_plan(run, planned, world)
        return run.agreed("Apply these changes?", "doctor", "--fix", yes=yes)

    backups = ""
    if fix or dry_run:
        from ocarina_kit.doctor.fix import fix as fix_all

        done = fix_all(
            run.machine,
            look,
            choice,
            agree=agree,
            working=lambda: run.ui.waiting("Applying the changes", 90.0),
            dry_run=dry_run,
        )
        world, findings = done.world, done.findings
        backups = _show_fixed(run, done)
    else:
        world, findings = look()
    if report is not None:
        _write_report(run, world, findings, report)
    _show(run, findings, verbose=verbose, backups=backups)
    data = {"summary": summary(findings), "checks": [_members(each) for each in findings]}
    return Result(data, _error(findings, exit_code(findings)), shown=True)


def _members(finding: Finding) -> dict[str, Any]:
    """A finding in the JSON document (CONTRACT.md, doctor)."""
    check, outcome = finding.check, finding.outcome
    wrong = finding.status in ("fail", "warn", "unknown")
    return {
        "id": check.id,
        "family": check.family,
        "title": check.title,
        "status": finding.status,
        "detail": outcome.said.text,
        "cause": outcome.cause,
        "consequence": finding.impact if wrong else "",
        "remedy": remedy_data(finding.remedy if wrong else Remedy()),
        "fixable": bool(outcome.fix),
        "fixed": finding.fixed,
        "ms": finding.ms,
    }


def _error(findings: Sequence[Finding], code: int) -> KitError | None:
    """The first finding that makes the exit code what it is."""
    status = {Exit.PROBLEM: "fail", Exit.UNKNOWN: "unknown"}.get(code)
    first = next((each for each in findings if each.status == status), None)
    if first is None:
        return None
    what, why = first.outcome.said.text, first.impact if status == "fail" else ""
    return KitError(what, id=first.check.id, why=why, remedy=first.remedy, exit=code)


# --- what was found ---------------------------------------------------------------------------------------------


def _show(run: Run, findings: Sequence[Finding], *, verbose: bool, backups: str) -> None:
    """By family, then how many of what, then the next step. Quiet about what is fine."""
    from ocarina_kit.doctor.check import FAMILIES

    ui, seen = run.ui, [each for each in findings if not each.outcome.off]
    problems = [each for each in seen if each.status in ("fail", "warn", "unknown")]
    shown = seen if verbose else problems
    for family, heading in FAMILIES.items():
        if rows := [each for each in shown if each.check.family == family]:
            ui.heading(heading)
            for each in rows:
                _show_one(ui, each)
    if shown:
        ui.say()
    skipped = [each for each in seen if each.status == "skip"]
    depending = [each for each in skipped if each.outcome.cause is not None]
    if not problems and not depending:
        rest = f", {len(skipped)} skipped" if skipped else ""
        works = f"Everything works: {count(len(seen), 'check')}{rest}." if seen else "Nothing was checked."
        ui.say(f"{works} {backups}".strip())
        for each in skipped:
            if "unknown" in each.outcome.said.template and not verbose:
                ui.status("skipped", f"{each.check.id}  {each.outcome.said}", column=7)
        return
    if backups:
        ui.say(backups)
    ui.say(_totals(seen, problems, depending))
    ui.next_step(*_next_step(run, problems))


def _show_one(ui: Ui, finding: Finding) -> None:
    import textwrap

    text = f"{finding.check.id}  {finding.outcome.said}"
    ui.status(_WORDS[finding.status], text, column=7, indent=2)
    if finding.status in ("ok", "skip"):
        return
    if finding.outcome.excerpt:
        ui.raw(textwrap.dedent(finding.outcome.excerpt), indent=13)
    impact = "" if finding.status == "unknown" else finding.impact
    for text in filter(None, (impact, finding.remedy.text)):
        ui.say(text, indent=11)
    for line in labelled("Fix: ", finding.remedy.commands):
        ui.raw(line, indent=11)


def _totals(seen: Sequence[Finding], problems: Sequence[Finding], depending: Sequence[Finding]) -> str:
    from ocarina_kit.doctor.check import summary

    counts = summary(seen)
    parts = [f"{counts['ok']} ok"] if counts["ok"] else []
    parts += [f"{counts[name]} {_WORDS[name]}" for name in ("fail", "unknown") if counts[name]]
    parts += [count(counts["warn"], "warning")] if counts["warn"] else []
    if depending:
        unseen = sorted(
            {each.outcome.cause or "" for each in depending} - {each.check.id for each in problems}
        )
        causes = f"{listed(unseen)}, not selected" if unseen else "this" if len(problems) == 1 else "these"
        verb = "it depends" if len(depending) == 1 else "they depend"
        parts.append(f"{len(depending)} skipped ({verb} on {causes})")
    return ", ".join(parts)


def _next_step(run: Run, problems: Sequence[Finding]) -> tuple[str, str]:
    """What to do about the worst problems, and how many of all that fixes: of several commands the one that fixes most.

    The server's come first: nothing is refreshed while it is out.
    """
    from ocarina_kit.doctor.fix import SERVER, server_is_out

    out = server_is_out(problems)

    def fixes(each: Finding) -> int:
        step = each.remedy.commands[:1]
        by_doctor = step == (run.place.command("doctor", "--fix"),)
        alike = [other.remedy.commands[:1] == step or (by_doctor and other.outcome.fix) for other in problems]
        return sum(map(bool, alike)) if step else 0

    def urgency(each: Finding) -> tuple[bool, int, int]:
        status = ("fail", "unknown", "warn").index(each.status)
        return out and each.check.family not in SERVER, status, -fixes(each)

    first = min(problems, key=urgency, default=None)
    if first is None:
        return run.place.command("doctor"), ""
    if not first.remedy.commands:
        return first.remedy.text, ""
    step = first.remedy.commands[0]
    if fixes(first) < len(problems):
        return step, f"fixes {fixes(first)} of {len(problems)}"
    return step, ("", "", "fixes both", f"fixes all {len(problems)}")[min(len(problems), 3)]


# --- --fix ------------------------------------------------------------------------------------------------------


def _show_plan(run: Run, planned: Planned, world: World) -> None:
    from ocarina_kit.system.change import difference

    run.ui.say("Changes:")
    for check, why in planned.rows:
        run.ui.status(check, why, column=6, indent=2)
    run.ui.diff(difference(planned.changes, run.machine, world.setup.secrets))


def _show_fixed(run: Run, done: Fixed) -> str:
    """What came of it; returns where the backups are, in words, if one was made."""
    from ocarina_kit.system.backup import backups_folder

    if done.planned is not None and done.planned.changes:
        _show_plan(run, done.planned, done.world)
    elif done.declined:
        run.ui.say("The rest was left as it is." if done.applied else "Nothing was changed.")
    elif not done.applied:
        wrong = any(each.status in ("fail", "warn") for each in done.findings)
        run.ui.say(f"There is nothing {'that can be fixed automatically' if wrong else 'to fix'}.")
    for finding in done.findings:
        if finding.fixed:
            run.ui.status("fixed", f"{finding.check.id}  {finding.outcome.said}", column=5)
    for change, problem, _ in done.applied:
        if problem is not None:
            text = f"{change.why or change.what}: {problem.what} {problem.why} [{problem.id}]"
            run.ui.status("failed", text, column=5)
    if not any(each.backup for each in done.applied):
        return ""
    return f"Backups are in {tilde(backups_folder(run.machine), run.machine.home)}"


def _write_report(run: Run, world: World, findings: Sequence[Finding], where: str) -> None:
    from ocarina_kit.doctor.report import report

    text = report(world, findings)
    if where == "-":
        print(text, end="")
        return
    from ocarina_kit.system.files import write_private

    path = run.machine.expand(where)
    write_private(path, text.encode())
    run.ui.say(f"The report is in {path}: no secret, path, user name or host name is in it.")


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
    "INI": "init says it about what was to be written.",
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
    return Result({"checks": [_row(check) for check in all_checks()]})


def _row(check: Check) -> dict[str, Any]:
    row = {"id": check.id, "family": check.family, "title": check.title, "detail": check.explain}
    return {**row, "consequence": check.impact, "remedy": remedy_data(check.remedy)}


def _explain(ui: Ui, id: str) -> Result:
    """All that is to be said of a check, or of an error's id. Raises KitError (usage) for what is neither."""
    from ocarina_kit.doctor.check import all_checks

    check = next((each for each in all_checks() if each.id == id), None)
    if check is None:
        words = _ERRORS.get(id) or _ERRORS.get(id[:3] if id[3:].isdigit() else "")
        if words is None:
            remedy = Remedy("List the checks.", ("ocarina-kit doctor --list",))
            raise usage_error(f"There is no check and no error {id}.", remedy=remedy)
        ui.say(f"{id}: {words}")
        return Result({"checks": [{"id": id, "family": id[:3], "detail": words}]})
    ui.heading(f"{check.id}: {check.title}")
    ui.say(check.explain)
    ui.say(f"If it fails: {check.impact}")
    if check.rests:
        ui.say(f"It depends on {', '.join(' or '.join(group) for group in check.rests)}.")
    if check.online:
        ui.say("It asks the server; --offline skips it.")
    if check.remedy.text:
        ui.say(check.remedy.text)
    for line in labelled("Fix: ", check.remedy.commands):
        ui.raw(line)
    return Result({"checks": [_row(check)]})
