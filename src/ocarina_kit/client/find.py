"""Finds the ocarina clients on this machine, and what each of them is, by running it.

The first run has cron's bare environment: what works there still works after ``conda deactivate``, and no secret of
this shell reaches a program that only happens to be named ocarina.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

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
from ocarina_kit.system.machine import Completed, Machine
from ocarina_kit.system.parallel import side_by_side
from ocarina_kit.system.secret import mask
from ocarina_kit.system.words import one_line

Version = tuple[int, ...]

MINIMUM_VERSION: Version = (0, 44, 0)
"""The server refuses older clients (FACTS.md, The server)."""

TIMEOUT = 8.0
"""Seconds for one run of a candidate: a Python on a cold network file system takes some."""


class Candidate(NamedTuple):
    """One ocarina. ``path`` is absolute, as it was found; ``real`` has its links followed; ``source``: where it is.

    ``interpreter`` is the Python it runs on; "" if unknown. ``state``: "works" (and is the Majora client), "not the
    client", "does not run", "not executable", "no answer" or "missing"; ``problem`` says why. ``under_cron``: it also
    runs in cron's bare environment. ``writable_by_others``: what lets another user replace it, in words; or "".
    """

    path: str
    source: str = ""
    real: str = ""
    interpreter: str = ""
    version: Version | None = None
    state: str = "missing"
    problem: str = ""
    writable_by_others: str = ""
    under_cron: bool = True

    @property
    def works(self) -> bool:
        return self.state == "works"

    @property
    def accepted(self) -> bool:
        """Whether it works, and its version is one that Majora accepts."""
        return self.works and (self.version or ()) >= MINIMUM_VERSION

    @property
    def drawback(self) -> str:
        """Why another one is better, in words; "" if none is."""
        if self.works and not self.accepted:
            return f"{self.described}, which Majora refuses"
        return self.problem

    @property
    def fails(self) -> str:
        """The check that it fails; if it works, that is the one of its version."""
        states = {"missing": "ENV001", "not the client": "ENV002", "works": "ENV004"}
        return states.get(self.state, "ENV003")

    @property
    def described(self) -> str:
        """What it is: ``ocarina 1.0.0``, ``another program``."""
        return f"ocarina {version_text(self.version)}" if self.works else self.problem


class Clients(NamedTuple):
    """What was found, in the order of preference. ``chosen`` is the one for a crontab line; ``why`` says why it is.

    ``shell`` and ``cron`` are what the bare name ocarina runs here and in a cron job.
    """

    all: tuple[Candidate, ...] = ()
    shell: Candidate | None = None
    chosen: Candidate | None = None
    why: str = ""
    cron: Candidate | None = None

    @property
    def typed(self) -> Candidate | None:
        """What a person gets who types ``ocarina``, as far as is known: what checks of "the client" look at."""
        return self.shell or self.chosen or next(iter(self.all), None)


def version_text(version: Version | None) -> str:
    """``1.0.0``; "" for None."""
    return ".".join(map(str, version or ()))


def find_clients(
    machine: Machine,
    named: str | None = None,
    *,
    timeout: float = TIMEOUT,
    first: bool = False,
) -> Clients:
    """Look in all places, run what is in each side by side, and choose. Never raises for what is found.

    ``named`` is the value of ``--ocarina``: that one is chosen, or none. ``timeout`` is seconds for each run.
    With ``first`` the search ends with the place that has a client for cron.
    """
    found: list[Candidate] = []
    for words, programs in places(machine, named):
        new: dict[str, str] = {}
        for path in programs:
            new.setdefault(os.path.realpath(path), path)
        paths = [
            path
            for real, path in new.items()
            if all(real != each.real for each in found)
        ]
        ask = partial(
            examine, machine, source=words, timeout=timeout, trusted=words in TRUSTED
        )
        answers = dict(answer for batch in side_by_side(paths, ask) for answer in batch)
        here = [answers[path] for path in paths]
        if words not in TRUSTED:
            # Of several environments of one tool the one with the newest client comes first.
            here.sort(key=lambda each: each.version or (), reverse=True)
        found += here
        is_good = any(client.accepted and client.under_cron for client in found)
        if named is not None or (first and is_good):
            break

    def at(path: str) -> Candidate | None:
        real = os.path.realpath(path) if path else ""
        return next((each for each in found if each.real == real), None)

    chosen, why = _choose(found, named)
    shell = at(on_path(NAME, machine.environ.get("PATH", "")))
    return Clients(tuple(found), shell, chosen, why, at(on_path(NAME, CRON_PATH)))


def _choose(
    found: Sequence[Candidate], named: str | None
) -> tuple[Candidate | None, str]:
    """Choose the client of the set-up, and say why.

    One that Majora accepts wins over one that it refuses, wherever it is; then one that
    runs under cron too; then the first in the order of the places. What a person named
    is never quietly replaced.
    """
    working = [client for client in found if client.works]
    if not working:
        return None, "No Majora client that runs was found." + _passed_over(found)
    chosen = min(
        working, key=lambda client: (not client.accepted, not client.under_cron)
    )
    why = f"Found in: {chosen.source}."
    if named is not None:
        why = "It was named with --ocarina."
    why += _passed_over(found[: found.index(chosen)])
    for drawback in (chosen.problem, chosen.writable_by_others):
        if drawback:
            why += f" But {drawback}."
    return chosen, why


def _passed_over(clients: Sequence[Candidate]) -> str:
    """Say which clients were not chosen, and why."""
    if not clients:
        return ""
    reasons = [f"{client.path}: {client.drawback}" for client in clients]
    return f" Passed over: {'; '.join(reasons)}."


# Words of Python and of the loader if something that a program starts on is gone or broken.
_BROKEN = (
    r"(?m)Traceback \(most|^\w*Error: |shared librar|Library not loaded|Fatal Python error|bad interpreter"
    r"|not found \(required by"
)


def examine(
    machine: Machine,
    path: str | Path,
    source: str = "",
    *,
    timeout: float = TIMEOUT,
    trusted: bool = True,
) -> Candidate:
    """What the one program at ``path`` is. ``source`` says in words where it was found. Never raises.

    One that everyone could have put there is only run if it is ``trusted``: the person runs it anyway.
    """
    path = str(path)
    item = Candidate(path, source, os.path.realpath(path), problem="no such file")
    if not os.path.lexists(path):
        return item
    if not os.access(path, os.F_OK):
        return item._replace(state="does not run", problem="its link leads nowhere")
    if not os.access(path, os.X_OK) or not Path(path).is_file():
        return item._replace(
            state="not executable",
            problem="it is not a file with permission to run (no x bit)",
        )
    interpreter = read_launch(path).interpreter
    if interpreter and "/" not in interpreter:
        interpreter = on_path(interpreter, machine.environ.get("PATH", ""))
    item = item._replace(interpreter=interpreter)
    loose = replaceable(path) or (replaceable(interpreter) if interpreter else None)
    if loose is not None:
        item = item._replace(writable_by_others=f"other users can replace {loose}")
        if not trusted and loose.stat().st_mode & 0o002:
            return item._replace(
                state="does not run", problem=f"not run: everyone can write to {loose}"
            )
    # Nothing is written beside the client's modules.
    bare = {
        **cron_environment(machine.user, str(machine.home)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    for environment, under_cron in ((bare, True), (_without_secrets(machine), False)):
        # As a shell starts it: a script without a first line, too.
        argv = ("/bin/sh", "-c", 'exec "$0" -v', path)
        found = judge(
            item, machine.run(argv, env=environment, timeout=timeout, cwd=Path("/"))
        )
        if found.works and (not under_cron or thrown_away(path)):
            problem = "it runs in this shell, but not in cron's environment"
            return found._replace(under_cron=False, problem=problem)
        if found.state in ("works", "no answer"):
            break
    return found


def judge(item: Candidate, done: Completed) -> Candidate:
    """What ``PROGRAM -v``, started by a shell, shows about the program."""
    output, errors = _text(done.stdout).strip(), _text(done.stderr).strip()
    # 1.0.0, also of 1.0.0rc1
    said = re.search(
        r"(?m)^ocarina v(\d{1,9}(?:\.\d{1,9})*)\S*\s*$", f"{output}\n{errors}"
    )
    unrelated = _has_unrelated_package(item.interpreter)
    if done.code == 0 and said and not unrelated:
        return item._replace(
            state="works", problem="", version=tuple(map(int, said[1].split(".")))
        )
    # Masked: a wrapper may print the variables that it sets.
    first = one_line(mask((output or errors).partition("\n")[0][:10_000]))
    last = one_line(mask(errors.rpartition("\n")[2][:10_000]))
    gone = item.interpreter and not os.access(item.interpreter, os.F_OK)
    dead = (done.code or 0) >= 126 or (done.code and re.search(_BROKEN, errors))
    kinds = (
        (done.error == "timed out", "no answer", "it gave no answer in time"),
        (done.code is None, "does not run", done.error),
        (
            (done.code or 0) < 0,
            "does not run",
            f"it was ended by signal {-(done.code or 0)}",
        ),
        (dead and gone, "does not run", f"its interpreter {item.interpreter} is gone"),
        (dead, "does not run", last or f"it ends with code {done.code}"),
        (
            unrelated,
            "not the client",
            "the unrelated package of that name from PyPI, which tests web sites",
        ),
        (True, "not the client", f"another program; it says: {first or 'nothing'}"),
    )
    state, problem = next((state, problem) for fits, state, problem in kinds if fits)
    return item._replace(state=state, problem=problem)


def _has_unrelated_package(interpreter: str) -> bool:
    """Whether the package ``ocarina`` of its environment lacks the module ``client`` that the Majora client's has."""
    packages = matching(
        Path(interpreter).parent.parent, f"lib/python*/site-packages/{NAME}/__init__.py"
    )
    return bool(interpreter) and any(
        not matching(Path(each).parent, "client*") for each in packages
    )


