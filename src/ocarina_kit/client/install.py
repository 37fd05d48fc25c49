"""Installs the client into an environment of its own, all of it or nothing (CONTRACT.md, install-client).

An environment cannot be moved once it is made. So it is made in place, in a folder that did not exist before and that
is removed again if anything fails.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator
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
from ocarina_kit.client.places import NAME, conda_roots, data_home, on_path
from ocarina_kit.system.errors import Exit, KitError, Remedy, usage_error
from ocarina_kit.system.machine import Machine

PINNED_VERSION = "1.0.0"
PINNED_DATE = "2022-03-07"
DEFAULT_SOURCE = "git+https://github.com/climb-covid/ocarina2.git@1fa98675e24197ccce977dfe3933a9ff0c8d5921"
"""What is installed by default: the commit "1.0.0" of 7 March 2022, the newest of the repository, with which the kit
was tested. It names its own dependency ffurf by commit, too (github.com/SamStudio8/ffurf, 42e95ec)."""

CONDA_PYTHON = "3.12"
"""The Python of a new conda environment. The guide's 3.7 is out of support; ocarina 1.0.0 runs on 3.10 to 3.13."""

TIMEOUT = 1800.0
"""Seconds for each step. A cold conda on a network file system takes minutes; only a hang takes longer than this."""

_ADDRESS = (
    r"(?P<git>git\+)?(?:file://|(?:https://|(?P<ssh>ssh://)(?:[\w.-]+@)?)[\w.-]+(?::\d+)?)(?P<path>/[^\s?;]+)"
)
_TRY_DEFAULT = Remedy("Install the version that the kit was tested with.", ("ocarina-kit install-client",))
_READ_ON = Remedy(
    "Fix what these lines say, then run this again; --dry-run shows the commands. If this machine needs a proxy, set "
    "HTTPS_PROXY. On Debian and Ubuntu, venv needs the package python3-venv."
)


class Plan(NamedTuple):
    """What will be done. ``tool`` is the path of a conda, mamba or micromamba; "" means a virtual environment.

    ``source`` is what pip installs. ``steps``: in words, and the program to run. ``link`` is made so that shells find
    the command. ``already`` is the client that is in ``prefix`` and that the server accepts: then there is nothing to
    do. ``notes`` are for people.
    """

    prefix: Path
    source: str
    tool: str = ""
    steps: tuple[tuple[str, tuple[str, ...]], ...] = ()
    link: Path | None = None
    already: Candidate | None = None
    notes: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        return Path(self.tool).name or "venv"

    @property
    def client(self) -> Path:
        return self.prefix / "bin" / NAME

    @property
    def activate(self) -> str:
        """The command that puts the client on PATH in a shell."""
        if not self.tool:
            return f". {shlex.quote(str(self.prefix / 'bin' / 'activate'))}"
        name = self.prefix.name if self.prefix.parent.name == "envs" else str(self.prefix)
        return f"{self.kind} activate {shlex.quote(name)}"

    @property
    def fetches(self) -> tuple[str, ...]:
        """What will be fetched from where, in words."""
        python = [f"Python {CONDA_PYTHON} and pip from the channels of {self.kind}"] if self.tool else []
        pinned = f"ocarina {PINNED_VERSION} of {PINNED_DATE}"
        client = f"{pinned if self.source == DEFAULT_SOURCE else 'the client'} from {self.source}"
        others = "the packages that it needs from where it names them, else from pip's package index (PyPI by default)"
        return (*python, client, others)

    def show(self) -> tuple[str, ...]:
        """The commands, quoted for a shell."""
        link = [("ln", "-s", str(self.client), str(self.link))] if self.link else []
        return tuple(shlex.join(argv) for argv in (*(argv for _, argv in self.steps), *link))


# --- the plan --------------------------------------------------------------------------------------------


def parse_source(machine: Machine, text: str) -> str:
    """What pip is to install for ``--source``: https, ssh or a local path, with or without git.

    Raises KitError: usage for anything else, for a password and for an environment marker; INS003 if there is no such
    file. What may hold a password is not repeated in the error.
    """
    spec = text.strip()
    found = re.fullmatch(_ADDRESS, spec)
    if found is not None:
        git = found["ssh"] or (found["path"] or "").partition("@")[0].endswith(".git")
        return f"git+{spec}" if git and not found["git"] else spec
    path = machine.expand(spec)
    if not spec or "://" in spec or ";" in spec or spec.startswith("-") or not spec.isprintable():
        why = (
            "https, ssh and local paths are taken; with git: git+https://…, git+ssh://…. They must not contain a "
            "password, a query or an environment marker (;): other users can see what is installed."
        )
        raise usage_error("This --source is not taken.", why=why, remedy=_TRY_DEFAULT)
    if os.access(path, os.F_OK):
        return os.path.normpath(path)
    why = "Names of packages are not taken: the one named ocarina on PyPI is an unrelated program."
    exit = Exit.PROBLEM if "/" in spec else Exit.USAGE
    raise KitError(f"No such file or folder: {spec}", id="INS003", why=why, remedy=_TRY_DEFAULT, exit=exit)


