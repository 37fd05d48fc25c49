"""What becomes of a crontab: one good line for a set-up, every other byte left. Pure; twice is the same as once."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from posixpath import basename, isabs, join, normpath
from typing import NamedTuple

from ocarina_kit.cron.crontab import Crontab, cron_command, encode
from ocarina_kit.cron.line import MOST_BYTES, Carried, Entry, Spec, build_line, entries
from ocarina_kit.cron.recognise import Call
from ocarina_kit.cron.times import gap_problem, one_miss_expires, parse_times, spread
from ocarina_kit.system.words import listed

_POSIX_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash", "mksh"})


class Ground(NamedTuple):
    """A set-up's line: whose it is, and what it rests on. Paths are absolute.

    ``domain`` only picks the times. ``kit`` is how cron starts ocarina-kit: its program, and what goes before the
    subcommand. ``client`` is the ocarina for the line, None where there is none.
    """

    user: str
    host: str
    home: str
    config: str
    domain: str
    kit: tuple[str, ...]
    profile: str | None = None
    client: str | None = None
    carried: Carried = Carried()

    def spec(self, runner: str = "kit-first", schedule: str | None = None) -> Spec:
        """``runner``: ``kit-first`` or ``client``. ``schedule``: other times than the set-up's own."""
        times = schedule or spread(self.user, self.host, self.domain)
        kit = self.kit if runner == "kit-first" else ()
        return Spec(times, kit, self.client, self.config, self.home, self.profile, self.carried.variables)


class Mine(NamedTuple):
    """The refresh lines of a crontab, sorted by what they are to one set-up. All but ``off`` are active.

    ``misled`` ones name its configuration behind a quoted ``~``, which is never expanded (CRN007). ``mixed`` ones do
    other work as well: a person must take the refresh out. ``off`` are commented out. ``others`` are another set-up's.
    """

    own: tuple[Entry, ...] = ()
    mixed: tuple[Entry, ...] = ()
    misled: tuple[Entry, ...] = ()
    off: tuple[Entry, ...] = ()
    others: tuple[Entry, ...] = ()

    @property
    def active(self) -> tuple[Entry, ...]:
        """What the checks judge: the lines that are, or are meant to be, this set-up's entry."""
        return tuple(sorted((*self.own, *self.mixed), key=lambda entry: entry.number)) or self.misled


def mine(found: Sequence[Entry], ground: Ground, canonical: Callable[[str], str] = normpath) -> Mine:
    """Sort entries. ``canonical`` makes one path of several that mean the same file (``os.path.realpath``)."""
    piles: dict[str, list[Entry]] = {name: [] for name in Mine._fields}
    for entry in found:
        whose = {_whose(entry, call, ground, canonical) for call in entry.calls}
        mixed = bool(entry.reading.other_work) or len(whose) > 1
        if "own" in whose:
            piles["off" if not entry.active else "mixed" if mixed else "own"].append(entry)
        elif entry.active:
            piles["misled" if "misled" in whose and not mixed else "others"].append(entry)
    return Mine(*(tuple(piles[name]) for name in Mine._fields))


def _whose(entry: Entry, call: Call, ground: Ground, canonical: Callable[[str], str]) -> str:
    """``own``: of the set-up's configuration and profile, which together name its tokens file.

    A ``HOME=`` line of the crontab that leads elsewhere breaks an entry (CRN007), and does not make it another's.
    """
    config, home = call.config, entry.values.get("HOME")
    if config is None or call.profile != ground.profile:
        return "another's"
    if home is not None and call.environ.get("HOME") == home and not call.config_named:
        config = join(ground.home, ".ocarina")
    if canonical(config) == canonical(ground.config):
        return "own"
    meant = join(ground.home, config.rpartition("/~/")[2]) if "/~/" in config else ""
    return "misled" if meant and canonical(meant) == canonical(ground.config) else "another's"


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
    before: Crontab
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
    own = found.own or (() if found.mixed else found.misled)
    keep = next((entry for entry in own if entry.marked), next(iter(own), None))
    what = "replace"
    if keep is None and not found.mixed and found.off and switch_on:
        keep, what = found.off[0], "switch on"
    drop = [entry.line for entry in (*found.own, *found.misled) if entry is not keep]
    spec = ground.spec(runner, times or _kept_times(keep, ground, runner))
    at = keep.line.at if keep is not None else len(crontab.lines)
    place = _place(crontab, at, gone_shells)
    line = build_line(spec, crontab.values_at(place))
    stuck = "mixed" if found.mixed else "switched off" if found.off else ""
    if keep is None and stuck:
        return Plan(stuck, crontab, crontab, line, found)

    edits = [Edit("remove", gone.number, gone.text, "") for gone in drop]
    after = crontab.remove({gone.at for gone in drop}) if drop else crontab
    place, at = (index - sum(gone.at < index for gone in drop) for index in (place, at))
    if keep is None:
        edits.append(Edit("add", place + 1, "", line))
        after = after.insert(place, encode(line))
    else:  # in its place, or before a SHELL line above it that no line can repair from below
        raw = encode(line)
        moved = after.replace(at, raw) if place == at else after.remove({at}).insert(place, raw)
        edits += [Edit(what, keep.number, keep.line.text, line)] if moved != after else []
        after = moved
    if not edits:
        return Plan("unchanged", crontab, crontab, line, found)
    begins = not found.active and (keep is None or what == "switch on")
    return Plan(
        "changed", crontab, after, line, found, tuple(sorted(edits, key=lambda edit: edit.number)), begins
    )


