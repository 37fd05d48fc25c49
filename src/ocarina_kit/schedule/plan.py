"""What becomes of a crontab: one good entry for a set-up, every other byte left. Twice is the same as once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from posixpath import basename, isabs, join, normpath, realpath
from typing import NamedTuple

from ocarina_kit.client.places import read_launch
from ocarina_kit.schedule.crontab import cron_command, encode, lines_of, variable
from ocarina_kit.schedule.host import program_problem
from ocarina_kit.schedule.line import Entry, Ground, build_line, entries, finds_env
from ocarina_kit.schedule.recognise import KIT_OPTIONS, Call, read_command
from ocarina_kit.schedule.times import gap_problem, one_miss_expires, spread
from ocarina_kit.system.secret import mask_variables

_POSIX_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash", "mksh"})


class Mine(NamedTuple):
    """The refresh entries of a crontab, sorted by what they are to one set-up. All but ``off`` are active.

    ``mixed`` ones do other work as well: a person must take the refresh out. ``off`` are commented out. ``others`` are
    another set-up's. ``unclear`` ones speak of a refresh in a form that is not understood.
    """

    own: tuple[Entry, ...] = ()
    mixed: tuple[Entry, ...] = ()
    off: tuple[Entry, ...] = ()
    others: tuple[Entry, ...] = ()
    unclear: tuple[Entry, ...] = ()

    @property
    def active(self) -> tuple[Entry, ...]:
        """What the checks judge: all that cron runs for this set-up."""
        return tuple(sorted((*self.own, *self.mixed)))

    @property
    def again(self) -> tuple[Entry, ...]:
        """The commented-out ones that can be used again: those that do other work stay as they are."""
        return tuple(entry for entry in self.off if not entry.reading.other_work)

    @property
    def kept(self) -> Entry | None:
        """The one that becomes the good entry: one that the kit wrote before others."""
        return min(self.own, key=lambda entry: not entry.marked, default=None)


def mine(content: bytes, ground: Ground) -> Mine:
    """The entries of a crontab, sorted by whose they are."""
    piles: dict[str, list[Entry]] = {name: [] for name in Mine._fields}
    for entry in entries(content, ground.user, ground.home):
        own = [_is_own(entry, call, ground) for call in entry.calls]
        if not entry.reading.is_clear:
            pile = "unclear"
        elif not any(own):
            pile = "others" if entry.active else ""
        elif not entry.active:
            pile = "off"
        else:
            pile = "mixed" if entry.reading.other_work or not all(own) else "own"
        if pile:
            piles[pile].append(entry)
    return Mine(*(tuple(piles[name]) for name in Mine._fields))


def _is_own(entry: Entry, call: Call, ground: Ground) -> bool:
    """Whether it is of the set-up's configuration and profile, which together name its tokens file.

    A ``HOME=`` line of the crontab that leads elsewhere and a quoted ``~``, which is never expanded, break an entry
    (CRN007), and do not make it another's.
    """
    config = call.config
    home = entry.values.get("HOME", ground.home)
    if config is None or call.profile != ground.profile:
        return False
    # HOME=/elsewhere above it: /elsewhere/.ocarina was to be the usual one.
    if call.environ.get("HOME") == home and config == normpath(
        join(home, home, ".ocarina")
    ):
        config = join(ground.home, ".ocarina")
    # '~/lab/.ocarina' in quotes: the shell looks for <home>/~/lab/.ocarina.
    meant = join(ground.home, re.sub(r".*/(?:~|\$\{?HOME\}?)/", "", config))
    return realpath(ground.config) in (realpath(config), realpath(meant))


class Plan(NamedTuple):
    """``outcome``: ``unchanged``; ``changed``; ``added``, an entry starts to run on this host where none ran before;
    ``switched off``, the only entry is commented out and nobody agreed to switch it on; ``mixed``, the only entry does
    other work as well. ``line`` is the good entry, also if nothing changes.
    """

    outcome: str
    after: bytes
    line: str
    entries: Mine


def plan_schedule(
    content: bytes,
    ground: Ground,
    *,
    times: str | None = None,
    runner: str = "kit-first",
    switch_on: bool = False,
) -> Plan:
    """One good entry for the set-up: repaired in place if there is one, otherwise added at the end.

    ``times``: five fields that a person gave; without them a marked entry keeps its own if they are good enough.
    ``switch_on``: a person agreed to switch a commented-out entry on. Raises KitError: CRN007 (none can be built).
    """
    found = mine(content, ground)
    lines = lines_of(content)
    # `own` are replaced by one line, which takes the place of `keep`, and its times if they are good enough.
    own = found.own or (found.again[:1] if switch_on and not found.mixed else ())
    keep = found.kept or next(iter(own), None)
    location = _place(lines, len(lines) if keep is None else keep.number - 1)
    times = times or _kept_times(
        keep, spread(ground.user, ground.host, ground.domain), runner
    )
    above = dict(filter(None, map(variable, lines[:location])))
    line = build_line(ground, times, above, runner=runner)
    if not own and (found.mixed or (found.off and not switch_on)):
        return Plan("mixed" if found.mixed else "switched off", content, line, found)
    for entry in own:
        lines[entry.number - 1] = ""
    before, after = "".join(lines[:location]), "".join(lines[location:])
    before += "" if before.endswith("\n") or not before else "\n"
    new = encode(f"{before}{line}\n{after}")
    outcome = "unchanged" if new == content else "changed"
    return Plan(outcome if found.active else "added", new, line, found)


def plan_removal(content: bytes, ground: Ground) -> bytes:
    """The crontab without this set-up's active entries; one that does other work as well is left."""
    gone = {entry.number for entry in mine(content, ground).own}
    return encode(
        "".join(
            line for at, line in enumerate(lines_of(content), start=1) if at not in gone
        )
    )


