"""What a check is, and how the checks are run: one failure for one fault; what depends on it is skipped.

A check is one decorated function from the facts (`World`) to an `Outcome`:

    @check("TOK005", "Each token has a refresh token", rests="TOK002",
           impact="When its access token expires, only a login brings a new one.",
           explain="Majora issues one with every access token; a missing one was lost on the way.")
    def renewable(world: World) -> Outcome: …
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from ocarina_kit.system.errors import Exit, Remedy, usage_error
from ocarina_kit.system.finding import Words, words

if TYPE_CHECKING:
    from ocarina_kit.config.place import Place
    from ocarina_kit.doctor.world import World
    from ocarina_kit.system.change import Change

FAMILIES = {
    "ENV": "Client and machine",
    "CFG": "Configuration",
    "SRV": "Server",
    "CRD": "Credentials",
    "TOK": "Tokens",
    "API": "Access",
    "CRN": "Schedule",
}
"""What each family is about, as a heading; in the order in which people read them."""


class Outcome(NamedTuple):
    """What a check found.

    ``status`` is ``ok``, ``warn``, ``fail``, ``unknown`` (unclear) or ``skip``. ``impact`` and ``remedy`` replace the
    check's own; where there is a ``fix``, which is what ``--fix`` would do, the usual remedy is ``doctor --fix``.
    ``cause`` is the id of the check that a ``skip`` depends on. ``off`` marks a check that was not selected.
    """

    status: str
    said: Words
    impact: str | None = None
    remedy: Remedy | None = None
    cause: str | None = None
    fix: tuple[Change, ...] = ()
    excerpt: str = ""
    off: bool = False


class Check(NamedTuple):
    """One row of docs/checks.md. ``rests``: the ids it depends on, in one group where one of several is enough."""

    id: str
    title: str
    judge: Callable[[World], Outcome]
    impact: str
    explain: str
    remedy: Remedy
    rests: tuple[tuple[str, ...], ...]
    online: bool = False
    oauth: bool = False
    unless: Callable[[World], str] | None = None

    @property
    def family(self) -> str:
        return self.id[:3]


class Finding(NamedTuple):
    """A check with its outcome. ``ms``: milliseconds that it took, its own facts included."""

    check: Check
    outcome: Outcome
    ms: int = 0
    fixed: bool = False

    @property
    def status(self) -> str:
        return self.outcome.status

    @property
    def remedy(self) -> Remedy:
        return self.check.remedy if self.outcome.remedy is None else self.outcome.remedy

    @property
    def impact(self) -> str:
        return self.check.impact if self.outcome.impact is None else self.outcome.impact


class Late(Exception):  # noqa: N818  # not an error: a fact that did not come in time
    """A fact did not come in time: what was waited for, in words."""


REGISTRY: dict[str, Check] = {}
"""All checks by id. Each family's module adds its own as it is imported (`all_checks`)."""


def check(
    id: str,
    title: str,
    *,
    impact: str,
    explain: str,
    rests: str = "",
    run: str = "",
    fix: str = "",
    online: bool = False,
    oauth: bool = False,
    unless: Callable[[World], str] | None = None,
) -> Callable[[Callable[[World], Outcome]], Callable[[World], Outcome]]:
    """Register a function as the check ``id``.

    ``rests``: the ids that it depends on, ``"API001|API002"`` where one of the two is enough. ``fix`` and ``run``: the
    usual remedy, a sentence and a command. ``online``: skipped with --offline. ``oauth``: skipped with an API key.
    ``unless``: says why there is nothing to judge, if so.
    """

    def register(judge: Callable[[World], Outcome]) -> Callable[[World], Outcome]:
        groups = tuple(tuple(group.split("|")) for group in rests.split())
        remedy = Remedy(fix, (run,) if run else ())
        REGISTRY[id] = Check(id, title, judge, impact, explain, remedy, groups, online, oauth, unless)
        return judge

    return register


def all_checks() -> tuple[Check, ...]:
    """Every check, in the order in which people read them."""
    from ocarina_kit.doctor import config, crontab, environment, server, tokens  # noqa: F401  # they register

    order = list(FAMILIES)
    return tuple(sorted(REGISTRY.values(), key=lambda each: (order.index(each.family), each.id)))


# --- outcomes ---------------------------------------------------------------------------------------------------


def ok(template: str, **values: object) -> Outcome:
    return Outcome("ok", words(template, **values))


def does_not_apply(template: str, **values: object) -> Outcome:
    """A skip because there is nothing to judge here; what depends on this check is judged anyway."""
    return Outcome("skip", words(template, **values))


def follows(id: str) -> Outcome:
    """A skip because the check ``id`` reports the same fault."""
    return Outcome("skip", words("depends on {check}", check=id), cause=id)


def problem(
    status: str,
    template: str,
    *,
    impact: str | None = None,
    remedy: Remedy | None = None,
    fix: Iterable[Change] = (),
    **values: object,
) -> Outcome:
    """``status``: ``fail``, ``warn`` or ``unknown``. ``values`` fill the template's names."""
    return Outcome(status, words(template, **values), impact, remedy, fix=tuple(fix))


