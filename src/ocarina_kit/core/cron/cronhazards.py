"""What cron will break in a refresh line: each as a typed fault, for CHECKS.md's CRN004 and CRN007."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from enum import Enum
from posixpath import basename, isabs, normpath

from ocarina_kit.core.cron.cronline import MAX_COMMAND_BYTES
from ocarina_kit.core.cron.crontab import Crontab, cron_command, encode
from ocarina_kit.core.cron.refreshcall import Lookup, Program
from ocarina_kit.core.cron.refreshjob import RefreshJob
from ocarina_kit.core.cron.shell import read_script
from ocarina_kit.core.cron.unwrap import SHELLS


class HazardKind(Enum):
    BARE_PERCENT = "bare-percent"
    """An unescaped ``%`` ends the command (CRN007)."""
    QUOTED_TILDE = "quoted-tilde"
    """``~`` in quotes is not expanded (CRN007)."""
    RELATIVE_PROGRAM = "relative-program"
    """A program without its whole path (CRN004). ``sure`` is False where a PATH line or ``cd`` may lead to it."""
    UNSET_VARIABLE = "unset-variable"
    """The program's path rests on a variable that cron does not set (CRN007)."""
    SHELL_LINE = "shell-line"
    """A ``SHELL=`` line above it names no shell that reads the line (CRN007)."""
    PATH_LINE = "path-line"
    """A ``PATH=`` line above it hides the system's programs, or cron expands nothing in it (CRN007).
    ``sure`` where a program of the line is looked up by it."""
    HOME_LINE = "home-line"
    """A ``HOME=`` line above it leads away from the person's home (CRN007)."""
    NOT_WHOLE = "not-whole"
    """A quote or a parenthesis is never closed: the shell refuses the line (CRN007)."""
    TOO_LONG = "too-long"
    """Debian's cron refuses the command (CRN007)."""
    NO_NEWLINE = "no-newline"
    """The crontab's last line has no line break: cron drops it (CRN007)."""
    SOURCE = "source"
    """``source`` under a plain ``sh``: Debian's dash does not know it, others do (never ``sure``)."""


@dataclass(frozen=True)
class Hazard:
    """``what`` is a sentence for a person. ``line`` counts from 1 and is the place at fault, maybe a variable's line.
    ``sure`` is False where it depends on the host."""

    kind: HazardKind
    line: int
    what: str
    sure: bool = True


_POSIX_SHELLS = SHELLS - {"csh", "tcsh", "fish"}


def cron_hazards(
    crontab: Crontab, job: RefreshJob, *, home: str, gone_shells: Container[str] = ()
) -> tuple[Hazard, ...]:
    """What keeps cron from running ``job`` as it was meant; empty for a good line.

    ``home``: its owner's, absolute. ``gone_shells``: values of ``SHELL`` that name no program of this host.
    """
    return (
        *_of_the_text(crontab, job),
        *_of_the_variables(crontab, job, home, gone_shells),
        *_of_the_programs(job),
    )


def _of_the_text(crontab: Crontab, job: RefreshJob) -> list[Hazard]:
    found: list[Hazard] = []
    written = job.text.command
    cut = cron_command(written)
    comment_at = read_script(written, {}).comment_at
    if cut.percent is not None and (comment_at is None or cut.percent < comment_at):
        what = f"cron ends the command at the % in {_around(written, cut.percent)!r}; write \\%"
        found.append(Hazard(HazardKind.BARE_PERCENT, job.number, what))
    if not job.findings.whole:
        found.append(Hazard(HazardKind.NOT_WHOLE, job.number, "a quote or parenthesis is never closed"))
    if len(encode(written)) > MAX_COMMAND_BYTES:
        found.append(
            Hazard(
                HazardKind.TOO_LONG, job.number, f"cron refuses commands over {MAX_COMMAND_BYTES} characters"
            )
        )
    if not crontab.ends_in_newline and job.line.index == len(crontab.lines) - 1:
        found.append(
            Hazard(HazardKind.NO_NEWLINE, job.number, "the crontab's last line has no line break at its end")
        )
    shell = job.variables.get("SHELL", "/bin/sh")
    if job.findings.uses_source and basename(shell) in {"sh", "dash", "ash"}:
        found.append(
            Hazard(
                HazardKind.SOURCE, job.number, f"{shell} may not know `source`; it is bash's word", sure=False
            )
        )
    return found


def _around(text: str, at: int) -> str:
    return text[max(0, at - 12) : at + 4].strip()


