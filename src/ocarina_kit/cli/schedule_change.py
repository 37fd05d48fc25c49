"""``schedule``'s ways to change the crontab, told to people and as JSON: install or repair, print the line, remove."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocarina_kit.cli.result import Result
from ocarina_kit.core.cron.cronline import Runner
from ocarina_kit.core.cron.cronplan import EditKind, Outcome
from ocarina_kit.core.cron.cronruns import next_runs
from ocarina_kit.core.cron.crontab import encode
from ocarina_kit.core.cron.schedule_plan import as_diff, gap_text, times_text
from ocarina_kit.core.errors import KitError, Remedy, UsageError
from ocarina_kit.core.redact import mask
from ocarina_kit.core.tokens.refresh_log import Result as LogWord
from ocarina_kit.flows import schedule as flow
from ocarina_kit.flows.schedule_desk import Desk, look

if TYPE_CHECKING:
    from ocarina_kit.cli.context import Run
    from ocarina_kit.cli.render import Ui
    from ocarina_kit.core.client.resolution import Candidate, Resolution
    from ocarina_kit.core.cron.cronplan import SchedulePlan
    from ocarina_kit.core.cron.schedule_plan import Proposal
    from ocarina_kit.core.cron.schedule_wish import Wish
    from ocarina_kit.core.setup import Setup


def install_entry(run: Run, setup: Setup, wish: Wish, *, yes: bool, dry_run: bool) -> Result:
    """Bring the crontab to one good entry for this set-up, after asking."""
    ui = run.ui
    desk = look(run.system, run.place, setup)
    found = flow.find_client_for(run.system, wish)
    proposal = flow.propose_entry(desk, wish, _chosen(found))
    plan = proposal.plan
    data = proposal_members(desk, proposal, found) | {"dry_run": dry_run, "changed": False}
    _tell_entry(ui, desk, proposal, found)
    if (unwritable := desk.unwritable) is not None:
        _hand_over(ui, proposal.line)
        return Result.failed(unwritable, data)
    if plan.outcome is Outcome.MIXED:
        return Result.failed(_mixed(plan), data)
    _tell_others(ui, plan)
    if plan.outcome is Outcome.UNCHANGED:
        ui.good(f"The entry on {desk.facts.host} is as it should be; nothing was changed.")
        if not dry_run and not flow.is_recorded(desk):
            _say_problem(ui, flow.record(desk, LogWord.SCHEDULED))
        return Result(data=data)
    _tell_elsewhere(ui, desk, proposal)
    _tell_change(ui, plan)
    if dry_run:
        ui.say("Nothing was changed.")
        return Result(data=data)
    unwise = proposal.begins and desk.elsewhere is not None
    if not _agreed(run, _question(desk, proposal), yes=yes, default=not unwise):
        ui.say("Nothing was changed.")
        return Result(data=data)
    try:
        kept = flow.install(desk, plan)
    except KitError as problem:
        _hand_over(ui, proposal.line)
        return Result.failed(problem, data)
    _say_problem(ui, flow.record(desk, LogWord.SCHEDULED))
    ui.good(f"The entry is installed on {desk.facts.host}.")
    if kept is not None:
        ui.say("The crontab as it was is kept here:")
        ui.raw(f"    {kept}")
    ui.say("To see what the line does, and what lies ahead:")
    ui.command(run.place.command("schedule", "--test"))
    ui.command(run.place.command("schedule", "--show"))
    return Result(data=data | {"changed": True, "backup": None if kept is None else str(kept)})


def print_line(run: Run, setup: Setup, wish: Wish) -> Result:
    """The line alone on standard output; all else on standard error. Installs nothing."""
    ui = run.ui.to_stderr()
    desk = look(run.system, run.place, setup)
    found = flow.find_client_for(run.system, wish)
    proposal = flow.propose_entry(desk, wish, _chosen(found))
    for caution in proposal.cautions:
        ui.warn(f"[{caution.id}] {caution.text}")
        ui.remedy(caution.remedy)
    if not run.ui.json:
        run.ui.exact(encode(proposal.line))
    return Result(data=proposal_members(desk, proposal, found) | {"changed": False})


def remove_entry(run: Run, *, yes: bool, dry_run: bool) -> Result:
    """Take this set-up's entry out, after asking. Works without a usable configuration too: the line knows its own."""
    ui = run.ui
    try:
        setup = run.setup()
    except KitError as problem:
        setup = None
        ui.note(f"[{problem.id}] {problem.what} The entry can be taken out all the same.")
    desk = look(run.system, run.place, setup)
    data: dict[str, Any] = {"host": desk.facts.host, "changed": False, "dry_run": dry_run, "edits": []}
    if (unwritable := desk.unwritable) is not None:
        return Result.failed(unwritable, data)
    plan = flow.plan_without(desk)
    data["edits"] = _edits(plan)
    if plan.outcome is Outcome.UNCHANGED:
        if plan.mixed:
            return Result.failed(_mixed(plan), data)
        ui.good(f"The crontab on {desk.facts.host} has no entry of this set-up; nothing was changed.")
        for job in plan.switched_off:
            ui.note(f"Line {job.number} is one, but commented out. It was left.")
        return Result(data=data)
    _tell_change(ui, plan)
    if dry_run:
        ui.say("Nothing was changed.")
        return Result(data=data)
    if not _agreed(run, f"Take it out of the crontab on {desk.facts.host}?", yes=yes, words=("--remove",)):
        ui.say("Nothing was changed.")
        return Result(data=data)
    kept = flow.install(desk, plan)
    _say_problem(ui, flow.record(desk, LogWord.UNSCHEDULED))
    ui.good(f"The entry is out of the crontab on {desk.facts.host}.")
    for job in plan.mixed:
        ui.warn(
            f"[CRN003] Line {job.number} still refreshes these tokens; it does other work too, and was left."
        )
    ui.say("Tokens now run out 10 hours after they were last refreshed; by hand:")
    ui.command(run.place.command("refresh"))
    return Result(data=data | {"changed": True, "backup": None if kept is None else str(kept)})


