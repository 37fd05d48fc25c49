"""Finds the ocarina clients on this machine, and runs each to see what it is.

The first run has cron's bare environment: what works there still works after
``conda deactivate``. No secret of this shell reaches a program that only happens to
have the name ocarina.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from enum import Enum
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ocarina_kit.client import problems
from ocarina_kit.client.places import (
    CRON_PATH,
    NAME,
    TRUSTED,
    cron_environment,
    on_path,
    places,
    read_launch,
    replaceable,
    thrown_away,
)
from ocarina_kit.client.scopes import Table, is_scope
from ocarina_kit.system.files import matching
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.parallel import side_by_side
from ocarina_kit.system.process import Completed
from ocarina_kit.system.secret import mask
from ocarina_kit.system.words import one_line

Version = tuple[int, ...]

MINIMUM_VERSION: Version = (0, 44, 0)
"""Majora refuses older clients."""

TIMEOUT = 8.0
"""Seconds for one run of a candidate. Python is slow on a cold network file system."""


class ClientState(str, Enum):
    """What one run of a program showed."""

    WORKS = "works"  # and it is the Majora client
    NOT_THE_CLIENT = "not the client"
    DOES_NOT_RUN = "does not run"
    NOT_EXECUTABLE = "not executable"
    NO_ANSWER = "no answer"
    MISSING = "missing"


_CHECKS = {
    ClientState.MISSING: "ENV001",
    ClientState.NOT_THE_CLIENT: "ENV002",
    ClientState.DOES_NOT_RUN: "ENV003",
    ClientState.NOT_EXECUTABLE: "ENV003",
    ClientState.NO_ANSWER: "ENV003",
    ClientState.WORKS: "ENV004",  # it can only be its version
}


class Candidate(NamedTuple):
    """A program with the name ocarina."""

    path: str  # absolute, as it was found
    source: str = ""  # the place, for people
    real: str = ""  # the path with its links followed
    interpreter: str = ""  # the Python that it runs on; "" if unknown
    version: Version | None = None
    state: ClientState = ClientState.MISSING
    problem: str = ""  # for people; lower case, no full stop
    writable_by_others: str = ""  # for people; "" if only the user can replace it
    under_cron: bool = True  # it also runs in cron's bare environment

    @property
    def works(self) -> bool:
        """Whether it is the Majora client, and runs."""
        return self.state is ClientState.WORKS

    @property
    def accepted(self) -> bool:
        """Whether it works, and Majora accepts its version."""
        return self.works and (self.version or ()) >= MINIMUM_VERSION

    @property
    def drawback(self) -> str:
        """Why another client is better; "" if nothing is wrong with this one."""
        if self.works and not self.accepted:
            return problems.refused_version(self.described)
        return self.problem

    @property
    def failed_check(self) -> str:
        """The id of the check that reports a client that cannot be used."""
        return _CHECKS[self.state]

    @property
    def described(self) -> str:
        """What it is, for people: ``ocarina 1.0.0``, ``another program``."""
        return f"ocarina {version_text(self.version)}" if self.works else self.problem


class Clients(NamedTuple):
    """What was found."""

    all: tuple[Candidate, ...] = ()  # in the order of preference
    shell: Candidate | None = None  # what the bare name ocarina runs here
    chosen: Candidate | None = None  # for the crontab entry
    why: str = ""  # why that one, in sentences
    cron: Candidate | None = None  # what the bare name ocarina runs in a cron job

    @property
    def typed(self) -> Candidate | None:
        """What a person gets who types ``ocarina``, as far as is known.

        The doctor's checks of "the client" are about this one.
        """
        return self.shell or self.chosen or next(iter(self.all), None)


def version_text(version: Version | None) -> str:
    """Format a version as ``1.0.0``; "" for None."""
    return ".".join(map(str, version or ()))


# --- finding


def find_clients(
    machine: Machine,
    named: str | None = None,
    *,
    timeout: float = TIMEOUT,
    first: bool = False,
) -> Clients:
    """Run every ocarina that is found in the known places, and choose one.

    Never raises for what it finds.

    Args:
        machine: where to look.
        named: the value of ``--ocarina``. That program is chosen, or none.
        timeout: seconds for each run.
        first: end the search at the first place that has a client for cron.
    """
    candidates: list[Candidate] = []
    for place, programs in places(machine, named):
        known = {candidate.real for candidate in candidates}
        new = _without_doubles(programs, known)
        candidates += _examine_all(machine, place, new, timeout)
        if named is not None:
            break
        if first and _has_client_for_cron(candidates):
            break
    chosen, why = _choose(candidates, named)
    path = machine.environ.get("PATH", "")
    return Clients(
        all=tuple(candidates),
        shell=_candidate_at(candidates, on_path(NAME, path)),
        chosen=chosen,
        why=why,
        cron=_candidate_at(candidates, on_path(NAME, CRON_PATH)),
    )


def _without_doubles(programs: Sequence[str], known: set[str]) -> list[str]:
    """Leave out links to the same program. `known` are the real paths of earlier ones."""
    new: dict[str, str] = {}
    for program in programs:
        real = os.path.realpath(program)
        if real not in known:
            new.setdefault(real, program)
    return list(new.values())


def _examine_all(
    machine: Machine, place: str, programs: Sequence[str], timeout: float
) -> list[Candidate]:
    """Examine the programs of one place, several at a time."""
    trusted = place in TRUSTED
    examine_one = partial(
        examine, machine, source=place, timeout=timeout, trusted=trusted
    )
    examined: dict[str, Candidate] = {}
    for batch in side_by_side(programs, examine_one):
        examined.update(batch)
    candidates = [examined[program] for program in programs]
    if not trusted:
        # Of several environments of one tool, the one with the newest client is best.
        candidates.sort(key=_version_of, reverse=True)
    return candidates


def _version_of(candidate: Candidate) -> Version:
    return candidate.version or ()


def _has_client_for_cron(candidates: Sequence[Candidate]) -> bool:
    return any(candidate.accepted and candidate.under_cron for candidate in candidates)


def _candidate_at(candidates: Sequence[Candidate], path: str) -> Candidate | None:
    """Find the candidate that a path leads to. `path` may be ""."""
    if not path:
        return None
    real = os.path.realpath(path)
    for candidate in candidates:
        if candidate.real == real:
            return candidate
    return None


def _choose(
    candidates: Sequence[Candidate], named: str | None
) -> tuple[Candidate | None, str]:
    """Choose the client of the set-up, and say why.

    One that Majora accepts wins over one that it refuses, wherever it is; then one that
    runs under cron too; then the first in the order of the places. What a person named
    is never quietly replaced.
    """
    working = [candidate for candidate in candidates if candidate.works]
    if not working:
        reasons = [problems.NO_CLIENT_RUNS, *_explain_passed_over(candidates)]
        return None, " ".join(reasons)
    chosen = min(working, key=_rank)
    place = problems.found_in(chosen.source)
    reasons = [place if named is None else problems.NAMED_BY_OPTION]
    reasons += _explain_passed_over(candidates[: candidates.index(chosen)])
    for drawback in (chosen.problem, chosen.writable_by_others):
        if drawback:
            reasons.append(problems.drawback_of_choice(drawback))
    return chosen, " ".join(reasons)


def _rank(candidate: Candidate) -> tuple[bool, bool]:
    """Give the key to sort by: the best candidate has the least."""
    return not candidate.accepted, not candidate.under_cron


def _explain_passed_over(candidates: Sequence[Candidate]) -> list[str]:
    """Say in one sentence which candidates were not chosen, or in none."""
    if not candidates:
        return []
    reasons = [f"{candidate.path}: {candidate.drawback}" for candidate in candidates]
    return [problems.passed_over(reasons)]


# --- examining one program


def examine(
    machine: Machine,
    path: str | Path,
    source: str = "",
    *,
    timeout: float = TIMEOUT,
    trusted: bool = True,
) -> Candidate:
    """Find out what one program is, if possible by running it. Never raises.

    Args:
        machine: where it runs.
        path: the program.
        source: the place where it was found, for people.
        timeout: seconds for each run.
        trusted: run it even if everyone could have put it there, as the person runs
            the programs of that place anyway.
    """
    program = str(path)
    candidate = Candidate(program, source, os.path.realpath(program))
    obstacle = _find_obstacle(program)
    if obstacle is not None:
        state, problem = obstacle
        return candidate._replace(state=state, problem=problem)
    interpreter = _find_interpreter(machine, program)
    candidate = candidate._replace(interpreter=interpreter)
    unsafe = replaceable(program)
    if unsafe is None and interpreter:
        unsafe = replaceable(interpreter)
    if unsafe is not None:
        warning = problems.others_can_replace(unsafe)
        candidate = candidate._replace(writable_by_others=warning)
        if not trusted and unsafe.stat().st_mode & 0o002:
            problem = problems.not_run(unsafe)
            return candidate._replace(state=ClientState.DOES_NOT_RUN, problem=problem)
    return _run_candidate(machine, candidate, timeout)


def _find_obstacle(program: str) -> tuple[ClientState, str] | None:
    """Say why a program cannot be started at all, as far as can be seen."""
    if not os.path.lexists(program):
        return ClientState.MISSING, problems.NO_FILE
    if not os.access(program, os.F_OK):
        return ClientState.DOES_NOT_RUN, problems.DANGLING_LINK
    if not os.access(program, os.X_OK) or not Path(program).is_file():
        return ClientState.NOT_EXECUTABLE, problems.NOT_EXECUTABLE
    return None


def _find_interpreter(machine: Machine, program: str) -> str:
    """Find the Python that a program runs on; "" if unknown."""
    interpreter = read_launch(program).interpreter
    if interpreter and "/" not in interpreter:
        return on_path(interpreter, machine.environ.get("PATH", ""))
    return interpreter


def _run_candidate(machine: Machine, candidate: Candidate, timeout: float) -> Candidate:
    """Run a candidate as cron would, then as this shell would if that fails."""
    bare = {
        **cron_environment(machine.user, str(machine.home)),
        **_NO_BYTECODE,
    }
    examined = _run_once(machine, candidate, bare, timeout)
    if examined.works and not thrown_away(candidate.path):
        return examined
    if examined.state not in (ClientState.WORKS, ClientState.NO_ANSWER):
        here = _without_secrets(machine)
        examined = _run_once(machine, candidate, here, timeout)
    if examined.works:
        return examined._replace(under_cron=False, problem=problems.NOT_UNDER_CRON)
    return examined


def _run_once(
    machine: Machine,
    candidate: Candidate,
    environment: dict[str, str],
    timeout: float,
) -> Candidate:
    # A shell starts it, as a shell also runs a script without a first line.
    argv = ("/bin/sh", "-c", 'exec "$0" -v', candidate.path)
    done = machine.run(argv, env=environment, timeout=timeout, cwd=Path("/"))
    return classify_run(candidate, done)


# What Python and the loader print if something that a program starts on is gone.
_BROKEN = re.compile(
    r"Traceback \(most|^\w*Error: |shared librar|Library not loaded"
    r"|Fatal Python error|bad interpreter|not found \(required by",
    re.MULTILINE,
)
# 1.0.0 is the version of 1.0.0rc1, too.
_VERSION_LINE = re.compile(r"^ocarina v(\d{1,9}(?:\.\d{1,9})*)\S*\s*$", re.MULTILINE)


def classify_run(candidate: Candidate, done: Completed) -> Candidate:
    """Say what ``PROGRAM -v``, started by a shell, shows about the program."""
    output = _text(done.stdout).strip()
    errors = _text(done.stderr).strip()
    unrelated = _has_unrelated_package(candidate.interpreter)
    line = _VERSION_LINE.search(f"{output}\n{errors}")
    if done.code == 0 and line and not unrelated:
        version = tuple(int(number) for number in line[1].split("."))
        return candidate._replace(state=ClientState.WORKS, problem="", version=version)
    state, problem = ClientState.NOT_THE_CLIENT, problems.UNRELATED_PACKAGE
    failure = _explain_failed_start(candidate.interpreter, done, errors)
    if failure is not None:
        state, problem = failure
    elif not unrelated:
        first_line = (output or errors).partition("\n")[0]
        problem = problems.another_program(_shown(first_line))
    return candidate._replace(state=state, problem=problem)


def _explain_failed_start(
    interpreter: str, done: Completed, errors: str
) -> tuple[ClientState, str] | None:
    """Say why a program did not start, or None if it did. `errors` is what it printed."""
    if done.error == "timed out":
        return ClientState.NO_ANSWER, problems.NO_ANSWER
    if done.code is None:
        return ClientState.DOES_NOT_RUN, done.error
    if done.code < 0:
        return ClientState.DOES_NOT_RUN, problems.ended_by_signal(-done.code)
    # A shell ends with 126 or 127 if it cannot start a program.
    if done.code < 126 and not (done.code and _BROKEN.search(errors)):
        return None
    if interpreter and not os.access(interpreter, os.F_OK):
        problem = problems.interpreter_gone(interpreter)
    else:
        last_line = _shown(errors.rpartition("\n")[2])
        problem = last_line or problems.ended_with_code(done.code)
    return ClientState.DOES_NOT_RUN, problem


def _shown(line: str) -> str:
    """Make a line of a program safe to show: a wrapper may print its variables."""
    return one_line(mask(line[:10_000]))


def _has_unrelated_package(interpreter: str) -> bool:
    """Whether the package ``ocarina`` of an environment is not the Majora client's.

    The Majora client's has a module ``client``.
    """
    if not interpreter:
        return False
    prefix = Path(interpreter).parent.parent
    for file in matching(prefix, f"lib/python*/site-packages/{NAME}/__init__.py"):
        if not matching(Path(file).parent, "client*"):
            return True
    return False


# --- the client's own table

_MARK = "ocarina-kit-table:"
_TABLE_PROGRAM = f"""\
import json, ocarina.client
table = {{}}
for name, endpoint in ocarina.client.ENDPOINTS.items():
    scope = endpoint.get('scope') if isinstance(endpoint, dict) else None
    table[str(name)] = scope
