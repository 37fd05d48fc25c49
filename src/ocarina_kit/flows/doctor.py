"""What ``doctor`` does: look, judge; with ``--fix`` also plan, ask, keep, apply, and look again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

from ocarina_kit.checks.model import Check, Finding, Status
from ocarina_kit.checks.registry import REGISTRY
from ocarina_kit.checks.runner import Choice, judge, needed
from ocarina_kit.checks.usable import settle, usable_setup
from ocarina_kit.core.facts import Facts
from ocarina_kit.core.plan import Change, Chmod, Plan, RefreshTokens, SetCrontab, WriteFile
from ocarina_kit.core.setup import Place
from ocarina_kit.edges.apply import Applied, Doers, apply
from ocarina_kit.edges.look.gather import gather
from ocarina_kit.edges.look.gather_config import config_facts, tokens_path
from ocarina_kit.edges.system import System

ROUNDS = 6
"""Mending one thing can show another: a file that can be read again, tokens behind it, the entry behind those."""

_WRONG = (Status.FAIL, Status.WARN)


@dataclass(frozen=True)
class Examined:
    """One look: what was seen, and what the checks make of it."""

    findings: tuple[Finding, ...]
    facts: Facts


@dataclass(frozen=True)
class Mended:
    """What ``--fix`` came to. ``last`` is the look after it, with ``fixed`` on what it mended."""

    last: Examined
    applied: tuple[Applied, ...] = ()
    planned: Plan = field(default_factory=Plan)
    """With ``--dry-run``: what would be done first."""
    declined: bool = False


def examine(
    system: System, place: Place, choice: Choice, *, seconds: float, registry: tuple[Check, ...] = REGISTRY
) -> Examined:
    """Look and judge, within ``seconds``. Writes nothing."""
    facts = gather(system, place, needed(registry, choice), seconds=seconds)
    return Examined(judge(registry, facts, choice, stopwatch=system.clock.monotonic), facts)


def mend(
    system: System,
    place: Place,
    choice: Choice,
    *,
    seconds: float,
    agree: Callable[[Plan, Examined], bool],
    dry_run: bool = False,
) -> Mended:
    """Mend all that needs no person, round by round until nothing new can be mended.

    ``agree`` is shown each round's plan and says whether to go on. Never raises for a change that could not be made:
    that stands in ``applied``, and the last look shows what is still wrong.
    """
    looks = [examine(system, place, choice, seconds=seconds)]
    tried: list[Change] = []
    applied: list[Applied] = []
    hoped: set[str] = set()
    declined = False
    for _ in range(ROUNDS):
        look = looks[-1]
        plan = plan_fixes(look, choice)
        plan = Plan(tuple(change for change in plan.changes if change not in tried))
        if dry_run:
            return Mended(look, planned=plan)
        if not plan:
            break
        if not agree(plan, look):
            declined = True
            break
        hoped |= {
            finding.check.id for finding in look.findings if finding.fixable and finding.status in _WRONG
        }
        tried += plan.changes
        applied += apply(system, plan, _doers(system, place, look))
        looks.append(examine(system, place, choice, seconds=seconds))
    done = any(each.problem is None for each in applied)
    last = looks[-1]
    findings = _marked(looks, hoped) if done else last.findings
    told = tuple(_with_what_came_of_it(finding, applied) for finding in findings)
    return Mended(replace(last, findings=told), tuple(applied), declined=declined)


def _with_what_came_of_it(finding: Finding, applied: list[Applied]) -> Finding:
    """What was tried and could not be done is not to be tried again: the remedy is that of the failure."""
    if finding.status not in _WRONG:
        return finding
    for change in finding.outcome.fix.changes:
        for each in applied:
            if each.problem is not None and (change == each.change or _both_refresh(change, each.change)):
                remedy = each.problem.remedy if each.problem.remedy.text else None
                outcome = replace(finding.outcome, remedy=remedy or finding.outcome.remedy, fix=Plan())
                return replace(finding, outcome=outcome)
    return finding


def _both_refresh(one: Change, other: Change) -> bool:
    if not isinstance(one, RefreshTokens) or not isinstance(other, RefreshTokens):
        return False
    return not other.scopes or bool(set(one.scopes) & set(other.scopes))


def _marked(looks: list[Examined], hoped: set[str]) -> tuple[Finding, ...]:
    """The last look's findings, ``fixed`` on what was wrong in an earlier one, could be mended, and is better now."""
    worst: dict[str, Status] = {}
    for look in looks[:-1]:
        for finding in look.findings:
            if finding.status in _WRONG and worst.get(finding.check.id) is not Status.FAIL:
                worst[finding.check.id] = finding.status
    return tuple(
        finding.as_fixed()
        if finding.check.id in hoped
        and (
            finding.status is Status.OK
            or (finding.status is Status.WARN and worst.get(finding.check.id) is Status.FAIL)
        )
        else finding
        for finding in looks[-1].findings
    )


