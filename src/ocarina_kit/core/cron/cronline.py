"""Builds the one crontab line: quoted for ``sh``, with ``%`` escaped for cron, and marked as the kit's own.

The ``kit-first`` line runs ``ocarina-kit refresh --quiet`` and hands over to ``ocarina -q oauth refresh`` only
where the kit could not start. The shell tells that by what it saw:

* 127 (not there, or its interpreter is not) and 126 (may not be executed, or, by :data:`IMPORT_EXIT`, the kit's own
  word that one of its parts cannot be imported);
* 1 together with a Python traceback, "No module named" or "Fatal Python" on standard error: what an
  interpreter prints when it cannot start or cannot import the kit. The kit itself never prints a traceback.

Any other exit, 1, 4 and 5 among them, is the kit's own answer: it ends the line, and what the kit wrote on
standard error goes to cron's mail. What a kit that could not start wrote is dropped: the client takes over, and
its output is mailed. ``ocarina-kit doctor`` finds the broken kit.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from posixpath import isabs, join, normpath
from urllib.parse import urlsplit

from ocarina_kit.core.cron.crontab import cron_command, encode
from ocarina_kit.core.cron.refreshjob import MARK
from ocarina_kit.core.errors import KitError, Remedy

IMPORT_EXIT = 126
"""What the kit must exit with when one of its own imports fails: to the line it then "could not start"."""

MAX_COMMAND_BYTES = 998
"""Debian's crontab refuses a command of more bytes; this is the first length that the kit refuses."""

_STDERR_OF_A_DEAD_KIT = ("'recent call last'", "'No module named'", "'Fatal Python'")

CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
NO_PROXY_VARIABLES = ("NO_PROXY", "no_proxy")


class Runner(Enum):
    KIT_FIRST = "kit-first"
    CLIENT = "client"


class LineError(KitError):
    """No line can be built that cron would run as meant."""

    def __init__(self, what: str, why: str, remedy: Remedy | None = None) -> None:
        super().__init__(what, id="CRN007", why=why, remedy=remedy)


class OmissionKind(Enum):
    PROXY_PASSWORD = "proxy-password"  # noqa: S105  # a kind, not a password
    UNUSABLE = "unusable"


@dataclass(frozen=True)
class Omission:
    """A variable that the shell has and the line does not carry. Never holds the value."""

    name: str
    kind: OmissionKind

    def __str__(self) -> str:
        if self.kind is OmissionKind.PROXY_PASSWORD:
            return f"{self.name} holds a password, so the crontab line does not carry it"
        return f"{self.name} holds characters that no crontab line can carry"


@dataclass(frozen=True)
class Carried:
    """The environment of a set-up, as far as a crontab line can carry it."""

    variables: Mapping[str, str] = field(default_factory=dict)
    omissions: tuple[Omission, ...] = ()


def carried_environment(environ: Mapping[str, str], *, home: str, config: str, cwd: str) -> Carried:
    """What the line must set so that cron's job sees the same set-up as this shell.

    Args:
        environ: the person's environment.
        home: their home folder, absolute.
        config: the configuration file of the set-up, absolute; ``~/.ocarina`` needs no variable.
        cwd: the working folder, absolute: relative paths of certificate files start there, but cron starts at home.
    """
    variables: dict[str, str] = {}
    omissions: list[Omission] = []
    if normpath(config) != normpath(join(home, ".ocarina")):
        variables["OCARINA_CONF_FILE"] = config
    # A relative XDG_STATE_HOME is ignored, as the XDG base directory specification demands.
    if isabs(state := environ.get("XDG_STATE_HOME", "")):
        variables["XDG_STATE_HOME"] = state
    for name in CA_VARIABLES:
        if value := environ.get(name, ""):
            variables[name] = normpath(join(cwd, value))
    for name in PROXY_VARIABLES:
        if not (value := environ.get(name, "")):
            continue
        if _has_password(value):
            omissions.append(Omission(name, OmissionKind.PROXY_PASSWORD))
        else:
            variables[name] = value
    for name in NO_PROXY_VARIABLES:
        if value := environ.get(name, ""):
            variables[name] = value
    for name, value in list(variables.items()):
        if name != "OCARINA_CONF_FILE" and not _fits_a_line(value):
            del variables[name]
            omissions.append(Omission(name, OmissionKind.UNUSABLE))
    return Carried(variables, tuple(omissions))


def _has_password(proxy: str) -> bool:
    """Whether a proxy's URL holds user and password; in doubt, yes. ``user@`` alone is no secret."""
    try:
        parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
        password = parts.password
    except ValueError:
        return "@" in proxy
    return bool(password) or ("@" in proxy and parts.username is None)


@dataclass(frozen=True)
class LineSpec:
    """What the line runs.

    Attributes:
        client: the ocarina client's absolute path.
        kit: the kit's program and what goes before its subcommand, as ``("/x/bin/ocarina-kit",)`` or
            ``("/x/bin/python", "-m", "ocarina_kit")``; empty for ``Runner.CLIENT``.
        config: the configuration file, absolute.
        home: the home folder of the crontab's owner, absolute.
        variables: what :func:`carried_environment` found.
    """

    schedule: str
    runner: Runner
    client: str
    config: str
    home: str
    kit: tuple[str, ...] = ()
    profile: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


