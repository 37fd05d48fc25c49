"""Installs the client into an environment of its own, all of it or nothing (CONTRACT.md, install-client).

An environment cannot be moved once it is made. So it is made in place, in a folder that did not exist before, or was
empty, and that is removed again if anything fails.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from ocarina_kit.client.find import (
    MINIMUM_VERSION,
    Candidate,
    environment_without,
    examine,
    version_text,
)
from ocarina_kit.client.places import NAME, data_home, on_path
from ocarina_kit.system.files import make_private_folder
from ocarina_kit.system.lock import hold
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.problem import Exit, KitError, Problem, Remedy, usage_error
from ocarina_kit.system.secret import mask
from ocarina_kit.system.signals import held_off

PINNED_VERSION = "1.0.0"
DEFAULT_SOURCE = "git+https://github.com/climb-covid/ocarina2.git@1fa98675e24197ccce977dfe3933a9ff0c8d5921"
"""What is installed by default: the commit "1.0.0" of 7 March 2022, the newest of the repository, with which the kit
was tested. It names its own dependency ffurf by commit, too (github.com/SamStudio8/ffurf, 42e95ec)."""

CONDA_PYTHON = "3.12"
"""The Python of a new conda environment. The guide's 3.7 is out of support; ocarina 1.0.0 runs on 3.10 to 3.13."""

TIMEOUT = 1800.0
"""Seconds for each step. A cold conda on a network file system takes minutes; only a hang takes longer than this."""

_ADDRESS = r"(?P<git>git\+)?(?:file://|(?:https://|(?P<ssh>ssh://)(?:[\w.-]+@)?)[\w.-]+(?::\d+)?)(?P<path>/[^\s?;]+)"
_TRY_DEFAULT = Remedy(
    "Install the version that the kit was tested with.", ("ocarina-kit install-client",)
)
_DRY_RUN = Remedy(
    "Fix what these lines say. --dry-run shows the commands.",
    ("ocarina-kit install-client --dry-run",),
)
_KNOWN_CAUSES = (
    (
        r"certificate verify failed|SSL certificate problem|self.signed certificate",
        "The CA bundle of this shell lacks the issuer of the certificate. Unset "
        "REQUESTS_CA_BUNDLE and SSL_CERT_FILE. If that does not help, ask whoever "
        'runs this network: "Which CA bundle is for programs here?"',
    ),
    (
        r"ProxyError|Cannot connect to proxy|Tunnel connection failed|CONNECT tunnel"
        r"|Could not resolve proxy|Proxy Authentication",
        "The proxy did not let it through. Check HTTPS_PROXY and NO_PROXY. If they "
        'look right, ask whoever runs this network: "Which proxy is for this machine?"',
    ),
    (
        r"Could not resolve host|Name or service not known|name resolution"
        r"|Network is unreachable|nodename nor servname|NewConnectionError",
        "This machine cannot reach the internet by itself. If it has a proxy, set "
        'HTTPS_PROXY. If not, ask whoever runs it: "How do I install from GitHub here?"',
    ),
    (
        r"ensurepip is not available|python3-venv",
        "This Python lacks venv. On Debian and Ubuntu, install python3-venv.",
    ),
    (
        r"No space left on device|Disk quota exceeded",
        "There is no space left. Delete something, or use --prefix for another disk.",
    ),
)
"""Patterns of an installer's words, and what they mean; the first that fits."""


def _remedy_for(lines: Sequence[str]) -> Remedy:
    """Say what the installer's last lines mean, where that is known."""
    text = "\n".join(lines)
    for pattern, meaning in _KNOWN_CAUSES:
        if re.search(pattern, text, re.IGNORECASE):
            return Remedy(meaning)
    return _DRY_RUN


_LAST_LINES = 12


