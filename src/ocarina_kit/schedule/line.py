"""The crontab entries that refresh a token: recognised in every shape, and the one that the kit writes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from posixpath import isabs, join, normpath
from typing import NamedTuple

from ocarina_kit.client.places import CRON_PATH, cron_environment
from ocarina_kit.config.names import CA_BUNDLES
from ocarina_kit.schedule.crontab import encode, job, lines_of, variable
from ocarina_kit.schedule.problems import readers_disagree
from ocarina_kit.schedule.recognise import Call, Reading, Tool, read_command
from ocarina_kit.schedule.times import Times, in_words, parse_times
from ocarina_kit.system.problem import KitError, Problem, Remedy
from ocarina_kit.system.secret import Secret, mask, mask_variables

MARK = "ocarina-kit"
MOST_BYTES = 997
"""Debian's crontab refuses a longer command (CRON-AND-CONDA.md)."""

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
_SWITCHED_OFF = re.compile(
    r"\s*#(?:.*?[#\s])??((?:@\w+|[\d*]\S*(?:\s+\S+){4})\s+(?:\d>|[^\s\d*]).*)"
)
_MENTION = re.compile("ocarina|refresh", re.I)
# Any user info, or a word for a password: if unclear, it stays out of the crontab.
_SECRET = re.compile(r"@|%40|pass|pwd|secret|token", re.I)


class Entry(NamedTuple):
    """A crontab entry that refreshes a token: the number of its line, from 1, its text, and what is in it.

    ``active`` is False if it is commented out. ``command`` is as written, with its percent signs. ``values`` are the
    variables that the crontab sets above it, ``set_at`` the numbers of their lines. ``ends``: it has its line break.
    """

    number: int
    text: str
    active: bool
    time: str
    command: str
    reading: Reading
    values: Mapping[str, str]
    set_at: Mapping[str, int]
    ends: bool

    @property
    def calls(self) -> Sequence[Call]:
        return self.reading.calls

    @property
    def runner(self) -> str:
        """``kit-first`` or ``client``."""
        return "kit-first" if self.program("kit") is not None else "client"

    def program(self, tool: Tool) -> Call | None:
        """The first call of the ``kit`` or the ``client``."""
        return next((call for call in self.calls if call.tool == tool), None)

    @property
    def times(self) -> Times | None:
        """When it runs; None if cron does not accept the times, or runs it only when the host starts."""
        try:
            return parse_times(self.time)
        except KitError:
            return None

    @property
    def words(self) -> str:
        """When it runs: ``every 3 hours at :37``, ``never``."""
        times = self.times
        return "never" if times is None else in_words(times)

    def masked(self, secrets: Iterable[Secret | str] = ()) -> str:
        """Return the line as it may be shown."""
        return mask(mask_variables(self.text), secrets)

    @property
    def marked(self) -> bool:
        """Whether ocarina-kit wrote it."""
        marks = (
            _mark(call.profile).replace("\\%", "%").rstrip() for call in self.calls
        )
        return self.reading.comment in marks


def entries(content: bytes, user: str, home: str) -> list[Entry]:
    """List the entries that refresh a token, commented-out ones included, in order.

    Args:
        user: the crontab's owner.
        home: the owner's home, absolute.
    """
    refreshes: list[Entry] = []
    values: dict[str, str] = {}
    set_at: dict[str, int] = {}
    for number, line in enumerate(lines_of(content), start=1):
        text = line.removesuffix("\n").partition("\0")[0]  # cron reads no further
        setting = variable(text)
        if setting is not None:
            name, value = setting
            values[name] = value
            set_at[name] = number
        elif _MENTION.search(text):
            entry = _read_entry(number, text, user, home, values, set_at)
            if entry is not None:
                refreshes.append(entry._replace(ends=line.endswith("\n")))
    return refreshes


def _read_entry(
    number: int,
    text: str,
    user: str,
    home: str,
    values: Mapping[str, str],
    set_at: Mapping[str, int],
) -> Entry | None:
    """Read a line that may refresh a token. Returns None if it does not.

    A comment that is not understood is prose.
    """
    off = _SWITCHED_OFF.match(text)
    parts = job(off[1] if off else text)
    if parts is None:
        return None
    time, command = parts
    # As its author meant it: percent signs as they are.
    meant = command.replace("\\%", "%")
    reading = read_command(meant, cron_environment(user, home, values))
    entry = Entry(
        number,
        text,
        off is None,
        time,
        command,
        reading,
        dict(values),
        dict(set_at),
        ends=True,
    )
    if off and (not reading.is_clear or _is_prose(entry)):
        return None
    return entry if reading.calls or not reading.is_clear else None


def _is_prose(entry: Entry) -> bool:
    """Return whether a comment only speaks of a refresh.

    It has no times, or begins with a word that is no part of a refresh.
    """
    has_times = entry.times is not None or entry.time.startswith("@")
    return not has_times or entry.command.split()[:1] == entry.reading.other_work[:1]


