"""What install-client would do, as data: where the client comes from, where it goes, and each step in order."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import PurePath
from urllib.parse import unquote, urlsplit, urlunsplit

from ocarina_kit.core.client.resolution import Candidate
from ocarina_kit.core.errors import Remedy, UsageError
from ocarina_kit.core.secret import Secret

DEFAULT_SOURCE = "git+https://github.com/climb-covid/ocarina2.git"
"""Where the guide's later edition installs the client from (FACTS.md, The guide, step 1)."""

DEFAULT_NAME = "ocarina"
"""The environment's name in the guide."""

CONDA_PYTHON = "3.12"
"""The Python of a new conda environment. The guide's 3.7 is out of support; ocarina 1.0.0 runs on 3.10 to 3.13."""

CREATE_TIMEOUT = 1800.0
PIP_TIMEOUT = 1200.0
"""Seconds. A cold conda on a network file system takes minutes; nothing takes longer than this but a hang."""


# --- where the client comes from -------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """What pip is to install. ``spec`` holds no credentials: these are apart, for they must not stand in an argument.

    ``needs_git`` says whether pip will call git for it.
    """

    spec: str
    user: Secret | None = None
    password: Secret | None = None
    needs_git: bool = False

    @property
    def secrets(self) -> tuple[Secret, ...]:
        return tuple(secret for secret in (self.user, self.password) if secret)

    @property
    def with_credentials(self) -> Secret:
        """The spec as it was given, for a place that others cannot read (a pipe)."""
        if self.user is None:
            return Secret(self.spec)
        name, at, url = _split_name(self.spec)
        parts = urlsplit(url)
        from urllib.parse import quote

        info = quote(self.user.reveal(), safe="")
        if self.password is not None:
            info += ":" + quote(self.password.reveal(), safe="")
        return Secret(name + at + urlunsplit(parts._replace(netloc=f"{info}@{parts.netloc}")))


_LOOPBACK = re.compile(r"(?:127(?:\.\d{1,3}){3}|localhost|\[?::1\]?)(?::\d+)?", re.IGNORECASE)
_BARE_NAME = re.compile(r"ocarina\s*(?:\[[^\]]*\])?\s*(?:[=<>!~].*)?", re.IGNORECASE)


def parse_source(text: str) -> Source:
    """What ``--source`` means: a URL, ``git+URL``, a local path (absolute), or a requirement.

    Raises :class:`UsageError` for what is none of these, for a download over plain http, and for the bare name
    ``ocarina``, which on the package index is an unrelated program (FACTS.md, The client).
    """
    spec = text.strip()
    if not spec or spec.startswith("-") or any(not char.isprintable() for char in spec):
        raise _bad_source(
            "This is no source that pip could install from.", "It is blank, or starts with a dash."
        )
    if _BARE_NAME.fullmatch(spec):
        raise _bad_source(
            "The package named ocarina on the package index is not the Majora client.",
            "It is an unrelated test framework for web sites.",
        )
    name, at, url = _split_name(spec)
    if "://" not in url:
        return Source(spec)
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    needs_git = scheme.startswith("git")
    if scheme in ("http", "git+http", "git") and not _LOOPBACK.fullmatch(parts.netloc.rpartition("@")[2]):
        raise _bad_source(
            "The client is not installed over a connection that others can change.",
            f"{scheme}:// is neither encrypted nor verified.",
        )
    info, has_info, host = parts.netloc.rpartition("@")
    if not has_info or scheme in (
        "ssh",
        "git+ssh",
    ):  # there the user is only a name, and keys prove who it is
        return Source(spec, needs_git=needs_git)
    user, colon, password = info.partition(":")
    return Source(
        name + at + urlunsplit(parts._replace(netloc=host)),
        user=Secret(unquote(user)),
        password=Secret(unquote(password)) if colon else None,
        needs_git=needs_git,
    )


def _split_name(spec: str) -> tuple[str, str, str]:
    """``ocarina @ URL`` in its parts (PEP 508); ``("", "", spec)`` for a URL alone."""
    found = re.fullmatch(r"([A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?)(\s*@\s*)(\S+://.*)", spec)
    return (found[1], found[2], found[3]) if found else ("", "", spec)


def _bad_source(what: str, why: str) -> UsageError:
    return UsageError(
        what,
        why=why,
        remedy=Remedy(
            "Leave --source out for the client that the guide installs, or name its repository.",
            (f"ocarina-kit install-client --source {DEFAULT_SOURCE}",),
        ),
    )


# --- where it goes ---------------------------------------------------------------------------------------


def checked_name(name: str) -> str:
    """``--env``, checked by conda's rules for names. Raises :class:`UsageError`."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*", name) or name.lower() in ("base", "root"):
        raise UsageError(
            f"This is no name for a new environment: {name!r}.",
            why="Names are letters, digits, and . _ + - inside; base is conda's own.",
            remedy=Remedy("Take another name.", ("ocarina-kit install-client --env ocarina",)),
        )
    return name