_MARK = "ocarina-kit-table:"
_TABLE_PROGRAM = (
    "import json, ocarina.client as c\n"
    "t = {str(k): v.get('scope') if isinstance(v, dict) else None for k, v in c.ENDPOINTS.items()}\n"
    f"print('\\n{_MARK}' + json.dumps(t))\n"
)


def read_table(
    machine: Machine, candidate: Candidate, *, timeout: float = TIMEOUT
) -> Table | None:
    """The client's own table of endpoints and scope strings, read by its own interpreter (FACTS.md, The client).

    None if the interpreter is unknown, takes longer than ``timeout`` seconds, or prints something else. What is not a
    scope string is left out, so that the one that the kit carries is used instead.
    """
    if not candidate.interpreter:
        return None
    # `python -c` looks for modules in the current folder first.
    argv, environment = (
        [candidate.interpreter, "-c", _TABLE_PROGRAM],
        _without_secrets(machine),
    )
    done = machine.run(argv, env=environment, timeout=timeout, cwd=Path("/"))
    try:
        raw = json.loads(_text(done.stdout).rpartition(_MARK)[2].partition("\n")[0])
        table = {
            name: scope
            for name, scope in raw.items()
            if not scope or is_scope(str(scope))
        }
    except (ValueError, RecursionError, AttributeError):
        return None
    return table if any(name.startswith("api.") for name in table) else None


def _without_secrets(machine: Machine) -> dict[str, str]:
    """This shell's environment without credentials, proxies (they may hold a password) and the display, on which a
    strange program might open."""
    kept = environment_without(machine, r"DISPLAY|WAYLAND_DISPLAY|\w*_(?:proxy|PROXY)")
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1"}


def environment_without(machine: Machine, names: str) -> dict[str, str]:
    """This shell's environment for another program: without Majora's credentials, and the variables that the pattern
    ``names`` matches."""
    left_out = re.compile(rf"(?:MAJORA|CLIENT|OCARINA)_.*|{names}")
    return {
        name: value
        for name, value in machine.environ.items()
        if not left_out.fullmatch(name)
    }


def _text(output: bytes) -> str:
    return output.decode("utf-8", errors="backslashreplace")
