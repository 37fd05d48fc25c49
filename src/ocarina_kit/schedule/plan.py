"""Plans a new crontab: one good entry for a set-up, and every other byte as it was.

Planning twice comes to the same as planning once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from posixpath import basename, isabs, join, normpath, realpath
from typing import Literal, NamedTuple

from ocarina_kit.client.places import read_launch
from ocarina_kit.schedule.crontab import (
    cron_command,
    encode,
    read_variable,
    split_lines,
)
from ocarina_kit.schedule.entry import (
    Entry,
    EntrySpec,
    build_entry,
    leads_to_env,
    read_entries,
)
from ocarina_kit.schedule.host import program_problem
from ocarina_kit.schedule.recognise import KIT_OPTIONS, Call, read_command
from ocarina_kit.schedule.times import gap_problem, one_miss_expires, spread
from ocarina_kit.system.secret import mask_variables
from ocarina_kit.system.states import StrEnum

_POSIX_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash", "mksh"})
_ENV_PROGRAMS = frozenset({"/usr/bin/env", "/bin/env"})

# --- whose entries

_Group = Literal["own", "mixed", "off", "others", "unclear"]


class EntriesByOwner(NamedTuple):
    """The refresh entries of a crontab, grouped by what they are to one set-up."""

    own: tuple[Entry, ...] = ()  # active ones that only refresh
    mixed: tuple[Entry, ...] = ()
    """Active ones that do other work as well. A person must take the refresh out."""
    off: tuple[Entry, ...] = ()  # commented out
    others: tuple[Entry, ...] = ()  # active ones of another set-up
    unclear: tuple[Entry, ...] = ()
    """Active lines that speak of a refresh in a form that is not understood."""

    @property
    def active(self) -> tuple[Entry, ...]:
        """All that cron runs for this set-up."""
        return tuple(sorted((*self.own, *self.mixed)))

    @property
    def usable_again(self) -> tuple[Entry, ...]:
        """The commented-out ones that do no other work."""
        return tuple(entry for entry in self.off if not entry.reading.other_work)

    @property
    def kept(self) -> Entry | None:
        """The one that becomes the good entry, if possible one that the kit wrote."""
        return min(self.own, key=lambda entry: not entry.is_marked, default=None)


def own_entries(content: bytes, spec: EntrySpec) -> EntriesByOwner:
    """Find a set-up's own entries in a crontab, and group the others."""
    groups: dict[_Group, list[Entry]] = {
        "own": [],
        "mixed": [],
        "off": [],
        "others": [],
        "unclear": [],
    }
    for entry in read_entries(content, spec.user, spec.home):
        group = _group_of(entry, spec)
        if group is not None:
            groups[group].append(entry)
    return EntriesByOwner(**{name: tuple(groups[name]) for name in groups})


def _group_of(entry: Entry, spec: EntrySpec) -> _Group | None:
    if not entry.reading.is_clear:
        return "unclear"
    is_own = [_is_own(entry, call, spec) for call in entry.calls]
    if not any(is_own):
        return "others" if entry.is_active else None
    if not entry.is_active:
        return "off"
    return "own" if all(is_own) and not entry.reading.other_work else "mixed"


def _is_own(entry: Entry, call: Call, spec: EntrySpec) -> bool:
    """Return whether a call refreshes this set-up: same configuration, same profile.

    Both together name the tokens file. A ``HOME=`` line of the crontab that leads
    elsewhere and a quoted ``~``, which is never expanded, break an entry (CRN007), and
    do not make it another's.
    """
    config = call.config
    if config is None or call.profile != spec.profile:
        return False
    home = entry.variables.get("HOME", spec.home)
    usual_there = normpath(join(home, home, ".ocarina"))
    # HOME=/elsewhere is set above it: the usual file was meant.
    if call.environ.get("HOME") == home and config == usual_there:
        config = join(spec.home, ".ocarina")
    # The shell looks for '~/lab/.ocarina' in quotes as HOME/~/lab/.ocarina.
    meant = join(spec.home, re.sub(r".*/(?:~|\$\{?HOME\}?)/", "", config))
    return realpath(spec.config) in (realpath(config), realpath(meant))


