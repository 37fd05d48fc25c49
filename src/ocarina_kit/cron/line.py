"""The crontab lines that refresh a token: recognised in every shape, and the one that the kit writes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from posixpath import isabs, join, normpath
from typing import NamedTuple

from ocarina_kit.config.names import CA_BUNDLES
from ocarina_kit.cron.crontab import Crontab, Job, Line, Variable, cron_environment, encode, parse_job
from ocarina_kit.cron.recognise import Call, Reading, read_command
from ocarina_kit.cron.times import Times, parse_times
from ocarina_kit.system.errors import KitError, Remedy

MARK = "ocarina-kit"
MOST_BYTES = 997
"""Debian's crontab refuses a longer command (CRON-AND-CONDA.md)."""

PROXY = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
NO_PROXY = ("NO_PROXY", "no_proxy")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Any user info, or a word for a password: in doubt it stays out of the crontab.
_SECRET = re.compile(r"@|%40|pass|pwd|secret|token", re.I)


class Entry(NamedTuple):
    """A crontab line that refreshes a token. ``active`` is False where it is commented out.

    ``variables`` are those that the crontab sets above it. ``reading.other_work`` are programs of it that have nothing
    to do with the refresh: such a line is a person's own.
    """

    line: Line
    active: bool
    job: Job
    reading: Reading
    variables: Mapping[str, Variable]

    @property
    def number(self) -> int:
        """The line's number, from 1."""
        return self.line.number

    @property
    def calls(self) -> tuple[Call, ...]:
        return self.reading.calls

    @property
    def kind(self) -> str:
        """``kit-first``, ``kit`` or ``client``."""
        tools = [call.tool for call in self.calls]
        if "kit" not in tools:
            return "client"
        return "kit-first" if "client" in tools[tools.index("kit") :] else "kit"

    def program(self, tool: str) -> Call | None:
        """The first call of the ``kit`` or the ``client``."""
        return next((call for call in self.calls if call.tool == tool), None)

    @property
    def values(self) -> dict[str, str]:
        """The crontab's variables above it, as name and value."""
        return {name: variable.value for name, variable in self.variables.items()}

    @property
    def times(self) -> Times | None:
        """When it runs; None where cron does not accept the times, or runs it only when the host starts."""
        try:
            return parse_times(self.job.time)
        except KitError:
            return None

    @property
    def marked(self) -> bool:
        """Whether ocarina-kit wrote it."""
        marks = (f"# {MARK} {_in_comment(call.profile or '')}" for call in self.calls)
        return self.reading.comment in {mark.replace("\\%", "%").rstrip() for mark in marks}


def entries(crontab: Crontab, user: str, home: str) -> list[Entry]:
    """All lines that refresh a token, commented-out ones included, in order. Never raises.

    ``user`` and ``home`` are those of the crontab's owner.
    """
    found: list[Entry] = []
    variables: dict[str, Variable] = {}
    for line in crontab.lines:
        raw = line.raw
        if b"=" in raw and (variable := line.variable) is not None:
            variables[variable.name] = variable
        elif b"ocarina" in (folded := raw.lower()) or (b"oauth" in folded and b"refresh" in folded):
            entry = _recognise(line, variables, user, home)
            if entry is not None:
                found.append(entry)
    return found


def _recognise(line: Line, variables: Mapping[str, Variable], user: str, home: str) -> Entry | None:
    active = line.job is not None
    job = line.job or line.commented_job
    if job is None:
        return None
    environ = cron_environment(user, home, {name: each.value for name, each in variables.items()})
    # As its author meant it: without cronie's options, percent signs as they are.
    command = re.sub(r"\A(?:-[nqs]+[ \t]+)+", "", job.command).replace("\\%", "%")
    entry = Entry(line, active, job, read_command(command, environ), dict(variables))
    if not entry.calls:
        return None
    prose = entry.reading.other_work or any(call.extra for call in entry.calls)
    return None if not active and (prose or entry.times is None) else entry


def carried(environ: Mapping[str, str], cwd: str) -> tuple[dict[str, str], dict[str, str]]:
    """What of this environment the line must set so that cron's job sees the same (CONTRACT.md, schedule), and what it
    leaves out, with why.

    Relative paths of certificates start at ``cwd``: cron starts at home. A relative XDG_STATE_HOME is ignored, as the
    XDG base directory specification demands. No proxy with user info, so no password, ever gets into the line.
    """
    variables: dict[str, str] = {}
    left_out: dict[str, str] = {}
    for name in ("XDG_STATE_HOME", *CA_BUNDLES, *PROXY, *NO_PROXY):
        value = environ.get(name, "")
        if not value or (name == "XDG_STATE_HOME" and not isabs(value)):
            continue
        if name in PROXY and _SECRET.search(value):
            left_out[name] = "may hold a password"
        elif _CONTROL.search(value):
            left_out[name] = "holds characters that no crontab line can carry"
        else:
            variables[name] = normpath(join(cwd, value)) if name in CA_BUNDLES else value
    return variables, left_out