def plan_fixes(look: Examined, choice: Choice) -> Plan:
    """All that this look's findings would mend, in the order in which it is done; one change for each file.

    The configuration's mends are made one upon the other and become one change. Of several changes of another file the
    first is taken: the next look plans the rest upon what it left. No refresh token is spent where the server cannot
    be used.
    """
    wrong = [finding for finding in look.findings if finding.status in _WRONG and finding.fixable]
    files: dict[PurePath, Change] = _config_change(look, choice, wrong)
    modes: dict[PurePath, Change] = {}
    crontab: list[Change] = []
    refreshes: list[RefreshTokens] = []
    for change in (change for finding in wrong for change in finding.outcome.fix.changes):
        if isinstance(change, RefreshTokens):
            refreshes.append(change)
        elif isinstance(change, SetCrontab):
            crontab = crontab or [change]
        elif isinstance(change, Chmod):
            modes.setdefault(change.path, change)
        elif not _of_config(change):
            files.setdefault(change.path, change)
    # What is written anew is 0600.
    for path in files.keys() & modes.keys():
        files[path] = replace(files[path], why=f"{files[path].why}; {modes.pop(path).why}")
    changes = [*files.values(), *modes.values()]
    if refreshes and not choice.offline and not _server_is_out(look):
        every = any(not each.scopes for each in refreshes)
        scopes = dict.fromkeys(scope for each in refreshes for scope in each.scopes)
        changes.append(RefreshTokens(() if every else tuple(scopes), refreshes[0].why))
    # The crontab last: what it starts should find the rest mended.
    return Plan((*changes, *crontab))


def _server_is_out(look: Examined) -> bool:
    return any(
        finding.check.family in ("SRV", "CRD") and finding.status in (Status.FAIL, Status.UNKNOWN)
        for finding in look.findings
    )


def _of_config(change: Change) -> bool:
    return isinstance(change, WriteFile) and change.kind == "config"


def _config_change(look: Examined, choice: Choice, wrong: list[Finding]) -> dict[PurePath, Change]:
    file = look.facts.config.file
    if file is None or not any(_of_config(change) for each in wrong for change in each.outcome.fix.changes):
        return {}
    after, mends = settle(look.facts.config, look.facts.client, choice)
    if after.file is None or after.file.content is None or after.file.content == file.content:
        return {}
    whys = [
        change.why for mend in mends for change in mend.outcome.fix.changes if isinstance(change, WriteFile)
    ]
    why = "; ".join(dict.fromkeys(whys))
    return {file.path: WriteFile(file.path, "config", file.content, after.file.content, why)}


def _doers(system: System, place: Place, look: Examined) -> Doers:
    def refresh(change: RefreshTokens) -> None:
        from ocarina_kit.flows.refresh import refresh_tokens

        # The configuration as it is now: a mend of it may just have been made.
        setup = usable_setup(config_facts(system, place), lambda settings: tokens_path(system, settings))
        seen = look.facts.tokens.tokens if look.facts.tokens is not None else None
        report = refresh_tokens(system, setup, scopes=change.scopes or None, by="doctor", seen=seen)
        problem = report.error(place)
        if problem is not None:
            raise problem

    def crontab(change: SetCrontab) -> Path | None:
        from ocarina_kit.core.tokens.refresh_log import LogEntry, Result
        from ocarina_kit.edges.cron.crontab_install import Ways, install_crontab
        from ocarina_kit.edges.disk import refresh_log
        from ocarina_kit.edges.look.gather_tokens import setup_mark_of

        assert look.facts.schedule is not None  # noqa: S101  # a plan for the crontab was made from it
        ways = Ways(again=(place.command("schedule"),), line=(place.command("schedule", "--print"),))
        kept = install_crontab(system, look.facts.schedule.crontab, change.after, ways=ways)
        # From now on its runs are asked for (CRN008). A log that cannot be written is no reason to fail.
        mark = setup_mark_of(system, look.facts.config)
        entry = LogEntry(system.clock.now(), system.host, "doctor", "", Result.SCHEDULED, mark)
        refresh_log.append(system, [entry])
        return kept

    return Doers(refresh, crontab)