def carried(environ: Mapping[str, str], cwd: str) -> tuple[dict[str, str], list[str]]:
    """What of this environment the entry must set so that cron's job sees the same (CONTRACT.md, schedule), and the
    names of what it leaves out: a proxy with user info may hold a password, which never gets into the crontab.

    Relative paths of certificates start at ``cwd``: cron starts at home. A relative XDG_STATE_HOME is ignored, as the
    XDG base directory specification demands.
    """
    names = [
        name
        for name in ("XDG_STATE_HOME", *CA_BUNDLES, *PROXY, *NO_PROXY)
        if environ.get(name)
    ]
    left_out = [
        name for name in names if name in PROXY and _SECRET.search(environ[name])
    ]
    found = {name: environ[name] for name in names if name not in left_out}
    found.update(
        {name: normpath(join(cwd, found[name])) for name in CA_BUNDLES if name in found}
    )
    if not isabs(found.get("XDG_STATE_HOME", "/")):
        del found["XDG_STATE_HOME"]
    return found, left_out


class Ground(NamedTuple):
    """A set-up's entry: whose it is, and what it depends on. Paths are absolute.

    ``domain`` only picks the times. ``kit`` is how cron starts ocarina-kit: its program, and what goes before the
    subcommand. ``client`` is the ocarina for the entry, None if there is none. The last two are from
    :func:`carried`.
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
    left_out: Sequence[str] = ()


def build_line(
    ground: Ground,
    times: str,
    above: Mapping[str, str] | None = None,
    *,
    runner: str = "kit-first",
) -> str:
    """The entry, without a line break (CONTRACT.md, schedule). ``above``: the variables set above it in the crontab.
    ``runner``: ``kit-first``, or ``client``, which must be there then.

    Raises KitError (CRN007): a control character, or longer than cron takes.
    """
    alone = runner == "client"
    profile = ["--profile", ground.profile] if ground.profile is not None else []
    programs = [] if alone else [[*ground.kit, "refresh", "--cron", *profile]]
    if ground.client is not None:
        programs.append(
            [ground.client, *([] if alone else ["-q"]), *profile, "oauth", "refresh"]
        )
    exports = _exports(ground, above or {}).items()
    command = "".join(f"export {name}={cron_quote(value)}; " for name, value in exports)
    command += " || ".join(" ".join(map(cron_quote, words)) for words in programs)
    line = f"{times} {command} {_mark(ground.profile)}"
    if _CONTROL.search(line) or len(encode(line)) - len(times) - 1 > MOST_BYTES:
        raise KitError(
            Problem(
                message=f"No crontab can hold the entry: {line[:200]!r} …",
                id="CRN007",
                why=f"cron takes {MOST_BYTES} characters, and no control character.",
                remedy=Remedy(
                    "Use shorter and plainer paths: a symbolic link will do."
                ),
            )
        )
    return line


def _exports(ground: Ground, above: Mapping[str, str]) -> dict[str, str]:
    """What the entry sets: the set-up's own, and what the crontab would otherwise set above it."""
    found = {"HOME": ground.home} if "HOME" in above else {}
    if not finds_env(above.get("PATH")):
        found["PATH"] = CRON_PATH
    usual = above.get("OCARINA_CONF_FILE") or join(ground.home, ".ocarina")
    if normpath(usual) != normpath(ground.config):
        found["OCARINA_CONF_FILE"] = ground.config
    found.update(ground.variables)
    return {name: value for name, value in found.items() if above.get(name) != value}


def finds_env(path: str | None) -> bool:
    """Whether a program that starts with ``#!/usr/bin/env python`` finds it with this PATH; None is cron's own."""
    return path is None or {"/usr/bin", "/bin"} <= set(path.split(":"))


def cron_quote(text: str) -> str:
    r"""One word for ``sh`` inside an entry, its percent signs escaped.

    A backslash is followed by ``''``: so it is never before a percent sign or another backslash (Debian's cron would
    eat one), and no ``\r`` appears that a listing could mistake for a carriage return.
    """
    return shlex.quote(text).replace("\\", "\\''").replace("%", "\\%")


def _mark(profile: str | None) -> str:
    """The comment at the end, in which nothing is quoted: only cron's own signs have to go."""
    return f"# {MARK}" + (
        f" {profile}".replace("\\", "").replace("%", "\\%")
        if profile is not None
        else ""
    )


def second_reading(line: str) -> None:
    """Let python-crontab read an entry too. Raises KitError (SCH010, usage) if it sees other times, or no job."""
    import logging

    from crontab import CronTab

    logging.getLogger("crontab").setLevel(logging.CRITICAL)
    jobs, ours = list(CronTab(tab=f"{line}\n")), job(line)
    if len(jobs) == 1 and jobs[0].is_valid() and ours:
        with suppress(KitError):
            one, two = parse_times(jobs[0].slices.render()), parse_times(ours[0])
            if (one.runs, one.days()) == (two.runs, two.days()):
                return
    raise readers_disagree()
