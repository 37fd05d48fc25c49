"""The crontab entries that refresh tokens: how they are read, and how one is built."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from posixpath import isabs, join, normpath
from typing import NamedTuple

from ocarina_kit.client.places import CRON_PATH, cron_environment
from ocarina_kit.config.names import CA_BUNDLES
from ocarina_kit.schedule import problems
from ocarina_kit.schedule.crontab import encode, read_variable, split_job, split_lines
from ocarina_kit.schedule.recognise import Call, Reading, Tool, read_command
from ocarina_kit.schedule.times import Times, in_words, parse_times
from ocarina_kit.system.problem import KitError
from ocarina_kit.system.secret import Secret, mask, mask_variables

MARK = "ocarina-kit"
MOST_BYTES = 997
"""Debian's crontab refuses a longer command."""

PROXY = (
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
)
NO_PROXY = ("NO_PROXY", "no_proxy")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_COMMENTED_OUT = re.compile(
    r"\s*#(?:.*?[#\s])??((?:@\w+|[\d*]\S*(?:\s+\S+){4})\s+(?:\d>|[^\s\d*]).*)"
)
_MENTION = re.compile("ocarina|refresh", re.I)
# Any user info, or a word for a password. An unclear value stays out of the crontab.
_SECRET = re.compile(r"@|%40|pass|pwd|secret|token", re.I)

# --- reading


class Entry(NamedTuple):
    """A crontab entry that refreshes a token, or that speaks of it."""

    number: int  # of its line, from 1
    text: str  # the line, without its line break
    is_active: bool  # False: it is commented out
    time: str  # five fields or a word, as written
    command: str  # as written, with its percent signs
    reading: Reading
    variables: Mapping[str, str]  # that the crontab sets above it
    variable_lines: Mapping[str, int]  # the numbers of the lines that set them
    has_line_break: bool

    @property
    def calls(self) -> Sequence[Call]:
        """The refreshes that it runs."""
        return self.reading.calls

    @property
    def runner(self) -> str:
        """``kit-first`` or ``client``."""
        return "client" if self.program("kit") is None else "kit-first"

    def program(self, tool: Tool) -> Call | None:
        """Find the first call of the kit or the client."""
        return next((call for call in self.calls if call.tool == tool), None)

    @property
    def times(self) -> Times | None:
        """When it runs. None: cron does not run it again and again."""
        try:
            return parse_times(self.time)
        except KitError:
            return None

    @property
    def when(self) -> str:
        """When it runs, for people: ``every 3 hours at :37``, ``never``."""
        times = self.times
        return "never" if times is None else in_words(times)

    def masked(self, secrets: Iterable[Secret | str] = ()) -> str:
        """Return the line as it may be shown."""
        return mask(mask_variables(self.text), secrets)

    @property
    def is_marked(self) -> bool:
        """Return whether ocarina-kit wrote it."""
        for call in self.calls:
            mark = _mark(call.profile).replace("\\%", "%").rstrip()
            if self.reading.comment == mark:
                return True
        return False


def read_entries(content: bytes, user: str, home: str) -> list[Entry]:
    """List the entries that refresh a token, commented-out ones included, in order.

    Args:
        content: the crontab.
        user: its owner.
        home: the owner's home, absolute.
    """
    refreshes: list[Entry] = []
    variables: dict[str, str] = {}
    variable_lines: dict[str, int] = {}
    for number, line in enumerate(split_lines(content), start=1):
        text = line.removesuffix("\n").partition("\0")[0]  # cron reads no further
        setting = read_variable(text)
        if setting is not None:
            name, value = setting
            variables[name] = value
            variable_lines[name] = number
        elif _MENTION.search(text):
            environ = cron_environment(user, home, variables)
            entry = _read_entry(number, text, environ)
            if entry is not None:
                entry = entry._replace(
                    variables=dict(variables),
                    variable_lines=dict(variable_lines),
                    has_line_break=line.endswith("\n"),
                )
                refreshes.append(entry)
    return refreshes


def _read_entry(number: int, text: str, environ: Mapping[str, str]) -> Entry | None:
    """Read a line that may refresh a token. Returns None if it does not.

    A comment that is not understood is prose.
    """
    commented_out = _COMMENTED_OUT.match(text)
    job = split_job(commented_out[1] if commented_out else text)
    if job is None:
        return None
    time, command = job
    # Its author meant percent signs as they are.
    reading = read_command(command.replace("\\%", "%"), environ)
    entry = Entry(
        number=number,
        text=text,
        is_active=commented_out is None,
        time=time,
        command=command,
        reading=reading,
        variables={},
        variable_lines={},
        has_line_break=True,
    )
    if commented_out and (not reading.is_clear or _is_prose(entry)):
        return None
    return entry if reading.calls or not reading.is_clear else None


def _is_prose(entry: Entry) -> bool:
    """Return whether a comment only speaks of a refresh.

    It has no times, or begins with a word that is no part of a refresh.
    """
    has_times = entry.times is not None or entry.time.startswith("@")
    return not has_times or entry.command.split()[:1] == entry.reading.other_work[:1]


# --- building