class Ground(NamedTuple):
    """A set-up's line: whose it is, and what it depends on. Paths are absolute.

    ``domain`` only picks the times. ``kit`` is how cron starts ocarina-kit: its program, and what goes before the
    subcommand. ``client`` is the ocarina for the line, None where there is none. The last two are from :func:`carried`.
    """

    user: str
    host: str
    home: str
    config: str
    domain: str
    kit: tuple[str, ...]
    profile: str | None = None
    client: str | None = None
    variables: Mapping[str, str] = {}
    left_out: Mapping[str, str] = {}


def build_line(
    ground: Ground, times: str, above: Mapping[str, str] | None = None, *, runner: str = "kit-first"
) -> str:
    """The line, without its line break (CONTRACT.md, schedule). ``above``: the variables set above it in the crontab.
    ``runner``: ``kit-first`` or ``client``.

    Raises KitError (CRN007): a path is relative or holds a control character, or the line is too long for cron.
    """
    kit = ground.kit if runner == "kit-first" else ()
    profile = ["--profile", ground.profile] if ground.profile is not None else []
    programs = [[*kit, "refresh", "--cron", *profile]] if kit else []
    if ground.client is not None:
        programs.append([ground.client, *(["-q"] if kit else []), *profile, "oauth", "refresh"])
    if not programs:
        raise _no_line(
            "There is neither ocarina-kit nor ocarina for the crontab line.", "Install the client."
        )
    for path in (*(words[0] for words in programs), ground.config):
        if not isabs(path):
            raise _no_line(
                f"{path!r} is relative.", "Give the absolute path: cron starts in the home folder."
            )
    exports = [
        f"export {name}={cron_quote(value)}; " for name, value in _exports(ground, above or {}).items()
    ]
    command = "".join(exports) + " || ".join(" ".join(map(cron_quote, words)) for words in programs)
    command += f" # {MARK}" + (f" {_in_comment(ground.profile)}" if ground.profile is not None else "")
    if _CONTROL.search(f"{times}{command}"):
        what = f"No crontab line can carry {f'{times} {command}'[:200]!r}."
        raise _no_line(what, "Rename what it names, or reach it through a symbolic link.")
    if len(encode(command)) > MOST_BYTES:
        what = f"The crontab line would be longer than the {MOST_BYTES} characters that cron takes."
        raise _no_line(
            what, "Use shorter paths (a symbolic link), or set the variables in the crontab itself."
        )
    return f"{times} {command}"


def _no_line(what: str, advice: str) -> KitError:
    return KitError(what, id="CRN007", remedy=Remedy(advice))


def _exports(ground: Ground, above: Mapping[str, str]) -> dict[str, str]:
    """What the line sets: the set-up's own, and what lines above it would otherwise break."""
    found: dict[str, str] = {}
    default = join(ground.home, ".ocarina")
    if above.get("HOME", ground.home) != ground.home:
        found["HOME"] = ground.home
    if "PATH" in above and not {"/usr/bin", "/bin"} <= set(above["PATH"].split(":")):
        found["PATH"] = "/usr/bin:/bin"  # `#!/usr/bin/env python` needs it
    if normpath(above.get("OCARINA_CONF_FILE") or default) != normpath(ground.config):
        found["OCARINA_CONF_FILE"] = ground.config
    if "XDG_STATE_HOME" in above:
        found["XDG_STATE_HOME"] = join(ground.home, ".local", "state")
    found.update(ground.variables)
    return {name: value for name, value in found.items() if above.get(name) != value}


def cron_quote(text: str) -> str:
    r"""One word for ``sh`` inside a crontab line, its percent signs escaped.

    A backslash is followed by ``''``: so it is never before a percent sign or another backslash (Debian's cron would
    eat one), and no ``\r`` appears that a listing could mistake for a carriage return.
    """
    return shlex.quote(text).replace("\\", "\\''").replace("%", "\\%")


def _in_comment(profile: str) -> str:
    """The profile in the mark, where nothing is quoted: only cron's own signs have to go."""
    return profile.replace("\\", "").replace("%", "\\%")


def second_reading(line: str) -> None:
    """Let python-crontab read the line too. Raises KitError (SCH010) where it sees other times, or no job."""
    import logging

    from crontab import CronTab

    logging.getLogger("crontab").setLevel(logging.CRITICAL)
    jobs, ours = list(CronTab(tab=line + "\n")), parse_job(line)
    try:
        one = len(jobs) == 1 and jobs[0].is_valid() and jobs[0].is_enabled()
        if one and ours and parse_times(jobs[0].slices.render()).same_as(parse_times(ours.time)):
            return
    except KitError:
        pass
    raise KitError(
        "Two readers of crontab lines do not agree on the times, so nothing was written.",
        id="SCH010",
        why="Other crons may read them in yet another way.",
        remedy=Remedy("Leave the times to ocarina-kit.", ("ocarina-kit schedule --every 3h",)),
    )