class Plan(NamedTuple):
    """What will be done. ``source`` is what pip installs. ``steps``: in words, and the program to run. ``link`` is made
    so that shells find the command. ``activate`` is the command that puts the client on PATH in a shell. ``already`` is
    the client that is in ``prefix`` and that the server accepts: then there is nothing to do.
    """

    prefix: Path
    source: str
    activate: str
    steps: tuple[tuple[str, tuple[str, ...]], ...] = ()
    link: Path | None = None
    already: Candidate | None = None

    @property
    def client(self) -> Path:
        return self.prefix / "bin" / NAME


# --- the plan --------------------------------------------------------------------------------------------


def parse_source(machine: Machine, text: str) -> str:
    """What pip is to install for ``--source``: https, ssh or a local path, with or without git.

    Raises KitError: usage for anything else, for a password and for an environment marker; INS003 if there is no such
    file. What may hold a password is not repeated in the error.
    """
    spec = text.strip()
    if found := re.fullmatch(_ADDRESS, spec):
        git = found["ssh"] or found["path"].partition("@")[0].endswith(".git")
        return f"git+{spec}" if git and not found["git"] else spec
    path = machine.expand(spec)
    if (
        not spec
        or "://" in spec
        or ";" in spec
        or spec.startswith("-")
        or not spec.isprintable()
    ):
        why = (
            "https, ssh and local paths are taken; with git: git+https://…, git+ssh://…. They must not contain a "
            "password, a query or an environment marker (;): other users can see what is installed."
        )
        raise usage_error("This --source is not taken.", why=why, remedy=_TRY_DEFAULT)
    if os.access(path, os.F_OK):
        return os.path.normpath(path)
    why = "Names of packages are not taken: the one named ocarina on PyPI is an unrelated program."
    exit = Exit.PROBLEM if "/" in spec else Exit.USAGE
    raise KitError(
        Problem(
            message=f"No such file or folder: {mask(spec)}",
            id="INS003",
            why=why,
            remedy=_TRY_DEFAULT,
            exit=exit,
        )
    )


def plan_install(
    machine: Machine,
    *,
    name: str | None = None,
    prefix: str | None = None,
    source: str | None = None,
) -> Plan:
    """What will be done; changes nothing. ``prefix`` is the environment's folder as typed; else it is in conda's folder
    of environments, or in the kit's, and called ``name``, or ``ocarina``, or ``ocarina-2`` and so on if that is taken.

    Raises KitError: usage for arguments that make no sense, INS001 if the folder exists and holds something else,
    INS002 if git is needed and missing.
    """
    if name is not None and prefix is not None:
        raise usage_error(
            "--name and --prefix exclude each other.", why="Both say where it goes."
        )
    if name is not None and not re.fullmatch(
        r"(?!(?:base|root)$)\w[\w.+-]*", name, re.ASCII
    ):
        why = "Names are letters, digits, and . _ + - inside; base is conda's own."
        raise usage_error(f"{name!r} is not a name for a new environment.", why=why)
    spec = DEFAULT_SOURCE if source is None else parse_source(machine, source)
    tool, folders = _find_conda(machine)
    new = next(
        filter(_is_writable, folders), data_home(machine) / "ocarina-kit" / "envs"
    )
    names = [name] if name else [NAME, *(f"{NAME}-{number}" for number in range(2, 10))]
    places = [
        next(filter(os.path.lexists, (each / name for each in folders)), new / name)
        for name in names
    ]
    if prefix is not None:
        places = [Path(os.path.normpath(machine.expand(prefix)))]
    for location in places:
        if _is_vacant(location):
            break
        found = examine(machine, location / "bin" / NAME)
        if found.accepted:
            tool = tool if (location / "conda-meta").is_dir() else ""
            return Plan(
                location, spec, _activate(tool, location, folders), already=found
            )
    else:
        raise _exists(
            location, f"It is left as it is (its ocarina: {found.described})."
        )
    # -I: neither PYTHONPATH nor a user site may stand in for what is missing in the new environment.
    create: tuple[str, ...] = (sys.executable, "-I", "-m", "venv", str(location))
    git = on_path("git", machine.environ.get("PATH", ""))
    if tool:
        # micromamba has no channel of its own if none is configured.
        channel = ("--channel", "conda-forge") if tool.endswith("micromamba") else ()
        packages = (f"python={CONDA_PYTHON}", "pip", *(() if git else ("git",)))
        create = (
            tool,
            "create",
            "--yes",
            "--quiet",
            "--prefix",
            str(location),
            *channel,
            *packages,
        )
    elif spec.startswith("git+") and not git:
        remedy = Remedy(
            "Install git, or load its module, then run this again. Conda would bring it."
        )
        raise KitError(
            Problem(
                message="git is missing, and pip needs it to fetch the client.",
                id="INS002",
                remedy=remedy,
            )
        )
    pip = ("-I", "-m", "pip", "install", "--no-input", "--progress-bar", "off")
    fill = (str(location / "bin" / "python"), *pip, spec)
    steps = (("Making the environment", create), ("Installing the client", fill))
    link = machine.home / ".local" / "bin" / NAME
    linked = not tool and prefix is None and not os.path.lexists(link)
    return Plan(
        location,
        spec,
        _activate(tool, location, folders),
        steps,
        link if linked else None,
    )