class EntrySpec(NamedTuple):
    """What the entry of a set-up is built from. All paths are absolute."""

    user: str
    host: str
    home: str
    config: str
    domain: str  # only the times are derived from it
    kit: tuple[str, ...]
    """How cron starts ocarina-kit: its program, and what is before the subcommand."""
    profile: str | None = None
    client: str | None = None  # the ocarina that the entry runs; None: none
    variables: Mapping[str, str] = {}  # that the entry sets, from `carried_variables`
    left_out: Sequence[str] = ()  # names of variables that may hold a password


def carried_variables(
    environ: Mapping[str, str], cwd: str
) -> tuple[dict[str, str], list[str]]:
    """Choose the variables of this shell that a job must see, too.

    A proxy with user info may hold a password, which never gets into the crontab. A
    relative XDG_STATE_HOME is ignored, as the XDG base directory specification demands.

    Args:
        environ: the variables of this shell.
        cwd: the folder where relative paths of certificates start. Cron starts at home.

    Returns:
        The variables, and the names of those that are left out.
    """
    names = [
        name
        for name in ("XDG_STATE_HOME", *CA_BUNDLES, *PROXY, *NO_PROXY)
        if environ.get(name)
    ]
    carried: dict[str, str] = {}
    left_out: list[str] = []
    for name in names:
        value = environ[name]
        if name in PROXY and _SECRET.search(value):
            left_out.append(name)
        elif name in CA_BUNDLES:
            carried[name] = normpath(join(cwd, value))
        elif name != "XDG_STATE_HOME" or isabs(value):
            carried[name] = value
    return carried, left_out


def build_entry(
    spec: EntrySpec,
    times: str,
    above: Mapping[str, str] | None = None,
    *,
    runner: str = "kit-first",
) -> str:
    """Build the entry of a set-up, without a line break.

    Args:
        spec: the set-up.
        times: the five fields.
        above: the variables that the crontab sets above it.
        runner: ``kit-first``, or ``client``: then the spec must name one.

    Raises:
        KitError: CRN007 for a control character, or more characters than cron takes.
    """
    exports = [
        f"export {name}={cron_quote(value)}; "
        for name, value in _exports(spec, above or {}).items()
    ]
    programs = [
        " ".join(cron_quote(word) for word in words)
        for words in _programs(spec, runner)
    ]
    command = f"{''.join(exports)}{' || '.join(programs)} {_mark(spec.profile)}"
    line = f"{times} {command}"
    if _CONTROL.search(line) or len(encode(command)) > MOST_BYTES:
        raise KitError(problems.no_entry_possible(line, MOST_BYTES))
    return line


def _programs(spec: EntrySpec, runner: str) -> list[list[str]]:
    """List the programs of an entry. Each runs only if the one before cannot start."""
    profile = [] if spec.profile is None else ["--profile", spec.profile]
    client = [] if spec.client is None else [spec.client]
    if runner == "client":
        return [[*client, *profile, "oauth", "refresh"]]
    programs = [[*spec.kit, "refresh", "--cron", *profile]]
    if client:
        programs.append([*client, "-q", *profile, "oauth", "refresh"])
    return programs


def _exports(spec: EntrySpec, above: Mapping[str, str]) -> dict[str, str]:
    """Choose what the entry sets: its own variables, and what is wrong above it."""
    wanted: dict[str, str] = {}
    if "HOME" in above:
        wanted["HOME"] = spec.home
    if not leads_to_env(above.get("PATH")):
        wanted["PATH"] = CRON_PATH
    usual = above.get("OCARINA_CONF_FILE") or join(spec.home, ".ocarina")
    if normpath(usual) != normpath(spec.config):
        wanted["OCARINA_CONF_FILE"] = spec.config
    wanted.update(spec.variables)
    return {name: value for name, value in wanted.items() if above.get(name) != value}


def leads_to_env(path: str | None) -> bool:
    """Return whether this PATH serves a program that ``#!/usr/bin/env python`` starts.

    None is cron's own PATH.
    """
    return path is None or {"/usr/bin", "/bin"} <= set(path.split(":"))


def cron_quote(text: str) -> str:
    r"""Quote one word for ``sh`` inside an entry, and escape its percent signs.

    Debian's cron eats a backslash before a percent sign or another backslash. A listing
    could mistake ``\r`` for a carriage return. So ``''`` follows each backslash.
    """
    return shlex.quote(text).replace("\\", "\\''").replace("%", "\\%")


def _mark(profile: str | None) -> str:
    """Build the comment at the end. In it only cron's own signs have a meaning."""
    if profile is None:
        return f"# {MARK}"
    shown = profile.replace("\\", "").replace("%", "\\%")
    return f"# {MARK} {shown}"


def check_with_python_crontab(line: str) -> None:
    """Let python-crontab read an entry, too.

    Raises:
        KitError: SCH010 (usage) if it sees other times, or no job.
    """
    import logging

    from crontab import CronTab

    logging.getLogger("crontab").setLevel(logging.CRITICAL)
    items = list(CronTab(tab=f"{line}\n"))
    job = split_job(line)
    if len(items) != 1 or not items[0].is_valid() or job is None:
        raise problems.readers_disagree()
    try:
        theirs = parse_times(items[0].slices.render())
        ours = parse_times(job[0])
    except KitError:
        raise problems.readers_disagree() from None
    if (theirs.runs, theirs.days()) != (ours.runs, ours.days()):
        raise problems.readers_disagree()
