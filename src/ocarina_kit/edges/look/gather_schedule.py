"""Looks at the schedule on this host: the crontab, the programs of its refresh lines, cron itself. Reads only."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from posixpath import isabs, join

from ocarina_kit.core.client.launch import HEAD_BYTES, read_launch
from ocarina_kit.core.client.resolution import Candidate, Resolution
from ocarina_kit.core.config.base_url import base_url
from ocarina_kit.core.cron.cronplan import Entries, sort_entries
from ocarina_kit.core.cron.crontab import Crontab
from ocarina_kit.core.cron.crontab_read import CrontabRead, ReadOutcome
from ocarina_kit.core.cron.refreshcall import Lookup, Tool
from ocarina_kit.core.cron.refreshjob import RefreshJob, refresh_jobs
from ocarina_kit.core.cron.schedule_facts import ProgramFacts, ScheduleFacts
from ocarina_kit.core.cron.wanted_line import Ground, ground
from ocarina_kit.core.facts import ConfigFacts
from ocarina_kit.edges.cron.cron_daemon import cron_daemon
from ocarina_kit.edges.cron.crontab_program import read_crontab
from ocarina_kit.edges.cron.kit_program import kit_program
from ocarina_kit.edges.cron.local_zone import local_zone
from ocarina_kit.edges.disk import refresh_log
from ocarina_kit.edges.look.gather_tokens import setup_mark_of
from ocarina_kit.edges.system import System

_SPOOLS = ("/var/spool/cron/crontabs", "/var/spool/cron", "/var/at/tabs", "/var/cron/tabs")


def ground_of(system: System, config: ConfigFacts) -> Ground:
    """What the set-up's crontab line rests on, here and in this shell."""
    return ground(
        config.place,
        user=system.user,
        host=system.host,
        home=system.home,
        domain=base_url(config) or config.text("MAJORA_DOMAIN"),
        environ=system.environ,
        cwd=Path.cwd(),
        kit=kit_program(),
    )


def schedule_facts(
    system: System, config: ConfigFacts, *, root: Path = Path("/"), spools: tuple[str, ...] = _SPOOLS
) -> ScheduleFacts:
    """One look at the schedule. Never raises for what it finds. ``root`` stands for ``/`` where cron is looked for."""
    base = ground_of(system, config)
    read = read_crontab(system)
    crontab = Crontab.parse(read.content if read.readable else b"")
    jobs = refresh_jobs(crontab, base.user, base.home)
    real_paths = {path: os.path.realpath(path) for path in {base.config, *_configs(jobs, base)}}
    entries = sort_entries(crontab, base.owner, canonical=lambda path: real_paths.get(path, path))
    mark = setup_mark_of(system, config)
    return ScheduleFacts(
        now=system.clock.now(),
        zone=local_zone(),
        ground=base,
        crontab=read,
        programs=_programs(entries) if jobs else {},
        real_paths=real_paths,
        gone_shells=_gone_shells(crontab),
        daemon=cron_daemon(system, root),
        log=tuple(entry for entry in refresh_log.read(system) if entry.setup == mark),
        stood_since=_stood_since(read, system.user, spools),
    )


def _configs(jobs: Iterable[RefreshJob], base: Ground) -> set[str]:
    """The configurations that lines name, and what they would name were a quoted ``~`` expanded."""
    found: set[str] = set()
    for job in jobs:
        for call in job.calls:
            if call.config is not None:
                found.add(call.config)
                if "/~/" in call.config:
                    found.add(join(base.home, call.config.rpartition("/~/")[2]))
    found.add(join(base.home, ".ocarina"))
    return found


def _gone_shells(crontab: Crontab) -> frozenset[str]:
    shells = {
        line.variable.value for line in crontab.lines if line.variable and line.variable.name == "SHELL"
    }
    programs = (_program(shell) for shell in shells if isabs(shell))
    return frozenset(program.path for program in programs if not program.executable)


def _programs(entries: Entries) -> dict[str, ProgramFacts]:
    found: dict[str, ProgramFacts] = {}
    for job in (*entries.active, *entries.others):
        for call in job.calls:
            for starter in call.program.starters:
                if isabs(starter) and starter not in found:
                    found[starter] = _program(starter)
            path = call.program.path
            if path in found:
                continue
            if isabs(path):
                found[path] = _program(path)
            elif call.program.lookup is Lookup.PATH:
                found[path] = _on_path(path, call.environment)
    return found


def _on_path(name: str, environment: Mapping[str, str]) -> ProgramFacts:
    for folder in environment.get("PATH", "").split(":"):
        # cron expands nothing in its PATH line, and a relative folder starts in the home folder.
        if isabs(folder):
            program = _program(join(folder, name))
            if program.exists and program.executable:
                return program
    return ProgramFacts(name, exists=False)


def _program(path: str) -> ProgramFacts:
    try:
        there = Path(path).is_file()
        if not there:
            return ProgramFacts(path, exists=False)
        executable = os.access(path, os.X_OK)
        with Path(path).open("rb") as file:
            launch = read_launch(file.read(HEAD_BYTES))
    except (OSError, ValueError):
        # A program that may be executed and not read is a program.
        there, executable = Path(path).exists(), os.access(path, os.X_OK)
        return ProgramFacts(path, exists=there, executable=executable, real_path=os.path.realpath(path))
    first = launch.shebang[0] if launch.shebang else ""
    gone = next(
        (each for each in (launch.interpreter or "", first) if isabs(each) and not Path(each).exists()), ""
    )
    return ProgramFacts(
        path,
        exists=True,
        executable=executable,
        real_path=os.path.realpath(path),
        interpreter_missing=gone,
        started_by_path=first.endswith("/env"),
    )


def _stood_since(read: CrontabRead, user: str, spools: tuple[str, ...]) -> float | None:
    """When the crontab was last changed: its file's time, where this user may see it and it is what was listed."""
    if read.outcome is not ReadOutcome.CRONTAB or not read.content:
        return None
    for folder in spools:
        path = Path(folder, user)
        try:
            # Debian's crontab puts three lines of its own before what it was given, and does not list them.
            if path.is_file() and path.read_bytes().endswith(read.content):
                return path.stat().st_mtime
        except OSError:
            continue
    return None


def named_clients(system: System, schedule: ScheduleFacts, resolution: Resolution) -> dict[str, Candidate]:
    """What the clients are that this set-up's entry names by whole path and that no search found; each is run once."""
    from ocarina_kit.edges.client.find_client import examine

    known = {candidate.real_path for candidate in resolution.candidates}
    paths = dict.fromkeys(
        call.program.path
        for job in schedule.entries.active
        for call in job.calls
        if call.tool is Tool.CLIENT and call.program.path.endswith("/ocarina")
    )
    found: dict[str, Candidate] = {}
    for path in paths:
        program = schedule.programs.get(path)
        if program is None or not program.executable or program.real_path in known:
            continue
        found[path] = examine(system, Path(path), "the crontab")
    return found
