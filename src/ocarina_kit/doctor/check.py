"""What a check is, and how the checks are run: one failure for one fault; what depends on it is skipped.

A check is one decorated function from the facts (`World`) to an `Outcome`:

    @check("TOK005", "Each token has a refresh token", needs="TOK002", run="ocarina-kit login --force")
    def renewable(world: World) -> Outcome | None:
        '''Majora issues one with every access token; a missing one was lost on the way.

        When its access token expires, only a login brings a new one.
        '''
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from ocarina_kit.system.problem import Remedy, usage_error

if TYPE_CHECKING:
    from ocarina_kit.config.location import SetupLocation
    from ocarina_kit.config.setup import Config
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
STATUSES = ("ok", "warn", "fail", "unknown", "skip")
PROBLEMS = ("fail", "unknown", "warn")
"""The statuses that a person is told about, the worst first."""


class Outcome(NamedTuple):
    """What a check found.

    ``status`` is one of `STATUSES`. ``template`` (`str.format`) and ``values`` are a sentence; ``--report`` shows few
    of the values, so the template itself holds nothing that comes from outside. ``impact`` and ``remedy`` replace the
    check's own; with a ``fix``, which is what ``--fix`` would do, the usual remedy is ``doctor --fix``. ``cause``: the
    id of the check that a ``skip`` depends on. ``off`` marks a check that was not selected, ``unclear`` a skip because
    nothing is known. ``after``: the configuration in memory with this fixed (CFG).
    The runner (`examine`) adds the rest: ``ms`` are the milliseconds that it took, with what it waited for.
    """

    status: str
    template: str
    values: Mapping[str, object] = {}
    impact: str = ""
    remedy: Remedy = Remedy()
    cause: str = ""
    fix: tuple[Change, ...] = ()
    excerpt: str = ""
    off: bool = False
    unclear: bool = False
    after: Config | None = None
    id: str = ""
    title: str = ""
    ms: int = 0
    fixed: bool = False

    @property
    def family(self) -> str:
        return self.id[:3]

    @property
    def said(self) -> str:
        """The complete sentence, for people and JSON."""
        return self.template.format_map(self.values)


Judge = Callable[["World"], "Outcome | None"]
"""None: all is well, as the check's title says."""


class Check(NamedTuple):
    """One row of docs/checks.md.

    ``needs``: the ids it depends on, in one group if one of several is enough. ``remedy``: the usual one.
    ``online``: skipped with --offline. ``oauth``: skipped with an API key. ``unless``: says why there is nothing to
    judge, if so.
    """

    id: str
    title: str
    judge: Judge
    needs: tuple[tuple[str, ...], ...]
    remedy: Remedy
    impact: str
    explain: str
    online: bool = False
    oauth: bool = False
    unless: Callable[[World], str] = lambda world: ""

    @property
    def family(self) -> str:
        return self.id[:3]


class Late(Exception):  # noqa: N818  # not an error: a fact that did not come in time
    """A fact did not come in time: what was waited for, in words."""


REGISTRY: dict[str, Check] = {}
"""All checks by id. Each family's module adds its own as it is imported (`all_checks`)."""


def check(
    id: str, title: str, *, needs: str = "", text: str = "", run: str = "", **more: Any
) -> Callable[[Judge], Judge]:
    """Register a function as the check ``id``.

    ``needs``: the ids that it depends on, ``"API001|API002"`` if one of the two is enough. ``text`` and ``run``: the
    usual remedy, a sentence and a command. ``more``: as `Check` has it; without ``explain`` and ``impact``, the first
    and the last paragraph of the function's own text say what to know, and what a failure leads to.
    """

    def register(judge: Judge) -> Judge:
        told = [" ".join(each.split()) for each in (judge.__doc__ or "").split("\n\n")]
        groups = tuple(tuple(group.split("|")) for group in needs.split())
        texts = {"explain": told[0], "impact": told[-1], **more}
        REGISTRY[id] = Check(id, title, judge, groups, _remedy(text, run), **texts)
        return judge

    return register


def _remedy(text: str, run: str | tuple[str, ...]) -> Remedy:
    commands = (run,) if isinstance(run, str) else run
    return Remedy(text, tuple(filter(None, commands)))


def all_checks() -> tuple[Check, ...]:
    """Every check, in the order in which people read them."""
    from ocarina_kit.doctor import config, crontab, environment, server, tokens  # noqa: F401  # they register

    order = list(FAMILIES)
    return tuple(
        sorted(REGISTRY.values(), key=lambda each: (order.index(each.family), each.id))
    )


# --- outcomes ---------------------------------------------------------------------------------------------------


def ok(said: str, **values: object) -> Outcome:
    """All is well. ``values`` fill the names in ``said``, here and below."""
    return Outcome("ok", said, values)


def skip(
    said: str, *, off: bool = False, unclear: bool = False, **values: object
) -> Outcome:
    """There is nothing to judge here, or, ``unclear``, nothing to judge it by: what depends on this check is judged
    anyway. ``off``: it was not selected."""
    return Outcome("skip", said, values, off=off, unclear=unclear)


def follows(id: str) -> Outcome:
    """A skip because the check ``id`` reports the same fault."""
    return Outcome("skip", "depends on {check}", {"check": id}, cause=id)


