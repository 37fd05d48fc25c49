"""What becomes of a crontab: one good line for a set-up, every other byte left. Pure; twice is the same as once."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from posixpath import basename, isabs, join, normpath
from typing import NamedTuple

from ocarina_kit.cron.crontab import Crontab, cron_command, encode
from ocarina_kit.cron.line import MOST_BYTES, Entry, Ground, build_line, entries
from ocarina_kit.cron.recognise import Call
from ocarina_kit.cron.times import gap_problem, one_miss_expires, parse_times, spread

_POSIX_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash", "mksh"})


class Mine(NamedTuple):
    """The refresh lines of a crontab, sorted by what they are to one set-up. All but ``off`` are active.

    ``mixed`` ones do other work as well: a person must take the refresh out. ``off`` are commented out. ``others`` are
    another set-up's.
    """

    own: tuple[Entry, ...] = ()
    mixed: tuple[Entry, ...] = ()
    off: tuple[Entry, ...] = ()
    others: tuple[Entry, ...] = ()

    @property
    def active(self) -> tuple[Entry, ...]:
        """What the checks judge: the lines that are this set-up's entry."""
        return tuple(sorted((*self.own, *self.mixed), key=lambda entry: entry.number))

    @property
    def kept(self) -> Entry | None:
        """The line that becomes the good one: one that the kit wrote before others."""
        return min(self.own, key=lambda entry: not entry.marked, default=None)


def mine(found: Sequence[Entry], ground: Ground, canonical: Callable[[str], str] = normpath) -> Mine:
    """Sort entries. ``canonical`` makes one path of several that mean the same file (``os.path.realpath``)."""
    piles: dict[str, list[Entry]] = {name: [] for name in Mine._fields}
    for entry in found:
        own = {_is_own(entry, call, ground, canonical) for call in entry.calls}
        if own == {False}:
            piles["others"] += [entry] if entry.active else []
        elif not entry.active:
            piles["off"].append(entry)
        else:
            piles["mixed" if entry.reading.other_work or len(own) > 1 else "own"].append(entry)
    return Mine(*(tuple(piles[name]) for name in Mine._fields))


def _is_own(entry: Entry, call: Call, ground: Ground, canonical: Callable[[str], str]) -> bool:
    """Whether it is of the set-up's configuration and profile, which together name its tokens file.

    A ``HOME=`` line of the crontab that leads elsewhere and a quoted ``~``, which is never expanded, break an entry
    (CRN007), and do not make it another's.
    """
    config, home = call.config, entry.values.get("HOME")
    if config is None or call.profile != ground.profile:
        return False
    if home is not None and call.environ.get("HOME") == home and not call.named:
        config = join(ground.home, ".ocarina")
    meant = join(ground.home, config.rpartition("/~/")[2])
    return canonical(ground.config) in (canonical(config), canonical(meant))


class Edit(NamedTuple):
    """``what``: ``add``, ``replace``, ``remove`` or ``switch on``. ``number`` is the line's in the crontab as it was,
    from 1; for ``add`` the new line's."""

    what: str
    number: int
    before: str
    after: str


class Plan(NamedTuple):
    """``outcome``: ``unchanged``; ``changed``; ``switched off``, the only entry is commented out and nobody agreed to
    switch it on; ``mixed``, the only entry does other work as well. ``line`` is the good line, also where nothing
    changes. ``begins``: an entry starts to run on this host where none ran before.
    """

    outcome: str
    after: Crontab
    line: str
    entries: Mine
    edits: tuple[Edit, ...] = ()
    begins: bool = False


def plan_schedule(
    crontab: Crontab,
    ground: Ground,
    *,
    times: str | None = None,
    runner: str = "kit-first",
    switch_on: bool = False,
    canonical: Callable[[str], str] = normpath,
    gone_shells: Container[str] = (),
) -> Plan:
    """One good line for the set-up: repaired in place where there is one, otherwise added at the end.

    ``times``: five fields that a person gave; without them a marked line keeps its own where they are good enough.
    ``switch_on``: a person agreed to switch a commented-out entry on. ``gone_shells``: values of ``SHELL`` lines that
    are no program of this host. Raises KitError: CRN005 (times), CRN007 (no line can be built).
    """
    found = mine(entries(crontab, ground.user, ground.home), ground, canonical)
    keep, what = found.kept, "replace"
    if keep is None and not found.mixed and found.off and switch_on:
        keep, what = found.off[0], "switch on"
    at = keep.line.at if keep is not None else len(crontab.lines)
    place = _place(crontab, at, gone_shells)
    times = times or _kept_times(keep, spread(ground.user, ground.host, ground.domain), runner)
    line = build_line(ground, times, crontab.values_at(place), runner=runner)
    if keep is None and (found.mixed or found.off):
        return Plan("mixed" if found.mixed else "switched off", crontab, line, found)
    drop = [entry.line for entry in found.own if entry is not keep]
    gone = {each.at for each in drop} | ({at} if keep is not None else set())
    after = crontab.remove(gone).insert(place - sum(each < place for each in gone), encode(line))
    if after == crontab:
        return Plan("unchanged", crontab, line, found)
    edits = [Edit("remove", each.number, each.text, "") for each in drop]
    if keep is None:
        edits.append(Edit("add", place + 1, "", line))
    elif not drop or place != at or keep.line.text != line:
        edits.append(Edit(what, keep.number, keep.line.text, line))
    edits.sort(key=lambda edit: edit.number)
    begins = not found.active and (keep is None or what == "switch on")
    return Plan("changed", after, line, found, tuple(edits), begins)