def _kept_times(entry: Entry | None, ground: Ground, runner: str) -> str | None:
    """The times of a marked line, where they keep a token valid; None for the set-up's own."""
    times = entry.times if entry is not None and entry.marked else None
    if times is None or gap_problem(times) or (runner == "client" and one_miss_expires(times)):
        return None
    own = parse_times(spread(ground.user, ground.host, ground.domain))
    # Lines of earlier versions list the hours one by one.
    return own.text if own.same_as(times) else times.text.strip()


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
    gone = [entry.line for entry in (*found.own, *found.misled)]
    if not gone:
        return Plan("mixed" if found.mixed else "unchanged", crontab, crontab, "", found)
    edits = tuple(Edit("remove", line.number, line.text, "") for line in gone)
    return Plan("changed", crontab, crontab.remove({line.at for line in gone}), "", found, edits)


def bad_shell(value: str, gone: Container[str] = ()) -> bool:
    """Whether ``SHELL=value`` keeps a line for ``sh`` from running: relative, no POSIX shell by name, or gone."""
    return not isabs(value) or basename(value) not in _POSIX_SHELLS or value in gone


class Hazard(NamedTuple):
    """What keeps cron from running a line as it was meant. ``line`` counts from 1, and may be a variable's line.

    ``kind``: ``text`` (CRN007), ``program`` (no absolute path, CRN004) or ``path`` (a ``PATH`` line: CRN007 only where
    a program of the line starts with ``#!/usr/bin/env``).
    """

    kind: str
    line: int
    what: str


def hazards(crontab: Crontab, entry: Entry, home: str, gone_shells: Container[str] = ()) -> list[Hazard]:
    """Empty for a good line. ``home``: its owner's, absolute. ``gone_shells`` as in :func:`plan_schedule`."""
    texts = _of_text(crontab, entry)
    return [
        *(Hazard("text", entry.number, text) for text in texts),
        *_of_variables(entry, home, gone_shells),
        *(hazard for call in entry.calls for hazard in _of_program(entry.number, call)),
    ]


def _of_text(crontab: Crontab, entry: Entry) -> list[str]:
    found: list[str] = []
    written = entry.job.command
    percent, comment = cron_command(written).percent, entry.reading.comment_at
    # An escaped percent sign is one character longer in the written command than in the one that was read.
    if percent is not None and (comment is None or percent < comment + written[:percent].count("\\%")):
        around = written[max(0, percent - 12) : percent + 4].strip()
        found.append(f"cron ends the command at the % in {around!r}; write \\%")
    if not entry.reading.complete:
        found.append("a quote is never closed")
    if len(encode(written)) > MOST_BYTES + 1:
        found.append(f"cron refuses commands over {MOST_BYTES + 1} characters")
    if not crontab.ends_in_newline and entry.line.at == len(crontab.pieces) - 1:
        found.append("the crontab's last line has no line break at its end")
    return found


def _of_variables(entry: Entry, home: str, gone_shells: Container[str]) -> list[Hazard]:
    """Of ``SHELL``, ``PATH`` and ``HOME`` lines above it. The line may set its own PATH and HOME."""
    found: list[Hazard] = []

    shell, path, folder = (entry.variables.get(name) for name in ("SHELL", "PATH", "HOME"))
    if shell is not None and bad_shell(shell.value, gone_shells):
        why = "is no shell that reads the line" if bad_shell(shell.value) else "does not exist"
        found.append(Hazard("text", shell.at + 1, f"SHELL={shell.value[:60]} {why}"))
    if path is not None and any(call.environ.get("PATH") == path.value for call in entry.calls):
        by_path = any(call.program.lookup == "path" for call in entry.calls)
        what = ""
        if not set(path.value.split(":")) >= {"/usr/bin", "/bin"}:
            what = "/usr/bin and /bin are missing"
        elif by_path and ("$" in path.value or "~" in path.value):
            what = "cron does not expand the $ or ~"
        if what:
            found.append(
                Hazard("text" if by_path else "path", path.at + 1, f"in PATH={path.value[:60]} {what}")
            )
    leads = folder is not None and any(call.environ.get("HOME") == folder.value for call in entry.calls)
    if folder is not None and leads and normpath(folder.value or "/") != normpath(home):
        what = f"HOME={folder.value[:60]} is not the home folder, so ~/.ocarina is another file"
        found.append(Hazard("text", folder.at + 1, what))
    return found


def _of_program(line: int, call: Call) -> list[Hazard]:
    program = call.program
    if program.quoted_tilde:
        return [Hazard("text", line, f"the ~ of {program.written} is quoted and so not expanded")]
    if program.lookup == "unknown":
        return [Hazard("text", line, f"cron does not set {listed(program.unknown)} in {program.written}")]
    what = ""
    if program.lookup == "path" and call.environ.get("PATH") == "/usr/bin:/bin":
        what = "has no absolute path: cron looks in its own short PATH"
    elif program.lookup == "folder" and not isabs(program.path):
        what = "is relative: cron starts in the home folder"
    elif program.lookup == "placeholder":
        what = "was never replaced by the path of ocarina"
    return [Hazard("program", line, f"{program.written} {what}")] if what else []