def _kept_times(entry: Entry | None, own: str, runner: str) -> str:
    """The times of a marked entry, if they keep a token valid; else the set-up's ``own``."""
    times = entry.times if entry is not None and entry.marked else None
    if (
        times is None
        or gap_problem(times)
        or (runner == "client" and one_miss_expires(times))
    ):
        return own
    return times.text.strip()


def _place(lines: Sequence[str], index: int) -> int:
    """Where an entry for ``index`` runs under a shell that can read it: before the SHELL lines that break it."""
    location = index
    for at in reversed(range(index)):
        name, value = variable(lines[at]) or ("", "")
        if name == "SHELL" and not _shell_problem(value):
            break
        location = at if name == "SHELL" else location
    return location


def _shell_problem(shell: str) -> str:
    """What keeps an entry for ``sh`` from running under ``SHELL=shell``, in words."""
    if not isabs(shell) or basename(shell) not in _POSIX_SHELLS:
        return "is not a shell that can run the entry"
    return "cannot be started" if program_problem(shell) else ""


def _needs_path(call: Call) -> bool:
    """Whether its program starts with ``#!/usr/bin/env``: then PATH says what runs it."""
    return isabs(call.path) and read_launch(call.path).shebang[:1] in (
        ("/usr/bin/env",),
        ("/bin/env",),
    )


def hazards(entry: Entry, home: str) -> Iterator[tuple[int, str]]:
    """What keeps cron from running an entry as it was meant (CRN007): the number of the line that does, and why.

    ``home``: its owner's, absolute.
    """
    calls = entry.calls
    number = entry.number
    for (
        name,
        value,
    ) in entry.values.items():  # the command may set its own PATH and HOME
        what = _shell_problem(value) if name == "SHELL" else ""
        if all(call.environ.get(name) != value for call in calls):
            continue
        if name == "PATH" and not finds_env(value) and any(map(_needs_path, calls)):
            what = "lacks /usr/bin and /bin"
        if name == "HOME" and normpath(value or "/") != normpath(home):
            what = "is not the home folder, so ~/.ocarina is another file"
        if what:
            yield entry.set_at[name], f"{name}={value[:60]} {what}"
    text, _, percent = cron_command(entry.command)
    if (
        percent is not None and not read_command(text, {}).comment
    ):  # in a comment it does no harm
        excerpt = mask_variables(entry.command[: percent + 4])[-16:]
        yield (
            number,
            f"cron ends the command at the % in {excerpt!r}; write \\%",
        )
    if not entry.reading.comment and re.search(r"(\r|\\r)\s*\Z", entry.command):
        yield (
            number,
            "it ends in a carriage return, which becomes part of the last word",
        )
    if entry.reading.bash_only and realpath(
        entry.values.get("SHELL", "/bin/sh")
    ).endswith("/dash"):
        yield number, f"its shell has no {entry.reading.bash_only[0]}, which is bash's"
    for option in sorted(
        {each for call in calls if call.tool == "kit" for each in call.options}
        - KIT_OPTIONS
    ):
        yield number, f"ocarina-kit refresh has no option {option}"
    if not entry.reading.is_complete:
        yield number, "a quote is never closed"
    if not entry.ends:
        yield number, "the crontab's last line has no line break at its end"
    if any(
        call.path.startswith("~/") or re.search(r"/(~|\$\{?HOME)", call.config or "")
        for call in calls
    ):
        yield number, "its ~ is quoted and so not expanded: it is for another file"