def _kept_times(entry: Entry | None, own: str, runner: str) -> str:
    """The times of a marked line, where they keep a token valid; else the set-up's ``own``."""
    times = entry.times if entry is not None and entry.marked else None
    if times is None or gap_problem(times) or (runner == "client" and one_miss_expires(times)):
        return own
    # Lines of earlier versions list the hours one by one.
    return own if parse_times(own).same_as(times) else times.text.strip()


def _place(crontab: Crontab, index: int, gone_shells: Container[str]) -> int:
    """Where a line for ``index`` runs under a shell that can read it: before the SHELL lines that break it."""
    place = index
    for line in reversed(crontab.lines[:index]):
        variable = line.variable if b"SHELL" in line.raw else None
        if variable is not None and variable.name == "SHELL":
            if not bad_shell(variable.value, gone_shells):
                break
            place = variable.at
    return place


def plan_removal(crontab: Crontab, ground: Ground, canonical: Callable[[str], str] = normpath) -> Plan:
    """Takes out this set-up's active entries; a line that does other work as well is left."""
    found = mine(entries(crontab, ground.user, ground.home), ground, canonical)
    gone = [entry.line for entry in found.own]
    if not gone:
        return Plan("mixed" if found.mixed else "unchanged", crontab, "", found)
    edits = tuple(Edit("remove", line.number, line.text, "") for line in gone)
    return Plan("changed", crontab.remove({line.at for line in gone}), "", found, edits)


def bad_shell(value: str, gone: Container[str] = ()) -> bool:
    """Whether ``SHELL=value`` keeps a line for ``sh`` from running: relative, no POSIX shell by name, or gone."""
    return not isabs(value) or basename(value) not in _POSIX_SHELLS or value in gone


def hazards(
    crontab: Crontab, entry: Entry, home: str, gone_shells: Container[str] = (), *, by_path: bool = True
) -> list[tuple[int, str]]:
    """What keeps cron from running a line as it was meant (CRN007): the number of the line that does, from 1, and why.

    ``home``: its owner's, absolute. ``gone_shells`` as in :func:`plan_schedule`. ``by_path``: a program of the line
    starts with ``#!/usr/bin/env``, so that PATH says what runs it.
    """
    written, number = entry.job.command, entry.number
    found: list[tuple[int, str]] = []
    percent, comment = cron_command(written).percent, entry.reading.comment_at
    # An escaped percent sign is one character longer in the written command than in the one that was read.
    if percent is not None and (comment is None or percent < comment + written[:percent].count("\\%")):
        around = written[max(0, percent - 12) : percent + 4].strip()
        found.append((number, f"cron ends the command at the % in {around!r}; write \\%"))
    if not entry.reading.complete:
        found.append((number, "a quote is never closed"))
    if len(encode(written)) > MOST_BYTES + 1:
        found.append((number, f"cron refuses commands over {MOST_BYTES + 1} characters"))
    if not crontab.ends_in_newline and entry.line.at == len(crontab.pieces) - 1:
        found.append((number, "the crontab's last line has no line break at its end"))
    for call in entry.calls:
        if call.path.startswith("~/"):
            found.append((number, f"the ~ of {call.written} is quoted and so not expanded"))
        if call.named and "/~/" in (call.config or ""):
            found.append(
                (number, f"the ~ is quoted and so not expanded: it is for another file, {call.config}")
            )
    return found + _of_variables(entry, home, gone_shells, by_path=by_path)


def _of_variables(
    entry: Entry, home: str, gone_shells: Container[str], *, by_path: bool
) -> list[tuple[int, str]]:
    """Of ``SHELL``, ``PATH`` and ``HOME`` lines above it. The line may set its own PATH and HOME."""
    found: list[tuple[int, str]] = []
    shell = entry.variables.get("SHELL")
    if shell is not None and bad_shell(shell.value, gone_shells):
        why = "is not a shell that can run the line" if bad_shell(shell.value) else "does not exist"
        found.append((shell.at + 1, f"SHELL={shell.value[:60]} {why}"))
    for name in ("PATH", "HOME"):
        variable = entry.variables.get(name)
        if variable is None or all(call.environ.get(name) != variable.value for call in entry.calls):
            continue
        written = f"{name}={variable.value[:60]}"
        if name == "PATH" and by_path and not {"/usr/bin", "/bin"} <= set(variable.value.split(":")):
            found.append((variable.at + 1, f"/usr/bin and /bin are missing in {written}"))
        if name == "HOME" and normpath(variable.value or "/") != normpath(home):
            found.append(
                (variable.at + 1, f"{written} is not the home folder, so ~/.ocarina is another file")
            )
    return found