def build_line(spec: LineSpec, crontab_variables: Mapping[str, str] | None = None) -> str:
    """The line, without its line break.

    Args:
        spec: what to run.
        crontab_variables: the variables that the crontab sets above the line's place. What they would change
            for the worse (``HOME``, another ``OCARINA_CONF_FILE`` …) is set right within the line.

    Raises:
        LineError: a path is relative or holds a line break, the command is too long for cron …
    """
    variables = _variables(spec, crontab_variables or {})
    _check_paths(spec)
    pairs = [f"{name}={cron_quote(value)}" for name, value in variables.items()]
    profile = [] if spec.profile is None else ["--profile", cron_quote(_checked("the profile", spec.profile))]
    if spec.runner is Runner.CLIENT:
        words = [*pairs, cron_quote(spec.client), *profile, "oauth", "refresh"]
        command = " ".join(words)
    else:
        command = _kit_first(spec, pairs, profile)
    command += f" # {MARK}"
    if spec.profile is not None:
        command += f" profile={_in_comment(spec.profile)}"
    size = len(encode(command))
    if size >= MAX_COMMAND_BYTES:
        raise LineError(
            f"the crontab line would be {size} characters long",
            f"cron takes fewer than {MAX_COMMAND_BYTES}; the paths and variables that it carries are long",
            Remedy("Set the variables in the crontab itself, or use shorter paths (a symbolic link)."),
        )
    return f"{spec.schedule} {command}"


def _kit_first(spec: LineSpec, pairs: list[str], profile: list[str]) -> str:
    kit = " ".join([*(cron_quote(word) for word in spec.kit), "refresh", "--quiet", *profile])
    client = " ".join([cron_quote(spec.client), "-q", *profile, "oauth", "refresh"])
    dead = "|".join([f"{IMPORT_EXIT}:*", "127:*", *(f"1:*{words}*" for words in _STDERR_OF_A_DEAD_KIT)])
    steps = [
        *(["export " + " ".join(pairs)] if pairs else []),
        f"e=$({kit} 2>&1)",
        "r=$?",
        f"case $r:$e in {dead}) exec {client};; esac",
        r"""[ -z "$e" ] || printf '\%s\n' "$e" >&2""",
        "exit $r",
    ]
    return "; ".join(steps)


def cron_quote(text: str) -> str:
    r"""One word for ``sh`` inside a crontab line.

    Percent signs are escaped for cron. A backslash is followed by an empty ``''``: so it never stands before a
    percent sign or another backslash (Debian's cron would eat one), and no ``\r`` appears that a listing could
    mistake for a carriage return.
    """
    quoted = shlex.quote(text)
    return quoted.replace("\\", "\\''").replace("%", "\\%")


def _in_comment(profile: str) -> str:
    """The profile in the mark, where nothing is quoted: only cron's own signs have to go."""
    return profile.replace("\\", "").replace("%", "\\%")


def _variables(spec: LineSpec, above: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    if above.get("HOME", spec.home) != spec.home:
        found["HOME"] = spec.home
    if "PATH" in above and not _has_system_folders(above["PATH"]):
        # `#!/usr/bin/env python` and the client's own programs need it; the line itself does not.
        found["PATH"] = "/usr/bin:/bin"
    default = join(spec.home, ".ocarina")
    if normpath(above.get("OCARINA_CONF_FILE") or default) != normpath(spec.config):
        found["OCARINA_CONF_FILE"] = spec.config
    if "XDG_STATE_HOME" in above and "XDG_STATE_HOME" not in spec.variables:
        found["XDG_STATE_HOME"] = join(spec.home, ".local", "state")
    for name, value in spec.variables.items():
        if name != "OCARINA_CONF_FILE" and above.get(name) != value:
            found[name] = value
    for name, value in found.items():
        _checked(name, value)
    return found


def _has_system_folders(path: str) -> bool:
    folders = path.split(":")
    return "/usr/bin" in folders and "/bin" in folders


def _check_paths(spec: LineSpec) -> None:
    programs = {"the path of ocarina": spec.client}
    if spec.runner is Runner.KIT_FIRST:
        if not spec.kit:
            raise LineError("the line needs the path of ocarina-kit", "the runner is kit-first")
        programs["the path of ocarina-kit"] = spec.kit[0]
    for name, path in {**programs, "the path of the configuration": spec.config}.items():
        if not isabs(_checked(name, path)):
            raise LineError(
                f"{name} is relative: {path!r}", "cron starts in the home folder, with a short PATH"
            )
    for word in spec.kit:
        _checked("the path of ocarina-kit", word)
    if cron_command(spec.schedule).percent is not None or not _fits_a_line(spec.schedule):
        raise LineError(
            "the times hold characters that no crontab line can carry", "they are five plain fields"
        )


def _checked(name: str, value: str) -> str:
    if not _fits_a_line(value):
        raise LineError(
            f"{name} holds a line break or another control character",
            "a crontab line can't carry one",
            Remedy("Rename the folder, or reach it through a symbolic link with a plain name."),
        )
    return value


def _fits_a_line(value: str) -> bool:
    return re.search(r"[\x00-\x1f\x7f]", value) is None