def _of_the_variables(
    crontab: Crontab, job: RefreshJob, home: str, gone_shells: Container[str]
) -> list[Hazard]:
    if not {"SHELL", "PATH", "HOME"} & job.variables.keys():
        return []
    found: list[Hazard] = []
    above = crontab.variables_at(job.line.index)
    if (shell := above.get("SHELL")) is not None and bad_shell(shell.value, gone_shells):
        named = not bad_shell(shell.value)
        why = "is not there" if named else "is no shell that reads the line"
        what = f"SHELL={_short(shell.value)} {why}"
        found.append(Hazard(HazardKind.SHELL_LINE, shell.index + 1, what))
    if (path := above.get("PATH")) is not None and _is_seen(job, "PATH", path.value):
        by_path = any(call.program.lookup is Lookup.PATH for call in job.calls)
        if why := _bad_path(path.value, by_path=by_path):
            what = f"in PATH={_short(path.value)} {why}"
            found.append(Hazard(HazardKind.PATH_LINE, path.index + 1, what, sure=by_path))
    if (
        (folder := above.get("HOME")) is not None
        and _is_seen(job, "HOME", folder.value)
        and normpath(folder.value or "/") != normpath(home)
    ):
        what = f"HOME={_short(folder.value)} is not the home folder, so ~/.ocarina is another file"
        found.append(Hazard(HazardKind.HOME_LINE, folder.index + 1, what))
    return found


def _is_seen(job: RefreshJob, name: str, value: str) -> bool:
    """Whether a refresh of the line sees the crontab's value: the line may set its own."""
    return any(call.environment.get(name) == value for call in job.calls)


def bad_shell(value: str, gone: Container[str] = ()) -> bool:
    """Whether ``SHELL=value`` keeps a line for ``sh`` from running: relative, no POSIX shell by name, or ``gone``."""
    return not isabs(value) or basename(value) not in _POSIX_SHELLS or value in gone


def _bad_path(value: str, *, by_path: bool) -> str:
    if not {"/usr/bin", "/bin"} <= set(value.split(":")):
        return "the system's own folders /usr/bin and /bin are missing"
    if by_path and "$" in value:
        return "cron does not expand the $"
    if by_path and re.search(r"(^|:)~", value):
        return "cron does not expand the ~"
    return ""


def _short(value: str) -> str:
    return value if len(value) <= 60 else value[:57] + "…"


def _of_the_programs(job: RefreshJob) -> list[Hazard]:
    found: list[Hazard] = []
    for call in job.calls:
        program = call.program
        if program.quoted_tilde:
            found.append(
                Hazard(
                    HazardKind.QUOTED_TILDE,
                    job.number,
                    f"the ~ of {program.written} is quoted and so not expanded",
                )
            )
        elif program.lookup is Lookup.UNKNOWN:
            names = ", ".join(dict.fromkeys(program.unknown))
            found.append(
                Hazard(
                    HazardKind.UNSET_VARIABLE, job.number, f"cron does not set {names} in {program.written}"
                )
            )
        else:
            found.extend(_relative(job, program))
        found.extend(
            Hazard(HazardKind.RELATIVE_PROGRAM, job.number, f"{starter}: not a whole path", sure=False)
            for starter in program.starters
            if not isabs(starter) and basename(starter) not in _SYSTEM
        )
    return list(dict.fromkeys(found))


# Programs that stand in /usr/bin or /bin everywhere, cron's own PATH.
_SYSTEM = frozenset({"env", "nice", "ionice", "timeout", "nohup", "setsid", "stdbuf", "flock", "taskset", "sh", "bash",
                     "dash", "python3", "script", "exec", "command", "busybox", "chrt"})  # fmt: skip


def _relative(job: RefreshJob, program: Program) -> list[Hazard]:
    if program.lookup is Lookup.PATH:
        sure = not ({"PATH"} & job.variables.keys() or _path_in_line(job))
        what = f"{program.written} has no whole path: cron looks in its own short PATH"
    elif program.lookup is Lookup.DIRECTORY:
        sure = not isabs(program.path)
        what = f"{program.written} is relative: cron starts in the home folder"
    elif program.lookup in {Lookup.ACTIVATED, Lookup.LOGIN_SHELL}:
        sure, what = False, f"{program.written} rests on what the person's own shell sets up"
    else:
        return []
    return [Hazard(HazardKind.RELATIVE_PROGRAM, job.number, what, sure=sure)]


def _path_in_line(job: RefreshJob) -> bool:
    return any(call.environment.get("PATH", "/usr/bin:/bin") != "/usr/bin:/bin" for call in job.calls)