@dataclass(frozen=True)
class CondaTool:
    """A conda that runs. ``kind`` is ``conda``, ``mamba`` or ``micromamba``; ``path`` is absolute."""

    kind: str
    path: str


@dataclass(frozen=True)
class Step:
    """One program to run. ``timeout`` is seconds. ``source_on_stdin``: the source reaches pip through a pipe."""

    what: str
    argv: tuple[str, ...]
    timeout: float
    source_on_stdin: bool = False


@dataclass(frozen=True)
class InstallPlan:
    """A client in an environment of its own. ``tool`` is None for a virtual environment.

    ``already`` is the client that stands there and that the server accepts: there is nothing to do then. ``link``
    is where the command is put so that shells find it. ``notes`` are for people.
    """

    prefix: PurePath
    source: Source
    tool: CondaTool | None = None
    name: str | None = None
    steps: tuple[Step, ...] = ()
    link: PurePath | None = None
    already: Candidate | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def kind(self) -> str:
        return self.tool.kind if self.tool else "venv"

    @property
    def client(self) -> PurePath:
        return self.prefix / "bin" / "ocarina"

    @property
    def activate(self) -> str:
        """The command that puts the client on PATH in a shell."""
        if self.tool is None:
            return f". {shlex.quote(str(self.prefix / 'bin' / 'activate'))}"
        return f"{self.tool.kind} activate {shlex.quote(self.name or str(self.prefix))}"

    def show(self) -> str:
        """The plan for people, one command a line; it holds no secret."""
        lines = []
        for step in self.steps:
            piped = f"  (with {self.source.spec} and its credentials on standard input)"
            lines.append(shlex.join(step.argv) + (piped if step.source_on_stdin else ""))
        if self.link is not None:
            lines.append(f"ln -s {shlex.quote(str(self.client))} {shlex.quote(str(self.link))}")
        return "\n".join(lines)


def make_steps(
    prefix: PurePath, source: Source, *, tool: CondaTool | None, python: str, has_git: bool
) -> tuple[Step, ...]:
    """The programs to run, in order. ``python`` makes a virtual environment where there is no conda tool."""
    if tool is None:
        create = Step(
            "Making a virtual environment", (python, "-I", "-m", "venv", str(prefix)), CREATE_TIMEOUT
        )
    else:
        # micromamba has no channel of its own where none is configured.
        channel = ("--channel", "conda-forge") if tool.kind == "micromamba" else ()
        git = ("git",) if not has_git else ()
        create = Step(
            f"Making an environment with {tool.kind}",
            (
                *(tool.path, "create", "--yes", "--quiet", "--prefix", str(prefix), *channel),
                *(f"python={CONDA_PYTHON}", "pip", *git),
            ),
            CREATE_TIMEOUT,
        )
    # -I: neither PYTHONPATH nor a user site may stand in for what is missing in the new environment.
    pip = (
        str(prefix / "bin" / "python"),
        "-I",
        "-m",
        "pip",
        "install",
        "--no-input",
        "--progress-bar",
        "off",
    )
    piped = bool(source.secrets) and not source.needs_git
    what = ("--requirement", "/dev/stdin") if piped else (source.spec,)
    return (create, Step("Installing the client", (*pip, *what), PIP_TIMEOUT, source_on_stdin=piped))


# --- what went wrong -------------------------------------------------------------------------------------

_CAUSES: tuple[tuple[str, str], ...] = (
    (
        r"ensurepip is not available|No module named '?(?:venv|ensurepip)",
        "This Python cannot make virtual environments: on Debian and Ubuntu the package python3-venv is missing. "
        "Install it, or install conda.",
    ),
    (
        r"Cannot find command 'git'|git: (?:command )?not found|No such file or directory: 'git'",
        "git is missing. Install it (or load its module), then run this again.",
    ),
    (
        r"Could not resolve host|Temporary failure in name resolution|Name or service not known|Connection refused"
        r"|Network is unreachable|timed out|CondaHTTPError|ConnectionError|ProxyError|Could not connect",
        "The network did not let it through. Where this machine needs a proxy, set HTTPS_PROXY; on a cluster, try a "
        "login node.",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|server certificate verification failed",
        "The server's certificate was not trusted. Where your site has an authority of its own, set "
        "REQUESTS_CA_BUNDLE to its file.",
    ),
    (
        r"No space left on device|Disk quota exceeded",
        "There is no room left. Free some, then run this again.",
    ),
    (
        r"Authentication failed|could not read (?:Username|Password)|Permission denied \(publickey\)"
        r"|Repository not found|does not exist|HTTP error 40[134]",
        "The source is not there, or not open to you. Check --source.",
    ),
)


def likely_remedy(output: str) -> str:
    """What mends it, told from another program's output; a general hint where that does not tell."""
    for pattern, remedy in _CAUSES:
        if re.search(pattern, output, re.IGNORECASE):
            return remedy
    return "Mend what these lines say, then run this again; --dry-run shows the commands."


def tail(output: str, lines: int = 15) -> str:
    """The last lines of a long output: where programs say why they failed."""
    kept = [line.rstrip() for line in output.splitlines() if line.strip()]
    return "\n".join(kept[-lines:])