print('\\n{_MARK}' + json.dumps(table))
"""


def read_table(
    machine: Machine, candidate: Candidate, *, timeout: float = TIMEOUT
) -> Table | None:
    """Read the client's own table of endpoints and scope strings.

    The client's interpreter imports it. What is not a scope string is left out, so that
    the one that the kit carries is used instead.

    Args:
        machine: where the client runs.
        candidate: the client.
        timeout: seconds for the run.

    Returns:
        The table, or None if the client does not show one.
    """
    if not candidate.interpreter:
        return None
    argv = [candidate.interpreter, "-c", _TABLE_PROGRAM]
    environment = _without_secrets(machine)
    # `python -c` looks for modules in the current folder first.
    done = machine.run(argv, env=environment, timeout=timeout, cwd=Path("/"))
    printed = _text(done.stdout).rpartition(_MARK)[2].partition("\n")[0]
    try:
        endpoints = json.loads(printed)
    except (ValueError, RecursionError):
        return None
    if not isinstance(endpoints, dict):
        return None
    table: dict[str, str | None] = {}
    for name, scope in endpoints.items():
        if not scope or is_scope(str(scope)):
            table[name] = scope
    return table if any(name.startswith("api.") for name in table) else None


# --- environments for other programs

_NO_BYTECODE = {"PYTHONDONTWRITEBYTECODE": "1"}
"""So that nothing is written beside the client's modules."""


def _without_secrets(machine: Machine) -> dict[str, str]:
    """Copy this shell's environment without what a strange program must not get.

    A proxy may hold a password, and on a display it might open a window.
    """
    left_out = r"DISPLAY|WAYLAND_DISPLAY|\w*_(?:proxy|PROXY)"
    return {**environment_without(machine, left_out), **_NO_BYTECODE}


def environment_without(machine: Machine, names: str) -> dict[str, str]:
    """Copy this shell's environment for another program.

    Majora's credentials are left out, and so are the variables that the pattern `names`
    matches.
    """
    left_out = re.compile(rf"(?:MAJORA|CLIENT|OCARINA)_.*|{names}")
    environment = {}
    for name, value in machine.environ.items():
        if not left_out.fullmatch(name):
            environment[name] = value
    return environment


def _text(output: bytes) -> str:
    return output.decode("utf-8", errors="backslashreplace")