# --- which, and in what order -------------------------------------------------------------------------------------


class Choice(NamedTuple):
    """The checks that were asked for: ids and families."""

    only: frozenset[str] = frozenset()
    skip: frozenset[str] = frozenset()
    offline: bool = False

    def off(self, check: Check) -> str:
        """Why ``check`` is not selected; "" where it is."""
        names = {check.id, check.family}
        if names & self.skip:
            return "not selected (--skip)"
        if self.only and not names & self.only:
            return "not selected (--only)"
        return "not checked with --offline" if self.offline and check.online else ""


def choose(only: Iterable[str], skip: Iterable[str], *, offline: bool) -> Choice:
    """Read ``--only`` and ``--skip``. Raises KitError (usage) for a name that is neither an id nor a family."""
    known = {each.id for each in all_checks()} | set(FAMILIES)

    def names(option: str, values: Iterable[str]) -> frozenset[str]:
        found = frozenset(name for value in values for name in value.upper().replace(",", " ").split())
        if unknown := sorted(found - known):
            raise usage_error(
                f"{option}: no check or family is called {', '.join(unknown)}.",
                why=f"Families: {', '.join(FAMILIES)}.",
                remedy=Remedy("List the checks.", ("ocarina-kit doctor --list",)),
            )
        return found

    return Choice(names("--only", only), names("--skip", skip), offline)


def examine(world: World, choice: Choice, all: Iterable[Check] | None = None) -> tuple[Finding, ...]:
    """Judge every check (of ``all``), each after those that it depends on. Reads only.

    A check that is not selected is judged unseen where a selected one depends on it.
    """
    checks = {each.id: each for each in (all_checks() if all is None else all)}
    seen: dict[str, tuple[Outcome, int]] = {}

    def outcome(id: str) -> Outcome:
        if id not in seen:
            started = world.machine.monotonic()
            found = _judge(checks[id], world, choice, outcome)
            if found.remedy is None:
                found = found._replace(remedy=_usual(checks[id], found, world.place))
            seen[id] = (found, round((world.machine.monotonic() - started) * 1000))
        return seen[id][0]

    needed = [each.id for each in checks.values() if not choice.off(each)]
    for id in needed:  # it grows by what they depend on
        rests = [rest for group in checks[id].rests for rest in group]
        needed += [
            rest for rest in rests if rest not in needed and not (choice.offline and checks[rest].online)
        ]
    world.start(set(needed))
    findings = []
    for each in checks.values():
        if off := choice.off(each):
            findings.append(Finding(each, Outcome("skip", words(off), off=True)))
        else:
            found = outcome(each.id)
            findings.append(Finding(each, found, max(seen[each.id][1], world.took.get(each.id, 0))))
    return tuple(findings)


def _usual(check: Check, found: Outcome, place: Place) -> Remedy:
    """The check's own remedy, as a command for this set-up."""
    if found.fix:
        return Remedy("", (place.command("doctor", "--fix"),))
    text, commands = check.remedy
    argv = shlex.split(commands[0]) if commands else []
    if argv[:1] == ["ocarina-kit"] and argv[1] != "install-client":
        return Remedy(text, (place.command(*argv[1:]),))
    return check.remedy


def _judge(check: Check, world: World, choice: Choice, ask: Callable[[str], Outcome]) -> Outcome:
    try:
        if check.oauth and world.uses_api_key:
            return does_not_apply("not needed with an API key")
        if choice.offline and check.online:
            return Outcome("skip", words("not checked with --offline"), off=True)
        for group in check.rests:
            if cause := _blocked(group, ask):
                return follows(cause)
        if check.unless is not None and (why := check.unless(world)):
            return does_not_apply(why)
        return check.judge(world)
    except Late as late:
        return problem("unknown", "There was no time left to see {what}.", what=late)


def _blocked(group: tuple[str, ...], ask: Callable[[str], Outcome]) -> str:
    """The id of what keeps a check from being judged; "" where one of ``group`` came out well, or does not apply."""
    outcomes = [(id, ask(id)) for id in group]
    applying = [(id, each) for id, each in outcomes if each.status != "skip" or each.cause or each.off]
    if not applying or any(each.status in ("ok", "warn") for _, each in applying):
        return ""
    id, first = applying[0]
    return first.cause or id


# --- what came out ------------------------------------------------------------------------------------------------


def exit_code(findings: Iterable[Finding]) -> int:
    """1 with any ``fail``; else 5 with any ``unknown``; else 0; never 4 (CONTRACT.md, doctor)."""
    statuses = {each.status for each in findings}
    if "fail" in statuses:
        return Exit.PROBLEM
    return Exit.UNKNOWN if "unknown" in statuses else Exit.OK


def summary(findings: Iterable[Finding]) -> dict[str, int]:
    """How many came out how: the ``summary`` of the JSON document."""
    statuses = [each.status for each in findings]
    return {status: statuses.count(status) for status in ("ok", "warn", "fail", "unknown", "skip")}