def plan_install(
    machine: Machine, *, name: str | None = None, prefix: str | None = None, source: str | None = None
) -> Plan:
    """What will be done; changes nothing, but asks conda (if there is one) for its folders.

    ``name`` is that of the environment, ``prefix`` its folder as typed; with neither it is called ``ocarina``, or
    ``ocarina-2`` and so on if that exists and holds something else.

    Raises KitError: usage for arguments that make no sense, INS001 if the folder exists and holds something else,
    INS002 if git is needed and missing.
    """
    if name is not None and prefix is not None:
        raise usage_error("--name and --prefix exclude each other.", why="Both say where it goes.")
    if name is not None and not re.fullmatch(r"(?!(?:base|root)$)\w[\w.+-]*", name, re.ASCII | re.IGNORECASE):
        why = "Names are letters, digits, and . _ + - inside; base is conda's own."
        raise usage_error(f"{name!r} is not a name for a new environment.", why=why)
    spec = DEFAULT_SOURCE if source is None else parse_source(machine, source)
    tool = _find_conda(machine)
    if prefix is not None:
        wanted = Path(os.path.normpath(machine.expand(prefix)))
    else:
        wanted = _environments(machine, tool) / (name or NAME)
    notes: list[str] = []
    last = 1 if name or prefix else 9
    for place in [wanted, *(wanted.with_name(f"{wanted.name}-{number}") for number in range(2, last + 1))]:
        if _vacant(place):
            break
        known = examine(machine, place / "bin" / NAME)
        if known.works and known.version is not None and known.version >= MINIMUM_VERSION:
            return Plan(place, spec, tool, already=known, notes=tuple(notes))
        refused = ", which the server refuses" if known.works else ""
        notes.append(f"{place} exists and is left as it is (its ocarina: {known.described}{refused}).")
    else:
        raise _exists(place, notes[-1])
    git = on_path("git", machine.environ.get("PATH", ""))
    if spec.startswith("git+") and not git and not tool:
        remedy = Remedy("Install git, or load its module, then run this again. Conda would bring it.")
        raise KitError("git is missing, and pip needs it to fetch the client.", id="INS002", remedy=remedy)
    link = machine.home / ".local" / "bin" / NAME
    linked = not tool and prefix is None and not os.path.lexists(link)
    steps = _steps(place, spec, tool, git)
    return Plan(place, spec, tool, steps, link if linked else None, notes=tuple(notes))