# --- plans


class PlanOutcome(StrEnum):
    """What becomes of a crontab."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    # An entry starts to run on this host, where none ran before.
    ADDED = "added"
    # The only entry is commented out, and nobody agreed to switch it on.
    SWITCHED_OFF = "switched off"
    # The only entry does other work as well.
    MIXED = "mixed"


class Plan(NamedTuple):
    """A new crontab."""

    outcome: PlanOutcome
    after: bytes
    line: str  # the good entry, also if nothing changes
    entries: EntriesByOwner  # as they are now


def plan_schedule(
    content: bytes,
    spec: EntrySpec,
    *,
    times: str | None = None,
    runner: str = "kit-first",
    switch_on: bool = False,
) -> Plan:
    """Plan one good entry for the set-up.

    An entry is repaired where it is. A new one goes to the end.

    Args:
        times: five fields that a person gave. Without them a marked entry keeps its
            own if they are good enough.
        runner: which programs the entry runs, as `build_entry` has it.
        switch_on: a person agreed to switch on an entry that is commented out.

    Raises:
        KitError: CRN007 if no entry can be built.
    """
    found = own_entries(content, spec)
    lines = split_lines(content)
    replaced = found.own
    if not replaced and switch_on and not found.mixed:
        replaced = found.usable_again[:1]
    # The new line takes the place of this one.
    keep = found.kept or next(iter(replaced), None)
    index = _runnable_index(lines, len(lines) if keep is None else keep.number - 1)
    times = times or _kept_times(keep, runner)
    times = times or spread(spec.user, spec.host, spec.domain)
    line = build_entry(spec, times, _variables(lines[:index]), runner=runner)
    if not replaced and found.mixed:
        return Plan(PlanOutcome.MIXED, content, line, found)
    if not replaced and found.off and not switch_on:
        return Plan(PlanOutcome.SWITCHED_OFF, content, line, found)
    after = _replace_lines(lines, replaced, index, line)
    outcome = PlanOutcome.UNCHANGED if after == content else PlanOutcome.CHANGED
    return Plan(outcome if found.active else PlanOutcome.ADDED, after, line, found)


def plan_removal(content: bytes, spec: EntrySpec) -> bytes:
    """Plan a crontab without this set-up's active entries.

    One that does other work as well is left.
    """
    removed = {entry.number for entry in own_entries(content, spec).own}
    kept = [
        line
        for number, line in enumerate(split_lines(content), start=1)
        if number not in removed
    ]
    return encode("".join(kept))


def _replace_lines(
    lines: Sequence[str], replaced: Sequence[Entry], index: int, line: str
) -> bytes:
    """Take out the replaced entries, and put a line at an index."""
    lines = list(lines)
    for entry in replaced:
        lines[entry.number - 1] = ""
    before = "".join(lines[:index])
    if before and not before.endswith("\n"):
        before += "\n"
    after = "".join(lines[index:])
    return encode(f"{before}{line}\n{after}")


def _variables(lines: Sequence[str]) -> dict[str, str]:
    """Read the variables that lines of a crontab set."""
    settings = [read_variable(line) for line in lines]
    return dict(setting for setting in settings if setting is not None)


def _kept_times(entry: Entry | None, runner: str) -> str | None:
    """Return the times of a marked entry if they keep a token valid."""
    times = entry.times if entry is not None and entry.is_marked else None
    if times is None or gap_problem(times):
        return None
    if runner == "client" and one_miss_expires(times):
        return None
    return times.text.strip()


def _runnable_index(lines: Sequence[str], index: int) -> int:
    """Find where an entry runs under a shell that can read it.

    That is before the SHELL lines above it that break it.
    """
    runnable = index
    for above in reversed(range(index)):
        name, value = read_variable(lines[above]) or ("", "")
        if name != "SHELL":
            continue
        if not _shell_problem(value):
            break
        runnable = above
    return runnable


# --- hazards


class Hazard(NamedTuple):
    """What keeps cron from running an entry as it was meant (CRN007)."""

    number: int  # of the line that does
    reason: str


def find_hazards(entry: Entry, home: str) -> Iterator[Hazard]:
    """Find what keeps cron from running an entry as it was meant.

    Args:
        home: the owner's home, absolute.
    """
    for name, value in entry.variables.items():
        problem = _variable_problem(entry, name, value, home)
        if problem:
            yield Hazard(entry.variable_lines[name], f"{name}={value[:60]} {problem}")
    for find_reason in _REASONS:
        reason = find_reason(entry)
        if reason:
            yield Hazard(entry.number, reason)


def _variable_problem(entry: Entry, name: str, value: str, home: str) -> str:
    """Say what a variable of the crontab breaks in an entry, or "".

    The command may set its own: then the crontab's does no harm.
    """
    calls = [call for call in entry.calls if call.environ.get(name) == value]
    if not calls:
        return ""
    if name == "SHELL":
        return _shell_problem(value)
    needs_path = any(_needs_path(call) for call in entry.calls)
    if name == "PATH" and needs_path and not leads_to_env(value):
        return "lacks /usr/bin and /bin"
    if name == "HOME" and normpath(value or "/") != normpath(home):
        return "is not the home folder, so ~/.ocarina is another file"
    return ""


def _shell_problem(shell: str) -> str:
    """Say what keeps an entry for ``sh`` from running under a shell, or ""."""
    if not isabs(shell) or basename(shell) not in _POSIX_SHELLS:
        return "is not a shell that can run the entry"
    return "cannot be started" if program_problem(shell) else ""


def _needs_path(call: Call) -> bool:
    """Return whether PATH says what runs its program: it starts with `env`."""
    if not isabs(call.path):
        return False
    shebang = read_launch(call.path).shebang
    return bool(shebang) and shebang[0] in _ENV_PROGRAMS


def _bare_percent(entry: Entry) -> str:
    command = cron_command(entry.command)
    # In a comment it does no harm.
    if command.percent is None or read_command(command.text, {}).comment:
        return ""
    excerpt = mask_variables(entry.command[: command.percent + 4])[-16:]
    return f"cron ends the command at the % in {excerpt!r}; write \\%"


def _carriage_return(entry: Entry) -> str:
    ends_so = re.search(r"(\r|\\r)\s*\Z", entry.command)
    if not ends_so or entry.reading.comment:
        return ""
    return "it ends in a carriage return, which becomes part of the last word"


def _bash_only_command(entry: Entry) -> str:
    shell = realpath(entry.variables.get("SHELL", "/bin/sh"))
    if not entry.reading.bash_only or basename(shell) != "dash":
        return ""
    return f"its shell has no {entry.reading.bash_only[0]}, which is bash's"


def _unknown_option(entry: Entry) -> str:
    for call in entry.calls:
        unknown = sorted(call.options - KIT_OPTIONS)
        if call.tool == "kit" and unknown:
            return f"ocarina-kit refresh has no option {unknown[0]}"
    return ""


def _open_quote(entry: Entry) -> str:
    return "" if entry.reading.is_complete else "a quote is never closed"


def _no_line_break(entry: Entry) -> str:
    if entry.has_line_break:
        return ""
    return "the crontab's last line has no line break at its end"


def _quoted_tilde(entry: Entry) -> str:
    for call in entry.calls:
        in_config = re.search(r"/(~|\$\{?HOME)", call.config or "")
        if in_config or call.path.startswith("~/"):
            return "its ~ is quoted and so not expanded: it is for another file"
    return ""


# Each says why the line itself is a hazard, or "".
_REASONS: Sequence[Callable[[Entry], str]] = (
    _bare_percent,
    _carriage_return,
    _bash_only_command,
    _unknown_option,
    _open_quote,
    _no_line_break,
    _quoted_tilde,
)