# --- asking ------------------------------------------------------------------------------------------------


def _agreed(run: Run, question: str, *, yes: bool, default: bool = True, words: tuple[str, ...] = ()) -> bool:
    """Whether the person agrees. Raises UsageError where nobody can be asked."""
    if yes:
        return True
    if not run.ui.interactive:
        raise UsageError(
            "Nobody can be asked here whether to change the crontab: --yes is missing.",
            why="There is no terminal on standard input. Nothing was changed.",
            remedy=Remedy("Agree beforehand.", (run.place.command("schedule", *words, "--yes"),)),
        )
    return run.ui.confirm(question, default=default)


def _question(desk: Desk, proposal: Proposal) -> str:
    host = desk.facts.host
    if any(edit.kind is EditKind.SWITCH_ON for edit in proposal.plan.edits):
        return f"Switch the entry on again, in the crontab on {host}?"
    if proposal.begins and desk.elsewhere is not None:
        return f"Install a second entry all the same, on {host}?"
    return f"Write this into the crontab on {host}?"


# --- telling -----------------------------------------------------------------------------------------------


def _chosen(found: Resolution) -> Candidate:
    assert found.chosen is not None  # noqa: S101  # find_client_for raises where there is none
    return found.chosen


_RUNS = {
    Runner.KIT_FIRST: "ocarina-kit; ocarina if that can't start",
    Runner.CLIENT: "ocarina alone",
}


def _tell_entry(ui: Ui, desk: Desk, proposal: Proposal, found: Resolution) -> None:
    client = _chosen(found)
    ui.pairs([
        ("client", client.path),
        ("which is", f"{client.described}, in {client.where}"),
        ("the line runs", _RUNS[proposal.spec.runner]),
        ("times", times_text(proposal.schedule)),
        ("longest gap", f"{gap_text(proposal.gap)}; a token lives 10 h"),
        *([("it carries", ", ".join(names))] if (names := _carried(proposal)) else []),
    ])  # fmt: skip
    if found.passed_over:
        ui.note(found.why)
    for caution in proposal.cautions:
        ui.warn(f"[{caution.id}] {caution.text}")
        ui.remedy(caution.remedy)


def _carried(proposal: Proposal) -> list[str]:
    spec = proposal.spec
    names = list(spec.variables)
    return names if spec.profile is None else [f"the profile {spec.profile}", *names]