def _steps(prefix: Path, source: str, tool: str, git: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    # -I: neither PYTHONPATH nor a user site may stand in for what is missing in the new environment.
    create: tuple[str, ...] = (sys.executable, "-I", "-m", "venv", str(prefix))
    if tool:
        # micromamba has no channel of its own if none is configured.
        channel = ("--channel", "conda-forge") if tool.endswith("micromamba") else ()
        packages = (f"python={CONDA_PYTHON}", "pip", *(() if git else ("git",)))
        create = (tool, "create", "--yes", "--quiet", "--prefix", str(prefix), *channel, *packages)
    pip = ("-I", "-m", "pip", "install", "--no-input", "--progress-bar", "off")
    fill = (str(prefix / "bin" / "python"), *pip, source)
    return (("Making the environment", create), ("Installing the client", fill))


def _find_conda(machine: Machine) -> str:
    """The first of conda, mamba and micromamba that runs: of ``$CONDA_EXE``, ``$MAMBA_EXE`` and PATH."""
    named = [machine.environ.get(variable, "") for variable in ("CONDA_EXE", "MAMBA_EXE")]
    for kind in ("conda", "mamba", "micromamba"):
        found = [path for path in named if path.startswith("/") and Path(path).name == kind]
        for path in filter(None, [*found, on_path(kind, machine.environ.get("PATH", ""))]):
            if machine.run([path, "--version"], env=_environment(machine), timeout=60.0).code == 0:
                return path
    return ""


def _environments(machine: Machine, tool: str) -> Path:
    """Where an environment of that name goes: the first of the tool's folders that can be written to."""
    import json

    if not tool:
        return data_home(machine) / "ocarina-kit" / "envs"
    folders = [root / "envs" for root in conda_roots(machine)] + [machine.home / ".conda" / "envs"]
    with suppress(ValueError, TypeError, KeyError, AttributeError):
        info = json.loads(
            machine.run([tool, "info", "--json"], env=_environment(machine), timeout=60.0).stdout
        )
        folders = [Path(each) for each in info.get("envs_dirs") or info["envs directories"]]
    for folder in folders:
        nearest = next(each for each in (folder, *folder.parents) if os.access(each, os.F_OK))
        if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
            return folder
    return folders[-1]


def _vacant(place: Path) -> bool:
    """Nothing there, or an empty folder."""
    with suppress(OSError):
        return not os.path.lexists(place) or (not place.is_symlink() and not any(place.iterdir()))
    return False


def _exists(place: Path, note: str) -> KitError:
    command = f"ocarina-kit install-client --prefix {shlex.quote(f'{place}-2')}"
    remedy = Remedy("Take another place, or remove this one first.", (command,))
    return KitError(f"{place} exists; only new environments are made.", id="INS001", why=note, remedy=remedy)


# --- doing it --------------------------------------------------------------------------------------------


def install(machine: Machine, plan: Plan, say: Callable[[str], None]) -> Candidate:
    """Carry ``plan`` out, show that the client runs and that the server will accept its version, and return it.

    ``say`` is told what is being done. If anything fails, or is interrupted, what was made is removed. Raises KitError:
    INS001 for a folder that has been filled meanwhile, INS003 for a step that failed, INS004 if it cannot be removed,
    ENV001 to ENV004 if it is not a client that the server accepts, LCK002 while another install-client is at work.
    """
    from ocarina_kit.system.files import make_private_folder
    from ocarina_kit.system.lock import hold

    if plan.already is not None:
        return plan.already
    make_private_folder(machine.state)
    with hold(machine, machine.state / "install-client", timeout=0.5):
        if not _vacant(plan.prefix):
            raise _exists(plan.prefix, "It has been filled meanwhile.")
        with _all_or_nothing(plan.prefix):
            for words, argv in plan.steps:
                say(f"{words} …")
                _run(machine, plan, words, argv)
            say("Checking that it runs …")
            client = examine(machine, plan.client, str(plan.prefix), timeout=60.0)
            if not client.works or client.version is None or client.version < MINIMUM_VERSION:
                raise _refused(client, plan)
    if plan.link is not None:
        with suppress(OSError):  # for convenience: the client works without it
            plan.link.parent.mkdir(parents=True, exist_ok=True)
            plan.link.symlink_to(plan.client)
    return client


def _run(machine: Machine, plan: Plan, words: str, argv: tuple[str, ...]) -> None:
    from ocarina_kit.system.secret import mask

    environment = _environment(machine)
    # What conda installed beside the client (git) is found first.
    environment["PATH"] = f"{plan.prefix / 'bin'}:{environment.get('PATH', '/usr/bin:/bin')}"
    done = machine.run(argv, env=environment, timeout=TIMEOUT, cwd=Path("/"))
    if done.code == 0:
        return
    output = mask((done.stdout + b"\n" + done.stderr).decode("utf-8", errors="backslashreplace"))
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    how = f"ended with code {done.code}" if done.code is not None else done.error
    what = f"{words} failed ({Path(argv[0]).name}: {how}). Nothing of it is left on this machine."
    raise KitError(what, id="INS003", why="\n".join(lines[-15:]), remedy=_READ_ON)


def _refused(found: Candidate, plan: Plan) -> KitError:
    """What was installed is not a client that the server accepts."""
    too_old = f"is {found.described}; the server refuses those older than {version_text(MINIMUM_VERSION)}"
    id, what = {
        "missing": ("ENV001", "has no command named ocarina"),
        "not the client": ("ENV002", f"is not the Majora client, but {found.described}"),
        "works": ("ENV004", too_old),
    }.get(found.state, ("ENV003", f"does not run: {found.described}"))
    why = f"It came from {plan.source}. The environment was removed again."
    return KitError(f"What was installed {what}.", id=id, why=why, remedy=_TRY_DEFAULT)


@contextmanager
def _all_or_nothing(prefix: Path) -> Iterator[None]:
    """Remove the environment, and the folders made for it, if the block does not come to its end."""
    from shutil import rmtree

    from ocarina_kit.system.signals import as_interrupts

    existed = prefix.exists()
    missing = [parent for parent in prefix.parents if not os.access(parent, os.F_OK)]
    if existed:
        prefix.rmdir()  # it is empty; micromamba takes no folder that exists
    with as_interrupts():
        try:
            yield
        except BaseException:
            rmtree(prefix, ignore_errors=True)
            if prefix.exists():
                what = f"{prefix} is incomplete and could not be removed."
                raise KitError(what, id="INS004", remedy=Remedy("Remove it by hand.")) from None
            if existed:
                prefix.mkdir()
            for folder in missing:
                with suppress(OSError):
                    folder.rmdir()
            raise


# Each of these would put packages, or find modules, somewhere else than in the new environment.
_ASTRAY = (
    "PYTHON(?:PATH|HOME|USERBASE|WARNINGS)|VIRTUAL_ENV|__PYVENV_LAUNCHER__"
    "|PIP_(?:TARGET|PREFIX|ROOT|USER|REQUIRE_VIRTUALENV|PYTHON|DRY_RUN)"
)


def _environment(machine: Machine) -> dict[str, str]:
    """What conda, pip and git get: this shell's environment, with its proxy, CA bundle and package index."""
    kept = environment_without(machine, _ASTRAY)
    if bundle := kept.get("REQUESTS_CA_BUNDLE"):
        kept = {"PIP_CERT": bundle, "GIT_SSL_CAINFO": bundle, **kept}
    never_ask = {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "GIT_TERMINAL_PROMPT": "0"}
    return {"GIT_SSH_COMMAND": "ssh -o BatchMode=yes", **kept, **never_ask}