def _activate(tool: str, location: Path, folders: Sequence[Path]) -> str:
    """Conda knows an environment in one of its ``folders`` by its name, any other by its path."""
    known = location.name if location.parent in folders else str(location)
    by_tool = f"{Path(tool).name} activate {shlex.quote(known)}"
    return by_tool if tool else f". {shlex.quote(str(location / 'bin' / 'activate'))}"


def _find_conda(machine: Machine) -> tuple[str, list[Path]]:
    """The first of conda, mamba and micromamba that answers, of ``$CONDA_EXE``, ``$MAMBA_EXE`` and PATH, and its
    folders of environments: what is in those is activated by its name."""
    path, mamba_exe = (
        machine.environ.get("PATH", ""),
        machine.environ.get("MAMBA_EXE", ""),
    )
    conda = (machine.environ.get("CONDA_EXE", ""), on_path("conda", path))
    for tool in (
        *conda,
        mamba_exe,
        on_path("mamba", path),
        on_path("micromamba", path),
    ):
        if tool.startswith("/"):
            done = machine.run(
                [tool, "info", "--json"], env=_environment(machine), timeout=60.0
            )
            with suppress(ValueError, TypeError, AttributeError):
                info = json.loads(done.stdout)
                folders = info.get("envs_dirs") or info.get(
                    "envs directories", ()
                )  # the latter: micromamba
                return tool, [Path(each) for each in folders]
    return "", []


def _is_writable(folder: Path) -> bool:
    """Whether it can be written to, or made."""
    nearest = next(
        each for each in (folder, *folder.parents) if os.access(each, os.F_OK)
    )
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def _is_vacant(location: Path) -> bool:
    """Nothing there, or an empty folder."""
    with suppress(OSError):
        return not os.path.lexists(location) or (
            not location.is_symlink() and not any(location.iterdir())
        )
    return False


def _exists(location: Path, note: str) -> KitError:
    command = f"ocarina-kit install-client --prefix {shlex.quote(f'{location}-2')}"
    remedy = Remedy("Take another place, or remove this one first.", (command,))
    return KitError(
        Problem(
            message=f"{location} exists; only new environments are made.",
            id="INS001",
            why=note,
            remedy=remedy,
        )
    )


# --- doing it --------------------------------------------------------------------------------------------