def _tell_others(ui: Ui, plan: SchedulePlan) -> None:
    for job in plan.others:
        whose = sorted({f"profile {call.profile}" for call in job.calls if call.profile is not None})
        of = f" ({', '.join(whose)})" if whose else ""
        ui.note(f"Line {job.number} refreshes the tokens of another set-up{of}. It stays as it is.")


def _tell_elsewhere(ui: Ui, desk: Desk, proposal: Proposal) -> None:
    """Says that another host refreshes these tokens already, and that each host has a crontab of its own."""
    here, seen = desk.facts.host, desk.elsewhere
    if seen is not None:
        who = f"{seen.host}" if seen.host else "another host or another program"
        at = desk.facts.local(seen.when).strftime("%a %H:%M")
        what = "so no entry is needed here" if proposal.begins else "beside the entry here"
        ui.warn(f"[CRN002] These tokens were refreshed by {who} ({at}), {what}.")
    elif proposal.begins and desk.other_hosts:
        ui.note(
            f"There is, or was, an entry on {', '.join(desk.other_hosts)}; nothing came from there in 10 h."
        )
    if seen is not None or desk.other_hosts:
        ui.say(
            f"This is {here}. Each host has a crontab of its own: what is done here changes none elsewhere."
        )


def _tell_change(ui: Ui, plan: SchedulePlan) -> None:
    for edit in plan.edits:
        if edit.kind is EditKind.SWITCH_ON:
            ui.warn(
                f"[CRN009] Line {edit.number} is this set-up's entry, commented out: someone switched it off."
            )
    ui.say()
    ui.diff(mask(as_diff(plan)))
    ui.say()


def _hand_over(ui: Ui, line: str) -> None:
    ui.say("This is the line, for whoever can install it:")
    ui.say()
    ui.exact(encode(line))
    ui.say()


def _mixed(plan: SchedulePlan) -> KitError:
    job = plan.mixed[0]
    return KitError(
        f"Line {job.number} of the crontab refreshes these tokens and does other work as well, so it was left.",
        id="SCH001",
        why=f"The other work: {', '.join(job.other_work) or 'a refresh of another set-up'}. What of the line could go "
        "without harm, only you can tell.",
        remedy=Remedy(
            "Take the refresh out of that line by hand, then run this again.",
            ("crontab -e", "ocarina-kit schedule"),
        ),
    )


def _say_problem(ui: Ui, problem: KitError | None) -> None:
    if problem is not None:
        ui.note(f"[{problem.id}] refresh.log was not written: {problem.what}")


# --- JSON --------------------------------------------------------------------------------------------------


def proposal_members(desk: Desk, proposal: Proposal, found: Resolution) -> dict[str, Any]:
    """What ``--json`` says of an entry that would be, or was, installed."""
    client, facts, spec = _chosen(found), desk.facts, proposal.spec
    elsewhere = desk.elsewhere
    runs = next_runs(proposal.schedule, facts.local(facts.now), 3)
    return {
        "host": facts.host,
        "client": {
            "path": client.path,
            "version": None if client.version is None else str(client.version),
            "where": client.where,
            "why": found.why,
        },
        "runner": spec.runner.value,
        "line": proposal.line,
        "schedule": proposal.schedule.text,
        "longest_gap_minutes": proposal.gap.minutes,
        "next_runs": [run.isoformat() for run in runs],
        "carried": sorted(spec.variables),
        "profile": spec.profile,
        "outcome": proposal.plan.outcome.value,
        "edits": _edits(proposal.plan),
        "others": [{"line_number": job.number, "line": mask(job.line.text)} for job in proposal.plan.others],
        "elsewhere": None
        if elsewhere is None
        else {"host": elsewhere.host, "time": facts.local(elsewhere.when).replace(microsecond=0).isoformat()},
        "warnings": [
            {"id": each.id, "text": each.text, "commands": list(each.remedy.commands)}
            for each in proposal.cautions
        ],
    }


def _edits(plan: SchedulePlan) -> list[dict[str, Any]]:
    return [
        {
            "kind": edit.kind.value,
            "line_number": edit.number,
            "before": mask(edit.before),
            "after": edit.after,
        }
        for edit in plan.edits
    ]