def problem(
    status: str,
    said: str,
    /,
    *,
    impact: str = "",
    text: str = "",
    run: str | tuple[str, ...] = (),
    fix: Iterable[Change] = (),
    **values: object,
) -> Outcome:
    """``status``: one of `PROBLEMS`. ``impact``: if another than the check's own. ``text`` and ``run``: the remedy, if
    another than the usual one; the commands of ocarina-kit as for any set-up. ``fix``: what ``--fix`` would do."""
    return Outcome(status, said, values, impact, _remedy(text, run), fix=tuple(fix))


# --- which, and in what order -------------------------------------------------------------------------------------


class Choice(NamedTuple):
    """The checks that were asked for: ids and families."""

    only: frozenset[str] = frozenset()
    skip: frozenset[str] = frozenset()
    offline: bool = False

    def off(self, check: Check) -> str:
        """Why ``check`` is not selected; "" if it is."""
        names = {check.id, check.family}
        if names & self.skip:
            return "not selected (--skip)"
        if self.only and not names & self.only:
            return "not selected (--only)"
        return "not checked with --offline" if self.offline and check.online else ""


def choose(only: Iterable[str], skip: Iterable[str], *, offline: bool) -> Choice:
    """Read ``--only`` and ``--skip``. Raises KitError (usage) for a name that is neither an id nor a family."""
    wanted, unwanted = _names(only), _names(skip) - {""}
    known = {*FAMILIES, *(each.id for each in all_checks())}
    if unknown := sorted((wanted | unwanted) - known):
        raise usage_error(
            f"No check or family is called {', '.join(map(repr, unknown))}.",
            why=f"Families: {', '.join(FAMILIES)}.",
            remedy=Remedy("List the checks.", ("ocarina-kit doctor --list",)),
        )
    return Choice(wanted, unwanted, offline)


def _names(values: Iterable[str]) -> frozenset[str]:
    """Each value holds one name or several. A blank one stays: to check nothing is wrong usage."""
    return frozenset(
        name
        for each in values
        for name in re.split(r"[,\s]+", each.upper().strip(", \n\t"))
    )


def examine(
    world: World, choice: Choice, all: Iterable[Check] | None = None
) -> tuple[Outcome, ...]:
    """Judge every check (of ``all``), each after those that it depends on. Reads only.

    A check that is not selected is judged unseen if a selected one depends on it.
    """
    checks = {each.id: each for each in (all_checks() if all is None else all)}
    off = {id: why for id, each in checks.items() if (why := choice.off(each))}
    seen: dict[str, Outcome] = {}

    def look(id: str) -> Outcome:
        if id not in seen:
            started = world.machine.monotonic()
            found = _completed(
                checks[id], _judge(checks[id], world, choice, look), world.location
            )
            seen[id] = found._replace(
                ms=round((world.machine.monotonic() - started) * 1000)
            )
        return seen[id]

    needed = [id for id in checks if id not in off]
    for id in needed:  # it grows by what they depend on
        for other in chain(*checks[id].needs):
            if other not in needed and not (choice.offline and checks[other].online):
                needed.append(other)
    world.start(set(needed))
    return tuple(
        _completed(each, skip(off[id], off=True), world.location)
        if id in off
        else look(id)
        for id, each in checks.items()
    )


def _completed(check: Check, found: Outcome, location: SetupLocation) -> Outcome:
    """The outcome with what is the check's own; the commands of its remedy are for this set-up."""
    found = found._replace(id=check.id, title=check.title)
    if found.status not in PROBLEMS:
        return found
    usual = Remedy("", ("ocarina-kit doctor --fix",)) if found.fix else check.remedy
    text, commands = found.remedy if any(found.remedy) else usual
    remedy = Remedy(text, tuple(_for(location, command) for command in commands))
    impact = "" if found.status == "unknown" else found.impact or check.impact
    return found._replace(impact=impact, remedy=remedy)


def _for(location: SetupLocation, command: str) -> str:
    """A command for this set-up, if it is one of ocarina-kit that is about a set-up, and names no other profile."""
    if (
        not command.startswith("ocarina-kit ")
        or command == "ocarina-kit install-client"
    ):
        return command
    words = shlex.split(command)[1:]
    return (
        location._replace(profile=None) if "--profile" in words else location
    ).command(*words)


def _judge(
    check: Check, world: World, choice: Choice, look: Callable[[str], Outcome]
) -> Outcome:
    try:
        if check.oauth and world.config.uses_api_key:
            return skip("not needed with an API key")
        if choice.offline and check.online:
            return skip("not checked with --offline", off=True)
        for group in check.needs:
            if cause := _blocked([look(id) for id in group]):
                return follows(cause)
        if why := check.unless(world):
            return skip(why)
        return check.judge(world) or ok(f"{check.title}.")
    except Late as late:
        return problem("unknown", "There was no time left to see {what}.", what=late)


def _blocked(group: list[Outcome]) -> str:
    """The id of what keeps a check from being judged; "" if one of ``group`` came out well, or does not apply."""
    applying = [
        each for each in group if each.status != "skip" or each.cause or each.off
    ]
    if not applying or any(each.status in ("ok", "warn") for each in applying):
        return ""
    return applying[0].cause or applying[0].id


def summary(findings: Iterable[Outcome]) -> dict[str, int]:
    """How many came out how: the ``summary`` of the JSON document."""
    statuses = [each.status for each in findings]
    return {status: statuses.count(status) for status in STATUSES}