def install(machine: Machine, plan: Plan, say: Callable[[str], None]) -> Candidate:
    """Carry ``plan`` out, show that the client runs and that the server will accept its version, and return it.

    ``say`` is told what is being done. If anything fails, or is interrupted, what was made is removed. Raises KitError:
    INS001 for a folder that has been filled meanwhile, INS003 for a step that failed, INS004 if it cannot be removed,
    ENV001 to ENV004 if it is not a client that the server accepts, LCK002 while another install-client is at work.
    """
    if plan.already is not None:
        return plan.already
    make_private_folder(machine.state)
    with hold(machine, machine.state / "install-client", timeout=0.5):
        if not _is_vacant(plan.prefix):
            raise _exists(plan.prefix, "It was filled meanwhile.")
        with _all_or_nothing(plan.prefix):
            for words, argv in plan.steps:
                say(f"{words} …")
                _run(machine, plan, words, argv)
            say("Checking that it runs …")
            client = examine(machine, plan.client, timeout=60.0)
            if not client.accepted:
                what = f"What was installed is not a client that the server accepts: {client.described}."
                wanted = version_text(MINIMUM_VERSION)
                why = f"It came from {plan.source}. The server wants {wanted} or newer."
                raise KitError(
                    Problem(
                        message=what,
                        id=client.failed_check,
                        why=why,
                        remedy=_TRY_DEFAULT,
                    )
                )
    if plan.link is not None:
        with suppress(OSError):  # for convenience: the client works without it
            plan.link.parent.mkdir(parents=True, exist_ok=True)
            plan.link.symlink_to(plan.client)
    return client


def _run(machine: Machine, plan: Plan, words: str, argv: tuple[str, ...]) -> None:
    environment = _environment(machine)
    # What conda installed beside the client (git) is found first.
    environment["PATH"] = (
        f"{plan.prefix / 'bin'}:{environment.get('PATH', '/usr/bin:/bin')}"
    )
    done = machine.run(argv, env=environment, timeout=TIMEOUT, cwd=Path("/"))
    if done.code == 0:
        return
    output = mask(
        (done.stdout + b"\n" + done.stderr).decode("utf-8", errors="backslashreplace")
    )
    lines = [line.strip() for line in output.splitlines()]
    # pip repeats what a program that it started has said.
    last = [line for line in dict.fromkeys(lines) if line][-_LAST_LINES:]
    ending = done.error if done.code is None else f"ended with code {done.code}"
    what = (
        f"{words} failed ({Path(argv[0]).name}: {ending}). "
        "Nothing of it is left on this machine."
    )
    why = "\n".join(last)
    raise KitError(
        Problem(message=what, id="INS003", why=why, remedy=_remedy_for(last))
    )


@contextmanager
def _all_or_nothing(prefix: Path) -> Iterator[None]:
    """Remove the environment, and the folders made for it, if the block does not come to its end."""
    from shutil import rmtree

    missing = [parent for parent in prefix.parents if not os.access(parent, os.F_OK)]
    existed = os.access(prefix, os.F_OK)
    if existed:
        prefix.rmdir()  # it is empty; micromamba takes no folder that exists
    try:
        yield
    except BaseException:
        with held_off():  # a second Ctrl-C
            rmtree(prefix, ignore_errors=True)
        if os.access(prefix, os.F_OK):
            what = f"{prefix} is incomplete and could not be removed."
            raise KitError(
                Problem(message=what, id="INS004", remedy=Remedy("Remove it by hand."))
            ) from None
        if existed:
            prefix.mkdir()
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()
        raise


# Each of these would put packages, or find modules, somewhere else than in the new environment.
_ASTRAY = (
    r"PYTHON\w+|VIRTUAL_ENV|__PYVENV_LAUNCHER__"
    "|PIP_(?:TARGET|PREFIX|ROOT|USER|REQUIRE_VIRTUALENV|PYTHON|DRY_RUN)"
)


def _environment(machine: Machine) -> dict[str, str]:
    """What conda, pip and git get: this shell's environment, with its proxy, CA bundle and package index."""
    kept = environment_without(machine, _ASTRAY)
    if bundle := kept.get("REQUESTS_CA_BUNDLE"):  # git does not read it
        kept.setdefault("GIT_SSL_CAINFO", bundle)
    never_ask = {
        "PIP_USER": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }
    return {"GIT_SSH_COMMAND": "ssh -o BatchMode=yes", **kept, **never_ask}
